/*
 * cli.h: what every command sees: the row that describes it, and the context
 * it runs in.
 *
 * A command is one row of the table in commands.c.  Parsing, help,
 * completion and the request to the admin API are all read off that row.
 */
#ifndef TG_CLI_H
#define TG_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes; product.md fixes them. */
enum tg_exit {
    TG_EXIT_OK = 0,
    TG_EXIT_FAILED = 1,      /* refused, or tried and failed */
    TG_EXIT_USAGE = 2,       /* the command line is wrong */
    TG_EXIT_UNREACHABLE = 3, /* nobody answers for the daemon */
};

/* What an option's argument is, and so what it becomes in a request. */
enum tg_value {
    TG_VALUE_SWITCH = 0, /* no argument; true */
    TG_VALUE_NONE,       /* no argument; null, which takes a member away */
    TG_VALUE_TEXT,
    TG_VALUE_WORDS,  /* one of the choices, or several with commas */
    TG_VALUE_COUNT,  /* a whole number from 0 */
    TG_VALUE_AMOUNT, /* a decimal string: money */
    TG_VALUE_MS,     /* milliseconds, or 500ms, 2s, 1m */
    TG_VALUE_DAYS,   /* whole days: 30, or 30d */
    TG_VALUE_WHEN,   /* 168h, 7d, a date, an instant; becomes RFC 3339 */
    TG_VALUE_LIST,   /* may be repeated; an array of texts */
    TG_VALUE_LABEL,  /* may be repeated; name=value, an object */
};

struct tg_option {
    const char *name;     /* without the dashes; NULL ends a table */
    const char *argument; /* as help shows it; NULL for a switch */
    const char *help;
    enum tg_value value;
    const char *member;         /* of the request, dots for depth; NULL: none */
    const char *const *choices; /* NULL: anything; ends with NULL */
};

struct tg_cli;

struct tg_command {
    const char *noun;    /* NULL ends the table */
    const char *verb;    /* NULL: the noun alone */
    const char *operand; /* "ID", or two: "ACCOUNT AMOUNT"; NULL: none; what
                            may be left out is in brackets: "[ID]"; any
                            number of them: "[ID]..." */
    const char *summary;
    const char *example;             /* what stands behind "tollgate " */
    const struct tg_option *options; /* NULL: none of its own */
    int (*run)(struct tg_cli *cli);
    int (*run_raw)(int argc, char **argv); /* instead of run */
};

/* One option as given; value is NULL for a switch. */
struct tg_arg {
    const struct tg_option *option;
    const char *value;
};

struct tg_client;

struct tg_cli {
    const struct tg_command *command; /* NULL until it is known */
    const char *noun;
    const char *operand;
    const char *second; /* operand; NULL unless the command takes two */
    const char **more;  /* further ones, where it takes any number */
    size_t more_count;
    struct tg_arg *args;
    size_t arg_count;
    char *token;              /* of --token; it is not in argv any more */
    struct tg_client *client; /* opened by the first request */
    int64_t now_ms;           /* Unix time */
    bool is_of_profile;       /* only the profile's token will do */
    bool is_json;
    bool is_quiet;
    bool is_yes;
    bool is_terminal; /* standard output is one */
    bool has_color;   /* on standard output */
    bool wants_help;
    bool wants_version;
};

extern const struct tg_command tg_commands[];
extern const struct tg_option tg_global_options[];

/* What help says in front of a noun's verbs; NULL when there is no such. */
const char *tg_noun_summary(const char *noun);

#endif
