/* Fine-tuning jobs: they are begun, paused, resumed and cancelled, and never
 * done.  A look at a new one finds it running. */
#include "objects.h"

static const char *
status(const struct sim_object *job)
{
    return json_string_value(json_object_get(job->shown, "status"));
}

/* Notes what became of the job, and when. */
static void
note(struct sim_order *order, struct sim_object *job, const char *what)
{
    json_t *event = json_pack("{s:s,s:o,s:I,s:s,s:s,s:s,s:{}}", "object",
                              "fine_tuning.job.event", "id",
                              sim_order_id(order, "ftevent-"), "created_at",
                              (json_int_t)order->now_s, "level", "info",
                              "message", what, "type", "message", "data");

    if (!job->events)
        job->events = json_array();
    json_array_insert_new(job->events, 0, event);
}

static void
move(struct sim_order *order, struct sim_object *job, const char *to)
{
    json_object_set_new(job->shown, "status", json_string(to));
    note(order, job, to);
}

static json_t *
given(const json_t *body, const char *name)
{
    json_t *value = json_object_get(body, name);

    return value ? json_incref(value) : json_null();
}

static json_t *
make(struct sim_order *order, const json_t *body, const char *model,
     const char *file)
{
    return json_pack(
        "{s:s,s:o,s:s,s:I,s:n,s:s,s:[],s:s,s:s,s:o,s:{s:s,s:s,s:s},s:n,s:n,"
        "s:n,s:n,s:[],s:o,s:i,s:{s:s}}",
        "object", "fine_tuning.job", "id", sim_order_id(order, "ftjob-"),
        "model", model, "created_at", (json_int_t)order->now_s,
        "fine_tuned_model", "organization_id", "org-sim", "result_files",
        "status", "validating_files", "training_file", file, "validation_file",
        given(body, "validation_file"), "hyperparameters", "n_epochs", "auto",
        "batch_size", "auto", "learning_rate_multiplier", "auto",
        "trained_tokens", "error", "finished_at", "estimated_finish",
        "integrations", "metadata", given(body, "metadata"), "seed", 0,
        "method", "type", "supervised");
}

int
sim_jobs_create(struct sim_order *order)
{
    const char *model, *file;
    struct sim_object *job;
    json_t *body;

    if (sim_order_json(order, &body))
        return -1;
    if (json_unpack(body, "{s:s,s:s}", "model", &model, "training_file",
                    &file)) {
        json_decref(body);
        return sim_order_fail(
            order, 400, "model and training_file are required properties");
    }
    job = sim_shelf_put(SIM_KIND_JOB, make(order, body, model, file),
                        (struct tg_str){0});
    json_decref(body);
    if (!job)
        return sim_order_fail(order, 500, "Out of memory");
    note(order, job, "created");
    return sim_order_show(order, job->shown);
}

int
sim_jobs_show(struct sim_order *order)
{
    struct sim_object *job;

    if (sim_order_find(order, SIM_KIND_JOB, &job))
        return -1;
    if (strcmp(status(job), "validating_files") == 0)
        move(order, job, "running");
    return sim_order_show(order, job->shown);
}

/* Moves the job to a status, unless it is at one where it cannot. */
static int
change(struct sim_order *order, const char *to, bool (*may)(const char *from))
{
    struct sim_object *job;

    if (sim_order_find(order, SIM_KIND_JOB, &job))
        return -1;
    if (!may(status(job)))
        return sim_order_fail(order, 400,
                              "Job has status %s and cannot become %s.",
                              status(job), to);
    move(order, job, to);
    if (strcmp(to, "cancelled") == 0)
        json_object_set_new(job->shown, "finished_at",
                            json_integer((json_int_t)order->now_s));
    return sim_order_show(order, job->shown);
}

static bool
is_not_over(const char *from)
{
    return strcmp(from, "cancelled") != 0;
}

static bool
is_paused(const char *from)
{
    return strcmp(from, "paused") == 0;
}

static bool
is_going(const char *from)
{
    return is_not_over(from) && !is_paused(from);
}

int
sim_jobs_cancel(struct sim_order *order)
{
    return change(order, "cancelled", is_not_over);
}

int
sim_jobs_pause(struct sim_order *order)
{
    return change(order, "paused", is_going);
}

int
sim_jobs_resume(struct sim_order *order)
{
    return change(order, "running", is_paused);
}

int
sim_jobs_events(struct sim_order *order)
{
    struct sim_object *job;

    return sim_order_find(order, SIM_KIND_JOB, &job)
               ? -1
               : sim_order_list(order, json_incref(job->events));
}

int
sim_jobs_checkpoints(struct sim_order *order)
{
    struct sim_object *job;

    return sim_order_find(order, SIM_KIND_JOB, &job)
               ? -1
               : sim_order_list(order, json_array());
}

int
sim_jobs_list(struct sim_order *order)
{
    return sim_order_list(order, sim_shelf_list(SIM_KIND_JOB));
}
