/*
 * Goal: whoever reads a file that is changed sees the old text or the new one,
 * whatever the writer is killed at and whatever the disk says; mode and owner
 * stay.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "envfile.h"
#include "err.h"

#define OLD "# mine\nA=1\nKEY=old\n"
#define NEW "# mine\nA=1\nKEY=sk-tgp_NEW\n"

static char folder[] = "/tmp/tollgate-envfile-XXXXXX";
static char path[128], beside[128];

/* What happens at the nth call of one kind: 0 nothing, an errno, or a kill. */
static int calls_left = -1, failure; /* 0: a kill */
static const char *failing;          /* NULL: any call */

static bool
strikes(const char *call)
{
    if (calls_left < 0 || (failing != NULL && strcmp(failing, call) != 0) ||
        calls_left-- != 0)
        return false;
    if (failure == 0)
        kill(getpid(), SIGKILL);
    errno = failure;
    return true;
}

#define WRAP(call, type, failed, params, args)                                 \
    type __wrap_##call params;                                                 \
    type __real_##call params;                                                 \
    type __wrap_##call params                                                  \
    {                                                                          \
        return strikes(#call) ? failed : __real_##call args;                   \
    }

WRAP(write, ssize_t, -1, (int fd, const void *data, size_t len),
     (fd, data, len))
WRAP(fsync, int, -1, (int fd), (fd))
WRAP(fchmod, int, -1, (int fd, mode_t mode), (fd, mode))
WRAP(renameat, int, -1, (int a, const char *b, int c, const char *d),
     (a, b, c, d))
WRAP(unlinkat, int, -1, (int fd, const char *name, int flags),
     (fd, name, flags))

static void
put(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 ||
        chmod(path, mode) != 0)
        abort();
}

static void
is_file(const char *want, mode_t mode, const char *what)
{
    char got[256] = "";
    FILE *file = fopen(path, "r");
    struct stat st;

    if (file == NULL || fread(got, 1, sizeof(got) - 1, file) == 0 ||
        fstat(fileno(file), &st) != 0)
        abort();
    fclose(file);
    is_str(got, want, "%s", what);
    is_int(st.st_mode & 07777, mode, "%s: its mode", what);
}

static int
change(struct tg_fault *fault)
{
    struct tg_envfile file = {.path = path, .name = "KEY"};

    return tg_envfile_write(&file, TG_STR("sk-tgp_NEW"), fault);
}

/* Runs the change in a child that is killed at the nth of the calls. */
static bool
is_killed_at(int n)
{
    struct tg_fault fault;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        calls_left = n;
        failure = 0;
        failing = NULL;
        _exit(change(&fault) == 0 ? 0 : 1);
    }
    if (waitpid(pid, &status, 0) != pid)
        abort();
    return WIFSIGNALED(status);
}

static void
test_kills(void)
{
    struct tg_fault fault = {0, ""};
    char got[256];
    int n = 0, fd;
    ssize_t len;
    bool is_whole = true;

    put(OLD, 0640);
    for (; is_killed_at(n); n++) {
        fd = open(path, O_RDONLY);
        len = read(fd, got, sizeof(got) - 1);
        close(fd);
        got[len > 0 ? len : 0] = '\0';
        is_whole = is_whole && (strcmp(got, OLD) == 0 || strcmp(got, NEW) == 0);
        is_int(change(&fault), 0, "killed at call %d: the next one succeeds",
               n);
        is_file(NEW, 0640, "afterwards");
        ok(access(beside, F_OK) != 0, "and nothing is left beside it");
        put(OLD, 0640);
    }
    ok(n >= 6, "it was killed at %d calls", n);
    ok(is_whole, "and the file was always whole");
}

static const struct row {
    const char *call;
    int nth, failure;
} rows[] = {
    {"write", 0, ENOSPC}, {"write", 0, EIO},      {"fsync", 0, EIO},
    {"fsync", 0, ENOSPC}, {"fchmod", 0, EPERM},   {"renameat", 0, EBUSY},
    {"renameat", 0, EIO}, {"unlinkat", 0, EROFS},
};

