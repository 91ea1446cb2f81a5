#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "err.h"
#include "log.h"
#include "plot.h"

#define DEFAULT_DAYS 30

enum format { PNG = 0, SVG, JSON };

static const struct {
    const char *name, *type;
} formats[] = {
    [PNG] = {"png", "image/png"},
    [SVG] = {"svg", "image/svg+xml"},
    [JSON] = {"json", NULL},
};

struct wish {
    enum format format;
    struct tg_chart_form form;
};

static bool
read_number(const struct tg_request *request, struct tg_reply *reply,
            const char *name, int least, int most, int *value)
{
    const char *text = tg_request_argument(request, name);
    size_t len = text != NULL ? strlen(text) : 0;

    if (text == NULL)
        return true;
    if (len >= 1 && len <= 5 && strspn(text, "0123456789") == len)
        *value = atoi(text);
    else
        *value = -1;
    return (*value >= least && *value <= most) ||
           tg_reply_invalid(reply, name, "%s is a number from %d to %d", name,
                            least, most);
}

static bool
read_format(const struct tg_request *request, struct tg_reply *reply,
            enum format *format)
{
    const char *text = tg_request_argument(request, "format");

    *format = PNG;
    if (text == NULL)
        return true;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(text, formats[i].name) == 0) {
            *format = (enum format)i;
            return true;
        }
    }
    return tg_reply_invalid(reply, "format", "format is png, svg or json");
}

static bool
read_wish(struct wish *wish, const struct tg_request *request,
          struct tg_reply *reply)
{
    struct tg_chart_form *form = &wish->form;

    *form = (struct tg_chart_form){.width = 1600, .height = 1200, .scale = 1};
    if (!read_format(request, reply, &wish->format) ||
        !read_number(request, reply, "width", TG_CHART_WIDTH_MIN,
                     TG_CHART_WIDTH_MAX, &form->width) ||
        !read_number(request, reply, "height", TG_CHART_HEIGHT_MIN,
                     TG_CHART_HEIGHT_MAX, &form->height) ||
        !read_number(request, reply, "scale", 1, TG_CHART_SCALE_MAX,
                     &form->scale))
        return false;
    if (wish->format == SVG)
        form->format = TG_CHART_SVG;
    return tg_chart_form_is_good(form) ||
           tg_reply_invalid(reply, "scale",
                            "so many times %d by %d are more pixels than a "
                            "picture may have, which is 4000 by 3000",
                            form->width, form->height);
}

static void
draw(const struct tg_chart_sheet *sheet, const struct wish *wish,
     struct tg_reply *reply)
{
    struct tg_chart_picture picture;
    char why[256];
    int err = tg_chart_draw(sheet, &wish->form, &picture, why, sizeof(why));

    if (err != 0) {
        tg_log(TG_LOG_ERROR, "a plot cannot be drawn: %s", why);
        tg_reply_error(reply, 503, "plot_unavailable", NULL,
                       "the plot cannot be drawn: %s", why);
        return;
    }
    if (picture.unknown > 0)
        tg_log(TG_LOG_WARNING,
               "no font has %zu characters of a plot: apt-get install "
               "fonts-wqy-microhei has Chinese ones",
               picture.unknown);
    tg_reply_bytes(reply, 200, formats[wish->format].type, picture.bytes,
                   picture.len);
}

static json_t *
plot_json(const struct tg_plot *plot, const struct tg_usage_query *query)
{
    json_t *object = json_pack("{s:s,s:o,s:o,s:s}", "object", "usage_plot",
                               "from", tg_reply_instant(query->question.since),
                               "to", tg_reply_instant(query->question.until),
                               "by", query->spans.span->name);
    json_t *sheet = tg_chart_json(&plot->sheet);

    json_object_update(object, sheet);
    json_decref(sheet);
    return object;
}

static bool
refuse(struct tg_reply *reply, const struct tg_store *store, int err)
{
    if (err == TG_ERR_LIMIT)
        return tg_reply_invalid(
            reply, "by",
            "that is more than a plot has room for, which is %d points in "
            "time; ask of less time (since, until), in longer spans (by), or "
            "of fewer groups",
            TG_CHART_POINTS);
    return tg_reply_store(reply, store, err, "usage");
}

/* What the store has to say, with its connection; true when all is there. */
static bool
ask(struct tg_plot *plot, struct tg_usage_query *query, struct wish *wish,
    const struct tg_request *request, struct tg_reply *reply)
{
    struct tg_store *store = request->daemon->reports;
    int err;

    if (!tg_usage_query_read(query, request, store, reply, "total",
                             DEFAULT_DAYS) ||
        !read_wish(wish, request, reply))
        return false;
    err = tg_plot_ask(plot, query, store);
    return err == 0 || refuse(reply, store, err);
}

static void
answer(struct tg_plot *plot, const struct tg_usage_query *query,
       const struct wish *wish, struct tg_reply *reply)
{
    int err = tg_plot_make(plot, query);

    if (err == TG_ERR_LIMIT)
        refuse(reply, NULL, err);
    else if (err != 0)
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "there is no memory");
    else if (wish->format == JSON)
        tg_reply_json(reply, 200, plot_json(plot, query));
    else
        draw(&plot->sheet, wish, reply);
}

void
tg_admin_plot(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_usage_query query;
    struct tg_plot *plot = calloc(1, sizeof(*plot));
    struct wish wish;
    bool is_good;

    if (plot == NULL) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "there is no memory");
        return;
    }
    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    is_good = ask(plot, &query, &wish, request, reply);
    pthread_mutex_unlock(&daemon->reports_lock);
    if (is_good)
        answer(plot, &query, &wish, reply);
    tg_plot_release(plot);
    free(plot);
    tg_usage_query_close(&query);
}
