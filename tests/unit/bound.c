/* The most tokens of prompt and answer, and what is affordable. */
#include "bound.h"

#include "err.h"
#include "tap.h"
#include "usage.h"

#define CHAT TG_ENDPOINT_CHAT
#define TEXT TG_ENDPOINT_COMPLETIONS
#define DEEPSEEK TG_DIALECT_DEEPSEEK
#define OPENAI TG_DIALECT_OPENAI
#define VLLM TG_DIALECT_VLLM
#define MAX "9223372036854775807"

/* The model: context, output, FIM.  want -1: out of range. */
static const struct {
    enum tg_dialect dialect;
    enum tg_endpoint endpoint;
    int64_t model[3];
    const char *members;
    int64_t want;
    enum tg_body_member member;
} rows[] = {
    /* A limit that is obeyed. */
    {DEEPSEEK, CHAT, {100, 50, 20}, "\"max_tokens\":7", 7, TG_BODY_MAX_TOKENS},
    {OPENAI, CHAT, {100, 50, 20}, "\"max_tokens\":7", 7, TG_BODY_MAX_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_completion_tokens\":7",
     7,
     TG_BODY_MAX_COMPLETION_TOKENS},
    {VLLM,
     CHAT,
     {100, 50, 20},
     "\"max_completion_tokens\":7",
     7,
     TG_BODY_MAX_COMPLETION_TOKENS},
    {VLLM,
     CHAT,
     {100, 50, 20},
     "\"max_completion_tokens\":7,\"max_tokens\":9",
     9,
     TG_BODY_MAX_TOKENS},
    {VLLM,
     CHAT,
     {100, 50, 20},
     "\"max_completion_tokens\":70,\"max_tokens\":9",
     70,
     TG_BODY_MAX_COMPLETION_TOKENS},
    {DEEPSEEK,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":700",
     700,
     TG_BODY_MAX_TOKENS},
    /* One that is not. */
    {DEEPSEEK,
     CHAT,
     {100, 50, 20},
     "\"max_completion_tokens\":7",
     50,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     TEXT,
     {100, 50, 20},
     "\"max_completion_tokens\":7",
     20,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_output_tokens\":7",
     50,
     TG_BODY_MAX_TOKENS},
    {TG_DIALECT_NONE,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":7",
     50,
     TG_BODY_MAX_TOKENS},
    {DEEPSEEK, CHAT, {100, 50, 20}, "\"max_tokens\":0", 50, TG_BODY_MAX_TOKENS},
    {DEEPSEEK,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":null",
     50,
     TG_BODY_MAX_TOKENS},
    /* The model's own. */
    {DEEPSEEK, CHAT, {100, 50, 20}, "", 50, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, TEXT, {100, 50, 20}, "", 20, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, TG_ENDPOINT_FIM, {100, 50, 20}, "", 20, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, TEXT, {100, 50, 0}, "", 50, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, CHAT, {100, 0, 20}, "", 100, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, CHAT, {0, 0, 0}, "", 1 << 20, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, CHAT, {-5, -5, -5}, "", 1 << 20, TG_BODY_MAX_TOKENS},
    /* Several answers. */
    {DEEPSEEK, CHAT, {100, 50, 20}, "\"n\":3", 150, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, CHAT, {100, 50, 20}, "\"n\":0", 50, TG_BODY_MAX_TOKENS},
    {DEEPSEEK, CHAT, {100, 50, 20}, "\"n\":null", 50, TG_BODY_MAX_TOKENS},
    {OPENAI,
     TEXT,
     {100, 50, 20},
     "\"n\":2,\"best_of\":5",
     100,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     TEXT,
     {100, 50, 20},
     "\"n\":5,\"best_of\":2",
     100,
     TG_BODY_MAX_TOKENS},
    /* Several prompts. */
    {OPENAI,
     TEXT,
     {100, 50, 20},
     "\"prompt\":[\"a\",\"b\",\"c\"],\"max_tokens\":7",
     21,
     TG_BODY_MAX_TOKENS},
    {VLLM,
     TG_ENDPOINT_FIM,
     {100, 50, 20},
     "\"prompt\":[[1,2],[3]],\"n\":3",
     120,
     TG_BODY_MAX_TOKENS},
    {OPENAI, TEXT, {100, 50, 20}, "\"prompt\":[1,2,3]", 20, TG_BODY_MAX_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"prompt\":[\"a\",\"b\"]",
     50,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     TEXT,
     {100, 50, 20},
     "\"prompt\":[\"a\",\"b\"],\"max_tokens\":1099511627776",
     -1,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     TEXT,
     {100, 50, 20},
     "\"prompt\":[\"a\",\"b\"],\"max_tokens\":1,\"n\":549755813889",
     -1,
     TG_BODY_N},
    /* Responses and messages. */
    {OPENAI,
     TG_ENDPOINT_RESPONSES,
     {100, 50, 20},
     "\"max_output_tokens\":7,\"max_tokens\":9",
     7,
     TG_BODY_MAX_OUTPUT_TOKENS},
    {DEEPSEEK,
     TG_ENDPOINT_RESPONSES,
     {100, 50, 20},
     "\"max_tokens\":9",
     50,
     TG_BODY_MAX_OUTPUT_TOKENS},
    {TG_DIALECT_ANTHROPIC,
     TG_ENDPOINT_MESSAGES,
     {100, 50, 20},
     "\"max_tokens\":7,\"max_output_tokens\":9",
     7,
     TG_BODY_MAX_TOKENS},
    {DEEPSEEK, TG_ENDPOINT_MESSAGES, {100, 50, 20}, "", 50, TG_BODY_MAX_TOKENS},
    {VLLM,
     TG_ENDPOINT_MESSAGES,
     {100, 50, 20},
     "\"max_completion_tokens\":7",
     50,
     TG_BODY_MAX_TOKENS},
    /* Embeddings have none. */
    {OPENAI,
     TG_ENDPOINT_EMBEDDINGS,
     {100, 50, 20},
     "\"n\":" MAX ",\"max_tokens\":" MAX,
     0,
     TG_BODY_MAX_TOKENS},
    /* What no call can have. */
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":1099511627776",
     TG_USAGE_TOKENS_MAX,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":1099511627777",
     -1,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_completion_tokens\":" MAX,
     -1,
     TG_BODY_MAX_COMPLETION_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":" MAX ",\"n\":" MAX,
     -1,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":2,\"n\":549755813888",
     TG_USAGE_TOKENS_MAX,
     TG_BODY_MAX_TOKENS},
    {OPENAI,
     CHAT,
     {100, 50, 20},
     "\"max_tokens\":2,\"n\":549755813889",
     -1,
     TG_BODY_N},
    {OPENAI, CHAT, {100, 50, 20}, "\"best_of\":" MAX, -1, TG_BODY_BEST_OF},
    {OPENAI,
     CHAT,
     {INT64_MAX, INT64_MAX, INT64_MAX},
     "",
     -1,
     TG_BODY_MAX_TOKENS},
};

