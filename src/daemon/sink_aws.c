/* AWS Secrets Manager: a secret's text, or one member of a JSON object in it.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "err.h"
#include "sink_http.h"

#define TOKEN_SIZE 65

/* A name or an ARN. */
static bool
is_place(const char *place)
{
    return tg_sink_has_only(place, 512, TG_SINK_LETTERS "/_+=.@-:!");
}

/* What its __type or code says, without the namespace in front. */
static bool
is_type(const json_t *answer, const char *type)
{
    const char *text = json_string_value(json_object_get(answer, "__type"));
    const char *sharp = text != NULL ? strrchr(text, '#') : NULL;

    if (sharp != NULL)
        text = sharp + 1;
    return text != NULL && strcmp(text, type) == 0;
}

static int
say(struct tg_sink_work *work, const char *url, long status,
    const json_t *answer)
{
    char what[600];

    snprintf(what, sizeof(what), "a secret %s in this region", work->place);
    if (is_type(answer, "ResourceNotFoundException"))
        status = 404;
    if (is_type(answer, "ThrottlingException") ||
        is_type(answer, "LimitExceededException"))
        status = 429;
    if (is_type(answer, "AccessDeniedException") ||
        is_type(answer, "UnrecognizedClientException") ||
        is_type(answer, "InvalidSignatureException") ||
        is_type(answer, "ExpiredTokenException") ||
        is_type(answer, "MissingAuthenticationTokenException"))
        status = 403;
    if (is_type(answer, "ResourceExistsException"))
        status = 409;
    return tg_sink_status(work, url, status, what);
}

static int
ask(struct tg_sink_work *work, const char *action, json_t *body,
    json_t **answer)
{
    const char *base = tg_sink_config(work, "url");
    const char *region = tg_sink_config(work, "region");
    const char *session = tg_sink_credential(work, "session_token");
    char url[TG_SINK_URL_SIZE], target[96], usual[160], token[4096];
    struct tg_sink_call call = {
        .method = "POST",
        .url = url,
        .headers = {target},
        .type = "application/x-amz-json-1.1",
        .json = body,
        .sigv4 = {region, "secretsmanager",
                  tg_sink_credential(work, "access_key_id"),
                  tg_sink_credential(work, "secret_access_key")},
    };
    long status;
    int err;

    *answer = NULL;
    snprintf(usual, sizeof(usual), "https://secretsmanager.%.64s.amazonaws.com",
             region);
    snprintf(target, sizeof(target), "X-Amz-Target: secretsmanager.%s", action);
    snprintf(token, sizeof(token), "X-Amz-Security-Token: %s", session);
    if (*session != '\0')
        call.headers[1] = token;
    err = tg_sink_url(work, url, *base != '\0' ? base : usual, "/");
    if (err == 0)
        err = tg_sink_ask(work, &call, &status, answer);
    else
        json_decref(body);
    explicit_bzero(token, sizeof(token));
    return err != 0 ? err : say(work, url, status, *answer);
}

/* What the secret is now; "" where it has no value yet. */
static int
fetch(struct tg_sink_work *work, json_t **answer)
{
    json_t *body = json_pack("{s:s}", "SecretId", work->place);

    if (work->version[0] != '\0')
        json_object_set_new(body, "VersionId", json_string(work->version));
    return ask(work, "GetSecretValue", body, answer);
}

/* With a name, the text is an object, and its other members stay. */
static int
put_member(struct tg_sink_work *work, char **text)
{
    json_t *answer = NULL, *object = NULL;
    const char *now;
    int err = fetch(work, &answer);

    if (err != 0) {
        json_decref(answer);
        return err;
    }
    now = json_string_value(json_object_get(answer, "SecretString"));
    if (now != NULL)
        object = json_loads(now, JSON_REJECT_DUPLICATES, NULL);
    json_decref(answer);
    if (!json_is_object(object)) {
        json_decref(object);
        return tg_sink_fail(work, TG_ERR_FORMAT,
                            "the secret %s is no JSON object, so it has no "
                            "member %s: deliver without a name, to its whole "
                            "text",
                            work->place, work->name);
    }
    json_object_set_new(object, work->name,
                        json_stringn(work->secret->data, work->secret->len));
    *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return *text != NULL ? 0
                         : tg_sink_fail(work, TG_ERR_SYSTEM, "out of memory");
}

