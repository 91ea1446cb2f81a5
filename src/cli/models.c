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
    {"upstream", "NAME", "who serves it", TG_VALUE_TEXT, "upstream", NULL},
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
    {0},
};

static const struct tg_column list_columns[] = {
    {"MODEL", "id", TG_CELL_TEXT, NULL, 40},
    {"UPSTREAM", "upstream", TG_CELL_TEXT, "none", 0},
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
    {"Upstream", "upstream", TG_CELL_TEXT, "none", 0},
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
    {"For development keys", "development", TG_CELL_YES, NULL, 0},
    {0},
};

static const struct tg_column price_columns[] = {
    {"MODEL", "model", TG_CELL_TEXT, NULL, 40},
    {"FROM", "effective_at", TG_CELL_WHEN, "always", 0},
    {"PROMPT/M", "prompt", TG_CELL_AMOUNT, NULL, 0},
    {"CACHE_HIT/M", "prompt_cache_hit", TG_CELL_AMOUNT, NULL, 0},
    {"CACHE_WRITE/M", "prompt_cache_write", TG_CELL_AMOUNT, NULL, 0},
    {"COMPLETION/M", "completion", TG_CELL_AMOUNT, NULL, 0},
    {"UNIT", "unit", TG_CELL_TEXT, NULL, 0},
    {"PRICE/UNIT", "unit_price", TG_CELL_AMOUNT, NULL, 0},
    {"SIZES", "sizes", TG_CELL_LIST, NULL, 40},
    {"PEAK_PROMPT/M", "peak.prompt", TG_CELL_AMOUNT, NULL, 0},
    {"PEAK_HIT/M", "peak.prompt_cache_hit", TG_CELL_AMOUNT, NULL, 0},
    {"PEAK_COMPL/M", "peak.completion", TG_CELL_AMOUNT, NULL, 0},
    {"CURRENCY", "currency", TG_CELL_TEXT, NULL, 0},
    {"PEAK_HOURS_UTC", "peak.hours", TG_CELL_LIST, "none", 40},
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

/* The id is the operand; everything else is options. */
int
tg_models_add(struct tg_cli *cli)
{
    static const char *const by_tokens[] = {"upstream", "prompt", "completion",
                                            NULL};
    static const char *const by_units[] = {"upstream", NULL};
    json_t *body, *model = NULL;
    int rc =
        tg_noun_require(cli, tg_args_has(cli, "unit") ? by_units : by_tokens);

    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_request_body(cli);
    json_object_set_new(body, "id", json_string(cli->operand));
    rc = tg_client_call(cli, "POST", "/models", body, &model);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, page_columns, model);
    json_decref(model);
    return rc;
}

int
tg_prices_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/prices", price_columns,
        "There are no prices. Add a model with its price: tollgate models add "
        "ID --upstream NAME --prompt PRICE --completion PRICE",
        false, 0};

    return tg_list_run(cli, &list);
}
