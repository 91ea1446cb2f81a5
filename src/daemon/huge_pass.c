#include "huge_pass.h"

#include "clock.h"

#define SPELL_MS 50

void
tg_huge_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    int64_t until_ms = tg_clock_forward_ms() + SPELL_MS;

    (void)store;
    (void)now_ms;
    while (tg_huge_step(&daemon->huge, &daemon->state) &&
           tg_clock_forward_ms() < until_ms)
        ;
}
