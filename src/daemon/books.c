#include "books.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

static void
add(int64_t *sum, int64_t value)
{
    /* What does not fit comes from a damaged store: it differs anyway. */
    if (__builtin_add_overflow(*sum, value, sum))
        *sum = INT64_MAX;
}

uint32_t
tg_books_find(const struct tg_books *books, const char *id)
{
    uint32_t book;

    return tg_idmap_get(&books->map, id, &book) == 0 ? book : TG_BOOK_NONE;
}

int
tg_books_open(struct tg_books *books, const char *id, bool is_account,
              uint32_t *book)
{
    uint32_t n = tg_books_find(books, id);

    if (n != TG_BOOK_NONE) {
        *book = n;
        return 0;
    }
    if (books->count == books->room) {
        size_t room = books->room != 0 ? books->room * 2 : 256;
        void *list = realloc(books->list, room * sizeof(books->list[0]));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        books->list = list;
        books->room = room;
    }
    n = (uint32_t)books->count;
    books->list[n] =
        (struct tg_book){.is_account = is_account, .slot = TG_BOOK_NO_SLOT};
    memcpy(books->list[n].id, id, TG_ID_LEN);
    if (tg_idmap_put(&books->map, id, n) != 0)
        return TG_ERR_SYSTEM;
    books->count++;
    *book = n;
    return 0;
}

static bool
is_later(uint16_t a, uint16_t b)
{
    return (int16_t)(a - b) > 0;
}

/* A period that is over before the first one counts in no cell any more. */
static void
enter_period(struct tg_period_sum sums[TG_BOOK_PERIODS], uint16_t period,
             int64_t nanos)
{
    if (sums[0].is_set && sums[0].period == period) {
        add(&sums[0].nanos, nanos);
    } else if (!sums[0].is_set || is_later(period, sums[0].period)) {
        if (!sums[1].is_set || is_later(period, sums[1].period))
            sums[1] = (struct tg_period_sum){.period = period, .is_set = true};
        if (sums[1].period == period)
            add(&sums[1].nanos, nanos);
    }
}

static void
enter_sums(struct tg_book_sums *sums, const struct tg_call *call)
{
    add(&sums->nanos, call->cost_nanos);
    add(&sums->calls, 1);
    add(&sums->prompt_tokens, call->prompt_tokens);
    add(&sums->completion_tokens, call->completion_tokens);
}

static int
enter(struct tg_books *books, const char *id, bool is_account, int64_t seq,
      const struct tg_call *call)
{
    struct tg_book *book;
    uint32_t n;
    int err = tg_books_open(books, id, is_account, &n);

    if (err != 0)
        return err;
    book = &books->list[n];
    enter_sums(seq <= books->state_seq ? &book->before : &book->since, call);
    if (!is_account) {
        enter_period(book->day, (uint16_t)call->day, call->cost_nanos);
        enter_period(book->month, call->month, call->cost_nanos);
    }
    return 0;
}

int
tg_books_enter(struct tg_books *books, int64_t seq, const struct tg_call *call)
{
    int err = enter(books, call->key_id, false, seq, call);

    return err == 0 ? enter(books, call->account_id, true, seq, call) : err;
}

static struct tg_period_sum *
sums_of(struct tg_book *book, enum tg_cell_kind kind)
{
    return kind == TG_CELL_DAY ? book->day : book->month;
}

bool
tg_book_period(const struct tg_book *book, enum tg_cell_kind kind,
               uint16_t period, int64_t *nanos)
{
    const struct tg_period_sum *sums =
        kind == TG_CELL_DAY ? book->day : book->month;

    for (int i = 0; i < TG_BOOK_PERIODS; i++) {
        if (sums[i].is_set && sums[i].period == period) {
            *nanos = sums[i].nanos;
            return true;
        }
    }
    /* Of a later one than all that were entered, nothing was. */
    *nanos = 0;
    for (int i = 0; i < TG_BOOK_PERIODS; i++) {
        if (sums[i].is_set && !is_later(period, sums[i].period))
            return false;
    }
    return true;
}

void
tg_book_set_period(struct tg_book *book, enum tg_cell_kind kind,
                   uint16_t period)
{
    sums_of(book, kind)[0] =
        (struct tg_period_sum){.period = period, .is_set = true};
}

void
tg_books_release(struct tg_books *books)
{
    free(books->list);
    tg_idmap_release(&books->map);
    memset(books, 0, sizeof(*books));
}
