/* Files: what was sent can be had again. */
#include "form.h"
#include "objects.h"
#include "shown.h"

/* What POST /files must hold. */
struct parts {
    struct sim_form_part file;
    struct tg_str purpose;
};

static void
take(struct parts *parts, const struct sim_form_part *part)
{
    if (tg_str_eq(part->name, TG_STR("file")) && part->filename.data)
        parts->file = *part;
    if (tg_str_eq(part->name, TG_STR("purpose")))
        parts->purpose = part->data;
}

static int
read_parts(struct sim_order *order, struct parts *parts)
{
    struct sim_form form;
    struct sim_form_part part;

    if (!sim_form_init(&form, order->request))
        while (sim_form_next(&form, &part) > 0)
            take(parts, &part);
    if (form.fault)
        return sim_order_fail(order, 400, "%s", form.fault);
    if (!parts->file.filename.data)
        return sim_order_fail(order, 400, "'file' is a required property");
    if (parts->purpose.len == 0)
        return sim_order_fail(order, 400, "'purpose' is a required property");
    return 0;
}

json_t *
sim_files_make(struct sim_order *order, json_t *filename, json_t *purpose,
               struct tg_str data)
{
    json_t *file = json_pack(
        "{s:o,s:s,s:I,s:I,s:n,s:o,s:o,s:s,s:n}", "id",
        sim_order_id(order,
                     order->dialect == SIM_DEEPSEEK ? "file-api-" : "file-"),
        "object", "file", "bytes", (json_int_t)data.len, "created_at",
        (json_int_t)order->now_s, "expires_at", "filename", filename, "purpose",
        purpose, "status", "processed", "status_details");

    return sim_shelf_put(SIM_KIND_FILE, file, data) ? file : NULL;
}

static int
show_made(struct sim_order *order, const json_t *made)
{
    return made ? sim_order_show(order, made)
                : sim_order_fail(order, 500, "Out of memory");
}

int
sim_files_create(struct sim_order *order)
{
    struct parts parts = {0};

    if (read_parts(order, &parts))
        return -1;
    return show_made(
        order, sim_files_make(order, sim_shown_text(parts.file.filename),
                              sim_shown_text(parts.purpose), parts.file.data));
}

int
sim_files_list(struct sim_order *order)
{
    return sim_order_list(order, sim_shelf_list(SIM_KIND_FILE));
}

int
sim_files_show(struct sim_order *order)
{
    struct sim_object *file;

    return sim_order_find(order, SIM_KIND_FILE, &file)
               ? -1
               : sim_order_show(order, file->shown);
}

int
sim_files_delete(struct sim_order *order)
{
    struct sim_object *file;
    json_t *shown;

    if (sim_order_find(order, SIM_KIND_FILE, &file))
        return -1;
    shown = json_pack("{s:O,s:s,s:b}", "id", json_object_get(file->shown, "id"),
                      "object", "file", "deleted", 1);
    sim_shelf_drop(file);
    sim_order_show(order, shown);
    json_decref(shown);
    return 0;
}

int
sim_files_content(struct sim_order *order)
{
    struct sim_object *file;

    if (sim_order_find(order, SIM_KIND_FILE, &file))
        return -1;
    sim_buf_add(order->out, file->data, file->data_bytes);
    order->media = SIM_MEDIA_BYTES;
    return 0;
}
