/*
 * request.h: one HTTP request as it was read.
 */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H

#include "str.h"

struct sim_header {
    struct tg_str name;
    struct tg_str value;
};

/* All runs of bytes are the connection's and live until its call has ended. */
struct sim_request {
    struct tg_str method;
    struct tg_str path; /* without the query */
    struct tg_str query;
    struct tg_str body;
    const struct sim_header *headers;
    size_t header_count;
    bool is_http11;
    bool keeps_alive;
};

/* Compares without regard to the case of ASCII letters. */
bool sim_request_same_name(struct tg_str name, const char *lower);

/* The value of the first header called lower, or an empty run without data. */
struct tg_str sim_request_header(const struct sim_request *request,
                                 const char *lower);

/* The credential: Authorization's before x-api-key's.  Returns false when
 * neither header is there; *credential is empty when Authorization is not of
 * the Bearer kind. */
bool sim_request_credential(const struct sim_request *request,
                            struct tg_str *credential);

#endif
