#include "fresh.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "err.h"

#define BYTES_MAX ((size_t)16 << 20)
#define ROOM_LEAST ((size_t)4 << 10)
#define NOWHERE INT64_MAX /* all is read from the store */
#define AHEAD 12          /* so many calls before its own, a key is named */

/* A call; its model and its agent follow, each with a NUL. */
struct entry {
    int64_t seq, at, cost_nanos, tokens;
    struct tg_call_id id;
    uint8_t ip[16];
    char key_id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
    bool is_error;
    uint16_t model_len, agent_len;
};

/* Calls of a transaction.  It does not change while others see it. */
struct chunk {
    struct chunk *next;
    int64_t last_seq;
    size_t len, room; /* of bytes */
    bool is_read;     /* somebody reads it, without the lock */
    bool is_dropped;  /* and frees it then */
    _Alignas(struct entry) uint8_t bytes[];
};

struct tg_fresh {
    pthread_mutex_t lock;
    struct chunk *first, *last;
    size_t bytes;                      /* that those take */
    int64_t from;                      /* all calls behind it are in them */
    int64_t read_to[TG_FRESH_READERS]; /* what each has asked for */
    struct chunk *growing;             /* the one thread's that adds */
    int64_t growing_from;
    bool is_broken; /* what grows lacks a call */
};

struct tg_fresh *
tg_fresh_new(void)
{
    struct tg_fresh *fresh = calloc(1, sizeof(*fresh));

    if (fresh == NULL)
        return NULL;
    pthread_mutex_init(&fresh->lock, NULL);
    fresh->from = NOWHERE;
    return fresh;
}

/* The oldest one goes; who reads it goes on with it. */
static void
drop_first(struct tg_fresh *fresh)
{
    struct chunk *chunk = fresh->first;

    fresh->first = chunk->next;
    if (fresh->first == NULL)
        fresh->last = NULL;
    fresh->bytes -= chunk->room;
    fresh->from = chunk->last_seq;
    chunk->is_dropped = true;
    if (!chunk->is_read)
        free(chunk);
}

static void
drop_all(struct tg_fresh *fresh)
{
    while (fresh->first != NULL)
        drop_first(fresh);
    fresh->from = NOWHERE;
}

void
tg_fresh_free(struct tg_fresh *fresh)
{
    if (fresh == NULL)
        return;
    drop_all(fresh);
    free(fresh->growing);
    pthread_mutex_destroy(&fresh->lock);
    free(fresh);
}

/* Room in what grows for an entry and its texts, or NULL. */
static uint8_t *
make_room(struct tg_fresh *fresh, size_t len)
{
    struct chunk *chunk = fresh->growing;
    size_t used = chunk != NULL ? chunk->len : 0;
    size_t room = chunk != NULL ? chunk->room : 0;

    if (used + len > room) {
        room = room != 0 ? room * 2 : ROOM_LEAST;
        chunk =
            room <= BYTES_MAX ? realloc(chunk, sizeof(*chunk) + room) : NULL;
        if (chunk == NULL)
            return NULL;
        chunk->len = used;
        chunk->room = room;
        fresh->growing = chunk;
    }
    chunk->len += len;
    return chunk->bytes + used;
}

static size_t
size_of(const struct entry *entry)
{
    size_t len = sizeof(*entry) + entry->model_len + 1 + entry->agent_len + 1;

    return (len + _Alignof(struct entry) - 1) & ~(_Alignof(struct entry) - 1);
}

