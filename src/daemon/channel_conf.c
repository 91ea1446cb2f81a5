#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change.h"
#include "clock.h"
#include "conf.h"
#include "err.h"

/* The webhook that tollgate.conf has: [alerts] webhook. */

#define NAME "tollgate.conf"
#define META "alerts_conf_channel" /* its id */
#define SECRET_SIZE 512

static int
refuse_file(struct tg_error *error, const char *path, const char *why)
{
    return tg_error_set(error, TG_ERR_FORMAT,
                        "[alerts] webhook_secret_file: %s %s", path, why);
}

/* Reads a secret that nobody else may read; a line end behind it is dropped. */
static int
read_secret(char secret[SECRET_SIZE], const char *path, struct tg_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    ssize_t n;

    if (fd < 0 || fstat(fd, &stat) != 0) {
        int reason = errno;

        if (fd >= 0)
            close(fd);
        return refuse_file(error, path, strerror(reason));
    }
    n = read(fd, secret, SECRET_SIZE - 1);
    close(fd);
    if (n < 0)
        return refuse_file(error, path, strerror(errno));
    secret[n] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    if (secret[0] == '\0')
        return refuse_file(error, path,
                           "is empty: with an empty secret anybody could sign "
                           "what the webhook receives");
    if ((stat.st_mode & 077) != 0)
        return refuse_file(error, path, "can be read by others: chmod 600 it");
    return 0;
}

/* What the file asks for: NULL when it has no webhook. */
static int
read_target(json_t **target, const struct tg_daemon *daemon,
            struct tg_error *error)
{
    struct tg_conf_error why;
    struct tg_conf conf;
    char secret[SECRET_SIZE];
    const char *fault;
    int err = tg_conf_read(&conf, daemon->paths.conf, &why);

    *target = NULL;
    if (err != 0)
        return tg_error_set(error, err, "%s", why.text);
    if (conf.alerts.webhook[0] == '\0' && conf.alerts.secret_file[0] == '\0')
        return 0;
    if (conf.alerts.webhook[0] == '\0' || conf.alerts.secret_file[0] == '\0')
        return tg_error_set(error, TG_ERR_FORMAT,
                            "%s, [alerts]: webhook and webhook_secret_file go "
                            "together",
                            daemon->paths.conf);
    err = read_secret(secret, conf.alerts.secret_file, error);
    if (err != 0)
        return err;
    *target =
        json_pack("{s:s,s:s}", "url", conf.alerts.webhook, "secret", secret);
    sodium_memzero(secret, sizeof(secret));
    if (*target == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    fault = tg_channel_fault(TG_CHANNEL_WEBHOOK, *target);
    if (fault == NULL)
        return 0;
    json_decref(*target);
    *target = NULL;
    return tg_error_set(error, TG_ERR_FORMAT, "%s, [alerts]: %s",
                        daemon->paths.conf, fault);
}

struct known {
    struct tg_daemon *daemon;
    const json_t *target;
    bool is_there, is_same;
};

static int
compare(void *arg, const struct tg_store_channel *row)
{
    struct known *known = arg;
    struct tg_channel channel;

    known->is_there = true;
    if (tg_channel_open(&channel, &known->daemon->master_key, row) == 0) {
        known->is_same = json_equal(channel.target, known->target);
        tg_channel_release(&channel);
    }
    return 0;
}

static int
put(struct tg_daemon *daemon, const char *id, const json_t *target,
    bool is_there)
{
    struct tg_store *store = daemon->admin;
    uint8_t sealed[TG_CHANNEL_SEALED_MAX];
    char shown[TG_CHANNEL_SHOWN_SIZE];
    long n = tg_channel_seal(&daemon->master_key, id, target, sealed);
    struct tg_store_channel row = {.id = id,
                                   .name = NAME,
                                   .kind = "webhook",
                                   .is_on = true,
                                   .shown = shown,
                                   .min_severity = "info",
                                   .quiet_hours = "",
                                   .created_at = tg_clock_ms(),
                                   .updated_at = tg_clock_ms()};
    int err;

    if (n < 0)
        return (int)n;
    row.sealed = (struct tg_str){(const char *)sealed, (size_t)n};
    tg_channel_shown(target, shown);
    err = is_there ? store->ops->channel_set(store, &row)
                   : store->ops->channel_add(store, &row);
    if (err == 0)
        err = store->ops->meta_set(store, META, id);
    if (err == 0)
        err =
            tg_change_own(store, is_there ? "channel.update" : "channel.create",
                          id, json_pack("{s:s}", "address", shown));
    return err;
}

static int
take_away(struct tg_store *store, const char *id)
{
    int err = store->ops->channel_delete(store, id);

    if (err == 0)
        err = tg_change_own(store, "channel.delete", id, NULL);
    return err == 0 || err == TG_ERR_NOT_FOUND
               ? store->ops->meta_set(store, META, "")
               : err;
}

static int
apply(struct tg_daemon *daemon, json_t *target)
{
    struct tg_store *store = daemon->admin;
    struct known known = {.daemon = daemon, .target = target};
    char id[TG_ID_TEXT_SIZE] = "";
    int err = store->ops->meta_get(store, META, id, sizeof(id));

    if (err == 0 && id[0] != '\0')
        err = store->ops->channel_get(store, id, compare, &known);
    if (err == TG_ERR_NOT_FOUND)
        err = 0;
    if (err != 0 || (target == NULL && id[0] == '\0') ||
        (target != NULL && known.is_same))
        return err;
    if (target != NULL && !known.is_there)
        err = tg_id_mint(id, "chn_", tg_random);
    if (err == 0)
        err = store->ops->begin(store);
    if (err != 0)
        return err;
    err = target != NULL ? put(daemon, id, target, known.is_there)
                         : take_away(store, id);
    if (err == 0)
        err = store->ops->commit(store);
    if (err != 0)
        store->ops->rollback(store);
    return err;
}

int
tg_channel_of_conf(struct tg_daemon *daemon, struct tg_error *error)
{
    json_t *target;
    int err = read_target(&target, daemon, error);

    if (err != 0)
        return err;
    err = apply(daemon, target);
    json_decref(target);
    if (err == TG_ERR_DUPLICATE)
        return tg_error_set(error, err,
                            "[alerts] webhook: another channel is named "
                            "'" NAME "'; rename that one");
    return err == 0 ? 0
                    : tg_error_set(error, err,
                                   "[alerts] webhook could not be stored: %s",
                                   daemon->admin->error.text);
}
