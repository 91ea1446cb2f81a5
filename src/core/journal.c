#include "journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crc32c.h"
#include "err.h"
#include "journal_part.h"

static const char magic[8] = "TGJRNL1\n";

/* A segment's first bytes. */
struct file_header {
    char magic[8];
    uint32_t version;
    uint32_t number;
    uint64_t writer_id;
    int64_t created_at_ms;
    uint8_t reserved[28];
    uint32_t crc; /* CRC-32C of all before it */
};

_Static_assert(sizeof(struct file_header) == TG_JOURNAL_HEADER_SIZE, "format");

/* What stands before each record's payload. */
struct frame {
    uint32_t bytes;       /* of the record, this frame included */
    uint32_t crc;         /* CRC-32C of all behind this member */
    uint16_t type;        /* enum tg_record_type */
    uint16_t agent_bytes; /* of denials: how many */
    uint16_t trace_bytes;
    uint16_t reserved;
    uint64_t sequence;
};

_Static_assert(sizeof(struct frame) == 24, "format");

#define CRC_FROM offsetof(struct frame, type)
#define CALL_BYTES (sizeof(struct frame) + sizeof(struct tg_call))

_Static_assert(CALL_BYTES + TG_JOURNAL_AGENT_MAX + TG_JOURNAL_TRACE_MAX ==
                   TG_JOURNAL_RECORD_MAX,
               "format");

#define DENIALS_MAX                                                            \
    (sizeof(struct frame) + TG_DENIAL_ROWS * sizeof(struct tg_denial))

/* Larger than any record of any version: a length beyond it is damage. */
#define SANE_BYTES 65536

_Static_assert(DENIALS_MAX <= SANE_BYTES, "format");

/* What a disk keeps for calls: more than a hundred thousand of them. */
#define SPARE_BYTES TG_JOURNAL_SEGMENT_BYTES

/* How far beyond its limit a segment goes until it is tried again to end it. */
#define OVERDUE_BYTES (1u << 20)

void
tg_journal_init(struct tg_journal *journal, int dir_fd, uint64_t writer_id)
{
    *journal = (struct tg_journal){
        .dir_fd = dir_fd,
        .fd = -1,
        .writer_id = writer_id,
        .segment_limit = TG_JOURNAL_SEGMENT_BYTES,
        .syncing_fd = -1,
        .left_fd = -1,
    };
}

void
tg_journal_name(char *name, uint64_t writer_id, uint32_t segment)
{
    snprintf(name, TG_JOURNAL_NAME_SIZE, "%016llx.%08x.tgj",
             (unsigned long long)writer_id, segment);
}

int
tg_journal_parse_name(const char *name, uint64_t *writer_id, uint32_t *segment)
{
    unsigned long long id;
    unsigned number;
    char again[TG_JOURNAL_NAME_SIZE];

    if (strlen(name) != TG_JOURNAL_NAME_SIZE - 1 ||
        sscanf(name, "%16llx.%8x.tgj", &id, &number) != 2)
        return TG_ERR_FORMAT;
    tg_journal_name(again, id, number);
    if (strcmp(again, name) != 0)
        return TG_ERR_FORMAT;
    *writer_id = id;
    *segment = number;
    return 0;
}

/* Writes it all or fails; a part that was written counts as a failure. */
static int
write_whole(int fd, const void *buf, size_t len)
{
    ssize_t n;

    do {
        n = write(fd, buf, len);
    } while (n == -1 && errno == EINTR);
    if (n == (ssize_t)len)
        return 0;
    if (n >= 0)
        errno = ENOSPC;
    return TG_ERR_SYSTEM;
}

/* Where a segment's first new record stands. */
#define SEGMENT_AT(journal) (TG_JOURNAL_HEADER_SIZE + (journal)->kept_len)

/* A descriptor that is being synced is closed when that is over. */
static void
let_go(struct tg_journal *journal, int fd)
{
    if (fd == journal->syncing_fd)
        journal->left_fd = fd;
    else
        close(fd);
}

void
tg_journal_give_up(struct tg_journal *journal)
{
    int saved = errno;

    if (journal->fd != -1)
        let_go(journal, journal->fd);
    journal->fd = -1;
    errno = saved;
}

/* Its first bytes, and what is not durable where it was written before. */
static int
write_beginning(const struct tg_journal *journal, int fd, int64_t now_ms)
{
    struct file_header header = {
        .version = TG_JOURNAL_VERSION,
        .number = journal->segment - 1,
        .writer_id = journal->writer_id,
        .created_at_ms = now_ms,
    };

    memcpy(header.magic, magic, sizeof(magic));
    header.crc = tg_crc32c(0, &header, offsetof(struct file_header, crc));
    if (write_whole(fd, &header, sizeof(header)) != 0)
        return TG_ERR_SYSTEM;
    return journal->kept_len == 0
               ? 0
               : write_whole(fd, journal->kept, journal->kept_len);
}

