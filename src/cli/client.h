/*
 * client.h: requests to the admin API.
 */
#ifndef TG_CLIENT_H
#define TG_CLIENT_H

#include <jansson.h>

#include "cli.h"

/*
 * Sends one request and waits for the answer.  target is the path behind
 * "/admin/v1", with its query; body may be NULL.  Returns TG_EXIT_OK and the
 * answer's object, which the caller releases; else an exit code after the
 * cause was said, *answer being NULL.
 */
int tg_client_call(struct tg_cli *cli, const char *method, const char *target,
                   const json_t *body, json_t **answer);

/* A request with headers, and all of its answer.  Zeros to begin with. */
struct tg_exchange {
    const char *method, *target;
    const json_t *body;   /* or NULL */
    const char *if_match; /* an ETag, or NULL */
    bool is_login;        /* it needs no token */
    bool wants_bytes;     /* an answer that is no JSON: bytes, not answer */
    char *bytes; /* the caller's; len of them, and a NUL; NULL: it failed */
    size_t len;
    json_t *answer; /* the caller's; NULL when it failed */
    json_t *error;  /* what the API refused with, unsaid; the caller's */
    long status;
    char etag[64]; /* of the answer; "": none */
};

/*
 * Sends it as tg_client_call does.  Where the API itself refuses, nothing is
 * said: the result is TG_EXIT_FAILED and error is its object, with "message",
 * "param" and "code".
 */
int tg_client_exchange(struct tg_cli *cli, struct tg_exchange *exchange);

/* An answer that is taken while it comes.  Zeros to begin with. */
struct tg_stream {
    const char *target;
    /* Takes a part of it; false: no more is wanted. */
    bool (*take)(void *arg, const char *data, size_t len);
    /* Asked several times a second, also while nothing comes. */
    bool (*goes_on)(void *arg);
    void *arg;
    int64_t rows;  /* the gate says there are, about; -1: it does not */
    bool is_ended; /* by take or goes_on, and not by the gate */
};

/*
 * Asks for it.  Returns TG_EXIT_OK when all of it was taken, or is_ended; else
 * an exit code after the cause was said: an answer that breaks off is one.
 */
int tg_client_stream(struct tg_cli *cli, struct tg_stream *stream);

/* Where requests went to, as a profile has it, once one was sent. */
const char *tg_client_address(const struct tg_cli *cli);

/* Closes the connection and wipes the token. */
void tg_client_close(struct tg_client *client);

/* text with everything escaped that may not stand in a path segment or a
 * query value; the caller frees it. */
char *tg_client_escape(const char *text);

#endif
