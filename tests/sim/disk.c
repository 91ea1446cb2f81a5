#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crc32c.h"
#include "journal.h"
#include "model_store.h"
#include "mutant.h"

#define FILES_MAX 2048
#define HANDLES_MAX 512
#define FIRST_FD 1000000
#define SECTOR 512

/* Where docs/journal.md has them. */
#define FRAME_BYTES 24
#define HEADER_BYTES 64

#define UNDAMAGED SIZE_MAX

/* A record as it was written: what the disk should say. */
struct written {
    size_t offset, len;
    bool is_hold;
    struct tg_call_id id;
};

struct file {
    char name[TG_JOURNAL_NAME_SIZE + sizeof(TG_JOURNAL_DRAFT)];
    char *data; /* as processes see it */
    size_t len, room;
    size_t durable;         /* bytes of data that a power cut leaves */
    bool has_failed;        /* a sync of it did: what it had is dropped */
    bool is_named;          /* in the folder */
    bool is_named_durable;  /* in the folder after a power cut */
    size_t damaged_at;      /* the first byte that is not as written */
    size_t unreadable_from; /* while the disk is ill: EIO from here */
    unsigned bad_reads;     /* in all */
    struct written *records;
    size_t record_count;
};

struct handle {
    struct file *file; /* NULL: the folder */
    const struct sim_process *owner;
    bool is_open, may_write;
    size_t at; /* of the folder: files seen */
};

static struct file *files;
static size_t file_count;
static struct handle handles[HANDLES_MAX];
static uint32_t ill_until; /* step */
static int root_fd;

static int
new_handle(struct file *file, bool may_write)
{
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (handles[i].is_open)
            continue;
        handles[i] = (struct handle){.file = file,
                                     .owner = sim_running(),
                                     .is_open = true,
                                     .may_write = may_write};
        return FIRST_FD + i;
    }
    abort();
}

static struct handle *
handle_of(int fd)
{
    int i = fd - FIRST_FD;

    return i >= 0 && i < HANDLES_MAX && handles[i].is_open ? &handles[i] : NULL;
}

void
disk_begin(void)
{
    if (files == NULL)
        files = calloc(FILES_MAX, sizeof(*files));
    memset(handles, 0, sizeof(handles));
    file_count = 0;
    ill_until = 0;
    root_fd = new_handle(NULL, false);
}

void
disk_end(void)
{
    for (size_t i = 0; i < file_count; i++) {
        free(files[i].data);
        free(files[i].records);
    }
    memset(files, 0, file_count * sizeof(*files));
    file_count = 0;
}

int
disk_folder(void)
{
    return root_fd;
}

static bool
is_ill(void)
{
    return sim.step < ill_until && !sim.is_calm;
}

static struct file *
find(const char *name)
{
    for (size_t i = 0; i < file_count; i++) {
        if (files[i].is_named && strcmp(files[i].name, name) == 0)
            return &files[i];
    }
    return NULL;
}

static bool
is_written_to(const struct file *file)
{
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (handles[i].is_open && handles[i].file == file &&
            handles[i].may_write)
            return true;
    }
    return false;
}

static void
put(struct file *file, const char *data, size_t len)
{
    if (file->len + len > file->room) {
        file->room = (file->len + len) * 2;
        file->data = sim_grow(file->data, file->room);
    }
    if (len > 0)
        memcpy(file->data + file->len, data, len);
    file->len += len;
}

/* A length, and a checksum of what is behind both. */
static bool
is_sound_record(const char *p, size_t len)
{
    uint32_t words[2];

    memcpy(words, p, sizeof(words));
    return words[0] == len && words[1] == tg_crc32c(0, p + 8, len - 8);
}

static void
note_record(struct file *file, const char *data, size_t at, size_t len)
{
    struct written *record;
    uint16_t type;

    file->records =
        sim_grow(file->records, (file->record_count + 1) * sizeof(*record));
    record = &file->records[file->record_count++];
    memcpy(&type, data + at + 8, sizeof(type));
    record->offset = file->len + at;
    record->len = len;
    record->is_hold = type == TG_RECORD_HOLD;
    memcpy(&record->id, data + at + FRAME_BYTES, sizeof(record->id));
}

/* One write has some records, or all that is not durable; cut, the first. */
static void
note_records(struct file *file, const char *data, size_t len)
{
    uint32_t bytes;

    for (size_t at = 0; at + FRAME_BYTES <= len; at += bytes) {
        memcpy(&bytes, data + at, sizeof(bytes));
        if (bytes > len - at)
            break;
        note_record(file, data, at, bytes);
    }
}

