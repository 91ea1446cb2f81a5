/* Uploads: files that come in parts. */
#include "form.h"
#include "objects.h"

enum { LIFE_S = 3600 };

int
sim_uploads_create(struct sim_order *order)
{
    const char *filename, *purpose, *media;
    json_int_t bytes;
    json_t *body, *upload;

    if (sim_order_json(order, &body))
        return -1;
    if (json_unpack(body, "{s:s,s:s,s:s,s:I}", "filename", &filename, "purpose",
                    &purpose, "mime_type", &media, "bytes", &bytes)) {
        json_decref(body);
        return sim_order_fail(order, 400,
                              "filename, purpose, bytes and mime_type are "
                              "required properties");
    }
    upload =
        json_pack("{s:o,s:s,s:I,s:I,s:s,s:s,s:s,s:I}", "id",
                  sim_order_id(order, "upload_"), "object", "upload", "bytes",
                  bytes, "created_at", (json_int_t)order->now_s, "filename",
                  filename, "purpose", purpose, "status", "pending",
                  "expires_at", (json_int_t)order->now_s + LIFE_S);
    json_decref(body);
    return sim_shelf_put(SIM_KIND_UPLOAD, upload, (struct tg_str){0})
               ? sim_order_show(order, upload)
               : sim_order_fail(order, 500, "Out of memory");
}

/* Finds the upload, which must be pending. */
static int
find(struct sim_order *order, struct sim_object **upload)
{
    const char *status;

    if (sim_order_find(order, SIM_KIND_UPLOAD, upload))
        return -1;
    status = json_string_value(json_object_get((*upload)->shown, "status"));
    if (strcmp(status, "pending") == 0)
        return 0;
    return sim_order_fail(order, 400, "Upload is already %s.", status);
}

int
sim_uploads_part(struct sim_order *order)
{
    struct sim_object *upload;
    struct sim_form form;
    struct sim_form_part part;
    struct tg_str data = {0};
    json_t *shown;

    if (find(order, &upload))
        return -1;
    if (!sim_form_init(&form, order->request))
        while (sim_form_next(&form, &part) > 0)
            if (tg_str_eq(part.name, TG_STR("data")))
                data = part.data;
    if (form.fault || !data.data)
        return sim_order_fail(order, 400, "%s",
                              form.fault ? form.fault
                                         : "'data' is a required property");
    shown = json_pack("{s:o,s:s,s:I,s:O}", "id", sim_order_id(order, "part_"),
                      "object", "upload.part", "created_at",
                      (json_int_t)order->now_s, "upload_id",
                      json_object_get(upload->shown, "id"));
    return sim_shelf_put(SIM_KIND_PART, shown, data)
               ? sim_order_show(order, shown)
               : sim_order_fail(order, 500, "Out of memory");
}

/* Appends the part called id, if it is one of the upload's. */
static int
take_part(struct sim_order *order, const struct sim_object *upload,
          const json_t *id, struct sim_buf *whole)
{
    struct sim_object *part = NULL;

    if (json_is_string(id))
        part = sim_shelf_find(
            SIM_KIND_PART,
            (struct tg_str){json_string_value(id), json_string_length(id)});
    if (!part || !json_equal(json_object_get(part->shown, "upload_id"),
                             json_object_get(upload->shown, "id")))
        return sim_order_fail(order, 400, "No such Part object");
    sim_buf_add(whole, part->data, part->data_bytes);
    return 0;
}

static int
join(struct sim_order *order, const struct sim_object *upload,
     const json_t *ids, struct sim_buf *whole)
{
    const json_t *id;
    size_t i;

    json_array_foreach(ids, i,
                       id) if (take_part(order, upload, id, whole)) return -1;
    if (json_integer_value(json_object_get(upload->shown, "bytes")) !=
        (json_int_t)whole->len)
        return sim_order_fail(order, 400,
                              "The parts have %zu bytes, which is not the "
                              "size of the upload.",
                              whole->len);
    return 0;
}

static void
set_status(struct sim_object *upload, const char *status)
{
    json_object_set_new(upload->shown, "status", json_string(status));
}

int
sim_uploads_complete(struct sim_order *order)
{
    struct sim_object *upload;
    struct sim_buf whole = {0};
    json_t *body, *file = NULL;
    int failed;

    if (find(order, &upload) || sim_order_json(order, &body))
        return -1;
    failed =
        json_is_array(json_object_get(body, "part_ids"))
            ? join(order, upload, json_object_get(body, "part_ids"), &whole)
            : sim_order_fail(order, 400, "'part_ids' is a required property");
    json_decref(body);
    if (!failed) {
        json_t *shown = json_incref(upload->shown);

        set_status(upload, "completed");
        file = sim_files_make(order,
                              json_incref(json_object_get(shown, "filename")),
                              json_incref(json_object_get(shown, "purpose")),
                              (struct tg_str){whole.data, whole.len});
        json_object_set(shown, "file", file);
        failed = sim_order_show(order, shown);
        json_decref(shown);
    }
    sim_buf_release(&whole);
    return failed;
}

int
sim_uploads_cancel(struct sim_order *order)
{
    struct sim_object *upload;

    if (find(order, &upload))
        return -1;
    set_status(upload, "cancelled");
    return sim_order_show(order, upload->shown);
}