/* Rates in picos a token: hit, miss, output, and then the rest. */
static const struct {
    struct tg_rates rates;
    int64_t prompt, left_nanos, want;
} affordable[] = {
    {{0, 1000, 2000, 0, 0}, 10, 10, 0},
    {{0, 1000, 2000, 0, 0}, 10, 9, -1},
    {{0, 1000, 2000, 0, 0}, 10, 11, 0},
    {{0, 1000, 2000, 0, 0}, 10, 12, 1},
    {{0, 1000, 2000, 0, 0}, 10, 43, 16},
    {{3000, 1000, 2000, 0, 0}, 10, 43, 6},
    /* Fractions of a nano-unit: a cost is rounded up, once. */
    {{0, 150, 600, 0, 0}, 1, 0, -1},
    {{0, 150, 600, 0, 0}, 1, 1, 1},
    {{0, 150, 600, 0, 0}, 1, 2, 3},
    {{0, 0, 600, 0, 0}, 1, 0, 0},
    /* What costs nothing. */
    {{0, 0, 0, 0, 0}, 10, 0, TG_USAGE_TOKENS_MAX},
    {{0, 1000, 0, 0, 0}, 10, 10, TG_USAGE_TOKENS_MAX},
    {{0, 1000, 0, 0, 0}, 10, 9, -1},
    /* The ends of the numbers. */
    {{0, 1, 1, 0, 0}, 0, INT64_MAX, TG_USAGE_TOKENS_MAX},
    {{0, INT64_MAX, INT64_MAX, 0, 0}, INT64_MAX, INT64_MAX, -1},
    {{0, INT64_MAX, INT64_MAX, 0, 0}, 0, INT64_MAX, 1000},
    {{0, INT64_MAX, INT64_MAX, 0, 0}, 1, INT64_MAX, 999},
    /* Nonsense. */
    {{0, 1000, 2000, 0, 0}, 10, -1, -1},
    {{0, 1000, 2000, 0, 0}, -1, 10, -1},
    {{-1, 0, 2000, 0, 0}, 10, 10, -1},
    {{0, -1, 2000, 0, 0}, 10, 10, -1},
    {{0, 0, -1, 0, 0}, 10, 10, -1},
    {{0, 0, 0, -1, 0}, 10, 10, -1},
    /* A prompt may be written to a cache, which can cost more. */
    {{0, 1000, 2000, 1250, 0}, 8, 30, 10},
};