/* Writes back: of each file some more, of the folder all or nothing. */
static void
write_back(void)
{
    for (size_t i = 0; i < file_count; i++) {
        struct file *file = &files[i];

        if (sim_chance(500) && !file->has_failed)
            file->durable +=
                sim_below((uint32_t)(file->len - file->durable) + 1);
        if (sim_chance(500))
            file->is_named_durable = file->is_named;
    }
}

static void
damage(struct file *file, size_t at)
{
    if (at < file->damaged_at)
        file->damaged_at = at;
}

/* A bit flips where it was long written. */
static void
rot(void)
{
    struct file *file =
        file_count > 0 ? &files[sim_below((uint32_t)file_count)] : NULL;
    size_t at;

    if (file == NULL || !file->is_named || file->durable == 0)
        return;
    at = sim_below((uint32_t)file->durable);
    file->data[at] = (char)(file->data[at] ^ 1 << sim_below(8));
    damage(file, at);
    sim_trace("disk: a bit flips in %s at %zu", file->name, at);
}

static void
fall_ill(void)
{
    ill_until = sim.step + 1 + sim_below(30);
    sim_trace("disk: ill until step %u", ill_until);
    for (size_t i = 0; i < file_count; i++) {
        if (sim_chance(300))
            files[i].unreadable_from =
                sim_below((uint32_t)(files[i].len / SECTOR) + 1) * SECTOR;
    }
}

void
disk_step(void)
{
    if (sim_chance(100))
        write_back();
    if (sim_chance(sim.manner.rot))
        rot();
    if (!is_ill() && sim_chance(sim.manner.disk))
        fall_ill();
    if (!is_ill()) {
        for (size_t i = 0; i < file_count; i++)
            files[i].unreadable_from = SIZE_MAX;
    }
}

void
disk_shake(void)
{
    if (sim.manner.disk > 0 && sim_chance(300))
        fall_ill();
}

void
disk_leave(const struct sim_process *process)
{
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (handles[i].owner == process)
            handles[i].is_open = false;
    }
}

/* What is left of the bytes that were not durable. */
static void
cut_file(struct file *file)
{
    size_t loose = file->len - file->durable;
    size_t kept = file->durable + sim_below((uint32_t)loose + 1);

    if (loose == 0)
        return;
    if (sim_chance(500)) { /* the length was durable before the bytes */
        if (kept < file->len)
            damage(file, kept);
        memset(file->data + kept, 0, file->len - kept);
        kept = kept + sim_below((uint32_t)(file->len - kept) + 1);
    }
    if (kept > file->durable && sim_chance(300)) {
        size_t at = file->durable + sim_below((uint32_t)(kept - file->durable));

        file->data[at] = (char)(file->data[at] ^ 1 << sim_below(8));
        damage(file, at);
    }
    if (kept < file->len)
        damage(file, kept);
    file->len = file->durable = kept;
}

void
disk_cut(void)
{
    for (size_t i = 0; i < file_count; i++) {
        struct file *file = &files[i];

        if (file->is_named != file->is_named_durable)
            file->is_named = sim_chance(500);
        file->is_named_durable = file->is_named;
        cut_file(file);
        sim_trace("disk: %s %s, %zu bytes", file->name,
                  file->is_named ? "is there" : "is gone", file->len);
    }
}

/* As docs/journal.md says to read a segment, from where the store is in it. */
static bool
reaches_from(const struct file *file, const struct written *record, size_t at)
{
    uint32_t len;

    if (at == 0 && file->damaged_at < HEADER_BYTES)
        return false;
    if (at == 0)
        at = HEADER_BYTES;
    while (at + FRAME_BYTES <= file->len && at < record->offset) {
        memcpy(&len, file->data + at, sizeof(len));
        if (len < FRAME_BYTES || at + len > file->len ||
            !is_sound_record(file->data + at, len))
            return false;
        at += len;
    }
    return at == record->offset && at + record->len <= file->len &&
           is_sound_record(file->data + at, record->len);
}

static bool
reaches(const struct file *file, const struct written *record)
{
    return reaches_from(file, record, model_store_offset(file->name));
}

/* Holds are looked for in what was taken in, too, from its beginning. */
static bool
reaches_hold(const struct file *file, const struct written *record)
{
    size_t at = model_store_offset(file->name);

    return reaches_from(file, record, record->offset < at ? HEADER_BYTES : at);
}

