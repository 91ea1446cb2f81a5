/*
 * alert_shape.h: a notice in the words of a channel's kind: pure, so that every
 * byte can be tested.
 *
 * A notice is an object: type, at, severity, title, message and more
 * (alert_tell.c).  What people named, keys above all, is only ever text in it:
 * each shape takes what its reader would take for a mention, a link or a
 * control for what it is, bytes.
 */
#ifndef TG_ALERT_SHAPE_H
#define TG_ALERT_SHAPE_H

#include "channel.h"

#define TG_SHAPE_HEADERS 5
#define TG_SHAPE_HEADER_SIZE 256
#define TG_SHAPE_URL_SIZE 1400

/* A request; or, of smtp, a mail. */
struct tg_shape {
    char url[TG_SHAPE_URL_SIZE];                          /* a secret */
    char headers[TG_SHAPE_HEADERS][TG_SHAPE_HEADER_SIZE]; /* "": no more */
    char *body;                                           /* owned */
};

/*
 * Shapes a notice of an id for a channel, signed for now_ms.  0, TG_ERR_RANGE
 * when the URL is too long, TG_ERR_SYSTEM.  Then tg_shape_release.
 */
int tg_shape_make(struct tg_shape *shape, const struct tg_channel *channel,
                  const char *notice_id, const json_t *notice, int64_t now_ms);
void tg_shape_release(struct tg_shape *shape);

/* What came of it. */
enum tg_shape_fate {
    TG_SHAPE_TRY_AGAIN = 0,
    TG_SHAPE_REFUSED, /* what was sent, and the next one may pass */
    TG_SHAPE_TAKEN,
};

/*
 * Reads an answer, len bytes of data; robots say in it what went wrong, with
 * status 200.
 */
enum tg_shape_fate tg_shape_fate(enum tg_channel_kind kind, long status,
                                 const char *data, size_t len);

/*
 * Writes text of a stranger on one line into out[size]: no controls, none of
 * the marks that turn text around; cut at a character.
 */
void tg_shape_plain(char *out, size_t size, const char *text);

/* "t=…,v1=…": HMAC-SHA256 by secret of the instant in seconds, '.', body. */
#define TG_SHAPE_SIGNATURE_SIZE 104
void tg_shape_sign(char out[TG_SHAPE_SIGNATURE_SIZE], const char *secret,
                   int64_t at_s, const char *body);

#endif
