#include "daemon.h"

#include <sys/eventfd.h>
#include <time.h>

#define CATCH_UP_S 1

bool
tg_daemon_catch_up(struct tg_daemon *daemon)
{
    struct timespec until;
    uint64_t pass;
    bool is_fine;
    int err = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CATCH_UP_S;
    pthread_mutex_lock(&daemon->pass_lock);
    /* One that runs already may have read too early. */
    pass = daemon->passes_begun + 1;
    (void)eventfd_write(daemon->wake_fd, 1);
    while (daemon->passes_ended < pass && err == 0)
        err = pthread_cond_timedwait(&daemon->pass_ended, &daemon->pass_lock,
                                     &until);
    is_fine = daemon->last_fine >= pass;
    pthread_mutex_unlock(&daemon->pass_lock);
    return is_fine;
}

uint64_t
tg_daemon_pass_begin(struct tg_daemon *daemon)
{
    eventfd_t waiting;
    uint64_t pass;

    pthread_mutex_lock(&daemon->pass_lock);
    (void)eventfd_read(daemon->wake_fd, &waiting);
    pass = ++daemon->passes_begun;
    pthread_mutex_unlock(&daemon->pass_lock);
    return pass;
}

void
tg_daemon_pass_end(struct tg_daemon *daemon, uint64_t pass, bool is_fine)
{
    pthread_mutex_lock(&daemon->pass_lock);
    if (is_fine)
        daemon->last_fine = pass;
    daemon->passes_ended = pass;
    pthread_cond_broadcast(&daemon->pass_ended);
    pthread_mutex_unlock(&daemon->pass_lock);
}

int
tg_daemon_begin(struct tg_daemon *daemon, struct tg_store *store)
{
    int err;

    atomic_fetch_add(&daemon->writers_waiting, 1);
    pthread_mutex_lock(&daemon->write_lock);
    atomic_fetch_sub(&daemon->writers_waiting, 1);
    err = store->ops->begin(store);
    if (err != 0)
        pthread_mutex_unlock(&daemon->write_lock);
    return err;
}

int
tg_daemon_end(struct tg_daemon *daemon, struct tg_store *store, int err)
{
    if (err == 0)
        err = store->ops->commit(store);
    if (err != 0)
        store->ops->rollback(store);
    pthread_mutex_unlock(&daemon->write_lock);
    return err;
}
