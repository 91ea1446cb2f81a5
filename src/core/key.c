#include "key.h"

#include <sodium.h>

#include "base62.h"
#include "crc32.h"
#include "err.h"

#define CHECKED_LEN (TG_KEY_PREFIX_LEN + TG_KEY_RANDOM_LEN)

static const struct {
    char letter;
    const char *name;
} kinds[] = {
    [TG_KIND_NONE] = {0, "none"},
    [TG_KIND_PRODUCTION] = {'p', "production"},
    [TG_KIND_DEVELOPMENT] = {'d', "development"},
    [TG_KIND_RESTRICTED] = {'r', "restricted"},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

char
tg_key_kind_letter(enum tg_key_kind kind)
{
    return (size_t)kind < KIND_COUNT ? kinds[kind].letter : 0;
}

const char *
tg_key_kind_name(enum tg_key_kind kind)
{
    return kinds[(size_t)kind < KIND_COUNT ? kind : TG_KIND_NONE].name;
}

enum tg_key_kind
tg_key_kind_of(struct tg_str name)
{
    for (size_t kind = 1; kind < KIND_COUNT; kind++) {
        size_t len = strlen(kinds[kind].name);

        if (tg_str_eq(name, (struct tg_str){kinds[kind].name, len}))
            return (enum tg_key_kind)kind;
    }
    return TG_KIND_NONE;
}

static enum tg_key_kind
kind_of_letter(char letter)
{
    switch (letter) {
    case 'p':
        return TG_KIND_PRODUCTION;
    case 'd':
        return TG_KIND_DEVELOPMENT;
    case 'r':
        return TG_KIND_RESTRICTED;
    default:
        return TG_KIND_NONE;
    }
}

int
tg_key_mint(struct tg_secret *key, enum tg_key_kind kind,
            int (*random)(void *, size_t))
{
    char letter = tg_key_kind_letter(kind);
    uint32_t crc;

    if (letter == 0)
        return TG_ERR_RANGE;
    tg_secret_wipe(key);
    memcpy(key->data, "sk-tg?_", TG_KEY_PREFIX_LEN);
    key->data[TG_KEY_PREFIX_LEN - 2] = letter;
    if (tg_base62_random(key->data + TG_KEY_PREFIX_LEN, TG_KEY_RANDOM_LEN,
                         random) != 0) {
        tg_secret_wipe(key);
        return TG_ERR_CRYPTO;
    }
    /* 32 bits always fit: 62^6 is more than 2^35. */
    crc = tg_crc32(0, key->data, CHECKED_LEN);
    tg_base62_put(crc, key->data + CHECKED_LEN, TG_KEY_CHECK_LEN);
    key->len = TG_KEY_LEN;
    return 0;
}

int
tg_key_parse(struct tg_str text, enum tg_key_kind *kind)
{
    enum tg_key_kind read;
    uint64_t check;

    if (text.len != TG_KEY_LEN || memcmp(text.data, "sk-tg", 5) != 0)
        return TG_ERR_FORMAT;
    read = kind_of_letter(text.data[5]);
    if (read == TG_KIND_NONE || text.data[6] != '_')
        return TG_ERR_FORMAT;
    if (tg_base62_span(text.data + TG_KEY_PREFIX_LEN, TG_KEY_RANDOM_LEN) !=
        TG_KEY_RANDOM_LEN)
        return TG_ERR_FORMAT;
    if (tg_base62_get(text.data + CHECKED_LEN, TG_KEY_CHECK_LEN, &check) != 0 ||
        check != tg_crc32(0, text.data, CHECKED_LEN))
        return TG_ERR_FORMAT;
    *kind = read;
    return 0;
}

#define MASKED_MIN 12
#define TAIL_LEN 4

static bool
may_show(char c)
{
    return tg_base62_value((unsigned char)c) >= 0 || c == '-' || c == '_' ||
           c == '.';
}

/*
 * A prefix is shown only as far as it is known to hold nothing secret, and
 * ours only when enough of the rest stays hidden.
 */
static size_t
prefix_len(struct tg_str text)
{
    if (text.len >= 2 * MASKED_MIN && memcmp(text.data, "sk-tg", 5) == 0 &&
        kind_of_letter(text.data[5]) != TG_KIND_NONE && text.data[6] == '_')
        return TG_KEY_PREFIX_LEN;
    return memcmp(text.data, "sk-", 3) == 0 ? 3 : 0;
}

void
tg_key_mask(struct tg_str text, char *out)
{
    size_t n;

    out[0] = '\0';
    if (text.len < MASKED_MIN)
        return;
    n = prefix_len(text);
    memcpy(out, text.data, n);
    memcpy(out + n, "...", 3);
    n += 3;
    for (size_t i = text.len - TAIL_LEN; i < text.len; i++)
        out[n++] = may_show(text.data[i]) ? text.data[i] : '?';
    out[n] = '\0';
}
