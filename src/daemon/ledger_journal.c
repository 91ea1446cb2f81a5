#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "ledger_part.h"

#define BUFFER_BYTES (1u << 20)
#define ROOM_FOR_ALL UINT64_MAX

/* A segment that is to be read. */
struct file {
    uint64_t writer_id;
    uint32_t number;
    bool is_kept;
    bool has_row;   /* the store knows how far it was taken in */
    uint64_t until; /* byte up to which the store must have all */
};

struct reader {
    struct tg_ledger_check *check;
    struct file *list;
    size_t count, room;
    uint64_t writer_id, next_sequence; /* of the segment before */
    uint32_t last_number;
    char *buffer;
    char name[TG_JOURNAL_NAME_SIZE];
};

static int
add(struct reader *reader, const struct file *file)
{
    if (reader->count == reader->room) {
        size_t room = reader->room != 0 ? reader->room * 2 : 64;
        void *list = realloc(reader->list, room * sizeof(*file));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        reader->list = list;
        reader->room = room;
    }
    reader->list[reader->count++] = *file;
    return 0;
}

static int
by_writer(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    if (x->writer_id != y->writer_id)
        return x->writer_id < y->writer_id ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (int)y->has_row - (int)x->has_row;
}

/* A row is only worth something with its file; that is looked for later. */
static int
add_row(void *arg, const struct tg_store_segment *row)
{
    struct reader *reader = arg;
    struct tg_ledger_check *check = reader->check;
    struct file file = {
        .writer_id = row->writer_id,
        .number = row->number,
        .has_row = true,
        .until = row->offset,
    };
    char why[256];

    /* The folder of those that are kept says which are. */
    if (row->is_kept)
        return 0;
    if (row->bad[0] != '\0') {
        tg_journal_name(reader->name, row->writer_id, row->number);
        snprintf(why, sizeof(why),
                 "cannot be read behind %s; what follows is not in the store. "
                 "A start of the daemon or SIGHUP looks once more",
                 row->bad);
        tg_findings_say(check->findings, "segment_bad", reader->name, why);
    }
    return add(reader, &file);
}

static int
add_kept(struct reader *reader)
{
    DIR *dir = opendir(reader->check->paths->kept);
    const struct dirent *entry;
    int err = 0;

    if (dir == NULL)
        return 0;
    while (err == 0 && (entry = readdir(dir)) != NULL) {
        struct file file = {.is_kept = true, .until = ROOM_FOR_ALL};

        if (tg_journal_parse_name(entry->d_name, &file.writer_id,
                                  &file.number) == 0)
            err = add(reader, &file);
    }
    closedir(dir);
    return err;
}

/* One that the store has a row of may have gone to the kept ones meanwhile. */
static int
open_segment(struct reader *reader, const struct file *file)
{
    const struct tg_paths *paths = reader->check->paths;
    const char *folders[] = {file->is_kept ? paths->kept : paths->journal,
                             paths->kept};
    char path[TG_PATH_SIZE + TG_JOURNAL_NAME_SIZE];
    int fd = -1;

    for (int i = 0; i < 2 && fd < 0; i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], reader->name);
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    }
    return fd;
}

struct lookup {
    uint64_t writer_id;
    uint32_t number;
    bool is_there;
};

static int
look_row(void *arg, const struct tg_store_segment *row)
{
    struct lookup *lookup = arg;

    lookup->is_there =
        lookup->is_there || (row->writer_id == lookup->writer_id &&
                             row->number == lookup->number && !row->is_kept);
    return 0;
}

/* Its row goes a moment after the file; when it stays, the file was taken. */
static int
check_missing(struct reader *reader, const struct file *file)
{
    struct tg_ledger_check *check = reader->check;
    struct lookup lookup = {file->writer_id, file->number, true};
    int err = 0;

    if (file->is_kept)
        return 0;
    for (int i = 0; i < 20 && err == 0 && lookup.is_there; i++) {
        usleep(check->daemon != NULL ? 10000 : 0);
        lookup.is_there = false;
        err = check->store->ops->segment_each(check->store, look_row, &lookup);
    }
    if (err == 0 && lookup.is_there)
        tg_findings_say(check->findings, "segment_missing", reader->name,
                        "the store has taken in a part of this segment, and "
                        "its file is gone");
    return err;
}

/* A figure of a call that journal and store should both have. */
#define FIGURE(member, text, kind)                                             \
    {                                                                          \
        offsetof(struct tg_call, member), text, kind                           \
    }
