#include "health.h"

#include <stdarg.h>
#include <stdio.h>

#include "book.h"
#include "money.h"
#include "plural.h"
#include "reply.h"
#include "usage_sums.h"

void
tg_health_begin(struct tg_health *health, int64_t now_ms)
{
    *health = (struct tg_health){
        .checks = json_array(), .worst = TG_HEALTHY, .now_ms = now_ms};
}

const char *
tg_health_name(enum tg_health_status status)
{
    static const char *const names[] = {
        [TG_UNHEALTHY] = "unhealthy",
        [TG_WARNING] = "warning",
        [TG_HEALTHY] = "healthy",
    };

    return names[status];
}

json_t *
tg_health_say(struct tg_health *health, const char *name,
              enum tg_health_status status, const char *cure, const char *fmt,
              ...)
{
    char message[1024];
    json_t *row;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    row = json_pack("{s:s,s:s,s:o,s:o}", "name", name, "status",
                    tg_health_name(status), "message", tg_reply_text(message),
                    "cure",
                    cure != NULL && status != TG_HEALTHY ? tg_reply_text(cure)
                                                         : json_null());
    json_array_append_new(health->checks, row);
    if (status < health->worst)
        health->worst = status;
    return row;
}

const char *
tg_health_span(int64_t ms, char text[TG_HEALTH_TEXT_SIZE])
{
    uint64_t s = (ms < 0 ? -(uint64_t)ms : (uint64_t)ms) / 1000;
    uint64_t days = s / 86400, hours = s / 3600 % 24;

    if (days > 0 && hours > 0 && days < 14)
        snprintf(text, TG_HEALTH_TEXT_SIZE, "%llu d %llu h",
                 (unsigned long long)days, (unsigned long long)hours);
    else if (days > 0)
        snprintf(text, TG_HEALTH_TEXT_SIZE, "%llu d", (unsigned long long)days);
    else if (hours > 0)
        snprintf(text, TG_HEALTH_TEXT_SIZE, "%llu h %llu min",
                 (unsigned long long)hours, (unsigned long long)(s / 60 % 60));
    else if (s >= 60)
        snprintf(text, TG_HEALTH_TEXT_SIZE, "%llu min",
                 (unsigned long long)(s / 60));
    else
        snprintf(text, TG_HEALTH_TEXT_SIZE, "%llu s", (unsigned long long)s);
    return text;
}

const char *
tg_health_bytes(uint64_t bytes, char text[TG_HEALTH_TEXT_SIZE])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    uint64_t tenths = bytes * 10 / 1024;
    size_t i = 0;

    if (bytes < 1024) {
        snprintf(text, TG_HEALTH_TEXT_SIZE, "%llu bytes",
                 (unsigned long long)bytes);
        return text;
    }
    for (; tenths >= 10240 && i < 3; i++)
        tenths /= 1024;
    snprintf(text, TG_HEALTH_TEXT_SIZE, "%llu.%llu %s",
             (unsigned long long)(tenths / 10),
             (unsigned long long)(tenths % 10), units[i]);
    return text;
}

const char *
tg_health_money(int64_t nanos, char text[TG_HEALTH_TEXT_SIZE])
{
    char amount[TG_MONEY_TEXT_SIZE];

    tg_money_format(nanos, amount);
    snprintf(text, TG_HEALTH_TEXT_SIZE, "%s " TG_BOOK_CURRENCY, amount);
    return text;
}

int64_t
tg_health_share(int64_t part, int64_t whole)
{
    return whole <= 0 ? 0 : (int64_t)((__int128)part * 10000 / whole);
}

int
tg_health_errors(struct tg_health *health, struct tg_store *store,
                 const char *key_id)
{
    struct tg_usage_question question = {.key_id = key_id,
                                         .since = health->now_ms -
                                                  TG_HEALTH_ERROR_MS,
                                         .until = health->now_ms + 1};
    struct tg_store_usage all = {0};
    const struct tg_sums *sums = &all.sums;
    bool is_high, is_few;
    char cure[128];
    int64_t share;
    json_t *row;
    int err = store->ops->usage(store, &question, &all, NULL, NULL);

    if (err != 0)
        return err;
    share = tg_health_share(sums->errors, sums->requests);
    is_few = sums->requests < TG_HEALTH_CALLS_MIN;
    is_high = !is_few && share >= TG_HEALTH_ERROR_PERCENT * 100;
    snprintf(cure, sizeof(cure), "tollgate calls list --not-ok --since 1h%s%s",
             key_id != NULL ? " --key " : "", key_id != NULL ? key_id : "");
    if (sums->requests == 0)
        row = tg_health_say(health, "errors", TG_HEALTHY, NULL,
                            "no call in the last hour");
    else
        row = tg_health_say(
            health, "errors", is_high ? TG_WARNING : TG_HEALTHY, cure,
            "%lld of %lld call%s failed in the last hour (%lld.%02lld %%)%s",
            (long long)sums->errors, (long long)sums->requests,
            tg_plural(sums->requests), (long long)(share / 100),
            (long long)(share % 100),
            sums->errors > 0 && is_few ? ", too few to say anything" : "");
    json_object_set_new(row, "errors", json_integer(sums->errors));
    json_object_set_new(row, "requests", json_integer(sums->requests));
    return 0;
}
