/*
 * admit_test.h: a published state with one key, two accounts and a catalog
 * that has a model for each thing that can be wrong with one.
 */
#ifndef ADMIT_TEST_H
#define ADMIT_TEST_H

/* What a row of a table leaves out is sound. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "admit.h"
#include "civil.h"
#include "key.h"
#include "state_test.h"
#include "tap.h"

/* Vectors of docs/key-format.md; none was ever issued. */
#define OLD_SECRET "sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgT"
#define NEW_SECRET "sk-tgp_0123456789ABCDEFGHIJKLMNOPQRST4GKLpj"
#define UNKNOWN_SECRET "sk-tgd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1H3z00"

/* A Tuesday, at noon: not a peak hour. */
#define NOON "2026-11-17T12:00:00Z"

#define KEY_ID "key_00000000000000000001"

#define ALL_BUT_CHAT (TG_SCOPE_ALL & ~(uint32_t)TG_SCOPE_CHAT)

/* A key's policy. */
struct test_policy {
    uint8_t status;
    uint8_t kind;
    uint32_t scopes;
    uint64_t endpoints;
    const char *models; /* patterns with a blank behind each */
    const char *expires_at, *ended_at, *old_until;
    uint32_t account; /* a row of test_accounts, else none */
    uint32_t requests_per_minute, concurrency; /* 0: no limit */
    uint32_t requests_per_second, requests_per_day, tokens_per_minute;
    uint32_t max_queue_ms;
    int64_t daily_nanos, monthly_nanos; /* 0: no budget */
    uint8_t numbers[2];                 /* of NEW_SECRET and OLD_SECRET */
};

__attribute__((unused)) static struct tg_str
text_of(const char *text)
{
    return (struct tg_str){text, text == NULL ? 0 : strlen(text)};
}

__attribute__((unused)) static int64_t
instant(const char *text)
{
    int64_t ms = 0;

    if (text != NULL && tg_civil_parse(text_of(text), &ms) != 0)
        abort();
    return ms;
}

/* Model rows: the fields that matter, one line each. */
static const struct {
    const char *name;
    uint32_t scopes;
    uint16_t upstream, flags;
    int64_t context, output, fim;
    uint32_t prices; /* how many of the rows below, from the end */
} test_models[] = {
    {"deepseek-flash", TG_SCOPE_CHAT | TG_SCOPE_CODE, 0, TG_MODEL_DEVELOPMENT,
     1 << 20, 393216, 4096, 2},
    {"gpt-4o", TG_SCOPE_CHAT, 1, 0, 128000, 16384, 0, 2},
    {"org/qwen", TG_SCOPE_CHAT | TG_SCOPE_CODE, 2, 0, 32768, 0, 0, 2},
    {"embed", TG_SCOPE_EMBEDDINGS, 0, 0, 8192, 0, 0, 2},
    {"unpriced", TG_SCOPE_CHAT, 0, 0, 0, 0, 0, 0},
    {"tomorrow", TG_SCOPE_CHAT, 0, 0, 0, 0, 0, 1},
    {"nobody", TG_SCOPE_CHAT, UINT16_MAX, 0, 0, 0, 0, 2},
    {"removed", TG_SCOPE_CHAT, 9, 0, 0, 0, 0, 2},
    {"keyless", TG_SCOPE_CHAT, 3, 0, 0, 0, 0, 2},
    {"lent", TG_SCOPE_CHAT, 4, 0, 0, 0, 0, 2},
    {"freed", TG_SCOPE_CHAT, 5, 0, 0, 0, 0, 2},
    {"homeless", TG_SCOPE_CHAT, 6, 0, 0, 0, 0, 2},
    {"claude", TG_SCOPE_CHAT, 7, 0, 200000, 64000, 0, 2},
    {"boundless", TG_SCOPE_CHAT, 1, 0, 0, 0, 0, 2},
};

#define TEST_MODELS (sizeof(test_models) / sizeof(test_models[0]))

