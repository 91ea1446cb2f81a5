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
read_unseen(int fd, const char *prompt, char *data, size_t cap,
            const sigset_t *waiting)
{
    struct termios before, quiet;
    ssize_t n;
    int err;

    if (tcgetattr(fd, &before) != 0)
        return -1;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(fd, TCSAFLUSH, &quiet);
    fputs(prompt, stderr);
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
ask(int fd, const char *prompt, char *data, size_t cap)
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
    n = read_unseen(fd, prompt, data, cap, &before);
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
        len = ask(fd, "Secret (nothing is shown): ", secret->data,
                  sizeof(secret->data));
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

static int
read_answers(struct tg_answers *answers, const char *file)
{
    bool is_stdin = strcmp(file, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    ssize_t len;

    if (fd < 0)
        return tg_say_failed("cannot read %s: %s", file, strerror(errno));
    len = read_all(fd, answers->text.data, TG_ASKED_MAX);
    if (!is_stdin)
        close(fd);
    if (len < 0 || len == TG_ASKED_MAX)
        return tg_say_failed("cannot take an answer from %s: %s", file,
                             len < 0 ? strerror(errno) : "it is too long");
    answers->text.data[len] = '\0';
    answers->next = answers->text.data;
    answers->is_read = true;
    return TG_EXIT_OK;
}

static int
next_line(struct tg_answers *answers, const char *file, struct tg_asked *line)
{
    size_t len;
    int rc = answers->is_read ? TG_EXIT_OK : read_answers(answers, file);

    if (rc != TG_EXIT_OK)
        return rc;
    len = strcspn(answers->next, "\n");
    memcpy(line->data, answers->next, len);
    line->data[len] = '\0';
    answers->next += len + (answers->next[len] == '\n');
    return TG_EXIT_OK;
}

static int
ask_terminal(const char *prompt, struct tg_asked *line)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), err;
    ssize_t len;

    if (fd < 0)
        return tg_say_failed("there is no terminal to ask on (%s): put the "
                             "answer into a file of your own, and name it "
                             "with --proof-file",
                             prompt);
    len = ask(fd, prompt, line->data, TG_ASKED_MAX);
    err = errno;
    close(fd);
    if (len < 0)
        return tg_say_failed("cannot ask on the terminal: %s", strerror(err));
    line->data[len] = '\0';
    return TG_EXIT_OK;
}

int
tg_ask_line(struct tg_answers *answers, const char *file, const char *prompt,
            bool may_be_empty, struct tg_asked *line)
{
    int rc;

    memset(line, 0, sizeof(*line));
    rc = file != NULL ? next_line(answers, file, line)
                      : ask_terminal(prompt, line);
    if (rc != TG_EXIT_OK)
        return rc;
    line->data[strcspn(line->data, "\r\n")] = '\0';
    if (*line->data != '\0' || may_be_empty)
        return TG_EXIT_OK;
    return tg_say_failed("nothing was given: %s", prompt);
}
