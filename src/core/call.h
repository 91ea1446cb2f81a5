/*
 * call.h: one admitted call, as it stands in a slot of the state file while
 * it runs and in the journal when it has ended.
 *
 * Fixed layout, little-endian, no pointers.  docs/journal.md describes the
 * same bytes.  Text fields are padded with zero bytes and have no terminator
 * when full.
 */
#ifndef TG_CALL_H
#define TG_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "id.h"
#include "price.h"

#define TG_MODEL_NAME_MAX 64

/* How the tokens of a call became known; the safe value charges the hold. */
enum tg_basis {
    TG_BASIS_HELD = 0, /* nothing is known: what was set aside */
    TG_BASIS_COUNTED,  /* what passed by on the way */
    TG_BASIS_REPORTED, /* what the upstream said, and it is believable */
    TG_BASIS_NONE,     /* nothing was produced; costs nothing */
};

enum tg_call_flag {
    TG_CALL_STREAM = 1 << 0,
    TG_CALL_SENT = 1 << 1,      /* handed to the upstream connection */
    TG_CALL_RECOVERED = 1 << 2, /* settled by the daemon for a dead worker */
    TG_CALL_CLIENT_LEFT = 1 << 3,
    TG_CALL_PEAK = 1 << 4,       /* priced by the peak band */
    TG_CALL_MOVED = 1 << 5,      /* counts in another period than its at_ms's */
    TG_CALL_OLD_SECRET = 1 << 6, /* by one that a newer one replaces */
    TG_CALL_TWO_SECRETS = 1 << 7, /* its key had two in force */
};

/*
 * Above the flags stands which of its key's secrets it came with: 1 to 255 and
 * then 1 again, as they were made; 0 in what an older Tollgate wrote, of a key
 * that had one only.
 */
#define TG_CALL_SECRET_SHIFT 8

#define TG_ABSENT_MS UINT32_MAX

struct tg_call {
    struct tg_call_id id;
    int64_t at_ms; /* admitted, Unix time */
    char key_id[TG_ID_LEN];
    char account_id[TG_ID_LEN];
    char upstream_id[TG_ID_LEN];
    char credential_id[TG_ID_LEN];
    char model[TG_MODEL_NAME_MAX];
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint32_t key_slot;
    uint32_t account_slot;
    uint16_t endpoint;   /* enum tg_endpoint */
    uint16_t flags;      /* enum tg_call_flag, and the secret's number */
    uint16_t status;     /* as the client saw it; 0 while it runs */
    uint16_t code;       /* enum tg_code; 0 when all is well */
    uint8_t basis;       /* enum tg_basis */
    uint8_t unit;        /* enum tg_unit of units */
    uint16_t month;      /* period of its hold: year * 12 + month, key's zone */
    uint32_t latency_ms; /* while it runs: what it waited for room */
    uint32_t ttft_ms;    /* TG_ABSENT_MS when no token came */
    uint32_t day;        /* the same: days since 1970-01-01 */
    int64_t prompt_tokens; /* what is charged, by basis; so units */
    int64_t cached_tokens;
    int64_t written_tokens; /* to the provider's cache */
    int64_t completion_tokens;
    int64_t reasoning_tokens;
    int64_t units;
    int64_t prompt_bound;     /* upper bound of the prompt, on entry */
    int64_t completion_bound; /* upper bound of the answer */
    int64_t unit_bound;
    int64_t counted;       /* completion tokens seen so far */
    struct tg_rates rates; /* the price frozen on entry */
    int64_t held_nanos;
    int64_t cost_nanos;
};

_Static_assert(offsetof(struct tg_call, at_ms) == 16, "layout");
_Static_assert(offsetof(struct tg_call, model) == 120, "layout");
_Static_assert(offsetof(struct tg_call, ip) == 184, "layout");
_Static_assert(offsetof(struct tg_call, endpoint) == 208, "layout");
_Static_assert(offsetof(struct tg_call, month) == 218, "layout");
_Static_assert(offsetof(struct tg_call, latency_ms) == 220, "layout");
_Static_assert(offsetof(struct tg_call, day) == 228, "layout");
_Static_assert(offsetof(struct tg_call, prompt_tokens) == 232, "layout");
_Static_assert(offsetof(struct tg_call, units) == 272, "layout");
_Static_assert(offsetof(struct tg_call, rates) == 312, "layout");
_Static_assert(offsetof(struct tg_call, held_nanos) == 352, "layout");
_Static_assert(offsetof(struct tg_call, cost_nanos) == 360, "layout");
_Static_assert(sizeof(struct tg_call) == 368, "layout");

/*
 * How long a running call has taken, with what it waited before it was
 * admitted; never TG_ABSENT_MS.
 */
uint32_t tg_call_elapsed_ms(const struct tg_call *call, int64_t now_ms);

/* What a call used, in the terms of its price. */
struct tg_quantity tg_call_quantity(const struct tg_call *call);

/* Copies text into a zero-padded field of size bytes, cut if longer. */
void tg_field_set(char *field, size_t size, const char *text, size_t len);

/* Length of the text in a zero-padded field of size bytes. */
size_t tg_field_len(const char *field, size_t size);

#endif
