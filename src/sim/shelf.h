/*
 * shelf.h: the objects that calls leave behind: files, uploads, batches, jobs.
 *
 * In memory and bounded: of more than 1024 objects, or 64 MiB in them, the
 * oldest go.  One thread at a time: whoever touches an object holds the lock.
 */
#ifndef SIM_SHELF_H
#define SIM_SHELF_H

#include <jansson.h>
#include <stdint.h>

#include "str.h"

enum sim_kind {
    SIM_KIND_NONE = 0,
    SIM_KIND_FILE,
    SIM_KIND_UPLOAD,
    SIM_KIND_PART, /* of an upload */
    SIM_KIND_BATCH,
    SIM_KIND_JOB,
};

struct sim_object {
    enum sim_kind kind;
    json_t *shown;  /* as it is answered; "id" is a member */
    json_t *events; /* what became of a job, the newest first; or NULL */
    char *data;     /* of a file or a part */
    size_t data_bytes;
};

void sim_shelf_lock(void);
void sim_shelf_unlock(void);

/* Takes over shown and copies data.  The object lives until it is dropped or
 * pushed out by a later one; NULL when memory is short. */
struct sim_object *sim_shelf_put(enum sim_kind kind, json_t *shown,
                                 struct tg_str data);

/* The object of that kind and id, or NULL. */
struct sim_object *sim_shelf_find(enum sim_kind kind, struct tg_str id);

/* All of a kind as they are shown, the newest first; the caller owns it. */
json_t *sim_shelf_list(enum sim_kind kind);

void sim_shelf_drop(struct sim_object *object);

/* Drops all.  Takes the lock itself. */
void sim_shelf_reset(void);

#endif
