#include "segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "log.h"

static int
add(struct tg_segments *segments, const struct tg_segment *segment)
{
    if (segments->count == segments->room) {
        size_t room = segments->room ? segments->room * 2 : 64;
        void *list = realloc(segments->list, room * sizeof(*segment));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        segments->list = list;
        segments->room = room;
    }
    segments->list[segments->count++] = *segment;
    return 0;
}

static int
add_row(void *arg, const struct tg_store_segment *row)
{
    struct tg_segment segment = {
        .writer_id = row->writer_id,
        .number = row->number,
        .fd = -1,
        .offset = row->offset,
        .committed = row->offset,
        .was_kept = row->is_kept,
    };

    return add(arg, &segment);
}

static int
by_writer(const void *a, const void *b)
{
    const struct tg_segment *x = a, *y = b;

    if (x->writer_id != y->writer_id)
        return x->writer_id < y->writer_id ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static struct tg_segment *
find(struct tg_segments *segments, uint64_t writer_id, uint32_t number)
{
    struct tg_segment wanted = {.writer_id = writer_id, .number = number};

    return segments->count == 0
               ? NULL
               : bsearch(&wanted, segments->list, segments->count,
                         sizeof(wanted), by_writer);
}

/* Workers own the folder, so what stands in it is not believed. */
static int
open_file(int dir_fd, const char *name)
{
    struct stat st;
    int fd =
        openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

static DIR *
open_folder(const struct tg_segments *segments)
{
    int fd = openat(segments->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

/*
 * Segments that their writers did not live to finish; nothing is only there.
 * One that lives begins another one.
 */
static void
remove_drafts(const struct tg_segments *segments)
{
    DIR *dir = open_folder(segments);
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *end = strstr(entry->d_name, ".tgj" TG_JOURNAL_DRAFT);

        if (end != NULL && end[strlen(".tgj" TG_JOURNAL_DRAFT)] == '\0')
            (void)unlinkat(segments->dir_fd, entry->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
}

/* NULL at the end, with errno 0, or when the folder cannot be read. */
static const struct dirent *
next_entry(DIR *dir)
{
    errno = 0;
    return readdir(dir);
}

/* Files that were not known before go to the end; the caller sorts. */
static int
read_folder(struct tg_segments *segments)
{
    DIR *dir = open_folder(segments);
    const struct dirent *entry;
    size_t known = segments->count;
    int err = 0;

    if (dir == NULL)
        return TG_ERR_SYSTEM;
    while (err == 0 && (entry = next_entry(dir)) != NULL) {
        struct tg_segment segment = {.fd = -1, .is_here = true};
        struct tg_segments old = {.list = segments->list, .count = known};
        struct tg_segment *found;

        if (tg_journal_parse_name(entry->d_name, &segment.writer_id,
                                  &segment.number) != 0)
            continue;
        found = find(&old, segment.writer_id, segment.number);
        if (found == NULL)
            err = add(segments, &segment);
        else
            found->is_here = true;
    }
    /* Half a folder is none: what was not seen would count as gone. */
    if (err == 0 && errno != 0)
        err = TG_ERR_SYSTEM;
    closedir(dir);
    return err;
}

static void
drop(struct tg_segments *segments, size_t index)
{
    struct tg_segment *segment = &segments->list[index];

    if (segment->fd >= 0)
        close(segment->fd);
    memmove(segment, segment + 1,
            (--segments->count - index) * sizeof(*segment));
}

static int
look(struct tg_segments *segments)
{
    int err;

    for (size_t i = 0; i < segments->count; i++)
        segments->list[i].is_here = false;
    err = read_folder(segments);
    if (segments->count > 0)
        qsort(segments->list, segments->count, sizeof(segments->list[0]),
              by_writer);
    return err;
}

/* Whether its file is among those that were taken in and may come back. */
static bool
is_kept(const struct tg_segments *segments, uint64_t writer_id, uint32_t number)
{
    char name[TG_JOURNAL_NAME_SIZE];

    tg_journal_name(name, writer_id, number);
    return segments->kept_fd >= 0 &&
           faccessat(segments->kept_fd, name, F_OK, 0) == 0;
}

int
tg_segments_forget(struct tg_segments *segments, struct tg_store *store)
{
    struct tg_segments rows = {.list = NULL};
    int err = store->ops->segment_each(store, add_row, &rows);

    for (size_t i = 0; i < rows.count && err == 0; i++) {
        const struct tg_segment *row = &rows.list[i];
        struct tg_store_segment kept = {.writer_id = row->writer_id,
                                        .number = row->number,
                                        .offset = row->offset,
                                        .bad = "",
                                        .is_kept = true};

        if (find(segments, row->writer_id, row->number) != NULL)
            continue;
        if (!is_kept(segments, row->writer_id, row->number))
            err = store->ops->segment_gone(store, row->writer_id, row->number);
        else if (!row->was_kept)
            err = store->ops->segment_put(store, &kept);
    }
    free(rows.list);
    return err;
}

int
tg_segments_open(struct tg_segments *segments, int dir_fd, int kept_fd,
                 struct tg_store *store)
{
    int err;

    *segments = (struct tg_segments){.dir_fd = dir_fd, .kept_fd = kept_fd};
    remove_drafts(segments);
    err = store->ops->segment_each(store, add_row, segments);
    if (err == 0 && segments->count > 0)
        qsort(segments->list, segments->count, sizeof(segments->list[0]),
              by_writer);
    if (err == 0)
        err = look(segments);
    for (size_t i = segments->count; i-- > 0 && err == 0;) {
        const struct tg_segment *segment = &segments->list[i];

        if (!segment->is_here)
            drop(segments, i);
    }
    return err == 0 ? tg_segments_forget(segments, store) : err;
}

static bool
has_area(const struct tg_state *state, uint64_t writer_id)
{
    for (uint32_t i = 0; i < state->header->area_count; i++) {
        if (atomic_load(&state->areas[i].writer_id) == writer_id)
            return true;
    }
    return false;
}

/*
 * The kernel grants a read lease only while nobody has the file open for
 * writing.  Where it has no leases, the areas alone decide.
 */
static bool
is_open_for_writing(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

bool
tg_segments_is_written_to(const struct tg_segment *segment)
{
    return segment->fd >= 0 && is_open_for_writing(segment->fd);
}

static bool
is_final(const struct tg_segments *segments, size_t index,
         const struct tg_state *state, uint64_t own)
{
    const struct tg_segment *segment = &segments->list[index];
    const struct tg_segment *next = segment + 1;

    if (index + 1 < segments->count && next->writer_id == segment->writer_id)
        return true;
    return state != NULL && segment->writer_id != own &&
           !has_area(state, segment->writer_id) &&
           !is_open_for_writing(segment->fd);
}

/* Whether it is final is asked before its size: nothing comes in between. */
static void
measure(struct tg_segments *segments, size_t index,
        const struct tg_state *state, uint64_t own)
{
    struct tg_segment *segment = &segments->list[index];
    char name[TG_JOURNAL_NAME_SIZE];
    struct stat st;

    if (segment->fd < 0) {
        tg_journal_name(name, segment->writer_id, segment->number);
        segment->fd = open_file(segments->dir_fd, name);
    }
    if (segment->fd < 0)
        return;
    segment->is_final =
        !segment->is_bad && is_final(segments, index, state, own);
    if (fstat(segment->fd, &st) == 0)
        segment->size = (uint64_t)st.st_size;
}

int
tg_segments_scan(struct tg_segments *segments, const struct tg_state *state,
                 uint64_t own)
{
    int err = look(segments);

    /* Who was not seen may be there all the same. */
    if (err != 0)
        return err;
    for (size_t i = segments->count; i-- > 0;) {
        if (!segments->list[i].is_here)
            drop(segments, i);
    }
    for (size_t i = 0; i < segments->count; i++)
        measure(segments, i, state, own);
    return 0;
}

static int
remove_file(const struct tg_segments *segments, const char *name,
            const struct tg_kept_limit *limit, int64_t now_ms)
{
    if (segments->kept_fd >= 0)
        return tg_kept_take(segments->kept_fd, segments->dir_fd, name, limit,
                            now_ms);
    return unlinkat(segments->dir_fd, name, 0) == 0 || errno == ENOENT
               ? 0
               : TG_ERR_SYSTEM;
}

void
tg_segments_remove(struct tg_segments *segments, size_t index,
                   const struct tg_kept_limit *limit, int64_t now_ms)
{
    const struct tg_segment *segment = &segments->list[index];
    char name[TG_JOURNAL_NAME_SIZE];

    tg_journal_name(name, segment->writer_id, segment->number);
    if (segment->size > segment->offset)
        tg_log(TG_LOG_WARNING,
               "journal %s ends in %llu bytes of a record that was never "
               "finished; its call is settled from the state file",
               name, (unsigned long long)(segment->size - segment->offset));
    if (remove_file(segments, name, limit, now_ms) != 0) {
        tg_log(TG_LOG_ERROR, "cannot remove the journal %s: %s", name,
               strerror(errno));
        return;
    }
    drop(segments, index);
}

void
tg_segments_close(struct tg_segments *segments)
{
    while (segments->count > 0)
        drop(segments, segments->count - 1);
    free(segments->list);
    segments->list = NULL;
    segments->room = 0;
}
