/*
 * books.h: what calls add up to, for each key and each account, while a
 * ledger is checked.
 */
#ifndef TG_BOOKS_H
#define TG_BOOKS_H

#include <stdbool.h>

#include "cell.h"
#include "idmap.h"

struct tg_book_sums {
    int64_t nanos, calls, prompt_tokens, completion_tokens;
};

/* Of the period that its cell had at first, and of the last one behind it. */
struct tg_period_sum {
    uint16_t period;
    bool is_set;
    int64_t nanos;
};

#define TG_BOOK_PERIODS 2

/* A key or an account. */
struct tg_book {
    char id[TG_ID_LEN];
    uint32_t slot; /* TG_BOOK_NO_SLOT: the state file has none for it */
    bool is_account;
    struct tg_book_sums before; /* calls older than the state file */
    struct tg_book_sums since;
    struct tg_period_sum day[TG_BOOK_PERIODS], month[TG_BOOK_PERIODS];
};

#define TG_BOOK_NO_SLOT UINT32_MAX
#define TG_BOOK_NONE UINT32_MAX

struct tg_books {
    struct tg_book *list;
    size_t count, room;
    struct tg_idmap map;
    int64_t state_seq; /* the last call older than the state file */
};

/* 0 and *book, its number, or TG_ERR_SYSTEM.  Adds it when it is not there. */
int tg_books_open(struct tg_books *books, const char *id, bool is_account,
                  uint32_t *book);

/* The number of the book of an id, or TG_BOOK_NONE. */
uint32_t tg_books_find(const struct tg_books *books, const char *id);

/* Enters a call, by its number, with its key and its account. */
int tg_books_enter(struct tg_books *books, int64_t seq,
                   const struct tg_call *call);

/*
 * What a key's calls cost in a period of its cell of this kind, as far as
 * they are entered; false when the book knows of another period only.
 */
bool tg_book_period(const struct tg_book *book, enum tg_cell_kind kind,
                    uint16_t period, int64_t *nanos);

/* Says which periods count, before the first call is entered. */
void tg_book_set_period(struct tg_book *book, enum tg_cell_kind kind,
                        uint16_t period);

void tg_books_release(struct tg_books *books);

#endif
