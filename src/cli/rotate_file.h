/*
 * rotate_file.h: where the new secrets of many keys go, so that none is lost.
 *
 * FILE has a JSON object a line, on the disk before the next key is rotated;
 * it is its owner's alone.  FILE.begun says which key's rotation was asked for
 * last and not yet written: who goes on with the same FILE knows what may
 * have been lost.
 */
#ifndef TG_ROTATE_FILE_H
#define TG_ROTATE_FILE_H

#include <jansson.h>
#include <stdbool.h>

struct tg_rotate_file {
    const char *path;
    char *begun_path;
    int fd, begun_fd;
    /* Of the run before: the key that was begun, "" none, and its secret. */
    char begun_key[64], begun_secret[64];
    char last_secret[64]; /* of the last line; "": there is none */
};

/*
 * Opens or makes it, and makes room for count more lines.  An exit code after
 * all was said: it is open to others, it is no file of ours, another run has
 * it, or the disk is full.
 */
int tg_rotate_file_open(struct tg_rotate_file *file, const char *path,
                        size_t count);

/* Says which key is rotated next, and its present secret. */
int tg_rotate_file_begin(struct tg_rotate_file *file, const char *key_id,
                         const char *secret_id);

/* Writes a rotated key's line, and waits until the disk has it. */
int tg_rotate_file_add(struct tg_rotate_file *file, const json_t *key);

/* is_done: nothing is left to be known for another run. */
void tg_rotate_file_close(struct tg_rotate_file *file, bool is_done);

#endif
