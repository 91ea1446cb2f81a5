/*
 * Goal: the last use of each of a key's secrets is exact, through rotations,
 * their ends and undoings, a policy that comes into force long after it was
 * stored, calls that are rolled up, and calls that go by age.  What each call
 * came with is remembered here, and that is what must be told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_test.h"
#include "tap.h"

#define ROUNDS 60
#define STEPS 250
#define SECRETS 300 /* more than numbers that calls tell them by */
#define BEGUN_AT INT64_C(1750000000000)
#define KEY "key_00000000000000000001"
#define OTHER "key_00000000000000000002"

static struct tg_store *store;
static int64_t now_ms;
static uint32_t call_number;

/* A secret as this test knows it; the store has rows of the same. */
static struct model {
    char id[TG_ID_TEXT_SIZE];
    int64_t created_at, valid_until, used_at;
} secrets[SECRETS];
static int count;

/* What the gate has: indexes of secrets, -1 none, and the old one's end. */
static struct {
    int newest, old;
    int64_t old_until;
} in_force;

static void
must(int err, const char *what)
{
    if (err == 0)
        return;
    printf("Bail out! %s: %d %s\n", what, err, store->error.text);
    exit(1);
}

static void
add_key(const char *id)
{
    struct tg_store_key key = test_key_row(id, "acct_0000000000000000001");

    must(store->ops->key_add(store, &key), "key");
}

static void
add_secret(void)
{
    struct model *model = &secrets[count];
    struct tg_store_secret row = {.id = model->id,
                                  .key_id = KEY,
                                  .prefix = "sk-",
                                  .last4 = "0000",
                                  .created_at = now_ms,
                                  .ordinal = count + 1};

    snprintf(model->id, sizeof(model->id), "sec_%020d", count);
    model->created_at = now_ms;
    model->valid_until = model->used_at = 0;
    memcpy(row.digest.bytes, &count, sizeof(count));
    must(store->ops->secret_add(store, &row), "secret");
    count++;
}

static void
set_end(int n, int64_t until)
{
    struct tg_store_secret row = {.id = secrets[n].id, .valid_until = until};

    secrets[n].valid_until = until;
    must(store->ops->secret_set(store, &row), "secret's end");
}

static bool
is_valid(int n)
{
    return secrets[n].valid_until == 0 || secrets[n].valid_until > now_ms;
}

/* The newest two that are valid; the other is -1 where there is one alone. */
static void
find_valid(int *newest, int *old)
{
    *newest = *old = -1;
    for (int n = count - 1; n >= 0 && *old < 0; n--) {
        if (!is_valid(n))
            continue;
        if (*newest < 0)
            *newest = n;
        else
            *old = n;
    }
}

static void
publish(void)
{
    find_valid(&in_force.newest, &in_force.old);
    if (in_force.old >= 0)
        in_force.old_until = secrets[in_force.old].valid_until;
}

static void
add_call(const char *key_id, uint16_t flags)
{
    struct tg_record record = {.type = TG_RECORD_CALL};
    char agent[32];
    bool is_new;

    record.call.id = tg_call_id_make(1, ++call_number);
    record.call.at_ms = now_ms;
    record.call.flags = flags;
    record.call.status = 200;
    memcpy(record.call.key_id, key_id, TG_ID_LEN);
    snprintf(agent, sizeof(agent), "at/%lld", (long long)now_ms);
    record.agent = (struct tg_str){agent, strlen(agent)};
    must(store->ops->call_add(store, &record, &is_new), "call");
}

/* As src/core/admit_body.c says what a call came with. */
static void
call(void)
{
    bool has_old = in_force.old >= 0 &&
                   (in_force.old_until == 0 || now_ms < in_force.old_until);
    int n = has_old && test_any(2) ? in_force.old : in_force.newest;
    unsigned flags = (unsigned)(n % 255 + 1) << TG_CALL_SECRET_SHIFT;

    if (has_old)
        flags |= TG_CALL_TWO_SECRETS;
    if (n == in_force.old)
        flags |= TG_CALL_OLD_SECRET;
    /* An older Tollgate told nothing of the only secret there was. */
    if (count == 1 && test_any(3) == 0)
        flags = 0;
    add_call(KEY, (uint16_t)flags);
    secrets[n].used_at = now_ms;
}

