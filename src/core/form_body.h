/*
 * form_body.h: what a multipart request asks for, in the same facts as JSON's
 * (body.h).
 *
 * Fields that govern may stand once, and are no files.  Of the rest the text
 * counts for the prompt, and files are counted.
 *
 *     tg_form_body_init(&body, boundary, governed);
 *     for each chunk: if (tg_form_body_feed(&body, data, len) < 0) refuse;
 *     if (tg_form_body_finish(&body, &facts) < 0) refuse;
 */
#ifndef TG_FORM_BODY_H
#define TG_FORM_BODY_H

#include "body.h"
#include "multipart.h"

/* A form being read: about 2 KiB, the caller's.  Read fault, no more. */
struct tg_form_body {
    struct tg_body_fault fault;
    struct tg_body_facts facts;
    uint32_t governed;
    enum tg_body_member member; /* whose value is being read */
    uint64_t value_at;
    size_t value_len;
    char value[TG_BODY_MODEL_MAX + 1];
    struct tg_multipart form;
};

/* Begins a form; governed are bits 1 << enum tg_body_member. */
void tg_form_body_init(struct tg_form_body *body, struct tg_str boundary,
                       uint32_t governed);

/*
 * Reads the next len bytes; they are not needed afterwards.  Returns 0, or a
 * negative tg_err with body->fault set, which later calls repeat.
 */
int tg_form_body_feed(struct tg_form_body *body, const void *data, size_t len);

/* Ends the form.  Returns alike; writes *facts on success. */
int tg_form_body_finish(struct tg_form_body *body, struct tg_body_facts *facts);

#endif
