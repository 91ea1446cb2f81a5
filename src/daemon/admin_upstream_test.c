#include <string.h>

#include "admin.h"
#include "change.h"
#include "catalog.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "probe.h"
#include "secret.h"
#include "shapes.h"

/* All of a pool together; a thread of the admin API waits so long. */
#define TEST_MS 15000
#define PROBE_MS 8000

/* A credential of the upstream, opened. */
struct opened {
    char id[TG_ID_TEXT_SIZE], last4[8];
    struct tg_secret secret;
    bool is_open;
};

/* What is asked, copied, so that no lock is held meanwhile. */
struct test {
    struct tg_daemon *daemon;
    char id[TG_ID_TEXT_SIZE], name[32], base_url[256];
    enum tg_dialect dialect;
    struct opened opened[TG_UPSTREAM_CREDENTIALS];
    size_t count;
    bool is_fine;
};

static int
take_upstream(void *arg, const struct tg_store_upstream *row)
{
    struct test *test = arg;

    snprintf(test->id, sizeof(test->id), "%s", row->id);
    snprintf(test->name, sizeof(test->name), "%s", row->name);
    snprintf(test->base_url, sizeof(test->base_url), "%s", row->base_url);
    test->dialect = tg_catalog_dialect(row->dialect);
    return 0;
}

static int
take_credential(void *arg, const struct tg_store_credential *row)
{
    struct test *test = arg;
    struct opened *opened = &test->opened[test->count];
    long n;

    if (strcmp(row->upstream_id, test->id) != 0 ||
        strcmp(row->status, "active") != 0 ||
        test->count == TG_UPSTREAM_CREDENTIALS)
        return 0;
    snprintf(opened->id, sizeof(opened->id), "%s", row->id);
    snprintf(opened->last4, sizeof(opened->last4), "%s", row->last4);
    n = tg_seal_open(&test->daemon->master_key,
                     (struct tg_str){row->id, strlen(row->id)},
                     (const uint8_t *)row->sealed.data, row->sealed.len,
                     opened->secret.data, sizeof(opened->secret.data));
    opened->is_open = n >= 0;
    opened->secret.len = n >= 0 ? (size_t)n : 0;
    test->count++;
    return 0;
}

static bool
read_test(struct test *test, const char *id_or_name, struct tg_reply *reply)
{
    struct tg_store *store = test->daemon->admin;
    int err;

    pthread_mutex_lock(&test->daemon->admin_lock);
    err = store->ops->upstream_get(store, id_or_name, take_upstream, test);
    if (err == 0)
        err = store->ops->credential_each(store, take_credential, test);
    if (err != 0)
        tg_reply_store(reply, store, err, "upstream");
    pthread_mutex_unlock(&test->daemon->admin_lock);
    return err == 0;
}

static json_t *
check_object(const struct opened *opened, const struct tg_probe *probe)
{
    static const char *const results[] = {
        [TG_PROBE_FAILED] = "failed",
        [TG_PROBE_REJECTED] = "rejected",
        [TG_PROBE_FINE] = "ok",
    };

    return json_pack(
        "{s:o,s:o,s:s,s:o,s:I,s:s}", "credential_id", tg_reply_text(opened->id),
        "last4", tg_reply_text(opened->last4), "status", results[probe->result],
        "http_status",
        probe->status != 0 ? json_integer(probe->status) : json_null(),
        "latency_ms", (json_int_t)probe->latency_ms, "message", probe->message);
}

/* Returns whether the upstream answers at all. */
static bool
check(struct test *test, const struct opened *opened, const char *url,
      long timeout_ms, json_t *checks)
{
    struct tg_probe probe = {.message = "the credential does not open with "
                                        "this home's master.key",
                             .is_reached = true};

    if (opened->is_open)
        tg_probe_ask(&probe, url, test->dialect, tg_secret_str(&opened->secret),
                     timeout_ms);
    test->is_fine = test->is_fine && probe.result == TG_PROBE_FINE;
    json_array_append_new(checks, check_object(opened, &probe));
    return probe.is_reached;
}

/* One that does not answer one credential is not asked with the others. */
static json_t *
check_all(struct test *test, const char *url)
{
    int64_t until_ms = tg_clock_ms() + TEST_MS, left_ms = TEST_MS;
    static const struct opened none = {.is_open = true};
    json_t *checks = json_array();

    test->is_fine = test->count > 0;
    if (test->count == 0)
        check(test, &none, url, PROBE_MS, checks);
    for (size_t i = 0; i < test->count && left_ms > 0; i++) {
        if (!check(test, &test->opened[i], url,
                   (long)(left_ms < PROBE_MS ? left_ms : PROBE_MS), checks))
            break;
        left_ms = until_ms - tg_clock_ms();
    }
    test->is_fine = test->is_fine && json_array_size(checks) == test->count;
    return checks;
}

void
tg_admin_upstream_test(struct tg_request *request, struct tg_reply *reply)
{
    struct test test = {.daemon = request->daemon};
    char url[TG_PROBE_URL_SIZE];
    json_t *checks;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    if (tg_change_note(request, reply, request->subject) &&
        read_test(&test, request->subject, reply)) {
        tg_probe_url(url, test.base_url, test.dialect);
        checks = check_all(&test, url);
        tg_reply_json(reply, 200,
                      json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "object",
                                "upstream_test", "upstream", test.name,
                                "upstream_id", test.id, "url", url, "status",
                                test.is_fine ? "ok" : "failed", "checks",
                                checks));
    }
    explicit_bzero(&test, sizeof(test));
}
