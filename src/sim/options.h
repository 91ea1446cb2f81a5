/*
 * options.h: what the command line says.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdint.h>

#include "str.h"

enum sim_dialect {
    SIM_DEEPSEEK = 0,
    SIM_OPENAI,
    SIM_VLLM,
    SIM_ANTHROPIC,
    SIM_DIALECT_COUNT,
};

struct sim_options {
    char address[64];
    uint16_t port; /* 0: any free one */
    const char *url_file;
    const char *log_file;
    enum sim_dialect dialect;
    char key[4096]; /* "" accepts any */
    size_t key_bytes;
    int64_t latency_ns;   /* before the first token */
    int64_t token_ns;     /* between tokens; 0 is all at once */
    int64_t keepalive_ns; /* between keep-alives while waiting; 0 is none */
    int64_t tokens;       /* of an answer whose length nobody limits */
    int workers;
    bool dies_with_parent;
    bool keeps_no_records;
};

/* Reads argv into options and the key from its file.  --help and --version
 * print and end the program; so does a mistake, with one sentence and
 * status 2. */
void sim_options_read(struct sim_options *options, int argc, char **argv);

/* The name of a dialect, as --dialect takes it. */
const char *sim_dialect_name(enum sim_dialect dialect);

#endif
