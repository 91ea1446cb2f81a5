#include "alerts.h"

#include <stdio.h>
#include <stdlib.h>

#include "alert_rule.h"
#include "clock.h"
#include "err.h"

/* The rules that are there from the start, to be changed and switched off. */

#define DONE "alerts_first"
#define TYPES 5

static const struct {
    const char *name;
    enum tg_alert_kind kind;
    enum tg_severity severity; /* of events: the least */
    bool tells_recovery;
    const char *types[TYPES]; /* of events */
} rows[] = {
    {"Requests above twice the average",
     TG_ALERT_REQUESTS,
     TG_WARNING,
     true,
     {NULL}},
    {"Error rate above 10 %", TG_ALERT_ERROR_RATE, TG_WARNING, true, {NULL}},
    {"Cost above the daily budget", TG_ALERT_COST, TG_WARNING, true, {NULL}},
    {"Budget used by 50, 80 and 100 %",
     TG_ALERT_BUDGET,
     TG_CRITICAL,
     true,
     {NULL}},
    {"Utilisation above 80 %", TG_ALERT_UTILISATION, TG_WARNING, true, {NULL}},
    {"Balance below 5.00", TG_ALERT_BALANCE, TG_WARNING, true, {NULL}},
    {"An upstream's credential fails",
     TG_ALERT_EVENT,
     TG_INFO,
     true,
     {"credential_failed", "credential_expiring", "credential_balance_low"}},
    {"Somebody uses a key who should not",
     TG_ALERT_EVENT,
     TG_WARNING,
     false,
     {"unauthorized_access", "suspicious_pattern", "expired_key_used",
      "ip_denied"}},
    {"A leak is reported", TG_ALERT_EVENT, TG_INFO, false, {"leak_reported"}},
    {"A key is about to expire",
     TG_ALERT_EVENT,
     TG_INFO,
     false,
     {"key_expiring"}},
    {"A key's rotation needs somebody",
     TG_ALERT_EVENT,
     TG_INFO,
     false,
     {"rotation_due", "rotation_undelivered"}},
    {"Anything critical happened", TG_ALERT_EVENT, TG_CRITICAL, false, {NULL}},
};

static int
add_rule(struct tg_store *store, size_t n, int64_t now_ms)
{
    struct tg_alert_params params;
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_rule row = {
        .id = id,
        .name = rows[n].name,
        .kind = tg_alert_kind_name(rows[n].kind),
        .is_on = true,
        .severity = tg_severity_name(rows[n].severity),
        .scope = "all",
        .channels = "[]",
        .tells_recovery = rows[n].tells_recovery,
        .created_at = now_ms,
        .updated_at = now_ms,
    };
    json_t *object;
    char *text;
    int err;

    tg_alert_params_init(&params, rows[n].kind);
    for (size_t i = 0; i < TYPES && rows[n].types[i] != NULL; i++)
        snprintf(params.types[i], sizeof(params.types[i]), "%s",
                 rows[n].types[i]);
    object = tg_alert_params_object(&params, rows[n].kind);
    text = json_dumps(object, JSON_COMPACT);
    row.params = text;
    err = text == NULL ? TG_ERR_SYSTEM : tg_id_mint(id, "alr_", tg_random);
    if (err == 0)
        err = store->ops->rule_add(store, &row);
    free(text);
    json_decref(object);
    return err;
}

int
tg_alerts_first(struct tg_store *store, int64_t now_ms)
{
    char text[8];
    int err = store->ops->meta_get(store, DONE, text, sizeof(text));

    if (err != TG_ERR_NOT_FOUND)
        return err;
    err = store->ops->begin(store);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && err == 0; i++)
        err = add_rule(store, i, now_ms);
    if (err == 0)
        err = store->ops->meta_set(store, DONE, "1");
    if (err == 0)
        err = store->ops->commit(store);
    if (err != 0)
        store->ops->rollback(store);
    return err;
}
