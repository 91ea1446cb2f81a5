/*
 * layout.h: the state file, byte by byte; docs/state.md says it in prose.
 *
 * Fixed-width integers and offsets, no pointers, little-endian, mapped by
 * every worker and by the daemon.  The file is sparse: what was never
 * written takes no memory.  Policy has one writer, the daemon; counters and
 * call slots are changed by workers with atomics.
 */
#ifndef TG_LAYOUT_H
#define TG_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "call.h"
#include "capacity.h"
#include "price.h"

#define TG_STATE_MAGIC 0x3145544154534754 /* "TGSTATE1" */
#define TG_STATE_VERSION 3
#define TG_STATE_PAGE 4096

/*
 * Money that is used, settled and held together, in one period.  Both words
 * change at once, by a compare-and-swap of 16 bytes: cell.h.
 */
struct tg_cell {
    _Alignas(16) _Atomic int64_t used_nanos;
    _Atomic uint64_t mark; /* the period, and who changed it last */
};

_Static_assert(sizeof(struct tg_cell) == 16, "layout");

/*
 * A published thing: seq counts publications, 0 meaning never; the slot in
 * force is seq & 1.  The writer fills the other one and stores seq + 1.
 */
typedef _Atomic uint64_t tg_seq;

struct tg_state_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes;
    int64_t created_at_ms;
    uint8_t uuid[16];
    uint32_t key_capacity;
    uint32_t account_capacity;
    uint32_t area_count;
    uint32_t area_slots;
    uint64_t index_offset;
    uint64_t keys_offset;
    uint64_t accounts_offset;
    uint64_t catalog_offset;
    uint64_t areas_offset;
    uint64_t blobs_offset;
    uint64_t blobs_bytes;
    uint64_t pool_offset;
    uint64_t throttle_offset;
    uint64_t waiters_offset;
    uint64_t wanted_offset;
    uint8_t reserved0[24];
    _Atomic uint64_t index_level; /* which table lookups use */
    uint8_t reserved1[56];
    tg_seq catalog_seq;
    _Atomic int64_t clock_ahead_ms;  /* steady.h */
    _Atomic uint64_t journal_faults; /* trouble.h, as the error */
    _Atomic uint64_t journal_told;   /* of these, shifted by one; and 1 while
                                        the daemon has told of a trouble */
    _Atomic uint32_t journal_error;
    uint8_t reserved2[28];
    _Atomic uint32_t is_ready;       /* 1: calls are admitted */
    _Atomic uint32_t key_high_water; /* slots at and above: never used */
    _Atomic uint32_t account_high_water;
    _Atomic uint32_t is_filling; /* 1: not every key is there yet: wanted.h */
    _Atomic int64_t daemon_seen_at_ms;
    _Atomic uint64_t next_ticket; /* of waiters */
};

_Static_assert(offsetof(struct tg_state_header, index_offset) == 64, "layout");
_Static_assert(offsetof(struct tg_state_header, index_level) == 176, "layout");
_Static_assert(offsetof(struct tg_state_header, catalog_seq) == 240, "layout");
_Static_assert(offsetof(struct tg_state_header, is_ready) == 304, "layout");

/*
 * The index: tables of 2^(TG_INDEX_BITS + level) entries, one behind the
 * other.  An entry is tag << 32 | slot + 1; 0 is empty.
 */
#define TG_INDEX_BITS 12
#define TG_INDEX_LEVELS 14
#define TG_INDEX_GONE UINT32_MAX /* a slot field: an entry was removed */

/* Values of status; 0 lets nothing in. */
enum tg_key_status {
    TG_KEY_NONE = 0,
    TG_KEY_ACTIVE,
    TG_KEY_INACTIVE,
    TG_KEY_DISABLED,
    TG_KEY_EXPIRED,
    TG_KEY_DELETED,
};

struct tg_key_secret {
    uint8_t digest[32];     /* SHA-256 of the whole secret; zeros: none */
    int64_t valid_until_ms; /* 0: no end of its own */
};

