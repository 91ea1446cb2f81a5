#include <stdio.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "price_rows.h"
#include "request.h"
#include "say.h"
#include "table.h"

static const char *const units[] = {"image", "second", "character", "call",
                                    NULL};

const struct tg_option tg_prices_list_options[] = {
    {"model", "MODEL", "only of this model", TG_VALUE_TEXT, "model", NULL},
    {"all", NULL, "also those that a later one took over from", TG_VALUE_SWITCH,
     NULL, NULL},
    {"limit", "N", "at most so many rows; all", TG_VALUE_COUNT, NULL, NULL},
    {0},
};

const struct tg_option tg_prices_add_options[] = {
    {"prompt", "PRICE", "price of a million prompt tokens", TG_VALUE_AMOUNT,
     "prompt", NULL},
    {"completion", "PRICE", "price of a million completion tokens",
     TG_VALUE_AMOUNT, "completion", NULL},
    {"cache-hit", "PRICE", "of a million prompt tokens from cache; as prompt",
     TG_VALUE_AMOUNT, "prompt_cache_hit", NULL},
    {"cache-write", "PRICE", "of a million prompt tokens to cache; as prompt",
     TG_VALUE_AMOUNT, "prompt_cache_write", NULL},
    {"effective", "WHEN", "from when: a date, an instant; now", TG_VALUE_TEXT,
     "effective_at", NULL},
    {"peak-hours", "HOURS",
     "in UTC: \"mon-fri 01:00-04:00,06:00-10:00\"; repeatable", TG_VALUE_LIST,
     "peak.hours", NULL},
    {"peak-prompt", "PRICE", "of prompt tokens in peak hours", TG_VALUE_AMOUNT,
     "peak.prompt", NULL},
    {"peak-completion", "PRICE", "of completion tokens in peak hours",
     TG_VALUE_AMOUNT, "peak.completion", NULL},
    {"peak-cache-hit", "PRICE", "in peak hours; as prompt there",
     TG_VALUE_AMOUNT, "peak.prompt_cache_hit", NULL},
    {"peak-cache-write", "PRICE", "in peak hours; as prompt there",
     TG_VALUE_AMOUNT, "peak.prompt_cache_write", NULL},
    {"not-on-holidays", NULL, "holidays have no peak hours", TG_VALUE_SWITCH,
     "peak.not_on_holidays", NULL},
    {"unit", "UNIT", "what else is priced: image, second, character or call",
     TG_VALUE_TEXT, "unit", units},
    {"unit-price", "PRICE", "price of one of these", TG_VALUE_AMOUNT,
     "unit_price", NULL},
    {"size", "SIZE=PRICE", "of an image of this size: \"hd 1024x1792=0.12\"",
     TG_VALUE_LABEL, "sizes", NULL},
    {"source", "TEXT", "where the price is from", TG_VALUE_TEXT, "source",
     NULL},
    {0},
};

int
tg_prices_list(struct tg_cli *cli)
{
    struct tg_list list = {
        "/prices?current=true", tg_price_columns,
        "There are no such prices. Add one: tollgate prices add MODEL "
        "--prompt PRICE --completion PRICE",
        false, 0};

    if (tg_args_has(cli, "all"))
        list.path = "/prices";
    return tg_list_run_shaped(cli, &list, tg_price_rows_shape);
}

static void
print_added(const struct tg_cli *cli, const json_t *price)
{
    json_t *rows;
    struct tg_table table;
    const char *change = tg_noun_text(price, "change");

    if (cli->is_json) {
        tg_table_json(price);
        return;
    }
    if (cli->is_quiet)
        return;
    rows = json_pack("[o]", json_deep_copy(price));
    tg_price_rows_shape(rows);
    tg_table_init(&table, cli, tg_price_plan_columns);
    tg_table_rows(&table, rows);
    json_decref(rows);
    if (strcmp(change, "unchanged") == 0)
        tg_say_note(cli, "It costs that already; nothing was added.");
    else
        tg_say_note(cli, "Calls that were made keep the price they had.");
}

int
tg_prices_add(struct tg_cli *cli)
{
    static const char *const by_tokens[] = {"prompt", "completion", NULL};
    json_t *body, *price = NULL;
    int rc = TG_EXIT_OK;

    if (!tg_args_has(cli, "unit") &&
        (tg_args_has(cli, "unit-price") || tg_args_has(cli, "size")))
        rc = tg_say_usage(cli, "--unit says what is priced so: image, second, "
                               "character or call");
    else if (!tg_args_has(cli, "unit"))
        rc = tg_noun_require(cli, by_tokens);
    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_request_body(cli);
    json_object_set_new(body, "model", json_string(cli->operand));
    rc = tg_client_call(cli, "POST", "/prices", body, &price);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        print_added(cli, price);
    json_decref(price);
    return rc;
}
