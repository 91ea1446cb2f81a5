/* Whether a gate is ready for calls, and how it says what is not. */
#include "ready.h"

#include "pool.h"
#include "state_test.h"
#include "tap.h"

#define NOW 1700000000000

static struct tg_state state;
static struct tg_catalog *catalog;
static struct tg_publisher *publisher;

static void
publish(uint16_t credentials)
{
    struct tg_upstream *upstream = &catalog->upstreams[3];

    snprintf(upstream->id, TG_ID_LEN, "up_3");
    upstream->credential_count = credentials;
    for (uint16_t i = 0; i < credentials; i++) {
        uint16_t row = (uint16_t)(10 + i);

        upstream->credentials[i] = row;
        catalog->credentials[row].generation = 100u + row;
        tg_pool_reset(&state, row, 100u + row);
    }
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
}

static void
fail(uint32_t row, enum tg_fate fate, int64_t retry_ms)
{
    struct tg_pool_report report = {
        .end = {.fate = fate, .status = 401, .retry_ms = retry_ms},
        .chosen_at_ms = NOW,
    };

    for (int i = 0; i < 9; i++)
        tg_pool_report(&state, row, 100u + row, &report, NOW);
}

static void
is_answer(const char *fact, bool has_state, bool takes_records, int64_t now_ms,
          const char *answer)
{
    char bytes[TG_READY_SIZE];
    struct tg_text text = tg_text_in(bytes, sizeof(bytes) - 1);
    struct tg_ready ready =
        tg_ready_look(has_state ? &state : NULL, takes_records, now_ms);

    tg_ready_write(&text, &ready);
    bytes[text.len] = '\0';
    is_str(bytes, answer, "%s", fact);
    ok(!text.is_cut, "it fits");
    ok(tg_ready_is_ready(&ready) == (strstr(answer, "\"ready\"") != NULL),
       "and the status says so");
}

#define SAYS(status, of_state, journal, upstreams)                             \
    "{\"status\":\"" status "\",\"checks\":{\"state\":\"" of_state             \
    "\",\"journal\":\"" journal "\",\"upstreams\":\"" upstreams "\"}}\n"

int
main(void)
{
    char *dir = test_dir();

    test_create(&state, dir, 16);
    catalog = calloc(1, sizeof(*catalog));
    if (catalog == NULL || tg_publisher_open(&publisher, &state) != 0)
        abort();
    is_answer("no state file", false, true, NOW,
              SAYS("not_ready", "not_published", "ok", "unknown"));
    is_answer("it is not published yet", true, true, NOW,
              SAYS("not_ready", "not_published", "ok", "unknown"));
    atomic_store(&state.header->is_ready, 1);
    is_answer("no catalog", true, true, NOW,
              SAYS("not_ready", "ok", "ok", "none"));
    publish(0);
    is_answer("an upstream without a credential", true, true, NOW,
              SAYS("not_ready", "ok", "ok", "none"));
    publish(2);
    is_answer("all is there", true, true, NOW, SAYS("ready", "ok", "ok", "ok"));
    is_answer("the journal takes no records", true, false, NOW,
              SAYS("not_ready", "ok", "shut", "ok"));
    fail(10, TG_FATE_REJECTED, 0);
    is_answer("one credential of two is refused", true, true, NOW,
              SAYS("ready", "ok", "ok", "ok"));
    fail(11, TG_FATE_BUSY, 30000);
    is_answer("and the other one waits", true, true, NOW,
              SAYS("not_ready", "ok", "ok", "refused"));
    is_answer("until it need not", true, true, NOW + 60001,
              SAYS("ready", "ok", "ok", "ok"));
    fail(11, TG_FATE_REJECTED, 0);
    is_answer("both are refused", true, true, NOW,
              SAYS("not_ready", "ok", "ok", "refused"));
    is_answer("which to try once more is not to be used", true, true,
              NOW + 86400000, SAYS("not_ready", "ok", "ok", "refused"));
    tg_pool_reopen(&state, 11, 111);
    fail(11, TG_FATE_UNREACHED, 0);
    is_answer("one that was not reached is only put last", true, true, NOW,
              SAYS("ready", "ok", "ok", "ok"));
    catalog->upstreams[3].credentials[0] = TG_CATALOG_CREDENTIALS;
    catalog->upstreams[3].credential_count = UINT16_MAX;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    is_answer("what no catalog may say is not followed", true, true, NOW,
              SAYS("ready", "ok", "ok", "ok"));
    tg_publisher_close(publisher);
    free(catalog);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
