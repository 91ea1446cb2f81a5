#include "check_reply.h"

#include "check_text.h"
#include "refusal.h"
#include "reply.h"

/* A check that is being put into words. */
struct telling {
    const struct tg_state *state;
    const struct tg_check_question *question;
    const json_t *key;
    json_t *checks, *missing;
};

/* What the gate would say to the key's holder. */
static json_t *
sentence_of(const struct tg_state *state, const struct tg_admission *a)
{
    char text[TG_REFUSAL_SIZE];
    static const struct tg_refusal_form form = {.manner = TG_MANNER_OPENAI};
    struct tg_text out = tg_text_in(text, sizeof(text));
    json_t *answer, *message;

    tg_refusal_write(&out, &form, state, a, TG_STR(""));
    answer = json_loadb(out.data, out.len, 0, NULL);
    message = json_object_get(json_object_get(answer, "error"), "message");
    message = message != NULL ? json_incref(message) : json_null();
    json_decref(answer);
    return message;
}

static void
tell_no(struct telling *telling, const struct tg_check_said *said)
{
    const struct tg_code_row *row = tg_code_row(said->admission->code);

    json_array_append_new(
        telling->checks, json_pack("{s:s,s:b,s:o,s:i,s:s,s:o}", "name",
                                   tg_check_name(said->row), "ok", 0, "message",
                                   sentence_of(telling->state, said->admission),
                                   "status", (int)row->status, "code",
                                   row->name, "cure", tg_check_cure(said)));
    json_array_append_new(telling->missing, tg_check_missing(said));
}

static void
tell(void *arg, enum tg_check_row row, enum tg_check_answer answer,
     const struct tg_admission *a)
{
    struct telling *telling = arg;
    struct tg_check_said said = {telling->state, telling->question, a,
                                 telling->key, row};

    if (answer == TG_CHECK_NO) {
        tell_no(telling, &said);
        return;
    }
    json_array_append_new(
        telling->checks,
        json_pack("{s:s,s:o,s:o,s:n,s:n,s:n}", "name", tg_check_name(row), "ok",
                  answer == TG_CHECK_YES ? json_true() : json_null(), "message",
                  answer == TG_CHECK_YES ? tg_check_yes(&said)
                                         : tg_check_unasked(&said),
                  "status", "code", "cure"));
}

json_t *
tg_check_reply(const struct tg_state *state,
               const struct tg_check_question *question, const json_t *key)
{
    struct telling telling = {.state = state,
                              .question = question,
                              .key = key,
                              .checks = json_array(),
                              .missing = json_array()};
    bool is_allowed = tg_check(state, question, tell, &telling);

    return json_pack("{s:s,s:O,s:o,s:b,s:o,s:o}", "object", "key.check",
                     "key_id", json_object_get(key, "id"), "at",
                     tg_reply_instant(question->now_ms), "allowed", is_allowed,
                     "checks", telling.checks, "missing", telling.missing);
}
