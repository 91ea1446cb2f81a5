/*
 * admit.h: may this call pass?  The whole decision, pure: no I/O, no clock,
 * no allocation, no nginx.
 *
 * It goes down the table of product.md 4; the first failure wins.  The head
 * of a request is judged before its body is read, so that nobody without a
 * key makes us read one; then the body is judged, with the policy as it is by
 * then.
 */
#ifndef TG_ADMIT_H
#define TG_ADMIT_H

#include "body.h"
#include "budget.h"
#include "code.h"
#include "credential.h"
#include "dialect.h"
#include "digest.h"
#include "measure.h"
#include "framing.h"
#include "hold.h"
#include "rate.h"
#include "route.h"
#include "state.h"
#include "target.h"

/* What to do next; the safe value is to refuse. */
enum tg_action {
    TG_ACTION_REFUSE = 0,
    TG_ACTION_READ_BODY, /* then tg_admit_body */
    TG_ACTION_ANSWER,    /* by answer.h */
    TG_ACTION_PROXY,     /* call is filled: tg_admit_take, then upstream */
    TG_ACTION_WAIT,      /* wait_ms, then tg_admit_turn; of a head: again */
};

/* The head of a request, as it came. */
struct tg_request {
    enum tg_method method;
    struct tg_str path;  /* as sent, undecoded, without the query */
    struct tg_str query; /* without '?' */
    struct tg_framing framing;
    const struct tg_credential *credential;
    struct tg_str content_type; /* empty: none was sent */
    struct tg_str content_encoding;
    struct tg_str origin; /* of the page that calls; empty: none was sent */
    struct tg_str referer;
    uint8_t ip[16];   /* of the peer; IPv4 as ::ffff:a.b.c.d */
    int64_t now_ms;   /* Unix time */
    int64_t since_ms; /* when it was judged first; 0: it is now */
};

/* Which sentence a refusal needs, where its code alone does not tell. */
enum tg_reason {
    TG_REASON_CODE = 0,       /* the code's own sentence */
    TG_REASON_CREDENTIAL,     /* request's credential: tg_credential_sentence */
    TG_REASON_DIAGNOSIS,      /* diagnosis: tg_diagnosis_sentence */
    TG_REASON_BODY,           /* body_fault */
    TG_REASON_FORM_TYPE,      /* it is no form, and should be one */
    TG_REASON_NO_MODEL,       /* no `model` in the body */
    TG_REASON_NO_UPSTREAM,    /* nobody serves the model */
    TG_REASON_NO_CREDENTIAL,  /* its upstream has none */
    TG_REASON_NO_ADDRESS,     /* its upstream's name does not resolve */
    TG_REASON_ASK,            /* what was asked for cannot be metered */
    TG_REASON_WRONG_USE,      /* the model is of another scope */
    TG_REASON_POOL_OUT,       /* its upstreams refuse every credential */
    TG_REASON_POOL_BUSY,      /* they ask to wait: pool_wait_ms */
    TG_REASON_POOL_FULL,      /* no credential takes more calls at once */
    TG_REASON_WRONG_DIALECT,  /* its upstream has no such endpoint */
    TG_REASON_NO_SERVICE,     /* no row for the account's files and such */
    TG_REASON_BATCH_MODELS,   /* the key may not use all models */
    TG_REASON_BATCH_ENDPOINT, /* nor call wanted, which the batch does */
    TG_REASON_QUERY,          /* the query is not in plain characters */
    TG_REASON_WRONG_UNIT,     /* its price is of what the endpoint has not */
    TG_REASON_SIZE,           /* the image's size has no price */
    TG_REASON_KEY_MODELS,     /* the key may not use the model */
    TG_REASON_KEY_ENDPOINT,   /* the key may not call the endpoint */
    TG_REASON_HOURS,          /* not at this hour; opens_at_ms */
    TG_REASON_PATH,           /* a path that two programs may read two ways */
    TG_REASON_WRONG_KEYS,     /* wrong, and too many others are: wrong_key */
    TG_REASON_FRAMING,        /* framing: tg_framing_sentence */
};

/* What the head came to: all that must be kept while the body arrives. */
struct tg_head {
    const struct tg_route *route;
    struct tg_str path;     /* without /v1 */
    struct tg_str argument; /* of the path: a model's name, or an id */
    struct tg_str query;    /* to pass on; empty where none is */
    struct tg_str boundary; /* of a form */
    struct tg_str origin;
    struct tg_str referer;
    struct tg_digest digest;
    uint32_t key_slot;
    uint8_t ip[16];
    uint64_t place_seq; /* the publication of the key that lets calls in from
                           where this one comes from; 0: none is known to */
    enum tg_wire_fault chunks; /* of the body; set once it is there */
};

