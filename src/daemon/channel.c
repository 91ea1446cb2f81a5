#include "channel.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "members.h"
#include "url.h"

#define URL_MAX 1024
#define SECRET_MAX 255
#define MAILBOXES 16
#define LEAST_SAID "16" /* TG_CHANNEL_SECRET_LEAST */

const char tg_channel_kinds[] =
    "webhook slack feishu dingtalk wecom discord smtp";

enum has { NEVER = 0, MAY, MUST };

static const struct {
    const char *name;
    const char *members; /* of a target */
    enum has secret;
} kinds[TG_CHANNEL_KINDS] = {
    [TG_CHANNEL_NONE] = {"", "", NEVER},
    [TG_CHANNEL_WEBHOOK] = {"webhook", "url secret", MUST},
    [TG_CHANNEL_SLACK] = {"slack", "url", NEVER},
    [TG_CHANNEL_FEISHU] = {"feishu", "url secret", MAY},
    [TG_CHANNEL_DINGTALK] = {"dingtalk", "url secret", MAY},
    [TG_CHANNEL_WECOM] = {"wecom", "url", NEVER},
    [TG_CHANNEL_DISCORD] = {"discord", "url", NEVER},
    [TG_CHANNEL_SMTP] = {"smtp", "url from to user password plain", NEVER},
};

const char *
tg_channel_kind_name(enum tg_channel_kind kind)
{
    return kinds[kind].name;
}

enum tg_channel_kind
tg_channel_kind_of(const char *name)
{
    for (int i = 1; i < TG_CHANNEL_KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return (enum tg_channel_kind)i;
    }
    return TG_CHANNEL_NONE;
}

/* Visible ASCII: it goes into a header, a URL or a signature. */
static bool
is_visible(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || (unsigned char)*text >= 0x7f)
            return false;
    }
    return true;
}

static const char *
text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static bool
is_mailbox(const char *text)
{
    const char *at = strchr(text, '@');

    return at != NULL && at != text && at[1] != '\0' && is_visible(text) &&
           strpbrk(text, "<>,;:\"\\()[]") == NULL && strlen(text) < 255;
}

static const char *
smtp_fault(const json_t *target)
{
    const char *from = text_of(target, "from");
    const json_t *to = json_object_get(target, "to");
    size_t i;
    json_t *one;

    if (from == NULL || !is_mailbox(from))
        return "from is a mail address such as gate@example.com";
    if (json_array_size(to) < 1 || json_array_size(to) > MAILBOXES)
        return "to is a list of 1 to 16 mail addresses";
    json_array_foreach((json_t *)to, i, one)
    {
        if (!json_is_string(one) || !is_mailbox(json_string_value(one)))
            return "to is a list of mail addresses";
    }
    if ((text_of(target, "user") == NULL) !=
        (text_of(target, "password") == NULL))
        return "user and password go together";
    return NULL;
}

const char *
tg_channel_fault(enum tg_channel_kind kind, const json_t *target)
{
    const char *url = text_of(target, "url");
    const char *secret = text_of(target, "secret");

    if (url == NULL || !is_visible(url) || strlen(url) > URL_MAX)
        return "url is missing, or is no URL";
    if (kind == TG_CHANNEL_SMTP)
        return strncmp(url, "smtp://", 7) != 0 &&
                       strncmp(url, "smtps://", 8) != 0
                   ? "url begins with smtp:// or smtps://"
                   : smtp_fault(target);
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return "url begins with https:// or http://";
    if (kinds[kind].secret == MUST && secret == NULL)
        return "secret is missing: whoever receives it could not tell whose "
               "it is";
    if (secret != NULL && secret[0] == '\0')
        return "secret is empty: anybody could sign with it";
    if (kinds[kind].secret == MUST && strlen(secret) < TG_CHANNEL_SECRET_LEAST)
        return "secret is shorter than " LEAST_SAID " characters";
    if (secret != NULL && (!is_visible(secret) || strlen(secret) > SECRET_MAX))
        return "secret has more than 255 characters, or blanks, or some that "
               "are not ASCII";
    return NULL;
}

/* Which member a fault is about: it begins with its name. */
static bool
refuse(struct tg_reply *reply, const char *fault)
{
    char param[16];

    snprintf(param, sizeof(param), "%.*s", (int)strcspn(fault, " "), fault);
    return tg_reply_invalid(reply, param, "%s", fault);
}

