#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "count.h"

enum { MODELS = 256, NAME_BYTES = 128 };

/* The last row takes the models that find no row of their own. */
static struct {
    char name[NAME_BYTES];
    struct sim_tally tally;
} models[MODELS + 1];

static size_t model_count;
static uint64_t aborted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t requests_seen;
static _Atomic int64_t streams_open;

void
sim_count_seen(void)
{
    atomic_fetch_add_explicit(&requests_seen, 1, memory_order_relaxed);
}

void
sim_count_stream(int change)
{
    atomic_fetch_add_explicit(&streams_open, change, memory_order_relaxed);
}

static const struct {
    const char *name;
    size_t at;
} members[] = {
    {"requests", offsetof(struct sim_tally, requests)},
    {"prompt_tokens", offsetof(struct sim_tally, prompt_tokens)},
    {"prompt_cache_hit_tokens", offsetof(struct sim_tally, cached_tokens)},
    {"completion_tokens", offsetof(struct sim_tally, completion_tokens)},
    {"reasoning_tokens", offsetof(struct sim_tally, reasoning_tokens)},
    {"cache_write_tokens", offsetof(struct sim_tally, cache_write_tokens)},
    {"images", offsetof(struct sim_tally, images)},
    {"audio_ms", offsetof(struct sim_tally, audio_ms)},
    {"characters", offsetof(struct sim_tally, characters)},
};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

_Static_assert(sizeof(struct sim_tally) == MEMBERS * sizeof(uint64_t),
               "every member has its row");

static uint64_t
value(const struct sim_tally *tally, size_t member)
{
    return *(const uint64_t *)((const char *)tally + members[member].at);
}

static void
add(struct sim_tally *to, const struct sim_tally *tally)
{
    for (size_t i = 0; i < MEMBERS; i++)
        *(uint64_t *)((char *)to + members[i].at) += value(tally, i);
}

static struct sim_tally *
row(const char *model)
{
    size_t i;

    for (i = 0; i < model_count; i++)
        if (strcmp(models[i].name, model) == 0)
            return &models[i].tally;
    if (model_count == MODELS)
        model = "(other)";
    else
        model_count++;
    snprintf(models[i].name, NAME_BYTES, "%s", model);
    return &models[i].tally;
}

void
sim_count_call(const char *model, const struct sim_tally *tally,
               bool was_cut_short)
{
    pthread_mutex_lock(&lock);
    add(row(model), tally);
    aborted += was_cut_short;
    pthread_mutex_unlock(&lock);
}

json_t *
sim_count_tally(const struct sim_tally *tally)
{
    json_t *shown = json_object();

    for (size_t i = 0; i < MEMBERS; i++)
        json_object_set_new(shown, members[i].name,
                            json_integer((json_int_t)value(tally, i)));
    return shown;
}

json_t *
sim_count_show(void)
{
    struct sim_tally total = {0};
    json_t *by_model = json_object(), *all;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i <= MODELS && models[i].name[0]; i++) {
        json_object_set_new(by_model, models[i].name,
                            sim_count_tally(&models[i].tally));
        add(&total, &models[i].tally);
    }
    all = json_pack("{s:o,s:o,s:I,s:I,s:I}", "models", by_model, "total",
                    sim_count_tally(&total), "requests_seen",
                    (json_int_t)atomic_load(&requests_seen), "streams_open",
                    (json_int_t)atomic_load(&streams_open), "aborted",
                    (json_int_t)aborted);
    pthread_mutex_unlock(&lock);
    return all;
}

void
sim_count_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(models, 0, sizeof(models));
    model_count = 0;
    aborted = 0;
    atomic_store(&requests_seen, 0);
    pthread_mutex_unlock(&lock);
}
