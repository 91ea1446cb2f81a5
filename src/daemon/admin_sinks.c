#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "members.h"
#include "plural.h"
#include "shapes.h"
#include "sinks.h"
#include "sinks_draft.h"

#define NAME_CHARACTERS                                                        \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

struct walk {
    struct tg_store *store;
    struct tg_page_list list;
    json_t *one;
};

static int
count_key(void *arg, const struct tg_store_key_sink *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

static json_t *
sink_object(struct tg_store *store, const struct tg_store_sink *row)
{
    int places = 0;

    store->sinks->key_each(store, NULL, row->id, count_key, &places);
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:b,s:i,s:o,s:o}", "object", "sink",
                     "id", row->id, "name", row->name, "kind", row->kind,
                     "config", tg_reply_stored(row->config), "has_credentials",
                     row->sealed.len != 0, "places", places, "created_at",
                     tg_reply_instant(row->created_at), "changed_at",
                     tg_reply_instant(row->changed_at));
}

static int
list_sink(void *arg, const struct tg_store_sink *row)
{
    struct walk *walk = arg;

    tg_page_list_add(&walk->list, row->id, sink_object(walk->store, row));
    return 0;
}

static int
one_sink(void *arg, const struct tg_store_sink *row)
{
    struct walk *walk = arg;

    walk->one = sink_object(walk->store, row);
    return 0;
}

