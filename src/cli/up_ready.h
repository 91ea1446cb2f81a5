/*
 * up_ready.h: whether the daemon has done its start.
 */
#ifndef TG_UP_READY_H
#define TG_UP_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "paths.h"

/*
 * True when the admin socket accepts, and the state file was published by a
 * daemon that was alive at since_ms (Unix time) or later.
 */
bool tg_daemon_is_ready(const struct tg_paths *paths, int64_t since_ms);

#endif
