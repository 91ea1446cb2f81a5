#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "own.h"
#include "say.h"
#include "when.h"

static json_t *
member_value(const struct tg_arg *arg)
{
    int64_t ms;

    switch (arg->option->value) {
    case TG_VALUE_SWITCH:
        return json_true();
    case TG_VALUE_NONE:
        return json_null();
    case TG_VALUE_COUNT:
    case TG_VALUE_DAYS:
        return json_integer(strtoll(arg->value, NULL, 10));
    case TG_VALUE_MS:
        if (tg_duration_parse(arg->value, &ms))
            return json_integer(ms);
        return json_integer(strtoll(arg->value, NULL, 10));
    default:
        return json_string(arg->value);
    }
}

/* The object that holds the last part of a dotted member; *name is it. */
static json_t *
holder(json_t *root, const char *member, const char **name)
{
    const char *dot = strchr(member, '.');
    json_t *inner;
    char *first;

    *name = member;
    if (dot == NULL)
        return root;
    first = tg_own(strndup(member, (size_t)(dot - member)));
    inner = json_object_get(root, first);
    if (inner == NULL) {
        inner = json_object();
        json_object_set_new(root, first, inner);
    }
    free(first);
    *name = dot + 1;
    return inner;
}

static void
add_to_list(json_t *object, const char *name, json_t *value)
{
    json_t *list = json_object_get(object, name);

    if (list == NULL) {
        list = json_array();
        json_object_set_new(object, name, list);
    }
    json_array_append_new(list, value);
}

static void
add_label(json_t *object, const char *name, const char *text)
{
    json_t *labels = json_object_get(object, name);
    const char *equals = strchr(text, '=');
    char *label = tg_own(strndup(text, (size_t)(equals - text)));

    if (labels == NULL) {
        labels = json_object();
        json_object_set_new(object, name, labels);
    }
    json_object_set_new(labels, label, json_string(equals + 1));
    free(label);
}

json_t *
tg_request_body(const struct tg_cli *cli)
{
    json_t *root = tg_own(json_object()), *object;
    const struct tg_arg *arg = cli->args;
    const char *name;

    for (; arg < cli->args + cli->arg_count; arg++) {
        if (arg->option->member == NULL)
            continue;
        object = holder(root, arg->option->member, &name);
        if (arg->option->value == TG_VALUE_LIST)
            add_to_list(object, name, member_value(arg));
        else if (arg->option->value == TG_VALUE_LABEL)
            add_label(object, name, arg->value);
        else
            json_object_set_new(object, name, member_value(arg));
    }
    return root;
}

static int
query_value(const struct tg_cli *cli, const struct tg_arg *arg,
            char out[TG_WHEN_SIZE], const char **value)
{
    int64_t at_ms;

    *value = arg->option->value == TG_VALUE_SWITCH ? "true" : arg->value;
    if (arg->option->value == TG_VALUE_MS &&
        tg_duration_parse(arg->value, &at_ms)) {
        snprintf(out, TG_WHEN_SIZE, "%lld", (long long)at_ms);
        *value = out;
    }
    if (arg->option->value != TG_VALUE_WHEN)
        return TG_EXIT_OK;
    if (!tg_when_parse(arg->value, tg_args_value(cli, "timezone"), cli->now_ms,
                       &at_ms))
        return tg_say_usage(
            cli,
            "--%s takes 15m, 168h, 7d, a date or an instant such as "
            "2026-01-31T08:00:00Z, not \"%s\"",
            arg->option->name, arg->value);
    tg_instant_text(at_ms, out);
    *value = out;
    return TG_EXIT_OK;
}

static int
put_query(const struct tg_cli *cli, const char *before, FILE *out)
{
    const struct tg_arg *arg = cli->args;
    char when[TG_WHEN_SIZE], *escaped;
    const char *value;
    int rc;

    for (; arg < cli->args + cli->arg_count; arg++) {
        if (arg->option->member == NULL)
            continue;
        rc = query_value(cli, arg, when, &value);
        if (rc != TG_EXIT_OK)
            return rc;
        escaped = tg_client_escape(value);
        fprintf(out, "%s%s=%s", before, arg->option->member, escaped);
        free(escaped);
        before = "&";
    }
    return TG_EXIT_OK;
}

int
tg_request_target(const struct tg_cli *cli, const char *path, char **target)
{
    const char *zone = tg_args_value(cli, "timezone");
    char *text = NULL;
    size_t size;
    FILE *out;
    int rc;

    if (zone != NULL && !tg_zone_exists(zone))
        return tg_say_usage(cli,
                            "this machine knows no time zone \"%s\"; one "
                            "is named like Asia/Shanghai or UTC",
                            zone);
    out = tg_own(open_memstream(&text, &size));
    fputs(path, out);
    rc = put_query(cli, strchr(path, '?') != NULL ? "&" : "?", out);
    if (fclose(out) != 0)
        tg_own(NULL);
    if (rc != TG_EXIT_OK) {
        free(text);
        return rc;
    }
    *target = text;
    return TG_EXIT_OK;
}

char *
tg_request_path(const char *noun, const char *operand, const char *tail)
{
    char *escaped = tg_client_escape(operand), *path = NULL;

    if (asprintf(&path, "/%s/%s%s", noun, escaped, tail) < 0)
        tg_own(NULL);
    free(escaped);
    return path;
}
