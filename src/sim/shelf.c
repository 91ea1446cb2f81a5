#include <pthread.h>
#include <stdlib.h>

#include "shelf.h"

enum { MOST = 1024, MOST_BYTES = 64 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sim_object *all[MOST]; /* the oldest first */
static size_t count;
static size_t bytes;

void
sim_shelf_lock(void)
{
    pthread_mutex_lock(&lock);
}

void
sim_shelf_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static void
drop_at(size_t place)
{
    struct sim_object *object = all[place];

    count--;
    memmove(&all[place], &all[place + 1], (count - place) * sizeof(all[0]));
    bytes -= object->data_bytes;
    json_decref(object->shown);
    json_decref(object->events);
    free(object->data);
    free(object);
}

void
sim_shelf_drop(struct sim_object *object)
{
    for (size_t i = 0; i < count; i++)
        if (all[i] == object) {
            drop_at(i);
            return;
        }
}

struct sim_object *
sim_shelf_put(enum sim_kind kind, json_t *shown, struct tg_str data)
{
    struct sim_object *object = calloc(1, sizeof(*object));
    char *copy = malloc(data.len + 1);

    if (!object || !copy) {
        free(object);
        free(copy);
        json_decref(shown);
        return NULL;
    }
    if (data.len > 0)
        memcpy(copy, data.data, data.len);
    *object = (struct sim_object){
        .kind = kind, .shown = shown, .data = copy, .data_bytes = data.len};
    while (count == MOST || (count > 0 && bytes + data.len > MOST_BYTES))
        drop_at(0);
    all[count++] = object;
    bytes += data.len;
    return object;
}

struct sim_object *
sim_shelf_find(enum sim_kind kind, struct tg_str id)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *own = json_object_get(all[i]->shown, "id");

        if (all[i]->kind == kind &&
            tg_str_eq(id, (struct tg_str){json_string_value(own),
                                          json_string_length(own)}))
            return all[i];
    }
    return NULL;
}

json_t *
sim_shelf_list(enum sim_kind kind)
{
    json_t *list = json_array();

    for (size_t i = count; i-- > 0;)
        if (all[i]->kind == kind)
            json_array_append(list, all[i]->shown);
    return list;
}

void
sim_shelf_reset(void)
{
    sim_shelf_lock();
    while (count > 0)
        drop_at(count - 1);
    sim_shelf_unlock();
}
