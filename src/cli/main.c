#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "complete.h"
#include "help.h"
#include "own.h"
#include "say.h"

/* Objects may hold secrets: they are wiped as they are freed. */
static void
wipe_and_free(void *memory)
{
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static int64_t
unix_time_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
look_around(struct tg_cli *cli)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    cli->now_ms = unix_time_ms();
    cli->is_terminal = isatty(STDOUT_FILENO) == 1;
    cli->has_color = cli->is_terminal &&
                     (no_color == NULL || *no_color == '\0') &&
                     (term == NULL || strcmp(term, "dumb") != 0) &&
                     !tg_args_has(cli, "no-color");
}

/* The verb and its own options, as the handlers in up.h take them. */
static int
run_raw(const struct tg_cli *cli)
{
    char **argv = tg_own(calloc(2 * cli->arg_count + 2, sizeof(*argv)));
    char **owned = tg_own(calloc(cli->arg_count + 1, sizeof(*owned)));
    const struct tg_option *option;
    int argc = 0, rc;
    size_t i;

    argv[argc++] = (char *)cli->noun;
    for (i = 0; i < cli->arg_count; i++) {
        option = cli->args[i].option;
        if (tg_option_find(cli->command->options, option->name,
                           strlen(option->name)) == NULL)
            continue;
        if (asprintf(&owned[i], "--%s", option->name) < 0)
            tg_own(NULL);
        argv[argc++] = owned[i];
        if (cli->args[i].value != NULL)
            argv[argc++] = (char *)cli->args[i].value;
    }
    rc = cli->command->run_raw(argc, argv);
    for (i = 0; i < cli->arg_count; i++)
        free(owned[i]);
    free(owned);
    free(argv);
    return rc;
}

static int
run_request(struct tg_cli *cli)
{
    static const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    signal(SIGPIPE, SIG_IGN);
    json_set_alloc_funcs(malloc, wipe_and_free);
    return cli->command->run(cli);
}

static int
run(struct tg_cli *cli)
{
    if (cli->wants_version) {
        puts("tollgate " TG_VERSION);
        return TG_EXIT_OK;
    }
    if (cli->wants_help && cli->command != NULL &&
        (cli->command->verb != NULL || !tg_noun_has_verbs(cli->noun)))
        tg_help_command(stdout, cli->command);
    else if (cli->wants_help && cli->noun != NULL)
        tg_help_noun(stdout, cli->noun);
    else if (cli->wants_help)
        tg_help_all(stdout);
    else if (cli->noun == NULL)
        tg_help_all(stderr);
    else if (cli->command->run_raw != NULL)
        return run_raw(cli);
    else
        return run_request(cli);
    return cli->wants_help ? TG_EXIT_OK : TG_EXIT_USAGE;
}

/* A reader that left early, as head does, has what it wanted. */
static int
finish(int rc)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    if (errno == EPIPE)
        return rc;
    return tg_say_failed("cannot write the output: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
    struct tg_cli cli = {0};
    int rc;

    setlocale(LC_CTYPE, "C.UTF-8");
    if (argc > 1 && strcmp(argv[1], "help") == 0)
        return finish(tg_help_run(argc - 2, argv + 2));
    if (argc > 1 && strcmp(argv[1], "__complete") == 0)
        return finish(tg_complete_run(argc - 2, argv + 2));
    rc = tg_args_parse(&cli, argc, argv);
    if (rc == TG_EXIT_OK) {
        look_around(&cli);
        rc = run(&cli);
    }
    tg_client_close(cli.client);
    if (cli.token != NULL)
        explicit_bzero(cli.token, strlen(cli.token));
    free(cli.token);
    free(cli.args);
    free(cli.more);
    return finish(rc);
}
