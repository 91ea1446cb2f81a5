/*
 * wanted.h: keys that calls ask for while a new state file is being filled.
 *
 * After a start without a state file calls are admitted before every key is
 * in it.  A call whose key is not found then says so here, waits some
 * milliseconds and looks again; the daemon publishes keys that are wanted
 * before all others, and says of those that nobody has that there are none.
 *
 *     row    word: turn << 2 | stage    digest
 *     0      7 << 2 | wanted            a call waits for it
 *     1      2 << 2 | absent            no key has it: 401
 *     2      0                          free
 *
 * A row's place is the digest's hash or one of the next few.  Whoever takes a
 * row changes its word first and last, so that a reader who finds the same
 * word behind its copy of the digest has a whole one.  A worker that is killed
 * between the two leaves a row that nobody has, until the file is full.
 *
 * Any number of processes; nothing here waits.
 */
#ifndef TG_WANTED_H
#define TG_WANTED_H

#include "digest.h"
#include "state.h"

/* A call waits so long for its key, looking again after some milliseconds. */
#define TG_WANTED_PATIENCE_MS 10000

/*
 * Whether keys may be missing.  Asked before a key is looked up: then what is
 * not found while this says no is nobody's.
 */
bool tg_wanted_is_filling(const struct tg_state *state);

/*
 * Asks for the key of a digest that was not found.  Returns whether it may
 * still come; no: the daemon has looked, and there is none.  O(1).
 */
bool tg_wanted_ask(const struct tg_state *state,
                   const struct tg_digest *digest);

/* How long to wait before the next look, having waited so long. */
int64_t tg_wanted_look_ms(int64_t waited_ms);

/*
 * For the daemon: the next row from *row on in which a key is wanted, and its
 * digest.  Returns whether there is one.  O(TG_WANTED_ROWS).
 */
bool tg_wanted_next(const struct tg_state *state, uint32_t *row,
                    struct tg_digest *digest);

/*
 * The daemon has looked for the key of a row that tg_wanted_next gave: either
 * it can be found in the state file by now, or there is none.
 */
void tg_wanted_answer(const struct tg_state *state, uint32_t row,
                      bool is_absent);

#endif
