/*
 * key_plan.h: changes of keys that are shown before they are made.
 *
 * A plan remembers each key as it was when the change was thought of: one that
 * somebody else has changed since stays as that one left it.
 */
#ifndef TG_KEY_PLAN_H
#define TG_KEY_PLAN_H

#include <jansson.h>

#include "cli.h"

/* Zeros but for cli to begin with. */
struct tg_key_plan {
    struct tg_cli *cli;
    json_t *steps; /* NULL: none yet */
};

/*
 * Plans that a key gets the members of patch, which is taken over, or is
 * paused.  Members that the key has already are left out; nothing is planned
 * when none is left.  Reads the key.  Returns an exit code.
 */
int tg_key_plan_add(struct tg_key_plan *plan, const char *key_id, json_t *patch,
                    bool pauses);

/*
 * Shows what changes, asks, and does it, until it is interrupted.  With --json
 * the list of what was done is printed instead.  A key that is refused does not
 * end it.  Returns an exit code.
 */
int tg_key_plan_run(struct tg_key_plan *plan);

void tg_key_plan_release(struct tg_key_plan *plan);

/*
 * Whether work on many keys is to end: SIGINT or SIGTERM came since
 * tg_stop_watch.  tg_stop_unwatch gives the signals back.
 */
void tg_stop_watch(void);
bool tg_stop_asked(void);
void tg_stop_unwatch(void);

/* Says how far it is, on a terminal, once a second at most. */
void tg_progress(const struct tg_cli *cli, const char *what, size_t done,
                 size_t of);

#endif
