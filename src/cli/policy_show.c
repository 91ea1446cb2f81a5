#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "glyph.h"
#include "own.h"
#include "policy.h"

#define PROGRESS_MS 100

/* How a step is shown; its colour, as on most terminals. */
static const struct {
    const char *mark, *word, *color;
} verbs[TG_POLICY_VERBS] = {
    [TG_POLICY_LEAVE] = {" ", "leave", ""},
    [TG_POLICY_CREATE] = {"+", "create", "\033[32m"},
    [TG_POLICY_CHANGE] = {"~", "change", "\033[33m"},
    [TG_POLICY_DELETE] = {"-", "delete", "\033[31m"},
};

static void
put_safe(const char *text)
{
    char *safe = tg_glyph_safe(text);

    fputs(safe, stdout);
    free(safe);
}

static void
put_value(const json_t *value)
{
    char *text = tg_own(json_dumps(value != NULL ? value : json_null(),
                                   JSON_ENCODE_ANY | JSON_COMPACT));

    put_safe(text);
    free(text);
}

/* Of a list, what goes and what comes. */
static void
put_list_change(const json_t *before, const json_t *after)
{
    const json_t *sides[] = {before, after};

    for (int side = 0; side < 2; side++) {
        const json_t *item, *other;
        size_t i, j;

        json_array_foreach((json_t *)sides[side], i, item)
        {
            bool is_kept = false;

            json_array_foreach((json_t *)sides[!side], j, other) is_kept =
                is_kept || json_equal((json_t *)item, (json_t *)other);
            if (is_kept)
                continue;
            fputs(side == 0 ? " -" : " +", stdout);
            put_safe(json_string_value(item));
        }
    }
}

static bool
is_same_set(const json_t *a, const json_t *b)
{
    return json_array_size(a) == json_array_size(b) && json_array_size(a) > 0;
}

static void
put_change(const struct tg_policy_step *step, const char *member,
           const json_t *pair)
{
    const json_t *before = json_array_get(pair, 0);
    const json_t *after = json_array_get(pair, 1);

    printf("    %s:", member);
    if (step->verb == TG_POLICY_CREATE) {
        putchar(' ');
        put_value(after);
    } else if (json_is_array(before) && json_is_array(after) &&
               json_array_size(after) > 0 && !is_same_set(before, after)) {
        put_list_change(before, after);
    } else {
        putchar(' ');
        put_value(before);
        fputs(" -> ", stdout);
        put_value(after);
    }
    putchar('\n');
}

static void
put_step(const struct tg_cli *cli, const struct tg_policy_step *step)
{
    const char *member;
    json_t *pair;

    if (cli->has_color)
        fputs(verbs[step->verb].color, stdout);
    printf("%s %s ", verbs[step->verb].mark, tg_policy_kinds[step->kind].word);
    put_safe(step->name);
    if (*step->id != '\0' && strcmp(step->id, step->name) != 0) {
        fputs(" (", stdout);
        put_safe(step->id);
        putchar(')');
    }
    if (cli->has_color)
        fputs("\033[0m", stdout);
    if (step->note != NULL) {
        fputs(": ", stdout);
        put_safe(step->note);
    }
    putchar('\n');
    json_object_foreach(step->changes, member, pair)
        put_change(step, member, pair);
}

void
tg_policy_show(const struct tg_policy *policy)
{
    const size_t *counts = policy->counts;

    for (size_t i = 0; i < policy->step_count; i++)
        put_step(policy->cli, &policy->steps[i]);
    printf("%s%zu to create, %zu to change, %zu to delete, %zu as they shall "
           "be.\n",
           policy->step_count > 0 ? "\n" : "", counts[TG_POLICY_CREATE],
           counts[TG_POLICY_CHANGE], counts[TG_POLICY_DELETE],
           counts[TG_POLICY_LEAVE]);
    fflush(stdout);
}

json_t *
tg_policy_json(const struct tg_policy *policy, bool is_dry)
{
    const size_t *counts = policy->counts;
    json_t *steps = json_array();

    for (size_t i = 0; i < policy->step_count; i++) {
        const struct tg_policy_step *step = &policy->steps[i];

        json_array_append_new(
            steps,
            json_pack("{s:s,s:s,s:s,s:s?,s:O?,s:b}", "action",
                      verbs[step->verb].word, "kind",
                      tg_policy_kinds[step->kind].word, "name", step->name,
                      "id", *step->id != '\0' ? step->id : NULL, "changes",
                      step->changes, "done", step->is_done));
    }
    return json_pack("{s:s,s:b,s:o,s:I,s:I,s:I,s:I}", "object", "policy.plan",
                     "dry_run", is_dry, "steps", steps, "create",
                     (json_int_t)counts[TG_POLICY_CREATE], "change",
                     (json_int_t)counts[TG_POLICY_CHANGE], "delete",
                     (json_int_t)counts[TG_POLICY_DELETE], "leave",
                     (json_int_t)counts[TG_POLICY_LEAVE]);
}

/* Whether so long has passed since something was said. */
static bool
is_time(struct timespec *said_at)
{
    struct timespec now;
    int64_t ms;

    clock_gettime(CLOCK_MONOTONIC, &now);
    ms = (now.tv_sec - said_at->tv_sec) * 1000 +
         (now.tv_nsec - said_at->tv_nsec) / 1000000;
    if (said_at->tv_sec != 0 && ms < PROGRESS_MS)
        return false;
    *said_at = now;
    return true;
}

void
tg_policy_progress(struct tg_policy *policy, const char *what, size_t count,
                   size_t of)
{
    if (policy->cli->is_quiet || isatty(STDERR_FILENO) != 1 ||
        !is_time(&policy->said_at))
        return;
    if (of > 0)
        fprintf(stderr, "\r%s %zu of %zu", what, count, of);
    else
        fprintf(stderr, "\r%s %zu", what, count);
}

void
tg_policy_progress_end(struct tg_policy *policy)
{
    if (policy->said_at.tv_sec != 0 && isatty(STDERR_FILENO) == 1)
        fputs("\r\033[K", stderr);
    policy->said_at = (struct timespec){0};
}