/* The most: it costs no more than is left, and one more would. */
static void
test_affordable(void)
{
    for (size_t i = 0; i < sizeof(affordable) / sizeof(affordable[0]); i++) {
        struct tg_rates rates = affordable[i].rates;
        struct tg_quantity most = {.prompt_tokens = affordable[i].prompt};
        int64_t left = affordable[i].left_nanos, cost;
        int64_t tokens =
            tg_bound_affordable(&rates, affordable[i].prompt, left);

        is_int(tokens, affordable[i].want, "affordable, row %zu", i);
        rates = tg_price_dearest(&rates);
        if (tokens < 0)
            continue;
        most.completion_tokens = tokens;
        ok(tg_price_cost(&rates, &most, &cost) == 0 && cost <= left, "it is");
        most.completion_tokens++;
        ok(tokens == TG_USAGE_TOKENS_MAX ||
               tg_price_cost(&rates, &most, &cost) != 0 || cost > left,
           "and no more is");
    }
}

#define UNSEEN (1u << TG_ASK_UNSEEN)
#define REASONING (1u << TG_ASK_REASONING)

/* Bytes and what is asked for beyond them; the model's context and image. */
static const struct {
    const char *what;
    uint64_t bytes;
    struct tg_asked asked;
    int64_t context, image;
    enum tg_dialect dialect;
    int64_t want;
} prompts[] = {
    {"what a provider adds", 0, {0}, 0, 0, DEEPSEEK, 512},
    {"a byte is a token at most", 5, {0}, 0, 0, DEEPSEEK, 517},
    {"a bound has a bound",
     UINT64_MAX,
     {0},
     0,
     0,
     DEEPSEEK,
     TG_USAGE_TOKENS_MAX + 512},
    {"an image has the model's most, and its bytes are none",
     1005,
     {.images = 1, .image_bytes = 1000},
     0,
     85,
     DEEPSEEK,
     5 + 85 + 512},
    {"so have two",
     2005,
     {.images = 2, .image_bytes = 2000},
     0,
     85,
     DEEPSEEK,
     5 + 170 + 512},
    {"one elsewhere has, too",
     50,
     {.images = 1},
     0,
     85,
     DEEPSEEK,
     50 + 85 + 512},
    {"an image of a model nobody described",
     5,
     {.images = 1},
     0,
     0,
     OPENAI,
     5 + 49152 + 512},
    {"more images than can be",
     5,
     {.images = UINT32_MAX},
     0,
     INT64_MAX,
     OPENAI,
     TG_USAGE_TOKENS_MAX + 512},
    {"tools that bring a prompt of their own",
     5,
     {.client_tools = 2},
     0,
     0,
     TG_DIALECT_ANTHROPIC,
     5 + 2 * 1536 + 512},
    {"what is not seen is at most the context",
     5,
     {.kinds = UNSEEN},
     100,
     0,
     TG_DIALECT_ANTHROPIC,
     100 + 512},
    {"unless more is seen",
     500,
     {.kinds = UNSEEN},
     100,
     0,
     TG_DIALECT_ANTHROPIC,
     500 + 512},
    {"hidden reasoning is not seen",
     5,
     {.kinds = REASONING},
     100,
     0,
     OPENAI,
     100 + 512},
    {"where it is not kept it is seen",
     5,
     {.kinds = REASONING},
     100,
     0,
     DEEPSEEK,
     5 + 512},
};

static void
test_prompt(void)
{
    for (size_t i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++) {
        struct tg_body_facts facts = {.prompt_bytes = prompts[i].bytes,
                                      .asked = prompts[i].asked};
        struct tg_model model = {.max_context_tokens = prompts[i].context,
                                 .max_image_tokens = prompts[i].image};

        is_int(tg_bound_prompt(&facts, &model, prompts[i].dialect),
               prompts[i].want, "%s", prompts[i].what);
    }
    is_int(tg_bound_likely(512), 0, "the allowance is not what is likely");
    is_int(tg_bound_likely(517), 2, "a byte is likely a fourth of a token");
    is_int(tg_bound_likely(7), 0, "never below 0");
}

int
main(void)
{
    test_affordable();
    test_prompt();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_model model = {.max_context_tokens = rows[i].model[0],
                                 .max_output_tokens = rows[i].model[1],
                                 .max_fim_tokens = rows[i].model[2]};
        enum tg_body_member member = TG_BODY_NONE;
        struct tg_body_facts facts;
        struct tg_body body;
        int64_t tokens = -1;
        char text[256];
        int len = snprintf(text, sizeof(text), "{%s}", rows[i].members), err;

        tg_body_init(&body);
        if (tg_body_feed(&body, text, (size_t)len) != 0 ||
            tg_body_finish(&body, &facts) != 0)
            return 1;
        err = tg_bound_completion(&facts, &model, rows[i].dialect,
                                  rows[i].endpoint, &tokens, &member);
        is_int(err, rows[i].want < 0 ? TG_ERR_RANGE : 0,
               "dialect %d, endpoint %d, %s", rows[i].dialect, rows[i].endpoint,
               text);
        is_int(tokens, rows[i].want, "the bound");
        is_int(member, rows[i].member, "and where it is from");
    }
    return done();
}
