#include "doctor_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "own.h"

#define SECRET_MIN 8 /* shorter values are words that turn up anyway */

void
tg_report_hide(struct tg_doctor_report *report, struct tg_str secret)
{
    size_t max = sizeof(report->secrets) / sizeof(report->secrets[0]);

    if (secret.len >= SECRET_MIN && report->secret_count < max)
        report->secrets[report->secret_count++] = secret;
}

/* A copy in which no secret stands, but its mask. */
static char *
copy_clean(const struct tg_doctor_report *report, const char *text)
{
    char mask[TG_KEY_MASK_SIZE], *copy, *at;

    if (text == NULL)
        return NULL;
    copy = tg_own(strdup(text));
    for (size_t i = 0; i < report->secret_count; i++) {
        struct tg_str secret = report->secrets[i];

        tg_key_mask(secret, mask);
        while ((at = memmem(copy, strlen(copy), secret.data, secret.len))) {
            size_t len = strlen(mask);

            /* The mask is never longer than what it is one of. */
            if (len > secret.len)
                len = 0;
            memcpy(at, mask, len);
            memmove(at + len, at + secret.len, strlen(at + secret.len) + 1);
        }
    }
    return copy;
}

static struct tg_doctor_row *
add(struct tg_doctor_report *report, enum tg_doctor_finding finding,
    enum tg_doctor_step step)
{
    struct tg_doctor_row *row;

    if (report->count == TG_DOCTOR_ROWS)
        report->count--;
    row = &report->rows[report->count++];
    *row = (struct tg_doctor_row){.finding = finding,
                                  .step = step,
                                  .status = tg_doctor_text(finding)->status};
    return row;
}

void
tg_report_add(struct tg_doctor_report *report, enum tg_doctor_finding finding,
              const char *first, const char *second, const char *third)
{
    struct tg_doctor_row *row =
        add(report, finding, tg_doctor_text(finding)->step);

    row->args[0] = copy_clean(report, first);
    row->args[1] = copy_clean(report, second);
    row->args[2] = copy_clean(report, third);
}

void
tg_report_skip(struct tg_doctor_report *report, enum tg_doctor_step step,
               enum tg_doctor_finding finding, const char *first)
{
    add(report, finding, step)->args[0] = copy_clean(report, first);
}

void
tg_report_detail(struct tg_doctor_report *report, const char *detail)
{
    struct tg_doctor_row *row = &report->rows[report->count - 1];

    free(row->detail);
    row->detail =
        detail != NULL && *detail != '\0' ? copy_clean(report, detail) : NULL;
}

bool
tg_report_has(const struct tg_doctor_report *report, enum tg_doctor_step step)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->rows[i].step == step)
            return true;
    }
    return false;
}

bool
tg_report_has_failed(const struct tg_doctor_report *report,
                     enum tg_doctor_step step)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->rows[i].step == step &&
            report->rows[i].status == TG_STATUS_FAILED)
            return true;
    }
    return false;
}

struct tg_doctor_row *
tg_report_find(struct tg_doctor_report *report, enum tg_doctor_finding finding)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->rows[i].finding == finding)
            return &report->rows[i];
    }
    return NULL;
}

void
tg_report_turn(struct tg_doctor_row *row, enum tg_doctor_finding finding)
{
    row->finding = finding;
    row->step = tg_doctor_text(finding)->step;
    row->status = tg_doctor_text(finding)->status;
}

static void
release_row(struct tg_doctor_row *row)
{
    for (size_t i = 0; i < 3; i++)
        free(row->args[i]);
    free(row->detail);
}

void
tg_report_drop(struct tg_doctor_report *report, enum tg_doctor_step step)
{
    size_t kept = 0;

    for (size_t i = 0; i < report->count; i++) {
        if (report->rows[i].step == step)
            release_row(&report->rows[i]);
        else
            report->rows[kept++] = report->rows[i];
    }
    report->count = kept;
}

static const struct tg_doctor_row *
first_failed(const struct tg_doctor_report *report, enum tg_doctor_step from)
{
    const struct tg_doctor_row *first = NULL;

    for (size_t i = 0; i < report->count; i++) {
        const struct tg_doctor_row *row = &report->rows[i];

        if (row->status == TG_STATUS_FAILED && row->step >= from &&
            (first == NULL || row->step < first->step))
            first = row;
    }
    return first;
}

/*
 * The first that failed, in the order of the steps.  That a variable is not
 * set is only what follows, where the file says why.
 */
const struct tg_doctor_row *
tg_report_cause(const struct tg_doctor_report *report)
{
    const struct tg_doctor_row *first = first_failed(report, TG_STEP_ANY),
                               *file;

    if (first == NULL || (first->finding != tg_found_variable_unset &&
                          first->finding != tg_found_variable_none))
        return first;
    file = first_failed(report, TG_STEP_FILE);
    return file != NULL && file->step == TG_STEP_FILE ? file : first;
}

void
tg_report_release(struct tg_doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        release_row(&report->rows[i]);
    *report = (struct tg_doctor_report){0};
}
