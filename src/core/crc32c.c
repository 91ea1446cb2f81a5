#include "crc32c.h"

#include <stdbool.h>

#include "crc_table.h"

static const uint32_t table[4][256] = {
    CRC_TABLE(0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF, 0x105EC76F,
              0x20BD8EDE, 0x417B1DBC, 0x82F63B78),
    CRC_TABLE(0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8, 0x3FC5F181,
              0x7F8BE302, 0xFF17C604, 0xFBC3FAF9),
    CRC_TABLE(0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5, 0x70A27D8A,
              0xE144FB14, 0xC76580D9, 0x8B277743),
    CRC_TABLE(0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6, 0xE964B13D,
              0xD725148B, 0xABA65FE7, 0x52A0C93F),
};

uint32_t
tg_crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    return crc_run(table, crc, data, len);
}

#if defined(__x86_64__)

static bool
has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t wide = (uint32_t)~crc, word;

    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; p++, len--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return ~crc;
}

#else

static bool
has_instruction(void)
{
    return false;
}

static uint32_t
by_instruction(uint32_t crc, const void *data, size_t len)
{
    return tg_crc32c_portable(crc, data, len);
}

#endif

uint32_t
tg_crc32c(uint32_t crc, const void *data, size_t len)
{
    if (!has_instruction())
        return tg_crc32c_portable(crc, data, len);
    return by_instruction(crc, data, len);
}
