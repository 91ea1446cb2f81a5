#include <stdio.h>

#include "sim_body.h"
#include "reply.h"

#define BAD_REQUEST "invalid_request_error"

enum { REQUEST_ID_BYTES = SIM_TRACE_BYTES + 4 };

void
sim_reply(struct sim_call *call, struct sim_env *env,
          struct sim_error_answer answer, struct sim_buf *out)
{
    call->head.status = answer.status;
    call->head.media = answer.media;
    sim_body_open_length(call, env->scratch.len, out);
    sim_body_put(call, env, out);
    sim_body_end(call, out);
}

static struct sim_asker
asker(const struct sim_call *call, char id[REQUEST_ID_BYTES])
{
    int len = snprintf(id, REQUEST_ID_BYTES, "req_%s", call->trace);

    return (struct sim_asker){.dialect = call->head.dialect,
                              .request_id = {id, (size_t)len}};
}

void
sim_reply_error(struct sim_call *call, struct sim_env *env,
                const struct sim_error *error, struct sim_buf *out)
{
    char id[REQUEST_ID_BYTES];
    struct sim_asker who = asker(call, id);

    sim_error_body(&who, error, &env->scratch);
    sim_reply(call, env,
              (struct sim_error_answer){error->status, SIM_MEDIA_JSON}, out);
}

void
sim_reply_named(struct sim_call *call, struct sim_env *env, const char *name,
                struct tg_str credential, struct sim_buf *out)
{
    char id[REQUEST_ID_BYTES];
    struct sim_asker who = asker(call, id);
    struct sim_buf masked = {0};
    struct sim_error_answer answer;

    sim_error_mask(credential, &masked);
    who.masked = (struct tg_str){masked.data, masked.len};
    answer = sim_error_by_name(&who, name, &env->scratch);
    sim_buf_release(&masked);
    sim_reply(call, env, answer, out);
}

void
sim_reply_crowded(struct sim_call *call, struct sim_env *env, int64_t at_once,
                  int64_t most, struct sim_buf *out)
{
    char id[REQUEST_ID_BYTES];
    struct sim_asker who = asker(call, id);
    struct sim_error_answer answer =
        sim_error_crowded(&who, at_once, most, &env->scratch);

    sim_reply(call, env, answer, out);
}

void
sim_reply_no_model(struct sim_call *call, struct sim_env *env,
                   const char *asked, struct sim_buf *out)
{
    struct sim_error error = {
        .status = 404, .type = BAD_REQUEST, .code = "model_not_found"};
    char text[SIM_MODEL_BYTES + 160];
    int len;

    if (call->head.dialect == SIM_DEEPSEEK) {
        error.status = 400;
        error.code = BAD_REQUEST;
        len = snprintf(text, sizeof(text),
                       "The supported API model names are deepseek-flash, "
                       "deepseek-v4-pro, but you passed %s.",
                       asked);
    } else if (call->head.dialect == SIM_ANTHROPIC) {
        error.type = "not_found_error";
        len = snprintf(text, sizeof(text), "model: %s", asked);
    } else {
        len = snprintf(text, sizeof(text),
                       "The model `%s` does not exist or you do not have "
                       "access to it.",
                       asked);
    }
    error.message = (struct tg_str){text, (size_t)len};
    sim_reply_error(call, env, &error, out);
}

void
sim_reply_no_path(struct sim_call *call, struct sim_env *env,
                  struct sim_buf *out)
{
    static const struct sim_error error = {
        404, BAD_REQUEST, BAD_REQUEST, {"Not Found", 9}};

    sim_reply_error(call, env, &error, out);
}

void
sim_reply_bad_body(struct sim_call *call, struct sim_env *env, const char *why,
                   struct sim_buf *out)
{
    struct sim_error error = {
        400, BAD_REQUEST, BAD_REQUEST, {why, strlen(why)}};

    sim_reply_error(call, env, &error, out);
}
