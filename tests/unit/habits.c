/*
 * Habits in memory and in a store: that each call of each key is in its key's
 * habit once, however many keys call and however few there is room for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "habits.h"
#include "store_test.h"
#include "tap.h"

#define KEYS 600
#define CALLS 20000
#define MINUTE_MS 60000
#define BEGIN_MS INT64_C(1780000000000)
#define LITTLE (30u << 10) /* bytes: of some hundred keys */
#define MUCH (4u << 20)

static struct tg_daemon tested;
static const struct tg_habit_learning learning = {.days = 7, .calls = 200};
static struct tg_habit wanted[KEYS];

static void
key_of(uint32_t number, char id[TG_ID_TEXT_SIZE])
{
    snprintf(id, TG_ID_TEXT_SIZE, "key_%020u", number * 2654435761u);
}

/* A call of a key, which the reference takes in as well. */
static int
call(struct tg_habits *habits, struct tg_store *store, uint32_t key, int64_t n)
{
    struct tg_habit_call made = {.at_ms = BEGIN_MS + n * MINUTE_MS / 4,
                                 .cost_nanos = 1000 + test_any(5000),
                                 .ip = key % 3 ? "203.0.113.7" : "2001:db8::1",
                                 .user_agent = "OpenAI/Python 1.99.9",
                                 .model = n % 7 ? "flash" : "pro"};
    char id[TG_ID_TEXT_SIZE];
    struct tg_habit_look look;
    struct tg_habit *habit;
    int err;

    /* Whoever is named to come soon, and whether or not he comes. */
    key_of(key * 7 % KEYS, id);
    tg_habits_expect(habits, n % 5 == 0 ? "" : id);
    key_of(key, id);
    err = tg_habits_of(habits, store, id, &habit);
    if (err != 0)
        return err;
    habit->seq = wanted[key].seq = n;
    tg_habit_take(habit, &made, &learning, &look);
    tg_habit_take(&wanted[key], &made, &learning, &look);
    return 0;
}

static bool
is_wanted(struct tg_habits *habits, struct tg_store *store, uint32_t key)
{
    static uint8_t bytes[2][TG_HABIT_BYTES_MAX];
    char id[TG_ID_TEXT_SIZE];
    struct tg_habit *habit;
    size_t len;
    int err;

    key_of(key, id);
    err = tg_habits_of(habits, store, id, &habit);
    if (err == TG_ERR_FULL) {
        err = tg_habits_keep(habits, &tested, store);
        if (err == 0)
            err = tg_habits_of(habits, store, id, &habit);
    }
    if (err != 0)
        return false;
    len = tg_habit_pack(habit, bytes[0]);
    return len == tg_habit_pack(&wanted[key], bytes[1]) &&
           memcmp(bytes[0], bytes[1], len) == 0;
}

static void
test_calls(struct tg_store *store, size_t bytes, const char *room)
{
    struct tg_habits *habits = tg_habits_new(bytes);
    size_t most = 0, wrong = 0;
    uint32_t fulls = 0;
    int err = 0;

    memset(wanted, 0, sizeof(wanted));
    for (int64_t n = 1; n <= CALLS && err == 0; n++) {
        uint32_t key = test_any(KEYS);

        err = call(habits, store, key, n);
        if (err == TG_ERR_FULL) {
            fulls++;
            err = tg_habits_keep(habits, &tested, store);
            n--;
        }
        if (tg_habits_count(habits) > most)
            most = tg_habits_count(habits);
    }
    is_int(err, 0, "%s: all calls are taken in", room);
    ok((fulls > 0) == (bytes == LITTLE), "%s: it was full %u times", room,
       fulls);
    ok(bytes == LITTLE ? most < KEYS / 2 : most == KEYS,
       "%s: %zu keys are in memory at most", room, most);
    ok(tg_habits_dirty(habits) > 0 &&
           tg_habits_dirty(habits) <= tg_habits_count(habits),
       "%s: some are not kept", room);
    is_int(tg_habits_keep(habits, &tested, store), 0, "%s: kept", room);
    is_int(tg_habits_dirty(habits), 0, "%s: all are kept", room);
    tg_habits_free(habits);
    habits = tg_habits_new(bytes);
    for (uint32_t key = 0; key < KEYS; key++)
        wrong += !is_wanted(habits, store, key);
    is_int(wrong, 0, "%s: each habit is in the store", room);
    tg_habits_free(habits);
}

/* What nobody uses any more leaves memory, one that is used stays. */
static void
test_idle(struct tg_store *store)
{
    struct tg_habits *habits = tg_habits_new(MUCH);
    int err = 0;

    for (uint32_t key = 0; key < KEYS && err == 0; key++)
        err = call(habits, store, key, CALLS + 1);
    for (int64_t n = 2; n < 20 && err == 0; n++) {
        err = call(habits, store, 7, CALLS + n);
        if (err == 0)
            err = call(habits, store, 8, CALLS + n);
        if (err == 0)
            err = tg_habits_keep(habits, &tested, store);
    }
    if (err == 0)
        err = call(habits, store, 7, CALLS + 20);
    is_int(err, 0, "two keys of all go on");
    is_int(tg_habits_dirty(habits), 1, "one of them is not kept");
    is_int(tg_habits_count(habits), 2, "and these stay in memory");
    tg_habits_free(habits);
}

static void
open_store(const char *folder, const char *name, struct tg_store **store)
{
    char path[128];
    struct tg_error error;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (tg_store_open_sqlite(store, path, &error) != 0)
        abort();
}

int
main(void)
{
    char folder[] = "/dev/shm/tollgate-habits-XXXXXX", command[160];
    struct tg_store *store;

    if (mkdtemp(folder) == NULL)
        abort();
    pthread_mutex_init(&tested.write_lock, NULL);
    open_store(folder, "much.db", &store);
    test_calls(store, MUCH, "much room");
    test_idle(store);
    store->ops->close(store);
    open_store(folder, "little.db", &store);
    test_calls(store, LITTLE, "little room");
    store->ops->close(store);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
    return done();
}
