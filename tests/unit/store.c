/*
 * The store keeps what it is told, once, and leaves alone what is not its
 * own.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "migrate.h"
#include "sqlite.h"
#include "store_test.h"
#include "tap.h"

static char folder[] = "/tmp/tollgate-store-XXXXXX";
static char path[128];

/* A database of somebody else, made with SQLite itself. */
static void
make_database(const char *pragma)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    const char *statements[] = {pragma, "CREATE TABLE notes (text TEXT)"};

    sqlite3_open(path, &db);
    for (int i = 0; i < 2; i++) {
        sqlite3_prepare_v2(db, statements[i], -1, &stmt, NULL);
        sqlite3_step(stmt);
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
}

static void
make_file(const char *text)
{
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
}

static unsigned long
checksum(void)
{
    FILE *file = fopen(path, "r");
    unsigned long sum = 0;
    int c;

    while ((c = getc(file)) != EOF)
        sum = sum * 31 + (unsigned char)c;
    fclose(file);
    return sum;
}

static void
is_refused(int want, const char *part, const char *name)
{
    struct tg_error error = {""};
    struct tg_store *store = NULL;
    unsigned long before = checksum();

    is_int(tg_store_open_sqlite(&store, path, &error), want, "%s: refused",
           name);
    ok(strstr(error.text, part) != NULL, "%s: says so: %s", name, error.text);
    ok(checksum() == before, "%s: the file is untouched", name);
    unlink(path);
}

static void
test_not_ours(void)
{
    make_file("this is a letter, not a database, and it is long enough "
              "to be taken for one if nobody looked at its first bytes.\n");
    is_refused(TG_ERR_FORMAT, "not a Tollgate store", "a letter");
    make_database("PRAGMA application_id = 7");
    is_refused(TG_ERR_FORMAT, "another program", "another id");
    make_database("PRAGMA user_version = 3");
    is_refused(TG_ERR_FORMAT, "another program", "no id");
    make_database("PRAGMA user_version = 0");
    is_refused(TG_ERR_FORMAT, "another program", "only a table");
}

/* Its header is sound, and the root of its tables is not. */
static void
test_damaged(void)
{
    struct tg_error error = {""};
    struct tg_store *store = NULL;
    FILE *file;

    unlink(path);
    ok(tg_store_open_sqlite(&store, path, &error) == 0, "a store %s",
       error.text);
    store->ops->close(store);
    file = fopen(path, "r+");
    fseek(file, 100, SEEK_SET);
    fputc(0xff, file);
    fclose(file);
    is_refused(TG_ERR_CORRUPT, "tollgate restore", "a damaged store");
}

static void
test_newer(void)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    char pragma[2][64];

    snprintf(pragma[0], sizeof(pragma[0]), "PRAGMA application_id = %d",
             TG_STORE_APPLICATION_ID);
    snprintf(pragma[1], sizeof(pragma[1]), "PRAGMA user_version = %d",
             tg_migration_count + 1);
    sqlite3_open(path, &db);
    for (int i = 0; i < 2; i++) {
        sqlite3_prepare_v2(db, pragma[i], -1, &stmt, NULL);
        sqlite3_step(stmt);
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
    is_refused(TG_ERR_VERSION, "newer Tollgate", "a newer version");
}

/* A migration that was cut off leaves an empty database: it is made anew. */
static void
test_empty_file(void)
{
    struct tg_error error = {""};
    struct tg_store *store = NULL;

    make_file("");
    is_int(tg_store_open_sqlite(&store, path, &error), 0, "an empty file: %s",
           error.text);
    store->ops->close(store);
    is_int(tg_store_open_sqlite(&store, path, &error), 0, "and once more");
    store->ops->close(store);
    unlink(path);
}

static struct tg_store *
open_new(void)
{
    struct tg_error error = {""};
    struct tg_store *store = NULL;

    unlink(path);
    ok(tg_store_open_sqlite(&store, path, &error) == 0, "a new store %s",
       error.text);
    return store;
}

static struct tg_sums
total_of(struct tg_store *store)
{
    struct tg_usage_question everything = {.by = TG_BY_TOTAL};
    struct tg_store_usage total = {.sums = {.requests = -1}};

    store->ops->usage(store, &everything, &total, NULL, NULL);
    return total.sums;
}

static struct tg_record
make_record(uint8_t n)
{
    struct tg_record record = {
        .type = TG_RECORD_CALL,
        .call = {.id = {{1, 2, n}},
                 .at_ms = 1000 * n,
                 .status = n % 2 ? 200 : 502,
                 .ttft_ms = n % 2 ? 5 : TG_ABSENT_MS,
                 .prompt_tokens = 10,
                 .cost_nanos = n},
        .agent = {"agent", 5},
    };

    memcpy(record.call.key_id, "key_AAAAAAAAAAAAAAAAAAAA", TG_ID_LEN);
    memcpy(record.call.account_id, "acct_AAAAAAAAAAAAAAAAAAA", TG_ID_LEN);
    memcpy(record.call.model, "m", 1);
    return record;
}

