/* Files of the daemon's own machine: dotenv, and a service's environment in a
 * Compose file, below the folders that the operator's file names. */
#include <stdio.h>
#include <string.h>

#include "dotenv.h"
#include "envfile.h"
#include "err.h"
#include "folders.h"
#include "sink.h"

#define PATH_SIZE 512

static bool
is_path(const char *path, size_t len)
{
    return len > 1 && len < PATH_SIZE && path[0] == '/' &&
           path[len - 1] != '/' && memmem(path, len, "/../", 4) == NULL &&
           memmem(path, len, "/./", 3) == NULL &&
           memmem(path, len, "//", 2) == NULL;
}

static bool
is_dotenv_place(const char *place)
{
    return is_path(place, strlen(place));
}

/* FILE:SERVICE */
static bool
is_compose_place(const char *place)
{
    const char *colon = strrchr(place, ':');

    return colon != NULL && colon[1] != '\0' && strchr(colon, '/') == NULL &&
           is_path(place, (size_t)(colon - place));
}

/* The file that is meant, and the folder it must lie in. */
struct target {
    char path[PATH_SIZE];
    struct tg_folders folders;
    struct tg_envfile file;
    struct tg_fault fault;
};

static int
find(struct tg_sink_work *work, struct target *target, bool is_compose)
{
    const char *colon = strrchr(work->place, ':');
    size_t len = is_compose && colon != NULL ? (size_t)(colon - work->place)
                                             : strlen(work->place);

    snprintf(target->path, sizeof(target->path), "%.*s", (int)len, work->place);
    pthread_mutex_lock(&work->daemon->publish_lock);
    target->folders = *work->daemon->folders;
    pthread_mutex_unlock(&work->daemon->publish_lock);
    target->file = (struct tg_envfile){
        .path = target->path,
        .service = is_compose ? colon + 1 : NULL,
        .name = work->name,
        .folder = tg_folders_of(&target->folders, target->path),
    };
    if (!tg_dotenv_is_name(work->name))
        return tg_sink_fail(work, TG_ERR_FORMAT, "%s is no name of a variable",
                            work->name);
    if (target->file.folder != NULL)
        return 0;
    return tg_sink_fail(work, TG_ERR_RANGE,
                        "%.200s lies in no folder that tollgate.conf allows; "
                        "it can say: [sinks] folders = /srv/app",
                        target->path);
}

static int
say(struct tg_sink_work *work, const struct target *target, int err)
{
    const struct tg_fault *fault = &target->fault;

    if (err == 0)
        return 0;
    if (fault->line != 0)
        return tg_sink_fail(work, err, "%.200s, line %u: %s", target->path,
                            fault->line, fault->text);
    return tg_sink_fail(work, err, "%.200s: %s", target->path, fault->text);
}

static int
write_file(struct tg_sink_work *work, bool is_compose)
{
    struct target target;
    int err = find(work, &target, is_compose);

    if (err != 0)
        return err;
    return say(work, &target,
               tg_envfile_write(&target.file, tg_secret_str(work->secret),
                                &target.fault));
}

static int
read_file(struct tg_sink_work *work, bool is_compose, struct tg_secret *found)
{
    struct target target;
    int err = find(work, &target, is_compose);

    if (err != 0)
        return err;
    err = tg_envfile_read(&target.file, found->data, sizeof(found->data),
                          &found->len, &target.fault);
    return say(work, &target, err);
}

static int
write_dotenv(struct tg_sink_work *work)
{
    return write_file(work, false);
}

static int
read_dotenv(struct tg_sink_work *work, struct tg_secret *found)
{
    return read_file(work, false, found);
}

static int
write_compose(struct tg_sink_work *work)
{
    return write_file(work, true);
}

static int
read_compose(struct tg_sink_work *work, struct tg_secret *found)
{
    return read_file(work, true, found);
}

static int
ping(struct tg_sink_work *work)
{
    size_t count;

    pthread_mutex_lock(&work->daemon->publish_lock);
    count = work->daemon->folders->count;
    pthread_mutex_unlock(&work->daemon->publish_lock);
    return count > 0 ? 0
                     : tg_sink_fail(work, TG_ERR_RANGE,
                                    "tollgate.conf allows no folder; it can "
                                    "say: [sinks] folders = /srv/app");
}

const struct tg_sink_kind tg_sink_dotenv = {
    .name = "dotenv",
    .config = "",
    .needed = "",
    .credentials = "",
    .more_credentials = "",
    .naming = TG_SINK_HAS_NAME,
    .place_is = "a file's whole name, as in /srv/app/.env",
    .is_place = is_dotenv_place,
    .write = write_dotenv,
    .read = read_dotenv,
    .ping = ping,
};

const struct tg_sink_kind tg_sink_compose = {
    .name = "compose",
    .config = "",
    .needed = "",
    .credentials = "",
    .more_credentials = "",
    .naming = TG_SINK_HAS_NAME,
    .place_is = "a file's whole name and a service, as in "
                "/srv/app/docker-compose.yml:web",
    .is_place = is_compose_place,
    .write = write_compose,
    .read = read_compose,
    .ping = ping,
};
