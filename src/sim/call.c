#include <stdio.h>
#include <time.h>

#include "call.h"
#include "catalogue.h"
#include "control.h"
#include "count.h"
#include "fault.h"

enum { HIGH_WATER_BYTES = 65536 };

static bool
has(const struct sim_call *call, enum sim_fault fault)
{
    return sim_fault_is(&call->answer.ask.faults, fault);
}

static int64_t
arg(const struct sim_call *call, enum sim_fault fault)
{
    return call->answer.ask.faults.arg[fault];
}

/* splitmix64: ids need to differ, not to be secret. */
static uint64_t
draw(struct sim_env *env)
{
    uint64_t z = env->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void
put_hex(char *out, uint64_t bits, int digits)
{
    for (int i = 0; i < digits; i++)
        out[i] = "0123456789abcdef"[bits >> (60 - 4 * i) & 15];
}

static void
name_it(struct sim_call *call, struct sim_env *env)
{
    static const char *const prefix[SIM_DIALECT_COUNT] = {
        [SIM_OPENAI] = "chatcmpl-",
        [SIM_VLLM] = "chatcmpl-",
        [SIM_ANTHROPIC] = "msg_",
    };
    uint64_t high = draw(env), low = draw(env);
    char *id = call->answer.id;
    const char *before = prefix[call->answer.dialect];

    put_hex(call->trace, draw(env), 16);
    put_hex(call->trace + 16, draw(env), 16);
    call->trace[SIM_TRACE_BYTES - 1] = 0;
    if (before) {
        size_t len = strlen(before);

        memcpy(id, before, len);
        put_hex(id + len, high, 16);
        put_hex(id + len + 16, low, 8);
        id[len + 24] = 0;
        return;
    }
    memcpy(id, "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx", 37);
    put_hex(id, high, 8);
    put_hex(id + 9, high << 32, 4);
    put_hex(id + 15, high << 48, 3);
    put_hex(id + 20, low, 3);
    put_hex(id + 24, low << 12, 12);
}

/* Puts the first `part` bytes of scratch into out as body, framed as if all
 * of it came. */
static void
put_part(struct sim_call *call, struct sim_env *env, size_t part,
         struct sim_buf *out)
{
    const struct sim_buf *piece = &env->scratch;
    char size[20];

    if (piece->len == 0 || call->is_headless)
        return;
    if (call->head.framing != SIM_FRAMED_BY_CHUNKS) {
        sim_buf_add(out, piece->data, part);
    } else if (call->is_bytewise) {
        for (size_t i = 0; i < part; i++) {
            sim_buf_lit(out, "1\r\n");
            sim_buf_add(out, piece->data + i, 1);
            sim_buf_lit(out, "\r\n");
        }
    } else {
        sim_buf_add(
            out, size,
            (size_t)snprintf(size, sizeof(size), "%zx\r\n", piece->len));
        sim_buf_add(out, piece->data, part);
        if (part == piece->len)
            sim_buf_lit(out, "\r\n");
    }
}

static void
put_scratch(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    put_part(call, env, env->scratch.len, out);
    env->scratch.len = 0;
}

/* A body whose length nobody knows, or whose provider sends none. */
static void
put_open_head(struct sim_call *call, struct sim_buf *out)
{
    if (call->has_head)
        return;
    if (call->head.framing == SIM_FRAMED_BY_CLOSE)
        call->closes = call->head.closes = true;
    sim_head_put(&call->head, out);
    call->head_bytes = out->len;
    call->has_head = true;
}

static void
put_length_head(struct sim_call *call, uint64_t length, struct sim_buf *out)
{
    call->head.framing = SIM_FRAMED_BY_LENGTH;
    call->head.length = length;
    put_open_head(call, out);
}

/* Marks the end of the call and of its record. */
static enum sim_step
end(struct sim_call *call, const char *outcome)
{
    call->phase = SIM_PHASE_ENDED;
    sim_record_close(call->record, call->head.status, outcome);
    call->record = NULL;
    return SIM_STEP_END;
}

static enum sim_step
end_whole(struct sim_call *call, struct sim_buf *out)
{
    if (call->head.framing == SIM_FRAMED_BY_CHUNKS && !call->is_headless)
        sim_buf_lit(out, "0\r\n\r\n");
    if (has(call, SIM_FAULT_CLOSE_AFTER))
        call->closes = true;
    return end(call, "complete");
}

static enum sim_step
hold(struct sim_call *call)
{
    call->phase = SIM_PHASE_HELD;
    return SIM_STEP_HOLD;
}

static enum sim_step
end_cut(struct sim_call *call)
{
    call->closes = true;
    return end(call, "cut");
}

/* Books what has been generated, once. */
static void
count(struct sim_call *call, uint64_t tokens, bool was_cut_short)
{
    const struct sim_answer *a = &call->answer;
    uint64_t reasoning = a->reasoning_tokens * a->choices;
    struct sim_tally tally = {
        .requests = 1,
        .prompt_tokens = a->prompt_tokens,
        .cached_tokens = a->cached_tokens,
        .completion_tokens = tokens,
        .reasoning_tokens = tokens < reasoning ? tokens : reasoning,
    };

    if (call->is_counted)
        return;
    call->is_counted = true;
    sim_count_call(a->model, &tally, was_cut_short);
    if (a->ask.is_stream)
        sim_count_stream(-1);
}

/* Answers at once with what is in scratch. */
static void
reply(struct sim_call *call, struct sim_env *env,
      struct sim_error_answer answer, struct sim_buf *out)
{
    call->head.status = answer.status;
    call->head.media = answer.media;
    put_length_head(call, env->scratch.len, out);
    put_scratch(call, env, out);
    end_whole(call, out);
}

static void
reply_error(struct sim_call *call, struct sim_env *env, struct sim_error error,
            struct sim_buf *out)
{
    char id[SIM_TRACE_BYTES + 4];
    struct sim_asker asker = {.dialect = call->head.dialect};

    asker.request_id = (struct tg_str){
        id, (size_t)snprintf(id, sizeof(id), "req_%s", call->trace)};
    sim_error_body(&asker, &error, &env->scratch);
    reply(call, env, (struct sim_error_answer){error.status, SIM_MEDIA_JSON},
          out);
}

static void
reply_named(struct sim_call *call, struct sim_env *env, const char *name,
            struct tg_str credential, struct sim_buf *out)
{
    char id[SIM_TRACE_BYTES + 4];
    struct sim_buf masked = {0};
    struct sim_asker asker = {.dialect = call->head.dialect};
    struct sim_error_answer answer;

    sim_error_mask(credential, &masked);
    asker.masked = (struct tg_str){masked.data, masked.len};
    asker.request_id = (struct tg_str){
        id, (size_t)snprintf(id, sizeof(id), "req_%s", call->trace)};
    answer = sim_error_by_name(&asker, name, &env->scratch);
    sim_buf_release(&masked);
    reply(call, env, answer, out);
}

static bool
is_right_key(const struct sim_options *options, struct tg_str credential)
{
    return options->key_bytes == 0 ||
           (credential.len == options->key_bytes &&
            memcmp(credential.data, options->key, credential.len) == 0);
}

/* Answers 401 and returns false unless the credential is in order. */
static bool
let_in(struct sim_call *call, struct sim_env *env,
       const struct sim_request *request, struct tg_str *credential,
       struct sim_buf *out)
{
    bool is_deepseek = call->head.dialect == SIM_DEEPSEEK;

    *credential = (struct tg_str){0};
    if (!sim_request_credential(request, credential)) {
        reply_named(call, env, is_deepseek ? "401-governor" : "401",
                    *credential, out);
    } else if (credential->len == 0) {
        if (is_deepseek)
            reply_error(call, env,
                        (struct sim_error){
                            401, "authentication_error",
                            "invalid_request_error",
                            TG_STR("Authentication Fails (auth header format "
                                   "should be Bearer sk-...)")},
                        out);
        else
            reply_named(call, env, "401", *credential, out);
    } else if (!is_right_key(env->options, *credential)) {
        reply_named(call, env, "401", *credential, out);
    } else {
        return true;
    }
    return false;
}

static void
refuse_model(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    const char *asked = call->answer.ask.model;
    char text[SIM_MODEL_BYTES + 160];
    struct sim_error error = {
        404, "invalid_request_error", "model_not_found", {text, 0}};

    if (call->head.dialect == SIM_DEEPSEEK) {
        error.status = 400;
        error.code = "invalid_request_error";
        snprintf(text, sizeof(text),
                 "The supported API model names are deepseek-flash, "
                 "deepseek-v4-pro, but you passed %s.",
                 asked);
    } else if (call->head.dialect == SIM_ANTHROPIC) {
        error.type = "not_found_error";
        snprintf(text, sizeof(text), "model: %s", asked);
    } else {
        snprintf(text, sizeof(text),
                 "The model `%s` does not exist or you do not have access to "
                 "it.",
                 asked);
    }
    error.message.len = strlen(text);
    reply_error(call, env, error, out);
}

static void
reply_list(struct sim_call *call, struct sim_env *env, struct tg_str item,
           struct sim_buf *out)
{
    enum sim_dialect dialect = call->head.dialect;

    if (!item.data)
        sim_catalogue_list(dialect, &env->scratch);
    else if (sim_catalogue_item(dialect, item, &env->scratch)) {
        reply_error(call, env,
                    (struct sim_error){404, "invalid_request_error",
                                       "model_not_found",
                                       TG_STR("The model does not exist")},
                    out);
        return;
    }
    reply(call, env, (struct sim_error_answer){200, SIM_MEDIA_JSON}, out);
}

static int64_t
interval_ns(const struct sim_call *call, const struct sim_env *env)
{
    return has(call, SIM_FAULT_SLOW) ? arg(call, SIM_FAULT_SLOW) * 1000000
                                     : env->options->token_ns;
}

/* DeepSeek and Anthropic never say how long an answer is. */
static bool
hides_length(const struct sim_call *call)
{
    return call->answer.ask.is_stream || call->head.dialect == SIM_DEEPSEEK ||
           call->head.dialect == SIM_ANTHROPIC || has(call, SIM_FAULT_BLANK) ||
           has(call, SIM_FAULT_KEEPALIVE);
}

static void
start_generating(struct sim_call *call, struct sim_env *env, int64_t now_ns)
{
    struct sim_answer *a = &call->answer;

    sim_answer_plan(a, env->options->tokens);
    a->created_s = time(NULL);
    call->phase = SIM_PHASE_WAITING;
    call->is_bytewise = has(call, SIM_FAULT_BYTEWISE);
    call->ready_ns = now_ns + env->options->latency_ns;
    if (a->ask.is_stream)
        sim_count_stream(1);
    else
        call->ready_ns += (int64_t)a->choice_tokens * interval_ns(call, env);
    call->next_keepalive_ns = now_ns + env->options->keepalive_ns;
    call->head.status = 200;
    call->head.media = a->ask.is_stream ? SIM_MEDIA_EVENTS : SIM_MEDIA_JSON;
    if (has(call, SIM_FAULT_HEADERS_BIG))
        call->head.pad_bytes = (uint64_t)arg(call, SIM_FAULT_HEADERS_BIG);
}

static void
refuse_body(struct sim_call *call, struct sim_env *env, const char *why,
            struct sim_buf *out)
{
    reply_error(call, env,
                (struct sim_error){400,
                                   "invalid_request_error",
                                   "invalid_request_error",
                                   {why, strlen(why)}},
                out);
}

static void
begin_post(struct sim_call *call, struct sim_env *env,
           const struct sim_request *request, struct tg_str credential,
           int64_t now_ns, struct sim_buf *out)
{
    struct sim_ask *ask = &call->answer.ask;
    char why[SIM_ASK_SENTENCE_BYTES];
    enum sim_endpoint endpoint = ask->endpoint;

    if (sim_ask_read(ask, endpoint, request->body, why)) {
        refuse_body(call, env, why, out);
        return;
    }
    if (endpoint == SIM_EMBEDDINGS)
        ask->is_stream = false;
    sim_fault_take(&ask->faults);
    call->answer.model =
        sim_catalogue_model(call->head.dialect, endpoint, ask->model);
    if (has(call, SIM_FAULT_STATUS))
        reply_named(call, env, ask->faults.status, credential, out);
    else if (has(call, SIM_FAULT_REDIRECT))
        reply(call, env, (struct sim_error_answer){302, SIM_MEDIA_TEXT}, out);
    else if (!call->answer.model)
        refuse_model(call, env, out);
    else
        start_generating(call, env, now_ns);
}

static void
begin_control(struct sim_call *call, struct sim_env *env,
              const struct sim_request *request, struct sim_buf *out)
{
    int status = sim_control(request, &env->scratch);

    reply(call, env, (struct sim_error_answer){status, SIM_MEDIA_JSON}, out);
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
    name_it(call, env);
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
        reply_error(call, env,
                    (struct sim_error){404, "invalid_request_error",
                                       "invalid_request_error",
                                       TG_STR("Not Found")},
                    out);
        break;
    case SIM_MODELS:
        reply_list(call, env, item, out);
        break;
    case SIM_BALANCE:
        sim_catalogue_balance(&env->scratch);
        reply(call, env, (struct sim_error_answer){200, SIM_MEDIA_JSON}, out);
        break;
    default:
        begin_post(call, env, request, credential, now_ns, out);
    }
}

