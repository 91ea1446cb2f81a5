/*
 * ask.h: what a request body asks for.
 */
#ifndef SIM_ASK_H
#define SIM_ASK_H

#include "fault.h"
#include "sim_json.h"

enum { SIM_MODEL_BYTES = 128, SIM_ASK_SENTENCE_BYTES = 320 };

enum sim_endpoint {
    SIM_NOWHERE = 0,
    SIM_CHAT,
    SIM_COMPLETIONS,
    SIM_EMBEDDINGS,
    SIM_MESSAGES,
    SIM_RESPONSES,
    SIM_MODELS,
    SIM_BALANCE,
    SIM_ENDPOINT_COUNT,
};

enum sim_switch { SIM_UNSET = 0, SIM_ON, SIM_OFF };

struct sim_ask {
    enum sim_endpoint endpoint;
    char model[SIM_MODEL_BYTES]; /* "" when the body names none */
    bool is_stream;
    bool has_stream_options;
    enum sim_switch include_usage;
    bool has_continuous_usage;
    bool has_no_obfuscation;
    enum sim_switch thinking;
    bool wants_base64;
    int64_t max_tokens; /* -1 when nobody said; so the next two */
    int64_t n;
    int64_t dimensions;
    uint64_t content_bytes; /* UTF-8 bytes of all content strings */
    uint64_t messages;
    uint64_t inputs; /* 0: there is none; of embeddings: how many vectors */
    uint64_t seed;   /* a function of the content */
    struct sim_faults faults;
};

/* Reads body into ask.  0; or -1 with a sentence in why, in the words of
 * DeepSeek's deserialiser.  Members that stand twice: the last one counts. */
int sim_ask_read(struct sim_ask *ask, enum sim_endpoint endpoint,
                 struct tg_str body, char why[SIM_ASK_SENTENCE_BYTES]);

#endif
