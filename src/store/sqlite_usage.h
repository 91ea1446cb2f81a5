/*
 * sqlite_usage.h: an answer about usage being made: of packs, and of calls that
 * are in none or of a part of a quarter-hour.
 *
 * All of it is one transaction's, and one thread's.  Functions return 0 or
 * TG_ERR_*, and say why.
 */
#ifndef TG_SQLITE_USAGE_H
#define TG_SQLITE_USAGE_H

#include "sqlite_pack.h"
#include "usage_fold.h"

/* Instants, and the whole quarter-hours between them. */
struct tg_asking_span {
    int64_t since, until;
    int64_t first, end;       /* quarter-hours */
    int64_t first_at, end_at; /* outside of which calls are asked */
};

/* What is known of a kind or holder, by its number. */
struct tg_asking_group {
    bool is_asked;
    uint32_t number;
};

struct tg_asking {
    struct tg_sqlite *db;
    const struct tg_usage_question *question;
    struct tg_usage_fold fold;
    struct tg_asking_span span;
    struct {
        int64_t day; /* -1: none yet */
        bool is_one; /* all of it is one span */
        int64_t of[TG_PACK_QUARTERS];
    } spans;
};

/* Makes asking->spans those of a day since 1970. */
void tg_asking_spans(struct tg_asking *asking, int64_t day);

/*
 * Which kinds are asked for, and their groups, where groups are of kinds.
 * *groups is by their numbers, and the caller frees it, on failure as well.
 */
int tg_asking_kinds(struct tg_asking *asking, const struct tg_names *kinds,
                    struct tg_asking_group **groups);

/* The group of a key and account, unless groups are of kinds. */
int tg_asking_holder(struct tg_asking *asking, const char *key_id,
                     const char *account_id, uint32_t *group);

/* Adds what packs have of the span; their names were loaded. */
int tg_asking_packs(struct tg_asking *asking);

/* Adds the calls that are in no pack, and those of parts of quarter-hours. */
int tg_asking_calls(struct tg_asking *asking);

#endif
