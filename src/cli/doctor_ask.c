#include "doctor_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "doctor_gate.h"
#include "doctor_shape.h"
#include "key.h"

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
                  tg_doctor_is_x(doctor) ? tg_found_header_x_api_key
                                         : tg_found_header_bearer,
                  *mask != '\0' ? mask : "***", NULL, NULL);
}

/* Asks with a key; says only whether it was taken. */
static bool
is_taken(const struct tg_doctor *doctor, const char *key, bool is_x,
         const char *path)
{
    struct tg_question question = {key, is_x, doctor->ask, path, NULL};
    struct tg_said said;
    bool is_good = tg_doctor_ask(doctor, &question, &said) &&
                   said.status == 200 && !said.is_error;

    tg_said_release(&said);
    return is_good;
}

/* Whether it may be a key for this server, and a header can carry it. */
static bool
is_for_here(const struct tg_doctor *doctor, const char *key)
{
    enum tg_diagnosis shape =
        tg_key_diagnose((struct tg_str){key, strlen(key)});

    for (; *key != '\0'; key++) {
        if (*key <= ' ' || *key > '~')
            return false;
    }
    if (doctor->server == TG_SERVER_GATE)
        return shape == TG_DIAGNOSIS_SOUND;
    return shape == doctor->shape;
}

/* The old key of the environment is refused: does that of .env work? */
static void
try_other(struct tg_doctor *doctor, const char *path)
{
    struct tg_doctor_row *row =
        tg_report_find(&doctor->report, tg_found_file_differs);

    if (row != NULL && doctor->file_key != NULL &&
        is_for_here(doctor, doctor->file_key) &&
        is_taken(doctor, doctor->file_key, tg_doctor_is_x(doctor), path))
        tg_report_turn(row, tg_found_file_overruled);
}

/* Whether the same key in the other header is taken. */
static bool
try_other_header(struct tg_doctor *doctor, const char *path)
{
    bool is_x = tg_doctor_is_x(doctor), is_good;
    char *beside = doctor->beside;

    doctor->beside = NULL;
    is_good = is_taken(doctor, doctor->key, !is_x, path);
    doctor->beside = beside;
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

/* The connection went while it was asked. */
static void
add_broken(struct tg_doctor *doctor, const struct tg_said *said)
{
    tg_report_add(&doctor->report, tg_found_api_closed, doctor->url.base, NULL,
                  NULL);
    tg_report_detail(&doctor->report, said->message);
}

static void
look_at_gate(struct tg_doctor *doctor)
{
    struct tg_question question = {doctor->key, tg_doctor_is_x(doctor),
                                   doctor->ask, "/key", NULL};
    bool is_answered, needs_model;
    struct tg_said said;

    is_answered = tg_doctor_ask(doctor, &question, &said);
    if (!is_answered)
        add_broken(doctor, &said);
    else if (said.status != 200)
        judge_refusal(doctor, &said, "/key");
    else
        tg_doctor_gate_judge(&doctor->report, said.json,
                             tg_args_value(doctor->cli, "scope"),
                             doctor->cli->now_ms);
    is_answered = is_answered && said.status == 200;
    needs_model = tg_doctor_needs_model(said.json);
    tg_said_release(&said);
    if (!is_answered)
        return;
    question.path = "/models";
    if (tg_doctor_ask(doctor, &question, &said) && said.is_models) {
        if (json_array_size(json_object_get(said.json, "data")) == 0 &&
            !needs_model)
            tg_report_add(&doctor->report, tg_found_model_unneeded, NULL, NULL,
                          NULL);
        else
            judge_models(doctor, said.json);
    }
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
    tg_doctor_ask(
        doctor,
        &(struct tg_question){doctor->key, false, base, "/user/balance", NULL},
        &said);
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

/* Nothing is asked of the model; whoever reads the key first says so. */
static void
look_without_list(struct tg_doctor *doctor)
{
    struct tg_question question = {
        doctor->key, tg_doctor_is_x(doctor), doctor->base,
        doctor->api == TG_API_ANTHROPIC ? "/v1/messages" : "/chat/completions",
        "{}"};
    struct tg_said said;

    if (!tg_doctor_ask(doctor, &question, &said))
        add_broken(doctor, &said);
    else if (said.status == 400 || said.status == 422)
        tg_report_add(&doctor->report,
                      doctor->is_open ? tg_found_key_unproven
                                      : tg_found_key_accepted,
                      doctor->url.host, NULL, NULL);
    else
        judge_refusal(doctor, &said, question.path);
    tg_said_release(&said);
}

/* A list of models that only a key opens proves the key. */
static void
look_at_list(struct tg_doctor *doctor)
{
    bool is_deepseek = doctor->server == TG_SERVER_DEEPSEEK;
    /* DeepSeek's list is OpenAI's, whoever asks. */
    struct tg_question question = {doctor->key,
                                   tg_doctor_is_x(doctor) && !is_deepseek,
                                   doctor->ask, "/models", NULL};
    struct tg_said said;

    if (!tg_doctor_ask(doctor, &question, &said)) {
        add_broken(doctor, &said);
    } else if (said.is_models) {
        tg_report_add(&doctor->report,
                      doctor->is_open ? tg_found_key_unproven
                                      : tg_found_key_accepted,
                      doctor->url.provider != NULL ? doctor->url.provider->name
                                                   : doctor->url.host,
                      NULL, NULL);
        judge_models(doctor, said.json);
    } else if (said.status == 404 || said.status == 405) {
        look_without_list(doctor);
    } else {
        judge_refusal(doctor, &said, "/models");
    }
    tg_said_release(&said);
    if (is_deepseek && !tg_report_has_failed(&doctor->report, TG_STEP_KEY))
        look_at_balance(doctor);
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