/* What a key may do.  A blob of 0 is absent. */
struct tg_key_policy {
    char id[TG_ID_LEN];
    struct tg_key_secret secrets[2]; /* the newest that is in force first */
    uint32_t account;                /* slot of its account */
    uint32_t name;                   /* blob: text */
    uint32_t models;   /* blob: names; none and not restricted: all */
    uint32_t networks; /* blob: where.h; so is referrers */
    uint32_t referrers;
    uint32_t hours;            /* blob: calendar.h; absent: always */
    uint64_t endpoints;        /* bit 1 << enum tg_endpoint; 0: as scopes say */
    uint32_t scopes;           /* enum tg_scope */
    uint8_t kind;              /* enum tg_key_kind, key.h */
    uint8_t status;            /* enum tg_key_status */
    uint8_t secret_numbers[2]; /* of secrets: call.h; 0: there is none */
    int64_t created_at_ms;
    int64_t expires_at_ms;        /* 0: never */
    int64_t ended_at_ms;          /* when status left active; 0: it has not */
    uint32_t requests_per_second; /* 0: no limit; so below */
    uint32_t requests_per_minute;
    uint32_t requests_per_day;
    uint32_t concurrency;
    uint32_t tokens_per_minute;
    uint32_t max_queue_ms;
    int64_t daily_nanos; /* 0: no budget */
    int64_t monthly_nanos;
    uint32_t timezone; /* blob: calendar.h; absent: UTC */
    char prefix[8];    /* "sk-tgp_", for answers to the holder */
    char last4[4];     /* of the newest secret */
    uint8_t reserved1[32];
};

_Static_assert(offsetof(struct tg_key_policy, account) == 104, "layout");
_Static_assert(offsetof(struct tg_key_policy, endpoints) == 128, "layout");
_Static_assert(offsetof(struct tg_key_policy, secret_numbers) == 142, "layout");
_Static_assert(offsetof(struct tg_key_policy, created_at_ms) == 144, "layout");
_Static_assert(offsetof(struct tg_key_policy, daily_nanos) == 192, "layout");
_Static_assert(sizeof(struct tg_key_policy) == 256, "layout");

/* What is used of a key's rates: rate.h. */
struct tg_rate_state {
    struct tg_bucket tokens; /* of a minute */
    struct tg_bucket minute; /* requests */
    struct tg_bucket second;
    _Atomic uint64_t day; /* number of the day << 32 | requests in it */
    uint64_t reserved[5];
};

_Static_assert(offsetof(struct tg_rate_state, day) == 24, "layout");
_Static_assert(sizeof(struct tg_rate_state) == 72, "layout");

/* Counters since the state file was made; workers change them. */
struct tg_counters {
    _Atomic int64_t last_used_at_ms;
    _Atomic int64_t calls;
    _Atomic int64_t settled_nanos;
    _Atomic int64_t held_nanos;
    _Atomic int64_t prompt_tokens;
    _Atomic int64_t completion_tokens;
    _Atomic int32_t in_flight;
    uint32_t reserved0;
    struct tg_rate_state rate;
};

_Static_assert(offsetof(struct tg_counters, rate) == 56, "layout");
_Static_assert(sizeof(struct tg_counters) == 128, "layout");

struct tg_key_record {
    tg_seq seq;
    uint64_t reserved0;
    struct tg_cell day; /* of calendar days in the key's time zone */
    struct tg_cell month;
    _Atomic int32_t waiting; /* at least its rows among the waiters */
    uint32_t reserved1;
    uint64_t reserved2;
    struct tg_counters counters;
    struct tg_key_policy slots[2];
};

_Static_assert(offsetof(struct tg_key_record, day) == 16, "layout");
_Static_assert(offsetof(struct tg_key_record, month) == 32, "layout");
_Static_assert(offsetof(struct tg_key_record, waiting) == 48, "layout");
_Static_assert(offsetof(struct tg_key_record, counters) == 64, "layout");
_Static_assert(offsetof(struct tg_key_record, slots) == 192, "layout");
_Static_assert(sizeof(struct tg_key_record) == 704, "layout");

enum tg_account_status {
    TG_ACCOUNT_NONE = 0,
    TG_ACCOUNT_ACTIVE,
    TG_ACCOUNT_SUSPENDED,
};

enum tg_verification {
    TG_VERIFICATION_NONE = 0, /* unverified */
    TG_VERIFICATION_PENDING,
    TG_VERIFICATION_VERIFIED,
};

enum tg_billing { TG_BILLING_PREPAID = 0, TG_BILLING_POSTPAID };

