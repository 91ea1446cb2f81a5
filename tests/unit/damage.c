/*
 * Goal: a state file that says what cannot be is not published to, and what a
 * worker reads of one is nothing rather than anything.
 */
#include "area.h"
#include "budget.h"
#include "pool.h"
#include "route.h"
#include "state_test.h"
#include "tap.h"

#define KEYS 1000
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct tg_state state;
static char *dir;

/* A sound file: two keys, one with a list, and an account. */
static void
begin(void)
{
    struct tg_str names[] = {TG_STR("deepseek-*"), TG_STR("gpt-4o")};
    struct tg_account_policy account = {.id = "acct_1",
                                        .status = TG_ACCOUNT_ACTIVE};
    struct tg_key_policy first, second;
    struct tg_publisher *publisher;
    uint32_t slot;

    dir = test_dir();
    test_create(&state, dir, KEYS);
    first = test_key(1);
    second = test_key(2);
    if (tg_publisher_open(&publisher, &state) != 0 ||
        tg_publish_account(publisher, &account, &slot) != 0 ||
        tg_publish_text(publisher, TG_STR("a name that takes two units"),
                        &first.name) != 0 ||
        tg_publish_texts(publisher, names, 2, &first.models) != 0 ||
        tg_publish_key(publisher, &first, &slot) != 0 ||
        tg_publish_key(publisher, &second, &slot) != 0)
        abort();
    tg_publisher_close(publisher);
}

static void
end(void)
{
    tg_state_close(&state);
    test_dir_remove(dir);
}

/* What the publisher says of the file as it is now. */
static int
adopt(void)
{
    struct tg_publisher *publisher;
    int err = tg_publisher_open(&publisher, &state);

    if (err == 0)
        tg_publisher_close(publisher);
    return err;
}

static struct tg_key_policy *
policy_of(uint32_t slot)
{
    return &state.keys[slot].slots[state.keys[slot].seq & 1];
}

static struct tg_blob *
blob_of(uint32_t blob)
{
    return (void *)(state.blobs + 16 * (size_t)blob);
}

static void
leave_alone(void)
{
}

static void
no_level(void)
{
    state.header->index_level = TG_INDEX_LEVELS;
}

static void
fill_index(void)
{
    for (uint32_t i = 0; i < 1u << TG_INDEX_BITS; i++)
        state.index[i] = (uint64_t)i << 32 | 1;
}

static void
key_beyond(void)
{
    state.header->key_high_water = KEYS + 1;
}

static void
account_beyond(void)
{
    state.header->account_high_water = UINT32_MAX;
}

static void
key_forgotten(void)
{
    state.header->key_high_water = 1;
}

static void
account_forgotten(void)
{
    state.header->account_high_water = 0;
}

static void
blob_beyond(void)
{
    policy_of(0)->hours = UINT32_MAX;
}

static void
blob_nowhere(void)
{
    policy_of(0)->hours = (1u << 28) - 1;
}

static void
blob_too_long(void)
{
    blob_of(policy_of(0)->models)->len = TG_BLOB_MAX + 1;
}

static void
blob_within(void)
{
    policy_of(1)->name = policy_of(0)->name + 1;
}

static const struct {
    const char *what;
    void (*damage)(void);
    int err;
} files[] = {
    {"as it is", leave_alone, 0},
    {"an index of a level that there is not", no_level, TG_ERR_CORRUPT},
    {"an index in which no search ends", fill_index, TG_ERR_CORRUPT},
    {"more keys than there is room for", key_beyond, TG_ERR_CORRUPT},
    {"more accounts than there is room for", account_beyond, TG_ERR_CORRUPT},
    {"a key in a slot that was never used", key_forgotten, TG_ERR_CORRUPT},
    {"an account in such a slot", account_forgotten, TG_ERR_CORRUPT},
    {"a blob behind the file's end", blob_beyond, TG_ERR_CORRUPT},
    {"a blob where nothing was written", blob_nowhere, TG_ERR_CORRUPT},
    {"a blob longer than any", blob_too_long, TG_ERR_CORRUPT},
    {"a blob within another", blob_within, TG_ERR_CORRUPT},
};

static void
test_files(void)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        begin();
        files[i].damage();
        is_int(adopt(), files[i].err, "%s", files[i].what);
        end();
    }
}

static int
publish_some(uint32_t first, uint32_t count, bool are_open)
{
    struct tg_publisher *publisher;
    int err = tg_publisher_open(&publisher, &state);

    for (uint32_t n = first; n < first + count && err == 0; n++) {
        struct tg_key_policy key = test_key(n);
        struct tg_digest second = test_digest(n + 1000000);
        uint32_t slot;

        memcpy(key.secrets[1].digest, second.bytes, sizeof(second.bytes));
        err = tg_publish_key(publisher, &key, &slot);
        if (err == 0 && are_open)
            err = tg_publish_open(publisher, slot);
    }
    tg_publisher_close(publisher);
    return err;
}

/* The table of a level holds less than all keys have: they are found again. */
static void
test_lost_index(void)
{
    struct tg_digest digest = test_digest(1004100);
    uint32_t slot;

    dir = test_dir();
    test_create(&state, dir, 5000);
    if (publish_some(1, 4100, false) != 0)
        abort();
    state.header->index_level = 0;
    is_int(adopt(), 0, "an index of a level that is not in use is made anew");
    is_int(tg_state_lookup(&state, &digest, &slot), 0, "with each key in it");
    end();
}

