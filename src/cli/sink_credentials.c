#include "sink_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "say.h"

#define CREDENTIALS_MAX 16384

/* What a bare text is. */
static const struct {
    const char *kind, *member;
} bare[] = {
    {"vault", "token"},
    {"kubernetes", "token"},
    {"azure", "client_secret"},
};

static int
read_all(int fd, const char *from, char *text)
{
    size_t len = 0;
    ssize_t n;

    while (len < CREDENTIALS_MAX &&
           (n = read(fd, text + len, CREDENTIALS_MAX - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tg_say_failed("cannot read %s: %s", from, strerror(errno));
        len += (size_t)n;
    }
    if (len == CREDENTIALS_MAX)
        return tg_say_failed("%s is too long to be credentials", from);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        len--;
    text[len] = '\0';
    if (len == 0 || strlen(text) != len)
        return tg_say_failed("%s is empty, or is no text", from);
    return TG_EXIT_OK;
}

static int
read_file(const char *file, char *text)
{
    int fd, rc;

    if (file == NULL || strcmp(file, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", text);
    fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return tg_say_failed("cannot read %s: %s", file, strerror(errno));
    rc = tg_private_is_open_to_others(fd) ? tg_private_refuse(file)
                                          : read_all(fd, file, text);
    close(fd);
    return rc;
}

/* Never repeats any of it. */
static int
parse(const char *kind, const char *text, json_t **credentials)
{
    if (*text == '{') {
        *credentials = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        return json_is_object(*credentials)
                   ? TG_EXIT_OK
                   : tg_say_failed("the credentials begin like a JSON object, "
                                   "but are none");
    }
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        if (strcmp(bare[i].kind, kind) != 0)
            continue;
        *credentials = json_object();
        json_object_set_new(*credentials, bare[i].member, json_string(text));
        return TG_EXIT_OK;
    }
    return tg_say_failed("the credentials of the kind %s are a JSON object: "
                         "see tollgate-sinks(1)",
                         kind);
}

int
tg_sink_credentials(const char *kind, const char *file, json_t **credentials)
{
    char text[CREDENTIALS_MAX + 1];
    int rc = read_file(file, text);

    *credentials = NULL;
    if (rc == TG_EXIT_OK)
        rc = parse(kind, text, credentials);
    explicit_bzero(text, sizeof(text));
    return rc;
}
