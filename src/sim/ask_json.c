/* A request body that is JSON: its members but for the texts. */
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

/* A member that is said with a word, escapes and all. */
static int
read_word(struct sim_asking *r,
          const char *(*take)(struct sim_asking *, struct tg_str))
{
    char plain[SIM_MODEL_BYTES + 8];
    struct sim_json_text text;
    const char *wrong;

    if (sim_json_text(&r->json, &text))
        return -1;
    if (text.has_escapes)
        text.raw = (struct tg_str){
            plain, sim_json_decode(&text, plain, sizeof(plain))};
    wrong = take(r, text.raw);
    return wrong ? sim_json_fail(&r->json, wrong) : 0;
}

static int
read_model(struct sim_asking *r)
{
    return read_word(r, sim_ask_take_model);
}

static int
read_format(struct sim_asking *r)
{
    return read_word(r, sim_ask_take_format);
}

static const char *
take_stream_format(struct sim_asking *r, struct tg_str name)
{
    r->ask->is_stream = tg_str_eq(name, TG_STR("sse"));
    return r->ask->is_stream || tg_str_eq(name, TG_STR("audio"))
               ? NULL
               : "unknown variant of the format";
}

static int
read_stream_format(struct sim_asking *r)
{
    return read_word(r, take_stream_format);
}

static int
read_size(struct sim_asking *r)
{
    return read_word(r, sim_ask_take_size);
}

static int
read_quality(struct sim_asking *r)
{
    return read_word(r, sim_ask_take_quality);
}

/* A name, or an object with an id. */
static int
read_voice(struct sim_asking *r)
{
    r->ask->has_voice = true;
    return sim_ask_skip(r);
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
read_images(struct sim_asking *r)
{
    return read_range(r, &r->ask->n, 1, SIM_ASK_IMAGES_MOST);
}

static int
read_partials(struct sim_asking *r)
{
    return read_range(r, &r->ask->partials, 0, SIM_ASK_PARTIALS_MOST);
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

#define IN_TEXT (SIM_IN(SIM_CHAT) | SIM_IN(SIM_COMPLETIONS))
#define IN_ANY_TEXT (IN_TEXT | SIM_IN(SIM_MESSAGES) | SIM_IN(SIM_RESPONSES))

static const struct sim_ask_member members[] = {
    {"model", read_model, SIM_IN_ALL},
    {"messages", sim_ask_messages, SIM_IN(SIM_CHAT) | SIM_IN(SIM_MESSAGES)},
    {"system", sim_ask_content, SIM_IN(SIM_MESSAGES)},
    {"instructions", sim_ask_content, SIM_IN(SIM_RESPONSES)},
    {"prompt", sim_ask_prompt, SIM_IN(SIM_COMPLETIONS) | SIM_IN(SIM_IMAGES)},
    {"suffix", sim_ask_text, SIM_IN(SIM_COMPLETIONS)},
    {"input", sim_ask_input, SIM_IN(SIM_EMBEDDINGS)},
    {"input", sim_ask_items, SIM_IN(SIM_RESPONSES)},
    {"input", sim_ask_speech, SIM_IN(SIM_SPEECH)},
    {"stream", read_stream, IN_ANY_TEXT | SIM_IN(SIM_IMAGES)},
    {"stream_options", read_stream_options, IN_ANY_TEXT},
    {"max_tokens", read_max_tokens, IN_TEXT | SIM_IN(SIM_MESSAGES)},
    {"max_completion_tokens", read_max_tokens, IN_TEXT},
    {"max_output_tokens", read_max_tokens, SIM_IN(SIM_RESPONSES)},
    {"n", read_n, IN_TEXT},
    {"n", read_images, SIM_IN(SIM_IMAGES)},
    {"partial_images", read_partials, SIM_IN(SIM_IMAGES)},
    {"size", read_size, SIM_IN(SIM_IMAGES)},
    {"quality", read_quality, SIM_IN(SIM_IMAGES)},
    {"thinking", read_thinking, IN_ANY_TEXT},
    {"reasoning", read_reasoning, SIM_IN(SIM_RESPONSES)},
    {"dimensions", read_dimensions, SIM_IN(SIM_EMBEDDINGS)},
    {"encoding_format", read_format, SIM_IN(SIM_EMBEDDINGS)},
    {"voice", read_voice, SIM_IN(SIM_SPEECH)},
    {"response_format", read_format, SIM_IN(SIM_SPEECH) | SIM_IN(SIM_IMAGES)},
    {"stream_format", read_stream_format, SIM_IN(SIM_SPEECH)},
    {NULL, NULL, 0},
};

int
sim_ask_json(struct sim_asking *r, const struct sim_request *request)
{
    sim_json_init(&r->json, request->body);
    return sim_ask_object(r, members) || sim_json_finish(&r->json) ? -1 : 0;
}
