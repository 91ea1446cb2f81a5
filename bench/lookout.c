/*
 * lookout.c: what watching calls costs, behind ingest.
 *
 * Looks through the store that bench-ingest left behind, as the daemon does
 * once a second, and times tg_lookout_pass until it has read all calls.  Prints
 * a name and a number a line; CPU is that of the watching thread, with what it
 * keeps.
 *
 *     bench-lookout FOLDER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lookout.h"
#include "raise.h"

#define PASSES_MAX 100000
#define PASS_MS 1000

static struct tg_daemon tested;
static uint64_t told;

/* Whoever is told, it is not what is measured. */
int
tg_signal_raise(struct tg_daemon *daemon, const struct tg_signal *signal)
{
    (void)daemon;
    (void)signal;
    told++;
    return 0;
}

static double
seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

__attribute__((noreturn)) static void
die(const char *why)
{
    fprintf(stderr, "bench-lookout: %s\n", why);
    exit(1);
}

/* How far it has read, as the store knows. */
static int64_t
read_so_far(struct tg_store *store)
{
    int64_t seq = 0;

    if (store->ops->watched(store, &seq) != 0)
        die(store->error.text);
    return seq;
}

int
main(int argc, char **argv)
{
    int64_t first, last, now_ms = 0;
    struct tg_store *store;
    struct tg_error error;
    double cpu;

    if (argc != 2) {
        fprintf(stderr, "usage: bench-lookout FOLDER\n");
        return 2;
    }
    snprintf(tested.paths.store, sizeof(tested.paths.store), "%s/store.db",
             argv[1]);
    pthread_mutex_init(&tested.write_lock, NULL);
    atomic_store(&tested.responses.learning_calls, 20);
    if (tg_store_open_sqlite(&store, tested.paths.store, &error) != 0)
        die(error.text);
    if (store->ops->call_span(store, &first, &last) != 0 || last == 0)
        die("there are no calls");
    if (store->ops->begin(store) != 0 ||
        store->ops->watched_set(store, 0, 0) != 0 ||
        store->ops->commit(store) != 0)
        die(store->error.text);
    cpu = seconds();
    for (int i = 0; i < PASSES_MAX && read_so_far(store) < last; i++)
        tg_lookout_pass(&tested, store, now_ms += PASS_MS);
    cpu = seconds() - cpu;
    if (read_so_far(store) < last)
        die("it does not come to the end");
    tg_lookout_free(&tested);
    store->ops->close(store);
    printf("lookout_ns %.0f\n", cpu / (double)(last - first + 1) * 1e9);
    printf("lookout_told %llu\n", (unsigned long long)told);
    return 0;
}
