#include "signposts.h"

#include <stdbool.h>
#include <stddef.h>

#define COUNT (sizeof(posts->of) / sizeof(posts->of[0]))

void
tg_signposts_note(struct tg_signposts *posts, const struct tg_paths *paths)
{
    struct stat seen;

    posts->of[0].path = paths->state;
    posts->of[1].path = paths->admin_socket;
    for (size_t i = 0; i < COUNT; i++) {
        bool is_there = lstat(posts->of[i].path, &seen) == 0;

        posts->of[i].device = is_there ? seen.st_dev : 0;
        posts->of[i].inode = is_there ? seen.st_ino : 0;
    }
}

const char *
tg_signposts_lost(const struct tg_signposts *posts)
{
    struct stat seen;

    for (size_t i = 0; i < COUNT; i++)
        if (lstat(posts->of[i].path, &seen) != 0 ||
            seen.st_ino != posts->of[i].inode ||
            seen.st_dev != posts->of[i].device)
            return posts->of[i].path;
    return NULL;
}
