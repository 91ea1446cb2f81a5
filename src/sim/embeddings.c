/* Embeddings: unit vectors, a function of the input's place and content. */
#include <math.h>

#include "shape.h"

enum { USUAL_DIMENSIONS = 64, MOST_DIMENSIONS = 4096 };

static uint64_t
step(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void
fill(float *vector, size_t dimensions, uint64_t seed)
{
    double length = 0;

    for (size_t i = 0; i < dimensions; i++) {
        vector[i] = (float)((double)(step(&seed) >> 11) / (1ull << 52) - 1);
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
put_base64(const unsigned char *data, size_t len, struct sim_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

    sim_buf_lit(out, "\"");
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)data[i] << 16 |
                        (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                        (left > 2 ? data[i + 2] : 0u);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        left > 1 ? digits[bits >> 6 & 63] : '=',
                        left > 2 ? digits[bits & 63] : '='};

        sim_buf_add(out, four, sizeof(four));
    }
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
    if (a->ask.wants_base64)
        put_base64((const unsigned char *)vector,
                   dimensions * sizeof(vector[0]), out);
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

const struct sim_shape sim_shape_embeddings = {.json = embeddings_json};
