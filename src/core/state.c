#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "pages.h"

#define DEFAULT_KEYS (1u << 24)
#define DEFAULT_ACCOUNTS (1u << 20)
#define BLOBS_BYTES (4ull << 30)

static uint64_t
page_up(uint64_t n)
{
    return (n + TG_STATE_PAGE - 1) & ~(uint64_t)(TG_STATE_PAGE - 1);
}

/* Gives each region its place, one behind the other. */
static void
lay_out(struct tg_state_header *h)
{
    uint64_t at = page_up(sizeof(*h));
    uint64_t entries =
        ((uint64_t)1 << TG_INDEX_BITS) * ((1u << TG_INDEX_LEVELS) - 1);

    h->index_offset = at;
    at += page_up(entries * sizeof(uint64_t));
    h->keys_offset = at;
    at += page_up((uint64_t)h->key_capacity * sizeof(struct tg_key_record));
    h->accounts_offset = at;
    at += page_up((uint64_t)h->account_capacity *
                  sizeof(struct tg_account_record));
    h->catalog_offset = at;
    at += page_up(2 * sizeof(struct tg_catalog));
    h->areas_offset = at;
    at += page_up(h->area_count * sizeof(struct tg_area));
    at += page_up((uint64_t)h->area_count * h->area_slots *
                  sizeof(struct tg_call_slot));
    h->pool_offset = at;
    at += page_up(TG_CATALOG_CREDENTIALS * sizeof(struct tg_pool_row));
    h->throttle_offset = at;
    at += page_up(TG_THROTTLE_BUCKETS * sizeof(struct tg_bucket));
    h->waiters_offset = at;
    at += page_up(TG_WAITERS * sizeof(struct tg_waiter));
    h->wanted_offset = at;
    at += page_up(TG_WANTED_ROWS * sizeof(struct tg_wanted_row));
    h->blobs_offset = at;
    h->blobs_bytes = BLOBS_BYTES;
    h->file_bytes = at + BLOBS_BYTES;
}

static int
write_header(int fd, const struct tg_state_header *header)
{
    if (ftruncate(fd, (off_t)header->file_bytes) != 0)
        return TG_ERR_SYSTEM;
    if (pwrite(fd, header, sizeof(*header), 0) != (ssize_t)sizeof(*header))
        return TG_ERR_SYSTEM;
    return 0;
}

int
tg_state_create(const char *path, const struct tg_state_size *size,
                const uint8_t uuid[16], int64_t now_ms)
{
    char temp[4096];
    int fd, err;
    struct tg_state_header header = {
        .magic = TG_STATE_MAGIC,
        .version = TG_STATE_VERSION,
        .header_bytes = sizeof(header),
        .created_at_ms = now_ms,
        .key_capacity = size->key_capacity ? size->key_capacity : DEFAULT_KEYS,
        .account_capacity =
            size->account_capacity ? size->account_capacity : DEFAULT_ACCOUNTS,
        .area_count = TG_AREA_COUNT,
        .area_slots = TG_AREA_SLOTS,
    };

    memcpy(header.uuid, uuid, sizeof(header.uuid));
    lay_out(&header);
    if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp)) {
        errno = ENAMETOOLONG;
        return TG_ERR_SYSTEM;
    }
    (void)unlink(temp);
    fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1)
        return TG_ERR_SYSTEM;
    err = write_header(fd, &header);
    if (err == 0 && rename(temp, path) != 0)
        err = TG_ERR_SYSTEM;
    close(fd);
    return err;
}

/* Believes a header only if this code would have laid it out the same way. */
static int
check_header(const struct tg_state_header *found, uint64_t file_bytes)
{
    struct tg_state_header want;

    if (found->magic != TG_STATE_MAGIC)
        return TG_ERR_FORMAT;
    if (found->version != TG_STATE_VERSION ||
        found->header_bytes != sizeof(want))
        return TG_ERR_VERSION;
    memcpy(&want, found, sizeof(want));
    if (want.area_count != TG_AREA_COUNT || want.area_slots != TG_AREA_SLOTS)
        return TG_ERR_VERSION;
    lay_out(&want);
    if (want.file_bytes != found->file_bytes ||
        want.blobs_offset != found->blobs_offset ||
        want.pool_offset != found->pool_offset ||
        want.throttle_offset != found->throttle_offset ||
        want.waiters_offset != found->waiters_offset ||
        want.wanted_offset != found->wanted_offset ||
        want.areas_offset != found->areas_offset ||
        want.catalog_offset != found->catalog_offset ||
        want.accounts_offset != found->accounts_offset ||
        want.keys_offset != found->keys_offset ||
        want.index_offset != found->index_offset)
        return TG_ERR_VERSION;
    return file_bytes == want.file_bytes ? 0 : TG_ERR_FORMAT;
}

