/* Messages as Anthropic sends them (wire-contract 3).  The token that opens
 * the text after some thinking brings the end of one block and the start of
 * the next along with it. */
#include "shape.h"

static const char *
stop_reason(const struct sim_answer *a)
{
    return a->is_cut_by_limit ? "max_tokens" : "end_turn";
}

static bool
has_usage(const struct sim_answer *a)
{
    return !sim_fault_is(&a->ask.faults, SIM_FAULT_USAGE_MISSING);
}

/* Only Anthropic writes to the cache when it is asked to: what is marked and
 * was not read from it. */
static void
messages_plan(struct sim_answer *a)
{
    uint64_t marked = sim_answer_text_tokens(a->ask.marked_bytes);

    if (a->dialect == SIM_ANTHROPIC && marked > a->cached_tokens)
        a->cache_write_tokens = marked - a->cached_tokens;
}

static void
put_written(const struct sim_answer *a, struct sim_buf *out)
{
    if (a->cache_write_tokens == 0) {
        sim_buf_lit(out, ",\"cache_creation_input_tokens\":0");
        return;
    }
    sim_buf_lit(out, ",\"cache_creation_input_tokens\":");
    sim_answer_count(a, a->cache_write_tokens, out);
    sim_buf_lit(out, ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":");
    sim_answer_count(a, a->ask.is_marked_for_hour ? 0 : a->cache_write_tokens,
                     out);
    sim_buf_lit(out, ",\"ephemeral_1h_input_tokens\":");
    sim_answer_count(a, a->ask.is_marked_for_hour ? a->cache_write_tokens : 0,
                     out);
    sim_buf_lit(out, "}");
}

/* input_tokens leaves out what was read from the cache or written to it. */
static void
put_usage(const struct sim_answer *a, uint64_t output, struct sim_buf *out)
{
    if (!has_usage(a))
        return;
    sim_buf_lit(out, ",\"usage\":{\"input_tokens\":");
    sim_answer_count(
        a, a->prompt_tokens - a->cached_tokens - a->cache_write_tokens, out);
    put_written(a, out);
    sim_buf_lit(out, ",\"cache_read_input_tokens\":");
    sim_answer_count(a, a->cached_tokens, out);
    sim_buf_lit(out, ",\"output_tokens\":");
    sim_answer_count(a, output, out);
    sim_buf_lit(out, "}");
}

static void
put_head(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_printf(out,
                   "{\"id\":\"%s\",\"type\":\"message\",\"role\":"
                   "\"assistant\",\"model\":",
                   a->id);
    sim_buf_json(out, (struct tg_str){a->model, strlen(a->model)});
    sim_buf_lit(out, ",\"content\":[");
}

static void
messages_json(const struct sim_answer *a, struct sim_buf *out)
{
    bool has_text = a->choice_tokens > a->reasoning_tokens;

    put_head(a, out);
    if (a->reasoning_tokens > 0) {
        sim_buf_lit(out, "{\"type\":\"thinking\",\"thinking\":\"");
        sim_answer_words(a, 0, a->reasoning_tokens, out);
        sim_buf_lit(out, "\",\"signature\":\"c2ltdWxhdGVk\"}");
        if (has_text)
            sim_buf_lit(out, ",");
    }
    if (has_text) {
        sim_buf_lit(out, "{\"type\":\"text\",\"text\":\"");
        sim_answer_words(a, a->reasoning_tokens, a->choice_tokens, out);
        sim_buf_lit(out, "\"}");
    }
    sim_buf_printf(out, "],\"stop_reason\":\"%s\",\"stop_sequence\":null",
                   stop_reason(a));
    put_usage(a, a->choice_tokens, out);
    sim_buf_lit(out, "}");
}

