/* Google Secret Manager: a secret, of which each write adds a version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crc32c.h"
#include "err.h"
#include "sink_http.h"
#include "sink_oauth.h"

#define API "https://secretmanager.googleapis.com"
#define TOKENS "https://oauth2.googleapis.com/token"
#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define GRANT "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
#define LIFE_S 600

static bool
is_place(const char *place)
{
    return tg_sink_has_only(place, 255, TG_SINK_LETTERS "_-");
}

/* The operator's own word counts before what the key's file says. */
static const char *
token_url(struct tg_sink_work *work)
{
    const char *url = tg_sink_config(work, "token_url");

    if (*url == '\0')
        url = tg_sink_credential(work, "token_uri");
    return *url != '\0' ? url : TOKENS;
}

/* What the service account says of itself, signed: RFC 7523. */
static int
assertion(struct tg_sink_work *work, char **jwt)
{
    json_int_t now_s = tg_clock_wall_ms() / 1000;
    json_t *header =
        json_pack("{s:s,s:s,s:s}", "alg", "RS256", "typ", "JWT", "kid",
                  tg_sink_credential(work, "private_key_id"));
    json_t *claims =
        json_pack("{s:s,s:s,s:s,s:I,s:I}", "iss",
                  tg_sink_credential(work, "client_email"), "scope", SCOPE,
                  "aud", token_url(work), "iat", now_s, "exp", now_s + LIFE_S);
    int err = tg_sink_jwt(header, claims,
                          tg_sink_credential(work, "private_key"), jwt);

    json_decref(header);
    json_decref(claims);
    return err == 0 ? 0
                    : tg_sink_fail(work, TG_ERR_CRYPTO,
                                   "the sink's private_key is no RSA key: "
                                   "give the service account's JSON file as "
                                   "Google made it");
}

static int
log_in(struct tg_sink_work *work, char token[TG_SINK_TOKEN_SIZE])
{
    char *jwt = NULL, *form = NULL;
    int err = assertion(work, &jwt);

    if (err != 0)
        return err;
    if (asprintf(&form, "grant_type=%s&assertion=%s", GRANT, jwt) < 0) {
        form = NULL;
        err = tg_sink_fail(work, TG_ERR_SYSTEM, "out of memory");
    }
    if (err == 0)
        err = tg_sink_oauth(work, token_url(work), form, token);
    tg_sink_wipe(jwt);
    tg_sink_wipe(form);
    return err;
}

/* tail is what stands behind the secret's name, or, with no place, its list. */
static int
ask(struct tg_sink_work *work, const char *method, const char *tail,
    json_t *body, json_t **answer)
{
    const char *base = tg_sink_config(work, "url");
    const char *project = tg_sink_config(work, "project_id");
    char url[TG_SINK_URL_SIZE], token[TG_SINK_TOKEN_SIZE], what[400];
    struct tg_sink_call call = {
        .method = method,
        .url = url,
        .bearer = token,
        .type = body != NULL ? "application/json" : NULL,
        .json = body,
    };
    long status;
    int err = log_in(work, token);

    *answer = NULL;
    if (*project == '\0')
        project = tg_sink_credential(work, "project_id");
    snprintf(what, sizeof(what), "a secret %s in the project %s", work->place,
             project);
    if (err == 0)
        err = tg_sink_url(work, url, *base != '\0' ? base : API,
                          "/v1/projects/%s/secrets%s%s%s", project,
                          *work->place != '\0' ? "/" : "", work->place, tail);
    if (err == 0)
        err = tg_sink_ask(work, &call, &status, answer);
    else
        json_decref(body);
    explicit_bzero(token, sizeof(token));
    return err != 0 ? err : tg_sink_status(work, url, status, what);
}

static void
take_version(struct tg_sink_work *work, const json_t *answer)
{
    const char *name = json_string_value(json_object_get(answer, "name"));
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;

    if (slash != NULL && tg_sink_has_only(slash + 1, 20, "0123456789"))
        snprintf(work->version, sizeof(work->version), "%s", slash + 1);
}

/* Numbers of 64 bits are strings in Google's JSON. */
static json_t *
payload_of(const struct tg_sink_work *work)
{
    char *data = tg_sink_base64(tg_secret_str(work->secret)), crc[12];
    json_t *body;

    snprintf(crc, sizeof(crc), "%u",
             tg_crc32c(0, work->secret->data, work->secret->len));
    body = json_pack("{s:{s:s,s:s}}", "payload", "data",
                     data != NULL ? data : "", "dataCrc32c", crc);
    tg_sink_wipe(data);
    return body;
}

static int
write_secret(struct tg_sink_work *work)
{
    json_t *answer = NULL;
    int err = ask(work, "POST", ":addVersion", payload_of(work), &answer);

    if (err == 0)
        take_version(work, answer);
    json_decref(answer);
    return err;
}

static int
read_secret(struct tg_sink_work *work, struct tg_secret *found)
{
    const char *version = *work->version != '\0' ? work->version : "latest";
    json_t *answer = NULL;
    char tail[64];
    int err;

    snprintf(tail, sizeof(tail), "/versions/%.32s:access", version);
    err = ask(work, "GET", tail, NULL, &answer);
    if (err == 0 &&
        !tg_sink_take_base64(found,
                             json_string_value(json_object_get(
                                 json_object_get(answer, "payload"), "data"))))
        err = tg_sink_fail(work, TG_ERR_NOT_FOUND,
                           "the secret %s has no version that is a key",
                           work->place);
    json_decref(answer);
    return err;
}

static int
ping(struct tg_sink_work *work)
{
    json_t *answer = NULL;
    int err;

    work->place = "";
    err = ask(work, "GET", "?pageSize=1", NULL, &answer);
    json_decref(answer);
    return err;
}

const struct tg_sink_kind tg_sink_google = {
    .name = "google",
    .config = "project_id url token_url ca",
    .needed = "",
    .credentials = "client_email private_key",
    .more_credentials = "private_key_id project_id token_uri",
    .naming = TG_SINK_HAS_NO_NAME,
    .place_is = "a secret's name: letters, digits, '_' and '-'",
    .is_place = is_place,
    .write = write_secret,
    .read = read_secret,
    .ping = ping,
};
