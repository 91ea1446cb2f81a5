#include "sim_answer.h"
#include "shape.h"

/* A token is a word of this text, read round and round.  The number of words
 * is a prime, so that most steps through it look different. */
#define W(word) TG_STR_INIT(" " word)

static const struct tg_str words[] = {
    W("the"),     W("gate"),  W("reads"), W("each"),    W("call"),
    W("and"),     W("keeps"), W("a"),     W("careful"), W("count"),
    W("of"),      W("what"),  W("was"),   W("asked"),   W("then"),
    W("answers"), W("in"),    W("plain"), W("words"),   W("so"),
    W("that"),    W("every"), W("token"), W("has"),     W("its"),
    W("place"),   W("on"),    W("bill"),  W("while"),   W("nothing"),
    W("is"),      W("lost"),  W("or"),    W("told"),    W("twice"),
    W("because"), W("good"),  W("books"), W("make"),    W("calm"),
    W("people"),  W("who"),   W("sleep"), W("well"),    W("when"),
    W("night"),   W("falls"), W("over"),  W("quiet"),   W("server"),
    W("rooms"),   W("where"), W("small"), W("green"),   W("lamps"),
    W("blink"),   W("to"),    W("one"),   W("steady"),  W("beat"),
    W("again"),
};

enum { WORDS = sizeof(words) / sizeof(words[0]), CACHE_UNIT = 64 };
enum { CONTEXT_PER_MESSAGE = 3, THINKING_PART = 3 };

static const struct sim_shape *
shape(const struct sim_answer *answer)
{
    static const struct sim_shape *const shapes[SIM_ENDPOINT_COUNT] = {
        [SIM_CHAT] = &sim_shape_openai,
        [SIM_COMPLETIONS] = &sim_shape_openai,
        [SIM_EMBEDDINGS] = &sim_shape_embeddings,
        [SIM_MESSAGES] = &sim_shape_messages,
        [SIM_RESPONSES] = &sim_shape_responses,
        [SIM_SPEECH] = &sim_shape_speech,
        [SIM_IMAGES] = &sim_shape_images,
        [SIM_OBJECTS] = &sim_shape_prepared,
        [SIM_IMAGE_EDITS] = &sim_shape_images,
        [SIM_IMAGE_VARIATIONS] = &sim_shape_images,
        [SIM_TRANSCRIPTIONS] = &sim_shape_transcripts,
        [SIM_TRANSLATIONS] = &sim_shape_transcripts,
    };

    return shapes[answer->ask.endpoint];
}

static uint64_t
prompt_tokens(const struct sim_ask *ask)
{
    uint64_t tokens = sim_answer_text_tokens(ask->content_bytes) +
                      CONTEXT_PER_MESSAGE * ask->messages;

    return tokens ? tokens : 1;
}

static bool
is_thinking(const struct sim_answer *answer)
{
    const struct sim_ask *ask = &answer->ask;

    switch (ask->endpoint) {
    case SIM_CHAT:
        return answer->dialect == SIM_DEEPSEEK && ask->thinking != SIM_OFF;
    case SIM_RESPONSES:
        return answer->dialect == SIM_DEEPSEEK ? ask->thinking != SIM_OFF
                                               : ask->thinking == SIM_ON;
    case SIM_MESSAGES:
        return ask->thinking == SIM_ON;
    default:
        return false;
    }
}

static uint64_t
choices(const struct sim_answer *answer)
{
    bool may_choose =
        answer->dialect == SIM_OPENAI || answer->dialect == SIM_VLLM;

    return may_choose && answer->ask.n > 0 ? (uint64_t)answer->ask.n : 1;
}

/* The plan of an answer that is text. */
static void
plan_text(struct sim_answer *answer, int64_t tokens)
{
    const struct sim_ask *ask = &answer->ask;

    answer->first_word = ask->seed % WORDS;
    answer->prompt_tokens = prompt_tokens(ask);
    answer->cached_tokens =
        answer->prompt_tokens > CACHE_UNIT
            ? answer->prompt_tokens / CACHE_UNIT * CACHE_UNIT
            : 0;
    answer->is_thinking = is_thinking(answer);
    answer->reasoning_tokens =
        answer->is_thinking ? (uint64_t)tokens / THINKING_PART : 0;
    if (ask->max_tokens > 0 && ask->max_tokens < tokens) {
        tokens = ask->max_tokens;
        answer->is_cut_by_limit = true;
    }
    if (answer->reasoning_tokens > (uint64_t)tokens)
        answer->reasoning_tokens = (uint64_t)tokens;
    answer->choices = choices(answer);
    answer->choice_tokens = (uint64_t)tokens;
}

void
sim_answer_plan(struct sim_answer *answer, int64_t usual_tokens)
{
    const struct sim_faults *faults = &answer->ask.faults;
    const struct sim_shape *s = shape(answer);

    plan_text(answer, sim_fault_is(faults, SIM_FAULT_TOKENS)
                          ? faults->arg[SIM_FAULT_TOKENS]
                          : usual_tokens);
    if (s->plan)
        s->plan(answer);
    if (!s->event)
        answer->ask.is_stream = false;
}

