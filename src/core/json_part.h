/*
 * json_part.h: what the files of the JSON reader share with each other.
 */
#ifndef TG_JSON_PART_H
#define TG_JSON_PART_H

#include "json.h"

enum tg_json_state {
    TG_JSON_AT_VALUE = 0,
    TG_JSON_AT_FIRST_ELEMENT, /* a value, or the bracket closes */
    TG_JSON_AT_FIRST_NAME,    /* a name, or the brace closes */
    TG_JSON_AT_NAME,
    TG_JSON_AT_COLON,
    TG_JSON_BEHIND_VALUE,
    TG_JSON_IN_NAME,
    TG_JSON_IN_STRING,
    TG_JSON_IN_NUMBER,
    TG_JSON_IN_LITERAL,
    TG_JSON_AT_END, /* the one value is whole */
    TG_JSON_FAILED,
};

/* Fails at the byte p points to, in the current chunk. */
enum tg_json_token tg_json_fail(struct tg_json *json, enum tg_json_error error,
                                const char *p);

/* Begins the string whose opening quote is just before the cursor. */
void tg_json_string_begin(struct tg_json *json);

/* Reads on in it: 1 when it is whole, 0 at the chunk's end, or _ERROR. */
int tg_json_string(struct tg_json *json);

/* Begins the number that the cursor points to. */
void tg_json_number_begin(struct tg_json *json);

/* Reads on in it: 1 when it is whole, 0 at the chunk's end, or _ERROR. */
int tg_json_number(struct tg_json *json);

/* Whether a number that ends here is one. */
bool tg_json_number_may_end(const struct tg_json *json);

#endif
