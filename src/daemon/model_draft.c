#include "model_draft.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "draft_text.h"
#include "err.h"
#include "layout.h"
#include "members.h"
#include "price_text.h"
#include "route.h"
#include "service.h"
#include "service_draft.h"
#include "serving.h"

#define CONTEXT_TOKENS 131072 /* of a model nobody described */
#define OUTPUT_TOKENS 8192
#define TOKENS_MAX ((int64_t)1 << 32)

static int
take_known(void *arg, const struct tg_store_model *row)
{
    struct tg_model_draft *draft = arg;

    if (strcmp(row->name, draft->name) != 0)
        return 0;
    draft->is_known = true;
    draft->scopes = strdup(row->scopes);
    draft->row = *row;
    draft->row.name = draft->name;
    draft->row.scopes = draft->scopes;
    draft->row.upstream_ids = NULL;
    return 0;
}

static bool
read_name(struct tg_model_draft *draft, const json_t *body,
          struct tg_reply *reply)
{
    const char *name = NULL;

    if (!tg_members_text(reply, body, "id", 1, TG_MODEL_NAME_MAX, &name))
        return false;
    if (strlen(name) > TG_MODEL_NAME_MAX || strpbrk(name, "* ") != NULL)
        return tg_reply_invalid(reply, "id",
                                "a model's id has up to %d bytes and neither "
                                "'*' nor blanks",
                                TG_MODEL_NAME_MAX);
    strcpy(draft->name, name);
    return true;
}

static bool
read_scopes(struct tg_model_draft *draft, const json_t *body,
            struct tg_reply *reply)
{
    const json_t *list = NULL;

    if (!tg_members_texts(reply, body, "scopes", 16, tg_draft_scope, &list))
        return false;
    draft->has_scopes = list != NULL;
    if (list != NULL) {
        free(draft->scopes);
        draft->scopes = json_dumps(list, JSON_COMPACT);
        draft->row.scopes = draft->scopes;
    }
    return true;
}

static struct tg_str
name_of(const struct tg_model_draft *draft)
{
    return (struct tg_str){draft->name, strlen(draft->name)};
}

/* What a new model is for follows from its name, or what it is priced by. */
static void
guess_scopes(struct tg_model_draft *draft)
{
    uint32_t service = tg_service_scopes(name_of(draft));
    static const char *const guesses[] = {
        [TG_UNIT_IMAGE] = "[\"image\"]",
        [TG_UNIT_MILLISECOND] = "[\"audio\"]",
        [TG_UNIT_CHARACTER] = "[\"audio\"]",
        [TG_UNIT_CALL] = NULL,
    };
    uint32_t unit = draft->price.price.unit;

    if (draft->is_known || draft->has_scopes)
        return;
    if (service != 0)
        draft->row.scopes =
            service & TG_SCOPE_FILES ? "[\"files\"]" : "[\"fine_tuning\"]";
    else if (guesses[unit] != NULL)
        draft->row.scopes = guesses[unit];
}

static bool
read_rest(struct tg_model_draft *draft, const json_t *body,
          struct tg_reply *reply)
{
    struct tg_store_model *row = &draft->row;
    int64_t context = 0, output = 0, image = 0;
    const json_t *price = NULL;

    if (!tg_members_bool(reply, body, "development", &row->is_development) ||
        !tg_members_number(reply, body, "max_context_tokens", 1, TOKENS_MAX,
                           &context) ||
        !tg_members_number(reply, body, "max_output_tokens", 1, TOKENS_MAX,
                           &output) ||
        !tg_members_number(reply, body, "max_image_tokens", 1, TOKENS_MAX,
                           &image) ||
        !read_scopes(draft, body, reply) ||
        !tg_members_object(reply, body, "price", &price))
        return false;
    if (context != 0)
        row->max_context_tokens = context;
    if (output != 0)
        row->max_output_tokens = row->max_fim_tokens = output;
    if (image != 0)
        row->max_image_tokens = image;
    draft->has_price = price != NULL;
    draft->price.model = draft->name;
    draft->price.source = "admin API";
    if (price != NULL &&
        !tg_price_read(&draft->price.price, price, tg_clock_ms(), reply))
        return false;
    guess_scopes(draft);
    return price == NULL || draft->price.price.unit == TG_UNIT_CALL ||
           tg_service_scopes(name_of(draft)) == 0 ||
           tg_reply_invalid(reply, "price.unit",
                            "%s is priced by the unit call", draft->name);
}

bool
tg_model_draft_read(struct tg_model_draft *draft, struct tg_store *store,
                    const json_t *body, struct tg_reply *reply)
{
    int err;

    memset(draft, 0, sizeof(*draft));
    draft->row = (struct tg_store_model){
        .name = draft->name,
        .scopes = "[\"chat\",\"code\"]",
        .max_context_tokens = CONTEXT_TOKENS,
        .max_output_tokens = OUTPUT_TOKENS,
        .max_fim_tokens = OUTPUT_TOKENS,
        .created_at = tg_clock_ms(),
    };
    if (!tg_members_only(reply, body, "",
                         "id upstream upstreams scopes development "
                         "max_context_tokens max_output_tokens "
                         "max_image_tokens price") ||
        !read_name(draft, body, reply) ||
        !tg_service_draft_name(store, reply, draft->name))
        return false;
    err = store->ops->model_each(store, take_known, draft);
    if (err != 0)
        return tg_reply_store(reply, store, err, "model");
    return read_rest(draft, body, reply) &&
           tg_serving_read(store, body, reply, &draft->upstream_ids) &&
           tg_service_draft_serves(store, reply, draft->name,
                                   draft->upstream_ids);
}

int
tg_model_draft_put(const struct tg_model_draft *draft, struct tg_store *store)
{
    int err = store->ops->model_put(store, &draft->row);

    if (err == 0 && draft->upstream_ids != NULL)
        err = store->ops->model_serve(store, draft->name, draft->upstream_ids);
    if (err == 0 && draft->has_price)
        err = store->ops->price_put(store, &draft->price);
    return err;
}

void
tg_model_draft_release(struct tg_model_draft *draft)
{
    free(draft->upstream_ids);
    free(draft->scopes);
}

static int
count_model(void *arg, const struct tg_store_model *row)
{
    (void)row;
    ++*(size_t *)arg;
    return 0;
}

bool
tg_model_draft_fits(struct tg_store *store, size_t more, struct tg_reply *reply)
{
    size_t count = 0;
    int err = store->ops->model_each(store, count_model, &count);

    if (err != 0)
        return tg_reply_store(reply, store, err, "model");
    if (count + more <= TG_CATALOG_MODELS)
        return true;
    return tg_reply_error(reply, 409, "limit_reached", NULL,
                          "there is room for %d models, and this would make "
                          "it %zu: nothing was changed. Of a price list, "
                          "import what is used: --only PATTERN",
                          TG_CATALOG_MODELS, count + more);
}
