#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

struct sim sim;

static struct sim_process *running;
static enum sim_death (*other_turn)(void);
static unsigned depth; /* of turns in turns */

/* splitmix64: fills the state of the generator from a seed. */
static uint64_t
mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* xoroshiro128+, Blackman and Vigna 2018. */
uint64_t
sim_random(void)
{
    uint64_t a = sim.random[0], b = sim.random[1], sum = a + b;

    b ^= a;
    sim.random[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
    sim.random[1] = b << 37 | b >> 27;
    return sum;
}

uint32_t
sim_below(uint32_t n)
{
    return (uint32_t)((sim_random() >> 32) * n >> 32);
}

int64_t
sim_between(int64_t least, int64_t most)
{
    return least + (int64_t)sim_below((uint32_t)(most - least + 1));
}

bool
sim_chance(uint32_t per_mille)
{
    return per_mille != 0 && sim_below(1000) < per_mille;
}

/* Some seeds know one kind of trouble only, some all of them. */
static uint32_t
trouble(uint32_t most)
{
    return sim_chance(500) ? sim_below(most + 1) : 0;
}

/* 2026-11-17T12:00:00Z, a Tuesday. */
#define FIRST_MS 1794916800000

void
sim_begin(uint64_t seed, bool is_traced)
{
    uint64_t state = seed;

    sim = (struct sim){.seed = seed, .is_traced = is_traced};
    sim.random[0] = mix(&state);
    sim.random[1] = mix(&state);
    sim.now_ms = FIRST_MS + sim_between(0, 86399999);
    sim.manner = (struct sim_manner){
        .kills = trouble(20),
        .power_cuts = trouble(300),
        .disk = trouble(60),
        .store = trouble(40),
        .rot = trouble(15),
        .jumps = trouble(60),
        .turns = trouble(60),
        .is_strict = sim_chance(500),
    };
    running = NULL;
    depth = 0;
}

void sim_take_turns(enum sim_death (*turn)(void))
{
    other_turn = turn;
}

void
sim_trace(const char *fmt, ...)
{
    va_list ap;

    if (!sim.is_traced)
        return;
    printf("%4u %lld %-8s ", sim.step, (long long)sim.now_ms,
           running != NULL ? running->name : "-");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void
sim_wrong(const char *fmt, ...)
{
    va_list ap;

    if (sim.wrong[0] != '\0')
        return;
    va_start(ap, fmt);
    vsnprintf(sim.wrong, sizeof(sim.wrong), fmt, ap);
    va_end(ap);
    sim_trace("WRONG: %s", sim.wrong);
}

bool
sim_is_wrong(void)
{
    return sim.wrong[0] != '\0';
}

struct sim_process *
sim_running(void)
{
    return running;
}

enum sim_death
sim_run(struct sim_process *process, void (*piece)(void *), void *arg)
{
    struct sim_process *volatile interrupted = running;
    volatile unsigned depth_before = depth;
    enum sim_death death = (enum sim_death)setjmp(process->out);

    if (death == SIM_LIVES) {
        running = process;
        process->is_running = true;
        piece(arg);
    }
    process->is_running = false;
    running = interrupted;
    depth = depth_before;
    return death;
}

static void
die(enum sim_death death, const char *where)
{
    sim_trace("%s at %s", death == SIM_KILLED ? "KILLED" : "POWER CUT", where);
    longjmp(running->out, (int)death);
}

#define DEPTH_MAX 2

/* Another process goes a step while this one stands still. */
static void
give_turn(const char *where)
{
    enum sim_death death;

    sim_trace("stands still at %s", where);
    depth++;
    death = other_turn();
    depth--;
    if (death == SIM_POWER_CUT)
        die(death, where);
    sim_trace("goes on");
}

void
sim_point(const char *where)
{
    if (running == NULL)
        return;
    oracle_check_cells(where);
    if (sim.is_calm)
        return;
    if (depth < DEPTH_MAX && sim_chance(sim.manner.turns))
        give_turn(where);
    if (sim_chance(sim.manner.kills))
        die(sim_chance(sim.manner.power_cuts) ? SIM_POWER_CUT : SIM_KILLED,
            where);
}

/* What a process that keeps memory holds, so that the dead leak nothing. */
#define BLOCKS_MAX 256

static void *blocks[BLOCKS_MAX];
static size_t block_count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

static void *
keep(void *block)
{
    if (running != NULL && running->keeps_memory && block != NULL) {
        if (block_count == BLOCKS_MAX)
            abort();
        blocks[block_count++] = block;
    }
    return block;
}

static void
forget(const void *block)
{
    for (size_t i = block_count; i-- > 0;) {
        if (blocks[i] == block) {
            blocks[i] = blocks[--block_count];
            return;
        }
    }
}

void *
__wrap_malloc(size_t size)
{
    return keep(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return keep(__real_calloc(count, size));
}

void *
__wrap_realloc(void *old, size_t size)
{
    forget(old);
    return keep(__real_realloc(old, size));
}

void
__wrap_free(void *block)
{
    forget(block);
    __real_free(block);
}

void *
sim_grow(void *old, size_t size)
{
    void *block = __real_realloc(old, size);

    if (block == NULL)
        abort();
    return block;
}

void
sim_free_all(void)
{
    while (block_count > 0)
        __real_free(blocks[--block_count]);
}
