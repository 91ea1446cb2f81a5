/*
 * export_rows.h: all rows of a kind into a file, or on standard output.
 */
#ifndef TG_EXPORT_ROWS_H
#define TG_EXPORT_ROWS_H

#include "cli.h"

/* The option that each export has. */
extern const char *const tg_export_formats[];
#define TG_EXPORT_FORMAT                                                       \
    {                                                                          \
        "format", "FORMAT", "csv, or jsonl: an object a line; csv",            \
            TG_VALUE_TEXT, NULL, tg_export_formats                             \
    }

/*
 * Asks path for them with the command's options as its query, and writes them
 * into the file that cli's operand names ("-", or none: standard output).  A
 * file gets its name when it is whole; what is interrupted leaves nothing.
 * what is in the last sentence: "calls".  Returns an exit code.
 */
int tg_export_rows(struct tg_cli *cli, const char *path, const char *what);

#endif