static const struct {
    size_t offset;
    const char *what;
    enum tg_finding_unit unit;
} figures[] = {
    FIGURE(cost_nanos, "cost", TG_FINDING_MONEY),
    FIGURE(held_nanos, "hold", TG_FINDING_MONEY),
    FIGURE(prompt_tokens, "prompt tokens", TG_FINDING_TOKENS),
    FIGURE(cached_tokens, "cached tokens", TG_FINDING_TOKENS),
    FIGURE(written_tokens, "tokens written to the cache", TG_FINDING_TOKENS),
    FIGURE(completion_tokens, "completion tokens", TG_FINDING_TOKENS),
    FIGURE(reasoning_tokens, "reasoning tokens", TG_FINDING_TOKENS),
};

static void
compare(struct reader *reader, const struct tg_call *journal,
        const struct tg_call *store)
{
    struct tg_findings *findings = reader->check->findings;
    char id[TG_CALL_ID_TEXT_SIZE], what[96];

    tg_call_id_text(&journal->id, id);
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        struct tg_difference difference = {
            .kind = "call_differs",
            .subject = id,
            .what = what,
            .unit = figures[i].unit,
        };

        memcpy(&difference.expected, (const char *)journal + figures[i].offset,
               sizeof(int64_t));
        memcpy(&difference.found, (const char *)store + figures[i].offset,
               sizeof(int64_t));
        snprintf(what, sizeof(what), "%s in the store, by the journal",
                 figures[i].what);
        if (difference.expected != difference.found)
            tg_findings_add(findings, &difference);
    }
    if (memcmp(journal->key_id, store->key_id, TG_ID_LEN) != 0 ||
        memcmp(journal->account_id, store->account_id, TG_ID_LEN) != 0 ||
        journal->at_ms != store->at_ms || journal->basis != store->basis)
        tg_findings_say(findings, "call_differs", id,
                        "its key, account, instant or basis in the store is "
                        "not the journal's");
}

static int
check_record(struct reader *reader, const struct tg_call *call)
{
    struct tg_ledger_check *check = reader->check;
    struct tg_difference difference = {
        .kind = "call_missing",
        .what = "a call in the journal is not in the store; its cost",
        .expected = call->cost_nanos,
    };
    char id[TG_CALL_ID_TEXT_SIZE];
    struct tg_call stored;
    int64_t seq, last;
    int err =
        check->store->ops->call_get(check->store, &call->id, &seq, &stored);

    check->records++;
    if (err == 0) {
        /* One that was journaled twice: the first one counts. */
        if (!(call->flags & TG_CALL_RECOVERED) ||
            (stored.flags & TG_CALL_RECOVERED))
            compare(reader, call, &stored);
        return 0;
    }
    if (err != TG_ERR_NOT_FOUND)
        return err;
    /* Old calls may have gone by age, some since this was last asked. */
    err = check->store->ops->call_span(check->store, &check->first_seq, &last);
    if (err == 0 && check->first_seq <= 1) {
        tg_call_id_text(&call->id, id);
        difference.subject = id;
        tg_findings_add(check->findings, &difference);
    }
    return err;
}

static void
check_sequence(struct reader *reader, uint64_t sequence)
{
    char what[160];

    if (sequence > reader->next_sequence) {
        snprintf(what, sizeof(what),
                 "%llu record%s missing before record %llu of this writer",
                 (unsigned long long)(sequence - reader->next_sequence),
                 sequence - reader->next_sequence == 1 ? " is" : "s are",
                 (unsigned long long)sequence);
        tg_findings_say(reader->check->findings, "record_missing", reader->name,
                        what);
    }
    /* A segment may begin with copies of calls that were read before. */
    if (sequence >= reader->next_sequence)
        reader->next_sequence = sequence + 1;
}

/* What comes before a segment that is not here cannot be counted. */
static void
begin_sequence(struct reader *reader, const struct file *file, bool *is_first)
{
    *is_first = file->number != 0 && (reader->writer_id != file->writer_id ||
                                      reader->last_number + 1 != file->number);
    if (reader->writer_id != file->writer_id || *is_first)
        reader->next_sequence = 0;
    reader->writer_id = file->writer_id;
    reader->last_number = file->number;
}

