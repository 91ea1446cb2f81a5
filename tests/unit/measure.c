/* Goal: what is not counted in tokens is measured, and never too little. */
#include "measure.h"

#include "book.h"
#include "err.h"
#include "tap.h"

/* What a row of a table leaves out is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define COUNT(rows) (sizeof(rows) / sizeof(rows[0]))
#define CENT 10000000000 /* picos */

/* One quality for one size, and two for another. */
static const struct tg_price odd = {
    .unit = TG_UNIT_IMAGE,
    .off_peak = {.unit_picos = 1},
    .peak = {.unit_picos = 2},
    .size_count = 3,
    .sizes = {{"hd 1x1", 10}, {"low 2x2", 20}, {"hd 2x2", 30}},
};

static const struct tg_price flat = {
    .unit = TG_UNIT_IMAGE,
    .off_peak = {.unit_picos = 5},
    .peak = {.unit_picos = 7},
};

/* An image of a model of the book, or of one of these. */
static const struct {
    const char *model;
    const char *size, *quality;
    int64_t picos; /* -1: refused */
    enum tg_body_member member;
} images[] = {
    {"dall-e-3", "", "", 4 * CENT},
    {"dall-e-3", "1024x1024", "", 4 * CENT},
    {"dall-e-3", "1024x1024", "standard", 4 * CENT},
    {"dall-e-3", "1024x1792", "", 8 * CENT},
    {"dall-e-3", "1792x1024", "standard", 8 * CENT},
    {"dall-e-3", "1024x1024", "hd", 8 * CENT},
    {"dall-e-3", "1024x1792", "hd", 12 * CENT},
    {"dall-e-3", "", "standard", 8 * CENT},
    {"dall-e-3", "", "hd", 12 * CENT},
    {"dall-e-3", "auto", "", 8 * CENT},
    {"dall-e-3", "auto", "hd", 12 * CENT},
    {"dall-e-3", "", "auto", 12 * CENT},
    {"dall-e-3", "auto", "auto", 12 * CENT},
    {"dall-e-3", "1024x1024", "auto", 8 * CENT},
    {"dall-e-3", "512x512", "", -1, TG_BODY_SIZE},
    {"dall-e-3", "1024x1024 ", "", -1, TG_BODY_SIZE},
    {"dall-e-3", "1024X1024", "", -1, TG_BODY_SIZE},
    {"dall-e-3", "hd 1024x1024", "", -1, TG_BODY_SIZE},
    {"dall-e-3", "1024x1024", "high", -1, TG_BODY_SIZE},
    {"dall-e-3", "", "high", -1, TG_BODY_QUALITY},
    {"dall-e-3", "auto", "HD", -1, TG_BODY_SIZE},
    {"dall-e-2", "", "", 2 * CENT},
    {"dall-e-2", "512x512", "", CENT * 18 / 10},
    {"dall-e-2", "256x256", "standard", CENT * 16 / 10},
    {"dall-e-2", "auto", "", 2 * CENT},
    {"odd", "1x1", "", 10},
    {"odd", "2x2", "", 30},
    {"odd", "2x2", "low", 20},
    {"odd", "1x1", "low", -1, TG_BODY_SIZE},
    {"odd", "1x1", "standard", -1, TG_BODY_SIZE},
    {"odd", "", "", 1},
    {"flat", "", "", 5},
    {"flat", "9999x9999", "whatever", 5},
};

static const struct tg_price *
price_of(const char *model)
{
    if (strcmp(model, "odd") == 0)
        return &odd;
    if (strcmp(model, "flat") == 0)
        return &flat;
    return &tg_book_find(model)->prices[0];
}

static void
test_images(void)
{
    for (size_t i = 0; i < COUNT(images); i++) {
        struct tg_body_facts facts = {0};
        struct tg_measure measure;
        int err;

        strcpy(facts.size.text, images[i].size);
        strcpy(facts.quality.text, images[i].quality);
        err = tg_measure(&facts, TG_FAMILY_IMAGES, price_of(images[i].model),
                         false, &measure);
        is_int(err, images[i].picos < 0 ? TG_ERR_RANGE : 0,
               "%s, size '%s', quality '%s'", images[i].model, images[i].size,
               images[i].quality);
        if (err != 0)
            is_int(measure.member, images[i].member, "the member at fault");
        else
            ok(measure.units == 1 && measure.picos == images[i].picos,
               "one of %lld picos", (long long)images[i].picos);
    }
}

