/*
 * Which refusals are worth an event, and that each episode is told once.
 */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "watch.h"

#define NOW INT64_C(1790000000000)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KEY "key_aaaaaaaaaaaaaaaaaaaa"

static struct tg_watch watch;
static int64_t number;
static char told[4096]; /* "detector subject count\n" … */

static int
tell(void *arg, const struct tg_detector *detector,
     const struct tg_watch_row *row)
{
    size_t len = strlen(told);

    (void)arg;
    if (sizeof(told) - len > 200)
        snprintf(told + len, sizeof(told) - len, "%s%s %s %lld",
                 len > 0 ? "; " : "", detector->name, row->subject,
                 (long long)row->count);
    return 0;
}

static struct tg_denial
denial(enum tg_code code, const char *key_id, uint32_t ip, int64_t count,
       int64_t at_ms)
{
    struct tg_denial row = {.at_ms = at_ms,
                            .last_ms = at_ms,
                            .count = count,
                            .code = (uint16_t)code,
                            .scope = TG_DENIAL_ADDRESS};

    row.ip[10] = row.ip[11] = 0xff;
    row.ip[12] = 203;
    row.ip[13] = (uint8_t)(ip >> 16);
    row.ip[14] = (uint8_t)(ip >> 8);
    row.ip[15] = (uint8_t)ip;
    if (key_id != NULL)
        memcpy(row.key_id, key_id, TG_ID_LEN);
    return row;
}

static void
take(enum tg_code code, const char *key_id, uint32_t ip, int64_t count,
     int64_t at_ms)
{
    struct tg_denial row = denial(code, key_id, ip, count, at_ms);

    tg_watch_take(&watch, ++number, &row, tell, NULL);
}

static void
begin(void)
{
    memset(&watch, 0, sizeof(watch));
    told[0] = '\0';
}

