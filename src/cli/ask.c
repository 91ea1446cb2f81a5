#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "say.h"
#include "glyph.h"

static volatile sig_atomic_t caught;

static void
on_signal(int signo)
{
    caught = signo;
}

/* Reads to the end, or to the line's end on a terminal.  Bytes or -1. */
static ssize_t
read_all(int fd, char *data, size_t cap, bool is_line)
{
    size_t len = 0;
    ssize_t n;

    while (len < cap) {
        n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR && caught == 0)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
        if (is_line && data[len - 1] == '\n')
            break;
    }
    return (ssize_t)len;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

/*
 * Echo is off meanwhile.  A signal that ends or stops the program waits until
 * the terminal is as it was.
 */
static ssize_t
ask(int fd, char *data, size_t cap)
{
    struct sigaction action = {.sa_handler = on_signal}, old[SIGNAL_COUNT];
    struct termios before, quiet;
    ssize_t n;
    size_t i;

    if (tcgetattr(fd, &before) != 0)
        return -1;
    caught = 0;
    for (i = 0; i < SIGNAL_COUNT; i++)
        sigaction(signals[i], &action, &old[i]);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(fd, TCSAFLUSH, &quiet);
    fputs("Secret (nothing is shown): ", stderr);
    fflush(stderr);
    n = read_all(fd, data, cap, true);
    tcsetattr(fd, TCSAFLUSH, &before);
    fputc('\n', stderr);
    for (i = 0; i < SIGNAL_COUNT; i++)
        sigaction(signals[i], &old[i], NULL);
    if (caught != 0)
        raise(caught);
    return n;
}

static int
check(const struct tg_cli *cli, const char *from, struct tg_asked *secret,
      ssize_t len)
{
    const char *fault = NULL;

    (void)cli;
    if (len < 0)
        fault = strerror(errno);
    else if (len > TG_ASKED_MAX)
        fault = "it is too long to be a secret";
    else if (strlen(secret->data) != (size_t)len)
        fault = "it holds a zero byte";
    if (fault == NULL) {
        while (len > 0 && strchr("\r\n", secret->data[len - 1]) != NULL)
            secret->data[--len] = '\0';
        if (len == 0)
            fault = "it is empty";
        else if (!tg_glyph_is_token(secret->data))
            fault = "a secret is one word of plain text, without spaces";
    }
    if (fault == NULL)
        return TG_EXIT_OK;
    explicit_bzero(secret, sizeof(*secret));
    return tg_say_failed("cannot take the secret from %s: %s", from, fault);
}

int
tg_ask_secret(const struct tg_cli *cli, const char *file,
              struct tg_asked *secret)
{
    bool is_input = file == NULL || strcmp(file, "-") == 0;
    const char *from = is_input ? "standard input" : file;
    int fd = STDIN_FILENO;
    struct stat st;
    ssize_t len;

    memset(secret, 0, sizeof(*secret));
    if (!is_input)
        fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tg_say_failed("cannot read %s: %s", file, strerror(errno));
    if (!is_input && fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
        tg_say_note(cli,
                    "tollgate: others than its owner can read %s: chmod "
                    "600 %s",
                    file, file);
    if (is_input && isatty(fd))
        len = ask(fd, secret->data, sizeof(secret->data));
    else
        len = read_all(fd, secret->data, sizeof(secret->data), false);
    if (len == (ssize_t)sizeof(secret->data))
        secret->data[TG_ASKED_MAX] = '\0';
    if (!is_input)
        close(fd);
    return check(cli, from, secret, len);
}
