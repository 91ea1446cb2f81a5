#include "leak_usage.h"

#include <stdio.h>
#include <string.h>

#include "code.h"
#include "err.h"
#include "route.h"

#define ENOUGH 1 /* a walk that ends because all is known */

struct tg_leak_span
tg_leak_span(int64_t now_ms, int64_t leaked_at)
{
    int64_t until = leaked_at != 0 ? leaked_at : now_ms;

    return (struct tg_leak_span){
        .since = now_ms - TG_LEAK_WEEK_MS,
        .until = now_ms,
        .leaked_at = leaked_at,
        .trusted_since = until - TG_LEAK_WEEK_MS,
        .trusted_until = until,
    };
}

static bool
is_ok(const struct tg_store_call *call)
{
    return call->status == 200;
}

static void
count(struct tg_tally_row *row, const struct tg_store_call *call,
      bool is_trusted)
{
    row->calls++;
    row->ok += is_ok(call);
    row->trusted += is_trusted;
    row->cost_nanos += call->cost_nanos;
    if (row->first_at == 0 || call->at < row->first_at)
        row->first_at = call->at;
    if (call->at > row->last_at)
        row->last_at = call->at;
}

static void
take_trusted(struct tg_leak_usage *usage, const struct tg_store_call *call)
{
    const struct tg_route *route =
        tg_route_of((enum tg_endpoint)call->endpoint);

    usage->trusted_calls++;
    tg_minutes_add(&usage->minutes, call->at,
                   call->prompt_tokens + call->completion_tokens);
    if (!is_ok(call))
        return;
    if (route != NULL)
        usage->scopes |= route->scope;
    if (call->model[0] != '\0')
        count(tg_tally_row(&usage->models, call->model), call, true);
}

/* "429 rate_limit_exceeded" */
static void
take_status(struct tg_leak_usage *usage, const struct tg_store_call *call)
{
    char text[64];

    if (is_ok(call))
        return;
    snprintf(text, sizeof(text), "%lld %s", (long long)call->status,
             call->code != TG_CODE_NONE
                 ? tg_code_row((enum tg_code)call->code)->name
                 : "");
    count(tg_tally_row(&usage->statuses, text), call, false);
}

static int
take_call(void *arg, const struct tg_store_call *call)
{
    struct tg_leak_usage *usage = arg;
    const struct tg_leak_span *span = &usage->span;
    bool is_trusted =
        call->at >= span->trusted_since && call->at < span->trusted_until;
    bool is_shown = call->at >= span->since && call->at < span->until;

    usage->read++;
    if (is_trusted)
        take_trusted(usage, call);
    if (!is_shown && !is_trusted)
        return 0;
    count(tg_tally_row(&usage->addresses, call->ip), call,
          is_trusted && is_ok(call));
    if (!is_shown)
        return 0;
    count(tg_tally_row(&usage->agents, call->user_agent), call, is_trusted);
    take_status(usage, call);
    usage->calls++;
    usage->ok += is_ok(call);
    usage->cost_nanos += call->cost_nanos;
    if (span->leaked_at != 0 && call->at >= span->leaked_at)
        usage->cost_after_nanos += call->cost_nanos;
    return 0;
}

static void
note_seen(struct tg_tally *tally, const char *text)
{
    struct tg_tally_row *row = tg_tally_find(tally, text);

    if (row == NULL || row->was_seen)
        return;
    row->was_seen = true;
    tally->seen++;
}

static int
take_earlier(void *arg, const struct tg_store_call *call)
{
    struct tg_leak_usage *usage = arg;

    note_seen(&usage->agents, call->user_agent);
    note_seen(&usage->addresses, call->ip);
    return usage->agents.seen == usage->agents.count &&
                   usage->addresses.seen == usage->addresses.count
               ? ENOUGH
               : 0;
}

int
tg_leak_usage_read(struct tg_leak_usage *usage, struct tg_store *store,
                   const char *key_id)
{
    const struct tg_leak_span *span = &usage->span;
    struct tg_store_filter filter = {
        .key_id = key_id,
        .since = span->trusted_since < span->since ? span->trusted_since
                                                   : span->since,
        .until = span->until,
    };
    struct tg_store_filter earlier = {.key_id = key_id, .until = span->since};
    int err = store->ops->call_each(store, &filter, NULL, TG_LEAK_CALLS_MAX,
                                    take_call, usage);

    tg_minutes_end(&usage->minutes);
    usage->is_cut = usage->read == TG_LEAK_CALLS_MAX;
    if (err == 0)
        err = store->ops->call_each(store, &earlier, NULL, TG_LEAK_CALLS_MAX,
                                    take_earlier, usage);
    return err == ENOUGH ? 0 : err;
}
