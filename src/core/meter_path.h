/*
 * meter_path.h: which members of an answer mean something.  A new shape of
 * answer is a new row in meter_path.c.
 */
#ifndef TG_METER_PATH_H
#define TG_METER_PATH_H

#include "json.h"
#include "usage.h"

enum tg_meter_action {
    TG_METER_INTO = 0, /* only its members mean something */
    TG_METER_FIGURE,   /* a number of tokens: field says which */
    TG_METER_TEXT,     /* generated text */
    TG_METER_TREE,     /* the same, in all of its members */
    TG_METER_WHOLE,    /* the same, but not in events, which repeat it */
    TG_METER_FINISH,   /* why the model stopped */
    TG_METER_FAULT,    /* an error, unless null, false or empty */
    TG_METER_SECONDS,  /* a decimal number of seconds: field says which */
    TG_METER_IMAGE,    /* an image, or where it is */
    TG_METER_TYPE,     /* an event's type: may end the stream, or be error */
    TG_METER_OBJECT,   /* an object's kind: may be error */
};

/* A member, and the members in it; arrays are looked through. */
struct tg_meter_path {
    const char *name;
    uint8_t len;
    uint8_t action;
    uint8_t field;                       /* enum tg_usage_field */
    const struct tg_meter_path *members; /* by length; ends with a NULL name */
};

/* The whole answer. */
extern const struct tg_meter_path tg_meter_root;

/* The member that json's last token, a name, names; NULL if it is none. */
const struct tg_meter_path *tg_meter_path_find(const struct tg_meter_path *path,
                                               const struct tg_json *json);

#endif
