/*
 * last_used.h: which keys were used in a batch of calls, when and by whom
 * last, so that the store is told once a key and not once a call.
 */
#ifndef TG_LAST_USED_H
#define TG_LAST_USED_H

#include "journal.h"
#include "store.h"

#define TG_LAST_USED_KEYS 1024

struct tg_last_use {
    char key_id[TG_ID_TEXT_SIZE]; /* "": free */
    int64_t at_ms;
    uint8_t ip[16];
    char agent[TG_JOURNAL_AGENT_MAX + 1];
};

struct tg_last_used {
    size_t count;
    struct tg_last_use uses[TG_LAST_USED_KEYS];
};

/* Notes a call; tells the store all of them first when there is no room. */
int tg_last_used_note(struct tg_last_used *used, struct tg_store *store,
                      const struct tg_record *record);

/* Tells the store, and begins anew.  Returns what the store says. */
int tg_last_used_flush(struct tg_last_used *used, struct tg_store *store);

/* Begins anew without telling. */
void tg_last_used_forget(struct tg_last_used *used);

#endif
