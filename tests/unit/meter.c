/*
 * The meter: what recorded and made-up answers say about themselves, however
 * they are cut, and what is not believed.
 */
#include "meter.h"

#include "cut.h"
#include "data.h"
#include "meter_path.h"
#include "tap.h"

static const char *const doubts[] = {"absent",  "ok",       "not-number",
                                     "not-int", "negative", "huge",
                                     "cached",  "reasoning"};

static void
feed(void *arg, const char *data, size_t len)
{
    tg_meter_feed(arg, data, len);
}

/* Everything that a caller may read, in one line. */
static void
run(char *out, const char *data, size_t len, size_t way,
    enum tg_meter_shape shape)
{
    struct tg_meter meter;
    struct tg_usage usage;
    enum tg_usage_doubt doubt;

    tg_meter_init(&meter, shape);
    cut_feed(data, len, way, feed, &meter);
    tg_meter_end(&meter);
    doubt = tg_meter_usage(&meter, &usage);
    sprintf(out, "%s p%d h%d w%d c%d r%d t%d ev%d/%d bytes%d est%d%s%s%s%s%s%s",
            doubts[doubt], (int)usage.prompt_tokens, (int)usage.cached_tokens,
            (int)usage.cache_write_tokens, (int)usage.completion_tokens,
            (int)usage.reasoning_tokens, (int)usage.total_tokens,
            (int)meter.content_events, (int)meter.events,
            (int)meter.content_bytes, (int)tg_meter_counted_tokens(&meter),
            meter.has_bytes ? "" : " blank",
            meter.is_complete ? " complete" : "", meter.has_done ? " done" : "",
            meter.has_finish ? " finish" : "", meter.has_error ? " error" : "",
            meter.has_garbage ? " garbage" : "");
}

static void
check(const char *fact, const char *data, size_t len, const char *want)
{
    char out[256];
    size_t way;
    bool is_same = true;

    run(out, data, len, 0, TG_METER_AUTO);
    is_str(out, want, "%s", fact);
    for (way = 1; way < CUT_WAYS(len); way++) {
        run(out, data, len, way, TG_METER_AUTO);
        is_same = is_same && strcmp(out, want) == 0;
    }
    ok(is_same, "the same however it is cut");
}

static void
test_recorded(void)
{
    static const struct {
        const char *file, *want;
    } files[] = {
        {"deepseek-chat.json", "ok p16 h0 w-1 c645 r450 t661 ev0/0 bytes26 "
                               "est7 complete finish"},
        {"deepseek-stream.sse", "ok p16 h0 w-1 c645 r450 t661 ev4/7 bytes21 "
                                "est6 done finish"},
        {"deepseek-stream-asked.sse",
         "ok p16 h0 w-1 c645 r450 t661 ev4/7 bytes21 est6 done finish"},
        {"openai-stream.sse", "absent p-1 h-1 w-1 c-1 r-1 t-1 ev3/6 bytes33 "
                              "est9 done finish"},
        {"openai-stream-asked.sse",
         "ok p9 h4 w-1 c5 r2 t14 ev3/7 bytes33 est9 done finish"},
        {"vllm-stream.sse", "absent p-1 h-1 w-1 c-1 r-1 t-1 ev3/6 bytes33 "
                            "est9 done finish"},
        {"vllm-stream-continuous.sse",
         "ok p9 h-1 w-1 c5 r-1 t14 ev3/7 bytes33 est9 done finish"},
        {"anthropic-stream.sse",
         "ok p331 h300 w20 c6 r-1 t337 ev2/9 bytes12 est3 done finish"},
        {"anthropic-message.json", "ok p11 h-1 w-1 c6 r2 t17 ev0/0 bytes12 "
                                   "est3 complete finish"},
        {"responses-stream.sse",
         "ok p36 h32 w-1 c87 r64 t123 ev2/5 bytes12 est3 done"},
        {"responses.json",
         "ok p36 h32 w-1 c87 r64 t123 ev0/0 bytes15 est4 complete"},
        {"embeddings.json",
         "ok p8 h-1 w-1 c-1 r-1 t8 ev0/0 bytes0 est0 complete"},
        {"completion.json",
         "ok p12 h0 w-1 c7 r-1 t19 ev0/0 bytes17 est5 complete finish"},
        {"error-openai.json",
         "absent p-1 h-1 w-1 c-1 r-1 t-1 ev0/0 bytes0 est0 complete error"},
        {"error-vllm.json",
         "absent p-1 h-1 w-1 c-1 r-1 t-1 ev0/0 bytes0 est0 complete error"},
        {"error-vllm-flat.json",
         "absent p-1 h-1 w-1 c-1 r-1 t-1 ev0/0 bytes0 est0 complete error"},
        {"error-stream.sse",
         "absent p-1 h-1 w-1 c-1 r-1 t-1 ev1/3 bytes3 est1 done error"},
        {"error-anthropic.sse",
         "absent p-1 h-1 w-1 c-1 r-1 t-1 ev0/1 bytes0 est0 error"},
    };
    size_t i, len;
    char *data;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        data = data_load(files[i].file, &len);
        check(files[i].file, data, len, files[i].want);
        free(data);
    }
}

