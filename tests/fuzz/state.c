/*
 * A worker over a damaged state file: wherever bytes of it were changed, calls
 * are judged, taken, answered and ended without leaving the regions, and end.
 *
 * The regions of a sound file are copied into memory of their own, with
 * nothing behind them, so that the sanitizer sees each step out of one.  The
 * header's first part is not damaged: tg_state_open believes it only where it
 * is as this code would write it (fuzz-statefile).
 */
#include <assert.h>
#include <sys/mman.h>

#include "../unit/admit_test.h"
#include "admit_take.h"
#include "answer.h"
#include "budget.h"
#include "check.h"
#include "hold.h"
#include "hours.h"
#include "payload.h"
#include "ready.h"
#include "refusal.h"
#include "settle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define KEYS 4
#define ACCOUNTS 8
#define INDEX_BYTES ((((size_t)1 << TG_INDEX_LEVELS) - 1) * 8 << TG_INDEX_BITS)
#define BLOBS_BYTES 4096
#define SLOTS_BYTES                                                            \
    ((size_t)TG_AREA_COUNT * TG_AREA_SLOTS * sizeof(struct tg_call_slot))
#define NOW instant(NOON)

/* What stands in the file before it is damaged. */
static struct tg_state sound;
static uint32_t key_slot;

static struct tg_area_claim claim;
static int taken; /* calls */
static struct tg_admission admission;

/* Where damage goes: what is read of a file for the calls below. */
static struct window {
    char *at, *sound;
    size_t bytes;
} windows[25];

static size_t window_count;

