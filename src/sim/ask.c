#include <stdio.h>

#include "ask.h"

/* The body being read and what was found on the way. */
struct reader {
    struct sim_json json;
    struct sim_ask *ask;
    char *why; /* a sentence of its own instead of json.fault */
};

struct member {
    const char *name;
    int (*read)(struct reader *);
    bool takes_null; /* else a null is as if it were absent */
};

static int
skip(struct reader *r)
{
    return sim_json_skip(&r->json);
}

static int
is_null(struct reader *r)
{
    return sim_json_peek(&r->json) == SIM_JSON_NULL;
}

/* Reads an object member by member; names not in the table are skipped. */
static int
read_object(struct reader *r, const struct member *members)
{
    struct sim_json_text name;
    bool is_first = true;
    int got;

    if (sim_json_open(&r->json, '{'))
        return -1;
    while ((got = sim_json_member(&r->json, &is_first, &name)) > 0) {
        const struct member *m = members;

        while (m->name && !sim_json_is(&name, m->name))
            m++;
        if (m->name && (m->takes_null || !is_null(r)) ? m->read(r) : skip(r))
            return -1;
    }
    return got;
}

static int
read_switch(struct reader *r, enum sim_switch *to)
{
    bool value;

    if (sim_json_bool(&r->json, &value))
        return -1;
    *to = value ? SIM_ON : SIM_OFF;
    return 0;
}

/* Mixes the length and both ends of a string into the seed: enough to make
 * answers differ, cheap whatever the length. */
static void
mix(struct sim_ask *ask, struct tg_str raw)
{
    size_t edge = raw.len < 32 ? raw.len : 32;
    uint64_t seed = ask->seed ^ (raw.len * 0x9e3779b97f4a7c15u);

    for (size_t i = 0; i < edge; i++) {
        seed = (seed ^ (unsigned char)raw.data[i]) * 0x100000001b3u;
        seed =
            (seed ^ (unsigned char)raw.data[raw.len - 1 - i]) * 0x100000001b3u;
    }
    ask->seed = seed ^ (seed >> 29);
}

static int
read_text(struct reader *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->content_bytes += text.decoded_bytes;
    mix(r->ask, text.raw);
    return 0;
}

static int
read_part(struct reader *r)
{
    static const struct member members[] = {{"text", read_text, false}, {NULL, NULL, false}};

    return read_object(r, members);
}

/* Content: a string, or a list of parts of which the texts count. */
static int
read_content(struct reader *r)
{
    bool is_first = true;
    int got;

    if (sim_json_peek(&r->json) == SIM_JSON_STRING)
        return read_text(r);
    if (sim_json_open(&r->json, '['))
        return -1;
    while ((got = sim_json_item(&r->json, &is_first)) > 0)
        if (read_part(r))
            return -1;
    return got;
}

static int
find_faults(struct reader *r, struct tg_str text)
{
    if (text.len == 0 || !sim_fault_scan(&r->ask->faults, text, r->why))
        return 0;
    r->json.fault = NULL;
    return -1;
}

/* A message is read by hand, for its role may stand after its content. */
static int
read_message(struct reader *r)
{
    struct sim_json_text name, role = {0};
    struct tg_str content = {0};
    bool is_first = true;
    int got;

    if (sim_json_open(&r->json, '{'))
        return -1;
    while ((got = sim_json_member(&r->json, &is_first, &name)) > 0) {
        const char *from = r->json.at;

        if (sim_json_is(&name, "role") ? sim_json_text(&r->json, &role)
            : sim_json_is(&name, "content") && !is_null(r) ? read_content(r)
                                                           : skip(r))
            return -1;
        if (sim_json_is(&name, "content"))
            content = (struct tg_str){from, (size_t)(r->json.at - from)};
    }
    if (got < 0)
        return -1;
    if (!role.raw.data)
        return sim_json_fail(&r->json, "missing field `role`");
    r->ask->messages++;
    return sim_json_is(&role, "user") ? find_faults(r, content) : 0;
}

static int
read_messages(struct reader *r)
{
    bool is_first = true;
    int got;

    if (sim_json_open(&r->json, '['))
        return -1;
    while ((got = sim_json_item(&r->json, &is_first)) > 0)
        if (read_message(r))
            return -1;
    if (got == 0 && is_first)
        return sim_json_fail(&r->json, "messages must not be empty");
    return got;
}

/* A prompt: a string, or a list of strings. */
static int
read_prompt(struct reader *r)
{
    const char *from = r->json.at;
    bool is_first = true;
    int got;

    r->ask->inputs = 1;
    if (sim_json_peek(&r->json) == SIM_JSON_STRING) {
        if (read_text(r))
            return -1;
    } else {
        if (sim_json_open(&r->json, '['))
            return -1;
        while ((got = sim_json_item(&r->json, &is_first)) > 0)
            if (read_text(r))
                return -1;
        if (got < 0)
            return -1;
    }
    return find_faults(r, (struct tg_str){from, (size_t)(r->json.at - from)});
}

/* One input of embeddings given as token numbers: four bytes a token. */
static int
read_token(struct reader *r)
{
    int64_t token;

    if (sim_json_int(&r->json, &token))
        return -1;
    r->ask->content_bytes += 4;
    r->ask->seed = (r->ask->seed ^ (uint64_t)token) * 0x100000001b3u;
    return 0;
}

