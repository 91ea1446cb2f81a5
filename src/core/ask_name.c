#include "ask_name.h"

#include <string.h>

#include "fold.h"
#include "str.h"

struct row {
    const char *name;
    uint8_t len;
    enum tg_ask_role role;
    enum tg_ask_kind kind;
};

#define ASK(name, kind)                                                        \
    {                                                                          \
        name, sizeof(name) - 1, TG_ROLE_ASK, kind                              \
    }
#define AS(name, role)                                                         \
    {                                                                          \
        name, sizeof(name) - 1, role, TG_ASK_NOTHING                           \
    }
#define END                                                                    \
    {                                                                          \
        NULL, 0, TG_ROLE_NONE, TG_ASK_NOTHING                                  \
    }

static const struct row top[] = {
    AS("messages", TG_ROLE_MESSAGES),
    AS("tools", TG_ROLE_TOOLS),
    AS("system", TG_ROLE_SYSTEM),
    AS("input", TG_ROLE_INPUT),
    AS("prompt", TG_ROLE_PROMPT),
    AS("cache_control", TG_ROLE_CACHE),
    ASK("service_tier", TG_ASK_TIER),
    ASK("background", TG_ASK_BACKGROUND),
    ASK("previous_response_id", TG_ASK_PREVIOUS),
    ASK("conversation", TG_ASK_CONVERSATION),
    ASK("prediction", TG_ASK_PREDICTION),
    ASK("web_search_options", TG_ASK_SEARCH),
    ASK("mcp_servers", TG_ASK_SERVERS),
    ASK("container", TG_ASK_CONTAINER),
    ASK("speed", TG_ASK_SPEED),
    ASK("inference_geo", TG_ASK_GEO),
    /* vLLM's, by which a prompt may be made longer than it came. */
    ASK("chat_template", TG_ASK_UNSEEN),
    ASK("mm_processor_kwargs", TG_ASK_UNSEEN),
    END,
};

static const struct row message[] = {
    AS("role", TG_ROLE_NONE),
    AS("content", TG_ROLE_CONTENT),
    AS("audio", TG_ROLE_UNSEEN), /* an earlier answer, by its id */
    END,
};

static const struct row item[] = {
    AS("type", TG_ROLE_TYPE),
    AS("role", TG_ROLE_SPEAKER),
    AS("content", TG_ROLE_CONTENT),
    AS("output", TG_ROLE_CONTENT),
    AS("encrypted_content", TG_ROLE_REASONING),
    END,
};

static const struct row part[] = {
    AS("type", TG_ROLE_TYPE),
    AS("text", TG_ROLE_TEXT),
    AS("image_url", TG_ROLE_IMAGE),
    AS("source", TG_ROLE_SOURCE),
    AS("content", TG_ROLE_CONTENT),
    AS("cache_control", TG_ROLE_CACHE),
    AS("file", TG_ROLE_FILE),
    ASK("file_id", TG_ASK_FILE),
    END,
};

static const struct row image[] = {
    AS("url", TG_ROLE_URL),
    ASK("file_id", TG_ASK_FILE),
    END,
};

static const struct row file[] = {ASK("file_id", TG_ASK_FILE), END};

static const struct row source[] = {
    AS("type", TG_ROLE_TYPE),
    AS("data", TG_ROLE_DATA),
    AS("content", TG_ROLE_CONTENT),
    ASK("file_id", TG_ASK_FILE),
    END,
};

static const struct row tool[] = {
    AS("type", TG_ROLE_TYPE),
    AS("cache_control", TG_ROLE_CACHE),
    END,
};

static const struct row cache[] = {AS("ttl", TG_ROLE_TTL), END};

/* The first letters of a container's names: most others fail by these. */
#define LETTER(c) (1u << ((c) - 'a'))

