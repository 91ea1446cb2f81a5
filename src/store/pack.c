#include "pack.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

/* A cell but for its histograms, with what stands before it. */
#define CELL_MAX (16 * TG_VARINT_MAX)

#define AT(member) offsetof(struct tg_sums, member)

/* Which bit of a cell's mask says that a figure is there: the order counts. */
static const size_t figures[] = {
    AT(prompt_tokens),      AT(completion_tokens),
    AT(cost_nanos),         AT(prompt_cache_hit_tokens),
    AT(reasoning_tokens),   AT(errors),
    AT(cache_write_tokens), AT(images),
    AT(audio_ms),           AT(characters),
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

_Static_assert(sizeof(struct tg_sums) == (FIGURES + 1) * sizeof(int64_t),
               "every figure but requests has a bit");

/* NULL: it is cut off. */
static const uint8_t *
get_long(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    return tg_varint_get(&at, end, value) == 0 ? at : NULL;
}

/* Most numbers here take up to three bytes.  *at stays in a register. */
static inline int
get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    const uint8_t *bytes = *at;
    uint64_t number;

    if (bytes < end && bytes[0] < 0x80) {
        *value = bytes[0];
        *at = bytes + 1;
        return 0;
    }
    if (end - bytes >= 2 && bytes[1] < 0x80) {
        *value = (bytes[0] & 0x7fu) | (uint64_t)bytes[1] << 7;
        *at = bytes + 2;
        return 0;
    }
    if (end - bytes >= 3 && bytes[2] < 0x80) {
        *value = (bytes[0] & 0x7fu) | (bytes[1] & 0x7fu) << 7 |
                 (uint64_t)bytes[2] << 14;
        *at = bytes + 3;
        return 0;
    }
    bytes = get_long(bytes, end, &number);
    if (bytes == NULL)
        return TG_ERR_CORRUPT;
    *value = number;
    *at = bytes;
    return 0;
}

void
tg_pack_open(struct tg_pack_reader *reader, struct tg_str pack)
{
    *reader = (struct tg_pack_reader){.at = (const uint8_t *)pack.data};
    reader->end = pack.len > 0 ? reader->at + pack.len : reader->at;
    reader->cells_end = reader->at;
}

int
tg_pack_next_kind(struct tg_pack_reader *reader)
{
    uint64_t step, len;

    reader->at = reader->cells_end;
    if (reader->at == reader->end)
        return 0;
    if (get(&reader->at, reader->end, &step) != 0 ||
        get(&reader->at, reader->end, &len) != 0 || len == 0 ||
        len > (uint64_t)(reader->end - reader->at) || step > UINT32_MAX ||
        (step == 0 && reader->has_kind) || reader->kind + step > UINT32_MAX)
        return TG_ERR_CORRUPT;
    reader->kind += step;
    reader->has_kind = true;
    reader->cells_end = reader->at + len;
    reader->quarter = 0;
    reader->is_begun = false;
    return 1;
}

static inline int
get_sums(const uint8_t **at, const uint8_t *end, struct tg_sums *sums)
{
    uint64_t mask, value;

    if (get(at, end, &value) != 0 || get(at, end, &mask) != 0 ||
        mask >> FIGURES != 0)
        return TG_ERR_CORRUPT;
    *sums = (struct tg_sums){.requests = (int64_t)value};
    for (; mask != 0; mask &= mask - 1) {
        if (get(at, end, &value) != 0)
            return TG_ERR_CORRUPT;
        *(int64_t *)((char *)sums + figures[__builtin_ctzll(mask)]) =
            (int64_t)value;
    }
    return 0;
}

static inline int
get_times(const uint8_t **at, const uint8_t *end, struct tg_str *times)
{
    uint64_t len;

    if (get(at, end, &len) != 0 || len > (uint64_t)(end - *at))
        return TG_ERR_CORRUPT;
    *times = (struct tg_str){(const char *)*at, (size_t)len};
    *at += len;
    return 0;
}

/* Passes over numbers; NULL: they are cut off. */
static const uint8_t *
pass(const uint8_t *at, const uint8_t *end, int count)
{
    for (; count > 0; at++) {
        if (at == end)
            return NULL;
        count -= *at < 0x80;
    }
    return at;
}

/* What of a cell is behind its quarter; NULL: it is damaged. */
static const uint8_t *
pass_cell(const uint8_t *at, const uint8_t *end)
{
    struct tg_str times;
    uint64_t mask;

    at = pass(at, end, 1);
    if (at == NULL || get(&at, end, &mask) != 0 || mask >> FIGURES != 0)
        return NULL;
    at = pass(at, end, __builtin_popcountll(mask));
    if (at == NULL || get_times(&at, end, &times) != 0 ||
        get_times(&at, end, &times) != 0)
        return NULL;
    return at;
}

