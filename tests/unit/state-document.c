/*
 * A reader of the state file written from docs/state.md alone: bytes at
 * offsets, no structure of ours.  What was published is found by it.
 */
#include "admit_test.h"

#include "area.h"

static int fd;

static uint64_t
le(uint64_t at, int bytes)
{
    uint8_t raw[8] = {0};
    uint64_t value = 0;

    if (pread(fd, raw, (size_t)bytes, (off_t)at) != bytes)
        printf("# nothing to read at %llu\n", (unsigned long long)at);
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | raw[i];
    return value;
}

static bool
is_text(uint64_t at, size_t size, const char *text)
{
    char field[256] = "", want[256] = "";

    if (pread(fd, field, size, (off_t)at) != (ssize_t)size)
        return false;
    memcpy(want, text, strlen(text));
    return memcmp(field, want, size) == 0;
}

static uint64_t
page_up(uint64_t n)
{
    return (n + 4095) / 4096 * 4096;
}

static void
test_header(void)
{
    uint64_t keys = le(48, 4), accounts = le(52, 4), at = 4096;

    ok(is_text(0, 8, "TGSTATE1"), "magic");
    is_int(le(8, 4), 3, "version");
    is_int(le(12, 4), 336, "size of the header");
    is_int(le(24, 8), 1000, "made at");
    is_int(le(32, 1), 1, "name of the file");
    is_int(keys, 1000, "key capacity");
    is_int(le(56, 4), 256, "areas");
    is_int(le(60, 4), 32768, "slots of each");
    is_int(le(64, 8), at, "the index is behind the header");
    at += page_up(8 * UINT64_C(4096) * ((1 << 14) - 1));
    is_int(le(72, 8), at, "the keys behind it");
    at += page_up(704 * keys);
    is_int(le(80, 8), at, "the accounts");
    at += page_up(384 * accounts);
    is_int(le(88, 8), at, "the catalogs");
    at += page_up(UINT64_C(2) * 971600);
    is_int(le(96, 8), at, "the areas");
    at += page_up(1088 * 256) + page_up(UINT64_C(400) * 256 * 32768);
    is_int(le(120, 8), at, "their slots, then the pool");
    at += page_up(64 * 256);
    is_int(le(128, 8), at, "the throttle");
    at += page_up(8 * 65536);
    is_int(le(136, 8), at, "the waiters");
    at += page_up(32 * 1024);
    is_int(le(144, 8), at, "the keys that are wanted");
    at += page_up(64 * 512);
    is_int(le(104, 8), at, "the blobs");
    at += le(112, 8);
    is_int(le(16, 8), at, "to the end of the file");
    is_int(lseek(fd, 0, SEEK_END), at, "which is there");
    is_int(le(248, 8), 0, "nobody has said how far the clock is ahead");
    is_int(le(256, 8), 0, "and no disk has failed");
    is_int(le(304, 4), 1, "ready");
    is_int(le(308, 4), 1, "one key slot was used");
    is_int(le(312, 4), 5, "five account slots");
    is_int(le(316, 4), 0, "and nothing is missing");
    is_int(le(320, 8), 77, "the daemon was seen");
}

/* Steps 1 to 3 of the search; -1: not found. */
static int64_t
find_slot(const struct tg_digest *digest)
{
    uint64_t level = le(176, 8), size = UINT64_C(1) << (12 + level), hash = 0;
    uint64_t table = le(64, 8) + 8 * ((UINT64_C(1) << level) - 1) * 4096;

    for (int i = 7; i >= 0; i--)
        hash = hash << 8 | digest->bytes[i];
    for (uint64_t n = 0, i = hash % size; n < size; n++, i = (i + 1) % size) {
        uint64_t entry = le(table + 8 * i, 8), slot = entry & UINT32_MAX;

        if (entry == 0)
            return -1;
        if (entry >> 32 == hash >> 32 && slot != UINT32_MAX)
            return (int64_t)slot - 1;
    }
    return -1;
}

/* Where the slot in force of a published thing begins. */
static uint64_t
in_force(uint64_t seq_at, uint64_t slots_at, uint64_t size)
{
    return slots_at + (le(seq_at, 8) & 1) * size;
}

static uint64_t
blob_at(uint64_t number)
{
    return le(104, 8) + 16 * number;
}

