/*
 * What a writer's records need to be durable: a place before they are
 * written, and a disk that syncs.  What it asks of the disk goes through here,
 * where each call may fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "journal_sync.h"
#include "tap.h"

#define WRITER 0x77
#define RECORD_BYTES 392
#define HEADER_BYTES 64
#define NOW 1790000000000
#define RESERVE (1u << 20)

static char dir[] = "/dev/shm/tollgate-sync-XXXXXX";
static int dir_fd;
static struct tg_journal journal;
static char kept[64 * 1024], added[TG_JOURNAL_ADDED_BYTES];
static const struct tg_str none = {NULL, 0};

/* How often each was asked, and with what error it fails while not 0. */
static struct {
    int data_syncs, folder_syncs, places, links;
    int writes, writes_cut_at; /* 0: all of a write is written */
    int sync_error, folder_error, place_error, link_error, write_error;
    uint64_t placed_to;
    ino_t synced[16];
} disk;

ssize_t __real_write(int fd, const void *buf, size_t len);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_fallocate64(int fd, int mode, off_t offset, off_t len);
int __real_linkat(int old_fd, const char *old, int new_fd, const char *name,
                  int flags);
ssize_t __wrap_write(int fd, const void *buf, size_t len);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len);
int __wrap_linkat(int old_fd, const char *old, int new_fd, const char *name,
                  int flags);

static int
fails(int error)
{
    errno = error;
    return error == 0 ? 0 : -1;
}

ssize_t
__wrap_write(int fd, const void *buf, size_t len)
{
    disk.writes++;
    if (disk.writes_cut_at > 0 && len > (size_t)disk.writes_cut_at)
        len = (size_t)disk.writes_cut_at;
    return fails(disk.write_error) != 0 ? -1 : __real_write(fd, buf, len);
}

int
__wrap_fdatasync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0)
        disk.synced[disk.data_syncs] = st.st_ino;
    disk.data_syncs++;
    return fails(disk.sync_error) != 0 ? -1 : __real_fdatasync(fd);
}

int
__wrap_fsync(int fd)
{
    disk.folder_syncs++;
    return fails(disk.folder_error) != 0 ? -1 : __real_fsync(fd);
}

int
__wrap_fallocate64(int fd, int mode, off_t offset, off_t len)
{
    disk.places++;
    if (fails(disk.place_error) != 0)
        return -1;
    disk.placed_to = (uint64_t)(offset + len);
    return __real_fallocate64(fd, mode, offset, len);
}

int
__wrap_linkat(int old_fd, const char *old, int new_fd, const char *name,
              int flags)
{
    disk.links++;
    return fails(disk.link_error) != 0
               ? -1
               : __real_linkat(old_fd, old, new_fd, name, flags);
}

static void
remove_segments(void)
{
    char name[TG_JOURNAL_NAME_SIZE];

    for (uint32_t i = 0; i < 64; i++) {
        tg_journal_name(name, WRITER, i);
        (void)unlinkat(dir_fd, name, 0);
    }
}

static void
begin(size_t kept_size)
{
    remove_segments();
    memset(&disk, 0, sizeof(disk));
    tg_journal_init(&journal, dir_fd, WRITER);
    tg_journal_keep(&journal, kept, kept_size, RESERVE);
    tg_journal_gather(&journal, added);
}

static int
append(uint64_t n)
{
    struct tg_call call = {.id = tg_call_id_make(WRITER, n), .at_ms = 1};

    return tg_journal_append(&journal, &call, none, none, NOW);
}

/* The calls in a segment, as digits: "012"; NULL when it is not there. */
static const char *
calls_in(uint32_t number)
{
    static char text[64];
    static char buf[64 * 1024];
    char name[TG_JOURNAL_NAME_SIZE];
    struct tg_record record;
    size_t count = 0, size;
    ssize_t len;
    int fd;

    tg_journal_name(name, WRITER, number);
    fd = openat(dir_fd, name, O_RDONLY);
    if (fd < 0)
        return NULL;
    len = read(fd, buf, sizeof(buf));
    close(fd);
    for (size_t at = HEADER_BYTES; len > 0 && at < (size_t)len; at += size) {
        if (tg_journal_read(buf + at, (size_t)len - at, &record, &size) != 0)
            return "damaged";
        text[count++] = (char)('0' + record.call.id.bytes[15]);
    }
    text[count] = '\0';
    return text;
}

