/*
 * What ingest does when the disk under the journal reads badly: nothing that
 * can be read later is lost.  The linker sends its reads through here.
 */
#include <errno.h>
#include <stdarg.h>

#include "ingest_test.h"
#include "tap.h"

/* Of segments, bytes from here on cannot be read; nor, when set, a folder. */
static off_t unreadable_from = INT64_MAX;
static bool is_folder_shut;

ssize_t __real_pread64(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t offset);
int __real_openat64(int dir_fd, const char *name, int flags, ...);
int __wrap_openat64(int dir_fd, const char *name, int flags, ...);

/* As the kernel does: what comes before the bad sector, then an error. */
ssize_t
__wrap_pread64(int fd, void *buf, size_t len, off_t offset)
{
    if (offset >= unreadable_from) {
        errno = EIO;
        return -1;
    }
    if ((off_t)len > unreadable_from - offset)
        len = (size_t)(unreadable_from - offset);
    return __real_pread64(fd, buf, len, offset);
}

int
__wrap_openat64(int dir_fd, const char *name, int flags, ...)
{
    va_list ap;
    mode_t mode;

    if (is_folder_shut) {
        errno = EMFILE;
        return -1;
    }
    va_start(ap, flags);
    mode = va_arg(ap, mode_t);
    va_end(ap);
    return __real_openat64(dir_fd, name, flags, mode);
}

/* Two segments of one writer, three records in the first, so it is final. */
static void
begin(void)
{
    struct tg_journal journal;

    begin_journal(&journal, 3);
    for (uint64_t i = 0; i < 4; i++) {
        struct tg_call call = {
            .id = tg_call_id_make(WRITER, i), .at_ms = 1, .status = 200};

        if (tg_journal_append(&journal, &call, none, none, 1) != 0)
            abort();
    }
    tg_journal_close(&journal);
    start_ingest();
}

static void
end(void)
{
    end_ingest();
    unreadable_from = INT64_MAX;
}

static int
calls_in_store(void)
{
    struct tg_store *store = tg_ingest_store(ingest);
    int count = 0;

    for (uint64_t i = 0; i < 4; i++) {
        struct tg_call_id id = tg_call_id_make(WRITER, i);
        bool has = false;

        if (store->ops->call_has(store, &id, &has) != 0)
            abort();
        count += has;
    }
    return count;
}

static bool
is_there(uint32_t segment)
{
    char name[TG_JOURNAL_NAME_SIZE];

    tg_journal_name(name, WRITER, segment);
    return faccessat(journal_fd, name, F_OK, 0) == 0;
}

static void
test_bad_sector(void)
{
    begin();
    unreadable_from = HEADER_BYTES + RECORD_BYTES + 100;
    is_int(tg_ingest_pass(ingest), 0, "a pass over a bad sector");
    is_int(calls_in_store(), 2, "takes in what comes before it");
    ok(is_there(0), "and leaves the segment where it is");
    ok(tg_ingest_is_behind(ingest), "and knows that there may be more");
    unreadable_from = INT64_MAX;
    is_int(tg_ingest_pass(ingest), 0, "when it can be read again");
    is_int(calls_in_store(), 4, "the rest is taken in");
    ok(!is_there(0), "and the segment goes");
    ok(!tg_ingest_is_behind(ingest), "there is nothing more");
    end();
}

static void
test_given_up(void)
{
    begin();
    unreadable_from = HEADER_BYTES + RECORD_BYTES + 100;
    for (int i = 0; i < 3; i++)
        tg_ingest_pass(ingest);
    is_int(tested.bad_segments, 1, "three times is enough: it is given up");
    ok(!tg_ingest_is_behind(ingest), "and nothing more is awaited");
    ok(is_there(0), "but it is left in place");
    is_folder_shut = true;
    ok(tg_ingest_pass(ingest) != 0, "a folder that cannot be read");
    is_folder_shut = false;
    is_int(tg_ingest_pass(ingest), 0, "and then can");
    is_int(tested.bad_segments, 1, "does not make it forget which is bad");
    ok(is_there(0), "nor remove it");
    unreadable_from = INT64_MAX;
    tg_ingest_retry(ingest);
    is_int(tg_ingest_pass(ingest), 0, "told that the disk is well again");
    is_int(calls_in_store(), 4, "it takes in the rest");
    is_int(tested.bad_segments, 0, "and nothing is bad");
    end();
}

/* A tail that was torn is looked at again and again: that is no doubt. */
static void
test_torn_tail(void)
{
    char name[TG_JOURNAL_NAME_SIZE];
    int fd;

    begin();
    tg_journal_name(name, WRITER, 1);
    fd = openat(journal_fd, name, O_WRONLY | O_APPEND);
    if (fd < 0 || write(fd, name, 10) != 10)
        abort();
    close(fd);
    for (int i = 0; i < 3; i++) {
        unreadable_from = HEADER_BYTES + RECORD_BYTES;
        tg_ingest_pass(ingest);
        unreadable_from = INT64_MAX;
        tg_ingest_pass(ingest);
    }
    is_int(tested.bad_segments, 0, "errors that pass do not add up");
    is_int(calls_in_store(), 4, "all was taken in");
    end();
}

static int
add_count(void *arg, const struct tg_store_denial *row)
{
    *(int64_t *)arg += row->count;
    return 0;
}

static int64_t
denials_in_store(void)
{
    struct tg_store_denial_filter all = {0};
    struct tg_store *store = tg_ingest_store(ingest);
    int64_t total = 0;

    if (store->ops->denial_each(store, &all, add_count, &total) != 0)
        abort();
    return total;
}

/* The writer's next two segments: five denials, then four. */
static void
write_denials(void)
{
    static struct tg_denial_table table;
    struct tg_call call = {.id = tg_call_id_make(WRITER, 9), .status = 200};
    struct tg_journal journal;
    const uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
    struct tg_denial_cause cause = {NULL, ip, TG_CODE_INVALID_API_KEY};

    tg_journal_init(&journal, journal_fd, WRITER);
    journal.segment = 2;
    journal.sequence = 4;
    tg_denial_init(&table, 1);
    for (int second = 0; second < 3; second++) {
        for (int i = 0; i <= second + 1; i++)
            tg_denial_note(&table, &cause, second * 1000);
        if (second == 2)
            tg_journal_close(&journal);
        if (tg_journal_take_denials(&journal, &table, second * 1000) != 0 ||
            tg_journal_append(&journal, &call, none, none, 1) != 0)
            abort();
    }
    tg_journal_close(&journal);
}

/* Makes a copy of a segment, or puts it back. */
static void
copy(const char *from, const char *to)
{
    char command[256];

    snprintf(command, sizeof(command), "cp %s/%s/00*02.tgj %s/%s/", folder,
             from, folder, to);
    if (system(command) != 0)
        abort();
}

/* A restore moves segments back, whose offsets the store has forgotten. */
static void
test_denials(void)
{
    begin();
    write_denials();
    copy("journal", ".");
    is_int(tg_ingest_pass(ingest), 0, "a pass over denials");
    is_int(denials_in_store(), 9, "takes in every one");
    ok(!is_there(2) && is_there(3), "and the segment that is done goes");
    copy(".", "journal");
    is_int(tg_ingest_pass(ingest), 0, "when it comes back");
    is_int(denials_in_store(), 9, "none counts twice");
    ok(!is_there(2), "and it goes again");
    is_int(calls_in_store(), 4, "nor is a call lost for it");
    end();
}

int
main(void)
{
    test_bad_sector();
    test_given_up();
    test_torn_tail();
    test_denials();
    return done();
}
