/* Batches: they are begun and cancelled, and never done.  Each look at one
 * moves it a step on. */
#include "objects.h"

enum { DAY_S = 86400 };

static json_t *
make(struct sim_order *order, json_t *body, const char *file,
     const char *endpoint, const char *window)
{
    json_t *metadata = json_object_get(body, "metadata");
    json_t *batch = json_pack(
        "{s:o,s:s,s:s,s:n,s:s,s:s,s:s,s:n,s:n,s:I,s:I}", "id",
        sim_order_id(order, "batch_"), "object", "batch", "endpoint", endpoint,
        "errors", "input_file_id", file, "completion_window", window, "status",
        "validating", "output_file_id", "error_file_id", "created_at",
        (json_int_t)order->now_s, "expires_at",
        (json_int_t)order->now_s + DAY_S);
    static const char *const later[] = {
        "in_progress_at", "finalizing_at", "completed_at", "failed_at",
        "expired_at",     "cancelling_at", "cancelled_at"};

    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
        json_object_set_new(batch, later[i], json_null());
    json_object_set_new(
        batch, "request_counts",
        json_pack("{s:i,s:i,s:i}", "total", 0, "completed", 0, "failed", 0));
    json_object_set(batch, "metadata", metadata ? metadata : json_null());
    return batch;
}

int
sim_batches_create(struct sim_order *order)
{
    const char *file, *endpoint, *window;
    json_t *body, *batch;

    if (sim_order_json(order, &body))
        return -1;
    if (json_unpack(body, "{s:s,s:s,s:s}", "input_file_id", &file, "endpoint",
                    &endpoint, "completion_window", &window)) {
        json_decref(body);
        return sim_order_fail(order, 400,
                              "input_file_id, endpoint and completion_window "
                              "are required properties");
    }
    batch = make(order, body, file, endpoint, window);
    json_decref(body);
    return sim_shelf_put(SIM_KIND_BATCH, batch, (struct tg_str){0})
               ? sim_order_show(order, batch)
               : sim_order_fail(order, 500, "Out of memory");
}

static const char *
status(const struct sim_object *batch)
{
    return json_string_value(json_object_get(batch->shown, "status"));
}

static void
move(const struct sim_order *order, struct sim_object *batch, const char *to,
     const char *stamp)
{
    json_object_set_new(batch->shown, "status", json_string(to));
    json_object_set_new(batch->shown, stamp,
                        json_integer((json_int_t)order->now_s));
}

int
sim_batches_show(struct sim_order *order)
{
    struct sim_object *batch;

    if (sim_order_find(order, SIM_KIND_BATCH, &batch))
        return -1;
    if (strcmp(status(batch), "validating") == 0)
        move(order, batch, "in_progress", "in_progress_at");
    else if (strcmp(status(batch), "cancelling") == 0)
        move(order, batch, "cancelled", "cancelled_at");
    return sim_order_show(order, batch->shown);
}

int
sim_batches_cancel(struct sim_order *order)
{
    struct sim_object *batch;

    if (sim_order_find(order, SIM_KIND_BATCH, &batch))
        return -1;
    if (strncmp(status(batch), "cancel", 6) == 0)
        return sim_order_fail(order, 409,
                              "Cannot cancel a batch with status '%s'.",
                              status(batch));
    move(order, batch, "cancelling", "cancelling_at");
    return sim_order_show(order, batch->shown);
}

int
sim_batches_list(struct sim_order *order)
{
    return sim_order_list(order, sim_shelf_list(SIM_KIND_BATCH));
}
