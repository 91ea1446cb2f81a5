/*
 * denial.h: requests that were refused, counted and not kept one by one.
 *
 * Such a request has no call and so no record of its own.  A worker counts
 * them in a table of fixed size, a row for each key, code and address of one
 * second, with a sample of the first; docs/journal.md has the same bytes as
 * records of type 3.  What finds no room is counted by its code alone, so
 * nothing is left uncounted and no flood makes the table larger.
 *
 * Requests without a key share TG_DENIAL_STRANGERS rows, those with one have
 * TG_DENIAL_HOLDERS: strangers never take the rows of those who hold keys.
 */
#ifndef TG_DENIAL_H
#define TG_DENIAL_H

#include "call.h"
#include "code.h"

#define TG_DENIAL_STRANGERS 64
#define TG_DENIAL_HOLDERS 128
#define TG_DENIAL_ROWS (TG_DENIAL_STRANGERS + TG_DENIAL_HOLDERS + TG_CODE_COUNT)
#define TG_DENIAL_AGENT_MAX 64

/* Of how much of an address a row is; the safe value is of any. */
enum tg_denial_scope {
    TG_DENIAL_REST = 0, /* any key, any address: what found no room */
    TG_DENIAL_ADDRESS,  /* IPv4 */
    TG_DENIAL_NETWORK,  /* IPv6, a network of 64 bits */
};

/* One row.  Texts are zero-padded and have no terminator when full. */
struct tg_denial {
    struct tg_call_id request_id; /* of the sample; so all that follows it */
    int64_t at_ms;                /* of the first, which is the sample */
    int64_t last_ms;
    int64_t count;              /* 1 or more */
    char key_id[TG_ID_LEN];     /* zeros: no key, or any */
    char account_id[TG_ID_LEN]; /* zeros: the same, or not known */
    uint8_t ip[16];             /* IPv4 as ::ffff:a.b.c.d */
    uint16_t code;              /* enum tg_code */
    uint16_t endpoint;          /* enum tg_endpoint, 0: none; the sample's */
    uint8_t scope;              /* enum tg_denial_scope */
    uint8_t reserved[3];
    char model[TG_MODEL_NAME_MAX]; /* the sample's; zeros: not known */
    char agent[TG_DENIAL_AGENT_MAX];
};

_Static_assert(offsetof(struct tg_denial, at_ms) == 16, "layout");
_Static_assert(offsetof(struct tg_denial, count) == 32, "layout");
_Static_assert(offsetof(struct tg_denial, key_id) == 40, "layout");
_Static_assert(offsetof(struct tg_denial, account_id) == 64, "layout");
_Static_assert(offsetof(struct tg_denial, ip) == 88, "layout");
_Static_assert(offsetof(struct tg_denial, code) == 104, "layout");
_Static_assert(offsetof(struct tg_denial, scope) == 108, "layout");
_Static_assert(offsetof(struct tg_denial, model) == 112, "layout");
_Static_assert(offsetof(struct tg_denial, agent) == 176, "layout");
_Static_assert(sizeof(struct tg_denial) == 240, "layout");

#define TG_DENIAL_PLACES 512 /* a power of two, over twice the rows found */

_Static_assert(TG_DENIAL_PLACES > 2 * (TG_DENIAL_STRANGERS + TG_DENIAL_HOLDERS),
               "a free place is near");

/* About 54 KiB; the rows in use are the first count ones. */
struct tg_denial_table {
    uint64_t seed;
    int64_t second;      /* Unix time, of the rows */
    int64_t retry_at_ms; /* not before; 0: at once */
    uint32_t count;
    uint32_t strangers;
    uint32_t holders;
    uint16_t rest[TG_CODE_COUNT];      /* row + 1; 0: none */
    uint16_t places[TG_DENIAL_PLACES]; /* the same, by hash */
    uint16_t tags[TG_DENIAL_PLACES];   /* other bits of the hash */
    struct tg_denial rows[TG_DENIAL_ROWS];
};

/* What a denial is counted by. */
struct tg_denial_cause {
    const char *key_id; /* TG_ID_LEN bytes; NULL: without a key */
    const uint8_t *ip;  /* 16 bytes */
    enum tg_code code;  /* not TG_CODE_NONE */
};

/* Empties the table.  seed is random, so that nobody aims for one place. */
void tg_denial_init(struct tg_denial_table *table, uint64_t seed);

/*
 * Whether rows of another second are there: take them before the next is
 * noted.
 */
bool tg_denial_is_due(const struct tg_denial_table *table, int64_t now_ms);

/*
 * Counts one.  Returns the row when it is the row's first, for the caller to
 * put the sample's members in (account_id, request_id, endpoint, model and
 * agent are zeros; of a row whose scope is TG_DENIAL_REST leave account_id
 * so), else NULL.  Some ten nanoseconds, whatever comes.
 */
struct tg_denial *tg_denial_note(struct tg_denial_table *table,
                                 const struct tg_denial_cause *cause,
                                 int64_t now_ms);

/* How many there are in all rows. */
int64_t tg_denial_total(const struct tg_denial_table *table);

/* The rows were taken: empties the table. */
void tg_denial_clear(struct tg_denial_table *table);

/*
 * The rows could not be taken: they become one for each code, and wait with
 * what comes next.  No denial is lost, but who it was.
 */
void tg_denial_fold(struct tg_denial_table *table, int64_t now_ms);

#endif