static void
put_keepalives(struct sim_call *call, struct sim_env *env, int64_t times,
               struct sim_buf *out)
{
    for (int64_t i = 0; i < times; i++)
        if (call->answer.ask.is_stream)
            sim_buf_lit(&env->scratch, ": keep-alive\n\n");
        else
            sim_buf_lit(&env->scratch, "\n");
    put_scratch(call, env, out);
}

static enum sim_step
wait(struct sim_call *call, struct sim_env *env, int64_t now_ns,
     struct sim_buf *out)
{
    int64_t period = env->options->keepalive_ns;

    call->due_ns = call->ready_ns;
    if (period == 0)
        return SIM_STEP_WAIT;
    put_open_head(call, out);
    if (now_ns >= call->next_keepalive_ns) {
        put_keepalives(call, env, 1, out);
        call->next_keepalive_ns = now_ns + period;
    }
    if (call->next_keepalive_ns < call->due_ns)
        call->due_ns = call->next_keepalive_ns;
    return SIM_STEP_WAIT;
}

/* The keep-alives that a fault asks for before the answer. */
static void
put_lead(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    if (has(call, SIM_FAULT_BLANK))
        put_keepalives(call, env, arg(call, SIM_FAULT_BLANK), out);
    if (has(call, SIM_FAULT_KEEPALIVE))
        put_keepalives(call, env, arg(call, SIM_FAULT_KEEPALIVE), out);
}

