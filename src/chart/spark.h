/*
 * spark.h: values as a line of characters, for where no picture can be shown.
 */
#ifndef TG_SPARK_H
#define TG_SPARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one character, at most; a line of n columns is n times that. */
#define TG_SPARK_BYTES 3

/*
 * Writes at most columns characters and a NUL into out: one a value, or, of
 * more values than columns, one for several, the highest of which it shows.
 * The lowest character is 0 and the highest the largest value; a value below 0
 * is not there and leaves a blank.  Blocks of eighths, or ASCII.  out holds
 * columns * TG_SPARK_BYTES + 1 bytes.  Returns how many columns it took.
 */
size_t tg_spark(const int64_t *values, size_t count, size_t columns,
                bool is_ascii, char *out);

/*
 * Writes a bar of value / most of so many columns, in the same way: the end
 * is in eighths of a column, and what is not nothing shows.
 */
size_t tg_spark_bar(int64_t value, int64_t most, size_t columns, bool is_ascii,
                    char *out);

#endif
