/*
 * body_member.h: the members of a request body that govern, by name.
 */
#ifndef TG_BODY_MEMBER_H
#define TG_BODY_MEMBER_H

#include "body.h"

enum tg_body_type {
    TG_BODY_ANY = 0,
    TG_BODY_STRING,
    TG_BODY_BOOLEAN, /* or null */
    TG_BODY_OBJECT,  /* or null */
    TG_BODY_INTEGER, /* or null; from 0 */
};

enum tg_body_type tg_body_member_type(enum tg_body_member member);

/*
 * The member that json's last token, a name, names in whatever case, in
 * stream_options or at the top; TG_BODY_NONE if none.  Go's JSON reader, and
 * so some upstreams, takes Model and even max_to\u212aens for ours.
 */
enum tg_body_member tg_body_member_find(const struct tg_json *json,
                                        bool in_options);

/*
 * Whether json's last token, a name, is one by which vLLM or SGLang can be
 * told to make tokens that are not shown, or later than they are made.
 */
bool tg_body_member_hides(const struct tg_json *json);

/* Whether that name is the found member's, byte for byte. */
bool tg_body_member_is_exact(const struct tg_json *json,
                             enum tg_body_member member);

#endif
