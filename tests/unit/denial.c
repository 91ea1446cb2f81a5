/*
 * Goal: every denial is counted once, in a table that does not grow, and each
 * by its key, code and address as long as there is room.
 */
#include <stdlib.h>

#include "denial.h"
#include "tap.h"

#define SEED 0x5eed
#define NOW 1790000000123

static struct tg_denial_table table;

static const char key_a[] = "key_aaaaaaaaaaaaaaaaaaaa";
static const char key_b[] = "key_bbbbbbbbbbbbbbbbbbbb";

/* IPv4 as ::ffff:192.0.x.y of a number. */
static const uint8_t *
v4(uint32_t n)
{
    static uint8_t ip[16];

    memset(ip, 0, sizeof(ip));
    ip[10] = ip[11] = 0xff;
    ip[12] = 192;
    ip[13] = (uint8_t)(n >> 16);
    ip[14] = (uint8_t)(n >> 8);
    ip[15] = (uint8_t)n;
    return ip;
}

static struct tg_denial *
note(const char *key_id, const uint8_t *ip, enum tg_code code, int64_t now_ms)
{
    struct tg_denial_cause cause = {key_id, ip, code};

    return tg_denial_note(&table, &cause, now_ms);
}

static int64_t
total(void)
{
    return tg_denial_total(&table);
}

/* The count of the only row that is so, -1 when there is none or another. */
static int64_t
counted(const char *key_id, const uint8_t *ip, enum tg_code code)
{
    int64_t found = -1;

    for (uint32_t i = 0; i < table.count; i++) {
        const struct tg_denial *row = &table.rows[i];
        char no_key[TG_ID_LEN] = {0};

        if (row->code == code && memcmp(row->ip, ip, 16) == 0 &&
            memcmp(row->key_id, key_id ? key_id : no_key, TG_ID_LEN) == 0 &&
            row->scope != TG_DENIAL_REST)
            found = found == -1 ? row->count : -1;
    }
    return found;
}

static void
test_apart(void)
{
    struct tg_denial *row;

    tg_denial_init(&table, SEED);
    row = note(NULL, v4(1), TG_CODE_INVALID_API_KEY, NOW);
    ok(row != NULL, "the first of a row asks for a sample");
    is_int(row->at_ms, NOW, "and has its instant");
    is_int(row->scope, TG_DENIAL_ADDRESS, "its address is one of IPv4");
    is_int(row->endpoint + row->model[0] + row->agent[0] + row->account_id[0],
           0, "the rest is empty");
    ok(note(NULL, v4(1), TG_CODE_INVALID_API_KEY, NOW + 7) == NULL,
       "the second does not");
    note(NULL, v4(1), TG_CODE_MISSING_API_KEY, NOW);
    note(NULL, v4(2), TG_CODE_INVALID_API_KEY, NOW);
    note(key_a, v4(1), TG_CODE_INVALID_API_KEY, NOW);
    note(key_b, v4(1), TG_CODE_INVALID_API_KEY, NOW);
    is_int(table.count, 5, "code, address and key make rows of their own");
    is_int(counted(NULL, v4(1), TG_CODE_INVALID_API_KEY), 2, "the first has 2");
    is_int(table.rows[0].last_ms, NOW + 7, "and the instant of the last");
    is_int(counted(key_b, v4(1), TG_CODE_INVALID_API_KEY), 1, "another has 1");
}

