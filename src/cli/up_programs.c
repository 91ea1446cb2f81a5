#include "up_programs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nginxconf.h"
#include "say.h"

#define MODULE "ngx_http_tollgate_module.so"
#define OPEN_FILES_MAX 1048576

/* Folder of our own executable. */
static int
own_folder(char *folder, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", folder, size - 1);

    if (len <= 0) {
        return -1;
    }
    folder[len] = '\0';
    *strrchr(folder, '/') = '\0';
    return 0;
}

/* The first of the folders (NULL ends them) that has name. */
static int
find_file(char *path, const char *name, int mode, const char *const *folders)
{
    for (; *folders; folders++) {
        int len = snprintf(path, TG_PATH_SIZE, "%s/%s", *folders, name);
        if (len < TG_PATH_SIZE && access(path, mode) == 0) {
            return 0;
        }
    }
    return -1;
}

int
tg_up_programs_daemon(char *path)
{
    char own[TG_PATH_SIZE - 64];

    if (own_folder(own, sizeof(own)) != 0) {
        return tg_say_failed("/proc/self/exe cannot be read: %s",
                             strerror(errno));
    }
    if (find_file(path, "tollgated", X_OK,
                  (const char *[]){own, "/usr/sbin", "/usr/bin", NULL}) != 0) {
        return tg_say_failed("tollgated is not beside this program, in %s; "
                             "build it: ninja -C %s tollgated",
                             own, own);
    }
    return 0;
}

static int
find_files(struct tg_up_programs *programs)
{
    char own[TG_PATH_SIZE - 64];

    if (tg_up_programs_daemon(programs->daemon_path) != 0) {
        return 1;
    }
    if (own_folder(own, sizeof(own)) != 0) {
        return 1;
    }
    if (find_file(programs->nginx_path, "nginx", X_OK,
                  (const char *[]){own, "/usr/sbin", "/usr/local/sbin",
                                   "/usr/bin", NULL}) != 0) {
        return tg_say_failed("nginx is not installed: run script/bootstrap, "
                             "or apt-get install nginx");
    }
    if (find_file(programs->module_path, MODULE, R_OK,
                  (const char *[]){own, "/usr/lib/nginx/modules", NULL}) != 0) {
        return tg_say_failed(MODULE " is not beside this program, in %s; "
                                    "build it: ninja -C %s",
                             own, own);
    }
    if (!tg_nginx_conf_is_safe(programs->module_path)) {
        return tg_say_failed("the path %s has a character that nginx cannot "
                             "take: one of \" \\ $ * ? [",
                             programs->module_path);
    }
    return 0;
}

/* Workers that root starts run as somebody with fewer rights. */
static int
choose_user(struct tg_up_programs *programs)
{
    static const char *const names[] = {"www-data", "nobody"};

    if (geteuid() != 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct passwd *user = getpwnam(names[i]);
        struct group *group = user ? getgrgid(user->pw_gid) : NULL;
        if (group != NULL) {
            programs->user = names[i];
            programs->group = strdup(group->gr_name);
            return 0;
        }
    }
    return tg_say_failed("there is no user www-data or nobody to run nginx's "
                         "workers as; start tollgate as an ordinary user");
}

static void
set_argv(struct tg_program *program, const char *const *words)
{
    size_t count = 0;

    for (; *words && count + 1 < sizeof(program->argv) / sizeof(char *);
         words++) {
        program->argv[count++] = (char *)*words;
    }
    program->argv[count] = NULL;
}

static void
set_env(struct tg_up_programs *programs)
{
    static const char *const names[] = {
        "PATH",          "TZ",
        "LANG",          "LC_ALL",
        "TMPDIR",        "ASAN_OPTIONS",
        "UBSAN_OPTIONS", "LSAN_OPTIONS",
        "LD_PRELOAD",    "LD_LIBRARY_PATH",
    };
    size_t count = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        char *entry;
        if (value != NULL && asprintf(&entry, "%s=%s", names[i], value) > 0) {
            programs->envp[count++] = entry;
        }
    }
    programs->envp[count] = NULL;
}

int
tg_up_programs_find(struct tg_up_programs *programs,
                    const struct tg_up_home *home)
{
    memset(programs, 0, sizeof(*programs));
    if (find_files(programs) != 0 || choose_user(programs) != 0) {
        return 1;
    }
    set_env(programs);
    snprintf(programs->conf_path, sizeof(programs->conf_path), "%s/nginx.conf",
             home->paths.run);
    snprintf(programs->nginx_log, sizeof(programs->nginx_log), "%s/nginx.log",
             home->log_dir);
    set_argv(&programs->daemon,
             (const char *[]){programs->daemon_path, "--home", home->paths.home,
                              "--die-with-parent",
                              programs->user ? "--worker-user" : NULL,
                              programs->user, NULL});
    set_argv(&programs->nginx,
             (const char *[]){programs->nginx_path, "-p", home->paths.run, "-c",
                              programs->conf_path, "-e", programs->nginx_log,
                              NULL});
    return 0;
}

void
tg_up_programs_release(struct tg_up_programs *programs)
{
    for (char **entry = programs->envp; *entry != NULL; entry++) {
        free(*entry);
    }
    free(programs->group);
    *programs = (struct tg_up_programs){0};
}

static unsigned long
open_files_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_max > OPEN_FILES_MAX) {
        return OPEN_FILES_MAX;
    }
    return limit.rlim_max;
}

int
tg_up_programs_configure(const struct tg_up_programs *programs,
                         const struct tg_up_run *run)
{
    const struct tg_nginx_conf conf = {
        .paths = &run->home->paths,
        .listen = run->listen->text,
        .proxies = run->proxies,
        .is_strict = run->is_strict,
        .module = programs->module_path,
        .user = programs->user,
        .group = programs->group,
        .open_files = open_files_max(),
    };

    if (tg_nginx_conf_write(&conf) != 0) {
        return tg_say_failed("nginx's configuration cannot be written to %s: "
                             "%s",
                             run->home->paths.run, strerror(errno));
    }
    return 0;
}