/* A request, and its units; -1: cannot be measured, -2: out of range. */
static const struct {
    const char *what;
    enum tg_unit unit;
    enum tg_family family;
    int64_t n, input;
    uint64_t bytes;
    int64_t units;
} requests[] = {
    {"tokens alone", TG_UNIT_NONE, TG_FAMILY_TEXT, 3, 4, 5, 0},
    {"images by tokens", TG_UNIT_NONE, TG_FAMILY_IMAGES, 3, 4, 5, 0},
    {"objects by tokens", TG_UNIT_NONE, TG_FAMILY_OBJECTS, 0, 0, 5, -1},
    {"a chat by the call", TG_UNIT_CALL, TG_FAMILY_TEXT, 3, 4, 5, 1},
    {"an object by the call", TG_UNIT_CALL, TG_FAMILY_OBJECTS, 0, 0, 0, 1},
    {"no `n`", TG_UNIT_IMAGE, TG_FAMILY_IMAGES, 0, 0, 5, 1},
    {"ten images", TG_UNIT_IMAGE, TG_FAMILY_IMAGES, 10, 0, 5, 10},
    {"too many", TG_UNIT_IMAGE, TG_FAMILY_IMAGES, INT64_MAX, 0, 5, -2},
    {"a chat by the image", TG_UNIT_IMAGE, TG_FAMILY_TEXT, 1, 0, 5, -1},
    {"speech by the character", TG_UNIT_CHARACTER, TG_FAMILY_SPEECH, 1, 4096,
     5000, 4096},
    {"of nothing", TG_UNIT_CHARACTER, TG_FAMILY_SPEECH, 1, 0, 20, 0},
    {"a chat by the character", TG_UNIT_CHARACTER, TG_FAMILY_TEXT, 1, 4, 5, -1},
    {"vectors by the character", TG_UNIT_CHARACTER, TG_FAMILY_VECTORS, 1, 4, 5,
     -1},
    {"listening by the second", TG_UNIT_MILLISECOND, TG_FAMILY_LISTENING, 0, 0,
     500, 1001},
    {"to 25 MiB", TG_UNIT_MILLISECOND, TG_FAMILY_LISTENING, 0, 0, 25 << 20,
     52428801},
    {"speech by the second", TG_UNIT_MILLISECOND, TG_FAMILY_SPEECH, 0, 4, 500,
     -1},
    {"a unit of the future", (enum tg_unit)9, TG_FAMILY_TEXT, 1, 1, 1, -1},
};

static void
test_requests(void)
{
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct tg_price price = {.unit = requests[i].unit,
                                 .off_peak = {.unit_picos = 5},
                                 .peak = {.unit_picos = 7}};
        struct tg_body_facts facts = {.total_bytes = requests[i].bytes};
        struct tg_measure measure;
        int err;

        facts.members[TG_BODY_N].value = requests[i].n;
        facts.members[TG_BODY_INPUT].value = requests[i].input;
        err = tg_measure(&facts, requests[i].family, &price, true, &measure);
        is_int(err == TG_ERR_NOT_FOUND ? -1
               : err == TG_ERR_RANGE   ? -2
                                       : measure.units,
               requests[i].units, "%s", requests[i].what);
        if (err == 0)
            is_int(measure.picos, 7, "at the peak's price");
    }
}

static void
test_sizes(void)
{
    char names[TG_MEASURE_SIZES_SIZE];
    struct tg_price full = {.size_count = TG_PRICE_SIZES};

    tg_measure_sizes(&odd, names);
    is_str(names, "hd 1x1, low 2x2, hd 2x2", "the sizes of a price");
    tg_measure_sizes(&flat, names);
    is_str(names, "", "of one without");
    for (int i = 0; i < TG_PRICE_SIZES; i++)
        memset(full.sizes[i].name, 'x', TG_SIZE_NAME_MAX);
    tg_measure_sizes(&full, names);
    is_int(strlen(names), TG_MEASURE_SIZES_SIZE - 2, "the most there can be");
}

