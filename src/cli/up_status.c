#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cli.h"
#include "plural.h"
#include "private.h"
#include "say.h"
#include "up.h"
#include "up_health.h"
#include "up_home.h"
#include "up_options.h"
#include "up_process.h"

#define PIDS_MAX 256

struct status {
    struct tg_up_home home;
    char url[80];
    pid_t up; /* 0 when it does not run; so below */
    pid_t daemon;
    pid_t nginx;
    pid_t workers[PIDS_MAX];
    size_t worker_count;
    json_t *health;  /* NULL when the daemon did not answer */
    char cause[512]; /* why */
};

static void
find_children(struct status *status)
{
    pid_t pids[PIDS_MAX];
    size_t count = tg_process_children(status->up, pids, PIDS_MAX);

    for (size_t i = 0; i < count && i < PIDS_MAX; i++) {
        if (tg_process_is(pids[i], "nginx: master")) {
            status->nginx = pids[i];
        } else if (!tg_process_is(pids[i], "nginx: ")) {
            status->daemon = pids[i];
        }
    }
}

static void
find_workers(struct status *status)
{
    pid_t pids[PIDS_MAX];
    size_t count = tg_process_children(status->nginx, pids, PIDS_MAX);

    for (size_t i = 0; i < count && i < PIDS_MAX; i++) {
        if (tg_process_is(pids[i], "nginx: worker process")) {
            status->workers[status->worker_count++] = pids[i];
        }
    }
}

static void
find_out(struct status *status)
{
    bool is_there;

    status->up = tg_up_holder(&status->home);
    if (status->up == 0) {
        return;
    }
    if (tg_private_read_line(status->home.url_file, false, status->url,
                             sizeof(status->url), &is_there) != 0) {
        status->url[0] = '\0';
    }
    find_children(status);
    if (status->nginx != 0) {
        find_workers(status);
    }
    status->health =
        tg_up_health(&status->home.paths, status->cause, sizeof(status->cause));
}

static json_t *
pid_or_null(pid_t pid)
{
    return pid != 0 ? json_integer(pid) : json_null();
}

static json_t *
text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *
to_json(const struct status *status)
{
    json_t *workers = json_array();

    for (size_t i = 0; i < status->worker_count; i++) {
        json_array_append_new(workers, json_integer(status->workers[i]));
    }
    return json_pack("{ss sb so ss so s{so so so} s{so so}}", "object",
                     "status", "running", status->up != 0, "pid",
                     pid_or_null(status->up), "home", status->home.paths.home,
                     "url", text_or_null(status->url), "daemon", "pid",
                     pid_or_null(status->daemon), "health",
                     status->health ? json_incref(status->health) : json_null(),
                     "error", text_or_null(status->cause), "nginx", "pid",
                     pid_or_null(status->nginx), "workers", workers);
}

static void
print_json(const struct status *status)
{
    json_t *object = to_json(status);

    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

/* Credentials that upstreams refuse. */
static void
print_refused(const struct status *status)
{
    json_t *list = json_object_get(
        json_object_get(status->health, "credentials"), "rejected");
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        printf("refused   %s, by the upstream %s with status %lld\n",
               json_string_value(json_object_get(item, "id")),
               json_string_value(json_object_get(item, "upstream")),
               (long long)json_integer_value(
                   json_object_get(item, "last_status")));
    }
}

/* A disk that does not take the journal. */
static void
print_journal(const struct status *status)
{
    json_t *journal = json_object_get(status->health, "journal");
    const char *state = json_string_value(json_object_get(journal, "status"));

    if (state == NULL || strcmp(state, "ok") == 0) {
        return;
    }
    printf("journal   the disk does not keep it (%s)%s\n",
           json_string_value(json_object_get(journal, "cause")),
           strcmp(state, "shut") == 0 ? ": calls are refused" : "");
}

static void
print_text(const struct status *status)
{
    if (status->up == 0) {
        printf("not running on %s; to start it: tollgate up\n",
               status->home.paths.home);
        return;
    }
    printf("running   %s\n", status->url);
    printf("home      %s\n", status->home.paths.home);
    printf("up        pid %d\n", (int)status->up);
    if (status->health != NULL) {
        printf("daemon    pid %d, healthy\n", (int)status->daemon);
    } else if (status->daemon != 0) {
        printf("daemon    pid %d, %s\n", (int)status->daemon, status->cause);
    } else {
        printf("daemon    down; it is started again by itself\n");
    }
    print_refused(status);
    print_journal(status);
    if (status->nginx == 0) {
        printf("nginx     down; it is started again by itself\n");
    } else {
        printf("nginx     pid %d, %zu worker%s\n", (int)status->nginx,
               status->worker_count, tg_plural(status->worker_count));
    }
}

static int
exit_status_of(const struct status *status)
{
    if (status->up == 0) {
        return TG_EXIT_FAILED;
    }
    return status->health != NULL ? TG_EXIT_OK : TG_EXIT_UNREACHABLE;
}

int
tg_cli_status(int argc, char **argv)
{
    static struct status status;
    struct tg_up_options options;
    int exit_status;

    if (!tg_up_options_parse(&options, "hj", argc, argv, &exit_status)) {
        return exit_status;
    }
    memset(&status, 0, sizeof(status));
    if (access(options.home, F_OK) != 0) {
        /* Nothing was ever started there: show it as it was named. */
        snprintf(status.home.paths.home, sizeof(status.home.paths.home), "%s",
                 options.home);
    } else if (tg_up_home_open(&status.home, options.home, false) != 0) {
        return TG_EXIT_FAILED;
    } else {
        find_out(&status);
    }
    if (options.is_json) {
        print_json(&status);
    } else if (!options.is_quiet) {
        print_text(&status);
    }
    exit_status = exit_status_of(&status);
    json_decref(status.health);
    return exit_status;
}
