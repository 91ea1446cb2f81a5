/* Goal: wrong keys of one address are slowed down, and nothing else is. */
#include "admit_judge.h"

#include <arpa/inet.h>

#include "admit_take.h"
#include "throttle.h"

#define LIMIT 3
#define WAIT_MS 20000 /* for one of three a minute */

#define MISSING NULL
#define MALFORMED "Bearer sk-tgp_short"
#define UNKNOWN "Bearer " UNKNOWN_SECRET

static const struct test_policy in_force;

static void
address_of(const char *text, uint8_t ip[16])
{
    char mapped[64];

    snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
    if (inet_pton(AF_INET6, strchr(text, ':') ? text : mapped, ip) != 1)
        abort();
}

/* The status of a call with this Authorization, from there, then. */
static int
call(const char *authorization, const char *from, int64_t now_ms,
     struct tg_admission *a)
{
    struct tg_credential credential = {0};
    struct tg_request request = {.method = TG_METHOD_POST,
                                 .path = TG_STR(CHAT_PATH),
                                 .framing = sound_framing,
                                 .credential = &credential,
                                 .now_ms = now_ms};

    address_of(from, request.ip);
    if (authorization != NULL)
        tg_credential_add(&credential, TG_SOURCE_AUTHORIZATION,
                          text_of(authorization));
    memset(a, 0xa5, sizeof(*a));
    tg_admit_head(&state, &request, a);
    return a->action == TG_ACTION_READ_BODY ? 200
                                            : tg_code_row(a->code)->status;
}

/* Uses up what is there, and one more. */
static int
exhaust(const char *from, int64_t now_ms)
{
    struct tg_admission a;
    int status = 401;

    for (int i = 0; i <= LIMIT; i++)
        status = call(UNKNOWN, from, now_ms, &a);
    return status;
}

/* Each begins an hour later, when all is there again. */
static int64_t
later(void)
{
    static int64_t now_ms;

    now_ms = now_ms == 0 ? instant(NOON) : now_ms + 3600000;
    return now_ms;
}

static void
test_what_counts(void)
{
    static const char *const wrong[] = {MISSING, MALFORMED, UNKNOWN};
    int64_t now_ms = later();
    struct tg_admission a;

    for (int i = 0; i < LIMIT; i++)
        is_int(call(wrong[i], "192.0.2.1", now_ms, &a), 401,
               "%d of %d a minute", i + 1, LIMIT);
    for (int i = 0; i < 3; i++) {
        is_int(call(wrong[i], "192.0.2.1", now_ms, &a), 429, "one more");
        is_int(tg_admit_retry_ms(&a), WAIT_MS, "when it may come again");
        ok(!tg_admit_may_retry(&a), "and that it helps not");
    }
    is_int(call(UNKNOWN, "192.0.2.1", now_ms + WAIT_MS - 1, &a), 429,
           "not before");
    is_int(call(UNKNOWN, "192.0.2.1", now_ms + WAIT_MS, &a), 401, "then");
    is_int(call(UNKNOWN, "192.0.2.1", now_ms + WAIT_MS, &a), 429, "once");
}

static void
test_a_good_key_passes(void)
{
    static const struct test_policy paused = {.status = TG_KEY_INACTIVE};
    int64_t now_ms = later();
    struct tg_admission a;

    publish_policy(&in_force);
    for (int i = 0; i < 100; i++)
        call(UNKNOWN, "192.0.2.2", now_ms, &a);
    is_int(call(BEARER, "192.0.2.2", now_ms, &a), 200,
           "a good key passes where a hundred wrong ones came from");
    now_ms = later();
    for (int i = 0; i < 100; i++)
        call(BEARER, "192.0.2.2", now_ms, &a);
    is_int(call(UNKNOWN, "192.0.2.2", now_ms, &a), 401, "and takes nothing");

    now_ms = later();
    publish_policy(&paused);
    for (int i = 0; i < 100; i++)
        call(BEARER, "192.0.2.2", now_ms, &a);
    is_int(a.code, TG_CODE_KEY_INACTIVE, "nor is a known key a wrong one");
    is_int(call(UNKNOWN, "192.0.2.2", now_ms, &a), 401, "it takes nothing");
    publish_policy(&in_force);
}

