#include "watch.h"

#include <string.h>

#include "throttle.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define CODE(name) (UINT64_C(1) << TG_CODE_##name)
#define COUNT_MAX (INT64_MAX / 4)
#define PROBES 32 /* places of a row */

_Static_assert(TG_CODE_COUNT <= 64, "codes fit into bits");

const struct tg_detector tg_detectors[] = {
    {"wrong_keys", "unauthorized_access", "warning", TG_SUBJECT_ADDRESS,
     CODE(INVALID_API_KEY) | CODE(MALFORMED_API_KEY), 20, 5 * MINUTE_MS,
     HOUR_MS, "tries keys that do not exist"},
    {"wrong_keys_flood", "unauthorized_access", "critical", TG_SUBJECT_ADDRESS,
     CODE(INVALID_API_KEY) | CODE(MALFORMED_API_KEY), 2000, 15 * MINUTE_MS,
     HOUR_MS, "goes on and on trying keys that do not exist"},
    {"wrong_keys_anywhere", "unauthorized_access", "critical",
     TG_SUBJECT_EVERYWHERE, CODE(INVALID_API_KEY) | CODE(MALFORMED_API_KEY),
     5000, 15 * MINUTE_MS, HOUR_MS, "try keys that do not exist"},
    {"wrong_scope", "unauthorized_access", "warning", TG_SUBJECT_KEY,
     CODE(PERMISSION_DENIED) | CODE(MODEL_NOT_FOUND), 20, 15 * MINUTE_MS,
     HOUR_MS, "asks again and again for what it may not have"},
    {"wrong_referrer", "unauthorized_access", "warning", TG_SUBJECT_KEY,
     CODE(REFERRER_NOT_ALLOWED), 20, 15 * MINUTE_MS, HOUR_MS,
     "is used by pages that it is not for"},
    {"disabled_key", "unauthorized_access", "critical", TG_SUBJECT_KEY,
     CODE(KEY_DISABLED), 1, HOUR_MS, 24 * HOUR_MS,
     "is disabled, and somebody still uses it"},
    {"rate", "rate_limit_exceeded", "warning", TG_SUBJECT_KEY,
     CODE(RATE_LIMIT_EXCEEDED), 50, 5 * MINUTE_MS, HOUR_MS,
     "goes beyond its limits again and again"},
    {"ended_key", "expired_key_used", "warning", TG_SUBJECT_KEY,
     CODE(KEY_EXPIRED) | CODE(KEY_ROTATED), 1, HOUR_MS, 24 * HOUR_MS,
     "is used with a secret that has ended"},
    {"ip", "ip_denied", "warning", TG_SUBJECT_KEY, CODE(IP_NOT_ALLOWED), 1,
     HOUR_MS, HOUR_MS, "is used from networks that it is not for"},
    {"budget", "budget_exhausted", "warning", TG_SUBJECT_KEY,
     CODE(BUDGET_EXCEEDED) | CODE(INSUFFICIENT_BALANCE), 1, HOUR_MS,
     6 * HOUR_MS, "has no money left for its calls"},
    {0},
};

static uint64_t
hash_of(const char *detector, const char *subject)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const char *p = detector; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    for (const char *p = subject; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return hash ^ hash >> 29;
}

static const struct tg_detector *
detector_of(const char *name)
{
    for (const struct tg_detector *d = tg_detectors; d->name != NULL; d++) {
        if (strcmp(d->name, name) == 0)
            return d;
    }
    return NULL;
}

/* Whether nothing would be missed without it. */
static bool
is_over(const struct tg_detector *detector, const struct tg_watch_row *row,
        int64_t now_ms)
{
    int64_t passed_ms = now_ms - row->last_ms;

    return row->told_ms != 0 ? passed_ms > detector->quiet_ms
                             : passed_ms >= row->level_ms;
}

static bool
is_of(const struct tg_watch_row *row, const char *detector, const char *subject)
{
    return row->is_used && strcmp(row->subject, subject) == 0 &&
           strcmp(row->detector, detector) == 0;
}

/*
 * The row of a detector and a subject; else a free one, or the emptiest of
 * which nothing is told; NULL when all near ones are of episodes.
 */
