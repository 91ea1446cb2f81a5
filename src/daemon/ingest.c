#include "ingest_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"

#define BATCH_RECORDS 4000
#define BATCH_LEAST 64 /* whoever waits */
#define ROLLUPS 4000   /* in a batch */
#define ROLLUPS_LEAST 64
#define YIELD_US 200
#define REST_RECORDS 32 /* a tenth of a millisecond */
#define REST_US 50
#define REST_MOST 1000 /* in a batch; behind more nobody rests */
#define TRIM_MS 60000
#define YIELDS_MAX 50

/* Without it segments are removed once they were taken in. */
static int
open_kept(const struct tg_daemon *daemon)
{
    int fd = -1;

    if (daemon->paths.kept[0] != '\0')
        fd = open(daemon->paths.kept, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

int
tg_ingest_open(struct tg_ingest **ingest, struct tg_daemon *daemon,
               struct tg_error *error)
{
    struct tg_ingest *self = calloc(1, sizeof(*self));
    int err;

    if (self == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    self->daemon = daemon;
    self->kept_fd = open_kept(daemon);
    self->dir_fd =
        open(daemon->paths.journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->dir_fd < 0)
        err = tg_error_set(error, TG_ERR_SYSTEM, "cannot open %s: %s",
                           daemon->paths.journal, strerror(errno));
    else
        err = tg_store_open_sqlite(&self->store, daemon->paths.store, error);
    if (err == 0) {
        self->store->adds_to = daemon->fresh;
        err = tg_segments_open(&self->segments, self->dir_fd, self->kept_fd,
                               self->store);
        /* It was the folder when the store has nothing to say. */
        if (err != 0 && self->store->error.text[0] == '\0')
            tg_error_set(error, err, "cannot read %s: %s",
                         daemon->paths.journal, strerror(errno));
        else if (err != 0)
            *error = self->store->error;
    }
    if (err != 0)
        tg_ingest_close(self);
    else
        *ingest = self;
    return err;
}

bool
tg_ingest_is_full(struct tg_ingest *ingest)
{
    ingest->is_cut |= ingest->batch >= BATCH_RECORDS ||
                      (ingest->batch >= BATCH_LEAST &&
                       atomic_load(&ingest->daemon->writers_waiting) > 0);
    return ingest->is_cut;
}

void
tg_ingest_rest(struct tg_ingest *ingest)
{
    if (ingest->is_busy || ingest->batch - ingest->rested_at < REST_RECORDS ||
        atomic_load(&ingest->daemon->writers_waiting) > 0)
        return;
    usleep(REST_US);
    ingest->rested_at = ingest->batch;
}

static void
mark_bad(struct tg_ingest *ingest, struct tg_segment *segment,
         const char *reason)
{
    char name[TG_JOURNAL_NAME_SIZE];

    tg_journal_name(name, segment->writer_id, segment->number);
    segment->is_bad = true;
    segment->is_final = false;
    snprintf(segment->why, sizeof(segment->why), "byte %llu: %s",
             (unsigned long long)segment->offset, reason);
    tg_log(TG_LOG_ERROR,
           "journal %s cannot be read at byte %llu (%s); the rest of it is "
           "left in place, all else goes on",
           name, (unsigned long long)segment->offset, reason);
    ingest->batch++;
}

/* A first look can be too early; a third one at the same byte is not. */
static void
doubt(struct tg_ingest *ingest, struct tg_segment *segment, const char *reason)
{
    if (++segment->doubts >= TG_INGEST_LOOKS)
        mark_bad(ingest, segment, reason);
}

/* Reads the header of a segment that is new.  Whether records follow. */
static bool
begin_segment(struct tg_ingest *ingest, struct tg_segment *segment)
{
    struct tg_segment_header header;
    ssize_t n = pread(segment->fd, ingest->buffer, TG_JOURNAL_HEADER_SIZE, 0);
    int err = n < 0
                  ? TG_ERR_SYSTEM
                  : tg_journal_read_header(ingest->buffer, (size_t)n, &header);

    if (err == TG_ERR_NOT_FOUND) {
        segment->doubts = 0;
        return false;
    }
    if (err == 0 && (header.writer_id != segment->writer_id ||
                     header.number != segment->number))
        err = TG_ERR_FORMAT;
    if (err != 0) {
        doubt(ingest, segment,
              err == TG_ERR_SYSTEM    ? strerror(errno)
              : err == TG_ERR_VERSION ? "another version"
                                      : "a bad header");
        return false;
    }
    segment->offset = TG_JOURNAL_HEADER_SIZE;
    return true;
}

/* Takes in a segment to its end, or until the batch is full. */
static int
take_segment(struct tg_ingest *ingest, struct tg_segment *segment)
{
    size_t used;
    int end, err;

    if (segment->fd < 0 || segment->is_bad ||
        segment->offset >= segment->size ||
        (segment->offset == 0 && !begin_segment(ingest, segment)))
        return 0;
    while (!tg_ingest_is_full(ingest)) {
        ssize_t n = pread(segment->fd, ingest->buffer, TG_INGEST_BUFFER,
                          (off_t)segment->offset);

        if (n < 0)
            doubt(ingest, segment, strerror(errno));
        if (n <= 0)
            return 0;
        err = tg_ingest_take_buffer(ingest, segment, (size_t)n, &used, &end);
        if (err != 0)
            return err;
        segment->offset += used;
        if (used > 0)
            segment->doubts = 0;
        if (end != 0 && end != TG_ERR_NOT_FOUND) {
            doubt(ingest, segment, "a checksum does not hold");
            return 0;
        }
        if (end != TG_ERR_NOT_FOUND)
            continue;
        /*
         * No whole record is left: of the file, or only of what could be
         * read, where a bad sector ended it.
         */
        if (segment->offset + (size_t)n - used >= segment->size) {
            segment->doubts = 0;
            return 0;
        }
        if (used == 0) {
            doubt(ingest, segment, "it cannot be read to its end");
            return 0;
        }
    }
    return 0;
}

static int
keep_offsets(struct tg_ingest *ingest)
{
    int err = 0;

    for (size_t i = 0; i < ingest->segments.count && err == 0; i++) {
        const struct tg_segment *segment = &ingest->segments.list[i];
        struct tg_store_segment row = {
            .writer_id = segment->writer_id,
            .number = segment->number,
            .offset = segment->offset,
            .bad = segment->is_bad ? segment->why : "",
        };

        if (segment->offset != segment->committed ||
            (segment->is_bad && segment->doubts == TG_INGEST_LOOKS))
            err = ingest->store->ops->segment_put(ingest->store, &row);
    }
    return err;
}

static void
settle_offsets(struct tg_ingest *ingest, bool is_committed)
{
    for (size_t i = 0; i < ingest->segments.count; i++) {
        struct tg_segment *segment = &ingest->segments.list[i];

        if (is_committed) {
            segment->committed = segment->offset;
            if (segment->is_bad)
                segment->doubts = 0;
        } else {
            segment->offset = segment->committed;
            if (segment->doubts >= TG_INGEST_LOOKS)
                segment->is_bad = false;
        }
    }
}

/* Readers go on with the calls themselves, so nothing wrong is shown. */
static void
give_up_rollups(struct tg_ingest *ingest)
{
    ingest->is_stuck = true;
    tg_log(TG_LOG_ERROR,
           "calls cannot be summed up until the next start; they are taken in "
           "all the same: %s",
           ingest->store->error.text);
}

static int
roll_up(struct tg_ingest *ingest)
{
    bool is_waited_for = atomic_load(&ingest->daemon->writers_waiting) > 0;

    return ingest->store->ops->roll_up(ingest->store,
                                       is_waited_for ? ROLLUPS_LEAST : ROLLUPS,
                                       &ingest->has_block);
}

/* While nobody waits for us; has_block says whether it has found one. */
static int
look_ahead(struct tg_ingest *ingest)
{
    int err = 0;

    ingest->has_block = false;
    if (!ingest->is_stuck)
        err = ingest->store->ops->roll_up_ahead(ingest->store,
                                                &ingest->has_block);
    if (err != TG_ERR_RANGE && err != TG_ERR_CORRUPT)
        return err;
    give_up_rollups(ingest);
    return 0;
}

/* One transaction: what is in the journal, and some of what it leads to. */
static int
take_all(struct tg_ingest *ingest)
{
    struct tg_store *store = ingest->store;
    int err = store->ops->begin(store);

    for (size_t i = 0; err == 0 && i < ingest->segments.count; i++)
        err = take_segment(ingest, &ingest->segments.list[i]);
    if (err == 0)
        err = keep_offsets(ingest);
    if (err == 0 && ingest->has_block) {
        err = roll_up(ingest);
        if (err == TG_ERR_RANGE || err == TG_ERR_CORRUPT)
            give_up_rollups(ingest);
    }
    if (err == 0)
        err = store->ops->commit(store);
    if (err != 0)
        store->ops->rollback(store);
    return err;
}

/* *is_done when every segment was read to its end. */
static int
take_batch(struct tg_ingest *ingest, bool *is_done)
{
    struct tg_daemon *daemon = ingest->daemon;
    bool was_stuck = ingest->is_stuck;
    int err;

    pthread_mutex_lock(&daemon->write_lock);
    ingest->batch = 0;
    ingest->rested_at = 0;
    ingest->call_count = 0;
    ingest->is_cut = false;
    err = take_all(ingest);
    settle_offsets(ingest, err == 0);
    tg_holds_settle(&ingest->holds, err == 0);
    pthread_mutex_unlock(&daemon->write_lock);
    ingest->taken += ingest->batch;
    if (ingest->is_stuck && !was_stuck)
        err = 0;
    if (err == 0)
        err = look_ahead(ingest);
    *is_done =
        !ingest->is_cut && !ingest->has_block && ingest->is_stuck == was_stuck;
    ingest->is_busy = ingest->batch > REST_MOST;
    for (int i = 0; i < YIELDS_MAX && atomic_load(&daemon->writers_waiting);
         i++)
        usleep(YIELD_US);
    return err;
}

static bool
has_work(const struct tg_ingest *ingest)
{
    for (size_t i = 0; i < ingest->segments.count; i++) {
        const struct tg_segment *segment = &ingest->segments.list[i];

        if (segment->fd >= 0 && !segment->is_bad &&
            segment->size > segment->offset)
            return true;
    }
    return false;
}

static void
remove_done(struct tg_ingest *ingest)
{
    struct tg_segments *segments = &ingest->segments;

    for (size_t i = segments->count; i-- > 0;) {
        const struct tg_segment *segment = &segments->list[i];

        if (!segment->is_final || segment->is_bad || segment->doubts > 0 ||
            !segment->is_searched || segment->is_spoilt ||
            tg_holds_need(&ingest->holds, segment))
            continue;
        tg_segments_remove(segments, i, &ingest->daemon->keep, tg_clock_ms());
        ingest->trim_at_ms = 0;
    }
}

/* When one came to it, and every few minutes, as time and disk go by. */
static int
trim_kept(struct tg_ingest *ingest)
{
    int64_t now_ms = tg_clock_ms();
    int err;

    if (now_ms < ingest->trim_at_ms && ingest->trim_at_ms - now_ms <= TRIM_MS)
        return 0;
    if (ingest->kept_fd >= 0)
        tg_kept_trim(ingest->kept_fd, &ingest->daemon->keep, now_ms);
    pthread_mutex_lock(&ingest->daemon->write_lock);
    err = tg_segments_forget(&ingest->segments, ingest->store);
    pthread_mutex_unlock(&ingest->daemon->write_lock);
    if (err == 0)
        ingest->trim_at_ms = now_ms + TRIM_MS;
    return err;
}

static void
report(struct tg_ingest *ingest)
{
    uint64_t lag = 0;
    uint32_t bad = 0;

    for (size_t i = 0; i < ingest->segments.count; i++) {
        const struct tg_segment *segment = &ingest->segments.list[i];

        if (segment->is_bad)
            bad++;
        else if (segment->size > segment->offset)
            lag += segment->size - segment->offset;
    }
    atomic_store(&ingest->daemon->lag_bytes, lag);
    atomic_store(&ingest->daemon->bad_segments, bad);
}

int
tg_ingest_pass(struct tg_ingest *ingest)
{
    struct tg_daemon *daemon = ingest->daemon;
    const struct tg_state *state =
        daemon->state.map != NULL ? &daemon->state : NULL;
    bool is_done = false;
    int err = tg_segments_scan(&ingest->segments, state, daemon->own_writer_id);

    ingest->taken = 0;
    if (err != 0) {
        tg_log(TG_LOG_ERROR, "cannot read the journal's folder: %s",
               strerror(errno));
        return err;
    }
    report(ingest);
    tg_ingest_search_holds(ingest);
    err = look_ahead(ingest);
    while (err == 0 && !is_done && (has_work(ingest) || ingest->has_block))
        err = take_batch(ingest, &is_done);
    if (err == 0 && state != NULL && ingest->holds.count > 0)
        err = tg_ingest_settle_old_holds(ingest);
    if (err == 0) {
        remove_done(ingest);
        err = trim_kept(ingest);
    }
    if (err != 0)
        tg_log(TG_LOG_ERROR, "calls wait in the journal: %s",
               ingest->store->error.text);
    else
        atomic_store(&daemon->ingested_at_ms, tg_clock_ms());
    report(ingest);
    return err;
}

size_t
tg_ingest_taken(const struct tg_ingest *ingest)
{
    return ingest->taken;
}

bool
tg_ingest_is_behind(const struct tg_ingest *ingest)
{
    for (size_t i = 0; i < ingest->segments.count; i++) {
        const struct tg_segment *segment = &ingest->segments.list[i];

        if (!segment->is_bad &&
            (segment->fd < 0 || segment->doubts > 0 || !segment->is_searched))
            return true;
    }
    return false;
}

void
tg_ingest_retry(struct tg_ingest *ingest)
{
    for (size_t i = 0; i < ingest->segments.count; i++) {
        ingest->segments.list[i].is_bad = false;
        ingest->segments.list[i].doubts = 0;
    }
}

struct tg_store *
tg_ingest_store(const struct tg_ingest *ingest)
{
    return ingest->store;
}

int
tg_ingest_folder(const struct tg_ingest *ingest)
{
    return ingest->dir_fd;
}

void
tg_ingest_close(struct tg_ingest *ingest)
{
    if (ingest == NULL)
        return;
    tg_segments_close(&ingest->segments);
    tg_holds_release(&ingest->holds);
    if (ingest->store != NULL)
        ingest->store->ops->close(ingest->store);
    if (ingest->dir_fd >= 0)
        close(ingest->dir_fd);
    if (ingest->kept_fd >= 0)
        close(ingest->kept_fd);
    free(ingest);
}
