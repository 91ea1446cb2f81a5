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

struct stat_line {
    char name[32];
    pid_t parent;
    pid_t group;
};

/* The name may hold spaces and parentheses: the last one ends it. */
static bool
read_stat(pid_t pid, struct stat_line *line)
{
    char text[512];

    if (read_proc(pid, "stat", text, sizeof(text)) <= 0) {
        return false;
    }
    const char *name = strchr(text, '(');
    char *end = strrchr(text, ')');
    if (name == NULL || end == NULL ||
        sscanf(end + 1, " %*c %d %d", &line->parent, &line->group) != 2) {
        return false;
    }
    *end = '\0';
    snprintf(line->name, sizeof(line->name), "%s", name + 1);
    return true;
}

static bool
is_child(const struct stat_line *line, pid_t parent)
{
    return line->parent == parent;
}

static bool
is_member(const struct stat_line *line, pid_t group)
{
    return line->group == group && (strcmp(line->name, "nginx") == 0 ||
                                    strcmp(line->name, "tollgated") == 0);
}

static size_t
find(bool (*is_it)(const struct stat_line *, pid_t), pid_t whose, pid_t *pids,
     size_t size)
{
    struct found found = {pids, size, 0};
    struct stat_line line;
    DIR *proc = opendir("/proc");
    pid_t pid;

    if (proc == NULL) {
        return 0;
    }
    while ((pid = next_process(proc)) != 0) {
        if (read_stat(pid, &line) && is_it(&line, whose)) {
            add(&found, pid);
        }
    }
    closedir(proc);
    return found.count;
}

size_t
tg_process_children(pid_t parent, pid_t *pids, size_t size)
{
    return find(is_child, parent, pids, size);
}

size_t
tg_process_members(pid_t group, pid_t *pids, size_t size)
{
    return find(is_member, group, pids, size);
}

bool
tg_process_is(pid_t pid, const char *start)
{
    char command[256];

    return read_proc(pid, "cmdline", command, sizeof(command)) > 0 &&
           strncmp(command, start, strlen(start)) == 0;
}
