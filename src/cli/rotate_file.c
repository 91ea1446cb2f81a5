#include "rotate_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "nouns.h"
#include "own.h"
#include "private.h"
#include "say.h"

#define LINE_MAX_BYTES 1024 /* of a key: names are 400 bytes at most */
#define BLOCK 65536

static int
fail(const struct tg_rotate_file *file, const char *what)
{
    return tg_say_failed("cannot %s %s: %s", what, file->path, strerror(errno));
}

static void
take_line(struct tg_rotate_file *file, const char *line, size_t len)
{
    json_t *object = json_loadb(line, len, 0, NULL);
    const char *id = tg_noun_text(object, "secret_id");

    if (*id != '\0')
        snprintf(file->last_secret, sizeof(file->last_secret), "%s", id);
    json_decref(object);
}

/* The last whole line; what a kill left of one is ended. */
static int
read_end(struct tg_rotate_file *file)
{
    char *data = tg_own(malloc(BLOCK));
    off_t size = lseek(file->fd, 0, SEEK_END);
    off_t from = size > BLOCK ? size - BLOCK : 0;
    ssize_t n = pread(file->fd, data, (size_t)(size - from), from);
    char *end, *line;
    int rc = TG_EXIT_OK;

    if (n < 0 || n != size - from)
        rc = fail(file, "read");
    else if (n > 0 && data[n - 1] != '\n' && write(file->fd, "\n", 1) != 1)
        rc = fail(file, "write");
    end = n > 0 ? memrchr(data, '\n', (size_t)n) : NULL;
    if (rc == TG_EXIT_OK && end != NULL) {
        line = memrchr(data, '\n', (size_t)(end - data));
        line = line != NULL ? line + 1 : data;
        take_line(file, line, (size_t)(end - line));
    }
    if (n > 0)
        explicit_bzero(data, (size_t)n);
    free(data);
    return rc;
}

static int
read_begun(struct tg_rotate_file *file)
{
    char line[160] = "";
    ssize_t n = pread(file->begun_fd, line, sizeof(line) - 1, 0);

    if (n < 0)
        return fail(file, "read what was begun beside");
    if (sscanf(line, "%63s %63s\n", file->begun_key, file->begun_secret) != 2)
        file->begun_key[0] = file->begun_secret[0] = '\0';
    return TG_EXIT_OK;
}

static int
open_both(struct tg_rotate_file *file)
{
    struct stat st;

    file->fd = open(file->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return fail(file, "open");
    if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return tg_say_failed("%s is no file; new secrets go to one that can "
                             "be read again",
                             file->path);
    if (tg_private_is_open_to_others(file->fd))
        return tg_private_refuse(file->path);
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return tg_say_failed("another command writes to %s", file->path);
    file->begun_fd = open(file->begun_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return file->begun_fd < 0 ? fail(file, "note what is begun beside")
                              : TG_EXIT_OK;
}

int
tg_rotate_file_open(struct tg_rotate_file *file, const char *path, size_t count)
{
    int rc;

    *file = (struct tg_rotate_file){.path = path, .fd = -1, .begun_fd = -1};
    if (asprintf(&file->begun_path, "%s.begun", path) < 0)
        tg_own(NULL);
    rc = open_both(file);
    if (rc == TG_EXIT_OK)
        rc = read_end(file);
    if (rc == TG_EXIT_OK)
        rc = read_begun(file);
    /* A file system that cannot reserve is asked by writing. */
    if (rc == TG_EXIT_OK && count > 0 &&
        fallocate(file->fd, FALLOC_FL_KEEP_SIZE, lseek(file->fd, 0, SEEK_END),
                  (off_t)(count * LINE_MAX_BYTES)) != 0 &&
        errno == ENOSPC)
        rc = fail(file, "make room in");
    return rc;
}

static int
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

int
tg_rotate_file_begin(struct tg_rotate_file *file, const char *key_id,
                     const char *secret_id)
{
    char line[160];
    int len = snprintf(line, sizeof(line), "%.63s %.63s\n", key_id, secret_id);

    if (ftruncate(file->begun_fd, 0) != 0 ||
        pwrite(file->begun_fd, line, (size_t)len, 0) != len ||
        fdatasync(file->begun_fd) != 0)
        return fail(file, "note what is begun beside");
    return TG_EXIT_OK;
}

int
tg_rotate_file_add(struct tg_rotate_file *file, const json_t *key)
{
    const json_t *secrets = json_object_get(key, "secrets");
    json_t *line = tg_own(
        json_pack("{s:s,s:s,s:s,s:s,s:O*}", "id", tg_noun_text(key, "id"),
                  "name", tg_noun_text(key, "name"), "secret_id",
                  tg_noun_text(json_array_get(secrets, 0), "id"), "key",
                  tg_noun_text(key, "key"), "old_valid_until",
                  json_object_get(json_array_get(secrets, 1), "valid_until")));
    char *text = tg_own(json_dumps(line, JSON_COMPACT));
    size_t len = strlen(text);
    char *whole = tg_own(malloc(len + 2));
    int rc = TG_EXIT_OK;

    memcpy(whole, text, len);
    memcpy(whole + len, "\n", 2);
    if (write_all(file->fd, whole, len + 1) != 0 || fdatasync(file->fd) != 0)
        rc = fail(file, "write");
    explicit_bzero(whole, len);
    explicit_bzero(text, len);
    free(whole);
    free(text);
    json_decref(line);
    return rc;
}

void
tg_rotate_file_close(struct tg_rotate_file *file, bool is_done)
{
    struct stat st;

    if (is_done)
        (void)unlink(file->begun_path);
    /* Room that was not needed is given back. */
    if (is_done && fstat(file->fd, &st) == 0 &&
        ftruncate(file->fd, st.st_size) == 0 && st.st_size == 0)
        (void)unlink(file->path);
    if (file->fd >= 0)
        close(file->fd);
    if (file->begun_fd >= 0)
        close(file->begun_fd);
    free(file->begun_path);
}
