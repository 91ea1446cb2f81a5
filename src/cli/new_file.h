/*
 * new_file.h: a file that has its name only once it is whole.
 */
#ifndef TG_NEW_FILE_H
#define TG_NEW_FILE_H

#include <stdbool.h>

struct tg_new_file {
    int fd;
    char *name;    /* what a link leads to */
    char *partial; /* beside it, until it is whole; NULL: written as it is */
};

/*
 * Makes it, for nobody but its owner to read.  What is there already and no
 * ordinary file, such as /dev/null, is written to as it is.  Returns an exit
 * code after it said why.
 */
int tg_new_file_open(struct tg_new_file *file, const char *name);

/*
 * Closes it.  With is_whole it is on the disk, and has its name; else nothing
 * is left of it.  Returns an exit code after it said why.
 */
int tg_new_file_close(struct tg_new_file *file, bool is_whole);

#endif
