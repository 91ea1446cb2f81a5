/* A published policy is found, replaced, and gone, as one whole. */
#include "state_test.h"
#include "tap.h"

static struct tg_state state;
static struct tg_publisher *publisher;

static int
find(uint32_t secret, struct tg_key_policy *policy)
{
    struct tg_digest digest = test_digest(secret);
    uint32_t slot;
    uint64_t seq;
    int err = tg_state_lookup(&state, &digest, &slot);

    if (err != 0)
        return err;
    err = tg_state_key(&state, slot, policy, &seq);
    if (err == 0 && tg_key_secret_of(policy, &digest) < 0)
        return TG_ERR_NOT_FOUND;
    return err;
}

static void
test_one_key(void)
{
    struct tg_key_policy key = test_key(1), found;
    struct tg_digest next = test_digest(2);
    uint32_t slot;

    is_int(find(1, &found), TG_ERR_NOT_FOUND, "a key is not there at first");
    is_int(tg_publish_key(publisher, &key, &slot), 0, "it is published");
    is_int(find(1, &found), 0, "and found by its digest");
    ok(memcmp(&found, &key, sizeof(key)) == 0, "byte for byte");

    memcpy(key.secrets[1].digest, next.bytes, 32);
    tg_publish_key(publisher, &key, &slot);
    is_int(find(2, &found), 0, "a second secret leads to it, too");
    is_int(find(1, &found), 0, "beside the first");

    memset(&key.secrets[0], 0, sizeof(key.secrets[0]));
    tg_publish_key(publisher, &key, &slot);
    is_int(find(1, &found), TG_ERR_NOT_FOUND, "the first one taken away");
    is_int(find(2, &found), 0, "leaves the second");

    is_int(tg_publish_key_gone(publisher, key.id), 0, "the key is taken out");
    is_int(find(2, &found), TG_ERR_NOT_FOUND, "and found no more");
    is_int(tg_publish_key_gone(publisher, key.id), TG_ERR_NOT_FOUND,
           "taking it out again says that it is not there");
}

/* Of 2^32 rotations one: what the index has of both secrets is the same. */
static void
test_a_digest_that_is_nearly_the_one_before(void)
{
    struct tg_key_policy key = test_key(3);
    struct tg_digest digest = test_digest(3);
    uint32_t slot;

    key.secrets[0].digest[2] ^= 1;
    tg_publish_key(publisher, &key, &slot);
    key.secrets[0].digest[2] ^= 1;
    tg_publish_key(publisher, &key, &slot);
    is_int(tg_state_lookup(&state, &digest, &slot), 0,
           "a secret is found that shares its tag with the one it replaces");
    tg_publish_key_gone(publisher, key.id);
}

static void
test_slots_come_back(void)
{
    struct tg_key_policy a = test_key(10), b = test_key(11);
    uint32_t first, second;

    tg_publish_key(publisher, &a, &first);
    tg_publish_key_gone(publisher, a.id);
    tg_publish_key(publisher, &b, &second);
    is_int(second, first, "a free slot is used again");
    is_int(find(10, &a), TG_ERR_NOT_FOUND,
           "and does not answer for the key that had it");
    tg_publish_key_gone(publisher, b.id);
}

static void
test_growth(void)
{
    struct tg_key_policy key, found;
    uint32_t slot, n, missing = 0, wrong = 0;

    for (n = 0; n < 20000; n++) {
        key = test_key(1000 + n);
        key.requests_per_minute = n;
        if (tg_publish_key(publisher, &key, &slot) != 0)
            break;
    }
    is_int(n, 20000, "20 000 keys fit");
    ok(atomic_load(&state.header->index_level) > 0, "the index has grown");
    for (n = 0; n < 20000; n++) {
        if (find(1000 + n, &found) != 0)
            missing++;
        else if (found.requests_per_minute != n)
            wrong++;
    }
    is_int(missing, 0, "none is missing");
    is_int(wrong, 0, "none is another's");
    is_int(find(999, &found), TG_ERR_NOT_FOUND, "an unknown one is unknown");
}

/* Digests that are the same where the index looks, and differ behind. */
static void
test_twins(void)
{
    struct tg_key_policy a = test_key(30), b = test_key(31), found;
    struct tg_digest digest;
    uint32_t first, second, slot;
    uint64_t seq;

    memcpy(b.secrets[0].digest, a.secrets[0].digest, 8);
    tg_publish_key(publisher, &a, &first);
    tg_publish_key(publisher, &b, &second);
    memcpy(digest.bytes, b.secrets[0].digest, 32);
    is_int(tg_state_lookup(&state, &digest, &slot), 0, "a twin is found");
    is_int(slot, second, "as itself");
    is_int(find(30, &found), 0, "and so is the other");
    is_int(tg_state_key(&state, first, &found, &seq), 0, "by its slot");
    tg_publish_key_gone(publisher, a.id);
    is_int(tg_state_lookup(&state, &digest, &slot), 0,
           "one is found when the other is gone");
    tg_publish_key_gone(publisher, b.id);
}

