#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reply.h"

#define NOTE_SIZE 512
#define NOTES_MAX 100

void
tg_findings_init(struct tg_findings *findings, const char *currency)
{
    memset(findings, 0, sizeof(*findings));
    pthread_mutex_init(&findings->lock, NULL);
    findings->differences = json_array();
    findings->notes = json_array();
    snprintf(findings->currency, sizeof(findings->currency), "%s", currency);
}

void
tg_findings_release(struct tg_findings *findings)
{
    json_decref(findings->differences);
    json_decref(findings->notes);
    pthread_mutex_destroy(&findings->lock);
}

static json_t *
figure(enum tg_finding_unit unit, int64_t value)
{
    return unit == TG_FINDING_MONEY ? tg_reply_money(value)
                                    : json_integer(value);
}

static const char *
unit_name(const struct tg_findings *findings, enum tg_finding_unit unit)
{
    static const char *const names[] = {
        [TG_FINDING_CALLS] = "calls",
        [TG_FINDING_TOKENS] = "tokens",
        [TG_FINDING_BYTES] = "bytes",
    };

    return unit == TG_FINDING_MONEY ? findings->currency : names[unit];
}

/* The object is taken over. */
static void
add(struct tg_findings *findings, json_t *object)
{
    pthread_mutex_lock(&findings->lock);
    if (findings->count++ < TG_FINDINGS_MAX)
        json_array_append_new(findings->differences, object);
    else
        json_decref(object);
    pthread_mutex_unlock(&findings->lock);
}

void
tg_findings_add(struct tg_findings *findings,
                const struct tg_difference *difference)
{
    enum tg_finding_unit unit = difference->unit;
    int64_t apart = 0;

    /* Of numbers that a damaged file may hold. */
    if (__builtin_sub_overflow(difference->found, difference->expected, &apart))
        apart = INT64_MAX;
    add(findings,
        json_pack("{s:s,s:o,s:s,s:s,s:o,s:o,s:o}", "kind", difference->kind,
                  "subject", tg_reply_text(difference->subject), "what",
                  difference->what, "unit", unit_name(findings, unit),
                  "expected", figure(unit, difference->expected), "found",
                  figure(unit, difference->found), "difference",
                  figure(unit, apart)));
}

void
tg_findings_say(struct tg_findings *findings, const char *kind,
                const char *subject, const char *what)
{
    add(findings,
        json_pack("{s:s,s:o,s:o,s:n,s:n,s:n,s:n}", "kind", kind, "subject",
                  tg_reply_text(subject), "what", tg_reply_text(what), "unit",
                  "expected", "found", "difference"));
}

void
tg_findings_note(struct tg_findings *findings, const char *fmt, ...)
{
    char text[NOTE_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&findings->lock);
    if (json_array_size(findings->notes) < NOTES_MAX)
        json_array_append_new(findings->notes, tg_reply_text(text));
    pthread_mutex_unlock(&findings->lock);
}

void
tg_findings_put(struct tg_findings *findings, json_t *object)
{
    pthread_mutex_lock(&findings->lock);
    json_object_set_new(object, "currency", json_string(findings->currency));
    json_object_set_new(object, "difference_count",
                        json_integer((json_int_t)findings->count));
    json_object_set_new(object, "differences",
                        json_deep_copy(findings->differences));
    json_object_set_new(object, "notes", json_deep_copy(findings->notes));
    pthread_mutex_unlock(&findings->lock);
}
