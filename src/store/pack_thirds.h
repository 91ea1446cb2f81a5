/*
 * pack_thirds.h: what a day's pack of quarter-hours has of a third of the day.
 *
 * A third is 32 quarter-hours, from 00:00, 08:00 or 16:00 UTC on.
 */
#ifndef TG_PACK_THIRDS_H
#define TG_PACK_THIRDS_H

#include "pack.h"

#define TG_PACK_THIRDS 3
#define TG_PACK_THIRD (TG_PACK_QUARTERS / TG_PACK_THIRDS)

/*
 * The cells of a third, 0 to 2, as a pack that is the writer's until it is
 * cleared.  0, TG_ERR_CORRUPT or TG_ERR_SYSTEM.
 */
int tg_pack_third(struct tg_pack_writer *writer, struct tg_str cells,
                  uint32_t third, struct tg_str *pack);

/*
 * The cells of each kind as one, of quarter-hour 0; as above, or TG_ERR_RANGE
 * when a sum does not fit.
 */
int tg_pack_sums(struct tg_pack_writer *writer, struct tg_str cells,
                 struct tg_str *sums);

#endif
