#include "event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "id.h"
#include "log.h"

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static enum tg_log_level
level_of(const char *severity)
{
    if (strcmp(severity, "info") == 0)
        return TG_LOG_INFO;
    return strcmp(severity, "critical") == 0 ? TG_LOG_ERROR : TG_LOG_WARNING;
}

int
tg_event_tell(struct tg_store *store, const struct tg_event *event,
              int64_t now_ms, const char *fmt, ...)
{
    char id[TG_ID_TEXT_SIZE], message[512];
    char *evidence = event->evidence != NULL
                         ? json_dumps(event->evidence, JSON_COMPACT)
                         : strdup("{}");
    struct tg_store_event row = {
        .id = id,
        .at = now_ms,
        .type = event->type,
        .severity = event->severity,
        .key_id = or_empty(event->key_id),
        .account_id = or_empty(event->account_id),
        .upstream_id = or_empty(event->upstream_id),
        .credential_id = or_empty(event->credential_id),
        .message = message,
        .evidence = evidence,
        .once = event->once,
    };
    bool is_new = false;
    va_list ap;
    int err;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    json_decref(event->evidence);
    err = evidence == NULL ? TG_ERR_SYSTEM : tg_id_mint(id, "evt_", tg_random);
    if (err == 0)
        err = store->ops->event_add(store, &row, &is_new);
    if (err == 0 && is_new)
        tg_log(level_of(event->severity), "%s", message);
    free(evidence);
    return err;
}
