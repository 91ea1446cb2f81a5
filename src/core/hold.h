/*
 * hold.h: how much of an answer is held.
 *
 * A call holds its worst cost: the prompt's bound and the answer's.  A stream
 * whose every token is seen as it is made holds the prompt's bound and a slice
 * of the answer, and more slice by slice as it runs, always before what may
 * have been made goes beyond what is held.  When no more can be had it is cut.
 * So few streams with far limits do not starve the others of a budget.
 *
 * Not handled: what an upstream has sent and nobody reads while the client is
 * slow, and tool calls that it shows only when they are whole.  A report makes
 * up for both, as far as there is money by then.
 */
#ifndef TG_HOLD_H
#define TG_HOLD_H

#include "body.h"
#include "layout.h"
#include "meter.h"
#include "state.h"

/*
 * Slices, of an estimate that is about twice the truth (tg_meter_most_tokens).
 * Most answers end within the first one, so a stream that begins has what it
 * likely needs, and cutting stays rare.  Then what is held doubles, up to
 * 8192 a step: at most four steps, and one more every 8192 tokens.
 */
#define TG_HOLD_FIRST_TOKENS 1024
#define TG_HOLD_STEP_TOKENS 8192

/*
 * What is held beyond the estimate: tokens that are on their way, or that no
 * text shows (the marks around reasoning and tool calls, the end).
 */
#define TG_HOLD_SLACK_TOKENS 128

struct tg_admission;

/* How much of a call's answer is held now; all choices together. */
struct tg_hold {
    int64_t held_tokens;
    int64_t limit_tokens; /* made beyond this, more is to be held; INT64_MAX:
                             all of it is */
    bool is_single;       /* one choice: its finish reason ends the answer */
};

/*
 * Begins with what a call holds first, by its bounds: all of its answer, or a
 * slice when every token of it will be seen.
 */
void tg_hold_begin(struct tg_hold *hold, const struct tg_call *call,
                   enum tg_dialect dialect, const struct tg_body_facts *facts);

/*
 * Choices that a request asks for, of each of its prompts, 1 at least.  Its
 * bound is known to be in range.
 */
int64_t tg_hold_choices(const struct tg_body_facts *facts);

/* Whether more must be held, or the stream cut: asked at each event. */
static inline bool
tg_hold_is_short(const struct tg_hold *hold, const struct tg_meter *meter)
{
    return tg_meter_most_tokens(meter) > hold->limit_tokens &&
           meter->shape == TG_METER_SSE && !meter->has_done &&
           !(hold->is_single && meter->has_finish);
}

/*
 * The call in slot goes to an upstream of another dialect: where that does not
 * show every token, all of the answer is held; or as much as there is money
 * for, and that is the call's completion_bound from then on.  admission has
 * key and account as they are by now.  Returns false when it would be below
 * the floor of bound.h: then nothing has changed, and admission->budget says
 * why.
 */
bool tg_hold_move(struct tg_hold *hold, struct tg_state *state,
                  struct tg_call_slot *slot, enum tg_dialect dialect,
                  const struct tg_body_facts *facts,
                  struct tg_admission *admission);

/*
 * Takes more for the call in slot, whose hold is short, by the policy of its
 * key as it is now: a step, or what is left if that covers what may have been
 * made.  admission->head is the call's; the rest is scratch.  Returns whether
 * the stream may go on; if not, admission says why not, as a refusal does.
 */
bool tg_hold_more(struct tg_hold *hold, struct tg_state *state,
                  struct tg_call_slot *slot, const struct tg_meter *meter,
                  int64_t now_ms, struct tg_admission *admission);

#endif