static struct tg_watch_row *
find(struct tg_watch *watch, const char *detector, const char *subject)
{
    uint64_t hash = hash_of(detector, subject);
    struct tg_watch_row *best = NULL;

    for (uint64_t i = 0; i < PROBES; i++) {
        struct tg_watch_row *row = &watch->rows[(hash + i) % TG_WATCH_ROWS];

        if (is_of(row, detector, subject))
            return row;
        if (row->is_used && row->told_ms != 0)
            continue;
        if (best == NULL ||
            (best->is_used &&
             (!row->is_used ||
              row->level_ms + row->last_ms < best->level_ms + best->last_ms)))
            best = row;
    }
    return best;
}

static struct tg_watch_row *
row_of(struct tg_watch *watch, const struct tg_detector *detector,
       const char *subject)
{
    struct tg_watch_row *row = find(watch, detector->name, subject);

    if (row != NULL && !is_of(row, detector->name, subject)) {
        *row = (struct tg_watch_row){.is_used = 1};
        memcpy(row->detector, detector->name,
               strnlen(detector->name, sizeof(row->detector) - 1));
        memcpy(row->subject, subject,
               strnlen(subject, sizeof(row->subject) - 1));
    }
    return row;
}

/* Without what is of the episode or the time before. */
static void
begin_anew(struct tg_watch_row *row)
{
    row->count = row->level_ms = row->told_ms = row->elsewhere = 0;
    row->address_count = row->sample_count = 0;
    row->codes = 0;
    memset(row->addresses, 0, sizeof(row->addresses));
}

static void
note_address(struct tg_watch_row *row, const struct tg_denial *denial,
             int64_t count)
{
    if (denial->scope == TG_DENIAL_REST) {
        row->elsewhere += count;
        return;
    }
    for (uint32_t i = 0; i < row->address_count; i++) {
        if (memcmp(row->addresses[i].ip, denial->ip, 16) == 0) {
            row->addresses[i].count += count;
            return;
        }
    }
    if (row->address_count == TG_WATCH_ADDRESSES) {
        row->elsewhere += count;
        return;
    }
    memcpy(row->addresses[row->address_count].ip, denial->ip, 16);
    row->addresses[row->address_count++].count = count;
}

/* The first ones show how it began; the last place is the newest one's. */
static void
note_sample(struct tg_watch_row *row, const struct tg_denial *denial)
{
    if (row->sample_count < TG_WATCH_SAMPLES)
        row->sample_count++;
    row->samples[row->sample_count - 1] = denial->request_id;
    row->codes |= UINT64_C(1) << denial->code;
    memcpy(row->agent, denial->agent, sizeof(row->agent));
    memcpy(row->model, denial->model, sizeof(row->model));
    if (denial->account_id[0] != '\0')
        memcpy(row->account_id, denial->account_id, TG_ID_LEN);
}

/*
 * Lets it leak, and adds: each refusal is worth window / threshold.  A count
 * that is worth more than a window fills it.
 */
static void
fill(const struct tg_detector *detector, struct tg_watch_row *row,
     const struct tg_denial *denial, int64_t count)
{
    int64_t at_ms = denial->last_ms;
    int64_t passed_ms = at_ms > row->last_ms ? at_ms - row->last_ms : 0;

    if (row->count == 0 || is_over(detector, row, at_ms)) {
        begin_anew(row);
        row->first_ms = denial->at_ms;
        row->last_ms = at_ms;
        passed_ms = 0;
    }
    row->level_ms = passed_ms < row->level_ms ? row->level_ms - passed_ms : 0;
    if (count >= detector->threshold)
        row->level_ms = detector->window_ms;
    else
        row->level_ms += count * detector->window_ms / detector->threshold;
    if (row->level_ms > detector->window_ms)
        row->level_ms = detector->window_ms;
    if (at_ms > row->last_ms)
        row->last_ms = at_ms;
    row->count = row->count > COUNT_MAX ? COUNT_MAX : row->count + count;
    row->is_dirty = 1;
}

/* As many as the threshold, with what leaked while they came. */
static bool
is_full(const struct tg_detector *detector, const struct tg_watch_row *row)
{
    int64_t worth_ms = detector->window_ms / detector->threshold;

    return row->level_ms > detector->window_ms - worth_ms;
}