static enum sim_step
finish_json(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    bool is_cut = has(call, SIM_FAULT_CUT),
         is_held = has(call, SIM_FAULT_STALL);

    if (hides_length(call))
        put_open_head(call, out);
    put_lead(call, env, out);
    sim_answer_json(&call->answer, &env->scratch);
    if (!call->has_head)
        put_length_head(call, env->scratch.len, out);
    count(call, sim_answer_tokens(&call->answer), false);
    put_part(call, env, env->scratch.len / (is_cut || is_held ? 2 : 1), out);
    env->scratch.len = 0;
    if (is_cut)
        return end_cut(call);
    return is_held ? hold(call) : end_whole(call, out);
}

/* 200 and nothing: no call was generated, so none is counted. */
static enum sim_step
finish_empty(struct sim_call *call, struct sim_buf *out)
{
    if (call->answer.ask.is_stream)
        sim_count_stream(-1);
    call->is_counted = true;
    put_open_head(call, out);
    return end_whole(call, out);
}

/* When event i is due: the first with the first token, the ones behind the
 * last token with it. */
static int64_t
event_due_ns(const struct sim_call *call, const struct sim_env *env, uint64_t i)
{
    uint64_t most = sim_answer_tokens(&call->answer);

    return call->ready_ns +
           (int64_t)(i < most ? i : most) * interval_ns(call, env);
}

