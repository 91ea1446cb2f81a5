#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "picture.h"

#define PROGRAM "tollgate-draw"
#define BYTES_MAX (64u << 20)
#define DEADLINE_MS 60000

/* What the program may see of our environment: none of it is a secret. */
static const char *const passed[] = {
    "PATH",         "FONTCONFIG_FILE", "FONTCONFIG_PATH",
    "ASAN_OPTIONS", "UBSAN_OPTIONS",   "LSAN_OPTIONS"};

#define PASSED (sizeof(passed) / sizeof(passed[0]))

static sem_t turns;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_turns(void)
{
    sem_init(&turns, 0, TG_CHART_AT_ONCE);
}

static void
take_turn(void)
{
    pthread_once(&once, init_turns);
    while (sem_wait(&turns) != 0)
        continue; /* a signal */
}

struct child {
    pid_t pid;
    int in, out; /* -1: closed */
    const char *text;
    size_t left;
    char *data;
    size_t len, cap;
};

static int
fail(char *why, size_t size, int err, const char *sentence)
{
    snprintf(why, size, "%s", sentence);
    return err;
}

/* Beside our own executable. */
static bool
find_program(char *path, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", path, size - sizeof(PROGRAM) - 1);

    if (len <= 0)
        return false;
    path[len] = '\0';
    strcpy(strrchr(path, '/') + 1, PROGRAM);
    if (access(path, X_OK) == 0)
        return true;
    snprintf(path, size, "/usr/lib/tollgate/" PROGRAM);
    return access(path, X_OK) == 0;
}

static void
make_environment(char *list[PASSED + 2], char *lines[PASSED])
{
    size_t n = 0;

    for (size_t i = 0; i < PASSED; i++) {
        const char *value = getenv(passed[i]);

        lines[i] = NULL;
        if (value != NULL &&
            asprintf(&lines[i], "%s=%s", passed[i], value) >= 0)
            list[n++] = lines[i];
    }
    list[n++] = (char *)"LC_ALL=C.UTF-8";
    list[n] = NULL;
}

static int
spawn(const char *path, pid_t *pid, int in, int out)
{
    char *argv[] = {(char *)PROGRAM, NULL}, *list[PASSED + 2], *lines[PASSED];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int err;

    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    /* Libraries say there what is nobody's concern, as that no cache can be
     * written; why it fails stands in its answer. */
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    make_environment(list, lines);
    err = posix_spawn(pid, path, &actions, &attributes, argv, list);
    for (size_t i = 0; i < PASSED; i++)
        free(lines[i]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return err == 0 ? 0 : TG_ERR_SYSTEM;
}

static void
close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int
start(struct child *child, const char *path)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1}, err = TG_ERR_SYSTEM;

    if (pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0)
        err = spawn(path, &child->pid, to[0], from[1]);
    close_end(&to[0]);
    close_end(&from[1]);
    child->in = to[1];
    child->out = from[0];
    if (err == 0) {
        fcntl(child->in, F_SETFL, O_NONBLOCK);
        fcntl(child->out, F_SETFL, O_NONBLOCK);
    }
    return err;
}

static void
give(struct child *child)
{
    ssize_t n = write(child->in, child->text, child->left);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        child->text += n;
        child->left -= (size_t)n;
    }
    if (n < 0 || child->left == 0)
        close_end(&child->in);
}

static bool
make_room(struct child *child)
{
    size_t cap = child->cap > 0 ? child->cap * 2 : 65536;
    char *grown;

    if (child->len < child->cap)
        return true;
    grown = cap <= BYTES_MAX ? realloc(child->data, cap) : NULL;
    if (grown == NULL)
        return false;
    child->data = grown;
    child->cap = cap;
    return true;
}

static bool
receive(struct child *child)
{
    ssize_t n;

    if (!make_room(child))
        return false;
    n = read(child->out, child->data + child->len, child->cap - child->len);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    child->len += (size_t)n;
    if (n == 0)
        close_end(&child->out);
    return true;
}

static int64_t
clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Both ways at once, until it has closed its end. */
static bool
converse(struct child *child)
{
    int64_t end_ms = clock_ms() + DEADLINE_MS, left_ms;

    while (child->out >= 0) {
        struct pollfd fds[] = {{.fd = child->out, .events = POLLIN},
                               {.fd = child->in, .events = POLLOUT}};

        left_ms = end_ms - clock_ms();
        if (left_ms <= 0 || (poll(fds, 2, (int)left_ms) < 0 && errno != EINTR))
            return false;
        if (fds[1].revents != 0)
            give(child);
        if (fds[0].revents != 0 && !receive(child))
            return false;
    }
    return true;
}

/* "ok 0\n" and the picture, or "error", a blank, and why. */
static int
read_answer(struct child *child, struct tg_chart_picture *picture, char *why,
            size_t size)
{
    char *end = child->len > 0 ? memchr(child->data, '\n', child->len) : NULL;

    if (end == NULL)
        return fail(why, size, TG_ERR_SYSTEM, PROGRAM " ended early");
    *end++ = '\0';
    if (strncmp(child->data, "error ", 6) == 0)
        return fail(why, size, TG_ERR_SYSTEM, child->data + 6);
    if (strncmp(child->data, "ok ", 3) != 0)
        return fail(why, size, TG_ERR_SYSTEM, PROGRAM " made no sense");
    picture->unknown = strtoul(child->data + 3, NULL, 10);
    picture->len = child->len - (size_t)(end - child->data);
    memmove(child->data, end, picture->len);
    picture->bytes = child->data;
    child->data = NULL;
    return 0;
}

static int
run(const char *text, struct tg_chart_picture *picture, char *why, size_t size)
{
    struct child child = {.text = text, .left = strlen(text)};
    char path[4096];
    bool is_whole;
    int status = 0, err;

    if (!find_program(path, sizeof(path)))
        return fail(why, size, TG_ERR_NOT_FOUND,
                    PROGRAM " is not beside the daemon: pictures need it");
    err = start(&child, path);
    is_whole = err == 0 && converse(&child);
    close_end(&child.in);
    close_end(&child.out);
    if (err == 0) {
        if (!is_whole)
            kill(child.pid, SIGKILL);
        while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    if (!is_whole)
        err = fail(why, size, TG_ERR_SYSTEM, PROGRAM " did not answer");
    else
        err = read_answer(&child, picture, why, size);
    free(child.data);
    return err;
}

static char *
question(const struct tg_chart_sheet *sheet, const struct tg_chart_form *form)
{
    json_t *json = json_pack(
        "{s:o,s:s,s:i,s:i,s:i}", "sheet", tg_chart_json(sheet), "format",
        form->format == TG_CHART_SVG ? "svg" : "png", "width", form->width,
        "height", form->height, "scale", form->scale);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    return text;
}

int
tg_chart_draw(const struct tg_chart_sheet *sheet,
              const struct tg_chart_form *form,
              struct tg_chart_picture *picture, char *why, size_t size)
{
    char *text;
    int err;

    *picture = (struct tg_chart_picture){0};
    if (!tg_chart_form_is_good(form))
        return fail(why, size, TG_ERR_RANGE, "the picture is too large");
    text = question(sheet, form);
    if (text == NULL)
        return fail(why, size, TG_ERR_SYSTEM, "there is no memory");
    take_turn();
    err = run(text, picture, why, size);
    sem_post(&turns);
    free(text);
    return err;
}
