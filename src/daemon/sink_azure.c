/* Azure Key Vault: a secret, of which each write makes a version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "sink_http.h"
#include "sink_oauth.h"

#define LOGIN "https://login.microsoftonline.com"
#define SCOPE "https://vault.azure.net/.default"
#define API "api-version=7.4"

static bool
is_place(const char *place)
{
    return tg_sink_has_only(place, 127, TG_SINK_LETTERS "-");
}

static char *
form_of(struct tg_sink_work *work)
{
    const char *scope = tg_sink_config(work, "scope");
    char *id = tg_sink_escape(tg_sink_config(work, "client_id"));
    char *secret = tg_sink_escape(tg_sink_credential(work, "client_secret"));
    char *to = tg_sink_escape(*scope != '\0' ? scope : SCOPE), *form = NULL;

    if (id != NULL && secret != NULL && to != NULL &&
        asprintf(&form,
                 "grant_type=client_credentials&client_id=%s&client_secret=%s&"
                 "scope=%s",
                 id, secret, to) < 0)
        form = NULL;
    free(id);
    tg_sink_wipe(secret);
    free(to);
    return form;
}

static int
log_in(struct tg_sink_work *work, char token[TG_SINK_TOKEN_SIZE])
{
    const char *login = tg_sink_config(work, "login_url");
    char url[TG_SINK_URL_SIZE], *form = form_of(work);
    int err =
        tg_sink_url(work, url, *login != '\0' ? login : LOGIN,
                    "/%s/oauth2/v2.0/token", tg_sink_config(work, "tenant_id"));

    if (form == NULL)
        err = tg_sink_fail(work, TG_ERR_SYSTEM, "out of memory");
    if (err == 0)
        err = tg_sink_oauth(work, url, form, token);
    tg_sink_wipe(form);
    return err;
}

static int
ask(struct tg_sink_work *work, const char *method, const char *path,
    json_t *body, json_t **answer)
{
    char url[TG_SINK_URL_SIZE], token[TG_SINK_TOKEN_SIZE], what[200];
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
    snprintf(what, sizeof(what), "a secret %s", work->place);
    if (err == 0)
        err = tg_sink_url(work, url, tg_sink_config(work, "url"), "/%s" API,
                          path);
    if (err == 0)
        err = tg_sink_ask(work, &call, &status, answer);
    else
        json_decref(body);
    explicit_bzero(token, sizeof(token));
    return err != 0 ? err : tg_sink_status(work, url, status, what);
}

/* The version is the last part of the id, a URL. */
static void
take_version(struct tg_sink_work *work, const json_t *answer)
{
    const char *id = json_string_value(json_object_get(answer, "id"));
    const char *slash = id != NULL ? strrchr(id, '/') : NULL;

    if (slash != NULL && tg_sink_has_only(slash + 1, 64, TG_SINK_LETTERS))
        snprintf(work->version, sizeof(work->version), "%s", slash + 1);
}

static int
write_secret(struct tg_sink_work *work)
{
    char path[200];
    json_t *answer = NULL;
    int err;

    snprintf(path, sizeof(path), "secrets/%s?", work->place);
    err =
        ask(work, "PUT", path,
            json_pack("{s:s%,s:s}", "value", work->secret->data,
                      work->secret->len, "contentType", "API key, by tollgate"),
            &answer);
    if (err == 0)
        take_version(work, answer);
    json_decref(answer);
    return err;
}

static int
read_secret(struct tg_sink_work *work, struct tg_secret *found)
{
    char path[300];
    json_t *answer = NULL;
    int err;

    snprintf(path, sizeof(path), "secrets/%s/%s?", work->place, work->version);
    err = ask(work, "GET", path, NULL, &answer);
    if (err == 0 && !tg_sink_take(found, json_string_value(
                                             json_object_get(answer, "value"))))
        err = tg_sink_fail(work, TG_ERR_NOT_FOUND,
                           "the secret %s has no value that is a key",
                           work->place);
    json_decref(answer);
    return err;
}

static int
ping(struct tg_sink_work *work)
{
    json_t *answer = NULL;
    int err;

    work->place = "list";
    err = ask(work, "GET", "secrets?maxresults=1&", NULL, &answer);
    json_decref(answer);
    return err;
}

const struct tg_sink_kind tg_sink_azure = {
    .name = "azure",
    .config = "url tenant_id client_id login_url scope ca",
    .needed = "url tenant_id client_id",
    .credentials = "client_secret",
    .more_credentials = "",
    .naming = TG_SINK_HAS_NO_NAME,
    .place_is = "a secret's name: letters, digits and '-'",
    .is_place = is_place,
    .write = write_secret,
    .read = read_secret,
    .ping = ping,
};
