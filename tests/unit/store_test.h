/*
 * store_test.h: rows for a store that is made for a test or a measurement, and
 * numbers that are the same each time.
 */
#ifndef STORE_TEST_H
#define STORE_TEST_H

#include <stdint.h>

#include "store.h"

/* xorshift64*: in [0, below). */
__attribute__((unused)) static uint32_t
test_any(uint32_t below)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return (uint32_t)(((x * 0x2545f4914f6cdd1d >> 32) * below) >> 32);
}

/* In order, as far as it goes: verified, postpaid. */
__attribute__((unused)) static struct tg_store_account
test_account_row(const char *id, const char *name)
{
    return (struct tg_store_account){.id = id,
                                     .name = name,
                                     .plan = "",
                                     .status = "active",
                                     .verification = "verified",
                                     .billing = "postpaid",
                                     .created_at = 1};
}

/* An active key without limits. */
__attribute__((unused)) static struct tg_store_key
test_key_row(const char *id, const char *account_id)
{
    return (struct tg_store_key){.id = id,
                                 .account_id = account_id,
                                 .name = "k",
                                 .description = "",
                                 .owner = "",
                                 .labels = "{}",
                                 .kind = "production",
                                 .status = "active",
                                 .scopes = "[]",
                                 .models = "[]",
                                 .endpoints = "[]",
                                 .timezone = "UTC",
                                 .allowed_ips = "[]",
                                 .allowed_referrers = "[]",
                                 .hours = "",
                                 .created_at = 1};
}

#endif
