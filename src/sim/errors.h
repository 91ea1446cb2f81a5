/*
 * errors.h: the error answers of the providers, word for word
 * (wire-contract 1.4, 1.12, 2.2, 3).
 */
#ifndef SIM_ERRORS_H
#define SIM_ERRORS_H

#include "buf.h"
#include "media.h"
#include "options.h"

/* What an error answer is made of.  message is shown as it stands. */
struct sim_error {
    int status;
    const char *type;
    const char *code; /* NULL for null */
    struct tg_str message;
};

/* Who asked, for the parts of an error that depend on it. */
struct sim_asker {
    enum sim_dialect dialect;
    struct tg_str masked;     /* the credential as the provider shows it */
    struct tg_str request_id; /* Anthropic's body repeats it */
};

struct sim_error_answer {
    int status;
    enum sim_media media;
};

/* Says whether name can be given as status=name: 400 to 599, or a row of the
 * table in errors.c. */
bool sim_error_is_known(struct tg_str name);

/* Appends the body that status=name stands for.  name must be known. */
struct sim_error_answer sim_error_by_name(const struct sim_asker *asker,
                                          const char *name,
                                          struct sim_buf *body);

/* Appends the body of 429-concurrency with the caller's own numbers. */
struct sim_error_answer sim_error_crowded(const struct sim_asker *asker,
                                          int64_t at_once, int64_t most,
                                          struct sim_buf *body);

/* Appends error in the envelope of the asker's dialect. */
void sim_error_body(const struct sim_asker *asker,
                    const struct sim_error *error, struct sim_buf *body);

/* Appends "****" and the last four bytes of credential, DeepSeek's mask. */
void sim_error_mask(struct tg_str credential, struct sim_buf *masked);

/* The words after an HTTP status. */
const char *sim_error_reason(int status);

#endif
