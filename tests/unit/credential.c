/* Goal: one credential out of the headers, or the reason why there is none. */
#include "tap.h"

#include "credential.h"

#define KEY "sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgT"
#define OTHER "sk-tgd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1H3z00"

#define A TG_SOURCE_AUTHORIZATION
#define X TG_SOURCE_X_API_KEY
#define P TG_SOURCE_API_KEY
#define FOUND TG_CREDENTIAL_FOUND
#define EMPTY TG_CREDENTIAL_EMPTY
#define BARE TG_CREDENTIAL_NO_BEARER
#define SCHEME TG_CREDENTIAL_OTHER_SCHEME
#define CONFLICT TG_CREDENTIAL_CONFLICT

static const struct {
    enum tg_credential_verdict verdict;
    const char *key; /* what credential.key is */
    struct {
        enum tg_credential_source source; /* 0: no more headers */
        const char *value;
    } headers[4];
} rows[] = {
    {TG_CREDENTIAL_MISSING, "", {{0, ""}}},
    {FOUND, KEY, {{A, "Bearer " KEY}}},
    {FOUND, KEY, {{A, "bearer " KEY}}},
    {FOUND, KEY, {{A, "BEARER    " KEY}}},
    {FOUND, KEY, {{A, "  Bearer " KEY "\t "}}},
    {FOUND, KEY, {{A, "Bearer\t" KEY}}},
    {FOUND, KEY, {{X, KEY}}},
    {FOUND, KEY, {{P, " " KEY " "}}},
    /* what is wrong inside is tg_key_diagnose's to say */
    {FOUND, "Bearer " KEY, {{A, "Bearer Bearer " KEY}}},
    {FOUND, "Bearer " KEY, {{X, "Bearer " KEY}}},
    {FOUND, "\"" KEY "\"", {{A, "Bearer \"" KEY "\""}}},
    {FOUND, "a b", {{A, "Bearer a b"}}},
    {EMPTY, "", {{A, ""}}},
    {EMPTY, "", {{A, " \t "}}},
    {EMPTY, "", {{A, "Bearer"}}},
    {EMPTY, "", {{A, "Bearer   "}}},
    {EMPTY, "", {{X, ""}}},
    {EMPTY, "", {{X, ""}, {A, "Bearer "}, {P, " "}}},
    {BARE, KEY, {{A, KEY}}},
    {BARE, "Bearer: " KEY, {{A, "Bearer: " KEY}}},
    {BARE, "Bearer" KEY, {{A, "Bearer" KEY}}},
    {BARE, "\"Bearer " KEY "\"", {{A, "\"Bearer " KEY "\""}}},
    {BARE, "sk-one two", {{A, "sk-one two"}}},
    {BARE, "null", {{A, "null"}}},
    {SCHEME, "Basic dXNlcjpwYXNz", {{A, "Basic dXNlcjpwYXNz"}}},
    {SCHEME, "Token " KEY, {{A, "Token " KEY}}},
    {SCHEME, "Digest username=\"a\"", {{A, "Digest username=\"a\""}}},
    {SCHEME,
     "AWS4-HMAC-SHA256 Credential=a",
     {{A, "AWS4-HMAC-SHA256 Credential=a"}}},
    /* more than one header */
    {FOUND, KEY, {{A, "Bearer " KEY}, {X, KEY}}},
    {FOUND, KEY, {{X, KEY}, {P, KEY}, {A, "Bearer " KEY}}},
    {FOUND, KEY, {{A, "Bearer " KEY}, {A, "Bearer " KEY}}},
    {FOUND, KEY, {{X, ""}, {A, "Bearer " KEY}}},
    {FOUND, KEY, {{A, "Bearer " KEY}, {X, " "}}},
    {FOUND, KEY, {{A, "Bearer"}, {X, KEY}}},
    {CONFLICT, KEY, {{A, "Bearer " KEY}, {X, OTHER}}},
    {CONFLICT, OTHER, {{X, OTHER}, {A, "Bearer " KEY}}},
    {CONFLICT, KEY, {{A, "Bearer " KEY}, {A, "Bearer " OTHER}}},
    {CONFLICT, KEY, {{A, "Bearer " KEY}, {X, KEY}, {P, OTHER}}},
    {CONFLICT, KEY, {{X, KEY}, {P, OTHER}, {A, "Bearer " KEY}}},
    {CONFLICT, KEY, {{X, KEY}, {A, "Basic dXNlcjpwYXNz"}}},
    {BARE, KEY, {{X, KEY}, {A, KEY}}},
    {BARE, KEY, {{A, KEY}, {X, KEY}}},
};

