/*
 * world.h: whose calls these are: three keys of two accounts, two models of
 * two upstreams, and how much money each has in this seed.
 */
#ifndef WORLD_H
#define WORLD_H

#include "layout.h"
#include "publish.h"

#define WORLD_KEYS 3
#define WORLD_ACCOUNTS 2

/* Of both models, in pico-units a token. */
#define WORLD_HIT_PICOS 3000
#define WORLD_MISS_PICOS 150001
#define WORLD_OUTPUT_PICOS 600007

struct world_key {
    char secret[64];
    unsigned account;
    int64_t daily_nanos, monthly_nanos; /* 0: no budget */
    uint32_t concurrency;
};

struct world_account {
    int64_t granted_nanos;
    uint8_t billing; /* enum tg_billing */
};

struct world {
    struct world_key keys[WORLD_KEYS];
    struct world_account accounts[WORLD_ACCOUNTS];
};

extern struct world world;

/* Draws budgets for a seed. */
void world_begin(void);

const char *world_key_id(unsigned key);
unsigned world_key_of(const char *id);
unsigned world_account_of(const char *id);

/* Publishes the accounts with what they settled before, then the keys. */
int world_publish_accounts(struct tg_publisher *publisher);
int world_publish_keys(struct tg_publisher *publisher);
int world_publish_catalog(struct tg_publisher *publisher);

#endif
