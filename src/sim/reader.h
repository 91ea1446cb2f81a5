/*
 * reader.h: reads one HTTP request from the bytes of a connection.
 *
 * http-parser (Debian's libhttp-parser) knows the grammar; this keeps what it
 * finds, as places in the one buffer that all bytes of the connection are read
 * into.
 */
#ifndef SIM_READER_H
#define SIM_READER_H

#include <http_parser.h>

#include "buf.h"
#include "request.h"

enum sim_read {
    SIM_READ_MORE = 0, /* the request is not complete */
    SIM_READ_DONE,
    SIM_READ_BAD,       /* not HTTP, or too many headers */
    SIM_READ_TOO_LARGE, /* a body over 64 MiB */
};

struct sim_place {
    size_t at;
    size_t len;
};

struct sim_reader {
    http_parser parser;
    struct sim_buf *in;
    size_t used; /* bytes of in that the parser has seen */
    struct sim_place url;
    struct sim_place body;
    struct sim_place *places; /* names and values by turns */
    size_t place_count;
    size_t place_cap;
    struct sim_header *headers; /* filled by sim_reader_request */
    size_t header_cap;
    bool is_in_value;
    bool wants_continue; /* the client waits for a 100 */
    bool is_done;
    bool keeps_alive;
    bool is_too_large;
};

/* Starts on the bytes in `in`, which may hold some already. */
void sim_reader_init(struct sim_reader *reader, struct sim_buf *in);

/* Reads on, as far as in goes. */
enum sim_read sim_reader_run(struct sim_reader *reader);

/* The request that was done; it points into in, which must rest until
 * sim_reader_next. */
void sim_reader_request(struct sim_reader *reader, struct sim_request *request);

/* Drops the request from in and starts on the next. */
void sim_reader_next(struct sim_reader *reader);

/* Frees what the reader holds, not in. */
void sim_reader_release(struct sim_reader *reader);

#endif