/*
 * A segment is not there before it is whole: a file with a higher number says
 * that nothing more is written to those below.
 */
static int
make_segment(struct tg_journal *journal, uint64_t place_bytes, int64_t now_ms)
{
    char name[TG_JOURNAL_NAME_SIZE],
        draft[sizeof(name) + sizeof(TG_JOURNAL_DRAFT)];
    int saved, fd;
    bool is_done;

    tg_journal_name(name, journal->writer_id, journal->segment);
    snprintf(draft, sizeof(draft), "%s" TG_JOURNAL_DRAFT, name);
    fd = openat(journal->dir_fd, draft,
                O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd == -1)
        return -1;
    /* What was begun once is not begun again, whatever became of it. */
    journal->segment++;
    is_done = write_beginning(journal, fd, now_ms) == 0 &&
              tg_journal_place(fd, SEGMENT_AT(journal), place_bytes) == 0 &&
              linkat(journal->dir_fd, draft, journal->dir_fd, name, 0) == 0;
    saved = errno;
    (void)unlinkat(journal->dir_fd, draft, 0);
    if (is_done)
        return fd;
    close(fd);
    errno = saved;
    return -1;
}

int
tg_journal_begin_segment(struct tg_journal *journal, uint64_t place_bytes,
                         int64_t now_ms)
{
    int fd = make_segment(journal, place_bytes, now_ms);

    if (fd == -1) {
        /* It may be there all the same. */
        if (errno == EIO)
            tg_journal_give_up(journal);
        return TG_ERR_SYSTEM;
    }
    tg_journal_close(journal);
    journal->fd = fd;
    journal->segment_bytes = SEGMENT_AT(journal);
    journal->placed_bytes = journal->segment_bytes + place_bytes;
    journal->overdue_bytes = 0;
    journal->is_new = true;
    return 0;
}

/*
 * Ends a segment that is long enough.  When there is no place for another
 * one, it goes on in the place that it has.
 */
static void
rotate(struct tg_journal *journal, int64_t now_ms)
{
    if (tg_journal_begin_segment(journal, tg_journal_wanted(journal), now_ms) !=
        0)
        journal->overdue_bytes += OVERDUE_BYTES;
}

/* Puts the frame before a payload that stands in its place. */
static void
seal(char *buf, struct frame *frame)
{
    memcpy(buf, frame, sizeof(*frame));
    frame->crc = tg_crc32c(0, buf + CRC_FROM, frame->bytes - CRC_FROM);
    memcpy(buf, frame, sizeof(*frame));
}

/* Lays the record out in buf and returns its length. */
static size_t
encode(char *buf, enum tg_record_type type, const struct tg_call *call,
       struct tg_str agent, struct tg_str trace_id, uint64_t sequence)
{
    struct frame frame = {.type = (uint16_t)type, .sequence = sequence};
    char *p = buf + sizeof(frame);

    if (agent.len > TG_JOURNAL_AGENT_MAX)
        agent.len = TG_JOURNAL_AGENT_MAX;
    if (trace_id.len > TG_JOURNAL_TRACE_MAX)
        trace_id.len = TG_JOURNAL_TRACE_MAX;
    frame.bytes = (uint32_t)(CALL_BYTES + agent.len + trace_id.len);
    frame.agent_bytes = (uint16_t)agent.len;
    frame.trace_bytes = (uint16_t)trace_id.len;
    memcpy(p, call, sizeof(*call));
    p += sizeof(*call);
    if (agent.len != 0)
        memcpy(p, agent.data, agent.len);
    if (trace_id.len != 0)
        memcpy(p + agent.len, trace_id.data, trace_id.len);
    seal(buf, &frame);
    return frame.bytes;
}

/* Writes count records, of len bytes together. */
static int
write_records(struct tg_journal *journal, const char *buf, size_t len,
              uint32_t count, int64_t now_ms)
{
    if (journal->kept != NULL && journal->kept_size - journal->kept_len < len) {
        errno = ENOBUFS;
        return TG_ERR_SYSTEM;
    }
    if (journal->fd != -1 &&
        journal->segment_bytes + len >
            journal->segment_limit + journal->overdue_bytes)
        rotate(journal, now_ms);
    if (journal->fd == -1 && tg_journal_begin_segment(journal, 0, now_ms) != 0)
        return TG_ERR_SYSTEM;
    if (write_whole(journal->fd, buf, len) != 0) {
        tg_journal_give_up(journal);
        return TG_ERR_SYSTEM;
    }
    journal->segment_bytes += len;
    journal->sequence += count;
    journal->written += count;
    return 0;
}

