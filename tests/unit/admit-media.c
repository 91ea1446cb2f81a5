/*
 * Goal: images and audio hold the most they can cost, and are refused where
 * that cannot be known.  The models are those of the built-in book.
 */
#include "admit_judge.h"
#include "admit_take.h"
#include "book.h"
#include "measure.h"

static struct tg_area_claim claim;
static struct tg_queue_place place;

#define E "\r\n"
#define FORM "multipart/form-data; boundary=b"
#define FIELD(name, value)                                                     \
    "--b" E "Content-Disposition: form-data; name=\"" name "\"" E E value E
#define A_FILE(name, value)                                                    \
    "--b" E "Content-Disposition: form-data; name=\"" name                     \
    "\"; filename=\"x\"" E E value E
#define END "--b--" E
#define KIB                                                                    \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"         \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"         \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"         \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The book's models, of an upstream that speaks OpenAI's or DeepSeek's. */
static void
publish_book(enum tg_dialect dialect, uint32_t factor_ppm)
{
    struct tg_catalog *catalog = test_catalog_new();
    size_t n;
    const struct tg_book_model *book = tg_book_models(&n);

    catalog->settings.price_factor_ppm[TG_KIND_PRODUCTION] = factor_ppm;
    catalog->upstreams[1].dialect = (uint16_t)dialect;
    catalog->model_count = 0;
    for (size_t i = 0; i < n; i++) {
        struct tg_model *model = &catalog->models[catalog->model_count++];

        memset(model, 0, sizeof(*model));
        strcpy(model->name, book[i].name);
        model->scopes = book[i].scopes;
        model->upstreams[0] = 1;
        model->upstream_count = 1;
        model->max_context_tokens = book[i].max_context_tokens;
        model->max_output_tokens = book[i].max_output_tokens;
        model->max_image_tokens = book[i].max_image_tokens;
        model->price_count = (uint32_t)book[i].price_count;
        memcpy(model->prices, book[i].prices,
               book[i].price_count * sizeof(model->prices[0]));
    }
    /* One whose scope promises what its price cannot measure. */
    catalog->models[catalog->model_count] = *catalog->models;
    strcpy(catalog->models[catalog->model_count].name, "painter");
    catalog->models[catalog->model_count].scopes = TG_SCOPE_ALL;
    catalog->models[catalog->model_count].price_count = 1;
    catalog->models[catalog->model_count].prices[0] =
        tg_book_find("dall-e-2")->prices[0];
    catalog->model_count++;
    if (tg_publish_catalog(publisher, catalog) != 0)
        abort();
    free(catalog);
}

static const char *
type_of(const char *body)
{
    return *body == '-' ? FORM : "application/json";
}

static struct tg_payload payload;
static struct tg_body_facts facts;

static void
judge(const char *path, const char *body, const struct test_policy *key,
      struct tg_admission *a)
{
    struct head_case head = {"", "POST", path, BEARER, .type = type_of(body)};
    struct tg_credential credential;
    struct tg_head kept;
    bool is_sound;

    publish_policy(key);
    judge_head(&head, &credential, a);
    if (a->action != TG_ACTION_READ_BODY)
        return;
    kept = a->head;
    tg_payload_init(&payload, &kept);
    is_sound = tg_payload_feed(&payload, body, strlen(body)) == 0 &&
               tg_payload_finish(&payload, &facts) == 0;
    tg_admit_body(&state, &kept, is_sound ? &facts : NULL,
                  tg_payload_fault(&payload), instant(NOON), a);
}

#define IMAGES "/v1/images/generations"
#define EDITS "/v1/images/edits"
#define VARIATIONS "/v1/images/variations"
#define SPEECH "/v1/audio/speech"
#define TRANSCRIPTIONS "/v1/audio/transcriptions"
#define TRANSLATIONS "/v1/audio/translations"

