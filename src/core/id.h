/*
 * id.h: names of things: "key_", "acct_", "up_" or "cred_" and base62.
 *
 * An id is exactly TG_ID_LEN characters, so it fits a fixed field of a
 * record without a terminator.
 */
#ifndef TG_ID_H
#define TG_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_ID_LEN 24
#define TG_ID_TEXT_SIZE (TG_ID_LEN + 1)

/* Sixteen bytes that name one call; unique over writers and time. */
struct tg_call_id {
    uint8_t bytes[16];
};

#define TG_CALL_ID_TEXT_SIZE 38    /* "call_" and 32 hex digits, and a NUL */
#define TG_REQUEST_ID_TEXT_SIZE 37 /* "req_" and 32 hex digits, and a NUL */

/*
 * Makes prefix + base62 characters, TG_ID_LEN in all, then a NUL, into
 * out[TG_ID_TEXT_SIZE].  random fills a buffer from the kernel's generator
 * and returns 0.  Returns 0, or TG_ERR_CRYPTO when random failed.
 */
int tg_id_mint(char *out, const char *prefix, int (*random)(void *, size_t));

/* Whether text is an id with that prefix, e.g. "key_". */
bool tg_id_is(const char *text, const char *prefix);

/* Writes "call_…" into out[TG_CALL_ID_TEXT_SIZE]. */
void tg_call_id_text(const struct tg_call_id *id, char *out);

/* Writes "req_…" into out[TG_REQUEST_ID_TEXT_SIZE]. */
void tg_request_id_text(const struct tg_call_id *id, char *out);

/* The id of the n-th call of a writer. */
struct tg_call_id tg_call_id_make(uint64_t writer_id, uint64_t n);

#endif
