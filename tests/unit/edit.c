/*
 * Editing a stream: what the client gets, when usage was asked for in its
 * name, is byte for byte what the upstream sends when nobody asks.
 */
#include "edit.h"

#include "cut.h"
#include "data.h"
#include "err.h"
#include "tap.h"

struct client {
    struct tg_edit edit;
    char carry[TG_EDIT_CARRY_BYTES];
    char text[65536];
    size_t len;
    int err;
};

static int
receive(void *arg, const char *data, size_t len)
{
    struct client *client = arg;

    memcpy(client->text + client->len, data, len);
    client->len += len;
    return 0;
}

static void
feed(void *arg, const char *data, size_t len)
{
    struct client *client = arg;

    client->err = tg_edit_feed(&client->edit, data, len, receive, client);
}

static void
run(struct client *client, enum tg_edit_rule rule, const char *data, size_t len,
    size_t way)
{
    client->len = 0;
    tg_edit_init(&client->edit, rule, client->carry, sizeof(client->carry));
    cut_feed(data, len, way, feed, client);
    client->err = tg_edit_end(&client->edit, receive, client);
    client->text[client->len] = '\0';
}

static struct client client;

static void
check(const char *fact, enum tg_edit_rule rule, const char *in, size_t len,
      const char *want)
{
    bool is_same = true;
    size_t way;

    run(&client, rule, in, len, 0);
    is_str(client.text, want, "%s", fact);
    for (way = 1; is_same && way < CUT_WAYS(len); way++) {
        run(&client, rule, in, len, way);
        is_same = client.err == 0 && strcmp(client.text, want) == 0;
        if (!is_same)
            printf("# way %d, err %d:\n%s\n", (int)way, client.err,
                   client.text);
    }
    ok(is_same, "the same however it is cut");
}

/* The same text with other line ends. */
static char *
with_ends(const char *text, const char *line_end)
{
    char *out = malloc(2 * strlen(text) + 1), *p = out;

    for (; *text; text++) {
        if (*text == '\n')
            p = stpcpy(p, line_end);
        else
            *p++ = *text;
    }
    *p = '\0';
    return out;
}

static void
test_recorded(void)
{
    static const struct {
        enum tg_edit_rule rule;
        const char *asked, *unasked;
    } pairs[] = {
        {TG_EDIT_ALL_USAGE, "openai-stream-asked.sse", "openai-stream.sse"},
        {TG_EDIT_ALL_USAGE, "vllm-stream-continuous.sse", "vllm-stream.sse"},
        {TG_EDIT_NULL_USAGE, "deepseek-stream-asked.sse",
         "deepseek-stream.sse"},
        {TG_EDIT_ALL_USAGE, "openai-stream.sse", "openai-stream.sse"},
        {TG_EDIT_NULL_USAGE, "deepseek-stream.sse", "deepseek-stream.sse"},
        {TG_EDIT_ALL_USAGE, "error-stream.sse", "error-stream.sse"},
        {TG_EDIT_NOTHING, "openai-stream-asked.sse", "openai-stream-asked.sse"},
    };
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    char *asked, *unasked, *in, *want;
    size_t i, e, len;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        asked = data_load(pairs[i].asked, &len);
        unasked = data_load(pairs[i].unasked, &len);
        for (e = 0; e < 3; e++) {
            in = with_ends(asked, ends[e]);
            want = with_ends(unasked, ends[e]);
            check(pairs[i].asked, pairs[i].rule, in, strlen(in), want);
            free(in);
            free(want);
        }
        free(asked);
        free(unasked);
    }
}

#define ALL TG_EDIT_ALL_USAGE
#define CHOICE "\"choices\":[{\"index\":0}]"