static void
test_failures(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_fault fault = {0, ""};

        put(OLD, 0600);
        calls_left = rows[i].nth;
        failure = rows[i].failure;
        failing = rows[i].call;
        is_int(change(&fault), TG_ERR_SYSTEM, "%s fails", rows[i].call);
        calls_left = -1;
        ok(strstr(fault.text, strerror(rows[i].failure)) != NULL, "says: %s",
           fault.text);
        is_file(OLD, 0600, "the file is as it was");
        ok(access(beside, F_OK) != 0, "nothing is left beside it");
    }
}

static void
test_modes(void)
{
    struct tg_fault fault = {0, ""};
    struct tg_envfile file = {.path = path, .name = "KEY"};
    mode_t mode = 1;
    bool has = false;

    put(OLD, 0604);
    is_int(tg_envfile_check(&file, &mode, &fault), 0, "it may be changed");
    is_int(mode, 0604, "its mode is said");
    is_file(OLD, 0604, "and a check changes nothing");
    is_int(change(&fault), 0, "it is changed");
    is_file(NEW, 0604, "its mode stays");
    is_int(tg_envfile_has(&file, TG_STR("sk-tgp_NEW"), &has, &fault), 0,
           "read");
    ok(has, "the value is there");
    is_int(tg_envfile_has(&file, TG_STR("sk-tgp_NEX"), &has, &fault), 0,
           "read");
    ok(!has, "another one is not");
    unlink(path);
    is_int(tg_envfile_check(&file, &mode, &fault), 0, "a new one may be made");
    is_int(mode, 0, "it is not there yet");
    is_int(change(&fault), 0, "it is made");
    is_file("KEY=sk-tgp_NEW\n", 0600, "and nobody else's");
}

static void
test_links(void)
{
    struct tg_fault fault = {0, ""};
    struct tg_envfile file = {.path = path, .name = "KEY"};
    char real[160];
    struct stat st;
    mode_t mode;

    snprintf(real, sizeof(real), "%s/real", folder);
    put(OLD, 0600);
    if (rename(path, real) != 0 || symlink("real", path) != 0)
        abort();
    is_int(change(&fault), 0, "a link is followed");
    is_file(NEW, 0600, "to the file");
    ok(lstat(path, &st) == 0 && S_ISLNK(st.st_mode), "and stays a link");
    file.folder = folder;
    is_int(tg_envfile_check(&file, &mode, &fault), TG_ERR_SYSTEM,
           "below a folder it is not");
    unlink(path);
    if (link(real, path) != 0)
        abort();
    is_int(change(&fault), TG_ERR_SYSTEM, "a hard link is refused");
    ok(strstr(fault.text, "hard links") != NULL, "says: %s", fault.text);
    unlink(path);
    unlink(real);
}

static const struct place {
    const char *path; /* %s is the folder */
    bool is_fine;
} places[] = {
    {"%s/.env", true},
    {"%s/sub/.env", true},
    {"%s/../x/.env", false},
    {"%s/sub/../../.env", false},
    {"%s/link/.env", false},
    {"/etc/tollgate.env", false},
    {"%s-other/.env", false},
    {"%s/sub", false},
    {"%s/", false},
    {"%s/sub/..", false},
    {"%s/nowhere/.env", false},
};

static void
test_folder(void)
{
    char sub[64], elsewhere[64];

    snprintf(sub, sizeof(sub), "%s/sub", folder);
    snprintf(elsewhere, sizeof(elsewhere), "%s/link", folder);
    if (mkdir(sub, 0700) != 0 || symlink("/tmp", elsewhere) != 0)
        abort();
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char at[160];
        struct tg_envfile file = {.path = at, .name = "KEY", .folder = folder};
        struct tg_fault fault = {0, ""};
        mode_t mode;
        int err;

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(at, sizeof(at), places[i].path, folder);
        err = tg_envfile_check(&file, &mode, &fault);
        ok((err == 0) == places[i].is_fine, "%s: %s", places[i].path,
           fault.text);
    }
    unlink(elsewhere);
    rmdir(sub);
}

int
main(void)
{
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(path, sizeof(path), "%s/.env", folder);
    snprintf(beside, sizeof(beside), "%s/..env.tollgate-new", folder);
    test_kills();
    test_failures();
    test_modes();
    unlink(path);
    test_links();
    test_folder();
    unlink(path);
    rmdir(folder);
    return done();
}
