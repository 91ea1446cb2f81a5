/*
 * body_member.h: the members of a request body that govern, by name, and what
 * can be wrong with it; for the readers of JSON and of forms.
 */
#ifndef TG_BODY_MEMBER_H
#define TG_BODY_MEMBER_H

#include "body.h"
#include "str.h"

enum tg_body_type {
    TG_BODY_ANY = 0,
    TG_BODY_STRING,
    TG_BODY_BOOLEAN, /* or null */
    TG_BODY_OBJECT,  /* or null */
    TG_BODY_INTEGER, /* or null; from 0 */
    TG_BODY_WORD,    /* or null; printable, at most TG_BODY_WORD_MAX bytes */
    TG_BODY_TEXT,    /* a string of any length */
};

/* The tg_err of a fault, 0 for none. */
int tg_body_fault_err(enum tg_body_fault_kind kind);

enum tg_body_type tg_body_member_type(enum tg_body_member member);

/*
 * The one of the governed members (bits) that a name names in whatever case,
 * in stream_options or at the top; TG_BODY_NONE if none.  Go's JSON reader,
 * and so some upstreams, takes Model and even max_to\u212aens for ours.
 */
enum tg_body_member tg_body_member_find(struct tg_str name, uint32_t governed,
                                        bool in_options);

/*
 * Whether json's last token, a name, is one by which vLLM or SGLang can be
 * told to make tokens that are not shown, or later than they are made.
 */
bool tg_body_member_hides(const struct tg_json *json);

/* Whether that name is the found member's, byte for byte. */
bool tg_body_member_is_exact(struct tg_str name, enum tg_body_member member);

/*
 * Takes the value of a member that is a string or a word, when it is not null:
 * of the model its name, else what facts has room for.  Returns false when it
 * is empty, too long, or not printable.
 */
bool tg_body_member_take(struct tg_body_facts *facts,
                         enum tg_body_member member, struct tg_str value);

#endif
