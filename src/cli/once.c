#include "once.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "say.h"
#include "up_programs.h"

#define WORDS_MAX 12

static const char *
folder_of(const struct tg_cli *cli)
{
    const char *folder = tg_args_value(cli, "home");

    if (folder == NULL)
        folder = getenv("TOLLGATE_HOME");
    return folder == NULL || *folder == '\0' ? "./var" : folder;
}

int
tg_once_home(const struct tg_cli *cli, struct tg_up_home *home, bool make)
{
    return tg_up_home_open(home, folder_of(cli), make) == 0 ? TG_EXIT_OK
                                                            : TG_EXIT_FAILED;
}

bool
tg_once_has_home(const struct tg_cli *cli)
{
    return access(folder_of(cli), F_OK) == 0;
}

/* In the child: words behind the program and its home. */
static void
become(const char *program, const char *home, const char *const *words)
{
    const char *argv[WORDS_MAX] = {program, "--home", home};
    size_t count = home != NULL ? 3 : 1;

    for (; *words != NULL && count + 1 < WORDS_MAX; words++)
        argv[count++] = *words;
    argv[count] = NULL;
    execv(program, (char *const *)argv);
    fprintf(stderr, "tollgate: cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

static bool
ended_well(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status);
}

int
tg_once_run(const struct tg_up_home *home, const char *const *words,
            json_t **object)
{
    char program[TG_PATH_SIZE];
    int ends[2];
    FILE *output;
    pid_t pid;

    *object = NULL;
    if (tg_up_programs_daemon(program) != 0)
        return TG_EXIT_FAILED;
    if (pipe(ends) != 0)
        return tg_say_failed("no pipe: %s", strerror(errno));
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        become(program, home != NULL ? home->paths.home : NULL, words);
    }
    close(ends[1]);
    output = fdopen(ends[0], "r");
    if (pid > 0 && output != NULL)
        *object = json_loadf(output, 0, NULL);
    if (output != NULL)
        fclose(output);
    else
        close(ends[0]);
    if (pid < 0)
        return tg_say_failed("cannot run %s: %s", program, strerror(errno));
    if (ended_well(pid) && *object != NULL)
        return TG_EXIT_OK;
    json_decref(*object);
    *object = NULL;
    return TG_EXIT_FAILED;
}
