#include "meter_path.h"

#include "str.h"

#define ROW(name, ...)                                                         \
    {                                                                          \
        name, sizeof(name) - 1, __VA_ARGS__                                    \
    }
#define INTO(name, members) ROW(name, TG_METER_INTO, 0, members)
#define FIGURE(name, field) ROW(name, TG_METER_FIGURE, field, NULL)
#define TEXT(name) ROW(name, TG_METER_TEXT, 0, NULL)
#define FINISH(name) ROW(name, TG_METER_FINISH, 0, NULL)
#define END                                                                    \
    {                                                                          \
        NULL, UINT8_MAX, 0, 0, NULL                                            \
    }

/* The rows of a table stand by the length of their names, the short first. */

static const struct tg_meter_path input_details[] = {
    FIGURE("cached_tokens", TG_USAGE_CACHED),
    FIGURE("cache_write_tokens", TG_USAGE_WRITTEN), /* OpenAI */
    END,
};

static const struct tg_meter_path output_details[] = {
    FIGURE("thinking_tokens", TG_USAGE_REASONING), /* Anthropic */
    FIGURE("reasoning_tokens", TG_USAGE_REASONING),
    END,
};

/*
 * Of chat, completions and embeddings: OpenAI, DeepSeek, vLLM; those of input
 * and output are of responses, images, transcriptions, and Anthropic's.
 */
static const struct tg_meter_path usage[] = {
    /* Transcriptions, of models that are priced by time. */
    ROW("seconds", TG_METER_SECONDS, TG_USAGE_SECONDS, NULL),
    FIGURE("total_tokens", TG_USAGE_TOTAL),
    FIGURE("input_tokens", TG_USAGE_INPUT),
    FIGURE("prompt_tokens", TG_USAGE_PROMPT),
    FIGURE("output_tokens", TG_USAGE_COMPLETION),
    FIGURE("completion_tokens", TG_USAGE_COMPLETION),
    INTO("input_tokens_details", input_details),
    INTO("prompt_tokens_details", input_details),
    INTO("output_tokens_details", output_details),
    FIGURE("prompt_cache_hit_tokens", TG_USAGE_CACHED),     /* DeepSeek */
    FIGURE("cache_read_input_tokens", TG_USAGE_CACHE_READ), /* Anthropic */
    INTO("completion_tokens_details", output_details),
    FIGURE("cache_creation_input_tokens", TG_USAGE_CACHE_WRITE), /* Anthropic */
    END,
};

static const struct tg_meter_path function[] = {
    TEXT("name"),
    TEXT("arguments"),
    END,
};

static const struct tg_meter_path tool_calls[] = {
    INTO("function", function),
    END,
};

/* A chat message, or what a stream adds to it. */
static const struct tg_meter_path message[] = {
    TEXT("content"),
    TEXT("refusal"),
    TEXT("reasoning"), /* newer vLLM */
    INTO("tool_calls", tool_calls),
    INTO("function_call", function),
    TEXT("reasoning_content"), /* DeepSeek, vLLM */
    END,
};

static const struct tg_meter_path choices[] = {
    TEXT("text"), /* completions, FIM */
    INTO("delta", message),
    INTO("message", message),
    FINISH("finish_reason"),
    END,
};

/* Anthropic: what a stream adds, and a block of an answer; input is a tool's,
   of any shape.  responses has blocks of text alike. */
static const struct tg_meter_path block[] = {
    TEXT("text"),
    TEXT("name"),
    ROW("input", TG_METER_TREE, 0, NULL),
    TEXT("refusal"),
    TEXT("thinking"),
    FINISH("stop_reason"),
    TEXT("partial_json"),
    END,
};

/* responses: an item of the answer. */
static const struct tg_meter_path output[] = {
    TEXT("name"),           TEXT("input"),     INTO("content", block),
    INTO("summary", block), TEXT("arguments"), END,
};

/* responses: the answer inside an event that ends the stream. */
static const struct tg_meter_path response[] = {
    INTO("usage", usage),
    ROW("error", TG_METER_FAULT, 0, NULL),
    END,
};

/* Anthropic: message_start. */
static const struct tg_meter_path message_start[] = {
    INTO("usage", usage),
    FINISH("stop_reason"),
    END,
};

/* images */
static const struct tg_meter_path data[] = {
    ROW("url", TG_METER_IMAGE, 0, NULL),
    ROW("b64_json", TG_METER_IMAGE, 0, NULL),
    END,
};

static const struct tg_meter_path root[] = {
    ROW("type", TG_METER_TYPE, 0, NULL),
    INTO("data", data),
    ROW("text", TG_METER_WHOLE, 0, NULL), /* transcriptions */
    INTO("usage", usage),
    ROW("error", TG_METER_FAULT, 0, NULL),
    /* Anthropic's is an object, that of responses a string. */
    ROW("delta", TG_METER_TEXT, 0, block),
    ROW("object", TG_METER_OBJECT, 0, NULL),
    INTO("output", output),
    INTO("choices", choices),
    INTO("message", message_start),
    INTO("content", block),
    INTO("response", response),
    ROW("duration", TG_METER_SECONDS, TG_USAGE_DURATION, NULL),
    FINISH("stop_reason"),
    INTO("content_block", block),
    END,
};

const struct tg_meter_path tg_meter_root = INTO("", root);

const struct tg_meter_path *
tg_meter_path_find(const struct tg_meter_path *path, const struct tg_json *json)
{
    const struct tg_meter_path *member = path->members;
    unsigned len = (unsigned)json->text_len;

    if (path->action == TG_METER_TREE)
        return path;
    if (!member || !json->text)
        return NULL;
    while (member->len < len)
        member++;
    for (; member->len == len; member++)
        if (tg_str_same(member->name, json->text, len))
            return member;
    return NULL;
}
