/*
 * Goal: while a state file is filled, a call waits for its key, a wrong one
 * is refused once that is sure, and a key that can be found is whole.
 */
#include "admit_judge.h"

#include "budget.h"
#include "cell.h"
#include "wanted.h"

static struct tg_digest
digest_of(const char *secret)
{
    struct tg_digest digest;

    tg_digest_of(text_of(secret), &digest);
    return digest;
}

/* What a call with this secret comes to, that was judged first at since_ms. */
static struct tg_admission
call(const char *secret, int64_t since_ms, int64_t now_ms)
{
    static struct tg_admission a;
    struct tg_credential credential = {0};
    struct tg_request request = {.method = TG_METHOD_POST,
                                 .path = TG_STR(CHAT_PATH),
                                 .framing = sound_framing,
                                 .credential = &credential,
                                 .since_ms = since_ms,
                                 .now_ms = now_ms};
    char bearer[80];

    snprintf(bearer, sizeof(bearer), "Bearer %s", secret);
    tg_credential_add(&credential, TG_SOURCE_AUTHORIZATION, text_of(bearer));
    memset(&a, 0xa5, sizeof(a));
    tg_admit_head(&state, &request, &a);
    return a;
}

/* The rows in which a key is wanted. */
static uint32_t
wanted(uint32_t *last, struct tg_digest *digest)
{
    uint32_t count = 0;

    for (uint32_t row = 0; tg_wanted_next(&state, &row, digest); row++) {
        *last = row;
        count++;
    }
    return count;
}

static void
test_a_call_waits_for_its_key(int64_t now_ms)
{
    static const struct test_policy policy;
    struct tg_digest digest, want = digest_of(OLD_SECRET);
    struct tg_admission a = call(OLD_SECRET, 0, now_ms);
    uint32_t row, slot;

    is_int(a.action, TG_ACTION_WAIT, "a key that is not there is waited for");
    ok(a.wait_ms > 0 && a.wait_ms <= 20, "for some milliseconds");
    is_int(wanted(&row, &digest), 1, "the daemon sees that it is wanted");
    ok(tg_digest_is_equal(&digest, &want), "by its digest");
    call(OLD_SECRET, now_ms, now_ms + 5);
    is_int(wanted(&row, &digest), 1, "asked for twice it stands there once");

    slot = publish_policy(&policy);
    is_int(call(OLD_SECRET, now_ms, now_ms + 6).action, TG_ACTION_WAIT,
           "while it is staged it cannot be found");
    tg_budget_load(&state, slot, 7, 8, 500, 600);
    is_int(tg_publish_open(publisher, slot), 0, "it is opened");
    tg_wanted_answer(&state, row, false);
    is_int(call(OLD_SECRET, now_ms, now_ms + 7).action, TG_ACTION_READ_BODY,
           "and then admitted");
    is_int(atomic_load(&state.keys[slot].day.used_nanos), 500,
           "with what it has spent");
    is_int(wanted(&row, &digest), 0, "nothing is wanted any more");
    is_int(tg_publish_open(publisher, slot), TG_ERR_NOT_FOUND,
           "what is open is not opened once more");
}

static void
test_a_wrong_key_is_refused_when_it_is_sure(int64_t now_ms)
{
    struct tg_admission a;
    struct tg_digest digest;
    uint32_t row = 0;

    is_int(wanted(&row, &digest), 1,
           "a wrong key waits until the daemon has looked");
    tg_wanted_answer(&state, row, true);
    a = call(UNKNOWN_SECRET, now_ms, now_ms + 2);
    is_int(a.action, TG_ACTION_REFUSE, "then it is refused");
    is_int(a.code, TG_CODE_INVALID_API_KEY, "as a wrong one");
    a = call(UNKNOWN_SECRET, 0, now_ms + 3);
    is_int(a.code, TG_CODE_INVALID_API_KEY, "at once, the next time");
}

static void
test_patience_ends(int64_t now_ms)
{
    struct tg_admission a =
        call(UNKNOWN_SECRET, now_ms, now_ms + TG_WANTED_PATIENCE_MS - 1);

    is_int(a.action, TG_ACTION_WAIT, "a call waits for ten seconds");
    a = call(UNKNOWN_SECRET, now_ms, now_ms + TG_WANTED_PATIENCE_MS);
    is_int(a.action, TG_ACTION_REFUSE, "and no longer");
    is_int(a.code, TG_CODE_GATE_UNAVAILABLE, "and is told to try again");
}

/* More than there are rows: whoever finds none asks again later. */
static void
test_a_full_table(void)
{
    uint32_t row = 0, served = 0, rounds = 0;
    struct tg_digest digest;

    while (served < 4 * TG_WANTED_ROWS && rounds++ < 100) {
        for (uint32_t n = 0; n < 4 * TG_WANTED_ROWS; n++) {
            digest = test_digest(n);
            tg_wanted_ask(&state, &digest);
        }
        for (row = 0; tg_wanted_next(&state, &row, &digest); row++) {
            tg_wanted_answer(&state, row, served % 2 == 0);
            served++;
        }
    }
    ok(served >= 4 * TG_WANTED_ROWS, "%u were served in %u rounds", served,
       rounds);
}

/* Killed with keys staged, the next publisher stages them once more. */
static void
test_what_is_staged_is_lost_with_its_publisher(void)
{
    struct tg_key_policy key = test_key(5), found;
    struct tg_digest digest = test_digest(5);
    uint32_t slot, again;

    tg_publish_key(publisher, &key, &slot);
    is_int(tg_publisher_staged(publisher, slot, &found), 0, "a key is staged");
    ok(memcmp(&found, &key, sizeof(key)) == 0, "byte for byte");
    tg_publisher_close(publisher);
    if (tg_publisher_open(&publisher, &state) != 0)
        abort();
    is_int(tg_publisher_staged(publisher, slot, &found), TG_ERR_NOT_FOUND,
           "the next publisher knows nothing of it");
    is_int(tg_state_lookup(&state, &digest, &again), TG_ERR_NOT_FOUND,
           "and nobody finds it");
    tg_publish_key(publisher, &key, &again);
    is_int(again, slot, "staged once more it gets the same slot");
    is_int(tg_publish_open(publisher, again), 0, "and is opened");
    is_int(tg_state_lookup(&state, &digest, &again), 0, "and found");
}

static void
test_filled(int64_t now_ms)
{
    tg_publish_filled(publisher);
    is_int(call(UNKNOWN_SECRET, 0, now_ms).code, TG_CODE_INVALID_API_KEY,
           "in a file that is full, what is not found is wrong");
}

int
main(void)
{
    int64_t now_ms = instant(NOON);

    admit_test_begin();
    tg_publish_fill(publisher);
    tg_publish_ready(publisher, 1);
    test_a_call_waits_for_its_key(now_ms);
    test_patience_ends(now_ms);
    test_a_wrong_key_is_refused_when_it_is_sure(now_ms);
    test_what_is_staged_is_lost_with_its_publisher();
    test_filled(now_ms);
    test_a_full_table();
    admit_test_end();
    return done();
}