#define NONE "absent p-1 h-1 w-1 c-1 r-1 t-1 "

static void
test_shapes(void)
{
    static const struct {
        const char *fact, *answer, *want;
    } cases[] = {
        {"an empty answer", "", NONE "ev0/0 bytes0 est0 blank"},
        {"blank lines alone", "\n\n\r\n", NONE "ev0/0 bytes0 est0 blank"},
        {"keep-alives alone", ": keep-alive\n\n: keep-alive\n\n",
         NONE "ev0/0 bytes0 est0"},
        {"plain text", "Failed to deserialize the JSON body",
         NONE "ev0/0 bytes0 est0"},
        {"garbage for JSON", "{\"usage\":{\"prompt_tokens\":1}",
         NONE "ev0/0 bytes0 est0 garbage"},
        {"text of an answer that is cut",
         "{\"choices\":[{\"message\":{\"content\":\"abc\\nd",
         NONE "ev0/0 bytes5 est2 garbage"},
        {"trailing garbage", "{\"usage\":{\"prompt_tokens\":1}} x",
         "ok p1 h-1 w-1 c-1 r-1 t-1 ev0/0 bytes0 est0 garbage"},
        {"garbage in one event",
         "data: {\"usage\":{\"prompt_tokens\":1}}\n\n"
         "data: {\"usage\":{\"prompt_tokens\":2}\n\n"
         "data: {\"usage\":{\"completion_tokens\":3}}\n\n",
         "ok p1 h-1 w-1 c3 r-1 t4 ev1/3 bytes28 est7 garbage"},
        {"data that are not JSON are text, of all lines",
         "data: <html>\n\ndata: not\ndata: JSON\n\n",
         NONE "ev2/2 bytes14 est4 garbage"},
        {"and so is what stands before the fault",
         "data: {\"choices\":[{\"text\":\"abc\\x\"}]}\n\n",
         NONE "ev1/1 bytes30 est8 garbage"},
        {"of an event that is cut its text alone",
         "data: {\"choices\":[{\"text\":\"abc",
         NONE "ev1/1 bytes3 est1 garbage"},
        {"blank data are no text", "data:  \n\n",
         NONE "ev0/1 bytes0 est0 garbage"},
        {"a usage behind [DONE] is not believed",
         "data: {\"usage\":{\"prompt_tokens\":5}}\n\ndata: [DONE]\n\n"
         "data: {\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n",
         "ok p5 h-1 w-1 c-1 r-1 t-1 ev0/4 bytes0 est0 done"},
        {"nor an error, but its text is text",
         "data: [DONE]\n\ndata: {\"error\":{\"message\":\"x\"},"
         "\"choices\":[{\"text\":\"abc\",\"finish_reason\":\"stop\"}]}\n\n",
         NONE "ev1/2 bytes3 est1 done"},
        {"nor one behind message_stop",
         "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":6}}"
         "\n\ndata: {\"type\":\"message_stop\",\"usage\":{"
         "\"output_tokens\":7}}\n\n"
         "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":1}}"
         "\n\n",
         "ok p-1 h-1 w-1 c7 r-1 t-1 ev0/3 bytes0 est0 done"},
        {"nor one behind response.completed",
         "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{"
         "\"input_tokens\":5,\"output_tokens\":6}}}\n\n"
         "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{"
         "\"input_tokens\":0,\"output_tokens\":0}}}\n\n",
         "ok p5 h-1 w-1 c6 r-1 t11 ev0/2 bytes0 est0 done"},
        {"but one behind an image, for another may follow",
         "data: {\"type\":\"image_generation.completed\",\"usage\":{"
         "\"input_tokens\":5,\"output_tokens\":6}}\n\n"
         "data: {\"type\":\"image_generation.completed\",\"usage\":{"
         "\"input_tokens\":5,\"output_tokens\":12}}\n\n",
         "ok p5 h-1 w-1 c12 r-1 t17 ev0/2 bytes0 est0 done"},
        {"an event cut in a number", "data: {\"usage\":{\"prompt_tokens\":12",
         NONE "ev0/1 bytes0 est0 garbage"},
        {"an event that only lacks its blank line",
         "data: {\"usage\":{\"prompt_tokens\":12}}",
         "ok p12 h-1 w-1 c-1 r-1 t-1 ev0/1 bytes0 est0"},
        {"a trailing usage event wins",
         "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
         "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n"
         "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,"
         "\"completion_tokens\":9}}\n\ndata: [DONE]\n\n",
         "ok p1 h-1 w-1 c9 r-1 t10 ev0/3 bytes0 est0 done finish"},
        {"a figure counts again in an event that came before",
         ": x\n\n"
         "data: {\"choices\":[{\"text\":\"a\"}],\"usage\":{"
         "\"completion_tokens\":2}}\n\n"
         "data: {\"choices\":[{\"text\":\"\\n\"}],\"usage\":{"
         "\"completion_tokens\":5}}\n\n"
         "data: {\"choices\":[{\"text\":\"a\"}],\"usage\":{"
         "\"completion_tokens\":2}}\n\n",
         "ok p-1 h-1 w-1 c2 r-1 t-1 ev3/3 bytes3 est3"},
        {"null is absent, also behind a figure",
         "data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n"
         "data: {\"usage\":{\"prompt_tokens\":null}}\n\n"
         "data: {\"usage\":null}\n\n",
         "ok p5 h-1 w-1 c2 r-1 t7 ev0/3 bytes0 est0"},
        {"a later figure mends one that was wrong",
         "data: {\"usage\":{\"prompt_tokens\":-1}}\n\n"
         "data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
         "ok p1 h-1 w-1 c-1 r-1 t-1 ev0/2 bytes0 est0"},
        {"an event of several lines",
         "data: {\"usage\":\ndata: {\"prompt_tokens\":\ndata: 7}}\n\n",
         "ok p7 h-1 w-1 c-1 r-1 t-1 ev0/1 bytes0 est0"},
        {"CRLF and no space",
         "data:{\"choices\":[{\"text\":\"abcdefghi\"}]}\r\n\r\n"
         "data:[DONE]\r\n\r\n",
         NONE "ev1/2 bytes9 est3 done"},
        {"almost done", "data: [DONE] \n\ndata: [DONE\n\ndata: [DON]\n\n",
         NONE "ev3/3 bytes17 est5 garbage"},
        {"many small events are so many tokens",
         "data: {\"choices\":[{\"text\":\"a\"}]}\n\n"
         "data: {\"choices\":[{\"text\":\"b\"}]}\n\n"
         "data: {\"choices\":[{\"text\":\"\"}]}\n\n",
         NONE "ev2/3 bytes2 est2"},
        {"an error that says nothing is none",
         "{\"error\":null,\"x\":{\"error\":\"deep\"}}",
         NONE "ev0/0 bytes0 est0 complete"},
        {"nor is an empty, false or zero one",
         "data: {\"error\":\"\"}\n\ndata: {\"error\":false}\n\n"
         "data: {\"error\":0}\n\n",
         NONE "ev0/3 bytes0 est0"},
        {"usage elsewhere is not ours",
         "{\"x\":{\"usage\":{\"prompt_tokens\":1}},\"choices\":[{\"usage\":"
         "{\"prompt_tokens\":1}}],\"usage\":5}",
         NONE "ev0/0 bytes0 est0 complete"},
        {"a usage in a text is none",
         "{\"choices\":[{\"message\":{\"content\":\"{\\\"usage\\\":"
         "{\\\"prompt_tokens\\\":1}}\"}}]}",
         NONE "ev0/0 bytes29 est8 complete"},
        {"an error as the stream's first event",
         "data: {\"error\":{\"message\":\"x\"}}\n\n",
         NONE "ev0/1 bytes0 est0 error"},
        {"Anthropic's tool call, streamed",
         "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":"
         "\"tool_use\",\"id\":\"toolu_1\",\"name\":\"look\",\"input\":{}}}\n\n"
         "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":"
         "\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n"
         "data: {\"type\":\"message_stop\"}\n\n",
         NONE "ev2/3 bytes6 est2 done"},
        {"and whole",
         "{\"content\":[{\"type\":\"tool_use\",\"name\":\"look\",\"input\":"
         "{\"at\":{\"deep\":[\"abcd\",1,\"ef\"]}}}],\"stop_reason\":"
         "\"tool_use\"}",
         NONE "ev0/0 bytes10 est3 complete finish"},
        {"thinking, which is text, and its signature, which is none",
         "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":"
         "\"thinking_delta\",\"thinking\":\"hmmm\"}}\n\n"
         "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":"
         "\"signature_delta\",\"signature\":\"c2lnbmVk\"}}\n\n",
         NONE "ev1/2 bytes4 est1"},
        {"responses: deltas of every sort count, and their repetition does not",
         "data: {\"type\":\"response.output_text.delta\",\"delta\":\"ab\"}\n\n"
         "data: {\"type\":\"response.reasoning_text.delta\",\"delta\":\"cd\"}"
         "\n\n"
         "data: {\"type\":\"response.function_call_arguments.delta\",\"delta\":"
         "\"{}\"}\n\n"
         "data: {\"type\":\"response.output_text.done\",\"text\":\"ab\"}\n\n"
         "data: {\"type\":\"response.output_item.done\",\"item\":{\"content\":"
         "[{\"text\":\"ab\"}]}}\n\n"
         "data: {\"type\":\"response.completed\",\"response\":{\"output\":["
         "{\"content\":[{\"text\":\"ab\"}]}],\"error\":null}}\n\n",
         NONE "ev3/6 bytes6 est3 done"},
        {"responses: a function call and a refusal, whole",
         "{\"output\":[{\"type\":\"function_call\",\"name\":\"look\","
         "\"arguments\":\"{}\"},{\"content\":[{\"type\":\"refusal\","
         "\"refusal\":\"no\"}]},{\"type\":\"custom_tool_call\",\"input\":"
         "\"xy\"}]}",
         NONE "ev0/0 bytes10 est3 complete"},
        {"responses: a failure reports, too",
         "data: {\"type\":\"response.failed\",\"response\":{\"error\":{"
         "\"code\":\"server_error\"},\"usage\":{\"input_tokens\":5,"
         "\"output_tokens\":2}}}\n\n",
         "ok p5 h-1 w-1 c2 r-1 t7 ev0/1 bytes0 est0 done error"},
        {"responses: an error event",
         "data: {\"type\":\"error\",\"code\":\"x\",\"message\":\"no\"}\n\n",
         NONE "ev0/1 bytes0 est0 error"},
        {"deep nesting", "{\"a\":[[[[[[[[[[{\"usage\":{}}]]]]]]]]]]}",
         NONE "ev0/0 bytes0 est0 complete"},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i].fact, cases[i].answer, strlen(cases[i].answer),
              cases[i].want);
}