static void
test_texts(void)
{
    struct tg_key_policy a = test_key(1), b = test_key(2);
    struct tg_str texts[] = {TG_STR("deepseek-*"), TG_STR(""), TG_STR("m")};
    struct tg_str list, text;
    uint32_t first, again, slot, count = 0;
    char large[256];

    memset(large, 'x', sizeof(large));
    is_int(tg_publish_texts(publisher, texts, 3, &first), 0, "a list");
    tg_publish_texts(publisher, texts, 3, &again);
    is_int(again, first, "the same bytes stand once");
    a.models = first;
    b.models = again;
    tg_publish_key(publisher, &a, &slot);
    tg_publish_key(publisher, &b, &slot);

    list = tg_state_blob(&state, first);
    while (tg_blob_next(&list, &text)) {
        if (!tg_str_eq(text, texts[count]))
            break;
        count++;
    }
    is_int(count, 3, "it reads as it was written");

    tg_publish_key_gone(publisher, a.id);
    tg_publish_texts(publisher, texts, 3, &again);
    is_int(again, first, "it stays while one key uses it");
    tg_publish_key_gone(publisher, b.id);

    texts[0] = (struct tg_str){large, sizeof(large)};
    is_int(tg_publish_texts(publisher, texts, 1, &again), TG_ERR_RANGE,
           "a text of 256 bytes is refused");
    is_int(tg_state_blob(&state, UINT32_MAX).len, 0,
           "a number beyond the arena is empty");
}

/* Each hash leads to the one model that there is. */
static void
test_model_names(void)
{
    static struct tg_catalog catalog;
    char longest[TG_MODEL_NAME_MAX + 1];
    struct tg_str name = {longest, TG_MODEL_NAME_MAX};

    for (size_t i = 0; i < TG_CATALOG_MODELS * 4; i++)
        catalog.model_index[i] = 1;
    strcpy(catalog.models[0].name, "b");
    is_int(tg_catalog_find(&catalog, TG_STR("b")), 0, "its name");
    is_int(tg_catalog_find(&catalog, TG_STR("bb")), -1, "a longer one");
    is_int(tg_catalog_find(&catalog, TG_STR("b\0")), -1, "a NUL behind it");
    is_int(tg_catalog_find(&catalog, TG_STR("")), -1, "none");
    memset(longest, 'b', sizeof(longest));
    memcpy(catalog.models[0].name, longest, TG_MODEL_NAME_MAX);
    is_int(tg_catalog_find(&catalog, name), 0, "the longest name");
    is_int(tg_catalog_find(&catalog, TG_STR("b")), -1, "its beginning");
    name.len++;
    is_int(tg_catalog_find(&catalog, name), -1, "more than fits");
}

static void
test_catalog(void)
{
    static struct tg_catalog catalog;
    const struct tg_catalog *found;
    uint64_t seq;

    ok(tg_state_catalog(&state, &seq) == NULL, "no catalog at first");
    catalog.model_count = 2;
    strcpy(catalog.models[0].name, "a");
    strcpy(catalog.models[1].name, "b");
    is_int(tg_publish_catalog(publisher, &catalog), 0, "it is published");
    found = tg_state_catalog(&state, &seq);
    is_int(tg_catalog_find(found, TG_STR("b")), 1, "a model is found");
    is_int(tg_catalog_find(found, TG_STR("c")), -1, "another is not");
    strcpy(catalog.models[1].name, "a");
    is_int(tg_publish_catalog(publisher, &catalog), TG_ERR_DUPLICATE,
           "a name that stands twice is refused");
    ok(tg_state_catalog_is_current(&state, seq), "and changes nothing");
}

static void
test_reopening(const char *dir)
{
    struct tg_key_policy found;
    struct tg_publisher *second = NULL;
    struct tg_state other;

    test_open(&other, dir);
    is_int(tg_publisher_open(&second, &other), TG_ERR_BUSY,
           "there is one writer at a time");
    tg_publisher_close(publisher);
    is_int(tg_publisher_open(&second, &other), 0, "then there is another");
    publisher = second;
    is_int(find(1500, &found), 0, "with the keys that were there");
    is_int(tg_publish_key_gone(publisher, found.id), 0, "under their ids");
    is_int(find(1500, &found), TG_ERR_NOT_FOUND, "to take out");
    tg_publisher_close(publisher);
    tg_state_close(&other);
}

static void
test_other_files(const char *dir)
{
    struct tg_state other;
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/other", dir);
    is_int(tg_state_open(&other, AT_FDCWD, path), TG_ERR_SYSTEM,
           "a file that is not there");
    file = fopen(path, "w");
    fputs("too short", file);
    fclose(file);
    is_int(tg_state_open(&other, AT_FDCWD, path), TG_ERR_FORMAT,
           "a file that is too short");
    file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a state file", file);
    fclose(file);
    is_int(tg_state_open(&other, AT_FDCWD, path), TG_ERR_FORMAT,
           "a file that is another's");
    unlink(path);
}

int
main(void)
{
    char *dir = test_dir();

    test_create(&state, dir, 50000);
    if (tg_publisher_open(&publisher, &state) != 0)
        return 1;
    test_one_key();
    test_a_digest_that_is_nearly_the_one_before();
    test_slots_come_back();
    test_twins();
    test_texts();
    test_growth();
    test_model_names();
    test_catalog();
    test_reopening(dir);
    test_other_files(dir);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