/* One of the steps in the life of a rotation, put in force sooner or later. */
static void
rotate(void)
{
    bool is_at_once = test_any(4);
    int newest, old;

    /* A daemon that comes back publishes before it does anything else. */
    publish();
    find_valid(&newest, &old);
    if (old < 0 && count < SECRETS) {
        int64_t grace_ms = test_any(4) ? 1 + test_any(400000) : 0;

        set_end(newest, now_ms + grace_ms);
        add_secret();
        /* Not told: of a daemon that was killed here, what came with a dead
         * secret until it was back. */
        is_at_once |= grace_ms < 1000;
    } else if (old >= 0) {
        switch (test_any(3)) {
        case 0:
            set_end(old, now_ms);
            break;
        case 1:
            set_end(newest, now_ms);
            set_end(old, 0);
            break;
        default:
            set_end(old, now_ms + 1 + test_any(900000));
        }
    }
    if (is_at_once)
        publish();
}

static void
forget(void)
{
    struct tg_store_age age = {
        .now_ms = now_ms,
        .calls_before = now_ms - 1 - (int64_t)test_any(3000000),
    };
    bool has_more = true;

    while (has_more) {
        must(store->ops->begin(store), "begin");
        must(store->ops->forget(store, &age, 1 + test_any(20), &has_more),
             "forget");
        must(store->ops->commit(store), "commit");
    }
}

struct look {
    int seen;
    bool is_same;
};

static int
compare(void *arg, const struct tg_store_secret *row)
{
    struct look *look = arg;
    int n = count - 1 - look->seen++;
    char agent[32] = "";

    if (secrets[n].used_at != 0)
        snprintf(agent, sizeof(agent), "at/%lld",
                 (long long)secrets[n].used_at);
    if (strcmp(row->id, secrets[n].id) == 0 &&
        row->last_used_at == secrets[n].used_at &&
        strcmp(row->last_used_agent, agent) == 0)
        return 0;
    look->is_same = false;
    printf("# %s of %d: told %lld, was %lld\n", row->id, count,
           (long long)row->last_used_at, (long long)secrets[n].used_at);
    return 0;
}

static bool
is_exact(void)
{
    struct look look = {0, true};

    must(store->ops->secret_uses(store, KEY, compare, &look), "uses");
    return look.is_same && look.seen == count;
}

static void
step(bool forgets)
{
    uint32_t any = test_any(100);

    /* Mostly close together, so that steps and calls are of one second. */
    now_ms += 1 + (int64_t)(test_any(3) ? test_any(20) : test_any(200000));
    if (in_force.old >= 0 && in_force.old_until != 0 &&
        in_force.old_until <= now_ms && test_any(2))
        publish();
    /* Not told: of a daemon that was down until a secret's end, what came
     * with it from then on, alone, until the daemon was back. */
    if (!is_valid(in_force.newest))
        publish();
    if (any < 70)
        call();
    else if (any < 80)
        add_call(OTHER, 1 << TG_CALL_SECRET_SHIFT);
    else if (any < 98)
        rotate();
    else if (forgets)
        forget();
}

static void
open_store(void)
{
    struct tg_error error;
    struct tg_store_account account =
        test_account_row("acct_0000000000000000001", "a");

    if (tg_store_open_sqlite(&store, ":memory:", &error) != 0) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
    must(store->ops->account_add(store, &account), "account");
    add_key(KEY);
    add_key(OTHER);
}

static void
test_round(int round)
{
    bool forgets = round % 3 != 0, is_right = true;

    open_store();
    count = 0;
    call_number = 0;
    now_ms = BEGUN_AT;
    add_secret();
    publish();
    for (int i = 0; i < STEPS && is_right; i++) {
        step(forgets);
        if (test_any(5) == 0)
            is_right = is_exact();
    }
    ok(is_right && is_exact(), "round %d: %d secrets, %u calls%s", round, count,
       call_number, forgets ? ", some gone" : "");
    store->ops->close(store);
}

/* Numbers come again after 255 secrets. */
static void
test_many_secrets(void)
{
    open_store();
    count = 0;
    now_ms = BEGUN_AT;
    add_secret();
    publish();
    while (count < SECRETS - 1) {
        now_ms += 60000;
        call();
        set_end(count - 1, now_ms);
        add_secret();
        publish();
    }
    call();
    ok(is_exact(), "of 299 secrets each has its own");
    store->ops->close(store);
}

int
main(void)
{
    for (int round = 0; round < ROUNDS; round++)
        test_round(round);
    test_many_secrets();
    return done();
}
