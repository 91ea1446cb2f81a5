#include "settings.h"

#include <stdlib.h>

#include "catalog.h"
#include "conf.h"
#include "err.h"
#include "leak_keys.h"
#include "log.h"

_Static_assert(TG_RESPONSE_TYPES == TG_CONF_RESPONSE_TYPES, "the same");

static void
take_responses(struct tg_daemon *daemon, const struct tg_conf *conf)
{
    for (int kind = 0; kind < 4; kind++) {
        for (int type = 0; type < TG_CONF_RESPONSE_TYPES; type++)
            atomic_store(&daemon->responses.actions[kind][type],
                         conf->responses[kind][type]);
    }
    atomic_store(&daemon->responses.throttle_percent, conf->throttle_percent);
    atomic_store(&daemon->responses.throttle_minutes, conf->throttle_minutes);
    atomic_store(&daemon->responses.learning_days, conf->learning_days);
    atomic_store(&daemon->responses.learning_calls, conf->learning_calls);
    atomic_store(&daemon->responses.check_seconds, conf->check_seconds);
}

int
tg_settings_read(struct tg_daemon *daemon, struct tg_error *error)
{
    struct tg_conf_error why;
    struct tg_conf conf;
    int err = tg_conf_read(&conf, daemon->paths.conf, &why);

    if (err != 0)
        return tg_error_set(error, err, "%s", why.text);
    if (daemon->egress == NULL)
        daemon->egress = malloc(sizeof(*daemon->egress));
    if (daemon->folders == NULL)
        daemon->folders = malloc(sizeof(*daemon->folders));
    if (daemon->egress == NULL || daemon->folders == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    err = tg_leak_keys_set(daemon, conf.github_keys, error);
    if (err != 0)
        return err;
    pthread_mutex_lock(&daemon->publish_lock);
    daemon->settings = conf.settings;
    *daemon->egress = conf.egress;
    *daemon->folders = conf.sink_folders;
    pthread_mutex_unlock(&daemon->publish_lock);
    daemon->keep.days = conf.keep_days;
    daemon->keep.megabytes = conf.keep_megabytes;
    daemon->denials.days = conf.denials_days;
    daemon->denials.look_at_ms = 0;
    daemon->retention.calls_days = conf.calls_days;
    daemon->retention.rollups_days = conf.rollups_days;
    daemon->retention.look_at_ms = 0;
    atomic_store(&daemon->metrics.accounts, conf.metrics_accounts);
    take_responses(daemon, &conf);
    return 0;
}

void
tg_settings_read_again(struct tg_daemon *daemon)
{
    struct tg_error error;

    if (tg_settings_read(daemon, &error) != 0)
        tg_log(TG_LOG_ERROR, "%s; what was set before stays", error.text);
    else if (tg_catalog_publish_settings(daemon) != 0)
        tg_log(TG_LOG_ERROR, "%s was read but could not be published",
               daemon->paths.conf);
    else
        tg_log(TG_LOG_INFO, "%s was read again", daemon->paths.conf);
}
