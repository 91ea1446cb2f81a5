#include "meter_path.h"

#include <string.h>

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
        NULL, 0, 0, 0, NULL                                                    \
    }

static const struct tg_meter_path input_details[] = {
    FIGURE("cached_tokens", TG_USAGE_CACHED),
    FIGURE("cache_write_tokens", TG_USAGE_WRITTEN), /* OpenAI */
    END,
};

static const struct tg_meter_path output_details[] = {
    FIGURE("reasoning_tokens", TG_USAGE_REASONING),
    FIGURE("thinking_tokens", TG_USAGE_REASONING), /* Anthropic */
    END,
};

static const struct tg_meter_path usage[] = {
    /* chat, completions, embeddings: OpenAI, DeepSeek, vLLM */
    FIGURE("prompt_tokens", TG_USAGE_PROMPT),
    FIGURE("completion_tokens", TG_USAGE_COMPLETION),
    FIGURE("total_tokens", TG_USAGE_TOTAL),
    FIGURE("prompt_cache_hit_tokens", TG_USAGE_CACHED), /* DeepSeek */
    INTO("prompt_tokens_details", input_details),
    INTO("completion_tokens_details", output_details),
    /* responses, images, transcriptions; Anthropic */
    FIGURE("input_tokens", TG_USAGE_INPUT),
    FIGURE("output_tokens", TG_USAGE_COMPLETION),
    INTO("input_tokens_details", input_details),
    INTO("output_tokens_details", output_details),
    /* Anthropic */
    FIGURE("cache_read_input_tokens", TG_USAGE_CACHE_READ),
    FIGURE("cache_creation_input_tokens", TG_USAGE_CACHE_WRITE),
    /* transcriptions, of models that are priced by time */
    ROW("seconds", TG_METER_SECONDS, TG_USAGE_SECONDS, NULL),
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
    TEXT("reasoning_content"), /* DeepSeek, vLLM */
    TEXT("reasoning"),         /* newer vLLM */
    TEXT("refusal"),
    INTO("tool_calls", tool_calls),
    INTO("function_call", function),
    END,
};

static const struct tg_meter_path choices[] = {
    INTO("delta", message),
    INTO("message", message),
    TEXT("text"), /* completions, FIM */
    FINISH("finish_reason"),
    END,
};

/* Anthropic: what a stream adds, and a block of an answer; input is a tool's,
   of any shape.  responses has blocks of text alike. */
static const struct tg_meter_path block[] = {
    TEXT("text"),          TEXT("thinking"),
    TEXT("partial_json"),  TEXT("refusal"),
    TEXT("name"),          ROW("input", TG_METER_TREE, 0, NULL),
    FINISH("stop_reason"), END,
};

/* responses: an item of the answer. */
static const struct tg_meter_path output[] = {
    INTO("content", block), INTO("summary", block), TEXT("name"),
    TEXT("arguments"),      TEXT("input"),          END,
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
    INTO("choices", choices),
    INTO("usage", usage),
    ROW("error", TG_METER_FAULT, 0, NULL),
    ROW("object", TG_METER_OBJECT, 0, NULL),
    ROW("type", TG_METER_TYPE, 0, NULL),
    /* Anthropic's is an object, that of responses a string. */
    ROW("delta", TG_METER_TEXT, 0, block),
    INTO("message", message_start),
    INTO("content_block", block),
    INTO("content", block),
    FINISH("stop_reason"),
    INTO("response", response),
    INTO("output", output),
    INTO("data", data),
    ROW("text", TG_METER_WHOLE, 0, NULL), /* transcriptions */
    ROW("duration", TG_METER_SECONDS, TG_USAGE_DURATION, NULL),
    END,
};

const struct tg_meter_path tg_meter_root = INTO("", root);

const struct tg_meter_path *
tg_meter_path_find(const struct tg_meter_path *path, const struct tg_json *json)
{
    const struct tg_meter_path *member = path->members;

    if (path->action == TG_METER_TREE)
        return path;
    if (!member || !json->text)
        return NULL;
    for (; member->name; member++)
        if (member->len == json->text_len && member->name[0] == json->text[0] &&
            memcmp(member->name, json->text, member->len) == 0)
            return member;
    return NULL;
}