static void
test_key_by_document(void)
{
    struct test_policy row = {.kind = TG_KIND_RESTRICTED,
                              .scopes = TG_SCOPE_CHAT | TG_SCOPE_FILES,
                              .endpoints = 1 << TG_ENDPOINT_CHAT,
                              .models = "gpt-4o deepseek-*",
                              .expires_at = "2027-01-01T00:00:00Z",
                              .ended_at = "2026-11-01T00:00:00Z",
                              .old_until = "2026-12-01T00:00:00Z",
                              .account = 1,
                              .numbers = {8, 7}};
    struct tg_digest old, new, unknown;
    uint64_t record, policy, list;

    publish_policy(&row);
    tg_digest_of(TG_STR(OLD_SECRET), &old);
    tg_digest_of(TG_STR(NEW_SECRET), &new);
    tg_digest_of(TG_STR(UNKNOWN_SECRET), &unknown);
    is_int(find_slot(&old), 0, "a secret leads to its slot");
    is_int(find_slot(&new), 0, "and so does the other one");
    is_int(find_slot(&unknown), -1, "an unknown one does not");

    record = le(72, 8);
    policy = in_force(record, record + 192, 256);
    ok(is_text(policy, 24, KEY_ID), "id");
    ok(le(policy + 24, 1) == new.bytes[0] &&
           le(policy + 55, 1) == new.bytes[31],
       "the newer secret's digest");
    is_int(le(policy + 56, 8), 0, "it has no end");
    ok(le(policy + 64, 1) == old.bytes[0], "the other's");
    is_int(le(policy + 96, 8), instant(row.old_until), "which has one");
    is_int(le(policy + 142, 1), 8, "which of the key's secrets the one is");
    is_int(le(policy + 143, 1), 7, "and the other");
    is_int(le(policy + 104, 4), 1, "account");
    is_int(le(policy + 128, 8), 2, "endpoints");
    is_int(le(policy + 136, 4), 33, "scopes");
    is_int(le(policy + 140, 1), 3, "kind");
    is_int(le(policy + 141, 1), 1, "status");
    is_int(le(policy + 144, 8), instant("2026-10-01T00:00:00Z"), "made");
    is_int(le(policy + 152, 8), instant(row.expires_at), "expires");
    is_int(le(policy + 160, 8), instant(row.ended_at), "ended");
    ok(is_text(policy + 212, 8, "sk-tgp_") && is_text(policy + 220, 4, "KLpj"),
       "both ends of the secret");

    is_int(le(blob_at(le(policy + 108, 4)), 4), 5, "its name's length");
    ok(is_text(blob_at(le(policy + 108, 4)) + 8, 5, "a key"), "its name");
    list = blob_at(le(policy + 112, 4));
    is_int(le(list, 4), 7 + 11, "its list's length");
    ok(le(list + 8, 1) == 6 && is_text(list + 9, 6, "gpt-4o") &&
           le(list + 15, 1) == 10 && is_text(list + 16, 10, "deepseek-*"),
       "its models");
}

static void
test_account_by_document(void)
{
    uint64_t record = le(80, 8), policy = in_force(record, record + 192, 96);

    ok(is_text(policy, 24, "acct_0000000000000000001"), "id of an account");
    is_int(le(policy + 28, 1), 1, "status");
    is_int(le(policy + 32, 8), 10000000000, "granted");
    is_int(le(policy + 40, 8), 5000000000, "topped up");
    is_int(le(policy + 48, 8), 1000000000, "settled before");
    record += 384;
    policy = in_force(record, record + 192, 96);
    is_int(le(policy + 28, 1), 2, "another one is suspended");
}

static int
find_model(uint64_t catalog, const char *name)
{
    uint32_t hash = 2166136261u;

    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    for (uint32_t i = hash % 2048;; i = (i + 1) % 2048) {
        int model = (int)le(catalog + 336 + 2 * i, 2) - 1;

        if (model < 0)
            return -1;
        if (is_text(catalog + 4432 + 1632 * (uint64_t)model, 64, name))
            return model;
    }
}

