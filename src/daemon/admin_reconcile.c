#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "change.h"
#include "catalog.h"
#include "clock.h"
#include "err.h"
#include "look.h"
#include "members.h"
#include "probe.h"
#include "reconcile.h"
#include "secret.h"
#include "shapes.h"

#define ASK_MS 8000
#define CHUNK 1000
#define TRIES 5 /* to take in the journal, a second each */
#define SAVED_MAX (256u << 10)
#define NAME_SIZE 40

/* One at a time: the threads of the admin API are few, and this one asks. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

struct reconciling {
    struct tg_daemon *daemon;
    char id[TG_ID_TEXT_SIZE], name[32], base_url[256];
    enum tg_dialect dialect;
    char credential_id[TG_ID_TEXT_SIZE];
    uint32_t credentials;
    struct tg_secret secret;
    char currency[8];
    struct tg_reading first, last;
    struct tg_tallies ledger;
    int64_t ledger_nanos;
    uint64_t estimated; /* calls that no report was believed of */
};

static int
take_upstream(void *arg, const struct tg_store_upstream *row)
{
    struct reconciling *self = arg;

    snprintf(self->id, sizeof(self->id), "%s", row->id);
    snprintf(self->name, sizeof(self->name), "%s", row->name);
    snprintf(self->base_url, sizeof(self->base_url), "%s", row->base_url);
    self->dialect = tg_catalog_dialect(row->dialect);
    return 0;
}

static int
take_only(void *arg, const struct tg_store_upstream *row)
{
    struct reconciling *self = arg;

    if (self->id[0] != '\0')
        return TG_ERR_DUPLICATE;
    return take_upstream(self, row);
}

/* The first one in use; all of a pool are taken to be of one account. */
static int
take_credential(void *arg, const struct tg_store_credential *row)
{
    struct reconciling *self = arg;
    long n;

    if (strcmp(row->upstream_id, self->id) != 0 ||
        strcmp(row->status, "active") != 0)
        return 0;
    if (self->credentials++ > 0)
        return 0;
    n = tg_seal_open(&self->daemon->master_key,
                     (struct tg_str){row->id, strlen(row->id)},
                     (const uint8_t *)row->sealed.data, row->sealed.len,
                     self->secret.data, sizeof(self->secret.data));
    self->secret.len = n >= 0 ? (size_t)n : 0;
    snprintf(self->credential_id, sizeof(self->credential_id), "%s", row->id);
    return 0;
}

static bool
find_upstream(struct reconciling *self, const char *name,
              struct tg_reply *reply)
{
    struct tg_store *store = self->daemon->admin;
    int err = name != NULL
                  ? store->ops->upstream_get(store, name, take_upstream, self)
                  : store->ops->upstream_each(store, take_only, self);

    if (err == TG_ERR_DUPLICATE)
        return tg_reply_invalid(reply, "upstream",
                                "there are several upstreams; say which one");
    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_unknown_member(reply, "upstream", "upstream", name);
    if (err == 0 && self->id[0] == '\0')
        return tg_reply_invalid(reply, "upstream",
                                "there is no upstream; add one: tollgate "
                                "upstreams add --name NAME --base-url URL");
    if (err == 0)
        err = store->ops->credential_each(store, take_credential, self);
    if (err == 0)
        err = store->ops->meta_get(store, "currency", self->currency,
                                   sizeof(self->currency));
    return err == 0 || tg_reply_store(reply, store, err, "upstream");
}

/* "http://127.0.0.1:9/v1" stands on "http://127.0.0.1:9". */
static size_t
root_of(const char *base_url)
{
    const char *host = strstr(base_url, "://");

    return host == NULL
               ? strlen(base_url)
               : (size_t)(host - base_url) + 3 + strcspn(host + 3, "/");
}

/* A simulator is on this machine; no provider is asked for such a path. */
static bool
may_be_simulator(const char *base_url)
{
    static const char *const hosts[] = {"://127.", "://localhost", "://[::1]"};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (strstr(base_url, hosts[i]) != NULL)
            return true;
    }
    return false;
}