/* Its text, or false when this detector is not of such a refusal. */
static bool
subject_of(const struct tg_detector *detector, const struct tg_denial *denial,
           char subject[TG_WATCH_SUBJECT])
{
    subject[0] = '\0';
    if (denial->code >= TG_CODE_COUNT || !(detector->codes >> denial->code & 1))
        return false;
    if (detector->subject == TG_SUBJECT_ADDRESS &&
        denial->scope != TG_DENIAL_REST)
        tg_throttle_text(subject, denial->ip);
    if (detector->subject == TG_SUBJECT_KEY) {
        memcpy(subject, denial->key_id, TG_ID_LEN);
        subject[TG_ID_LEN] = '\0';
    }
    /* What has no row of its own is counted of all addresses, at least. */
    return subject[0] != '\0' || detector->subject == TG_SUBJECT_EVERYWHERE;
}

_Static_assert(TG_THROTTLE_TEXT_SIZE <= TG_WATCH_SUBJECT, "an address fits");

int
tg_watch_take(struct tg_watch *watch, int64_t number,
              const struct tg_denial *denial,
              int (*tell)(void *arg, const struct tg_detector *detector,
                          const struct tg_watch_row *row),
              void *arg)
{
    int64_t count = denial->count < 1           ? 1
                    : denial->count > COUNT_MAX ? COUNT_MAX
                                                : denial->count;
    char subject[TG_WATCH_SUBJECT];
    int err = 0;

    for (const struct tg_detector *d = tg_detectors; d->name != NULL; d++) {
        struct tg_watch_row *row;

        if (!subject_of(d, denial, subject) ||
            (row = row_of(watch, d, subject)) == NULL || number <= row->number)
            continue;
        row->number = number;
        fill(d, row, denial, count);
        note_address(row, denial, count);
        note_sample(row, denial);
        if (!is_full(d, row) || row->told_ms != 0)
            continue;
        row->told_ms = denial->last_ms;
        err = tell(arg, d, row);
        if (err != 0)
            break;
    }
    return err;
}

bool
tg_watch_wants(const struct tg_denial *denial)
{
    uint64_t codes = 0;

    for (const struct tg_detector *d = tg_detectors; d->name != NULL; d++)
        codes |= d->codes;
    return denial->code < TG_CODE_COUNT && (codes >> denial->code & 1);
}

bool
tg_watch_put(struct tg_watch *watch, const void *data, size_t len)
{
    struct tg_watch_row row, *place;

    if (len != sizeof(row))
        return false;
    memcpy(&row, data, len);
    row.detector[sizeof(row.detector) - 1] = '\0';
    row.subject[sizeof(row.subject) - 1] = '\0';
    row.account_id[sizeof(row.account_id) - 1] = '\0';
    if (detector_of(row.detector) == NULL ||
        row.address_count > TG_WATCH_ADDRESSES ||
        row.sample_count > TG_WATCH_SAMPLES ||
        (place = find(watch, row.detector, row.subject)) == NULL)
        return false;
    *place = row;
    place->is_used = 1;
    place->is_dirty = 0;
    return true;
}

int
tg_watch_each_dirty(struct tg_watch *watch, int64_t now_ms,
                    int (*visit)(void *arg, const struct tg_watch_row *row,
                                 bool is_gone),
                    void *arg)
{
    int err = 0;

    for (size_t i = 0; i < TG_WATCH_ROWS && err == 0; i++) {
        struct tg_watch_row *row = &watch->rows[i];
        bool is_gone;

        if (!row->is_used)
            continue;
        is_gone = is_over(detector_of(row->detector), row, now_ms);
        if (!is_gone && !row->is_dirty)
            continue;
        row->is_dirty = 0;
        err = visit(arg, row, is_gone);
        if (err == 0 && is_gone)
            row->is_used = 0;
    }
    return err;
}

void
tg_watch_soil(struct tg_watch *watch)
{
    for (size_t i = 0; i < TG_WATCH_ROWS; i++)
        watch->rows[i].is_dirty = watch->rows[i].is_used;
}