#define is_calls(number, want, ...)                                            \
    ok(calls_in(number) != NULL && strcmp(calls_in(number), want) == 0,        \
       __VA_ARGS__)

static int
files(void)
{
    int count = 0;

    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void
add(uint64_t n)
{
    struct tg_call call = {.id = tg_call_id_make(WRITER, n), .at_ms = 1};

    tg_journal_promise(&journal);
    tg_journal_add(&journal, &call, none, none);
}

static void
test_written_together(void)
{
    int writes;

    begin(sizeof(kept));
    append(0);
    writes = disk.writes;
    add(1);
    add(2);
    add(3);
    is_calls(0, "0", "calls that are added are not written yet");
    is_int(tg_journal_write(&journal, NOW), 0, "they are written");
    is_int(disk.writes - writes, 1, "in one write");
    is_calls(0, "0123", "in their order");
    ok(journal.written == 4 && journal.sequence == 4 && journal.promised == 0,
       "each with a number, and has used its place");
    is_int(tg_journal_write(&journal, NOW), 0, "and once:");
    is_int(disk.writes - writes, 1, "nothing is left to write");
    disk.sync_error = EIO;
    tg_journal_sync(&journal, NOW);
    is_calls(1, "0123", "they are kept until they are durable");
    tg_journal_close(&journal);
}

static void
test_written_in_part(void)
{
    begin(sizeof(kept));
    append(0);
    add(1);
    add(2);
    disk.writes_cut_at = RECORD_BYTES + 100;
    is_int(tg_journal_write(&journal, NOW), TG_ERR_SYSTEM,
           "of two calls one is written, and a part of the other");
    disk.writes_cut_at = 0;
    is_int(tg_journal_write(&journal, NOW), 0, "a second try");
    is_calls(1, "012", "has both in the next segment, behind what is kept");
    is_int(journal.written, 3, "and they count once");
    tg_journal_close(&journal);
}

static void
test_not_written(void)
{
    begin(sizeof(kept));
    append(0);
    add(1);
    disk.write_error = EIO;
    ok(tg_journal_write(&journal, NOW) != 0 &&
           tg_journal_write(&journal, NOW) != 0,
       "a call that cannot be written");
    tg_journal_drop(&journal);
    is_int(journal.promised, 1, "has its place still");
    disk.write_error = 0;
    append(2);
    is_calls(journal.segment - 1, "02", "and its number is another's");
    is_int(journal.sequence, 2, "so that none is missing");
    tg_journal_close(&journal);
}

static void
test_sync(void)
{
    begin(sizeof(kept));
    append(0);
    append(1);
    ok(tg_journal_is_behind(&journal), "what was written is not durable");
    is_int(tg_journal_sync(&journal, NOW), 0, "a sync");
    is_int(disk.data_syncs, 1, "is one fdatasync");
    is_int(disk.folder_syncs, 1, "and one of the folder, for a new segment");
    ok(!tg_journal_is_behind(&journal) && journal.durable == 2,
       "then both are durable");
    is_int(tg_journal_sync(&journal, NOW), 0, "another one");
    is_int(disk.data_syncs, 1, "has nothing to do");
    append(2);
    tg_journal_sync(&journal, NOW);
    is_int(disk.data_syncs, 2, "a third call is synced");
    is_int(disk.folder_syncs, 1, "and the folder is not again");
    tg_journal_close(&journal);
}

/* What is written while a sync runs is not durable when it ends. */
static void
test_written_meanwhile(void)
{
    struct tg_journal_sync sync;

    begin(sizeof(kept));
    append(0);
    is_int(tg_journal_sync_begin(&journal, &sync, NOW), 0, "a sync begins");
    append(1);
    tg_journal_sync_run(&sync);
    is_int(tg_journal_sync_end(&journal, &sync, NOW), 0, "and ends");
    is_int(journal.durable, 1, "what came meanwhile is not in it");
    disk.sync_error = EIO;
    tg_journal_sync(&journal, NOW);
    is_calls(1, "1", "and alone is written once more when the next one fails");
    tg_journal_close(&journal);
}

static void
test_failed_sync(void)
{
    struct tg_journal_sync sync;
    int before;

    begin(sizeof(kept));
    before = files();
    append(0);
    tg_journal_sync(&journal, NOW);
    append(1);
    append(2);
    disk.sync_error = EIO;
    is_int(tg_journal_sync_begin(&journal, &sync, NOW), 0, "a sync");
    append(3);
    tg_journal_sync_run(&sync);
    is_int(tg_journal_sync_end(&journal, &sync, NOW), TG_ERR_SYSTEM, "fails");
    is_int(errno, EIO, "and says why");
    is_calls(0, "0123", "the old segment stays as it is");
    is_calls(1, "123", "the new one begins with what is not durable");
    is_int(journal.durable, 1, "which it still is not");
    ok(!tg_journal_is_stuck(&journal), "one failure stops nobody");
    disk.sync_error = 0;
    is_int(tg_journal_sync(&journal, NOW), 0, "the next one succeeds");
    ok(disk.synced[disk.data_syncs - 1] != disk.synced[disk.data_syncs - 2],
       "not on the file that failed");
    is_int(journal.durable, 4, "now all is durable");
    append(4);
    is_calls(1, "1234", "and goes on there");
    tg_journal_close(&journal);
    is_int(files(), before, "no descriptor is left");
}

static void
test_stuck(void)
{
    begin(sizeof(kept));
    append(0);
    disk.sync_error = EIO;
    tg_journal_sync(&journal, NOW);
    is_int(tg_journal_make_room(&journal, NOW), 0, "after one failed sync");
    tg_journal_sync(&journal, NOW);
    ok(tg_journal_is_stuck(&journal), "after two the journal is stuck");
    is_int(tg_journal_make_room(&journal, NOW), TG_ERR_SYSTEM,
           "and has no room for another call");
    is_int(append(1), 0, "but for those in flight");
    disk.sync_error = 0;
    tg_journal_sync(&journal, NOW);
    is_int(tg_journal_make_room(&journal, NOW), 0, "until a sync succeeds");
    is_int(journal.durable, 2, "with all that there was");
    tg_journal_close(&journal);
}

static void
test_failed_folder(void)
{
    begin(sizeof(kept));
    append(0);
    disk.folder_error = EIO;
    is_int(tg_journal_sync(&journal, NOW), TG_ERR_SYSTEM,
           "a folder that cannot be synced");
    disk.folder_error = 0;
    is_int(journal.durable, 0, "makes nothing durable");
    tg_journal_sync(&journal, NOW);
    is_calls(1, "0", "and a new segment is tried");
    is_int(disk.folder_syncs, 2, "with the folder");
    tg_journal_close(&journal);
}

/* The segment is full while it is being synced. */
static void
test_rotated_meanwhile(void)
{
    struct tg_journal_sync sync;
    int before;

    begin(sizeof(kept));
    before = files();
    journal.segment_limit = HEADER_BYTES + 2 * RECORD_BYTES;
    append(0);
    append(1);
    tg_journal_sync_begin(&journal, &sync, NOW);
    append(2);
    is_calls(1, "012", "a new segment begins with what is not durable");
    is_int(fcntl(sync.fd, F_GETFD), FD_CLOEXEC,
           "the one that is synced is not closed");
    tg_journal_sync_run(&sync);
    is_int(tg_journal_sync_end(&journal, &sync, NOW), 0, "until that is over");
    is_int(journal.durable, 2, "and counts");
    tg_journal_sync(&journal, NOW);
    is_int(disk.folder_syncs, 2, "the new one's name is synced, too");
    tg_journal_close(&journal);
    is_int(files(), before, "no descriptor is left");
}

static void
test_failed_write(void)
{
    begin(sizeof(kept));
    append(0);
    disk.write_error = EIO;
    is_int(append(1), TG_ERR_SYSTEM, "a write that fails");
    is_int(append(1), TG_ERR_SYSTEM, "and once more");
    disk.write_error = 0;
    is_int(append(1), 0, "and then does not");
    is_calls(2, "01", "the new segment has what was not durable before");
    ok(calls_in(1) == NULL, "the one that could not be begun is not there");
    tg_journal_close(&journal);
}

static void
test_full_disk(void)
{
    begin(sizeof(kept));
    is_int(tg_journal_make_room(&journal, NOW), 0, "room for a call");
    ok(disk.placed_to >= RESERVE, "is a place on the disk");
    is_int(disk.places, 1, "asked for once");
    tg_journal_promise(&journal);
    for (int i = 0; i < 100; i++)
        tg_journal_make_room(&journal, NOW);
    is_int(disk.places, 1, "not for each call");
    disk.place_error = ENOSPC;
    /* Half of the reserve goes by. */
    while (journal.segment_bytes < RESERVE / 2 + HEADER_BYTES) {
        append(1);
        tg_journal_sync(&journal, NOW);
        disk.data_syncs = 0;
    }
    tg_journal_promise(&journal);
    is_int(tg_journal_make_room(&journal, NOW), TG_ERR_SYSTEM,
           "a full disk has no room for another one");
    is_int(errno, ENOSPC, "and says so");
    ok(journal.placed_bytes - journal.segment_bytes >= RESERVE / 2 - 1024,
       "while calls in flight have half of the reserve");
    is_int(append(2), 0, "and are written there");
    disk.place_error = 0;
    is_int(tg_journal_make_room(&journal, NOW), 0, "room again");
    tg_journal_close(&journal);
}

static void
test_no_reserve_known(void)
{
    begin(sizeof(kept));
    disk.place_error = EOPNOTSUPP;
    is_int(tg_journal_make_room(&journal, NOW), 0,
           "a file system that knows no such thing is no full disk");
    tg_journal_close(&journal);
}

/* Every call in flight has a place of its own, however many there are. */
static void
test_promises(void)
{
    static char large[4 << 20];
    uint64_t needed = 0;

    begin(sizeof(kept));
    journal.kept = large;
    journal.kept_size = sizeof(large);
    for (int i = 0; i < 2000; i++) {
        if (tg_journal_make_room(&journal, NOW) != 0)
            break;
        tg_journal_promise(&journal);
        needed += 2 * TG_JOURNAL_RECORD_MAX;
    }
    is_int(journal.promised, 2000, "two thousand calls are in flight");
    ok(journal.placed_bytes - journal.segment_bytes >= needed,
       "and their records have a place");
    tg_journal_take_back(&journal);
    is_int(journal.promised, 1999, "one is taken back");
    append(0);
    is_int(journal.promised, 1998, "one has ended");
    journal.segment_limit = 1;
    append(1);
    is_int(journal.segment, 2, "another segment was begun");
    ok(journal.placed_bytes - journal.segment_bytes >=
           (uint64_t)journal.promised * 2 * TG_JOURNAL_RECORD_MAX,
       "and those that are left have a place there");
    tg_journal_close(&journal);
}

/* A second's denials, of as many causes as there can be. */
static int
take_denials(struct tg_denial_table *table, int64_t now_ms)
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff};
    struct tg_denial_cause cause = {NULL, ip, TG_CODE_INVALID_API_KEY};

    for (int i = 0; i < TG_DENIAL_STRANGERS; i++) {
        ip[15] = (uint8_t)i;
        tg_denial_note(table, &cause, now_ms);
    }
    return tg_journal_take_denials(&journal, table, now_ms);
}