static void
test_calls_once(void)
{
    struct tg_store *store = open_new();
    struct tg_record record;
    bool is_new = false, has = false;

    for (uint8_t n = 1; n <= 5; n++) {
        record = make_record(n);
        store->ops->call_add(store, &record, &is_new);
        ok(is_new, "call %d is new", n);
        store->ops->call_add(store, &record, &is_new);
        ok(!is_new, "call %d is not new again", n);
    }
    store->ops->begin(store);
    record = make_record(6);
    store->ops->call_add(store, &record, &is_new);
    store->ops->rollback(store);
    store->ops->call_has(store, &record.call.id, &has);
    ok(!has, "what is rolled back is not there");
    record = make_record(3);
    store->ops->call_has(store, &record.call.id, &has);
    ok(has, "what was added is there");
    is_int(total_of(store).requests, 5, "five calls");
    is_int(total_of(store).errors, 2, "two of them failed");
    is_int(total_of(store).cost_nanos, 15, "at 1+2+3+4+5");
    store->ops->close(store);
}

/* Of n to n + count - 1, together. */
static void
add_together(struct tg_store *store, uint8_t n, size_t count)
{
    struct tg_record records[TG_CALLS_AT_ONCE];

    for (size_t i = 0; i < count; i++)
        records[i] = make_record((uint8_t)(n + i));
    is_int(store->ops->calls_add(store, records, count), 0, "%d together",
           (int)count);
}

static void
test_calls_together(void)
{
    struct tg_store *store = open_new();
    struct tg_record same[TG_CALLS_AT_ONCE];

    add_together(store, 1, TG_CALLS_AT_ONCE);
    is_int(total_of(store).requests, 32, "all are there");
    is_int(total_of(store).cost_nanos, 528, "each as it is");
    add_together(store, 1, TG_CALLS_AT_ONCE);
    is_int(total_of(store).requests, 32, "and once");
    add_together(store, 17, TG_CALLS_AT_ONCE);
    is_int(total_of(store).requests, 48, "of which half are new: these");
    add_together(store, 46, 7);
    is_int(total_of(store).requests, 52, "fewer of them, too");
    add_together(store, 1, 0);
    is_int(total_of(store).requests, 52, "or none");
    for (size_t i = 0; i < TG_CALLS_AT_ONCE; i++)
        same[i] = make_record(99);
    store->ops->calls_add(store, same, TG_CALLS_AT_ONCE);
    is_int(total_of(store).requests, 53, "one that comes many times is one");
    store->ops->begin(store);
    add_together(store, 100, TG_CALLS_AT_ONCE);
    store->ops->rollback(store);
    is_int(total_of(store).requests, 53, "what is rolled back is not there");
    add_together(store, 100, TG_CALLS_AT_ONCE);
    is_int(total_of(store).requests, 85, "until it is added again");
    is_int(tg_sqlite_of(store)->next_seq, 86, "they are numbered in a row");
    store->ops->close(store);
}

struct seen {
    int count;
    uint8_t last;
    int64_t ttft_ms;
};

static int
see_call(void *arg, const struct tg_store_call *row)
{
    struct seen *seen = arg;

    seen->count++;
    seen->last = row->id.bytes[2];
    seen->ttft_ms = row->ttft_ms;
    return 0;
}

static void
test_call_pages(void)
{
    struct tg_error error;
    struct tg_store *store = NULL;
    struct tg_store_filter filter = {.key_id = NULL};
    struct seen seen = {0};
    struct tg_call_id after = {{9}};

    ok(tg_store_open_sqlite(&store, path, &error) == 0, "opened again");
    store->ops->call_each(store, &filter, NULL, 2, see_call, &seen);
    is_int(seen.count, 2, "a page of two");
    is_int(seen.last, 4, "newest first");
    is_int(seen.ttft_ms, -1, "no first token");
    after = make_record(4).call.id;
    seen = (struct seen){0};
    store->ops->call_each(store, &filter, &after, 10, see_call, &seen);
    is_int(seen.count, 3, "the rest behind a call");
    is_int(seen.last, 1, "down to the oldest");
    filter.is_not_ok = true;
    seen = (struct seen){0};
    store->ops->call_each(store, &filter, NULL, 0, see_call, &seen);
    is_int(seen.count, 2, "only those that failed");
    filter = (struct tg_store_filter){
        .key_id = "key_AAAAAAAAAAAAAAAAAAAA", .since = 2000, .until = 4000};
    seen = (struct seen){0};
    store->ops->call_each(store, &filter, NULL, 0, see_call, &seen);
    is_int(seen.count, 2, "of a key, since inclusive, until not");
    after.bytes[0] = 99;
    is_int(store->ops->call_each(store, &filter, &after, 1, see_call, &seen),
           TG_ERR_NOT_FOUND, "behind a call that is not there");
    store->ops->close(store);
}

