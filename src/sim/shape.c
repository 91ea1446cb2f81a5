#include "shape.h"

static void
line_end(const struct sim_answer *answer, struct sim_buf *out)
{
    if (sim_fault_is(&answer->ask.faults, SIM_FAULT_CRLF))
        sim_buf_lit(out, "\r\n");
    else
        sim_buf_lit(out, "\n");
}

void
sim_shape_data(const struct sim_answer *answer, struct sim_buf *out)
{
    if (sim_fault_is(&answer->ask.faults, SIM_FAULT_NOSPACE))
        sim_buf_lit(out, "data:");
    else
        sim_buf_lit(out, "data: ");
}

void
sim_shape_close(const struct sim_answer *answer, struct sim_buf *out)
{
    line_end(answer, out);
    line_end(answer, out);
}

void
sim_shape_name(const struct sim_answer *answer, const char *name,
               struct sim_buf *out)
{
    sim_buf_printf(out, "event: %s", name);
    line_end(answer, out);
}

static void
prepared_plan(struct sim_answer *answer)
{
    answer->choice_tokens = 0;
}

static void
prepared_whole(const struct sim_answer *answer, struct sim_buf *out)
{
    sim_buf_str(out, *answer->prepared);
}

const struct sim_shape sim_shape_prepared = {
    .plan = prepared_plan,
    .whole = prepared_whole,
};

uint64_t
sim_shape_none(const struct sim_answer *answer)
{
    (void)answer;
    return 0;
}

uint64_t
sim_shape_one(const struct sim_answer *answer)
{
    (void)answer;
    return 1;
}

void
sim_shape_done(const struct sim_answer *answer, struct sim_buf *out)
{
    sim_shape_data(answer, out);
    sim_buf_lit(out, "[DONE]");
    sim_shape_close(answer, out);
}
