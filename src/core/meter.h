/*
 * meter.h: what an answer says about itself, read as it passes: a JSON
 * body or an event stream, in the shapes of OpenAI (chat, completions,
 * responses, embeddings, images, transcriptions), DeepSeek, vLLM and
 * Anthropic; or bytes that say nothing.
 *
 * Nothing an upstream sends makes it fail, hang or grow.
 */
#ifndef TG_METER_H
#define TG_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "route.h"
#include "sse.h"
#include "usage.h"

enum tg_meter_shape {
    TG_METER_AUTO = 0, /* told by the first byte that is not blank */
    TG_METER_JSON,
    TG_METER_SSE,
    TG_METER_BYTES, /* audio, text, files: nothing in them is read */
};

#define TG_METER_LEVELS 8

struct tg_meter_path;

/*
 * How the events of a stream begin, up to their text, and go on behind it:
 * mostly all alike, so that it is read once; see meter_start.h.
 */
#define TG_METER_START_MAX 352

struct tg_meter_start {
    uint16_t len;      /* of bytes up to the text; 0: no start is known */
    uint16_t json_at;  /* where the JSON in them begins; 0: they are no more */
    uint16_t tail_len; /* of those behind, its quote first; 0: none are known */
    uint8_t blank_len; /* of these, the blank line at their end */
    uint8_t depth;
    uint64_t objects, comma_at; /* as struct tg_json has them at the text */
    const struct tg_meter_path *value;
    const struct tg_meter_path *levels[TG_METER_LEVELS];
    char bytes[TG_METER_START_MAX];
};

/* About 1 KiB, the caller's; the members up to has_garbage are to read. */
struct tg_meter {
    uint64_t events;         /* with data, [DONE] included; 0 for JSON.  The
                                first one ends the time to first token */
    uint64_t content_events; /* of these, with generated text in them */
    uint64_t content_bytes;  /* decoded bytes of generated text: content,
                                reasoning, tool arguments; and all data of an
                                event that is not JSON */
    uint64_t images;         /* that were made, to the end */
    uint64_t bytes;          /* of the answer, as it came */
    enum tg_meter_shape shape;
    bool has_bytes;   /* something that is not white space came */
    bool is_complete; /* JSON: the one value is whole and valid */
    bool has_done;    /* SSE: [DONE], message_stop, or response.completed,
                         .incomplete, .failed, and so on */
    bool has_error;   /* a top-level error that is not null, false or empty;
                         or something that calls itself one */
    bool has_error_member; /* the first, on which OpenAI's clients raise */
    bool has_error_event;  /* one of type error, on which Anthropic's do */
    bool has_finish;       /* a finish or stop reason came */
    bool has_garbage;      /* JSON, or an event's data, that is not JSON */

    /* Private. */
    bool event_has_end, event_is_image;
    bool event_is_known;          /* it began as the one before */
    bool is_closed, event_closes; /* what comes behind is not believed */
    uint8_t done_matched;
    uint64_t event_bytes; /* of its text */
    uint64_t event_len;   /* of its data */
    struct tg_usage_report report, event_report;
    const struct tg_meter_path *value; /* of the member read last */
    const struct tg_meter_path *levels[TG_METER_LEVELS];
    struct tg_sse sse;
    struct tg_json json;
    struct tg_meter_start start;
};

/* Begins an answer. */
void tg_meter_init(struct tg_meter *meter, enum tg_meter_shape shape);

/* Says of what shape the answer that was begun is; one that has come to
   something is begun anew. */
void tg_meter_expect(struct tg_meter *meter, enum tg_meter_shape shape);

/*
 * The shape of an answer by its Content-Type, on a route of this family: one
 * that says event stream is one, what may be bytes is unless it says JSON, and
 * everything else must be JSON.  A file's content is always bytes.
 */
enum tg_meter_shape tg_meter_shape_of(const struct tg_route *route,
                                      struct tg_str content_type);

/* Reads the next len bytes; they are not needed afterwards. */
void tg_meter_feed(struct tg_meter *meter, const void *data, size_t len);

/* Ends the answer, whole or cut. */
void tg_meter_end(struct tg_meter *meter);

/*
 * The usage that was reported last, at any time.  Of a stream the last before
 * its end: DeepSeek has it on the last chunk with text or behind that, vLLM on
 * each, Anthropic at the start and again near the end, and whoever stops at
 * [DONE], message_stop or response.completed, as every client does, has all of
 * it.  What stands behind is no figure of this call's.  Writes *usage as
 * tg_usage_resolve does.  A figure counts once the JSON it stands in is
 * whole: at the event's end, or the answer's.
 */
enum tg_usage_doubt tg_meter_usage(const struct tg_meter *meter,
                                   struct tg_usage *usage);

/*
 * Whether the answer is whole, but for its last words: the usage that was
 * reported is that of all of it.  Before that, what Anthropic reports at the
 * start knows the prompt and nothing of the answer.
 */
bool tg_meter_is_over(const struct tg_meter *meter);

/*
 * Whether an event stream that has ended lacks its end: nothing said that the
 * answer is over, and no error why not on which the client's SDK raises.
 */
bool tg_meter_lacks_end(const struct tg_meter *meter, enum tg_manner manner);

/*
 * Completion tokens estimated by count, for the basis `counted`: the larger
 * of the events with text and a quarter of the text's bytes.
 */
int64_t tg_meter_counted_tokens(const struct tg_meter *meter);

/*
 * Completion tokens that may have been made so far, for holding: rather too
 * many than too few, and at least what is counted.  The largest of the events
 * with text, half of the text's bytes, and what was reported so far.
 *
 * By the tokenizers of DeepSeek V3, Qwen 2.5 and Llama 3 a token of prose has
 * 2.6 to 8.6 bytes (English 4.4, Chinese 4.5 to 6.9), of code 2.7 to 3.0, of
 * JSON 2.1, of plain emoji 1.8 to 4.  Denser than two are single digits (1.0),
 * hex and base64 (1.1 to 1.5), the scripts of Amharic and Tibetan (1.1 to 2.7):
 * there an event mostly is a token.  What is missed still, the report says in
 * the end.
 */
int64_t tg_meter_most_tokens(const struct tg_meter *meter);

#endif
