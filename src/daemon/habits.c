#include "habits.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "idmap.h"

#define IDLE_KEEPS 8 /* not used since so many: it goes */
#define ROWS_LEAST 1024
#define ROOM_STEP 32 /* bytes of a habit grow by so many */
#define BATCH 1024
#define BATCH_LEAST 32 /* while somebody waits */
#define NONE UINT32_MAX
#define SOON 8 /* keys; a power of two */
#define STEP 4 /* keys, while what is fetched of one comes */
#define LINE_BYTES 64

struct row {
    char key_id[TG_ID_TEXT_SIZE];
    bool is_dirty;
    uint16_t len, room;
    uint64_t used_at; /* turn */
    uint8_t *bytes;   /* packed; len 0: a habit of zeros */
};

/* With its places in the map, of which up to four in five are free. */
#define ROW_BYTES (sizeof(struct row) + 3 * sizeof(struct tg_idmap_entry) + 16)

_Static_assert(TG_HABIT_BYTES_MAX + ROOM_STEP < UINT16_MAX, "a row's len");

/* A key that is asked for soon. */
struct soon {
    char id[TG_ID_LEN]; /* "": none */
    uint32_t row;       /* once its place has come; NONE: it has none */
};

struct tg_habits {
    struct row *rows;
    uint32_t count, room;
    uint32_t dirty; /* rows */
    size_t bytes, bytes_max;
    struct tg_idmap numbers; /* of rows, by key */
    uint64_t turn;           /* how often another key was asked for */
    uint64_t filled_at;      /* turn when there was no room last */
    uint64_t kept_at[IDLE_KEEPS];
    struct soon soon[SOON];
    uint32_t soon_count; /* so far */
    uint32_t open;       /* the row whose habit is unpacked; NONE */
    struct tg_habit habit;
};

struct tg_habits *
tg_habits_new(size_t bytes)
{
    struct tg_habits *habits = calloc(1, sizeof(*habits));

    if (habits == NULL)
        return NULL;
    habits->bytes_max = bytes;
    habits->open = NONE;
    return habits;
}

void
tg_habits_free(struct tg_habits *habits)
{
    if (habits == NULL)
        return;
    for (uint32_t i = 0; i < habits->count; i++)
        free(habits->rows[i].bytes);
    free(habits->rows);
    tg_idmap_release(&habits->numbers);
    free(habits);
}

size_t
tg_habits_count(const struct tg_habits *habits)
{
    return habits->count;
}

size_t
tg_habits_dirty(const struct tg_habits *habits)
{
    return habits->dirty;
}

