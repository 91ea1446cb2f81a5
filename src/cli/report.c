#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "verdict.h"

/* A report is composed by the daemon; here it is shown, or kept in a file. */

static const char *const formats[] = {"text", "markdown", "html",
                                      "png",  "json",     NULL};
static const char *const languages[] = {"en", "zh", NULL};

const struct tg_option tg_report_options[] = {
    {"at", "DATE", "a day of the period; without it the last that is over",
     TG_VALUE_TEXT, "at", NULL},
    {"timezone", "ZONE", "where days begin; UTC", TG_VALUE_TEXT, "timezone",
     NULL},
    {"account", "ACCOUNT", "only calls of this account: id or name",
     TG_VALUE_TEXT, "account", NULL},
    {"key", "ID", "only calls of this key", TG_VALUE_TEXT, "key", NULL},
    {"format", "FORMAT", "as FILE ends, or text", TG_VALUE_TEXT, NULL, formats},
    {"lang", "LANG", "en or zh; as LANG is set", TG_VALUE_TEXT, "lang",
     languages},
    {"output", "FILE", "write it there: .txt, .md, .html, .png, .json",
     TG_VALUE_TEXT, NULL, NULL},
    {0},
};

/* The format that a file's name asks for; NULL: none that is known. */
static const char *
format_of(const char *file)
{
    static const struct {
        const char *suffix, *format;
    } rows[] = {
        {".txt", "text"},          {".text", "text"}, {".md", "markdown"},
        {".html", "html"},         {".htm", "html"},  {".json", "json"},
        {".markdown", "markdown"}, {".png", "png"},
    };
    size_t len = strlen(file);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = strlen(rows[i].suffix);

        if (len > n && strcasecmp(file + len - n, rows[i].suffix) == 0)
            return rows[i].format;
    }
    return NULL;
}

static int
find_format(const struct tg_cli *cli, const char **format)
{
    const char *file = tg_args_value(cli, "output");
    const char *asked = tg_args_value(cli, "format");

    if (cli->is_json && asked != NULL && strcmp(asked, "json") != 0)
        return tg_say_usage(cli, "--json and --format %s exclude each other",
                            asked);
    *format = cli->is_json ? "json" : asked;
    if (*format == NULL && file != NULL) {
        *format = format_of(file);
        if (*format == NULL)
            return tg_say_usage(cli,
                                "the name %s does not say which format it is "
                                "to be: end it with .txt, .md, .html, .png or "
                                ".json, "
                                "or give --format",
                                file);
    }
    if (*format == NULL)
        *format = "text";
    if (strcmp(*format, "png") == 0 && cli->is_terminal &&
        (file == NULL || strcmp(file, "-") == 0))
        return tg_say_usage(cli,
                            "a terminal cannot show a PNG: name a file with "
                            "--output");
    return TG_EXIT_OK;
}

/* By the language that the terminal is set to. */
static bool
speaks_chinese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && *value != '\0')
            return strncmp(value, "zh", 2) == 0;
    }
    return false;
}

static int
fetch(struct tg_cli *cli, const char *period, const char *format,
      struct tg_exchange *exchange)
{
    char *path = NULL, *target;
    int rc;

    if (asprintf(&path, "/report?period=%s&format=%s%s", period, format,
                 !tg_args_has(cli, "lang") && speaks_chinese() ? "&lang=zh"
                                                               : "") < 0)
        tg_own(NULL);
    rc = tg_request_target(cli, path, &target);
    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    *exchange = (struct tg_exchange){
        .method = "GET", .target = target, .wants_bytes = true};
    rc = tg_client_exchange(cli, exchange);
    if (exchange->error != NULL)
        rc = tg_verdict_refuse(cli, exchange->error);
    json_decref(exchange->error);
    json_decref(exchange->answer);
    free(target);
    return rc;
}

/* To the end, or not at all: a file that was there stays when it fails. */
static int
save(const char *file, const char *bytes, size_t len)
{
    char *draft = NULL;
    FILE *out;
    int reason = 0;

    if (asprintf(&draft, "%s.%ld.tmp", file, (long)getpid()) < 0)
        tg_own(NULL);
    out = fopen(draft, "wxe");
    if (out == NULL || fwrite(bytes, 1, len, out) != len)
        reason = errno;
    if (out != NULL && fclose(out) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && rename(draft, file) != 0)
        reason = errno;
    if (reason != 0 && out != NULL)
        unlink(draft);
    free(draft);
    return reason == 0 ? TG_EXIT_OK
                       : tg_say_failed("%s cannot be written: %s", file,
                                       strerror(reason));
}

static int
give(struct tg_cli *cli, const char *bytes, size_t len)
{
    const char *file = tg_args_value(cli, "output");
    int rc;

    if (file != NULL && strcmp(file, "-") != 0) {
        rc = save(file, bytes, len);
        if (rc == TG_EXIT_OK)
            tg_say_note(cli, "The report is in %s.", file);
        return rc;
    }
    if (fwrite(bytes, 1, len, stdout) != len || fflush(stdout) != 0)
        return tg_say_failed("the report cannot be written: %s",
                             strerror(errno));
    return TG_EXIT_OK;
}

/* JSON as all commands print it. */
static void
indent(struct tg_exchange *exchange)
{
    json_t *object = json_loadb(exchange->bytes, exchange->len, 0, NULL);
    char *text = NULL, *dumped;

    if (object == NULL)
        return;
    dumped =
        tg_own(json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15)));
    if (asprintf(&text, "%s\n", dumped) < 0)
        tg_own(NULL);
    free(dumped);
    free(exchange->bytes);
    exchange->bytes = text;
    exchange->len = strlen(text);
    json_decref(object);
}

static int
show(struct tg_cli *cli, const char *period)
{
    struct tg_exchange exchange;
    const char *format = "text";
    int rc = find_format(cli, &format);

    if (rc == TG_EXIT_OK)
        rc = fetch(cli, period, format, &exchange);
    if (rc != TG_EXIT_OK)
        return rc;
    if (strcmp(format, "json") == 0)
        indent(&exchange);
    rc = give(cli, exchange.bytes, exchange.len);
    free(exchange.bytes);
    return rc;
}

int
tg_report_daily(struct tg_cli *cli)
{
    return show(cli, "daily");
}

int
tg_report_weekly(struct tg_cli *cli)
{
    return show(cli, "weekly");
}

int
tg_report_monthly(struct tg_cli *cli)
{
    return show(cli, "monthly");
}