static const struct {
    const struct row *rows;
    uint32_t letters;
} names_in[TG_ROLE_UNSEEN + 1] = {
    [TG_ROLE_TOP] = {top, LETTER('m') | LETTER('t') | LETTER('s') |
                              LETTER('i') | LETTER('p') | LETTER('c') |
                              LETTER('b') | LETTER('w')},
    [TG_ROLE_MESSAGE] = {message, LETTER('r') | LETTER('c') | LETTER('a')},
    [TG_ROLE_ITEM] = {item, LETTER('t') | LETTER('r') | LETTER('c') |
                                LETTER('o') | LETTER('e')},
    [TG_ROLE_PART] = {part, LETTER('t') | LETTER('i') | LETTER('s') |
                                LETTER('c') | LETTER('f')},
    [TG_ROLE_IMAGE] = {image, LETTER('u') | LETTER('f')},
    [TG_ROLE_FILE] = {file, LETTER('f')},
    [TG_ROLE_SOURCE] = {source,
                        LETTER('t') | LETTER('d') | LETTER('c') | LETTER('f')},
    [TG_ROLE_TOOL] = {tool, LETTER('t') | LETTER('c')},
    [TG_ROLE_CACHE] = {cache, LETTER('t')},
};

static bool
is(const struct tg_json *json, struct tg_str text)
{
    return json->text && json->text_len == text.len &&
           tg_str_same(json->text, text.data, text.len);
}

/* A letter in lower case, or the long s, or what is none of these. */
static unsigned char
head_of(const struct tg_json *json)
{
    unsigned char c = (unsigned char)json->text[0];

    return c >= 0x80 ? 's' : c | 0x20;
}

static bool
is_named(const struct row *row, unsigned char head, const struct tg_json *json)
{
    return row->name[0] == (char)head && row->len <= json->text_len &&
           ((row->len == json->text_len &&
             tg_str_same(row->name, json->text, row->len)) ||
            tg_fold_is((struct tg_str){json->text, (size_t)json->text_len},
                       row->name));
}

struct tg_ask_name
tg_ask_name_find(enum tg_ask_role container, const struct tg_json *json)
{
    static const struct tg_ask_name none = {TG_ROLE_NONE, TG_ASK_NOTHING};
    const struct row *row = names_in[container].rows;
    unsigned char head;
    unsigned letter;

    if (json->text == NULL || json->text_len == 0)
        return none;
    head = head_of(json);
    letter = head - 'a';
    if (letter >= 26 || !(names_in[container].letters >> letter & 1))
        return none;
    while (row->name && !is_named(row, head, json))
        row++;
    return (struct tg_ask_name){row->role, row->kind};
}

bool
tg_ask_is_plain(enum tg_ask_kind kind, const struct tg_json *json,
                enum tg_json_token token)
{
    static const struct {
        enum tg_ask_kind kind;
        struct tg_str value;
    } plain[] = {
        {TG_ASK_TIER, TG_STR_INIT("auto")},
        {TG_ASK_TIER, TG_STR_INIT("default")},
        {TG_ASK_TIER, TG_STR_INIT("standard")},
        {TG_ASK_TIER, TG_STR_INIT("standard_only")},
        {TG_ASK_SPEED, TG_STR_INIT("standard")},
        {TG_ASK_GEO, TG_STR_INIT("global")},
        {TG_ASK_GEO, TG_STR_INIT("not_available")},
    };

    if (token == TG_JSON_NULL ||
        (token == TG_JSON_FALSE && kind == TG_ASK_BACKGROUND))
        return true;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (plain[i].kind == kind && token == TG_JSON_STRING &&
            is(json, plain[i].value))
            return true;
    }
    return false;
}

struct type {
    struct tg_str name;
    enum tg_ask_class class;
};

