/* Embeddings: unit vectors, a function of the input's place and content. */
#include <math.h>

#include "noise.h"
#include "shape.h"

enum { USUAL_DIMENSIONS = 64, MOST_DIMENSIONS = 4096 };

static void
fill(float *vector, size_t dimensions, uint64_t seed)
{
    double length = 0;

    for (size_t i = 0; i < dimensions; i++) {
        vector[i] =
            (float)((double)(sim_noise_draw(&seed) >> 11) / (1ull << 52) - 1);
        length += (double)vector[i] * (double)vector[i];
    }
    length = length > 0 ? sqrt(length) : 1;
    for (size_t i = 0; i < dimensions; i++)
        vector[i] = (float)((double)vector[i] / length);
}

static void
put_numbers(const float *vector, size_t dimensions, struct sim_buf *out)
{
    sim_buf_lit(out, "[");
    for (size_t i = 0; i < dimensions; i++)
        sim_buf_printf(out, "%s%.9g", i ? "," : "", (double)vector[i]);
    sim_buf_lit(out, "]");
}

static void
put_base64(const float *vector, size_t bytes, struct sim_buf *out)
{
    sim_buf_lit(out, "\"");
    sim_buf_base64(out, vector, bytes);
    sim_buf_lit(out, "\"");
}

static void
put_vector(const struct sim_answer *a, uint64_t index, struct sim_buf *out)
{
    float vector[MOST_DIMENSIONS];
    size_t dimensions =
        a->ask.dimensions > 0 ? (size_t)a->ask.dimensions : USUAL_DIMENSIONS;

    fill(vector, dimensions, a->ask.seed + index * 0x100000001b3u);
    sim_buf_lit(out, "{\"object\":\"embedding\",\"index\":");
    sim_buf_uint(out, index);
    sim_buf_lit(out, ",\"embedding\":");
    if (a->ask.format == SIM_FORMAT_BASE64)
        put_base64(vector, dimensions * sizeof(vector[0]), out);
    else
        put_numbers(vector, dimensions, out);
    sim_buf_lit(out, "}");
}

static void
embeddings_json(const struct sim_answer *a, struct sim_buf *out)
{
    sim_buf_lit(out, "{\"object\":\"list\",\"data\":[");
    for (uint64_t i = 0; i < a->ask.inputs; i++) {
        if (i > 0)
            sim_buf_lit(out, ",");
        put_vector(a, i, out);
    }
    sim_buf_lit(out, "],\"model\":");
    sim_buf_json(out, (struct tg_str){a->model, strlen(a->model)});
    if (!sim_fault_is(&a->ask.faults, SIM_FAULT_USAGE_MISSING)) {
        sim_buf_lit(out, ",\"usage\":{\"prompt_tokens\":");
        sim_answer_count(a, a->prompt_tokens, out);
        sim_buf_lit(out, ",\"total_tokens\":");
        sim_answer_count(a, a->prompt_tokens, out);
        sim_buf_lit(out, "}");
    }
    sim_buf_lit(out, "}");
}

static void
embeddings_plan(struct sim_answer *a)
{
    a->choice_tokens = 0;
}

const struct sim_shape sim_shape_embeddings = {
    .plan = embeddings_plan,
    .whole = embeddings_json,
};
