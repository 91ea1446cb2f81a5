#include "secrets_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"
#include "private.h"
#include "say.h"

struct tg_secrets_file {
    int fd;
    char *path;
    json_t *lost; /* "account/name" of what was about to be made */
    bool is_cut;  /* its last line has no end */
};

static char *
name_of(const char *account, const char *name)
{
    char *text = NULL;

    if (asprintf(&text, "%s/%s", account, name) < 0)
        tg_own(NULL);
    return text;
}

/* The last line of each key counts. */
static bool
take_line(struct tg_secrets_file *file, const char *line, size_t len)
{
    json_t *row = json_loadb(line, len, 0, NULL);
    const char *account = json_string_value(json_object_get(row, "account"));
    const char *name = json_string_value(json_object_get(row, "name"));
    bool is_fine = account != NULL && name != NULL;
    char *text;

    if (is_fine) {
        text = name_of(account, name);
        if (json_object_get(row, "key") != NULL)
            json_object_del(file->lost, text);
        else
            json_object_set_new(file->lost, text, json_true());
        free(text);
    }
    json_decref(row);
    return is_fine;
}

/* A last line that a crash cut off says no more than none: it is removed. */
static int
read_lines(struct tg_secrets_file *file)
{
    FILE *in = fopen(file->path, "re");
    char *line = NULL;
    size_t cap = 0, number = 0;
    off_t end = 0; /* of the last whole line */
    ssize_t len;
    bool is_fine = true;

    if (in == NULL)
        return tg_say_failed("cannot read %s: %s", file->path, strerror(errno));
    while (is_fine && (len = getline(&line, &cap, in)) > 0) {
        number++;
        file->is_cut = line[len - 1] != '\n';
        is_fine = take_line(file, line, (size_t)len);
        if (!is_fine && file->is_cut && ftruncate(file->fd, end) == 0) {
            file->is_cut = false;
            is_fine = true;
        }
        end += len;
    }
    if (line != NULL)
        explicit_bzero(line, cap);
    free(line);
    fclose(in);
    if (is_fine)
        return TG_EXIT_OK;
    return tg_say_failed("%s holds something else than new keys (line %zu): "
                         "name another file with --secrets",
                         file->path, number);
}

int
tg_secrets_open(struct tg_secrets_file **file, const char *path)
{
    struct tg_secrets_file *self;
    struct stat st;
    int fd = open(
        path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
        0600);
    int rc = TG_EXIT_OK;

    if (fd < 0)
        return tg_say_failed("cannot write %s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = tg_say_failed("%s is no file", path);
    else if (tg_private_is_open_to_others(fd))
        rc = tg_private_refuse(path);
    if (rc != TG_EXIT_OK) {
        close(fd);
        return rc;
    }
    self = tg_own(calloc(1, sizeof(*self)));
    self->fd = fd;
    self->path = tg_own(strdup(path));
    self->lost = json_object();
    rc = read_lines(self);
    if (rc == TG_EXIT_OK)
        *file = self;
    else
        tg_secrets_close(self);
    return rc;
}

bool
tg_secrets_is_lost(const struct tg_secrets_file *file, const char *account,
                   const char *name)
{
    char *text = name_of(account, name);
    bool is_lost = json_object_get(file->lost, text) != NULL;

    free(text);
    return is_lost;
}

static bool
write_all(int fd, const char *data, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* Appends a row, taken over, with a line end before what was cut off. */
static int
add_row(struct tg_secrets_file *file, json_t *row)
{
    char *text = tg_own(json_dumps(row, JSON_COMPACT)), *line = NULL;
    bool is_written;

    if (asprintf(&line, "%s%s\n", file->is_cut ? "\n" : "", text) < 0)
        tg_own(NULL);
    is_written = write_all(file->fd, line, strlen(line));
    explicit_bzero(line, strlen(line));
    explicit_bzero(text, strlen(text));
    free(line);
    free(text);
    json_decref(row);
    file->is_cut = false;
    if (is_written)
        return TG_EXIT_OK;
    return tg_say_failed("cannot write %s: %s", file->path, strerror(errno));
}

int
tg_secrets_add(struct tg_secrets_file *file, const char *account,
               const char *name, const char *id, const char *key)
{
    json_t *row = json_pack("{s:s,s:s}", "account", account, "name", name);

    if (id != NULL) {
        json_object_set_new(row, "id", json_string(id));
        json_object_set_new(row, "key", json_string(key));
    }
    return add_row(file, row);
}

int
tg_secrets_forget(struct tg_secrets_file *file, const char *account,
                  const char *name)
{
    return add_row(file, json_pack("{s:s,s:s,s:n}", "account", account, "name",
                                   name, "key"));
}

int
tg_secrets_sync(struct tg_secrets_file *file)
{
    if (fdatasync(file->fd) == 0)
        return TG_EXIT_OK;
    return tg_say_failed("cannot write %s: %s", file->path, strerror(errno));
}

const char *
tg_secrets_path(const struct tg_secrets_file *file)
{
    return file->path;
}

void
tg_secrets_close(struct tg_secrets_file *file)
{
    if (file == NULL)
        return;
    close(file->fd);
    json_decref(file->lost);
    free(file->path);
    free(file);
}