static bool
is_of(const struct written *record, const struct tg_call_id *id, bool is_hold)
{
    return record->is_hold == is_hold &&
           memcmp(&record->id, id, sizeof(*id)) == 0;
}

const struct tg_call *
disk_hold(const struct tg_call_id *id)
{
    static struct tg_call call;
    bool has = false;

    /* Files are in the order in which they were made. */
    for (size_t i = 0; i < file_count; i++) {
        const struct file *file = &files[i];

        for (size_t k = 0; file->is_named && k < file->record_count; k++) {
            const struct written *record = &file->records[k];

            if (!is_of(record, id, true) || !reaches_hold(file, record))
                continue;
            memcpy(&call, file->data + record->offset + FRAME_BYTES,
                   sizeof(call));
            has = true;
        }
    }
    return has ? &call : NULL;
}

bool
disk_has_hold_of(const struct tg_call_id *id, int64_t held_nanos)
{
    struct tg_call call;

    for (size_t i = 0; i < file_count; i++) {
        const struct file *file = &files[i];

        for (size_t k = 0; file->is_named && k < file->record_count; k++) {
            const struct written *record = &file->records[k];

            if (!is_of(record, id, true) ||
                record->offset + record->len > file->len ||
                !is_sound_record(file->data + record->offset, record->len))
                continue;
            memcpy(&call, file->data + record->offset + FRAME_BYTES,
                   sizeof(call));
            if (call.held_nanos == held_nanos)
                return true;
        }
    }
    return false;
}

bool
disk_spoilt_hold(const struct tg_call_id *id)
{
    for (size_t i = 0; i < file_count; i++) {
        const struct file *file = &files[i];

        for (size_t k = 0; file->is_named && k < file->record_count; k++) {
            if (is_of(&file->records[k], id, true) &&
                file->damaged_at <
                    file->records[k].offset + file->records[k].len)
                return true;
        }
    }
    return false;
}

bool
disk_has(const struct tg_call_id *id, bool is_looked_at_again)
{
    for (size_t i = 0; i < file_count; i++) {
        const struct file *file = &files[i];

        if (!file->is_named ||
            (!is_looked_at_again && model_store_is_bad(file->name)))
            continue;
        for (size_t k = 0; k < file->record_count; k++) {
            if (is_of(&file->records[k], id, false) &&
                reaches(file, &file->records[k]))
                return true;
        }
    }
    return false;
}

bool
disk_spoilt(const struct tg_call_id *id)
{
    for (size_t i = 0; i < file_count; i++) {
        const struct file *file = &files[i];

        for (size_t k = 0; file->is_named && k < file->record_count; k++) {
            const struct written *record = &file->records[k];

            if (is_of(record, id, false) &&
                (file->damaged_at < record->offset + record->len ||
                 model_store_is_bad(file->name)))
                return true;
        }
    }
    return false;
}

/* The daemon looks three times before it gives up. */
#define LOOKS 3

void
disk_check_bad(uint64_t writer_id, uint32_t number)
{
    char name[TG_JOURNAL_NAME_SIZE];
    const struct file *file;

    tg_journal_name(name, writer_id, number);
    file = find(name);
    if (file != NULL && file->damaged_at == UNDAMAGED &&
        file->bad_reads < LOOKS)
        sim_wrong("%s is sound and was given up", name);
}

static bool
is_any_given_up(void)
{
    for (size_t i = 0; i < file_count; i++) {
        if (files[i].is_named && (files[i].damaged_at != UNDAMAGED ||
                                  model_store_is_bad(files[i].name)))
            return true;
    }
    return false;
}

/* It has the hold of a call whose record may be in one that was given up. */
static bool
is_needed(const struct file *file)
{
    if (!is_any_given_up())
        return false;
    for (size_t k = 0; k < file->record_count; k++) {
        const struct written *record = &file->records[k];

        if (record->is_hold && model_store_find(&record->id) == NULL)
            return true;
    }
    return false;
}

const char *
disk_sound_file(void)
{
    for (size_t i = 0; i < file_count; i++) {
        if (files[i].is_named && files[i].damaged_at == UNDAMAGED &&
            !model_store_is_bad(files[i].name) && !is_needed(&files[i]))
            return files[i].name;
    }
    return NULL;
}

/* The system calls. */

