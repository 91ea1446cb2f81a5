#include "credential_event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "id.h"
#include "log.h"

int
tg_credential_event(struct tg_store *store,
                    const struct tg_store_credential *row,
                    const struct tg_credential_event *event, int64_t now_ms,
                    const char *fmt, ...)
{
    char id[TG_ID_TEXT_SIZE], message[512];
    char *evidence = json_dumps(event->evidence, JSON_COMPACT);
    struct tg_store_event one = {
        .id = id,
        .at = now_ms,
        .type = event->type,
        .severity = event->severity,
        .key_id = "",
        .account_id = "",
        .upstream_id = row->upstream_id,
        .credential_id = row->id,
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
        err = store->ops->event_add(store, &one, &is_new);
    if (err == 0 && is_new)
        tg_log(strcmp(one.severity, "info") == 0 ? TG_LOG_INFO : TG_LOG_WARNING,
               "%s", message);
    free(evidence);
    return err;
}
