/*
 * price_rows.h: rows of the price book as a table shows them.
 */
#ifndef TG_PRICE_ROWS_H
#define TG_PRICE_ROWS_H

#include "cell.h"

/* Columns of the book; the first of each two is for plans of changes. */
extern const struct tg_column tg_price_columns[];
extern const struct tg_column tg_price_plan_columns[];

/*
 * Makes of prices, in place, the rows of a table: one that has peak hours
 * becomes two, the second of which is the peak's.
 */
void tg_price_rows_shape(json_t *rows);

#endif
