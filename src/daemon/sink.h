/*
 * sink.h: a kind of place where programs read their secrets: one row of the
 * table a kind.
 *
 * A sink (store_sinks.h) is one such place with its address and credentials;
 * a place in it is named by two texts, place and name, whose meaning is the
 * kind's: "app/prod" and "API_KEY" of Vault.
 */
#ifndef TG_SINK_H
#define TG_SINK_H

#include <jansson.h>

#include "daemon.h"
#include "id.h"
#include "secret.h"

/* One secret's way to one place.  All of it is the caller's. */
struct tg_sink_work {
    struct tg_daemon *daemon;
    const json_t *config;      /* an object, as checked */
    const json_t *credentials; /* an object; holds secrets */
    const char *place, *name;
    const char *id; /* the delivery's: the same for every attempt */
    const struct tg_secret *secret;
    char version[160];     /* what write made, for read; "": the newest */
    int64_t retry_after_s; /* what the server asks for; 0: nothing */
    struct tg_error error;
};

enum tg_sink_naming {
    TG_SINK_HAS_NO_NAME = 0, /* the place holds one secret */
    TG_SINK_MAY_HAVE_NAME,
    TG_SINK_HAS_NAME,
};

/*
 * write puts the secret at its place and leaves all else there as it is; read
 * fetches what is there now; ping asks for something that changes nothing, to
 * see whether address and credentials are right.  They wait for the network.
 * They return 0, or with a sentence in work->error, which holds no secret:
 *   TG_ERR_BUSY       not now: no answer, too many requests, a conflict
 *   TG_ERR_NOT_FOUND  there is no such place
 *   TG_ERR_CRYPTO     the credentials are refused, or do not allow it
 *   TG_ERR_FORMAT     what is there cannot be changed, or the answer is none
 *   others            as in egress.h
 */
struct tg_sink_kind {
    const char *name;
    const char *config;      /* members of its config, separated by blanks */
    const char *needed;      /* those that must be there */
    const char *credentials; /* the same; "": none.  All must be there */
    const char *more_credentials; /* those that may be there */
    enum tg_sink_naming naming;
    const char *place_is; /* for people: "a secret's path, as in app/prod" */
    bool (*is_place)(const char *place);
    int (*write)(struct tg_sink_work *work);
    int (*read)(struct tg_sink_work *work, struct tg_secret *found);
    int (*ping)(struct tg_sink_work *work);
};

/* The row of a kind, or NULL; and all names, separated by blanks. */
const struct tg_sink_kind *tg_sink_kind(const char *name);
extern const char tg_sink_kinds[];

/* A member of config or credentials; "" when it is not there. */
const char *tg_sink_config(const struct tg_sink_work *work, const char *name);
const char *tg_sink_credential(const struct tg_sink_work *work,
                               const char *name);

/*
 * Writes, reads back, and compares, without telling by time where they
 * differ.  Returns as write does; TG_ERR_FORMAT when another secret is there
 * afterwards.
 */
int tg_sink_deliver(const struct tg_sink_kind *kind, struct tg_sink_work *work);

/* Puts a sentence into work->error and returns err. */
__attribute__((format(printf, 3, 4))) int
tg_sink_fail(struct tg_sink_work *work, int err, const char *fmt, ...);

extern const struct tg_sink_kind tg_sink_vault, tg_sink_kubernetes, tg_sink_aws,
    tg_sink_azure, tg_sink_google, tg_sink_dotenv, tg_sink_compose;

#endif
