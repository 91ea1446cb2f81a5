/*
 * crc32c.h: CRC-32C (Castagnoli, reflected 0x82F63B78), the checksum of
 * journal records.
 */
#ifndef TG_CRC32C_H
#define TG_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * The checksum of len more bytes behind those that gave crc; 0 starts one.
 * "123456789" gives 0xE3069283.  Uses the SSE4.2 instruction where the CPU
 * has it: about 40 ns for 300 bytes.
 */
uint32_t tg_crc32c(uint32_t crc, const void *data, size_t len);

/* The same without the instruction, for CPUs that lack it and for tests. */
uint32_t tg_crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