static bool
ask_simulator(struct reconciling *self)
{
    char url[TG_PROBE_URL_SIZE];
    struct tg_probe probe;
    json_t *answer;
    int err = TG_ERR_FORMAT;

    if (!may_be_simulator(self->base_url))
        return false;
    snprintf(url, sizeof(url), "%.*s/sim/count", (int)root_of(self->base_url),
             self->base_url);
    answer = tg_probe_get(&probe, url, self->dialect, (struct tg_str){NULL, 0},
                          ASK_MS);
    if (answer != NULL)
        err = tg_reading_counts(&self->last, answer);
    json_decref(answer);
    return err == 0;
}

static bool
ask_balance(struct reconciling *self, struct tg_reply *reply)
{
    char url[TG_PROBE_URL_SIZE];
    struct tg_probe probe;
    json_t *answer;
    int err;

    if (self->dialect != TG_DIALECT_DEEPSEEK)
        return tg_reply_invalid(reply, "upstream",
                                "%s tells no figure to compare with: only "
                                "DeepSeek's balance and the simulator's count "
                                "are known",
                                self->name);
    tg_probe_url(url, self->base_url, self->dialect);
    answer = tg_probe_get(&probe, url, self->dialect,
                          tg_secret_str(&self->secret), ASK_MS);
    if (answer == NULL)
        return tg_reply_error(reply, 400, "upstream_error", "upstream",
                              "%s does not tell its balance: %s", self->name,
                              probe.message);
    err = tg_reading_balance(&self->last, answer, self->currency);
    json_decref(answer);
    return err == 0 || tg_reply_error(reply, 400, "upstream_error", "upstream",
                                      "%s tells no balance in %s, the currency "
                                      "of the ledger",
                                      self->name, self->currency);
}

static int
last_call(struct tg_daemon *daemon, int64_t *seq)
{
    int64_t first;
    int err;

    for (int i = 0; i < TRIES && !tg_daemon_catch_up(daemon); i++)
        continue;
    pthread_mutex_lock(&daemon->reports_lock);
    err = daemon->reports->ops->call_span(daemon->reports, &first, seq);
    pthread_mutex_unlock(&daemon->reports_lock);
    return err;
}

static void
add_slack(struct tg_slack *slack, const struct tg_call *call, int64_t tokens)
{
    slack->calls++;
    slack->tokens += tokens;
    slack->nanos += call->held_nanos;
}

/*
 * Calls in flight there: only one side may know of them.  Before the upstream
 * is asked and behind it: one may begin in between and be in its figure.
 */
static void
look_in_flight(struct reconciling *self)
{
    const struct tg_state *state = &self->daemon->state;

    for (uint32_t i = 0; i < state->header->area_count; i++) {
        uint32_t used = atomic_load(&state->areas[i].high_water);

        for (uint32_t j = 0; j < used && j < TG_AREA_SLOTS; j++) {
            struct tg_look look;

            if (tg_look_at(&state->call_slots[(size_t)i * TG_AREA_SLOTS + j],
                           &look) &&
                memcmp(look.call.upstream_id, self->id, TG_ID_LEN) == 0)
                add_slack(&self->last.slack, &look.call,
                          look.call.prompt_bound + look.call.completion_bound);
        }
    }
}

/* A call behind a reading: only one side may know of it. */
static void
take_late(struct reconciling *self, const struct tg_call *call)
{
    add_slack(&self->last.slack, call,
              call->prompt_tokens + call->completion_tokens);
}

/* A call between two readings. */
static void
take_counted(struct reconciling *self, const struct tg_call *call)
{
    tg_tally_call(&self->ledger, call);
    self->ledger_nanos += call->cost_nanos;
    self->estimated +=
        call->basis == TG_BASIS_HELD || call->basis == TG_BASIS_COUNTED;
}

/* Visiting this upstream's calls, up to one of them. */
struct walk {
    struct reconciling *self;
    void (*take)(struct reconciling *, const struct tg_call *);
    int64_t at, until;
};

static int
visit_call(void *arg, int64_t seq, const struct tg_call *call)
{
    struct walk *walk = arg;

    walk->at = seq;
    if (seq <= walk->until &&
        memcmp(call->upstream_id, walk->self->id, TG_ID_LEN) == 0)
        walk->take(walk->self, call);
    return 0;
}

