/* Chat and completions as DeepSeek, OpenAI and vLLM send them
 * (wire-contract 1.2, 1.6, 1.7, 1.12, 2.5, 2.6). */
#include "shape.h"

static bool
has_fingerprint(const struct sim_answer *a)
{
    return a->dialect != SIM_VLLM;
}

static void
put_head(const struct sim_answer *a, const char *object, struct sim_buf *out)
{
    sim_buf_lit(out, "{\"id\":\"");
    sim_buf_add(out, a->id, strlen(a->id));
    sim_buf_lit(out, "\",\"object\":\"");
    sim_buf_add(out, object, strlen(object));
    sim_buf_lit(out, "\",\"created\":");
    sim_buf_uint(out, (uint64_t)a->created_s);
    sim_buf_lit(out, ",\"model\":");
    sim_buf_json(out, (struct tg_str){a->model, strlen(a->model)});
    if (has_fingerprint(a))
        sim_buf_lit(out, ",\"system_fingerprint\":\"fp_5f2a1c07be_sim\"");
}

static void
put_number(const struct sim_answer *a, const char *name, uint64_t tokens,
           struct sim_buf *out)
{
    sim_buf_add(out, name, strlen(name));
    sim_answer_count(a, tokens, out);
}

/* The details of completion: DeepSeek leaves them out when it did not think,
 * vLLM always. */
static void
put_details(const struct sim_answer *a, uint64_t reasoning, struct sim_buf *out)
{
    if (a->dialect == SIM_OPENAI || a->is_thinking) {
        put_number(a, ",\"completion_tokens_details\":{\"reasoning_tokens\":",
                   reasoning, out);
        sim_buf_lit(out, "}");
    }
    if (a->dialect != SIM_DEEPSEEK)
        return;
    put_number(a, ",\"prompt_cache_hit_tokens\":", a->cached_tokens, out);
    put_number(a, ",\"prompt_cache_miss_tokens\":",
               a->prompt_tokens - a->cached_tokens, out);
}

/* `"usage":{...}` when completion tokens have been generated. */
static void
put_usage(const struct sim_answer *a, uint64_t completion, struct sim_buf *out)
{
    put_number(a, ",\"usage\":{\"prompt_tokens\":", a->prompt_tokens, out);
    put_number(a, ",\"completion_tokens\":", completion, out);
    put_number(a, ",\"total_tokens\":", a->prompt_tokens + completion, out);
    put_number(a, ",\"prompt_tokens_details\":{\"cached_tokens\":",
               a->cached_tokens, out);
    sim_buf_lit(out, "}");
    put_details(a, a->reasoning_tokens * a->choices, out);
    sim_buf_lit(out, "}");
}

static bool
has_usage(const struct sim_answer *a)
{
    return !sim_fault_is(&a->ask.faults, SIM_FAULT_USAGE_MISSING);
}

/* vLLM takes the mere presence of stream_options for include_usage. */
static bool
wants_usage(const struct sim_answer *a)
{
    if (a->dialect == SIM_VLLM && a->ask.has_stream_options)
        return a->ask.include_usage != SIM_OFF;
    return a->ask.include_usage == SIM_ON;
}

static bool
has_null_usage(const struct sim_answer *a)
{
    return a->dialect != SIM_VLLM && wants_usage(a);
}

static const char *
finish_reason(const struct sim_answer *a)
{
    return a->is_cut_by_limit ? "\"length\"" : "\"stop\"";
}

static bool
is_chat(const struct sim_answer *a)
{
    return a->ask.endpoint == SIM_CHAT;
}

static void
put_message(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "\"message\":{\"role\":\"assistant\",\"content\":\"");
    sim_answer_words(a, a->reasoning_tokens, a->choice_tokens, out);
    sim_buf_lit(out, "\"");
    if (a->is_thinking) {
        sim_buf_lit(out, ",\"reasoning_content\":\"");
        sim_answer_words(a, 0, a->reasoning_tokens, out);
        sim_buf_lit(out, "\"");
    }
    if (a->dialect == SIM_OPENAI)
        sim_buf_lit(out, ",\"refusal\":null");
    sim_buf_lit(out, "}");
}

static void
put_choice(const struct sim_answer *a, uint64_t index, struct sim_buf *out)
{
    sim_buf_lit(out, "{\"index\":");
    sim_buf_uint(out, index);
    sim_buf_lit(out, ",");
    if (is_chat(a)) {
        put_message(a, out);
    } else {
        sim_buf_lit(out, "\"text\":\"");
        sim_answer_words(a, 0, a->choice_tokens, out);
        sim_buf_lit(out, "\"");
    }
    sim_buf_lit(out, ",\"logprobs\":null,\"finish_reason\":");
    sim_buf_add(out, finish_reason(a), strlen(finish_reason(a)));
    sim_buf_lit(out, "}");
}

static void
openai_json(const struct sim_answer *a, struct sim_buf *out)
{
    put_head(a, is_chat(a) ? "chat.completion" : "text_completion", out);
    sim_buf_lit(out, ",\"choices\":[");
    for (uint64_t i = 0; i < a->choices; i++) {
        if (i > 0)
            sim_buf_lit(out, ",");
        put_choice(a, i, out);
    }
    sim_buf_lit(out, "]");
    if (has_usage(a))
        put_usage(a, sim_answer_tokens(a), out);
    sim_buf_lit(out, "}");
}

