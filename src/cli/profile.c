#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "own.h"
#include "private.h"
#include "say.h"

static char *
profile_path(void)
{
    const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int rc;

    if (folder != NULL && *folder == '/')
        rc = asprintf(&path, "%s/tollgate/config", folder);
    else if (home != NULL && *home != '\0')
        rc = asprintf(&path, "%s/.config/tollgate/config", home);
    else
        return NULL;
    return rc < 0 ? tg_own(NULL) : path;
}

/* inih's callback: 0 makes the line an error. */
static int
take(void *arg, const char *section, const char *name, const char *value)
{
    struct tg_profile *profile = arg;
    char **field = strcmp(name, "url") == 0     ? &profile->url
                   : strcmp(name, "token") == 0 ? &profile->token
                                                : NULL;

    if (*section != '\0' || field == NULL || *field != NULL)
        return 0;
    *field = tg_own(strdup(value));
    return 1;
}

static int
parse(struct tg_profile *profile, FILE *file)
{
    int line = ini_parse_file(file, take, profile);

    if (line != 0)
        return tg_say_failed("%s, line %d: only \"url = …\" and \"token = …\" "
                             "may stand here, each once",
                             profile->path, line);
    if (profile->token != NULL && tg_private_is_open_to_others(fileno(file)))
        return tg_private_refuse(profile->path);
    return TG_EXIT_OK;
}

int
tg_profile_read(struct tg_profile *profile)
{
    FILE *file;
    int rc;

    *profile = (struct tg_profile){.path = profile_path()};
    if (profile->path == NULL)
        return TG_EXIT_OK;
    file = fopen(profile->path, "re");
    if (file == NULL && (errno == ENOENT || errno == ENOTDIR))
        return TG_EXIT_OK;
    if (file == NULL)
        return tg_say_failed("cannot read %s: %s", profile->path,
                             strerror(errno));
    rc = parse(profile, file);
    fclose(file);
    return rc;
}

/* The folders above a file, for oneself alone where they are missing. */
static int
make_folders(const char *path)
{
    char *folder = tg_own(strdup(path));

    for (char *slash = strchr(folder + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
            free(folder);
            return -1;
        }
        *slash = '/';
    }
    free(folder);
    return 0;
}

static bool
write_lines(const char *path, const char *url, const char *token)
{
    int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool failed;

    if (out == NULL)
        return false;
    if (url != NULL)
        fprintf(out, "url = %s\n", url);
    if (token != NULL)
        fprintf(out, "token = %s\n", token);
    failed = fflush(out) != 0 || fchmod(fd, 0600) != 0 || fsync(fd) != 0;
    return fclose(out) == 0 && !failed;
}

int
tg_profile_write(const char *url, const char *token)
{
    char *path = profile_path(), *fresh = NULL;
    int rc = TG_EXIT_OK;

    if (path == NULL)
        return tg_say_failed("there is no home to keep a session in: HOME is "
                             "not set");
    if (asprintf(&fresh, "%s.new", path) < 0)
        tg_own(NULL);
    if (make_folders(path) != 0 || !write_lines(fresh, url, token) ||
        rename(fresh, path) != 0)
        rc = tg_say_failed("cannot write %s: %s", path, strerror(errno));
    free(fresh);
    free(path);
    return rc;
}

void
tg_profile_release(struct tg_profile *profile)
{
    if (profile->token != NULL)
        explicit_bzero(profile->token, strlen(profile->token));
    free(profile->token);
    free(profile->url);
    free(profile->path);
    *profile = (struct tg_profile){0};
}
