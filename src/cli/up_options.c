#include "up_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "say.h"

struct row {
    const char *name;
    const char *argument;
    const char *help; /* NULL: common to all commands, not listed */
    char letter;
};

static const struct row rows[] = {
    {"home", "DIR", "where all state is; TOLLGATE_HOME, else ./var", 'h'},
    {"listen", "ADDR:PORT", "the address; TOLLGATE_LISTEN, else 127.0.0.1:8080",
     'l'},
    {"trusted-proxy", "CIDR,...",
     "whose X-Forwarded-For counts; repeat; TOLLGATE_TRUSTED_PROXIES", 't'},
    {"detach", NULL, "return when it is ready; it goes on by itself", 'd'},
    {"die-with-parent", NULL, "end when the calling process ends", 'p'},
    {"json", NULL, "print an object instead of text", 'j'},
    {"quiet", NULL, NULL, 'q'},
    {"no-color", NULL, NULL, 'n'},
    {"yes", NULL, NULL, 'y'},
    {"help", NULL, NULL, '?'},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static void
print_help(const char *verb, const char *accepts)
{
    printf("usage: tollgate %s [options]\n\n", verb);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char left[64];
        if (strchr(accepts, rows[i].letter) == NULL) {
            continue;
        }
        snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
                 rows[i].argument ? " " : "",
                 rows[i].argument ? rows[i].argument : "");
        printf("  %-22s %s\n", left, rows[i].help);
    }
}

static bool
add_proxies(struct tg_up_options *options, const char *list)
{
    char why[TG_PROXIES_WHY_SIZE];

    if (tg_proxies_add(&options->proxies, list, why) == 0) {
        return true;
    }
    tg_say_failed("%s", why);
    return false;
}

/* Says what is wrong, and gives the exit status. */
static int
set_option(struct tg_up_options *options, int letter)
{
    switch (letter) {
    case 'h':
        options->home = optarg;
        break;
    case 'l':
        options->listen = optarg;
        break;
    case 'd':
        options->is_detached = true;
        break;
    case 'p':
        options->dies_with_parent = true;
        break;
    case 'j':
        options->is_json = true;
        break;
    case 'q':
        options->is_quiet = true;
        break;
    case 't':
        return add_proxies(options, optarg) ? TG_EXIT_OK : TG_EXIT_USAGE;
    }
    return TG_EXIT_OK;
}

/* The rows that a verb takes, in getopt's form. */
static void
fill_longs(struct option *longs, const char *accepts)
{
    size_t count = 0;

    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].help && strchr(accepts, rows[i].letter) == NULL) {
            continue;
        }
        longs[count++] = (struct option){
            .name = rows[i].name,
            .has_arg = rows[i].argument ? required_argument : no_argument,
            .val = rows[i].letter == '?' ? 'H' : rows[i].letter,
        };
    }
    longs[count] = (struct option){0};
}

static int
refuse(const char *verb, const char *problem, const char *what)
{
    fprintf(stderr, "tollgate: %s %s\nTry: tollgate help %s\n", problem, what,
            verb);
    return TG_EXIT_USAGE;
}

static bool
scan(struct tg_up_options *options, const char *accepts, int argc, char **argv,
     int *exit_status)
{
    struct option longs[ROW_COUNT + 1];
    int letter;

    fill_longs(longs, accepts);
    optind = 0;
    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
        if (letter == 'H') {
            print_help(argv[0], accepts);
            *exit_status = TG_EXIT_OK;
            return false;
        }
        if (letter == ':') {
            *exit_status =
                refuse(argv[0], "a value is missing after", argv[optind - 1]);
            return false;
        }
        if (letter == '?') {
            *exit_status =
                refuse(argv[0], "there is no option", argv[optind - 1]);
            return false;
        }
        *exit_status = set_option(options, letter);
        if (*exit_status != TG_EXIT_OK) {
            return false;
        }
    }
    if (optind < argc) {
        *exit_status =
            refuse(argv[0], "nothing can be done with", argv[optind]);
        return false;
    }
    return true;
}

static const char *
choose(const char *option, const char *variable, const char *otherwise)
{
    const char *value = getenv(variable);

    if (option != NULL) {
        return option;
    }
    return value != NULL && *value ? value : otherwise;
}

/* The variable counts where no option was given. */
static bool
choose_proxies(struct tg_up_options *options, const char *accepts,
               int *exit_status)
{
    const char *list = getenv("TOLLGATE_TRUSTED_PROXIES");

    if (strchr(accepts, 't') == NULL || options->proxies.count > 0 ||
        list == NULL || *list == '\0') {
        return true;
    }
    *exit_status = TG_EXIT_USAGE;
    return add_proxies(options, list);
}

bool
tg_up_options_parse(struct tg_up_options *options, const char *accepts,
                    int argc, char **argv, int *exit_status)
{
    memset(options, 0, sizeof(*options));
    if (!scan(options, accepts, argc, argv, exit_status)) {
        return false;
    }
    options->home = choose(options->home, "TOLLGATE_HOME", "./var");
    options->listen =
        choose(options->listen, "TOLLGATE_LISTEN", "127.0.0.1:8080");
    return choose_proxies(options, accepts, exit_status);
}