void
sim_answer_tally(const struct sim_answer *answer, uint64_t tokens,
                 bool is_whole, struct sim_tally *tally)
{
    uint64_t reasoning = answer->reasoning_tokens * answer->choices;

    *tally = (struct sim_tally){
        .requests = 1,
        .images = is_whole ? answer->images : 0,
        .audio_ms = answer->audio_ms,
        .characters = answer->ask.characters,
    };
    if (!answer->is_by_tokens)
        return;
    if (answer->images > 0)
        tokens = is_whole ? answer->image_tokens : 0;
    tally->prompt_tokens = answer->prompt_tokens;
    tally->cached_tokens = answer->cached_tokens;
    tally->cache_write_tokens = answer->cache_write_tokens;
    tally->completion_tokens = tokens;
    tally->reasoning_tokens = tokens < reasoning ? tokens : reasoning;
}

uint64_t
sim_answer_tokens(const struct sim_answer *answer)
{
    return answer->choices * answer->choice_tokens;
}

static size_t
place(const struct sim_answer *answer, uint64_t token)
{
    return (size_t)((answer->first_word + token) % WORDS);
}

/* A part does not begin with a space. */
static struct tg_str
opening(size_t at)
{
    return (struct tg_str){words[at].data + 1, words[at].len - 1};
}

struct tg_str
sim_answer_word(const struct sim_answer *answer, uint64_t i, uint64_t offset)
{
    size_t at = place(answer, offset + i);

    return i == 0 ? opening(at) : words[at];
}

void
sim_answer_words(const struct sim_answer *answer, uint64_t from, uint64_t to,
                 struct sim_buf *out)
{
    size_t at = place(answer, from);
    struct tg_str word = opening(at);

    if (from < to && to == answer->choice_tokens &&
        sim_fault_is(&answer->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(out, 'x',
                     (size_t)answer->ask.faults.arg[SIM_FAULT_HUGELINE]);
    for (uint64_t i = from; i < to; i++) {
        sim_buf_str(out, word);
        at = at + 1 == WORDS ? 0 : at + 1;
        word = words[at];
    }
}

void
sim_answer_count(const struct sim_answer *answer, uint64_t tokens,
                 struct sim_buf *out)
{
    const struct sim_faults *faults = &answer->ask.faults;

    if (sim_fault_is(faults, SIM_FAULT_USAGE_NEGATIVE)) {
        sim_buf_lit(out, "-");
        sim_buf_uint(out, tokens + 1);
    } else if (sim_fault_is(faults, SIM_FAULT_USAGE_HUGE)) {
        sim_buf_uint(out, 900000000000000000u + tokens);
    } else if (sim_fault_is(faults, SIM_FAULT_USAGE_STRING)) {
        sim_buf_lit(out, "\"");
        sim_buf_uint(out, tokens);
        sim_buf_lit(out, "\"");
    } else if (sim_fault_is(faults, SIM_FAULT_USAGE_FLOAT)) {
        sim_buf_uint(out, tokens);
        sim_buf_lit(out, ".5");
    } else {
        sim_buf_uint(out, tokens);
    }
}

void
sim_answer_whole(const struct sim_answer *answer, struct sim_buf *out)
{
    if (sim_fault_is(&answer->ask.faults, SIM_FAULT_GARBAGE))
        sim_buf_lit(out, "<html><body>upstream connect error</body></html>\n");
    else
        shape(answer)->whole(answer, out);
}

uint64_t
sim_answer_events(const struct sim_answer *answer)
{
    return shape(answer)->lead(answer) + sim_answer_tokens(answer) +
           shape(answer)->tail(answer);
}

uint64_t
sim_answer_tokens_after(const struct sim_answer *answer, uint64_t events)
{
    uint64_t tokens = sim_answer_tokens(answer), lead;

    if (events == 0)
        return 0;
    lead = shape(answer)->lead(answer);
    if (events <= lead)
        return 0;
    return events - lead < tokens ? events - lead : tokens;
}

void
sim_answer_event(const struct sim_answer *answer, uint64_t i,
                 struct sim_buf *out)
{
    if (i > 0 && sim_fault_is(&answer->ask.faults, SIM_FAULT_GARBAGE))
        sim_buf_lit(out, "data: {\"id\":\"a03, \"choices\":[{\n\ndat\n\n");
    else
        shape(answer)->event(answer, i, out);
}

void
sim_answer_end(const struct sim_answer *answer, struct sim_buf *out)
{
    if (!sim_fault_is(&answer->ask.faults, SIM_FAULT_NO_DONE))
        shape(answer)->end(answer, out);
}

void
sim_answer_error_event(const struct sim_answer *answer, uint64_t events,
                       struct sim_buf *out)
{
    if (shape(answer)->error) {
        shape(answer)->error(answer, events, out);
        return;
    }
    if (answer->dialect == SIM_ANTHROPIC) {
        sim_shape_name(answer, "error", out);
        sim_shape_data(answer, out);
        sim_buf_lit(out, "{\"type\":\"error\",\"error\":{\"type\":"
                         "\"overloaded_error\",\"message\":\"Overloaded\"}}");
    } else {
        sim_shape_data(answer, out);
        sim_buf_lit(out, "{\"error\":{\"message\":\"The engine failed while "
                         "it was answering.\",\"type\":\"internal_error\","
                         "\"param\":null,\"code\":");
        if (answer->dialect == SIM_VLLM)
            sim_buf_lit(out, "500}}");
        else
            sim_buf_lit(out, "\"internal_error\"}}");
    }
    sim_shape_close(answer, out);
}