/* 32 to 64 characters; the same for the same delivery of the same text. */
static int
request_token(const struct tg_sink_work *work, const char *text,
              char token[TOKEN_SIZE])
{
    struct tg_digest digest;
    char *both;

    if (asprintf(&both, "%s\n%s", work->id, text) < 0)
        return TG_ERR_SYSTEM;
    tg_digest_of((struct tg_str){both, strlen(both)}, &digest);
    sodium_bin2hex(token, TOKEN_SIZE, digest.bytes, sizeof(digest.bytes));
    tg_sink_wipe(both);
    return 0;
}

static int
put(struct tg_sink_work *work, const char *text)
{
    char token[TOKEN_SIZE];
    const char *version;
    json_t *answer = NULL;
    int err;

    if (request_token(work, text, token) != 0)
        return tg_sink_fail(work, TG_ERR_SYSTEM, "out of memory");
    err = ask(work, "PutSecretValue",
              json_pack("{s:s,s:s,s:s}", "SecretId", work->place,
                        "SecretString", text, "ClientRequestToken", token),
              &answer);
    version = json_string_value(json_object_get(answer, "VersionId"));
    if (err == 0 && version != NULL)
        snprintf(work->version, sizeof(work->version), "%s", version);
    json_decref(answer);
    return err;
}

static int
write_secret(struct tg_sink_work *work)
{
    char *text = NULL;
    int err = 0;

    if (*work->name != '\0')
        err = put_member(work, &text);
    else if (asprintf(&text, "%.*s", (int)work->secret->len,
                      work->secret->data) < 0)
        return tg_sink_fail(work, TG_ERR_SYSTEM, "out of memory");
    if (err == 0)
        err = put(work, text);
    tg_sink_wipe(text);
    return err;
}

/* Whether the version that is read is the one that programs get. */
static bool
is_current(const json_t *answer)
{
    const json_t *stages = json_object_get(answer, "VersionStages"), *stage;
    size_t i;

    json_array_foreach((json_t *)stages, i, stage)
    {
        const char *text = json_string_value(stage);

        if (text != NULL && strcmp(text, "AWSCURRENT") == 0)
            return true;
    }
    return false;
}

static int
read_secret(struct tg_sink_work *work, struct tg_secret *found)
{
    json_t *answer = NULL, *object = NULL;
    const char *text;
    int err = fetch(work, &answer);

    text = json_string_value(json_object_get(answer, "SecretString"));
    if (err == 0 && *work->name != '\0' && text != NULL) {
        object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        text = json_string_value(json_object_get(object, work->name));
    }
    if (err == 0 && !is_current(answer))
        err = tg_sink_fail(work, TG_ERR_BUSY,
                           "the version that was written to %s is not its "
                           "current one: did somebody else write meanwhile?",
                           work->place);
    if (err == 0 && !tg_sink_take(found, text))
        err = tg_sink_fail(work, TG_ERR_NOT_FOUND,
                           "the secret %s has no text that is a key",
                           work->place);
    json_decref(object);
    json_decref(answer);
    return err;
}

static int
ping(struct tg_sink_work *work)
{
    json_t *answer = NULL;
    int err =
        ask(work, "ListSecrets", json_pack("{s:i}", "MaxResults", 1), &answer);

    json_decref(answer);
    return err;
}

const struct tg_sink_kind tg_sink_aws = {
    .name = "aws",
    .config = "region url ca",
    .needed = "region",
    .credentials = "access_key_id secret_access_key",
    .more_credentials = "session_token",
    .naming = TG_SINK_MAY_HAVE_NAME,
    .place_is = "a secret's name or ARN",
    .is_place = is_place,
    .write = write_secret,
    .read = read_secret,
    .ping = ping,
};
