/*
 * quoted_part.h: the wide ways through a JSON string, for quoted.c.
 *
 * They pass what tg_quoted_pass passes, in blocks of 64 bytes, on a machine
 * that has what their name says.  They may stop too early, where fewer bytes
 * are left than a block has or something in one is no UTF-8: never within a
 * character or an escape.
 */
#ifndef TG_QUOTED_PART_H
#define TG_QUOTED_PART_H

#include <stdint.h>

#define TG_QUOTED_BLOCK 64

const char *tg_quoted_pass_avx2(const char *p, const char *end,
                                uint64_t *escapes);

#endif
