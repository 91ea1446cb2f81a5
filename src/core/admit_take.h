/*
 * admit_take.h: the last rows of the decision, which take something: from
 * every limit and budget, or from none.
 */
#ifndef TG_ADMIT_TAKE_H
#define TG_ADMIT_TAKE_H

#include "admit.h"
#include "area.h"
#include "queue.h"

/*
 * Takes an admitted call (action PROXY) from its key's rates, puts it into a
 * slot of the area, holds its worst cost, or a stream's first slice
 * (admission->hold), in the key's budgets and the account's balance, and takes
 * a place with a credential (target), which tg_target_leave gives back.  Where
 * its worst cost is not affordable, the answer is shortened to what is, down
 * to a floor: then admission->edits say so to the upstream.
 * Returns the slot; or NULL, and nothing was taken: action is REFUSE, or WAIT
 * when its key lets calls wait for room under its rates, and place, zeros
 * before the first time, then stands in the key's line: tg_admit_turn goes on.
 * Else place is in no line afterwards.  facts are those that were judged.
 */
struct tg_call_slot *tg_admit_take(struct tg_area_claim *claim,
                                   const struct tg_body_facts *facts,
                                   struct tg_queue_place *place, int64_t now_ms,
                                   struct tg_admission *admission);

/*
 * Looks after a call that waits, once wait_ms are over, or earlier: when
 * another of its key has ended or left.  admission->head is the kept head.
 * action becomes WAIT again; PROXY, when it is its turn: its body is to be
 * judged (tg_admit_body) and it to be taken (tg_admit_take) now; or REFUSE, and
 * place is in no line: its time is over, or its key may not call any more.
 */
void tg_admit_turn(struct tg_area_claim *claim, struct tg_queue_place *place,
                   int64_t now_ms, struct tg_admission *admission);

/* Takes a call back that goes no further, with all that it took. */
void tg_admit_give_back(struct tg_area_claim *claim, struct tg_call_slot *slot,
                        struct tg_admission *admission);

/*
 * A try of the call in slot has ended so.  Where the call may go on, and its
 * key still may call, it is given another target: then upstream, place and
 * target are that one's, and slot->call says so.  head and target are what
 * admission had when the try began, kept by the caller.  Returns whether it
 * goes on; if not, the call is still to be settled.
 */
bool tg_admit_go_on(struct tg_area_claim *claim, struct tg_call_slot *slot,
                    const struct tg_try *end, int64_t now_ms,
                    struct tg_admission *admission);

/*
 * The call in slot goes to an upstream of another dialect than that for which
 * it was judged: holds more of it where that must be, or shortens its bound
 * (hold.h), and plans the edits anew, so that the answer is kept within the
 * bounds of the call.  Returns false, and it cannot go there, when there is no
 * money for that, or the body is of a kind that is not edited.
 */
bool tg_admit_translate(struct tg_state *state, struct tg_call_slot *slot,
                        const struct tg_body_facts *facts,
                        struct tg_admission *admission);

/*
 * After how many ms a refused call may be tried again; 0: trying again does
 * not help, or nobody can say when it does.
 */
int64_t tg_admit_retry_ms(const struct tg_admission *admission);

/* Whether the same call refused by a limit can pass later: x-should-retry. */
bool tg_admit_may_retry(const struct tg_admission *admission);

#endif