static void
point_into(struct tg_state *state, const struct tg_state_header *h)
{
    char *base = state->map;

    state->header = state->map;
    state->index = (void *)(base + h->index_offset);
    state->keys = (void *)(base + h->keys_offset);
    state->accounts = (void *)(base + h->accounts_offset);
    state->catalogs = (void *)(base + h->catalog_offset);
    state->areas = (void *)(base + h->areas_offset);
    state->call_slots =
        (void *)(base + h->areas_offset +
                 page_up(h->area_count * sizeof(struct tg_area)));
    state->pool = (void *)(base + h->pool_offset);
    state->throttle = (void *)(base + h->throttle_offset);
    state->waiters = (void *)(base + h->waiters_offset);
    state->wanted = (void *)(base + h->wanted_offset);
    state->blobs = base + h->blobs_offset;
}

int
tg_state_open(struct tg_state *state, int dir_fd, const char *name)
{
    struct tg_state_header header;
    struct stat st;
    int err = TG_ERR_SYSTEM;

    *state = (struct tg_state){.fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC)};
    if (state->fd == -1)
        return TG_ERR_SYSTEM;
    if (fstat(state->fd, &st) != 0)
        goto fail;
    if (pread(state->fd, &header, sizeof(header), 0) !=
        (ssize_t)sizeof(header)) {
        err = TG_ERR_FORMAT;
        goto fail;
    }
    err = check_header(&header, (uint64_t)st.st_size);
    if (err != 0)
        goto fail;
    state->map_bytes = (size_t)header.file_bytes;
    state->map = tg_pages_map(state->fd, state->map_bytes);
    if (state->map == NULL) {
        err = TG_ERR_SYSTEM;
        goto fail;
    }
    /* It holds digests and sealed secrets: not for core dumps. */
    (void)madvise(state->map, state->map_bytes, MADV_DONTDUMP);
    point_into(state, &header);
    return 0;

fail:
    close(state->fd);
    *state = (struct tg_state){.fd = -1};
    return err;
}

void
tg_state_close(struct tg_state *state)
{
    if (state->map != NULL)
        munmap(state->map, state->map_bytes);
    if (state->fd != -1)
        close(state->fd);
    *state = (struct tg_state){.fd = -1};
}

static uint64_t
load(tg_seq *seq)
{
    return atomic_load_explicit(seq, memory_order_acquire);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED_BY_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define WATCHED_BY_SANITIZER
#endif

/*
 * Copies words that the writer may be changing.  Whether they belong
 * together is what the check of seq behind the copy finds out: what was torn
 * is thrown away, so that they need not be read word by word.
 */
static inline void
copy_words(void *to, const void *from, size_t bytes)
{
#if defined(WATCHED_BY_SANITIZER)
    const _Atomic uint64_t *source = from;
    uint64_t *target = to;

    for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
        target[i] = atomic_load_explicit(&source[i], memory_order_relaxed);
#else
    memcpy(to, from, bytes);
#endif
}

/* Copies the slot in force; size bytes each.  0 or TG_ERR_NOT_FOUND. */
static inline int
read_slot(tg_seq *seq, const void *slots, size_t size, void *out,
          uint64_t *found)
{
    uint64_t before = load(seq), after;

    for (;;) {
        if (before == 0)
            return TG_ERR_NOT_FOUND;
        copy_words(out, (const char *)slots + (before & 1) * size, size);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(seq, memory_order_relaxed);
        if (after == before)
            break;
        before = load(seq);
    }
    *found = before;
    return 0;
}

int
tg_state_key(const struct tg_state *state, uint32_t slot,
             struct tg_key_policy *policy, uint64_t *seq)
{
    struct tg_key_record *record;

    if (slot >= state->header->key_capacity)
        return TG_ERR_NOT_FOUND;
    record = &state->keys[slot];
    return read_slot(&record->seq, record->slots, sizeof(*policy), policy, seq);
}

bool
tg_state_key_is_current(const struct tg_state *state, uint32_t slot,
                        uint64_t seq)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&state->keys[slot].seq, memory_order_relaxed) ==
           seq;
}

