/*
 * model_store.h: a store in memory with transactions: what ingest, recovery
 * and the state file's making need of store.h, and no more.  What was
 * committed is durable, as SQLite's is; a process that dies in a transaction
 * leaves nothing of it.
 */
#ifndef MODEL_STORE_H
#define MODEL_STORE_H

#include "store.h"

#define MODEL_CALLS_MAX 2048
#define MODEL_ACCOUNTS 2
#define MODEL_DENIALS_MAX 16384

void model_store_begin(void);

/* The process that had a transaction open is gone. */
void model_store_leave(void);

/* The calls committed, in the order they came. */
size_t model_store_calls(const struct tg_call **calls);
size_t model_store_denials(const struct tg_denial **rows);
const struct tg_call *model_store_find(const struct tg_call_id *id);

/* How far the segment of this name was taken in; 0: not at all. */
size_t model_store_offset(const char *name);

/* Whether it was given up: the rest of it cannot be read. */
bool model_store_is_bad(const char *name);

/* Settled before the state file was made: account_rebase. */
int64_t model_store_base(unsigned account);

/* The one connection, whoever opens it. */
struct tg_store *model_store(void);

#endif
