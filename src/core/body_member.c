#include "body_member.h"

#include <string.h>

#include "fold.h"

#define NAME(name) name, sizeof(name) - 1

static const struct member {
    const char *name;
    size_t len;
    const char *said; /* in a sentence, where that differs */
    enum tg_body_type type;
} members[TG_BODY_MEMBERS] = {
    [TG_BODY_NONE] = {NAME(""), NULL, TG_BODY_ANY},
    [TG_BODY_MODEL] = {NAME("model"), NULL, TG_BODY_STRING},
    [TG_BODY_STREAM] = {NAME("stream"), NULL, TG_BODY_BOOLEAN},
    [TG_BODY_STREAM_OPTIONS] = {NAME("stream_options"), NULL, TG_BODY_OBJECT},
    [TG_BODY_INCLUDE_USAGE] = {NAME("include_usage"),
                               "stream_options.include_usage", TG_BODY_BOOLEAN},
    [TG_BODY_MAX_TOKENS] = {NAME("max_tokens"), NULL, TG_BODY_INTEGER},
    [TG_BODY_MAX_COMPLETION_TOKENS] = {NAME("max_completion_tokens"), NULL,
                                       TG_BODY_INTEGER},
    [TG_BODY_MAX_OUTPUT_TOKENS] = {NAME("max_output_tokens"), NULL,
                                   TG_BODY_INTEGER},
    [TG_BODY_N] = {NAME("n"), NULL, TG_BODY_INTEGER},
    [TG_BODY_BEST_OF] = {NAME("best_of"), NULL, TG_BODY_INTEGER},
    [TG_BODY_SIZE] = {NAME("size"), NULL, TG_BODY_WORD},
    [TG_BODY_QUALITY] = {NAME("quality"), NULL, TG_BODY_WORD},
    [TG_BODY_RESPONSE_FORMAT] = {NAME("response_format"), NULL, TG_BODY_WORD},
    [TG_BODY_STREAM_FORMAT] = {NAME("stream_format"), NULL, TG_BODY_WORD},
    [TG_BODY_PURPOSE] = {NAME("purpose"), NULL, TG_BODY_WORD},
    [TG_BODY_ENDPOINT] = {NAME("endpoint"), NULL, TG_BODY_WORD},
    [TG_BODY_INPUT] = {NAME("input"), NULL, TG_BODY_TEXT},
};

const char *
tg_body_member_name(enum tg_body_member member)
{
    return members[member].said ? members[member].said : members[member].name;
}

enum tg_body_type
tg_body_member_type(enum tg_body_member member)
{
    return members[member].type;
}

/* The members whose names begin as this one does, in whatever case. */
static uint32_t
may_begin(struct tg_str name)
{
    static const uint32_t by_letter[32] = {
        ['m' & 31] = TG_BODY_BIT(MODEL) | TG_BODY_BIT(MAX_TOKENS) |
                     TG_BODY_BIT(MAX_COMPLETION_TOKENS) |
                     TG_BODY_BIT(MAX_OUTPUT_TOKENS),
        ['s' & 31] = TG_BODY_BIT(STREAM) | TG_BODY_BIT(STREAM_OPTIONS) |
                     TG_BODY_BIT(SIZE) | TG_BODY_BIT(STREAM_FORMAT),
        ['i' & 31] = TG_BODY_BIT(INCLUDE_USAGE) | TG_BODY_BIT(INPUT),
        ['n' & 31] = TG_BODY_BIT(N),
        ['b' & 31] = TG_BODY_BIT(BEST_OF),
        ['q' & 31] = TG_BODY_BIT(QUALITY),
        ['r' & 31] = TG_BODY_BIT(RESPONSE_FORMAT),
        ['p' & 31] = TG_BODY_BIT(PURPOSE),
        ['e' & 31] = TG_BODY_BIT(ENDPOINT),
    };
    unsigned char c;

    if (name.len == 0)
        return 0;
    c = (unsigned char)name.data[0];
    return c >= 0x80 ? UINT32_MAX : by_letter[c & 31];
}

enum tg_body_member
tg_body_member_find(struct tg_str name, uint32_t governed, bool in_options)
{
    uint32_t left =
        in_options ? TG_BODY_BIT(INCLUDE_USAGE) : ~TG_BODY_BIT(INCLUDE_USAGE);

    left &= governed & may_begin(name);
    for (uint32_t exact = left; exact != 0; exact &= exact - 1) {
        int m = __builtin_ctz(exact);

        if (members[m].len == name.len &&
            tg_str_same(members[m].name, name.data, name.len))
            return (enum tg_body_member)m;
    }
    for (; left != 0; left &= left - 1) {
        int m = __builtin_ctz(left);

        if (name.len >= members[m].len && tg_fold_is(name, members[m].name))
            return (enum tg_body_member)m;
    }
    return TG_BODY_NONE;
}

bool
tg_body_member_hides(const struct tg_json *json)
{
    static const char *const names[] = {
        "include_reasoning",                   /* vLLM */
        "use_beam_search", "stream_reasoning", /* SGLang */
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json->text && json->text_len == strlen(names[i]) &&
            memcmp(json->text, names[i], json->text_len) == 0)
            return true;
    }
    return false;
}

bool
tg_body_member_is_exact(struct tg_str name, enum tg_body_member member)
{
    return tg_str_eq(name, (struct tg_str){members[member].name,
                                           strlen(members[member].name)});
}

/* Printable: no control character, which JSON may escape. */
static bool
has_control(struct tg_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7f)
            return true;
    }
    return false;
}

static struct tg_body_word *
word_of(struct tg_body_facts *facts, enum tg_body_member member)
{
    switch (member) {
    case TG_BODY_SIZE:
        return &facts->size;
    case TG_BODY_QUALITY:
        return &facts->quality;
    case TG_BODY_ENDPOINT:
        return &facts->endpoint;
    default:
        return NULL;
    }
}

bool
tg_body_member_take(struct tg_body_facts *facts, enum tg_body_member member,
                    struct tg_str value)
{
    bool is_model = member == TG_BODY_MODEL;
    struct tg_body_word *word = word_of(facts, member);

    if (value.data == NULL || value.len == 0 || has_control(value) ||
        value.len > (is_model ? TG_BODY_MODEL_MAX : TG_BODY_WORD_MAX))
        return false;
    if (is_model) {
        memcpy(facts->model, value.data, value.len);
        facts->model[value.len] = '\0';
        facts->model_len = value.len;
    } else if (word != NULL) {
        memcpy(word->text, value.data, value.len);
        word->text[value.len] = '\0';
    } else if (member == TG_BODY_STREAM_FORMAT) {
        facts->members[member].value = tg_str_eq(value, TG_STR("sse"));
    }
    return true;
}
