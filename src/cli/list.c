#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "table.h"

#define PAGE_ROWS 1000 /* the most that the API gives at once */

/* Where a list stands between two pages. */
struct progress {
    size_t wanted; /* 0: all */
    size_t rows;
    char *after;  /* NULL: no further page */
    json_t *data; /* with --json: all of them */
    struct tg_table table;
    void (*shape)(json_t *rows);
    bool has_pages;
    bool is_cut; /* rows of the last page were left out */
    bool is_csv;
};

static char *
page_target(const struct progress *progress, const char *target)
{
    const char *before = strchr(target, '?') != NULL ? "&" : "?";
    size_t rows = PAGE_ROWS;
    char *after, *page = NULL;
    int rc;

    if (!progress->has_pages)
        return tg_own(strdup(target));
    if (progress->wanted != 0 && progress->wanted - progress->rows < rows)
        rows = progress->wanted - progress->rows;
    if (progress->after == NULL) {
        rc = asprintf(&page, "%s%slimit=%zu", target, before, rows);
    } else {
        after = tg_client_escape(progress->after);
        rc = asprintf(&page, "%s%slimit=%zu&after=%s", target, before, rows,
                      after);
        free(after);
    }
    return rc < 0 ? tg_own(NULL) : page;
}

static void
print_rows(struct tg_cli *cli, struct progress *progress, json_t *rows)
{
    if (cli->is_json) {
        json_array_extend(progress->data, rows);
        return;
    }
    if (progress->shape != NULL)
        progress->shape(rows);
    if (progress->is_csv)
        tg_table_csv_rows(cli, progress->table.columns, rows);
    else if (json_array_size(rows) > 0)
        tg_table_rows(&progress->table, rows);
}

static int
take_page(struct tg_cli *cli, struct progress *progress, const json_t *page)
{
    json_t *rows = json_object_get(page, "data");
    const char *next = json_string_value(json_object_get(page, "next"));
    bool has_more = json_is_true(json_object_get(page, "has_more"));
    size_t count;

    if (!json_is_array(rows))
        return tg_say_failed("the answer is not a list: is this tollgate "
                             "older or newer than its daemon?");
    while (progress->wanted != 0 &&
           json_array_size(rows) > progress->wanted - progress->rows) {
        progress->is_cut = true;
        json_array_remove(rows, json_array_size(rows) - 1);
    }
    count = json_array_size(rows);
    print_rows(cli, progress, rows);
    progress->rows += count;
    /* A page may be empty, and yet not the last one. */
    if (progress->after != NULL && next != NULL &&
        strcmp(progress->after, next) == 0)
        has_more = false;
    free(progress->after);
    progress->after = progress->has_pages && has_more && next != NULL
                          ? tg_own(strdup(next))
                          : NULL;
    return TG_EXIT_OK;
}

static int
run_pages(struct tg_cli *cli, struct progress *progress, const char *target)
{
    json_t *page;
    char *url;
    int rc;

    do {
        url = page_target(progress, target);
        rc = tg_client_call(cli, "GET", url, NULL, &page);
        free(url);
        if (rc == TG_EXIT_OK)
            rc = take_page(cli, progress, page);
        json_decref(page);
    } while (rc == TG_EXIT_OK && progress->after != NULL && !ferror(stdout) &&
             (progress->wanted == 0 || progress->rows < progress->wanted));
    return rc;
}

static void
print_json(const struct progress *progress)
{
    json_t *list = json_pack("{s:s, s:O, s:b, s:s?}", "object", "list", "data",
                             progress->data, "has_more",
                             progress->after != NULL || progress->is_cut,
                             "next", progress->after);

    tg_table_json(tg_own(list));
    json_decref(list);
}

static void
finish(const struct tg_cli *cli, const struct progress *progress,
       const struct tg_list *list)
{
    if (cli->is_json)
        print_json(progress);
    else if (progress->rows == 0 && !progress->is_csv && !cli->is_quiet)
        printf("%s\n", list->empty);
    else if (progress->after != NULL || progress->is_cut)
        tg_say_note(cli, "There are more than %s %zu; --limit shows them.",
                    progress->rows == 1 ? "this" : "these", progress->rows);
}

int
tg_list_run(struct tg_cli *cli, const struct tg_list *list)
{
    return tg_list_run_shaped(cli, list, NULL);
}

int
tg_list_run_shaped(struct tg_cli *cli, const struct tg_list *list,
                   void (*shape)(json_t *rows))
{
    const char *limit = tg_args_value(cli, "limit");
    struct progress progress = {
        .wanted = list->limit, .shape = shape, .has_pages = list->has_pages};
    char *target;
    int rc = tg_request_target(cli, list->path, &target);

    if (rc != TG_EXIT_OK)
        return rc;
    if (limit != NULL)
        progress.wanted = strtoull(limit, NULL, 10);
    if (limit != NULL && progress.wanted == 0) {
        free(target);
        return tg_say_usage(cli, "--limit begins at 1");
    }
    progress.is_csv = tg_args_has(cli, "csv");
    progress.data = json_array();
    tg_table_init(&progress.table, cli, list->columns);
    if (progress.is_csv && !cli->is_json)
        tg_table_csv_head(list->columns);
    rc = run_pages(cli, &progress, target);
    if (rc == TG_EXIT_OK)
        finish(cli, &progress, list);
    json_decref(progress.data);
    free(progress.after);
    free(target);
    return rc;
}
