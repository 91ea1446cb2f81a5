/* Goal: what is minted parses, and nothing else does. */
#include "tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base62.h"
#include "crc32.h"
#include "digest.h"
#include "err.h"
#include "key.h"

static struct tg_str
str(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

/* Generators: counting bytes, one that fails, one that never is unbiased. */
static unsigned char next_byte;

static int
counting(void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)buf)[i] = next_byte++;
    return 0;
}

static int
failing(void *buf, size_t len)
{
    memset(buf, 'A', len);
    return -1;
}

static int
stuck(void *buf, size_t len)
{
    memset(buf, 0xFF, len);
    return 0;
}

static int
kernel(void *buf, size_t len)
{
    return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -1;
}

/* docs/key-format.md has the same. */
static const struct {
    const char *text;
    enum tg_key_kind kind;
} vectors[] = {
    {"sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgT", TG_KIND_PRODUCTION},
    {"sk-tgd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1H3z00", TG_KIND_DEVELOPMENT},
    {"sk-tgr_0000000000000000000000000000001az7sR", TG_KIND_RESTRICTED},
    {"sk-tgp_0123456789ABCDEFGHIJKLMNOPQRST4GKLpj", TG_KIND_PRODUCTION},
};

static void
test_vectors(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        enum tg_key_kind kind = TG_KIND_NONE;

        is_int(tg_key_parse(str(vectors[i].text), &kind), 0, "vector %zu", i);
        is_int(kind, vectors[i].kind, "vector %zu has its kind", i);
    }
}

static void
test_mint(void)
{
    struct tg_secret key;
    enum tg_key_kind kind;
    char text[TG_KEY_LEN + 1] = "";

    for (int k = TG_KIND_PRODUCTION; k <= TG_KIND_RESTRICTED; k++) {
        next_byte = 0;
        is_int(tg_key_mint(&key, k, counting), 0, "a %s key is minted",
               tg_key_kind_name(k));
        is_int(key.len, 43, "it has 43 characters");
        is_int(tg_key_parse(tg_secret_str(&key), &kind), 0, "it parses");
        is_int(kind, k, "it is of its kind");
        ok(key.data[5] == tg_key_kind_letter(k), "its letter is its kind's");
    }
    next_byte = 0;
    tg_key_mint(&key, TG_KIND_PRODUCTION, counting);
    memcpy(text, key.data, TG_KEY_LEN);
    is_str(text, vectors[3].text, "bytes 0, 1, 2 ... give the fourth vector");
}

static void
test_mint_by_the_kernel(void)
{
    struct tg_secret keys[64];
    enum tg_key_kind kind;
    int sound = 0, same = 0;

    for (int i = 0; i < 64; i++) {
        tg_key_mint(&keys[i], TG_KIND_RESTRICTED, kernel);
        sound += tg_key_parse(tg_secret_str(&keys[i]), &kind) == 0;
        for (int j = 0; j < i; j++)
            same += tg_secret_is_equal(&keys[i], &keys[j]);
    }
    is_int(sound, 64, "keys of the kernel's generator parse");
    is_int(same, 0, "and no two are the same");
}

static void
test_mint_refuses(void)
{
    static const char zeros[TG_SECRET_MAX];
    struct tg_secret key;

    tg_secret_set(&key, TG_STR("old"));
    is_int(tg_key_mint(&key, TG_KIND_NONE, counting), TG_ERR_RANGE, "no kind");
    is_int(tg_key_mint(&key, 4, counting), TG_ERR_RANGE, "unknown kind");
    is_int(tg_key_mint(&key, TG_KIND_PRODUCTION, failing), TG_ERR_CRYPTO,
           "no randomness, no key");
    ok(key.len == 0 && memcmp(key.data, zeros, sizeof(zeros)) == 0,
       "and nothing of one is left");
    is_int(tg_key_mint(&key, TG_KIND_PRODUCTION, stuck), TG_ERR_CRYPTO,
           "a generator that is stuck does not hang it");
}

