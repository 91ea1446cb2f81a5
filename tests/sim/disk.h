/*
 * disk.h: the disk under the journal's folder.
 *
 * Its files are those that product code opens in the folder disk_folder
 * stands for; the linker sends the system calls here (see meson.build).  A
 * file has bytes that processes see, the page cache's, and a prefix of them
 * that is durable.  A killed process loses nothing.  When the power is cut
 * only what is durable is certain: of the rest a part of any length is left,
 * torn, zeroed or garbled, and a file that was made, or removed, since the
 * folder was durable last may be there or not.
 */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>

#include "call.h"
#include "sim.h"

/* What open(2) knows the folder by. */
#define DISK_FOLDER "/the/journal"

void disk_begin(void);
void disk_end(void);

/* A descriptor of the folder, as a worker inherits it. */
int disk_folder(void);

/* What a step does to the disk: writes back, falls ill, gets well, rots. */
void disk_step(void);

/* Whatever stopped the machine may have hurt the disk, if that ever is ill. */
void disk_shake(void);

/* The process is gone: its descriptors are closed. */
void disk_leave(const struct sim_process *process);

/* The power is cut: processes are gone, and what was not durable. */
void disk_cut(void);

/*
 * Whether a whole, sound record of the call can be read from the journal: from
 * a segment that was given up, too, if the daemon looks at these again, as it
 * does when it starts.
 */
bool disk_has(const struct tg_call_id *id, bool is_looked_at_again);

/*
 * The last sound hold of the call that can be read, which a daemon that knows
 * of no other finds; NULL when there is none.  What was taken in counts, too.
 */
const struct tg_call *disk_hold(const struct tg_call_id *id);

/* Whether it has a sound hold of so much, whatever stands before it. */
bool disk_has_hold_of(const struct tg_call_id *id, int64_t held_nanos);

/* Whether a hold of it stands in a file that was damaged at or before it. */
bool disk_spoilt_hold(const struct tg_call_id *id);

/*
 * Whether a record of the call stands in a file that is still there and was
 * damaged at or before it, or was given up: what the daemon puts aside and
 * names, and nothing can take in.
 */
bool disk_spoilt(const struct tg_call_id *id);

/* A segment is given up: it must be damaged, or have failed three reads. */
void disk_check_bad(uint64_t writer_id, uint32_t number);

/*
 * A file left that is sound, not given up, and not needed for the hold of a
 * call whose record is in one that was; or NULL.
 */
const char *disk_sound_file(void);

#endif
