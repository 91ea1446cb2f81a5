#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "once.h"
#include "own.h"
#include "plural.h"
#include "say.h"
#include "table.h"

#define PAGE_ROWS 1000
#define WORDS 12

const struct tg_option tg_audit_list_options[] = {
    {"operator", "OPERATOR", "only what this one did: id or name",
     TG_VALUE_TEXT, "operator", NULL},
    {"action", "ACTION", "only this, such as key.create, or key for all of it",
     TG_VALUE_TEXT, "action", NULL},
    {"subject", "ID", "only what was done to this", TG_VALUE_TEXT, "subject",
     NULL},
    {"since", "WHEN", "from here: 15m, 168h, 7d, a date, an instant",
     TG_VALUE_WHEN, "since", NULL},
    {"until", "WHEN", "up to here, not included; now", TG_VALUE_WHEN, "until",
     NULL},
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

const struct tg_option tg_audit_verify_options[] = {
    {"offline", NULL, "ask no daemon: read the home's store", TG_VALUE_SWITCH,
     NULL, NULL},
    {"file", "FILE", "an exported log; asks no daemon", TG_VALUE_TEXT, NULL,
     NULL},
    {"head", "DIGEST", "an entry must have this digest, which you noted",
     TG_VALUE_TEXT, NULL, NULL},
    {"public-key", "KEY", "what it is signed with, which you noted",
     TG_VALUE_TEXT, NULL, NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"AT", "at", TG_CELL_WHEN, NULL, 0},
    {"OPERATOR", "operator", TG_CELL_TEXT, NULL, 24},
    {"ACTION", "action", TG_CELL_TEXT, NULL, 0},
    {"SUBJECT", "subject", TG_CELL_TEXT, NULL, 0},
    {"FROM", "ip", TG_CELL_TEXT, NULL, 0},
    {"CHANGED", "changed", TG_CELL_TEXT, NULL, 60},
    {"NUMBER", "number", TG_CELL_COUNT, NULL, 0},
    {0},
};

static const struct tg_column problem_columns[] = {
    {"NUMBER", "number", TG_CELL_COUNT, NULL, 0},
    {"PROBLEM", "message", TG_CELL_TEXT, NULL, 0},
    {0},
};

/* The names of what was changed; --json has from what to what. */
static void
add_changed(json_t *rows)
{
    json_t *row, *value;
    const char *name;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        char *text = NULL;
        size_t size;
        FILE *out = tg_own(open_memstream(&text, &size));
        const char *comma = "";

        json_object_foreach(json_object_get(row, "details"), name, value)
        {
            fprintf(out, "%s%s", comma, name);
            comma = ", ";
        }
        if (fclose(out) != 0)
            tg_own(NULL);
        json_object_set_new(row, "changed", json_string(text));
        free(text);
    }
}

int
tg_audit_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/audit", list_columns, "There are no such entries.", true, 100};

    return tg_list_run_shaped(cli, &list, add_changed);
}

static int
ask_daemon(struct tg_cli *cli, json_t **check)
{
    const char *head = tg_args_value(cli, "head");
    char *escaped = tg_client_escape(head != NULL ? head : ""), *target = NULL;
    int rc;

    if (asprintf(&target, "/audit/verify%s%s", head != NULL ? "?head=" : "",
                 escaped) < 0)
        tg_own(NULL);
    rc = tg_client_call(cli, "GET", target, NULL, check);
    free(target);
    free(escaped);
    return rc;
}

/* A home is not needed for a file; its master key is, where there is one. */
static int
ask_nobody(struct tg_cli *cli, json_t **check)
{
    static const char *const options[][2] = {
        {"file", "--audit-file"},
        {"head", "--audit-head"},
        {"public-key", "--audit-key"},
    };
    const char *words[WORDS] = {"--verify-audit"};
    const char *file = tg_args_value(cli, "file");
    struct tg_up_home home;
    size_t count = 1;
    int rc;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *value = tg_args_value(cli, options[i][0]);

        if (value == NULL)
            continue;
        words[count++] = options[i][1];
        words[count++] = value;
    }
    if (file != NULL && !tg_once_has_home(cli))
        return tg_once_run(NULL, words, check);
    rc = tg_once_home(cli, &home, false);
    return rc == TG_EXIT_OK ? tg_once_run(&home, words, check) : rc;
}

static void
say_key(const struct tg_cli *cli, const json_t *check)
{
    const char *from = tg_noun_text(check, "public_key_from");

    if (strcmp(from, "file") == 0)
        tg_say_note(cli,
                    "The public key is the file's own word: compare %s with "
                    "the one you noted (--public-key)",
                    tg_noun_text(check, "public_key"));
    else if (*from == '\0')
        tg_say_note(cli, "No key is known here, so the signature was not "
                         "checked: --public-key");
}

