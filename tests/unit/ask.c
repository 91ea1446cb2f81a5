/*
 * What requests ask for beyond their text: where an upstream reads it, and
 * nowhere else; the same however the body is cut.
 */
#include "ask.h"

#include "body.h"
#include "cut.h"
#include "tap.h"

struct reader {
    struct tg_body body;
    struct tg_body_facts facts;
    int err;
};

static void
feed(void *arg, const char *data, size_t len)
{
    struct reader *reader = arg;

    if (reader->err == 0)
        reader->err = tg_body_feed(&reader->body, data, len);
}

/* "tier hosted images=1+20 prompts=3"; bytes behind the plus. */
static void
run(const char *data, size_t way, char *out)
{
    static const char *const kinds[] = {
        "?",         "background", "previous",   "conversation", "template",
        "item",      "file",       "prediction", "search",       "servers",
        "container", "tier",       "speed",      "geo",          "long-cache",
        "hosted",    "local",      "client",     "reasoning",    "unseen"};
    struct reader reader = {.err = 0};
    const struct tg_asked *asked = &reader.facts.asked;

    tg_body_init(&reader.body);
    cut_feed(data, strlen(data), way, feed, &reader);
    if (reader.err || tg_body_finish(&reader.body, &reader.facts) != 0) {
        strcpy(out, "!");
        return;
    }
    *out = '\0';
    for (int k = 0; k < TG_ASK_KINDS; k++)
        if (asked->kinds >> k & 1)
            out += sprintf(out, "%s ", kinds[k]);
    if (asked->images != 0 || asked->image_bytes != 0)
        out += sprintf(out, "images=%u+%llu ", asked->images,
                       (unsigned long long)asked->image_bytes);
    if (asked->client_tools != 0)
        out += sprintf(out, "tools=%u ", asked->client_tools);
    if (asked->prompts != 0)
        out += sprintf(out, "prompts=%u ", asked->prompts);
}

/* Data URLs and base64 of 40 and of 200 bytes: longer than a token shows. */
#define URL40 "data:image/png;base64,AAAAAAAAAAAAAAAAAA"
#define A50 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define A200 A50 A50 A50 A50
#define USER(part) "{\"messages\":[{\"role\":\"user\",\"content\":[" part "]}]}"
#define TEXT "{\"type\":\"text\",\"text\":\"hi\"}"
#define IMAGE(members) "{\"type\":\"image\",\"source\":{" members "}}"
#define INPUT(item) "{\"input\":[" item "]}"
#define RESULT(part)                                                           \
    USER("{\"type\":\"tool_result\",\"tool_use_id\":\"x\",\"content\":[" part  \
         "]}")

