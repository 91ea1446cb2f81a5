/*
 * Large pages: what is in use gets them and stays as it was, takes no more
 * memory, and is as before where the kernel refuses.
 */
#include "huge.h"

#include <sys/prctl.h>
#include <sys/stat.h>

#include "pages.h"
#include "state_test.h"
#include "tap.h"

enum {
    FEW = 1000,   /* less than 2 MiB */
    MANY = 20000, /* six times that, and a bit */
    MORE = 24000, /* eight times */
    CAPACITY = 30000,
    DIGESTS = 1 << 20, /* of whose index 7 times that lies whole */
};

static struct tg_state state;
static struct tg_publisher *publisher;
static const char *dir;

static void
publish(uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n < to; n++) {
        struct tg_key_policy key = test_key(n);
        uint32_t slot;

        if (tg_publish_key(publisher, &key, &slot) != 0) {
            printf("Bail out! key %u\n", n);
            exit(1);
        }
    }
}

static bool
has_all(const struct tg_state *in, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        struct tg_key_policy want = test_key(n), found;
        struct tg_digest digest = test_digest(n);
        uint32_t slot;
        uint64_t seq;

        if (tg_state_lookup(in, &digest, &slot) != 0 ||
            tg_state_key(in, slot, &found, &seq) != 0 ||
            memcmp(&want, &found, sizeof(want)) != 0)
            return false;
    }
    return true;
}

static int64_t
blocks(void)
{
    struct stat file;

    return fstat(state.fd, &file) == 0 ? (int64_t)file.st_blocks : -1;
}

static unsigned
steps(struct tg_huge *huge)
{
    unsigned n = 0;

    while (tg_huge_step(huge, &state))
        n++;
    return n;
}

/* Of state files that this process has mapped, in large pages. */
static long
large_kib(void)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    long sum = 0, kib;
    char line[512];

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "ShmemPmdMapped: %ld", &kib) == 1)
            sum += kib;
    }
    if (maps != NULL)
        fclose(maps);
    return sum;
}

static bool
is_aligned(const void *map)
{
    return (uintptr_t)map % TG_PAGES_LARGE == 0;
}

static void
test_a_map_begins_where_a_large_page_can(void)
{
    struct tg_state others[3];

    ok(is_aligned(state.map), "the state file is mapped at 2 MiB");
    for (int i = 0; i < 3; i++) {
        test_open(&others[i], dir);
        ok(is_aligned(others[i].map), "and so by opener %d", i + 2);
    }
    for (int i = 0; i < 3; i++)
        tg_state_close(&others[i]);
}

static void
test_few_keys_stay_as_they_are(void)
{
    struct tg_huge huge = {.is_refused = false};
    int64_t before;

    publish(0, FEW);
    before = blocks();
    is_int(steps(&huge), 0, "few keys are not asked for");
    is_int(blocks(), before, "and take no more memory");
}

/* First, while the kernel may still be asked. */
static void
test_refused(void)
{
    struct tg_huge huge = {.is_refused = false};

    publish(FEW, MANY);
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        ok(false, "large pages can be forbidden");
    is_int(steps(&huge), 0, "where the kernel refuses, nothing is done");
    ok(huge.is_refused, "and it is not asked again");
    ok(has_all(&state, MANY), "and every key is found");
    (void)prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

static void
test_many_keys_get_them(struct tg_huge *huge)
{
    int64_t before;
    struct tg_state other;
    long mine;

    if (tg_publish_reserve(publisher, DIGESTS) != 0)
        ok(false, "the index has room for %d", DIGESTS);
    before = blocks();
    is_int(steps(huge), 7 + 6, "what is whole of index and keys is asked for");
    is_int(blocks(), before, "which takes no more memory");
    mine = large_kib();
    is_int(mine, 13 * 2048, "and is in large pages");
    ok(has_all(&state, MANY), "every key is found");
    test_open(&other, dir);
    ok(has_all(&other, MANY), "by another process, too");
    is_int(large_kib(), 2 * mine, "which has them large from its first look");
    tg_state_close(&other);
    is_int(steps(huge), 0, "there is no more to do");
}

static void
test_what_is_new_gets_them(struct tg_huge *huge)
{
    size_t from = huge->regions[TG_HUGE_INDEX].from;

    publish(MANY, MORE);
    is_int(steps(huge), 2, "as keys come, so do large pages");
    if (tg_publish_reserve(publisher, 2 * DIGESTS) != 0)
        ok(false, "the index has room for %d", 2 * DIGESTS);
    is_int(steps(huge), 15, "a larger index gets them anew");
    ok(huge->regions[TG_HUGE_INDEX].from > from, "for it is another one");
    ok(has_all(&state, MORE), "every key is found");
}

int
main(void)
{
    struct tg_huge huge = {.is_refused = false}, probe = huge;

    dir = test_dir();
    test_create(&state, dir, CAPACITY);
    if (tg_publisher_open(&publisher, &state) != 0)
        return 1;
    test_a_map_begins_where_a_large_page_can();
    test_few_keys_stay_as_they_are();
    test_refused();
    (void)tg_huge_step(&probe, &state);
    if (probe.is_refused) {
        printf("# this kernel has none: needs Linux 6.1\n");
    } else {
        test_many_keys_get_them(&huge);
        test_what_is_new_gets_them(&huge);
    }
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
