/*
 * probe.h: asks an upstream something that costs nothing, as a call would
 * ask: the same TLS, the same credential, and no redirect is followed.
 */
#ifndef TG_PROBE_H
#define TG_PROBE_H

#include <jansson.h>

#include "layout.h"
#include "str.h"

enum tg_probe_result {
    TG_PROBE_FAILED = 0, /* no answer, or one that makes no sense */
    TG_PROBE_REJECTED,   /* the credential is refused, or has no money */
    TG_PROBE_FINE,
};

struct tg_probe {
    enum tg_probe_result result;
    bool is_reached; /* an answer came, whatever it says */
    long status;     /* HTTP; 0: none */
    int64_t latency_ms;
    char message[320]; /* a sentence without a final stop */
};

#define TG_PROBE_URL_SIZE 320

/*
 * What is asked: DeepSeek for its balance, all others for their models.
 * base_url is a sound one.
 */
void tg_probe_url(char url[TG_PROBE_URL_SIZE], const char *base_url,
                  enum tg_dialect dialect);

/*
 * Asks, and waits for timeout_ms at most.  secret is the credential's, and not
 * kept.  curl_global_init must have been called.
 */
void tg_probe_ask(struct tg_probe *probe, const char *url,
                  enum tg_dialect dialect, struct tg_str secret,
                  long timeout_ms);

/*
 * The same, for what is answered: an object that the caller releases, or NULL
 * with the reason in probe->message.
 */
json_t *tg_probe_get(struct tg_probe *probe, const char *url,
                     enum tg_dialect dialect, struct tg_str secret,
                     long timeout_ms);

/*
 * As tg_probe_ask, which also gives what was answered with 200 if it is an
 * object, for the caller to release; else NULL.
 */
json_t *tg_probe_check(struct tg_probe *probe, const char *url,
                       enum tg_dialect dialect, struct tg_str secret,
                       long timeout_ms);

#endif
