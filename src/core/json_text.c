#include "json_part.h"

#include <assert.h>
#include <string.h>

#include "quoted.h"

/* Decoded text, as far as there is room for it. */
struct text {
    char *out;
    size_t size, len;
    uint16_t surrogate; /* a high one that waits for the low one, or 0 */
};

static void
add(struct text *text, const char *data, size_t len)
{
    size_t room = text->size - text->len;

    if (len > room)
        len = room;
    memcpy(text->out + text->len, data, len);
    text->len += len;
}

static void
add_code(struct text *text, uint32_t code)
{
    char out[4];

    add(text, out, tg_utf8_encode(code, out));
}

static void
drop_surrogate(struct text *text)
{
    if (text->surrogate)
        add_code(text, text->surrogate);
    text->surrogate = 0;
}

static void
add_unit(struct text *text, unsigned unit)
{
    if (text->surrogate && unit >= 0xdc00 && unit < 0xe000) {
        add_code(text, 0x10000 + ((text->surrogate & 0x3ffu) << 10) +
                           (unit & 0x3ffu));
        text->surrogate = 0;
        return;
    }
    drop_surrogate(text);
    if (unit >= 0xd800 && unit < 0xdc00)
        text->surrogate = (uint16_t)unit;
    else
        add_code(text, unit);
}

/* The escape at p, which is whole.  Returns what is behind it. */
static const char *
add_escape(struct text *text, const char *p)
{
    char decoded = tg_quoted_escape(p[1]);

    if (decoded == 0) {
        add_unit(text, (unsigned)tg_json_hex4(p + 2));
        return p + TG_JSON_ESCAPE_MAX;
    }
    drop_surrogate(text);
    add(text, &decoded, 1);
    return p + 2;
}

/* Decodes [p, q), which is as it may be, and cuts no escape. */
static void
decode(struct text *text, const char *p, const char *q)
{
    while (p < q && text->len < text->size) {
        size_t left = (size_t)(q - p);
        const char *slash = memchr(p, '\\', left);
        size_t len = slash ? (size_t)(slash - p) : left;

        if (len > 0)
            drop_surrogate(text);
        add(text, p, len);
        p = slash ? add_escape(text, slash) : q;
    }
}

void
tg_json_hold(struct tg_json *json, const char *p, const char *q)
{
    struct text text = {json->held, sizeof(json->held), json->held_len,
                        json->held_surrogate};

    decode(&text, p, q);
    json->held_len = (uint8_t)text.len;
    json->held_surrogate = text.surrogate;
}

void
tg_json_hold_end(struct tg_json *json)
{
    struct text text = {json->held, sizeof(json->held), json->held_len,
                        json->held_surrogate};

    drop_surrogate(&text);
    json->held_len = (uint8_t)text.len;
}

bool
tg_json_begins(const struct tg_json *json, const char *start, size_t len)
{
    char out[TG_JSON_BEGIN_MAX];
    struct text text = {out, sizeof(out), 0, 0};
    const char *data = json->text;

    assert(len <= sizeof(out));
    if (json->text_len < len)
        return false;
    /* Longer ones are where they came, or their beginning is held. */
    if (data == NULL)
        data = json->is_held ? json->held : json->run;
    if (json->text == NULL && !json->is_held && json->has_escapes) {
        decode(&text, json->run, json->cursor - 1);
        data = out;
    }
    return memcmp(data, start, len) == 0;
}
