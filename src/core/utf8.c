#include "utf8.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include "utf8_wide.h"
#endif

#define HIGH_BITS 0x8080808080808080ull

/* What may follow a lead byte: RFC 3629, section 4. */
static bool
lead(struct tg_utf8 *u, unsigned char c)
{
    if (c < 0xc2 || c > 0xf4)
        return false;
    u->need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
}

static bool
follow(struct tg_utf8 *u, unsigned char c)
{
    if (c < u->low || c > u->high)
        return false;
    u->need--;
    u->low = 0x80;
    u->high = 0xbf;
    return true;
}

size_t
tg_utf8_check_portable(struct tg_utf8 *u, const char *data, size_t len)
{
    uint64_t word;
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)data[i];

        if (u->need == 0 && len - i >= 8) {
            memcpy(&word, data + i, 8);
            if (!(word & HIGH_BITS)) {
                i += 8;
                continue;
            }
        }
        if (u->need ? !follow(u, c) : c >= 0x80 && !lead(u, c))
            return i;
        i++;
    }
    return len;
}

#if defined(__x86_64__)

/*
 * How many bytes from a character's boundary are good for sure: whole
 * blocks, back to the last boundary in them.
 */
__attribute__((target("avx2"))) static size_t
check_wide(const char *data, size_t len)
{
    __m256i last = _mm256_setzero_si256();
    size_t i, back;

    for (i = 0; len - i >= 32; i += 32) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(data + i));
        __m256i bad = tg_utf8_faults(last, x);

        if (!_mm256_testz_si256(bad, bad))
            break;
        last = x;
    }
    for (back = 1; back <= 3 && back <= i; back++) {
        if ((unsigned char)data[i - back] >= 0xc0)
            return i - back;
        if ((unsigned char)data[i - back] < 0x80)
            break;
    }
    return i;
}

size_t
tg_utf8_check(struct tg_utf8 *u, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len && u->need) {
        if (!follow(u, (unsigned char)data[done]))
            return done;
        done++;
    }
    if (len - done >= 64 && __builtin_cpu_supports("avx2"))
        done += check_wide(data + done, len - done);
    return done + tg_utf8_check_portable(u, data + done, len - done);
}

#else

size_t
tg_utf8_check(struct tg_utf8 *u, const char *data, size_t len)
{
    return tg_utf8_check_portable(u, data, len);
}

#endif

size_t
tg_utf8_encode(uint32_t code, char *out)
{
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
