/*
 * caller.h: the credentials that calls come with: how many calls each made,
 * how many ran at once, and what shall become of the next ones.
 *
 * So that whoever calls with a pool of credentials can be tested.  Any thread;
 * exact.  At most 4096 are told apart; the others count as one.
 */
#ifndef SIM_CALLER_H
#define SIM_CALLER_H

#include <jansson.h>
#include <stdint.h>

#include "fault.h"

struct sim_caller;

/* What shall happen to the calls of one credential; zero-initialised is
 * nothing. */
struct sim_caller_rule {
    char status[SIM_FAULT_STATUS_BYTES]; /* a name of errors.h, or "" */
    int64_t status_count;                /* for so many calls; -1 for all */
    int64_t most_at_once;                /* 0 is any number */
};

enum sim_entry {
    SIM_ENTRY_WRONG = 0, /* it is not the key */
    SIM_ENTRY_STATUS,    /* answer with the error called status */
    SIM_ENTRY_CROWDED,   /* too many at once */
    SIM_ENTRY_FREE,
};

struct sim_admission {
    enum sim_entry entry;
    char status[SIM_FAULT_STATUS_BYTES];
    int64_t at_once; /* with this call */
    int64_t most_at_once;
};

/* A call with credential begins, refused or not; is_right says whether it is
 * the one that the simulator takes.  What is returned lives until
 * sim_caller_leave, which every call must come to. */
struct sim_caller *sim_caller_enter(struct tg_str credential, bool is_right,
                                    struct sim_admission *admission);

/* The call has ended.  Takes NULL. */
void sim_caller_leave(struct sim_caller *caller);

/* Replaces the rule of the credential whose SHA-256 is digest, 64 hex digits,
 * whether it was seen or not.  0, or -1 when it is no digest or when there are
 * too many credentials. */
int sim_caller_rule(struct tg_str digest, const struct sim_caller_rule *rule);

/* {"<sha256>": {"requests", "refused", "most_at_once"}} of those that called;
 * the caller owns it. */
json_t *sim_caller_show(void);

/* Zeroes the counts and lifts all rules.  Calls that run stay at once. */
void sim_caller_reset(void);

#endif
