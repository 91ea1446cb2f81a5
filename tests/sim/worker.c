#include "worker.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admit_take.h"
#include "answer.h"
#include "disk.h"
#include "journal_sync.h"
#include "keeper.h"
#include "oracle.h"
#include "payload.h"
#include "refused.h"
#include "settle.h"
#include "world.h"

#define FLIGHTS 6
#define KEPT_BYTES 16384
#define RESERVE_BYTES 8192

/* A call that is under way. */
struct flight {
    struct tg_call_slot *slot; /* NULL: free */
    struct oracle_call *truth;
    struct tg_head head;
    struct tg_hold hold;
    struct tg_meter meter;
    struct answer answer;
    size_t fed;           /* marks */
    uint64_t hold_record; /* to be durable before it is sent; 0: none */
};

struct worker {
    struct sim_process process;
    bool lives;
    char name[8];
    struct tg_state state;
    struct tg_area_claim claim;
    struct tg_journal journal;
    struct tg_denial_table denials;
    char kept[KEPT_BYTES];
    struct tg_journal_sync sync;
    enum { SYNC_NONE = 0, SYNC_BEGUN, SYNC_RUN } sync_stage;
    unsigned unwritten;
    char added[TG_JOURNAL_ADDED_BYTES];
    struct tg_call_slot
        *ended[TG_JOURNAL_ADDED_MAX]; /* whose calls these are */
    unsigned ended_count;
    struct flight flights[FLIGHTS];
    struct tg_admission admission;
};

static struct worker workers[WORKERS];

void
worker_begin(void)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].lives = false;
        snprintf(workers[i].name, sizeof(workers[i].name), "worker%u", i);
        workers[i].process = (struct sim_process){.name = workers[i].name};
    }
}

bool
worker_lives(unsigned n)
{
    return workers[n].lives;
}

void
worker_kill(unsigned n)
{
    struct worker *w = &workers[n];

    if (!w->lives)
        return;
    sim_trace("%s is gone", w->name);
    w->lives = false;
    disk_leave(&w->process);
    tg_state_close(&w->state);
    oracle_orphan(w->claim.writer_id);
}

/* Its segments are short, so that there are many. */
static void
start(struct worker *w)
{
    uint64_t writer_id = sim_random() | 1;

    if (tg_state_open(&w->state, AT_FDCWD, keeper_state_path) != 0)
        return;
    if (atomic_load(&w->state.header->is_ready) == 0 ||
        tg_area_claim(&w->claim, &w->state, writer_id, sim.now_ms) != 0) {
        tg_state_close(&w->state);
        return;
    }
    tg_journal_init(&w->journal, disk_folder(), writer_id);
    w->journal.segment_limit = (uint64_t)sim_between(500, 6000);
    tg_denial_init(&w->denials, writer_id);
    tg_journal_keep(&w->journal, w->kept, sizeof(w->kept), RESERVE_BYTES);
    tg_journal_gather(&w->journal, w->added);
    w->sync_stage = SYNC_NONE;
    w->unwritten = 0;
    w->ended_count = 0;
    memset(w->flights, 0, sizeof(w->flights));
    w->lives = true;
    sim_trace("%s is %016llx", w->name, (unsigned long long)writer_id);
}

static bool
judge_head(struct worker *w, const char *secret)
{
    static char bearer[80];
    struct tg_credential credential = {0};
    struct tg_request request = {
        .method = TG_METHOD_POST,
        .path = TG_STR_INIT("/v1/chat/completions"),
        .framing = {.line = TG_STR_INIT("POST /v1/chat/completions HTTP/1.1"),
                    .hosts = 1},
        .credential = &credential,
        .ip = {[10] = 255, 255, 127, 0, 0, 1},
        .now_ms = sim.now_ms,
    };

    snprintf(bearer, sizeof(bearer), "Bearer %s", secret);
    tg_credential_add(&credential, TG_SOURCE_AUTHORIZATION,
                      (struct tg_str){bearer, strlen(bearer)});
    tg_admit_head(&w->state, &request, &w->admission);
    return w->admission.action == TG_ACTION_READ_BODY;
}

