/*
 * responses_part.h: what a response is made of, for the files that write one.
 */
#ifndef SIM_RESPONSES_PART_H
#define SIM_RESPONSES_PART_H

#include "shape.h"

/* One item of the output, with one part: the tokens it is made of. */
struct sim_item {
    bool is_reasoning;
    unsigned index;
    uint64_t from, to;
};

/* The output holds the thinking, the message, or one behind the other. */
bool sim_responses_thinks(const struct sim_answer *answer);
bool sim_responses_speaks(const struct sim_answer *answer);
struct sim_item sim_responses_thinking(const struct sim_answer *answer);
struct sim_item sim_responses_message(const struct sim_answer *answer);

/* Each appends its object as it is at the end or, not whole, at its start. */
void sim_responses_put(const struct sim_answer *answer, bool is_whole,
                       struct sim_buf *out);
void sim_responses_put_item(const struct sim_answer *answer,
                            const struct sim_item *item, bool is_whole,
                            struct sim_buf *out);
void sim_responses_put_part(const struct sim_answer *answer,
                            const struct sim_item *item, bool is_whole,
                            struct sim_buf *out);

/* Appends the item's id, or its text, as a JSON string. */
void sim_responses_put_id(const struct sim_answer *answer,
                          const struct sim_item *item, struct sim_buf *out);
void sim_responses_put_text(const struct sim_answer *answer,
                            const struct sim_item *item, struct sim_buf *out);

/* The events of a stream, for the shape. */
void sim_responses_event(const struct sim_answer *answer, uint64_t i,
                         struct sim_buf *out);
void sim_responses_end(const struct sim_answer *answer, struct sim_buf *out);
void sim_responses_error(const struct sim_answer *answer, uint64_t events,
                         struct sim_buf *out);

#endif
