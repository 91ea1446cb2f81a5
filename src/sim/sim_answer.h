/*
 * sim_answer.h: the answer to one call: how many tokens of what kind, which
 * words, and its bytes as JSON or as stream events.
 *
 * Tokens and words are a function of the request and the options alone; only
 * the id and the time differ from call to call.
 */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "ask.h"
#include "buf.h"
#include "count.h"
#include "media.h"
#include "options.h"

enum { SIM_ID_BYTES = 40 };

struct sim_answer {
    struct sim_ask ask;
    enum sim_dialect dialect;
    const char *model;    /* the name it is served and counted under */
    bool is_by_tokens;    /* usage is reported in tokens */
    bool hides_length;    /* it is chunked in every dialect */
    enum sim_media media; /* when it is no stream */
    const struct sim_buf *prepared; /* the whole of it, of SIM_OBJECTS */
    char id[SIM_ID_BYTES];
    int64_t created_s;
    uint64_t first_word; /* that the first token stands for */
    uint64_t prompt_tokens;
    uint64_t cached_tokens;      /* part of the prompt */
    uint64_t cache_write_tokens; /* another part of it */
    /* Part of the prompt, the rest being sound or images. */
    uint64_t text_tokens;
    uint64_t audio_ms;      /* listened to */
    uint64_t images;        /* to be made; then choice_tokens are pieces only */
    uint64_t image_tokens;  /* completion that comes with the last image */
    uint64_t choice_tokens; /* completion of each choice */
    uint64_t reasoning_tokens; /* part of them */
    uint64_t choices;
    bool is_thinking;
    bool is_cut_by_limit; /* finish_reason "length" */
};

/* The tokens that so many bytes of text are: a quarter, rounded up. */
static inline uint64_t
sim_answer_text_tokens(uint64_t bytes)
{
    return bytes / 4 + (bytes % 4 > 0);
}

/* Fills in the rest from ask, dialect and model; usual_tokens is the length
 * of an answer that nobody limits. */
void sim_answer_plan(struct sim_answer *answer, int64_t usual_tokens);

/* What is to be counted when so many tokens have been generated; is_whole says
 * that it came to its end. */
void sim_answer_tally(const struct sim_answer *answer, uint64_t tokens,
                      bool is_whole, struct sim_tally *tally);

/* The tokens of all choices. */
uint64_t sim_answer_tokens(const struct sim_answer *answer);

/* The word that token i stands for, with a space before it unless it opens
 * its part.  offset tells the parts of an answer apart. */
struct tg_str sim_answer_word(const struct sim_answer *answer, uint64_t i,
                              uint64_t offset);

/* Appends words from up to before to, as the inside of a JSON string. */
void sim_answer_words(const struct sim_answer *answer, uint64_t from,
                      uint64_t to, struct sim_buf *out);

/* Appends a count of tokens, spoilt as the usage faults say. */
void sim_answer_count(const struct sim_answer *answer, uint64_t tokens,
                      struct sim_buf *out);

/* Appends the answer that is no stream. */
void sim_answer_whole(const struct sim_answer *answer, struct sim_buf *out);

/* The number of stream events, the last one not counting [DONE]. */
uint64_t sim_answer_events(const struct sim_answer *answer);

/* The tokens that have been generated when events have been sent. */
uint64_t sim_answer_tokens_after(const struct sim_answer *answer,
                                 uint64_t events);

/* Appends event i, framed; and the end of the stream. */
void sim_answer_event(const struct sim_answer *answer, uint64_t i,
                      struct sim_buf *out);
void sim_answer_end(const struct sim_answer *answer, struct sim_buf *out);

/* Appends an error event after so many others. */
void sim_answer_error_event(const struct sim_answer *answer, uint64_t events,
                            struct sim_buf *out);

#endif