static void
start_block(const struct sim_answer *a, int index, bool is_thinking,
            struct sim_buf *out)
{
    sim_shape_name(a, "content_block_start", out);
    sim_shape_data(a, out);
    sim_buf_printf(out,
                   "{\"type\":\"content_block_start\",\"index\":%d,"
                   "\"content_block\":{\"type\":\"%s\",\"%s\":\"\"%s}}",
                   index, is_thinking ? "thinking" : "text",
                   is_thinking ? "thinking" : "text",
                   is_thinking ? ",\"signature\":\"\"" : "");
    sim_shape_close(a, out);
}

static void
stop_block(const struct sim_answer *a, int index, struct sim_buf *out)
{
    sim_shape_name(a, "content_block_stop", out);
    sim_shape_data(a, out);
    sim_buf_printf(out, "{\"type\":\"content_block_stop\",\"index\":%d}",
                   index);
    sim_shape_close(a, out);
}

static void
put_start(const struct sim_answer *a, struct sim_buf *out)
{
    sim_shape_name(a, "message_start", out);
    sim_shape_data(a, out);
    sim_buf_lit(out, "{\"type\":\"message_start\",\"message\":");
    put_head(a, out);
    sim_buf_lit(out, "],\"stop_reason\":null,\"stop_sequence\":null");
    put_usage(a, 1, out);
    sim_buf_lit(out, "}}");
    sim_shape_close(a, out);
    start_block(a, 0, a->reasoning_tokens > 0, out);
    sim_shape_name(a, "ping", out);
    sim_shape_data(a, out);
    sim_buf_lit(out, "{\"type\": \"ping\"}");
    sim_shape_close(a, out);
}

static void
put_piece(const struct sim_answer *a, uint64_t token, struct sim_buf *out)
{
    bool is_thinking = token < a->reasoning_tokens;
    uint64_t from = is_thinking ? 0 : a->reasoning_tokens;
    int index = !is_thinking && a->reasoning_tokens > 0;
    struct tg_str word = sim_answer_word(a, token - from, from);

    if (token == from && index > 0) {
        stop_block(a, 0, out);
        start_block(a, 1, false, out);
    }
    sim_shape_name(a, "content_block_delta", out);
    sim_shape_data(a, out);
    sim_buf_printf(out,
                   "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{"
                   "\"type\":\"%s\",\"%s\":\"",
                   index, is_thinking ? "thinking_delta" : "text_delta",
                   is_thinking ? "thinking" : "text");
    if (token == 0 && sim_fault_is(&a->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(out, 'x', (size_t)a->ask.faults.arg[SIM_FAULT_HUGELINE]);
    sim_buf_str(out, word);
    sim_buf_lit(out, "\"}}");
    sim_shape_close(a, out);
}

static void
put_stop(const struct sim_answer *a, struct sim_buf *out)
{
    bool has_two =
        a->reasoning_tokens > 0 && a->choice_tokens > a->reasoning_tokens;

    stop_block(a, has_two, out);
    sim_shape_name(a, "message_delta", out);
    sim_shape_data(a, out);
    sim_buf_printf(out,
                   "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                   "\"%s\",\"stop_sequence\":null}",
                   stop_reason(a));
    if (has_usage(a)) {
        sim_buf_lit(out, ",\"usage\":{\"output_tokens\":");
        sim_answer_count(a, a->choice_tokens, out);
        sim_buf_lit(out, "}");
    }
    sim_buf_lit(out, "}");
    sim_shape_close(a, out);
}

static void
messages_event(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    if (i == 0)
        put_start(a, out);
    else if (i <= a->choice_tokens)
        put_piece(a, i - 1, out);
    else
        put_stop(a, out);
}

static void
messages_end(const struct sim_answer *a, struct sim_buf *out)
{
    sim_shape_name(a, "message_stop", out);
    sim_shape_data(a, out);
    sim_buf_lit(out, "{\"type\":\"message_stop\"}");
    sim_shape_close(a, out);
}

const struct sim_shape sim_shape_messages = {
    .plan = messages_plan,
    .whole = messages_json,
    .event = messages_event,
    .end = messages_end,
    .lead = sim_shape_one,
    .tail = sim_shape_one,
};