static struct entry
entry_of(const struct tg_record *record, int64_t seq)
{
    const struct tg_call *call = &record->call;
    size_t agent_len = record->agent.len < TG_JOURNAL_AGENT_MAX
                           ? record->agent.len
                           : TG_JOURNAL_AGENT_MAX;
    struct entry entry = {
        .seq = seq,
        .at = call->at_ms,
        .cost_nanos = call->cost_nanos,
        .tokens = (int64_t)call->prompt_tokens + call->completion_tokens,
        .id = call->id,
        .is_error = call->status >= 400 || call->code != 0,
        .model_len = (uint16_t)strnlen(call->model, sizeof(call->model)),
        .agent_len =
            (uint16_t)(agent_len > 0 ? strnlen(record->agent.data, agent_len)
                                     : 0),
    };

    memcpy(entry.ip, call->ip, sizeof(entry.ip));
    memcpy(entry.key_id, call->key_id, strnlen(call->key_id, TG_ID_LEN));
    memcpy(entry.account_id, call->account_id,
           strnlen(call->account_id, TG_ID_LEN));
    return entry;
}

void
tg_fresh_add(struct tg_fresh *fresh, const struct tg_record *record,
             int64_t seq)
{
    struct entry entry = entry_of(record, seq);
    bool is_first = fresh->growing == NULL || fresh->growing->len == 0;
    uint8_t *at = fresh->is_broken ? NULL : make_room(fresh, size_of(&entry));

    fresh->is_broken = at == NULL;
    if (at == NULL)
        return;
    if (is_first)
        fresh->growing_from = seq - 1;
    fresh->growing->last_seq = seq;
    memcpy(at, &entry, sizeof(entry));
    at += sizeof(entry);
    memcpy(at, record->call.model, entry.model_len);
    at[entry.model_len] = '\0';
    at += entry.model_len + 1;
    if (entry.agent_len > 0)
        memcpy(at, record->agent.data, entry.agent_len);
    at[entry.agent_len] = '\0';
}

static void
append(struct tg_fresh *fresh, struct chunk *chunk)
{
    chunk->next = NULL;
    chunk->is_read = chunk->is_dropped = false;
    if (fresh->from == NOWHERE)
        fresh->from = fresh->growing_from;
    if (fresh->last != NULL)
        fresh->last->next = chunk;
    else
        fresh->first = chunk;
    fresh->last = chunk;
    fresh->bytes += chunk->room;
    while (fresh->bytes > BYTES_MAX)
        drop_first(fresh);
}

void
tg_fresh_commit(struct tg_fresh *fresh)
{
    struct chunk *chunk = fresh->growing;

    if (fresh->is_broken) {
        tg_fresh_forget(fresh);
        return;
    }
    if (chunk == NULL)
        return;
    fresh->growing = NULL;
    pthread_mutex_lock(&fresh->lock);
    append(fresh, chunk);
    pthread_mutex_unlock(&fresh->lock);
}

void
tg_fresh_forget(struct tg_fresh *fresh)
{
    free(fresh->growing);
    fresh->growing = NULL;
    fresh->is_broken = false;
    pthread_mutex_lock(&fresh->lock);
    drop_all(fresh);
    pthread_mutex_unlock(&fresh->lock);
}

/* What all readers have behind them goes. */
static void
note_reader(struct tg_fresh *fresh, enum tg_fresh_reader reader, int64_t after)
{
    int64_t least = after;

    fresh->read_to[reader] = after;
    for (int i = 0; i < TG_FRESH_READERS; i++)
        least = fresh->read_to[i] < least ? fresh->read_to[i] : least;
    while (fresh->first != NULL && fresh->first->last_seq <= least)
        drop_first(fresh);
}

/* The chunk with the next call behind that number, held for its reader. */
static struct chunk *
hold(struct tg_fresh *fresh, int64_t after)
{
    struct chunk *chunk = fresh->first;

    while (chunk != NULL && chunk->last_seq <= after)
        chunk = chunk->next;
    if (chunk != NULL)
        chunk->is_read = true;
    return chunk;
}

static void
let_go(struct chunk *chunk)
{
    chunk->is_read = false;
    if (chunk->is_dropped)
        free(chunk);
}