/* Chat opens each choice with a role; completions start with the text. */
static uint64_t
openai_lead(const struct sim_answer *a)
{
    return is_chat(a) ? a->choices : 0;
}

static bool
has_extra_event(const struct sim_answer *a)
{
    return a->dialect != SIM_DEEPSEEK && wants_usage(a) && has_usage(a);
}

static uint64_t
openai_tail(const struct sim_answer *a)
{
    return a->choices + has_extra_event(a);
}

static void
put_role(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "\"delta\":{\"role\":\"assistant\",\"content\":");
    if (a->is_thinking)
        sim_buf_lit(out, "null,\"reasoning_content\":\"\"}");
    else if (a->dialect == SIM_OPENAI)
        sim_buf_lit(out, "\"\",\"refusal\":null}");
    else
        sim_buf_lit(out, "\"\"}");
}

static void
put_piece(const struct sim_answer *a, uint64_t token, struct sim_buf *out)
{
    bool is_reasoning = token < a->reasoning_tokens;
    uint64_t from = is_reasoning ? 0 : a->reasoning_tokens;
    struct tg_str word = sim_answer_word(a, token - from, from);

    if (!is_chat(a))
        sim_buf_lit(out, "\"text\":\"");
    else if (is_reasoning)
        sim_buf_lit(out, "\"delta\":{\"content\":null,\"reasoning_content\":"
                         "\"");
    else
        sim_buf_lit(out, "\"delta\":{\"content\":\"");
    if (token == 0 && sim_fault_is(&a->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(out, 'x', (size_t)a->ask.faults.arg[SIM_FAULT_HUGELINE]);
    sim_buf_str(out, word);
    if (!is_chat(a))
        sim_buf_lit(out, "\"");
    else if (a->is_thinking && !is_reasoning)
        sim_buf_lit(out, "\",\"reasoning_content\":null}");
    else
        sim_buf_lit(out, "\"}");
}

static void
put_finish(const struct sim_answer *a, struct sim_buf *out)
{
    if (!is_chat(a))
        sim_buf_lit(out, "\"text\":\"\"");
    else if (a->is_thinking)
        sim_buf_lit(out, "\"delta\":{\"content\":\"\",\"reasoning_content\":"
                         "null}");
    else if (a->dialect == SIM_OPENAI)
        sim_buf_lit(out, "\"delta\":{}");
    else
        sim_buf_lit(out, "\"delta\":{\"content\":\"\"}");
}

enum part { ROLE, PIECE, FINISH };

static void
put_event_choice(const struct sim_answer *a, uint64_t index, enum part part,
                 uint64_t token, struct sim_buf *out)
{
    sim_buf_lit(out, ",\"choices\":[{\"index\":");
    sim_buf_uint(out, index);
    sim_buf_lit(out, ",");
    if (part == ROLE)
        put_role(a, out);
    else if (part == PIECE)
        put_piece(a, token, out);
    else
        put_finish(a, out);
    sim_buf_lit(out, ",\"logprobs\":null,\"finish_reason\":");
    if (part == FINISH)
        sim_buf_add(out, finish_reason(a), strlen(finish_reason(a)));
    else
        sim_buf_lit(out, "null");
    sim_buf_lit(out, "}]");
}

/* OpenAI pads its chunks to hide the length of the token. */
static void
put_obfuscation(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    static const char pad[] = "r4N7vQ2mKx9TbW0s";

    if (a->dialect != SIM_OPENAI || a->ask.has_no_obfuscation)
        return;
    sim_buf_lit(out, ",\"obfuscation\":\"");
    sim_buf_add(out, pad, 3 + i * 7 % 13);
    sim_buf_lit(out, "\"");
}

static void
put_event_usage(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    uint64_t last = openai_lead(a) + sim_answer_tokens(a) + a->choices - 1;

    if (a->dialect == SIM_DEEPSEEK && i == last && has_usage(a))
        put_usage(a, sim_answer_tokens(a), out);
    else if (a->dialect == SIM_VLLM && wants_usage(a) && has_usage(a) &&
             a->ask.has_continuous_usage)
        put_usage(a, sim_answer_tokens_after(a, i + 1), out);
    else if (has_null_usage(a))
        sim_buf_lit(out, ",\"usage\":null");
}

static void
openai_event(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    uint64_t lead = openai_lead(a), tokens = sim_answer_tokens(a);

    sim_shape_data(a, out);
    put_head(a, is_chat(a) ? "chat.completion.chunk" : "text_completion", out);
    if (i < lead) {
        put_event_choice(a, i, ROLE, 0, out);
    } else if (i < lead + tokens) {
        uint64_t k = i - lead;

        put_event_choice(a, k % a->choices, PIECE, k / a->choices, out);
    } else if (i < lead + tokens + a->choices) {
        put_event_choice(a, i - lead - tokens, FINISH, 0, out);
    } else {
        sim_buf_lit(out, ",\"choices\":[]");
        put_usage(a, tokens, out);
        sim_buf_lit(out, "}");
        sim_shape_close(a, out);
        return;
    }
    put_event_usage(a, i, out);
    put_obfuscation(a, i, out);
    sim_buf_lit(out, "}");
    sim_shape_close(a, out);
}

const struct sim_shape sim_shape_openai = {
    .whole = openai_json,
    .event = openai_event,
    .end = sim_shape_done,
    .lead = openai_lead,
    .tail = openai_tail,
};
