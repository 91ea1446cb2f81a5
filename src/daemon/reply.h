/*
 * reply.h: what a handler of the admin API answers.
 */
#ifndef TG_REPLY_H
#define TG_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

#define TG_REPLY_ALLOW_SIZE 32
#define TG_REPLY_ETAG_SIZE 40
#define TG_REPLY_COOKIE_SIZE 160

/* What read says instead of how many bytes it wrote. */
#define TG_STREAM_END (-1)

/* A body that is made while it is sent, part by part. */
struct tg_reply_stream {
    /* Up to room bytes of what is made; 0: that was all.  NULL: no stream. */
    ptrdiff_t (*read)(void *arg, char *out, size_t room);
    /*
     * Makes the next part, which may have nothing.  Returns 0, or TG_ERR_*:
     * the client is to see that it is not all.
     */
    int (*make)(void *arg);
    void (*release)(void *arg); /* of what is to be called once */
    void *arg;
    const char *type;          /* Content-Type */
    const char *name, *ending; /* of a file for it: "calls", "csv" */
    int64_t rows;              /* that there will be, about; -1: not known */
};

struct tg_reply {
    unsigned status; /* HTTP; 0: no handler has answered yet */
    json_t *body;    /* owned */
    char *bytes;     /* owned: what is answered in its place, or NULL */
    size_t len;
    const char *type;                /* of bytes: "image/png"; a constant */
    char allow[TG_REPLY_ALLOW_SIZE]; /* header of a 405; "" for none */
    char etag[TG_REPLY_ETAG_SIZE];   /* with its quotes; "" for none */
    char set_cookie[TG_REPLY_COOKIE_SIZE]; /* "" for none; wiped when sent */
    bool is_replayed;                      /* of an Idempotency-Key */
    uint32_t retry_after_s;                /* 0: nothing is said of it */
    struct tg_reply_stream stream;         /* instead of a body */
};

/* Answers with a body, whose reference is taken over. */
void tg_reply_json(struct tg_reply *reply, unsigned status, json_t *body);

/*
 * Answers with something else than JSON: len bytes of a type such as
 * "text/html; charset=utf-8", from malloc, which are taken over.  NULL, for
 * want of memory, is answered with 500.
 */
void tg_reply_bytes(struct tg_reply *reply, unsigned status, const char *type,
                    char *bytes, size_t len);

/*
 * Answers with the error envelope; its type follows from status.  param is
 * the member the error is about, or NULL.  An earlier answer is dropped.
 * Always returns false, so that a check can end with it.
 */
__attribute__((format(printf, 5, 6))) bool
tg_reply_error(struct tg_reply *reply, unsigned status, const char *code,
               const char *param, const char *fmt, ...);

/* The same for "this member is not as it must be": 400, invalid_request. */
__attribute__((format(printf, 3, 4))) bool
tg_reply_invalid(struct tg_reply *reply, const char *param, const char *fmt,
                 ...);

/*
 * Says that there is no thing of this name, a "key" for example, and how such
 * things are named: 404 for what the path names, 400 for what a member does.
 */
bool tg_reply_unknown(struct tg_reply *reply, const char *what,
                      const char *name);
bool tg_reply_unknown_member(struct tg_reply *reply, const char *param,
                             const char *what, const char *name);

/*
 * Answers for a store that failed: 404 for TG_ERR_NOT_FOUND, 409 for
 * TG_ERR_DUPLICATE, both about what; else 503, and the sentence is logged.
 */
bool tg_reply_store(struct tg_reply *reply, const struct tg_store *store,
                    int err, const char *what);

/* The list envelope; data is taken over, next may be NULL. */
json_t *tg_reply_list(json_t *data, bool has_more, const char *next);

/*
 * Values of objects: null for 0 or "".  Texts may be bytes of strangers: of
 * one that is not UTF-8, the bytes that are not ASCII become '?'.
 */
json_t *tg_reply_instant(int64_t at_ms);
json_t *tg_reply_text(const char *text);

/* An amount as a decimal string; the second gives null for 0. */
json_t *tg_reply_money(int64_t nanos);
json_t *tg_reply_money_or_null(int64_t nanos);

/* JSON text from the store; null if it should not be JSON. */
json_t *tg_reply_stored(const char *text);

#endif
