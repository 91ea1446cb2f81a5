#include "leak.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "agenda.h"
#include "change.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "policy.h"

#define TOKEN_MAX 512 /* what is longer is no key of ours */

struct shutting {
    struct tg_store *store;
    int64_t now_ms;
    bool *was_open;
};

static int
shut(void *arg, const struct tg_store_key *row)
{
    const struct shutting *shutting = arg;
    struct tg_store_key changed = *row;
    int err;

    *shutting->was_open = strcmp(row->status, "disabled") != 0 &&
                          strcmp(row->status, "deleted") != 0;
    if (!*shutting->was_open)
        return 0;
    changed.status = "disabled";
    err = shutting->store->ops->key_end(shutting->store, row->id, "disabled",
                                        shutting->now_ms);
    return err != 0 ? err
                    : tg_agenda_change(shutting->store, row, &changed,
                                       shutting->now_ms);
}

int
tg_leak_shut(struct tg_store *store, const char *key_id, int64_t now_ms,
             bool *was_open)
{
    struct shutting shutting = {store, now_ms, was_open};

    return store->ops->key_get(store, key_id, shut, &shutting);
}

/* One report on its way through. */
struct taking {
    struct tg_request *request;
    struct tg_store *store;
    const struct tg_leak_find *find;
    struct tg_leak_result *result;
    int64_t now_ms, valid_until;
};

static int
take_owner(void *arg, const struct tg_store_owner *row)
{
    struct taking *taking = arg;

    snprintf(taking->result->key_id, TG_ID_TEXT_SIZE, "%s", row->key_id);
    snprintf(taking->result->secret_id, TG_ID_TEXT_SIZE, "%s", row->secret_id);
    taking->valid_until = row->valid_until;
    return 0;
}

static int
look_at_key(void *arg, const struct tg_store_key *row)
{
    struct taking *taking = arg;
    struct tg_leak_result *result = taking->result;
    bool is_open = strcmp(row->status, "active") == 0 ||
                   strcmp(row->status, "inactive") == 0;

    snprintf(result->account_id, TG_ID_TEXT_SIZE, "%s", row->account_id);
    result->was_in_force = is_open && (taking->valid_until == 0 ||
                                       taking->valid_until > taking->now_ms);
    result->is_shut = !is_open;
    return 0;
}

/* Whose it is; TG_ERR_NOT_FOUND. */
static int
find_owner(struct taking *taking)
{
    struct tg_store *store = taking->store;
    struct tg_digest digest;
    int err;

    tg_digest_of(taking->find->token, &digest);
    sodium_bin2hex(taking->result->hash, sizeof(taking->result->hash),
                   digest.bytes, sizeof(digest.bytes));
    if (taking->find->token.len > TOKEN_MAX)
        return TG_ERR_NOT_FOUND;
    err = store->leaks->owner(store, &digest, take_owner, taking);
    if (err == 0)
        err = store->ops->key_get(store, taking->result->key_id, look_at_key,
                                  taking);
    return err;
}

static int
add_event(void *arg, const struct tg_store_key *row)
{
    const struct taking *taking = arg;
    const struct tg_leak_find *find = taking->find;
    const struct tg_leak_result *result = taking->result;
    const char *url = *find->url != '\0' ? find->url : "a place nobody named";
    struct tg_event event = {
        .key_id = row->id,
        .account_id = row->account_id,
        .type = "leak_reported",
        .severity = "critical",
        .once = result->id,
        .evidence = json_pack(
            "{s:s,s:s,s:o,s:o,s:s,s:b,s:b}", "leak_id", result->id, "source",
            find->source, "place", tg_reply_text(find->place), "url",
            tg_reply_text(find->url), "secret_id", result->secret_id,
            "was_in_force", result->was_in_force, "disabled", result->is_shut),
    };

    return tg_event_tell(taking->store, &event, taking->now_ms,
                         "the key %s (%.100s) was found at %.200s, says %s; %s",
                         row->id, row->name, url, find->source,
                         result->is_shut ? "it is disabled"
                                         : "it is still in use");
}

static int
add_leak(struct taking *taking)
{
    const struct tg_leak_find *find = taking->find;
    struct tg_leak_result *result = taking->result;
    struct tg_store_leak row = {
        .id = result->id,
        .at = taking->now_ms,
        .key_id = result->key_id,
        .secret_id = result->secret_id,
        .source = find->source,
        .place = find->place,
        .url = find->url,
        .was_in_force = result->was_in_force,
        .is_shut = result->is_shut,
        .replaced_by = "",
    };
    int err = tg_id_mint(result->id, "leak_", tg_random);

    if (err == 0)
        err = taking->store->leaks->add(taking->store, &row, &result->is_new);
    if (err == 0 && result->is_new)
        err = taking->store->ops->key_get(taking->store, result->key_id,
                                          add_event, taking);
    if (!result->is_new)
        result->id[0] = '\0';
    return err;
}

/* Of what is told already and shut already, nothing is written. */
static int
write_down(struct taking *taking)
{
    struct tg_request *request = taking->request;
    struct tg_leak_result *result = taking->result;
    bool was_open = false;
    int err = tg_change_begin(request);
    json_t *details;

    if (err != 0)
        return err;
    if (result->was_in_force && taking->find->shuts)
        err = tg_leak_shut(taking->store, result->key_id, taking->now_ms,
                           &was_open);
    result->is_shut |= was_open;
    if (err == 0)
        err = add_leak(taking);
    if (err == 0 && !result->is_new && !was_open) {
        tg_change_end(request, TG_ERR_FORMAT, result->key_id, NULL);
        return 0;
    }
    details = json_pack("{s:s,s:o,s:o,s:b,s:b}", "source", taking->find->source,
                        "place", tg_reply_text(taking->find->place), "url",
                        tg_reply_text(taking->find->url), "was_in_force",
                        result->was_in_force, "disabled", was_open);
    err = tg_change_end(request, err, result->key_id, details);
    if (err == 0 && was_open)
        err = tg_policy_key(request->daemon, taking->store, result->key_id);
    return err;
}

int
tg_leak_take(struct tg_request *request, const struct tg_leak_find *find,
             struct tg_leak_result *result)
{
    struct taking taking = {.request = request,
                            .store = request->daemon->admin,
                            .find = find,
                            .result = result,
                            .now_ms = tg_clock_ms()};
    int err;

    memset(result, 0, sizeof(*result));
    pthread_mutex_lock(&request->daemon->admin_lock);
    err = find_owner(&taking);
    if (err == 0) {
        result->is_ours = true;
        err = write_down(&taking);
    } else if (err == TG_ERR_NOT_FOUND) {
        err = 0;
    }
    pthread_mutex_unlock(&request->daemon->admin_lock);
    return err;
}