static void
test_belief(void)
{
    static const struct {
        const char *usage, *want;
    } cases[] = {
        {"{}", "absent"},
        {"null", "absent"},
        {"[]", "absent"},
        {"\"prompt_tokens\"", "absent"},
        {"{\"total_tokens\":5}", "absent"},
        {"{\"prompt_tokens\":0,\"completion_tokens\":0}", "ok"},
        {"{\"prompt_tokens\":-0}", "ok"},
        {"{\"prompt_tokens\":-1}", "negative"},
        {"{\"prompt_tokens\":-99999999999999999999}", "negative"},
        {"{\"completion_tokens\":1.0}", "not-int"},
        {"{\"completion_tokens\":1e2}", "not-int"},
        {"{\"completion_tokens\":\"5\"}", "not-number"},
        {"{\"completion_tokens\":true}", "not-number"},
        {"{\"completion_tokens\":{}}", "not-number"},
        {"{\"completion_tokens\":[5]}", "not-number"},
        {"{\"prompt_tokens\":1099511627776}", "ok"},
        {"{\"prompt_tokens\":1099511627777}", "huge"},
        {"{\"prompt_tokens\":99999999999999999999}", "huge"},
        {"{\"prompt_tokens\":5,\"prompt_cache_hit_tokens\":5}", "ok"},
        {"{\"prompt_tokens\":5,\"prompt_cache_hit_tokens\":6}", "cached"},
        {"{\"completion_tokens\":5,\"prompt_cache_hit_tokens\":6}", "cached"},
        {"{\"prompt_tokens\":5,\"completion_tokens\":5,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":5}}",
         "ok"},
        {"{\"prompt_tokens\":5,\"completion_tokens\":5,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":6}}",
         "reasoning"},
        {"{\"prompt_tokens\":5,\"prompt_tokens_details\":null}", "ok"},
        {"{\"input_tokens\":5,\"cache_read_input_tokens\":600}", "ok"},
        {"{\"prompt_tokens\":5,\"total_tokens\":-1}", "negative"},
        {"{\"input_tokens\":0,\"cache_read_input_tokens\":2,"
         "\"cache_creation_input_tokens\":3}",
         "ok"},
        {"{\"input_tokens\":5,\"input_tokens_details\":{\"cached_tokens\":2,"
         "\"cache_write_tokens\":3}}",
         "ok"},
        {"{\"input_tokens\":5,\"input_tokens_details\":{\"cached_tokens\":3,"
         "\"cache_write_tokens\":3}}",
         "cached"},
        {"{\"input_tokens\":5,\"cache_creation_input_tokens\":-3}", "negative"},
    };
    char answer[256], out[256];
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(answer, sizeof(answer), "{\"usage\":%s}", cases[i].usage);
        run(out, answer, strlen(answer), 0, TG_METER_JSON);
        *strchr(out, ' ') = '\0';
        is_str(out, cases[i].want, "usage %s", cases[i].usage);
    }
}

