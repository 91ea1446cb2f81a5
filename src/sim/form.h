/*
 * form.h: reads multipart/form-data (RFC 7578, RFC 2046), front to back.
 *
 * A preamble, an epilogue and white space behind a boundary are allowed, as
 * the grammar has them; what it does not have is refused, never guessed at:
 * lines that end in LF alone, a boundary with something behind it, a part
 * without a name, a body without its end.  The simulator's own reader on
 * purpose, as sim_json.h.
 */
#ifndef SIM_FORM_H
#define SIM_FORM_H

#include "request.h"

enum { SIM_FORM_BOUNDARY_BYTES = 70, SIM_FORM_PARTS = 256 };

struct sim_form {
    const char *at;
    const char *end;
    const char *fault;                           /* NULL, or what is wrong */
    char delimiter[SIM_FORM_BOUNDARY_BYTES + 4]; /* CR LF -- boundary */
    size_t delimiter_bytes;
    int parts;
};

/* Names stand as they were sent, escapes and all. */
struct sim_form_part {
    struct tg_str name;
    struct tg_str filename; /* data is NULL when it has none */
    struct tg_str media;    /* its Content-Type, likewise */
    struct tg_str data;
};

/* Says whether the request's Content-Type is multipart/form-data. */
bool sim_form_is(const struct sim_request *request);

/* Starts on the body of a request, which must stay where it is.  0, or -1 with
 * form->fault set. */
int sim_form_init(struct sim_form *form, const struct sim_request *request);

/* Steps to the next part: 1, 0 behind the last one, or -1 with form->fault
 * set.  The form is of no use after that. */
int sim_form_next(struct sim_form *form, struct sim_form_part *part);

#endif