/* Each byte value from 0 to 247 gives each digit four times. */
static void
test_unbiased(void)
{
    char out[248];
    int counts[62] = {0};
    bool is_even = true;

    next_byte = 0;
    is_int(tg_base62_random(out, sizeof(out), counting), 0, "248 digits");
    for (size_t i = 0; i < sizeof(out); i++)
        counts[tg_base62_value((unsigned char)out[i])]++;
    for (int digit = 0; digit < 62; digit++)
        is_even &= counts[digit] == 4;
    ok(is_even, "every digit is as likely as any other");
}

static void
test_every_change_is_found(void)
{
    char text[TG_KEY_LEN + 1], changed;
    enum tg_key_kind kind = TG_KIND_RESTRICTED;
    int accepted = 0;

    strcpy(text, vectors[0].text);
    for (size_t at = 0; at < TG_KEY_LEN; at++) {
        for (int c = 0; c < 256; c++) {
            changed = text[at];
            if ((char)c == changed)
                continue;
            text[at] = (char)c;
            accepted +=
                tg_key_parse(str(text), &kind) == 0 ||
                tg_key_parse((struct tg_str){text, TG_KEY_LEN}, &kind) == 0;
            text[at] = changed;
        }
    }
    is_int(accepted, 0, "no key with one byte changed parses");
    is_int(kind, TG_KIND_RESTRICTED, "and the kind is left alone");
}

static void
test_every_swap_is_found(void)
{
    char text[TG_KEY_LEN + 1], first;
    enum tg_key_kind kind;
    int accepted = 0;

    strcpy(text, vectors[0].text);
    for (size_t at = 0; at + 1 < TG_KEY_LEN; at++) {
        if (text[at] == text[at + 1])
            continue;
        first = text[at];
        text[at] = text[at + 1];
        text[at + 1] = first;
        accepted += tg_key_parse(str(text), &kind) == 0;
        text[at + 1] = text[at];
        text[at] = first;
    }
    is_int(accepted, 0, "no key with two neighbours swapped parses");
}

static void
test_every_length_is_found(void)
{
    char text[2 * TG_KEY_LEN + 1];
    enum tg_key_kind kind;
    int accepted = 0;

    snprintf(text, sizeof(text), "%s%s", vectors[0].text, vectors[0].text);
    for (size_t len = 0; len <= 2 * TG_KEY_LEN; len++) {
        /* On the heap, so that the sanitizer sees a read behind the end. */
        char *copy = malloc(len + 1);

        memcpy(copy, text, len);
        copy = realloc(copy, len > 0 ? len : 1);
        if (len != TG_KEY_LEN)
            accepted += tg_key_parse((struct tg_str){copy, len}, &kind) == 0;
        free(copy);
    }
    is_int(accepted, 0, "no other length than 43 parses");
    is_int(tg_key_parse((struct tg_str){NULL, 0}, &kind), TG_ERR_FORMAT,
           "neither does nothing");
}

static void
test_mask(void)
{
    static const struct {
        const char *text;
        const char *mask;
    } rows[] = {
        {"", ""},
        {"sk-12345678", ""}, /* eleven */
        {"sk-123456789", "sk-...6789"},
        {"abcdefghijkl", "...ijkl"},
        {"sk-tgp_12345678901234567", "sk-tgp_...4567"},
        {"sk-tgp_1234567890123456", "sk-...3456"},
        {"sk-tgx_12345678901234567", "sk-...4567"},
        {"sk-ant-api03-abcdefghijk", "sk-...hijk"},
        {"ghp_12345678901234567890", "...7890"},
        {"password with \"\n\x01\xFF", "...????"},
        {"sk-aaaaaaaaaaaa<\\>.", "sk-...???."},
    };
    char out[TG_KEY_MASK_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_key_mask(str(rows[i].text), out);
        is_str(out, rows[i].mask, "mask %zu", i);
    }
    tg_key_mask((struct tg_str){NULL, 0}, out);
    is_str(out, "", "mask of nothing");
}

static void
test_kind_names(void)
{
    is_str(tg_key_kind_name(TG_KIND_RESTRICTED), "restricted", "a name");
    is_str(tg_key_kind_name(9), "none", "no name");
    is_int(tg_key_kind_of(TG_STR("development")), TG_KIND_DEVELOPMENT, "of");
    is_int(tg_key_kind_of(TG_STR("Development")), TG_KIND_NONE, "of no name");
    is_int(tg_key_kind_of(TG_STR("none")), TG_KIND_NONE, "none is no kind");
    is_int(tg_key_kind_letter(-1), 0, "no letter");
}

