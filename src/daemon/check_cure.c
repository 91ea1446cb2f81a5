#include "check_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* A command as one types it; what a shell would read otherwise is quoted. */
struct command {
    FILE *out;
    char *text;
    size_t len;
};

static void
put_word(FILE *out, struct tg_str word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:%,+@";
    bool is_plain = word.len > 0;

    for (size_t i = 0; i < word.len; i++)
        is_plain = is_plain && word.data[i] != '\0' &&
                   strchr(plain, word.data[i]) != NULL;
    fputc(' ', out);
    if (!is_plain)
        fputc('\'', out);
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] == '\'')
            fputs("'\\'", out);
        fputc(word.data[i], out);
    }
    if (!is_plain)
        fputc('\'', out);
}

static void
put_text(FILE *out, const char *word)
{
    put_word(out, (struct tg_str){word, strlen(word)});
}

static const char *
key_id(const struct tg_check_said *said)
{
    const char *id = json_string_value(json_object_get(said->key, "id"));

    return id != NULL ? id : "ID";
}

/* A list replaces the one that was, so those that are there come along. */
static void
add_to(FILE *out, const struct tg_check_said *said, const char *member,
       const char *option, struct tg_str word)
{
    const json_t *list = json_object_get(said->key, member), *item;
    size_t i;

    fprintf(out, "tollgate keys update %s", key_id(said));
    json_array_foreach(list, i, item)
    {
        fprintf(out, " %s", option);
        put_text(out, json_string_value(item));
    }
    fprintf(out, " %s", option);
    put_word(out, word);
}

static void
cure_status(FILE *out, const struct tg_check_said *said)
{
    if (said->admission->code == TG_CODE_KEY_INACTIVE)
        fprintf(out, "tollgate keys resume %s", key_id(said));
    else
        fputs("tollgate keys create --name NAME", out);
}

static void
cure_expiry(FILE *out, const struct tg_check_said *said)
{
    if (said->admission->code == TG_CODE_KEY_EXPIRED)
        fprintf(out, "tollgate keys update %s --no-expires", key_id(said));
    else
        fputs("tollgate keys create --name NAME", out);
}

static void
put_account(FILE *out, const struct tg_check_said *said)
{
    put_word(out, tg_state_blob(said->state, said->admission->account.name));
}

static void
cure_account(FILE *out, const struct tg_check_said *said)
{
    switch (said->admission->code) {
    case TG_CODE_ACCOUNT_SUSPENDED:
        fputs("tollgate accounts resume", out);
        put_account(out, said);
        break;
    case TG_CODE_ACCOUNT_UNVERIFIED:
        fputs("tollgate accounts verify", out);
        put_account(out, said);
        break;
    default:
        break;
    }
}

static void
cure_network(FILE *out, const struct tg_check_said *said)
{
    char ip[TG_TEXT_IP_SIZE];

    tg_text_ip(ip, said->question->ip);
    add_to(out, said, "allowed_ips", "--allow-ip",
           (struct tg_str){ip, strlen(ip)});
}

/* What goes behind a model to price it. */
static const char *
price_options(const struct tg_check_said *said)
{
    const struct tg_route *route = said->admission->head.route;

    return route != NULL && route->service.len != 0
               ? " --unit call --unit-price PRICE"
               : " --prompt PRICE --completion PRICE";
}

static void
cure_model(FILE *out, const struct tg_check_said *said)
{
    switch (said->admission->reason) {
    case TG_REASON_KEY_MODELS:
        add_to(out, said, "models", "--model", said->question->model);
        break;
    case TG_REASON_WRONG_USE:
        fputs("tollgate models", out);
        break;
    default:
        fputs("tollgate models add", out);
        put_word(out, tg_check_model(said));
        fprintf(out, " --upstream NAME%s", price_options(said));
    }
}

