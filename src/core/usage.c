#include "usage.h"

#include <stdbool.h>
#include <stddef.h>

#define BIT(field) (1u << (field))

void
tg_usage_update(struct tg_usage_report *report,
                const struct tg_usage_report *newer)
{
    int f;

    for (f = 0; f < TG_USAGE_FIELDS; f++)
        if (newer->seen & BIT(f))
            report->value[f] = newer->value[f];
    report->seen |= newer->seen;
}

/* The figure, or -1 when it was not reported or is not one. */
static int64_t
figure(const struct tg_usage_report *report, enum tg_usage_field field)
{
    bool is_good = (report->seen & BIT(field)) && report->value[field] >= 0;

    return is_good ? report->value[field] : -1;
}

/* Figures are at most 2^40, so a few of them add up without overflow. */
static int64_t
or_zero(int64_t tokens)
{
    return tokens < 0 ? 0 : tokens;
}

static void
prompt(const struct tg_usage_report *report, struct tg_usage *usage)
{
    int64_t input = figure(report, TG_USAGE_INPUT);
    int64_t read = figure(report, TG_USAGE_CACHE_READ);
    int64_t write = figure(report, TG_USAGE_CACHE_WRITE);

    usage->prompt_tokens = figure(report, TG_USAGE_PROMPT);
    usage->cached_tokens = figure(report, TG_USAGE_CACHED);
    usage->cache_write_tokens = figure(report, TG_USAGE_WRITTEN);
    if (usage->prompt_tokens < 0 && input >= 0)
        usage->prompt_tokens = input + or_zero(read) + or_zero(write);
    if (usage->cached_tokens < 0)
        usage->cached_tokens = read;
    if (usage->cache_write_tokens < 0)
        usage->cache_write_tokens = write;
}

static enum tg_usage_doubt
first_doubt(const struct tg_usage_report *report)
{
    int f;

    for (f = 0; f <= TG_USAGE_TOTAL; f++)
        if ((report->seen & BIT(f)) && report->value[f] < 0)
            return (enum tg_usage_doubt)(-report->value[f]);
    return TG_USAGE_BELIEVED;
}

enum tg_usage_doubt
tg_usage_resolve(const struct tg_usage_report *report, struct tg_usage *usage)
{
    enum tg_usage_doubt doubt = first_doubt(report);

    prompt(report, usage);
    usage->completion_tokens = figure(report, TG_USAGE_COMPLETION);
    usage->reasoning_tokens = figure(report, TG_USAGE_REASONING);
    usage->total_tokens = figure(report, TG_USAGE_TOTAL);
    usage->audio_ms = figure(report, TG_USAGE_SECONDS);
    if (!(report->seen & BIT(TG_USAGE_SECONDS)))
        usage->audio_ms = figure(report, TG_USAGE_DURATION);
    if (usage->total_tokens < 0 && usage->prompt_tokens >= 0 &&
        usage->completion_tokens >= 0)
        usage->total_tokens = usage->prompt_tokens + usage->completion_tokens;
    if (doubt != TG_USAGE_BELIEVED)
        return doubt;
    if (usage->prompt_tokens < 0 && usage->completion_tokens < 0)
        return TG_USAGE_ABSENT;
    if (or_zero(usage->cached_tokens) + or_zero(usage->cache_write_tokens) >
        or_zero(usage->prompt_tokens))
        return TG_USAGE_CACHED_OVER_PROMPT;
    if (usage->reasoning_tokens > or_zero(usage->completion_tokens))
        return TG_USAGE_REASONING_OVER_COMPLETION;
    return TG_USAGE_BELIEVED;
}
