#include "publish_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "err.h"

/* Slots that get their memory at once, so that a full tmpfs is an error. */
#define GROW_SLOTS 256

/* Free slots that are looked at before a new one is taken. */
#define FREE_LOOKS 64

static const uint8_t no_digest[32];
static const struct tg_key_policy no_key;

/* The writer's lock is that of the file's first byte. */
static int
lock_writer(const struct tg_state *state, short type)
{
    struct flock lock = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

    if (fcntl(state->fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EAGAIN || errno == EACCES ? TG_ERR_BUSY : TG_ERR_SYSTEM;
}

void
tg_publish_store(void *to, const void *from, size_t bytes)
{
    _Atomic uint64_t *target = to;
    const uint64_t *source = from;

    for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
        atomic_store_explicit(&target[i], source[i], memory_order_relaxed);
}

/*
 * Fills the idle slot and puts it in force.  The fence in front keeps these
 * stores behind the publication before; the one at the end keeps whatever
 * the writer does next (a blob reused) behind this one.
 */
static void
publish(tg_seq *seq, void *slots, size_t size, const void *content)
{
    uint64_t next = tg_publish_next(seq);

    atomic_thread_fence(memory_order_seq_cst);
    tg_publish_store((char *)slots + (next & 1) * size, content, size);
    atomic_store_explicit(seq, next, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
}

static int
remember_free(struct tg_free_slots *list, uint32_t slot)
{
    if (list->count == list->capacity) {
        size_t want = list->capacity ? list->capacity * 2 : 64;
        uint32_t *bigger = realloc(list->slots, want * sizeof(*bigger));

        if (bigger == NULL)
            return TG_ERR_SYSTEM;
        list->slots = bigger;
        list->capacity = want;
    }
    list->slots[list->count++] = slot;
    return 0;
}

#define KEY_BLOBS 6

static void
blobs_of(const struct tg_key_policy *policy, uint32_t blobs[KEY_BLOBS])
{
    blobs[0] = policy->name;
    blobs[1] = policy->models;
    blobs[2] = policy->networks;
    blobs[3] = policy->referrers;
    blobs[4] = policy->hours;
    blobs[5] = policy->timezone;
}

/*
 * Whether a table says of itself what cannot be: that it is larger than there
 * is room for, or that a slot which was published to, at next, was never used.
 */
static bool
is_beyond(uint32_t slots, uint32_t capacity, tg_seq *next)
{
    return slots > capacity || (slots < capacity && atomic_load(next) != 0);
}

static int
adopt_keys(struct tg_publisher *publisher)
{
    struct tg_state *state = publisher->state;
    uint32_t slots = atomic_load(&state->header->key_high_water);
    uint32_t blobs[KEY_BLOBS];
    struct tg_key_policy policy;
    uint64_t seq;
    int err =
        is_beyond(slots, state->header->key_capacity, &state->keys[slots].seq)
            ? TG_ERR_CORRUPT
            : 0;

    if (err == 0)
        err = tg_idmap_reserve(&publisher->keys, slots);
    if (err == 0)
        tg_arena_reserve(publisher->arena, slots);
    for (uint32_t slot = 0; slot < slots && err == 0; slot++) {
        if (tg_state_key(state, slot, &policy, &seq) != 0 ||
            policy.id[0] == '\0') {
            err = remember_free(&publisher->free_keys, slot);
            continue;
        }
        err = tg_idmap_put(&publisher->keys, policy.id, slot);
        blobs_of(&policy, blobs);
        for (int i = 0; i < KEY_BLOBS && err == 0; i++)
            err = tg_arena_adopt(publisher->arena, blobs[i]);
        /* A writer killed between policy and index left this undone. */
        for (int i = 0; i < 2 && err == 0; i++) {
            if (memcmp(policy.secrets[i].digest, no_digest, 32) != 0)
                err = tg_index_add(&publisher->index, policy.secrets[i].digest,
                                   slot);
        }
    }
    return err;
}

static int
adopt_accounts(struct tg_publisher *publisher)
{
    struct tg_state *state = publisher->state;
    uint32_t slots = atomic_load(&state->header->account_high_water);
    struct tg_account_policy policy;
    int err = is_beyond(slots, state->header->account_capacity,
                        &state->accounts[slots].seq)
                  ? TG_ERR_CORRUPT
                  : 0;

    for (uint32_t slot = 0; slot < slots && err == 0; slot++) {
        if (tg_state_account(state, slot, &policy) != 0)
            continue;
        err = tg_idmap_put(&publisher->accounts, policy.id, slot);
        if (err == 0)
            err = tg_arena_adopt(publisher->arena, policy.name);
    }
    return err;
}

/* The small tables that workers change, whole: a few hundred KiB. */
static int
secure_tables(const struct tg_state *state)
{
    const struct tg_state_header *h = state->header;

    if (fallocate(state->fd, 0, (off_t)h->areas_offset,
                  (off_t)(h->area_count * sizeof(struct tg_area))) != 0 ||
        fallocate(state->fd, 0, (off_t)h->pool_offset,
                  (off_t)(h->blobs_offset - h->pool_offset)) != 0)
        return TG_ERR_SYSTEM;
    return 0;
}

int
tg_publisher_open(struct tg_publisher **out, struct tg_state *state)
{
    struct tg_publisher *publisher;
    int err = lock_writer(state, F_WRLCK);

    if (err != 0)
        return err;
    publisher = calloc(1, sizeof(*publisher));
    if (publisher == NULL)
        return TG_ERR_SYSTEM;
    publisher->state = state;
    publisher->arena = tg_arena_new(state);
    err = publisher->arena == NULL ? TG_ERR_SYSTEM : 0;
    if (err == 0)
        err = tg_index_open(&publisher->index, state);
    if (err == 0)
        err = secure_tables(state);
    if (err == 0)
        err = adopt_keys(publisher);
    if (err == 0)
        err = adopt_accounts(publisher);
    if (err == 0)
        err = tg_arena_settle(publisher->arena);
    if (err != 0) {
        tg_publisher_close(publisher);
        return err;
    }
    *out = publisher;
    return 0;
}

void
tg_publisher_close(struct tg_publisher *publisher)
{
    if (publisher == NULL)
        return;
    (void)lock_writer(publisher->state, F_UNLCK);
    tg_arena_free(publisher->arena);
    tg_idmap_release(&publisher->keys);
    tg_idmap_release(&publisher->accounts);
    free(publisher->free_keys.slots);
    free(publisher);
}

int
tg_publish_text(struct tg_publisher *publisher, struct tg_str text,
                uint32_t *blob)
{
    return tg_arena_put(publisher->arena, text, blob);
}

static size_t
packed_len(const struct tg_str *texts, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        if (texts[i].len > UINT8_MAX)
            return 0;
        len += texts[i].len + 1;
    }
    return len;
}

size_t
tg_publish_pack(const struct tg_str *texts, size_t count, char *list,
                size_t size)
{
    size_t len = packed_len(texts, count), at = 0;

    if (len > size)
        return 0;
    for (size_t i = 0; len > 0 && i < count; i++) {
        list[at++] = (char)texts[i].len;
        memcpy(list + at, texts[i].data, texts[i].len);
        at += texts[i].len;
    }
    return len;
}

int
tg_publish_texts(struct tg_publisher *publisher, const struct tg_str *texts,
                 size_t count, uint32_t *blob)
{
    size_t len = packed_len(texts, count);
    char *list;
    int err;

    if (len == 0 && count > 0)
        return TG_ERR_RANGE;
    list = malloc(len ? len : 1);
    if (list == NULL)
        return TG_ERR_FULL;
    (void)tg_publish_pack(texts, count, list, len);
    err = tg_arena_put(publisher->arena, (struct tg_str){list, len}, blob);
    free(list);
    return err;
}

/* Secures memory for slots [slot, …) of a table before the first is used. */
static int
secure(struct tg_state *state, const void *record, size_t size, uint32_t slot,
       uint32_t capacity)
{
    uint32_t n = GROW_SLOTS;

    if (slot >= capacity)
        return TG_ERR_FULL;
    if (slot % GROW_SLOTS != 0)
        return 0;
    if (n > capacity - slot)
        n = capacity - slot;
    if (fallocate(state->fd, 0,
                  (off_t)((const char *)record - (const char *)state->map),
                  (off_t)size * n) != 0)
        return TG_ERR_FULL;
    return 0;
}

/*
 * A slot that a key left.  One with calls in flight or in line waits for
 * them: what they settle must not count for another key.  Looks at FREE_LOOKS
 * slots only.
 */
static bool
take_free_key(struct tg_publisher *publisher, uint32_t *slot)
{
    struct tg_free_slots *list = &publisher->free_keys;

    for (size_t i = 0; i < list->count && i < FREE_LOOKS; i++) {
        struct tg_key_record *record = &publisher->state->keys[list->slots[i]];

        if (atomic_load(&record->counters.in_flight) > 0 ||
            atomic_load(&record->waiting) > 0)
            continue;
        *slot = list->slots[i];
        list->slots[i] = list->slots[--list->count];
        return true;
    }
    return false;
}

static int
new_key_slot(struct tg_publisher *publisher, uint32_t *slot)
{
    struct tg_state *state = publisher->state;
    uint32_t next;
    int err;

    if (take_free_key(publisher, slot))
        return 0;
    next = atomic_load(&state->header->key_high_water);
    err = secure(state, &state->keys[next], sizeof(state->keys[0]), next,
                 state->header->key_capacity);
    if (err != 0)
        return err;
    atomic_store(&state->header->key_high_water, next + 1);
    /* Only a damaged file has had another key in a slot that is new. */
    if (atomic_load(&state->keys[next].seq) != 0)
        publish(&state->keys[next].seq, state->keys[next].slots, sizeof(no_key),
                &no_key);
    *slot = next;
    return 0;
}

_Static_assert(sizeof(struct tg_counters) % sizeof(uint64_t) == 0, "words");

/* Whoever knew the key that had the slot may still read them. */
static void
reset_counters(struct tg_counters *counters)
{
    _Atomic uint64_t *words = (_Atomic uint64_t *)counters;

    for (size_t i = 0; i < sizeof(*counters) / sizeof(*words); i++)
        atomic_store_explicit(&words[i], 0, memory_order_relaxed);
}

/* Whether two digests of one slot have the same entry: its tag is of these. */
static bool
has_same_tag(const uint8_t a[32], const uint8_t b[32])
{
    return memcmp(a + 4, b + 4, 4) == 0;
}

/*
 * Digests that old has and kept has not lead nowhere any more.  An entry that
 * one of kept's may need stays: it is a hint, and the policy decides.
 */
static void
unindex(struct tg_publisher *publisher, const struct tg_key_policy *old,
        const struct tg_key_policy *kept, uint32_t slot)
{
    for (int i = 0; i < 2; i++) {
        const uint8_t *digest = old->secrets[i].digest;

        if (memcmp(digest, no_digest, 32) == 0 ||
            has_same_tag(digest, kept->secrets[0].digest) ||
            has_same_tag(digest, kept->secrets[1].digest))
            continue;
        tg_index_remove(&publisher->index, digest, slot);
    }
}

int
tg_publish_index(struct tg_publisher *publisher,
                 const struct tg_key_policy *policy, uint32_t slot)
{
    int err = 0;

    for (int i = 0; i < 2 && err == 0; i++) {
        if (memcmp(policy->secrets[i].digest, no_digest, 32) != 0)
            err = tg_index_add(&publisher->index, policy->secrets[i].digest,
                               slot);
    }
    return err;
}

static void
drop_blobs(struct tg_publisher *publisher, const struct tg_key_policy *policy)
{
    uint32_t blobs[KEY_BLOBS];

    blobs_of(policy, blobs);
    for (int i = 0; i < KEY_BLOBS; i++)
        tg_arena_drop(publisher->arena, blobs[i]);
}

int
tg_publish_reserve(struct tg_publisher *publisher, uint32_t keys)
{
    if (tg_idmap_reserve(&publisher->keys, keys) != 0)
        return TG_ERR_FULL;
    tg_arena_reserve(publisher->arena, keys);
    return tg_index_reserve(&publisher->index, keys);
}

void
tg_publish_expect(struct tg_publisher *publisher, const char *id,
                  const uint8_t *digest)
{
    tg_idmap_expect(&publisher->keys, id);
    if (digest != NULL)
        tg_index_expect(&publisher->index, digest);
}

int
tg_publish_key(struct tg_publisher *publisher,
               const struct tg_key_policy *policy, uint32_t *slot)
{
    struct tg_state *state = publisher->state;
    struct tg_key_policy old = {.id = {0}};
    struct tg_key_record *record;
    uint64_t seq;
    int err = tg_idmap_get(&publisher->keys, policy->id, slot);

    if (err == TG_ERR_NOT_FOUND) {
        err = new_key_slot(publisher, slot);
        if (err != 0)
            return err;
        err = tg_idmap_put(&publisher->keys, policy->id, *slot);
        if (err != 0)
            return err;
        reset_counters(&state->keys[*slot].counters);
        tg_budget_load(state, *slot, 0, 0, 0, 0);
        if (atomic_load(&state->header->is_filling) != 0) {
            tg_publish_stage(state, *slot, policy);
            return 0;
        }
    } else if (atomic_load(&state->header->is_filling) != 0 &&
               tg_publish_is_staged(state, *slot)) {
        drop_blobs(publisher, policy);
        return 0;
    } else if (tg_state_key(state, *slot, &old, &seq) == 0 &&
               memcmp(&old, policy, sizeof(old)) == 0) {
        /* It is in force: only the second use of its blobs goes. */
        drop_blobs(publisher, policy);
        return tg_publish_index(publisher, policy, *slot);
    }
    record = &state->keys[*slot];
    publish(&record->seq, record->slots, sizeof(*policy), policy);
    err = tg_publish_index(publisher, policy, *slot);
    unindex(publisher, &old, policy, *slot);
    drop_blobs(publisher, &old);
    return err;
}

int
tg_publish_key_gone(struct tg_publisher *publisher, const char *id)
{
    struct tg_state *state = publisher->state;
    struct tg_key_policy old;
    uint32_t slot;
    uint64_t seq;

    if (tg_idmap_get(&publisher->keys, id, &slot) != 0)
        return TG_ERR_NOT_FOUND;
    if (tg_state_key(state, slot, &old, &seq) != 0)
        return TG_ERR_NOT_FOUND;
    publish(&state->keys[slot].seq, state->keys[slot].slots, sizeof(no_key),
            &no_key);
    unindex(publisher, &old, &no_key, slot);
    drop_blobs(publisher, &old);
    tg_idmap_remove(&publisher->keys, id);
    return remember_free(&publisher->free_keys, slot);
}

int
tg_publish_account(struct tg_publisher *publisher,
                   const struct tg_account_policy *policy, uint32_t *slot)
{
    struct tg_state *state = publisher->state;
    struct tg_account_policy old = {.id = {0}};
    struct tg_account_record *record;
    int err = tg_idmap_get(&publisher->accounts, policy->id, slot);

    if (err == TG_ERR_NOT_FOUND) {
        *slot = atomic_load(&state->header->account_high_water);
        err = secure(state, &state->accounts[*slot], sizeof(state->accounts[0]),
                     *slot, state->header->account_capacity);
        if (err == 0)
            err = tg_idmap_put(&publisher->accounts, policy->id, *slot);
        if (err != 0)
            return err;
        atomic_store(&state->header->account_high_water, *slot + 1);
        reset_counters(&state->accounts[*slot].counters);
    } else {
        (void)tg_state_account(state, *slot, &old);
    }
    record = &state->accounts[*slot];
    publish(&record->seq, record->slots, sizeof(*policy), policy);
    tg_arena_drop(publisher->arena, old.name);
    return 0;
}

int
tg_publisher_key_slot(const struct tg_publisher *publisher, const char *id,
                      uint32_t *slot)
{
    return tg_idmap_get(&publisher->keys, id, slot);
}

int
tg_publisher_account_slot(const struct tg_publisher *publisher, const char *id,
                          uint32_t *slot)
{
    return tg_idmap_get(&publisher->accounts, id, slot);
}

static int
index_models(struct tg_catalog *catalog)
{
    uint32_t size = TG_CATALOG_MODELS * 4;

    memset(catalog->model_index, 0, sizeof(catalog->model_index));
    for (uint32_t i = 0; i < catalog->model_count; i++) {
        const struct tg_model *model = &catalog->models[i];
        struct tg_str name = {model->name,
                              tg_field_len(model->name, sizeof(model->name))};
        uint32_t at = tg_catalog_hash(name);

        if (tg_catalog_find(catalog, name) >= 0)
            return TG_ERR_DUPLICATE;
        while (catalog->model_index[at] != 0)
            at = (at + 1) % size;
        catalog->model_index[at] = (uint16_t)(i + 1);
    }
    return 0;
}

int
tg_publish_catalog(struct tg_publisher *publisher,
                   const struct tg_catalog *catalog)
{
    struct tg_state *state = publisher->state;
    struct tg_catalog *copy = malloc(sizeof(*copy));
    off_t at = (off_t)state->header->catalog_offset;
    int err;

    if (copy == NULL ||
        fallocate(state->fd, 0, at, 2 * (off_t)sizeof(*copy)) != 0) {
        free(copy);
        return TG_ERR_FULL;
    }
    memcpy(copy, catalog, sizeof(*copy));
    err = index_models(copy);
    if (err == 0)
        publish(&state->header->catalog_seq, state->catalogs, sizeof(*copy),
                copy);
    free(copy);
    return err;
}

void
tg_publish_ready(struct tg_publisher *publisher, int64_t now_ms)
{
    tg_publish_seen(publisher, now_ms);
    atomic_store(&publisher->state->header->is_ready, 1);
}

void
tg_publish_over(struct tg_publisher *publisher)
{
    atomic_store(&publisher->state->header->is_ready, 0);
}

void
tg_publish_seen(struct tg_publisher *publisher, int64_t now_ms)
{
    atomic_store(&publisher->state->header->daemon_seen_at_ms, now_ms);
}