static void
cure_rates(FILE *out, const struct tg_check_said *said)
{
    static const char *const options[] = {
        [TG_RATE_NONE] = NULL,    [TG_RATE_TOKENS] = "tpm",
        [TG_RATE_MINUTE] = "rpm", [TG_RATE_SECOND] = "qps",
        [TG_RATE_DAY] = "rpd",    [TG_RATE_CONCURRENCY] = "concurrency",
    };
    const char *option = options[said->admission->rate.limit];

    if (option != NULL)
        fprintf(out, "tollgate keys update %s --%s N", key_id(said), option);
}

static void
cure_budget(FILE *out, const struct tg_check_said *said)
{
    switch (said->admission->budget.kind) {
    case TG_BUDGET_DAILY:
    case TG_BUDGET_MONTHLY:
        fprintf(out, "tollgate keys update %s --%s-limit AMOUNT", key_id(said),
                said->admission->budget.kind == TG_BUDGET_DAILY ? "daily"
                                                                : "monthly");
        break;
    default:
        fputs("tollgate accounts top-up", out);
        put_account(out, said);
        fputs(" AMOUNT", out);
    }
}

static void
cure_upstream(FILE *out, const struct tg_check_said *said)
{
    const struct tg_upstream *upstream = &said->admission->upstream;
    struct tg_str name = {upstream->name,
                          tg_field_len(upstream->name, sizeof(upstream->name))};

    switch (said->admission->reason) {
    case TG_REASON_NO_UPSTREAM:
    case TG_REASON_WRONG_DIALECT:
        fputs("tollgate models add", out);
        put_word(out, tg_check_model(said));
        fputs(" --upstream NAME", out);
        break;
    case TG_REASON_NO_CREDENTIAL:
    case TG_REASON_POOL_FULL:
        fputs("tollgate credentials add --upstream", out);
        put_word(out, name);
        break;
    case TG_REASON_POOL_OUT:
        fputs("tollgate credentials list", out);
        break;
    case TG_REASON_NO_ADDRESS:
        fputs("tollgate upstreams list", out);
        break;
    default:
        break;
    }
}

static void
put_cure(FILE *out, const struct tg_check_said *said)
{
    const struct tg_route *route = said->admission->head.route;
    const char *scope;

    switch (said->row) {
    case TG_CHECK_CREDENTIAL:
        fputs("tollgate keys create --name NAME", out);
        break;
    case TG_CHECK_STATUS:
        cure_status(out, said);
        break;
    case TG_CHECK_EXPIRY:
        cure_expiry(out, said);
        break;
    case TG_CHECK_ACCOUNT:
        cure_account(out, said);
        break;
    case TG_CHECK_NETWORK:
        cure_network(out, said);
        break;
    case TG_CHECK_REFERRER:
        add_to(out, said, "allowed_referrers", "--allow-referrer",
               said->question->referrer);
        break;
    case TG_CHECK_HOURS:
        fprintf(out, "tollgate keys update %s --no-hours", key_id(said));
        break;
    case TG_CHECK_ENDPOINT:
        if (route != NULL)
            add_to(out, said, "endpoints", "--endpoint",
                   (struct tg_str){route->name, strlen(route->name)});
        break;
    case TG_CHECK_SCOPE:
        scope = tg_scope_name(route->scope);
        add_to(out, said, "scopes", "--scope",
               (struct tg_str){scope, strlen(scope)});
        break;
    case TG_CHECK_MODEL:
        cure_model(out, said);
        break;
    case TG_CHECK_RATES:
        cure_rates(out, said);
        break;
    case TG_CHECK_BUDGET:
        cure_budget(out, said);
        break;
    case TG_CHECK_PRICE:
        fputs("tollgate prices add", out);
        put_word(out, tg_check_model(said));
        fputs(price_options(said), out);
        break;
    default:
        cure_upstream(out, said);
    }
}

json_t *
tg_check_cure(const struct tg_check_said *said)
{
    struct command command = {0};
    json_t *value = NULL;

    command.out = open_memstream(&command.text, &command.len);
    if (command.out == NULL)
        return json_null();
    put_cure(command.out, said);
    fclose(command.out);
    if (command.text != NULL && command.len > 0)
        value = json_string(command.text);
    free(command.text);
    return value != NULL ? value : json_null();
}
