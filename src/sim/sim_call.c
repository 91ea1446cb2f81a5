#include <time.h>

#include "sim_body.h"
#include "sim_call.h"
#include "catalogue.h"
#include "control.h"
#include "count.h"
#include "fault.h"
#include "generate.h"
#include "ids.h"
#include "objects.h"
#include "reply.h"

static bool
is_right_key(const struct sim_options *options, struct tg_str credential)
{
    return options->key_bytes == 0 ||
           (credential.len == options->key_bytes &&
            memcmp(credential.data, options->key, credential.len) == 0);
}

/* Answers as the rule for this credential says; false when it did. */
static bool
admit(struct sim_call *call, struct sim_env *env, struct tg_str credential,
      struct sim_buf *out)
{
    struct sim_admission a;

    call->caller = sim_caller_enter(credential,
                                    is_right_key(env->options, credential), &a);
    switch (a.entry) {
    case SIM_ENTRY_FREE:
        return true;
    case SIM_ENTRY_STATUS:
        sim_reply_named(call, env, a.status, credential, out);
        return false;
    case SIM_ENTRY_CROWDED:
        sim_reply_crowded(call, env, a.at_once, a.most_at_once, out);
        return false;
    default:
        sim_reply_named(call, env, "401", credential, out);
        return false;
    }
}

/* Answers with an error and returns false unless the credential is in order. */
static bool
let_in(struct sim_call *call, struct sim_env *env,
       const struct sim_request *request, struct tg_str *credential,
       struct sim_buf *out)
{
    static const struct sim_error bad_shape = {
        401,
        "authentication_error",
        "invalid_request_error",
        {"Authentication Fails (auth header format should be Bearer sk-...)",
         65}};
    bool is_deepseek = call->head.dialect == SIM_DEEPSEEK;

    *credential = (struct tg_str){0};
    if (!sim_request_credential(request, credential))
        sim_reply_named(call, env, is_deepseek ? "401-governor" : "401",
                        *credential, out);
    else if (credential->len == 0 && is_deepseek)
        sim_reply_error(call, env, &bad_shape, out);
    else if (credential->len == 0)
        sim_reply_named(call, env, "401", *credential, out);
    else
        return admit(call, env, *credential, out);
    return false;
}

static void
reply_models(struct sim_call *call, struct sim_env *env, struct tg_str item,
             struct sim_buf *out)
{
    if (!item.data) {
        sim_catalogue_list(call->head.dialect, &env->scratch);
    } else if (sim_catalogue_item(call->head.dialect, item, &env->scratch)) {
        sim_reply_no_path(call, env, out);
        return;
    }
    sim_reply(call, env, (struct sim_error_answer){200, SIM_MEDIA_JSON}, out);
}

/* The faults that take the place of any answer; true when there was one. */
static bool
refuse(struct sim_call *call, struct sim_env *env, struct tg_str credential,
       struct sim_buf *out)
{
    struct sim_faults *faults = &call->answer.ask.faults;

    sim_fault_take(faults);
    if (sim_fault_is(faults, SIM_FAULT_STATUS))
        sim_reply_named(call, env, faults->status, credential, out);
    else if (sim_fault_is(faults, SIM_FAULT_REDIRECT))
        sim_reply(call, env, (struct sim_error_answer){302, SIM_MEDIA_TEXT},
                  out);
    else
        return false;
    return true;
}

static void
begin_post(struct sim_call *call, struct sim_env *env,
           const struct sim_request *request, struct tg_str credential,
           int64_t now_ns, struct sim_buf *out)
{
    struct sim_ask *ask = &call->answer.ask;
    char why[SIM_ASK_SENTENCE_BYTES];
    enum sim_endpoint endpoint = ask->endpoint;
    struct sim_model model;

    if (sim_ask_read(ask, endpoint, request, why)) {
        sim_reply_bad_body(call, env, why, out);
        return;
    }
    if (refuse(call, env, credential, out))
        return;
    if (!sim_catalogue_model(call->head.dialect, endpoint, ask->model,
                             &model)) {
        sim_reply_no_model(call, env, ask->model, out);
        return;
    }
    call->answer.model = model.name;
    call->answer.is_by_tokens = model.is_by_tokens;
    sim_generate_start(call, env, now_ns);
}

static void
begin_objects(struct sim_call *call, struct sim_env *env,
              const struct sim_request *request, struct tg_str path,
              int64_t now_ns, struct sim_buf *out)
{
    struct sim_order order = {.request = request,
                              .dialect = call->head.dialect,
                              .random = &env->random,
                              .now_s = time(NULL),
                              .out = &call->prepared};

    call->answer.model = sim_objects_answer(&order, path);
    call->answer.prepared = &call->prepared;
    call->answer.media = order.media;
    if (call->answer.model)
        sim_generate_start(call, env, now_ns);
    else
        sim_reply_error(call, env, &order.error, out);
    sim_buf_release(&order.sentence);
}

static void
begin_control(struct sim_call *call, struct sim_env *env,
              const struct sim_request *request, struct sim_buf *out)
{
    int status = sim_control(request, &env->scratch);

    sim_reply(call, env, (struct sim_error_answer){status, SIM_MEDIA_JSON},
              out);
}

static void
prepare(struct sim_call *call, struct sim_env *env,
        const struct sim_request *request)
{
    *call = (struct sim_call){
        .closes = !request->keeps_alive,
        .is_headless = tg_str_eq(request->method, TG_STR("HEAD")),
        .head.dialect = env->options->dialect,
        .head.closes = !request->keeps_alive,
        .head.framing =
            request->is_http11 ? SIM_FRAMED_BY_CHUNKS : SIM_FRAMED_BY_CLOSE,
        .head.trace = call->trace,
        .answer.dialect = env->options->dialect,
    };
    env->scratch.len = 0;
    sim_ids_trace(call, env);
}

void
sim_call_begin(struct sim_call *call, struct sim_env *env,
               const struct sim_request *request, int64_t now_ns,
               struct sim_buf *out)
{
    struct tg_str item, credential;

    prepare(call, env, request);
    if (request->path.len >= 5 && memcmp(request->path.data, "/sim/", 5) == 0) {
        begin_control(call, env, request, out);
        return;
    }
    sim_count_seen();
    call->record = sim_record_open(request);
    if (!let_in(call, env, request, &credential, out))
        return;
    call->answer.ask.endpoint =
        sim_catalogue_route(call->head.dialect, request, &item);
    switch (call->answer.ask.endpoint) {
    case SIM_NOWHERE:
        sim_reply_no_path(call, env, out);
        break;
    case SIM_MODELS:
        reply_models(call, env, item, out);
        break;
    case SIM_BALANCE:
        sim_catalogue_balance(&env->scratch);
        sim_reply(call, env, (struct sim_error_answer){200, SIM_MEDIA_JSON},
                  out);
        break;
    case SIM_OBJECTS:
        if (!refuse(call, env, credential, out))
            begin_objects(call, env, request, item, now_ns, out);
        break;
    default:
        begin_post(call, env, request, credential, now_ns, out);
    }
}

enum sim_step
sim_call_step(struct sim_call *call, struct sim_env *env, int64_t now_ns,
              struct sim_buf *out)
{
    return sim_generate_step(call, env, now_ns, out);
}

void
sim_call_abort(struct sim_call *call)
{
    if (call->phase == SIM_PHASE_ENDED)
        return;
    sim_generate_cut_short(call);
    sim_body_break(call, "aborted");
}
