/* Images (wire-contract 2.6; OpenAI's client 7.5.0): noise instead of
 * pictures, with the tokens of gpt-image-1. */
#include <stdio.h>

#include "noise.h"
#include "shape.h"

enum {
    USUAL_PIXELS = 1024, /* a side */
    PIXELS_PER_BYTE = 1024,
    IMAGE_SEEN_TOKENS = 194,    /* of one that is put in */
    IMAGE_PARTIAL_TOKENS = 100, /* of one that is shown unfinished */
};

static unsigned
width(const struct sim_answer *a)
{
    return a->ask.width ? a->ask.width : USUAL_PIXELS;
}

static unsigned
height(const struct sim_answer *a)
{
    return a->ask.height ? a->ask.height : USUAL_PIXELS;
}

static enum sim_quality
quality(const struct sim_answer *a)
{
    return a->ask.quality ? a->ask.quality : SIM_QUALITY_MEDIUM;
}

/* OpenAI's table for the sizes it has; by the area for others. */
static uint64_t
tokens_of_one(const struct sim_answer *a)
{
    static const struct {
        unsigned width, height;
        uint64_t tokens[SIM_QUALITY_COUNT];
    } rows[] = {
        {1024, 1024, {0, 272, 1056, 4160}},
        {1024, 1536, {0, 408, 1584, 6240}},
        {1536, 1024, {0, 400, 1568, 6208}},
    };
    uint64_t square = rows[0].tokens[quality(a)];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].width == width(a) && rows[i].height == height(a))
            return rows[i].tokens[quality(a)];
    return (square * width(a) * height(a) + (1 << 20) - 1) >> 20;
}

/* Models that are not paid by the token do not stream, and a stream makes one
 * image. */
static void
images_plan(struct sim_answer *a)
{
    const struct sim_ask *ask = &a->ask;

    if (!a->is_by_tokens)
        a->ask.is_stream = false;
    a->images = ask->n > 0 && !ask->is_stream ? (uint64_t)ask->n : 1;
    a->choices = 1;
    a->choice_tokens = ask->is_stream ? (uint64_t)ask->partials : 0;
    a->text_tokens = sim_answer_text_tokens(ask->content_bytes);
    a->prompt_tokens = a->text_tokens + ask->files * IMAGE_SEEN_TOKENS;
    a->cached_tokens = 0;
    a->image_tokens =
        a->images * tokens_of_one(a) + a->choice_tokens * IMAGE_PARTIAL_TOKENS;
}

static void
put_base64(const struct sim_answer *a, uint64_t index, struct sim_buf *out)
{
    size_t bytes = (size_t)width(a) * height(a) / PIXELS_PER_BYTE + 1;
    struct sim_buf image = {0};

    if (index == 0 && sim_fault_is(&a->ask.faults, SIM_FAULT_HUGELINE))
        sim_buf_fill(&image, 'x',
                     (size_t)a->ask.faults.arg[SIM_FAULT_HUGELINE]);
    sim_noise_put(a->ask.seed, index * bytes, bytes, &image);
    sim_buf_lit(out, "\"b64_json\":\"");
    sim_buf_base64(out, image.data, image.len);
    sim_buf_lit(out, "\"");
    sim_buf_release(&image);
}

static bool
is_base64(const struct sim_answer *a)
{
    return a->is_by_tokens || a->ask.format == SIM_FORMAT_B64_JSON;
}

static void
put_image(const struct sim_answer *a, uint64_t index, struct sim_buf *out)
{
    sim_buf_lit(out, "{");
    if (is_base64(a))
        put_base64(a, index, out);
    else
        sim_buf_printf(out, "\"url\":\"https://images.invalid/%s/%u.png\"",
                       a->id, (unsigned)index);
    if (strcmp(a->model, "dall-e-3") == 0)
        sim_buf_lit(out, ",\"revised_prompt\":\"a quiet server room\"");
    sim_buf_lit(out, "}");
}

static void
put_usage(const struct sim_answer *a, struct sim_buf *out)
{
    if (sim_fault_is(&a->ask.faults, SIM_FAULT_USAGE_MISSING))
        return;
    sim_buf_lit(out, ",\"usage\":{\"total_tokens\":");
    sim_answer_count(a, a->prompt_tokens + a->image_tokens, out);
    sim_buf_lit(out, ",\"input_tokens\":");
    sim_answer_count(a, a->prompt_tokens, out);
    sim_buf_lit(out, ",\"output_tokens\":");
    sim_answer_count(a, a->image_tokens, out);
    sim_buf_lit(out, ",\"input_tokens_details\":{\"text_tokens\":");
    sim_answer_count(a, a->text_tokens, out);
    sim_buf_lit(out, ",\"image_tokens\":");
    sim_answer_count(a, a->prompt_tokens - a->text_tokens, out);
    sim_buf_lit(out, "}}");
}

static void
put_kind(const struct sim_answer *a, struct sim_buf *out)
{
    static const char *const names[SIM_QUALITY_COUNT] = {"auto", "low",
                                                         "medium", "high"};

    sim_buf_printf(out,
                   ",\"background\":\"opaque\",\"output_format\":\"png\","
                   "\"quality\":\"%s\",\"size\":\"%ux%u\"",
                   names[quality(a)], width(a), height(a));
}

static void
images_whole(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "{\"created\":");
    sim_buf_uint(out, (uint64_t)a->created_s);
    sim_buf_lit(out, ",\"data\":[");
    for (uint64_t i = 0; i < a->images; i++) {
        if (i > 0)
            sim_buf_lit(out, ",");
        put_image(a, i, out);
    }
    sim_buf_lit(out, "]");
    if (a->is_by_tokens) {
        put_kind(a, out);
        put_usage(a, out);
    }
    sim_buf_lit(out, "}");
}

/* Up to its end an event is the same, be the image finished or not. */
static void
open_event(const struct sim_answer *a, const char *what, uint64_t index,
           struct sim_buf *out)
{
    char type[64];

    snprintf(type, sizeof(type), "%s.%s",
             a->ask.endpoint == SIM_IMAGE_EDITS ? "image_edit"
                                                : "image_generation",
             what);
    sim_shape_name(a, type, out);
    sim_shape_data(a, out);
    sim_buf_printf(out, "{\"type\":\"%s\",\"created_at\":%lld,", type,
                   (long long)a->created_s);
    put_base64(a, index, out);
    put_kind(a, out);
}

static void
images_event(const struct sim_answer *a, uint64_t i, struct sim_buf *out)
{
    open_event(a, "partial_image", i + 1, out);
    sim_buf_printf(out, ",\"partial_image_index\":%u}", (unsigned)i);
    sim_shape_close(a, out);
}

static void
images_end(const struct sim_answer *a, struct sim_buf *out)
{
    open_event(a, "completed", 0, out);
    put_usage(a, out);
    sim_buf_lit(out, "}");
    sim_shape_close(a, out);
}

const struct sim_shape sim_shape_images = {
    .plan = images_plan,
    .whole = images_whole,
    .event = images_event,
    .end = images_end,
    .lead = sim_shape_none,
    .tail = sim_shape_none,
};
