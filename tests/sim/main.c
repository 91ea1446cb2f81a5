/*
 * ledger-sim: the ledger under crashes, a bad disk and a clock that jumps, by
 * seed; see docs/reliability.md.
 *
 *     ledger-sim --seeds 1-300          each of these; the first wrong one ends
 *     ledger-sim --seed 7 --trace       one, and all that happens in it
 *     ledger-sim --mutant NAME --seeds 1-300     is that fault found?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "disk.h"
#include "keeper.h"
#include "model_store.h"
#include "mutant.h"
#include "oracle.h"
#include "refused.h"
#include "sim.h"
#include "worker.h"
#include "world.h"

static char folder[] = "/dev/shm/tollgate-ledger-XXXXXX";

struct options {
    unsigned long long first, last;
    bool is_traced;
    const char *mutant;
};

/* The state file is in memory: it goes with the power, or with a hand. */
static void
lose_state(bool is_cut)
{
    sim_trace(is_cut ? "the power is cut"
                     : "all are killed, the state file is "
                       "removed");
    for (unsigned i = 0; i < WORKERS; i++)
        worker_kill(i);
    keeper_kill();
    if (is_cut)
        disk_cut();
    unlink(keeper_state_path);
    oracle_state_lost();
    refused_state_lost();
    disk_shake();
}

static enum sim_death
kill_somebody(void)
{
    uint32_t who = sim_below(WORKERS + 3);

    if (who < WORKERS)
        worker_kill(who);
    else if (who == WORKERS)
        keeper_kill();
    else if (who == WORKERS + 1)
        return SIM_POWER_CUT;
    else
        lose_state(false);
    return SIM_LIVES;
}

static void
turn_clock(void)
{
    static const int64_t jumps_ms[] = {1000, 60000, 3600000, 86400000,
                                       31LL * 86400000};

    sim.now_ms += sim_between(0, 3000);
    if (!sim_chance(sim.manner.jumps))
        return;
    sim.now_ms += jumps_ms[sim_below(5)] * (sim_chance(150) ? -1 : 1);
    sim_trace("the clock jumps");
}

/* A step of one process. */
static enum sim_death
turn(void)
{
    uint32_t who = sim_below(100);

    if (who < 85)
        return worker_step(who % WORKERS);
    return keeper_lives() ? keeper_step() : keeper_start();
}

static void
take_step(void)
{
    enum sim_death death;

    turn_clock();
    disk_step();
    death = sim_chance(sim.manner.kills) ? kill_somebody() : turn();
    if (death == SIM_POWER_CUT)
        lose_state(true);
    oracle_check_sums();
    oracle_check_cells("a step's end");
}

/* Everything ends well from here, and then all must be there. */
static void
come_to_rest(void)
{
    sim.is_calm = true;
    sim_trace("comes to rest");
    if (!keeper_lives())
        keeper_start();
    oracle_check_sums();
    for (unsigned i = 0; i < WORKERS; i++)
        worker_finish(i);
    keeper_finish();
    /* Another one takes in what the last has written for the dead. */
    keeper_start();
    oracle_check_sums();
    keeper_finish();
    oracle_check_end();
    refused_check_end();
}

/* Whether all promises held. */
static bool
run_seed(unsigned long long seed, bool is_traced)
{
    uint32_t steps;

    sim_begin(seed, is_traced);
    disk_begin();
    model_store_begin();
    world_begin();
    oracle_begin();
    refused_begin();
    worker_begin();
    keeper_begin();
    steps = (uint32_t)sim_between(50, 500);
    while (sim.step < steps && !sim_is_wrong()) {
        sim.step++;
        take_step();
    }
    if (!sim_is_wrong())
        come_to_rest();
    for (unsigned i = 0; i < WORKERS; i++)
        worker_kill(i);
    keeper_kill();
    oracle_end();
    disk_end();
    unlink(keeper_state_path);
    return !sim_is_wrong();
}

static int
run_seeds(const struct options *options)
{
    struct oracle_totals all = {0};

    for (unsigned long long seed = options->first; seed <= options->last;
         seed++) {
        struct oracle_totals totals;

        if (!run_seed(seed, options->is_traced)) {
            printf("seed %llu, step %u: %s\n"
                   "replay it: ledger-sim --seed %llu --trace%s%s\n",
                   seed, sim.step, sim.wrong, seed,
                   options->mutant != NULL ? " --mutant " : "",
                   options->mutant != NULL ? options->mutant : "");
            return 1;
        }
        totals = oracle_totals();
        all.admitted += totals.admitted;
        all.recorded += totals.recorded;
        all.lost += totals.lost;
        all.spoilt += totals.spoilt;
    }
    printf("seeds %llu to %llu hold: %u calls admitted, %u records, %u calls "
           "lost with a state file, %u records in damaged segments\n",
           options->first, options->last, all.admitted, all.recorded, all.lost,
           all.spoilt);
    return 0;
}

static bool
read_options(struct options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *rest;

        if (strcmp(argv[i], "--trace") == 0) {
            options->is_traced = true;
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--seed") == 0) {
            options->first = options->last = strtoull(value, &rest, 10);
        } else if (strcmp(argv[i - 1], "--seeds") == 0) {
            options->first = strtoull(value, &rest, 10);
            if (*rest != '-')
                return false;
            options->last = strtoull(rest + 1, &rest, 10);
        } else if (strcmp(argv[i - 1], "--mutant") == 0) {
            options->mutant = value;
            if (mutant_choose(value) != 0)
                return false;
            continue;
        } else {
            return false;
        }
        if (*rest != '\0')
            return false;
    }
    return options->last >= options->first;
}

int
main(int argc, char **argv)
{
    struct options options = {.first = 1, .last = 100};
    int result;

    if (!read_options(&options, argc, argv)) {
        fputs("usage: ledger-sim [--seeds A-B | --seed N] [--trace] "
              "[--mutant NAME]\n",
              stderr);
        return 2;
    }
    if (mkdtemp(folder) == NULL) {
        perror("ledger-sim");
        return 2;
    }
    sim_take_turns(turn);
    snprintf(keeper_state_path, 80, "%s/state", folder);
    result = run_seeds(&options);
    rmdir(folder);
    if (options.mutant != NULL) {
        puts(result ? "the fault was found" : "the fault was NOT found");
        result = !result;
    }
    return result;
}
