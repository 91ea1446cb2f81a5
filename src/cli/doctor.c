#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "doctor_gate.h"
#include "dotenv.h"
#include "glyph.h"
#include "nouns.h"
#include "own.h"
#include "say.h"
#include "when.h"

#define CONNECT_MS 4000
#define TOTAL_MS 20000
#define TIMEOUT_MAX_MS 600000
#define CLOCK_S 120 /* by which clocks may differ without a word */

static const char *const scopes[] = {"chat",        "code",       "image",
                                     "audio",       "embeddings", "files",
                                     "fine_tuning", NULL};
static const char *const languages[] = {"en", "zh", NULL};
static const char *const apis[] = {"openai", "anthropic", NULL};

const struct tg_option tg_doctor_options[] = {
    {"key-env", "NAME", "the variable that has the key; OPENAI_API_KEY …",
     TG_VALUE_TEXT, NULL, NULL},
    {"base-url", "URL", "where programs call; OPENAI_BASE_URL …", TG_VALUE_TEXT,
     NULL, NULL},
    {"env-file", "FILE", "the .env file; that in this folder or above",
     TG_VALUE_TEXT, NULL, NULL},
    {"model", "MODEL", "may it use this model", TG_VALUE_TEXT, NULL, NULL},
    {"scope", "SCOPE", "may it call this", TG_VALUE_TEXT, NULL, scopes},
    {"api", "API", "whose client calls; by the variable", TG_VALUE_TEXT, NULL,
     apis},
    {"lang", "LANG", "en or zh; by LC_ALL, LC_MESSAGES, LANG", TG_VALUE_TEXT,
     NULL, languages},
    {"timeout", "TIME", "to wait for a connection; 4s", TG_VALUE_MS, NULL,
     NULL},
    {"offline", NULL, "send nothing at all", TG_VALUE_SWITCH, NULL, NULL},
    {"call", NULL, "make a call of one token, which costs money",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

void
tg_doctor_look_clock(struct tg_doctor *doctor)
{
    time_t there =
        *doctor->date != '\0' ? curl_getdate(doctor->date, NULL) : (time_t)-1;
    int64_t differ = doctor->cli->now_ms / 1000 - there;
    char span[TG_DOCTOR_SPAN_SIZE];

    if (there == (time_t)-1) {
        tg_report_add(&doctor->report, tg_found_clock_untold, NULL, NULL, NULL);
        return;
    }
    tg_doctor_span(span, differ);
    tg_report_add(&doctor->report,
                  differ > CLOCK_S || differ < -CLOCK_S ? tg_found_clock_off
                                                        : tg_found_clock_right,
                  span, NULL, NULL);
}

/* Whether the key was looked at and is good, so that a call tells more. */
static bool
may_call(const struct tg_doctor *doctor)
{
    return doctor->may_send && doctor->server != TG_SERVER_NONE &&
           tg_report_has(&doctor->report, TG_STEP_KEY) &&
           tg_report_cause(&doctor->report) == NULL;
}

/*
 * Whether the network is worth a look: not where the default address is meant
 * for no key, or for another one.
 */
static bool
is_worth_it(struct tg_doctor *doctor)
{
    struct tg_doctor_report *report = &doctor->report;

    return !doctor->is_offline && doctor->url.is_usable &&
           tg_report_find(report, tg_found_url_default_ours) == NULL &&
           tg_report_find(report, tg_found_url_wrong_provider) == NULL &&
           (doctor->key != NULL || doctor->address_from != NULL);
}

/* What is said while nobody answers, where somebody watches. */
static void
find_patience(struct tg_doctor *doctor)
{
    char *args[3] = {doctor->url.host, NULL, NULL}, *text;

    if (doctor->cli->is_quiet || !isatty(STDERR_FILENO))
        return;
    text = tg_doctor_fill(
        tg_doctor_text(tg_found_waiting)->cause[doctor->language], args);
    doctor->patience = tg_glyph_safe(text);
    free(text);
}

static void
look_at_network(struct tg_doctor *doctor)
{
    if (!is_worth_it(doctor))
        return;
    find_patience(doctor);
    tg_doctor_look_reach(doctor);
    if (doctor->server != TG_SERVER_NONE)
        tg_doctor_look_key(doctor);
    if (*doctor->date != '\0' || doctor->server != TG_SERVER_NONE)
        tg_doctor_look_clock(doctor);
    if (tg_args_has(doctor->cli, "call") && may_call(doctor))
        tg_doctor_look_call(doctor);
}

/* Why a step has no row; is_known: the key was looked at, and is good. */
static enum tg_doctor_finding
why_skipped(struct tg_doctor *doctor, enum tg_doctor_step step, bool is_known)
{
    struct tg_doctor_report *report = &doctor->report;

    if (doctor->is_offline)
        return tg_found_skipped_offline;
    if (step == TG_STEP_CALL && tg_report_cause(&doctor->report) == NULL)
        return tg_found_skipped_call;
    if (is_known && step > TG_STEP_KEY && step < TG_STEP_CLOCK &&
        !tg_report_has_failed(&doctor->report, TG_STEP_CALL))
        return tg_report_find(report, tg_found_call_made) != NULL
                   ? tg_found_skipped_answered
                   : tg_found_skipped_untold;
    if (doctor->server != TG_SERVER_NONE && !doctor->may_send)
        return tg_found_skipped_key;
    return tg_found_skipped_before;
}

static void
fill_up(struct tg_doctor *doctor)
{
    bool is_known = tg_report_has(&doctor->report, TG_STEP_KEY) &&
                    !tg_report_has_failed(&doctor->report, TG_STEP_KEY);

    for (int i = TG_STEP_VARIABLE; i < TG_STEP_COUNT; i++) {
        enum tg_doctor_step step = (enum tg_doctor_step)i;

        if (!tg_report_has(&doctor->report, step))
            tg_report_skip(&doctor->report, step,
                           why_skipped(doctor, step, is_known),
                           doctor->url.host);
    }
}

/* Whether the cause is that nobody could be reached. */
static bool
is_unreachable(enum tg_doctor_finding finding)
{
    switch (finding) {
    case tg_found_dns_unknown:
    case tg_found_dns_unknown_near:
    case tg_found_dns_timeout:
    case tg_found_connect_refused:
    case tg_found_connect_refused_here:
    case tg_found_connect_unreachable:
    case tg_found_connect_timeout:
    case tg_found_proxy_dns:
    case tg_found_proxy_refused:
    case tg_found_proxy_timeout:
        return true;
    default:
        return false;
    }
}

static int
exit_code(const struct tg_doctor *doctor)
{
    const struct tg_doctor_row *cause = tg_report_cause(&doctor->report);

    if (cause == NULL)
        return TG_EXIT_OK;
    if (is_unreachable(cause->finding) && doctor->server == TG_SERVER_NONE)
        return TG_EXIT_UNREACHABLE;
    return TG_EXIT_FAILED;
}

static void
wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void
release(struct tg_doctor *doctor)
{
    tg_report_release(&doctor->report);
    explicit_bzero(&doctor->proxy, sizeof(doctor->proxy));
    wipe(doctor->key);
    wipe(doctor->beside);
    wipe(doctor->file_text);
    wipe(doctor->file_key);
    wipe(doctor->address);
    free(doctor->address_from);
    free(doctor->file_path);
    free(doctor->patience);
}

/* A key on the command line is seen by everybody on the machine. */
static int
check(struct tg_cli *cli)
{
    const char *name = tg_args_value(cli, "key-env");

    if (name != NULL && tg_glyph_is_secret(name))
        return tg_say_usage(cli, "--key-env takes the name of a variable, and "
                                 "a command line is no place for a key");
    if (name != NULL && !tg_dotenv_is_name(name))
        return tg_say_usage(cli, "\"%s\" is no name of a variable", name);
    return TG_EXIT_OK;
}

static void
wait_for(struct tg_doctor *doctor, const char *timeout)
{
    int64_t ms;

    if (!tg_duration_parse(timeout, &ms))
        ms = strtoll(timeout, NULL, 10);
    if (ms < 1 || ms > TIMEOUT_MAX_MS)
        ms = TIMEOUT_MAX_MS;
    doctor->connect_ms = (long)ms;
    doctor->total_ms = 5 * (long)ms;
}

int
tg_doctor(struct tg_cli *cli)
{
    const char *timeout = tg_args_value(cli, "timeout");
    struct tg_doctor doctor = {
        .cli = cli,
        .language = tg_doctor_language(tg_args_value(cli, "lang")),
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS,
        .is_offline = tg_args_has(cli, "offline")};
    int rc = check(cli);

    if (rc != TG_EXIT_OK)
        return rc;
    if (timeout != NULL)
        wait_for(&doctor, timeout);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    tg_doctor_look_variable(&doctor);
    tg_doctor_look_address(&doctor);
    tg_doctor_look_shape(&doctor);
    look_at_network(&doctor);
    fill_up(&doctor);
    doctor.report.variable = doctor.name;
    doctor.report.base_url = doctor.url.given;
    tg_report_print(&doctor.report, cli, doctor.language);
    rc = exit_code(&doctor);
    release(&doctor);
    curl_global_cleanup();
    return rc;
}