static int
read_tokens(struct reader *r)
{
    bool is_first = true;
    int got;

    if (sim_json_open(&r->json, '['))
        return -1;
    while ((got = sim_json_item(&r->json, &is_first)) > 0)
        if (read_token(r))
            return -1;
    return got;
}

/* An input: a string, strings, token numbers, or lists of those. */
static int
read_inputs(struct reader *r)
{
    bool is_first = true, is_flat = false;
    int got;

    if (sim_json_open(&r->json, '['))
        return -1;
    while ((got = sim_json_item(&r->json, &is_first)) > 0) {
        enum sim_json_type type = sim_json_peek(&r->json);

        if (type == SIM_JSON_STRING  ? read_text(r)
            : type == SIM_JSON_ARRAY ? read_tokens(r)
                                     : read_token(r))
            return -1;
        is_flat |= type == SIM_JSON_NUMBER;
        r->ask->inputs++;
    }
    if (is_flat)
        r->ask->inputs = 1;
    return got;
}

static int
read_input(struct reader *r)
{
    const char *from = r->json.at;

    if (sim_json_peek(&r->json) == SIM_JSON_STRING) {
        r->ask->inputs = 1;
        if (read_text(r))
            return -1;
    } else {
        r->ask->inputs = 0;
        if (read_inputs(r))
            return -1;
    }
    if (r->ask->inputs == 0 || r->ask->inputs > 2048)
        return sim_json_fail(&r->json, "input must hold 1 to 2048 items");
    return find_faults(r, (struct tg_str){from, (size_t)(r->json.at - from)});
}

static int
read_model(struct reader *r)
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
read_range(struct reader *r, int64_t *to, int64_t least, int64_t most)
{
    if (sim_json_int(&r->json, to))
        return -1;
    if (*to < least || *to > most)
        return sim_json_fail(&r->json, "number is out of range");
    return 0;
}

static int
read_max_tokens(struct reader *r)
{
    return read_range(r, &r->ask->max_tokens, 1, 1 << 24);
}

static int
read_n(struct reader *r)
{
    return read_range(r, &r->ask->n, 1, 128);
}

static int
read_dimensions(struct reader *r)
{
    return read_range(r, &r->ask->dimensions, 1, 4096);
}

static int
read_stream(struct reader *r)
{
    return sim_json_bool(&r->json, &r->ask->is_stream);
}

static int
read_include_usage(struct reader *r)
{
    if (is_null(r)) {
        r->ask->include_usage = SIM_OFF;
        return skip(r);
    }
    return read_switch(r, &r->ask->include_usage);
}

static int
read_continuous(struct reader *r)
{
    return sim_json_bool(&r->json, &r->ask->has_continuous_usage);
}

static int
read_obfuscation(struct reader *r)
{
    bool wanted;

    if (sim_json_bool(&r->json, &wanted))
        return -1;
    r->ask->has_no_obfuscation = !wanted;
    return 0;
}

static int
read_stream_options(struct reader *r)
{
    static const struct member members[] = {
        {"include_usage", read_include_usage, true},
        {"continuous_usage_stats", read_continuous, false},
        {"include_obfuscation", read_obfuscation, false},
        {NULL, NULL, false},
    };

    r->ask->has_stream_options = true;
    return read_object(r, members);
}

static int
read_thinking_type(struct reader *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->thinking = sim_json_is(&text, "disabled") ? SIM_OFF : SIM_ON;
    return 0;
}

static int
read_thinking(struct reader *r)
{
    static const struct member members[] = {{"type", read_thinking_type, false},
                                            {NULL, NULL, false}};

    return read_object(r, members);
}

static int
read_format(struct reader *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->wants_base64 = sim_json_is(&text, "base64");
    return 0;
}

static const struct member members[] = {
    {"model", read_model, false},
    {"messages", read_messages, false},
    {"system", read_content, false},
    {"prompt", read_prompt, false},
    {"suffix", read_text, false},
    {"input", read_input, false},
    {"stream", read_stream, false},
    {"stream_options", read_stream_options, false},
    {"max_tokens", read_max_tokens, false},
    {"max_completion_tokens", read_max_tokens, false},
    {"n", read_n, false},
    {"thinking", read_thinking, false},
    {"dimensions", read_dimensions, false},
    {"encoding_format", read_format, false},
    {NULL, NULL, false},
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
        return ask->inputs ? NULL : "missing field `input`";
    default:
        return NULL;
    }
}

int
sim_ask_read(struct sim_ask *ask, enum sim_endpoint endpoint,
             struct tg_str body, char why[SIM_ASK_SENTENCE_BYTES])
{
    struct reader r = {.ask = ask, .why = why};
    const char *lacks;

    *ask = (struct sim_ask){.endpoint = endpoint,
                            .max_tokens = -1,
                            .n = -1,
                            .dimensions = -1,
                            .seed = 0xcbf29ce484222325u};
    why[0] = 0;
    sim_json_init(&r.json, body);
    if (!read_object(&r, members) && !sim_json_finish(&r.json)) {
        lacks = missing(ask);
        if (!lacks)
            return 0;
        sim_json_fail(&r.json, lacks);
    }
    if (!why[0])
        explain(&r.json, why);
    return -1;
}