/* Upstreams: dialect, addresses, credential (row + 1), whose it is. */
static const struct {
    uint16_t dialect, addresses, credential, owner;
    bool has_credential;
} test_upstreams[] = {
    {TG_DIALECT_DEEPSEEK, 1, 1, 0, true}, {TG_DIALECT_OPENAI, 8, 2, 1, true},
    {TG_DIALECT_VLLM, 1, 3, 2, true},     {TG_DIALECT_OPENAI, 1, 0, 0, false},
    {TG_DIALECT_OPENAI, 1, 5, 0, true},   {TG_DIALECT_OPENAI, 1, 6, 5, false},
    {TG_DIALECT_OPENAI, 0, 7, 6, true},   {TG_DIALECT_ANTHROPIC, 1, 8, 7, true},
};

#define TEST_UPSTREAMS (sizeof(test_upstreams) / sizeof(test_upstreams[0]))

__attribute__((unused)) static struct tg_catalog *
test_catalog_new(void)
{
    /* Peak on weekdays from 01:00 to 04:00 UTC, but for holidays. */
    const struct tg_price prices[] = {
        {.effective_at_ms = instant("2026-01-01T00:00:00Z"),
         .off_peak = {3000, 150000, 600000, .write_picos = 150000},
         .peak = {6000, 300000, 1200000, .write_picos = 300000},
         .peak_quarters = {[0] = 0xfff0, [3] = 0xfff0},
         .flags = TG_PRICE_HOLIDAYS_OFF_PEAK},
        {.effective_at_ms = instant("2026-12-01T00:00:00Z"),
         .off_peak = {1, 2, 3, .write_picos = 2},
         .peak = {1, 2, 3, .write_picos = 2}},
    };
    struct tg_catalog *catalog = calloc(1, sizeof(*catalog));

    strcpy(catalog->currency, "USD");
    catalog->model_count = TEST_MODELS;
    for (size_t i = 0; i < TEST_MODELS; i++) {
        struct tg_model *model = &catalog->models[i];
        uint32_t n = test_models[i].prices;

        strcpy(model->name, test_models[i].name);
        model->scopes = test_models[i].scopes;
        model->upstreams[0] = test_models[i].upstream;
        model->upstream_count = test_models[i].upstream != UINT16_MAX;
        model->flags = test_models[i].flags;
        model->created_at_ms = 1700000000000 + (int64_t)i * 1000;
        model->max_context_tokens = test_models[i].context;
        model->max_output_tokens = test_models[i].output;
        model->max_fim_tokens = test_models[i].fim;
        model->price_count = n;
        memcpy(model->prices, prices + 2 - n, n * sizeof(prices[0]));
    }
    for (size_t i = 0; i < TEST_UPSTREAMS; i++) {
        struct tg_upstream *upstream = &catalog->upstreams[i];
        uint16_t row = test_upstreams[i].credential;

        snprintf(upstream->id, TG_ID_LEN, "up_%zu", i);
        snprintf(upstream->name, sizeof(upstream->name), "upstream-%zu", i);
        upstream->dialect = test_upstreams[i].dialect;
        upstream->address_count = test_upstreams[i].addresses;
        if (row == 0)
            continue;
        upstream->credentials[0] = row - 1;
        upstream->credential_count = 1;
        catalog->credentials[row - 1].upstream = test_upstreams[i].owner;
        if (test_upstreams[i].has_credential)
            snprintf(catalog->credentials[row - 1].id, TG_ID_LEN, "cred_%zu",
                     i);
    }
    return catalog;
}

static struct tg_state state;
static struct tg_publisher *publisher;
static char *state_dir;

