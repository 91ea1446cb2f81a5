/*
 * oracle.h: what really happened, and whether the ledger says the same.
 *
 * It knows what each upstream made and each client was sent, and works out
 * from the documents (docs/journal.md, settle.h) what a record must say.
 * Between any two steps it holds what it knows against the cells of money.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "sim.h"
#include "state.h"

#define ORACLE_CALLS_MAX 2048

/* What of an answer has come, as the upstream meant it. */
struct oracle_answer {
    uint16_t status; /* 0: none began */
    bool is_stream, has_bytes, is_over;
    bool has_report, is_believable;
    int64_t events, bytes; /* with generated text, and of it */
    int64_t prompt_tokens, cached_tokens, completion_tokens; /* reported */
};

/* One call, from the slot's taking on. */
struct oracle_call {
    struct tg_call_id id;
    unsigned key;
    uint32_t slot; /* of the state file */
    struct oracle_answer answer;
    bool is_sent, has_left; /* upstream; the client */
    bool is_admitted;       /* its client was not refused */
    bool is_cancelled;
    bool is_settling; /* tg_settle has begun */
    bool is_settled;  /* or was, by the daemon */
    bool is_ended;    /* the slot is free */
    bool is_orphaned; /* its worker died with it */
    bool is_recorded; /* the store has it */
    bool is_lost;     /* with a state file; its record cannot be read */
    bool is_late;     /* lost for this state file only; see settle_late */
    bool is_left; /* its state file was lost while it was not in the store */
    int64_t left_nanos; /* by its last hold that could be read then; or -1 */
    bool is_durable;    /* so its record is, says its worker */
    uint64_t record;    /* of its writer, counted from 1; 0: none yet */
    /* As last seen in its slot. */
    int64_t at_ms, prompt_bound, completion_bound;
    int64_t held_nanos, wanted_nanos, cost_nanos;
    int32_t day;
    uint16_t month;
};

void oracle_begin(void);
void oracle_end(void);

/* The state file at path is a new one, and is about to be used. */
void oracle_attach(const char *path);
/* It is gone: so are the calls that stood only in it. */
void oracle_state_lost(void);

/* A call came into a slot. */
struct oracle_call *oracle_begun(const struct tg_state *state,
                                 const struct tg_call_slot *slot);
struct oracle_call *oracle_find(const struct tg_call_id *id);
/* Those of the writer that have not ended: it died. */
void oracle_orphan(uint64_t writer_id);
/* A slot's call was settled: the record must be one of those it may be. */
void oracle_check_record(const struct tg_call *record);
/* A worker knows that so many of its records are durable. */
void oracle_durable(uint64_t writer_id, uint64_t records);
/* The store has it for good. */
void oracle_committed(const struct tg_call *record);

/* P3 as it stands in the state file, at any instruction. */
void oracle_check_cells(const char *where);
/* Cells against all calls, between two steps. */
void oracle_check_sums(void);
/* P2 and all sums, when nothing is under way any more. */
void oracle_check_end(void);

struct oracle_totals {
    uint32_t admitted, recorded, lost, spoilt;
};
struct oracle_totals oracle_totals(void);

#endif