static const struct {
    const char *what, *path, *body;
    enum tg_unit unit;
    int64_t units, completion;
    int64_t held_nanos; /* -1: as the rest says */
    const char *type;   /* sent upstream */
} calls[] = {
    {"an image", IMAGES, "{\"model\":\"dall-e-3\",\"prompt\":\"a\"}",
     TG_UNIT_IMAGE, 1, 0, 40000000, "application/json"},
    {"two of a size and quality", IMAGES,
     "{\"model\":\"dall-e-3\",\"n\":2,\"size\":\"1024x1792\",\"quality\":"
     "\"hd\"}",
     TG_UNIT_IMAGE, 2, 0, 240000000, "application/json"},
    {"null is not named", IMAGES,
     "{\"model\":\"dall-e-3\",\"n\":null,\"size\":null,\"quality\":null}",
     TG_UNIT_IMAGE, 1, 0, 40000000, "application/json"},
    {"max_tokens is none of its members", IMAGES,
     "{\"model\":\"dall-e-2\",\"max_tokens\":\"x\",\"input\":[1]}",
     TG_UNIT_IMAGE, 1, 0, 20000000, "application/json"},
    {"images by tokens: the most of each", IMAGES,
     "{\"model\":\"gpt-image-1\",\"n\":3,\"quality\":\"low\"}", TG_UNIT_NONE, 0,
     3 * 6656, (512 + 4) * 10000 + 3 * 6656 * 40000, "application/json"},
    {"a variation", VARIATIONS,
     FIELD("model", "dall-e-2") FIELD("size", "256x256") A_FILE("image", "PNG")
         END,
     TG_UNIT_IMAGE, 1, 0, 16000000, FORM},
    {"an edit by tokens, with two images and a mask", EDITS,
     FIELD("model", "gpt-image-1") A_FILE("image[]", "a") A_FILE("image[]", "b")
         A_FILE("mask", "c") FIELD("prompt", "12345") END,
     TG_UNIT_NONE, 0, 6656, (512 + 4 + 6 + 5 + 2 * 8192) * 10000 + 6656 * 40000,
     FORM},
    {"speech", SPEECH,
     "{\"model\":\"tts-1\",\"input\":\"h\xc3\xa9llo \\u4e16\\ud83c\\udf0d\"}",
     TG_UNIT_CHARACTER, 8, 0, 120000, "application/json"},
    {"speech by tokens", SPEECH,
     "{\"model\":\"gpt-4o-mini-tts\",\"input\":\"hello\"}", TG_UNIT_NONE, 0,
     16384, (512 + 4 + 4 + 5) * 600 + 16384 * 12000, "application/json"},
    {"listening", TRANSCRIPTIONS,
     FIELD("model", "whisper-1") A_FILE("file", KIB KIB KIB KIB) END,
     TG_UNIT_MILLISECOND, -1, 0, -1, FORM},
    {"translating", TRANSLATIONS,
     A_FILE("file", KIB KIB) FIELD("model", "whisper-1") END,
     TG_UNIT_MILLISECOND, -1, 0, -1, FORM},
    {"listening by tokens", TRANSCRIPTIONS,
     FIELD("model", "gpt-4o-transcribe") A_FILE("file", KIB) END, TG_UNIT_NONE,
     0, 2000, -1, FORM},
};

static void
test_calls(void)
{
    static const struct test_policy key;
    char type[TG_PAYLOAD_TYPE_SIZE];
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(calls); i++) {
        const struct tg_call *call = &a.call;
        int64_t units = calls[i].units, held;

        judge(calls[i].path, calls[i].body, &key, &a);
        if (!ok(a.action == TG_ACTION_PROXY, "admitted: %s", calls[i].what)) {
            printf("# %s\n", refusal(&a, TG_STR("")));
            continue;
        }
        if (units < 0)
            units = (int64_t)strlen(calls[i].body) * 1000 /
                        TG_MEASURE_BYTES_A_SECOND +
                    1;
        is_int(call->unit, calls[i].unit, "its unit");
        is_int(call->unit_bound, units, "at most so many");
        is_int(call->completion_bound, calls[i].completion, "answer tokens");
        held = calls[i].held_nanos >= 0 ? calls[i].held_nanos
               : call->unit != TG_UNIT_NONE
                   ? units * 100
                   : call->prompt_bound * 6000 + 2000 * 10000;
        is_int(call->held_nanos, held, "its hold");
        is_int(call->flags, 0, "its flags");
        ok(tg_payload_type(&a.head, &facts, type) == strlen(calls[i].type) &&
               memcmp(type, calls[i].type, strlen(calls[i].type)) == 0,
           "the type that goes upstream");
        ok(tg_str_eq(a.place.path, tg_route_path(text_of(calls[i].path))),
           "its path upstream");
    }
}

