#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "err.h"
#include "leak.h"
#include "members.h"
#include "own.h"
#include "shapes.h"

static int
list_leak(void *arg, const struct tg_store_leak *row)
{
    tg_page_list_add(
        arg, row->id,
        json_pack("{s:s,s:s,s:o,s:s,s:o,s:s,s:o,s:o,s:b,s:b,s:o}", "object",
                  "leak", "id", row->id, "at", tg_reply_instant(row->at),
                  "key_id", row->key_id, "secret_id",
                  tg_reply_text(row->secret_id), "source", row->source, "place",
                  tg_reply_text(row->place), "url", tg_reply_text(row->url),
                  "was_in_force", row->was_in_force, "disabled", row->is_shut,
                  "replaced_by", tg_reply_text(row->replaced_by)));
    return 0;
}

void
tg_admin_leak_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct tg_page_list list = {.data = NULL};
    struct tg_store_page page;
    const char *key_id;
    int err;

    if (!tg_request_page(request, reply, "leak_", &page))
        return;
    list.limit = page.limit++;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (tg_own_key(request, store, reply, &key_id)) {
        list.data = json_array();
        err = store->leaks->each(store, key_id, page.after, page.limit,
                                 list_leak, &list);
        tg_page_list_reply(&list, reply, store, err);
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static bool
read_find(const struct tg_request *request, struct tg_reply *reply,
          struct tg_leak_find *find)
{
    const char *token = NULL;

    *find = (struct tg_leak_find){.source = "operator", .place = "", .url = ""};
    if (!tg_members_only(reply, request->body, "", "token place url disable") ||
        !tg_members_text(reply, request->body, "token", 1, 512, &token) ||
        !tg_members_text(reply, request->body, "place", 0, 200, &find->place) ||
        !tg_members_text(reply, request->body, "url", 0, TG_LEAK_TEXT_MAX,
                         &find->url) ||
        !tg_members_bool(reply, request->body, "disable", &find->shuts))
        return false;
    find->token = (struct tg_str){token, strlen(token)};
    return true;
}

/* What is said of the token never has the token in it. */
void
tg_admin_leak_report(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_leak_find find;
    struct tg_leak_result result;
    json_t *key = NULL;
    int err;

    if (!read_find(request, reply, &find))
        return;
    err = tg_leak_take(request, &find, &result);
    if (err != 0) {
        tg_reply_store(reply, request->daemon->admin, err, "key");
        return;
    }
    if (result.is_ours) {
        pthread_mutex_lock(&request->daemon->admin_lock);
        key = tg_admin_key_read(request, reply, result.key_id);
        pthread_mutex_unlock(&request->daemon->admin_lock);
        if (key == NULL)
            return;
        reply->etag[0] = '\0';
    }
    tg_reply_json(reply, 200,
                  json_pack("{s:s,s:b,s:s,s:o?,s:o,s:b,s:b,s:b}", "object",
                            "leak.report", "found", result.is_ours,
                            "token_hash", result.hash, "key", key, "secret_id",
                            tg_reply_text(result.secret_id), "was_in_force",
                            result.was_in_force, "disabled", result.is_shut,
                            "is_new", result.is_new));
}