static bool
stops_here(const struct sim_call *call, enum sim_fault fault)
{
    return has(call, fault) && call->events >= (uint64_t)arg(call, fault);
}

static void
count_so_far(struct sim_call *call)
{
    count(call, sim_answer_tokens_after(&call->answer, call->events), true);
}

/* The faults that end a stream before its end; SIM_STEP_WAIT is none. */
static enum sim_step
break_off(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    if (stops_here(call, SIM_FAULT_STALL)) {
        put_scratch(call, env, out);
        return hold(call);
    }
    if (stops_here(call, SIM_FAULT_CUT)) {
        put_scratch(call, env, out);
        count_so_far(call);
        return end_cut(call);
    }
    if (stops_here(call, SIM_FAULT_ERROR_MIDSTREAM)) {
        sim_answer_error_event(&call->answer, &env->scratch);
        put_scratch(call, env, out);
        count_so_far(call);
        return end_whole(call, out);
    }
    return SIM_STEP_WAIT;
}

static enum sim_step
stream(struct sim_call *call, struct sim_env *env, int64_t now_ns,
       struct sim_buf *out)
{
    uint64_t total = sim_answer_events(&call->answer);

    for (;;) {
        enum sim_step broken = break_off(call, env, out);

        if (broken != SIM_STEP_WAIT)
            return broken;
        if (call->events == total)
            break;
        call->due_ns = event_due_ns(call, env, call->events);
        if (call->due_ns > now_ns ||
            out->len + env->scratch.len > HIGH_WATER_BYTES) {
            put_scratch(call, env, out);
            return call->due_ns > now_ns ? SIM_STEP_WAIT : SIM_STEP_FULL;
        }
        sim_answer_event(&call->answer, call->events++, &env->scratch);
    }
    count(call, sim_answer_tokens(&call->answer), false);
    sim_answer_end(&call->answer, &env->scratch);
    put_scratch(call, env, out);
    return end_whole(call, out);
}

enum sim_step
sim_call_step(struct sim_call *call, struct sim_env *env, int64_t now_ns,
              struct sim_buf *out)
{
    if (call->phase == SIM_PHASE_ENDED)
        return SIM_STEP_END;
    if (call->phase == SIM_PHASE_HELD)
        return SIM_STEP_HOLD;
    if (call->phase == SIM_PHASE_WAITING) {
        if (now_ns < call->ready_ns)
            return wait(call, env, now_ns, out);
        if (has(call, SIM_FAULT_EMPTY))
            return finish_empty(call, out);
        if (!call->answer.ask.is_stream)
            return finish_json(call, env, out);
        put_open_head(call, out);
        put_lead(call, env, out);
        call->phase = SIM_PHASE_STREAMING;
    }
    return stream(call, env, now_ns, out);
}

void
sim_call_abort(struct sim_call *call)
{
    if (call->phase == SIM_PHASE_ENDED)
        return;
    count_so_far(call);
    end(call, "aborted");
}