/* What refused requests come to is written beside what calls need. */
static void
test_denials_take_no_place_of_calls(void)
{
    static struct tg_denial_table table;
    const uint64_t calls = 300, needed = calls * 2 * TG_JOURNAL_RECORD_MAX;
    int64_t now_ms = NOW;
    int seconds = 0;

    begin(sizeof(kept));
    tg_denial_init(&table, 1);
    tg_journal_make_room(&journal, NOW);
    for (uint64_t i = 0; i < calls; i++)
        tg_journal_promise(&journal);
    disk.place_error = ENOSPC;
    while (take_denials(&table, now_ms) == 0 && seconds++ < 1000)
        now_ms += 1000;
    ok(seconds > 0 && seconds < 1000, "a disk fills up with denials");
    ok(journal.placed_bytes - journal.segment_bytes >= needed,
       "calls in flight have their place all the same");
    is_int(tg_denial_total(&table), TG_DENIAL_STRANGERS, "and denials wait");
    disk.place_error = 0;
    is_int(take_denials(&table, now_ms + 1000), 0, "until there is room");
    is_int(tg_denial_total(&table), 0, "then they are taken");
    tg_journal_close(&journal);
}

/* A segment that begins with what was not durable has no denial twice. */
static void
test_denials_are_not_copied(void)
{
    static struct tg_denial_table table;

    begin(sizeof(kept));
    tg_denial_init(&table, 1);
    append(0);
    take_denials(&table, NOW);
    append(1);
    disk.sync_error = EIO;
    is_int(tg_journal_sync(&journal, NOW), TG_ERR_SYSTEM, "a sync that fails");
    disk.sync_error = 0;
    is_calls(1, "01", "a new segment begins with the calls alone");
    append(2);
    is_calls(1, "012", "and goes on");
    tg_journal_close(&journal);
}

