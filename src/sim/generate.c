#include <time.h>

#include "sim_body.h"
#include "count.h"
#include "fault.h"
#include "generate.h"
#include "ids.h"

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

/* Books what has been generated, once. */
static void
count(struct sim_call *call, uint64_t tokens, bool was_cut_short)
{
    const struct sim_answer *a = &call->answer;
    struct sim_tally tally;

    if (call->is_counted)
        return;
    call->is_counted = true;
    sim_answer_tally(a, tokens, !was_cut_short, &tally);
    sim_count_call(a->model, &tally, was_cut_short);
    sim_record_count(call->record, &tally);
    if (a->ask.is_stream)
        sim_count_stream(-1);
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
    return call->answer.ask.is_stream || call->answer.hides_length ||
           call->head.dialect == SIM_DEEPSEEK ||
           call->head.dialect == SIM_ANTHROPIC || has(call, SIM_FAULT_BLANK) ||
           has(call, SIM_FAULT_KEEPALIVE);
}

void
sim_generate_start(struct sim_call *call, struct sim_env *env, int64_t now_ns)
{
    struct sim_answer *a = &call->answer;

    sim_ids_answer(call, env);
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
    call->head.media = a->ask.is_stream ? SIM_MEDIA_EVENTS : a->media;
    if (has(call, SIM_FAULT_HEADERS_BIG))
        call->head.pad_bytes = (uint64_t)arg(call, SIM_FAULT_HEADERS_BIG);
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
    sim_body_put(call, env, out);
}

static enum sim_step
await_first_token(struct sim_call *call, struct sim_env *env, int64_t now_ns,
                  struct sim_buf *out)
{
    int64_t period = env->options->keepalive_ns;

    call->due_ns = call->ready_ns;
    if (period == 0)
        return SIM_STEP_WAIT;
    sim_body_open(call, out);
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
hold(struct sim_call *call)
{
    call->phase = SIM_PHASE_HELD;
    return SIM_STEP_HOLD;
}

static enum sim_step
finish_whole(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    bool is_cut = has(call, SIM_FAULT_CUT),
         is_held = has(call, SIM_FAULT_STALL);

    if (hides_length(call))
        sim_body_open(call, out);
    put_lead(call, env, out);
    sim_answer_whole(&call->answer, &env->scratch);
    if (!call->has_head)
        sim_body_open_length(call, env->scratch.len, out);
    count(call, sim_answer_tokens(&call->answer), false);
    if (is_cut || is_held)
        sim_body_put_half(call, env, out);
    else
        sim_body_put(call, env, out);
    if (is_cut)
        return sim_body_break(call, "cut");
    return is_held ? hold(call) : sim_body_end(call, out);
}

/* 200 and nothing: no call was generated, so none is counted. */
static enum sim_step
finish_empty(struct sim_call *call, struct sim_buf *out)
{
    if (call->answer.ask.is_stream)
        sim_count_stream(-1);
    call->is_counted = true;
    sim_body_open(call, out);
    return sim_body_end(call, out);
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

void
sim_generate_cut_short(struct sim_call *call)
{
    count(call, sim_answer_tokens_after(&call->answer, call->events), true);
}

/* The faults that end a stream before its end; SIM_STEP_WAIT is none. */
static enum sim_step
break_off(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    if (stops_here(call, SIM_FAULT_STALL)) {
        sim_body_put(call, env, out);
        return hold(call);
    }
    if (stops_here(call, SIM_FAULT_CUT)) {
        sim_body_put(call, env, out);
        sim_generate_cut_short(call);
        return sim_body_break(call, "cut");
    }
    if (stops_here(call, SIM_FAULT_ERROR_MIDSTREAM)) {
        sim_answer_error_event(&call->answer, call->events, &env->scratch);
        sim_body_put(call, env, out);
        sim_generate_cut_short(call);
        return sim_body_end(call, out);
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
            sim_body_put(call, env, out);
            return call->due_ns > now_ns ? SIM_STEP_WAIT : SIM_STEP_FULL;
        }
        sim_answer_event(&call->answer, call->events++, &env->scratch);
    }
    count(call, sim_answer_tokens(&call->answer), false);
    sim_answer_end(&call->answer, &env->scratch);
    sim_body_put(call, env, out);
    return sim_body_end(call, out);
}

enum sim_step
sim_generate_step(struct sim_call *call, struct sim_env *env, int64_t now_ns,
                  struct sim_buf *out)
{
    if (call->phase == SIM_PHASE_ENDED)
        return SIM_STEP_END;
    if (call->phase == SIM_PHASE_HELD)
        return SIM_STEP_HOLD;
    if (call->phase == SIM_PHASE_WAITING) {
        if (now_ns < call->ready_ns)
            return await_first_token(call, env, now_ns, out);
        if (has(call, SIM_FAULT_EMPTY))
            return finish_empty(call, out);
        if (!call->answer.ask.is_stream)
            return finish_whole(call, env, out);
        sim_body_open(call, out);
        put_lead(call, env, out);
        call->phase = SIM_PHASE_STREAMING;
    }
    return stream(call, env, now_ns, out);
}
