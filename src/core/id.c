#include "id.h"

#include <string.h>

#include "base62.h"

int
tg_id_mint(char *out, const char *prefix, int (*random)(void *, size_t))
{
    size_t n = strlen(prefix);
    int err = tg_base62_random(out + n, TG_ID_LEN - n, random);

    if (err != 0)
        return err;
    memcpy(out, prefix, n);
    out[TG_ID_LEN] = '\0';
    return 0;
}

bool
tg_id_is(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    if (strncmp(text, prefix, n) != 0)
        return false;
    return strlen(text) == TG_ID_LEN &&
           tg_base62_span(text + n, TG_ID_LEN - n) == TG_ID_LEN - n;
}

static void
put_hex(char *out, const struct tg_call_id *id)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(id->bytes); i++) {
        *out++ = digits[id->bytes[i] >> 4];
        *out++ = digits[id->bytes[i] & 15];
    }
    *out = '\0';
}

void
tg_call_id_text(const struct tg_call_id *id, char *out)
{
    memcpy(out, "call_", 5);
    put_hex(out + 5, id);
}

void
tg_request_id_text(const struct tg_call_id *id, char *out)
{
    memcpy(out, "req_", 4);
    put_hex(out + 4, id);
}

struct tg_call_id
tg_call_id_make(uint64_t writer_id, uint64_t n)
{
    struct tg_call_id id;

    for (int i = 0; i < 8; i++) {
        id.bytes[i] = (uint8_t)(writer_id >> (56 - 8 * i));
        id.bytes[8 + i] = (uint8_t)(n >> (56 - 8 * i));
    }
    return id;
}
