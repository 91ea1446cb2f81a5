/*
 * Goal: denials are added up in the store to the last one, in a quarter-hour
 * that holds only so many rows, and are found and removed again.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "code.h"
#include "err.h"
#include "store.h"
#include "tap.h"

#define QUARTER INT64_C(900000)
#define NOW (QUARTER * 1988888) /* a quarter's first instant */
#define KEY_A "key_aaaaaaaaaaaaaaaaaaaa"
#define KEY_B "key_bbbbbbbbbbbbbbbbbbbb"
#define ACCOUNT "acct_aaaaaaaaaaaaaaaaaaa"

static char folder[] = "/dev/shm/tollgate-denials-XXXXXX";
static char path[128];
static struct tg_store *store;

static void
begin(void)
{
    struct tg_error error;

    strcpy(strrchr(folder, '-'), "-XXXXXX");
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(path, sizeof(path), "%s/store.db", folder);
    if (tg_store_open_sqlite(&store, path, &error) != 0)
        abort();
}

static void
end(void)
{
    char command[160];

    store->ops->close(store);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
}

static struct tg_denial
make(const char *key_id, uint32_t address, enum tg_code code, int64_t at)
{
    struct tg_denial row = {
        .request_id = tg_call_id_make(7, (uint64_t)at),
        .at_ms = at,
        .last_ms = at,
        .count = 1,
        .code = (uint16_t)code,
        .scope = TG_DENIAL_ADDRESS,
        .ip = {[10] = 0xff, [11] = 0xff, [12] = 10},
    };

    row.ip[13] = (uint8_t)(address >> 16);
    row.ip[14] = (uint8_t)(address >> 8);
    row.ip[15] = (uint8_t)address;
    if (key_id != NULL) {
        memcpy(row.key_id, key_id, TG_ID_LEN);
        memcpy(row.account_id, ACCOUNT, TG_ID_LEN);
    }
    return row;
}

static void
put(const struct tg_denial *row)
{
    if (store->ops->denial_add(store, row) != 0)
        ok(false, "add: %s", store->error.text);
}

static void
add(const char *key_id, uint32_t address, enum tg_code code, int64_t at)
{
    struct tg_denial row = make(key_id, address, code, at);

    put(&row);
}

/* Rows of a walk. */
struct found {
    int64_t rows, total, rest, last_number;
    struct tg_store_denial first; /* texts are copied below */
    char key_id[32], account_id[32], ip[64], model[80], agent[80];
};

static int
take(void *arg, const struct tg_store_denial *row)
{
    struct found *found = arg;

    if (found->rows++ == 0) {
        found->first = *row;
        snprintf(found->key_id, sizeof(found->key_id), "%s", row->key_id);
        snprintf(found->account_id, sizeof(found->account_id), "%s",
                 row->account_id);
        snprintf(found->ip, sizeof(found->ip), "%s", row->ip);
        snprintf(found->model, sizeof(found->model), "%s", row->model);
        snprintf(found->agent, sizeof(found->agent), "%s", row->user_agent);
    }
    found->total += row->count;
    found->rest += row->ip[0] == '\0' ? row->count : 0;
    found->last_number = row->number;
    return 0;
}

static struct found
find(struct tg_store_denial_filter filter)
{
    struct found found = {0};

    if (store->ops->denial_each(store, &filter, take, &found) != 0)
        ok(false, "each: %s", store->error.text);
    return found;
}

#define ALL ((struct tg_store_denial_filter){0})

static void
test_adding_up(void)
{
    struct tg_denial row = make(KEY_A, 1, TG_CODE_KEY_DISABLED, NOW + 5000);
    struct found found;

    begin();
    memset(row.model, 'm', sizeof(row.model));
    memset(row.agent, 'a', sizeof(row.agent));
    row.endpoint = 1;
    row.count = 40;
    row.last_ms = NOW + 5900;
    add(KEY_A, 1, TG_CODE_KEY_DISABLED, NOW + 1000);
    put(&row);
    found = find(ALL);
    is_int(found.rows, 1, "two seconds of one cause are one row");
    is_int(found.total, 41, "of both counts");
    is_int(found.first.first_at, NOW + 1000, "from the first");
    is_int(found.first.last_at, NOW + 5900, "to the last");
    is_int(found.first.sample_at, NOW + 5000, "the sample is the last one");
    is_int(found.first.endpoint, 1, "with its endpoint");
    is_int(strlen(found.model), 64, "its model, of full length");
    is_int(strlen(found.agent), 64, "and its agent");
    ok(memcmp(&found.first.request_id, &row.request_id, 16) == 0, "and its id");
    is_str(found.key_id, KEY_A, "its key");
    is_str(found.account_id, ACCOUNT, "and account");
    is_str(found.ip, "10.0.0.1", "its address");

    add(KEY_A, 1, TG_CODE_KEY_DISABLED, NOW + QUARTER);
    add(KEY_A, 2, TG_CODE_KEY_DISABLED, NOW);
    add(KEY_B, 1, TG_CODE_KEY_DISABLED, NOW);
    add(NULL, 1, TG_CODE_KEY_DISABLED, NOW);
    add(KEY_A, 1, TG_CODE_KEY_EXPIRED, NOW);
    is_int(find(ALL).rows, 6,
           "a quarter, address, key, and code have rows of their own");
    end();
}

