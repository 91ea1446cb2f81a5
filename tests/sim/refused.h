/*
 * refused.h: what is known of refused requests: each record of denials that a
 * worker wrote, and what the store must have of it.
 */
#ifndef REFUSED_H
#define REFUSED_H

#include "journal.h"

void refused_begin(void);

/*
 * Writes the table's rows into the worker's journal, under an id of their
 * own, as the adapter does each second.
 */
void refused_write(struct tg_journal *journal, struct tg_denial_table *table);

/* The state file is gone, maybe with the power. */
void refused_state_lost(void);

/* Each record is in the store whole and once, or nothing of it is left. */
void refused_check_end(void);

#endif