/* Publishes the one key of this id. */
__attribute__((unused)) static uint32_t
publish_policy(const struct test_policy *row)
{
    static const char *const secrets[] = {NEW_SECRET, OLD_SECRET};
    struct tg_key_policy key = {
        .status = row->status ? row->status : TG_KEY_ACTIVE,
        .kind = row->kind ? row->kind : TG_KIND_PRODUCTION,
        .scopes = row->scopes ? row->scopes : TG_SCOPE_ALL,
        .endpoints = row->endpoints,
        .account = row->account,
        .requests_per_minute = row->requests_per_minute,
        .concurrency = row->concurrency,
        .requests_per_second = row->requests_per_second,
        .requests_per_day = row->requests_per_day,
        .tokens_per_minute = row->tokens_per_minute,
        .max_queue_ms = row->max_queue_ms,
        .daily_nanos = row->daily_nanos,
        .monthly_nanos = row->monthly_nanos,
        .created_at_ms = instant("2026-10-01T00:00:00Z"),
        .expires_at_ms = instant(row->expires_at),
        .ended_at_ms = instant(row->ended_at),
        .prefix = "sk-tgp_",
        .last4 = {'K', 'L', 'p', 'j'},
        .secret_numbers = {row->numbers[0], row->numbers[1]},
    };
    struct tg_str list[64];
    size_t count = 0;
    uint32_t slot;

    memcpy(key.id, KEY_ID, TG_ID_LEN);
    for (int i = 0; i < 2; i++) {
        struct tg_digest digest;

        tg_digest_of(text_of(secrets[i]), &digest);
        memcpy(key.secrets[i].digest, digest.bytes, sizeof(digest.bytes));
    }
    key.secrets[1].valid_until_ms = instant(row->old_until);
    for (const char *p = row->models; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, " ");

        list[count++] = (struct tg_str){p, n};
        p += n + (p[n] == ' ');
    }
    if (tg_publish_text(publisher, TG_STR("a key"), &key.name) != 0 ||
        (count > 0 &&
         tg_publish_texts(publisher, list, count, &key.models) != 0) ||
        tg_publish_key(publisher, &key, &slot) != 0)
        abort();
    return slot;
}

/* The account of row n. */
__attribute__((unused)) static const struct {
    uint8_t status, verification;
} test_accounts[] = {
    {TG_ACCOUNT_ACTIVE, TG_VERIFICATION_NONE},
    {TG_ACCOUNT_SUSPENDED, TG_VERIFICATION_NONE},
    {TG_ACCOUNT_ACTIVE, TG_VERIFICATION_PENDING},
    {TG_ACCOUNT_ACTIVE, TG_VERIFICATION_VERIFIED},
    {TG_ACCOUNT_SUSPENDED, TG_VERIFICATION_VERIFIED},
};

__attribute__((unused)) static void
publish_accounts(void)
{
    for (uint32_t i = 0; i < sizeof(test_accounts) / sizeof(test_accounts[0]);
         i++) {
        struct tg_account_policy account = {
            .status = test_accounts[i].status,
            .verification = test_accounts[i].verification,
            .granted_nanos = 10000000000,
            .topped_up_nanos = 5000000000,
            .settled_nanos = 1000000000,
        };
        char id[32];
        uint32_t slot;

        snprintf(id, sizeof(id), "acct_%019u", i + 1);
        memcpy(account.id, id, TG_ID_LEN);
        if (tg_publish_account(publisher, &account, &slot) != 0 || slot != i)
            abort();
    }
}

/* Publishes the catalog with these settings. */
__attribute__((unused)) static void
publish_settings(struct tg_settings settings)
{
    struct tg_catalog *catalog = test_catalog_new();

    catalog->settings = settings;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    free(catalog);
}

/* Opens a state with the accounts and the catalog, not yet ready. */
__attribute__((unused)) static void
admit_test_begin(void)
{
    state_dir = test_dir();
    test_create(&state, state_dir, 1000);
    if (tg_publisher_open(&publisher, &state) != 0)
        abort();
    publish_accounts();
    publish_settings((struct tg_settings){0});
}

__attribute__((unused)) static void
admit_test_end(void)
{
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(state_dir);
}

#endif
