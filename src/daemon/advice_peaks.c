#include "advice_peaks.h"

#include <stdlib.h>

#include "civil.h"

#define SECOND_MS 1000

static void
raise(struct tg_peak *peak, size_t count, int64_t at)
{
    if ((int64_t)count > peak->count)
        *peak = (struct tg_peak){(int64_t)count, at};
}

/* The most calls that begin within so many ms of the first of them. */
static struct tg_peak
busiest(const struct tg_peak_call *calls, size_t n, int64_t span_ms)
{
    struct tg_peak peak = {0};
    size_t newest = 0;

    for (size_t i = 0; i < n; i++) {
        while (calls[newest].at - calls[i].at >= span_ms)
            newest++;
        raise(&peak, i - newest + 1, calls[i].at);
    }
    return peak;
}

static int
later_first(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left < right) - (left > right);
}

/*
 * From the oldest call on: one begins, and those that have ended are gone.
 */
static struct tg_peak
at_once(const struct tg_peak_call *calls, size_t n, int64_t *ends)
{
    struct tg_peak peak = {0};
    size_t open = n; /* ends before this one, the later ones, are to come */

    for (size_t i = 0; i < n; i++)
        ends[i] = calls[i].end;
    qsort(ends, n, sizeof(ends[0]), later_first);
    for (size_t i = n; i-- > 0;) {
        while (open > 0 && ends[open - 1] <= calls[i].at && open > i + 1)
            open--;
        raise(&peak, open - i, calls[i].at);
    }
    return peak;
}

void
tg_advice_peaks(const struct tg_peak_call *calls, size_t n, int64_t *ends,
                struct tg_peaks *peaks)
{
    *peaks = (struct tg_peaks){.requests = (int64_t)n};
    for (size_t i = 0; i < n; i++) {
        tg_minutes_add(&peaks->minutes, calls[i].at, calls[i].tokens);
        peaks->tokens += calls[i].tokens;
    }
    tg_minutes_end(&peaks->minutes);
    if (n == 0)
        return;
    peaks->first_at = calls[n - 1].at;
    peaks->last_at = calls[0].at;
    peaks->second = busiest(calls, n, SECOND_MS);
    peaks->day = busiest(calls, n, TG_MS_PER_DAY);
    peaks->at_once = at_once(calls, n, ends);
}
