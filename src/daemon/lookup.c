#include "lookup.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"

#define HANGING_MAX 16

static _Atomic int running;

/* Shared by who asks and the thread that does: the last one frees it. */
struct task {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done, is_left;
    int result; /* of getaddrinfo */
    int err;
    struct tg_lookup found;
    char host[256];
};

static void
free_task(struct task *task)
{
    pthread_cond_destroy(&task->done);
    pthread_mutex_destroy(&task->lock);
    free(task);
}

static bool
take_ip(const struct addrinfo *item, uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (item->ai_family == AF_INET6) {
        memcpy(ip, &((struct sockaddr_in6 *)item->ai_addr)->sin6_addr, 16);
        return true;
    }
    if (item->ai_family != AF_INET)
        return false;
    memcpy(ip, mapped, sizeof(mapped));
    memcpy(ip + sizeof(mapped),
           &((struct sockaddr_in *)item->ai_addr)->sin_addr, 4);
    return true;
}

static int
take_all(struct tg_lookup *found, const struct addrinfo *item)
{
    uint8_t ip[16];

    for (; item != NULL; item = item->ai_next) {
        if (!take_ip(item, ip))
            continue;
        if (found->count == TG_LOOKUP_ADDRESSES)
            return TG_ERR_LIMIT;
        memcpy(found->ips[found->count++], ip, sizeof(ip));
    }
    return found->count == 0 ? TG_ERR_NOT_FOUND : 0;
}

static void *
run(void *arg)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct task *task = arg;
    bool is_left;

    task->result = getaddrinfo(task->host, NULL, &hints, &list);
    task->err =
        task->result != 0 ? TG_ERR_NOT_FOUND : take_all(&task->found, list);
    if (list != NULL)
        freeaddrinfo(list);
    atomic_fetch_sub(&running, 1);
    pthread_mutex_lock(&task->lock);
    task->is_done = true;
    is_left = task->is_left;
    pthread_cond_signal(&task->done);
    pthread_mutex_unlock(&task->lock);
    if (is_left)
        free_task(task);
    return NULL;
}

static int
begin(struct task *task)
{
    pthread_attr_t attr;
    pthread_t thread;
    int result;

    if (atomic_fetch_add(&running, 1) >= HANGING_MAX) {
        atomic_fetch_sub(&running, 1);
        return TG_ERR_BUSY;
    }
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    result = pthread_create(&thread, &attr, run, task);
    pthread_attr_destroy(&attr);
    if (result != 0)
        atomic_fetch_sub(&running, 1);
    return result == 0 ? 0 : TG_ERR_BUSY;
}

/* Whether it is done; else the thread frees the task. */
static bool
await(struct task *task, uint32_t timeout_ms)
{
    struct timespec until;
    bool is_done;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&task->lock);
    while (!task->is_done && result != ETIMEDOUT)
        result = pthread_cond_clockwait(&task->done, &task->lock,
                                        CLOCK_MONOTONIC, &until);
    is_done = task->is_done;
    task->is_left = !is_done;
    pthread_mutex_unlock(&task->lock);
    return is_done;
}

static int
say(const struct task *task, const char *host, struct tg_error *error)
{
    if (task->err == TG_ERR_LIMIT)
        return tg_error_set(error, task->err,
                            "%.200s has more than %d addresses", host,
                            TG_LOOKUP_ADDRESSES);
    return tg_error_set(
        error, task->err, "the host %.200s was not found: %s", host,
        task->result != 0 ? gai_strerror(task->result) : "it has no address");
}

int
tg_lookup(struct tg_lookup *found, const char *host, uint32_t timeout_ms,
          struct tg_error *error)
{
    struct task *task = calloc(1, sizeof(*task));
    int err;

    if (task == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    if (strlen(host) >= sizeof(task->host)) {
        free(task);
        return tg_error_set(error, TG_ERR_NOT_FOUND,
                            "the host's name is too long");
    }
    strcpy(task->host, host);
    pthread_mutex_init(&task->lock, NULL);
    pthread_cond_init(&task->done, NULL);
    if (begin(task) != 0) {
        free_task(task);
        return tg_error_set(error, TG_ERR_BUSY,
                            "%d names are being looked up already and do not "
                            "come back; does the resolver answer?",
                            HANGING_MAX);
    }
    if (!await(task, timeout_ms))
        return tg_error_set(error, TG_ERR_BUSY,
                            "the resolver did not say in time where %.200s is",
                            host);
    err = task->err;
    if (err == 0)
        *found = task->found;
    else
        say(task, host, error);
    free_task(task);
    return err;
}
