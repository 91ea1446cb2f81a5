/* Kubernetes: one key of the data of a Secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "sink_http.h"

#define DNS "abcdefghijklmnopqrstuvwxyz0123456789-."

/* "secret" or "namespace/secret". */
static bool
is_place(const char *place)
{
    const char *slash = strchr(place, '/');

    if (slash != NULL &&
        (slash == place || strspn(place, DNS) != (size_t)(slash - place)))
        return false;
    if (slash != NULL)
        place = slash + 1;
    return tg_sink_has_only(place, 253, DNS) && place[0] != '.' &&
           place[0] != '-';
}

struct object {
    char url[TG_SINK_URL_SIZE];
    char what[400];
};

static int
find(struct tg_sink_work *work, struct object *object)
{
    const char *slash = strchr(work->place, '/');
    const char *namespace = tg_sink_config(work, "namespace");
    const char *name = slash != NULL ? slash + 1 : work->place;
    int len = (int)strlen(namespace);

    if (slash != NULL) {
        namespace = work->place;
        len = (int)(slash - work->place);
    } else if (len == 0) {
        namespace = "default";
        len = 7;
    }
    snprintf(object->what, sizeof(object->what),
             "a Secret %.253s in the namespace %.*s (kubectl create secret "
             "generic makes one)",
             name, len > 63 ? 63 : len, namespace);
    return tg_sink_url(work, object->url, tg_sink_config(work, "url"),
                       "/api/v1/namespaces/%.*s/secrets/%s", len, namespace,
                       name);
}

static int
ask(struct tg_sink_work *work, const char *method, const struct object *object,
    json_t *body, json_t **answer)
{
    struct tg_sink_call call = {
        .method = method,
        .url = object->url,
        .bearer = tg_sink_credential(work, "token"),
        .type = body != NULL ? "application/merge-patch+json" : NULL,
        .json = body,
    };
    long status;
    int err;

    *answer = NULL;
    err = tg_sink_ask(work, &call, &status, answer);
    return err != 0 ? err
                    : tg_sink_status(work, object->url, status, object->what);
}

static int
write_secret(struct tg_sink_work *work)
{
    struct object object;
    char *value = tg_sink_base64(tg_secret_str(work->secret));
    json_t *answer = NULL;
    int err = find(work, &object);

    if (err == 0)
        err = ask(work, "PATCH", &object,
                  json_pack("{s:{s:s}}", "data", work->name,
                            value != NULL ? value : ""),
                  &answer);
    json_decref(answer);
    tg_sink_wipe(value);
    return err;
}

static int
read_secret(struct tg_sink_work *work, struct tg_secret *found)
{
    struct object object;
    json_t *answer = NULL;
    const char *value;
    int err = find(work, &object);

    if (err == 0)
        err = ask(work, "GET", &object, NULL, &answer);
    value = json_string_value(
        json_object_get(json_object_get(answer, "data"), work->name));
    if (err == 0 && !tg_sink_take_base64(found, value))
        err = tg_sink_fail(work, TG_ERR_NOT_FOUND,
                           "the Secret %s has no %s that is a key", work->place,
                           work->name);
    json_decref(answer);
    return err;
}

/* Every account may ask what it may. */
static int
ping(struct tg_sink_work *work)
{
    struct object object = {.what = "an API of Kubernetes"};
    struct tg_sink_call call = {
        .method = "POST",
        .url = object.url,
        .bearer = tg_sink_credential(work, "token"),
        .type = "application/json",
        .json =
            json_pack("{s:s,s:s,s:{s:{s:s,s:s}}}", "apiVersion",
                      "authorization.k8s.io/v1", "kind",
                      "SelfSubjectAccessReview", "spec", "resourceAttributes",
                      "verb", "patch", "resource", "secrets"),
    };
    json_t *answer = NULL;
    long status;
    int err = tg_sink_url(work, object.url, tg_sink_config(work, "url"),
                          "/apis/authorization.k8s.io/v1/"
                          "selfsubjectaccessreviews");

    if (err == 0)
        err = tg_sink_ask(work, &call, &status, &answer);
    else
        json_decref(call.json);
    json_decref(answer);
    return err != 0 ? err
                    : tg_sink_status(work, object.url, status, object.what);
}

const struct tg_sink_kind tg_sink_kubernetes = {
    .name = "kubernetes",
    .config = "url namespace ca",
    .needed = "url",
    .credentials = "token",
    .more_credentials = "",
    .naming = TG_SINK_HAS_NAME,
    .place_is = "a Secret's name, or NAMESPACE/NAME",
    .is_place = is_place,
    .write = write_secret,
    .read = read_secret,
    .ping = ping,
};