/*
 * A decision being made, and all it found out; the caller's, about 2 KiB,
 * zeros or what another request left, and used by one request at a time.
 */
struct tg_admission {
    enum tg_action action;
    enum tg_code code; /* when refused */
    enum tg_reason reason;
    int diagnosis; /* enum tg_diagnosis */
    struct tg_body_fault body_fault;
    enum tg_ask_kind asked; /* for TG_REASON_ASK: admit_ask.h */
    enum tg_framing_fault framing;
    bool must_close; /* also when it may go on: what comes behind on the
                        connection could be a part of this request */
    enum tg_credential_verdict credential;
    char
        sizes[TG_MEASURE_SIZES_SIZE]; /* that are priced, for one that is not */
    const struct tg_route *wanted;    /* by a batch, and not allowed */
    const char *allow;   /* the methods a path has, when refused for its own */
    int64_t opens_at_ms; /* TG_CALENDAR_NEVER when it does not */
    struct tg_head head;

    bool has_key;     /* key and account are what the credential led to */
    uint64_t key_seq; /* publication of key_slot that key is; 0: it is none */
    uint32_t key_slot;
    struct tg_key_policy key;
    struct tg_account_policy account;

    /* For TG_ACTION_PROXY: what admit_take.h then takes. */
    struct tg_call call;
    struct tg_upstream upstream;
    struct tg_target target;
    struct tg_place place; /* of the call at it; base is upstream.base_path's */
    uint64_t catalog_seq;  /* whose rows these are; 0: of none */
    int model_row;         /* of the call's model; below 0: it has none */
    int upstream_row;      /* that upstream is a copy of; below 0: of none */
    struct tg_body_edit edits[TG_BODY_EDITS_MAX];
    size_t edit_count;
    uint8_t edit_rule;       /* enum tg_edit_rule, for the answer's stream */
    struct tg_hold hold;     /* of the answer, once it is taken */
    int64_t tokens_estimate; /* taken from tokens a minute */
    struct tg_rate_report limits; /* as they stand with this call in them */

    /* What a refusal for TG_REASON_WRONG_KEYS would be if there were fewer. */
    struct {
        enum tg_code code;
        enum tg_reason reason;
    } wrong_key;

    /* For a refusal by a limit. */
    struct tg_rate_verdict rate;
    struct tg_budget_verdict budget;
    int64_t waited_ms;      /* before that; 0: it has not */
    int64_t wait_ms;        /* for TG_ACTION_WAIT: at most so long */
    int64_t pool_wait_ms;   /* of TG_REASON_POOL_BUSY; 1 or more */
    int64_t day_ends_at_ms; /* in the key's time zone */
    int64_t month_ends_at_ms;
};

/*
 * Judges a request's head.  action becomes REFUSE, ANSWER, READ_BODY, or WAIT
 * while its key may still come (wanted.h): then it is to be judged once more
 * after wait_ms, with since_ms set.
 */
void tg_admit_head(const struct tg_state *state,
                   const struct tg_request *request,
                   struct tg_admission *admission);

/*
 * Judges the framing alone, for requests that are not ours to judge further:
 * the admin API's.  Returns whether it may go on; action is REFUSE when not.
 */
bool tg_admit_framing(const struct tg_framing *framing,
                      struct tg_admission *admission);

/*
 * Judges the rest: facts of a sound body, or NULL and fault.  head is what
 * tg_admit_head left in admission->head, kept by the caller, with chunks set
 * where the body came in such.  action becomes REFUSE or PROXY.
 */
void tg_admit_body(const struct tg_state *state, const struct tg_head *head,
                   const struct tg_body_facts *facts,
                   const struct tg_body_fault *fault, int64_t now_ms,
                   struct tg_admission *admission);

/*
 * Judges the key of admission->head once more, as its policy is by now.
 * Returns whether the call may go on; action is REFUSE when not.
 */
bool tg_admit_again(const struct tg_state *state, int64_t now_ms,
                    struct tg_admission *admission);

/*
 * Whether a key may use a model: by its list, else by its kind.  A key of
 * kind development without a list has the models marked for it.
 */
bool tg_admit_may_use(const struct tg_state *state,
                      const struct tg_key_policy *key,
                      const struct tg_model *model);

#endif
