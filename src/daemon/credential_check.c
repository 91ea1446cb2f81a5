#include "credential_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "log.h"
#include "money.h"
#include "pool.h"
#include "reply.h"

#define FAILED_MS 60000 /* asked again after the first failure */
#define FAILURES_MAX 20

static const char *const results[] = {
    [TG_PROBE_FAILED] = "failed",
    [TG_PROBE_REJECTED] = "rejected",
    [TG_PROBE_FINE] = "ok",
};

static int
take_upstream(void *arg, const struct tg_store_upstream *row)
{
    struct tg_check *check = arg;

    snprintf(check->upstream, sizeof(check->upstream), "%s", row->name);
    snprintf(check->base_url, sizeof(check->base_url), "%s", row->base_url);
    check->dialect = tg_catalog_dialect(row->dialect);
    return 0;
}

/* What a walk over credentials looks for. */
struct walk {
    struct tg_check *check;
    struct tg_daemon *daemon;
    const char *id;
};

static int
take_credential(void *arg, const struct tg_store_credential *row)
{
    struct walk *walk = arg;
    struct tg_check *check = walk->check;
    long n;

    if (strcmp(row->id, walk->id) != 0 || strcmp(row->status, "active") != 0)
        return 0;
    snprintf(check->id, sizeof(check->id), "%s", row->id);
    snprintf(check->upstream_id, sizeof(check->upstream_id), "%s",
             row->upstream_id);
    snprintf(check->last4, sizeof(check->last4), "%s", row->last4);
    check->balance_alert_nanos = row->balance_alert_nanos;
    check->is_found = true;
    n = tg_seal_open(&walk->daemon->master_key,
                     (struct tg_str){row->id, strlen(row->id)},
                     (const uint8_t *)row->sealed.data, row->sealed.len,
                     check->secret.data, sizeof(check->secret.data));
    check->is_open = n >= 0;
    check->secret.len = n >= 0 ? (size_t)n : 0;
    return 0;
}

int
tg_check_begin(struct tg_check *check, struct tg_daemon *daemon,
               struct tg_store *store, const char *id)
{
    struct walk walk = {check, daemon, id};
    int err = store->ops->credential_each(store, take_credential, &walk);

    if (err == 0 && !check->is_found)
        err = TG_ERR_NOT_FOUND;
    if (err == 0)
        err = store->ops->upstream_get(store, check->upstream_id, take_upstream,
                                       check);
    return err;
}

int
tg_check_begin_with(struct tg_check *check, struct tg_store *store,
                    const char *upstream_id, struct tg_str secret)
{
    snprintf(check->upstream_id, sizeof(check->upstream_id), "%s", upstream_id);
    check->is_open = tg_secret_set(&check->secret, secret) == 0;
    return store->ops->upstream_get(store, upstream_id, take_upstream, check);
}

static bool
read_amount(const json_t *object, const char *name, int64_t *nanos)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && tg_money_parse_signed(
                               (struct tg_str){text, strlen(text)}, nanos) == 0;
}

/* "USD", "CNY": an upstream's word, that people will read. */
static bool
is_currency(const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    return len > 0 && len <= 8 &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

static void
read_balances(struct tg_check *check, const json_t *object)
{
    const json_t *list = json_object_get(object, "balance_infos"), *item;
    size_t i;

    check->is_out_of_money =
        json_is_false(json_object_get(object, "is_available"));
    json_array_foreach(list, i, item)
    {
        struct tg_check_balance *balance =
            &check->balances[check->balance_count];
        const char *currency =
            json_string_value(json_object_get(item, "currency"));

        if (check->balance_count == TG_CHECK_BALANCES ||
            !is_currency(currency) ||
            !read_amount(item, "total_balance", &balance->total_nanos))
            continue;
        snprintf(balance->currency, sizeof(balance->currency), "%s", currency);
        read_amount(item, "granted_balance", &balance->granted_nanos);
        read_amount(item, "topped_up_balance", &balance->topped_up_nanos);
        check->balance_count++;
    }
}

void
tg_check_ask(struct tg_check *check, long timeout_ms)
{
    char url[TG_PROBE_URL_SIZE];
    json_t *object;

    if (!check->is_open) {
        snprintf(check->probe.message, sizeof(check->probe.message),
                 "the credential does not open with this home's master.key");
        return;
    }
    tg_probe_url(url, check->base_url, check->dialect);
    object = tg_probe_check(&check->probe, url, check->dialect,
                            tg_secret_str(&check->secret), timeout_ms);
    read_balances(check, object);
    check->is_out_of_money |= check->probe.status == 402;
    json_decref(object);
}

void
tg_check_end(struct tg_check *check)
{
    explicit_bzero(check, sizeof(*check));
}

/* The one in the ledger's currency, else the first; NULL: none is known. */
static const struct tg_check_balance *
balance_of(const struct tg_check *check, const char *currency)
{
    for (int i = 0; i < check->balance_count; i++) {
        if (strcmp(check->balances[i].currency, currency) == 0)
            return &check->balances[i];
    }
    return check->balance_count > 0 ? &check->balances[0] : NULL;
}

static json_t *
balances_list(const struct tg_check *check)
{
    json_t *list = json_array();

    for (int i = 0; i < check->balance_count; i++) {
        const struct tg_check_balance *balance = &check->balances[i];

        json_array_append_new(
            list,
            json_pack("{s:s,s:o,s:o,s:o}", "currency", balance->currency,
                      "total", tg_reply_money(balance->total_nanos), "granted",
                      tg_reply_money(balance->granted_nanos), "topped_up",
                      tg_reply_money(balance->topped_up_nanos)));
    }
    return list;
}

/* What is kept about a credential, before and after one check. */
struct keeping {
    struct tg_check *check;
    struct tg_daemon *daemon;
    struct tg_store *store;
    int64_t now_ms;
    char currency[8];
    struct tg_store_check row; /* the new one */
    char error[320];
};

static int
take_before(void *arg, const struct tg_store_check *before)
{
    struct keeping *keeping = arg;
    struct tg_store_check *row = &keeping->row;

    row->failures = before->failures;
    row->refused_since = before->refused_since;
    row->low_since = before->low_since;
    row->error_at = before->error_at;
    row->error_status = before->error_status;
    snprintf(keeping->error, sizeof(keeping->error), "%s", before->error);
    return 0;
}

/* "cred_… (…ab12) of the upstream deepseek": never more of the secret. */
static void
name_it(const struct tg_check *check, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s%s of the upstream %s", check->id,
             check->last4[0] != '\0' ? " (…" : "", check->last4,
             check->last4[0] != '\0' ? ")" : "", check->upstream);
}