static void
test_catalog_by_document(void)
{
    uint64_t catalog = in_force(240, le(88, 8), 971600), model, upstream;
    uint64_t price, credential;
    int row = find_model(catalog, "gpt-4o");

    is_int(le(catalog, 4), TEST_MODELS, "models");
    ok(is_text(catalog + 8, 8, "USD"), "currency");
    is_int(row, 1, "a model is found by its name");
    is_int(find_model(catalog, "gpt-4"), -1, "another is not");
    model = catalog + 4432 + 1632;
    is_int(le(model + 64, 4), 1, "its scopes");
    is_int(le(model + 70, 2), 1, "its upstreams");
    is_int(le(model + 72, 2), 1, "the first");
    is_int(le(model + 80, 8), 1700000001000, "made");
    is_int(le(model + 88, 8), 128000, "context");
    is_int(le(model + 96, 8), 16384, "answer");
    is_int(le(model + 120, 4), 2, "prices");
    is_int(le(catalog + 4432 + 68, 2), 1, "the one before is for development");
    is_int(le(catalog + 4432 + 104, 8), 4096, "and completes");

    price = model + 128;
    is_int(le(price, 8), instant("2026-01-01T00:00:00Z"), "in force from");
    is_int(le(price + 8, 8), 3000, "cached, off-peak");
    is_int(le(price + 16, 8), 150000, "other prompt");
    is_int(le(price + 24, 8), 600000, "completion");
    is_int(le(price + 32, 8), 150000, "written to the cache");
    is_int(le(price + 64, 8), 1200000, "completion at peak");
    is_int(le(price + 88, 4), 0xfff0, "Monday 01:00 to 04:00");
    is_int(le(price + 88 + 12, 4), 0xfff0, "and Tuesday");
    is_int(le(price + 172, 4), 1, "not on holidays");
    is_int(le(price + 376 + 16, 8), 2, "the next price");

    upstream = catalog + 840016 + 616;
    ok(is_text(upstream, 24, "up_1"), "id of an upstream");
    ok(is_text(upstream + 24, 32, "upstream-1"), "its name");
    is_int(le(upstream + 384, 2), 2, "its dialect");
    is_int(le(upstream + 388, 2), 8, "its addresses");
    is_int(le(upstream + 390, 2), 1, "its credentials");
    is_int(le(upstream + 584, 2), 1, "the first");
    credential = catalog + 879440 + 360;
    ok(is_text(credential, 24, "cred_1"), "which is this");
    is_int(le(credential + 28, 2), 1, "and for it");
}

static void
test_area_by_document(void)
{
    struct tg_call call = {.at_ms = 12345, .held_nanos = 99, .key_slot = 0};
    uint64_t area = le(96, 8), counters = le(72, 8) + 64, slot;
    struct tg_area_claim claim;
    struct tg_call_slot *begun;

    if (tg_area_claim(&claim, &state, 0xabcdef, 4711) != 0)
        abort();
    /* As tg_rate_take does in front of each. */
    atomic_fetch_add(&state.keys[0].counters.in_flight, 2);
    (void)tg_area_begin(&claim, &call);
    begun = tg_area_begin(&claim, &call);
    is_int(le(area, 8), 0xabcdef, "an area's writer");
    is_int(le(area + 8, 4), getpid(), "its process");
    is_int(le(area + 12, 4), 2, "slots that were used");
    is_int(le(area + 16, 8), 4711, "claimed at");
    slot = page_up(area + 1088 * 256) + 400;
    is_int(le(slot, 4), 1, "a call in its second slot");
    is_int(le(slot + 32 + 16, 8), 12345, "begun at");
    is_int(le(slot + 32 + 352, 8), 99, "which holds this");
    is_int(le(counters + 24, 8), 2 * 99, "what is held for the key");
    is_int(le(counters + 48, 4), 2, "calls in flight");
    tg_area_end(&claim, begun);
    is_int(le(slot, 4), 0, "ended, it is free");
    tg_area_leave(&claim);
    is_int(le(area, 8), 0xabcdef, "left with a call, it has its writer");
}

int
main(void)
{
    struct test_policy first = {.models = "x"};
    char path[128];

    admit_test_begin();
    publish_policy(&first);
    tg_publish_ready(publisher, 77);
    snprintf(path, sizeof(path), "%s/state", state_dir);
    fd = open(path, O_RDONLY);
    if (fd == -1)
        return 1;
    test_header();
    test_key_by_document();
    test_account_by_document();
    test_catalog_by_document();
    test_area_by_document();
    close(fd);
    admit_test_end();
    return done();
}