/* While a file is being filled a key is put where another one may still be. */
static void
test_used_slot(void)
{
    begin();
    state.header->key_high_water = 0;
    state.keys[0].seq = 0;
    state.header->is_filling = 1;
    is_int(publish_some(3, 2, true), 0,
           "a new key opens in a slot that had one");
    end();
}

static const struct {
    const char *what;
    size_t offset, bytes;
    int64_t value;
    bool is_sound;
} calls[] = {
#define CALL(what, member, value, is_sound)                                    \
    {                                                                          \
        what, offsetof(struct tg_call, member),                                \
            sizeof(((struct tg_call *)0)->member), value, is_sound             \
    }
    CALL("as it is", held_nanos, 500, true),
    CALL("of the last key", key_slot, KEYS - 1, true),
    CALL("of a key that there is not", key_slot, KEYS, false),
    CALL("of an account that there is not", account_slot, UINT32_MAX, false),
    CALL("of no endpoint", endpoint, 0, false),
    CALL("of a unit that there is not", unit, TG_UNIT_CALL + 1, false),
    CALL("with a code that there is not", code, UINT16_MAX, false),
    CALL("that holds less than nothing", held_nanos, -1, false),
    CALL("whose cost is not yet bounded by its hold", cost_nanos, 501, true),
    CALL("that makes less than nothing", completion_bound, -1, false),
    CALL("with tokens that cannot be added", prompt_tokens, INT64_MAX, false),
    CALL("with a price below zero", rates.output_picos, -1, false),
#undef CALL
};

static void
test_calls(void)
{
    begin();
    for (size_t i = 0; i < COUNT(calls); i++) {
        struct tg_call_slot slot = {
            .call = {.endpoint = TG_ENDPOINT_CHAT, .held_nanos = 500}};

        memcpy((char *)&slot.call + calls[i].offset, &calls[i].value,
               calls[i].bytes);
        is_int(tg_area_is_sound(&state, &slot), calls[i].is_sound, "a call %s",
               calls[i].what);
    }
    end();
}

/* Only a settled one costs no more than it holds. */
static void
test_settled_call(void)
{
    struct tg_call_slot slot = {.call = {.endpoint = TG_ENDPOINT_CHAT,
                                         .status = 200,
                                         .held_nanos = 500,
                                         .cost_nanos = 501}};

    begin();
    ok(!tg_area_is_sound(&state, &slot), "a settled call above its hold");
    slot.call.cost_nanos = 500;
    ok(tg_area_is_sound(&state, &slot), "and one that costs all of it");
    end();
}

static void
test_reads(void)
{
    struct tg_key_policy key;
    uint64_t seq;

    begin();
    is_int(tg_state_key(&state, KEYS, &key, &seq), TG_ERR_NOT_FOUND,
           "a key's slot that there is not has none");
    blob_of(policy_of(0)->models)->len = TG_BLOB_MAX + 1;
    is_int(tg_state_blob(&state, policy_of(0)->models).len, 0,
           "a blob longer than any is empty");
    end();
}

/* What is fetched ahead is where the index says, if that can be. */
static void
test_looks_ahead(void)
{
    static const struct tg_digest digest;
    uint32_t slot;

    begin();
    state.header->key_capacity = 1;
    for (uint32_t i = 0; i < 1u << TG_INDEX_BITS; i++)
        state.index[i] = UINT32_MAX - 1;
    tg_state_expect_key(&state, &digest);
    is_int(tg_state_lookup(&state, &digest, &slot), TG_ERR_NOT_FOUND,
           "an index that leads behind the keys leads nowhere");
    state.header->index_level = UINT64_MAX;
    tg_state_expect(&state, &digest);
    tg_state_expect_key(&state, &digest);
    is_int(tg_state_lookup(&state, &digest, &slot), TG_ERR_NOT_FOUND,
           "nor does one of a level that there is not, looked at ahead");
    end();
}

/* A cell below 0 would be money to spend. */
static void
test_cells(void)
{
    struct tg_budget_verdict verdict;
    struct tg_account_policy account = {.billing = TG_BILLING_POSTPAID};
    struct tg_call call = {.key_slot = 0};

    begin();
    policy_of(0)->daily_nanos = 1000;
    state.keys[0].day.used_nanos = INT64_MIN;
    is_int(tg_budget_left(&state, &call, policy_of(0), &account, &verdict), 0,
           "of a cell below 0 nothing is left");
    is_int(verdict.kind, TG_BUDGET_DAILY, "of that one");
    end();
}

/* More slots than there are. */
static void
test_high_water(void)
{
    struct tg_area_claim claim;

    begin();
    tg_area_claim(&claim, &state, 7, 1);
    state.areas[claim.area].high_water = UINT32_MAX;
    tg_area_leave(&claim);
    is_int(state.areas[0].writer_id, 0, "a worker leaves a damaged area");
    end();
}

/* 2^32 - 1 calls, and one more, are none: then one leaves. */
static void
test_calls_at_once(void)
{
    struct tg_area_claim claim;

    begin();
    tg_area_claim(&claim, &state, 7, 1);
    state.areas[claim.area].credential_calls[3] = UINT32_MAX;
    ok(tg_pool_enter(&claim, 3, 0), "a call enters where a count is damaged");
    tg_pool_leave(&claim, 3);
    is_int(tg_pool_calls(&state, 3), 0, "and leaves, and nobody is in");
    tg_area_leave(&claim);
    end();
}

int
main(void)
{
    test_files();
    test_lost_index();
    test_used_slot();
    test_calls();
    test_settled_call();
    test_reads();
    test_looks_ahead();
    test_cells();
    test_high_water();
    test_calls_at_once();
    return done();
}
