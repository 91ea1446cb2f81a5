/*
 * The daemon over a damaged state file: it is refused, or what is in it is
 * taken over; then keys and accounts are published in it and found again, and
 * calls of workers that are gone are settled.
 */
#include <assert.h>
#include <sys/stat.h>

#include "../unit/state_test.h"
#include "area.h"
#include "queue.h"
#include "route.h"
#include "settle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define KEYS 3

static char *dir;
static char path[128];

/* Pieces of a sound file; the rest of it is a hole. */
static struct piece {
    off_t at;
    size_t bytes;
    char *data;
} pieces[8];

static size_t piece_count;

/* A new one each time: what is mapped of the last one may be in use. */
static void
make_file(struct tg_state *state)
{
    static const struct tg_state_size size = {8, 8};
    static const uint8_t uuid[16] = {1};

    if (tg_state_create(path, &size, uuid, 1000) != 0)
        abort();
    if (state != NULL)
        test_open(state, dir);
}

static void
take_piece(const struct tg_state *state, const void *from, size_t bytes)
{
    struct piece *piece = &pieces[piece_count++];

    *piece = (struct piece){(const char *)from - (const char *)state->map,
                            bytes, malloc(bytes)};
    memcpy(piece->data, from, bytes);
}

static int
publish_key(struct tg_publisher *publisher, uint32_t n, uint32_t *slot)
{
    struct tg_str names[] = {TG_STR("deepseek-*"), TG_STR("gpt-4o")};
    struct tg_key_policy key = test_key(n);
    int err = tg_publish_text(publisher, TG_STR("a name"), &key.name);

    if (err == 0)
        err = tg_publish_texts(publisher, names, n % 3, &key.models);
    return err != 0 ? err : tg_publish_key(publisher, &key, slot);
}

static int
publish_account(struct tg_publisher *publisher, char last, uint32_t *slot)
{
    struct tg_account_policy account = {.status = TG_ACCOUNT_ACTIVE};

    memcpy(account.id, "acct_0000000000000000000", TG_ID_LEN);
    account.id[TG_ID_LEN - 1] = last;
    return tg_publish_account(publisher, &account, slot);
}

static void
fill(struct tg_state *state)
{
    struct tg_publisher *publisher;
    struct tg_call call = {.endpoint = TG_ENDPOINT_CHAT,
                           .flags = TG_CALL_SENT,
                           .completion_bound = 10,
                           .held_nanos = 10000,
                           .rates = {.output_picos = 1000000}};
    struct tg_area_claim claim;
    uint32_t slot;

    if (tg_publisher_open(&publisher, state) != 0 ||
        publish_account(publisher, '1', &slot) != 0)
        abort();
    for (uint32_t n = 1; n <= KEYS; n++) {
        if (publish_key(publisher, n, &slot) != 0)
            abort();
    }
    tg_publish_key_gone(publisher, test_key(2).id);
    tg_publish_ready(publisher, 1000);
    tg_publisher_close(publisher);
    /* A worker that will be gone, with a call. */
    if (tg_area_claim(&claim, state, 7, 1000) != 0 ||
        tg_area_begin(&claim, &call) == NULL)
        abort();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct tg_state state;

    (void)argc;
    (void)argv;
    dir = test_dir();
    snprintf(path, sizeof(path), "%s/state", dir);
    make_file(&state);
    fill(&state);
    take_piece(&state, state.header, sizeof(*state.header));
    take_piece(&state, (void *)state.index, 8 << TG_INDEX_BITS);
    take_piece(&state, state.keys, 8 * sizeof(*state.keys));
    take_piece(&state, state.accounts, 8 * sizeof(*state.accounts));
    take_piece(&state, state.areas, sizeof(*state.areas));
    take_piece(&state, state.call_slots, sizeof(*state.call_slots));
    take_piece(&state, state.waiters, 64);
    take_piece(&state, state.blobs, 1024);
    tg_state_close(&state);
    return 0;
}

