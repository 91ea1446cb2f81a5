/*
 * folders.h: folders of the operator's file in which the daemon may write
 * secrets for others to read.
 */
#ifndef TG_FOLDERS_H
#define TG_FOLDERS_H

#include <stddef.h>

#define TG_FOLDERS_MAX 16
#define TG_FOLDER_SIZE 200

/* Zeros allow none. */
struct tg_folders {
    size_t count;
    char folders[TG_FOLDERS_MAX][TG_FOLDER_SIZE]; /* no '/' at the end */
};

/* Room for why a list is refused: one sentence without a final stop. */
#define TG_FOLDERS_WHY_SIZE 256

/*
 * Adds folders by their whole names, with commas between them and maybe
 * blanks.  Returns 0; or TG_ERR_FORMAT or TG_ERR_FULL, and why says what is
 * wrong.
 */
int tg_folders_add(struct tg_folders *folders, const char *list,
                   char why[TG_FOLDERS_WHY_SIZE]);

/* The folder that a file's whole name begins with, or NULL. */
const char *tg_folders_of(const struct tg_folders *folders, const char *path);

#endif
