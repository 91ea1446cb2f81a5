#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "say.h"

static const char *const units[] = {"image", "second", "character", "call",
                                    NULL};
static const char *const scopes[] = {"chat",        "code",       "image",
                                     "audio",       "embeddings", "files",
                                     "fine_tuning", NULL};

const struct tg_option tg_models_add_options[] = {
    {"upstream", "NAME", "who serves it; repeat for those after the first",
     TG_VALUE_LIST, "upstreams", NULL},
    {"prompt", "PRICE", "price of a million prompt tokens", TG_VALUE_AMOUNT,
     "price.prompt", NULL},
    {"completion", "PRICE", "price of a million completion tokens",
     TG_VALUE_AMOUNT, "price.completion", NULL},
    {"cache-hit", "PRICE", "of a million prompt tokens from cache; as prompt",
     TG_VALUE_AMOUNT, "price.prompt_cache_hit", NULL},
    {"cache-write", "PRICE", "of a million prompt tokens to cache; as prompt",
     TG_VALUE_AMOUNT, "price.prompt_cache_write", NULL},
    {"unit", "UNIT", "what else is priced: image, second, character or call",
     TG_VALUE_TEXT, "price.unit", units},
    {"unit-price", "PRICE", "price of one of these", TG_VALUE_AMOUNT,
     "price.unit_price", NULL},
    {"size", "SIZE=PRICE", "of an image of this size: \"hd 1024x1792=0.12\"",
     TG_VALUE_LABEL, "price.sizes", NULL},
    {"scope", "SCOPE", "what it is for; by its unit, else chat and code",
     TG_VALUE_LIST, "scopes", scopes},
    {"development", NULL, "development keys may use it", TG_VALUE_SWITCH,
     "development", NULL},
    {"max-output", "TOKENS", "the longest answer", TG_VALUE_COUNT,
     "max_output_tokens", NULL},
    {"max-context", "TOKENS", "prompt and answer together", TG_VALUE_COUNT,
     "max_context_tokens", NULL},
    {"max-image", "TOKENS", "of one image in a prompt; 49152", TG_VALUE_COUNT,
     "max_image_tokens", NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"MODEL", "id", TG_CELL_TEXT, NULL, 40},
    {"UPSTREAMS", "upstreams", TG_CELL_LIST, "none", 40},
    {"PROMPT/M", "price.prompt", TG_CELL_AMOUNT, "unpriced", 0},
    {"CACHE_HIT/M", "price.prompt_cache_hit", TG_CELL_AMOUNT, NULL, 0},
    {"COMPLETION/M", "price.completion", TG_CELL_AMOUNT, "unpriced", 0},
    {"UNIT", "price.unit", TG_CELL_TEXT, NULL, 0},
    {"PRICE/UNIT", "price.unit_price", TG_CELL_AMOUNT, NULL, 0},
    {"CONTEXT", "max_context_tokens", TG_CELL_COUNT, NULL, 0},
    {"OUTPUT", "max_output_tokens", TG_CELL_COUNT, NULL, 0},
    {"DEVELOPMENT", "development", TG_CELL_YES, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Upstreams, in their order", "upstreams", TG_CELL_LIST, "none", 0},
    {"Prompt, per million tokens", "price.prompt", TG_CELL_AMOUNT,
     "unpriced, so refused", 0},
    {"From cache", "price.prompt_cache_hit", TG_CELL_AMOUNT, NULL, 0},
    {"To cache", "price.prompt_cache_write", TG_CELL_AMOUNT, NULL, 0},
    {"Completion", "price.completion", TG_CELL_AMOUNT, "unpriced, so refused",
     0},
    {"Unit", "price.unit", TG_CELL_TEXT, "tokens alone", 0},
    {"One of these", "price.unit_price", TG_CELL_AMOUNT, NULL, 0},
    {"Sizes", "price.sizes", TG_CELL_LIST, NULL, 0},
    {"For", "scopes", TG_CELL_LIST, NULL, 0},
    {"Context tokens", "max_context_tokens", TG_CELL_COUNT, NULL, 0},
    {"Output tokens", "max_output_tokens", TG_CELL_COUNT, NULL, 0},
    {"Tokens of an image in a prompt", "max_image_tokens", TG_CELL_COUNT,
     "not known, so 49152 are held", 0},
    {"For development keys", "development", TG_CELL_YES, NULL, 0},
    {0},
};

int
tg_models_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/models", list_columns,
        "There are no models. Add an upstream that serves some: tollgate "
        "upstreams add --name NAME --base-url URL",
        false, 0};

    return tg_list_run(cli, &list);
}

/* A price of tokens is both of them. */
static int
require_price(const struct tg_cli *cli)
{
    static const char *const prices[] = {"prompt", "completion", NULL};
    static const char *const parts[] = {"prompt", "completion", "cache-hit",
                                        "cache-write"};

    if (cli->arg_count == 0)
        return tg_say_usage(cli, "say what to offer or to change, for example "
                                 "--upstream NAME --prompt PRICE --completion "
                                 "PRICE");
    if (tg_args_has(cli, "unit"))
        return TG_EXIT_OK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (tg_args_has(cli, parts[i]))
            return tg_noun_require(cli, prices);
    }
    return TG_EXIT_OK;
}

/* What a model lacks that is refused all the same. */
static void
note_lacks(const struct tg_cli *cli, const json_t *model)
{
    if (cli->is_json)
        return;
    if (json_is_null(json_object_get(model, "price")))
        tg_say_note(cli,
                    "It has no price, so calls to it are refused: tollgate "
                    "prices add %s --prompt PRICE --completion PRICE",
                    cli->operand);
    if (json_is_null(json_object_get(model, "upstream")))
        tg_say_note(cli,
                    "Nobody serves it, so calls to it are refused: tollgate "
                    "models add %s --upstream NAME",
                    cli->operand);
}

/* One upstream is said as one. */
static void
name_the_only_one(json_t *body)
{
    json_t *names = json_object_get(body, "upstreams");

    if (json_array_size(names) != 1)
        return;
    json_object_set(body, "upstream", json_array_get(names, 0));
    json_object_del(body, "upstreams");
}

/* The id is the operand; everything else is options. */
int
tg_models_add(struct tg_cli *cli)
{
    json_t *body, *model = NULL;
    int rc = require_price(cli);

    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_request_body(cli);
    json_object_set_new(body, "id", json_string(cli->operand));
    name_the_only_one(body);
    rc = tg_client_call(cli, "POST", "/models", body, &model);
    json_decref(body);
    if (rc == TG_EXIT_OK) {
        tg_noun_made(cli, page_columns, model);
        note_lacks(cli, model);
    }
    json_decref(model);
    return rc;
}

int
tg_models_show(struct tg_cli *cli)
{
    return tg_noun_show(cli, "models", page_columns);
}
