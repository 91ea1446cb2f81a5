#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "new_file.h"
#include "own.h"
#include "plot_text.h"
#include "say.h"
#include "table.h"
#include "usage_ask.h"
#include "verdict.h"

#define PATH "/usage/plot"

/* What does not go with a picture. */
static const char *const others[] = {"csv", "fill", "wide"};

/* The format of a file by its name; NULL: none that can be drawn. */
static const char *
format_of(const char *name)
{
    const char *end = strrchr(name, '.');

    if (strcmp(name, "-") == 0)
        return "json";
    if (end != NULL && strcasecmp(end, ".png") == 0)
        return "png";
    return end != NULL && strcasecmp(end, ".svg") == 0 ? "svg" : NULL;
}

/* Four digits are enough for any; the gate says which sizes there are. */
static bool
read_size(const char *text, int *width, int *height)
{
    int end = 0;

    return strspn(text, "0123456789x") == strlen(text) &&
           sscanf(text, "%4dx%4d%n", width, height, &end) == 2 &&
           text[end] == '\0';
}

static int
refuse_others(const struct tg_cli *cli)
{
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (tg_args_has(cli, others[i]))
            return tg_say_usage(cli, "--plot does not go with --%s", others[i]);
    }
    return TG_EXIT_OK;
}

/* Appends the options that have no member. */
static int
find_target(struct tg_cli *cli, const char *format, char **target)
{
    const char *by = tg_args_value(cli, "by");
    const char *size = tg_args_value(cli, "size");
    int width = 1600, height = 1200, rc;
    char *more = NULL;

    if (size != NULL && !read_size(size, &width, &height))
        return tg_say_usage(cli,
                            "--size takes WIDTHxHEIGHT such as 1600x1200, not "
                            "\"%s\"",
                            size);
    if (asprintf(&more, "format=%s&width=%d&height=%d%s%s", format, width,
                 height, by != NULL ? "&by=" : "", by != NULL ? by : "") < 0)
        tg_own(NULL);
    rc = tg_usage_target(cli, PATH, more, target);
    free(more);
    return rc;
}

static int
show(struct tg_cli *cli, const char *target)
{
    struct tg_chart_copy copy;
    json_t *answer;
    int rc = tg_client_call(cli, "GET", target, NULL, &answer);

    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json) {
        tg_table_json(answer);
        json_decref(answer);
        return TG_EXIT_OK;
    }
    if (tg_chart_read(&copy, answer) == 0)
        tg_plot_text(cli, &copy.sheet);
    else
        rc = tg_say_failed("the gate's answer is not a plot; is it of another "
                           "version than this program?");
    tg_chart_release(&copy);
    return rc;
}

static bool
put_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static int
write_file(struct tg_cli *cli, const char *name, const char *bytes, size_t len)
{
    struct tg_new_file file;
    int rc = tg_new_file_open(&file, name);
    bool is_whole;

    if (rc != TG_EXIT_OK)
        return rc;
    is_whole = put_all(file.fd, bytes, len);
    if (!is_whole)
        rc = tg_say_failed("cannot write %s: %s", name, strerror(errno));
    if (tg_new_file_close(&file, is_whole) != TG_EXIT_OK)
        rc = TG_EXIT_FAILED;
    if (rc == TG_EXIT_OK)
        tg_say_note(cli, "wrote %s, %zu KB", name, (len + 999) / 1000);
    return rc;
}

static int
draw(struct tg_cli *cli, const char *target, const char *name)
{
    struct tg_exchange exchange = {
        .method = "GET", .target = target, .wants_bytes = true};
    int rc = tg_client_exchange(cli, &exchange);

    if (exchange.error != NULL)
        rc = tg_verdict_refuse(cli, exchange.error);
    else if (rc == TG_EXIT_OK)
        rc = write_file(cli, name, exchange.bytes, exchange.len);
    free(exchange.bytes);
    json_decref(exchange.answer);
    json_decref(exchange.error);
    return rc;
}

int
tg_usage_plot(struct tg_cli *cli)
{
    const char *name = tg_args_value(cli, "plot"), *format;
    char *target;
    int rc = refuse_others(cli);

    if (rc != TG_EXIT_OK)
        return rc;
    if (name == NULL)
        return tg_say_usage(cli, "--size is that of a picture: say where to "
                                 "with --plot FILE.png");
    format = format_of(name);
    if (format == NULL)
        return tg_say_usage(cli,
                            "--plot takes a file that ends in .png or .svg, "
                            "or - for this terminal, not \"%s\"",
                            name);
    rc = find_target(cli, format, &target);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = strcmp(name, "-") == 0 ? show(cli, target) : draw(cli, target, name);
    free(target);
    return rc;
}
