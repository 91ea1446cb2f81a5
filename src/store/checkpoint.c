#include "checkpoint.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "sqlite.h"

/* Frames of the WAL, a page each: the first begins the thread's turns. */
#define FIRST_TURN 3500
#define SECOND_TURN 7000
#define REST 8000  /* the writer copies what is left, if nobody does yet */
#define MOST 24000 /* the writer waits: a disk that is too slow */

struct tg_checkpoint {
    sqlite3 *db;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool is_wanted, is_over;
    pthread_mutex_t turn; /* whoever copies has it */
    int turns;            /* since the WAL began; the writer's */
};

/* What fails, as a disk that is full, fails again where somebody is told. */
static void
copy(struct tg_checkpoint *checkpoint, sqlite3 *db)
{
    pthread_mutex_lock(&checkpoint->turn);
    sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL,
                              NULL);
    pthread_mutex_unlock(&checkpoint->turn);
}

static void *
run(void *arg)
{
    struct tg_checkpoint *checkpoint = arg;

    pthread_mutex_lock(&checkpoint->lock);
    for (;;) {
        while (!checkpoint->is_wanted && !checkpoint->is_over)
            pthread_cond_wait(&checkpoint->wake, &checkpoint->lock);
        if (checkpoint->is_over)
            break;
        checkpoint->is_wanted = false;
        pthread_mutex_unlock(&checkpoint->lock);
        copy(checkpoint, checkpoint->db);
        pthread_mutex_lock(&checkpoint->lock);
    }
    pthread_mutex_unlock(&checkpoint->lock);
    return NULL;
}

static void
want(struct tg_checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->is_wanted = true;
    pthread_cond_signal(&checkpoint->wake);
    pthread_mutex_unlock(&checkpoint->lock);
}

/* After a commit, which is in the WAL and synced: nothing here undoes it. */
static int
look(void *arg, sqlite3 *db, const char *name, int frames)
{
    static const int turns_at[] = {FIRST_TURN, SECOND_TURN};
    struct tg_checkpoint *checkpoint = arg;

    (void)name;
    if (frames < FIRST_TURN)
        checkpoint->turns = 0;
    if (frames >= MOST) {
        copy(checkpoint, db);
    } else if (frames >= REST) {
        if (pthread_mutex_trylock(&checkpoint->turn) != 0)
            return SQLITE_OK;
        sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL,
                                  NULL);
        pthread_mutex_unlock(&checkpoint->turn);
    } else if (checkpoint->turns < 2 && frames >= turns_at[checkpoint->turns]) {
        checkpoint->turns++;
        want(checkpoint);
    }
    return SQLITE_OK;
}

/* Signals are the main thread's. */
static int
begin_thread(struct tg_checkpoint *checkpoint)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&checkpoint->thread, NULL, run, checkpoint);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int
tg_checkpoint_beside(struct tg_store *store, const char *path,
                     struct tg_error *error)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    struct tg_checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    int result = checkpoint == NULL
                     ? SQLITE_NOMEM
                     : sqlite3_open_v2(
                           path, &checkpoint->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_exec(checkpoint->db,
                              "PRAGMA synchronous = FULL; "
                              "PRAGMA schema_version",
                              NULL, NULL, NULL);
    if (result == SQLITE_OK) {
        pthread_mutex_init(&checkpoint->lock, NULL);
        pthread_mutex_init(&checkpoint->turn, NULL);
        pthread_cond_init(&checkpoint->wake, NULL);
        result = begin_thread(checkpoint);
    }
    if (result != 0) {
        if (checkpoint != NULL)
            sqlite3_close(checkpoint->db);
        free(checkpoint);
        return tg_error_set(error, TG_ERR_SYSTEM,
                            "the store %s has no thread of its own", path);
    }
    db->checkpoint = checkpoint;
    sqlite3_wal_hook(db->db, look, checkpoint);
    return 0;
}

void
tg_checkpoint_end(struct tg_checkpoint *checkpoint)
{
    if (checkpoint == NULL)
        return;
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->is_over = true;
    pthread_cond_signal(&checkpoint->wake);
    pthread_mutex_unlock(&checkpoint->lock);
    pthread_join(checkpoint->thread, NULL);
    sqlite3_close(checkpoint->db);
    pthread_mutex_destroy(&checkpoint->lock);
    pthread_mutex_destroy(&checkpoint->turn);
    pthread_cond_destroy(&checkpoint->wake);
    free(checkpoint);
}
