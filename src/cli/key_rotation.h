/*
 * key_rotation.h: commands about a key's second secret.
 */
#ifndef TG_KEY_ROTATION_H
#define TG_KEY_ROTATION_H

#include <jansson.h>

#include "cli.h"

/* keys rotate --older-than: all keys whose secret is that old. */
int tg_keys_rotate_old(struct tg_cli *cli);

/* Prints what a key is, with a table of its secrets. */
void tg_keys_print(const struct tg_cli *cli, const json_t *key);

/* Prints a key that was made or rotated, and its secret; an exit code. */
int tg_keys_print_secret(const struct tg_cli *cli, const json_t *key,
                         const char *lost);

/*
 * Says who uses the old secret of a key whose rotation is under way: nothing
 * when none is.
 */
void tg_keys_say_old(const struct tg_cli *cli, const json_t *key);

#endif
