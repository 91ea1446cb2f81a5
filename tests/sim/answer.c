#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 24
#define USAGE_SIZE 256

__attribute__((format(printf, 2, 3))) static void
say(struct answer *answer, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(answer->text + answer->len, ANSWER_TEXT_MAX - answer->len,
                  fmt, ap);
    va_end(ap);
    answer->len += (size_t)n;
    if (answer->len >= ANSWER_TEXT_MAX)
        abort();
}

static void
say_text(struct answer *answer, int64_t bytes)
{
    if (answer->len + (size_t)bytes >= ANSWER_TEXT_MAX)
        abort();
    memset(answer->text + answer->len, 'x', (size_t)bytes);
    answer->len += (size_t)bytes;
}

static void
mark(struct answer *answer, const struct oracle_answer *known)
{
    if (answer->mark_count == ANSWER_MARKS_MAX)
        abort();
    answer->marks[answer->mark_count++] =
        (struct answer_mark){answer->len, *known};
}

/* What is charged, or one of the figures that nobody may believe. */
static void
draw_usage(struct oracle_answer *known, int64_t prompt_bound,
           int64_t completion_bound, char usage[USAGE_SIZE])
{
    static const char *const rogues[] = {
        "{\"prompt_tokens\":-7,\"completion_tokens\":3}",
        "{\"prompt_tokens\":7,\"completion_tokens\":-3}",
        "{\"prompt_tokens\":7,\"completion_tokens\":999999999999999}",
        "{\"prompt_tokens\":999999999999999,\"completion_tokens\":1}",
        "{\"prompt_tokens\":7.5,\"completion_tokens\":3}",
        "{\"prompt_tokens\":\"7\",\"completion_tokens\":3}",
        "null",
    };
    uint32_t rogue = sim_below(24);

    known->is_over = true;
    known->has_report = true;
    if (rogue < sizeof(rogues) / sizeof(rogues[0])) {
        snprintf(usage, USAGE_SIZE, "%s", rogues[rogue]);
        return;
    }
    known->is_believable = true;
    known->prompt_tokens = sim_between(0, prompt_bound);
    known->cached_tokens = sim_between(0, known->prompt_tokens);
    known->completion_tokens =
        sim_chance(300)                       ? sim_between(0, completion_bound)
        : known->bytes / 3 < completion_bound ? known->bytes / 3
                                              : completion_bound;
    /* One beyond the bounds is as bad as none. */
    if (sim_chance(60)) {
        known->is_believable = false;
        known->completion_tokens = completion_bound + 1;
    }
    snprintf(usage, USAGE_SIZE,
             "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,"
             "\"prompt_tokens_details\":{\"cached_tokens\":%lld}}",
             (long long)known->prompt_tokens,
             (long long)known->completion_tokens,
             (long long)known->cached_tokens);
}

static void
draw_json(struct answer *answer, struct oracle_answer known, int64_t prompt,
          int64_t completion)
{
    int64_t first = sim_between(4, 1000), second = sim_between(4, 2000);
    char usage[USAGE_SIZE];

    known.has_bytes = true;
    say(answer, "{\"choices\":[{\"index\":0,\"message\":{\"role\":"
                "\"assistant\",\"content\":\"");
    /* Text is seen once its string is whole. */
    say_text(answer, first);
    mark(answer, &known);
    say_text(answer, second);
    known.bytes = first + second;
    known.events = 1;
    say(answer, "\"},\"finish_reason\":\"stop\"}]");
    mark(answer, &known);
    if (answer->end == ANSWER_BREAKS)
        return;
    if (sim_chance(850)) {
        draw_usage(&known, prompt, completion, usage);
        say(answer, ",\"usage\":%s", usage);
    }
    known.is_over = true;
    say(answer, "}");
    mark(answer, &known);
}

static void
draw_stream(struct answer *answer, struct oracle_answer known, int64_t prompt,
            int64_t completion)
{
    uint32_t events = sim_below(EVENTS_MAX);
    bool has_long = sim_chance(400);
    char usage[USAGE_SIZE];

    known.has_bytes = true;
    for (uint32_t i = 0; i < events; i++) {
        int64_t bytes =
            has_long && i % 8 == 1 ? sim_between(1, 3000) : sim_between(1, 40);

        say(answer, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                    "\"");
        say_text(answer, bytes);
        say(answer, "\"},\"finish_reason\":null}]}\n\n");
        known.bytes += bytes;
        known.events++;
        mark(answer, &known);
    }
    if (answer->end != ANSWER_ENDS)
        return;
    if (sim_chance(850)) {
        draw_usage(&known, prompt, completion, usage);
        say(answer,
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
            "\"stop\"}],\"usage\":%s}\n\n",
            usage);
        mark(answer, &known);
    }
    known.is_over = true;
    say(answer, "data: [DONE]\n\n");
    mark(answer, &known);
}

void
answer_draw(struct answer *answer, bool is_stream, int64_t prompt_bound,
            int64_t completion_bound)
{
    struct oracle_answer known = {.is_stream = is_stream, .status = 200};

    answer->len = answer->mark_count = 0;
    answer->end = sim_chance(750)                ? ANSWER_ENDS
                  : is_stream && sim_chance(500) ? ANSWER_LEFT
                                                 : ANSWER_BREAKS;
    answer->status = 200;
    if (sim_chance(60)) {
        answer->status = sim_chance(500) ? 500 : 0;
        answer->end = ANSWER_BREAKS;
        return;
    }
    if (is_stream)
        draw_stream(answer, known, prompt_bound, completion_bound);
    else
        draw_json(answer, known, prompt_bound, completion_bound);
}
