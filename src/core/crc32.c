#include "crc32.h"

#include "crc_table.h"

static const uint32_t table[4][256] = {
    CRC_TABLE(0x77073096, 0xEE0E612C, 0x076DC419, 0x0EDB8832, 0x1DB71064,
              0x3B6E20C8, 0x76DC4190, 0xEDB88320),
    CRC_TABLE(0x191B3141, 0x32366282, 0x646CC504, 0xC8D98A08, 0x4AC21251,
              0x958424A2, 0xF0794F05, 0x3B83984B),
    CRC_TABLE(0x01C26A37, 0x0384D46E, 0x0709A8DC, 0x0E1351B8, 0x1C26A370,
              0x384D46E0, 0x709A8DC0, 0xE1351B80),
    CRC_TABLE(0xB8BC6765, 0xAA09C88B, 0x8F629757, 0xC5B428EF, 0x5019579F,
              0xA032AF3E, 0x9B14583D, 0xED59B63B),
};

uint32_t
tg_crc32(uint32_t crc, const void *data, size_t len)
{
    return crc_run(table, crc, data, len);
}
