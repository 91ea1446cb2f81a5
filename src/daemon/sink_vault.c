/* HashiCorp Vault and OpenBao, KV version 2: one field of a secret. */
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "sink_http.h"

/* Segments of names, none of them empty or of dots alone. */
static bool
is_place(const char *place)
{
    const char *segment = place;

    if (!tg_sink_has_only(place, 255, TG_SINK_LETTERS "._-/"))
        return false;
    for (;;) {
        size_t len = strcspn(segment, "/");

        if (strspn(segment, ".") == len)
            return false;
        if (segment[len] == '\0')
            return true;
        segment += len + 1;
    }
}

static int
ask(struct tg_sink_work *work, const char *method, const char *path,
    json_t *body, long *status, json_t **answer)
{
    const char *namespace = tg_sink_config(work, "namespace");
    char url[TG_SINK_URL_SIZE], in[256], token[1024];
    struct tg_sink_call call = {
        .method = method,
        .url = url,
        .headers = {token, "X-Vault-Request: true"},
        .type = body != NULL ? "application/json" : NULL,
        .json = body,
    };
    int err;

    *answer = NULL;
    if (*namespace != '\0') {
        snprintf(in, sizeof(in), "X-Vault-Namespace: %s", namespace);
        call.headers[2] = in;
    }
    snprintf(token, sizeof(token), "X-Vault-Token: %s",
             tg_sink_credential(work, "token"));
    err = tg_sink_url(work, url, tg_sink_config(work, "url"), "/v1/%s", path);
    if (err == 0)
        err = tg_sink_ask(work, &call, status, answer);
    else
        json_decref(body);
    explicit_bzero(token, sizeof(token));
    return err;
}

static void
path_of(const struct tg_sink_work *work, char path[512])
{
    const char *mount = tg_sink_config(work, "mount");

    snprintf(path, 512, "%.200s/data/%s", *mount != '\0' ? mount : "secret",
             work->place);
}

static int
say(struct tg_sink_work *work, long status)
{
    char what[300];

    snprintf(what, sizeof(what), "the secret %s", work->place);
    return tg_sink_status(work, tg_sink_config(work, "url"), status, what);
}

/*
 * Its fields, for the caller to release, and its version, 0 where there is
 * none yet.  A version that was deleted has no fields, but counts.
 */
static int
fetch(struct tg_sink_work *work, json_t **fields, json_int_t *version)
{
    char path[512];
    json_t *answer, *data, *inner;
    long status;
    int err;

    path_of(work, path);
    err = ask(work, "GET", path, NULL, &status, &answer);
    if (err != 0)
        return err;
    data = json_object_get(answer, "data");
    inner = json_object_get(data, "data");
    *version = json_integer_value(
        json_object_get(json_object_get(data, "metadata"), "version"));
    if (status == 200 && json_is_object(inner))
        *fields = json_incref(inner);
    else if (status == 404)
        *fields = json_object();
    else
        err = status == 200 ? tg_sink_fail(work, TG_ERR_FORMAT,
                                           "%s answers, but not as KV version "
                                           "2 does: is the mount right?",
                                           tg_sink_config(work, "url"))
                            : say(work, status);
    json_decref(answer);
    return err;
}

/* Check-and-set: what somebody else wrote meanwhile is not written over. */
static int
store(struct tg_sink_work *work, json_t *fields, json_int_t version)
{
    json_t *body = json_pack("{s:{s:I},s:O}", "options", "cas", version, "data",
                             fields),
           *answer;
    char path[512];
    long status;
    int err;

    path_of(work, path);
    err = ask(work, "POST", path, body, &status, &answer);
    if (err != 0)
        return err;
    json_decref(answer);
    /* A version that is not the last one is answered with 400. */
    if (status == 400)
        return tg_sink_fail(work, TG_ERR_BUSY,
                            "Vault refuses the new version (400): was it "
                            "changed by somebody else meanwhile?");
    return say(work, status);
}

static int
write_secret(struct tg_sink_work *work)
{
    json_t *fields = NULL;
    json_int_t version = 0;
    int err = fetch(work, &fields, &version);

    if (err == 0) {
        json_object_set_new(
            fields, work->name,
            json_stringn(work->secret->data, work->secret->len));
        err = store(work, fields, version);
    }
    json_decref(fields);
    return err;
}

static int
read_secret(struct tg_sink_work *work, struct tg_secret *found)
{
    json_t *fields = NULL, *value;
    json_int_t version;
    int err = fetch(work, &fields, &version);

    value = json_object_get(fields, work->name);
    if (err == 0 && !tg_sink_take(found, json_string_value(value)))
        err = tg_sink_fail(work, TG_ERR_NOT_FOUND,
                           "the secret %s has no field %s that is a key",
                           work->place, work->name);
    json_decref(fields);
    return err;
}

static int
ping(struct tg_sink_work *work)
{
    json_t *answer;
    long status;
    int err =
        ask(work, "GET", "auth/token/lookup-self", NULL, &status, &answer);

    if (err != 0)
        return err;
    json_decref(answer);
    return tg_sink_status(work, tg_sink_config(work, "url"), status,
                          "an API of Vault");
}

const struct tg_sink_kind tg_sink_vault = {
    .name = "vault",
    .config = "url mount namespace ca",
    .needed = "url",
    .credentials = "token",
    .more_credentials = "",
    .naming = TG_SINK_HAS_NAME,
    .place_is = "a secret's path below the mount, as in app/prod",
    .is_place = is_place,
    .write = write_secret,
    .read = read_secret,
    .ping = ping,
};