static int
walk_calls(struct reconciling *self, int64_t from, int64_t until,
           void (*take)(struct reconciling *, const struct tg_call *))
{
    struct walk walk = {self, take, from, until};
    struct tg_daemon *daemon = self->daemon;
    int64_t before;
    int err = 0;

    do {
        before = walk.at;
        pthread_mutex_lock(&daemon->reports_lock);
        err = daemon->reports->ops->call_scan(daemon->reports, before, CHUNK,
                                              visit_call, &walk);
        pthread_mutex_unlock(&daemon->reports_lock);
    } while (err == 0 && walk.at < until && walk.at > before);
    return err;
}

/* The upstream's figure, between two looks at the ledger's last call. */
static bool
read_last(struct reconciling *self, struct tg_reply *reply)
{
    int64_t behind;
    int err = last_call(self->daemon, &self->last.seq);

    self->last.at_ms = tg_clock_ms();
    look_in_flight(self);
    if (err == 0 && !ask_simulator(self) && !ask_balance(self, reply))
        return false;
    look_in_flight(self);
    if (err == 0)
        err = last_call(self->daemon, &behind);
    if (err == 0)
        err = walk_calls(self, self->last.seq, behind, take_late);
    return err == 0 ||
           tg_reply_store(reply, self->daemon->reports, err, "call");
}

static void
meta_name(const struct reconciling *self, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "reading %s", self->id);
}

/* The reading that was kept; false when there is none of this kind. */
static bool
load_first(struct reconciling *self)
{
    struct tg_store *store = self->daemon->admin;
    char name[NAME_SIZE], *text = malloc(SAVED_MAX);
    json_t *saved = NULL;
    int err = TG_ERR_NOT_FOUND;

    meta_name(self, name);
    if (text != NULL)
        err = store->ops->meta_get(store, name, text, SAVED_MAX);
    if (err == 0)
        saved = json_loads(text, 0, NULL);
    free(text);
    if (saved == NULL)
        return false;
    err = tg_reading_load(&self->first, saved);
    json_decref(saved);
    return err == 0 && self->first.is_balance == self->last.is_balance;
}

static int
save(struct reconciling *self, const struct tg_reading *reading)
{
    struct tg_daemon *daemon = self->daemon;
    json_t *object = tg_reading_save(reading);
    char name[NAME_SIZE], *text = json_dumps(object, JSON_COMPACT);
    int err =
        text == NULL ? TG_ERR_SYSTEM : tg_daemon_begin(daemon, daemon->admin);

    meta_name(self, name);
    if (err == 0)
        err = tg_daemon_end(
            daemon, daemon->admin,
            daemon->admin->ops->meta_set(daemon->admin, name, text));
    json_decref(object);
    free(text);
    return err;
}

static void
notes(const struct reconciling *self, struct tg_findings *findings)
{
    if (self->last.slack.calls > 0 || self->first.slack.calls > 0)
        tg_findings_note(findings,
                         "%lld call%s in flight at the first reading and "
                         "%lld at this one; what they can come to is no "
                         "difference",
                         (long long)self->first.slack.calls,
                         self->first.slack.calls == 1 ? " was" : "s were",
                         (long long)self->last.slack.calls);
    if (self->estimated > 0)
        tg_findings_note(findings,
                         "%llu call%s settled by count or by what was held, "
                         "as the upstream reported nothing that could be "
                         "believed",
                         (unsigned long long)self->estimated,
                         self->estimated == 1 ? " was" : "s were");
    if (self->last.is_balance && self->credentials > 1)
        tg_findings_note(findings,
                         "asked with %s; all credentials of %s are taken to "
                         "be of one account of theirs",
                         self->credential_id, self->name);
    if (self->last.is_balance &&
        self->last.balance_nanos > self->first.balance_nanos)
        tg_findings_note(findings,
                         "its balance rose: say what was paid in there, with "
                         "--topped-up, or begin anew, with --reset");
}

static json_t *
object_of(const struct reconciling *self, const char *status)
{
    return json_pack("{s:s,s:s,s:o,s:o,s:s,s:o,s:o,s:{s:I,s:o}}", "object",
                     "reconciliation", "status", status, "upstream",
                     tg_reply_text(self->name), "upstream_id",
                     tg_reply_text(self->id), "source",
                     self->last.is_balance ? "balance" : "count", "since",
                     tg_reply_instant(self->first.at_ms), "at",
                     tg_reply_instant(self->last.at_ms), "in_flight", "calls",
                     (json_int_t)self->last.slack.calls, "held",
                     tg_reply_money(self->last.slack.nanos));
}

