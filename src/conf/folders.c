#include "folders.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

#define BLANKS " \t"

static int
add_one(struct tg_folders *folders, const char *word, size_t len, char *why)
{
    while (len > 1 && word[len - 1] == '/')
        len--;
    if (len < 2 || word[0] != '/' || len >= TG_FOLDER_SIZE ||
        memmem(word, len, "/.", 2) != NULL ||
        memmem(word, len, "//", 2) != NULL) {
        snprintf(why, TG_FOLDERS_WHY_SIZE,
                 "\"%.*s\" is no folder's whole name, as in /srv/app; the root "
                 "is none that is allowed",
                 (int)(len < 64 ? len : 64), word);
        return TG_ERR_FORMAT;
    }
    if (folders->count == TG_FOLDERS_MAX) {
        snprintf(why, TG_FOLDERS_WHY_SIZE, "there are more than %d folders",
                 TG_FOLDERS_MAX);
        return TG_ERR_FULL;
    }
    snprintf(folders->folders[folders->count++], TG_FOLDER_SIZE, "%.*s",
             (int)len, word);
    return 0;
}

int
tg_folders_add(struct tg_folders *folders, const char *list,
               char why[TG_FOLDERS_WHY_SIZE])
{
    for (;;) {
        const char *start = list + strspn(list, BLANKS);
        size_t len = strcspn(start, ",");
        const char *next = start + len;
        int err;

        while (len > 0 && strchr(BLANKS, start[len - 1]) != NULL)
            len--;
        err = add_one(folders, start, len, why);
        if (err != 0 || *next == '\0')
            return err;
        list = next + 1;
    }
}

const char *
tg_folders_of(const struct tg_folders *folders, const char *path)
{
    for (size_t i = 0; i < folders->count; i++) {
        size_t len = strlen(folders->folders[i]);

        if (strncmp(path, folders->folders[i], len) == 0 && path[len] == '/')
            return folders->folders[i];
    }
    return NULL;
}
