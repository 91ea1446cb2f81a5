#include "picture.h"

#include <cairo-svg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "paint.h"

struct bytes {
    char *data;
    size_t len, cap;
};

static cairo_status_t
take(void *arg, const unsigned char *data, unsigned len)
{
    struct bytes *bytes = arg;
    size_t cap = bytes->cap > 0 ? bytes->cap : 65536;
    char *grown;

    while (cap < bytes->len + len)
        cap *= 2;
    if (cap > bytes->cap) {
        grown = realloc(bytes->data, cap);
        if (grown == NULL)
            return CAIRO_STATUS_NO_MEMORY;
        bytes->data = grown;
        bytes->cap = cap;
    }
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *
surface_of(const struct tg_chart_form *form, struct bytes *bytes)
{
    cairo_surface_t *surface;

    if (form->format == TG_CHART_PNG)
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                          form->width * form->scale,
                                          form->height * form->scale);
    surface = cairo_svg_surface_create_for_stream(take, bytes, form->width,
                                                  form->height);
    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
    return surface;
}

static cairo_status_t
paint(const struct tg_layout *layout, const struct tg_chart_form *form,
      struct tg_pen *pen, struct bytes *bytes)
{
    cairo_surface_t *surface = surface_of(form, bytes);
    cairo_t *to = cairo_create(surface);
    cairo_status_t status;

    if (form->format == TG_CHART_PNG)
        cairo_scale(to, form->scale, form->scale);
    tg_paint(layout, pen, to);
    status = cairo_status(to);
    if (status == CAIRO_STATUS_SUCCESS && form->format == TG_CHART_PNG)
        status = cairo_surface_write_to_png_stream(surface, take, bytes);
    cairo_destroy(to);
    cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

static int
fail(char *why, size_t size, int err, const char *sentence)
{
    snprintf(why, size, "%s", sentence);
    return err;
}

static int
draw(const struct tg_chart_sheet *sheet, const struct tg_chart_form *form,
     struct tg_pen *pen, struct tg_chart_picture *picture, char *why,
     size_t size)
{
    struct tg_layout *layout = malloc(sizeof(*layout));
    struct bytes bytes = {0};
    cairo_status_t status;

    if (layout == NULL)
        return fail(why, size, TG_ERR_SYSTEM, "there is no memory");
    tg_layout_init(layout, sheet, form, pen);
    picture->unknown = layout->unknown;
    status = paint(layout, form, pen, &bytes);
    tg_layout_release(layout);
    free(layout);
    if (status != CAIRO_STATUS_SUCCESS) {
        free(bytes.data);
        return fail(why, size, TG_ERR_SYSTEM, cairo_status_to_string(status));
    }
    picture->bytes = bytes.data;
    picture->len = bytes.len;
    return 0;
}

int
tg_picture_draw(const struct tg_chart_sheet *sheet,
                const struct tg_chart_form *form,
                struct tg_chart_picture *picture, char *why, size_t size)
{
    struct tg_pen pen;
    int err;

    *picture = (struct tg_chart_picture){0};
    if (!tg_chart_form_is_good(form))
        return fail(why, size, TG_ERR_RANGE, "the picture is too large");
    if (tg_pen_open(&pen))
        err = draw(sheet, form, &pen, picture, why, size);
    else
        err = fail(why, size, TG_ERR_NOT_FOUND,
                   "no font is installed: apt-get install fonts-dejavu-core "
                   "fonts-wqy-microhei");
    tg_pen_close(&pen);
    return err;
}