/* Parts of messages in chat, in responses, and Anthropic's blocks. */
static const struct type part_types[] = {
    {TG_STR_INIT("text"), TG_CLASS_SEEN},
    {TG_STR_INIT("input_text"), TG_CLASS_SEEN},
    {TG_STR_INIT("output_text"), TG_CLASS_SEEN},
    {TG_STR_INIT("tool_use"), TG_CLASS_SEEN},
    {TG_STR_INIT("tool_result"), TG_CLASS_SEEN},
    {TG_STR_INIT("image_url"), TG_CLASS_IMAGE},
    {TG_STR_INIT("image"), TG_CLASS_IMAGE},
    {TG_STR_INIT("input_image"), TG_CLASS_IMAGE},
    {TG_STR_INIT("computer_screenshot"), TG_CLASS_IMAGE},
    {TG_STR_INIT("document"), TG_CLASS_DOCUMENT},
    {TG_STR_INIT("thinking"), TG_CLASS_SEEN},
    {TG_STR_INIT("redacted_thinking"), TG_CLASS_SEEN},
    {TG_STR_INIT("refusal"), TG_CLASS_SEEN},
    {TG_STR_INIT("summary_text"), TG_CLASS_SEEN},
    {TG_STR_INIT("reasoning_text"), TG_CLASS_SEEN},
    {TG_STR_INIT("search_result"), TG_CLASS_SEEN},
    /* Compressed audio has more bytes than tokens. */
    {TG_STR_INIT("input_audio"), TG_CLASS_SEEN},
    {{NULL, 0}, TG_CLASS_OTHER},
};

static const struct type source_types[] = {
    {TG_STR_INIT("base64"), TG_CLASS_BASE64},
    {TG_STR_INIT("text"), TG_CLASS_SEEN},
    {TG_STR_INIT("content"), TG_CLASS_SEEN},
    {{NULL, 0}, TG_CLASS_OTHER},
};

/* Items of responses. */
static const struct type item_types[] = {
    {TG_STR_INIT("message"), TG_CLASS_SEEN},
    {TG_STR_INIT("function_call"), TG_CLASS_SEEN},
    {TG_STR_INIT("function_call_output"), TG_CLASS_SEEN},
    {TG_STR_INIT("custom_tool_call"), TG_CLASS_SEEN},
    {TG_STR_INIT("custom_tool_call_output"), TG_CLASS_SEEN},
    {TG_STR_INIT("local_shell_call"), TG_CLASS_SEEN},
    {TG_STR_INIT("local_shell_call_output"), TG_CLASS_SEEN},
    {TG_STR_INIT("apply_patch_call"), TG_CLASS_SEEN},
    {TG_STR_INIT("apply_patch_call_output"), TG_CLASS_SEEN},
    {TG_STR_INIT("reasoning"), TG_CLASS_REASONING},
    {TG_STR_INIT("item_reference"), TG_CLASS_REFERENCE},
    {{NULL, 0}, TG_CLASS_OTHER},
};

static enum tg_ask_class
class_of(const struct type *type, const struct tg_json *json)
{
    while (type->name.len > 0 && !is(json, type->name))
        type++;
    return type->class;
}

enum tg_ask_class
tg_ask_part_class(const struct tg_json *json)
{
    return class_of(part_types, json);
}

enum tg_ask_class
tg_ask_source_class(const struct tg_json *json)
{
    return class_of(source_types, json);
}

enum tg_ask_class
tg_ask_item_class(const struct tg_json *json)
{
    return class_of(item_types, json);
}

enum tg_ask_kind
tg_ask_tool_kind(const struct tg_json *json)
{
    /* Anthropic's end in a date: bash_20250124. */
    static const struct {
        struct tg_str name;
        bool is_prefix;
        enum tg_ask_kind kind;
    } tools[] = {
        {TG_STR_INIT("function"), false, TG_ASK_NOTHING},
        {TG_STR_INIT("custom"), false, TG_ASK_NOTHING},
        {TG_STR_INIT("local_shell"), false, TG_ASK_LOCAL_TOOL},
        {TG_STR_INIT("apply_patch"), false, TG_ASK_LOCAL_TOOL},
        {TG_STR_INIT("bash_"), true, TG_ASK_CLIENT_TOOL},
        {TG_STR_INIT("text_editor_"), true, TG_ASK_CLIENT_TOOL},
        {TG_STR_INIT("computer_2"), true, TG_ASK_CLIENT_TOOL},
        {TG_STR_INIT("memory_"), true, TG_ASK_CLIENT_TOOL},
    };

    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
        struct tg_str name = tools[i].name;

        if (is(json, name) ||
            (tools[i].is_prefix && json->text && json->text_len > name.len &&
             memcmp(json->text, name.data, name.len) == 0))
            return tools[i].kind;
    }
    return TG_ASK_HOSTED_TOOL;
}