static void
print_check(const struct tg_cli *cli, const json_t *check)
{
    const json_t *problems = json_object_get(check, "problems");
    long long count =
        json_integer_value(json_object_get(check, "problem_count"));
    long long entries = json_integer_value(json_object_get(check, "entries"));
    struct tg_table table;

    if (cli->is_json) {
        tg_table_json(check);
        return;
    }
    if (count > 0) {
        tg_table_init(&table, cli, problem_columns);
        tg_table_rows(&table, problems);
    }
    say_key(cli, check);
    if (cli->is_quiet)
        return;
    if (count == 0)
        printf("The audit log is as it was written: %lld entr%s.\n", entries,
               entries == 1 ? "y" : "ies");
    else
        printf("%lld problem%s in %lld entr%s.\n", count, tg_plural(count),
               entries, entries == 1 ? "y" : "ies");
    if (entries > 0)
        printf("Note for the next time: --head %s\n",
               tg_noun_text(json_object_get(check, "head"), "digest"));
}

int
tg_audit_verify(struct tg_cli *cli)
{
    bool is_offline = tg_args_has(cli, "offline") || tg_args_has(cli, "file");
    json_t *check = NULL;
    int rc;

    if (!is_offline && tg_args_has(cli, "public-key"))
        return tg_say_usage(cli, "--public-key is for --file and --offline: "
                                 "a daemon has its own");
    rc = is_offline ? ask_nobody(cli, &check) : ask_daemon(cli, &check);
    if (rc != TG_EXIT_OK)
        return rc;
    print_check(cli, check);
    rc = strcmp(tg_noun_text(check, "status"), "intact") == 0 ? TG_EXIT_OK
                                                              : TG_EXIT_FAILED;
    json_decref(check);
    return rc;
}

/* How far an export has come. */
struct export
{
    FILE *out;
    char *after; /* number of the last entry; NULL: none yet */
    long long count;
};

static bool
put_line(struct export *export, const json_t *line)
{
    return json_dumpf(line, export->out, JSON_COMPACT) == 0 &&
           putc('\n', export->out) != EOF;
}

static int
export_page(struct tg_cli *cli, struct export *export, bool *has_more)
{
    const char *after = export->after;
    json_t *page, *line;
    char *target = NULL;
    size_t i;
    int rc;

    if (asprintf(&target, "/audit/export?limit=%d%s%s", PAGE_ROWS,
                 after != NULL ? "&after=" : "",
                 after != NULL ? after : "") < 0)
        tg_own(NULL);
    rc = tg_client_call(cli, "GET", target, NULL, &page);
    free(target);
    if (rc != TG_EXIT_OK)
        return rc;
    json_array_foreach(json_object_get(page, "data"), i, line)
    {
        free(export->after);
        if (asprintf(&export->after, "%lld",
                     json_integer_value(json_object_get(line, "number"))) < 0)
            tg_own(NULL);
        export->count++;
        if (!put_line(export, line))
            rc = TG_EXIT_FAILED;
    }
    *has_more = json_is_true(json_object_get(page, "has_more"));
    json_decref(page);
    return rc;
}

/* All entries up to a checkpoint, which is the last line. */
static int
export_all(struct tg_cli *cli, struct export *export)
{
    bool has_more = true;
    json_t *head = NULL;
    int rc = TG_EXIT_OK;

    do {
        while (rc == TG_EXIT_OK && has_more)
            rc = export_page(cli, export, &has_more);
        json_decref(head);
        head = NULL;
        if (rc == TG_EXIT_OK)
            rc = tg_client_call(cli, "GET", "/audit/head", NULL, &head);
        /* Something was added meanwhile. */
        has_more = json_integer_value(json_object_get(head, "number")) >
                   (export->after ? strtoll(export->after, NULL, 10) : 0);
    } while (rc == TG_EXIT_OK && has_more);
    if (rc == TG_EXIT_OK &&
        !put_line(export, json_object_get(head, "checkpoint")))
        rc = TG_EXIT_FAILED;
    json_decref(head);
    return rc;
}

static int
export_to(struct tg_cli *cli, struct export *export, const char *name)
{
    int rc = export_all(cli, export);

    free(export->after);
    if (fflush(export->out) != 0 || ferror(export->out) ||
        (export->out != stdout && fsync(fileno(export->out)) != 0))
        return tg_say_failed("cannot write %s: %s", name, strerror(errno));
    return rc;
}

/* Under another name until it is whole. */
static int
export_file(struct tg_cli *cli, struct export *export, const char *name)
{
    char *partial = NULL;
    int rc;

    if (asprintf(&partial, "%s.partial", name) < 0)
        tg_own(NULL);
    umask(077);
    export->out = fopen(partial, "we");
    if (export->out == NULL) {
        rc = tg_say_failed("cannot write %s: %s", partial, strerror(errno));
        free(partial);
        return rc;
    }
    rc = export_to(cli, export, partial);
    fclose(export->out);
    if (rc == TG_EXIT_OK && rename(partial, name) != 0)
        rc = tg_say_failed("cannot name it %s: %s", name, strerror(errno));
    if (rc != TG_EXIT_OK)
        unlink(partial);
    free(partial);
    return rc;
}

int
tg_audit_export(struct tg_cli *cli)
{
    bool is_stdout = strcmp(cli->operand, "-") == 0;
    struct export export = {.out = stdout};
    int rc = is_stdout ? export_to(cli, &export, "standard output")
                       : export_file(cli, &export, cli->operand);

    if (rc == TG_EXIT_OK && !is_stdout)
        tg_say_note(cli, "%lld entr%s in %s.", export.count,
                    export.count == 1 ? "y" : "ies", cli->operand);
    return rc;
}
