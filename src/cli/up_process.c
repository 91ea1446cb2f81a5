#include "up_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct found {
    pid_t *pids;
    size_t size;
    size_t count;
};

static void
add(struct found *found, pid_t pid)
{
    if (found->count < found->size) {
        found->pids[found->count] = pid;
    }
    found->count++;
}

/* The next folder of /proc that is a process; 0 at the end. */
static pid_t
next_process(DIR *proc)
{
    struct dirent *entry;

    while ((entry = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0) {
            return pid;
        }
    }
    return 0;
}

static ssize_t
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t len = read(fd, text, size - 1);
    close(fd);
    if (len >= 0) {
        text[len] = '\0';
    }
    return len;
}

/* The name in stat may hold spaces and parentheses: the last one ends it. */
static pid_t
parent_of(pid_t pid)
{
    char stat[512];
    int parent = 0;

    if (read_proc(pid, "stat", stat, sizeof(stat)) <= 0) {
        return 0;
    }
    const char *end = strrchr(stat, ')');
    if (end == NULL || sscanf(end + 1, " %*c %d", &parent) != 1) {
        return 0;
    }
    return parent;
}

size_t
tg_process_children(pid_t parent, pid_t *pids, size_t size)
{
    struct found found = {pids, size, 0};
    DIR *proc = opendir("/proc");
    pid_t pid;

    if (proc == NULL) {
        return 0;
    }
    while ((pid = next_process(proc)) != 0) {
        if (parent_of(pid) == parent) {
            add(&found, pid);
        }
    }
    closedir(proc);
    return found.count;
}

static bool
has_open(pid_t pid, const char *path)
{
    char folder[64];
    char target[4200];
    struct dirent *entry;
    bool is_found = false;

    snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
    DIR *fds = opendir(folder);
    if (fds == NULL) {
        return false;
    }
    while (!is_found && (entry = readdir(fds)) != NULL) {
        ssize_t len =
            readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);
        if (len > 0) {
            target[len] = '\0';
            is_found = strcmp(target, path) == 0;
        }
    }
    closedir(fds);
    return is_found;
}

size_t
tg_process_holders(const char *path, pid_t *pids, size_t size)
{
    struct found found = {pids, size, 0};
    DIR *proc = opendir("/proc");
    pid_t pid;

    if (proc == NULL) {
        return 0;
    }
    while ((pid = next_process(proc)) != 0) {
        if (has_open(pid, path)) {
            add(&found, pid);
        }
    }
    closedir(proc);
    return found.count;
}

bool
tg_process_is(pid_t pid, const char *start)
{
    char command[256];

    return read_proc(pid, "cmdline", command, sizeof(command)) > 0 &&
           strncmp(command, start, strlen(start)) == 0;
}
