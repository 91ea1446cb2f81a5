/*
 * A writer killed at random instructions, a million publications long, never
 * shows eight readers a policy that is torn or missing.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "state_test.h"
#include "tap.h"

#define READERS 8
#define PUBLICATIONS 1000000

struct shared {
    _Atomic int is_over;
    _Atomic long reads, torn, missing, backwards;
};

static struct tg_state state;
static struct shared *shared;
static struct tg_key_policy base;

/* A policy whose every part says the same number. */
static struct tg_key_policy
numbered(uint32_t n)
{
    struct tg_key_policy policy = base;

    policy.requests_per_second = n;
    policy.requests_per_minute = n;
    policy.tokens_per_minute = n;
    policy.daily_nanos = n;
    policy.monthly_nanos = n;
    policy.created_at_ms = n;
    policy.secrets[1].valid_until_ms = n;
    memset(policy.reserved1, (int)(n & 255), sizeof(policy.reserved1));
    return policy;
}

static bool
is_whole(const struct tg_key_policy *policy)
{
    struct tg_key_policy want = numbered(policy->requests_per_second);

    return memcmp(policy, &want, sizeof(want)) == 0;
}

static void
read_on(const char *dir)
{
    struct tg_digest digest;
    struct tg_key_policy policy;
    uint32_t slot, last = 0;
    uint64_t seq;

    /* More of the machine is the writer's: it has a million things to do. */
    if (nice(10) == -1)
        _exit(1);
    test_open(&state, dir);
    digest = test_digest(7);
    while (!atomic_load(&shared->is_over)) {
        atomic_fetch_add(&shared->reads, 1);
        if (tg_state_lookup(&state, &digest, &slot) != 0 ||
            tg_state_key(&state, slot, &policy, &seq) != 0) {
            atomic_fetch_add(&shared->missing, 1);
            continue;
        }
        if (!is_whole(&policy))
            atomic_fetch_add(&shared->torn, 1);
        if (policy.requests_per_second < last)
            atomic_fetch_add(&shared->backwards, 1);
        last = policy.requests_per_second;
    }
    _exit(0);
}

static uint64_t
publications(void)
{
    return atomic_load(&state.keys[0].seq);
}

/* Publishes from where its predecessor was killed. */
static void
write_on(const char *dir)
{
    struct tg_publisher *publisher;
    uint32_t slot;

    test_open(&state, dir);
    if (tg_publisher_open(&publisher, &state) != 0)
        _exit(1);
    for (uint32_t n = (uint32_t)publications();; n++) {
        struct tg_key_policy policy = numbered(n);

        if (tg_publish_key(publisher, &policy, &slot) != 0)
            _exit(1);
    }
}

static pid_t
start(void (*work)(const char *), const char *dir)
{
    pid_t pid = fork();

    if (pid == 0)
        work(dir);
    return pid;
}

static void
wait_ns(long ns)
{
    struct timespec pause = {0, ns};

    nanosleep(&pause, NULL);
}

int
main(void)
{
    char *dir = test_dir();
    struct tg_publisher *publisher;
    struct tg_key_policy first;
    pid_t readers[READERS], writer;
    uint32_t slot;
    int kills = 0, status, failed = 0;
    unsigned seed = (unsigned)time(NULL);

    printf("# seed %u\n", seed);
    srandom(seed);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test_create(&state, dir, 100);
    base = test_key(7);
    first = numbered(0);
    tg_publisher_open(&publisher, &state);
    tg_publish_key(publisher, &first, &slot);
    tg_publisher_close(publisher);

    for (int i = 0; i < READERS; i++)
        readers[i] = start(read_on, dir);
    while (publications() < PUBLICATIONS && !failed) {
        writer = start(write_on, dir);
        wait_ns(20000 + random() % 2000000);
        kill(writer, SIGKILL);
        waitpid(writer, &status, 0);
        failed = WIFEXITED(status);
        kills++;
    }
    atomic_store(&shared->is_over, 1);
    for (int i = 0; i < READERS; i++)
        waitpid(readers[i], NULL, 0);

    printf("# %llu publications, %d kills, %ld reads\n",
           (unsigned long long)publications(), kills, shared->reads);
    ok(!failed, "every new writer takes over what the killed one left");
    ok(publications() >= PUBLICATIONS, "a million publications");
    ok(kills > 10, "the writer was killed again and again");
    ok(shared->reads > 100000, "the readers read all the while");
    is_int(shared->torn, 0, "no policy was torn");
    is_int(shared->missing, 0, "no policy was missing");
    is_int(shared->backwards, 0, "no policy came back");
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
