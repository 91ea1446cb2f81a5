/*
 * conf.h: HOME/tollgate.conf, what the operator sets for all keys.
 * docs/tollgate.conf.5 describes the file.
 */
#ifndef TG_CONF_H
#define TG_CONF_H

#include "egress_rules.h"
#include "folders.h"
#include "layout.h"
#include "proxies.h"

#define TG_CONF_RESPONSE_TYPES 7
#define TG_CONF_SOURCE_SIZE 256

struct tg_conf {
    struct tg_settings settings;
    struct tg_proxies proxies;
    struct tg_egress_rules egress;
    struct tg_folders sink_folders;
    /* Where GitHub's public keys are: a path, or https; "": nowhere. */
    char github_keys[TG_CONF_SOURCE_SIZE];
    struct {
        char webhook[512];     /* its URL; "": none */
        char secret_file[256]; /* an absolute name */
    } alerts;
    uint32_t is_strict; /* records are durable before anybody acts on them */
    uint32_t keep_days; /* segments of the journal that were taken in */
    uint32_t keep_megabytes;
    uint32_t denials_days; /* in the store; 0: for ever */
    uint32_t calls_days, rollups_days;
    /*
     * What is done because of an event, by enum tg_key_kind (0: of any kind)
     * and its row below: 1 alert, 2 throttle, 3 pause; 0: not said.
     */
    uint32_t responses[4][TG_CONF_RESPONSE_TYPES];
    uint32_t throttle_percent, throttle_minutes;
    uint32_t learning_days, learning_calls; /* of a key, until it is known */
    uint32_t metrics_accounts; /* that metrics tell apart; 0: none */
    uint32_t check_seconds; /* credentials are asked for so often; 0: never */
};

/* The types of events, ending with NULL. */
extern const char *const tg_conf_response_types[];

/* One sentence without a final stop: file, line, and what is allowed. */
struct tg_conf_error {
    char text[512];
};

/* What holds where the file says nothing. */
void tg_conf_init(struct tg_conf *conf);

/*
 * Reads the file; where it is missing or silent, tg_conf_init's values hold.
 * Returns 0; TG_ERR_FORMAT for a section or name it does not know, a name
 * that stands twice, or a value that is not allowed; TG_ERR_SYSTEM when it
 * cannot be read.  Then conf is untouched and *error says why.
 */
int tg_conf_read(struct tg_conf *conf, const char *path,
                 struct tg_conf_error *error);

#endif
