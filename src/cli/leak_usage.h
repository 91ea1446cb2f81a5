/*
 * leak_usage.h: what was done with a leaked key, for people and spreadsheets.
 */
#ifndef TG_LEAK_USAGE_H
#define TG_LEAK_USAGE_H

#include <jansson.h>

#include "cli.h"

/* Prints the API's report as tables. */
void tg_leak_usage_print(const struct tg_cli *cli, const json_t *usage);

#endif
