#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "errors.h"
#include "fault.h"

/* Without an argument a fault takes `standard`; a range of 0..0 says that it
 * takes none. */
static const struct {
    const char *name;
    int64_t standard, least, most;
} table[SIM_FAULT_COUNT] = {
    [SIM_FAULT_STATUS] = {"status", 0, 0, 0},
    [SIM_FAULT_CUT] = {"cut", 3, 0, 1000000},
    [SIM_FAULT_STALL] = {"stall", 3, 0, 1000000},
    [SIM_FAULT_EMPTY] = {"empty", 0, 0, 0},
    [SIM_FAULT_BLANK] = {"blank", 3, 1, 10000},
    [SIM_FAULT_KEEPALIVE] = {"keepalive", 3, 1, 10000},
    [SIM_FAULT_GARBAGE] = {"garbage", 0, 0, 0},
    [SIM_FAULT_USAGE_MISSING] = {"usage-missing", 0, 0, 0},
    [SIM_FAULT_USAGE_NEGATIVE] = {"usage-negative", 0, 0, 0},
    [SIM_FAULT_USAGE_HUGE] = {"usage-huge", 0, 0, 0},
    [SIM_FAULT_USAGE_STRING] = {"usage-string", 0, 0, 0},
    [SIM_FAULT_USAGE_FLOAT] = {"usage-float", 0, 0, 0},
    [SIM_FAULT_NO_DONE] = {"no-done", 0, 0, 0},
    [SIM_FAULT_CRLF] = {"crlf", 0, 0, 0},
    [SIM_FAULT_NOSPACE] = {"nospace", 0, 0, 0},
    [SIM_FAULT_ERROR_MIDSTREAM] = {"error-midstream", 3, 0, 1000000},
    [SIM_FAULT_SLOW] = {"slow", 100, 0, 600000},
    [SIM_FAULT_TOKENS] = {"tokens", 24, 1, 1000000},
    [SIM_FAULT_HUGELINE] = {"hugeline", 1 << 20, 1, 1 << 26},
    [SIM_FAULT_HEADERS_BIG] = {"headers-big", 16384, 1, 1 << 20},
    [SIM_FAULT_REDIRECT] = {"redirect", 0, 0, 0},
    [SIM_FAULT_CLOSE_AFTER] = {"close-after", 0, 0, 0},
    [SIM_FAULT_BYTEWISE] = {"bytewise", 0, 0, 0},
    [SIM_FAULT_DURATION] = {"duration", 60, 1, 1000000},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sim_faults armed;
static _Atomic int64_t armed_count;

static enum sim_fault
by_name(struct tg_str name)
{
    for (enum sim_fault f = SIM_FAULT_NONE + 1; f < SIM_FAULT_COUNT; f++)
        if (name.len == strlen(table[f].name) &&
            memcmp(name.data, table[f].name, name.len) == 0)
            return f;
    return SIM_FAULT_NONE;
}

static int
read_number(struct tg_str text, int64_t *number)
{
    int64_t value = 0;

    if (text.len == 0 || text.len > 15)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        value = value * 10 + (text.data[i] - '0');
    }
    *number = value;
    return 0;
}

static int
add_status(struct sim_faults *faults, struct tg_str arg,
           char why[SIM_FAULT_SENTENCE_BYTES])
{
    if (arg.len >= sizeof(faults->status) || !sim_error_is_known(arg)) {
        snprintf(why, SIM_FAULT_SENTENCE_BYTES,
                 "tollgate-sim: status=%.*s is not known; give 400 to 599 or a "
                 "name from docs/sim.md",
                 (int)(arg.len < 40 ? arg.len : 40), arg.data);
        return -1;
    }
    memcpy(faults->status, arg.data, arg.len);
    faults->status[arg.len] = 0;
    return 0;
}

static int
add_number(struct sim_faults *faults, enum sim_fault fault, struct tg_str arg,
           char why[SIM_FAULT_SENTENCE_BYTES])
{
    int64_t number = table[fault].standard;

    if (arg.len > 0 &&
        (read_number(arg, &number) || number < table[fault].least ||
         number > table[fault].most)) {
        snprintf(why, SIM_FAULT_SENTENCE_BYTES,
                 table[fault].most > 0
                     ? "tollgate-sim: %s takes a number from %lld to %lld"
                     : "tollgate-sim: %s takes no argument",
                 table[fault].name, (long long)table[fault].least,
                 (long long)table[fault].most);
        return -1;
    }
    faults->arg[fault] = number;
    return 0;
}

int
sim_fault_add(struct sim_faults *faults, struct tg_str name, struct tg_str arg,
              char why[SIM_FAULT_SENTENCE_BYTES])
{
    enum sim_fault fault = by_name(name);
    int failed;

    if (fault == SIM_FAULT_NONE) {
        snprintf(why, SIM_FAULT_SENTENCE_BYTES,
                 "tollgate-sim: there is no fault named '%.*s'; docs/sim.md "
                 "lists them",
                 (int)(name.len < 40 ? name.len : 40), name.data);
        return -1;
    }
    failed = fault == SIM_FAULT_STATUS ? add_status(faults, arg, why)
                                       : add_number(faults, fault, arg, why);
    if (!failed)
        faults->set |= 1u << fault;
    return failed;
}

static size_t
span(const char *at, const char *end)
{
    const char *from = at;

    while (at < end && ((*at >= 'a' && *at <= 'z') ||
                        (*at >= '0' && *at <= '9') || *at == '-'))
        at++;
    return (size_t)(at - from);
}

int
sim_fault_scan(struct sim_faults *faults, struct tg_str text,
               char why[SIM_FAULT_SENTENCE_BYTES])
{
    const char *at = text.data, *end = at + text.len;

    while ((at = memmem(at, (size_t)(end - at), "sim:", 4)) != NULL) {
        struct tg_str name, arg = {0};

        at += 4;
        name = (struct tg_str){at, span(at, end)};
        at += name.len;
        if (name.len == 0)
            continue;
        if (at < end && *at == '=') {
            arg = (struct tg_str){at + 1, span(at + 1, end)};
            at += 1 + arg.len;
        }
        if (sim_fault_add(faults, name, arg, why))
            return -1;
    }
    return 0;
}

void
sim_fault_arm(const struct sim_faults *faults, int64_t count)
{
    pthread_mutex_lock(&lock);
    armed = *faults;
    atomic_store(&armed_count, count);
    pthread_mutex_unlock(&lock);
}

static void
merge(struct sim_faults *faults)
{
    for (enum sim_fault f = SIM_FAULT_NONE + 1; f < SIM_FAULT_COUNT; f++) {
        if (!sim_fault_is(&armed, f) || sim_fault_is(faults, f))
            continue;
        faults->set |= 1u << f;
        faults->arg[f] = armed.arg[f];
        if (f == SIM_FAULT_STATUS)
            memcpy(faults->status, armed.status, sizeof(armed.status));
    }
}

void
sim_fault_take(struct sim_faults *faults)
{
    int64_t left;

    if (atomic_load_explicit(&armed_count, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&lock);
    left = atomic_load(&armed_count);
    if (left != 0) {
        merge(faults);
        if (left > 0)
            atomic_store(&armed_count, left - 1);
    }
    pthread_mutex_unlock(&lock);
}
