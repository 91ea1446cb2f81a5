/*
 * secrets_file.h: a file that new keys are written to as they are made.
 *
 * A line a key, JSON: {"account":"default","name":"ci","id":"key_…",
 * "key":"sk-tg…"}.  Before a key is made a line without "id" says that it is
 * about to be, so that a key whose secret was lost in a crash is known: the
 * last line of its account and name has no "key" (null: it was not made).
 */
#ifndef TG_SECRETS_FILE_H
#define TG_SECRETS_FILE_H

#include <jansson.h>

#include "cli.h"

struct tg_secrets_file;

/*
 * Opens or makes it, for its owner alone.  Returns an exit code after saying
 * why not: open to others, no file, what is in it is something else.
 */
int tg_secrets_open(struct tg_secrets_file **file, const char *path);

/* Whether a key was about to be made and its secret never came here. */
bool tg_secrets_is_lost(const struct tg_secrets_file *file, const char *account,
                        const char *name);

/*
 * Appends a line; id and key are NULL before the key is made.  What is written
 * outlives the process, and a power cut once it is synced: a key that was
 * announced and synced, and whose secret went with the power, is known as lost.
 * Each returns an exit code after saying why not.
 */
int tg_secrets_add(struct tg_secrets_file *file, const char *account,
                   const char *name, const char *id, const char *key);

/* Appends that a key that was about to be made was not. */
int tg_secrets_forget(struct tg_secrets_file *file, const char *account,
                      const char *name);

int tg_secrets_sync(struct tg_secrets_file *file);

const char *tg_secrets_path(const struct tg_secrets_file *file);

void tg_secrets_close(struct tg_secrets_file *file);

#endif
