/* Responses as a stream.  As with messages, the token that opens the text
 * after some thinking brings the end of one item and the start of the next
 * along with it, so that a token is still one piece of the stream. */
#include "responses_part.h"

enum {
    LEAD_EVENTS = 4,  /* created, in_progress, the first item and its part */
    OPEN_EVENTS = 2,  /* of an item: itself and its part */
    CLOSE_EVENTS = 3, /* of an item: its text, its part, itself */
};

/* How many events stand before token's delta; choice_tokens asks how many
 * stand before the end of the last item. */
static uint64_t
events_before(const struct sim_answer *a, uint64_t token)
{
    bool is_behind_thinking = sim_responses_thinks(a) &&
                              sim_responses_speaks(a) &&
                              token >= a->reasoning_tokens;

    return LEAD_EVENTS + token +
           (is_behind_thinking ? CLOSE_EVENTS + OPEN_EVENTS : 0);
}

static void
open_event(const struct sim_answer *a, const char *type, uint64_t number,
           struct sim_buf *out)
{
    sim_shape_name(a, type, out);
    sim_shape_data(a, out);
    sim_buf_printf(out, "{\"type\":\"%s\",\"sequence_number\":", type);
    sim_buf_uint(out, number);
}

static void
close_event(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "}");
    sim_shape_close(a, out);
}

static void
put_response(const struct sim_answer *a, const char *type, uint64_t number,
             bool is_whole, struct sim_buf *out)
{
    open_event(a, type, number, out);
    sim_buf_lit(out, ",\"response\":");
    sim_responses_put(a, is_whole, out);
    close_event(a, out);
}

static void
put_item(const struct sim_answer *a, const struct sim_item *item,
         uint64_t number, bool is_whole, struct sim_buf *out)
{
    open_event(a,
               is_whole ? "response.output_item.done"
                        : "response.output_item.added",
               number, out);
    sim_buf_printf(out, ",\"output_index\":%u,\"item\":", item->index);
    sim_responses_put_item(a, item, is_whole, out);
    close_event(a, out);
}

/* Where in the output the event belongs. */
static void
put_place(const struct sim_answer *a, const struct sim_item *item,
          struct sim_buf *out)
{
    sim_buf_lit(out, ",\"item_id\":");
    sim_responses_put_id(a, item, out);
    sim_buf_printf(out, ",\"output_index\":%u,\"content_index\":0",
                   item->index);
}

static void
put_part(const struct sim_answer *a, const struct sim_item *item,
         uint64_t number, bool is_whole, struct sim_buf *out)
{
    open_event(a,
               is_whole ? "response.content_part.done"
                        : "response.content_part.added",
               number, out);
    put_place(a, item, out);
    sim_buf_lit(out, ",\"part\":");
    sim_responses_put_part(a, item, is_whole, out);
    close_event(a, out);
}

static void
open_item(const struct sim_answer *a, const struct sim_item *item,
          uint64_t number, struct sim_buf *out)
{
    put_item(a, item, number, false, out);
    put_part(a, item, number + 1, false, out);
}

/* Only text, not thinking, may come with log probabilities. */
static void
put_logprobs(const struct sim_item *item, struct sim_buf *out)
{
    if (!item->is_reasoning)
        sim_buf_lit(out, ",\"logprobs\":[]");
}

static void
close_item(const struct sim_answer *a, const struct sim_item *item,
           uint64_t number, struct sim_buf *out)
{
    open_event(a,
               item->is_reasoning ? "response.reasoning_text.done"
                                  : "response.output_text.done",
               number, out);
    put_place(a, item, out);
    sim_buf_lit(out, ",\"text\":");
    sim_responses_put_text(a, item, out);
    put_logprobs(item, out);
    close_event(a, out);
    put_part(a, item, number + 1, true, out);
    put_item(a, item, number + 2, true, out);
}

static void
put_start(const struct sim_answer *a, struct sim_buf *out)
{
    struct sim_item first = sim_responses_thinks(a) ? sim_responses_thinking(a)
                                                    : sim_responses_message(a);

    put_response(a, "response.created", 0, false, out);
    put_response(a, "response.in_progress", 1, false, out);
    open_item(a, &first, 2, out);
}

static void
put_delta(const struct sim_answer *a, const struct sim_item *item,
          uint64_t token, struct sim_buf *out)
{
    struct tg_str word = sim_answer_word(a, token - item->from, item->from);

    open_event(a,
               item->is_reasoning ? "response.reasoning_text.delta"
                                  : "response.output_text.delta",
               events_before(a, token), out);
    put_place(a, item, out);
    sim_buf_lit(out, ",\"delta\":\"");
    if (token == item->from && item->to == a->choice_tokens &&
        sim_fault_is(&a->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(out, 'x', (size_t)a->ask.faults.arg[SIM_FAULT_HUGELINE]);
    sim_buf_str(out, word);
    sim_buf_lit(out, "\"");
    put_logprobs(item, out);
    close_event(a, out);
}

static void
put_token(const struct sim_answer *a, uint64_t token, struct sim_buf *out)
{
    bool is_thinking = token < a->reasoning_tokens;
    struct sim_item item =
        is_thinking ? sim_responses_thinking(a) : sim_responses_message(a);

    if (!is_thinking && token == item.from && sim_responses_thinks(a)) {
        struct sim_item before = sim_responses_thinking(a);
        uint64_t number = events_before(a, token) - OPEN_EVENTS;

        close_item(a, &before, number - CLOSE_EVENTS, out);
        open_item(a, &item, number, out);
    }
    put_delta(a, &item, token, out);
}

void
sim_responses_event(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    struct sim_item last = sim_responses_speaks(a) ? sim_responses_message(a)
                                                   : sim_responses_thinking(a);

    if (i == 0)
        put_start(a, out);
    else if (i <= a->choice_tokens)
        put_token(a, i - 1, out);
    else
        close_item(a, &last, events_before(a, a->choice_tokens), out);
}

void
sim_responses_end(const struct sim_answer *a, struct sim_buf *out)
{
    put_response(
        a, a->is_cut_by_limit ? "response.incomplete" : "response.completed",
        events_before(a, a->choice_tokens) + CLOSE_EVENTS, true, out);
}

/* The number of the next event behind so many pieces of the stream. */
static uint64_t
number_after(const struct sim_answer *a, uint64_t pieces)
{
    if (pieces == 0)
        return 0;
    if (pieces == 1)
        return LEAD_EVENTS;
    if (pieces - 1 <= a->choice_tokens)
        return events_before(a, pieces - 2) + 1;
    return events_before(a, a->choice_tokens) + CLOSE_EVENTS;
}

void
sim_responses_error(const struct sim_answer *a, uint64_t events,
                    struct sim_buf *out)
{
    open_event(a, "error", number_after(a, events), out);
    sim_buf_lit(out, ",\"code\":\"server_error\",\"message\":\"The engine "
                     "failed while it was answering.\",\"param\":null");
    close_event(a, out);
}