static void
test_time_to_first(void)
{
    struct tg_meter meter;

    tg_meter_init(&meter, TG_METER_SSE);
    tg_meter_feed(&meter, ": keep-alive\n\n", 14);
    is_int(meter.events, 0, "a keep-alive is no event");
    tg_meter_feed(&meter, "data: {\"choices\":[]}\n", 21);
    is_int(meter.events, 0, "nor is one that is not whole");
    tg_meter_feed(&meter, "\n", 1);
    is_int(meter.events, 1, "one with data is");
}

/* What is held must know of an event before it ends, if it ever does. */
static void
test_an_endless_event(void)
{
    struct tg_meter meter;

    tg_meter_init(&meter, TG_METER_SSE);
    for (int i = 0; i < 1000; i++)
        tg_meter_feed(&meter, "data: x\n", 8);
    is_int(meter.events, 0, "an event without an end is none yet");
    is_int(tg_meter_counted_tokens(&meter), 1999 / 4 + 1,
           "but its bytes are counted, and what joins the lines");
    tg_meter_end(&meter);
    is_int(meter.content_bytes, 1999, "also when it is cut");
}

/*
 * Texts and their tokens by the tokenizers of DeepSeek V3, Qwen 2.5 and Llama
 * 3, the most of the three; in events of so many bytes, or in one.
 */