static void
test_too_much_kept(void)
{
    begin(4 * TG_JOURNAL_RECORD_MAX);
    is_int(tg_journal_make_room(&journal, NOW), 0, "a call is admitted");
    tg_journal_promise(&journal);
    is_int(tg_journal_make_room(&journal, NOW), 0, "and another one");
    tg_journal_promise(&journal);
    is_int(tg_journal_make_room(&journal, NOW), TG_ERR_FULL,
           "not more than can be kept until they are durable");
    for (uint64_t i = 0; i < 7; i++)
        append(i);
    is_int(append(7), TG_ERR_SYSTEM, "what cannot be kept is not written");
    is_int(errno, ENOBUFS, "and it is said why");
    is_calls(0, "0123456", "the others are");
    tg_journal_sync(&journal, NOW);
    is_int(append(7), 0, "once they are durable there is room");
    tg_journal_close(&journal);
}

/* On a full disk a segment goes on beyond its limit, in its own place. */
static void
test_no_place_for_another(void)
{
    begin(sizeof(kept));
    journal.segment_limit = HEADER_BYTES + 2 * RECORD_BYTES;
    tg_journal_make_room(&journal, NOW);
    append(0);
    append(1);
    disk.place_error = ENOSPC;
    is_int(append(2), 0, "no place for another segment");
    append(3);
    is_calls(0, "0123", "this one goes on");
    ok(calls_in(1) == NULL, "there is no other: it would say that this ended");
    is_int(disk.places, 2, "and it is not tried for each record");
    tg_journal_close(&journal);
}

