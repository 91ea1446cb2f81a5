/*
 * ask.h: what a request asks for beyond its text: images, files, several
 * prompts, tools that run at the provider, other prices.
 *
 * Read token by token beside the members that govern (body.h), where an
 * upstream reads it and nowhere else: an image is one at its place in a
 * message, not in the arguments of a tool.  One reading serves chat,
 * completions, responses and messages, which share the names; what is allowed
 * is decided in admit_ask.c.  A name in other case, which some upstreams take
 * for the same, counts as well.
 */
#ifndef TG_ASK_H
#define TG_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

/* What it may ask for; bits 1 << kind of tg_asked.kinds. */
enum tg_ask_kind {
    TG_ASK_NOTHING = 0,
    TG_ASK_BACKGROUND,   /* an answer that is read later */
    TG_ASK_PREVIOUS,     /* another answer, as part of the prompt */
    TG_ASK_CONVERSATION, /* a whole conversation */
    TG_ASK_TEMPLATE,     /* a prompt that the provider keeps */
    TG_ASK_ITEM,         /* an item of another answer, by its id */
    TG_ASK_FILE,         /* a file that the provider keeps, by its id */
    TG_ASK_PREDICTION,   /* tokens that are billed when they are wrong */
    TG_ASK_SEARCH,       /* web_search_options, not null */
    TG_ASK_SERVERS,      /* tools of MCP servers */
    TG_ASK_CONTAINER,    /* where code runs */
    TG_ASK_TIER,         /* a service tier with a price of its own */
    TG_ASK_SPEED,        /* so is this, */
    TG_ASK_GEO,          /* and this */
    TG_ASK_LONG_CACHE,   /* that the cache keeps it for more than minutes */
    TG_ASK_HOSTED_TOOL,  /* a tool that is none of the next two, nor a
                            function of the client's */
    TG_ASK_LOCAL_TOOL,   /* OpenAI's that the client runs */
    TG_ASK_CLIENT_TOOL,  /* Anthropic's that the client runs */
    TG_ASK_REASONING,    /* earlier reasoning that only the provider knows */
    TG_ASK_UNSEEN,       /* a part whose tokens the request does not show: a
                            document, a file */
    TG_ASK_KINDS,
};

struct tg_asked {
    uint32_t kinds;
    uint32_t images;       /* in the prompt, inline or not */
    uint32_t client_tools; /* TG_ASK_CLIENT_TOOL, how many */
    uint32_t prompts;      /* of completions, when they are a list */
    uint64_t image_bytes;  /* decoded bytes of strings that are images */
};

#define TG_ASK_LEVELS 16
#define TG_ASK_NESTED 3 /* parts in parts: tool results, documents */

/* A part of a message's content that is being read. */
struct tg_ask_part {
    uint8_t types;   /* bits of enum type_class */
    uint8_t sources; /* the same of its source's type */
    bool has_text;
    uint16_t image_urls, source_count;
    uint64_t data_bytes;
};

/* Private, but for its place in the reader's state. */
struct tg_ask {
    uint8_t roles[TG_ASK_LEVELS]; /* of the open containers, by depth */
    uint8_t name;                 /* role of the value that comes next */
    uint8_t kind;                 /* of that value, if it is one's */
    uint8_t nested;               /* parts that are open */
    uint8_t item_types;
    bool in_prompts; /* in a list of them */
    bool has_role, has_content, has_reasoning;
    struct tg_ask_part parts[TG_ASK_NESTED];
};

/* Begins behind the opening brace of the body; ask and asked are zeros. */
void tg_ask_begin(struct tg_ask *ask);

/* Takes a token that may matter. */
void tg_ask_look(struct tg_ask *ask, struct tg_asked *asked,
                 const struct tg_json *json, enum tg_json_token token);

/*
 * Takes each token behind that brace, with json as it is then.  Most are of no
 * interest: values that no name announced, and all that stands in a container
 * without a role.
 */
static inline void
tg_ask_take(struct tg_ask *ask, struct tg_asked *asked,
            const struct tg_json *json, enum tg_json_token token)
{
    unsigned depth = json->depth;

    if (token > TG_JSON_NAME) {
        if (ask->name == 0 && !ask->in_prompts)
            return;
    } else {
        if (token == TG_JSON_OBJECT || token == TG_JSON_ARRAY)
            depth--;
        else if (token != TG_JSON_NAME)
            depth++;
        if (depth >= TG_ASK_LEVELS || ask->roles[depth] == 0)
            return;
    }
    tg_ask_look(ask, asked, json, token);
}

#endif