static const struct {
    const char *what, *text;
    int tokens;
    size_t event_bytes; /* 0: all of it */
    int counted, most;
} texts[] = {
    {"English",
     "The quick brown fox jumps over the lazy dog, and then it goes home to "
     "think about what it has done today.",
     24, 0, 27, 53},
    {"German",
     "Die Donaudampfschifffahrtsgesellschaft hat gestern überraschend ihre "
     "Fahrpläne für das kommende Jahr veröffentlicht.",
     35, 0, 30, 60},
    {"Chinese",
     "人工智能正在改变我们的生活方式，它不仅提高了工作效率，也带来了新的挑战和"
     "机遇。",
     26, 0, 30, 59},
    {"classical Chinese",
     "子曰：「學而時習之，不亦說乎？有朋自遠方來，不亦樂乎？人不知而不慍，不亦"
     "君子乎？」",
     38, 0, 31, 62},
    {"Japanese",
     "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。", 27,
     0, 25, 50},
    {"Hindi", "आज मौसम बहुत अच्छा है और हम सब बाहर घूमने जा रहे हैं।", 52, 0, 34, 68},
    {"Thai", "วันนี้อากาศดีมากและเราจะออกไปเดินเล่นกัน", 18, 0, 30, 60},
    {"C",
     "static int\\nmain(int argc, char **argv)\\n{\\n    for (int i = 0; i < "
     "argc; i++) {\\n        printf(argv[i]);\\n    }\\n    return 0;\\n}\\n",
     41, 0, 32, 63},
    {"digits, an event each", "31415926535897932384", 20, 1, 20, 20},
    {"hex, an event each", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", 36, 1,
     40, 40},
    {"emoji, an event each",
     "😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘", 33,
     4, 17, 34},
};

static void
feed_text(struct tg_meter *meter, const char *text, size_t event_bytes)
{
    size_t len = strlen(text), at, part;
    char event[512];

    for (at = 0; at < len; at += part) {
        part = event_bytes != 0 ? event_bytes : len;
        tg_meter_feed(meter, event,
                      (size_t)sprintf(event,
                                      "data: {\"choices\":[{\"delta\":{"
                                      "\"content\":\"%.*s\"}}]}\n\n",
                                      (int)part, text + at));
    }
}

static void
test_estimates(void)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tg_meter meter;

        tg_meter_init(&meter, TG_METER_SSE);
        feed_text(&meter, texts[i].text, texts[i].event_bytes);
        is_int(tg_meter_counted_tokens(&meter), texts[i].counted,
               "%s is counted", texts[i].what);
        is_int(tg_meter_most_tokens(&meter), texts[i].most,
               "and may be as much as");
        ok(texts[i].most >= texts[i].tokens, "which is at least what it is");
    }
}

static void
test_estimate_of_a_report(void)
{
    static const char usage[] =
        "data: {\"usage\":{\"completion_tokens\":%s}}\n\n";
    static const struct {
        const char *tokens;
        int most;
    } rows[] = {{"0", 12},      {"12", 12},  {"13", 13},  {"-5", 12},
                {"\"99\"", 12}, {"7.5", 12}, {"null", 12}};
    char event[128];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_meter meter;

        tg_meter_init(&meter, TG_METER_SSE);
        is_int(tg_meter_most_tokens(&meter), 0, "nothing was made at first");
        feed_text(&meter, "123456789012345678901234", 0);
        tg_meter_feed(&meter, event,
                      (size_t)sprintf(event, usage, rows[i].tokens));
        is_int(tg_meter_most_tokens(&meter), rows[i].most,
               "24 bytes, and a report of %s", rows[i].tokens);
    }
}

