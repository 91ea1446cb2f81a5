/*
 * tollgate-draw: reads {"sheet":{…},"format":"png","width":…} on standard
 * input and writes a picture to standard output.  Run by tg_chart_draw.
 *
 * Before the picture stands a line: "ok" and how many characters have no shape,
 * or why it failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "err.h"
#include "picture.h"

#define SECONDS_MAX 30 /* of the processor */

static int
fail(const char *why)
{
    printf("error %s\n", why);
    return 1;
}

static void
read_form(const json_t *json, struct tg_chart_form *form)
{
    const char *format = json_string_value(json_object_get(json, "format"));
    json_int_t width = 0, height = 0, scale = 0;

    *form = (struct tg_chart_form){0};
    json_unpack((json_t *)json, "{s:I,s:I,s:I}", "width", &width, "height",
                &height, "scale", &scale);
    form->format = format != NULL && strcmp(format, "svg") == 0 ? TG_CHART_SVG
                                                                : TG_CHART_PNG;
    form->width = (int)width;
    form->height = (int)height;
    form->scale = (int)scale;
}

static int
give(const struct tg_chart_picture *picture)
{
    printf("ok %zu\n", picture->unknown);
    fwrite(picture->bytes, 1, picture->len, stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

int
main(void)
{
    struct rlimit limit = {SECONDS_MAX, SECONDS_MAX};
    json_t *json = json_loadf(stdin, 0, NULL);
    struct tg_chart_picture picture;
    struct tg_chart_form form;
    struct tg_chart_copy copy;
    char why[256];
    int err;

    setrlimit(RLIMIT_CPU, &limit);
    read_form(json, &form);
    err = tg_chart_read(&copy, json_incref(json_object_get(json, "sheet")));
    if (err != 0)
        err = fail("the sheet cannot be read");
    else if (tg_picture_draw(&copy.sheet, &form, &picture, why, sizeof(why)))
        err = fail(why);
    else
        err = give(&picture);
    if (err == 0)
        free(picture.bytes);
    tg_chart_release(&copy);
    json_decref(json);
    return err;
}
