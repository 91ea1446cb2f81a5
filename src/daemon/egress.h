/*
 * egress.h: the one way out: all HTTP and mail that the daemon sends to
 * addresses that an operator or a user named.
 *
 * The host is looked up once; every address it has is judged
 * (egress_address.h) before anything is sent, and only those are connected
 * to.  No redirect is followed; the environment's proxies do not count; TLS is
 * verified.  What is sent may hold secrets: nothing of it is logged or in an
 * error.  These wait, so no lock is held while they are called.
 */
#ifndef TG_EGRESS_H
#define TG_EGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "egress_rules.h"
#include "error.h"
#include "str.h"

struct tg_daemon;

/* Signature version 4 of AWS; NULL service: none. */
struct tg_egress_sigv4 {
    const char *region, *service;
    const char *key_id, *secret;
};

/* All but method and url may be left out.  All of it is the caller's. */
struct tg_egress_request {
    const char *method;         /* "POST" */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value", NULL behind the last */
    struct tg_str body;         /* NULL data: none */
    uint32_t timeout_ms;        /* all together; 0: 10 000 */
    size_t answer_max;          /* bytes of its body; 0: 65 536 */
    const char *ca_pem;         /* who vouches for the server; NULL: usual */
    struct tg_egress_sigv4 sigv4;
};

/* Released by the caller, also after an error; zeros are an empty one. */
struct tg_egress_answer {
    long status; /* HTTP's or SMTP's; 0: no answer came */
    int64_t latency_ms;
    int64_t retry_after_s; /* what its Retry-After says; 0: nothing */
    char *data; /* the body, with a NUL behind it; NULL: there is none */
    size_t len;
};

struct tg_egress_mail {
    const char *url;             /* "smtp://host:587", "smtps://host" */
    const char *user, *password; /* NULL: none */
    const char *from;            /* an address alone: "gate@example.com" */
    const char *const *to;       /* the same, NULL behind the last */
    struct tg_str message;       /* RFC 5322, lines that end with CR LF */
    uint32_t timeout_ms;         /* all together; 0: 20 000 */
    const char *ca_pem;
    bool may_be_plain; /* else smtp:// turns to TLS (STARTTLS), or fails */
};

/*
 * Sends a request and waits for all of the answer.  Returns 0 with whatever
 * status came, a redirect's too.  Else *error says why, without a secret:
 *   TG_ERR_FORMAT     the URL or a header is none
 *   TG_ERR_RANGE      the address or the port may not be sent to
 *   TG_ERR_NOT_FOUND  the host was not found
 *   TG_ERR_BUSY       no connection, no TLS, no whole answer in time: what was
 *                     asked may have been done, and may be tried again
 *   TG_ERR_LIMIT      the answer is larger than answer_max; it has a status
 *   TG_ERR_CRYPTO     its certificate is not valid
 *   TG_ERR_SYSTEM     no memory
 */
int tg_egress_send(struct tg_daemon *daemon,
                   const struct tg_egress_request *request,
                   struct tg_egress_answer *answer, struct tg_error *error);

/* Hands a mail to a server; returns as above, status is SMTP's last. */
int tg_egress_mail(struct tg_daemon *daemon, const struct tg_egress_mail *mail,
                   struct tg_egress_answer *answer, struct tg_error *error);

/* The same two by rules that are given, for tests without a daemon. */
int tg_egress_send_by(const struct tg_egress_rules *rules,
                      const struct tg_egress_request *request,
                      struct tg_egress_answer *answer, struct tg_error *error);
int tg_egress_mail_by(const struct tg_egress_rules *rules,
                      const struct tg_egress_mail *mail,
                      struct tg_egress_answer *answer, struct tg_error *error);

/* Wipes the body, and frees it. */
void tg_egress_answer_release(struct tg_egress_answer *answer);

#endif
