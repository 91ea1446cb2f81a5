/*
 * doctor_url.h: is a base URL one, and what do clients make of it?
 *
 * OpenAI's clients put "/chat/completions" behind it, Anthropic's
 * "/v1/messages"; so the first need a "/v1" there, if the server has one, and
 * the others must not have it.
 */
#ifndef TG_DOCTOR_URL_H
#define TG_DOCTOR_URL_H

#include "doctor_provider.h"
#include "doctor_text.h"

#define TG_DOCTOR_URL_SIZE 1024

/* Whose clients call. */
enum tg_doctor_api { TG_API_OPENAI = 0, TG_API_ANTHROPIC };

struct tg_doctor_url {
    enum tg_doctor_finding fault; /* tg_found_none: it is right */
    bool is_usable;               /* base says where to look on */
    bool is_https;
    bool is_near;                   /* this machine or its network */
    bool is_here;                   /* this machine */
    bool is_number;                 /* host is an address */
    char given[TG_DOCTOR_URL_SIZE]; /* as it was, fit to be shown */
    char base[TG_DOCTOR_URL_SIZE];  /* mended; no slash at the end */
    char path[TG_DOCTOR_URL_SIZE];  /* of base: "", "/v1" … */
    char host[256], port[8];
    const struct tg_provider *provider; /* whose API that is; or NULL */
    const struct tg_provider *site;     /* whose web site; or NULL */
};

/*
 * Judges what somebody wrote.  A fault that can be mended is, so that one can
 * look on from there.
 */
void tg_doctor_url_judge(struct tg_doctor_url *url, const char *text,
                         enum tg_doctor_api api);

/* The same address with another path; "" or "/v1" … */
void tg_doctor_url_at(const struct tg_doctor_url *url, const char *path,
                      char out[TG_DOCTOR_URL_SIZE]);

/* text without user names, passwords, queries and keys. */
void tg_doctor_url_show(const char *text, char out[TG_DOCTOR_URL_SIZE]);

#endif
