#include <stdio.h>

#include "ask_part.h"

int
sim_ask_skip(struct sim_asking *r)
{
    return sim_json_skip(&r->json);
}

bool
sim_ask_is_null(struct sim_asking *r)
{
    return sim_json_peek(&r->json) == SIM_JSON_NULL;
}

static const struct sim_ask_member *
find(const struct sim_asking *r, const struct sim_ask_member *m,
     const struct sim_json_text *name)
{
    unsigned here = SIM_IN(r->ask->endpoint);

    while (m->name && !((m->where & here) && sim_json_is(name, m->name)))
        m++;
    return m;
}

int
sim_ask_object(struct sim_asking *r, const struct sim_ask_member *members)
{
    struct sim_json_text name;
    bool is_first = true;
    int got;

    if (sim_json_open(&r->json, '{'))
        return -1;
    while ((got = sim_json_member(&r->json, &is_first, &name)) > 0) {
        const struct sim_ask_member *m = find(r, members, &name);

        if (m->name && ((m->where & SIM_TAKES_NULL) || !sim_ask_is_null(r))
                ? m->read(r)
                : sim_ask_skip(r))
            return -1;
    }
    return got;
}

static int
read_switch(struct sim_asking *r, enum sim_switch *to)
{
    bool value;

    if (sim_json_bool(&r->json, &value))
        return -1;
    *to = value ? SIM_ON : SIM_OFF;
    return 0;
}

static int
read_model(struct sim_asking *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    if (text.raw.len >= SIM_MODEL_BYTES)
        return sim_json_fail(&r->json, "model name is too long");
    sim_json_decode(&text, r->ask->model, sizeof(r->ask->model));
    return 0;
}

static int
read_range(struct sim_asking *r, int64_t *to, int64_t least, int64_t most)
{
    if (sim_json_int(&r->json, to))
        return -1;
    if (*to < least || *to > most)
        return sim_json_fail(&r->json, "number is out of range");
    return 0;
}

static int
read_max_tokens(struct sim_asking *r)
{
    return read_range(r, &r->ask->max_tokens, 1, 1 << 24);
}

static int
read_n(struct sim_asking *r)
{
    return read_range(r, &r->ask->n, 1, 128);
}

static int
read_dimensions(struct sim_asking *r)
{
    return read_range(r, &r->ask->dimensions, 1, 4096);
}

static int
read_stream(struct sim_asking *r)
{
    return sim_json_bool(&r->json, &r->ask->is_stream);
}

static int
read_include_usage(struct sim_asking *r)
{
    if (sim_ask_is_null(r)) {
        r->ask->include_usage = SIM_OFF;
        return sim_ask_skip(r);
    }
    return read_switch(r, &r->ask->include_usage);
}

static int
read_continuous(struct sim_asking *r)
{
    return sim_json_bool(&r->json, &r->ask->has_continuous_usage);
}

static int
read_obfuscation(struct sim_asking *r)
{
    bool wanted;

    if (sim_json_bool(&r->json, &wanted))
        return -1;
    r->ask->has_no_obfuscation = !wanted;
    return 0;
}

static int
read_stream_options(struct sim_asking *r)
{
    static const struct sim_ask_member members[] = {
        {"include_usage", read_include_usage, SIM_IN_ALL | SIM_TAKES_NULL},
        {"continuous_usage_stats", read_continuous, SIM_IN_ALL},
        {"include_obfuscation", read_obfuscation, SIM_IN_ALL},
        {NULL, NULL, 0},
    };

    r->ask->has_stream_options = true;
    return sim_ask_object(r, members);
}

static int
read_thinking_type(struct sim_asking *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->thinking = sim_json_is(&text, "disabled") ? SIM_OFF : SIM_ON;
    return 0;
}

static int
read_thinking(struct sim_asking *r)
{
    static const struct sim_ask_member members[] = {
        {"type", read_thinking_type, SIM_IN_ALL}, {NULL, NULL, 0}};

    return sim_ask_object(r, members);
}

static int
read_effort(struct sim_asking *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->thinking = sim_json_is(&text, "none") ? SIM_OFF : SIM_ON;
    return 0;
}

