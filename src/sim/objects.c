#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "noise.h"
#include "objects.h"

#define IN(dialect) (1u << (dialect))
#define FILES (IN(SIM_OPENAI) | IN(SIM_DEEPSEEK))
#define OPENAI IN(SIM_OPENAI)

/* A `*` in a path stands for an id. */
static const struct {
    const char *method;
    const char *path;
    unsigned dialects;
    const char *counted_as;
    int (*answer)(struct sim_order *);
} routes[] = {
    {"GET", "/files", FILES, "(files)", sim_files_list},
    {"POST", "/files", FILES, "(files)", sim_files_create},
    {"GET", "/files/*", FILES, "(files)", sim_files_show},
    {"DELETE", "/files/*", FILES, "(files)", sim_files_delete},
    {"GET", "/files/*/content", OPENAI, "(files)", sim_files_content},
    {"POST", "/uploads", OPENAI, "(files)", sim_uploads_create},
    {"POST", "/uploads/*/parts", OPENAI, "(files)", sim_uploads_part},
    {"POST", "/uploads/*/complete", OPENAI, "(files)", sim_uploads_complete},
    {"POST", "/uploads/*/cancel", OPENAI, "(files)", sim_uploads_cancel},
    {"GET", "/batches", OPENAI, "(batches)", sim_batches_list},
    {"POST", "/batches", OPENAI, "(batches)", sim_batches_create},
    {"GET", "/batches/*", OPENAI, "(batches)", sim_batches_show},
    {"POST", "/batches/*/cancel", OPENAI, "(batches)", sim_batches_cancel},
    {"GET", "/fine_tuning/jobs", OPENAI, "(fine_tuning)", sim_jobs_list},
    {"POST", "/fine_tuning/jobs", OPENAI, "(fine_tuning)", sim_jobs_create},
    {"GET", "/fine_tuning/jobs/*", OPENAI, "(fine_tuning)", sim_jobs_show},
    {"POST", "/fine_tuning/jobs/*/cancel", OPENAI, "(fine_tuning)",
     sim_jobs_cancel},
    {"POST", "/fine_tuning/jobs/*/pause", OPENAI, "(fine_tuning)",
     sim_jobs_pause},
    {"POST", "/fine_tuning/jobs/*/resume", OPENAI, "(fine_tuning)",
     sim_jobs_resume},
    {"GET", "/fine_tuning/jobs/*/events", OPENAI, "(fine_tuning)",
     sim_jobs_events},
    {"GET", "/fine_tuning/jobs/*/checkpoints", OPENAI, "(fine_tuning)",
     sim_jobs_checkpoints},
};

enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* Says whether path is of that pattern; *id is what stands for its `*`. */
static bool
is_path(struct tg_str path, const char *pattern, struct tg_str *id)
{
    const char *at = path.data, *end = path.data + path.len;

    *id = (struct tg_str){0};
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            id->data = at;
            while (at < end && *at != '/')
                at++;
            id->len = (size_t)(at - id->data);
            if (id->len == 0)
                return false;
        } else if (at == end || *at++ != *pattern) {
            return false;
        }
    }
    return at == end;
}

bool
sim_objects_has(enum sim_dialect dialect, struct tg_str path)
{
    struct tg_str id;

    for (size_t i = 0; i < ROUTES; i++)
        if ((routes[i].dialects & IN(dialect)) &&
            is_path(path, routes[i].path, &id))
            return true;
    return false;
}

const char *
sim_objects_answer(struct sim_order *order, struct tg_str path)
{
    struct tg_str method = order->request->method;
    int failed;

    for (size_t i = 0; i < ROUTES; i++) {
        if (!(routes[i].dialects & IN(order->dialect)) ||
            !tg_str_eq(method, (struct tg_str){routes[i].method,
                                               strlen(routes[i].method)}) ||
            !is_path(path, routes[i].path, &order->id))
            continue;
        sim_shelf_lock();
        failed = routes[i].answer(order);
        sim_shelf_unlock();
        return failed ? NULL : routes[i].counted_as;
    }
    sim_order_fail(order, 405, "Not allowed to %.*s this path.",
                   (int)method.len, method.data);
    return NULL;
}

int
sim_order_fail(struct sim_order *order, int status, const char *format, ...)
{
    va_list ap;
    char *text = NULL;
    int len;

    va_start(ap, format);
    len = vasprintf(&text, format, ap);
    va_end(ap);
    order->sentence.len = 0;
    if (len > 0)
        sim_buf_add(&order->sentence, text, (size_t)len);
    free(text);
    order->error = (struct sim_error){
        .status = status,
        .type = "invalid_request_error",
        .message = {order->sentence.data, order->sentence.len}};
    return -1;
}

int
sim_order_show(struct sim_order *order, const json_t *shown)
{
    char *text = json_dumps(shown, JSON_COMPACT);

    if (text)
        sim_buf_add(order->out, text, strlen(text));
    free(text);
    return 0;
}

static json_t *
id_at(json_t *data, size_t place)
{
    json_t *id = json_object_get(json_array_get(data, place), "id");

    return id ? json_incref(id) : json_null();
}

int
sim_order_list(struct sim_order *order, json_t *data)
{
    json_t *first = id_at(data, 0);
    json_t *last = id_at(data, json_array_size(data) - 1);
    json_t *list =
        json_pack("{s:s,s:o,s:o,s:o,s:b}", "object", "list", "data", data,
                  "first_id", first, "last_id", last, "has_more", 0);

    sim_order_show(order, list);
    json_decref(list);
    return 0;
}

int
sim_order_find(struct sim_order *order, enum sim_kind kind,
               struct sim_object **object)
{
    static const char *const words[] = {
        [SIM_KIND_FILE] = "No such File object",
        [SIM_KIND_UPLOAD] = "No such Upload object",
        [SIM_KIND_PART] = "No such Part object",
        [SIM_KIND_BATCH] = "No batch found with id",
        [SIM_KIND_JOB] = "Could not find fine tune",
    };

    *object = sim_shelf_find(kind, order->id);
    if (*object)
        return 0;
    return sim_order_fail(order, 404, "%s: %.*s", words[kind],
                          (int)order->id.len, order->id.data);
}

int
sim_order_json(struct sim_order *order, json_t **body)
{
    struct tg_str text = order->request->body;
    json_error_t error;

    *body = json_loadb(text.len ? text.data : "", text.len, 0, &error);
    if (json_is_object(*body))
        return 0;
    json_decref(*body);
    return sim_order_fail(order, 400,
                          "We could not parse the JSON body of your request.");
}

json_t *
sim_order_id(struct sim_order *order, const char *front)
{
    return json_sprintf("%s%016llx%08llx", front,
                        (unsigned long long)sim_noise_draw(order->random),
                        (unsigned long long)sim_noise_draw(order->random) >>
                            32);
}
