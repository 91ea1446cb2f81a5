/*
 * body.h: what a request body asks for, and where it says so.
 *
 * Only top-level members govern (and stream_options.include_usage).  Each
 * may stand once, with an escaped name or not, and has one type; so what is
 * judged here is what any upstream will read.
 *
 *     tg_body_init(&body);
 *     for each chunk: if (tg_body_feed(&body, data, len) < 0) refuse;
 *     if (tg_body_finish(&body, &facts) < 0) refuse;
 *     count = tg_body_plan(&facts, &want, edits);
 */
#ifndef TG_BODY_H
#define TG_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ask.h"
#include "json.h"

#define TG_BODY_MODEL_MAX TG_JSON_TEXT_MAX

enum tg_body_member {
    TG_BODY_NONE = 0,
    TG_BODY_MODEL,                 /* string */
    TG_BODY_STREAM,                /* true, false or null */
    TG_BODY_STREAM_OPTIONS,        /* object or null */
    TG_BODY_INCLUDE_USAGE,         /* in stream_options; true, false, null */
    TG_BODY_MAX_TOKENS,            /* this and the rest: an integer from 0, */
    TG_BODY_MAX_COMPLETION_TOKENS, /* or null */
    TG_BODY_MAX_OUTPUT_TOKENS,
    TG_BODY_N,
    TG_BODY_BEST_OF,
    TG_BODY_SIZE, /* this and the rest: a short string, or null */
    TG_BODY_QUALITY,
    TG_BODY_RESPONSE_FORMAT,
    TG_BODY_STREAM_FORMAT,
    TG_BODY_PURPOSE,
    TG_BODY_ENDPOINT,
    TG_BODY_INPUT, /* a string; its value: how many characters */
    TG_BODY_MEMBERS,
};

/* Members that govern: bits 1 << enum tg_body_member. */
#define TG_BODY_BIT(member) (1u << TG_BODY_##member)

/* Those of a call that is about text. */
#define TG_BODY_OF_CALLS                                                       \
    (TG_BODY_BIT(MODEL) | TG_BODY_BIT(STREAM) | TG_BODY_BIT(STREAM_OPTIONS) |  \
     TG_BODY_BIT(INCLUDE_USAGE) | TG_BODY_BIT(MAX_TOKENS) |                    \
     TG_BODY_BIT(MAX_COMPLETION_TOKENS) | TG_BODY_BIT(MAX_OUTPUT_TOKENS) |     \
     TG_BODY_BIT(N) | TG_BODY_BIT(BEST_OF))

#define TG_BODY_WORD_MAX 32

/* One governed member's value. */
struct tg_body_value {
    bool is_present;
    bool is_null;
    int64_t value; /* the integer; 1 or 0 for true or false; else 0 */
    uint64_t at;   /* offset of the value's first byte */
    uint64_t len;  /* bytes it takes */
};

/* A short string: decoded, zero-terminated, printable; "" when absent. */
struct tg_body_word {
    char text[TG_BODY_WORD_MAX + 1];
};

struct tg_body_facts {
    struct tg_body_value members[TG_BODY_MEMBERS];
    char model[TG_BODY_MODEL_MAX + 1]; /* decoded, zero-terminated; "" when
                                          absent; no control characters */
    size_t model_len;
    struct tg_body_word size, quality, endpoint;
    bool is_empty;          /* the body is an object without members */
    bool options_are_empty; /* so is stream_options */
    bool hides_tokens;      /* a member by which an upstream may make tokens
                               that its stream does not show */
    uint64_t insert_at;     /* offset just behind the opening brace */
    uint64_t total_bytes;   /* of the body as it came */
    uint64_t text_bytes;    /* decoded bytes of string values that are not
                               governed; for estimates */
    uint64_t prompt_bytes;  /* bytes of all that is not governed, written
                               without white space and escapes: at least
                               the prompt's byte-level tokens, tool schemas,
                               arrays of token numbers and the chat
                               template's own marks included */
    uint64_t file_bytes;    /* of a form, and how many of them there are */
    uint64_t file_count;
    struct tg_asked asked;
};