int
tg_pack_pass_cells(struct tg_pack_reader *reader, uint32_t quarter)
{
    const uint8_t *at = reader->at, *end = reader->cells_end;
    uint64_t step;

    while (at < end) {
        if (get(&at, end, &step) != 0 || step >= TG_PACK_QUARTERS ||
            (step == 0 && reader->is_begun))
            return TG_ERR_CORRUPT;
        if (reader->quarter + step >= quarter)
            break;
        at = pass_cell(at, end);
        if (at == NULL)
            return TG_ERR_CORRUPT;
        reader->at = at;
        reader->quarter += step;
        reader->is_begun = true;
    }
    return 0;
}

int
tg_pack_next_cell(struct tg_pack_reader *reader, struct tg_pack_cell *cell)
{
    const uint8_t *at = reader->at, *end = reader->cells_end;
    uint64_t step;

    if (at == end)
        return 0;
    if (get(&at, end, &step) != 0 || step >= TG_PACK_QUARTERS ||
        (step == 0 && reader->is_begun) ||
        reader->quarter + step >= TG_PACK_QUARTERS)
        return TG_ERR_CORRUPT;
    reader->quarter += step;
    reader->is_begun = true;
    reader->cell = at;
    cell->kind = (uint32_t)reader->kind;
    cell->quarter = (uint32_t)reader->quarter;
    if (get_sums(&at, end, &cell->sums) != 0 ||
        get_times(&at, end, &cell->latency) != 0 ||
        get_times(&at, end, &cell->ttft) != 0)
        return TG_ERR_CORRUPT;
    reader->at = at;
    return 1;
}

int
tg_pack_next(struct tg_pack_reader *reader, struct tg_pack_cell *cell)
{
    int got = tg_pack_next_cell(reader, cell);

    if (got == 0) {
        got = tg_pack_next_kind(reader);
        if (got > 0)
            got = tg_pack_next_cell(reader, cell);
    }
    return got;
}

void
tg_pack_clear(struct tg_pack_writer *writer)
{
    *writer =
        (struct tg_pack_writer){.bytes = writer->bytes, .room = writer->room};
}

static int
reserve(struct tg_pack_writer *writer, size_t more)
{
    size_t room = (writer->len + more) * 2;
    uint8_t *bytes;

    if (writer->len + more <= writer->room)
        return 0;
    bytes = realloc(writer->bytes, room);
    if (bytes == NULL)
        return TG_ERR_SYSTEM;
    writer->bytes = bytes;
    writer->room = room;
    return 0;
}

static void
put(struct tg_pack_writer *writer, uint64_t value)
{
    writer->len += tg_varint_put(writer->bytes + writer->len, value);
}

static void
put_bytes(struct tg_pack_writer *writer, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(writer->bytes + writer->len, bytes, len);
    writer->len += len;
}

/* Puts what stands before a kind's cells there, now that they are known. */
static int
end_kind(struct tg_pack_writer *writer)
{
    size_t cells = writer->len - writer->body, len;
    uint8_t head[2 * TG_VARINT_MAX];
    int err;

    if (!writer->has_cell)
        return 0;
    len = tg_varint_put(head, writer->kind - writer->last_kind);
    len += tg_varint_put(head + len, cells);
    err = reserve(writer, len);
    if (err != 0)
        return err;
    memmove(writer->bytes + writer->body + len, writer->bytes + writer->body,
            cells);
    memcpy(writer->bytes + writer->body, head, len);
    writer->len += len;
    writer->last_kind = writer->kind;
    writer->has_kind = true;
    writer->has_cell = false;
    return 0;
}

static bool
is_behind_all(const struct tg_pack_writer *writer, uint32_t kind,
              uint32_t quarter)
{
    if (quarter >= TG_PACK_QUARTERS)
        return false;
    if (writer->has_cell && kind == writer->kind)
        return quarter > writer->quarter;
    if (writer->has_cell)
        return kind > writer->kind;
    return !writer->has_kind || kind > writer->last_kind;
}

/* Makes room for a cell of len bytes and puts its quarter. */
static int
begin_cell(struct tg_pack_writer *writer, uint32_t kind, uint32_t quarter,
           size_t len)
{
    int err = 0;

    if (!is_behind_all(writer, kind, quarter))
        return TG_ERR_RANGE;
    if (writer->has_cell && kind != writer->kind)
        err = end_kind(writer);
    if (err == 0)
        err = reserve(writer, CELL_MAX + len);
    if (err != 0)
        return err;
    if (!writer->has_cell) {
        writer->body = writer->len;
        writer->quarter = 0;
    }
    put(writer, quarter - writer->quarter);
    writer->kind = kind;
    writer->quarter = quarter;
    writer->has_cell = true;
    return 0;
}