static void
put(int fd, off_t at, const void *bytes, size_t len)
{
    if (pwrite(fd, bytes, len, at) != (ssize_t)len)
        abort();
}

/* Piece, offset, length, bytes, as often as there is input for it. */
static void
damage(int fd, const uint8_t *data, size_t size)
{
    while (size > 4) {
        const struct piece *piece = &pieces[data[0] % piece_count];
        size_t at = (size_t)(data[1] | data[2] << 8) % piece->bytes;
        size_t len = 1 + data[3] % 32;

        data += 4;
        size -= 4;
        len = len > size ? size : len;
        if (len > piece->bytes - at)
            len = piece->bytes - at;
        put(fd, piece->at + (off_t)at, data, len);
        data += len;
        size -= len;
    }
}

/* The first byte cuts the file, or adds to it, where it is not 0. */
static void
write_file(const uint8_t *data, size_t size)
{
    struct stat st;
    int fd;

    make_file(NULL);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &st) != 0)
        abort();
    for (size_t i = 0; i < piece_count; i++)
        put(fd, pieces[i].at, pieces[i].data, pieces[i].bytes);
    damage(fd, data + 1, size - 1);
    if (data[0] != 0 &&
        ftruncate(fd, data[0] & 1   ? data[0]
                      : data[0] & 2 ? st.st_size - data[0]
                                    : st.st_size + data[0]) != 0)
        abort();
    close(fd);
}

/*
 * What is published is found, in a file that is being filled once it is open;
 * there may be no room for it.
 */
static void
publish_more(struct tg_state *state, struct tg_publisher *publisher)
{
    struct tg_account_policy account;
    uint32_t slot, found;
    int err;

    for (uint32_t n = 3; n < 12; n++) {
        struct tg_digest digest = test_digest(n);

        err = publish_key(publisher, n, &slot);
        assert(err == 0 || err == TG_ERR_FULL);
        if (err != 0)
            break;
        assert(slot < state->header->key_capacity);
        if (atomic_load(&state->header->is_filling) != 0)
            err = tg_publish_open(publisher, slot);
        assert(err == 0 || err == TG_ERR_NOT_FOUND || err == TG_ERR_FULL);
        if (err == TG_ERR_FULL)
            break;
        assert(tg_state_lookup(state, &digest, &found) == 0);
    }
    (void)tg_publish_key_gone(publisher, test_key(1).id);
    for (char last = '1'; last <= '9'; last++) {
        err = publish_account(publisher, last, &slot);
        assert(err == 0 || err == TG_ERR_FULL);
        assert(err != 0 || tg_state_account(state, slot, &account) == 0);
    }
}

static void
settle_lost(void *arg, struct tg_call_slot *slot)
{
    struct tg_state *state = arg;

    if (tg_area_is_sound(state, slot))
        tg_settle_lost(state, &slot->call, 2000);
}

static void
recover(struct tg_state *state)
{
    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        if (!tg_area_is_orphaned(state, i))
            continue;
        tg_queue_clear(state, atomic_load(&state->areas[i].writer_id));
        tg_area_each(state, i, settle_lost, state);
        tg_area_clear(state, i);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_publisher *publisher;
    struct tg_state state;
    int err;

    if (size == 0)
        return 0;
    write_file(data, size);
    err = tg_state_open(&state, AT_FDCWD, path);
    unlink(path);
    if (err != 0) {
        assert(err == TG_ERR_FORMAT || err == TG_ERR_VERSION);
        return 0;
    }
    err = tg_publisher_open(&publisher, &state);
    assert(err == 0 || err == TG_ERR_CORRUPT || err == TG_ERR_FULL);
    if (err == 0) {
        publish_more(&state, publisher);
        recover(&state);
        tg_publisher_close(publisher);
    }
    tg_state_close(&state);
    return 0;
}