#define UNPRICED(model, unit, endpoint)                                        \
    INVALID("\"model\"", "model_not_priced",                                   \
            "The model `" model "` is priced by the " unit                     \
            " here, by which " endpoint " cannot be metered. Choose another "  \
            "one from GET /v1/models, or ask your operator for a price.")
#define NO_SIZE(member, model, sizes)                                          \
    INVALID("\"" member "\"", "invalid_request",                               \
            "An image of this size and quality has no price here, so it "      \
            "cannot be metered. The model `" model "` is priced for " sizes    \
            ".")
#define NO_FORM                                                                \
    INVALID("null", "unsupported_media_type",                                  \
            "The request must be an unencoded form: send Content-Type: "       \
            "multipart/form-data with its boundary and nothing more, and no "  \
            "Content-Encoding.")

static const struct {
    const char *what, *path, *body, *want;
} refused[] = {
    {"a size without a price", IMAGES,
     "{\"model\":\"dall-e-2\",\"size\":\"1024x1792\"}",
     NO_SIZE("size", "dall-e-2", "1024x1024, 512x512, 256x256")},
    {"a quality without one", IMAGES,
     "{\"model\":\"dall-e-2\",\"quality\":\"hd\"}",
     NO_SIZE("quality", "dall-e-2", "1024x1024, 512x512, 256x256")},
    {"a size in a form", VARIATIONS,
     FIELD("model", "dall-e-2") FIELD("size", "1x1") A_FILE("image", "") END,
     NO_SIZE("size", "dall-e-2", "1024x1024, 512x512, 256x256")},
    {"a size twice", IMAGES,
     "{\"model\":\"dall-e-2\",\"size\":\"1x1\",\"siz\\u0065\":\"1x1\"}",
     INVALID("\"size\"", "duplicate_field",
             "`size` stands twice; send it once (byte 33).")},
    {"a size in capitals", IMAGES, "{\"model\":\"dall-e-2\",\"Size\":\"1x1\"}",
     INVALID("\"size\"", "invalid_request",
             "`size` is spelt otherwise here; write it as shown (byte 20).")},
    {"a size that is a number", IMAGES, "{\"model\":\"dall-e-2\",\"size\":1}",
     INVALID("\"size\"", "invalid_request",
             "`size` has the wrong type (byte 27).")},
    {"too many images", IMAGES,
     "{\"model\":\"dall-e-2\",\"n\":9223372036854775807}",
     INVALID("\"n\"", "invalid_request", "`n` is out of range (byte 24).")},
    {"a text that is a list", SPEECH, "{\"model\":\"tts-1\",\"input\":[\"a\"]}",
     INVALID("\"input\"", "invalid_request",
             "`input` has the wrong type (byte 25).")},
    {"no model", IMAGES, "{\"prompt\":\"a\"}",
     INVALID("\"model\"", "invalid_request",
             "The request names no model: set `model` to one of "
             "GET /v1/models.")},
    {"a model in a form twice", TRANSCRIPTIONS,
     FIELD("model", "whisper-1") FIELD("model", "gpt-4o") END,
     INVALID("\"model\"", "duplicate_field",
             "`model` stands twice; send it once (byte 69).")},
    {"a form that is cut", TRANSCRIPTIONS, FIELD("model", "whisper-1"),
     INVALID("null", "invalid_request",
             "The form ends before its last boundary (byte 64).")},
    {"a form with a preamble", TRANSCRIPTIONS, "-" FIELD("model", "a") END,
     INVALID("null", "invalid_request",
             "The request body is not a form in plain writing: "
             "multipart/form-data whose lines end in CR LF, with nothing "
             "around it, no encodings and no folded headers (byte 2).")},
    {"no form", EDITS, "{\"model\":\"dall-e-2\"}", NO_FORM},
    {"a form where JSON belongs", IMAGES, FIELD("model", "dall-e-2") END,
     INVALID("null", "unsupported_media_type",
             "The request must be uncompressed JSON in UTF-8: send "
             "Content-Type: application/json and no Content-Encoding.")},
    {"a model of another scope", IMAGES, "{\"model\":\"tts-1\"}",
     INVALID("\"model\"", "invalid_request",
             "The model `tts-1` cannot be used for POST "
             "/v1/images/generations. Choose another one from GET "
             "/v1/models.")},
    {"chat by the image", CHAT_PATH, "{\"model\":\"painter\"}",
     UNPRICED("painter", "image", "POST /v1/chat/completions")},
    {"speech by the image", SPEECH, "{\"model\":\"painter\"}",
     UNPRICED("painter", "image", "POST /v1/audio/speech")},
};