static void
test_networks_and_rest(void)
{
    struct tg_denial row = make(NULL, 0, TG_CODE_INVALID_API_KEY, NOW);
    struct found found;

    begin();
    memset(row.ip, 0, sizeof(row.ip));
    row.ip[0] = 0x20;
    row.ip[1] = 0x01;
    row.scope = TG_DENIAL_NETWORK;
    put(&row);
    is_str(find(ALL).ip, "2001::/64", "a network is written as one");
    row.scope = TG_DENIAL_REST;
    row.last_ms = NOW + 3 * QUARTER;
    put(&row);
    found = find(ALL);
    is_str(found.ip, "", "the rest has no address");
    is_int(found.first.first_at, NOW, "it may span more than a quarter");
    is_int(
        find((struct tg_store_denial_filter){.since = NOW + 3 * QUARTER}).rows,
        1, "and is of the one in which it ended");
    end();
}

static void
test_filters(void)
{
    begin();
    add(KEY_A, 1, TG_CODE_KEY_DISABLED, NOW);
    add(KEY_B, 1, TG_CODE_KEY_EXPIRED, NOW + 1000);
    add(NULL, 1, TG_CODE_INVALID_API_KEY, NOW + 2000);
    add(NULL, 1, TG_CODE_INVALID_API_KEY, NOW + QUARTER + 1);
    is_int(find((struct tg_store_denial_filter){.key_id = KEY_A}).rows, 1,
           "by key");
    is_int(find((struct tg_store_denial_filter){.account_id = ACCOUNT}).rows, 2,
           "by account");
    is_int(find((struct tg_store_denial_filter){.key_id = KEY_A,
                                                .account_id = "acct_x"})
               .rows,
           0, "by both");
    is_int(find((struct tg_store_denial_filter){.key_id = ""}).rows, 0,
           "an empty key is no key");
    is_int(
        find((struct tg_store_denial_filter){.code = TG_CODE_KEY_EXPIRED}).rows,
        1, "by code");
    is_int(find((struct tg_store_denial_filter){.since = NOW + 1001}).rows, 2,
           "since an instant");
    is_int(find((struct tg_store_denial_filter){.since = NOW + 1000}).rows, 3,
           "which is included");
    is_int(find((struct tg_store_denial_filter){.until = NOW + 2000}).rows, 2,
           "until another, which is not");
    is_int(find((struct tg_store_denial_filter){.since = NOW + 1,
                                                .until = NOW + QUARTER})
               .rows,
           2, "both");
    end();
}

static void
test_pages(void)
{
    struct tg_store_denial_filter filter = {.limit = 7};
    struct found page;
    int64_t total = 0, rows = 0, before = INT64_MAX, wrong = 0;

    begin();
    for (uint32_t i = 0; i < 50; i++)
        add(NULL, i, TG_CODE_INVALID_API_KEY, NOW + (i * 7 % 5) * QUARTER);
    do {
        page = find(filter);
        rows += page.rows;
        total += page.total;
        wrong += page.rows > 0 && page.first.last_at > before;
        before = page.first.last_at;
        filter.after = page.last_number;
    } while (page.rows > 0);
    is_int(rows, 50, "page by page, each row once");
    is_int(total, 50, "and all of them");
    is_int(wrong, 0, "newest first");
    filter.after = 1000;
    is_int(store->ops->denial_each(store, &filter, take, &page),
           TG_ERR_NOT_FOUND, "behind a row that is not there");
    end();
}

