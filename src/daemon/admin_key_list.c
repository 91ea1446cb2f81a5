/*
 * Keys by page, chosen by what is asked for: one statement a page, however
 * many secrets they have.
 */
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "clock.h"
#include "draft_text.h"
#include "own.h"
#include "shapes.h"

#define LABEL_SIZE                                                             \
    640 /* a name of 64 and a text of 200 characters, escaped                  \
         */

struct list {
    struct tg_daemon *daemon;
    struct tg_page_list page;
    int64_t now_ms;
    struct tg_store_key_filter filter;
    char account_id[TG_ID_TEXT_SIZE];
    char label[LABEL_SIZE];
    /* The key whose secrets are still coming, borrowed; NULL: none. */
    json_t *one;
    struct tg_key_secrets secrets; /* its list is borrowed, too */
};

static bool
read_status(const struct tg_request *request, struct tg_reply *reply,
            struct list *list)
{
    static const char *const statuses[] = {"active", "inactive", "disabled",
                                           "expired", "deleted"};
    const char *status = tg_request_argument(request, "status");
    size_t i = 0, count = sizeof(statuses) / sizeof(statuses[0]);

    while (status != NULL && i < count && strcmp(status, statuses[i]) != 0)
        i++;
    if (i == count)
        return tg_reply_invalid(reply, "status",
                                "status is one of: active inactive disabled "
                                "expired deleted");
    list->filter.status = status;
    return true;
}

static bool
read_kind(const struct tg_request *request, struct tg_reply *reply,
          struct list *list)
{
    const char *kind = tg_request_argument(request, "kind");

    list->filter.kind = kind;
    return kind == NULL || strcmp(kind, "production") == 0 ||
           strcmp(kind, "development") == 0 ||
           strcmp(kind, "restricted") == 0 ||
           tg_reply_invalid(reply, "kind",
                            "kind is one of: production development "
                            "restricted");
}

/* Writes a text as JSON has it, and a ':'; false when there is no room. */
static bool
add_json(char *out, size_t *len, const char *text, size_t text_len)
{
    json_t *value = json_stringn(text, text_len);
    size_t room = LABEL_SIZE - *len - 2;
    size_t n =
        json_dumpb(value, out + *len, room, JSON_COMPACT | JSON_ENCODE_ANY);

    json_decref(value);
    if (n == 0 || n > room)
        return false;
    *len += n;
    out[(*len)++] = ':';
    return true;
}

/* NAME, or NAME=TEXT; a name has no '='. */
static bool
read_label(const struct tg_request *request, struct tg_reply *reply,
           struct list *list)
{
    const char *label = tg_request_argument(request, "label");
    const char *equals = label != NULL ? strchr(label, '=') : NULL;
    size_t len = 0;

    if (label == NULL)
        return true;
    if (!add_json(list->label, &len, label,
                  equals ? (size_t)(equals - label) : strlen(label)) ||
        (equals != NULL &&
         !add_json(list->label, &len, equals + 1, strlen(equals + 1))))
        return tg_reply_invalid(reply, "label",
                                "label is the name of a label, or NAME=TEXT");
    list->label[equals != NULL ? len - 1 : len] = '\0';
    list->filter.label = list->label;
    return true;
}

static bool
read_text(const struct tg_request *request, struct tg_reply *reply,
          const char *name, const char **text)
{
    const char *value = tg_request_argument(request, name);

    *text = value;
    return value == NULL ||
           (value[0] != '\0' && strlen(value) <= TG_STORE_NAME_BYTES) ||
           tg_reply_invalid(reply, name, "%s is a text of 1 to %d bytes", name,
                            TG_STORE_NAME_BYTES);
}

/* As expires_at of a key: a date, an instant, or 90d from now. */
static bool
read_end(const struct tg_request *request, struct tg_reply *reply,
         struct list *list)
{
    const char *text = tg_request_argument(request, "expires_before");

    return text == NULL ||
           tg_draft_expiry(text, list->now_ms, &list->filter.expires_before) ==
               0 ||
           tg_reply_invalid(reply, "expires_before",
                            "expires_before is a date such as 2027-01-31, an "
                            "instant, or a number of days from now such as "
                            "14d");
}

static bool
read_filter(const struct tg_request *request, struct tg_reply *reply,
            struct list *list)
{
    struct tg_store_key_filter *filter = &list->filter;

    if (!read_status(request, reply, list) ||
        !read_kind(request, reply, list) || !read_label(request, reply, list) ||
        !read_text(request, reply, "name", &filter->name) ||
        !read_text(request, reply, "owner", &filter->owner) ||
        !read_end(request, reply, list) ||
        !tg_request_instant(request, reply, "last_used_before",
                            &filter->used_before))
        return false;
    return tg_own_filter(request, request->daemon->admin, reply,
                         list->account_id, &filter->account_id);
}

/* By its counters; what its secrets are known for the store knows. */
static bool
was_used(void *arg, const char *id)
{
    struct list *list = arg;

    return tg_admin_key_used_at(list->daemon, id) >= list->filter.used_before;
}

/* Another secret of the key that came last. */
static void
add_secret(struct list *list, const struct tg_store_key *row,
           const struct tg_store_secret *secret)
{
    int64_t known_at = list->secrets.last_used_at;

    tg_key_secrets_add(&list->secrets, secret);
    tg_key_secrets_say(&list->secrets, row, list->one);
    if (list->secrets.last_used_at > known_at &&
        list->secrets.last_used_at >
            tg_admin_key_used_at(list->daemon, row->id))
        json_object_set_new(list->one, "last_used_at",
                            tg_reply_instant(list->secrets.last_used_at));
}

/* A key's secrets come one after the other. */
static int
take_row(void *arg, const struct tg_store_key *row,
         const struct tg_store_secret *secret)
{
    struct list *list = arg;

    if (list->one != NULL && strcmp(list->page.next, row->id) == 0) {
        if (secret != NULL)
            add_secret(list, row, secret);
        return 0;
    }
    list->secrets =
        (struct tg_key_secrets){.list = json_array(), .now_ms = list->now_ms};
    if (secret != NULL)
        tg_key_secrets_add(&list->secrets, secret);
    list->one =
        tg_admin_key_object(list->daemon, row, &list->secrets, list->now_ms);
    tg_page_list_add(&list->page, row->id, list->one);
    if (list->page.has_more)
        list->one = NULL;
    return 0;
}

void
tg_admin_key_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    struct list list = {.daemon = daemon, .now_ms = tg_clock_ms()};
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "key_", &page))
        return;
    list.filter.now_ms = list.now_ms;
    list.filter.was_used = was_used;
    list.filter.arg = &list;
    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->admin_lock);
    if (read_filter(request, reply, &list)) {
        list.page.limit = page.limit++;
        list.page.data = json_array();
        err = store->ops->key_list(store, &list.filter, &page, take_row, &list);
        tg_page_list_reply(&list.page, reply, store, err);
    }
    pthread_mutex_unlock(&daemon->admin_lock);
}