static void
test_refusals(void)
{
    static const struct test_policy key;
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(refused); i++) {
        judge(refused[i].path, refused[i].body, &key, &a);
        is_str(refusal(&a, TG_STR("")), refused[i].want, "refused: %s",
               refused[i].what);
    }
}

/* An answer that cannot be shortened is had in full, or not at all. */
static void
test_money(void)
{
    static const struct {
        const char *path, *body;
        int64_t nanos;
    } dear[] = {
        {IMAGES, "{\"model\":\"dall-e-3\",\"n\":2}", 80000000},
        {IMAGES, "{\"model\":\"gpt-image-1\"}", 516 * 10000 + 6656 * 40000},
        {SPEECH, "{\"model\":\"tts-1\",\"input\":\"12345\"}", 75000},
        {SPEECH, "{\"model\":\"gpt-4o-mini-tts\",\"input\":\"12345\"}",
         525 * 600 + 16384 * 12000},
    };
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(dear); i++) {
        for (int less = 0; less < 2; less++) {
            struct test_policy key = {.daily_nanos = dear[i].nanos - less};
            struct tg_call_slot *slot;

            judge(dear[i].path, dear[i].body, &key, &a);
            slot = tg_admit_take(&claim, &facts, &place, instant(NOON), &a);
            ok((slot != NULL) == !less && (less || a.edit_count == 0),
               "%lld nanos are %s", (long long)key.daily_nanos,
               less ? "too few" : "enough");
            if (slot != NULL)
                tg_admit_give_back(&claim, slot, &a);
            else
                is_int(a.code, TG_CODE_BUDGET_EXCEEDED, "refused as such");
        }
    }
}

static void
test_streams(void)
{
    static const struct {
        const char *path, *body;
        uint16_t flags;
    } streams[] = {
        {IMAGES, "{\"model\":\"gpt-image-1\",\"stream\":true}", TG_CALL_STREAM},
        {SPEECH, "{\"model\":\"gpt-4o-mini-tts\",\"stream_format\":\"sse\"}",
         TG_CALL_STREAM},
        {SPEECH, "{\"model\":\"gpt-4o-mini-tts\",\"stream_format\":\"audio\"}",
         0},
        {TRANSCRIPTIONS,
         FIELD("model", "gpt-4o-transcribe") FIELD("stream", "true") END,
         TG_CALL_STREAM},
    };
    static const struct test_policy key;
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(streams); i++) {
        struct tg_call_slot *slot;

        judge(streams[i].path, streams[i].body, &key, &a);
        is_int(a.call.flags, streams[i].flags, "stream %zu", i);
        is_int(a.edit_rule, 0, "nothing is asked for");
        slot = tg_admit_take(&claim, &facts, &place, instant(NOON), &a);
        is_int(a.call.held_nanos, slot->call.held_nanos, "all of it is held");
        is_int(a.hold.held_tokens, a.call.completion_bound, "in one step");
        tg_admit_give_back(&claim, slot, &a);
    }
}

static void
test_factor(void)
{
    static const struct test_policy key;
    struct tg_admission a;

    publish_book(TG_DIALECT_OPENAI, 1500000);
    judge(IMAGES, "{\"model\":\"dall-e-3\",\"quality\":\"hd\"}", &key, &a);
    is_int(a.call.held_nanos, 180000000, "a factor is of sizes, too");
    judge(SPEECH, "{\"model\":\"tts-1\",\"input\":\"a\"}", &key, &a);
    is_int(a.call.rates.unit_picos, 22500000, "and of characters");
    publish_book(TG_DIALECT_DEEPSEEK, 0);
    judge(IMAGES, "{\"model\":\"dall-e-3\"}", &key, &a);
    is_int(a.reason, TG_REASON_WRONG_DIALECT, "a provider without images");
}

int
main(void)
{
    admit_test_begin();
    tg_publish_ready(publisher, 1);
    if (tg_area_claim(&claim, &state, 7, instant(NOON)) != 0)
        return 1;
    publish_book(TG_DIALECT_OPENAI, 0);
    test_calls();
    test_refusals();
    test_money();
    test_streams();
    test_factor();
    tg_area_leave(&claim);
    admit_test_end();
    return done();
}
