/*
 * json.h: JSON read as tokens, in chunks of any size (RFC 8259, strictly).
 *
 * No tree, no allocation, a state of fixed size.  Refused: invalid UTF-8,
 * control characters in strings, numbers outside the grammar, anything but
 * white space around the one value, nesting deeper than TG_JSON_DEPTH_MAX.
 * A lone surrogate in an escape is allowed and decodes to U+FFFD.
 *
 *     tg_json_init(&json);
 *     for each chunk:
 *         tg_json_feed(&json, chunk, len);
 *         while ((token = tg_json_next(&json)) > TG_JSON_MORE)
 *             ...
 *     tg_json_finish(&json);
 */
#ifndef TG_JSON_H
#define TG_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "utf8.h"

#define TG_JSON_DEPTH_MAX 64

/* The longest name or string whose decoded bytes a token shows. */
#define TG_JSON_TEXT_MAX 128

enum tg_json_token {
    TG_JSON_ERROR = -1, /* not JSON: see error and error_at; stays so */
    TG_JSON_MORE = 0,   /* the chunk is used up */
    TG_JSON_OBJECT,
    TG_JSON_OBJECT_END,
    TG_JSON_ARRAY,
    TG_JSON_ARRAY_END,
    TG_JSON_NAME, /* a member's name; its value comes next */
    TG_JSON_STRING,
    TG_JSON_NUMBER,
    TG_JSON_TRUE,
    TG_JSON_FALSE,
    TG_JSON_NULL,
};

enum tg_json_error {
    TG_JSON_OK = 0,
    TG_JSON_SYNTAX,    /* a byte that cannot stand there */
    TG_JSON_UTF8,      /* a string that is not UTF-8 */
    TG_JSON_CONTROL,   /* a control character inside a string */
    TG_JSON_DEPTH,     /* nested too deep */
    TG_JSON_TRAILING,  /* something after the value */
    TG_JSON_TRUNCATED, /* it ends before the value does */
    TG_JSON_EMPTY,     /* no value at all */
};

/* Offsets count bytes from the first one ever fed. */
struct tg_json {
    /* What the last token was. */
    uint64_t token_at;    /* offset of its first byte */
    const char *text;     /* name or string: decoded, until the next call; NULL
                             when it is longer than TG_JSON_TEXT_MAX */
    uint64_t text_len;    /* name or string: decoded length, however long */
    uint64_t text_more;   /* of these bytes, those that continue a character;
                             counted when counts_characters is set */
    int64_t integer;      /* number: its value, when is_integer and !is_huge */
    bool is_integer;      /* number: has neither fraction nor exponent */
    bool is_huge;         /* number: an integer outside int64_t */
    bool is_negative;     /* number: begins with a minus sign */
    bool is_decimal;      /* number: has no exponent */
    uint16_t thousandths; /* of its fraction, rounded up: 0 to 1000 */
    uint8_t depth;        /* containers open after this token */

    uint64_t comma_at; /* offset of the comma last read */
    enum tg_json_error error;
    uint64_t error_at;

    bool counts_characters; /* to be set behind tg_json_init */

    /* Private. */
    uint8_t state, sub, decimals;
    bool has_escapes, is_held; /* the string: its beginning is in held */
    uint8_t held_len;
    struct tg_utf8 utf8;
    uint16_t surrogate, held_surrogate; /* that wait for the other half */
    uint8_t split_len;
    char split[6]; /* an escape that the chunk's end cut */
    const char *chunk, *cursor, *end, *run;
    const char *literal;
    uint64_t chunk_at;
    uint64_t objects; /* bit 0: the innermost container is an object, not an
                         array; bit 1: the one around it; and so on */
    char held[TG_JSON_TEXT_MAX];
};

/* Begins a document. */
void tg_json_init(struct tg_json *json);

/*
 * Gives the next len bytes.  The chunk before must be used up; this one must
 * stay where it is until tg_json_next returns TG_JSON_MORE or _ERROR.
 */
void tg_json_feed(struct tg_json *json, const void *data, size_t len);

/* Reads on to the next token. */
enum tg_json_token tg_json_next(struct tg_json *json);

/*
 * Ends the document.  Returns 0 when it was one whole value, else
 * TG_ERR_FORMAT with error and error_at set.
 */
int tg_json_finish(struct tg_json *json);

/* Whether the one value is whole; white space may still follow. */
bool tg_json_is_complete(const struct tg_json *json);

/* The offset behind the last token. */
static inline uint64_t
tg_json_offset(const struct tg_json *json)
{
    return json->chunk_at + (uint64_t)(json->cursor - json->chunk);
}

/*
 * Whether a string value has begun and is not whole yet; text_len then is
 * what has come of it.  To ask when the chunk is used up.
 */
bool tg_json_in_string(const struct tg_json *json);

/*
 * Whether the name or string that the last token was begins with these bytes,
 * however long it is.  At most TG_JSON_BEGIN_MAX of them.
 */
bool tg_json_begins(const struct tg_json *json, const char *start, size_t len);

#define TG_JSON_BEGIN_MAX 16

/* Whether the innermost open container is an array. */
static inline bool
tg_json_in_array(const struct tg_json *json)
{
    return json->depth > 0 && !(json->objects & 1);
}

/* Whether the innermost open container stands in an array. */
static inline bool
tg_json_stands_in_array(const struct tg_json *json)
{
    return json->depth > 1 && !(json->objects >> 1 & 1);
}

#endif