static void
test_events(void)
{
    static const struct {
        const char *fact;
        enum tg_edit_rule rule;
        const char *in, *want;
    } cases[] = {
        {"a last member", ALL, "data: {" CHOICE ",\"usage\":null}\n\n",
         "data: {" CHOICE "}\n\n"},
        {"a first member", ALL, "data: {\"usage\":null," CHOICE "}\n\n",
         "data: {" CHOICE "}\n\n"},
        {"a member in the middle", ALL,
         "data: {" CHOICE ",\"usage\":{\"a\":[1,{}]},\"b\":1}\n\n",
         "data: {" CHOICE ",\"b\":1}\n\n"},
        {"the only member", ALL, "data: {\"usage\":null}\n\n", "data: {}\n\n"},
        {"before the choices", ALL,
         "data: {\"id\":1,\"usage\":{\"a\":1}," CHOICE "}\n\n",
         "data: {\"id\":1," CHOICE "}\n\n"},
        {"an escaped name", ALL, "data: {" CHOICE ",\"us\\u0061ge\":null}\n\n",
         "data: {" CHOICE "}\n\n"},
        {"usage further down stays", ALL,
         "data: {\"choices\":[{\"usage\":null}],\"x\":{\"usage\":{}}}\n\n",
         "data: {\"choices\":[{\"usage\":null}],\"x\":{\"usage\":{}}}\n\n"},
        {"usage in a text stays", ALL,
         "data: {\"choices\":[{\"t\":\",\\\"usage\\\":null\"}]}\n\n",
         "data: {\"choices\":[{\"t\":\",\\\"usage\\\":null\"}]}\n\n"},
        {"the event of its own", ALL,
         "data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n",
         "data: [DONE]\n\n"},
        {"the same turned round", ALL,
         "data: {\"usage\":{\"a\":1}, \"choices\": [ ]}\n\n: x\n\n", ": x\n\n"},
        {"no choices and no usage stays", ALL,
         "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
         "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n"},
        {"no choices and a null usage loses it", ALL,
         "data: {\"choices\":[],\"usage\":null}\n\n",
         "data: {\"choices\":[]}\n\n"},
        {"a usage without choices loses it", ALL,
         "data: {\"x\":1,\"usage\":{}}\n\n", "data: {\"x\":1}\n\n"},
        {"a string for a usage stays", ALL,
         "data: {" CHOICE ",\"usage\":\"x\"}\n\n",
         "data: {" CHOICE ",\"usage\":\"x\"}\n\n"},
        {"DeepSeek's last usage stays", TG_EDIT_NULL_USAGE,
         "data: {" CHOICE ",\"usage\":{\"a\":1}}\n\n",
         "data: {" CHOICE ",\"usage\":{\"a\":1}}\n\n"},
        {"an event of its own goes with DeepSeek too", TG_EDIT_NULL_USAGE,
         "data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n",
         "data: [DONE]\n\n"},
        {"a null at the end goes", TG_EDIT_NULL_USAGE,
         "data: {" CHOICE ",\"usage\":null}\n\n", "data: {" CHOICE "}\n\n"},
        {"so does one whose name is written with an escape", ALL,
         "data: {" CHOICE ",\"\\u0075sage\":null}\n\n",
         "data: {" CHOICE "}\n\n"},
        {"a usage inside of something stays, the null behind it goes", ALL,
         "data: {" CHOICE ",\"x\":{\"a\":1,\"usage\":null},\"usage\":null}\n\n",
         "data: {" CHOICE ",\"x\":{\"a\":1,\"usage\":null}}\n\n"},
        {"text that looks like one stays", ALL,
         "data: {" CHOICE ",\"x\":\",\\\"usage\\\":null}\"}\n\n",
         "data: {" CHOICE ",\"x\":\",\\\"usage\\\":null}\"}\n\n"},
        {"comments stay", ALL, ": keep-alive\n\n: keep-alive\n\n",
         ": keep-alive\n\n: keep-alive\n\n"},
        {"so does what is not JSON", ALL, "data: {,\"usage\":null}\n\nfoo\n\n",
         "data: {,\"usage\":null}\n\nfoo\n\n"},
        {"and what breaks off", ALL, "data: {" CHOICE ",\"usage\":\n\n",
         "data: {" CHOICE ",\"usage\":\n\n"},
        {"a stream without its last blank line", ALL,
         "data: {" CHOICE ",\"usage\":null}", "data: {" CHOICE "}"},
        {"a stream cut in the event of its own", ALL,
         "data: {\"choices\":[],\"usage\":{\"a\":1", ""},
        {"an event of two lines", ALL,
         "data: {" CHOICE "\ndata: ,\"usage\":null}\n\n",
         "data: {" CHOICE "\ndata: }\n\n"},
        {"a comma in the line before keeps its member", ALL,
         "data: {" CHOICE ",\ndata: \"usage\":null}\n\n",
         "data: {" CHOICE ",\ndata: \"usage\":null}\n\n"},
        {"spaces", ALL, "data: { " CHOICE " , \"usage\" : null , \"a\":1}\n\n",
         "data: { " CHOICE "  , \"a\":1}\n\n"},
        {"a byte order mark", ALL,
         "\xef\xbb\xbf"
         "data: {" CHOICE ",\"usage\":null}\n\n",
         "\xef\xbb\xbf"
         "data: {" CHOICE "}\n\n"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i].fact, cases[i].rule, cases[i].in, strlen(cases[i].in),
              cases[i].want);
}

/* A chat event of that many bytes of text, with a usage behind them. */
static size_t
long_event(char *out, size_t text, const char *usage)
{
    char *p = stpcpy(out, "data: {\"id\":\"x\",\"choices\":[{\"text\":\"");

    memset(p, 'a', text);
    p = stpcpy(p + text, "\"}]");
    p = stpcpy(stpcpy(p, usage), "}\n\n");
    return (size_t)(p - out);
}

static void
test_limits(void)
{
    static char in[40000], want[40000];
    char small[64];
    size_t len;

    len = long_event(in, 30000, ",\"usage\":null");
    long_event(want, 30000, "");
    run(&client, ALL, in, len, 1);
    is_str(client.text, want, "an event longer than the carry is edited");

    tg_edit_init(&client.edit, ALL, small, sizeof(small));
    memset(in, ' ', 100);
    memcpy(in, "data: {", 7);
    client.len = 0;
    is_int(tg_edit_feed(&client.edit, in, 100, receive, &client), TG_ERR_LIMIT,
           "what cannot be decided does not fit");
    is_int(tg_edit_feed(&client.edit, "}\n\n", 3, receive, &client),
           TG_ERR_LIMIT, "which stays so");
    is_int(client.len, 0, "and nothing undecided was given away");
}

static int
refuse(void *arg, const char *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    return -77;
}

static void
test_refusal(void)
{
    tg_edit_init(&client.edit, ALL, client.carry, sizeof(client.carry));
    is_int(tg_edit_feed(&client.edit, ": x\n\n", 5, refuse, NULL), -77,
           "the receiver's error comes back");
    is_int(tg_edit_end(&client.edit, receive, &client), -77, "to the end");
}

int
main(void)
{
    test_recorded();
    test_events();
    test_limits();
    test_refusal();
    return done();
}
