/*
 * sim_call.h: one call from its request to the last byte of its answer.
 *
 * It does no I/O: it appends bytes to a buffer and says when it wants to be
 * stepped again.  The connection (conn.h) sends them and keeps the time.
 */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include "sim_answer.h"
#include "caller.h"
#include "head.h"
#include "record.h"
#include "request.h"

/* What the calls of one worker share. */
struct sim_env {
    const struct sim_options *options;
    uint64_t random;        /* state of the generator of ids */
    struct sim_buf scratch; /* the piece of body being made */
};

enum sim_step {
    SIM_STEP_WAIT, /* step again at due_ns */
    SIM_STEP_FULL, /* step again when the output has been sent */
    SIM_STEP_HOLD, /* nothing more will come, and no end either */
    SIM_STEP_END,  /* send what is there; then close if `closes` */
};

enum sim_phase {
    SIM_PHASE_ENDED = 0,
    SIM_PHASE_WAITING, /* for the latency to pass */
    SIM_PHASE_STREAMING,
    SIM_PHASE_HELD, /* stalled until the client leaves */
};

struct sim_call {
    enum sim_phase phase;
    int64_t due_ns;    /* of the next step */
    bool closes;       /* the connection ends with the answer */
    bool is_bytewise;  /* each byte of the body is sent alone */
    size_t head_bytes; /* of the output, when is_bytewise */

    struct sim_answer answer;
    struct sim_buf prepared; /* the answer's, if it has one */
    struct sim_record *record;
    struct sim_caller *caller; /* NULL: no credential was given */
    struct sim_head head;
    char trace[SIM_TRACE_BYTES];
    bool is_headless; /* HEAD: no body */
    bool has_head;    /* it has been sent */
    bool is_counted;
    uint64_t events; /* sent */
    int64_t ready_ns;
    int64_t next_keepalive_ns;
};

/* Starts a call; its immediate answer, if any, is in out.  now_ns counts from
 * anywhere.  Step it until SIM_STEP_END.  request must live until then. */
void sim_call_begin(struct sim_call *call, struct sim_env *env,
                    const struct sim_request *request, int64_t now_ns,
                    struct sim_buf *out);

/* Does what is due. */
enum sim_step sim_call_step(struct sim_call *call, struct sim_env *env,
                            int64_t now_ns, struct sim_buf *out);

/* The client has left; a no-op once the call has ended. */
void sim_call_abort(struct sim_call *call);

#endif