static const struct {
    const char *fact, *body, *want;
} cases[] = {
    {"nothing", "{}", ""},
    {"plain text",
     "{\"messages\":[{\"role\":\"user\",\"content\":\"image_url\"}],"
     "\"n\":1,\"service_tier\":\"auto\",\"background\":false}",
     ""},
    {"text in parts", USER(TEXT "," TEXT), ""},

    /* Chat. */
    {"an image inline",
     USER(TEXT ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"" URL40
               "\",\"detail\":\"low\"}}"),
     "images=1+40 "},
    {"a long one",
     USER("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;"
          "base64," A200 "\"}}"),
     "images=1+222 "},
    {"an image elsewhere",
     USER("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}}"),
     "images=1+0 "},
    {"as a string",
     USER("{\"type\":\"image_url\",\"image_url\":\"" URL40 "\"}"),
     "images=1+40 "},
    {"without its type", USER("{\"image_url\":{\"url\":\"" URL40 "\"}}"),
     "images=1+40 "},
    {"escaped",
     USER("{\"image_ur\\u006c\":{\"\\u0075rl\":\"dat\\u0061:image"
          "\\/png,AA\"}}"),
     "images=1+17 "},
    {"in other case", USER("{\"Image_URL\":{\"URL\":\"" URL40 "\"}}"),
     "images=1+40 "},
    {"two of them",
     USER("{\"image_url\":\"" URL40 "\"},{\"image_url\":\"" URL40 "\"}"),
     "images=2+80 "},
    {"twice in one part",
     USER("{\"image_url\":\"" URL40 "\",\"image_url\":"
          "{\"url\":\"" URL40 "\"}}"),
     "images=2+80 "},
    {"text that is no image stays text",
     USER("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:text/plain,"
          "hello\"}}"),
     "images=1+0 "},
    {"nor is what only looks so elsewhere",
     "{\"messages\":[{\"image_url\":{\"url\":\"" URL40 "\"},\"content\":\"\"}],"
     "\"image_url\":\"" URL40 "\",\"x\":[{\"content\":[{\"image_url\":\"" URL40
     "\"}]}]}",
     ""},
    {"nor deeper",
     USER("{\"type\":\"text\",\"text\":\"\",\"x\":{\"image_url\":"
          "{\"url\":\"" URL40 "\"}}}"),
     ""},
    {"nor in a tool's schema",
     "{\"tools\":[{\"type\":\"function\",\"function\":{\"image_url\":{\"url\":"
     "\"" URL40 "\"}}}]}",
     ""},
    {"an image in the answer of a tool",
     "{\"messages\":[{\"role\":\"tool\",\"content\":[{\"type\":\"image_url\","
     "\"image_url\":{\"url\":\"https://x/\"}}]}]}",
     "images=1+0 "},
    {"a file by its id",
     USER("{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}}"),
     "file unseen "},
    {"a file whole",
     USER("{\"type\":\"file\",\"file\":{\"file_data\":\"AA\",\"file_id\":null}"
          "}"),
     "unseen "},
    {"in other case, and of another part",
     USER("{\"type\":\"text\",\"File\":{\"FILE_ID\":\"file-1\"}}"), "file "},
    {"or of an image", USER("{\"image_url\":{\"file_id\":\"file-1\"}}"),
     "file images=1+0 "},
    {"an id that stands elsewhere is none",
     "{\"file_id\":\"1\",\"metadata\":{\"file_id\":\"1\"},\"messages\":["
     "{\"role\":\"user\",\"file_id\":\"1\",\"content\":\"file_id\"}]}",
     ""},
    {"a video of vLLM's",
     USER("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x\"}}"),
     "unseen "},
    {"the same without its type", USER("{\"video_url\":\"https://x\"}"),
     "unseen "},
    {"audio is seen",
     USER("{\"type\":\"input_audio\",\"input_audio\":{"
          "\"data\":\"AA\",\"format\":\"wav\"}}"),
     ""},
    {"a template, which may repeat what it likes",
     "{\"chat_template\":\"{% for i in range(99999) %}x{% endfor %}\"}",
     "unseen "},
    {"or the same of images", "{\"mm_processor_kwargs\":{\"max_pixels\":9}}",
     "unseen "},
    {"neither", "{\"chat_template\":null,\"chat_template_kwargs\":{}}", ""},
    {"an earlier answer's audio",
     "{\"messages\":[{\"role\":\"assistant\",\"audio\":{\"id\":\"audio_1\"}}]}",
     "unseen "},
    {"which is null mostly",
     "{\"messages\":[{\"role\":\"assistant\",\"audio\":null}]}", ""},
    {"a prediction", "{\"prediction\":{\"type\":\"content\"}}", "prediction "},
    {"search", "{\"web_search_options\":{}}", "search "},
    {"null asks for nothing",
     "{\"web_search_options\":null,\"prediction\":null,\"service_tier\":null,"
     "\"previous_response_id\":null,\"mcp_servers\":null,\"container\":null}",
     ""},

    /* Anthropic. */
    {"base64",
     USER(IMAGE("\"type\":\"base64\",\"media_type\":\"image/png\","
                "\"data\":\"" A50 "\"")),
     "images=1+50 "},
    {"in another order",
     USER("{\"source\":{\"data\":\"" A200 "\",\"type\":\"base64\"},\"type\":"
          "\"image\"}"),
     "images=1+200 "},
    {"an image elsewhere",
     USER(IMAGE("\"type\":\"url\",\"url\":\"https://x/y\"")), "images=1+0 "},
    {"or in a file", USER(IMAGE("\"type\":\"file\",\"file_id\":\"file_1\"")),
     "file images=1+0 "},
    {"in a tool's result",
     RESULT(TEXT "," IMAGE("\"type\":\"base64\",\"data\":\"" A50 "\"")),
     "images=1+50 "},
    {"text in a source is text",
     USER("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"data\":\"" A50
          "\"}}"),
     ""},
    {"also when it calls itself an image",
     USER(IMAGE("\"type\":\"text\",\"data\":\"" A50 "\"")), "images=1+0 "},
    {"or both",
     USER("{\"type\":\"document\",\"type\":\"image\",\"source\":{\"type\":"
          "\"text\",\"type\":\"base64\",\"data\":\"" A50 "\"}}"),
     "unseen images=1+0 "},
    {"a tool's input is text",
     USER("{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"f\",\"input\":{"
          "\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"" A50
          "\"},\"image_url\":\"" URL40 "\",\"file_id\":\"1\"}}"),
     ""},
    {"a PDF",
     USER("{\"type\":\"document\",\"source\":{\"type\":\"base64\","
          "\"media_type\":\"application/pdf\",\"data\":\"AA\"}}"),
     "unseen "},
    {"a document elsewhere",
     USER(
         "{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"u\"}}"),
     "unseen "},
    {"a document of blocks, one an image",
     USER("{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":"
          "[" TEXT "," IMAGE("\"type\":\"base64\",\"data\":\"" A50 "\"") "]}}"),
     "images=1+50 "},
    {"parts in parts in parts, and then they are not seen",
     RESULT("{\"type\":\"tool_result\",\"content\":[{\"type\":\"tool_result\","
            "\"content\":[" IMAGE("\"type\":\"url\"") "]}]}"),
     "unseen "},
    {"a container's upload",
     USER("{\"type\":\"container_upload\",\"file_id\":\"file_1\"}"),
     "file unseen "},
    {"the system prompt, in blocks",
     "{\"system\":[{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{"
     "\"type\":\"ephemeral\"}}]}",
     ""},
    {"a cache of an hour",
     "{\"system\":[{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{"
     "\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}",
     "long-cache "},
    {"in a message",
     USER("{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"ttl\":"
          "\"1h\"}}"),
     "long-cache "},
    {"in a tool",
     "{\"tools\":[{\"name\":\"f\",\"cache_control\":{\"ttl\":\"1h\"}}]}",
     "long-cache "},
    {"at the top", "{\"cache_control\":{\"ttl\":\"1h\"}}", "long-cache "},
    {"of five minutes", "{\"cache_control\":{\"ttl\":\"5m\"}}", ""},
    {"a ttl elsewhere is none", "{\"metadata\":{\"ttl\":\"1h\"}}", ""},
    {"servers, a container, speed, a place",
     "{\"mcp_servers\":[],\"container\":\"c\",\"speed\":\"fast\","
     "\"inference_geo\":\"us\"}",
     "servers container speed geo "},
    {"the usual speed and place",
     "{\"speed\":\"standard\",\"inference_geo\":\"global\"}", ""},

    /* Tools. */
    {"functions",
     "{\"tools\":[{\"type\":\"function\"},{\"type\":\"custom\"},{\"name\":"
     "\"f\"},{\"type\":null}]}",
     ""},
    {"one at the provider",
     "{\"tools\":[{\"type\":\"function\"},{\"type\":\"web_search_20250305\"}]}",
     "hosted "},
    {"an escape hides it not",
     "{\"tools\":[{\"t\\u0079pe\":\"web\\u005fsearch\"}]}", "hosted "},
    {"nor does case", "{\"Tools\":[{\"TYPE\":\"web_search\"}]}", "hosted "},
    {"nor a second type",
     "{\"tools\":[{\"type\":\"mcp\",\"type\":\"function\"}]}", "hosted "},
    {"nor a length", "{\"tools\":[{\"type\":\"" A200 "\"}]}", "hosted "},
    {"nor what is no string",
     "{\"tools\":[{\"type\":1},{\"type\":{}},{\"type\":[\"function\"]}]}",
     "hosted "},
    {"one tool without a list", "{\"tools\":{\"type\":\"mcp\"}}", "hosted "},
    {"the type of a tool's parameter is none",
     "{\"tools\":[{\"type\":\"function\",\"function\":{\"parameters\":{"
     "\"type\":\"object\"}}}]}",
     ""},
    {"OpenAI's that the client runs",
     "{\"tools\":[{\"type\":\"local_shell\"},{\"type\":\"apply_patch\"}]}",
     "local "},
    {"Anthropic's",
     "{\"tools\":[{\"type\":\"bash_20250124\"},{\"type\":"
     "\"text_editor_20250728\"},{\"type\":\"computer_20250124\"},"
     "{\"type\":\"memory_20250818\"}]}",
     "client tools=4 "},
    {"a name that only begins so", "{\"tools\":[{\"type\":\"bash_\"}]}",
     "client tools=1 "},
    {"or that ends so", "{\"tools\":[{\"type\":\"computer_use_preview\"}]}",
     "hosted "},

    /* Responses. */
    {"a text", "{\"input\":\"hello\"}", ""},
    {"messages",
     INPUT("{\"role\":\"user\",\"content\":\"x\"},{\"type\":\"message\","
           "\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
           "\"x\"}]},{\"type\":\"function_call_output\",\"call_id\":\"c\","
           "\"output\":\"x\"}"),
     ""},
    {"an image",
     INPUT("{\"role\":\"user\",\"content\":[{\"type\":"
           "\"input_image\",\"image_url\":\"" URL40 "\"}]}"),
     "images=1+40 "},
    {"an image in a file",
     INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
           "\"file_id\":\"file-1\"}]}"),
     "file images=1+0 "},
    {"an image that a function gave",
     INPUT("{\"type\":\"function_call_output\",\"output\":[{\"type\":"
           "\"input_image\",\"image_url\":\"" URL40 "\"}]}"),
     "images=1+40 "},
    {"a file",
     INPUT("{\"role\":\"user\",\"content\":[{\"type\":"
           "\"input_file\",\"file_id\":\"file-1\"}]}"),
     "file unseen "},
    {"an item by its id", INPUT("{\"type\":\"item_reference\",\"id\":\"m\"}"),
     "item "},
    {"or without its type", INPUT("{\"id\":\"msg_1\"}"), "item "},
    {"or with an empty role", INPUT("{\"id\":\"msg_1\",\"role\":null}"),
     "item "},
    {"hidden reasoning",
     INPUT("{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":"
           "\"summary_text\",\"text\":\"x\"}],\"encrypted_content\":null}"),
     "reasoning "},
    {"which is sent along",
     INPUT("{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
           "\"AA\"}"),
     ""},
    {"or shown",
     INPUT("{\"type\":\"reasoning\",\"content\":[{\"type\":"
           "\"reasoning_text\",\"text\":\"x\"}]}"),
     ""},
    {"an item of another sort", INPUT("{\"type\":\"file_search_call\"}"),
     "unseen "},
    {"an answer that goes on alone", "{\"background\":true}", "background "},
    {"other answers",
     "{\"previous_response_id\":\"resp_1\",\"conversation\":\"conv_1\"}",
     "previous conversation "},
    {"the same as an object", "{\"conversation\":{\"id\":\"conv_1\"}}",
     "conversation "},
    {"a prompt that is kept", "{\"prompt\":{\"id\":\"pmpt_1\"}}", "template "},
    {"tiers", "{\"service_tier\":\"priority\"}", "tier "},
    {"another", "{\"service_tier\":\"flex\"}", "tier "},
    {"one too long to show", "{\"service_tier\":\"" A200 "\"}", "tier "},
    {"one that is no string", "{\"service_tier\":1}", "tier "},
    {"the usual tiers twice, and another",
     "{\"service_tier\":\"auto\",\"service_tier\":\"flex\",\"Service_Tier\":"
     "\"default\"}",
     "tier "},

    /* Completions and embeddings. */
    {"one prompt", "{\"prompt\":\"x\"}", ""},
    {"a list of one", "{\"prompt\":[\"x\"]}", "prompts=1 "},
    {"of three", "{\"prompt\":[\"x\",\"\",\"z\"]}", "prompts=3 "},
    {"of tokens, one prompt", "{\"prompt\":[1,2,3]}", ""},
    {"of lists of tokens", "{\"prompt\":[[1,2],[3],[]]}", "prompts=3 "},
    {"strings inside a list of lists are no prompts",
     "{\"prompt\":[[\"a\",\"b\"]]}", "prompts=1 "},
    {"what follows is no prompt", "{\"prompt\":[\"x\"],\"stop\":[\"a\",\"b\"]}",
     "prompts=1 "},
    {"inputs of embeddings", "{\"input\":[\"a\",[1,2],\"b\"]}", ""},
};

static void
test_cases(void)
{
    char out[256], cut[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool is_same = true;

        run(cases[i].body, 0, out);
        is_str(out, cases[i].want, "%s", cases[i].fact);
        for (size_t way = 1; way < CUT_WAYS(strlen(cases[i].body)); way++) {
            run(cases[i].body, way, cut);
            is_same = is_same && strcmp(out, cut) == 0;
        }
        ok(is_same, "the same however it is cut");
    }
}

/* Depth alone is no way around it. */
static void
test_depth(void)
{
    char body[512] = "{\"messages\":", out[256];
    size_t len = strlen(body);

    for (int i = 0; i < 40; i++)
        len += (size_t)sprintf(body + len, "[");
    for (int i = 0; i < 40; i++)
        len += (size_t)sprintf(body + len, "]");
    sprintf(body + len, ",\"background\":true}");
    run(body, 0, out);
    is_str(out, "background ", "what follows deep nesting is read");
}

int
main(void)
{
    test_cases();
    test_depth();
    return done();
}
