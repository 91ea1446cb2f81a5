/*
 * cell.h: the cells of money that calls share, and a call's part of each.
 *
 * A call has a share in three cells: the day's and the month's of its key,
 * and its account's.  A share moves from one amount to another (nothing, the
 * hold, a larger hold, the cost) one cell after the other.  Each move is
 * exact, whatever is killed at whatever instruction: it is in the cell once,
 * or not at all, and whoever comes after can tell.
 *
 * How: the owner of a call's slot announces the change in slot->share, then
 * swaps 16 bytes of the cell, which from then on bears the slot's mark; then
 * it notes in slot->share that the change is done.  Whoever changes the cell
 * next, and finds a change announced that is not yet noted, first writes the
 * announcement into the owner's slot->witness.  So a change was made if and
 * only if the cell bears its mark or the witness says so.
 *
 * A mark: the period << 48 | the slot's number << 25 | a generation, never 0
 * but for a cell that no call changed.  An owner takes a generation that the
 * cell does not bear, so a mark is that of one change, not of an older one.
 * What is assumed: nobody stands still between two instructions while one
 * slot makes 2^25 changes, exactly.
 *
 * A share word, from bit 0: cells that moved (3 bits), cell that is changing
 * + 1 (2), stage (3), record of the cell that is changing (31), generation
 * (25).  At most one process changes a slot: its owner or, when that is
 * dead, the daemon.
 */
#ifndef TG_CELL_H
#define TG_CELL_H

#include "state.h"

/* The cells of a call. */
enum tg_cell_kind {
    TG_CELL_DAY = 0,
    TG_CELL_MONTH,
    TG_CELL_COMMITTED, /* the account's */
    TG_CELLS,
};

/* Where a call's share stands; bit k of moved is of cell k. */
enum tg_stage {
    TG_STAGE_NONE = 0, /* nothing anywhere */
    TG_STAGE_TAKING,   /* from nothing to held_nanos in cells that moved */
    TG_STAGE_HELD,     /* held_nanos in each; cost_nanos in those that moved */
    TG_STAGE_SETTLED,  /* cost_nanos in each */
    TG_STAGE_TOPPING,  /* held_nanos in each; wanted_nanos in those that moved,
                          in the slot's wanted_periods */
    TG_STAGE_TOPPED,   /* wanted_nanos in each, in wanted_periods */
};

/* What a cell says at one instant. */
struct tg_cell_view {
    int64_t used_nanos;
    uint64_t mark;
};

struct tg_cell_view tg_cell_look(const struct tg_cell *cell);

/* Period of a mark, mod 2^16. */
uint16_t tg_cell_period(uint64_t mark);

/*
 * The period that counts when period is wanted of a cell, and what is used
 * in it: *used_nanos.  A later one begins at 0.  One that is earlier by at
 * most slack (a time zone moved west, clocks differ) is the cell's own; one
 * that is earlier by more (a clock had been far ahead) goes back to what is
 * wanted and keeps what is used.
 */
uint16_t tg_cell_roll(const struct tg_cell_view *view, uint16_t period,
                      uint16_t slack, int64_t *used_nanos);

/* Fields of a share word. */
enum tg_stage tg_share_stage(uint64_t share);
bool tg_share_has_moved(uint64_t share, enum tg_cell_kind kind);

/*
 * Goes to another stage, with no cell moved.  What the owner has written
 * before is there before, and what it writes after is there after.
 */
void tg_share_enter(struct tg_call_slot *slot, enum tg_stage stage);

/* A change of one cell by the owner of slot. */
struct tg_cell_change {
    struct tg_state *state;
    struct tg_call_slot *slot;
    struct tg_cell *cell;
    uint32_t record; /* slot number of the key or the account */
    enum tg_cell_kind kind;
};

/*
 * Announces the change in the share word.  Then tg_cell_swap, as often as it
 * takes, and tg_cell_done; or tg_cell_drop when there is none to be made.
 */
void tg_cell_announce(const struct tg_cell_change *change);

/*
 * Makes the change if the cell is still as seen.  Returns whether it was.
 */
bool tg_cell_swap(const struct tg_cell_change *change,
                  const struct tg_cell_view *seen, uint16_t period,
                  int64_t used_nanos);

/* Notes that the announced change was made: the cell has moved, or back. */
void tg_cell_done(const struct tg_cell_change *change);
void tg_cell_drop(const struct tg_cell_change *change);

/*
 * For whoever takes over a dead owner's slot: notes the change that was
 * being made, if any, as done or dropped, by what came of it.
 */
void tg_cell_recover(struct tg_state *state, struct tg_call_slot *slot);

/* The cell of a call. */
struct tg_cell_change tg_cell_of(struct tg_state *state,
                                 struct tg_call_slot *slot,
                                 enum tg_cell_kind kind);

/*
 * Puts an amount into a cell for no call: for the daemon, which knows from
 * the store what was used before this file was made.
 */
void tg_cell_load(struct tg_state *state, struct tg_cell *cell,
                  enum tg_cell_kind kind, uint32_t record, uint16_t period,
                  int64_t used_nanos);

#endif
