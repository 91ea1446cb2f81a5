/*
 * findings.h: what a check of the ledger found, as the admin API shows it.
 *
 * One thread adds, any may look.
 */
#ifndef TG_FINDINGS_H
#define TG_FINDINGS_H

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>

/* So many are shown; the others are counted. */
#define TG_FINDINGS_MAX 500

struct tg_findings {
    pthread_mutex_t lock;
    json_t *differences, *notes;
    uint64_t count; /* of differences */
    char currency[8];
};

enum tg_finding_unit {
    TG_FINDING_MONEY = 0, /* in nano-units of the currency */
    TG_FINDING_CALLS,
    TG_FINDING_TOKENS,
    TG_FINDING_BYTES,
};

/* Two figures that should be one. */
struct tg_difference {
    const char *kind;    /* a word for programs */
    const char *subject; /* an id, or a file */
    const char *what;    /* for people: "used of the day's budget" */
    enum tg_finding_unit unit;
    int64_t expected, found;
};

void tg_findings_init(struct tg_findings *findings, const char *currency);
void tg_findings_release(struct tg_findings *findings);

/* A difference in figures, and one that is none: what says it all. */
void tg_findings_add(struct tg_findings *findings,
                     const struct tg_difference *difference);
void tg_findings_say(struct tg_findings *findings, const char *kind,
                     const char *subject, const char *what);

/* Something that whoever reads the result should know. */
__attribute__((format(printf, 2, 3))) void
tg_findings_note(struct tg_findings *findings, const char *fmt, ...);

/* Puts "differences", "difference_count", "notes", "currency" into object. */
void tg_findings_put(struct tg_findings *findings, json_t *object);

#endif