static json_t *
evidence_of(const struct keeping *keeping)
{
    const struct tg_check *check = keeping->check;

    return json_pack(
        "{s:s,s:s,s:o,s:s,s:o,s:o}", "upstream", check->upstream, "last4",
        check->last4, "status",
        check->probe.status != 0 ? json_integer(check->probe.status)
                                 : json_null(),
        "message", check->probe.message, "balances", balances_list(check),
        "balance_alert", tg_reply_money_or_null(check->balance_alert_nanos));
}

static int
tell(struct keeping *keeping, const char *type, const char *severity,
     int64_t since_ms, const char *what)
{
    const struct tg_check *check = keeping->check;
    char once[128], name[128];
    struct tg_event event = {.type = type,
                             .severity = severity,
                             .once = once,
                             .upstream_id = check->upstream_id,
                             .credential_id = check->id,
                             .evidence = evidence_of(keeping)};

    snprintf(once, sizeof(once), "check/%s/%s/%lld", type, check->id,
             (long long)since_ms);
    name_it(check, name, sizeof(name));
    return tg_event_tell(keeping->store, &event, keeping->now_ms, "%s %s", name,
                         what);
}

/* Whether calls have found out already, and vigil.h has told of it. */
static bool
is_out(const struct keeping *keeping)
{
    struct tg_daemon *daemon = keeping->daemon;
    bool is = false;

    pthread_mutex_lock(&daemon->publish_lock);
    for (uint32_t i = 0; daemon->catalog != NULL && i < TG_CATALOG_CREDENTIALS;
         i++) {
        const struct tg_upstream_credential *one =
            &daemon->catalog->credentials[i];

        if (strncmp(one->id, keeping->check->id, TG_ID_LEN) == 0)
            is = tg_pool_look(&daemon->state, i, one->generation,
                              keeping->now_ms)
                         .turns %
                     2 ==
                 1;
    }
    pthread_mutex_unlock(&daemon->publish_lock);
    return is;
}

/* Known or not: said once when it turns, either way. */
static int
judge_validity(struct keeping *keeping)
{
    const struct tg_check *check = keeping->check;
    struct tg_store_check *row = &keeping->row;
    bool is_refused =
        check->probe.result == TG_PROBE_REJECTED && !check->is_out_of_money;
    int64_t since_ms = row->refused_since;
    char what[400];

    if (is_refused && since_ms == 0 && !is_out(keeping)) {
        row->refused_since = keeping->now_ms;
        snprintf(what, sizeof(what), "is not accepted any more: %s",
                 check->probe.message);
        return tell(keeping, "credential_failed", "warning", row->refused_since,
                    what);
    }
    if (check->probe.result == TG_PROBE_FAILED || is_refused || since_ms == 0)
        return 0;
    row->refused_since = 0;
    return tell(keeping, "credential_recovered", "info", since_ms,
                "is accepted again");
}

