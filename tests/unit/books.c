/*
 * What calls add up to, by key, account and period, as a check of the ledger
 * needs it.
 */
#include <stdlib.h>
#include <string.h>

#include "books.h"
#include "tap.h"

#define KEY "key_00000000000000000001"
#define ACCOUNT "acct_0000000000000000001"

_Static_assert(sizeof(KEY) == TG_ID_LEN + 1 && sizeof(ACCOUNT) == sizeof(KEY),
               "ids");

static struct tg_books books;

static void
enter(int64_t seq, uint32_t day, uint16_t month, int64_t nanos)
{
    struct tg_call call = {
        .day = day, .month = month, .cost_nanos = nanos, .prompt_tokens = 2};

    memcpy(call.key_id, KEY, TG_ID_LEN);
    memcpy(call.account_id, ACCOUNT, TG_ID_LEN);
    if (tg_books_enter(&books, seq, &call) != 0)
        abort();
}

static const struct tg_book *
book(const char *id)
{
    return &books.list[tg_books_find(&books, id)];
}

/* -1: it is not known. */
static long long
spent(uint16_t day)
{
    int64_t nanos;

    return tg_book_period(book(KEY), TG_CELL_DAY, day, &nanos) ? nanos : -1;
}

static void
test_sums(void)
{
    is_int(tg_books_find(&books, KEY), TG_BOOK_NONE, "no book to begin with");
    books.state_seq = 2;
    enter(1, 10, 5, 100);
    enter(2, 10, 5, 20);
    enter(3, 10, 5, 3);
    is_int(book(ACCOUNT)->before.nanos, 120, "older than the state file");
    is_int(book(ACCOUNT)->since.nanos, 3, "and since");
    is_int(book(ACCOUNT)->since.calls, 1, "calls");
    is_int(book(KEY)->before.prompt_tokens, 4, "and tokens");
    ok(book(ACCOUNT)->is_account && !book(KEY)->is_account, "who is who");
}

static void
test_periods(void)
{
    is_int(spent(10), 123, "a day's calls, older ones and not");
    is_int(spent(11), 0, "of a later day there is none");
    is_int(spent(9), -1, "an earlier one is not known");
    tg_books_release(&books);
    if (tg_books_open(&books, KEY, false, &(uint32_t){0}) != 0)
        abort();
    tg_book_set_period(&books.list[0], TG_CELL_DAY, 10);
    enter(1, 9, 5, 7);
    enter(2, 10, 5, 1);
    enter(3, 11, 5, 40);
    enter(4, 10, 5, 2);
    is_int(spent(10), 3, "the day of the cell");
    is_int(spent(11), 40, "and the one behind it, through midnight");
    is_int(spent(9), -1, "the one before is in no cell");
    enter(5, 12, 5, 5);
    is_int(spent(12), 5, "only the last one behind it is known");
    is_int(spent(11), -1, "as a cell has no other");
    is_int(spent(10), 3, "and its own");
}

int
main(void)
{
    test_sums();
    test_periods();
    tg_books_release(&books);
    return done();
}
