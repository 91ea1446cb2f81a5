#include "admit_ask.h"

#include "admit_part.h"
#include "service.h"

#define ON(endpoint) (1ull << TG_ENDPOINT_##endpoint)
#define CHATS (ON(CHAT) | ON(RESPONSES) | ON(MESSAGES))
#define ALL (CHATS | ON(COMPLETIONS) | ON(FIM) | ON(EMBEDDINGS))

#define KEPT(what)                                                             \
    what " is kept by the provider, for all callers of this gate alike, so "   \
         "it is not reached from here. Send the whole prompt instead."
#define RUNS                                                                   \
    "runs at the provider and is billed apart, which this gate cannot meter. " \
    "Use tools that your own program runs: `function`, `custom`."
#define PRICED(what)                                                           \
    "This " what " has a price of its own, which the price book does not "     \
    "have. Leave it out."

/* Refused on these endpoints; the first one that is asked for is told. */
static const struct row {
    enum tg_ask_kind kind;
    uint64_t endpoints;
    struct tg_ask_refusal refusal;
} rows[] = {
    {TG_ASK_BACKGROUND,
     ON(RESPONSES),
     {"background",
      "An answer in the background goes on when its call has ended, where this "
      "gate cannot meter it. Leave `background` out; to see an answer as it is "
      "made, set `stream`."}},
    {TG_ASK_PREVIOUS,
     ON(RESPONSES),
     {"previous_response_id", KEPT("An earlier answer")}},
    {TG_ASK_CONVERSATION,
     ON(RESPONSES),
     {"conversation", KEPT("A conversation")}},
    {TG_ASK_TEMPLATE, ON(RESPONSES), {"prompt", KEPT("A prompt template")}},
    {TG_ASK_ITEM,
     ON(RESPONSES),
     {"input", KEPT("An item that `input` only names")}},
    {TG_ASK_FILE,
     CHATS,
     {NULL,
      "A file that the prompt only names is kept by the provider, for one "
      "account of this gate: that of this API key has none where the model "
      "is served. Send what is in the file, or ask your operator for both "
      "from one upstream: `tollgate models add files --upstream NAME`."}},
    {TG_ASK_PREDICTION,
     ON(CHAT),
     {"prediction",
      "Predicted tokens that turn out wrong are billed beyond every limit, so "
      "they cannot be held. Leave `prediction` out."}},
    {TG_ASK_SEARCH,
     ON(CHAT),
     {"web_search_options",
      "A search runs at the provider and is billed apart, which this gate "
      "cannot meter. Leave `web_search_options` out."}},
    {TG_ASK_SERVERS, ON(MESSAGES), {"mcp_servers", "An MCP server " RUNS}},
    {TG_ASK_CONTAINER, ON(MESSAGES), {"container", "A container " RUNS}},
    {TG_ASK_HOSTED_TOOL, CHATS, {"tools", "A tool of this type " RUNS}},
    {TG_ASK_LOCAL_TOOL,
     ON(CHAT) | ON(MESSAGES),
     {"tools", "A tool of this type " RUNS}},
    {TG_ASK_CLIENT_TOOL,
     ON(CHAT) | ON(RESPONSES),
     {"tools", "A tool of this type " RUNS}},
    {TG_ASK_TIER, ALL, {"service_tier", PRICED("service tier")}},
    {TG_ASK_SPEED, ON(MESSAGES), {"speed", PRICED("speed")}},
    {TG_ASK_GEO, ON(MESSAGES), {"inference_geo", PRICED("place")}},
    {TG_ASK_LONG_CACHE,
     ON(MESSAGES),
     {"cache_control",
      "What the provider's cache keeps for an hour costs twice the prompt, "
      "and the price book has no such price. Leave `ttl` out, or ask your "
      "operator to raise the price of cache writes."}},
    {TG_ASK_UNSEEN,
     CHATS,
     {NULL,
      "The prompt has a document, a file or a part of another type, whose "
      "tokens the request does not show, and how many the model can take is "
      "not known here. Send text, or ask your operator to set the model's "
      "context length."}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Whether the files at the upstream of the call are those of the account. */
static bool
has_files(const struct tg_catalog *catalog, const struct tg_admission *a)
{
    char name[TG_MODEL_NAME_MAX + 1];
    const struct tg_model *files = tg_service_find(
        catalog, TG_STR("files"), a->account.id, a->key.account, name);

    return files != NULL && files->upstream_count == 1 &&
           files->upstreams[0] == a->target.upstream;
}

/* Of some kinds it depends on the model's price and size, or on the account. */
static bool
is_refused(enum tg_ask_kind kind, const struct tg_catalog *catalog,
           const struct tg_model *model, const struct tg_admission *a)
{
    const struct tg_rates *rates = &a->call.rates;

    switch (kind) {
    case TG_ASK_LONG_CACHE:
        return a->upstream.dialect == TG_DIALECT_ANTHROPIC &&
               rates->write_picos - rates->miss_picos < rates->miss_picos;
    case TG_ASK_UNSEEN:
        return model->max_context_tokens <= 0;
    case TG_ASK_FILE:
        return !has_files(catalog, a);
    default:
        return true;
    }
}

bool
tg_admit_can_meter(const struct tg_asked *asked,
                   const struct tg_catalog *catalog,
                   const struct tg_model *model, struct tg_admission *a)
{
    uint64_t endpoint = 1ull << a->head.route->endpoint;

    if (asked->kinds == 0)
        return true;
    for (size_t i = 0; i < ROWS; i++) {
        if ((asked->kinds >> rows[i].kind & 1) == 0 ||
            (rows[i].endpoints & endpoint) == 0 ||
            !is_refused(rows[i].kind, catalog, model, a))
            continue;
        a->asked = rows[i].kind;
        return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_ASK);
    }
    return true;
}

struct tg_ask_refusal
tg_admit_ask_refusal(enum tg_ask_kind kind)
{
    size_t i = 0;

    while (i < ROWS - 1 && rows[i].kind != kind)
        i++;
    return rows[i].refusal;
}