/* A stream that ended in order, and to whom it lacks its end. */
static const struct {
    const char *fact, *stream;
    bool openai, anthropic;
} ends[] = {
    {"nothing but text", "data: {\"choices\":[{\"text\":\"a\"}]}\n\n", true,
     true},
    {"a keep-alive", ": keep-alive\n\n", true, true},
    {"a finish reason",
     "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n", false, false},
    {"done", "data: [DONE]\n\n", false, false},
    {"done, but for its blank line", "data: [DONE]", false, false},
    {"Anthropic's end", "data: {\"type\":\"message_stop\"}\n\n", false, false},
    {"that of responses", "data: {\"type\":\"response.completed\"}\n\n", false,
     false},
    {"an error in OpenAI's form", "data: {\"error\":{\"message\":\"x\"}}\n\n",
     false, true},
    {"an error in Anthropic's",
     "data: {\"type\":\"error\",\"error\":{\"message\":\"x\"}}\n\n", false,
     false},
    {"an error event of responses",
     "data: {\"type\":\"error\",\"message\":\"x\"}\n\n", true, false},
    {"an error of vLLM's", "data: {\"object\":\"error\",\"message\":\"x\"}\n\n",
     true, true},
    {"no stream", "{\"choices\":[", false, false},
};

static void
test_ends(void)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct tg_meter meter;

        tg_meter_init(&meter, TG_METER_AUTO);
        tg_meter_feed(&meter, ends[i].stream, strlen(ends[i].stream));
        tg_meter_end(&meter);
        is_int(tg_meter_lacks_end(&meter, TG_MANNER_OPENAI), ends[i].openai,
               "%s: lacks its end", ends[i].fact);
        is_int(tg_meter_lacks_end(&meter, TG_MANNER_ANTHROPIC),
               ends[i].anthropic, "to Anthropic's clients");
    }
}

/* Bytes of every kind, and every answer with each byte replaced. */
static void
test_garbage(void)
{
    struct tg_meter meter;
    uint32_t random = 1;
    size_t i, len, at;
    char *data = data_load("vllm-stream-continuous.sse", &len);

    for (at = 0; at < len; at++) {
        char saved = data[at];

        random = random * 1664525 + 1013904223;
        data[at] = (char)(random >> 24);
        tg_meter_init(&meter, TG_METER_AUTO);
        tg_meter_feed(&meter, data, len);
        tg_meter_end(&meter);
        data[at] = saved;
    }
    free(data);
    tg_meter_init(&meter, TG_METER_AUTO);
    for (i = 0; i < 100000; i++) {
        char c = "[]{}\",:\\nd[DONE]ata: \r\n"[(random >> 16) % 23];

        random = random * 1664525 + 1013904223;
        tg_meter_feed(&meter, &c, 1);
    }
    tg_meter_end(&meter);
    ok(meter.has_bytes, "garbage is read to its end");
}

static const struct {
    const char *endpoint, *type;
    enum tg_meter_shape shape;
} types[] = {
    {"POST /v1/chat/completions", "application/json", TG_METER_JSON},
    {"POST /v1/chat/completions", "text/html", TG_METER_JSON},
    {"POST /v1/chat/completions", "", TG_METER_JSON},
    {"POST /v1/chat/completions", "text/event-stream", TG_METER_SSE},
    {"POST /v1/chat/completions", "Text/Event-Stream; charset=utf-8",
     TG_METER_SSE},
    {"POST /v1/chat/completions", "text/event-streams", TG_METER_JSON},
    {"POST /v1/images/generations", "image/png", TG_METER_JSON},
    {"POST /v1/audio/speech", "audio/mpeg", TG_METER_BYTES},
    {"POST /v1/audio/speech", "", TG_METER_BYTES},
    {"POST /v1/audio/speech", "application/json;charset=utf-8", TG_METER_JSON},
    {"POST /v1/audio/speech", "text/event-stream", TG_METER_SSE},
    {"POST /v1/audio/transcriptions", "application/json", TG_METER_JSON},
    {"POST /v1/audio/transcriptions", "text/plain; charset=utf-8",
     TG_METER_BYTES},
    {"POST /v1/audio/transcriptions", "application/jsonl", TG_METER_BYTES},
};

static void
test_types(void)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct tg_str type = {types[i].type, strlen(types[i].type)};
        const struct tg_route *route = tg_route_named(
            (struct tg_str){types[i].endpoint, strlen(types[i].endpoint)});

        is_int(tg_meter_shape_of(route, type), types[i].shape, "%s: '%s'",
               types[i].endpoint, types[i].type);
    }
}