static void
test_bounds(void)
{
    struct found found;

    begin();
    store->ops->begin(store);
    for (uint32_t i = 0; i < TG_STORE_DENIAL_STRANGERS + 500; i++) {
        add(NULL, i, TG_CODE_INVALID_API_KEY, NOW);
        add(NULL, i, TG_CODE_INVALID_API_KEY, NOW + 60000);
    }
    add(KEY_A, 1, TG_CODE_KEY_EXPIRED, NOW);
    store->ops->commit(store);
    found = find(ALL);
    is_int(found.rows, TG_STORE_DENIAL_STRANGERS + 2,
           "a quarter has so many rows of strangers, and one for the rest");
    is_int(found.total, 2 * (TG_STORE_DENIAL_STRANGERS + 500) + 1,
           "of all that were added");
    is_int(found.rest, 1000, "the rest in that one");
    is_int(find((struct tg_store_denial_filter){.key_id = KEY_A}).total, 1,
           "and they take no room of who holds a key");
    end();

    begin();
    store->ops->begin(store);
    for (uint32_t i = 0; i < TG_STORE_DENIAL_HOLDERS + 3; i++)
        add(KEY_A, i, TG_CODE_KEY_EXPIRED, NOW);
    store->ops->commit(store);
    found = find(ALL);
    is_int(found.rows, TG_STORE_DENIAL_HOLDERS + 1, "nor have these no end");
    is_int(found.rest, 3, "the rest is counted by code");
    end();
}

/* What is rolled back takes no room. */
static void
test_rollback(void)
{
    begin();
    for (int round = 0; round < 3; round++) {
        store->ops->begin(store);
        for (uint32_t i = 0; i < TG_STORE_DENIAL_STRANGERS; i++)
            add(NULL, i, TG_CODE_INVALID_API_KEY, NOW);
        if (round < 2)
            store->ops->rollback(store);
        else
            store->ops->commit(store);
    }
    is_int(find(ALL).rows, TG_STORE_DENIAL_STRANGERS,
           "what was taken back took no room");
    is_int(find(ALL).rest, 0, "nor is it there");
    end();
}

/* Of a damaged or hostile journal: nothing that stops ingest. */
static void
test_any_numbers(void)
{
    struct tg_denial row = make(NULL, 1, TG_CODE_INVALID_API_KEY, NOW);

    begin();
    row.count = INT64_MAX;
    put(&row);
    put(&row);
    put(&row);
    ok(find(ALL).total > 0, "a count without end stays one");
    row.count = INT64_MIN;
    row.at_ms = row.last_ms = INT64_MAX;
    row.code = UINT16_MAX;
    row.scope = 0xff;
    put(&row);
    is_int(find(ALL).rows, 2, "any bytes are a row");
    end();
}

static bool
mark(uint64_t writer, uint32_t number, uint64_t sequence)
{
    bool is_new = false;

    if (store->ops->denial_mark(store, writer, number, sequence, NOW,
                                &is_new) != 0)
        ok(false, "mark: %s", store->error.text);
    return is_new;
}

static void
test_marks(void)
{
    begin();
    ok(mark(UINT64_MAX, 0, 0), "a segment's first record");
    ok(!mark(UINT64_MAX, 0, 0), "comes once");
    ok(mark(UINT64_MAX, 0, 7), "and so a later one");
    ok(!mark(UINT64_MAX, 0, 3), "and not one before");
    ok(mark(UINT64_MAX, 1, 3), "another segment has its own");
    ok(mark(1, 0, 3), "and another writer");
    end();
}

static void
test_expiry(void)
{
    uint32_t gone = 0;
    bool is_new;

    begin();
    for (uint32_t i = 0; i < 10; i++)
        add(NULL, i, TG_CODE_INVALID_API_KEY, NOW + i * QUARTER);
    store->ops->denial_mark(store, 1, 0, 0, NOW, &is_new);
    is_int(store->ops->denial_expire(store, NOW + 5 * QUARTER + 1, 3, &gone), 0,
           "old ones go");
    is_int(gone, 4, "a few at a time, and marks");
    is_int(find(ALL).rows, 7, "not all at once");
    is_int(
        find((struct tg_store_denial_filter){.until = NOW + 3 * QUARTER}).rows,
        0, "the oldest first");
    store->ops->denial_expire(store, NOW + 5 * QUARTER + 1, 3, &gone);
    is_int(gone, 2, "then the others");
    store->ops->denial_expire(store, NOW + 5 * QUARTER + 1, 3, &gone);
    is_int(gone, 0, "then none");
    is_int(find(ALL).rows, 5, "what is younger stays");
    add(NULL, 1, TG_CODE_INVALID_API_KEY, NOW + 9 * QUARTER);
    is_int(find(ALL).total, 6, "and grows");
    end();
}

int
main(void)
{
    test_adding_up();
    test_networks_and_rest();
    test_filters();
    test_pages();
    test_bounds();
    test_rollback();
    test_any_numbers();
    test_marks();
    test_expiry();
    return done();
}
