/*
 * state_test.h: a state file of its own for a test, and policies to put in.
 */
#ifndef STATE_TEST_H
#define STATE_TEST_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "err.h"
#include "publish.h"

/* A folder in memory; remove it with test_dir_remove. */
__attribute__((unused)) static char *
test_dir(void)
{
    static char dir[64];

    snprintf(dir, sizeof(dir), "/dev/shm/tollgate-test-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
    return dir;
}

__attribute__((unused)) static void
test_open(struct tg_state *state, const char *dir)
{
    char path[128];
    int err;

    snprintf(path, sizeof(path), "%s/state", dir);
    err = tg_state_open(state, AT_FDCWD, path);
    if (err != 0) {
        printf("Bail out! tg_state_open: %d\n", err);
        exit(1);
    }
}

__attribute__((unused)) static void
test_create(struct tg_state *state, const char *dir, uint32_t keys)
{
    static const uint8_t uuid[16] = {1};
    struct tg_state_size size = {.key_capacity = keys};
    char path[128];

    snprintf(path, sizeof(path), "%s/state", dir);
    if (tg_state_create(path, &size, uuid, 1000) != 0) {
        printf("Bail out! tg_state_create\n");
        exit(1);
    }
    test_open(state, dir);
}

__attribute__((unused)) static void
test_dir_remove(const char *dir)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/state", dir);
    unlink(path);
    rmdir(dir);
}

/* The digest of the n-th secret of a test. */
__attribute__((unused)) static struct tg_digest
test_digest(uint32_t n)
{
    struct tg_digest digest;
    char text[32];
    int len = snprintf(text, sizeof(text), "secret %u", n);

    tg_digest_of((struct tg_str){text, (size_t)len}, &digest);
    return digest;
}

/* The n-th key: active, all scopes, with the n-th secret. */
__attribute__((unused)) static struct tg_key_policy
test_key(uint32_t n)
{
    struct tg_key_policy policy = {.status = TG_KEY_ACTIVE, .kind = 1};
    struct tg_digest digest = test_digest(n);
    char id[32];

    snprintf(id, sizeof(id), "key_%020u", n);
    memcpy(policy.id, id, TG_ID_LEN);
    memcpy(policy.secrets[0].digest, digest.bytes, sizeof(digest.bytes));
    policy.scopes = 127;
    return policy;
}

#endif
