/*
 * budget_part.h: what holding and holding more share; for budget.c and
 * budget_more.c alone.
 */
#ifndef TG_BUDGET_PART_H
#define TG_BUDGET_PART_H

#include "budget.h"
#include "cell.h"

/* A budget's size, INT64_MAX for none. */
int64_t tg_budget_size(enum tg_cell_kind kind, const struct tg_key_policy *key,
                       const struct tg_account_policy *account);

/* The period that the call counts in, as a cell has it. */
uint16_t tg_budget_period(const struct tg_call *call, enum tg_cell_kind kind);

/* The call counts in period from now on; a day keeps its upper half. */
void tg_budget_adopt(struct tg_call *call, enum tg_cell_kind kind,
                     uint16_t period);

struct tg_budget_verdict tg_budget_verdict_of(enum tg_cell_kind kind,
                                              int64_t size_nanos,
                                              int64_t used_nanos);

/*
 * Gives back to one cell, unless that period is over there.  Less can be
 * there only when a clock went ahead of the period and came back.
 */
void tg_budget_give(const struct tg_cell_change *change, uint16_t period,
                    int64_t nanos);

#endif