/* A first reading, or a new one. */
static void
begin(struct reconciling *self, const char *why, struct tg_reply *reply)
{
    struct tg_findings findings;
    json_t *object;
    int err = save(self, &self->last);

    if (err != 0) {
        tg_reply_store(reply, self->daemon->admin, err, "reading");
        return;
    }
    self->first = self->last;
    tg_findings_init(&findings, self->currency);
    tg_findings_note(&findings, "%s: later ones are compared with this one",
                     why);
    object = object_of(self, "baseline");
    json_object_set_new(object, "figures", json_array());
    tg_findings_put(&findings, object);
    tg_findings_release(&findings);
    tg_reply_json(reply, 200, object);
}

/* Whether calls behind the first reading are gone by age. */
static bool
has_lost(struct reconciling *self)
{
    struct tg_daemon *daemon = self->daemon;
    int64_t first = 0, last;

    pthread_mutex_lock(&daemon->reports_lock);
    (void)daemon->reports->ops->call_span(daemon->reports, &first, &last);
    pthread_mutex_unlock(&daemon->reports_lock);
    return first > self->first.seq + 1;
}

static void
compare(struct reconciling *self, struct tg_reply *reply)
{
    struct tg_findings findings;
    json_t *figures = json_array(), *object;
    int err = walk_calls(self, self->first.seq, self->last.seq, take_counted);

    if (err != 0) {
        json_decref(figures);
        tg_reply_store(reply, self->daemon->reports, err, "call");
        return;
    }
    tg_findings_init(&findings, self->currency);
    tg_reconcile(&self->first, &self->last, &self->ledger, self->ledger_nanos,
                 &findings, figures);
    notes(self, &findings);
    object = object_of(self, findings.count == 0 ? "agrees" : "differs");
    json_object_set_new(object, "figures", figures);
    tg_findings_put(&findings, object);
    tg_findings_release(&findings);
    tg_reply_json(reply, 200, object);
}

static void
reconcile(struct reconciling *self, bool is_reset, int64_t topped_up_nanos,
          struct tg_reply *reply)
{
    bool has_first, is_lost;
    int err = 0;

    if (!read_last(self, reply))
        return;
    pthread_mutex_lock(&self->daemon->admin_lock);
    has_first = load_first(self);
    pthread_mutex_unlock(&self->daemon->admin_lock);
    is_lost = has_first && has_lost(self);
    pthread_mutex_lock(&self->daemon->admin_lock);
    if (has_first && self->last.is_balance && topped_up_nanos > 0) {
        self->first.balance_nanos += topped_up_nanos;
        err = save(self, &self->first);
    }
    if (err != 0)
        tg_reply_store(reply, self->daemon->admin, err, "reading");
    else if (!has_first)
        begin(self, "this is the first reading", reply);
    else if (is_reset)
        begin(self, "the readings begin anew", reply);
    else if (is_lost)
        begin(self, "calls since the first reading are gone by age", reply);
    else if (tg_reading_is_newer(&self->first, &self->last))
        begin(self, "its counts began anew", reply);
    pthread_mutex_unlock(&self->daemon->admin_lock);
    if (reply->status == 0)
        compare(self, reply);
}

void
tg_admin_reconcile(struct tg_request *request, struct tg_reply *reply)
{
    static struct reconciling self; /* large; one at a time */
    const char *name = NULL;
    bool is_reset = false, is_found;
    int64_t topped_up_nanos = 0;

    if (!tg_members_only(reply, request->body, "",
                         "upstream reset topped_up") ||
        !tg_members_text(reply, request->body, "upstream", 0, 64, &name) ||
        !tg_members_bool(reply, request->body, "reset", &is_reset) ||
        !tg_members_money(reply, request->body, "topped_up",
                          &topped_up_nanos) ||
        !tg_change_note(request, reply, name != NULL ? name : ""))
        return;
    pthread_mutex_lock(&one_at_a_time);
    memset(&self, 0, sizeof(self));
    self.daemon = request->daemon;
    pthread_mutex_lock(&self.daemon->admin_lock);
    is_found = find_upstream(&self, name, reply);
    pthread_mutex_unlock(&self.daemon->admin_lock);
    if (is_found)
        reconcile(&self, is_reset, topped_up_nanos, reply);
    explicit_bzero(&self.secret, sizeof(self.secret));
    pthread_mutex_unlock(&one_at_a_time);
}
