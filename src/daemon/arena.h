/*
 * arena.h: the writer's side of the blobs in the state file: texts that
 * policies name, each distinct one stored once and counted.
 *
 *     0   16                                              top
 *     +---+----------+--------+----------+---------------+- - -
 *     | - | len text | unused | len text | len text      | never used
 *     +---+----------+--------+----------+---------------+- - -
 */
#ifndef TG_ARENA_H
#define TG_ARENA_H

#include "state.h"

struct tg_arena;

/* Returns NULL when there is no memory.  The state outlives the arena. */
struct tg_arena *tg_arena_new(struct tg_state *state);

void tg_arena_free(struct tg_arena *arena);

/*
 * Says that a policy found in the file uses blob.  All of these come before
 * the first tg_arena_put.  0, or TG_ERR_CORRUPT when it cannot be one.
 */
int tg_arena_adopt(struct tg_arena *arena, uint32_t blob);

/*
 * Ends adopting: what lies between adopted blobs can be used again.  0,
 * TG_ERR_FULL, or TG_ERR_CORRUPT when one of them lies within another.
 */
int tg_arena_settle(struct tg_arena *arena);

/*
 * Stores bytes, TG_BLOB_MAX at most, or finds them; counts one use.  0,
 * TG_ERR_FULL, TG_ERR_RANGE.
 */
int tg_arena_put(struct tg_arena *arena, struct tg_str bytes, uint32_t *blob);

/* Expects count distinct texts in all: sooner than one by one. */
void tg_arena_reserve(struct tg_arena *arena, size_t count);

/* One use less; at none the room is free for other texts. */
void tg_arena_drop(struct tg_arena *arena, uint32_t blob);

#endif
