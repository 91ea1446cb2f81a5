/*
 * edit.h: takes out of an event stream the usage that we asked for and the
 * client did not, so that every byte is as if nobody had asked.
 *
 * Taken out: the event with "choices":[] and a usage object, and the usage
 * members of other events.  A member goes with the comma before it.  What the
 * answer means is metered elsewhere, from the bytes before this.
 */
#ifndef TG_EDIT_H
#define TG_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "sse.h"

/* Which usages an upstream sends only when it is asked. */
enum tg_edit_rule {
    TG_EDIT_NOTHING = 0,    /* pass everything */
    TG_EDIT_NULL_USAGE = 1, /* "usage":null and the event of its own, but not
                               the usage of an event with choices: DeepSeek
                               sends that on its last chunk unasked */
    TG_EDIT_ALL_USAGE = 2,  /* every one (OpenAI, vLLM) */
};

/*
 * A carry of this size fits every known upstream with room to spare: what is
 * held is an event's start up to its first choice, or all of one without.
 */
#define TG_EDIT_CARRY_BYTES 2048

/* Takes the next bytes for the client.  Returns 0, or a negative to stop. */
typedef int tg_edit_emit(void *arg, const char *data, size_t len);

struct tg_edit {
    /* Private.  Offsets count the stream's bytes. */
    enum tg_edit_rule rule;
    int err;
    char *carry; /* the bytes before the chunk that are not given away */
    size_t carry_size, carry_len;
    uint64_t kept_at;         /* the first byte not given away or left out */
    uint64_t cut_at, cut_end; /* bytes to leave out */
    uint64_t shift;           /* from an offset in the JSON to one in the
                                 stream, in this line */
    uint64_t line_at;         /* where this line begins in the JSON */
    uint64_t settled_at;      /* behind the last token of the JSON */
    uint8_t cut, member, tail;
    bool is_decided; /* the event is not the extra one */
    bool is_leading; /* what is cut is the first member */
    bool has_members, has_usage, has_no_choices;
    struct tg_sse sse;
    struct tg_json json;
};

/*
 * Begins a stream.  carry is the caller's, of any size, and lives as long as
 * the edit; it holds what cannot be decided yet when a chunk ends.
 */
void tg_edit_init(struct tg_edit *edit, enum tg_edit_rule rule, char *carry,
                  size_t carry_size);

/*
 * Reads the next len bytes and emits what is the client's, in order.  A slice
 * inside data lasts as long as data, one of the carry until emit returns.
 * Returns 0; TG_ERR_LIMIT when more must be held than the carry has room for;
 * or what emit returned.  After an error it only repeats it.
 */
int tg_edit_feed(struct tg_edit *edit, const void *data, size_t len,
                 tg_edit_emit *emit, void *arg);

/* Ends the stream, whole or cut: emits what is still held.  Returns alike. */
int tg_edit_end(struct tg_edit *edit, tg_edit_emit *emit, void *arg);

#endif