static bool
judge_body(struct worker *w, struct flight *flight, struct tg_body_facts *facts)
{
    struct tg_payload payload;
    char body[512];
    int n = snprintf(
        body, sizeof(body),
        "{\"model\":\"%s\",\"stream\":%s,\"max_tokens\":%d,\"messages\":[{"
        "\"role\":\"user\",\"content\":\"%.*s\"}]}",
        sim_chance(700) ? "flash" : "gpt", sim_chance(600) ? "true" : "false",
        (int)(sim_chance(700) ? sim_between(20, 900) : sim_between(900, 6000)),
        (int)sim_between(1, 200),
        "0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789012345678901234567890123456789"
        "012345678901234567890123456789012345678901234567890123456789");

    flight->head = w->admission.head;
    tg_payload_init(&payload, &flight->head);
    if (tg_payload_feed(&payload, body, (size_t)n) != 0 ||
        tg_payload_finish(&payload, facts) != 0)
        abort();
    tg_admit_body(&w->state, &flight->head, facts, tg_payload_fault(&payload),
                  sim.now_ms, &w->admission);
    return w->admission.action == TG_ACTION_PROXY;
}

/* The journal has the call's record. */
static void
end_slot(struct worker *w, struct tg_call_slot *slot, uint64_t record)
{
    oracle_find(&slot->call.id)->record = record;
    tg_area_end(&w->claim, slot);
}

/* Calls that ended in one round are written: two tries, as the adapter has,
   then they wait. */
static void
write_round(struct worker *w)
{
    unsigned count = w->ended_count;

    if (count == 0)
        return;
    w->ended_count = 0;
    if (tg_journal_write(&w->journal, sim.now_ms) == 0 ||
        tg_journal_write(&w->journal, sim.now_ms) == 0) {
        sim_point("a round is written");
        for (unsigned i = 0; i < count; i++)
            end_slot(w, w->ended[i], w->journal.written - count + i + 1);
        return;
    }
    tg_journal_drop(&w->journal);
    w->unwritten += count;
}

/* Counts a refusal, as the adapter does: some causes, of some addresses. */
static void
deny(struct worker *w)
{
    const struct tg_admission *a = &w->admission;
    uint8_t ip[16] = {[10] = 255, 255, 10, [15] = (uint8_t)sim_below(90)};
    struct tg_denial_cause cause = {a->has_key ? a->key.id : NULL, ip, a->code};

    if (tg_denial_is_due(&w->denials, sim.now_ms)) {
        write_round(w);
        refused_write(&w->journal, &w->denials);
    }
    for (uint32_t n = sim_below(12); n > 0; n--) {
        ip[15] += (uint8_t)n;
        tg_denial_note(&w->denials, &cause, sim.now_ms);
    }
}

static void end_call(struct worker *w, struct flight *flight, uint16_t status,
                     uint16_t code);

/* It was not sent, so it costs nothing. */
static void
refuse(struct worker *w, struct flight *flight)
{
    flight->answer.status = 0;
    end_call(w, flight, 503, TG_CODE_GATE_UNAVAILABLE);
}

static void
write_hold(struct worker *w, struct flight *flight)
{
    flight->hold_record = 0;
    if (!sim.manner.is_strict)
        return;
    if (tg_journal_append_hold(&w->journal, &flight->slot->call, TG_STR("sim"),
                               sim.now_ms) != 0) {
        refuse(w, flight);
        return;
    }
    flight->hold_record = w->journal.written;
    sim_point("a hold is written");
}