static void
say_low(const struct keeping *keeping, const struct tg_check_balance *balance,
        char *what, size_t size)
{
    char total[TG_MONEY_TEXT_SIZE] = "", alert[TG_MONEY_TEXT_SIZE];

    tg_money_format(keeping->check->balance_alert_nanos, alert);
    if (balance != NULL)
        tg_money_format(balance->total_nanos, total);
    if (balance == NULL || keeping->check->is_out_of_money)
        snprintf(what, size, "has no money left: its calls are refused%s%s%s%s",
                 balance != NULL ? "; its balance is " : "", total,
                 balance != NULL ? " " : "",
                 balance != NULL ? balance->currency : "");
    else
        snprintf(what, size, "has a balance of %s %s, less than %s", total,
                 balance->currency, alert);
}

/* An answer without a balance says nothing of it. */
static int
judge_balance(struct keeping *keeping)
{
    const struct tg_check *check = keeping->check;
    const struct tg_check_balance *balance =
        balance_of(check, keeping->currency);
    struct tg_store_check *row = &keeping->row;
    bool is_low = check->is_out_of_money ||
                  (balance != NULL && check->balance_alert_nanos != 0 &&
                   balance->total_nanos < check->balance_alert_nanos);
    int64_t since_ms = row->low_since;
    char what[256];

    if (is_low && since_ms == 0) {
        row->low_since = keeping->now_ms;
        say_low(keeping, balance, what, sizeof(what));
        return tell(keeping, "balance_low",
                    check->is_out_of_money ? "critical" : "warning",
                    row->low_since, what);
    }
    if (is_low || since_ms == 0 || check->probe.result != TG_PROBE_FINE)
        return 0;
    row->low_since = 0;
    return tell(keeping, "balance_recovered", "info", since_ms,
                "has enough money again");
}

/* Sooner after a failure, but never sooner than asked for. */
static int64_t
next_at(const struct keeping *keeping)
{
    int64_t every_ms =
        (int64_t)atomic_load(&keeping->daemon->responses.check_seconds) * 1000;
    int64_t wait_ms = FAILED_MS;

    if (keeping->row.failures == 0)
        return keeping->now_ms + every_ms;
    for (int64_t i = 1; i < keeping->row.failures && wait_ms < every_ms; i++)
        wait_ms *= 2;
    return keeping->now_ms + (wait_ms < every_ms ? wait_ms : every_ms);
}

static void
note_result(struct keeping *keeping)
{
    const struct tg_probe *probe = &keeping->check->probe;
    struct tg_store_check *row = &keeping->row;

    row->credential_id = keeping->check->id;
    row->at = keeping->now_ms;
    row->result = results[probe->result];
    row->http_status = probe->status;
    row->latency_ms = probe->latency_ms;
    row->message = probe->message;
    row->error = keeping->error;
    if (probe->result == TG_PROBE_FINE) {
        row->failures = 0;
    } else {
        row->failures += row->failures < FAILURES_MAX;
        row->error_at = keeping->now_ms;
        row->error_status = probe->status;
        snprintf(keeping->error, sizeof(keeping->error), "%s", probe->message);
    }
    row->next_at = next_at(keeping);
}

static int
keep(struct keeping *keeping)
{
    struct tg_store *store = keeping->store;
    json_t *list = balances_list(keeping->check);
    char *balances = json_dumps(list, JSON_COMPACT);
    int err =
        store->ops->check_get(store, keeping->check->id, take_before, keeping);

    json_decref(list);
    if (err == TG_ERR_NOT_FOUND)
        err = 0;
    note_result(keeping);
    keeping->row.balances = balances != NULL ? balances : "[]";
    if (err == 0)
        err = judge_validity(keeping);
    if (err == 0)
        err = judge_balance(keeping);
    if (err == 0)
        err = store->ops->check_put(store, &keeping->row);
    free(balances);
    return err;
}

int
tg_check_keep(struct tg_check *check, struct tg_daemon *daemon,
              struct tg_store *store)
{
    struct keeping keeping = {.check = check,
                              .daemon = daemon,
                              .store = store,
                              .now_ms = tg_clock_ms()};
    int err = store->ops->meta_get(store, "currency", keeping.currency,
                                   sizeof(keeping.currency));

    if (err == TG_ERR_NOT_FOUND)
        err = 0;
    if (err == 0)
        err = tg_daemon_begin(daemon, store);
    return err != 0 ? err : tg_daemon_end(daemon, store, keep(&keeping));
}

json_t *
tg_check_object(const struct tg_store_check *row)
{
    return json_pack(
        "{s:o,s:s,s:s,s:o,s:I,s:o,s:b,s:o}", "at", tg_reply_instant(row->at),
        "result", row->result, "message", row->message, "http_status",
        row->http_status != 0 ? json_integer(row->http_status) : json_null(),
        "latency_ms", (json_int_t)row->latency_ms, "balances",
        tg_reply_stored(row->balances), "is_low", row->low_since != 0,
        "next_at", tg_reply_instant(row->next_at));
}
