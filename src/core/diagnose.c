#include "diagnose.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base62.h"
#include "crc32.h"
#include "foreign.h"
#include "key.h"
#include "placeholder.h"
#include "unwrap.h"

#define TAIL_LEN (TG_KEY_RANDOM_LEN + TG_KEY_CHECK_LEN)

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

/* The first byte that no key has, told by its sort; UNKNOWN: there is none. */
static enum tg_diagnosis
odd_byte(struct tg_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '\n' || c == '\r')
            return TG_DIAGNOSIS_NEWLINE;
        if (is_blank((char)c))
            return TG_DIAGNOSIS_SPACE_INSIDE;
        if (c < 0x20 || c == 0x7F)
            return TG_DIAGNOSIS_CONTROL;
        if (c >= 0x80)
            return TG_DIAGNOSIS_NOT_ASCII;
    }
    return TG_DIAGNOSIS_UNKNOWN;
}

static bool
has(struct tg_str text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static bool
is_kind_letter(char c)
{
    return c == 'p' || c == 'd' || c == 'r';
}

/* Shortened as lists show keys: a beginning, an ellipsis, an end. */
static bool
is_masked(struct tg_str text)
{
    size_t end = text.len;

    if (!has(text, "...") && !has(text, "***") && !has(text, "\xE2\x80\xA6") &&
        !has(text, "\xE2\x80\xA2\xE2\x80\xA2"))
        return false;
    while (end > 0 && tg_base62_value((unsigned char)text.data[end - 1]) >= 0)
        end--;
    return text.len - end >= 2 && text.len - end <= 8;
}

/* NAME=key, "name": "key", or a whole header line. */
static bool
is_assignment(struct tg_str text)
{
    const char *key = memmem(text.data, text.len, "sk-tg", 5);
    size_t before = key == NULL ? 0 : (size_t)(key - text.data);

    return before > 0 && (memchr(text.data, '=', before) != NULL ||
                          memchr(text.data, ':', before) != NULL);
}

static bool
is_jwt(struct tg_str text)
{
    int dots = 0;

    if (text.len < 20 || memcmp(text.data, "ey", 2) != 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        dots += text.data[i] == '.';
        if (tg_base62_value((unsigned char)text.data[i]) < 0 &&
            memchr("-_.=/+", text.data[i], 6) == NULL)
            return false;
    }
    return dots == 2 && has(text, ".ey");
}

/* Letters, digits, "-" and "_": then nothing stands around or in a key. */
static bool
is_bare(struct tg_str text)
{
    size_t n = 0;

    for (;; n++) {
        n += tg_base62_span(text.data + n, text.len - n);
        if (n == text.len)
            return true;
        if (text.data[n] != '-' && text.data[n] != '_')
            return false;
    }
}

/*
 * What was never a key of anybody, in the order of certainty.  What is bare
 * has none of the marks that most sorts are told by.
 */
static enum tg_diagnosis
judge_nonsense(struct tg_str text, bool is_laden)
{
    if (is_laden && tg_placeholder_is_expression(text))
        return TG_DIAGNOSIS_VARIABLE;
    if (text.len == 24 && memcmp(text.data, "key_", 4) == 0)
        return TG_DIAGNOSIS_KEY_ID;
    if (is_laden && is_masked(text))
        return TG_DIAGNOSIS_MASKED;
    if (tg_placeholder_is_word(text))
        return TG_DIAGNOSIS_PLACEHOLDER;
    if (tg_placeholder_is_name(text))
        return TG_DIAGNOSIS_VARIABLE;
    if (!is_laden)
        return TG_DIAGNOSIS_UNKNOWN;
    if (has(text, "://"))
        return TG_DIAGNOSIS_URL;
    if (is_assignment(text))
        return TG_DIAGNOSIS_ASSIGNMENT;
    if (is_jwt(text))
        return TG_DIAGNOSIS_JWT;
    return TG_DIAGNOSIS_UNKNOWN;
}

/* Whether the end of text is that of a key whose beginning was damaged. */
static bool
is_sound_tail(struct tg_str text)
{
    static const char letters[] = "pdr";
    char key[TG_KEY_LEN] = "sk-tg?_";
    enum tg_key_kind kind;
    bool is_sound = false;

    if (text.len < TAIL_LEN || text.len > TG_KEY_LEN + 1)
        return false;
    memcpy(key + TG_KEY_PREFIX_LEN, text.data + text.len - TAIL_LEN, TAIL_LEN);
    for (size_t i = 0; i < 3 && !is_sound; i++) {
        key[TG_KEY_PREFIX_LEN - 2] = letters[i];
        is_sound = tg_key_parse((struct tg_str){key, sizeof(key)}, &kind) == 0;
    }
    explicit_bzero(key, sizeof(key));
    return is_sound;
}

/* "tgp_" with less or other than "sk-" before it. */
static bool
is_beginning_lost(struct tg_str text)
{
    for (size_t at = 0; at <= 3 && at + 4 <= text.len; at++) {
        const char *p = text.data + at;

        if (memcmp(p, "tg", 2) == 0 && is_kind_letter(p[2]) && p[3] == '_')
            return true;
    }
    return false;
}

static bool
is_twice(struct tg_str text)
{
    if (text.len < 6 || memcmp(text.data, "sk-", 3) != 0)
        return false;
    if (memcmp(text.data + 3, "sk-", 3) == 0)
        return true;
    return text.len >= TG_KEY_PREFIX_LEN + 5 &&
           memcmp(text.data + TG_KEY_PREFIX_LEN, "sk-tg", 5) == 0;
}

/* With "sk-tg" in front, in any case: what is wrong behind it. */
static enum tg_diagnosis
judge_behind_prefix(struct tg_str text)
{
    char letter = text.len > 5 ? text.data[5] : 'p';
    bool is_parted = text.len <= 6 || text.data[6] == '_';

    if (memcmp(text.data, "sk-tg", 5) != 0)
        return TG_DIAGNOSIS_LETTER_CASE;
    if (!is_kind_letter(letter)) {
        if (is_kind_letter((char)(letter | 0x20)) && is_parted)
            return TG_DIAGNOSIS_LETTER_CASE;
        if (is_parted || letter == '_')
            return TG_DIAGNOSIS_KIND;
    }
    if (text.len != TG_KEY_LEN)
        return text.len < TG_KEY_LEN ? TG_DIAGNOSIS_SHORT : TG_DIAGNOSIS_LONG;
    if (!is_parted || !is_kind_letter(letter) ||
        tg_base62_span(text.data + TG_KEY_PREFIX_LEN, TAIL_LEN) != TAIL_LEN)
        return TG_DIAGNOSIS_CHARACTER;
    return TG_DIAGNOSIS_MISTYPED;
}

/*
 * Whether text is ours by its beginning.  Services that make "sk-" and random
 * letters come upon "sk-tg" too: then the underscore or the length tells.
 */
static bool
is_ours(struct tg_str text)
{
    if (text.len < 5 || strncasecmp(text.data, "sk-tg", 5) != 0)
        return false;
    if (text.len <= TG_KEY_PREFIX_LEN || text.data[5] == '_' ||
        text.data[6] == '_')
        return true;
    return is_kind_letter(text.data[5]) && text.len + 2 >= TG_KEY_LEN &&
           text.len <= TG_KEY_LEN + 2;
}

static enum tg_diagnosis
judge(struct tg_str text)
{
    enum tg_key_kind kind;
    enum tg_diagnosis found;
    bool is_laden;

    if (tg_key_parse(text, &kind) == 0)
        return TG_DIAGNOSIS_SOUND;
    is_laden = !is_bare(text);
    found = judge_nonsense(text, is_laden);
    if (is_laden && found == TG_DIAGNOSIS_UNKNOWN)
        found = odd_byte(text);
    if (found != TG_DIAGNOSIS_UNKNOWN)
        return found;
    if (is_twice(text))
        return TG_DIAGNOSIS_SK_TWICE;
    if (is_ours(text))
        return judge_behind_prefix(text);
    if (is_beginning_lost(text) || is_sound_tail(text))
        return TG_DIAGNOSIS_SK_LOST;
    return tg_foreign_diagnose(text);
}

/* Whether what is inside matters more than what is around it. */
static bool
is_deeper(enum tg_diagnosis inside)
{
    return inside >= TG_DIAGNOSIS_MASKED;
}

/* A whole key between angle brackets, which stand for quotes then. */
static bool
is_bracketed(struct tg_str text)
{
    enum tg_key_kind kind;

    return text.len > 2 && text.data[0] == '<' &&
           text.data[text.len - 1] == '>' &&
           tg_key_parse((struct tg_str){text.data + 1, text.len - 2}, &kind) ==
               0;
}

enum tg_diagnosis
tg_key_diagnose(struct tg_str text)
{
    enum tg_diagnosis around = tg_unwrap(&text), inside;

    if (text.len == 0)
        return TG_DIAGNOSIS_EMPTY;
    if (is_bracketed(text))
        return TG_DIAGNOSIS_QUOTES;
    inside = judge(text);
    if (around == TG_DIAGNOSIS_UNKNOWN || is_deeper(inside))
        return inside;
    return around;
}