/* Admits a call, or not. */
static void
begin_call(struct worker *w, struct flight *flight)
{
    struct tg_queue_place place = {0};
    struct tg_body_facts facts;
    unsigned key = sim_below(WORLD_KEYS);

    if (w->unwritten > 0 || tg_journal_make_room(&w->journal, sim.now_ms) != 0)
        return;
    if (sim_chance(100)) {
        judge_head(w, "sk-tgp_short");
        deny(w);
        return;
    }
    if (!judge_head(w, world.keys[key].secret)) {
        /* It would wait: here the client leaves. */
        if (w->admission.action != TG_ACTION_WAIT)
            deny(w);
        return;
    }
    if (!judge_body(w, flight, &facts)) {
        deny(w);
        return;
    }
    flight->slot =
        tg_admit_take(&w->claim, &facts, &place, sim.now_ms, &w->admission);
    if (flight->slot == NULL) {
        sim_trace("key %u is refused: %d", key, w->admission.code);
        deny(w);
        return;
    }
    tg_journal_promise(&w->journal);
    flight->truth = oracle_find(&flight->slot->call.id);
    flight->truth->is_admitted = true;
    flight->hold = w->admission.hold;
    flight->fed = 0;
    tg_meter_init(&flight->meter, TG_METER_AUTO);
    answer_draw(&flight->answer, (flight->slot->call.flags & TG_CALL_STREAM),
                flight->slot->call.prompt_bound,
                flight->slot->call.completion_bound);
    flight->truth->answer.is_stream =
        (flight->slot->call.flags & TG_CALL_STREAM) != 0;
    sim_trace("call %u of key %u holds %lld", flight->truth->slot, key,
              (long long)flight->slot->call.held_nanos);
    sim_point("admitted");
    write_hold(w, flight);
}

static void
write_record(struct worker *w, struct tg_call_slot *slot)
{
    tg_journal_add(&w->journal, &slot->call, TG_STR("sim"), TG_STR(""));
    w->ended[w->ended_count++] = slot;
    if (sim.manner.is_strict || w->ended_count == TG_JOURNAL_ADDED_MAX)
        write_round(w);
}

static void
end_call(struct worker *w, struct flight *flight, uint16_t status,
         uint16_t code)
{
    struct tg_call_slot *slot = flight->slot;
    struct tg_outcome outcome = {
        .meter = &flight->meter,
        .upstream_status = flight->answer.status,
        .status = status,
        .code = code,
        .client_left = flight->truth->has_left,
        .now_ms = sim.now_ms,
    };

    tg_meter_end(&flight->meter);
    flight->truth->answer.status = flight->answer.status;
    tg_settle(&w->state, &slot->call, &outcome);
    sim_trace("call %u is settled: %lld of %lld, basis %d", flight->truth->slot,
              (long long)slot->call.cost_nanos,
              (long long)slot->call.held_nanos, slot->call.basis);
    sim_point("settled");
    flight->slot = NULL;
    write_record(w, slot);
}

/* The next bytes of the answer, up to the next mark. */
static void
feed(struct worker *w, struct flight *flight)
{
    const struct answer *answer = &flight->answer;
    size_t from = flight->fed == 0 ? 0 : answer->marks[flight->fed - 1].at;
    const struct answer_mark *mark = &answer->marks[flight->fed++];

    tg_meter_feed(&flight->meter, answer->text + from, mark->at - from);
    flight->truth->answer = mark->known;
    flight->slot->call.counted = tg_meter_counted_tokens(&flight->meter);
    sim_point("fed");
    if (!tg_hold_is_short(&flight->hold, &flight->meter))
        return;
    w->admission.head = flight->head;
    if (tg_hold_more(&flight->hold, &w->state, flight->slot, &flight->meter,
                     sim.now_ms, &w->admission)) {
        sim_trace("call %u holds %lld", flight->truth->slot,
                  (long long)flight->slot->call.held_nanos);
        if (sim.manner.is_strict &&
            tg_journal_make_room(&w->journal, sim.now_ms) == 0)
            (void)tg_journal_append_hold(&w->journal, &flight->slot->call,
                                         TG_STR("sim"), sim.now_ms);
        return;
    }
    sim_trace("call %u is cut", flight->truth->slot);
    end_call(w, flight, 200, w->admission.code);
}

/* In strict mode nothing is sent before its hold is durable. */
static bool
is_waiting(const struct worker *w, const struct flight *flight)
{
    return flight->hold_record > w->journal.durable;
}

