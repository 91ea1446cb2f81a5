#include "zone.h"

#include <ctype.h>
#include <endian.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "err.h"

#define FOLDER "/usr/share/zoneinfo/"
#define FILE_MAX (256 * 1024)
#define HEADER 44
#define COUNT_MAX 20000
#define DAYS_BEFORE 2
#define DAYS_AFTER 402

struct header {
    uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t
u32(const unsigned char *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof(n));
    return be32toh(n);
}

static bool
read_header(const unsigned char *p, size_t len, struct header *h)
{
    if (len < HEADER || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    *h = (struct header){u32(p + 20), u32(p + 24), u32(p + 28),
                         u32(p + 32), u32(p + 36), u32(p + 40)};
    return h->isut < COUNT_MAX && h->isstd < COUNT_MAX && h->leap < COUNT_MAX &&
           h->time < COUNT_MAX && h->type > 0 && h->type <= 256 &&
           h->chars < COUNT_MAX;
}

static size_t
body_bytes(const struct header *h, size_t time_bytes)
{
    return h->time * (time_bytes + 1) + h->type * 6 + h->chars +
           h->leap * (time_bytes + 4) + h->isstd + h->isut;
}

static int
fill(struct tg_zone *zone, const unsigned char *times, const struct header *h)
{
    const unsigned char *types = times + h->time * 8;
    const unsigned char *infos = types + h->time;

    zone->count = h->time;
    zone->starts_s = calloc(h->time + 1, sizeof(*zone->starts_s));
    zone->offsets_s = calloc(h->time + 1, sizeof(*zone->offsets_s));
    if (zone->starts_s == NULL || zone->offsets_s == NULL) {
        tg_zone_close(zone);
        return TG_ERR_SYSTEM;
    }
    zone->offsets_s[0] = (int32_t)u32(infos);
    for (uint32_t i = 0; i < h->time; i++) {
        uint64_t start;

        memcpy(&start, times + i * 8, sizeof(start));
        zone->starts_s[i] = (int64_t)be64toh(start);
        zone->offsets_s[i + 1] =
            types[i] < h->type ? (int32_t)u32(infos + types[i] * 6) : 0;
    }
    return 0;
}

static int
parse(struct tg_zone *zone, const unsigned char *p, size_t len)
{
    struct header h;
    size_t skip;

    if (!read_header(p, len, &h))
        return TG_ERR_NOT_FOUND;
    skip = HEADER + body_bytes(&h, 4);
    if (skip > len || !read_header(p + skip, len - skip, &h) ||
        body_bytes(&h, 8) > len - skip - HEADER)
        return TG_ERR_NOT_FOUND;
    return fill(zone, p + skip + HEADER, &h);
}

/* Parts of letters, digits, '+', '-' and '_', joined by '/'. */
static bool
is_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) || strlen(name) > 64)
        return false;
    for (const char *p = name; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr("+-_/", *p) == NULL)
            return false;
    }
    return true;
}

int
tg_zone_open(struct tg_zone *zone, const char *name)
{
    char path[128];
    unsigned char *bytes;
    size_t len;
    FILE *file;
    int err;

    if (!is_name(name))
        return TG_ERR_NOT_FOUND;
    snprintf(path, sizeof(path), FOLDER "%s", name);
    file = fopen(path, "rbe");
    if (file == NULL && strcmp(name, "UTC") == 0) {
        *zone = (struct tg_zone){.offsets_s = calloc(1, sizeof(int32_t))};
        return zone->offsets_s ? 0 : TG_ERR_SYSTEM;
    }
    if (file == NULL)
        return TG_ERR_NOT_FOUND;
    bytes = malloc(FILE_MAX);
    len = bytes ? fread(bytes, 1, FILE_MAX, file) : 0;
    err = bytes ? parse(zone, bytes, len) : TG_ERR_SYSTEM;
    free(bytes);
    fclose(file);
    return err;
}

void
tg_zone_close(struct tg_zone *zone)
{
    free(zone->starts_s);
    free(zone->offsets_s);
    *zone = (struct tg_zone){0};
}

