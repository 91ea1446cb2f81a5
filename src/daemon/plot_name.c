#include <stdio.h>
#include <string.h>

#include "book.h"
#include "civil.h"
#include "plot_part.h"
#include "plural.h"
#include "utf8.h"

/* Marks that turn the direction of text, as UTF-8. */
static const char *const turning[] = {"\u061c", "\u200e", "\u200f", "\u202a",
                                      "\u202b", "\u202c", "\u202d", "\u202e",
                                      "\u2066", "\u2067", "\u2068", "\u2069"};

size_t
tg_plot_named(const struct tg_plot *plot)
{
    return plot->group_count <= TG_CHART_SERIES ? plot->group_count
                                                : TG_PLOT_GROUPS;
}

static bool
is_utf8(const char *text, size_t len)
{
    struct tg_utf8 state = {0};

    return tg_utf8_check(&state, text, len) == len && state.need == 0;
}

/* Names are of strangers: what is not text, or deceives, becomes '?'. */
static void
make_safe(char *text)
{
    bool is_good = is_utf8(text, strlen(text));

    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f ||
            (!is_good && (unsigned char)*at >= 0x80))
            *at = '?';
    }
    for (size_t i = 0; i < sizeof(turning) / sizeof(turning[0]); i++) {
        char *at = text;

        while ((at = strstr(at, turning[i])) != NULL)
            memset(at, '?', strlen(turning[i]));
    }
}

/* Shortens text that was cut to size by snprintf to whole characters. */
static void
end_whole(char *text)
{
    size_t len = strlen(text), back = 0;

    while (back < 4 && back < len && !is_utf8(text, len - back))
        back++;
    if (is_utf8(text, len - back))
        text[len - back] = '\0';
}

struct name {
    char *to;
    size_t size;
};

static void
put_name(struct name *name, const char *text)
{
    snprintf(name->to, name->size, "%s", text != NULL ? text : "");
    end_whole(name->to);
    make_safe(name->to);
}

static int
take_key(void *arg, const struct tg_store_key *row)
{
    put_name(arg, row->name);
    return 0;
}

static int
take_account(void *arg, const struct tg_store_account *row)
{
    put_name(arg, row->name);
    return 0;
}

static int
take_upstream(void *arg, const struct tg_store_upstream *row)
{
    put_name(arg, row->name);
    return 0;
}

/* The name of one of a kind; what has no other is known by its id. */
static void
find_name(struct tg_store *store, enum tg_usage_by by, const char *id,
          char name[TG_PLOT_LABEL_SIZE])
{
    struct name to = {name, TG_PLOT_LABEL_SIZE};

    put_name(&to, id[0] != '\0' ? id : "(none)");
    if (by == TG_BY_KEY)
        store->ops->key_get(store, id, take_key, &to);
    else if (by == TG_BY_ACCOUNT)
        store->ops->account_get(store, id, take_account, &to);
    else if (by == TG_BY_UPSTREAM && id[0] != '\0')
        store->ops->upstream_get(store, id, take_upstream, &to);
}

/* Two of the same name are told apart by their ids. */
static void
tell_apart(struct tg_plot *plot, size_t i)
{
    char *label = plot->groups[i].label;
    size_t len = strlen(label);

    for (size_t k = 0; k < i; k++) {
        if (strcmp(plot->groups[k].label, label) == 0) {
            snprintf(label + len, TG_PLOT_LABEL_SIZE - len, " %s",
                     plot->groups[i].id);
            end_whole(label);
        }
    }
}

static void
name_groups(struct tg_plot *plot, const struct tg_usage_query *query,
            struct tg_store *store)
{
    size_t named = tg_plot_named(plot);

    for (size_t i = 0; i < named; i++) {
        find_name(store, query->question.by, plot->groups[i].id,
                  plot->groups[i].label);
        tell_apart(plot, i);
    }
    if (plot->group_count > named)
        snprintf(plot->groups[named].label, TG_PLOT_LABEL_SIZE, "%zu other%s",
                 plot->group_count - named,
                 tg_plural(plot->group_count - named));
}

static void
add_filter(struct tg_plot *plot, struct tg_store *store, enum tg_usage_by by,
           const char *what, const char *id)
{
    size_t len = strlen(plot->title);
    char name[TG_PLOT_LABEL_SIZE];

    if (id == NULL)
        return;
    find_name(store, by, id, name);
    snprintf(plot->title + len, sizeof(plot->title) - len,
             strcmp(name, id) == 0 ? " · %s %s" : " · %s %s (%s)", what, name,
             id);
    end_whole(plot->title);
}

/* "Usage by model · key search (key_…) · status 429" */
void
tg_plot_name(struct tg_plot *plot, const struct tg_usage_query *query,
             struct tg_store *store)
{
    const struct tg_usage_question *question = &query->question;
    char status[24];
    size_t head;

    if (question->by == TG_BY_TOTAL)
        snprintf(plot->title, sizeof(plot->title), "Usage");
    else
        snprintf(plot->title, sizeof(plot->title), "Usage by %s",
                 query->group->name);
    head = strlen(plot->title);
    snprintf(status, sizeof(status), "%lld", (long long)question->status);
    add_filter(plot, store, TG_BY_ACCOUNT, "account", question->account_id);
    add_filter(plot, store, TG_BY_KEY, "key", question->key_id);
    add_filter(plot, store, TG_BY_MODEL, "model", question->model);
    add_filter(plot, store, TG_BY_SCOPE, "scope", query->scope);
    add_filter(plot, store, TG_BY_UPSTREAM, "upstream", question->upstream_id);
    add_filter(plot, store, TG_BY_STATUS, "status",
               question->status != 0 ? status : NULL);
    if (strlen(plot->title) == head)
        strcat(plot->title, " · all calls");
    name_groups(plot, query, store);
}

/* "2026-11-21 08:00" */
static void
put_local(char *out, size_t size, const struct tg_zone *zone, int64_t at_ms)
{
    char text[TG_CIVIL_TEXT_SIZE] = "";

    tg_civil_format(at_ms + tg_zone_offset_s(zone, at_ms) * INT64_C(1000),
                    text);
    snprintf(out, size, "%.10s %.5s", text, text + 11);
}

void
tg_plot_subtitle(struct tg_plot *plot, const struct tg_usage_query *query)
{
    const char *span = query->spans.span->name;
    char from[24], to[24], zone[64];
    struct name name = {zone, sizeof(zone)};

    put_name(&name, query->timezone);
    put_local(from, sizeof(from), &query->zone, query->question.since);
    put_local(to, sizeof(to), &query->zone, query->question.until);
    snprintf(plot->subtitle, sizeof(plot->subtitle),
             "%s – %s · per %s · %s · %s", from, to,
             strcmp(span, "15m") == 0 ? "15 minutes" : span, zone,
             TG_BOOK_CURRENCY);
}
