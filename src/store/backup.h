/*
 * backup.h: a copy of a SQLite store, while it is written to or not, and
 * whether a file is one that can be used.
 */
#ifndef TG_STORE_BACKUP_H
#define TG_STORE_BACKUP_H

#include "error.h"
#include "store.h"

/* Called now and then; total may grow. */
struct tg_store_progress {
    void (*say)(void *arg, int64_t done, int64_t total);
    void *arg;
};

/* What a store says of itself. */
struct tg_store_facts {
    int version;       /* of its schema */
    int64_t backup_at; /* when it was copied; 0: it is no copy */
    int64_t calls;
    int64_t last_call_at; /* when the last of them was admitted; 0: none */
};

/*
 * Copies the store at path, as it is at one instant, over the empty file at
 * copy (which stays the caller's), with at_ms as backup_at; *facts are the
 * copy's.  Other processes go on writing to the store.  The copy is one file,
 * and on the disk when this returns.  Returns 0, TG_ERR_NOT_FOUND when there
 * is no store, TG_ERR_FORMAT, TG_ERR_VERSION, TG_ERR_SYSTEM; *error says why.
 */
int tg_store_copy(const char *path, const char *copy, int64_t at_ms,
                  const struct tg_store_progress *progress,
                  struct tg_store_facts *facts, struct tg_error *error);

/*
 * Whether the file is a store of this version or an older one, and whole: by
 * SQLite's own check of it, which reads all of it.  Sentences call it name.
 * Returns 0; TG_ERR_FORMAT
 * for another file, TG_ERR_VERSION for a newer one, TG_ERR_CORRUPT,
 * TG_ERR_SYSTEM; *error says why.
 */
int tg_store_examine(const char *path, const char *name,
                     struct tg_store_facts *facts, struct tg_error *error);

#endif