static int
take_base(void *arg, const struct tg_store_account *row)
{
    *(int64_t *)arg = row->base_nanos;
    return 0;
}

static void
test_accounts(void)
{
    struct tg_store *store = open_new();
    struct tg_store_account row =
        test_account_row("acct_AAAAAAAAAAAAAAAAAAA", "one");
    struct tg_record record = make_record(7);
    bool is_new;
    int64_t base = -1;

    is_int(store->ops->account_add(store, &row), 0, "an account");
    is_int(store->ops->account_add(store, &row), TG_ERR_DUPLICATE,
           "the same once more");
    row = test_account_row("acct_BBBBBBBBBBBBBBBBBBB", "one");
    is_int(store->ops->account_add(store, &row), TG_ERR_DUPLICATE,
           "the same name");
    store->ops->call_add(store, &record, &is_new);
    is_int(store->ops->account_rebase(store), 0, "rebase");
    store->ops->account_get(store, "one", take_base, &base);
    is_int(base, 7, "what it has spent");
    is_int(store->ops->account_get(store, "two", take_base, &base),
           TG_ERR_NOT_FOUND, "no such account");
    store->ops->close(store);
}

static int
take_segment(void *arg, const struct tg_store_segment *row)
{
    *(struct tg_store_segment *)arg = *row;
    return 0;
}

static void
test_segments(void)
{
    struct tg_store *store = open_new();
    struct tg_store_segment row = {UINT64_MAX, UINT32_MAX, 1, "", false},
                            got = {0};

    store->ops->segment_put(store, &row);
    row.offset = 99;
    is_int(store->ops->segment_put(store, &row), 0, "an offset moves on");
    store->ops->segment_each(store, take_segment, &got);
    ok(got.writer_id == UINT64_MAX && got.number == UINT32_MAX,
       "a writer's id has all its bits");
    is_int(got.offset, 99, "the offset is the last one");
    store->ops->segment_gone(store, UINT64_MAX, UINT32_MAX);
    got.offset = 0;
    store->ops->segment_each(store, take_segment, &got);
    is_int(got.offset, 0, "gone");
    store->ops->close(store);
}

/* "key_A:abcd key_A:wxyz key_B:- ": what all keys are, secret by secret. */
static int
note_joined(void *arg, const struct tg_store_key *key,
            const struct tg_store_secret *secret)
{
    char *said = arg;

    sprintf(said + strlen(said), "%s:%s ", key->id,
            secret == NULL ? "-" : secret->last4);
    return 0;
}

static void
test_keys(void)
{
    struct tg_store *store = open_new();
    struct tg_store_account owner = test_account_row("acct_A", "one");
    struct tg_store_key key = test_key_row("key_A", "acct_B");
    struct tg_store_secret secret = {
        .id = "sec_A", .key_id = "key_A", .prefix = "p", .last4 = "abcd"};
    char said[128] = "";

    store->ops->account_add(store, &owner);
    is_int(store->ops->key_add(store, &key), TG_ERR_NOT_FOUND,
           "a key of no account");
    key.account_id = "acct_A";
    is_int(store->ops->key_add(store, &key), 0, "a key");
    is_int(store->ops->secret_add(store, &secret), 0, "its secret");
    secret.id = "sec_B";
    is_int(store->ops->secret_add(store, &secret), TG_ERR_DUPLICATE,
           "the same digest again");
    secret.digest.bytes[0] = 1;
    secret.last4 = "wxyz";
    is_int(store->ops->secret_add(store, &secret), 0, "another secret");
    key.id = "key_C";
    key.status = "deleted";
    is_int(store->ops->key_add(store, &key), 0, "a key without any");
    is_int(store->ops->key_all(store, 0, 1, note_joined, said), 0, "all keys");
    is_str(said, "key_A:wxyz key_A:abcd key_C:- ",
           "with their secrets, the newest first");
    said[0] = '\0';
    for (uint32_t part = 0; part < 3; part++)
        store->ops->key_all(store, part, 3, note_joined, said);
    is_str(said, "key_A:wxyz key_A:abcd key_C:- ", "the same in three parts");
    is_int(store->ops->key_end(store, "key_B", "disabled", 1), TG_ERR_NOT_FOUND,
           "ending a key that is not there");
    store->ops->close(store);
}

int
main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/store.db", folder);
    test_not_ours();
    test_damaged();
    test_newer();
    test_empty_file();
    test_calls_together();
    test_calls_once();
    test_call_pages();
    test_accounts();
    test_segments();
    test_keys();
    unlink(path);
    rmdir(folder);
    return done();
}
