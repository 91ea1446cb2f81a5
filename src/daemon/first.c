#include "first.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "clock.h"
#include "err.h"
#include "id.h"
#include "route.h"

#define OWNER_NAME "owner"
#define FILLED "filled"

/* What a key of the kind "development" may use: the cheap ones. */
static bool
is_for_development(const char *name)
{
    static const char *const names[] = {
        "dall-e-2",
        "deepseek-flash",
        "deepseek-v4-flash",
        "gpt-4o-mini",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-tts",
        "gpt-image-1-mini",
        "sim-embed",
        "text-embedding-3-small",
        "tts-1",
        "whisper-1",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static int
add_default_account(struct tg_store *store, int64_t now_ms)
{
    char id[TG_ID_TEXT_SIZE];
    struct tg_store_account row = {
        .id = id,
        .name = "default",
        .plan = "",
        .status = "active",
        .verification = "verified",
        .billing = "postpaid",
        .created_at = now_ms,
    };
    int err = tg_id_mint(id, "acct_", tg_random);

    if (err == 0)
        err = store->ops->account_add(store, &row);
    return err == TG_ERR_DUPLICATE ? 0 : err;
}

static char *
scope_list(uint32_t scopes)
{
    json_t *list = json_array();
    char *text;

    for (uint32_t bit = 1; bit < TG_SCOPE_ALL; bit <<= 1) {
        const char *name =
            scopes & bit ? tg_scope_name((enum tg_scope)bit) : NULL;

        if (name != NULL)
            json_array_append_new(list, json_string(name));
    }
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

static int
add_model(struct tg_store *store, const struct tg_book_model *model,
          int64_t now_ms)
{
    char *scopes = scope_list(model->scopes);
    struct tg_store_model row = {
        .name = model->name,
        .scopes = scopes,
        .is_development = is_for_development(model->name),
        .max_context_tokens = model->max_context_tokens,
        .max_output_tokens = model->max_output_tokens,
        .max_fim_tokens = model->max_fim_tokens,
        .max_image_tokens = model->max_image_tokens,
        .created_at = now_ms,
    };
    int err = scopes ? store->ops->model_put(store, &row) : TG_ERR_SYSTEM;

    free(scopes);
    for (size_t i = 0; i < model->price_count && err == 0; i++) {
        struct tg_store_price price = {
            .model = model->name,
            .source = model->sources[i],
            .price = model->prices[i],
        };

        err = store->ops->price_put(store, &price);
    }
    return err;
}

static int
add_book(struct tg_store *store, int64_t now_ms)
{
    size_t count;
    const struct tg_book_model *models = tg_book_models(&count);
    int err = 0;

    for (size_t i = 0; i < count && err == 0; i++)
        err = add_model(store, &models[i], now_ms);
    if (err == 0)
        err = store->ops->meta_set(store, "currency", TG_BOOK_CURRENCY);
    return err;
}

/* The oldest owner there is, whatever it is called by now. */
static int
take_owner(void *arg, const struct tg_store_operator *row)
{
    char *id = arg;

    if (*id == '\0' && strcmp(row->role, "owner") == 0 &&
        strcmp(row->status, "active") == 0)
        strncpy(id, row->id, TG_ID_LEN);
    return 0;
}

/* A token that was seen before stays what it is. */
static int
add_owner(struct tg_store *store, const struct tg_digest *token, int64_t now_ms)
{
    char id[TG_ID_TEXT_SIZE] = {0}, token_id[TG_ID_TEXT_SIZE];
    struct tg_store_operator row = {.id = id,
                                    .name = OWNER_NAME,
                                    .role = "owner",
                                    .status = "active",
                                    .accounts = "[]",
                                    .created_at = now_ms};
    struct tg_store_access access = {.id = token_id,
                                     .digest = *token,
                                     .operator_id = id,
                                     .name = "admin.token",
                                     .last4 = "",
                                     .scopes = "[]",
                                     .account_id = "",
                                     .created_at = now_ms};
    int err = store->operators->each(store, NULL, 0, take_owner, id);

    if (err == 0 && *id == '\0') {
        err = tg_id_mint(id, "op_", tg_random);
        if (err == 0)
            err = store->operators->add(store, &row);
    }
    if (err == 0)
        err = tg_id_mint(token_id, "tok_", tg_random);
    if (err == 0)
        err = store->operators->token_add(store, &access);
    return err;
}

int
tg_first_is_done(struct tg_store *store, bool *is_done)
{
    char value[8];
    int err = store->ops->meta_get(store, FILLED, value, sizeof(value));

    if (err != 0 && err != TG_ERR_NOT_FOUND)
        return err;
    *is_done = err == 0;
    return 0;
}

int
tg_first_fill(struct tg_store *store, const struct tg_digest *owner,
              int64_t now_ms)
{
    bool is_done;
    int err = store->ops->begin(store);

    if (err != 0)
        return err;
    err = tg_first_is_done(store, &is_done);
    if (err == 0 && !is_done)
        err = add_default_account(store, now_ms);
    if (err == 0 && !is_done)
        err = add_book(store, now_ms);
    if (err == 0 && owner != NULL)
        err = add_owner(store, owner, now_ms);
    if (err == 0)
        err = store->ops->meta_set(store, FILLED, "1");
    if (err == 0)
        err = store->ops->commit(store);
    if (err != 0)
        store->ops->rollback(store);
    return err;
}
