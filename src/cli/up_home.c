#include "up_home.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nginxconf.h"
#include "say.h"
#include "up_process.h"

#define LEFTOVERS_MAX 256
#define LEFTOVERS_WAIT_MS 10000
#define LOCK_WAIT_MS 2000
#define POLL_MS 20

/* mkdir -p; folders that are made belong to us alone. */
static int
make_folder(const char *path)
{
    char part[TG_PATH_SIZE];

    if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = strchr(part + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return -1;
        }
        *slash = '/';
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static void
name_files(struct tg_up_home *home)
{
    const char *run = home->paths.run;

    snprintf(home->log_dir, sizeof(home->log_dir), "%s/log", home->paths.home);
    snprintf(home->log_file, sizeof(home->log_file), "%s/tollgate.log",
             home->log_dir);
    snprintf(home->url_file, sizeof(home->url_file), "%s/admin.url", run);
    snprintf(home->lock_file, sizeof(home->lock_file), "%s/up.lock", run);
    snprintf(home->children_file, sizeof(home->children_file),
             "%s/children.lock", run);
}

int
tg_up_home_open(struct tg_up_home *home, const char *folder, bool make)
{
    if (make && make_folder(folder) != 0) {
        return tg_say_failed("the home %s cannot be made: %s", folder,
                             strerror(errno));
    }
    char *real = realpath(folder, NULL);
    if (real == NULL) {
        return tg_say_failed("the home %s cannot be used: %s", folder,
                             strerror(errno));
    }
    int rc = tg_paths_init(&home->paths, real);
    bool is_safe = tg_nginx_conf_is_safe(real);
    free(real);
    if (rc != 0) {
        return tg_say_failed("the path of the home %s is too long", folder);
    }
    if (!is_safe) {
        return tg_say_failed("the path of the home %s has a character that "
                             "nginx cannot take: one of \" \\ $ * ? [",
                             folder);
    }
    name_files(home);
    return 0;
}

int
tg_up_home_make_folders(const struct tg_up_home *home)
{
    static const char *const names[] = {"run", "log", "nginx.d"};
    char path[TG_PATH_SIZE + 32];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", home->paths.home, names[i]);
        if (make_folder(path) != 0) {
            return tg_say_failed("%s cannot be made: %s", path,
                                 strerror(errno));
        }
    }
    return 0;
}

static pid_t
read_pid(int fd)
{
    char text[32] = "";

    if (pread(fd, text, sizeof(text) - 1, 0) <= 0) {
        return 0;
    }
    return (pid_t)strtol(text, NULL, 10);
}

/*
 * The child of a process that was killed while it started it has its lock
 * until it is another program, or has seen that its parent is gone.
 */
static bool
take_lock(int fd)
{
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0;
         waited_ms += POLL_MS) {
        pid_t pid = read_pid(fd);
        bool lives = pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);

        if (lives || waited_ms >= LOCK_WAIT_MS) {
            return false;
        }
        usleep(POLL_MS * 1000);
    }
    return true;
}

int
tg_up_lock(const struct tg_up_home *home)
{
    int fd = open(home->lock_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        tg_say_failed("%s cannot be opened: %s", home->lock_file,
                      strerror(errno));
        return -1;
    }
    if (!take_lock(fd)) {
        tg_say_failed("already running on %s, pid %d; to end it: tollgate down "
                      "--home %s",
                      home->paths.home, (int)read_pid(fd), home->paths.home);
        close(fd);
        return -1;
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
        tg_say_failed("%s cannot be written: %s", home->lock_file,
                      strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

/* Opens a lock file; *is_held says whether another process has its lock. */
static int
open_lock(const char *path, bool *is_held)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    *is_held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    return fd;
}

pid_t
tg_up_holder(const struct tg_up_home *home)
{
    bool is_held;
    int fd = open_lock(home->lock_file, &is_held);
    pid_t pid = is_held ? read_pid(fd) : 0;

    if (fd >= 0) {
        close(fd);
    }
    return pid;
}

bool
tg_up_is_gone(const struct tg_up_home *home)
{
    const char *const files[] = {home->lock_file, home->children_file};

    for (size_t i = 0; i < 2; i++) {
        bool is_held;
        int fd = open_lock(files[i], &is_held);
        if (fd >= 0) {
            close(fd);
        }
        if (is_held) {
            return false;
        }
    }
    return true;
}

static void
signal_group(pid_t group, int signal_number)
{
    pid_t pids[LEFTOVERS_MAX];
    size_t count = tg_process_members(group, pids, LEFTOVERS_MAX);

    for (size_t i = 0; i < count && i < LEFTOVERS_MAX; i++) {
        kill(pids[i], signal_number);
    }
}

/* The file names the process groups of all that was started. */
static void
signal_leftovers(const struct tg_up_home *home, int signal_number)
{
    FILE *groups = fopen(home->children_file, "re");
    int group;

    if (groups == NULL) {
        return;
    }
    while (fscanf(groups, "%d", &group) == 1) {
        signal_group(group, signal_number);
    }
    fclose(groups);
}

/* Ends what still holds the lock of the children; false when it stays. */
static bool
outwait_leftovers(const struct tg_up_home *home, int fd)
{
    fprintf(stderr, "tollgate: ending what an earlier run left\n");
    for (int waited_ms = 0; waited_ms < 2 * LEFTOVERS_WAIT_MS;
         waited_ms += POLL_MS) {
        if (waited_ms == 0) {
            signal_leftovers(home, SIGTERM);
        } else if (waited_ms == LEFTOVERS_WAIT_MS) {
            signal_leftovers(home, SIGKILL);
        }
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        usleep(POLL_MS * 1000);
    }
    return false;
}

int
tg_up_lock_children(const struct tg_up_home *home)
{
    int fd = open(home->children_file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
                  0600);

    if (fd < 0) {
        tg_say_failed("%s cannot be opened: %s", home->children_file,
                      strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && !outwait_leftovers(home, fd)) {
        tg_say_failed("processes of an earlier run do not end; their process "
                      "groups stand in %s",
                      home->children_file);
        close(fd);
        return -1;
    }
    if (ftruncate(fd, 0) != 0) {
        tg_say_failed("%s cannot be written: %s", home->children_file,
                      strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

void
tg_up_note_child(int children_fd, pid_t pid)
{
    if (dprintf(children_fd, "%d\n", (int)pid) < 0) {
        tg_say_failed("a process id cannot be noted: %s", strerror(errno));
    }
}