/* When no hold will be, its call goes no further; or its client leaves. */
static void
shut_out(struct worker *w, struct flight *flight)
{
    if (!tg_journal_is_stuck(&w->journal) && !sim_chance(20))
        return;
    sim_trace("call %u goes no further", flight->truth->slot);
    refuse(w, flight);
}

static void
advance(struct worker *w, struct flight *flight)
{
    const struct answer *answer = &flight->answer;

    if (flight->slot == NULL) {
        begin_call(w, flight);
    } else if (is_waiting(w, flight)) {
        shut_out(w, flight);
    } else if (!flight->truth->is_sent) {
        flight->truth->is_sent = true;
        flight->slot->call.flags |= TG_CALL_SENT;
    } else if (flight->fed < answer->mark_count) {
        feed(w, flight);
    } else if (answer->end == ANSWER_ENDS) {
        end_call(w, flight, 200, TG_CODE_NONE);
    } else if (answer->end == ANSWER_LEFT) {
        flight->truth->has_left = true;
        end_call(w, flight, 200, TG_CODE_CLIENT_CLOSED);
    } else {
        end_call(w, flight, 502, TG_CODE_UPSTREAM_ERROR);
    }
}

static void
write_slot(void *arg, struct tg_call_slot *slot)
{
    static const struct tg_str none = {NULL, 0};
    struct worker *w = arg;

    if (slot->call.status == 0 || w->unwritten == 0 ||
        tg_journal_append(&w->journal, &slot->call, none, none, sim.now_ms) !=
            0)
        return;
    end_slot(w, slot, w->journal.written);
    w->unwritten--;
}

/* One of the three pieces of a sync, which others of its worker come between.
 */
static void
sync_on(struct worker *w)
{
    switch (w->sync_stage) {
    case SYNC_NONE:
        if (tg_journal_sync_begin(&w->journal, &w->sync, sim.now_ms) == 0)
            w->sync_stage = SYNC_BEGUN;
        break;
    case SYNC_BEGUN:
        tg_journal_sync_run(&w->sync);
        w->sync_stage = SYNC_RUN;
        sim_point("synced");
        break;
    default:
        w->sync_stage = SYNC_NONE;
        if (tg_journal_sync_end(&w->journal, &w->sync, sim.now_ms) == 0)
            oracle_durable(w->claim.writer_id, w->journal.durable);
        sim_trace("durable are %llu of %llu records",
                  (unsigned long long)w->journal.durable,
                  (unsigned long long)w->journal.written);
    }
}

static void
step(void *arg)
{
    struct worker *w = arg;

    if (w->ended_count > 0 && sim_chance(400)) {
        write_round(w);
        return;
    }
    if (w->unwritten > 0 && sim_chance(300)) {
        sim_trace("writes again");
        write_round(w);
        tg_area_each(&w->state, w->claim.area, write_slot, w);
        return;
    }
    if (sim_chance(w->sync_stage != SYNC_NONE ? 500 : 250)) {
        sync_on(w);
        return;
    }
    advance(w, &w->flights[sim_below(FLIGHTS)]);
}

static enum sim_death
run(struct worker *w, void (*piece)(void *))
{
    enum sim_death death = sim_run(&w->process, piece, w);

    if (death != SIM_LIVES)
        worker_kill((unsigned)(w - workers));
    return death;
}

enum sim_death
worker_step(unsigned n)
{
    if (workers[n].process.is_running)
        return SIM_LIVES;
    if (!workers[n].lives) {
        start(&workers[n]);
        return SIM_LIVES;
    }
    return run(&workers[n], step);
}

static void
finish(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; i < FLIGHTS; i++) {
        while (w->flights[i].slot != NULL) {
            sync_on(w);
            advance(w, &w->flights[i]);
        }
    }
    write_round(w);
    tg_area_each(&w->state, w->claim.area, write_slot, w);
    refused_write(&w->journal, &w->denials);
    tg_journal_close(&w->journal);
    tg_area_leave(&w->claim);
}

void
worker_finish(unsigned n)
{
    if (!workers[n].lives)
        return;
    run(&workers[n], finish);
    worker_kill(n);
}
