#include "yaml_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define INDENT 4

static bool
is_word(const char *text)
{
    static const char *const others[] = {"null", "true", "false", "yes", "no",
                                         "on",   "off",  "y",     "n"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcasecmp(text, others[i]) == 0)
            return false;
    }
    return isalpha((unsigned char)*text) != 0 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_-./@+") == strlen(text);
}

/* Reads one character of UTF-8 that is sound; *len is its bytes. */
static uint32_t
take_character(const unsigned char *text, size_t *len)
{
    uint32_t code = *text;

    *len = code < 0x80 ? 1 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
    if (*len > 1)
        code &= 0xffu >> (*len + 1);
    for (size_t i = 1; i < *len; i++)
        code = code << 6 | (text[i] & 0x3f);
    return code;
}

/* Controls, line ends of Unicode, and marks that turn or hide text. */
static bool
is_hidden(uint32_t code)
{
    return code < ' ' || (code >= 0x7f && code <= 0xa0) || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff ||
           code == 0xfffe || code == 0xffff;
}

void
tg_yaml_put_text(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t len;

    if (is_word(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *at != '\0'; at += len) {
        uint32_t code = take_character(at, &len);

        if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (int)code);
        else if (is_hidden(code))
            fprintf(out, "\\u%04x", code);
        else
            fwrite(at, 1, len, out);
    }
    fputc('"', out);
}

static void
put_scalar(FILE *out, const json_t *value)
{
    if (json_is_string(value))
        tg_yaml_put_text(out, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "true" : "false", out);
    else
        fputs("null", out);
}

static void
put_list(FILE *out, const json_t *list)
{
    const json_t *item;
    size_t i;

    fputs(" [", out);
    json_array_foreach((json_t *)list, i, item)
    {
        fputs(i > 0 ? ", " : "", out);
        put_scalar(out, item);
    }
    fputs("]\n", out);
}

/* Members beneath each other; the first one stands where the line is. */
static void
put_members(FILE *out, const json_t *object, int indent, bool is_begun)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        if (!is_begun)
            fprintf(out, "%*s", indent, "");
        is_begun = false;
        tg_yaml_put_text(out, name);
        fputc(':', out);
        if (json_is_array(value)) {
            put_list(out, value);
        } else if (json_is_object(value) && json_object_size(value) > 0) {
            fputc('\n', out);
            put_members(out, value, indent + 2, false);
        } else if (json_is_object(value)) {
            fputs(" {}\n", out);
        } else {
            fputc(' ', out);
            put_scalar(out, value);
            fputc('\n', out);
        }
    }
}

void
tg_yaml_put_item(FILE *out, const json_t *object)
{
    fputs("  - ", out);
    put_members(out, object, INDENT, true);
}