static int
read_reasoning(struct sim_asking *r)
{
    static const struct sim_ask_member members[] = {
        {"effort", read_effort, SIM_IN_ALL}, {NULL, NULL, 0}};

    return sim_ask_object(r, members);
}

static int
read_format(struct sim_asking *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->wants_base64 = sim_json_is(&text, "base64");
    return 0;
}

#define IN_TEXT (SIM_IN(SIM_CHAT) | SIM_IN(SIM_COMPLETIONS))
#define IN_ANY_TEXT (IN_TEXT | SIM_IN(SIM_MESSAGES) | SIM_IN(SIM_RESPONSES))

static const struct sim_ask_member members[] = {
    {"model", read_model, SIM_IN_ALL},
    {"messages", sim_ask_messages, SIM_IN(SIM_CHAT) | SIM_IN(SIM_MESSAGES)},
    {"system", sim_ask_content, SIM_IN(SIM_MESSAGES)},
    {"instructions", sim_ask_content, SIM_IN(SIM_RESPONSES)},
    {"prompt", sim_ask_prompt, SIM_IN(SIM_COMPLETIONS)},
    {"suffix", sim_ask_text, SIM_IN(SIM_COMPLETIONS)},
    {"input", sim_ask_input, SIM_IN(SIM_EMBEDDINGS)},
    {"input", sim_ask_items, SIM_IN(SIM_RESPONSES)},
    {"stream", read_stream, IN_ANY_TEXT},
    {"stream_options", read_stream_options, IN_ANY_TEXT},
    {"max_tokens", read_max_tokens, IN_TEXT | SIM_IN(SIM_MESSAGES)},
    {"max_completion_tokens", read_max_tokens, IN_TEXT},
    {"max_output_tokens", read_max_tokens, SIM_IN(SIM_RESPONSES)},
    {"n", read_n, IN_TEXT},
    {"thinking", read_thinking, IN_ANY_TEXT},
    {"reasoning", read_reasoning, SIM_IN(SIM_RESPONSES)},
    {"dimensions", read_dimensions, SIM_IN(SIM_EMBEDDINGS)},
    {"encoding_format", read_format, SIM_IN(SIM_EMBEDDINGS)},
    {NULL, NULL, 0},
};

/* Says where the reader stopped, as serde does. */
static void
explain(const struct sim_json *json, char *why)
{
    int line = 1, column = 0;

    for (const char *at = json->start; at < json->at; at++) {
        column++;
        if (*at == '\n') {
            line++;
            column = 0;
        }
    }
    snprintf(why, SIM_ASK_SENTENCE_BYTES,
             "Failed to deserialize the JSON body into the target type: %s at "
             "line %d column %d",
             json->fault, line, column);
}

static const char *
missing(const struct sim_ask *ask)
{
    if (!ask->model[0])
        return "missing field `model`";
    switch (ask->endpoint) {
    case SIM_CHAT:
    case SIM_MESSAGES:
        return ask->messages ? NULL : "missing field `messages`";
    case SIM_COMPLETIONS:
        return ask->inputs ? NULL : "missing field `prompt`";
    case SIM_EMBEDDINGS:
    case SIM_RESPONSES:
        return ask->inputs ? NULL : "missing field `input`";
    default:
        return NULL;
    }
}

int
sim_ask_read(struct sim_ask *ask, enum sim_endpoint endpoint,
             struct tg_str body, char why[SIM_ASK_SENTENCE_BYTES])
{
    struct sim_asking r = {.ask = ask, .why = why};
    const char *lacks;

    *ask = (struct sim_ask){.endpoint = endpoint,
                            .max_tokens = -1,
                            .n = -1,
                            .dimensions = -1,
                            .seed = 0xcbf29ce484222325u};
    why[0] = 0;
    sim_json_init(&r.json, body);
    if (!sim_ask_object(&r, members) && !sim_json_finish(&r.json)) {
        lacks = missing(ask);
        if (!lacks)
            return 0;
        sim_json_fail(&r.json, lacks);
    }
    if (!why[0])
        explain(&r.json, why);
    return -1;
}