struct tg_account_policy {
    char id[TG_ID_LEN];
    uint32_t name; /* blob: text */
    uint8_t status;
    uint8_t verification;
    uint8_t billing;
    uint8_t reserved0;
    int64_t granted_nanos; /* all grants so far */
    int64_t topped_up_nanos;
    int64_t settled_nanos; /* settled before this state file was made */
    uint8_t reserved1[40];
};

_Static_assert(sizeof(struct tg_account_policy) == 96, "layout");

struct tg_account_record {
    tg_seq seq;
    uint64_t reserved0;
    struct tg_cell committed; /* since the file was made; one period, 0 */
    uint64_t reserved1[4];
    struct tg_counters counters;
    struct tg_account_policy slots[2];
};

_Static_assert(offsetof(struct tg_account_record, committed) == 16, "layout");
_Static_assert(offsetof(struct tg_account_record, counters) == 64, "layout");
_Static_assert(sizeof(struct tg_account_record) == 384, "layout");

/* The catalog: what is offered, by whom, at what price. */
#define TG_SEALED_MAX 320

enum tg_dialect {
    TG_DIALECT_NONE = 0,
    TG_DIALECT_DEEPSEEK,
    TG_DIALECT_OPENAI,
    TG_DIALECT_VLLM,
    TG_DIALECT_ANTHROPIC,
};

enum tg_model_flag { TG_MODEL_DEVELOPMENT = 1 << 0 };

struct tg_model {
    char name[TG_MODEL_NAME_MAX];
    uint32_t scopes;         /* enum tg_scope: what it can be used for */
    uint16_t flags;          /* enum tg_model_flag */
    uint16_t upstream_count; /* 0: nobody serves it */
    uint16_t upstreams[TG_MODEL_UPSTREAMS]; /* rows, the first choice first */
    int64_t created_at_ms;
    int64_t max_context_tokens;
    int64_t max_output_tokens; /* chat */
    int64_t max_fim_tokens;    /* completions and FIM */
    int64_t max_image_tokens;  /* one image in a prompt; 0: not known */
    uint32_t price_count;      /* 0: not priced, so refused */
    uint32_t reserved;
    struct tg_price prices[TG_MODEL_PRICES]; /* oldest first */
};

struct tg_address {
    uint16_t family; /* 4 or 6; 0: none */
    uint16_t port;   /* host order */
    uint32_t reserved;
    uint8_t ip[16]; /* IPv4 in the first four */
};

struct tg_upstream {
    char id[TG_ID_LEN]; /* zeros: a free row */
    char name[32];
    char host[128]; /* without port; also the TLS server name */
    char host_header[136];
    char base_path[64]; /* "" or "/v1": stands before the route's path */
    uint16_t dialect;
    uint8_t is_tls;
    uint8_t reserved0;
    uint16_t address_count;
    uint16_t credential_count;
    struct tg_address addresses[TG_UPSTREAM_ADDRESSES];
    uint16_t credentials[TG_UPSTREAM_CREDENTIALS]; /* rows of its pool */
};

struct tg_upstream_credential {
    char id[TG_ID_LEN];  /* zeros: a free row */
    uint32_t generation; /* changes when sealed changes */
    uint16_t upstream;
    uint16_t sealed_bytes;
    uint32_t concurrency; /* calls at once that its account takes; 0: any */
    uint32_t is_retiring; /* 1: only where no other of its pool will do */
    uint8_t sealed[TG_SEALED_MAX]; /* seal.h, bound to id */
};

/* What the operator decided for all keys. */
struct tg_settings {
    uint32_t requires_verification; /* 1: of accounts */
    uint32_t wrong_keys_per_minute; /* of one address; 0: any number */
    uint32_t price_factor_ppm[4];   /* by enum tg_key_kind; 0: 1 000 000 */
    uint8_t reserved[40];
};

_Static_assert(sizeof(struct tg_settings) == 64, "layout");

struct tg_catalog {
    uint32_t model_count;
    uint32_t holiday_count;
    char currency[8]; /* of the ledger, "USD" */
    struct tg_settings settings;
    int32_t holidays[TG_CATALOG_HOLIDAYS];       /* civil days, sorted */
    uint16_t model_index[TG_CATALOG_MODELS * 4]; /* hash of name -> model+1 */
    struct tg_model models[TG_CATALOG_MODELS];
    struct tg_upstream upstreams[TG_CATALOG_UPSTREAMS];
    struct tg_upstream_credential credentials[TG_CATALOG_CREDENTIALS];
};

