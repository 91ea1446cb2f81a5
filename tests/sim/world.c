#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "model_store.h"
#include "route.h"
#include "sim.h"

struct world world;

static int
random_bytes(void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)sim_random();
    return 0;
}

/* From one call's worth to hundreds of them. */
static int64_t
some_money(void)
{
    return sim_between(1, 9) * (sim_chance(500) ? 200000 : 3000000);
}

void
world_begin(void)
{
    memset(&world, 0, sizeof(world));
    for (unsigned i = 0; i < WORLD_KEYS; i++) {
        struct world_key *key = &world.keys[i];
        struct tg_secret secret;

        if (tg_key_mint(&secret, TG_KIND_PRODUCTION, random_bytes) != 0)
            abort();
        memcpy(key->secret, secret.data, TG_KEY_LEN);
        key->account = i == 2;
        key->daily_nanos = sim_chance(600) ? some_money() : 0;
        key->monthly_nanos = sim_chance(400) ? some_money() * 2 : 0;
        key->concurrency = sim_chance(300) ? sim_below(5) + 1 : 0;
    }
    world.accounts[0].granted_nanos = some_money() * 3;
    world.accounts[1].billing = TG_BILLING_POSTPAID;
}

const char *
world_key_id(unsigned key)
{
    static char text[TG_ID_TEXT_SIZE];

    snprintf(text, sizeof(text), "key_%020u", key);
    return text;
}

/* Ids end in their number. */
unsigned
world_key_of(const char *id)
{
    return (unsigned)(id[TG_ID_LEN - 1] - '0');
}

unsigned
world_account_of(const char *id)
{
    return (unsigned)(id[TG_ID_LEN - 1] - '0');
}

static int
publish_account(struct tg_publisher *publisher, unsigned account,
                uint32_t *slot)
{
    struct tg_account_policy policy = {
        .status = TG_ACCOUNT_ACTIVE,
        .verification = TG_VERIFICATION_VERIFIED,
        .billing = world.accounts[account].billing,
        .granted_nanos = world.accounts[account].granted_nanos,
        .settled_nanos = model_store_base(account),
    };
    char id[TG_ID_TEXT_SIZE];

    snprintf(id, sizeof(id), "acct_%019u", account);
    memcpy(policy.id, id, TG_ID_LEN);
    return tg_publish_account(publisher, &policy, slot);
}

static int
publish_key(struct tg_publisher *publisher, unsigned number, uint32_t account)
{
    const struct world_key *key = &world.keys[number];
    struct tg_key_policy policy = {
        .status = TG_KEY_ACTIVE,
        .kind = TG_KIND_PRODUCTION,
        .scopes = TG_SCOPE_ALL,
        .account = account,
        .created_at_ms = 1,
        .concurrency = key->concurrency,
        .daily_nanos = key->daily_nanos,
        .monthly_nanos = key->monthly_nanos,
        .prefix = "sk-tgp_",
    };
    struct tg_digest digest;
    uint32_t slot;

    memcpy(policy.id, world_key_id(number), TG_ID_LEN);
    tg_digest_of((struct tg_str){key->secret, strlen(key->secret)}, &digest);
    memcpy(policy.secrets[0].digest, digest.bytes, sizeof(digest.bytes));
    return tg_publish_key(publisher, &policy, &slot);
}

int
world_publish_accounts(struct tg_publisher *publisher)
{
    uint32_t slot;
    int err = 0;

    for (unsigned i = 0; i < WORLD_ACCOUNTS && err == 0; i++)
        err = publish_account(publisher, i, &slot);
    return err;
}

int
world_publish_keys(struct tg_publisher *publisher)
{
    int err = 0;

    for (unsigned i = 0; i < WORLD_KEYS && err == 0; i++) {
        uint32_t account = world.keys[i].account, slot;
        char id[TG_ID_TEXT_SIZE];

        snprintf(id, sizeof(id), "acct_%019u", account);
        err = tg_publisher_account_slot(publisher, id, &slot);
        if (err == 0)
            err = publish_key(publisher, i, slot);
        sim_point("a key is published");
    }
    return err;
}

static void
fill_row(struct tg_catalog *catalog, unsigned row, const char *name,
         enum tg_dialect dialect)
{
    struct tg_model *model = &catalog->models[row];
    struct tg_upstream *upstream = &catalog->upstreams[row];
    struct tg_upstream_credential *credential = &catalog->credentials[row];

    snprintf(model->name, sizeof(model->name), "%s", name);
    model->scopes = TG_SCOPE_CHAT;
    model->upstream_count = 1;
    model->upstreams[0] = (uint16_t)row;
    model->created_at_ms = 1;
    model->max_context_tokens = 1 << 17;
    model->max_output_tokens = 1 << 14;
    model->price_count = 1;
    model->prices[0] = (struct tg_price){
        .effective_at_ms = 1,
        .off_peak = {WORLD_HIT_PICOS, WORLD_MISS_PICOS, WORLD_OUTPUT_PICOS,
                     .write_picos = WORLD_MISS_PICOS},
    };
    model->prices[0].peak = model->prices[0].off_peak;
    snprintf(upstream->id, sizeof(upstream->id), "up_%u", row);
    snprintf(upstream->name, sizeof(upstream->name), "%s", name);
    upstream->dialect = (uint16_t)dialect;
    upstream->address_count = 1;
    upstream->credential_count = 1;
    upstream->credentials[0] = (uint16_t)row;
    snprintf(credential->id, sizeof(credential->id), "cred_%u", row);
    credential->upstream = (uint16_t)row;
}

int
world_publish_catalog(struct tg_publisher *publisher)
{
    static struct tg_catalog catalog;

    if (catalog.model_count == 0) {
        strcpy(catalog.currency, "USD");
        catalog.model_count = 2;
        fill_row(&catalog, 0, "flash", TG_DIALECT_DEEPSEEK);
        fill_row(&catalog, 1, "gpt", TG_DIALECT_OPENAI);
    }
    return tg_publish_catalog(publisher, &catalog);
}
