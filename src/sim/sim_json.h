/*
 * sim_json.h: reads JSON once, front to back, without a tree.
 *
 * A reader walks the request body and takes the few members it wants; the
 * rest is checked and skipped.  This is the simulator's own reader on purpose:
 * it shares no code with the gate's, so that one bug cannot hide in both.
 * Grammar of RFC 8259; not handled: invalid UTF-8 inside strings passes.
 */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include <stdint.h>

#include "str.h"

struct sim_json {
    const char *start;
    const char *at;
    const char *end;
    const char *fault; /* NULL, or what was expected at `at` */
    int depth;
};

/* A string as it stands in the body, without its quotes, and the number of
 * UTF-8 bytes it means. */
struct sim_json_text {
    struct tg_str raw;
    uint64_t decoded_bytes;
    bool has_escapes;
};

enum sim_json_type {
    SIM_JSON_BAD = 0,
    SIM_JSON_NULL,
    SIM_JSON_BOOL,
    SIM_JSON_NUMBER,
    SIM_JSON_STRING,
    SIM_JSON_ARRAY,
    SIM_JSON_OBJECT,
};

/* Starts on body, which must stay where it is. */
void sim_json_init(struct sim_json *json, struct tg_str body);

/* Skips white space; the byte it ends at, or -1 at the end of the body. */
int sim_json_next(struct sim_json *json);

/* Skips white space and tells what the next value looks like. */
enum sim_json_type sim_json_peek(struct sim_json *json);

/* Each reads one value.  0, or -1 with json->fault set and json->at where the
 * trouble is.  The reader is of no use after that. */
int sim_json_text(struct sim_json *json, struct sim_json_text *text);
int sim_json_bool(struct sim_json *json, bool *value);
int sim_json_int(struct sim_json *json, int64_t *value);
int sim_json_skip(struct sim_json *json);

/* Reads the opening bracket ('{' or '['); 0 or -1. */
int sim_json_open(struct sim_json *json, char bracket);

/* Steps to the next member or item: 1 with the reader before its value, 0 when
 * the closing bracket was read, -1.  *is_first starts as true. */
int sim_json_member(struct sim_json *json, bool *is_first,
                    struct sim_json_text *name);
int sim_json_item(struct sim_json *json, bool *is_first);

/* Checks that nothing follows the value that was read; 0 or -1. */
int sim_json_finish(struct sim_json *json);

/* Sets the fault at the present place; returns -1. */
int sim_json_fail(struct sim_json *json, const char *fault);

/* The Unicode code points that text means. */
uint64_t sim_json_characters(const struct sim_json_text *text);

/* Decodes text into out, cut to size - 1 bytes, with a final zero; returns the
 * number of bytes before the zero. */
size_t sim_json_decode(const struct sim_json_text *text, char *out,
                       size_t size);

/* Says whether text means the same as the zero-terminated ASCII word. */
bool sim_json_is(const struct sim_json_text *text, const char *word);

#endif
