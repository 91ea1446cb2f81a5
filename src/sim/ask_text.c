/* The parts of a body that hold text for the model. */
#include "ask_part.h"

enum { MOST_SPOKEN = 4096 };

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

int
sim_ask_text(struct sim_asking *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->content_bytes += text.decoded_bytes;
    mix(r->ask, text.raw);
    return 0;
}

static int
read_ttl(struct sim_asking *r)
{
    struct sim_json_text text;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->is_marked_for_hour = sim_json_is(&text, "1h");
    return 0;
}

/* Anthropic's wish to keep the prompt up to the end of this part. */
static int
read_mark(struct sim_asking *r)
{
    static const struct sim_ask_member members[] = {
        {"ttl", read_ttl, SIM_IN_ALL}, {NULL, NULL, 0}};

    r->has_mark = true;
    return sim_ask_object(r, members);
}

static int
read_part(struct sim_asking *r)
{
    static const struct sim_ask_member members[] = {
        {"text", sim_ask_text, SIM_IN_ALL},
        {"cache_control", read_mark, SIM_IN(SIM_MESSAGES)},
        {NULL, NULL, 0}};

    r->has_mark = false;
    if (sim_ask_object(r, members))
        return -1;
    if (r->has_mark)
        r->ask->marked_bytes = r->ask->content_bytes;
    return 0;
}

const char *
sim_ask_take_text(struct sim_asking *r, struct tg_str text)
{
    r->ask->content_bytes += text.len;
    mix(r->ask, text);
    return sim_fault_scan(&r->ask->faults, text, r->why) ? r->why : NULL;
}

/* Content: a string, or a list of parts of which the texts count. */
int
sim_ask_content(struct sim_asking *r)
{
    bool is_first = true;
    int got;

    if (sim_json_peek(&r->json) == SIM_JSON_STRING)
        return sim_ask_text(r);
    if (sim_json_open(&r->json, '['))
        return -1;
    while ((got = sim_json_item(&r->json, &is_first)) > 0)
        if (read_part(r))
            return -1;
    return got;
}

static int
find_faults(struct sim_asking *r, struct tg_str text)
{
    if (!sim_fault_scan(&r->ask->faults, text, r->why))
        return 0;
    r->json.fault = NULL;
    return -1;
}

/* What stands between from and here. */
static struct tg_str
since(const struct sim_asking *r, const char *from)
{
    return (struct tg_str){from, (size_t)(r->json.at - from)};
}

static bool
is_content(const struct sim_asking *r, const struct sim_json_text *name)
{
    return sim_json_is(name, "content") ||
           (r->ask->endpoint == SIM_RESPONSES && sim_json_is(name, "output"));
}

/* A message, or an item of Responses, is read by hand, for its role may stand
 * after its content. */
static int
read_message(struct sim_asking *r)
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
            : is_content(r, &name) && !sim_ask_is_null(r) ? sim_ask_content(r)
                                                          : sim_ask_skip(r))
            return -1;
        if (is_content(r, &name))
            content = since(r, from);
    }
    if (got < 0)
        return -1;
    if (!role.raw.data && r->ask->endpoint != SIM_RESPONSES)
        return sim_json_fail(&r->json, "missing field `role`");
    r->ask->messages++;
    if (!role.raw.data || !content.data || !sim_json_is(&role, "user"))
        return 0;
    return find_faults(r, content);
}

int
sim_ask_messages(struct sim_asking *r)
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

int
sim_ask_items(struct sim_asking *r)
{
    const char *from = r->json.at;

    r->ask->inputs = 1;
    if (sim_json_peek(&r->json) != SIM_JSON_STRING)
        return sim_ask_messages(r);
    r->ask->messages++;
    return sim_ask_text(r) ? -1 : find_faults(r, since(r, from));
}

/* A prompt: a string, or a list of strings. */
int
sim_ask_prompt(struct sim_asking *r)
{
    const char *from = r->json.at;
    bool is_first = true;
    int got;

    r->ask->inputs = 1;
    if (sim_json_peek(&r->json) == SIM_JSON_STRING) {
        if (sim_ask_text(r))
            return -1;
    } else {
        if (sim_json_open(&r->json, '['))
            return -1;
        while ((got = sim_json_item(&r->json, &is_first)) > 0)
            if (sim_ask_text(r))
                return -1;
        if (got < 0)
            return -1;
    }
    return find_faults(r, since(r, from));
}

/* One input of embeddings given as token numbers: four bytes a token. */
static int
read_token(struct sim_asking *r)
{
    int64_t token;

    if (sim_json_int(&r->json, &token))
        return -1;
    r->ask->content_bytes += 4;
    r->ask->seed = (r->ask->seed ^ (uint64_t)token) * 0x100000001b3u;
    return 0;
}

static int
read_tokens(struct sim_asking *r)
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
read_inputs(struct sim_asking *r)
{
    bool is_first = true, is_flat = false;
    int got;

    if (sim_json_open(&r->json, '['))
        return -1;
    while ((got = sim_json_item(&r->json, &is_first)) > 0) {
        enum sim_json_type type = sim_json_peek(&r->json);

        if (type == SIM_JSON_STRING  ? sim_ask_text(r)
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

int
sim_ask_input(struct sim_asking *r)
{
    const char *from = r->json.at;

    if (sim_json_peek(&r->json) == SIM_JSON_STRING) {
        r->ask->inputs = 1;
        if (sim_ask_text(r))
            return -1;
    } else {
        r->ask->inputs = 0;
        if (read_inputs(r))
            return -1;
    }
    if (r->ask->inputs == 0 || r->ask->inputs > 2048)
        return sim_json_fail(&r->json, "input must hold 1 to 2048 items");
    return find_faults(r, since(r, from));
}

int
sim_ask_speech(struct sim_asking *r)
{
    struct sim_json_text text;
    const char *from = r->json.at;

    if (sim_json_text(&r->json, &text))
        return -1;
    r->ask->characters = sim_json_characters(&text);
    if (r->ask->characters == 0 || r->ask->characters > MOST_SPOKEN)
        return sim_json_fail(&r->json, "input must hold 1 to 4096 characters");
    r->ask->inputs = 1;
    r->ask->content_bytes = text.decoded_bytes;
    mix(r->ask, text.raw);
    return find_faults(r, since(r, from));
}
