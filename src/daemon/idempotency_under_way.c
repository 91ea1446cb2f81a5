#include "idempotency_part.h"

#include <string.h>

#define UNDER_WAY_MAX 64

/* Those that are being handled: the daemon's one list. */
static struct {
    pthread_mutex_t lock;
    struct under_way {
        char operator_id[TG_ID_TEXT_SIZE]; /* "": free */
        struct tg_digest key;
    } rows[UNDER_WAY_MAX];
} under_way = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct under_way *
find_under_way(const char *operator_id, const struct tg_digest *key)
{
    for (size_t i = 0; i < UNDER_WAY_MAX; i++) {
        struct under_way *row = &under_way.rows[i];

        if (strcmp(row->operator_id, operator_id) == 0 &&
            (operator_id[0] == '\0' || tg_digest_is_equal(&row->key, key)))
            return row;
    }
    return NULL;
}

bool
tg_idempotency_enter(const struct tg_request *request,
                     const struct tg_digest *key)
{
    struct under_way *row;
    bool is_mine;

    pthread_mutex_lock(&under_way.lock);
    row = find_under_way("", key);
    is_mine = row != NULL && find_under_way(request->operator.id, key) == NULL;
    if (is_mine) {
        strcpy(row->operator_id, request->operator.id);
        row->key = *key;
    }
    pthread_mutex_unlock(&under_way.lock);
    return is_mine;
}

void
tg_idempotency_leave(const struct tg_request *request,
                     const struct tg_digest *key)
{
    struct under_way *row;

    pthread_mutex_lock(&under_way.lock);
    row = find_under_way(request->operator.id, key);
    if (row != NULL)
        row->operator_id[0] = '\0';
    pthread_mutex_unlock(&under_way.lock);
}
