#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "doctor_gate.h"
#include "doctor_shape.h"
#include "key.h"
#include "own.h"

#define LINES 4

/* The headers that carry the key, as clients send them. */
struct lines {
    char *line[LINES];
    size_t count;
};

static void
add_line(struct lines *lines, const char *name, const char *value)
{
    if (asprintf(&lines->line[lines->count], "%s%s", name, value) < 0)
        tg_own(NULL);
    lines->count++;
}

static bool
is_x_api_key(const struct tg_doctor *doctor)
{
    return doctor->api == TG_API_ANTHROPIC &&
           (doctor->name == NULL ||
            strcmp(doctor->name, "ANTHROPIC_AUTH_TOKEN") != 0);
}

static struct lines
make_lines(const struct tg_doctor *doctor, const char *key, bool is_x)
{
    static const char *const more[][2] = {
        {"OPENAI_ORG_ID", "OpenAI-Organization: "},
        {"OPENAI_PROJECT_ID", "OpenAI-Project: "},
    };
    struct lines lines = {0};

    add_line(&lines, is_x ? "x-api-key: " : "Authorization: Bearer ", key);
    if (doctor->beside != NULL && is_x)
        add_line(&lines, "Authorization: Bearer ", doctor->beside);
    if (doctor->api == TG_API_ANTHROPIC || is_x)
        add_line(&lines, "anthropic-version: ", "2023-06-01");
    for (size_t i = 0; i < 2 && doctor->api == TG_API_OPENAI; i++) {
        const char *value = getenv(more[i][0]);

        if (value != NULL && *value != '\0' &&
            strcmp(doctor->name, "OPENAI_API_KEY") == 0)
            add_line(&lines, more[i][1], value);
    }
    return lines;
}

static void
release_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        explicit_bzero(lines->line[i], strlen(lines->line[i]));
        free(lines->line[i]);
    }
}

/* Asks with a key.  Returns whether HTTP came back; release *said. */
static bool
ask(const struct tg_doctor *doctor, const char *key, bool is_x,
    const char *base, const char *path, const char *body, struct tg_said *said)
{
    char url[TG_DOCTOR_URL_SIZE + 64];
    struct lines lines = make_lines(doctor, key, is_x);
    struct tg_fetch fetch;
    bool is_answered;

    snprintf(url, sizeof(url), "%s%s", base, path);
    fetch = tg_doctor_request(doctor, url);
    fetch.body = body;
    for (size_t i = 0; i < lines.count; i++)
        fetch.headers[i] = lines.line[i];
    tg_fetch(&fetch);
    is_answered = fetch.code == CURLE_OK;
    *said = (struct tg_said){0};
    if (is_answered)
        tg_said_read(said, &fetch);
    else
        snprintf(said->message, sizeof(said->message), "%s", fetch.error);
    tg_fetch_release(&fetch);
    release_lines(&lines);
    return is_answered;
}

void
tg_doctor_refuse(struct tg_doctor *doctor, enum tg_doctor_finding finding,
                 const struct tg_said *said)
{
    const char *name = doctor->url.provider != NULL ? doctor->url.provider->name
                                                    : doctor->url.host;
    char status[16];

    snprintf(status, sizeof(status), "%ld", said->status);
    if (finding == tg_found_deepseek_balance)
        name = "HTTP 402";
    if (finding == tg_found_api_down || finding == tg_found_api_starting)
        name = doctor->url.base;
    tg_report_add(&doctor->report, finding, name, status, NULL);
    tg_report_detail(&doctor->report, said->message);
}

static void
show_header(struct tg_doctor *doctor)
{
    char mask[TG_KEY_MASK_SIZE];

    tg_key_mask((struct tg_str){doctor->key, strlen(doctor->key)}, mask);
    tg_report_add(&doctor->report,
                  is_x_api_key(doctor) ? tg_found_header_x_api_key
                                       : tg_found_header_bearer,
                  *mask != '\0' ? mask : "***", NULL, NULL);
}

