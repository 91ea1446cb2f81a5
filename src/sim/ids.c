#include "ids.h"
#include "noise.h"

static void
put_hex(char *out, uint64_t bits, int digits)
{
    for (int i = 0; i < digits; i++)
        out[i] = "0123456789abcdef"[bits >> (60 - 4 * i) & 15];
}

void
sim_ids_trace(struct sim_call *call, struct sim_env *env)
{
    put_hex(call->trace, sim_noise_draw(&env->random), 16);
    put_hex(call->trace + 16, sim_noise_draw(&env->random), 16);
    call->trace[SIM_TRACE_BYTES - 1] = 0;
}

/* What stands before the digits; NULL makes a UUID. */
static const char *
prefix(const struct sim_answer *answer)
{
    static const char *const by_dialect[SIM_DIALECT_COUNT] = {
        [SIM_OPENAI] = "chatcmpl-",
        [SIM_VLLM] = "chatcmpl-",
        [SIM_ANTHROPIC] = "msg_",
    };

    switch (answer->ask.endpoint) {
    case SIM_RESPONSES:
        return "resp_";
    case SIM_IMAGES:
    case SIM_IMAGE_EDITS:
    case SIM_IMAGE_VARIATIONS:
        return "img-";
    default:
        return by_dialect[answer->dialect];
    }
}

void
sim_ids_answer(struct sim_call *call, struct sim_env *env)
{
    uint64_t high = sim_noise_draw(&env->random),
             low = sim_noise_draw(&env->random);
    char *id = call->answer.id;
    const char *before = prefix(&call->answer);

    if (before) {
        size_t len = strlen(before);

        memcpy(id, before, len);
        put_hex(id + len, high, 16);
        put_hex(id + len + 16, low, 8);
        id[len + 24] = 0;
        return;
    }
    memcpy(id, "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx", 37);
    put_hex(id, high, 8);
    put_hex(id + 9, high << 32, 4);
    put_hex(id + 15, high << 48, 3);
    put_hex(id + 20, low, 3);
    put_hex(id + 24, low << 12, 12);
}