static int
set_bytes(struct tg_habits *habits, struct row *row, const void *bytes,
          size_t len)
{
    if (len > row->room) {
        size_t room = (len + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
        void *more = realloc(row->bytes, room);

        if (more == NULL)
            return TG_ERR_SYSTEM;
        habits->bytes += room - row->room;
        row->bytes = more;
        row->room = (uint16_t)room;
    }
    memcpy(row->bytes, bytes, len);
    row->len = (uint16_t)len;
    return 0;
}

/* Packs the one that is open, which stays open. */
static int
put_back(struct tg_habits *habits)
{
    uint8_t bytes[TG_HABIT_BYTES_MAX];

    if (habits->open == NONE)
        return 0;
    return set_bytes(habits, &habits->rows[habits->open], bytes,
                     tg_habit_pack(&habits->habit, bytes));
}

static int
make_room(struct tg_habits *habits)
{
    uint32_t room = habits->room ? habits->room * 2 : ROWS_LEAST;
    struct row *rows;

    if (habits->count < habits->room)
        return 0;
    rows = realloc(habits->rows, room * sizeof(rows[0]));
    if (rows == NULL)
        return TG_ERR_SYSTEM;
    habits->rows = rows;
    habits->room = room;
    return 0;
}

/* What a row has, for a visit of the store. */
struct stored {
    struct tg_habits *habits;
    struct row *row;
};

static int
take_stored(void *arg, struct tg_str bytes)
{
    struct stored *stored = arg;

    /* One that is too long cannot be read, and is learnt anew. */
    if (bytes.len > TG_HABIT_BYTES_MAX)
        return 0;
    return set_bytes(stored->habits, stored->row, bytes.data, bytes.len);
}

static int
add(struct tg_habits *habits, struct tg_store *store, const char *key_id,
    uint32_t *number)
{
    struct stored stored = {.habits = habits};
    struct row row = {.len = 0};
    int err = make_room(habits);

    if (habits->bytes >= habits->bytes_max)
        return TG_ERR_FULL;
    memcpy(row.key_id, key_id, strnlen(key_id, TG_ID_LEN));
    stored.row = &row;
    if (err == 0)
        err = store->ops->habit_get(store, row.key_id, take_stored, &stored);
    if (err == 0 || err == TG_ERR_NOT_FOUND)
        err = tg_idmap_put(&habits->numbers, row.key_id, habits->count);
    if (err != 0) {
        habits->bytes -= row.room;
        free(row.bytes);
        return err;
    }
    habits->bytes += ROW_BYTES;
    *number = habits->count++;
    habits->rows[*number] = row;
    return 0;
}

/* Unpacks a key's habit, in place of the one that is open. */
static int
turn_to(struct tg_habits *habits, struct tg_store *store, const char *key_id)
{
    char id[TG_ID_LEN] = {0};
    uint32_t number;
    int err = put_back(habits);

    if (err != 0)
        return err;
    habits->open = NONE;
    memcpy(id, key_id, strnlen(key_id, TG_ID_LEN));
    err = tg_idmap_get(&habits->numbers, id, &number);
    if (err != 0)
        err = add(habits, store, key_id, &number);
    if (err != 0)
        return err;
    /* One that cannot be read is learnt anew. */
    tg_habit_unpack(&habits->habit, habits->rows[number].bytes,
                    habits->rows[number].len);
    habits->open = number;
    habits->turn++;
    return 0;
}

int
tg_habits_of(struct tg_habits *habits, struct tg_store *store,
             const char *key_id, struct tg_habit **habit)
{
    int err = 0;

    /* Calls of one key often come together. */
    if (habits->open == NONE ||
        strcmp(habits->rows[habits->open].key_id, key_id) != 0)
        err = turn_to(habits, store, key_id);
    if (err != 0)
        return err;
    habits->dirty += !habits->rows[habits->open].is_dirty;
    habits->rows[habits->open].is_dirty = true;
    habits->rows[habits->open].used_at = habits->turn;
    *habit = &habits->habit;
    return 0;
}

/* First its place in the map, then the row, then what that points at. */
void
tg_habits_expect(struct tg_habits *habits, const char *key_id)
{
    uint32_t n = habits->soon_count++;
    struct soon *first = &habits->soon[n % SOON];
    struct soon *next = &habits->soon[(n - STEP) % SOON];

    /* Of the one that was here, two steps ago. */
    if (first->id[0] != '\0' && first->row < habits->count) {
        const struct row *row = &habits->rows[first->row];

        for (size_t i = 0; i < row->len; i += LINE_BYTES)
            __builtin_prefetch(row->bytes + i, 1);
    }
    memset(first->id, 0, TG_ID_LEN);
    memcpy(first->id, key_id, strnlen(key_id, TG_ID_LEN));
    first->row = NONE;
    if (first->id[0] != '\0')
        tg_idmap_expect(&habits->numbers, first->id);
    if (next->id[0] != '\0' &&
        tg_idmap_get(&habits->numbers, next->id, &next->row) == 0)
        __builtin_prefetch(&habits->rows[next->row], 1);
}

static int
compare(const void *a, const void *b)
{
    return strcmp((*(struct row *const *)a)->key_id,
                  (*(struct row *const *)b)->key_id);
}

/* In the order of the store's pages, so that each is written once. */
static size_t
gather_dirty(struct tg_habits *habits, struct row **rows)
{
    size_t count = 0;

    for (uint32_t i = 0; i < habits->count; i++) {
        if (habits->rows[i].is_dirty)
            rows[count++] = &habits->rows[i];
    }
    qsort(rows, count, sizeof(rows[0]), compare);
    return count;
}

/* Some rows, fewer when somebody waits for the store; *done of them. */
static int
keep_some(struct tg_daemon *daemon, struct tg_store *store, struct row **rows,
          size_t count, size_t *done)
{
    size_t n = 0;
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    while (err == 0 && n < count && n < BATCH &&
           (n < BATCH_LEAST || atomic_load(&daemon->writers_waiting) == 0)) {
        struct tg_str packed = {(const char *)rows[n]->bytes, rows[n]->len};

        err = store->ops->habit_put(store, rows[n++]->key_id, packed);
    }
    err = tg_daemon_end(daemon, store, err);
    if (err == 0)
        *done = n;
    return err;
}

/* Rows that were used at a turn, or later, stay; all are in the store. */
static void
forget_before(struct tg_habits *habits, uint64_t turn)
{
    uint32_t count = 0;

    tg_idmap_release(&habits->numbers);
    habits->numbers = (struct tg_idmap){.capacity = 0};
    habits->open = NONE;
    for (uint32_t i = 0; i < habits->count; i++) {
        struct row *row = &habits->rows[i];

        if (row->used_at >= turn &&
            tg_idmap_put(&habits->numbers, row->key_id, count) == 0) {
            habits->rows[count++] = *row;
            continue;
        }
        habits->bytes -= ROW_BYTES + row->room;
        free(row->bytes);
    }
    habits->count = count;
}

static bool
is_any_before(const struct tg_habits *habits, uint64_t turn)
{
    for (uint32_t i = 0; i < habits->count; i++) {
        if (habits->rows[i].used_at < turn)
            return true;
    }
    return false;
}

static void
forget_idle(struct tg_habits *habits)
{
    uint64_t idle_at = habits->kept_at[IDLE_KEEPS - 1];

    memmove(habits->kept_at + 1, habits->kept_at,
            (IDLE_KEEPS - 1) * sizeof(habits->kept_at[0]));
    habits->kept_at[0] = habits->turn;
    if (is_any_before(habits, idle_at))
        forget_before(habits, idle_at);
}

/* Those that were not used for half as long as it took to fill, or all. */
static void
empty_half(struct tg_habits *habits)
{
    uint64_t took = habits->turn - habits->filled_at;

    if (habits->bytes < habits->bytes_max)
        return;
    forget_before(habits, habits->turn - took / 2);
    if (habits->bytes > habits->bytes_max / 4 * 3)
        forget_before(habits, UINT64_MAX);
    habits->filled_at = habits->turn;
}

int
tg_habits_keep(struct tg_habits *habits, struct tg_daemon *daemon,
               struct tg_store *store)
{
    struct row **rows = calloc(habits->count + 1, sizeof(struct row *));
    size_t count, at = 0, done = 0;
    int err = rows == NULL ? TG_ERR_SYSTEM : put_back(habits);

    if (err != 0) {
        free(rows);
        return err;
    }
    count = gather_dirty(habits, rows);
    while (err == 0 && at < count) {
        err = keep_some(daemon, store, rows + at, count - at, &done);
        for (size_t i = at; err == 0 && i < at + done; i++)
            rows[i]->is_dirty = false;
        if (err == 0)
            habits->dirty -= (uint32_t)done;
        at += done;
    }
    if (err == 0) {
        forget_idle(habits);
        empty_half(habits);
    }
    free(rows);
    return err;
}
