/*
 * doctor_said.h: who answers, and what the answer means.
 *
 * Source: wire-contract of the providers, 2026; each has its own errors for
 * the same thing, and one's words are another's code.
 */
#ifndef TG_DOCTOR_SAID_H
#define TG_DOCTOR_SAID_H

#include <jansson.h>

#include "doctor_net.h"
#include "doctor_text.h"

/* Whose manner an answer is in. */
enum tg_doctor_server {
    TG_SERVER_NONE = 0, /* not that of an LLM API */
    TG_SERVER_GATE,
    TG_SERVER_DEEPSEEK,
    TG_SERVER_ANTHROPIC,
    TG_SERVER_VLLM,
    TG_SERVER_OPENAI,
    TG_SERVER_OTHER, /* of OpenAI's manner, whoever it is */
    TG_SERVER_COUNT
};

struct tg_said {
    enum tg_doctor_server server;
    long status;    /* of an error that comes with 200, its own */
    bool is_empty;  /* nothing came but blanks */
    bool is_models; /* a list of models */
    bool is_error;  /* an error in an API's own form */
    json_t *json;   /* the answer; NULL: it is none */
    char code[64], kind[64], message[512];
};

/* Reads what came; release it. */
void tg_said_read(struct tg_said *said, const struct tg_fetch *fetch);
void tg_said_release(struct tg_said *said);

/* "DeepSeek"; for what is known by its manner only, "OpenAI". */
const char *tg_server_name(enum tg_doctor_server server);

/*
 * What a refusal means, as a server of this manner words it; tg_found_none
 * for what is none.  The first argument of what is found is the server, the
 * second the status.
 */
enum tg_doctor_finding tg_said_means(const struct tg_said *said,
                                     enum tg_doctor_server server);

#endif
