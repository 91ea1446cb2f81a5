#include "doctor_shape.h"

#include <stdio.h>

#include "base62.h"
#include "key.h"
#include "unwrap.h"

/* What each diagnosis is to the doctor; the rest are others' keys. */
static const enum tg_doctor_finding findings[TG_DIAGNOSIS_COUNT] = {
    [TG_DIAGNOSIS_EMPTY] = tg_found_variable_empty,
    [TG_DIAGNOSIS_SPACE_AROUND] = tg_found_key_space_around,
    [TG_DIAGNOSIS_SPACE_INSIDE] = tg_found_key_space_inside,
    [TG_DIAGNOSIS_NEWLINE] = tg_found_key_newline,
    [TG_DIAGNOSIS_CONTROL] = tg_found_key_control,
    [TG_DIAGNOSIS_NOT_ASCII] = tg_found_key_not_ascii,
    [TG_DIAGNOSIS_QUOTES] = tg_found_key_quotes,
    [TG_DIAGNOSIS_BEARER_TWICE] = tg_found_key_bearer,
    [TG_DIAGNOSIS_ASSIGNMENT] = tg_found_key_assignment,
    [TG_DIAGNOSIS_SK_TWICE] = tg_found_key_sk_twice,
    [TG_DIAGNOSIS_SK_LOST] = tg_found_key_sk_lost,
    [TG_DIAGNOSIS_LETTER_CASE] = tg_found_key_case,
    [TG_DIAGNOSIS_KIND] = tg_found_key_kind,
    [TG_DIAGNOSIS_SHORT] = tg_found_key_short,
    [TG_DIAGNOSIS_LONG] = tg_found_key_long,
    [TG_DIAGNOSIS_CHARACTER] = tg_found_key_character,
    [TG_DIAGNOSIS_MISTYPED] = tg_found_key_mistyped,
    [TG_DIAGNOSIS_MASKED] = tg_found_key_masked,
    [TG_DIAGNOSIS_PLACEHOLDER] = tg_found_variable_placeholder,
    [TG_DIAGNOSIS_VARIABLE] = tg_found_variable_unexpanded,
    [TG_DIAGNOSIS_URL] = tg_found_key_is_url,
    [TG_DIAGNOSIS_KEY_ID] = tg_found_key_id,
};

/* Where the first character is that is not plain, and which. */
static void
find_odd(struct tg_str key, char place[24], char code[24])
{
    size_t at = 0, extra;
    unsigned value;

    while (at < key.len && !(key.data[at] & 0x80))
        at++;
    snprintf(place, 24, "%zu", at + 1);
    value = at < key.len ? (unsigned char)key.data[at] : 0;
    extra = value >= 0xF0 ? 3 : value >= 0xE0 ? 2 : value >= 0xC0 ? 1 : 0;
    value &= extra == 3 ? 0x07 : extra == 2 ? 0x0F : extra == 1 ? 0x1F : 0xFF;
    for (size_t i = 1; i <= extra && at + i < key.len; i++)
        value = value << 6 | ((unsigned char)key.data[at + i] & 0x3F);
    snprintf(code, 24, "U+%04X", value);
}

static void
add(struct tg_doctor_report *report, enum tg_doctor_finding finding,
    const char *name, struct tg_str inside)
{
    char first[24], second[24];

    switch (finding) {
    case tg_found_key_not_ascii:
        find_odd(inside, first, second);
        tg_report_add(report, finding, first, second, NULL);
        break;
    case tg_found_key_short:
    case tg_found_key_long:
        snprintf(first, sizeof(first), "%zu", inside.len);
        snprintf(second, sizeof(second), "%d", TG_KEY_LEN);
        tg_report_add(report, finding, first, second, NULL);
        break;
    case tg_found_variable_empty:
    case tg_found_variable_placeholder:
    case tg_found_variable_unexpanded:
        tg_report_drop(report, TG_STEP_VARIABLE);
        /* fall through */
    default:
        tg_report_add(report, finding, name, NULL, NULL);
    }
}