int __real_open64(const char *path, int flags, ...);
int __real_openat64(int dir_fd, const char *name, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void *buf, size_t len);
ssize_t __real_pread64(int fd, void *buf, size_t len, off_t offset);
int __real_fstat64(int fd, struct stat *st);
int __real_fcntl64(int fd, int command, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_openat64(int dir_fd, const char *name, int flags, ...);
int __wrap_close(int fd);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t offset);
int __wrap_fstat64(int fd, struct stat *st);
int __wrap_fstatvfs64(int fd, struct statvfs *disk);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len);
int __wrap_ftruncate64(int fd, off_t len);
int __real_ftruncate64(int fd, off_t len);
int __real_fallocate64(int fd, int mode, off_t offset, off_t len);
int __wrap_linkat(int old_fd, const char *old, int new_fd, const char *name,
                  int flags);
int __wrap_unlinkat(int dir_fd, const char *name, int flags);
DIR *__wrap_fdopendir(int fd);
struct dirent *__wrap_readdir64(DIR *dir);
int __wrap_closedir(DIR *dir);

static int
fail(int error)
{
    errno = error;
    return -1;
}

int
__wrap_open64(const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    if (strcmp(path, DISK_FOLDER) == 0)
        return new_handle(NULL, false);
    va_start(ap, flags);
    mode = va_arg(ap, mode_t);
    va_end(ap);
    return __real_open64(path, flags, mode);
}

static struct file *
make(const char *name)
{
    struct file *file = &files[file_count];

    if (file_count++ == FILES_MAX)
        abort();
    snprintf(file->name, sizeof(file->name), "%s", name);
    file->is_named = true;
    file->damaged_at = UNDAMAGED;
    file->unreadable_from = SIZE_MAX;
    return file;
}

static int
open_file(const char *name, int flags)
{
    struct file *file;

    sim_point("open");
    if (is_ill() && sim_chance(300))
        return fail(sim_chance(500) ? EIO : sim_chance(500) ? ENOSPC : EMFILE);
    if (strcmp(name, ".") == 0)
        return new_handle(NULL, false);
    file = find(name);
    if (flags & O_CREAT) {
        if (file != NULL)
            return fail(EEXIST);
        file = make(name);
        sim_point("made a segment");
    }
    return file == NULL ? fail(ENOENT)
                        : new_handle(file, (flags & O_ACCMODE) != O_RDONLY);
}

int
__wrap_openat64(int dir_fd, const char *name, int flags, ...)
{
    va_list ap;
    mode_t mode;

    if (handle_of(dir_fd) != NULL)
        return open_file(name, flags);
    va_start(ap, flags);
    mode = va_arg(ap, mode_t);
    va_end(ap);
    return __real_openat64(dir_fd, name, flags, mode);
}

int
__wrap_close(int fd)
{
    struct handle *handle = handle_of(fd);

    if (handle == NULL)
        return __real_close(fd);
    handle->is_open = false;
    return 0;
}

ssize_t
__wrap_write(int fd, const void *buf, size_t len)
{
    struct handle *handle = handle_of(fd);
    size_t part = len;
    int error = 0;

    if (handle == NULL)
        return __real_write(fd, buf, len);
    sim_point("write");
    if (is_ill() && sim_chance(400)) {
        part = sim_below((uint32_t)len + 1);
        error = sim_chance(500) ? EIO : ENOSPC;
    }
    if (len > HEADER_BYTES)
        note_records(handle->file, buf, part);
    put(handle->file, buf, part);
    sim_trace("disk: write %s, %zu of %zu bytes", handle->file->name, part,
              len);
    sim_point("written");
    /* What was written and then failed may be told either way. */
    if (error != 0 && (part == 0 || part == len || sim_chance(300)))
        return fail(error);
    return (ssize_t)part;
}

/* As the kernel does: what came before the bad sector, then an error. */
ssize_t
__wrap_pread64(int fd, void *buf, size_t len, off_t offset)
{
    struct handle *handle = handle_of(fd);
    struct file *file;
    size_t at = (size_t)offset;

    if (handle == NULL)
        return __real_pread64(fd, buf, len, offset);
    sim_point("read");
    file = handle->file;
    if (is_ill() && at >= file->unreadable_from) {
        file->bad_reads++;
        sim_trace("disk: %s cannot be read at %zu", file->name, at);
        return fail(EIO);
    }
    if (at >= file->len)
        return 0;
    if (len > file->len - at)
        len = file->len - at;
    if (is_ill() && len > file->unreadable_from - at) {
        file->bad_reads++;
        len = file->unreadable_from - at;
    }
    memcpy(buf, file->data + at, len);
    return (ssize_t)len;
}