static void
test_headers(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_credential credential = {0};

        for (size_t h = 0; h < 4 && rows[i].headers[h].source != 0; h++) {
            const char *value = rows[i].headers[h].value;

            tg_credential_add(&credential, rows[i].headers[h].source,
                              (struct tg_str){value, strlen(value)});
        }
        is_int(tg_credential_verdict(&credential), rows[i].verdict,
               "verdict of row %zu", i);
        ok(tg_str_eq(credential.key,
                     (struct tg_str){rows[i].key, strlen(rows[i].key)}),
           "key of row %zu", i);
    }
}

static void
test_source(void)
{
    struct tg_credential credential = {0};

    tg_credential_add(&credential, X, (struct tg_str){NULL, 0});
    is_int(tg_credential_verdict(&credential), EMPTY, "an absent value");
    tg_credential_add(&credential, P, TG_STR(KEY));
    is_int(credential.source, P, "the header that has it is the source");
}

static void
test_sentences(void)
{
    bool is_whole = true;

    for (int i = 0; i < TG_CREDENTIAL_COUNT; i++)
        is_whole &= (*tg_credential_sentence(i) == '\0') == (i == FOUND);
    ok(is_whole, "every verdict but FOUND has a sentence");
    is_str(tg_credential_sentence(99),
           tg_credential_sentence(TG_CREDENTIAL_MISSING), "out of range");
}

static const struct {
    const char *path;
    const char *query;
    bool is_found;
    const char *ours;
} urls[] = {
    {"/v1/chat/completions", "", false, ""},
    {"/v1/chat/completions", "api-version=2024-10-21&stream=true", false, ""},
    {"/v1/models", "api_key=" KEY, true, KEY},
    {"/v1/models", "a=b&api_key=" KEY "&c=d", true, KEY},
    {"/v1/models", "x=" KEY, true, KEY},
    {"/v1/models", KEY, true, KEY},
    {"/" KEY "/models", "", true, KEY},
    {"/v1/models/" KEY, "", true, KEY},
    {"/v1/models", "x=sk-tgp_cut", true, ""},
    {"/v1/models", "x=sk%2Dtgp_zQWB", true, ""},
    {"/v1/models", "x=%73%6b%2d%74%67%72%5Fa", true, ""},
    {"/v1/models", "x=sssk-sk-tgd_a", true, ""},
    {"/v1/models", "x=sk-tgx_a", false, ""},
    {"/v1/models", "x=sk-tg", false, ""},
    {"/v1/models", "x=sk-tgp", false, ""},
    {"/v1/models", "key=AIza", true, ""},
    {"/v1/models", "KEY=a", true, ""},
    {"/v1/models", "k%65y=a", true, ""},
    {"/v1/models", "a;api-key=b", true, ""},
    {"/v1/models", "apikey=1", true, ""},
    {"/v1/models", "access_token=1", true, ""},
    {"/v1/models", "key=", false, ""},
    {"/v1/models", "key", false, ""},
    {"/v1/models", "key=&&=&", false, ""},
    {"/v1/models", "monkey=1&keys=2&api_key_id=3", false, ""},
    {"/v1/models", "a=%", false, ""},
    {"/v1/models", "a=%7", false, ""},
    {"/v1/models", "averyveryverylongname_key=1", false, ""},
    {"", "", false, ""},
};

static void
test_url(void)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct tg_str path = {urls[i].path, strlen(urls[i].path)};
        struct tg_str query = {urls[i].query, strlen(urls[i].query)}, ours;

        is_int(tg_credential_in_url(path, query, &ours), urls[i].is_found,
               "url %zu", i);
        ok(tg_str_eq(ours, (struct tg_str){urls[i].ours, strlen(urls[i].ours)}),
           "our key in url %zu", i);
        is_int(tg_credential_in_url(path, query, NULL), urls[i].is_found,
               "url %zu, asked without the key", i);
    }
}

int
main(void)
{
    test_headers();
    test_source();
    test_sentences();
    test_url();
    return done();
}