/* Pairs of addresses: do they share what they may? */
static const struct {
    const char *one, *other;
    bool is_shared;
} pairs[] = {
    {"192.0.2.3", "192.0.2.4", false},
    {"192.0.2.3", "::ffff:192.0.2.3", true},
    {"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
    {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
    {"::1", "::ffff:192.0.2.5", false},
    {"::1", "::ffff:0.0.0.0", false},
};

static void
test_addresses(void)
{
    for (size_t i = 0; i < COUNT(pairs); i++) {
        int64_t now_ms = later();
        struct tg_admission a;

        is_int(exhaust(pairs[i].one, now_ms), 429, "%s is done with",
               pairs[i].one);
        is_int(call(UNKNOWN, pairs[i].other, now_ms, &a),
               pairs[i].is_shared ? 429 : 401, "and so is %s, or not",
               pairs[i].other);
    }
}

#define BESIDES " Besides, too many requests without a valid key come from "
#define REST                                                                   \
    ": 3 a minute are allowed, and the next in 20s. A valid key works from "   \
    "there meanwhile."
#define LIMITED(message)                                                       \
    ERROR("rate_limit_error", "null", "rate_limit_exceeded", message)

static const struct {
    const char *authorization, *from, *want;
} sentences[] = {
    {MISSING, "192.0.2.7",
     LIMITED("No API key was sent. Send it in the header \\\"Authorization: "
             "Bearer sk-tg...\\\", or in x-api-key or api-key." BESIDES
             "192.0.2.7" REST)},
    {UNKNOWN, "2001:db8:5:6:7:8:9:a",
     LIMITED("This API key is well formed but not known here. It may belong "
             "to another Tollgate, or it was deleted. Check the base URL, or "
             "ask your operator for a new key." BESIDES
             "2001:db8:5:6::/64" REST)},
    {"Bearer ${KEY}", "192.0.2.7",
     LIMITED("This is the name of a variable, not its value. See that it is "
             "set, and expanded by whatever reads it." BESIDES
             "192.0.2.7" REST)},
};

static void
test_sentences(void)
{
    for (size_t i = 0; i < COUNT(sentences); i++) {
        int64_t now_ms = later();
        struct tg_admission a;
        struct tg_str key = TG_STR("");

        if (sentences[i].authorization != NULL)
            key = text_of(sentences[i].authorization + strlen("Bearer "));
        exhaust(sentences[i].from, now_ms);
        call(sentences[i].authorization, sentences[i].from, now_ms, &a);
        is_str(refusal(&a, key), sentences[i].want,
               "it says what is wrong, and how many may be");
    }
}

/* A body refused behind a throttled head has nothing of it. */
static void
test_nothing_is_left_over(void)
{
    static struct tg_admission a;
    struct tg_body_fault fault = {.kind = TG_BODY_EMPTY};
    struct tg_head kept;
    int64_t now_ms = later();

    call(BEARER, "192.0.2.8", now_ms, &a);
    kept = a.head;
    exhaust("192.0.2.8", now_ms);
    call(UNKNOWN, "192.0.2.8", now_ms, &a);
    tg_admit_body(&state, &kept, NULL, &fault, now_ms, &a);
    is_str(refusal(&a, TG_STR("")),
           INVALID("null", "invalid_request",
                   "The request has no body; send a JSON object."),
           "the next refusal speaks for itself");
}

static void
test_off(void)
{
    struct tg_admission a;
    int64_t now_ms = later();
    int status = 401;

    publish_settings((struct tg_settings){0});
    for (int i = 0; i < 1000 && status == 401; i++)
        status = call(UNKNOWN, "192.0.2.9", now_ms, &a);
    is_int(status, 401, "0 a minute is any number");
}

/* How many of 4096 neighbours have a bucket that a smaller one has. */
static int
collisions(void)
{
    int64_t now_ms = later();
    uint8_t ip[16];
    int count = 0;

    address_of("10.0.0.0", ip);
    for (int i = 0; i < 4096; i++) {
        ip[14] = (uint8_t)(i >> 8);
        ip[15] = (uint8_t)i;
        count += tg_throttle_take(&state, ip, 1, now_ms) != 0;
    }
    return count;
}

/* 4096 balls in 65 536 bins collide 126 times on average, deviation 11. */
static void
test_spread(void)
{
    struct tg_state_header *header = state.header;
    int first = collisions(), second;

    ok(first > 60 && first < 200, "%d of 4096 addresses share", first);
    is_int(collisions(), first, "always the same ones");
    header->uuid[15] ^= 1;
    second = collisions();
    ok(second > 60 && second < 200 && second != first,
       "others by another name of the file: %d", second);
    header->uuid[15] ^= 1;
}

int
main(void)
{
    admit_test_begin();
    publish_settings((struct tg_settings){.wrong_keys_per_minute = LIMIT});
    publish_policy(&in_force);
    tg_publish_ready(publisher, 1);
    test_what_counts();
    test_a_good_key_passes();
    test_addresses();
    test_sentences();
    test_nothing_is_left_over();
    test_off();
    test_spread();
    admit_test_end();
    return done();
}