/* A walk over calls, by either reader. */
struct walk {
    enum tg_fresh_reader reader;
    uint32_t left;
    int64_t after; /* the last one that was visited */
    int (*glance)(void *, const struct tg_store_glance *);
    int (*tally)(void *, const struct tg_store_tally *);
    void *arg;
};

static int
show_glance(const struct walk *walk, const struct entry *entry,
            const char *soon)
{
    const char *model = (const char *)(entry + 1);
    char ip[INET6_ADDRSTRLEN];
    struct tg_store_glance row = {
        .seq = entry->seq,
        .at = entry->at,
        .cost_nanos = entry->cost_nanos,
        .id = entry->id,
        .key_id = entry->key_id,
        .account_id = entry->account_id,
        .model = model,
        .ip = tg_address_text(entry->ip, ip),
        .user_agent = model + entry->model_len + 1,
        .soon = soon,
    };

    return walk->glance(walk->arg, &row);
}

static int
show_tally(const struct walk *walk, const struct entry *entry, const char *soon)
{
    struct tg_store_tally row = {
        .seq = entry->seq,
        .at = entry->at,
        .key_id = entry->key_id,
        .account_id = entry->account_id,
        .is_error = entry->is_error,
        .tokens = entry->tokens,
        .soon = soon,
    };

    return walk->tally(walk->arg, &row);
}

/* The one at that byte, which goes on behind it; NULL at the end. */
static const struct entry *
next_entry(const struct chunk *chunk, size_t *at)
{
    const struct entry *entry = (const void *)(chunk->bytes + *at);

    if (*at >= chunk->len)
        return NULL;
    *at += size_of(entry);
    return entry;
}

static int
walk_chunk(struct walk *walk, const struct chunk *chunk)
{
    const struct entry *entry, *later;
    size_t at = 0, ahead = 0;
    int err = 0;

    for (int i = 0; i < AHEAD; i++)
        (void)next_entry(chunk, &ahead);
    while (walk->left > 0 && err == 0 &&
           (entry = next_entry(chunk, &at)) != NULL) {
        const char *soon = "";

        later = next_entry(chunk, &ahead);
        if (later != NULL)
            soon = later->key_id;
        if (entry->seq <= walk->after)
            continue;
        err = walk->reader == TG_FRESH_GLANCE ? show_glance(walk, entry, soon)
                                              : show_tally(walk, entry, soon);
        walk->after = entry->seq;
        walk->left--;
    }
    return err;
}

static int
walk_all(struct tg_fresh *fresh, struct walk *walk)
{
    struct chunk *chunk = NULL;
    int err = 0;

    pthread_mutex_lock(&fresh->lock);
    note_reader(fresh, walk->reader, walk->after);
    if (walk->after < fresh->from)
        err = TG_ERR_NOT_FOUND;
    while (err == 0 && walk->left > 0 && walk->after >= fresh->from &&
           (chunk = hold(fresh, walk->after)) != NULL) {
        pthread_mutex_unlock(&fresh->lock);
        err = walk_chunk(walk, chunk);
        pthread_mutex_lock(&fresh->lock);
        let_go(chunk);
    }
    pthread_mutex_unlock(&fresh->lock);
    return err;
}

int
tg_fresh_glance(struct tg_fresh *fresh, int64_t after, uint32_t limit,
                int (*visit)(void *, const struct tg_store_glance *), void *arg)
{
    struct walk walk = {.reader = TG_FRESH_GLANCE,
                        .left = limit,
                        .after = after,
                        .glance = visit,
                        .arg = arg};

    return walk_all(fresh, &walk);
}

int
tg_fresh_tally(struct tg_fresh *fresh, int64_t after, uint32_t limit,
               int (*visit)(void *, const struct tg_store_tally *), void *arg)
{
    struct walk walk = {.reader = TG_FRESH_TALLY,
                        .left = limit,
                        .after = after,
                        .tally = visit,
                        .arg = arg};

    return walk_all(fresh, &walk);
}