static bool
begins(struct tg_str text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && memcmp(text.data, word, len) == 0;
}

/* "sk-" in base64, and nothing behind it that is none. */
static bool
is_base64(struct tg_str text)
{
    if (text.len < 20 || !begins(text, "c2st"))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (tg_base62_value((unsigned char)text.data[i]) < 0 &&
            strchr("+/=", text.data[i]) == NULL)
            return false;
    }
    return true;
}

/* What a key looks like when nothing around it is wrong. */
static enum tg_doctor_finding
judge_inside(enum tg_diagnosis inside, const struct tg_provider *provider,
             struct tg_str key)
{
    bool is_bare = key.len == 32 && inside == TG_DIAGNOSIS_UNKNOWN;

    if (begins(key, "tgo_") || begins(key, "tgs_"))
        return tg_found_key_operator;
    if (is_base64(key))
        return tg_found_key_base64;
    if (findings[inside] != tg_found_none)
        return findings[inside];
    if (inside == TG_DIAGNOSIS_SOUND)
        return tg_found_key_sound;
    if (provider == NULL || inside == provider->shape)
        return tg_provider_of_shape(inside) != NULL ? tg_found_key_of
                                                    : tg_found_key_any;
    if (is_bare && provider->shape == TG_DIAGNOSIS_SK_32)
        return tg_found_key_sk_lost;
    if (tg_provider_of_shape(inside) == NULL ||
        (inside == TG_DIAGNOSIS_SK_32 &&
         provider->shape == TG_DIAGNOSIS_SK_OTHER))
        return provider->shape == TG_DIAGNOSIS_SK_OTHER ? tg_found_key_any
                                                        : tg_found_key_odd;
    return tg_found_key_foreign;
}

void
tg_doctor_shape_judge(struct tg_doctor_report *report, const char *name,
                      struct tg_str key, const struct tg_provider *provider,
                      struct tg_doctor_shape *shape)
{
    struct tg_str inside = key;
    enum tg_diagnosis around = tg_unwrap(&inside);
    enum tg_doctor_finding finding;

    shape->inside = tg_key_diagnose(inside);
    finding = judge_inside(shape->inside, provider, inside);
    shape->is_fit = tg_doctor_text(finding)->status != TG_STATUS_FAILED;
    /* Around what never was a key, nothing matters. */
    if (around != TG_DIAGNOSIS_UNKNOWN &&
        tg_doctor_text(finding)->step != TG_STEP_VARIABLE) {
        add(report, findings[around], name, inside);
        if (shape->is_fit && around == TG_DIAGNOSIS_BEARER_TWICE)
            add(report, finding, name, inside);
        if (shape->is_fit) {
            shape->is_fit = false;
            return;
        }
    }
    if (finding == tg_found_key_foreign)
        tg_report_add(report, finding, tg_provider_of_shape(shape->inside),
                      provider->name, NULL);
    else if (finding == tg_found_key_of)
        tg_report_add(report, finding, tg_provider_of_shape(shape->inside),
                      NULL, NULL);
    else if (finding == tg_found_key_odd)
        tg_report_add(report, finding, provider->name, NULL, NULL);
    else
        add(report, finding, name, inside);
}

void
tg_doctor_shape_at_gate(struct tg_doctor_report *report,
                        enum tg_diagnosis inside)
{
    const char *maker = tg_provider_of_shape(inside);

    if (tg_report_has_failed(report, TG_STEP_SHAPE) ||
        tg_report_has_failed(report, TG_STEP_VARIABLE) ||
        inside == TG_DIAGNOSIS_SOUND)
        return;
    tg_report_drop(report, TG_STEP_SHAPE);
    if (inside == TG_DIAGNOSIS_JWT)
        tg_report_add(report, tg_found_key_jwt, NULL, NULL, NULL);
    else if (maker != NULL)
        tg_report_add(report, tg_found_key_foreign, maker, "Tollgate", NULL);
    else
        tg_report_add(report, tg_found_key_unknown, NULL, NULL, NULL);
}