static void
test_base62(void)
{
    char out[7] = "......";
    uint64_t value = 5;
    bool is_right = true;

    is_int(tg_base62_put(0xCBF43926, out, 6), 0, "put");
    is_str(out, "3jZRME", "put gives the published digits");
    tg_base62_put(0x2A95EE6D, out, 6);
    is_str(out, "0mLq17", "with zeros on the left");
    is_int(tg_base62_put(UINT64_C(56800235584), out, 6), TG_ERR_RANGE,
           "62^6 does not fit six digits");
    is_str(out, "0mLq17", "and out is left alone");
    is_int(tg_base62_put(UINT64_C(56800235583), out, 6), 0, "one less does");
    is_str(out, "zzzzzz", "as all z");
    is_int(tg_base62_get("0mLq17", 6, &value), 0, "get");
    ok(value == 0x2A95EE6D, "get gives the number back");
    is_int(tg_base62_get("0mLq1-", 6, &value), TG_ERR_FORMAT, "no digit");
    is_int(tg_base62_get("zzzzzzzzzzzz", 12, &value), TG_ERR_RANGE, "large");
    is_int(tg_base62_get("LygHa16AHYF", 11, &value), 0, "the largest");
    ok(value == UINT64_MAX, "is 2^64 - 1");
    is_int(tg_base62_get("LygHa16AHYG", 11, &value), TG_ERR_RANGE, "one more");
    for (int c = 0; c < 256; c++) {
        const char *at = c ? strchr(TG_BASE62_ALPHABET, c) : NULL;
        int want = at ? (int)(at - TG_BASE62_ALPHABET) : -1;

        is_right &= tg_base62_value((unsigned char)c) == want;
    }
    ok(is_right, "every byte has its value");
}

static void
test_secret(void)
{
    struct tg_secret a, b;
    char big[TG_SECRET_MAX + 1];

    memset(big, 'x', sizeof(big));
    is_int(tg_secret_set(&a, (struct tg_str){big, sizeof(big) - 1}), 0, "256");
    is_int(tg_secret_set(&a, (struct tg_str){big, sizeof(big)}), TG_ERR_LIMIT,
           "257 are too many");
    is_int(a.len, 256, "and nothing is changed");
    tg_secret_set(&a, TG_STR("upstream"));
    tg_secret_set(&b, TG_STR("upstream"));
    ok(tg_secret_is_equal(&a, &b), "equal");
    b.data[7] = 'M';
    ok(!tg_secret_is_equal(&a, &b), "not equal in the last byte");
    tg_secret_set(&b, TG_STR("upstrea"));
    ok(!tg_secret_is_equal(&a, &b), "not equal in length");
    tg_secret_wipe(&a);
    ok(a.len == 0 && a.data[0] == 0 && a.data[255] == 0, "wiped");
}

static void
test_digest(void)
{
    static const uint8_t abc[32] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    struct tg_digest digest, again;

    tg_digest_of(TG_STR("abc"), &digest);
    ok(memcmp(digest.bytes, abc, 32) == 0, "is SHA-256 (FIPS 180-2, abc)");
    tg_digest_of(TG_STR("something else"), &again);
    ok(!tg_digest_is_equal(&digest, &again), "another differs");
    tg_digest_of(TG_STR("abc"), &again);
    ok(tg_digest_is_equal(&digest, &again), "nothing is left of the last one");
    tg_digest_of((struct tg_str){NULL, 0}, &again);
    ok(again.bytes[0] == 0xe3 && again.bytes[31] == 0x55,
       "of nothing it is e3...55");
}

int
main(void)
{
    test_vectors();
    test_mint();
    test_mint_by_the_kernel();
    test_mint_refuses();
    test_unbiased();
    test_every_change_is_found();
    test_every_swap_is_found();
    test_every_length_is_found();
    test_mask();
    test_kind_names();
    test_base62();
    test_secret();
    test_digest();
    return done();
}
