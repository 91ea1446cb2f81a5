/*
 * Everything that reads what came where a key belongs: the first byte
 * chooses how the rest is cut into headers or a URL.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "credential.h"
#include "diagnose.h"
#include "key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds)
        abort();
}

static void
check_key(struct tg_str text)
{
    enum tg_key_kind kind = TG_KIND_NONE;
    enum tg_diagnosis diagnosis = tg_key_diagnose(text);
    char mask[TG_KEY_MASK_SIZE];
    bool is_key = tg_key_parse(text, &kind) == 0;

    check(is_key == (diagnosis == TG_DIAGNOSIS_SOUND));
    check(is_key == (kind != TG_KIND_NONE));
    check(diagnosis < TG_DIAGNOSIS_COUNT);
    tg_key_mask(text, mask);
    check(strlen(mask) < TG_KEY_MASK_SIZE);
    check(text.len >= 12 || mask[0] == '\0');
}

static void
check_headers(struct tg_str text, unsigned choice)
{
    struct tg_credential credential = {0};
    size_t cut = text.len * (choice >> 4 & 7) / 8;
    struct tg_str first = {text.data, cut};
    struct tg_str second = {text.data + cut, text.len - cut};

    tg_credential_add(&credential, 1 + choice % 3, first);
    tg_credential_add(&credential, 1 + choice / 3 % 3, second);
    check(tg_credential_verdict(&credential) != TG_CREDENTIAL_MISSING);
    check(tg_credential_verdict(&credential) != TG_CREDENTIAL_IN_URL);
    check(credential.key.len <= text.len);
    check_key(credential.key);
}

static void
check_url(struct tg_str text, unsigned choice)
{
    size_t cut = text.len * (choice >> 4 & 7) / 8;
    struct tg_str path = {text.data, cut}, ours;
    struct tg_str query = {text.data + cut, text.len - cut};
    enum tg_key_kind kind;
    bool is_found = tg_credential_in_url(path, query, &ours);

    check(is_found || ours.len == 0);
    check(ours.len == 0 || tg_key_parse(ours, &kind) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_str text;

    if (size == 0)
        return 0;
    text = (struct tg_str){(const char *)data + 1, size - 1};
    check_key(text);
    check_headers(text, data[0]);
    check_url(text, data[0]);
    return 0;
}
