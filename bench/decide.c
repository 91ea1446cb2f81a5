/*
 * decide.c: what a decision costs with a million keys.
 *
 * Publishes that many keys as the daemon does, in large pages if the kernel
 * has them, then asks for random ones: the lookup with its copy of the policy,
 * the head of a request, and head and body; and for unknown keys, which are
 * refused, from an address that has sent few of them and from one that has
 * sent too many.  Prints a name and a number a line.  Each of SAMPLES
 * decisions is timed alone, less what reading the clock takes; the figures of
 * batches, which a processor can overlap, are the mean of BATCH decisions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admit.h"
#include "book.h"
#include "huge.h"
#include "key.h"
#include "publish.h"
#include "refusal.h"

enum { SAMPLES = 400000, BATCH = 64, BATCHES = SAMPLES / BATCH };

static struct tg_state state;
static struct tg_body_facts facts;
static char (*secrets)[TG_KEY_LEN];
static char headers[BATCH][7 + TG_KEY_LEN]; /* "Bearer " and a key */
static uint32_t key_count;
static int64_t wall_ms;

__attribute__((noreturn)) static void
die(const char *what, int err)
{
    fprintf(stderr, "bench-decide: %s: error %d (%s)\n", what, err,
            strerror(errno));
    exit(1);
}

static void
must(int err, const char *what)
{
    if (err != 0)
        die(what, err);
}

static int64_t
now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* xorshift64*: which key is next must cost nothing beside a decision. */
static uint32_t
any_key(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    return (uint32_t)(((x * 0x2545f4914f6cdd1d >> 32) * key_count) >> 32);
}

static int
kernel_random(void *buf, size_t len)
{
    return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -1;
}

static void
publish_catalog(struct tg_publisher *publisher, uint32_t wrong_keys_per_minute)
{
    static struct tg_catalog catalog = {.currency = TG_BOOK_CURRENCY};
    const struct tg_book_model *book = tg_book_find("deepseek-flash");
    struct tg_model *model = &catalog.models[0];
    struct tg_upstream *upstream = &catalog.upstreams[0];
    size_t first = book->price_count > TG_MODEL_PRICES
                       ? book->price_count - TG_MODEL_PRICES
                       : 0;

    catalog.model_count = 1;
    snprintf(model->name, sizeof(model->name), "%s", book->name);
    model->scopes = book->scopes;
    model->max_context_tokens = book->max_context_tokens;
    model->max_output_tokens = book->max_output_tokens;
    model->upstream_count = 1;
    model->price_count = (uint32_t)(book->price_count - first);
    memcpy(model->prices, book->prices + first,
           model->price_count * sizeof(model->prices[0]));

    memcpy(upstream->id, "up_000000000000000000000", TG_ID_LEN);
    snprintf(upstream->host, sizeof(upstream->host), "127.0.0.1");
    upstream->dialect = TG_DIALECT_DEEPSEEK;
    upstream->credential_count = 1;
    upstream->address_count = 1;
    upstream->addresses[0] =
        (struct tg_address){.family = 4, .port = 1, .ip = {127, 0, 0, 1}};
    memcpy(catalog.credentials[0].id, "cred_0000000000000000000", TG_ID_LEN);
    catalog.credentials[0].generation = 1;
    catalog.credentials[0].sealed_bytes = 1;
    catalog.settings.wrong_keys_per_minute = wrong_keys_per_minute;
    must(tg_publish_catalog(publisher, &catalog), "catalog");
}

static void
publish_key(struct tg_publisher *publisher, uint32_t n, uint32_t account)
{
    struct tg_str text = {secrets[n], TG_KEY_LEN};
    struct tg_key_policy key = {.kind = TG_KIND_PRODUCTION,
                                .status = TG_KEY_ACTIVE,
                                .scopes = TG_SCOPE_ALL,
                                .account = account,
                                .requests_per_minute = 1000,
                                .tokens_per_minute = 100000};
    struct tg_digest digest;
    char id[TG_ID_LEN + 1];
    uint32_t slot;

    snprintf(id, sizeof(id), "key_%020u", n);
    memcpy(key.id, id, TG_ID_LEN);
    tg_digest_of(text, &digest);
    memcpy(key.secrets[0].digest, digest.bytes, sizeof(digest.bytes));
    memcpy(key.prefix, secrets[n], TG_KEY_PREFIX_LEN);
    memcpy(key.last4, secrets[n] + TG_KEY_LEN - 4, 4);
    must(tg_publish_text(publisher, TG_STR("bench"), &key.name), "name");
    must(tg_publish_key(publisher, &key, &slot), "key");
}

