/*
 * doctor_text.h: what the doctor can say, in English and Chinese.
 *
 * The rows stand in doctor_findings.inc, each with both languages; one that
 * lacks a text does not compile.
 */
#ifndef TG_DOCTOR_TEXT_H
#define TG_DOCTOR_TEXT_H

#include <stdbool.h>

/* In the order in which they are looked at, and shown. */
enum tg_doctor_step {
    TG_STEP_ANY = 0, /* of a row that any step may have */
    TG_STEP_VARIABLE,
    TG_STEP_FILE,
    TG_STEP_SHAPE,
    TG_STEP_ADDRESS,
    TG_STEP_PROXY,
    TG_STEP_DNS,
    TG_STEP_CONNECT,
    TG_STEP_TLS,
    TG_STEP_API,
    TG_STEP_HEADER,
    TG_STEP_KEY,
    TG_STEP_SCOPE,
    TG_STEP_MODEL,
    TG_STEP_LIMITS,
    TG_STEP_MONEY,
    TG_STEP_CLOCK,
    TG_STEP_CALL,
    TG_STEP_COUNT
};

enum tg_doctor_status {
    TG_STATUS_SKIPPED = 0,
    TG_STATUS_OK,
    TG_STATUS_WARNING,
    TG_STATUS_FAILED,
};

enum tg_doctor_language { TG_LANGUAGE_EN = 0, TG_LANGUAGE_ZH };

/* tg_found_none, then a row each: tg_found_key_short … */
enum tg_doctor_finding {
    tg_found_none = 0,
#define FINDING(id, ...) tg_found_##id,
#include "doctor_findings.inc"
#undef FINDING
    tg_found_count
};

struct tg_doctor_text {
    const char *id; /* "key_short" */
    enum tg_doctor_step step;
    enum tg_doctor_status status;
    const char *cause[2]; /* by language; {1} to {3} stand for arguments */
    const char *cure[2];  /* "": none is needed */
};

/* A row, of any value but tg_found_none. */
const struct tg_doctor_text *tg_doctor_text(enum tg_doctor_finding finding);

/* A step's name for programs, "base_url", and for people. */
const char *tg_doctor_step_name(enum tg_doctor_step step);
const char *tg_doctor_step_label(enum tg_doctor_step step,
                                 enum tg_doctor_language language);

/* "ok", "failed", "warning", "skipped". */
const char *tg_doctor_status_name(enum tg_doctor_status status);

/*
 * The text with its arguments put in; an argument that is NULL is left out.
 * The caller frees it.
 */
char *tg_doctor_fill(const char *text, char *const args[3]);

/*
 * The language to speak: of --lang ("en", "zh" or NULL), else of the first of
 * LC_ALL, LC_MESSAGES and LANG that is not empty.
 */
enum tg_doctor_language tg_doctor_language(const char *chosen);

#endif
