/*
 * answer.h: what an upstream says in one call, drawn from the seed: bytes, and
 * at some of them what is known of the answer by then.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "oracle.h"

#define ANSWER_TEXT_MAX 16384
#define ANSWER_MARKS_MAX 40

enum answer_end {
    ANSWER_ENDS = 0,
    ANSWER_BREAKS, /* the upstream's connection does */
    ANSWER_LEFT,   /* the client leaves */
};

struct answer_mark {
    size_t at; /* bytes of text so far */
    struct oracle_answer known;
};

struct answer {
    enum answer_end end;
    uint16_t status; /* of the upstream; 0: it says nothing */
    char text[ANSWER_TEXT_MAX];
    size_t len;
    struct answer_mark marks[ANSWER_MARKS_MAX];
    size_t mark_count;
};

/* Of a call within these bounds. */
void answer_draw(struct answer *answer, bool is_stream, int64_t prompt_bound,
                 int64_t completion_bound);

#endif