/* Large ones are holes, for the most part. */
static void *
hole(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void *
copy_of(const void *from, size_t used, size_t bytes)
{
    char *copy = calloc(1, bytes);

    memcpy(copy, from, used);
    return copy;
}

static void
add_window(void *at, size_t bytes)
{
    assert(window_count < sizeof(windows) / sizeof(windows[0]));
    windows[window_count++] =
        (struct window){at, copy_of(at, bytes, bytes), bytes};
}

static void
publish_rich_key(void)
{
    static const char network[] = "\x60\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0";
    struct tg_str pages[] = {TG_STR("https://*.example.com/app/*")};
    struct tg_str networks[] = {{network, sizeof(network)}};
    struct tg_zone_blob hours;
    struct tg_key_policy key;
    uint64_t seq;

    key_slot = publish_policy(&(struct test_policy){
        .models = "deepseek-* gpt-4o claude embed org/qwen ",
        .requests_per_minute = 60,
        .concurrency = 8,
        .tokens_per_minute = 1000000,
        .daily_nanos = 5000000000,
        .monthly_nanos = 50000000000,
        .max_queue_ms = 1000,
    });
    if (tg_state_key(&state, key_slot, &key, &seq) != 0 ||
        tg_hours_compile(&hours, "daily 00:00-24:00 Asia/Shanghai", NOW) != 0 ||
        tg_publish_texts(publisher, pages, 1, &key.referrers) != 0 ||
        tg_publish_texts(publisher, networks, 1, &key.networks) != 0 ||
        tg_publish_text(publisher, (struct tg_str){hours.bytes, hours.len},
                        &key.hours) != 0 ||
        tg_publish_text(publisher, (struct tg_str){hours.bytes, hours.len},
                        &key.timezone) != 0 ||
        tg_publish_key(publisher, &key, &key_slot) != 0)
        abort();
}

/* The regions of the file that was published, each by itself. */
static void
take_apart(void)
{
    sound = state;
    sound.fd = -1;
    sound.map = NULL;
    sound.header =
        copy_of(state.header, sizeof(*state.header), sizeof(*state.header));
    sound.header->key_capacity = KEYS;
    sound.header->account_capacity = ACCOUNTS;
    sound.header->blobs_bytes = BLOBS_BYTES;
    sound.index = hole(INDEX_BYTES);
    memcpy((void *)sound.index, (void *)state.index, 8 << TG_INDEX_BITS);
    sound.keys = copy_of(state.keys, KEYS * sizeof(*state.keys),
                         KEYS * sizeof(*state.keys));
    sound.accounts = copy_of(state.accounts, ACCOUNTS * sizeof(*state.accounts),
                             ACCOUNTS * sizeof(*state.accounts));
    sound.catalogs = copy_of(state.catalogs, 2 * sizeof(*state.catalogs),
                             2 * sizeof(*state.catalogs));
    sound.areas = calloc(TG_AREA_COUNT, sizeof(*state.areas));
    sound.call_slots = hole(SLOTS_BYTES);
    sound.pool = calloc(TG_CATALOG_CREDENTIALS, sizeof(*state.pool));
    sound.throttle = calloc(TG_THROTTLE_BUCKETS, sizeof(*state.throttle));
    sound.waiters = calloc(TG_WAITERS, sizeof(*state.waiters));
    sound.wanted = calloc(TG_WANTED_ROWS, sizeof(*state.wanted));
    sound.blobs = copy_of(state.blobs, BLOBS_BYTES, BLOBS_BYTES);
}

/* A worker holds area 0; a call of another one stands in area 1. */
static void
begin_calls(void)
{
    struct tg_call call = {.key_slot = key_slot,
                           .endpoint = TG_ENDPOINT_CHAT,
                           .flags = TG_CALL_SENT,
                           .prompt_bound = 1000,
                           .completion_bound = 1000,
                           .held_nanos = 1000000,
                           .rates = {1, 1, 1, .write_picos = 1}};
    struct tg_area_claim other = {.state = &state, .area = 1, .writer_id = 9};

    memcpy(call.key_id, KEY_ID, TG_ID_LEN);
    state.areas[1].high_water = 1;
    other.free_head = 1;
    state.areas[0].writer_id = 7;
    state.areas[0].high_water = 1;
    state.areas[1].writer_id = 9;
    if (tg_area_begin(&other, &call) == NULL)
        abort();
}

static void
add_windows(void)
{
    struct tg_catalog *catalog = &state.catalogs[state.header->catalog_seq & 1];
    struct tg_digest digest;
    uint64_t hash;

    tg_digest_of(TG_STR(OLD_SECRET), &digest);
    memcpy(&hash, digest.bytes, sizeof(hash));
    hash &= (1u << TG_INDEX_BITS) - 1;
    add_window((char *)state.header + 176, sizeof(*state.header) - 176);
    add_window((void *)&state.index[hash], 8);
    add_window(&state.keys[key_slot], sizeof(*state.keys));
    add_window(&state.keys[key_slot].slots[state.keys[key_slot].seq & 1],
               sizeof(struct tg_key_policy));
    add_window(&state.accounts[0], sizeof(*state.accounts));
    add_window(&state.accounts[0].slots[state.accounts[0].seq & 1],
               sizeof(struct tg_account_policy));
    add_window(catalog, offsetof(struct tg_catalog, model_index));
    add_window(catalog->model_index, sizeof(catalog->model_index));
    add_window(&catalog->models[0], 128);
    add_window(&catalog->models[0], sizeof(struct tg_model));
    add_window(&catalog->models[12], sizeof(struct tg_model));
    add_window(&catalog->upstreams[0], sizeof(struct tg_upstream));
    add_window(&catalog->upstreams[0].dialect, 8);
    add_window(&catalog->upstreams[7], sizeof(struct tg_upstream));
    add_window(&catalog->credentials[0], 40);
    add_window(&state.areas[0], 64);
    add_window(&state.areas[1], 64);
    add_window(&state.areas[0].credential_calls, 32);
    add_window(&state.call_slots[0], sizeof(struct tg_call_slot));
    add_window(&state.call_slots[TG_AREA_SLOTS], sizeof(struct tg_call_slot));
    add_window(&state.pool[0], 2 * sizeof(struct tg_pool_row));
    add_window(&state.waiters[0], 4 * sizeof(struct tg_waiter));
    add_window(&state.wanted[hash % TG_WANTED_ROWS],
               sizeof(struct tg_wanted_row));
    add_window(state.blobs, 1024);
    add_window(state.keys, KEYS * sizeof(*state.keys));
}

/* Window, offset, length, bytes, as often as there is input for it. */
static void
damage(const uint8_t *data, size_t size)
{
    while (size > 4) {
        struct window *window = &windows[data[0] % window_count];
        size_t at = (size_t)(data[1] | data[2] << 8) % window->bytes;
        size_t len = 1 + data[3] % 32;

        data += 4;
        size -= 4;
        len = len > size ? size : len;
        if (len > window->bytes - at)
            len = window->bytes - at;
        memcpy(window->at + at, data, len);
        data += len;
        size -= len;
    }
}

static void
mend(void)
{
    memset(&state.call_slots[0], 0, 8 * sizeof(struct tg_call_slot));
    for (size_t i = 0; i < window_count; i++)
        memcpy(windows[i].at, windows[i].sound, windows[i].bytes);
    memset(state.pool, 0, TG_CATALOG_CREDENTIALS * sizeof(*state.pool));
    memset(state.waiters, 0, TG_WAITERS * sizeof(*state.waiters));
    memset(state.wanted, 0, TG_WANTED_ROWS * sizeof(*state.wanted));
    memset(state.throttle, 0, TG_THROTTLE_BUCKETS * sizeof(*state.throttle));
}

static const struct call {
    enum tg_method method;
    const char *path, *body;
} calls[] = {
    {TG_METHOD_POST, "/v1/chat/completions",
     "{\"model\":\"deepseek-flash\",\"stream\":true,\"messages\":[{\"role\":"
     "\"user\",\"content\":\"hello\"}]}"},
    {TG_METHOD_POST, "/v1/messages",
     "{\"model\":\"claude\",\"max_tokens\":100,\"messages\":[]}"},
    {TG_METHOD_POST, "/v1/messages",
     "{\"model\":\"claude\",\"messages\":[],\"system\":[{\"type\":\"text\","
     "\"text\":\"x\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":"
     "\"1h\"}}]}"},
    {TG_METHOD_POST, "/v1/embeddings", "{\"model\":\"embed\",\"input\":\"x\"}"},
    {TG_METHOD_GET, "/v1/models", NULL},
    {TG_METHOD_GET, "/v1/models/deepseek-flash", NULL},
    {TG_METHOD_GET, "/v1/key", NULL},
    {TG_METHOD_GET, "/v1/user/balance", NULL},
    {TG_METHOD_GET, "/v1/files", NULL},
};

static void
refuse(void)
{
    static const struct tg_refusal_form form = {.manner = TG_MANNER_OPENAI};
    static char text[TG_REFUSAL_SIZE];
    struct tg_text out = tg_text_in(text, sizeof(text));

    tg_refusal_write(&out, &form, &state, &admission, TG_STR(OLD_SECRET));
    assert(!out.is_cut);
    (void)tg_admit_retry_ms(&admission);
    (void)tg_admit_may_retry(&admission);
}

static void
answer(void)
{
    static char text[TG_ANSWER_SIZE];
    struct tg_text out = tg_text_in(text, sizeof(text));

    if (tg_answer_write(&out, &state, NOW, &admission) != TG_CODE_NONE)
        refuse();
}

/* The try failed, the next one ends with what was counted. */
static void
end_call(struct tg_call_slot *slot)
{
    static const struct tg_try failed = {.fate = TG_FATE_BUSY, .status = 429};
    static struct tg_meter meter;
    struct tg_outcome outcome = {
        .meter = &meter, .upstream_status = 200, .status = 200, .now_ms = NOW};

    (void)tg_admit_go_on(&claim, slot, &failed, NOW, &admission);
    slot->call.flags |= TG_CALL_SENT;
    tg_meter_init(&meter, TG_METER_AUTO);
    tg_meter_feed(&meter, "{}", 2);
    if (!tg_hold_more(&admission.hold, &state, slot, &meter, NOW, &admission))
        refuse();
    tg_meter_end(&meter);
    tg_settle(&state, &slot->call, &outcome);
    tg_target_leave(&claim, &admission.target, NOW);
    tg_area_end(&claim, slot);
}

static void
take(const struct tg_body_facts *facts)
{
    struct tg_queue_place place = {.row = 0};
    struct tg_call_slot *slot =
        tg_admit_take(&claim, facts, &place, NOW, &admission);

    taken += slot != NULL;
    if (slot != NULL)
        end_call(slot);
    else if (admission.action == TG_ACTION_WAIT)
        tg_admit_turn(&claim, &place, NOW + 1000, &admission);
    if (admission.action == TG_ACTION_REFUSE)
        refuse();
    tg_queue_leave(&claim, &place);
}

static void
read_body(const struct call *call)
{
    static struct tg_payload payload;
    static struct tg_body_facts facts;
    struct tg_head head = admission.head;
    size_t len = call->body == NULL ? 0 : strlen(call->body);
    bool is_sound;

    tg_payload_init(&payload, &head);
    is_sound = tg_payload_feed(&payload, call->body, len) == 0 &&
               tg_payload_finish(&payload, &facts) == 0;
    tg_admit_body(&state, &head, is_sound ? &facts : NULL,
                  tg_payload_fault(&payload), NOW, &admission);
    if (admission.action == TG_ACTION_PROXY)
        take(&facts);
    else
        refuse();
}

static void
serve(const struct call *call)
{
    struct tg_credential credential = {0};
    struct tg_request request = {
        .method = call->method,
        .path = text_of(call->path),
        .framing = {.line = TG_STR_INIT("POST / HTTP/1.1"), .hosts = 1},
        .credential = &credential,
        .content_type = TG_STR("application/json"),
        .referer = TG_STR("https://www.example.com/app/one"),
        .ip = {[10] = 255, 255, 127, 0, 0, 1},
        .now_ms = NOW,
    };

    tg_credential_add(&credential, TG_SOURCE_AUTHORIZATION,
                      TG_STR("Bearer " OLD_SECRET));
    memset(&admission, 0xa5, sizeof(admission));
    tg_admit_head(&state, &request, &admission);
    switch (admission.action) {
    case TG_ACTION_ANSWER:
        answer();
        break;
    case TG_ACTION_READ_BODY:
        read_body(call);
        break;
    case TG_ACTION_WAIT:
        assert(admission.wait_ms > 0);
        break;
    default:
        refuse();
    }
}

static void
serve_all(void)
{
    claim = (struct tg_area_claim){.state = &state, .writer_id = 7};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        serve(&calls[i]);
}

static void
hear(void *arg, enum tg_check_row row, enum tg_check_answer said,
     const struct tg_admission *a)
{
    (void)arg;
    (void)row;
    if (said == TG_CHECK_NO) {
        memcpy(&admission, a, sizeof(admission));
        refuse();
    }
}

/* As the daemon does for a worker that is gone. */
static void
settle_lost(void *arg, struct tg_call_slot *slot)
{
    (void)arg;
    if (tg_area_is_sound(&state, slot))
        tg_settle_lost(&state, &slot->call, NOW + 1000);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    admit_test_begin();
    publish_rich_key();
    tg_publish_ready(publisher, NOW);
    take_apart();
    admit_test_end();
    state = sound;
    begin_calls();
    add_windows();
    serve_all();
    /* All that a sound file does is reached. */
    if (taken != 3)
        abort();
    mend();
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tg_check_question question = {.key_slot = key_slot,
                                         .model = TG_STR_INIT("deepseek-flash"),
                                         .now_ms = NOW};

    damage(data, size);
    serve_all();
    (void)tg_ready_look(&state, true, NOW);
    (void)tg_check(&state, &question, hear, NULL);
    tg_area_each(&state, 1, settle_lost, NULL);
    tg_queue_clear(&state, 9);
    mend();
    return 0;
}