static void
mint(void)
{
    struct tg_secret secret;

    secrets = malloc((size_t)key_count * sizeof(*secrets));
    if (secrets == NULL)
        die("memory", 0);
    for (uint32_t n = 0; n < key_count; n++) {
        must(tg_key_mint(&secret, TG_KIND_PRODUCTION, kernel_random), "key");
        memcpy(secrets[n], secret.data, TG_KEY_LEN);
    }
}

static void
publish_all(const char *path)
{
    static const uint8_t uuid[16] = {1};
    struct tg_account_policy account = {.status = TG_ACCOUNT_ACTIVE,
                                        .verification =
                                            TG_VERIFICATION_VERIFIED,
                                        .billing = TG_BILLING_POSTPAID};
    struct tg_state_size size = {0};
    struct tg_publisher *publisher;
    uint32_t slot;

    must(tg_state_create(path, &size, uuid, wall_ms), "state file");
    must(tg_state_open(&state, AT_FDCWD, path), "state file");
    must(tg_publisher_open(&publisher, &state), "publisher");
    memcpy(account.id, "acct_0000000000000000000", TG_ID_LEN);
    must(tg_publish_account(publisher, &account, &slot), "account");
    publish_catalog(publisher, 0);
    for (uint32_t n = 0; n < key_count; n++)
        publish_key(publisher, n, slot);
    tg_publish_ready(publisher, wall_ms);
    tg_publisher_close(publisher);
}

static void
read_body(void)
{
    static const char text[] =
        "{\"model\":\"deepseek-flash\",\"messages\":[{\"role\":\"user\","
        "\"content\":\"Say hello.\"}],\"max_tokens\":4}";
    struct tg_body body;

    tg_body_init(&body);
    must(tg_body_feed(&body, text, sizeof(text) - 1), "body");
    must(tg_body_finish(&body, &facts), "body");
}

/* A request's header is in the processor's cache when it is judged. */
static void
receive(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(headers[i], "Bearer ", 7);
        memcpy(headers[i] + 7, secrets[any_key()], TG_KEY_LEN);
    }
}

static void
digest(size_t i, struct tg_digest *made)
{
    struct tg_str text = {headers[i] + 7, TG_KEY_LEN};

    tg_digest_of(text, made);
}

static void
only_digest(size_t i)
{
    struct tg_digest made;

    digest(i, &made);
}

static void
lookup(size_t i)
{
    struct tg_key_policy policy;
    struct tg_digest made;
    uint32_t slot;
    uint64_t seq;

    digest(i, &made);
    tg_state_expect_key(&state, &made);
    must(tg_state_lookup(&state, &made, &slot), "lookup");
    must(tg_state_key(&state, slot, &policy, &seq), "policy");
    if (tg_key_secret_of(&policy, &made) != 0)
        die("the wrong policy", 0);
}

static void
judge_head(size_t i, struct tg_admission *admission)
{
    struct tg_credential credential = {0};
    struct tg_request request = {
        .method = TG_METHOD_POST,
        .path = TG_STR("/v1/chat/completions"),
        .framing = {.line = TG_STR("POST /v1/chat/completions HTTP/1.1"),
                    .host = TG_STR("localhost"),
                    .hosts = 1,
                    .lengths = 1,
                    .types = 1,
                    .has_body = true},
        .credential = &credential,
        .content_type = TG_STR("application/json"),
        .ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1},
        .now_ms = wall_ms};

    tg_credential_add(&credential, TG_SOURCE_AUTHORIZATION,
                      (struct tg_str){headers[i], sizeof(headers[i])});
    tg_admit_head(&state, &request, admission);
}

static void
head(size_t i, struct tg_admission *admission)
{
    judge_head(i, admission);
    if (admission->action != TG_ACTION_READ_BODY)
        die("refused", (int)admission->code);
}

static void
decide_head(size_t i)
{
    static struct tg_admission admission;

    head(i, &admission);
}

static void
decide(size_t i)
{
    static struct tg_admission admission;
    struct tg_head kept;

    head(i, &admission);
    kept = admission.head;
    tg_admit_body(&state, &kept, &facts, NULL, wall_ms, &admission);
    if (admission.action != TG_ACTION_PROXY)
        die("refused", (int)admission.code);
}