int
__wrap_fstat64(int fd, struct stat *st)
{
    struct handle *handle = handle_of(fd);

    if (handle == NULL)
        return __real_fstat64(fd, st);
    memset(st, 0, sizeof(*st));
    st->st_mode = S_IFREG | 0600;
    st->st_size = (off_t)handle->file->len;
    return 0;
}

/* Only a worker asks, of the folder. */
int
__wrap_fstatvfs64(int fd, struct statvfs *disk)
{
    (void)fd;
    sim_point("room");
    if (is_ill() && sim_chance(100))
        return fail(EIO);
    memset(disk, 0, sizeof(*disk));
    disk->f_frsize = 4096;
    disk->f_bavail = is_ill() && sim_chance(300) ? 0 : 1 << 20;
    return 0;
}

int
__wrap_fcntl64(int fd, int command, ...)
{
    struct handle *handle = handle_of(fd);
    va_list ap;
    void *arg;

    va_start(ap, command);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (handle == NULL)
        return __real_fcntl64(fd, command, arg);
    if (command == F_SETLEASE && is_written_to(handle->file))
        return fail(EAGAIN);
    return 0;
}

int
__wrap_fdatasync(int fd)
{
    struct handle *handle = handle_of(fd);

    sim_point("sync");
    if (mutant_is(MUTANT_NO_FSYNC))
        return 0;
    if (is_ill() && sim_chance(400)) {
        if (handle->file != NULL)
            handle->file->has_failed = true;
        return fail(EIO);
    }
    /* What could not be written was dropped, and is not written any more. */
    if (handle->file != NULL && !handle->file->has_failed)
        handle->file->durable = handle->file->len;
    for (size_t i = 0; handle->file == NULL && i < file_count; i++)
        files[i].is_named_durable = files[i].is_named;
    return 0;
}

int
__wrap_fsync(int fd)
{
    return __wrap_fdatasync(fd);
}

int
__wrap_fallocate64(int fd, int mode, off_t offset, off_t len)
{
    if (handle_of(fd) == NULL)
        return __real_fallocate64(fd, mode, offset, len);
    sim_point("place");
    return is_ill() && sim_chance(300) ? fail(ENOSPC) : 0;
}

/* Only places ahead are given back. */
int
__wrap_ftruncate64(int fd, off_t len)
{
    struct handle *handle = handle_of(fd);

    if (handle == NULL)
        return __real_ftruncate64(fd, len);
    sim_point("end");
    if ((size_t)len != handle->file->len)
        sim_wrong("%s is cut to %lld bytes", handle->file->name,
                  (long long)len);
    return 0;
}

/* The old name goes with it: it is removed at once. */
int
__wrap_linkat(int old_fd, const char *old, int new_fd, const char *name,
              int flags)
{
    struct file *file;

    (void)old_fd;
    (void)new_fd;
    (void)flags;
    sim_point("name");
    file = find(old);
    if (is_ill() && sim_chance(200))
        return fail(sim_chance(500) ? EIO : ENOSPC);
    if (file == NULL)
        return fail(ENOENT);
    if (find(name) != NULL)
        return fail(EEXIST);
    snprintf(file->name, sizeof(file->name), "%s", name);
    file->is_named_durable = false;
    sim_point("named");
    /* What failed may have been done. */
    return is_ill() && sim_chance(100) ? fail(EIO) : 0;
}

int
__wrap_unlinkat(int dir_fd, const char *name, int flags)
{
    struct file *file = find(name);

    (void)dir_fd;
    (void)flags;
    sim_point("remove");
    if (is_ill() && sim_chance(200))
        return fail(EIO);
    if (file == NULL)
        return fail(ENOENT);
    file->is_named = false;
    sim_trace("disk: %s is removed", name);
    sim_point("removed");
    return 0;
}

DIR *
__wrap_fdopendir(int fd)
{
    return (DIR *)handle_of(fd);
}

struct dirent *
__wrap_readdir64(DIR *dir)
{
    static struct dirent entry;
    struct handle *handle = (struct handle *)dir;

    while (handle->at < file_count) {
        const struct file *file = &files[handle->at++];

        if (file->is_named) {
            snprintf(entry.d_name, sizeof(entry.d_name), "%s", file->name);
            return &entry;
        }
    }
    return NULL;
}

int
__wrap_closedir(DIR *dir)
{
    ((struct handle *)dir)->is_open = false;
    return 0;
}
