/*
 * shape.h: how an answer looks on the wire, by endpoint.
 */
#ifndef SIM_SHAPE_H
#define SIM_SHAPE_H

#include "sim_answer.h"

struct sim_shape {
    /* Changes the plan of a text's answer to its own; NULL lets it be. */
    void (*plan)(struct sim_answer *answer);
    void (*whole)(const struct sim_answer *answer, struct sim_buf *out);
    void (*event)(const struct sim_answer *answer, uint64_t i,
                  struct sim_buf *out);
    void (*end)(const struct sim_answer *answer, struct sim_buf *out);
    /* Events before the first token's, and after the last one's. */
    uint64_t (*lead)(const struct sim_answer *answer);
    uint64_t (*tail)(const struct sim_answer *answer);
    /* The error event behind so many others; NULL is the dialect's usual. */
    void (*error)(const struct sim_answer *answer, uint64_t events,
                  struct sim_buf *out);
};

extern const struct sim_shape sim_shape_openai;
extern const struct sim_shape sim_shape_messages;
extern const struct sim_shape sim_shape_responses;
extern const struct sim_shape sim_shape_images;
extern const struct sim_shape sim_shape_speech;
extern const struct sim_shape sim_shape_transcripts;
extern const struct sim_shape sim_shape_prepared;   /* no stream */
extern const struct sim_shape sim_shape_embeddings; /* no stream */

/* For tables: no event, one event; and the end that is `[DONE]`. */
uint64_t sim_shape_none(const struct sim_answer *answer);
uint64_t sim_shape_one(const struct sim_answer *answer);
void sim_shape_done(const struct sim_answer *answer, struct sim_buf *out);

/* Appends the start of an event, `data: `, or what a fault makes of it. */
void sim_shape_data(const struct sim_answer *answer, struct sim_buf *out);

/* Appends the end of an event, an empty line. */
void sim_shape_close(const struct sim_answer *answer, struct sim_buf *out);

/* Appends `event: name` and its line end. */
void sim_shape_name(const struct sim_answer *answer, const char *name,
                    struct sim_buf *out);

#endif
