/*
 * advice_cost.h: all calls of a time, by key and model, with what they would
 * have cost otherwise.
 */
#ifndef TG_ADVICE_COST_H
#define TG_ADVICE_COST_H

#include "advice_saving.h"
#include "daemon.h"

/* Keys with a model that there is room for: about 1.5 KiB each. */
#define TG_ADVICE_GROUPS 8192

struct tg_advice_cost {
    struct tg_daemon *daemon;
    const char *key_id, *account_id; /* NULL: any */
    int64_t since, until;            /* Unix time in ms */

    struct tg_catalog *catalog; /* a copy of the one in force */
    struct tg_saving_group *groups;
    size_t group_count;
    uint16_t index[2 * TG_ADVICE_GROUPS]; /* group + 1; 0: free */
    int64_t calls, cost_nanos;            /* that were looked at */
    int64_t left_out; /* of these, those that can't be priced again */
    int64_t left_out_nanos;
    int64_t first_at, last_at;
    bool is_cut; /* there were more calls than are read */
};

/*
 * Reads the calls, the newest TG_ADVICE_CALLS_MAX of them at most, of a key
 * among more than those 131 072, in slices: the caller holds no lock.  Returns
 * 0, TG_ERR_* of the store, or TG_ERR_SYSTEM when memory is short.  Close it in
 * any case.
 */
int tg_advice_cost_read(struct tg_advice_cost *cost);

/* The best hit rate of a model's keys; NULL: none says anything. */
const struct tg_saving_group *
tg_advice_cost_best(const struct tg_advice_cost *cost, const char *model);

void tg_advice_cost_close(struct tg_advice_cost *cost);

#endif