/* A well-formed key that nobody was given, and the answer's text. */
static void
refuse(size_t i, enum tg_code code)
{
    static const char unknown[] = "sk-tgp_000000000000000000000000000000234bLS";
    static struct tg_admission admission;
    static const struct tg_refusal_form form = {.manner = TG_MANNER_OPENAI};
    static char answer[TG_REFUSAL_SIZE];
    struct tg_text text = tg_text_in(answer, sizeof(answer));

    memcpy(headers[i] + 7, unknown, TG_KEY_LEN);
    judge_head(i, &admission);
    if (admission.action != TG_ACTION_REFUSE || admission.code != code)
        die("not refused as it should be", (int)admission.code);
    tg_refusal_write(&text, &form, &state, &admission, TG_STR(unknown));
}

static void
refuse_unknown(size_t i)
{
    refuse(i, TG_CODE_INVALID_API_KEY);
}

static void
refuse_too_many(size_t i)
{
    refuse(i, TG_CODE_RATE_LIMIT_EXCEEDED);
}

/* From here on there is one wrong key a minute, and it was sent. */
static void
throttle(void)
{
    struct tg_publisher *publisher;

    must(tg_publisher_open(&publisher, &state), "publisher");
    publish_catalog(publisher, 1);
    tg_publisher_close(publisher);
    receive(1);
    refuse_unknown(0);
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
report(const char *name, const char *kind, int64_t *times, size_t count)
{
    qsort(times, count, sizeof(times[0]), compare);
    printf("%s%s_p50_ns %ld\n%s%s_p99_ns %ld\n", name, kind,
           (long)times[count / 2], name, kind, (long)times[count * 99 / 100]);
}

static int64_t
clock_cost_ns(void)
{
    static int64_t times[BATCHES];

    for (size_t i = 0; i < BATCHES; i++) {
        int64_t start = now_ns();

        times[i] = now_ns() - start;
    }
    qsort(times, BATCHES, sizeof(times[0]), compare);
    return times[BATCHES / 2];
}

static void
measure(const char *name, void (*call)(size_t i))
{
    static int64_t times[SAMPLES];
    int64_t start, clock = clock_cost_ns();

    for (size_t sample = 0; sample < SAMPLES; sample++) {
        receive(1);
        start = now_ns();
        call(0);
        times[sample] = now_ns() - start - clock;
    }
    report(name, "", times, SAMPLES);

    for (size_t batch = 0; batch < BATCHES; batch++) {
        receive(BATCH);
        start = now_ns();
        for (size_t i = 0; i < BATCH; i++)
            call(i);
        times[batch] = (now_ns() - start - clock) / BATCH;
    }
    report(name, "_batch", times, BATCHES);
}

/* How long a worker that starts needs to see what is there. */
static void
reopen(const char *path)
{
    int64_t start = now_ns();

    tg_state_close(&state);
    must(tg_state_open(&state, AT_FDCWD, path), "state file");
    receive(1);
    lookup(0);
    printf("open_us %ld\n", (long)(now_ns() - start) / 1000);
}

/* As the daemon does it, but at once. */
static void
put_together(void)
{
    struct tg_huge huge = {.is_refused = false};
    int64_t start = now_ns();

    while (tg_huge_step(&huge, &state))
        ;
    printf("large_pages_ms %ld\n", (long)((now_ns() - start) / 1000000));
}

/* A worker meets each page for the first time once; that is not measured. */
static void
touch_all(void)
{
    for (uint32_t n = 0; n < key_count; n++) {
        memcpy(headers[0] + 7, secrets[n], TG_KEY_LEN);
        lookup(0);
    }
}

int
main(int argc, char **argv)
{
    struct stat file;
    char dir[] = "/dev/shm/tollgate-bench-XXXXXX", path[64];
    int64_t start;

    key_count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    if (argc > 2 || key_count == 0 || key_count > 16000000) {
        fputs("usage: bench-decide [KEYS], up to 16 million\n", stderr);
        return 2;
    }
    wall_ms = (int64_t)time(NULL) * 1000;
    if (mkdtemp(dir) == NULL)
        die(dir, 0);
    snprintf(path, sizeof(path), "%s/state", dir);
    mint();
    read_body();

    start = now_ns();
    publish_all(path);
    printf("keys %u\npublish_ms %ld\n", key_count,
           (long)((now_ns() - start) / 1000000));
    /* Mapped and open: nothing is left behind whatever happens from here. */
    reopen(path);
    must(stat(path, &file), path);
    unlink(path);
    rmdir(dir);
    printf("state_mib %ld\n", (long)(file.st_blocks / 2048));
    put_together();
    touch_all();

    measure("digest", only_digest);
    measure("lookup", lookup);
    measure("head", decide_head);
    measure("decide", decide);
    measure("refuse", refuse_unknown);
    throttle();
    measure("throttle", refuse_too_many);
    free(secrets);
    tg_state_close(&state);
    return 0;
}
