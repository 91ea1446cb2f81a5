#include "daemon.h"

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