static int
write_record(struct tg_journal *journal, const char *buf, size_t len,
             int64_t now_ms)
{
    assert(journal->added_count == 0);
    return write_records(journal, buf, len, 1, now_ms);
}

/* Until it is durable.  Denials are not: they must not be counted twice. */
static void
keep(struct tg_journal *journal, const char *buf, size_t len)
{
    if (journal->kept == NULL)
        return;
    memcpy(journal->kept + journal->kept_len, buf, len);
    journal->kept_len += len;
}

static int
append(struct tg_journal *journal, enum tg_record_type type,
       const struct tg_call *call, struct tg_str agent, struct tg_str trace_id,
       int64_t now_ms)
{
    char buf[TG_JOURNAL_RECORD_MAX];
    size_t len = encode(buf, type, call, agent, trace_id, journal->sequence);
    int err;

    err = write_record(journal, buf, len, now_ms);
    if (err == 0)
        keep(journal, buf, len);
    return err;
}

/* So many calls have used the place they were promised. */
static void
fulfil(struct tg_journal *journal, uint32_t count)
{
    journal->promised -= journal->promised < count ? journal->promised : count;
}

int
tg_journal_append(struct tg_journal *journal, const struct tg_call *call,
                  struct tg_str agent, struct tg_str trace_id, int64_t now_ms)
{
    int err = append(journal, TG_RECORD_CALL, call, agent, trace_id, now_ms);

    if (err == 0)
        fulfil(journal, 1);
    return err;
}

void
tg_journal_gather(struct tg_journal *journal, void *buf)
{
    journal->added = buf;
}

void
tg_journal_add(struct tg_journal *journal, const struct tg_call *call,
               struct tg_str agent, struct tg_str trace_id)
{
    assert(journal->added_count < TG_JOURNAL_ADDED_MAX);
    journal->added_len +=
        encode(journal->added + journal->added_len, TG_RECORD_CALL, call, agent,
               trace_id, journal->sequence + journal->added_count);
    journal->added_count++;
}

void
tg_journal_drop(struct tg_journal *journal)
{
    journal->added_len = 0;
    journal->added_count = 0;
}

int
tg_journal_write(struct tg_journal *journal, int64_t now_ms)
{
    if (journal->added_count == 0)
        return 0;
    if (write_records(journal, journal->added, journal->added_len,
                      journal->added_count, now_ms) != 0)
        return TG_ERR_SYSTEM;
    keep(journal, journal->added, journal->added_len);
    fulfil(journal, journal->added_count);
    tg_journal_drop(journal);
    return 0;
}

int
tg_journal_append_hold(struct tg_journal *journal, const struct tg_call *call,
                       struct tg_str agent, int64_t now_ms)
{
    static const struct tg_str none = {NULL, 0};

    return append(journal, TG_RECORD_HOLD, call, agent, none, now_ms);
}

int
tg_journal_append_denials(struct tg_journal *journal,
                          const struct tg_denial *rows, size_t count,
                          int64_t now_ms)
{
    char buf[DENIALS_MAX];
    struct frame frame = {
        .bytes = (uint32_t)(sizeof(frame) + count * sizeof(*rows)),
        .type = TG_RECORD_DENIAL,
        .agent_bytes = (uint16_t)count,
        .sequence = journal->sequence,
    };

    assert(count > 0 && count <= TG_DENIAL_ROWS);
    memcpy(buf + sizeof(frame), rows, count * sizeof(*rows));
    seal(buf, &frame);
    return write_record(journal, buf, frame.bytes, now_ms);
}

static bool
has_spare_room(const struct tg_journal *journal)
{
    struct statvfs disk;

    return fstatvfs(journal->dir_fd, &disk) == 0 && disk.f_frsize != 0 &&
           disk.f_bavail > SPARE_BYTES / disk.f_frsize;
}

/* Each failed write leaves a segment behind, so there are few of them. */
static bool
must_wait(const struct tg_denial_table *table, int64_t now_ms)
{
    int64_t left = table->retry_at_ms - now_ms;

    /* A clock that was set back must not make it wait for long. */
    return left > 0 && left <= TG_JOURNAL_RETRY_MS;
}

int
tg_journal_take_denials(struct tg_journal *journal,
                        struct tg_denial_table *table, int64_t now_ms)
{
    int err = 0;

