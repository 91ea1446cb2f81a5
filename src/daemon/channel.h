/*
 * channel.h: where alerts are told: a webhook, a chat's robot, a mailbox.
 *
 * Where it is and with which secret is one sealed object, its target:
 *   webhook            {"url", "secret"}
 *   slack, wecom, discord         {"url"}
 *   feishu, dingtalk   {"url"} and "secret" where signatures are asked for
 *   smtp               {"url", "from", "to": [], "user", "password", "plain"}
 */
#ifndef TG_CHANNEL_H
#define TG_CHANNEL_H

#include "alert_rule.h"
#include "daemon.h"

enum tg_channel_kind {
    TG_CHANNEL_NONE = 0,
    TG_CHANNEL_WEBHOOK,
    TG_CHANNEL_SLACK,
    TG_CHANNEL_FEISHU,
    TG_CHANNEL_DINGTALK,
    TG_CHANNEL_WECOM,
    TG_CHANNEL_DISCORD,
    TG_CHANNEL_SMTP,
    TG_CHANNEL_KINDS
};

#define TG_CHANNELS_MAX 64
#define TG_CHANNEL_SEALED_MAX 4096
#define TG_CHANNEL_SECRET_LEAST 16
#define TG_CHANNEL_SHOWN_SIZE 320

struct tg_channel {
    char id[TG_ID_TEXT_SIZE], name[TG_ALERT_NAME_SIZE];
    enum tg_channel_kind kind;
    json_t *target; /* owned; its texts are secrets */
};

const char *tg_channel_kind_name(enum tg_channel_kind kind);
enum tg_channel_kind tg_channel_kind_of(const char *name);
extern const char tg_channel_kinds[]; /* all names, separated by blanks */

/*
 * Reads members of a request into a target, which is what is there already:
 * an empty object, or a channel's.  Returns false with the reply made: a
 * webhook has a secret, which is not empty.
 */
bool tg_channel_target_read(json_t *target, enum tg_channel_kind kind,
                            const json_t *body, struct tg_reply *reply);

/* Why a target cannot be used, or NULL. */
const char *tg_channel_fault(enum tg_channel_kind kind, const json_t *target);

/* What of it may be shown: "https://hooks.slack.com". */
void tg_channel_shown(const json_t *target, char shown[TG_CHANNEL_SHOWN_SIZE]);

/* Seals a target.  The length, TG_ERR_FULL, or TG_ERR_SYSTEM. */
long tg_channel_seal(const struct tg_master_key *key, const char *id,
                     const json_t *target,
                     uint8_t sealed[TG_CHANNEL_SEALED_MAX]);

/* Opens a row.  0, or TG_ERR_CRYPTO.  Then tg_channel_release. */
int tg_channel_open(struct tg_channel *channel, const struct tg_master_key *key,
                    const struct tg_store_channel *row);
void tg_channel_release(struct tg_channel *channel);

/*
 * Whether all channels in the store can be used, before the daemon serves.
 * TG_ERR_CRYPTO or TG_ERR_FORMAT and *error names the one that cannot.
 */
int tg_channels_check(struct tg_daemon *daemon, struct tg_error *error);

/*
 * Makes, changes or removes the channel that tollgate.conf has, before the
 * daemon serves.  As tg_channels_check otherwise.
 */
int tg_channel_of_conf(struct tg_daemon *daemon, struct tg_error *error);

#endif