/* The number of the offset at an instant. */
static size_t
offset_at(const struct tg_zone *zone, int64_t instant_ms)
{
    int64_t at_s = instant_ms / 1000 - (instant_ms % 1000 < 0);
    size_t low = 0, high = zone->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (zone->starts_s[middle] <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t
tg_zone_offset_s(const struct tg_zone *zone, int64_t instant_ms)
{
    return zone->offsets_s[offset_at(zone, instant_ms)];
}

int64_t
tg_zone_day_at(const struct tg_zone *zone, int64_t day)
{
    int64_t at_ms = day * TG_MS_PER_DAY, begin_ms, change_ms;
    /* No offset is so large that the day has begun there. */
    size_t i = offset_at(zone, at_ms - 2 * TG_MS_PER_DAY);

    for (;; i++) {
        begin_ms = at_ms - zone->offsets_s[i] * INT64_C(1000);
        change_ms = i > 0 ? zone->starts_s[i - 1] * INT64_C(1000) : INT64_MIN;
        if (begin_ms < change_ms)
            return change_ms; /* clocks skip midnight */
        if (i == zone->count || zone->starts_s[i] * INT64_C(1000) > begin_ms)
            return begin_ms;
    }
}

static int
put(struct tg_zone_blob *blob, const void *bytes, size_t len)
{
    if (len > sizeof(blob->bytes) - blob->len)
        return TG_ERR_LIMIT;
    memcpy(blob->bytes + blob->len, bytes, len);
    blob->len += len;
    return 0;
}

static int
put_offset(struct tg_zone_blob *blob, struct tg_calendar_head *head,
           int64_t from_ms, int32_t offset_s)
{
    struct tg_calendar_offset entry = {from_ms, offset_s, 0};

    if (head->count == TG_CALENDAR_OFFSETS_MAX)
        return TG_ERR_LIMIT;
    head->count++;
    return put(blob, &entry, sizeof(entry));
}

/* Changes of other things than the offset, such as the name, are left out. */
static int
put_offsets(struct tg_zone_blob *blob, struct tg_calendar_head *head,
            const struct tg_zone *zone, int64_t now_ms)
{
    int64_t today = tg_civil_day_at(now_ms);
    int64_t first_ms = (today - DAYS_BEFORE) * TG_MS_PER_DAY;
    int64_t end_ms = (today + DAYS_AFTER) * TG_MS_PER_DAY;
    int32_t offset_s = tg_zone_offset_s(zone, first_ms);
    int err = put_offset(blob, head, INT64_MIN, offset_s);

    for (size_t i = 0; i < zone->count && err == 0; i++) {
        if (zone->starts_s[i] <= first_ms / 1000 ||
            zone->starts_s[i] >= end_ms / 1000 ||
            zone->offsets_s[i + 1] == offset_s)
            continue;
        offset_s = zone->offsets_s[i + 1];
        err = put_offset(blob, head, zone->starts_s[i] * 1000, offset_s);
    }
    return err;
}

static int
write_blob(struct tg_zone_blob *blob, const struct tg_zone *zone,
           const uint8_t *week, const char *text, int64_t now_ms)
{
    struct tg_calendar_head head = {.kind = TG_CALENDAR_ZONE};
    size_t len = strlen(text);
    int err;

    if (len > TG_CALENDAR_TEXT_MAX)
        return TG_ERR_LIMIT;
    blob->len = sizeof(head);
    err = zone == NULL ? put_offset(blob, &head, INT64_MIN, 0)
                       : put_offsets(blob, &head, zone, now_ms);
    if (err == 0 && week != NULL) {
        head.kind = TG_CALENDAR_HOURS;
        err = put(blob, week, TG_CALENDAR_WEEK_BYTES);
    }
    if (err == 0)
        err = put(blob, text, len);
    head.text_len = (uint16_t)len;
    memcpy(blob->bytes, &head, sizeof(head));
    return err;
}

int
tg_zone_compile(struct tg_zone_blob *blob, const char *name, int64_t now_ms)
{
    struct tg_zone zone;
    int err = tg_zone_open(&zone, name);

    if (err != 0)
        return err;
    err = write_blob(blob, &zone, NULL, name, now_ms);
    tg_zone_close(&zone);
    return err;
}

int
tg_zone_write_hours(struct tg_zone_blob *blob, const struct tg_zone *zone,
                    const uint8_t week[TG_CALENDAR_WEEK_BYTES],
                    const char *text, int64_t now_ms)
{
    return write_blob(blob, zone, week, text, now_ms);
}
