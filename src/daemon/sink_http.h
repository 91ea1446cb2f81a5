/*
 * sink_http.h: what the sinks that are servers have in common: JSON over
 * HTTPS, and what a status says.
 */
#ifndef TG_SINK_HTTP_H
#define TG_SINK_HTTP_H

#include "egress.h"
#include "sink.h"

#define TG_SINK_URL_SIZE 1024

struct tg_sink_call {
    const char *method;
    const char *url;
    const char *bearer;     /* NULL: no Authorization */
    const char *headers[4]; /* more of them; NULL ends them */
    const char *type;       /* of the body */
    json_t *json;           /* the body, released in any case; NULL: text */
    const char *text;       /* the body; NULL: none */
    struct tg_egress_sigv4 sigv4;
};

/*
 * Sends it.  Returns 0 with *status, which may be any, and *answer, the JSON
 * of its body or NULL, which the caller releases; else as write of sink.h.
 */
int tg_sink_ask(struct tg_sink_work *work, const struct tg_sink_call *call,
                long *status, json_t **answer);

/*
 * What a status that is not 2xx says; 0 for 2xx.  what is "the path app/prod",
 * for a 404.
 */
int tg_sink_status(struct tg_sink_work *work, const char *url, long status,
                   const char *what);

/* The URL's host, for sentences, into out[128]. */
void tg_sink_host(const char *url, char out[128]);

/*
 * Joins a base URL of the config and the rest, which is formatted.  Returns 0,
 * or TG_ERR_FORMAT when it is too long.
 */
__attribute__((format(printf, 4, 5))) int
tg_sink_url(struct tg_sink_work *work, char url[TG_SINK_URL_SIZE],
            const char *base, const char *fmt, ...);

/* A secret from base64 text, or as it is.  False when it is none of ours. */
bool tg_sink_take(struct tg_secret *found, const char *text);
bool tg_sink_take_base64(struct tg_secret *found, const char *text);

/* base64 of bytes, for the caller to wipe and free; NULL: no memory. */
char *tg_sink_base64(struct tg_str bytes);

/* Whether text is 1 to max characters of these. */
bool tg_sink_has_only(const char *text, size_t max, const char *allowed);

#define TG_SINK_LETTERS                                                        \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Wipes and frees a text; takes NULL. */
void tg_sink_wipe(char *text);

#endif
