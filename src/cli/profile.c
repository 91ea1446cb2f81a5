#include "profile.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
