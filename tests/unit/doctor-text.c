/* Goal: the doctor says the same thing in English and in Chinese. */
#include "tap.h"

#include <stdlib.h>

#include "doctor_text.h"

#define STOP "\xE3\x80\x82" /* of Chinese */

static bool
ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Bit n for each argument {n} that a text names. */
static unsigned
arguments(const char *text)
{
    unsigned found = 0;

    for (; *text != '\0'; text++) {
        if (text[0] == '{' && text[1] >= '1' && text[1] <= '3' &&
            text[2] == '}')
            found |= 1u << (text[1] - '0');
    }
    return found;
}

/* Every brace belongs to an argument. */
static bool
is_clean(const char *text)
{
    size_t braces = 0, places = 0;

    for (; *text != '\0'; text++) {
        braces += *text == '{' || *text == '}';
        places += text[0] == '{' && text[1] >= '1' && text[1] <= '3' &&
                  text[2] == '}';
    }
    return braces == 2 * places;
}

static bool
has_chinese(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0xE4 && (unsigned char)*text <= 0xE9)
            return true;
    }
    return false;
}

static void
test_rows(void)
{
    for (int i = tg_found_none + 1; i < tg_found_count; i++) {
        const struct tg_doctor_text *text =
            tg_doctor_text((enum tg_doctor_finding)i);

        ok(arguments(text->cause[0]) == arguments(text->cause[1]),
           "%s: both causes have the same arguments", text->id);
        ok(arguments(text->cure[0]) == arguments(text->cure[1]),
           "%s: so have both cures", text->id);
        ok(is_clean(text->cause[0]) && is_clean(text->cause[1]) &&
               is_clean(text->cure[0]) && is_clean(text->cure[1]),
           "%s: every brace is an argument's", text->id);
        ok(text->cure[0][0] == '\0' || has_chinese(text->cure[1]),
           "%s: the Chinese cure is Chinese", text->id);
        ok(text->status < TG_STATUS_WARNING ||
               (!ends_in(text->cause[0], ".") && !ends_in(text->cure[0], ".")),
           "%s: the full stop is the verdict's", text->id);
    }
}

/* Chinese has signs of its own behind its characters. */
static bool
is_punctuated(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)p[0] >= 0x80 && p[1] != '\0' &&
            strchr(",;:.?!()", p[1]) != NULL)
            return false;
    }
    return true;
}

static void
test_chinese(void)
{
    for (int i = tg_found_none + 1; i < tg_found_count; i++) {
        const struct tg_doctor_text *text =
            tg_doctor_text((enum tg_doctor_finding)i);

        ok(is_punctuated(text->cause[1]) && is_punctuated(text->cure[1]),
           "%s: no sign of ASCII stands behind a Chinese character", text->id);
        ok(text->status < TG_STATUS_WARNING ||
               (!ends_in(text->cause[1], STOP) &&
                !ends_in(text->cure[1], STOP)),
           "%s: the full stop is the verdict's, in Chinese, too", text->id);
    }
}

static void
test_ids(void)
{
    for (int i = tg_found_none + 1; i < tg_found_count; i++) {
        int twins = 0;

        for (int j = tg_found_none + 1; j < tg_found_count; j++)
            twins += strcmp(tg_doctor_text((enum tg_doctor_finding)i)->id,
                            tg_doctor_text((enum tg_doctor_finding)j)->id) == 0;
        is_int(twins, 1, "%s is one finding",
               tg_doctor_text((enum tg_doctor_finding)i)->id);
    }
}

static void
test_steps(void)
{
    for (int i = TG_STEP_VARIABLE; i < TG_STEP_COUNT; i++) {
        enum tg_doctor_step step = (enum tg_doctor_step)i;

        ok(*tg_doctor_step_name(step) != '\0' &&
               *tg_doctor_step_label(step, TG_LANGUAGE_EN) != '\0' &&
               *tg_doctor_step_label(step, TG_LANGUAGE_ZH) != '\0',
           "step %d has a name and two labels", i);
    }
}

static void
test_fill(void)
{
    char one[] = "A", two[] = "{1}", *args[3] = {one, two, NULL};
    char *text = tg_doctor_fill("{2} {1}{3} {4} {", args);

    is_str(text, "{1} A {4} {", "arguments are put in once, and only those");
    free(text);
}

static const struct {
    const char *all, *messages, *lang, *chosen;
    enum tg_doctor_language want;
} languages[] = {
    {NULL, NULL, NULL, NULL, TG_LANGUAGE_EN},
    {NULL, NULL, "zh_CN.UTF-8", NULL, TG_LANGUAGE_ZH},
    {NULL, NULL, "zh_TW", NULL, TG_LANGUAGE_ZH},
    {NULL, "en_US.UTF-8", "zh_CN.UTF-8", NULL, TG_LANGUAGE_EN},
    {"C", "zh_CN", "zh_CN", NULL, TG_LANGUAGE_EN},
    {"", "", "zh_CN", NULL, TG_LANGUAGE_ZH},
    {"zh_CN", NULL, NULL, "en", TG_LANGUAGE_EN},
    {NULL, NULL, "de_DE", "zh", TG_LANGUAGE_ZH},
};

static void
put(const char *name, const char *value)
{
    if (value != NULL)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void
test_language(void)
{
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
        put("LC_ALL", languages[i].all);
        put("LC_MESSAGES", languages[i].messages);
        put("LANG", languages[i].lang);
        is_int(tg_doctor_language(languages[i].chosen), languages[i].want,
               "language %zu", i);
    }
}

int
main(void)
{
    test_rows();
    test_chinese();
    test_ids();
    test_steps();
    test_fill();
    test_language();
    return done();
}
