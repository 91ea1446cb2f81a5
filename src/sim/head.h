/*
 * head.h: the head of a response, as each provider sends it
 * (wire-contract 1.4, 2.4, 3).
 */
#ifndef SIM_HEAD_H
#define SIM_HEAD_H

#include "buf.h"
#include "errors.h"
#include "options.h"

enum { SIM_TRACE_BYTES = 33 };

enum sim_framing {
    SIM_FRAMED_BY_CLOSE = 0,
    SIM_FRAMED_BY_LENGTH,
    SIM_FRAMED_BY_CHUNKS,
};

struct sim_head {
    enum sim_dialect dialect;
    int status;
    enum sim_media media;
    enum sim_framing framing;
    uint64_t length; /* framed by length */
    bool closes;
    const char *trace;  /* 32 hex digits */
    uint64_t pad_bytes; /* of headers that mean nothing; 0 is none */
};

/* Appends the head with its empty line. */
void sim_head_put(const struct sim_head *head, struct sim_buf *out);

#endif
