#include "idempotency_part.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "routes.h"

#define ANSWER_MAX 32768 /* bytes; a longer one is made anew */
#define NAME_SIZE 128

/* SHA-256 of the parts, each with its length before it. */
static int
digest_of(const struct tg_str *parts, size_t count, struct tg_digest *digest)
{
    size_t len = 0, size = 0;
    char *text;

    for (size_t i = 0; i < count; i++)
        size += sizeof(parts[i].len) + parts[i].len;
    text = malloc(size);
    if (text == NULL)
        return TG_ERR_SYSTEM;
    for (size_t i = 0; i < count; i++) {
        memcpy(text + len, &parts[i].len, sizeof(parts[i].len));
        len += sizeof(parts[i].len);
        if (parts[i].len > 0)
            memcpy(text + len, parts[i].data, parts[i].len);
        len += parts[i].len;
    }
    tg_digest_of((struct tg_str){text, size}, digest);
    sodium_memzero(text, size);
    free(text);
    return 0;
}

static struct tg_str
str_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

/* A body may hold a password, which a plain digest would let be guessed. */
static void
key_digest(const struct tg_master_key *key, struct tg_digest *digest)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key->bytes, sizeof(key->bytes));
    crypto_auth_hmacsha256_update(&state, digest->bytes, sizeof(digest->bytes));
    crypto_auth_hmacsha256_final(&state, digest->bytes);
    sodium_memzero(&state, sizeof(state));
}

int
tg_idempotency_digest(const struct tg_request *request, struct tg_str body,
                      struct tg_idempotency *state)
{
    struct tg_str parts[4 + 2 * TG_REQUEST_ARGUMENTS];
    struct tg_str key = str_of(request->idempotency_key);
    size_t count = 0;
    int err;

    parts[count++] = str_of(request->method);
    parts[count++] = str_of(request->route->path);
    parts[count++] = str_of(request->subject ? request->subject : "");
    parts[count++] = body;
    for (size_t i = 0; i < request->argument_count; i++) {
        parts[count++] = str_of(request->arguments[i].name);
        parts[count++] = str_of(request->arguments[i].value);
    }
    err = digest_of(parts, count, &state->request);
    key_digest(&request->daemon->master_key, &state->request);
    return err == 0 ? digest_of(&key, 1, &state->key) : err;
}

/* What a seal is bound to: the row it stands in. */
static struct tg_str
seal_name(const struct tg_request *request, const struct tg_digest *key,
          char name[NAME_SIZE])
{
    static const char prefix[] = "idempotency:";
    size_t len = strlen(request->operator.id);

    memcpy(name, prefix, sizeof(prefix) - 1);
    memcpy(name + sizeof(prefix) - 1, request->operator.id, len);
    len += sizeof(prefix) - 1;
    memcpy(name + len, key->bytes, sizeof(key->bytes));
    return (struct tg_str){name, len + sizeof(key->bytes)};
}

uint8_t *
tg_idempotency_seal(const struct tg_request *request,
                    const struct tg_digest *key, const json_t *value,
                    size_t *len)
{
    char name[NAME_SIZE];
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
    uint8_t *sealed = NULL;
    size_t size;
    long n;

    if (text == NULL || strlen(text) > ANSWER_MAX)
        goto out;
    size = strlen(text) + TG_SEAL_OVERHEAD;
    sealed = malloc(size);
    if (sealed == NULL)
        goto out;
    n = tg_seal(&request->daemon->master_key, seal_name(request, key, name),
                str_of(text), sealed, size);
    *len = n > 0 ? (size_t)n : 0;
out:
    if (text != NULL)
        sodium_memzero(text, strlen(text));
    free(text);
    return sealed;
}

json_t *
tg_idempotency_unseal(const struct tg_request *request,
                      const struct tg_digest *key, struct tg_str sealed)
{
    char name[NAME_SIZE], *text = malloc(ANSWER_MAX + 1);
    json_t *value = NULL;
    long n;

    if (text == NULL)
        return NULL;
    n = tg_seal_open(
        &request->daemon->master_key, seal_name(request, key, name),
        (const uint8_t *)sealed.data, sealed.len, text, ANSWER_MAX);
    if (n > 0) {
        value = json_loadb(text, (size_t)n, 0, NULL);
        sodium_memzero(text, (size_t)n);
    }
    free(text);
    return value;
}
