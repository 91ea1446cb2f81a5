/*
 * ask_part.h: what the files that read a request body share.
 */
#ifndef SIM_ASK_PART_H
#define SIM_ASK_PART_H

#include "ask.h"

/* The body being read and what was found on the way. */
struct sim_asking {
    struct sim_json json;
    struct sim_ask *ask;
    char *why;     /* a sentence of its own instead of json.fault */
    bool has_mark; /* the part being read is to be kept in the cache */
};

/* One member that is taken.  The last row has no name. */
struct sim_ask_member {
    const char *name;
    int (*read)(struct sim_asking *);
    unsigned where; /* a set of SIM_IN(endpoint), and SIM_TAKES_NULL or not */
};

#define SIM_IN(endpoint) (1u << (endpoint))
#define SIM_IN_IMAGES                                                          \
    (SIM_IN(SIM_IMAGES) | SIM_IN(SIM_IMAGE_EDITS) |                            \
     SIM_IN(SIM_IMAGE_VARIATIONS))
#define SIM_IN_TRANSCRIPTS                                                     \
    (SIM_IN(SIM_TRANSCRIPTIONS) | SIM_IN(SIM_TRANSLATIONS))
#define SIM_IN_FORMS                                                           \
    (SIM_IN_TRANSCRIPTS | (SIM_IN_IMAGES & ~SIM_IN(SIM_IMAGES)))
#define SIM_IN_ALL (SIM_IN(SIM_ENDPOINT_COUNT) - 1)
/* Else a null is as if the member were absent. */
#define SIM_TAKES_NULL SIM_IN(SIM_ENDPOINT_COUNT)

/* Reads an object member by member; the ones that are not taken are skipped.
 * Like all readers here: 0, or -1 with json.fault or why set. */
int sim_ask_object(struct sim_asking *asking,
                   const struct sim_ask_member *members);

bool sim_ask_is_null(struct sim_asking *asking);
int sim_ask_skip(struct sim_asking *asking);

/* One part of a form that is taken; read returns what is wrong with it, or
 * NULL. */
struct sim_ask_field {
    const char *name;
    const char *(*read)(struct sim_asking *, struct tg_str value);
    unsigned where; /* a set of SIM_IN(endpoint) */
    bool is_file;
};

/* Read the whole body: JSON, or a form of which the parts that are not taken
 * are skipped. */
int sim_ask_json(struct sim_asking *asking, const struct sim_request *request);
int sim_ask_form(struct sim_asking *asking, const struct sim_request *request);

/* Each takes the value of one member or field; what is wrong with it, or
 * NULL. */
const char *sim_ask_take_model(struct sim_asking *asking, struct tg_str name);
const char *sim_ask_take_format(struct sim_asking *asking, struct tg_str name);
const char *sim_ask_take_size(struct sim_asking *asking, struct tg_str size);
const char *sim_ask_take_quality(struct sim_asking *asking, struct tg_str name);

enum { SIM_ASK_IMAGES_MOST = 10, SIM_ASK_PARTIALS_MOST = 3 };

/* Adds text for the model, a user's, in bytes as they stand. */
const char *sim_ask_take_text(struct sim_asking *asking, struct tg_str text);

/* Each reads one member that holds text for the model and adds it to the
 * ask; a user's may hold faults. */
int sim_ask_text(struct sim_asking *asking);
int sim_ask_content(struct sim_asking *asking);
int sim_ask_messages(struct sim_asking *asking);
int sim_ask_items(struct sim_asking *asking); /* Responses' input */
int sim_ask_prompt(struct sim_asking *asking);
int sim_ask_input(struct sim_asking *asking); /* embeddings' */
int sim_ask_speech(struct sim_asking *asking);

#endif
