/* What an upstream's answer says: about the credential, itself, or neither. */
#include "fate.h"

#include "tap.h"

#define OPENAI_429                                                             \
    "{\"error\":{\"message\":\"You exceeded your current quota\",\"type\":"    \
    "\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}"

static const struct {
    const char *name;
    uint16_t status;
    const char *text;
    enum tg_fate fate;
    uint32_t limit;
} answers[] = {
    {"DeepSeek's 401", 401,
     "{\"error\":{\"message\":\"Authentication Fails, Your api key: ****De99 "
     "is invalid\",\"type\":\"authentication_error\",\"param\":null,\"code\":"
     "\"invalid_request_error\"}}",
     TG_FATE_REJECTED, 0},
    {"a 401 in plain text", 401, "Authentication Fails (governor)",
     TG_FATE_REJECTED, 0},
    {"vLLM's 401", 401, "{\"error\": \"Unauthorized\"}", TG_FATE_REJECTED, 0},
    {"a 401 without a body", 401, "", TG_FATE_REJECTED, 0},
    {"a 401 for a scope that is missing", 401,
     "You have insufficient permissions for this operation. Missing scopes: "
     "model.request.",
     TG_FATE_UNWELCOME, 0},
    {"DeepSeek's 402", 402,
     "{\"error\":{\"message\":\"Insufficient Balance\"}}", TG_FATE_UNPAID, 0},
    {"a 403 for the country", 403,
     "Country, region, or territory not supported", TG_FATE_REJECTED, 0},
    {"a 403 for a model", 403,
     "Project `p` does not have access to model `gpt-4o-mini`",
     TG_FATE_UNWELCOME, 0},
    {"a 403 for what the request says", 403,
     "{\"error\":{\"message\":\"Your input was flagged\"}}", TG_FATE_UNWELCOME,
     0},
    {"DeepSeek's concurrency", 429,
     "Your current concurrency is 40, which exceeds your concurrency limit of "
     "39 based on your remaining balance.",
     TG_FATE_CROWDED, 39},
    {"the same in other case", 429, "Concurrency Limit Of 7", TG_FATE_CROWDED,
     7},
    {"a limit of 0 is none", 429, "concurrency limit of 0", TG_FATE_BUSY, 0},
    {"a limit that is cut off is none", 429, "concurrency limit of ",
     TG_FATE_BUSY, 0},
    {"a limit beyond numbers", 429, "concurrency limit of 99999999999999999999",
     TG_FATE_CROWDED, 1000000},
    {"a rate", 429, "Rate limit reached for TPM", TG_FATE_BUSY, 0},
    {"OpenAI's empty account", 429, OPENAI_429, TG_FATE_UNPAID, 0},
    {"words that only sound like it", 429, "insufficient_quota", TG_FATE_BUSY,
     0},
    {"a request that never fits", 429,
     "Request too large for gpt-4o in organization org-x", TG_FATE_UNWELCOME,
     0},
    {"DeepSeek's 503", 503, "Service is too busy.", TG_FATE_OVERLOADED, 0},
    {"Anthropic's 529", 529, "", TG_FATE_OVERLOADED, 0},
    {"500", 500, "", TG_FATE_FAILED, 0},
    {"502", 502, "<html>", TG_FATE_FAILED, 0},
    {"a redirect", 302, "", TG_FATE_FAILED, 0},
    {"408", 408, "", TG_FATE_FAILED, 0},
    {"504: it may have been done", 504, "", TG_FATE_BROKEN, 0},
    {"524: so it may", 524, "", TG_FATE_BROKEN, 0},
    {"400", 400, "The supported API model names are", TG_FATE_NOTHING, 0},
    {"a 400 that speaks of quota", 400, OPENAI_429, TG_FATE_NOTHING, 0},
    {"404", 404, "does not exist or you do not have access to it",
     TG_FATE_NOTHING, 0},
    {"413", 413, "", TG_FATE_NOTHING, 0},
    {"422", 422, "Failed to deserialize", TG_FATE_NOTHING, 0},
};

static const struct {
    const char *ms, *seconds;
    int64_t wait_ms;
} waits[] = {
    {"", "", 0},
    {"", "7", 7000},
    {"174", "1", 174},
    {"0", "2", 2000},
    {"", "0", 0},
    {"", "-1", 0},
    {"", "1.5", 1000},
    {"", "Wed, 21 Oct 2026 07:28:00 GMT", 0},
    {"", "99999999999999999999", 86400000},
    {"99999999999999999999", "", 86400000},
};

static struct tg_str
str(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct tg_try end =
            tg_fate_of_answer(answers[i].status, str(answers[i].text));

        ok(end.fate == answers[i].fate && end.limit == answers[i].limit &&
               end.status == answers[i].status,
           "%s", answers[i].name);
    }
    is_int(tg_fate_of_silence(false).fate, TG_FATE_UNREACHED,
           "nothing was sent");
    is_int(tg_fate_of_silence(true).fate, TG_FATE_BROKEN,
           "something may have been");
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
        is_int(tg_fate_retry_ms(str(waits[i].ms), str(waits[i].seconds)),
               waits[i].wait_ms, "retry-after-ms '%s', Retry-After '%s'",
               waits[i].ms, waits[i].seconds);

    ok(tg_fate_row(TG_FATE_REJECTED)->goes_on &&
           tg_fate_row(TG_FATE_UNREACHED)->goes_on &&
           tg_fate_row(TG_FATE_OVERLOADED)->goes_on,
       "a call that was refused, or never sent, goes on");
    ok(!tg_fate_row(TG_FATE_BROKEN)->goes_on,
       "one that was sent and not answered does not");
    ok(!tg_fate_row(TG_FATE_NOTHING)->goes_on &&
           tg_fate_row(TG_FATE_NOTHING)->first_ms == 0,
       "a fault of the request's has no consequence");
    ok(tg_fate_row((enum tg_fate)99) == tg_fate_row(TG_FATE_NOTHING),
       "an unknown fate has none either");
    return done();
}