void
tg_admin_sink_list(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    struct tg_store_page page;
    int err;

    if (!tg_request_page(request, reply, "sink_", &page))
        return;
    walk.list.limit = page.limit;
    walk.list.data = json_array();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err =
        store->sinks->each(store, page.after, page.limit + 1, list_sink, &walk);
    tg_page_list_reply(&walk.list, reply, store, err);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* The object of one, for the caller to release; NULL with the reply made. */
static json_t *
read_sink(struct tg_request *request, struct tg_reply *reply,
          const char *id_or_name)
{
    struct tg_store *store = request->daemon->admin;
    struct walk walk = {.store = store};
    int err = store->sinks->get(store, id_or_name, one_sink, &walk);

    if (err != 0)
        tg_reply_store(reply, store, err, "sink");
    return walk.one;
}

void
tg_admin_sink_show(struct tg_request *request, struct tg_reply *reply)
{
    json_t *object;

    pthread_mutex_lock(&request->daemon->admin_lock);
    object = read_sink(request, reply, request->subject);
    if (object != NULL)
        tg_reply_json(reply, 200, object);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static bool
check_name(struct tg_reply *reply, const char *name)
{
    if (strspn(name, NAME_CHARACTERS) == strlen(name) &&
        strncmp(name, "sink_", 5) != 0)
        return true;
    return tg_reply_invalid(reply, "name",
                            "a sink's name has letters, digits, '.', '_' or "
                            "'-', and does not begin with sink_");
}

/* A sink as it shall be; config and sealed are owned. */
struct draft {
    struct tg_store_sink row;
    char id[TG_ID_TEXT_SIZE];
    char *config;
    struct tg_str sealed;
    bool has_credentials; /* they were said */
};

static void
release(struct draft *draft)
{
    free(draft->config);
    free((char *)draft->sealed.data);
}

/* What is asked for, but for its id and what is as it was. */
static bool
read_draft(struct draft *draft, struct tg_request *request,
           struct tg_reply *reply, const struct tg_sink_kind *kind, bool is_new)
{
    bool has_config = json_object_get(request->body, "config") != NULL;
    const json_t *config;
    json_t *credentials = NULL, *empty = json_object();
    bool is_fine = true;

    if (is_new || has_config) {
        is_fine = tg_sinks_draft_config(reply, request->body, kind, &config);
        if (is_fine)
            draft->config =
                json_dumps(config != NULL ? config : empty, JSON_COMPACT);
    }
    json_decref(empty);
    if (!is_fine ||
        !tg_sinks_draft_credentials(reply, request->body, kind, &credentials))
        return false;
    if (is_new && credentials == NULL && *kind->credentials != '\0')
        return tg_reply_invalid(reply, "credentials",
                                "a sink of the kind %s needs credentials: %s",
                                kind->name, kind->credentials);
    draft->has_credentials = credentials != NULL;
    is_fine = tg_sinks_seal(request->daemon, draft->row.id, credentials,
                            &draft->sealed) == 0;
    json_decref(credentials);
    return is_fine || tg_reply_error(reply, 500, "internal_error", NULL,
                                     "the credentials could not be sealed");
}

static void
create(struct tg_request *request, struct tg_reply *reply, struct draft *draft)
{
    struct tg_store *store = request->daemon->admin;
    int err;

    draft->row.config = draft->config;
    draft->row.sealed = draft->sealed;
    draft->row.created_at = draft->row.changed_at = tg_clock_ms();
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = tg_change_begin(request);
    if (err == 0)
        err = tg_change_end(
            request, store->sinks->add(store, &draft->row), draft->id,
            json_pack("{s:[n,s],s:[n,s],s:[n,o]}", "name", draft->row.name,
                      "kind", draft->row.kind, "config",
                      tg_reply_stored(draft->config)));
    if (err == TG_ERR_DUPLICATE)
        tg_reply_error(reply, 409, "already_exists", "name",
                       "there is a sink '%s' already", draft->row.name);
    else if (err != 0)
        tg_reply_store(reply, store, err, "sink");
    else
        tg_reply_json(reply, 201, sink_object(store, &draft->row));
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

void
tg_admin_sink_create(struct tg_request *request, struct tg_reply *reply)
{
    struct draft draft = {.config = NULL};
    const char *kind = NULL;

    if (!tg_members_only(reply, request->body, "",
                         "name kind config credentials") ||
        !tg_members_text(reply, request->body, "name", 1, 63,
                         &draft.row.name) ||
        !check_name(reply, draft.row.name) ||
        !tg_members_choice(reply, request->body, "kind", tg_sink_kinds, &kind))
        return;
    if (kind == NULL) {
        tg_reply_invalid(reply, "kind", "kind is missing; it is one of: %s",
                         tg_sink_kinds);
        return;
    }
    if (tg_id_mint(draft.id, "sink_", tg_random) != 0) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "the kernel gives no random bytes");
        return;
    }
    draft.row.id = draft.id;
    draft.row.kind = kind;
    if (read_draft(&draft, request, reply, tg_sink_kind(kind), true))
        create(request, reply, &draft);
    release(&draft);
}

/* Of one that is there: what was not said stays. */
static int
update_row(struct tg_request *request, struct draft *draft,
           const struct tg_sinks_loaded *loaded)
{
    struct tg_store *store = request->daemon->admin;
    int64_t hastened;
    int err = 0;

    if (draft->config == NULL)
        draft->config = json_dumps(loaded->config, JSON_COMPACT);
    if (!draft->has_credentials)
        err = tg_sinks_seal(request->daemon, loaded->id, loaded->credentials,
                            &draft->sealed);
    draft->row.config = draft->config;
    draft->row.sealed = draft->sealed;
    draft->row.changed_at = tg_clock_ms();
    if (err == 0)
        err = store->sinks->set(store, &draft->row);
    /* What waits for it may go now. */
    if (err == 0)
        err = store->sinks->delivery_hasten(store, NULL, loaded->id,
                                            tg_clock_ms(), &hastened);
    return err;
}

static void
update(struct tg_request *request, struct tg_reply *reply,
       const struct tg_sinks_loaded *loaded)
{
    struct tg_store *store = request->daemon->admin;
    struct draft draft = {.row.id = loaded->id};
    json_t *object, *details;
    int err = TG_ERR_FORMAT;

    if (read_draft(&draft, request, reply, loaded->kind, false)) {
        err = tg_change_begin(request);
        if (err == 0) {
            err = update_row(request, &draft, loaded);
            details = json_pack("{s:[O,o],s:[b,b]}", "config", loaded->config,
                                tg_reply_stored(draft.config),
                                "new_credentials", 0, draft.has_credentials);
            err = tg_change_end(request, err, loaded->id, details);
        }
        if (err != 0)
            tg_reply_store(reply, store, err, "sink");
    }
    release(&draft);
    object = err == 0 ? read_sink(request, reply, loaded->id) : NULL;
    if (object != NULL)
        tg_reply_json(reply, 200, object);
}

/* Loads the sink that is the subject; false with the reply made. */
static bool
load(struct tg_request *request, struct tg_reply *reply,
     struct tg_sinks_loaded *loaded)
{
    struct tg_store *store = request->daemon->admin;
    int err = tg_sinks_load(request->daemon, store, request->subject, loaded);

    if (err == TG_ERR_CRYPTO)
        return tg_reply_error(reply, 409, "not_readable", NULL,
                              "the sink's credentials do not open with this "
                              "home's master.key; delete the sink and add it "
                              "again");
    return err == 0 || tg_reply_store(reply, store, err, "sink");
}

void
tg_admin_sink_update(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_sinks_loaded loaded;

    if (!tg_members_only(reply, request->body, "", "config credentials"))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (load(request, reply, &loaded))
        update(request, reply, &loaded);
    tg_sinks_release(&loaded);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static void delete (struct tg_request *request, struct tg_reply *reply,
                    const json_t *object)
{
    struct tg_store *store = request->daemon->admin;
    const char *id = json_string_value(json_object_get(object, "id"));
    json_int_t places = json_integer_value(json_object_get(object, "places"));
    int err;

    if (places > 0) {
        tg_reply_error(reply, 409, "in_use", NULL,
                       "keys deliver to %lld place%s of this sink; take them "
                       "away first: tollgate keys deliver ID --remove SINK",
                       (long long)places, tg_plural(places));
        return;
    }
    err = tg_change_begin(request);
    if (err == 0)
        err = tg_change_end(
            request, store->sinks->remove(store, id), id,
            json_pack("{s:[O,n]}", "name", json_object_get(object, "name")));
    if (err != 0)
        tg_reply_store(reply, store, err, "sink");
    else
        tg_reply_json(reply, 200, json_incref((json_t *)object));
}

void
tg_admin_sink_delete(struct tg_request *request, struct tg_reply *reply)
{
    json_t *object;

    if (!tg_members_only(reply, request->body, "", ""))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    object = read_sink(request, reply, request->subject);
    if (object != NULL)
        delete (request, reply, object);
    json_decref(object);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

/* Without a place the sink is asked something; with one it is read there. */
static int
try_out(const struct tg_sinks_loaded *loaded, struct tg_sink_work *work)
{
    struct tg_secret found = {0};
    int err;

    if (*work->place == '\0')
        return loaded->kind->ping(work);
    err = loaded->kind->read(work, &found);
    tg_secret_wipe(&found);
    return err;
}

static void
test(struct tg_request *request, struct tg_reply *reply,
     const struct tg_sinks_loaded *loaded, const char *place, const char *name)
{
    struct tg_sink_work work = {
        .daemon = request->daemon,
        .config = loaded->config,
        .credentials = loaded->credentials,
        .place = place,
        .name = name,
        .id = "",
    };
    int64_t begun_ms = tg_clock_forward_ms();
    bool is_fine = try_out(loaded, &work) == 0;

    tg_reply_json(
        reply, 200,
        json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "object", "sink_test", "sink",
                  loaded->name, "sink_id", loaded->id, "status",
                  is_fine ? "ok" : "failed", "latency_ms",
                  (json_int_t)(tg_clock_forward_ms() - begun_ms), "message",
                  !is_fine         ? work.error.text
                  : *place == '\0' ? "it answers, and takes the credentials"
                                   : "a secret is there and can be read"));
}

void
tg_admin_sink_test(struct tg_request *request, struct tg_reply *reply)
{
    const char *place = "", *name = "";
    struct tg_sinks_loaded loaded;
    bool is_there;

    if (!tg_members_only(reply, request->body, "", "place name") ||
        !tg_members_text(reply, request->body, "place", 0, 512, &place) ||
        !tg_members_text(reply, request->body, "name", 0, 128, &name) ||
        !tg_change_note(request, reply, request->subject))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    is_there = load(request, reply, &loaded);
    pthread_mutex_unlock(&request->daemon->admin_lock);
    if (is_there && (*place == '\0' ||
                     tg_sinks_draft_place(reply, loaded.kind, place, name)))
        test(request, reply, &loaded, place, name);
    tg_sinks_release(&loaded);
}
