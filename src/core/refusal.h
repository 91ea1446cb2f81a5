/*
 * refusal.h: a refusal as the client reads it: what is wrong, what to do.
 *
 * Never repeats a key: its prefix and last four characters at most.
 */
#ifndef TG_REFUSAL_H
#define TG_REFUSAL_H

#include "admit.h"
#include "text.h"

/* Fits every refusal; names from outside are cut to what fits. */
#define TG_REFUSAL_SIZE 4096

/*
 * The envelope that a client's SDK reads.  OpenAI's:
 *
 *     {"error":{"message","type","param","code"}}
 *
 * and Anthropic's, whose SDKs pass over the members that are ours alone:
 *
 *     {"type":"error","error":{"message","type","code","param"},"request_id"}
 */
struct tg_refusal_form {
    enum tg_manner manner;
    struct tg_str request_id; /* for Anthropic's */
};

/*
 * Writes the envelope for a refused admission.  key is what was sent as one,
 * for its mask.
 */
void tg_refusal_write(struct tg_text *out, const struct tg_refusal_form *form,
                      const struct tg_state *state,
                      const struct tg_admission *admission, struct tg_str key);

/* The same for a code with a sentence of its own, where there was none. */
void tg_refusal_write_code(struct tg_text *out,
                           const struct tg_refusal_form *form,
                           enum tg_code code, struct tg_str detail);

/*
 * An upstream's refusal, in our envelope.  status is what it answered, body
 * the beginning of what it said, in any of the shapes of
 * wire-contract.md 1.4 and 1.12.  What concerns our credential or account
 * there is not shown.  Returns the code for the record; *status_out is the
 * status for the client.
 */
enum tg_code tg_refusal_of_upstream(struct tg_text *out,
                                    const struct tg_refusal_form *form,
                                    uint16_t status, struct tg_str body,
                                    uint16_t *status_out);

#endif
