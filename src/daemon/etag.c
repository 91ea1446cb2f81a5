#include "etag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

#define TAG_BYTES 16

static json_t *
without_use(const json_t *key)
{
    static const char *const members[] = {"last_used_at", "secrets", "key"};
    static const char *const of_rotation[] = {"state", "ends_at", "old_secret",
                                              "begun_at"};
    json_t *copy = json_copy((json_t *)key), *rotation;

    /* A rotation that ends by itself is no change of anybody's. */
    rotation = json_copy(json_object_get(copy, "rotation"));
    for (size_t i = 0; i < sizeof(of_rotation) / sizeof(of_rotation[0]); i++)
        json_object_del(rotation, of_rotation[i]);
    json_object_set_new(copy, "rotation", rotation);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        json_object_del(copy, members[i]);
    return copy;
}

void
tg_etag_of(struct tg_reply *reply, const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    struct tg_digest digest;
    size_t len = 1;

    if (text == NULL)
        return;
    tg_digest_of((struct tg_str){text, strlen(text)}, &digest);
    free(text);
    reply->etag[0] = '"';
    for (size_t i = 0; i < TAG_BYTES; i++)
        len += (size_t)snprintf(reply->etag + len, sizeof(reply->etag) - len,
                                "%02x", digest.bytes[i]);
    snprintf(reply->etag + len, sizeof(reply->etag) - len, "\"");
}

void
tg_etag_of_key(struct tg_reply *reply, const json_t *key)
{
    json_t *copy = without_use(key);

    tg_etag_of(reply, copy);
    json_decref(copy);
}

void
tg_etag_of_shown(struct tg_reply *reply, const json_t *object)
{
    static const char *const members[] = {"health", "check", "last_error",
                                          "places", "next",  "last"};
    json_t *copy = json_copy((json_t *)object);

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        json_object_del(copy, members[i]);
    tg_etag_of(reply, copy);
    json_decref(copy);
}

/* Tags of a list, with blanks and commas between. */
static bool
is_named(const char *list, const char *tag)
{
    size_t len = strlen(tag);

    while (*list != '\0') {
        size_t n = strcspn(list, ", \t");

        if (n == len && memcmp(list, tag, n) == 0)
            return true;
        list += n;
        list += strspn(list, ", \t");
    }
    return false;
}

bool
tg_etag_matches(const struct tg_request *request, struct tg_reply *reply)
{
    const char *list = request->if_match;

    if (list == NULL || is_named(list, "*") ||
        (reply->etag[0] != '\0' && is_named(list, reply->etag)))
        return true;
    return tg_reply_error(reply, 412, "precondition_failed", NULL,
                          "it was changed since: its ETag is %s now. Read it "
                          "again, and decide anew",
                          reply->etag);
}
