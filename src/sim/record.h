/*
 * record.h: the last requests, and the log of all of them.
 *
 * Each request is kept as it came, up to 4 KiB of its body and the parts of a
 * form, for tests to look at (GET /sim/requests).  A credential is shown as
 * its SHA-256 only.  Any thread.
 */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include <jansson.h>

#include "count.h"
#include "request.h"

struct sim_record;

/* Opens the log, "" or NULL for none, and says whether requests are kept for
 * GET /sim/requests.  0, or -1 with errno set. */
int sim_record_init(const char *log_file, bool keeps);

/* Copies request.  NULL when neither the log nor anybody else wants it. */
struct sim_record *sim_record_open(const struct sim_request *request);

/* Notes what was counted of it.  Takes NULL. */
void sim_record_count(struct sim_record *record, const struct sim_tally *tally);

/* Notes how it ended ("complete", "cut", "aborted"), writes the log and lets
 * go of the record.  Takes NULL. */
void sim_record_close(struct sim_record *record, int status,
                      const char *outcome);

/* The body of GET /sim/requests: the last `most` ones, oldest first; the
 * caller owns it. */
json_t *sim_record_show(size_t most);

/* Forgets all requests. */
void sim_record_reset(void);

#endif
