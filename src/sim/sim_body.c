#include <stdio.h>

#include "sim_body.h"
#include "fault.h"

/* Puts the first `part` bytes of scratch into out as body, framed as if all
 * of it came. */
static void
put_part(struct sim_call *call, struct sim_env *env, size_t part,
         struct sim_buf *out)
{
    const struct sim_buf *piece = &env->scratch;
    char size[20];

    if (piece->len == 0 || call->is_headless)
        return;
    if (call->head.framing != SIM_FRAMED_BY_CHUNKS) {
        sim_buf_add(out, piece->data, part);
    } else if (call->is_bytewise) {
        for (size_t i = 0; i < part; i++) {
            sim_buf_lit(out, "1\r\n");
            sim_buf_add(out, piece->data + i, 1);
            sim_buf_lit(out, "\r\n");
        }
    } else {
        sim_buf_add(
            out, size,
            (size_t)snprintf(size, sizeof(size), "%zx\r\n", piece->len));
        sim_buf_add(out, piece->data, part);
        if (part == piece->len)
            sim_buf_lit(out, "\r\n");
    }
}

void
sim_body_put(struct sim_call *call, struct sim_env *env, struct sim_buf *out)
{
    put_part(call, env, env->scratch.len, out);
    env->scratch.len = 0;
}

void
sim_body_put_half(struct sim_call *call, struct sim_env *env,
                  struct sim_buf *out)
{
    put_part(call, env, env->scratch.len / 2, out);
    env->scratch.len = 0;
}

void
sim_body_open(struct sim_call *call, struct sim_buf *out)
{
    if (call->has_head)
        return;
    if (call->head.framing == SIM_FRAMED_BY_CLOSE)
        call->closes = call->head.closes = true;
    sim_head_put(&call->head, out);
    call->head_bytes = out->len;
    call->has_head = true;
}

void
sim_body_open_length(struct sim_call *call, uint64_t length,
                     struct sim_buf *out)
{
    call->head.framing = SIM_FRAMED_BY_LENGTH;
    call->head.length = length;
    sim_body_open(call, out);
}

/* Marks the end of the call, of its record and for its caller. */
static enum sim_step
end(struct sim_call *call, const char *outcome)
{
    call->phase = SIM_PHASE_ENDED;
    sim_record_close(call->record, call->head.status, outcome);
    call->record = NULL;
    sim_caller_leave(call->caller);
    call->caller = NULL;
    sim_buf_release(&call->prepared);
    return SIM_STEP_END;
}

enum sim_step
sim_body_end(struct sim_call *call, struct sim_buf *out)
{
    if (call->head.framing == SIM_FRAMED_BY_CHUNKS && !call->is_headless)
        sim_buf_lit(out, "0\r\n\r\n");
    if (sim_fault_is(&call->answer.ask.faults, SIM_FAULT_CLOSE_AFTER))
        call->closes = true;
    return end(call, "complete");
}

enum sim_step
sim_body_break(struct sim_call *call, const char *outcome)
{
    call->closes = true;
    return end(call, outcome);
}
