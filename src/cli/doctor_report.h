/*
 * doctor_report.h: what the doctor has found, and how it is told.
 */
#ifndef TG_DOCTOR_REPORT_H
#define TG_DOCTOR_REPORT_H

#include "cli.h"
#include "doctor_text.h"
#include "str.h"

#define TG_DOCTOR_ROWS 64

struct tg_doctor_row {
    enum tg_doctor_finding finding;
    enum tg_doctor_step step;
    enum tg_doctor_status status;
    char *args[3]; /* the row's; NULL: not given */
    char *detail;  /* what somebody else said, in their words; or NULL */
};

/* Zeros to begin with. */
struct tg_doctor_report {
    struct tg_doctor_row rows[TG_DOCTOR_ROWS];
    size_t count;
    struct tg_str secrets[8]; /* never shown, wherever they turn up */
    size_t secret_count;
    const char *variable, *base_url; /* that were looked at; or NULL */
};

/* Notes a secret that no output may have; it must live as long as report. */
void tg_report_hide(struct tg_doctor_report *report, struct tg_str secret);

/* Adds a finding; arguments that it has not are NULL.  They are copied. */
void tg_report_add(struct tg_doctor_report *report,
                   enum tg_doctor_finding finding, const char *first,
                   const char *second, const char *third);

/* The same for a step of the finding's choice: of TG_STEP_ANY. */
void tg_report_skip(struct tg_doctor_report *report, enum tg_doctor_step step,
                    enum tg_doctor_finding finding, const char *first);

/* What somebody said about the finding that was added last. */
void tg_report_detail(struct tg_doctor_report *report, const char *detail);

/* Whether the step has a row, and whether one of them failed. */
bool tg_report_has(const struct tg_doctor_report *report,
                   enum tg_doctor_step step);
bool tg_report_has_failed(const struct tg_doctor_report *report,
                          enum tg_doctor_step step);

/* The row of this finding, or NULL. */
struct tg_doctor_row *tg_report_find(struct tg_doctor_report *report,
                                     enum tg_doctor_finding finding);

/* Turns a row into another finding with the same arguments. */
void tg_report_turn(struct tg_doctor_row *row, enum tg_doctor_finding finding);

/* Takes the step's rows out. */
void tg_report_drop(struct tg_doctor_report *report, enum tg_doctor_step step);

/* The row that is the cause, of those that failed; NULL: none did. */
const struct tg_doctor_row *
tg_report_cause(const struct tg_doctor_report *report);

/* Prints it all, for people or as JSON, steps in order. */
void tg_report_print(struct tg_doctor_report *report, const struct tg_cli *cli,
                     enum tg_doctor_language language);

void tg_report_release(struct tg_doctor_report *report);

#endif
