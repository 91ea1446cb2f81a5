#include "pace.h"

/* How much longer than a slow sync took the next ones are a thread's. */
#define BACK_OFF 100

bool
tg_pace_may_wait(const struct tg_pace *pace, const struct tg_journal_sync *sync,
                 int64_t now_us)
{
    /* A new segment's name takes a second sync, of the folder. */
    return pace->quick >= TG_PACE_QUICK_SYNCS && now_us >= pace->until_us &&
           sync->dir_fd == -1 && sync->kept_len <= TG_PACE_BYTES;
}

void
tg_pace_note(struct tg_pace *pace, bool is_fine, int64_t began_us,
             int64_t ended_us)
{
    int64_t took_us = ended_us - began_us;

    if (!is_fine) {
        pace->quick = 0;
    } else if (took_us > TG_PACE_QUICK_US) {
        pace->quick = 0;
        pace->until_us = ended_us + BACK_OFF * took_us;
    } else if (pace->quick < TG_PACE_QUICK_SYNCS) {
        pace->quick++;
    }
}
