/* The simulator's parts that stand alone: its JSON reader beside jansson, and
 * its timers beside a plain array. */
#include <jansson.h>
#include <stdlib.h>

#include "sim_json.h"
#include "tap.h"
#include "timers.h"

static uint64_t state = 1;

static unsigned
draw(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

static bool
we_accept(const char *text, size_t len)
{
    struct sim_json json;

    sim_json_init(&json, (struct tg_str){text, len});
    return !sim_json_skip(&json) && !sim_json_finish(&json);
}

/* jansson turns numbers into values and refuses what does not fit; that is no
 * matter of grammar. */
static bool
jansson_accepts(const char *text, size_t len, bool *is_overflow)
{
    json_error_t error;
    json_t *value =
        json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    *is_overflow = !value && (strstr(error.text, "overflow") ||
                              strstr(error.text, "too big"));
    json_decref(value);
    return value != NULL;
}

static const char *const samples[] = {
    "{\"a\":[1,-2.5e+3,true,false,null],\"b\":{\"c\":\"d\"}}",
    " [ { } , [ ] , \"\\u00e9\\ud83d\\ude00\\n\\/\" ] ",
    "{\"model\":\"deepseek-flash\",\"messages\":[{\"role\":\"user\"}]}",
    "[0,-0,0.5,1E5,\"long enough for eight bytes at once\\\\\\\"\"]",
};

enum { SAMPLES = sizeof(samples) / sizeof(samples[0]), ROUNDS = 50000 };

static size_t
spoil(char *text, size_t len)
{
    static const char any[] = "{}[]\",:\\u0d8cetf-+.1 \n\x01\x1f\x7f";

    for (unsigned times = 1 + draw(3); times > 0 && len > 0; times--) {
        size_t at = draw((unsigned)len);

        switch (draw(3)) {
        case 0:
            text[at] = any[draw(sizeof(any) - 1)];
            break;
        case 1:
            memmove(text + at, text + at + 1, len - at - 1);
            len--;
            break;
        default:
            len = at + 1;
        }
    }
    return len;
}

static void
spoilt_json_is_judged_as_jansson_judges_it(void)
{
    unsigned differ = 0, accepted = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        const char *sample = samples[i % SAMPLES];
        size_t len = strlen(sample);
        char *text = malloc(len);
        bool is_overflow, theirs, ours;

        memcpy(text, sample, len);
        len = spoil(text, len);
        theirs = jansson_accepts(text, len, &is_overflow);
        ours = we_accept(text, len);
        accepted += theirs;
        if (ours != theirs && !is_overflow && differ++ < 5)
            printf("# we %d, jansson %d: %.*s\n", ours, theirs, (int)len, text);
        free(text);
    }
    is_int(differ, 0, "%u spoilt texts are judged alike", ROUNDS);
    ok(accepted > ROUNDS / 100, "and some of them are still JSON");
}

static void
whole_json_is_accepted_and_no_cut_of_it(void)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t len = strlen(samples[i]), most = len;
        unsigned cuts = 0;

        while (most > 0 && samples[i][most - 1] == ' ')
            most--;
        for (size_t cut = 0; cut < most; cut++)
            cuts += we_accept(samples[i], cut);
        ok(we_accept(samples[i], len) && cuts == 0, "sample %zu", i);
    }
}

static void
text_says_how_many_bytes_it_means(void)
{
    static const struct {
        const char *json;
        unsigned bytes, characters;
        const char *text;
    } rows[] = {
        {"\"\"", 0, 0, ""},
        {"\"abcdefghijklmnop\"", 16, 16, "abcdefghijklmnop"},
        {"\"a\\n\\u0041\"", 3, 3, "a\nA"},
        {"\"\\u007f\\u0080\"", 3, 2, "\x7f\xc2\x80"},
        {"\"\\u07ff\\u0800\"", 5, 2, "\xdf\xbf\xe0\xa0\x80"},
        {"\"\\uffff\\ud800\\udc00\"", 7, 2,
         "\xef\xbf\xbf\xf0\x90\x80\x80"},
        {"\"\\udbff\\udfff\"", 4, 1, "\xf4\x8f\xbf\xbf"},
        {"\"\xc3\xa9\xf0\x9f\x98\x80\"", 6, 2, "\xc3\xa9\xf0\x9f\x98\x80"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_json_text text;
        struct sim_json json;
        char out[64];

        sim_json_init(&json,
                      (struct tg_str){rows[i].json, strlen(rows[i].json)});
        ok(!sim_json_text(&json, &text), "%s is text", rows[i].json);
        is_int(text.decoded_bytes, rows[i].bytes, "%s bytes", rows[i].json);
        is_int(sim_json_characters(&text), rows[i].characters,
               "%s characters", rows[i].json);
        sim_json_decode(&text, out, sizeof(out));
        is_str(out, rows[i].text, "%s decoded", rows[i].json);
    }
}

static void
control_characters_are_found_anywhere(void)
{
    char text[] = "\"abcdefghijklmnopqrstuvwxyz\"";
    unsigned passed = 0;

    for (size_t at = 1; at + 2 < sizeof(text); at++) {
        char kept = text[at];

        for (char c = 0; c < 0x20; c++) {
            text[at] = c;
            passed += we_accept(text, sizeof(text) - 1);
        }
        text[at] = kept;
    }
    is_int(passed, 0, "no control character passes at any place");
}

enum { TIMERS = 200 };

static struct sim_timer *
soonest(struct sim_timer *timers)
{
    struct sim_timer *first = NULL;

    for (int i = 0; i < TIMERS; i++)
        if (timers[i].place && (!first || timers[i].due_ns < first->due_ns))
            first = &timers[i];
    return first;
}

static void
first_timer_is_always_the_soonest(void)
{
    static struct sim_timer all[TIMERS];
    struct sim_timers timers = {0};
    unsigned wrong = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct sim_timer *first, *want;

        if (draw(3))
            sim_timers_set(&timers, &all[draw(TIMERS)], draw(1000));
        else
            sim_timers_unset(&timers, &all[draw(TIMERS)]);
        first = sim_timers_first(&timers);
        want = soonest(all);
        wrong += !first != !want || (first && first->due_ns != want->due_ns);
    }
    is_int(wrong, 0, "the first of %d timers is right after each change",
           TIMERS);
    sim_timers_release(&timers);
}

int
main(void)
{
    whole_json_is_accepted_and_no_cut_of_it();
    spoilt_json_is_judged_as_jansson_judges_it();
    text_says_how_many_bytes_it_means();
    control_characters_are_found_anywhere();
    first_timer_is_always_the_soonest();
    return done();
}