static void
put_sums(struct tg_pack_writer *writer, const struct tg_sums *sums)
{
    uint64_t values[FIGURES], mask = 0;

    for (size_t i = 0; i < FIGURES; i++) {
        memcpy(&values[i], (const char *)sums + figures[i], sizeof(values[i]));
        mask |= (uint64_t)(values[i] != 0) << i;
    }
    put(writer, (uint64_t)sums->requests);
    put(writer, mask);
    for (; mask != 0; mask &= mask - 1)
        put(writer, values[__builtin_ctzll(mask)]);
}

int
tg_pack_put(struct tg_pack_writer *writer, const struct tg_pack_cell *cell)
{
    int err = begin_cell(writer, cell->kind, cell->quarter,
                         cell->latency.len + cell->ttft.len);

    if (err != 0)
        return err;
    put_sums(writer, &cell->sums);
    put(writer, cell->latency.len);
    put_bytes(writer, cell->latency.data, cell->latency.len);
    put(writer, cell->ttft.len);
    put_bytes(writer, cell->ttft.data, cell->ttft.len);
    return 0;
}

int
tg_pack_end(struct tg_pack_writer *writer, struct tg_str *pack)
{
    int err = end_kind(writer);

    if (err == 0)
        *pack = (struct tg_str){(const char *)writer->bytes, writer->len};
    return err;
}

void
tg_pack_release(struct tg_pack_writer *writer)
{
    free(writer->bytes);
    *writer = (struct tg_pack_writer){.bytes = NULL};
}

/* One of the two that are merged, and the cell of it that is next. */
struct side {
    struct tg_pack_reader reader;
    struct tg_pack_cell cell;
    int got; /* 1: there is one */
};

static void
advance(struct side *side)
{
    side->got = tg_pack_next(&side->reader, &side->cell);
}

static uint64_t
place_of(const struct side *side)
{
    return side->got <= 0 ? UINT64_MAX
                          : (uint64_t)side->cell.kind << 8 | side->cell.quarter;
}

static int
copy(struct tg_pack_writer *writer, struct side *side)
{
    size_t len = (size_t)(side->reader.at - side->reader.cell);
    int err = begin_cell(writer, side->cell.kind, side->cell.quarter, len);

    if (err != 0)
        return err;
    put_bytes(writer, side->reader.cell, len);
    advance(side);
    return 0;
}

/* As bytes[], unless one of them is all there is. */
static int
merge_times(struct tg_str *to, struct tg_str from, uint8_t *bytes)
{
    struct tg_str sum = {(const char *)bytes, 0};
    int err;

    if (from.len == 0)
        return 0;
    if (to->len == 0) {
        *to = from;
        return 0;
    }
    err = tg_histogram_join(*to, from, bytes, &sum.len);
    *to = sum;
    return err;
}

static int
add(struct tg_pack_writer *writer, struct side *a, struct side *b)
{
    uint8_t bytes[2][TG_HISTOGRAM_BYTES_MAX];
    struct tg_pack_cell sum = a->cell;
    int err = tg_sums_add(&sum.sums, &b->cell.sums);

    if (err == 0)
        err = merge_times(&sum.latency, b->cell.latency, bytes[0]);
    if (err == 0)
        err = merge_times(&sum.ttft, b->cell.ttft, bytes[1]);
    if (err == 0)
        err = tg_pack_put(writer, &sum);
    advance(a);
    advance(b);
    return err;
}

int
tg_pack_merge(struct tg_pack_writer *writer, struct tg_str a, struct tg_str b,
              struct tg_str *pack)
{
    struct side x, y;
    int err = 0;

    tg_pack_clear(writer);
    tg_pack_open(&x.reader, a);
    tg_pack_open(&y.reader, b);
    advance(&x);
    advance(&y);
    while (err == 0 && (x.got > 0 || y.got > 0)) {
        uint64_t at_x = place_of(&x), at_y = place_of(&y);

        err = at_x < at_y   ? copy(writer, &x)
              : at_y < at_x ? copy(writer, &y)
                            : add(writer, &x, &y);
    }
    if (err == 0 && (x.got < 0 || y.got < 0))
        err = TG_ERR_CORRUPT;
    return err == 0 ? tg_pack_end(writer, pack) : err;
}