static void
say_unreadable(struct reader *reader, uint64_t at, const char *reason)
{
    char what[160];

    snprintf(what, sizeof(what),
             "kept, and cannot be read behind byte %llu: %s",
             (unsigned long long)at, reason);
    tg_findings_say(reader->check->findings, "segment_bad", reader->name, what);
}

/* Records in a buffer; *used becomes the bytes of whole ones. */
static int
check_buffer(struct reader *reader, size_t len, bool *is_first, size_t *used,
             int *end)
{
    struct tg_record record;
    size_t size;
    int err = 0;

    *used = 0;
    *end = 0;
    while (err == 0 && *end == 0) {
        int got = tg_journal_read(reader->buffer + *used, len - *used, &record,
                                  &size);

        if (got != 0 && got != TG_ERR_VERSION) {
            *end = got;
            break;
        }
        if (got == 0) {
            if (*is_first)
                reader->next_sequence = record.sequence;
            *is_first = false;
            check_sequence(reader, record.sequence);
            if (record.type == TG_RECORD_CALL)
                err = check_record(reader, &record.call);
        }
        if (err == 0)
            *used += size;
        if (*reader->check->is_over)
            err = TG_ERR_BUSY;
    }
    return err;
}

static int
check_records(struct reader *reader, const struct file *file, int fd,
              uint64_t until)
{
    uint64_t at = TG_JOURNAL_HEADER_SIZE;
    bool is_first;
    int err = 0, end = 0;

    begin_sequence(reader, file, &is_first);
    while (err == 0 && at < until && end == 0) {
        size_t most =
            until - at < BUFFER_BYTES ? (size_t)(until - at) : BUFFER_BYTES;
        ssize_t n = pread(fd, reader->buffer, most, (off_t)at);
        size_t used = 0;

        if (n < 0)
            say_unreadable(reader, at, strerror(errno));
        if (n <= 0)
            break;
        err = check_buffer(reader, (size_t)n, &is_first, &used, &end);
        at += used;
        /* Less than one is left of the buffer, and more in the file. */
        if (end == TG_ERR_NOT_FOUND && used > 0 && at < until)
            end = 0;
    }
    if (err == 0 && file->is_kept && end != 0 && end != TG_ERR_NOT_FOUND)
        say_unreadable(reader, at, "a checksum does not hold");
    return err;
}

static int
check_segment(struct reader *reader, const struct file *file)
{
    struct tg_ledger_check *check = reader->check;
    struct stat st;
    uint64_t until = file->until;
    int fd, err = 0;

    tg_journal_name(reader->name, file->writer_id, file->number);
    fd = open_segment(reader, file);
    if (fd < 0)
        return check_missing(reader, file);
    check->segments++;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        st.st_size = 0;
    if (file->has_row && (uint64_t)st.st_size < file->until) {
        struct tg_difference difference = {
            .kind = "segment_short",
            .subject = reader->name,
            .what = "length of a segment, by what was taken in of it",
            .unit = TG_FINDING_BYTES,
            .expected = (int64_t)file->until,
            .found = st.st_size,
        };

        tg_findings_add(check->findings, &difference);
    }
    if ((uint64_t)st.st_size < until)
        until = (uint64_t)st.st_size;
    if (until > TG_JOURNAL_HEADER_SIZE)
        err = check_records(reader, file, fd, until);
    close(fd);
    return err;
}

static int
check_all(struct reader *reader)
{
    int err = 0;

    for (size_t i = 0; i < reader->count && err == 0; i++) {
        const struct file *file = &reader->list[i];

        reader->check->progress(reader->check->arg, "journal", i,
                                reader->count);
        /* One that was moved while the lists were made is in both. */
        if (i > 0 && file[-1].writer_id == file->writer_id &&
            file[-1].number == file->number)
            continue;
        err = check_segment(reader, file);
    }
    return err;
}

int
tg_ledger_check_journal(struct tg_ledger_check *check)
{
    struct reader reader = {.check = check};
    int err = check->store->ops->segment_each(check->store, add_row, &reader);

    if (err == 0)
        err = add_kept(&reader);
    reader.buffer = malloc(BUFFER_BYTES);
    if (err == 0 && reader.buffer == NULL)
        err = TG_ERR_SYSTEM;
    if (reader.count > 0)
        qsort(reader.list, reader.count, sizeof(reader.list[0]), by_writer);
    if (err == 0)
        err = check_all(&reader);
    free(reader.buffer);
    free(reader.list);
    return err;
}
