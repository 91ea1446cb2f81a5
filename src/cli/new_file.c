#include "new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"
#include "say.h"

#define ENDING ".partial"

static int
open_special(struct tg_new_file *file)
{
    file->fd = open(file->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return file->fd >= 0 ? TG_EXIT_OK
                         : tg_say_failed("cannot write %s: %s", file->name,
                                         strerror(errno));
}

int
tg_new_file_open(struct tg_new_file *file, const char *name)
{
    char *real = realpath(name, NULL);
    struct stat at;
    int rc = TG_EXIT_OK;

    *file = (struct tg_new_file){
        .fd = -1, .name = real != NULL ? real : tg_own(strdup(name))};
    if (stat(file->name, &at) == 0 && !S_ISREG(at.st_mode)) {
        rc = open_special(file);
    } else {
        if (asprintf(&file->partial, "%s.XXXXXX" ENDING, file->name) < 0)
            tg_own(NULL);
        file->fd = mkostemps(file->partial, (int)strlen(ENDING), O_CLOEXEC);
        if (file->fd < 0)
            rc = tg_say_failed("cannot write beside %s: %s", name,
                               strerror(errno));
    }
    if (rc != TG_EXIT_OK) {
        free(file->name);
        free(file->partial);
    }
    return rc;
}

/* The name is on the disk when its folder is. */
static void
sync_folder(const char *name)
{
    char *copy = tg_own(strdup(name));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

static int
keep(struct tg_new_file *file)
{
    if (file->partial == NULL)
        return TG_EXIT_OK;
    if (fsync(file->fd) != 0)
        return tg_say_failed("cannot write %s: %s", file->name,
                             strerror(errno));
    if (rename(file->partial, file->name) != 0)
        return tg_say_failed("cannot name it %s: %s", file->name,
                             strerror(errno));
    sync_folder(file->name);
    return TG_EXIT_OK;
}

int
tg_new_file_close(struct tg_new_file *file, bool is_whole)
{
    int rc = is_whole ? keep(file) : TG_EXIT_OK;

    if (file->partial != NULL && (!is_whole || rc != TG_EXIT_OK))
        unlink(file->partial);
    close(file->fd);
    free(file->partial);
    free(file->name);
    return rc;
}
