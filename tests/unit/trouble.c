/* What workers say of the journal's disk, and what is known of it together. */
#include "trouble.h"

#include <errno.h>

#include "state_test.h"
#include "tap.h"

static struct tg_state state;

static void
is_view(const char *fact, uint32_t workers, uint32_t shut, int error,
        uint64_t faults)
{
    struct tg_trouble_view view = tg_trouble_look(&state);

    is_int(view.workers, workers, "%s: workers in trouble", fact);
    is_int(view.shut, shut, "of these shut");
    is_int(view.error, error, "what failed last");
    is_int(view.faults, faults, "faults so far");
}

static struct tg_area_claim
claimed(struct tg_state *own, uint64_t writer_id)
{
    struct tg_area_claim claim;

    if (tg_area_claim(&claim, own, writer_id, 1000) != 0)
        abort();
    return claim;
}

int
main(void)
{
    char *dir = test_dir();
    struct tg_state one, two;
    struct tg_area_claim a, b;

    test_create(&state, dir, 16);
    test_open(&one, dir);
    test_open(&two, dir);
    is_view("nobody there", 0, 0, 0, 0);
    a = claimed(&one, 7);
    b = claimed(&two, 9);
    is_view("nothing failed", 0, 0, 0, 0);
    tg_trouble_note(&a, TG_TROUBLE_SYNC, EIO);
    is_view("a sync failed", 1, 0, EIO, 1);
    tg_trouble_note(&a, TG_TROUBLE_SHUT, EIO);
    tg_trouble_note(&b, TG_TROUBLE_SHUT, ENOSPC);
    is_view("two take no records", 2, 2, ENOSPC, 3);
    tg_trouble_note(&a, TG_TROUBLE_SYNC, EIO);
    is_view("a sync that fails makes it no better", 2, 2, EIO, 4);
    tg_trouble_end(&a, TG_TROUBLE_SYNC);
    is_view("nor does one that succeeds", 2, 2, EIO, 4);
    tg_trouble_end(&a, TG_TROUBLE_SHUT);
    is_view("one takes records again", 1, 1, EIO, 4);
    tg_trouble_note(&a, TG_TROUBLE_SYNC, 0);
    tg_trouble_end(&a, TG_TROUBLE_SYNC);
    is_view("the disk was behind, and is not", 1, 1, 0, 5);
    tg_area_leave(&b);
    is_view("who is gone is in no trouble", 0, 0, 0, 5);
    b = claimed(&two, 11);
    is_view("nor is who comes after", 0, 0, 0, 5);
    tg_area_leave(&a);
    tg_area_leave(&b);
    tg_state_close(&one);
    tg_state_close(&two);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
