#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crc32c.h"
#include "err.h"

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
    uint32_t bytes; /* of the record, this frame included */
    uint32_t crc;   /* CRC-32C of all behind this member */
    uint16_t type;  /* enum tg_record_type */
    uint16_t agent_bytes;
    uint16_t trace_bytes;
    uint16_t reserved;
    uint64_t sequence;
};

_Static_assert(sizeof(struct frame) == 24, "format");

#define CRC_FROM offsetof(struct frame, type)
#define CALL_BYTES (sizeof(struct frame) + sizeof(struct tg_call))
#define RECORD_MAX (CALL_BYTES + TG_JOURNAL_AGENT_MAX + TG_JOURNAL_TRACE_MAX)

/* Larger than any record of any version: a length beyond it is damage. */
#define SANE_BYTES 65536

void
tg_journal_init(struct tg_journal *journal, int dir_fd, uint64_t writer_id)
{
    *journal = (struct tg_journal){
        .dir_fd = dir_fd,
        .fd = -1,
        .writer_id = writer_id,
        .segment_limit = TG_JOURNAL_SEGMENT_BYTES,
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

static void
give_up_segment(struct tg_journal *journal)
{
    int saved = errno;

    close(journal->fd);
    journal->fd = -1;
    errno = saved;
}

static int
open_segment(struct tg_journal *journal, int64_t now_ms)
{
    char name[TG_JOURNAL_NAME_SIZE];
    struct file_header header = {
        .version = TG_JOURNAL_VERSION,
        .number = journal->segment,
        .writer_id = journal->writer_id,
        .created_at_ms = now_ms,
    };

    memcpy(header.magic, magic, sizeof(magic));
    header.crc = tg_crc32c(0, &header, offsetof(struct file_header, crc));
    tg_journal_name(name, journal->writer_id, journal->segment);
    journal->fd = openat(journal->dir_fd, name,
                         O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
                         0600);
    if (journal->fd == -1)
        return TG_ERR_SYSTEM;
    journal->segment++;
    journal->segment_bytes = sizeof(header);
    if (write_whole(journal->fd, &header, sizeof(header)) != 0) {
        give_up_segment(journal);
        return TG_ERR_SYSTEM;
    }
    return 0;
}

/* Lays the record out in buf and returns its length. */
static size_t
encode(char *buf, const struct tg_call *call, struct tg_str agent,
       struct tg_str trace_id, uint64_t sequence)
{
    struct frame frame = {
        .bytes = (uint32_t)(CALL_BYTES + agent.len + trace_id.len),
        .type = TG_RECORD_CALL,
        .agent_bytes = (uint16_t)agent.len,
        .trace_bytes = (uint16_t)trace_id.len,
        .sequence = sequence,
    };
    char *p = buf + sizeof(frame);

    memcpy(p, call, sizeof(*call));
    p += sizeof(*call);
    if (agent.len != 0)
        memcpy(p, agent.data, agent.len);
    if (trace_id.len != 0)
        memcpy(p + agent.len, trace_id.data, trace_id.len);
    memcpy(buf, &frame, sizeof(frame));
    frame.crc = tg_crc32c(0, buf + CRC_FROM, frame.bytes - CRC_FROM);
    memcpy(buf, &frame, sizeof(frame));
    return frame.bytes;
}

int
tg_journal_append(struct tg_journal *journal, const struct tg_call *call,
                  struct tg_str agent, struct tg_str trace_id, int64_t now_ms)
{
    char buf[RECORD_MAX];
    size_t len;

    if (agent.len > TG_JOURNAL_AGENT_MAX)
        agent.len = TG_JOURNAL_AGENT_MAX;
    if (trace_id.len > TG_JOURNAL_TRACE_MAX)
        trace_id.len = TG_JOURNAL_TRACE_MAX;
    len = encode(buf, call, agent, trace_id, journal->sequence);

    if (journal->fd != -1 &&
        journal->segment_bytes + len > journal->segment_limit)
        tg_journal_close(journal);
    if (journal->fd == -1 && open_segment(journal, now_ms) != 0)
        return TG_ERR_SYSTEM;
    if (write_whole(journal->fd, buf, len) != 0) {
        give_up_segment(journal);
        return TG_ERR_SYSTEM;
    }
    journal->segment_bytes += len;
    journal->sequence++;
    return 0;
}

void
tg_journal_close(struct tg_journal *journal)
{
    if (journal->fd != -1)
        close(journal->fd);
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
    /* Said twice, so a length that was damaged does not pass for a tail. */
    if (frame.type == TG_RECORD_CALL &&
        frame.bytes !=
            CALL_BYTES + (size_t)frame.agent_bytes + frame.trace_bytes)
        return TG_ERR_CORRUPT;
    if (frame.bytes > len)
        return TG_ERR_NOT_FOUND;
    if (frame.crc != tg_crc32c(0, p + CRC_FROM, frame.bytes - CRC_FROM))
        return TG_ERR_CORRUPT;
    if (frame.type != TG_RECORD_CALL) {
        *size = frame.bytes;
        return TG_ERR_VERSION;
    }
    *size = frame.bytes;

    record->type = TG_RECORD_CALL;
    record->sequence = frame.sequence;
    memcpy(&record->call, p + sizeof(frame), sizeof(record->call));
    record->agent = (struct tg_str){p + CALL_BYTES, frame.agent_bytes};
    record->trace_id =
        (struct tg_str){p + CALL_BYTES + frame.agent_bytes, frame.trace_bytes};
    return 0;
}