static void
test_bytes(void)
{
    struct tg_meter meter;

    tg_meter_init(&meter, TG_METER_BYTES);
    tg_meter_feed(&meter, "", 0);
    ok(!meter.has_bytes, "no bytes are none");
    tg_meter_feed(&meter, "{\"error\":1", 10);
    tg_meter_end(&meter);
    ok(meter.has_bytes && !meter.has_error && !meter.has_garbage &&
           meter.events == 0,
       "bytes say nothing but that they came");
    tg_meter_init(&meter, TG_METER_BYTES);
    tg_meter_feed(&meter, "\n", 1);
    ok(meter.has_bytes, "white space is bytes");
}

/* What an answer is, is known before its first byte. */
static void
test_expected(void)
{
    struct tg_meter meter;

    tg_meter_init(&meter, TG_METER_AUTO);
    tg_meter_expect(&meter, TG_METER_BYTES);
    tg_meter_feed(&meter, "{\"a\":", 5);
    tg_meter_end(&meter);
    ok(!meter.has_garbage, "what is expected to be bytes is no broken JSON");
    tg_meter_expect(&meter, TG_METER_JSON);
    tg_meter_feed(&meter, "{}", 2);
    tg_meter_end(&meter);
    ok(meter.bytes == 2 && meter.is_complete && !meter.has_garbage,
       "an answer behind one that came to something begins anew");
}

/*
 * A meter is begun in memory of any kind.  Here an event begins with a quote,
 * as the rest of one that is known would, and another one behind it.
 */
static void
test_any_memory(void)
{
    static const char stream[] = "data: {}\n\n"
                                 "\"\": x\ndata: {\"choices\":[]}\n\n"
                                 "\"hello!\": x\ndata: {\"choices\":[]}\n\n";
    struct tg_meter meter;

    memset(&meter, 0xa5, sizeof(meter));
    tg_meter_init(&meter, TG_METER_SSE);
    tg_meter_feed(&meter, stream, sizeof(stream) - 1);
    tg_meter_end(&meter);
    is_int(meter.content_bytes, 0, "what was in its memory counts for nothing");
}

static uint64_t
any(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return x * 0x2545f4914f6cdd1d >> 32;
}

/*
 * Changes bytes here and there, to such as JSON is made of, and repeats what
 * came before: events that begin alike and go on otherwise.
 */
static void
mutate(char *data, size_t len)
{
    static const char bytes[] = "\"\"\\{}[]:,,  \n0123456789-.etfn\xc3\xa9";

    for (uint64_t n = any() % 6; n > 0; n--)
        data[any() % len] = bytes[any() % (sizeof(bytes) - 1)];
    for (uint64_t n = any() % 3; n > 0; n--) {
        size_t from = any() % len, to = any() % len, count = any() % 400;

        if (count > len - (from > to ? from : to))
            count = len - (from > to ? from : to);
        memmove(data + to, data + from, count);
    }
}

/* The line of run, and what it leaves out. */
static void
run_all(char *out, const char *data, size_t len, size_t way)
{
    struct tg_meter meter;

    run(out, data, len, way, TG_METER_AUTO);
    tg_meter_init(&meter, TG_METER_AUTO);
    cut_feed(data, len, way, feed, &meter);
    tg_meter_end(&meter);
    sprintf(out + strlen(out), " %d%d i%d largest%d most%d lacks%d%d",
            meter.has_error_member, meter.has_error_event, (int)meter.images,
            (int)tg_sse_largest(&meter.sse), (int)tg_meter_most_tokens(&meter),
            tg_meter_lacks_end(&meter, TG_MANNER_OPENAI),
            tg_meter_lacks_end(&meter, TG_MANNER_ANTHROPIC));
}

/* Byte by byte no event is known by its start; whole, nearly all are. */
static void
test_starts(const char *name)
{
    static char whole[4096], bytes[4096];
    size_t len;
    char *data = data_load(name, &len), *changed = malloc(len);
    int faults = 0;

    for (int i = 0; i < 400 && faults == 0; i++) {
        memcpy(changed, data, len);
        if (i > 0)
            mutate(changed, len);
        run_all(whole, changed, len, 0);
        run_all(bytes, changed, len, 1);
        faults += strcmp(whole, bytes) != 0;
        run_all(bytes, changed, len, any() % CUT_WAYS(len));
        faults += strcmp(whole, bytes) != 0;
    }
    ok(faults == 0, "%s: the same whole and in pieces, with bytes changed",
       name);
    if (faults != 0)
        printf("# %s\n# %s\n", whole, bytes);
    free(data);
    free(changed);
}