/* The old key of the environment is refused: does that of .env work? */
static bool
try_other(struct tg_doctor *doctor, const char *path)
{
    struct tg_said said;
    struct tg_doctor_row *row;
    bool is_good;

    row = tg_report_find(&doctor->report, tg_found_file_differs);
    if (doctor->file_key == NULL || row == NULL)
        return false;
    for (const char *c = doctor->file_key; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    is_good = ask(doctor, doctor->file_key, is_x_api_key(doctor), doctor->ask,
                  path, NULL, &said) &&
              said.status == 200 && !said.is_error;
    tg_said_release(&said);
    if (is_good)
        tg_report_turn(row, tg_found_file_overruled);
    return is_good;
}

/* Whether the same key in the other header is taken. */
static bool
try_other_header(struct tg_doctor *doctor, const char *path)
{
    bool is_x = is_x_api_key(doctor), is_good;
    char *beside = doctor->beside;
    struct tg_said said;

    doctor->beside = NULL;
    is_good = ask(doctor, doctor->key, !is_x, doctor->ask, path, NULL, &said) &&
              said.status == 200 && !said.is_error;
    doctor->beside = beside;
    tg_said_release(&said);
    if (!is_good)
        return false;
    tg_report_drop(&doctor->report, TG_STEP_HEADER);
    tg_report_add(&doctor->report,
                  is_x ? tg_found_header_wants_bearer
                       : tg_found_header_wants_x_api_key,
                  doctor->name, NULL, NULL);
    return true;
}

/* A refusal, with its cause elsewhere where that can be told. */
static void
judge_refusal(struct tg_doctor *doctor, const struct tg_said *said,
              const char *path)
{
    enum tg_doctor_finding finding = tg_said_means(said, doctor->server);

    if (said->status == 401 && doctor->server != TG_SERVER_GATE &&
        !doctor->is_open && try_other_header(doctor, path))
        return;
    if (finding == tg_found_header_two)
        tg_report_drop(&doctor->report, TG_STEP_HEADER);
    tg_doctor_refuse(doctor, finding, said);
    if (said->status == 401)
        try_other(doctor, path);
}

static void
judge_models(struct tg_doctor *doctor, const json_t *list)
{
    const char *wanted = tg_args_value(doctor->cli, "model");

    /* DeepSeek serves Anthropic's names by models of its own. */
    if (wanted != NULL && doctor->server == TG_SERVER_DEEPSEEK &&
        doctor->api == TG_API_ANTHROPIC && strncmp(wanted, "claude", 6) == 0) {
        snprintf(doctor->model, sizeof(doctor->model), "%s", wanted);
        wanted = NULL;
    }
    tg_doctor_models_judge(&doctor->report, list, wanted,
                           doctor->server == TG_SERVER_DEEPSEEK, doctor->model,
                           sizeof(doctor->model));
}

static void
look_at_gate(struct tg_doctor *doctor)
{
    bool is_x = is_x_api_key(doctor);
    struct tg_said said;

    if (!ask(doctor, doctor->key, is_x, doctor->ask, "/key", NULL, &said)) {
        tg_report_add(&doctor->report, tg_found_api_closed, doctor->url.base,
                      NULL, NULL);
        tg_report_detail(&doctor->report, said.message);
        return;
    }
    if (said.status != 200) {
        judge_refusal(doctor, &said, "/key");
        tg_said_release(&said);
        return;
    }
    tg_doctor_gate_judge(&doctor->report, said.json,
                         tg_args_value(doctor->cli, "scope"),
                         doctor->cli->now_ms);
    tg_said_release(&said);
    if (ask(doctor, doctor->key, is_x, doctor->ask, "/models", NULL, &said) &&
        said.is_models)
        judge_models(doctor, said.json);
    tg_said_release(&said);
}

/* DeepSeek tells its balance for nothing. */
static void
look_at_balance(struct tg_doctor *doctor)
{
    const json_t *info, *available;
    struct tg_said said;
    char text[96] = "0", base[TG_DOCTOR_URL_SIZE];
    bool is_gone;

    tg_doctor_url_at(&doctor->url, "", base);
    ask(doctor, doctor->key, false, base, "/user/balance", NULL, &said);
    available = json_object_get(said.json, "is_available");
    info = json_array_get(json_object_get(said.json, "balance_infos"), 0);
    if (json_is_object(info))
        snprintf(text, sizeof(text), "%.40s %.8s",
                 json_string_value(json_object_get(info, "total_balance"))
                     ?: "0",
                 json_string_value(json_object_get(info, "currency")) ?: "");
    is_gone = json_is_false(available);
    if (available != NULL)
        tg_report_add(&doctor->report,
                      is_gone ? tg_found_deepseek_balance : tg_found_money_left,
                      text, NULL, NULL);
    tg_said_release(&said);
}

/* A list of models that only a key opens proves the key. */
static void
look_at_list(struct tg_doctor *doctor)
{
    bool is_deepseek = doctor->server == TG_SERVER_DEEPSEEK;
    const char *name = doctor->url.provider != NULL ? doctor->url.provider->name
                                                    : doctor->url.host;
    struct tg_said said;

    /* That of DeepSeek is OpenAI's, whoever asks. */
    bool is_x = is_x_api_key(doctor) && !is_deepseek;

    if (!ask(doctor, doctor->key, is_x, doctor->ask, "/models", NULL, &said)) {
        tg_report_add(&doctor->report, tg_found_api_closed, doctor->url.base,
                      NULL, NULL);
        tg_report_detail(&doctor->report, said.message);
        return;
    }
    if (said.is_models) {
        tg_report_add(&doctor->report,
                      doctor->is_open ? tg_found_key_unproven
                                      : tg_found_key_accepted,
                      name, NULL, NULL);
        judge_models(doctor, said.json);
    } else {
        judge_refusal(doctor, &said, "/models");
    }
    tg_said_release(&said);
    if (is_deepseek && !tg_report_has_failed(&doctor->report, TG_STEP_KEY))
        look_at_balance(doctor);
}

/* Nothing is asked of the model; whoever reads the key first says so. */
static void
look_without_list(struct tg_doctor *doctor)
{
    bool is_anthropic = doctor->api == TG_API_ANTHROPIC;
    const char *path = is_anthropic ? "/v1/messages" : "/chat/completions";
    struct tg_said said;

    if (!ask(doctor, doctor->key, is_x_api_key(doctor), doctor->base, path,
             "{}", &said))
        return;
    if (said.status == 400 || said.status == 422)
        tg_report_add(&doctor->report, tg_found_key_accepted, doctor->url.host,
                      NULL, NULL);
    else
        judge_refusal(doctor, &said, path);
    tg_said_release(&said);
}

/* The key does not belong to who answers; returns whether it may be sent. */
static bool
judge_server(struct tg_doctor *doctor)
{
    struct tg_doctor_report *report = &doctor->report;
    bool is_gate = doctor->server == TG_SERVER_GATE;
    struct tg_doctor_row *row;

    if (is_gate && doctor->key != NULL && doctor->may_send) {
        tg_doctor_shape_at_gate(report, doctor->shape);
        return doctor->shape == TG_DIAGNOSIS_SOUND;
    }
    if (!is_gate && doctor->may_send && doctor->shape == TG_DIAGNOSIS_SOUND) {
        if (!tg_report_has_failed(report, TG_STEP_ADDRESS))
            tg_report_drop(report, TG_STEP_ADDRESS);
        tg_report_add(report, tg_found_url_not_gate, doctor->url.given,
                      tg_server_name(doctor->server), NULL);
        return false;
    }
    row = tg_report_find(report, tg_found_variable_placeholder);
    if (row != NULL && doctor->is_open)
        tg_report_turn(row, tg_found_variable_placeholder_open);
    return doctor->may_send;
}

void
tg_doctor_look_key(struct tg_doctor *doctor)
{
    if (!judge_server(doctor)) {
        doctor->may_send = false;
        return;
    }
    show_header(doctor);
    if (doctor->server == TG_SERVER_GATE)
        look_at_gate(doctor);
    else if (doctor->has_list)
        look_at_list(doctor);
    else
        look_without_list(doctor);
}

/* Sends the smallest call there is; limit is what its model calls that. */
static void
call(struct tg_doctor *doctor, const char *limit, struct tg_said *said)
{
    json_t *body = tg_own(json_pack("{s:s, s:i, s:[{s:s, s:s}]}", "model",
                                    doctor->model, limit, 1, "messages", "role",
                                    "user", "content", "Say hello."));
    char *text = tg_own(json_dumps(body, JSON_COMPACT));

    ask(doctor, doctor->key, is_x_api_key(doctor), doctor->base,
        doctor->api == TG_API_ANTHROPIC ? "/v1/messages" : "/chat/completions",
        text, said);
    json_decref(body);
    free(text);
}

static void
judge_call(struct tg_doctor *doctor, const struct tg_said *said)
{
    const char *member =
        doctor->api == TG_API_ANTHROPIC ? "content" : "choices";
    struct tg_doctor_report *report = &doctor->report;

    if (said->status == 0) {
        tg_report_add(report, tg_found_call_broken, NULL, NULL, NULL);
        tg_report_detail(report, said->message);
    } else if (said->status != 200 || said->is_error) {
        tg_doctor_refuse(doctor, tg_said_means(said, doctor->server), said);
    } else if (json_object_get(said->json, member) != NULL) {
        tg_report_add(report, tg_found_call_made, doctor->model, NULL, NULL);
    } else {
        tg_report_add(report,
                      said->is_empty ? tg_found_call_empty : tg_found_call_odd,
                      NULL, NULL, NULL);
    }
}

void
tg_doctor_look_call(struct tg_doctor *doctor)
{
    struct tg_said said;

    if (*doctor->model == '\0') {
        tg_report_add(&doctor->report, tg_found_call_no_model, NULL, NULL,
                      NULL);
        return;
    }
    call(doctor, "max_tokens", &said);
    if (said.status == 400 &&
        strstr(said.message, "max_completion_tokens") != NULL) {
        tg_said_release(&said);
        call(doctor, "max_completion_tokens", &said);
    }
    judge_call(doctor, &said);
    tg_said_release(&said);
}