static void
test_files(void)
{
    struct tg_body_facts facts = {
        .total_bytes = 16000, .file_bytes = 15500, .file_count = 2};

    is_int(tg_measure_file_tokens(&facts, TG_FAMILY_IMAGES, 8192, 0), 16384,
           "images by what one can be");
    is_int(tg_measure_file_tokens(&facts, TG_FAMILY_IMAGES, INT64_MAX, 0),
           TG_USAGE_TOKENS_MAX, "of a damaged catalog the most there can be");
    is_int(tg_measure_file_tokens(&facts, TG_FAMILY_IMAGES, 0, 0), 15500,
           "or by their bytes");
    is_int(tg_measure_file_tokens(&facts, TG_FAMILY_LISTENING, 0, 0), 641,
           "audio by its longest time");
    is_int(tg_measure_file_tokens(&facts, TG_FAMILY_LISTENING, 0, 500), 500,
           "but no more than the model can hear");
}

#define DONE "data: {\"type\":\"image_generation.completed\"}\n\n"

/* What an answer took of a bound of 8000. */
static const struct {
    const char *what;
    enum tg_unit unit;
    const char *answer;
    bool is_over;
    enum tg_basis basis;
    int64_t units;
} used[] = {
    {"a call", TG_UNIT_CALL, "", false, TG_BASIS_COUNTED, 8000},
    {"characters", TG_UNIT_CHARACTER, "", false, TG_BASIS_COUNTED, 8000},
    {"images that came", TG_UNIT_IMAGE,
     "{\"data\":[{\"url\":\"a\"},{\"url\":null,\"b64_json\":\"b\"}]}", true,
     TG_BASIS_COUNTED, 2},
    {"an image at the end of a stream", TG_UNIT_IMAGE, DONE, true,
     TG_BASIS_COUNTED, 1},
    {"no image to be seen", TG_UNIT_IMAGE, "{\"data\":[]}", true, TG_BASIS_HELD,
     8000},
    {"images of an answer that was cut", TG_UNIT_IMAGE,
     "{\"data\":[{\"url\":\"a\"},", false, TG_BASIS_HELD, 8000},
    {"seconds that are charged, before those there were", TG_UNIT_MILLISECOND,
     "{\"duration\":1.5,\"usage\":{\"type\":\"duration\",\"seconds\":2}}", true,
     TG_BASIS_REPORTED, 2000},
    {"seconds that there were", TG_UNIT_MILLISECOND, "{\"duration\":1.5001}",
     true, TG_BASIS_REPORTED, 1501},
    {"none", TG_UNIT_MILLISECOND, "{\"usage\":{\"seconds\":0}}", true,
     TG_BASIS_REPORTED, 0},
    {"as many as can be", TG_UNIT_MILLISECOND, "{\"usage\":{\"seconds\":8}}",
     true, TG_BASIS_REPORTED, 8000},
    {"more than can be", TG_UNIT_MILLISECOND, "{\"usage\":{\"seconds\":8.001}}",
     true, TG_BASIS_HELD, 8000},
    {"seconds below zero", TG_UNIT_MILLISECOND, "{\"usage\":{\"seconds\":-1}}",
     true, TG_BASIS_COUNTED, 1000},
    {"seconds with an exponent", TG_UNIT_MILLISECOND,
     "{\"usage\":{\"seconds\":1e9}}", true, TG_BASIS_COUNTED, 1000},
    {"seconds as text", TG_UNIT_MILLISECOND, "{\"duration\":\"1.5\"}", true,
     TG_BASIS_COUNTED, 1000},
    {"no seconds", TG_UNIT_MILLISECOND, "{\"text\":\"a\"}", true,
     TG_BASIS_COUNTED, 1000},
    {"seconds of an answer that was cut", TG_UNIT_MILLISECOND,
     "{\"usage\":{\"seconds\":2},", false, TG_BASIS_COUNTED, 1000},
};

static void
test_used(void)
{
    for (size_t i = 0; i < COUNT(used); i++) {
        struct tg_call call = {.unit = (uint8_t)used[i].unit,
                               .unit_bound = 8000};
        struct tg_usage usage;
        struct tg_meter meter;
        int64_t units = -1;

        tg_meter_init(&meter, TG_METER_AUTO);
        tg_meter_feed(&meter, used[i].answer, strlen(used[i].answer));
        tg_meter_end(&meter);
        tg_meter_usage(&meter, &usage);
        is_int(tg_measure_used(&call, &meter, &usage, used[i].is_over, &units),
               used[i].basis, "%s: the basis", used[i].what);
        is_int(units, used[i].units, "%s: how many", used[i].what);
    }
}

int
main(void)
{
    test_images();
    test_requests();
    test_sizes();
    test_files();
    test_used();
    return done();
}
