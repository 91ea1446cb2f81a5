#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

/* Reads to the end of the file.  Returns bytes, or -1 with errno. */
static ssize_t
read_all(int fd, char *data, size_t cap)
{
    size_t len = 0;
    ssize_t n = 1;

    while (len < cap && n != 0) {
        n = read(fd, data + len, cap - len);
        if (n < 0 && errno != EINTR)
            return -1;
        len += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)len;
}

/*
 * Reads one line of a terminal.  Signals are blocked but while it waits, so
 * that none is lost between a look at caught and the wait.
 */
static ssize_t
read_line(int fd, char *data, size_t cap, const sigset_t *waiting)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t n;

    while (len < cap && (len == 0 || data[len - 1] != '\n')) {
        if (ppoll(&poll_fd, 1, NULL, waiting) < 0)
            return -1;
        n = read(fd, data + len, cap - len);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

static ssize_t
read_unseen(int fd, char *data, size_t cap, const sigset_t *waiting)
{
    struct termios before, quiet;
    ssize_t n;
    int err;

    if (tcgetattr(fd, &before) != 0)
        return -1;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(fd, TCSAFLUSH, &quiet);
    fputs("Secret (nothing is shown): ", stderr);
    n = read_line(fd, data, cap, waiting);
    err = errno;
    tcsetattr(fd, TCSAFLUSH, &before);
    fputc('\n', stderr);
    errno = err;
    return n;
}

/*
 * Asks with echo off.  A signal that would end or stop the program does so
 * once the terminal is as it was.
 */
static ssize_t
ask(int fd, char *data, size_t cap)
{
    struct sigaction action = {.sa_handler = on_signal}, old[SIGNAL_COUNT];
    sigset_t blocked, before;
    ssize_t n;
    size_t i;

    caught = 0;
    sigemptyset(&blocked);
    for (i = 0; i < SIGNAL_COUNT; i++) {
        sigaddset(&blocked, signals[i]);
        sigaction(signals[i], &action, &old[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, &before);
    n = read_unseen(fd, data, cap, &before);
    for (i = 0; i < SIGNAL_COUNT; i++)
        sigaction(signals[i], &old[i], NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (caught != 0) {
        raise(caught);
        errno = EINTR;
    }
    return n;
}

/* Cuts the line end off; a sentence about what is wrong, or NULL. */
static const char *
fault_of(struct tg_asked *secret, ssize_t len)
{
    if (len < 0)
        return strerror(errno);
    if (len > TG_ASKED_MAX)
        return "it is too long to be a secret";
    if (memchr(secret->data, '\0', (size_t)len) != NULL)
        return "it holds a zero byte";
    while (len > 0 && strchr("\r\n", secret->data[len - 1]) != NULL)
        secret->data[--len] = '\0';
    if (len == 0)
        return "it is empty";
    if (!tg_glyph_is_token(secret->data))
        return "a secret is one word of plain text, without spaces";
    return NULL;
}

static int
take(int fd, const char *from, struct tg_asked *secret)
{
    const char *fault;
    ssize_t len;

    memset(secret, 0, sizeof(*secret));
    if (isatty(fd))
        len = ask(fd, secret->data, sizeof(secret->data));
    else
        len = read_all(fd, secret->data, sizeof(secret->data));
    fault = fault_of(secret, len);
    if (fault == NULL)
        return TG_EXIT_OK;
    explicit_bzero(secret, sizeof(*secret));
    return tg_say_failed("cannot take the secret from %s: %s", from, fault);
}

int
tg_ask_secret(const struct tg_cli *cli, const char *file,
              struct tg_asked *secret)
{
    struct stat st;
    int fd, rc;

    if (file == NULL || strcmp(file, "-") == 0)
        return take(STDIN_FILENO, "standard input", secret);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tg_say_failed("cannot read %s: %s", file, strerror(errno));
    if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
        tg_say_note(cli,
                    "tollgate: others than its owner can read %s: "
                    "chmod 600 %s",
                    file, file);
    rc = take(fd, file, secret);
    close(fd);
    return rc;
}
