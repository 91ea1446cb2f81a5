/*
 * sqlite_metrics.h: the sums of a transaction on their way into the store.
 *
 * What is noted is added up in memory, by series, and written when the
 * transaction is committed; so a transaction of thousands of calls writes a
 * row for each series that it has.
 */
#ifndef TG_SQLITE_METRICS_H
#define TG_SQLITE_METRICS_H

#include "sqlite.h"

/*
 * Notes a call that was added, or so many refusals of a code.  Outside of a
 * transaction it is written at once.  0, or what the store says.
 */
int tg_metrics_note_call(struct tg_sqlite *db, const struct tg_call *call);
int tg_metrics_note_denials(struct tg_sqlite *db, uint32_t code, int64_t count);

/* Writes what was noted, within the transaction. */
int tg_metrics_write(struct tg_sqlite *db);

/* Forgets what was noted and not written. */
void tg_metrics_forget(struct tg_sqlite *db);

void tg_metrics_free(struct tg_sqlite *db);

#endif