int
tg_key_secret_of(const struct tg_key_policy *policy,
                 const struct tg_digest *digest)
{
    for (int i = 0; i < 2; i++) {
        if (memcmp(policy->secrets[i].digest, digest->bytes,
                   sizeof(digest->bytes)) == 0)
            return i;
    }
    return -1;
}

int
tg_state_account(const struct tg_state *state, uint32_t slot,
                 struct tg_account_policy *policy)
{
    struct tg_account_record *record;
    uint64_t seq;

    if (slot >= state->header->account_capacity)
        return TG_ERR_NOT_FOUND;
    record = &state->accounts[slot];
    return read_slot(&record->seq, record->slots, sizeof(*policy), policy,
                     &seq);
}

const struct tg_catalog *
tg_state_catalog(const struct tg_state *state, uint64_t *seq)
{
    *seq = load(&state->header->catalog_seq);
    return *seq == 0 ? NULL : &state->catalogs[*seq & 1];
}

bool
tg_state_catalog_is_current(const struct tg_state *state, uint64_t seq)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&state->header->catalog_seq,
                                memory_order_relaxed) == seq;
}

void
tg_state_settings(const struct tg_state *state, struct tg_settings *settings)
{
    const struct tg_catalog *catalog;
    uint64_t seq;

    do {
        memset(settings, 0, sizeof(*settings));
        catalog = tg_state_catalog(state, &seq);
        if (catalog != NULL)
            copy_words(settings, &catalog->settings, sizeof(*settings));
    } while (!tg_state_catalog_is_current(state, seq));
}

struct tg_str
tg_state_blob(const struct tg_state *state, uint32_t blob)
{
    const struct tg_blob *b;
    uint64_t at = (uint64_t)blob * 16, room;
    uint32_t len;

    if (blob == 0 || at + sizeof(*b) > state->header->blobs_bytes)
        return (struct tg_str){NULL, 0};
    b = (const void *)(state->blobs + at);
    room = state->header->blobs_bytes - at - sizeof(*b);
    len = b->len;
    if (len > room || len > TG_BLOB_MAX)
        return (struct tg_str){NULL, 0};
    return (struct tg_str){b->data, len};
}

bool
tg_blob_next(struct tg_str *list, struct tg_str *text)
{
    size_t n;

    if (list->len == 0)
        return false;
    n = (uint8_t)list->data[0];
    if (n + 1 > list->len)
        return false;
    *text = (struct tg_str){list->data + 1, n};
    *list = (struct tg_str){list->data + 1 + n, list->len - 1 - n};
    return true;
}

/* FNV-1a: model names are few, and their hash is nobody's lever. */
uint32_t
tg_catalog_hash(struct tg_str name)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.data[i]) * 16777619u;
    return hash % (TG_CATALOG_MODELS * 4);
}

/* A field is filled up with zeros: no name of ours has one in it. */
static bool
is_named(const struct tg_model *model, struct tg_str name)
{
    return memcmp(model->name, name.data, name.len) == 0 &&
           name.data[name.len - 1] != '\0' &&
           (name.len == sizeof(model->name) || model->name[name.len] == '\0');
}

int
tg_catalog_find(const struct tg_catalog *catalog, struct tg_str name)
{
    uint32_t at = tg_catalog_hash(name), size = TG_CATALOG_MODELS * 4;

    if (name.len == 0 || name.len > TG_MODEL_NAME_MAX)
        return -1;
    for (uint32_t i = 0; i < size; i++, at = (at + 1) % size) {
        uint16_t entry = catalog->model_index[at];
        const struct tg_model *model;

        if (entry == 0 || entry > TG_CATALOG_MODELS)
            return -1;
        model = &catalog->models[entry - 1];
        if (is_named(model, name))
            return entry - 1;
    }
    return -1;
}
