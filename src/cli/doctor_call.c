#include "doctor_send.h"

#include <stdlib.h>
#include <string.h>

#include "own.h"

/* Sends the smallest call there is; limit is what its model calls that. */
static void
call(struct tg_doctor *doctor, const char *limit, struct tg_said *said)
{
    json_t *body = tg_own(json_pack("{s:s, s:i, s:[{s:s, s:s}]}", "model",
                                    doctor->model, limit, 1, "messages", "role",
                                    "user", "content", "Say hello."));
    char *text = tg_own(json_dumps(body, JSON_COMPACT));

    tg_doctor_ask(doctor,
                  &(struct tg_question){
                      doctor->key, tg_doctor_is_x(doctor), doctor->base,
                      doctor->api == TG_API_ANTHROPIC ? "/v1/messages"
                                                      : "/chat/completions",
                      text},
                  said);
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
