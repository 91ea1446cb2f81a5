/*
 * Segments that were taken in are kept as long as they may be, and it is
 * known up to when they are not.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "civil.h"
#include "journal.h"
#include "kept.h"
#include "tap.h"

static char folder[] = "/dev/shm/tollgate-kept-XXXXXX";
static int journal_fd, kept_fd;

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
open_folder(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (mkdir(path, 0700) != 0)
        abort();
    return open(path, O_RDONLY | O_DIRECTORY);
}

/* A segment of so many mebibytes, with a name of its own. */
static const char *
make(uint32_t number, off_t megabytes)
{
    static char name[TG_JOURNAL_NAME_SIZE];
    int fd;

    tg_journal_name(name, 7, number);
    fd = openat(journal_fd, name, O_WRONLY | O_CREAT, 0600);
    /* With room behind its end, as a killed worker leaves it. */
    if (fd < 0 || fallocate(fd, 0, 0, megabytes << 20) != 0 ||
        fallocate(fd, FALLOC_FL_KEEP_SIZE, megabytes << 20, 8 << 20) != 0)
        abort();
    close(fd);
    return name;
}

static bool
is_in(int fd, uint32_t number)
{
    char name[TG_JOURNAL_NAME_SIZE];

    tg_journal_name(name, 7, number);
    return faccessat(fd, name, F_OK, 0) == 0;
}

static long long
blocks_of(uint32_t number)
{
    char name[TG_JOURNAL_NAME_SIZE];
    struct stat st;

    tg_journal_name(name, 7, number);
    return fstatat(kept_fd, name, &st, 0) == 0 ? (long long)st.st_blocks : -1;
}

static void
test_take(void)
{
    static const struct tg_kept_limit week = {7, 100}, none = {0, 100};
    int64_t now = now_ms();

    is_int(tg_kept_gone_until(kept_fd), 0, "in the beginning nothing is gone");
    is_int(tg_kept_take(kept_fd, journal_fd, make(1, 1), &week, now), 0,
           "a segment is taken");
    ok(is_in(kept_fd, 1) && !is_in(journal_fd, 1), "and is kept");
    is_int(blocks_of(1), (1 << 20) / 512, "without the room behind its end");
    is_int(tg_kept_gone_until(kept_fd), 0, "so nothing is gone");
    is_int(tg_kept_take(kept_fd, journal_fd, make(2, 1), &none, 5000), 0,
           "one that is not to be kept");
    ok(!is_in(kept_fd, 2) && !is_in(journal_fd, 2), "goes");
    is_int(tg_kept_gone_until(kept_fd), 5000, "and that is known");
    is_int(tg_kept_take(kept_fd, journal_fd, make(3, 1), &none, 4000), 0,
           "of two that went");
    is_int(tg_kept_gone_until(kept_fd), 5000, "the later one counts");
}

static void
test_trim(void)
{
    static const struct tg_kept_limit week = {7, 100}, little = {7, 2};
    int64_t now = now_ms();

    tg_kept_trim(kept_fd, &week, now + 6 * TG_MS_PER_DAY);
    ok(is_in(kept_fd, 1), "it is kept for as long as it may be");
    tg_kept_trim(kept_fd, &week, now + 8 * TG_MS_PER_DAY);
    ok(!is_in(kept_fd, 1), "and no longer");
    ok(tg_kept_gone_until(kept_fd) > now - TG_MS_PER_DAY &&
           tg_kept_gone_until(kept_fd) <= now_ms(),
       "what is gone was taken in until it was moved");
    for (uint32_t i = 4; i < 7; i++) {
        tg_kept_take(kept_fd, journal_fd, make(i, 1), &week, now);
        usleep(20000); /* an instant of its own: kernels count in ticks */
    }
    tg_kept_trim(kept_fd, &little, now_ms());
    ok(!is_in(kept_fd, 4), "beyond the size the oldest one goes");
    ok(is_in(kept_fd, 5) && is_in(kept_fd, 6), "and no other");
}

static void
test_return(void)
{
    uint32_t count;

    is_int(tg_kept_return(kept_fd, journal_fd, &count), 0, "they come back");
    is_int(count, 2, "all of them");
    ok(is_in(journal_fd, 5) && is_in(journal_fd, 6), "to the journal");
    ok(!is_in(kept_fd, 5) && tg_kept_gone_until(kept_fd) > 0,
       "and what is gone stays gone");
}

int
main(void)
{
    char command[128];

    if (mkdtemp(folder) == NULL)
        abort();
    journal_fd = open_folder("journal");
    kept_fd = open_folder("kept");
    test_take();
    test_trim();
    test_return();
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
    return done();
}
