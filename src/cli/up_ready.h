/*
 * up_ready.h: whether the daemon has done its start.
 */
#ifndef TG_UP_READY_H
#define TG_UP_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "paths.h"

/*
 * True when there is a whole state file, and a daemon that was alive at
 * since_ms (Unix time) or later says that it is its own: workers can serve,
 * by what was published last.  uuid, where it is not NULL, has the file's 16
 * bytes then: another one is another file.
 */
bool tg_daemon_has_state(const struct tg_paths *paths, int64_t since_ms,
                         uint8_t *uuid);

/* True when, besides, the admin socket accepts: all is as the store has it. */
bool tg_daemon_is_ready(const struct tg_paths *paths, int64_t since_ms);

#endif
