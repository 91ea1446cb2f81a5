/*
 * ask_name.h: the names and types that ask.c knows, as tables.
 */
#ifndef TG_ASK_NAME_H
#define TG_ASK_NAME_H

#include "ask.h"

/* What a value is for, by where it stands; some are of containers, too. */
enum tg_ask_role {
    TG_ROLE_NONE = 0,
    TG_ROLE_TOP,
    TG_ROLE_ASK,      /* it asks for the kind that goes with it */
    TG_ROLE_MESSAGES, /* a list of items */
    TG_ROLE_INPUT,    /* the same of responses */
    TG_ROLE_SYSTEM,   /* text, or a list of parts */
    TG_ROLE_TOOLS,
    TG_ROLE_PROMPT,
    TG_ROLE_MESSAGE, /* of messages */
    TG_ROLE_ITEM,    /* of input */
    TG_ROLE_CONTENT, /* text, or a list of parts, or one */
    TG_ROLE_PART,
    TG_ROLE_IMAGE,  /* a URL, or an object with one */
    TG_ROLE_FILE,   /* its bytes, or its id */
    TG_ROLE_SOURCE, /* of an image or a document */
    TG_ROLE_TOOL,
    TG_ROLE_CACHE, /* cache_control */
    TG_ROLE_TYPE,
    TG_ROLE_URL,
    TG_ROLE_DATA,
    TG_ROLE_TEXT,
    TG_ROLE_TTL,
    TG_ROLE_SPEAKER,   /* role */
    TG_ROLE_REASONING, /* what a reasoning item shows of itself */
    TG_ROLE_UNSEEN,
};

/* A name found in a container of a role. */
struct tg_ask_name {
    enum tg_ask_role role;
    enum tg_ask_kind kind;
};

/* Finds the name that json's last token is; role NONE when it is none. */
struct tg_ask_name tg_ask_name_find(enum tg_ask_role container,
                                    const struct tg_json *json);

/* Whether a value of a kind is as good as none: "auto", false. */
bool tg_ask_is_plain(enum tg_ask_kind kind, const struct tg_json *json,
                     enum tg_json_token token);

/* What a type says of a part, its source, or an item. */
enum tg_ask_class {
    TG_CLASS_SEEN = 1 << 0, /* its tokens are in the request */
    TG_CLASS_IMAGE = 1 << 1,
    TG_CLASS_DOCUMENT = 1 << 2,
    TG_CLASS_BASE64 = 1 << 3,
    TG_CLASS_REASONING = 1 << 4,
    TG_CLASS_REFERENCE = 1 << 5,
    TG_CLASS_OTHER = 1 << 6,
};

/* The class of the type that json's last token, a string, names. */
enum tg_ask_class tg_ask_part_class(const struct tg_json *json);
enum tg_ask_class tg_ask_source_class(const struct tg_json *json);
enum tg_ask_class tg_ask_item_class(const struct tg_json *json);

/* The kind of a tool's type; NOTHING for functions of the client's. */
enum tg_ask_kind tg_ask_tool_kind(const struct tg_json *json);

#endif