enum tg_body_fault_kind {
    TG_BODY_FINE = 0,
    TG_BODY_EMPTY,      /* nothing, or only white space */
    TG_BODY_NOT_JSON,   /* at offset */
    TG_BODY_TRUNCATED,  /* the JSON ends too early */
    TG_BODY_TRAILING,   /* something follows the JSON, at offset */
    TG_BODY_UTF8,       /* a string is not UTF-8, at offset */
    TG_BODY_DEPTH,      /* nested deeper than TG_JSON_DEPTH_MAX, at offset */
    TG_BODY_NOT_OBJECT, /* JSON, but not an object */
    TG_BODY_DUPLICATE,  /* member stands twice; offset of the second name */
    TG_BODY_TYPE,       /* member has the wrong type; offset of the value */
    TG_BODY_SPELLING,   /* member is written in other case, which some
                           upstreams take for the same; offset of the name */
    TG_BODY_RANGE,      /* member is negative, too large, too long, or empty */
    TG_BODY_UNEXPECTED, /* there is one where none may be */
    TG_BODY_FORM,       /* not a form, or not in plain form; at offset */
    TG_BODY_FORM_NAME,  /* a part of it has no plain name */
    TG_BODY_FORM_LIMIT, /* it has too many parts, or too long headers */
    TG_BODY_FORM_CUT,   /* it ends too early */
};

/* Why a body was refused. */
struct tg_body_fault {
    enum tg_body_fault_kind kind;
    enum tg_body_member member; /* TG_BODY_NONE when it is none's fault */
    uint64_t offset;
};

/* A body being read: about 1 KiB, the caller's.  Read fault, no more. */
struct tg_body {
    struct tg_body_fault fault;
    struct tg_body_facts facts;
    uint32_t governed; /* to be set behind tg_body_init, if not those of
                          calls */
    struct tg_ask ask;
    struct tg_json json;
    enum tg_body_member pending; /* whose value comes next */
    bool is_object;
    bool in_options;
};

/* A change to the body: at offset, remove_len bytes give way to insert. */
struct tg_body_edit {
    uint64_t offset;
    uint32_t remove_len;
    uint32_t insert_len;
    char insert[56];
};

#define TG_BODY_EDITS_MAX 4

/* What the body shall ask the upstream for. */
struct tg_body_want {
    bool include_usage; /* has an effect on streams only */
    int64_t max_tokens; /* no limit member may exceed it; -1 for as it is */
    uint32_t obeyed;    /* bits 1 << member: the limits this upstream obeys
                           on this route */
    enum tg_body_member limit_member; /* the one to add when none of these
                                         stands there as a number */
};

/* Begins a body, in which the members of calls govern. */
void tg_body_init(struct tg_body *body);

/*
 * Reads the next len bytes; they are not needed afterwards.  Returns 0, or
 * a negative tg_err with body->fault set, which later calls repeat:
 * TG_ERR_FORMAT, TG_ERR_DUPLICATE, TG_ERR_RANGE, or TG_ERR_LIMIT (depth).
 */
int tg_body_feed(struct tg_body *body, const void *data, size_t len);

/* Ends the body.  Returns as tg_body_feed; writes *facts on success. */
int tg_body_finish(struct tg_body *body, struct tg_body_facts *facts);

/*
 * The fewest edits that make the body ask for what is wanted; all other
 * bytes stay.  edits has room for TG_BODY_EDITS_MAX.  Returns their count;
 * offsets ascend, and of two at one offset the first one's bytes come first.
 */
size_t tg_body_plan(const struct tg_body_facts *facts,
                    const struct tg_body_want *want,
                    struct tg_body_edit *edits);

/* The body's length with these edits made. */
uint64_t tg_body_edited_len(const struct tg_body_facts *facts,
                            const struct tg_body_edit *edits, size_t count);

/* "max_tokens" and so on, "stream_options.include_usage" for that one. */
const char *tg_body_member_name(enum tg_body_member member);

#endif
