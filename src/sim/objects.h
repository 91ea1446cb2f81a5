/*
 * objects.h: the endpoints that keep something: files, uploads, batches and
 * fine-tuning jobs (OpenAI's client 7.5.0).  Nothing is computed in them.
 */
#ifndef SIM_OBJECTS_H
#define SIM_OBJECTS_H

#include "errors.h"
#include "request.h"
#include "shelf.h"

/* One call: what it asks for, and what came of it. */
struct sim_order {
    const struct sim_request *request;
    enum sim_dialect dialect;
    uint64_t *random;
    int64_t now_s;
    struct tg_str id;    /* from the path, or empty */
    struct sim_buf *out; /* takes the body of a 200 */
    enum sim_media media;
    struct sim_error error; /* what went wrong; message is sentence's */
    struct sim_buf sentence;
};

/* Says whether a path without /v1 belongs here, in that dialect. */
bool sim_objects_has(enum sim_dialect dialect, struct tg_str path);

/* Carries an order out; path is without /v1.  The name that it is counted
 * under, "(files)", "(batches)" or "(fine_tuning)", with the body in out; or
 * NULL with error set.  The caller releases sentence. */
const char *sim_objects_answer(struct sim_order *order, struct tg_str path);

/* For the handlers.  Each returns 0, or -1 with order->error set. */
int sim_order_fail(struct sim_order *order, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends shown, which stays the caller's. */
int sim_order_show(struct sim_order *order, const json_t *shown);

/* Appends a list, which it takes over. */
int sim_order_list(struct sim_order *order, json_t *data);

/* Finds what the path names; or fails with 404. */
int sim_order_find(struct sim_order *order, enum sim_kind kind,
                   struct sim_object **object);

/* Reads the body as a JSON object, which is the caller's. */
int sim_order_json(struct sim_order *order, json_t **body);

/* A fresh id with that front. */
json_t *sim_order_id(struct sim_order *order, const char *front);

/* The handlers, each of one row. */
int sim_files_list(struct sim_order *order);
int sim_files_create(struct sim_order *order);
int sim_files_show(struct sim_order *order);
int sim_files_delete(struct sim_order *order);
int sim_files_content(struct sim_order *order);
int sim_uploads_create(struct sim_order *order);
int sim_uploads_part(struct sim_order *order);
int sim_uploads_complete(struct sim_order *order);
int sim_uploads_cancel(struct sim_order *order);
int sim_batches_list(struct sim_order *order);
int sim_batches_create(struct sim_order *order);
int sim_batches_show(struct sim_order *order);
int sim_batches_cancel(struct sim_order *order);
int sim_jobs_list(struct sim_order *order);
int sim_jobs_create(struct sim_order *order);
int sim_jobs_show(struct sim_order *order);
int sim_jobs_cancel(struct sim_order *order);
int sim_jobs_pause(struct sim_order *order);
int sim_jobs_resume(struct sim_order *order);
int sim_jobs_events(struct sim_order *order);
int sim_jobs_checkpoints(struct sim_order *order);

/* Makes a file of data; takes filename and purpose over.  What it is shown as
 * is the shelf's; NULL when memory is short. */
json_t *sim_files_make(struct sim_order *order, json_t *filename,
                       json_t *purpose, struct tg_str data);

#endif
