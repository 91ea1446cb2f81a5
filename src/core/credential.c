#include "credential.h"

#include <strings.h>

#define BEARER_LEN 6

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct tg_str
trim(struct tg_str text)
{
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_blank(*text.data)) {
        text.data++;
        text.len--;
    }
    return text;
}

/* Length of the word at the start of text. */
static size_t
word_len(struct tg_str text)
{
    size_t n = 0;

    while (n < text.len && !is_blank(text.data[n]))
        n++;
    return n;
}

/* What an Authorization header without the word "Bearer" in front is. */
static enum tg_credential_verdict
judge_scheme(struct tg_str value, size_t scheme_len)
{
    bool is_scheme = scheme_len < value.len;

    for (size_t i = 0; i < scheme_len; i++) {
        char c = value.data[i];

        /* Words such as "Basic"; not "Bearer:", quotes, or a key. */
        is_scheme =
            is_scheme && ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          c == '-' || (c >= '0' && c <= '9'));
    }
    if (scheme_len >= 3 && memcmp(value.data, "sk-", 3) == 0)
        is_scheme = false;
    return is_scheme ? TG_CREDENTIAL_OTHER_SCHEME : TG_CREDENTIAL_NO_BEARER;
}

/* Whether the first word is "Bearer", which is mostly written just so. */
static bool
is_bearer(struct tg_str value)
{
    return value.len >= BEARER_LEN &&
           (memcmp(value.data, "Bearer", BEARER_LEN) == 0 ||
            strncasecmp(value.data, "Bearer", BEARER_LEN) == 0) &&
           (value.len == BEARER_LEN || is_blank(value.data[BEARER_LEN]));
}

/* Takes "Bearer" off the value of an Authorization header. */
static enum tg_credential_verdict
take_bearer(struct tg_str *value)
{
    if (!is_bearer(*value))
        return judge_scheme(*value, word_len(*value));
    *value = trim(
        (struct tg_str){value->data + BEARER_LEN, value->len - BEARER_LEN});
    return value->len > 0 ? TG_CREDENTIAL_FOUND : TG_CREDENTIAL_EMPTY;
}

static enum tg_credential_verdict
read_value(enum tg_credential_source source, struct tg_str *value)
{
    *value = trim(*value);
    if (value->len == 0)
        return TG_CREDENTIAL_EMPTY;
    if (source == TG_SOURCE_AUTHORIZATION)
        return take_bearer(value);
    return TG_CREDENTIAL_FOUND;
}

static bool
is_nothing(enum tg_credential_verdict verdict)
{
    return verdict == TG_CREDENTIAL_MISSING || verdict == TG_CREDENTIAL_EMPTY;
}

void
tg_credential_add(struct tg_credential *credential,
                  enum tg_credential_source source, struct tg_str value)
{
    enum tg_credential_verdict verdict = read_value(source, &value);

    if (is_nothing(credential->verdict)) {
        credential->key = value;
        credential->source = source;
        credential->verdict = verdict;
    } else if (!is_nothing(verdict)) {
        if (!tg_str_eq(value, credential->key))
            credential->verdict = TG_CREDENTIAL_CONFLICT;
        else if (credential->verdict == TG_CREDENTIAL_FOUND)
            credential->verdict = verdict;
    }
}

enum tg_credential_verdict
tg_credential_verdict(const struct tg_credential *credential)
{
    return credential->verdict;
}

const char *
tg_credential_sentence(enum tg_credential_verdict verdict)
{
    static const char *const sentences[TG_CREDENTIAL_COUNT] = {
        [TG_CREDENTIAL_MISSING] =
            "No API key was sent. Send it in the header \"Authorization: "
            "Bearer sk-tg...\", or in x-api-key or api-key.",
        [TG_CREDENTIAL_FOUND] = "",
        [TG_CREDENTIAL_EMPTY] =
            "The header for the API key is empty. Set the variable or setting "
            "that your program reads its key from.",
        [TG_CREDENTIAL_NO_BEARER] =
            "The Authorization header lacks the word \"Bearer\". It must read "
            "\"Authorization: Bearer sk-tg...\", with one blank and no colon.",
        [TG_CREDENTIAL_OTHER_SCHEME] =
            "The Authorization header uses another scheme than \"Bearer\". It "
            "must read \"Authorization: Bearer sk-tg...\".",
        [TG_CREDENTIAL_CONFLICT] =
            "Two different API keys were sent in one request. Send one, in one "
            "of the headers Authorization, x-api-key and api-key.",
        [TG_CREDENTIAL_IN_URL] =
            "An API key was sent in the URL, where logs keep it. Send it in "
            "the header \"Authorization: Bearer sk-tg...\" and replace this "
            "key.",
    };
    unsigned row = verdict;

    return sentences[row < TG_CREDENTIAL_COUNT ? row : TG_CREDENTIAL_MISSING];
}