static void
test_no_name(void)
{
    begin(sizeof(kept));
    disk.link_error = ENOSPC;
    is_int(append(0), TG_ERR_SYSTEM, "a folder that takes no name");
    disk.link_error = 0;
    is_int(append(0), 0, "and then does");
    is_int(faccessat(dir_fd, "0000000000000077.00000000.tgj.new", F_OK, 0), -1,
           "nothing is left of the first one");
    is_calls(1, "0", "the next number is used");
    tg_journal_close(&journal);
}

static void
test_share(void)
{
    is_int(tg_journal_share(1), 64 << 20, "one worker has all of the reserve");
    is_int(tg_journal_share(2), 32 << 20, "two have half of it each");
    is_int(tg_journal_share(64), 1 << 20, "64 have a MiB each");
    is_int(tg_journal_share(256), 1 << 20, "and nobody has less");
}

int
main(void)
{
    if (mkdtemp(dir) == NULL ||
        (dir_fd = open(dir, O_PATH | O_DIRECTORY)) == -1)
        return 1;
    test_written_together();
    test_written_in_part();
    test_not_written();
    test_sync();
    test_written_meanwhile();
    test_failed_sync();
    test_stuck();
    test_failed_folder();
    test_rotated_meanwhile();
    test_failed_write();
    test_full_disk();
    test_no_reserve_known();
    test_promises();
    test_denials_take_no_place_of_calls();
    test_denials_are_not_copied();
    test_too_much_kept();
    test_no_place_for_another();
    test_no_name();
    test_share();
    remove_segments();
    close(dir_fd);
    rmdir(dir);
    return done();
}
