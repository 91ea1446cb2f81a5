/* Goal: codes are RFC 6238's, work as they may be typed, and attempts wait. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempts.h"
#include "password.h"
#include "qr.h"
#include "session.h"
#include "tap.h"
#include "totp.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t seed[] = "12345678901234567890";

/* RFC 6238, appendix B, SHA-1: the last six of its eight digits. */
static const struct {
    int64_t at_s;
    const char *code;
} vectors[] = {
    {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
    {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
};

static void
test_vectors(void)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        int64_t at_ms = vectors[i].at_s * 1000, step = 0;
        int64_t want = vectors[i].at_s / 30;

        ok(tg_totp_step(seed, vectors[i].code, at_ms, &step), "at %lld s",
           (long long)vectors[i].at_s);
        is_int(step, want, "of its step");
        for (int off = want >= 2 ? -2 : -1; off <= 2; off++) {
            bool want_ok = off >= -1 && off <= 1;
            bool is = tg_totp_step(seed, vectors[i].code,
                                   (want + off) * 30000 + 15000, &step);

            ok(is == want_ok && (!is || step == want),
               "%d steps from it: %s, and still of its step", off,
               want_ok ? "taken" : "not");
        }
    }
}

static const struct {
    const char *typed;
    bool is_one;
} typed[] = {
    {"287082", true},   {"287 082", true},   {" 287082 ", true},
    {"287-082", true},  {"28 70 82", true},  {"", false},
    {"28708", false},   {"2870820", false},  {"287082x", false},
    {"0287082", false}, {"+87082", false},   {"-287082-", true},
    {"287083", false},  {"28708\t2", false}, {"287082\n", false},
    {"٢٨٧٠٨٢", false},
};

static void
test_typed(void)
{
    for (size_t i = 0; i < COUNT(typed); i++) {
        int64_t step = -1;

        ok(tg_totp_step(seed, typed[i].typed, 59000, &step) == typed[i].is_one,
           "line %zu of what is typed", i);
        is_int(step, typed[i].is_one ? 1 : -1, "its step, or none");
    }
}

static void
test_recovery(void)
{
    struct tg_digest one, other;
    char code[TG_RECOVERY_SIZE], spelt[64];

    is_int(tg_recovery_mint(code, &one), 0, "a code is made");
    is_int(strlen(code), 19, "of four groups of four");
    snprintf(spelt, sizeof(spelt), " %.4s%.4s %.9s", code, code + 5, code + 10);
    for (char *c = spelt; *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    ok(tg_recovery_read(spelt, &other), "'%s' is read", spelt);
    ok(memcmp(&one, &other, sizeof(one)) == 0, "and is the same");
    code[0] = code[0] == 'a' ? 'b' : 'a';
    ok(tg_recovery_read(code, &other) && memcmp(&one, &other, sizeof(one)) != 0,
       "another one is another");
    ok(!tg_recovery_read("aaaa-aaaa-aaaa-aaa", &other), "too short");
    ok(!tg_recovery_read("aaaa-aaaa-aaaa-aaaaa", &other), "too long");
    ok(!tg_recovery_read("aaaa-aaaa-aaaa-aaa0", &other), "no such letter");
}

static void
test_uri(void)
{
    char secret[40], uri[TG_TOTP_URI_SIZE];

    is_int(tg_totp_uri(seed, "ann@example.com", secret, uri), 0, "a URI");
    is_str(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "RFC 4648's base32");
    is_str(uri,
           "otpauth://totp/Tollgate:ann@example.com?secret="
           "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tollgate",
           "as applications read it");
}

/* Half blocks of a code have its quiet zone, and an SVG has nothing else. */
static void
test_pictures(void)
{
    char *text = tg_qr_text("otpauth://totp/x?secret=y");
    char *svg = tg_qr_svg("<script>&\"'");

    ok(text != NULL && strncmp(text, "█", strlen("█")) == 0 &&
           text[strlen(text) - 1] == '\n',
       "its corner is light");
    ok(svg != NULL && strncmp(svg, "<svg ", 5) == 0 &&
           strstr(svg, "script") == NULL && strchr(svg, '&') == NULL,
       "no text stands in a picture");
    free(text);
    free(svg);
}

static void
test_passwords(void)
{
    char text[TG_PASSWORD_TEXT_SIZE];

    ok(tg_password_enter() && tg_password_enter(), "two places");
    ok(!tg_password_enter() && !tg_password_enter(), "and no third");
    tg_password_leave();
    ok(tg_password_enter(), "one that is free again");
    is_int(tg_password_hash(TG_STR("correct horse battery"), text), 0,
           "a text is made");
    ok(strncmp(text, "$argon2id$v=19$m=65536,t=2,p=1$", 31) == 0, "argon2id's");
    ok(tg_password_is(text, TG_STR("correct horse battery")), "it is it");
    ok(!tg_password_is(text, TG_STR("correct horse batterz")), "this is not");
    ok(!tg_password_is("", TG_STR("")) && !tg_password_is("", TG_STR("x")),
       "nobody has none");
    is_int(crypto_pwhash_str_needs_rehash(text,
                                          crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                          crypto_pwhash_MEMLIMIT_INTERACTIVE),
           0, "as dear as nobody's");
    tg_password_leave();
    tg_password_leave();
}

static const struct {
    const char *header, *value;
} cookies[] = {
    {"__Host-tollgate=abc", "abc"},
    {"a=b; __Host-tollgate=abc; c=d", "abc"},
    {"a=b;__Host-tollgate=abc", "abc"},
    {"__Host-tollgate=abc;", "abc"},
    {"__Host-tollgate=", ""},
    {"__Host-tollgatex=abc", ""},
    {"x__Host-tollgate=abc", ""},
    {"a=__Host-tollgate=abc", ""},
    {"__host-tollgate=abc", ""},
    {";;; ;", ""},
    {"", ""},
    {"__Host-tollgate", ""},
};

static void
test_cookies(void)
{
    for (size_t i = 0; i < COUNT(cookies); i++) {
        struct tg_str value = tg_session_of_cookie(cookies[i].header);

        ok(value.len == strlen(cookies[i].value) &&
               memcmp(value.data, cookies[i].value, value.len) == 0,
           "'%s'", cookies[i].header);
    }
}

static void
test_ages(void)
{
    static const struct {
        const char *kind;
        int64_t idle_ms, left_ms, ended_at;
        bool is_over;
    } rows[] = {
        {"bearer", 0, 1000, 0, false},
        {"bearer", 12 * 3600000, 1000, 0, false},
        {"bearer", 12 * 3600000 + 1, 1000, 0, true},
        {"bearer", 0, 0, 0, true},
        {"bearer", 0, 1000, 5, true},
        {"cookie", 3600000, 1000, 0, false},
        {"cookie", 3600001, 1000, 0, true},
        {"token", 0, 1000, 0, true},
    };
    int64_t now_ms = 1000000000000;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_store_access row = {
            .kind = rows[i].kind,
            .last_used_at = now_ms - rows[i].idle_ms,
            .expires_at = now_ms + rows[i].left_ms,
            .ended_at = rows[i].ended_at,
        };

        ok(tg_session_is_over(&row, now_ms) == rows[i].is_over,
           "%s, %lld ms unused, %lld left", rows[i].kind,
           (long long)rows[i].idle_ms, (long long)rows[i].left_ms);
    }
}

