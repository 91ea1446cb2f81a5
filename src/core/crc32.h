/*
 * crc32.h: CRC-32 (IEEE 802.3, reflected 0xEDB88320), as in zip and in the
 * last six characters of a key.
 */
#ifndef TG_CRC32_H
#define TG_CRC32_H

#include <stddef.h>
#include <stdint.h>

/*
 * The checksum of len more bytes behind those that gave crc; 0 starts one.
 * "123456789" gives 0xCBF43926.  It detects mistakes, never malice.
 */
uint32_t tg_crc32(uint32_t crc, const void *data, size_t len);

#endif
