/*
 * rounds.h: threads that go their rounds: work that comes of time, not of a
 * request, and that the main thread must not wait for.
 */
#ifndef TG_ROUNDS_H
#define TG_ROUNDS_H

#include "daemon.h"

enum tg_rounds_kind {
    TG_ROUNDS_CLOCKWORK = 0, /* each second, on the store */
    TG_ROUNDS_COURIER,       /* each second, what waits for the network */
    TG_ROUNDS_RESOLVER,      /* each 30 s, what waits for DNS */
    TG_ROUNDS_REPORTER,      /* each second, what reads for long */
    TG_ROUNDS_KINDS
};

/*
 * One row's work.  store is the thread's own connection: for reading, and
 * for writing what is this row's alone, between tg_daemon_begin and _end.
 * What changes policy holds daemon->admin_lock and uses daemon->admin
 * instead, from reading the row to publishing it, a few rows at a time: the
 * admin API waits meanwhile.
 */
typedef void tg_round(struct tg_daemon *daemon, struct tg_store *store,
                      int64_t now_ms);

struct tg_rounds;

/*
 * Starts the thread of a kind, whose rows are a table in rounds.c.  Returns
 * 0; TG_ERR_SYSTEM, or what opening the store said, and *error says why.
 */
int tg_rounds_start(struct tg_rounds **rounds, struct tg_daemon *daemon,
                    enum tg_rounds_kind kind, struct tg_error *error);

/*
 * Ends the thread; takes NULL.  One that waits for others' servers is not
 * waited for longer than a second: it goes with the process, and gets no
 * further than the admin lock, which the caller takes and keeps.
 */
void tg_rounds_stop(struct tg_rounds *rounds);

#endif