_Static_assert(offsetof(struct tg_model, prices) == 128, "layout");
_Static_assert(sizeof(struct tg_model) == 1632, "layout");
_Static_assert(sizeof(struct tg_upstream) == 616, "layout");
_Static_assert(sizeof(struct tg_upstream_credential) == 360, "layout");
_Static_assert(sizeof(struct tg_catalog) % 8 == 0, "it is copied by words");

/*
 * How a credential has fared, row by row as in the catalog; any worker
 * changes it, the daemon when another credential takes the row.  What is of
 * another generation is of a credential that stood there before.
 */
struct tg_pool_row {
    _Atomic uint32_t generation; /* of the credential this is about */
    _Atomic uint32_t status;     /* the upstream's, last time it failed */
    _Atomic uint64_t standing;   /* open, or closed until when: pool.h */
    _Atomic int64_t failed_at_ms;
    _Atomic int64_t learned_at_ms; /* when the upstream said how many */
    _Atomic uint32_t concurrency;  /* calls at once it takes; 0: not said */
    _Atomic uint32_t told;         /* turns that the daemon has told of */
    _Atomic uint64_t failures;     /* since the row began */
    uint64_t reserved[2];
};

_Static_assert(sizeof(struct tg_pool_row) == 64, "layout");

/* Wrong credentials by address: a bucket for each hash of one. */
#define TG_THROTTLE_BUCKETS 65536

/* A call that waits for its turn; any worker reads, its own writes. */
#define TG_WAITERS 1024

struct tg_waiter {
    _Atomic uint64_t writer_id; /* of the area it is of; 0: free */
    _Atomic uint64_t ticket;    /* the lower one came first; 0: it has none */
    _Atomic uint32_t key_slot;
    _Atomic uint32_t area;
    _Atomic uint64_t tokens; /* it will take of tokens a minute */
};

_Static_assert(sizeof(struct tg_waiter) == 32, "layout");

/* A key that a call asks for while the file is being filled: wanted.h. */
#define TG_WANTED_ROWS 512
#define TG_WANTED_WORDS 4 /* of a digest */

struct tg_wanted_row {
    _Atomic uint64_t word;
    _Atomic uint64_t digest[TG_WANTED_WORDS];
    uint64_t reserved[3];
};

_Static_assert(sizeof(struct tg_wanted_row) == 64, "layout");

/*
 * Calls in flight.  An area belongs to one worker while that worker holds
 * the open-file-description lock on the area's first byte in the file.
 */
#define TG_AREA_COUNT 256
#define TG_AREA_SLOTS 32768

enum tg_phase {
    TG_PHASE_FREE = 0,
    TG_PHASE_HELD, /* admitted; call holds everything a record needs */
};

struct tg_call_slot {
    _Atomic uint32_t phase;
    union {
        uint32_t next_free;         /* free: the owner's list; slot + 1 */
        uint16_t wanted_periods[2]; /* else: day and month of wanted_nanos */
    };
    _Atomic uint64_t share;   /* what the call has in which cells: cell.h */
    _Atomic uint64_t witness; /* a share word whose change others saw done */
    int64_t wanted_nanos;     /* what it will hold when more is taken */
    struct tg_call call;
};

_Static_assert(offsetof(struct tg_call_slot, share) == 8, "layout");
_Static_assert(offsetof(struct tg_call_slot, wanted_nanos) == 24, "layout");
_Static_assert(sizeof(struct tg_call_slot) == 400, "layout");

struct tg_area {
    _Atomic uint64_t writer_id;  /* 0: nobody's */
    _Atomic uint32_t pid;        /* for people; the lock decides */
    _Atomic uint32_t high_water; /* slots at and above were never used */
    int64_t claimed_at_ms;
    _Atomic uint32_t trouble; /* enum tg_trouble, trouble.h */
    uint32_t reserved0;
    uint64_t reserved[4];
    /* Calls at once, by row of their credential in the catalog. */
    _Atomic uint32_t credential_calls[TG_CATALOG_CREDENTIALS];
};

_Static_assert(sizeof(struct tg_area) == 1088, "layout");

/*
 * A blob: what a policy names and is too long for it; 16-byte aligned.  The
 * longest is a list of 256 texts of 255 bytes.
 */
#define TG_BLOB_MAX 65536

struct tg_blob {
    uint32_t len;
    uint32_t reserved;
    char data[]; /* text, texts each behind a uint8_t length, calendar */
};

#endif
