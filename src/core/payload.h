/*
 * payload.h: a request's body, read as its route says: JSON, a form, or
 * nothing at all.  What comes out are facts of one kind (body.h), so that all
 * of them are judged alike.
 *
 *     tg_payload_init(&payload, &head);
 *     for each chunk: if (tg_payload_feed(&payload, data, len) < 0) refuse;
 *     if (tg_payload_finish(&payload, &facts) < 0) refuse;
 */
#ifndef TG_PAYLOAD_H
#define TG_PAYLOAD_H

#include "admit.h"
#include "form_body.h"

/* A body being read: about 4 KiB, the caller's. */
struct tg_payload {
    enum tg_payload_kind kind;
    uint64_t total_bytes;
    union {
        struct tg_body json;
        struct tg_form_body form;
    };
};

/* Begins the body of a request whose head was judged. */
void tg_payload_init(struct tg_payload *payload, const struct tg_head *head);

/*
 * Reads the next len bytes; they are not needed afterwards.  Returns 0, or a
 * negative tg_err, which later calls repeat.
 */
int tg_payload_feed(struct tg_payload *payload, const void *data, size_t len);

/* Ends the body.  Returns alike; writes *facts on success. */
int tg_payload_finish(struct tg_payload *payload, struct tg_body_facts *facts);

/* What is wrong with it, once one of these has failed. */
const struct tg_body_fault *tg_payload_fault(const struct tg_payload *payload);

#define TG_PAYLOAD_TYPE_SIZE TG_MULTIPART_TYPE_SIZE

/*
 * Writes the Content-Type to send upstream with a body of these facts.
 * Returns its length, 0 when there is no body; there is no terminator.
 */
size_t tg_payload_type(const struct tg_head *head,
                       const struct tg_body_facts *facts,
                       char out[TG_PAYLOAD_TYPE_SIZE]);

#endif
