#include "trouble.h"

static _Atomic uint32_t *
trouble_of(struct tg_area_claim *claim)
{
    return &claim->state->areas[claim->area].trouble;
}

void
tg_trouble_note(struct tg_area_claim *claim, enum tg_trouble trouble, int error)
{
    struct tg_state_header *header = claim->state->header;

    if (atomic_load(trouble_of(claim)) < (uint32_t)trouble)
        atomic_store(trouble_of(claim), (uint32_t)trouble);
    atomic_store(&header->journal_error, (uint32_t)error);
    atomic_fetch_add(&header->journal_faults, 1);
}

void
tg_trouble_end(struct tg_area_claim *claim, enum tg_trouble trouble)
{
    if (atomic_load(trouble_of(claim)) <= (uint32_t)trouble)
        atomic_store(trouble_of(claim), TG_TROUBLE_NONE);
}

struct tg_trouble_view
tg_trouble_look(const struct tg_state *state)
{
    struct tg_trouble_view view = {
        .error = (int)atomic_load(&state->header->journal_error),
        .faults = atomic_load(&state->header->journal_faults),
    };

    for (uint32_t i = 0; i < TG_AREA_COUNT; i++) {
        uint32_t trouble = atomic_load(&state->areas[i].trouble);

        if (atomic_load(&state->areas[i].writer_id) == 0)
            continue;
        view.workers += trouble != TG_TROUBLE_NONE;
        view.shut += trouble == TG_TROUBLE_SHUT;
    }
    return view;
}
