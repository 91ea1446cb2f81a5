#include "doctor_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glyph.h"
#include "own.h"
#include "table.h"

static const struct {
    const char *sign, *colour;
} marks[] = {
    [TG_STATUS_SKIPPED] = {"–", "\033[2m"},
    [TG_STATUS_OK] = {"✓", "\033[32m"},
    [TG_STATUS_WARNING] = {"!", "\033[33m"},
    [TG_STATUS_FAILED] = {"✗", "\033[31m"},
};

static char *
cause_of(const struct tg_doctor_row *row, enum tg_doctor_language language)
{
    return tg_doctor_fill(tg_doctor_text(row->finding)->cause[language],
                          row->args);
}

static char *
cure_of(const struct tg_doctor_row *row, enum tg_doctor_language language)
{
    return tg_doctor_fill(tg_doctor_text(row->finding)->cure[language],
                          row->args);
}

static size_t
label_columns(enum tg_doctor_language language)
{
    size_t most = 0, width;

    for (int step = TG_STEP_VARIABLE; step < TG_STEP_COUNT; step++) {
        width = tg_glyph_width(
            tg_doctor_step_label((enum tg_doctor_step)step, language));
        most = width > most ? width : most;
    }
    return most;
}

static void
print_safe(size_t indent, const char *before, const char *text)
{
    char *safe = tg_glyph_safe(text);

    printf("%*s%s%s\n", (int)indent, "", before, safe);
    free(safe);
}

static void
print_row(const struct tg_doctor_row *row, const struct tg_cli *cli,
          enum tg_doctor_language language, size_t columns)
{
    const char *label = tg_doctor_step_label(row->step, language);
    char *cause = cause_of(row, language), *cure = cure_of(row, language);
    size_t gap = columns - tg_glyph_width(label);

    printf("%s%s%s %s", cli->has_color ? marks[row->status].colour : "",
           marks[row->status].sign, cli->has_color ? "\033[0m" : "", label);
    print_safe(gap + 2, "", cause);
    if (*cure != '\0')
        print_safe(columns + 4, "→ ", cure);
    if (row->detail != NULL)
        print_safe(columns + 4, "· ", row->detail);
    free(cause);
    free(cure);
}

/*
 * Steps of one reason that were not looked at, in one line.  Returns how many
 * they are.
 */
static size_t
print_skipped(const struct tg_doctor_row *rows, size_t count,
              const struct tg_cli *cli, enum tg_doctor_language language,
              size_t columns)
{
    char *labels = NULL, *cause = cause_of(&rows[0], language);
    size_t n = 0, size, width;
    FILE *out = tg_own(open_memstream(&labels, &size));

    for (; n < count && rows[n].finding == rows[0].finding; n++)
        fprintf(out, "%s%s",
                n == 0                       ? ""
                : language == TG_LANGUAGE_ZH ? "、"
                                             : ", ",
                tg_doctor_step_label(rows[n].step, language));
    if (fclose(out) != 0)
        tg_own(NULL);
    width = tg_glyph_width(labels);
    printf("%s%s%s %s", cli->has_color ? marks[TG_STATUS_SKIPPED].colour : "",
           marks[TG_STATUS_SKIPPED].sign, cli->has_color ? "\033[0m" : "",
           labels);
    print_safe(width < columns ? columns - width + 2 : 2, "", cause);
    free(labels);
    free(cause);
    return n;
}

static void
print_rows(const struct tg_doctor_report *report, const struct tg_cli *cli,
           enum tg_doctor_language language)
{
    size_t columns = label_columns(language), i = 0;

    while (i < report->count) {
        const struct tg_doctor_row *row = &report->rows[i];

        if (row->status == TG_STATUS_SKIPPED) {
            i += print_skipped(row, report->count - i, cli, language, columns);
            continue;
        }
        print_row(row, cli, language, columns);
        i++;
    }
}

/* The last line: the cause and the cure, and how much else there is. */
static char *
make_verdict(const struct tg_doctor_report *report,
             enum tg_doctor_language language)
{
    const struct tg_doctor_row *row = tg_report_cause(report);
    enum tg_doctor_finding finding = tg_found_verdict_healthy;
    char *args[3] = {NULL, NULL, NULL}, *text, more[24];
    int failed = 0;

    for (size_t i = 0; i < report->count; i++) {
        failed += report->rows[i].status == TG_STATUS_FAILED;
        if (report->rows[i].status == TG_STATUS_WARNING)
            finding = tg_found_verdict_warned;
    }
    if (row != NULL) {
        finding = failed > 1 ? tg_found_verdict_more : tg_found_verdict_failed;
        args[0] = cause_of(row, language);
        args[1] = cure_of(row, language);
        snprintf(more, sizeof(more), "%d", failed - 1);
        args[2] = more;
    }
    text = tg_doctor_fill(tg_doctor_text(finding)->cause[language], args);
    free(args[0]);
    free(args[1]);
    return text;
}

static json_t *
text_or_null(const char *text)
{
    json_t *value =
        text != NULL && *text != '\0' ? json_string(text) : json_null();

    /* What somebody sent may be no UTF-8. */
    return value != NULL ? value : json_null();
}

static json_t *
json_of_row(const struct tg_doctor_row *row, enum tg_doctor_language language)
{
    char *cause = cause_of(row, language), *cure = cure_of(row, language);
    bool is_wrong = row->status >= TG_STATUS_WARNING;
    json_t *object = tg_own(json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o}", "id", tg_doctor_step_name(row->step),
        "finding", tg_doctor_text(row->finding)->id, "status",
        tg_doctor_status_name(row->status), "cause",
        text_or_null(is_wrong ? cause : NULL), "cure", text_or_null(cure),
        "detail", text_or_null(is_wrong ? row->detail : cause)));

    free(cause);
    free(cure);
    return object;
}

static void
print_json(const struct tg_doctor_report *report, const char *verdict,
           enum tg_doctor_language language)
{
    const struct tg_doctor_row *cause = tg_report_cause(report);
    json_t *steps = tg_own(json_array()), *all;

    for (size_t i = 0; i < report->count; i++)
        json_array_append_new(steps, json_of_row(&report->rows[i], language));
    all = tg_own(json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "object", "doctor", "healthy",
        cause == NULL, "variable", text_or_null(report->variable), "base_url",
        text_or_null(report->base_url), "finding",
        text_or_null(cause != NULL ? tg_doctor_text(cause->finding)->id : NULL),
        "verdict", text_or_null(verdict), "steps", steps));
    tg_table_json(all);
    json_decref(all);
}

/* Those of one step stay in the order in which they were found. */
static void
sort(struct tg_doctor_report *report)
{
    for (size_t i = 1; i < report->count; i++) {
        struct tg_doctor_row row = report->rows[i];
        size_t at = i;

        for (; at > 0 && report->rows[at - 1].step > row.step; at--)
            report->rows[at] = report->rows[at - 1];
        report->rows[at] = row;
    }
}

void
tg_report_print(struct tg_doctor_report *report, const struct tg_cli *cli,
                enum tg_doctor_language language)
{
    char *verdict;

    sort(report);
    verdict = make_verdict(report, language);
    if (cli->is_json) {
        print_json(report, verdict, language);
    } else {
        if (!cli->is_quiet) {
            print_rows(report, cli, language);
            putchar('\n');
        }
        print_safe(0, "", verdict);
    }
    free(verdict);
}
