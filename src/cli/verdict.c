#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "own.h"
#include "say.h"
#include "value.h"

/* The option that fills this member of the request, or NULL. */
static const struct tg_option *
option_of(const struct tg_cli *cli, const char *member)
{
    const struct tg_option *option = cli->command->options;
    size_t len;

    for (; option != NULL && option->name != NULL; option++) {
        if (option->member == NULL)
            continue;
        len = strlen(option->member);
        /* "scopes[1]" and "scopes.1" are about "scopes". */
        if (strncmp(option->member, member, len) == 0 &&
            (member[len] == '\0' || member[len] == '[' || member[len] == '.'))
            return option;
    }
    return NULL;
}

/* What to write for none of it, where the value that was refused says so. */
static char *
say_none(const struct tg_cli *cli, const struct tg_option *option)
{
    const char *value = tg_args_value(cli, option->name);
    bool is_zero = value != NULL && (*value == '\0' || strcmp(value, "0") == 0);
    bool has_away = tg_option_away(cli, option) != NULL;
    char *said = NULL;
    int len = 0;

    if (value != NULL && has_away && (is_zero || tg_value_means_none(value)))
        len = asprintf(&said, "; --no-%s takes it away", option->name);
    else if (value != NULL && !has_away && tg_value_means_none(value))
        len = asprintf(&said, "; or leave --%s out", option->name);
    else
        said = strdup("");
    return len < 0 ? tg_own(NULL) : tg_own(said);
}

int
tg_verdict_refuse(const struct tg_cli *cli, const json_t *error)
{
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *member = json_string_value(json_object_get(error, "param"));
    const struct tg_option *option;
    char *none;

    if (member == NULL || *member == '\0')
        return tg_say_failed("%s", message);
    option = option_of(cli, member);
    if (option == NULL)
        return tg_say_failed("%s (%s)", message, member);
    none = say_none(cli, option);
    tg_say_failed("%s (%s, option --%s)%s", message, member, option->name,
                  none);
    free(none);
    return TG_EXIT_FAILED;
}

static int
refuse_token(const struct tg_verdict *answer, const json_t *error)
{
    const char *code = json_string_value(json_object_get(error, "code"));

    if (answer->token_from == NULL)
        return tg_say_failed(
            "no token for %s: give one with --token or TOLLGATE_ADMIN_TOKEN, "
            "or set TOLLGATE_HOME to the home of a gate on this machine",
            answer->from);
    if (code != NULL && strcmp(code, "session_ended") == 0)
        return tg_say_failed("the session of %s has ended; log in again: "
                             "tollgate login OPERATOR",
                             answer->token_from);
    if (code != NULL && strcmp(code, "token_expired") == 0)
        return tg_say_failed("the token of %s has expired", answer->token_from);
    return tg_say_failed("%s does not know the token of %s", answer->from,
                         answer->token_from);
}

/* The daemon itself says 503 when its store fails; nginx, when it is gone. */
static bool
is_unreached(long status, const json_t *error)
{
    const char *code = json_string_value(json_object_get(error, "code"));

    return status == 502 || status == 504 ||
           (status == 503 &&
            (code == NULL || strcmp(code, "daemon_unavailable") == 0));
}

int
tg_verdict_read(const struct tg_verdict *answer, const char *data, size_t len,
                json_t **object)
{
    json_t *root = json_loadb(data != NULL ? data : "", len, 0, NULL);
    json_t *error = json_object_get(root, "error");
    int rc;

    if (!answer->is_login &&
        (answer->token_from == NULL || answer->status == 401))
        rc = refuse_token(answer, error);
    else if (is_unreached(answer->status, error))
        rc = tg_say_unreachable(
            "nginx answers at %s, but the daemon behind it does not (%ld). "
            "See \"tollgate status\"",
            answer->from, answer->status);
    else if (json_is_string(json_object_get(error, "message"))) {
        *answer->error = json_incref(error);
        rc = TG_EXIT_FAILED;
    } else if (answer->status >= 200 && answer->status < 300 &&
               json_is_object(root)) {
        *object = root;
        return TG_EXIT_OK;
    } else
        rc = tg_say_failed("what answers at %s is not a gate's admin API "
                           "(status %ld): check --admin-url",
                           answer->from, answer->status);
    json_decref(root);
    return rc;
}