static void
test_ipv6(void)
{
    uint8_t one[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1};
    uint8_t same[16] = {0x20, 1,    0xd,  0xb8, 0,    0,    0,    7,
                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t other[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 8};
    uint8_t network[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 7};
    uint8_t low[16] = {[15] = 1};

    tg_denial_init(&table, SEED);
    note(NULL, one, TG_CODE_INVALID_API_KEY, NOW);
    note(NULL, same, TG_CODE_INVALID_API_KEY, NOW);
    note(NULL, other, TG_CODE_INVALID_API_KEY, NOW);
    is_int(table.count, 2, "IPv6 counts by networks of 64 bits");
    is_int(counted(NULL, network, TG_CODE_INVALID_API_KEY), 2,
           "a row has the network alone");
    is_int(table.rows[0].scope, TG_DENIAL_NETWORK, "and says so");
    note(NULL, low, TG_CODE_INVALID_API_KEY, NOW);
    note(NULL, v4(0), TG_CODE_INVALID_API_KEY, NOW);
    is_int(table.count, 4, "::1 and an address of IPv4 are two");
}

static void
test_full(void)
{
    int64_t rest = 0;
    uint32_t n;

    tg_denial_init(&table, SEED);
    for (n = 0; n < 1000; n++) {
        note(NULL, v4(n), TG_CODE_INVALID_API_KEY, NOW);
        note(NULL, v4(n), TG_CODE_MISSING_API_KEY, NOW);
    }
    is_int(table.count, TG_DENIAL_STRANGERS + 2,
           "2000 strangers have their rows, and one a code for the rest");
    is_int(total(), 2000, "all are counted");
    for (n = 0; n < table.count; n++) {
        if (table.rows[n].scope == TG_DENIAL_REST)
            rest += table.rows[n].count;
    }
    is_int(rest, 2000 - TG_DENIAL_STRANGERS, "the rest are in those two");
    ok(note(NULL, v4(3), TG_CODE_INVALID_API_KEY, NOW) == NULL &&
           counted(NULL, v4(3), TG_CODE_INVALID_API_KEY) == 2,
       "who has a row keeps it");
    ok(note(key_a, v4(1), TG_CODE_KEY_DISABLED, NOW) != NULL &&
           counted(key_a, v4(1), TG_CODE_KEY_DISABLED) == 1,
       "strangers take nothing from who holds a key");
    for (n = 0; n < 1000; n++)
        note(key_b, v4(n), TG_CODE_KEY_EXPIRED, NOW);
    is_int(table.count, TG_DENIAL_STRANGERS + TG_DENIAL_HOLDERS + 3,
           "nor do these grow");
    is_int(total(), 3002, "all are counted");
}

/* The most that it can come to: every code, and both kinds of rows. */
static void
test_fullest(void)
{
    tg_denial_init(&table, SEED);
    for (int code = 1; code < TG_CODE_COUNT; code++) {
        for (uint32_t n = 0; n < 300; n++) {
            note(NULL, v4(n), (enum tg_code)code, NOW);
            note(key_a, v4(n), (enum tg_code)code, NOW);
        }
    }
    is_int(total(), (TG_CODE_COUNT - 1) * 600, "every code at once");
    ok(table.count <= TG_DENIAL_ROWS, "has room");
}

static void
test_seconds(void)
{
    int64_t begin = NOW / 1000 * 1000;

    tg_denial_init(&table, SEED);
    ok(!tg_denial_is_due(&table, NOW), "an empty table is not due");
    note(NULL, v4(1), TG_CODE_INVALID_API_KEY, begin);
    ok(!tg_denial_is_due(&table, begin + 999), "nor one of this second");
    ok(tg_denial_is_due(&table, begin + 1000), "in the next one it is");
    ok(tg_denial_is_due(&table, begin - 1), "and when the clock was set back");
    tg_denial_clear(&table);
    ok(!tg_denial_is_due(&table, begin + 1000), "taken, it is not");
    ok(note(NULL, v4(1), TG_CODE_INVALID_API_KEY, begin + 1000) != NULL,
       "the same cause begins a row");
    is_int(total(), 1, "with one");
}

static void
test_fold(void)
{
    struct tg_denial *row;

    tg_denial_init(&table, SEED);
    row = note(key_a, v4(1), TG_CODE_KEY_EXPIRED, NOW);
    memset(row->account_id, 'a', sizeof(row->account_id));
    memset(row->agent, 'x', sizeof(row->agent));
    note(key_b, v4(2), TG_CODE_KEY_EXPIRED, NOW + 50);
    note(NULL, v4(1), TG_CODE_INVALID_API_KEY, NOW);
    tg_denial_fold(&table, NOW + 1000);
    is_int(table.count, 2, "what could not be taken is one row a code");
    is_int(total(), 3, "with all that was counted");
    row = table.rows[0].code == TG_CODE_KEY_EXPIRED ? &table.rows[0]
                                                    : &table.rows[1];
    ok(row->count == 2 && row->scope == TG_DENIAL_REST && row->key_id[0] == 0 &&
           row->account_id[0] == 0 && row->ip[15] == 0,
       "and of nobody");
    ok(row->at_ms == NOW && row->last_ms == NOW + 50, "from first to last");
    is_int(row->agent[0], 'x', "with a sample");
    ok(!tg_denial_is_due(&table, NOW + 1000), "it waits a second more");
    ok(note(key_a, v4(1), TG_CODE_KEY_EXPIRED, NOW + 1000) != NULL,
       "the same cause has a row again");
    tg_denial_fold(&table, NOW + 2000);
    tg_denial_fold(&table, NOW + 3000);
    is_int(table.count, 2, "however often it fails, there are no more");
    is_int(total(), 4, "and no fewer");
}

/* What the table says of a second is what a list of all of them says. */

#define MODEL_CAUSES 40

struct model {
    const char *key_id;
    uint32_t address;
    enum tg_code code;
    int64_t count;
};

static bool
agrees(const struct model *model, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (model[i].count != 0 &&
            counted(model[i].key_id, v4(model[i].address), model[i].code) !=
                model[i].count)
            return false;
    }
    return true;
}

