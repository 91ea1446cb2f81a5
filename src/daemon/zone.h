/*
 * zone.h: time zones, from the system's database (RFC 8536 files).
 *
 * Each zone is read anew, so no process-wide setting is touched and any
 * thread may use its own.  Not handled: rules beyond a file's last
 * transition; Debian's files list all until 2037.
 */
#ifndef TG_ZONE_H
#define TG_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "calendar.h"

struct tg_zone {
    size_t count;
    int64_t *starts_s;  /* of each offset but the first; Unix time */
    int32_t *offsets_s; /* count + 1: east of UTC */
};

/*
 * Reads the zone of a name such as "Asia/Shanghai".  Returns 0,
 * TG_ERR_NOT_FOUND when there is none of that name, or TG_ERR_SYSTEM.
 */
int tg_zone_open(struct tg_zone *zone, const char *name);

/* Frees what the zone holds. */
void tg_zone_close(struct tg_zone *zone);

/* Seconds east of UTC at an instant.  O(log n). */
int32_t tg_zone_offset_s(const struct tg_zone *zone, int64_t instant_ms);

/*
 * The instant in ms at which a day (since 1970-01-01) begins there: midnight,
 * the first where it comes twice, and where clocks skip it, the end of what
 * they skip.
 */
int64_t tg_zone_day_at(const struct tg_zone *zone, int64_t day);

/* A calendar as calendar.h reads it. */
struct tg_zone_blob {
    size_t len;
    char bytes[TG_CALENDAR_BYTES_MAX];
};

/*
 * Compiles the zone of a name for the days around now_ms.  The same days and
 * zone give the same bytes, and so do most other days.  Returns 0,
 * TG_ERR_NOT_FOUND, TG_ERR_SYSTEM, or TG_ERR_LIMIT when the zone changes more
 * often than a calendar can hold.
 */
int tg_zone_compile(struct tg_zone_blob *blob, const char *name,
                    int64_t now_ms);

/*
 * Writes a calendar of hours: a zone's offsets (NULL: UTC), a week and the
 * text of the hours.  Returns 0 or TG_ERR_LIMIT.
 */
int tg_zone_write_hours(struct tg_zone_blob *blob, const struct tg_zone *zone,
                        const uint8_t week[TG_CALENDAR_WEEK_BYTES],
                        const char *text, int64_t now_ms);

#endif
