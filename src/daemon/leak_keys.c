#include "leak_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conf.h"
#include "egress.h"
#include "err.h"
#include "leak_signature.h"
#include "log.h"

#define FILE_BYTES_MAX (256u << 10)
#define DAY_MS INT64_C(86400000)
#define AGAIN_MS 600000 /* at most so often, whoever asks */

struct tg_leak_keys {
    pthread_mutex_t lock;
    char source[TG_CONF_SOURCE_SIZE]; /* a URL; "": a file, or nowhere */
    bool is_on;
    struct tg_leak_ring ring;
    int64_t asked_at_ms, had_at_ms; /* 0: never */
    bool is_wanted;                 /* a key was named that is not known */
};

static bool
is_url(const char *source)
{
    return strncmp(source, "https://", 8) == 0 ||
           strncmp(source, "http://", 7) == 0;
}

static int
read_file(struct tg_daemon *daemon, const char *source,
          struct tg_leak_ring *ring, struct tg_error *error)
{
    char path[2 * TG_PATH_SIZE], *text = malloc(FILE_BYTES_MAX);
    struct tg_error why;
    size_t len = 0;
    FILE *in;
    int err;

    snprintf(path, sizeof(path), "%s%s%s",
             *source == '/' ? "" : daemon->paths.home,
             *source == '/' ? "" : "/", source);
    in = fopen(path, "re");
    if (in != NULL && text != NULL)
        len = fread(text, 1, FILE_BYTES_MAX, in);
    if (in == NULL || ferror(in) || text == NULL)
        err = tg_error_set(error, TG_ERR_SYSTEM,
                           "[leaks] github_keys: cannot read %.200s: %s", path,
                           strerror(errno));
    else if (tg_leak_ring_read(ring, (struct tg_str){text, len}, &why) != 0)
        err =
            tg_error_set(error, TG_ERR_FORMAT,
                         "[leaks] github_keys, %.200s: %.200s", path, why.text);
    else
        err = 0;
    if (in != NULL)
        fclose(in);
    free(text);
    return err;
}

static struct tg_leak_keys *
make(void)
{
    struct tg_leak_keys *keys = calloc(1, sizeof(*keys));

    if (keys != NULL)
        pthread_mutex_init(&keys->lock, NULL);
    return keys;
}

/* Takes the ring over. */
static void
put(struct tg_leak_keys *keys, const struct tg_leak_ring *ring,
    const char *source)
{
    pthread_mutex_lock(&keys->lock);
    /* Keys that came from a URL are kept when it is named again. */
    if (*source == '\0' || strcmp(source, keys->source) != 0 ||
        ring->count > 0) {
        tg_leak_ring_release(&keys->ring);
        keys->ring = *ring;
        keys->asked_at_ms = keys->had_at_ms = 0;
    }
    keys->is_on = ring->count > 0 || *source != '\0';
    snprintf(keys->source, sizeof(keys->source), "%s", source);
    pthread_mutex_unlock(&keys->lock);
}

int
tg_leak_keys_set(struct tg_daemon *daemon, const char *source,
                 struct tg_error *error)
{
    struct tg_leak_ring ring = {.count = 0};
    int err = 0;

    if (daemon->leak_keys == NULL)
        daemon->leak_keys = make();
    if (daemon->leak_keys == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    if (*source != '\0' && !is_url(source))
        err = read_file(daemon, source, &ring, error);
    if (err == 0)
        put(daemon->leak_keys, &ring, is_url(source) ? source : "");
    return err;
}

bool
tg_leak_keys_are_on(struct tg_daemon *daemon)
{
    struct tg_leak_keys *keys = daemon->leak_keys;
    bool is_on;

    pthread_mutex_lock(&keys->lock);
    is_on = keys->is_on;
    pthread_mutex_unlock(&keys->lock);
    return is_on;
}

int
tg_leak_keys_verify(struct tg_daemon *daemon, const char *name,
                    const char *signature, struct tg_str body)
{
    struct tg_leak_keys *keys = daemon->leak_keys;
    int err;

    pthread_mutex_lock(&keys->lock);
    err = tg_leak_ring_verify(&keys->ring, name, signature, body);
    keys->is_wanted |= err == TG_ERR_NOT_FOUND;
    pthread_mutex_unlock(&keys->lock);
    return err;
}

/* Whether it is time; the URL is then in source. */
static bool
is_due(struct tg_leak_keys *keys, int64_t now_ms,
       char source[TG_CONF_SOURCE_SIZE])
{
    bool is_old, is_due;

    pthread_mutex_lock(&keys->lock);
    is_old = keys->had_at_ms == 0 || now_ms - keys->had_at_ms >= DAY_MS ||
             keys->is_wanted;
    is_due = keys->source[0] != '\0' && is_old &&
             (keys->asked_at_ms == 0 || now_ms < keys->asked_at_ms ||
              now_ms - keys->asked_at_ms >= AGAIN_MS);
    if (is_due) {
        keys->asked_at_ms = now_ms;
        keys->is_wanted = false;
        memcpy(source, keys->source, TG_CONF_SOURCE_SIZE);
    }
    pthread_mutex_unlock(&keys->lock);
    return is_due;
}

static int
ask(struct tg_daemon *daemon, const char *url, struct tg_leak_ring *ring,
    struct tg_error *error)
{
    static const char *const headers[] = {"Accept: application/json", NULL};
    struct tg_egress_request request = {.method = "GET",
                                        .url = url,
                                        .headers = headers,
                                        .answer_max = FILE_BYTES_MAX};
    struct tg_egress_answer answer = {0};
    int err = tg_egress_send(daemon, &request, &answer, error);

    if (err == 0 && answer.status != 200)
        err = tg_error_set(error, TG_ERR_FORMAT, "it answered %ld",
                           answer.status);
    if (err == 0)
        err = tg_leak_ring_read(ring, (struct tg_str){answer.data, answer.len},
                                error);
    tg_egress_answer_release(&answer);
    return err;
}

void
tg_leak_keys_pass(struct tg_daemon *daemon, struct tg_store *store,
                  int64_t now_ms)
{
    struct tg_leak_keys *keys = daemon->leak_keys;
    char source[TG_CONF_SOURCE_SIZE];
    struct tg_leak_ring ring;
    struct tg_error error;

    (void)store;
    if (!is_due(keys, now_ms, source))
        return;
    if (ask(daemon, source, &ring, &error) != 0) {
        tg_log(TG_LOG_WARNING,
               "the public keys of GitHub could not be read from %s: %s",
               source, error.text);
        return;
    }
    pthread_mutex_lock(&keys->lock);
    if (strcmp(source, keys->source) == 0) {
        tg_leak_ring_release(&keys->ring);
        keys->ring = ring;
        keys->had_at_ms = now_ms;
        memset(&ring, 0, sizeof(ring));
    }
    pthread_mutex_unlock(&keys->lock);
    tg_leak_ring_release(&ring);
}
