/* Responses (wire-contract 2.6; OpenAI's client 7.5.0): the object.  It holds
 * one message, behind a reasoning item where the model thinks. */
#include "responses_part.h"

bool
sim_responses_thinks(const struct sim_answer *a)
{
    return a->reasoning_tokens > 0;
}

bool
sim_responses_speaks(const struct sim_answer *a)
{
    return a->choice_tokens > a->reasoning_tokens;
}

struct sim_item
sim_responses_thinking(const struct sim_answer *a)
{
    return (struct sim_item){true, 0, 0, a->reasoning_tokens};
}

struct sim_item
sim_responses_message(const struct sim_answer *a)
{
    return (struct sim_item){false, sim_responses_thinks(a),
                             a->reasoning_tokens, a->choice_tokens};
}

static bool
is_last(const struct sim_answer *a, const struct sim_item *item)
{
    return item->to == a->choice_tokens;
}

/* The item's id is the answer's with another front. */
void
sim_responses_put_id(const struct sim_answer *a, const struct sim_item *item,
                     struct sim_buf *out)
{
    sim_buf_printf(out, "\"%s%s\"", item->is_reasoning ? "rs_" : "msg_",
                   a->id + strlen("resp_"));
}

void
sim_responses_put_text(const struct sim_answer *a, const struct sim_item *item,
                       struct sim_buf *out)
{
    sim_buf_lit(out, "\"");
    sim_answer_words(a, item->from, item->to, out);
    sim_buf_lit(out, "\"");
}

/* The one part of an item, with its text or without. */
void
sim_responses_put_part(const struct sim_answer *a, const struct sim_item *item,
                       bool is_whole, struct sim_buf *out)
{
    sim_buf_printf(out, "{\"type\":\"%s\",\"text\":",
                   item->is_reasoning ? "reasoning_text" : "output_text");
    if (is_whole)
        sim_responses_put_text(a, item, out);
    else
        sim_buf_lit(out, "\"\"");
    if (!item->is_reasoning)
        sim_buf_lit(out, ",\"annotations\":[],\"logprobs\":[]");
    sim_buf_lit(out, "}");
}

static const char *
status(const struct sim_answer *a)
{
    return a->is_cut_by_limit ? "incomplete" : "completed";
}

void
sim_responses_put_item(const struct sim_answer *a, const struct sim_item *item,
                       bool is_whole, struct sim_buf *out)
{
    const char *state = !is_whole          ? "in_progress"
                        : is_last(a, item) ? status(a)
                                           : "completed";

    sim_buf_printf(out, "{\"type\":\"%s\",\"id\":",
                   item->is_reasoning ? "reasoning" : "message");
    sim_responses_put_id(a, item, out);
    sim_buf_printf(out, ",\"status\":\"%s\",%s\"content\":[", state,
                   item->is_reasoning ? "\"summary\":[],"
                                      : "\"role\":\"assistant\",");
    if (is_whole)
        sim_responses_put_part(a, item, true, out);
    sim_buf_lit(out, "]}");
}

static void
put_output(const struct sim_answer *a, struct sim_buf *out)
{
    struct sim_item first = sim_responses_thinking(a),
                    second = sim_responses_message(a);

    if (sim_responses_thinks(a))
        sim_responses_put_item(a, &first, true, out);
    if (sim_responses_thinks(a) && sim_responses_speaks(a))
        sim_buf_lit(out, ",");
    if (sim_responses_speaks(a))
        sim_responses_put_item(a, &second, true, out);
}

static void
put_usage(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "{\"input_tokens\":");
    sim_answer_count(a, a->prompt_tokens, out);
    sim_buf_lit(out, ",\"input_tokens_details\":{\"cached_tokens\":");
    sim_answer_count(a, a->cached_tokens, out);
    sim_buf_lit(out, "},\"output_tokens\":");
    sim_answer_count(a, a->choice_tokens, out);
    sim_buf_lit(out, ",\"output_tokens_details\":{\"reasoning_tokens\":");
    sim_answer_count(a, a->reasoning_tokens, out);
    sim_buf_lit(out, "},\"total_tokens\":");
    sim_answer_count(a, a->prompt_tokens + a->choice_tokens, out);
    sim_buf_lit(out, "}");
}

static void
put_head(const struct sim_answer *a, const char *state, struct sim_buf *out)
{
    sim_buf_printf(out,
                   "{\"id\":\"%s\",\"object\":\"response\",\"created_at\":%lld,"
                   "\"status\":\"%s\",\"error\":null,\"incomplete_details\":",
                   a->id, (long long)a->created_s, state);
    if (strcmp(state, "incomplete") == 0)
        sim_buf_lit(out, "{\"reason\":\"max_output_tokens\"}");
    else
        sim_buf_lit(out, "null");
    sim_buf_lit(out, ",\"instructions\":null,\"max_output_tokens\":");
    if (a->ask.max_tokens > 0)
        sim_buf_uint(out, (uint64_t)a->ask.max_tokens);
    else
        sim_buf_lit(out, "null");
    sim_buf_lit(out, ",\"model\":");
    sim_buf_json(out, (struct tg_str){a->model, strlen(a->model)});
    sim_buf_lit(out, ",\"metadata\":{},\"parallel_tool_calls\":true,"
                     "\"previous_response_id\":null,\"store\":false,"
                     "\"temperature\":1.0,\"tool_choice\":\"auto\","
                     "\"tools\":[],\"top_p\":1.0");
}

/* The response as it is at the end, or, not whole, at the start. */
void
sim_responses_put(const struct sim_answer *a, bool is_whole,
                  struct sim_buf *out)
{
    put_head(a, is_whole ? status(a) : "in_progress", out);
    sim_buf_lit(out, ",\"output\":[");
    if (is_whole)
        put_output(a, out);
    sim_buf_lit(out, "]");
    if (!is_whole) {
        sim_buf_lit(out, ",\"usage\":null");
    } else if (!sim_fault_is(&a->ask.faults, SIM_FAULT_USAGE_MISSING)) {
        sim_buf_lit(out, ",\"usage\":");
        put_usage(a, out);
    }
    sim_buf_lit(out, "}");
}

static void
responses_json(const struct sim_answer *a, struct sim_buf *out)
{
    sim_responses_put(a, true, out);
}

const struct sim_shape sim_shape_responses = {
    .whole = responses_json,
    .event = sim_responses_event,
    .end = sim_responses_end,
    .lead = sim_shape_one,
    .tail = sim_shape_one,
    .error = sim_responses_error,
};
