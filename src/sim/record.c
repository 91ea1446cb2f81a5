#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "record.h"
#include "shown.h"

enum { RING = 4096, BODY_BYTES = 4096 };

/* The runs of bytes point behind the headers, into the same allocation. */
struct sim_record {
    int references; /* the ring's and the call's; under lock */
    uint64_t number;
    struct timespec at;
    int status;
    const char *outcome;
    struct sim_tally counted;   /* requests 0: it was not */
    struct sim_request request; /* body: its first BODY_BYTES */
    size_t body_bytes;
    unsigned char body_sha256[SHA256_DIGEST_LENGTH];
    json_t *form; /* NULL: the body is none */
    struct sim_header headers[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sim_record *ring[RING];
static uint64_t next_number;
static int log_fd = -1;
static bool keeps_ring;

int
sim_record_init(const char *log_file, bool keeps)
{
    keeps_ring = keeps;
    if (!log_file)
        return 0;
    log_fd = open(log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return log_fd < 0 ? -1 : 0;
}

static struct tg_str
copy(char **to, struct tg_str from)
{
    struct tg_str made = {*to, from.len};

    if (from.len > 0)
        memcpy(*to, from.data, from.len);
    *to += from.len;
    return made;
}

static size_t
size_of(const struct sim_request *request, size_t body)
{
    size_t size = sizeof(struct sim_record) + request->method.len +
                  request->path.len + request->query.len + body;

    for (size_t i = 0; i < request->header_count; i++)
        size += sizeof(struct sim_header) + request->headers[i].name.len +
                request->headers[i].value.len;
    return size;
}

static struct sim_record *
copy_request(const struct sim_request *from)
{
    struct tg_str body = from->body;
    struct sim_record *r;
    char *at;

    if (body.len > BODY_BYTES)
        body.len = BODY_BYTES;
    r = malloc(size_of(from, body.len));
    if (!r)
        return NULL;
    *r = (struct sim_record){.outcome = "open", .body_bytes = from->body.len};
    at = (char *)&r->headers[from->header_count];
    r->request = *from;
    r->request.method = copy(&at, from->method);
    r->request.path = copy(&at, from->path);
    r->request.query = copy(&at, from->query);
    r->request.body = copy(&at, body);
    r->request.headers = r->headers;
    for (size_t i = 0; i < from->header_count; i++) {
        r->headers[i].name = copy(&at, from->headers[i].name);
        r->headers[i].value = copy(&at, from->headers[i].value);
    }
    return r;
}

static void
drop(struct sim_record *record)
{
    if (!record || --record->references > 0)
        return;
    json_decref(record->form);
    free(record);
}

struct sim_record *
sim_record_open(const struct sim_request *request)
{
    struct sim_record *r;

    if (!keeps_ring && log_fd < 0)
        return NULL;
    r = copy_request(request);
    if (!r)
        return NULL;
    clock_gettime(CLOCK_REALTIME, &r->at);
    r->form = sim_shown_form(request);
    if (r->body_bytes > BODY_BYTES)
        SHA256((const unsigned char *)request->body.data, r->body_bytes,
               r->body_sha256);
    pthread_mutex_lock(&lock);
    r->number = next_number++;
    r->references = 1;
    if (keeps_ring) {
        drop(ring[r->number % RING]);
        ring[r->number % RING] = r;
        r->references++;
    }
    pthread_mutex_unlock(&lock);
    return r;
}

static json_t *
show_request_id(const struct sim_request *request)
{
    struct tg_str id = sim_request_header(request, "x-request-id");

    return id.data ? sim_shown_text(id) : json_null();
}

static json_t *
show(const struct sim_record *r)
{
    const struct sim_request *q = &r->request;
    char digest[SIM_SHOWN_HASH_BYTES];

    if (r->body_bytes > BODY_BYTES)
        sim_shown_digest(r->body_sha256, digest);
    else
        sim_shown_hash(q->body, digest);
    return json_pack(
        "{s:I,s:f,s:o,s:o,s:o,s:o,s:o,s:s,s:I,s:o,s:O*,s:i,s:s,s:o}", "number",
        (json_int_t)r->number, "at",
        (double)r->at.tv_sec + (double)r->at.tv_nsec / 1e9, "method",
        sim_shown_text(q->method), "path", sim_shown_text(q->path), "query",
        sim_shown_text(q->query), "headers", sim_shown_headers(q),
        "x_request_id", show_request_id(q), "body_sha256", digest, "body_bytes",
        (json_int_t)r->body_bytes, "body", sim_shown_text(q->body), "form",
        r->form, "status", r->status, "outcome", r->outcome, "counted",
        r->counted.requests ? sim_count_tally(&r->counted) : json_null());
}

static void
write_log(const struct sim_record *record)
{
    json_t *shown = show(record);
    char *line = json_dumps(shown, JSON_COMPACT);
    char *whole = NULL;
    int len = line ? asprintf(&whole, "%s\n", line) : -1;

    if (len < 0 || write(log_fd, whole, (size_t)len) != len)
        fprintf(stderr, "tollgate-sim: cannot write the log: %s\n",
                strerror(errno));
    free(whole);
    free(line);
    json_decref(shown);
}

void
sim_record_count(struct sim_record *record, const struct sim_tally *tally)
{
    if (!record)
        return;
    pthread_mutex_lock(&lock);
    record->counted = *tally;
    pthread_mutex_unlock(&lock);
}

void
sim_record_close(struct sim_record *record, int status, const char *outcome)
{
    if (!record)
        return;
    pthread_mutex_lock(&lock);
    record->status = status;
    record->outcome = outcome;
    if (log_fd >= 0)
        write_log(record);
    drop(record);
    pthread_mutex_unlock(&lock);
}

json_t *
sim_record_show(size_t most)
{
    json_t *all = json_array();
    uint64_t from;

    if (most > RING)
        most = RING;
    pthread_mutex_lock(&lock);
    from = next_number > most ? next_number - most : 0;
    for (uint64_t n = from; n < next_number; n++)
        if (ring[n % RING] && ring[n % RING]->number == n)
            json_array_append_new(all, show(ring[n % RING]));
    pthread_mutex_unlock(&lock);
    return json_pack("{s:s,s:o}", "object", "list", "data", all);
}

void
sim_record_reset(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < RING; i++) {
        drop(ring[i]);
        ring[i] = NULL;
    }
    pthread_mutex_unlock(&lock);
}