/* Three at once, and then one in ten seconds. */
static const struct tg_attempts_limit limit = {3, 10000};

static int64_t
wait_of(struct tg_store *store, const char *name, int64_t now_ms)
{
    int64_t wait_ms = -1;
    int err = tg_attempts_take(store, name, &limit, now_ms, &wait_ms);

    return err != 0 ? err : wait_ms;
}

static void
test_attempts(struct tg_store *store)
{
    int64_t now = 1000000000000;

    for (int i = 0; i < 3; i++)
        is_int(wait_of(store, "a", now), 0, "one of three");
    is_int(wait_of(store, "a", now), 10000, "a fourth waits");
    is_int(wait_of(store, "a", now + 9999), 1, "to the end");
    is_int(wait_of(store, "a", now + 10000), 0, "then there is one");
    is_int(wait_of(store, "a", now + 10000), 10000, "and no second");
    is_int(wait_of(store, "b", now + 10000), 0, "another name is another");
    is_int(tg_attempts_give_back(store, "a", &limit, now + 10000), 0,
           "one is given back");
    is_int(wait_of(store, "a", now + 10000), 0, "and there again");
    is_int(wait_of(store, "a", now - 86400000), 0,
           "a clock that was set back locks nobody out");
    for (int i = 0; i < 5; i++)
        tg_attempts_give_back(store, "c", &limit, now);
    for (int i = 0; i < 3; i++)
        is_int(wait_of(store, "c", now), 0, "what was not taken is no gift");
    ok(wait_of(store, "c", now) > 0, "nor is there a fourth");
    is_int(wait_of(store, "d", now + 2 * 86400000), 0, "two days later");
    is_int(store->operators->attempts(store, "c", &now), 0, "it is asked for");
    is_int(now, 0, "what is old is forgotten");
}

static void
test_names(void)
{
    static const struct {
        const char *ip, *name;
    } rows[] = {
        {"192.0.2.1", "from:192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "from:2001:db8:1:2::"},
        {"::ffff:192.0.2.1", "from:::ffff:192.0.2.1"},
        {"", "from:"},
    };
    char name[TG_ATTEMPTS_NAME_SIZE], other[TG_ATTEMPTS_NAME_SIZE];

    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_attempts_address(name, rows[i].ip);
        is_str(name, rows[i].name, "%s", rows[i].ip);
    }
    tg_attempts_name(name, "login", "my password by mistake");
    ok(strstr(name, "password") == NULL, "what was typed is not kept");
    tg_attempts_name(other, "proof", "my password by mistake");
    ok(strcmp(name, other) != 0, "and is of its kind");
}

static void
test_with_a_store(void)
{
    char folder[] = "/dev/shm/tollgate-proofs-XXXXXX", path[128], command[160];
    struct tg_store *store;
    struct tg_error error;

    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(path, sizeof(path), "%s/store.db", folder);
    if (tg_store_open_sqlite(&store, path, &error) != 0)
        abort();
    test_attempts(store);
    store->ops->close(store);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
}

int
main(void)
{

    if (sodium_init() < 0)
        return 1;
    test_vectors();
    test_typed();
    test_recovery();
    test_uri();
    test_pictures();
    test_passwords();
    test_cookies();
    test_ages();
    test_names();
    test_with_a_store();
    return done();
}