    if (table->count == 0)
        return 0;
    if (must_wait(table, now_ms) || !has_spare_room(journal) ||
        tg_journal_place_beside(journal, DENIALS_MAX) != 0) {
        err = TG_ERR_FULL;
    } else {
        err = tg_journal_append_denials(journal, table->rows, table->count,
                                        now_ms);
        table->retry_at_ms = err == 0 ? 0 : now_ms + TG_JOURNAL_RETRY_MS;
    }
    if (err == 0)
        tg_denial_clear(table);
    else
        tg_denial_fold(table, now_ms);
    return err;
}

void
tg_journal_close(struct tg_journal *journal)
{
    if (journal->fd == -1)
        return;
    /* The place that it had ahead is free again. */
    if (journal->placed_bytes > journal->segment_bytes &&
        ftruncate(journal->fd, (off_t)journal->segment_bytes) == 0)
        journal->placed_bytes = journal->segment_bytes;
    let_go(journal, journal->fd);
    journal->fd = -1;
}

int
tg_journal_read_header(const void *buf, size_t len,
                       struct tg_segment_header *header)
{
    struct file_header file;

    if (len < sizeof(file))
        return TG_ERR_NOT_FOUND;
    memcpy(&file, buf, sizeof(file));
    if (memcmp(file.magic, magic, sizeof(magic)) != 0)
        return TG_ERR_FORMAT;
    if (file.crc != tg_crc32c(0, &file, offsetof(struct file_header, crc)))
        return TG_ERR_CORRUPT;
    if (file.version != TG_JOURNAL_VERSION)
        return TG_ERR_VERSION;
    header->writer_id = file.writer_id;
    header->number = file.number;
    header->created_at_ms = file.created_at_ms;
    return 0;
}

static bool
is_of_call(uint16_t type)
{
    return type == TG_RECORD_CALL || type == TG_RECORD_HOLD;
}

/*
 * Whether a length agrees with what the type says it is, so that one that was
 * damaged does not pass for a tail.
 */
static bool
says_twice(const struct frame *frame)
{
    switch (frame->type) {
    case TG_RECORD_CALL:
    case TG_RECORD_HOLD:
        return frame->bytes ==
               CALL_BYTES + (size_t)frame->agent_bytes + frame->trace_bytes;
    case TG_RECORD_DENIAL:
        return frame->agent_bytes > 0 &&
               frame->bytes == sizeof(*frame) + frame->agent_bytes *
                                                    sizeof(struct tg_denial);
    default:
        return true;
    }
}

static void
take_call(struct tg_record *record, const struct frame *frame, const char *p)
{
    memcpy(&record->call, p + sizeof(*frame), sizeof(record->call));
    record->agent = (struct tg_str){p + CALL_BYTES, frame->agent_bytes};
    record->trace_id = (struct tg_str){p + CALL_BYTES + frame->agent_bytes,
                                       frame->trace_bytes};
    record->denial_count = 0;
}

static void
take_denials(struct tg_record *record, const struct frame *frame, const char *p)
{
    record->agent = record->trace_id = (struct tg_str){NULL, 0};
    record->denials = p + sizeof(*frame);
    record->denial_count = frame->agent_bytes;
}

int
tg_journal_read(const void *buf, size_t len, struct tg_record *record,
                size_t *size)
{
    struct frame frame;
    const char *p = buf;

    if (len < sizeof(frame))
        return TG_ERR_NOT_FOUND;
    memcpy(&frame, p, sizeof(frame));
    if (frame.bytes < sizeof(frame) || frame.bytes > SANE_BYTES)
        return TG_ERR_CORRUPT;
    if (!says_twice(&frame))
        return TG_ERR_CORRUPT;
    if (frame.bytes > len)
        return TG_ERR_NOT_FOUND;
    if (frame.crc != tg_crc32c(0, p + CRC_FROM, frame.bytes - CRC_FROM))
        return TG_ERR_CORRUPT;
    *size = frame.bytes;
    if (!is_of_call(frame.type) && frame.type != TG_RECORD_DENIAL)
        return TG_ERR_VERSION;
    record->type = (enum tg_record_type)frame.type;
    record->sequence = frame.sequence;
    if (is_of_call(frame.type))
        take_call(record, &frame, p);
    else
        take_denials(record, &frame, p);
    return 0;
}

struct tg_denial
tg_record_denial(const struct tg_record *record, size_t i)
{
    struct tg_denial row;

    assert(i < record->denial_count);
    memcpy(&row, record->denials + i * sizeof(row), sizeof(row));
    return row;
}
