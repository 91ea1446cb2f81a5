/*
 * session.h: how long sessions last, and what keeps strange pages from using
 * one.
 */
#ifndef TG_SESSION_H
#define TG_SESSION_H

#include "request.h"

#define TG_SESSION_PREFIX "tgs_"
#define TG_SESSION_COOKIE "__Host-tollgate"
#define TG_SESSION_CSRF_SIZE 65

/* By kind: how long without use, and how long at all. */
struct tg_session_kind {
    const char *name; /* bearer: for programs; cookie: for a console */
    int64_t idle_ms, whole_ms;
};

/* The row of a kind of that name; NULL when there is none. */
const struct tg_session_kind *tg_session_kind(const char *name);

/* Whether a session of the store is over: ended, too old, or not in use. */
bool tg_session_is_over(const struct tg_store_access *row, int64_t now_ms);

/* The value of our cookie in a Cookie header; empty when it is not there. */
struct tg_str tg_session_of_cookie(const char *header);

/* What a page proves that it can read what we answer: 64 hex digits. */
int tg_session_csrf(struct tg_str token, char csrf[TG_SESSION_CSRF_SIZE]);

/*
 * Whether a change was asked for by a page of our own.  Returns false with
 * the reply made, 403.  token is empty for a login, which has none yet.
 */
bool tg_session_is_own_page(const struct tg_request *request,
                            struct tg_reply *reply, struct tg_str token);

#endif