bool
tg_channel_target_read(json_t *target, enum tg_channel_kind kind,
                       const json_t *body, struct tg_reply *reply)
{
    static const char *const members[] = {"url",  "secret",   "from", "to",
                                          "user", "password", "plain"};
    const char *fault;

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(body, members[i]);
        bool is_list = strcmp(members[i], "to") == 0;
        bool is_bool = strcmp(members[i], "plain") == 0;

        if (value == NULL)
            continue;
        if (strstr(kinds[kind].members, members[i]) == NULL)
            return tg_reply_invalid(reply, members[i],
                                    "a channel of kind %s has no %s",
                                    kinds[kind].name, members[i]);
        if (json_is_null(value)) {
            json_object_del(target, members[i]);
            continue;
        }
        if (is_list   ? !json_is_array(value)
            : is_bool ? !json_is_boolean(value)
                      : !json_is_string(value))
            return tg_reply_invalid(reply, members[i], "%s must be a %s",
                                    members[i],
                                    is_list   ? "list of strings"
                                    : is_bool ? "boolean"
                                              : "string");
        json_object_set(target, members[i], value);
    }
    fault = tg_channel_fault(kind, target);
    return fault == NULL || refuse(reply, fault);
}

void
tg_channel_shown(const json_t *target, char shown[TG_CHANNEL_SHOWN_SIZE])
{
    const char *url = text_of(target, "url");
    const char *host = url != NULL ? strstr(url, "://") : NULL;
    size_t len;

    shown[0] = '\0';
    if (host == NULL)
        return;
    host += 3;
    len = strcspn(host, "/?#");
    /* What stands before an @ is a password. */
    for (size_t i = 0; i < len; i++) {
        if (host[i] == '@') {
            host += i + 1;
            len -= i + 1;
            i = (size_t)-1;
        }
    }
    snprintf(shown, TG_CHANNEL_SHOWN_SIZE, "%.*s://%.*s",
             (int)strcspn(url, ":"), url, (int)(len < 280 ? len : 280), host);
}

long
tg_channel_seal(const struct tg_master_key *key, const char *id,
                const json_t *target, uint8_t sealed[TG_CHANNEL_SEALED_MAX])
{
    char *text = json_dumps(target, JSON_COMPACT);
    long n = TG_ERR_SYSTEM;

    if (text != NULL) {
        n = tg_seal(key, (struct tg_str){id, strlen(id)},
                    (struct tg_str){text, strlen(text)}, sealed,
                    TG_CHANNEL_SEALED_MAX);
        sodium_memzero(text, strlen(text));
    }
    free(text);
    return n;
}

int
tg_channel_open(struct tg_channel *channel, const struct tg_master_key *key,
                const struct tg_store_channel *row)
{
    char text[TG_CHANNEL_SEALED_MAX];
    long n = tg_seal_open(key, (struct tg_str){row->id, strlen(row->id)},
                          (const uint8_t *)row->sealed.data, row->sealed.len,
                          text, sizeof(text));

    memset(channel, 0, sizeof(*channel));
    snprintf(channel->id, sizeof(channel->id), "%s", row->id);
    snprintf(channel->name, sizeof(channel->name), "%s", row->name);
    channel->kind = tg_channel_kind_of(row->kind);
    if (n >= 0)
        channel->target = json_loadb(text, (size_t)n, 0, NULL);
    sodium_memzero(text, sizeof(text));
    return channel->target == NULL ? TG_ERR_CRYPTO : 0;
}

void
tg_channel_release(struct tg_channel *channel)
{
    json_decref(channel->target);
    channel->target = NULL;
}

struct check {
    struct tg_daemon *daemon;
    struct tg_error *error;
};

static int
check_channel(void *arg, const struct tg_store_channel *row)
{
    struct check *check = arg;
    struct tg_channel channel;
    const char *fault;
    int err = tg_channel_open(&channel, &check->daemon->master_key, row);

    if (err != 0)
        return tg_error_set(check->error, err,
                            "the channel %s (%s) was sealed with another "
                            "master key",
                            row->name, row->id);
    fault = tg_channel_fault(channel.kind, channel.target);
    if (fault != NULL)
        err =
            tg_error_set(check->error, TG_ERR_FORMAT, "the channel %s (%s): %s",
                         row->name, row->id, fault);
    tg_channel_release(&channel);
    return err;
}

int
tg_channels_check(struct tg_daemon *daemon, struct tg_error *error)
{
    struct check check = {daemon, error};
    int err;

    snprintf(error->text, sizeof(error->text), "%s", "");
    err =
        daemon->admin->ops->channel_each(daemon->admin, check_channel, &check);
    if (err != 0 && error->text[0] == '\0')
        *error = daemon->admin->error;
    return err;
}