/* Adds one of count parts, mostly the first. */
static void
add(char *stream, const char *const *parts, size_t count)
{
    strcat(stream, parts[any() % 2 ? 0 : any() % count]);
}

/*
 * Events of a stream that are alike but for their text, and some that are not:
 * in what stands before the text, in it, behind it, or in how lines end.
 */
static void
test_alike(void)
{
    static const char *const heads[] = {
        "data: {\"choices\":[{\"delta\":{\"content\":",
        "data: {\"choices\":[{\"delta\":{\"content\":",
        "data:{\"choices\":[{\"delta\":{\"content\":",
        "event: x\ndata: {\"choices\":[{\"delta\":{\"content\":",
        ": x\n\ndata: {\"choices\":[{\"delta\":{\"content\":",
        "data: {\"error\":{},\"choices\":[{\"delta\":{\"content\":",
        "data: {\"usage\":{\"prompt_tokens\":3},\"choices\":[{\"delta\":{"
        "\"content\":",
        "data: {\"type\":\"message_stop\",\"choices\":[{\"delta\":{"
        "\"content\":",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\",\"content\":",
        "\xef\xbb\xbf",
        "\n",
    };
    static const char *const said[] = {
        "\" a\"",
        "\"\"",
        "\" token\"",
        "\"\xc3\xa9\"",
        "\"\\n\"",
        "\"\xc3\"",
        "null",
        "\"a\tb\"",
        "\"[DONE]\\\"\"",
        "7",
        "\"{\\\"usage\\\":{}}\"",
        "\"a text longer than what is looked for in one go, so read on\"",
    };
    static const char *const tails[] = {
        "},\"finish_reason\":null}]}",
        "},\"finish_reason\":null}]}",
        "},\"finish_reason\":\"stop\"}]}",
        "},\"finish_reason\":null}],\"usage\":null}",
        "},\"finish_reason\":null}],\"usage\":{\"completion_tokens\":2}}",
        "},\"finish_reason\":null}],\"usage\":{\"completion_tokens\":5}}",
        "},\"finish_reason\":null}],\"error\":{\"message\":\"x\"}}",
        "},\"text\":\"more\"}]}",
        "}}]}",
        "},\"finish_reason\":null}]}\ndata: ",
        "},\"finish_reason\":null}],\"type\":\"response.completed\"}",
    };
    static const char *const blanks[] = {
        "\n\n", "\n\n",     "\r\n\r\n", "\r\r",
        "\n",   "\n\n\n\n", "\r\n\n",   "\n\ndata: [DONE]\n\n",
    };
    static char stream[8192], whole[512], bytes[512];
    int faults = 0;

    for (int i = 0; i < 3000 && faults == 0; i++) {
        stream[0] = '\0';
        for (uint64_t n = 2 + any() % 12; n > 0; n--) {
            add(stream, heads, sizeof(heads) / sizeof(heads[0]));
            add(stream, said, sizeof(said) / sizeof(said[0]));
            add(stream, tails, sizeof(tails) / sizeof(tails[0]));
            add(stream, blanks, sizeof(blanks) / sizeof(blanks[0]));
        }
        run_all(whole, stream, strlen(stream), 0);
        run_all(bytes, stream, strlen(stream), 1);
        faults += strcmp(whole, bytes) != 0;
        run_all(bytes, stream, strlen(stream), any() % strlen(stream));
        faults += strcmp(whole, bytes) != 0;
    }
    ok(faults == 0, "events that are alike count as they do byte by byte");
    if (faults != 0)
        printf("# %s\n# %s\n# %s\n", stream, whole, bytes);
}

/* The search for a name passes the shorter ones, and ends behind its own. */
static bool
is_sorted(const struct tg_meter_path *path)
{
    const struct tg_meter_path *member = path->members;

    if (member == NULL)
        return true;
    for (; member->name != NULL; member++) {
        if (member[1].len < member->len ||
            member->len != strlen(member->name) || !is_sorted(member))
            return false;
    }
    return member->len > TG_JSON_TEXT_MAX;
}

static void
test_paths(void)
{
    ok(is_sorted(&tg_meter_root), "members stand by the length of their names");
}

int
main(void)
{
    test_paths();
    test_alike();
    test_starts("deepseek-stream.sse");
    test_starts("anthropic-stream.sse");
    test_starts("openai-stream-asked.sse");
    test_starts("vllm-stream-continuous.sse");
    test_starts("responses-stream.sse");
    test_recorded();
    test_shapes();
    test_belief();
    test_time_to_first();
    test_an_endless_event();
    test_ends();
    test_estimates();
    test_estimate_of_a_report();
    test_garbage();
    test_types();
    test_bytes();
    test_expected();
    test_any_memory();
    return done();
}
