#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>

#include "caller.h"
#include "shown.h"

enum { MOST = 4096, BUCKETS = 1024 };
enum { DIGEST = SHA256_DIGEST_LENGTH, HEX = 2 * SHA256_DIGEST_LENGTH };

/* The plain credential is kept to be found again without hashing it for every
 * call; it is compared and never shown. */
struct sim_caller {
    struct sim_caller *next;        /* of all */
    struct sim_caller *same_digest; /* in its bucket of digests */
    struct sim_caller *same_hash;   /* in its bucket, once it has called */
    char *plain;                    /* NULL: only a rule was set as yet */
    size_t plain_bytes;
    unsigned char digest[DIGEST];
    struct sim_caller_rule rule;
    uint64_t requests;
    uint64_t refused;
    int64_t at_once;
    int64_t most_at_once;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sim_caller *all;
static struct sim_caller *buckets[BUCKETS];
static struct sim_caller *digests[BUCKETS];
static size_t count;
static struct sim_caller others;

/* Eight bytes at a time: a credential is short and this runs for each call. */
static struct sim_caller **
bucket(struct tg_str plain)
{
    uint64_t hash = plain.len, word;

    for (; plain.len >= sizeof(word); plain.len -= sizeof(word)) {
        memcpy(&word, plain.data, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
        plain.data += sizeof(word);
    }
    for (size_t i = 0; i < plain.len; i++)
        hash = (hash ^ (unsigned char)plain.data[i]) * 0x100000001b3u;
    return &buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct sim_caller **
digest_bucket(const unsigned char digest[DIGEST])
{
    return &digests[(digest[0] << 8 | digest[1]) % BUCKETS];
}

static struct sim_caller *
find_digest(const unsigned char digest[DIGEST])
{
    struct sim_caller *c = *digest_bucket(digest);

    while (c && memcmp(c->digest, digest, DIGEST) != 0)
        c = c->same_digest;
    return c;
}

static void
put_among_all(struct sim_caller *c)
{
    struct sim_caller **home = digest_bucket(c->digest);

    c->next = all;
    all = c;
    c->same_digest = *home;
    *home = c;
    count++;
}

/* The one with that digest, made if need be; NULL when there are too many. */
static struct sim_caller *
make(const unsigned char digest[DIGEST])
{
    struct sim_caller *c = find_digest(digest);

    if (c || count == MOST)
        return c;
    c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    memcpy(c->digest, digest, DIGEST);
    put_among_all(c);
    return c;
}

static void
put_in_bucket(struct sim_caller *c)
{
    struct sim_caller **home =
        bucket((struct tg_str){c->plain, c->plain_bytes});

    c->same_hash = *home;
    *home = c;
}

/* Gives the credential, which calls for the first time, a place. */
static struct sim_caller *
meet(struct tg_str plain)
{
    unsigned char digest[DIGEST];
    struct sim_caller *c;

    SHA256((const unsigned char *)plain.data, plain.len, digest);
    c = make(digest);
    if (!c)
        return &others;
    c->plain = malloc(plain.len + 1);
    if (!c->plain)
        return &others;
    if (plain.len > 0)
        memcpy(c->plain, plain.data, plain.len);
    c->plain_bytes = plain.len;
    put_in_bucket(c);
    return c;
}

static struct sim_caller *
find(struct tg_str plain)
{
    struct sim_caller *c = *bucket(plain);

    while (c && (c->plain_bytes != plain.len ||
                 memcmp(c->plain, plain.data, plain.len) != 0))
        c = c->same_hash;
    return c ? c : meet(plain);
}

static enum sim_entry
judge(struct sim_caller *c, bool is_right)
{
    if (!is_right)
        return SIM_ENTRY_WRONG;
    if (c->rule.status[0] && c->rule.status_count != 0) {
        c->rule.status_count -= c->rule.status_count > 0;
        return SIM_ENTRY_STATUS;
    }
    if (c->rule.most_at_once > 0 && c->at_once > c->rule.most_at_once)
        return SIM_ENTRY_CROWDED;
    return SIM_ENTRY_FREE;
}

struct sim_caller *
sim_caller_enter(struct tg_str credential, bool is_right,
                 struct sim_admission *admission)
{
    struct sim_caller *c;

    pthread_mutex_lock(&lock);
    c = find(credential);
    c->requests++;
    if (++c->at_once > c->most_at_once)
        c->most_at_once = c->at_once;
    admission->entry = judge(c, is_right);
    if (admission->entry != SIM_ENTRY_FREE) {
        c->refused++;
        admission->at_once = c->at_once;
        admission->most_at_once = c->rule.most_at_once;
        memcpy(admission->status, c->rule.status, sizeof(c->rule.status));
    }
    pthread_mutex_unlock(&lock);
    return c;
}

void
sim_caller_leave(struct sim_caller *caller)
{
    if (!caller)
        return;
    pthread_mutex_lock(&lock);
    caller->at_once--;
    pthread_mutex_unlock(&lock);
}

static int
read_digest(struct tg_str hex, unsigned char digest[DIGEST])
{
    if (hex.len != HEX)
        return -1;
    for (size_t i = 0; i < HEX; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *found = hex.data[i] ? strchr(digits, hex.data[i]) : NULL;

        if (!found)
            return -1;
        digest[i / 2] =
            (unsigned char)(digest[i / 2] << 4 | ((found - digits) & 15));
    }
    return 0;
}

int
sim_caller_rule(struct tg_str digest, const struct sim_caller_rule *rule)
{
    unsigned char bytes[DIGEST] = {0};
    struct sim_caller *c;

    if (read_digest(digest, bytes))
        return -1;
    pthread_mutex_lock(&lock);
    c = make(bytes);
    if (c)
        c->rule = *rule;
    pthread_mutex_unlock(&lock);
    return c ? 0 : -1;
}

static void
show(json_t *to, const char *name, const struct sim_caller *c)
{
    if (c->requests > 0)
        json_object_set_new(to, name,
                            json_pack("{s:I,s:I,s:I}", "requests",
                                      (json_int_t)c->requests, "refused",
                                      (json_int_t)c->refused, "most_at_once",
                                      (json_int_t)c->most_at_once));
}

json_t *
sim_caller_show(void)
{
    json_t *shown = json_object();
    char name[SIM_SHOWN_HASH_BYTES];

    pthread_mutex_lock(&lock);
    for (const struct sim_caller *c = all; c; c = c->next) {
        sim_shown_digest(c->digest, name);
        show(shown, name, c);
    }
    show(shown, "(other)", &others);
    pthread_mutex_unlock(&lock);
    return shown;
}

static void
zero(struct sim_caller *c)
{
    c->requests = c->refused = 0;
    c->most_at_once = c->at_once;
    c->rule = (struct sim_caller_rule){0};
}

/* One of whom no call runs is forgotten. */
static void
keep_or_forget(struct sim_caller *c)
{
    if (c->at_once == 0) {
        free(c->plain);
        free(c);
        return;
    }
    zero(c);
    put_among_all(c);
    put_in_bucket(c);
}

void
sim_caller_reset(void)
{
    struct sim_caller *old, *c;

    pthread_mutex_lock(&lock);
    old = all;
    all = NULL;
    count = 0;
    memset(buckets, 0, sizeof(buckets));
    memset(digests, 0, sizeof(digests));
    while ((c = old)) {
        old = c->next;
        keep_or_forget(c);
    }
    zero(&others);
    pthread_mutex_unlock(&lock);
}