/* So many a minute for so many minutes; of a key or an address. */
static void
test_thresholds(void)
{
    static const struct {
        const char *name;
        enum tg_code code;
        bool has_key;
        int64_t count, every_ms, times;
        const char *told;
    } rows[] = {
        {"a mistyped key is nothing", TG_CODE_INVALID_API_KEY, false, 1, 0, 1,
         ""},
        {"nor is a program that tries its wrong key each minute, for a day",
         TG_CODE_INVALID_API_KEY, false, 1, MINUTE, 1440, ""},
        {"nor are 19 at once", TG_CODE_INVALID_API_KEY, false, 19, 0, 1, ""},
        {"20 are", TG_CODE_INVALID_API_KEY, false, 20, 0, 1,
         "wrong_keys 203.0.0.1 20"},
        {"and one each second is soon", TG_CODE_INVALID_API_KEY, false, 1,
         SECOND, 600, "wrong_keys 203.0.0.1 21"},
        {"a flood is told as one, too", TG_CODE_MALFORMED_API_KEY, false, 500,
         SECOND, 5,
         "wrong_keys 203.0.0.1 500; wrong_keys_flood 203.0.0.1 "
         "2500"},
        {"a missing key is nobody's", TG_CODE_MISSING_API_KEY, false, 100000, 0,
         1, ""},
        {"a model that it may not have, now and then", TG_CODE_MODEL_NOT_FOUND,
         true, 1, HOUR, 100, ""},
        {"all models, one after the other", TG_CODE_MODEL_NOT_FOUND, true, 5,
         SECOND, 10, "wrong_scope " KEY " 20"},
        {"its limits, a little", TG_CODE_RATE_LIMIT_EXCEEDED, true, 5, MINUTE,
         100, ""},
        {"its limits, all the time", TG_CODE_RATE_LIMIT_EXCEEDED, true, 30,
         MINUTE, 100, "rate " KEY " 60"},
        {"an expired key, once", TG_CODE_KEY_EXPIRED, true, 1, 0, 1,
         "ended_key " KEY " 1"},
        {"a secret that was rotated out", TG_CODE_KEY_ROTATED, true, 1, SECOND,
         1000, "ended_key " KEY " 1"},
        {"a disabled key", TG_CODE_KEY_DISABLED, true, 1, 0, 3,
         "disabled_key " KEY " 1"},
        {"another network", TG_CODE_IP_NOT_ALLOWED, true, 1, 0, 1,
         "ip " KEY " 1"},
        {"no money, for hours", TG_CODE_BUDGET_EXCEEDED, true, 1, MINUTE, 300,
         "budget " KEY " 1"},
        {"a paused key", TG_CODE_KEY_INACTIVE, true, 1000, SECOND, 10, ""},
        {"what the upstream did", TG_CODE_UPSTREAM_ERROR, true, 1000, SECOND,
         10, ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        for (int64_t n = 0; n < rows[i].times; n++)
            take(rows[i].code, rows[i].has_key ? KEY : NULL, 1, rows[i].count,
                 NOW + n * rows[i].every_ms);
        is_str(told, rows[i].told, "%s", rows[i].name);
    }
}

static void
test_episodes(void)
{
    begin();
    take(TG_CODE_IP_NOT_ALLOWED, KEY, 1, 1, NOW);
    take(TG_CODE_IP_NOT_ALLOWED, KEY, 2, 5, NOW + HOUR);
    take(TG_CODE_IP_NOT_ALLOWED, KEY, 3, 1, NOW + 2 * HOUR);
    is_str(told, "ip " KEY " 1", "one episode while it goes on each hour");
    take(TG_CODE_IP_NOT_ALLOWED, KEY, 3, 1, NOW + 3 * HOUR + 1);
    is_str(told, "ip " KEY " 1; ip " KEY " 1", "behind an hour it is another");
    take(TG_CODE_IP_NOT_ALLOWED, KEY, 3, 1, NOW);
    is_str(told, "ip " KEY " 1; ip " KEY " 1", "a clock set back is none");
}

static void
test_many_addresses(void)
{
    begin();
    for (uint32_t i = 0; i < 100000; i++)
        take(TG_CODE_INVALID_API_KEY, NULL, i, 1, NOW + i * 10);
    is_str(told, "wrong_keys_anywhere  5294",
           "a key each from 100 000 addresses is one event, of all of them");
}

static int
keep(void *arg, const struct tg_watch_row *row, bool is_gone)
{
    static struct tg_watch_row kept;
    struct tg_watch_row *out = arg != NULL ? arg : &kept;

    *out = *row;
    return is_gone ? 7 : 0;
}

static void
test_store(void)
{
    static struct tg_watch_row row;

    begin();
    take(TG_CODE_INVALID_API_KEY, NULL, 9, 19, NOW);
    is_int(tg_watch_each_dirty(&watch, NOW, keep, &row), 0, "rows to keep");
    is_int(row.count, 19, "they have what was counted");
    row.subject[0] = '\0';
    is_int(tg_watch_each_dirty(&watch, NOW, keep, &row), 0, "and again");
    is_str(row.subject, "", "of which none is dirty");
    is_int(tg_watch_each_dirty(&watch, NOW + DAY, keep, &row), 7,
           "behind its time one is gone");

    begin();
    take(TG_CODE_KEY_EXPIRED, KEY, 9, 3, NOW);
    is_str(told, "ended_key " KEY " 3", "an episode");
    tg_watch_each_dirty(&watch, NOW, keep, &row);
    begin();
    ok(tg_watch_put(&watch, &row, sizeof(row)), "is put back");
    take(TG_CODE_KEY_EXPIRED, KEY, 9, 1, NOW + HOUR);
    is_str(told, "", "and not told again");
    ok(!tg_watch_put(&watch, &row, sizeof(row) - 1), "another length is none");
    memset(row.detector, 'x', sizeof(row.detector));
    ok(!tg_watch_put(&watch, &row, sizeof(row)), "nor another detector");
}

static void
test_evidence(void)
{
    static struct tg_watch_row row;

    begin();
    for (uint32_t i = 0; i < 12; i++)
        take(TG_CODE_IP_NOT_ALLOWED, KEY, i, 2, NOW + i);
    tg_watch_each_dirty(&watch, NOW, keep, &row);
    is_int(row.address_count, TG_WATCH_ADDRESSES, "the first addresses");
    is_int(row.addresses[7].count, 2, "with their counts");
    is_int(row.elsewhere, 8, "and what came from others");
    is_int(row.count, 24, "is all there was");
    is_int(row.sample_count, TG_WATCH_SAMPLES, "some samples");
}

int
main(void)
{
    test_thresholds();
    test_episodes();
    test_many_addresses();
    test_store();
    test_evidence();
    return done();
}
