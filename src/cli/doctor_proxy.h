/*
 * doctor_proxy.h: which proxy the variables put in the way of an address, as
 * Python's clients read them.
 */
#ifndef TG_DOCTOR_PROXY_H
#define TG_DOCTOR_PROXY_H

#include "doctor_url.h"

struct tg_doctor_proxy {
    enum tg_doctor_finding finding; /* none, bypassed, used or bad */
    const char *variable;           /* that says so; NULL: none does */
    char url[512];                  /* for libcurl; "": none is used */
    char shown[TG_DOCTOR_URL_SIZE]; /* without its password */
};

/* env gives the value of a variable, or NULL, as getenv does. */
void tg_doctor_proxy_find(struct tg_doctor_proxy *proxy,
                          const struct tg_doctor_url *url,
                          const char *(*env)(const char *name));

#endif