static void
test_random(void)
{
    struct model model[MODEL_CAUSES];
    int64_t now = NOW, all = 0, noted = 0, wrong = 0;

    srand(1);
    tg_denial_init(&table, SEED);
    for (size_t i = 0; i < MODEL_CAUSES; i++)
        model[i] = (struct model){
            i % 3 == 0 ? NULL : (i % 3 == 1 ? key_a : key_b), (uint32_t)i % 7,
            (enum tg_code)(1 + i % (TG_CODE_COUNT - 1)), 0};
    for (int i = 0; i < 200000; i++) {
        struct model *one = &model[rand() % MODEL_CAUSES];

        now += rand() % 3;
        if (tg_denial_is_due(&table, now)) {
            wrong += !agrees(model, MODEL_CAUSES);
            all += total();
            tg_denial_clear(&table);
            for (size_t k = 0; k < MODEL_CAUSES; k++)
                model[k].count = 0;
        }
        note(one->key_id, v4(one->address), one->code, now);
        one->count++;
        noted++;
    }
    is_int(wrong, 0, "each of 200 seconds has what a list of them has");
    is_int(all + total(), noted, "and all of them every one");
}

/* Random causes, more than there is room for, and folds in between. */
static void
test_random_flood(void)
{
    int64_t noted = 0, all = 0;

    srand(2);
    for (int round = 0; round < 300; round++) {
        tg_denial_init(&table, (uint64_t)rand());
        for (int i = rand() % 3000; i > 0; i--) {
            note(rand() % 2 ? key_a : NULL, v4((uint32_t)rand() % 700),
                 (enum tg_code)(1 + rand() % (TG_CODE_COUNT - 1)), NOW);
            noted++;
            if (rand() % 500 == 0)
                tg_denial_fold(&table, NOW);
        }
        all += total();
    }
    is_int(all, noted, "of a flood, too, every one is counted");
}

int
main(void)
{
    test_apart();
    test_ipv6();
    test_full();
    test_fullest();
    test_seconds();
    test_fold();
    test_random();
    test_random_flood();
    return done();
}
