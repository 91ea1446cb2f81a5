/*
 * shown.h: the parts of a request as JSON, for GET /sim/requests.
 *
 * A credential is shown as its SHA-256 only.  What is returned is the
 * caller's.
 */
#ifndef SIM_SHOWN_H
#define SIM_SHOWN_H

#include <jansson.h>

#include "request.h"

/* Enough for a SHA-256 in hex and its zero. */
enum { SIM_SHOWN_HASH_BYTES = 65 };

void sim_shown_digest(const unsigned char digest[32],
                      char out[SIM_SHOWN_HASH_BYTES]);
void sim_shown_hash(struct tg_str data, char out[SIM_SHOWN_HASH_BYTES]);

/* Text that is not UTF-8 is shown with `?` for each byte outside ASCII. */
json_t *sim_shown_text(struct tg_str text);

/* [[name, value], ...] */
json_t *sim_shown_headers(const struct sim_request *request);

/* The parts of a multipart body, [{"name", "bytes", ...}, ...]: of a file
 * "filename" and "media", of a field the first bytes of its "value".  What is
 * wrong with the form, if anything, is a last {"fault"}.  NULL when the body is
 * of another kind. */
json_t *sim_shown_form(const struct sim_request *request);

#endif
