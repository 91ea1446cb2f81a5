/*
 * doctor.h: `tollgate doctor`: why does this key not work here?
 *
 * Each part gathers what it needs, and leaves the judging to functions that
 * are given all they judge: doctor_file.h, doctor_shape.h, doctor_url.h,
 * doctor_proxy.h, doctor_said.h, doctor_gate.h.
 */
#ifndef TG_DOCTOR_H
#define TG_DOCTOR_H

#include "diagnose.h"
#include "doctor_file.h"
#include "doctor_proxy.h"
#include "doctor_report.h"
#include "doctor_said.h"

/* One examination.  Strings are its own where nothing else is said. */
struct tg_doctor {
    struct tg_cli *cli;
    struct tg_doctor_report report;
    enum tg_doctor_language language;
    long connect_ms, total_ms;
    bool is_offline;
    char *patience; /* what is said of long silence; NULL: nothing */

    const char *name;        /* of the variable, not owned; NULL: none is set */
    char *key;               /* as programs get it; NULL: there is none */
    char *beside;            /* ANTHROPIC_AUTH_TOKEN's, sent along; or NULL */
    char *file_text;         /* of .env; NULL: there is none */
    char *file_path;         /* as it is shown */
    char *file_key;          /* another value than key; or NULL */
    enum tg_diagnosis shape; /* of what is inside key */
    bool may_send;           /* it may be sent to this address */

    enum tg_doctor_api api;
    char *address;      /* the base URL; NULL: none is known */
    char *address_from; /* a variable, --base-url; NULL: the default */
    struct tg_doctor_url url;
    struct tg_doctor_proxy proxy;
    const char *ca_file; /* of SSL_CERT_FILE; not owned */

    enum tg_doctor_server server;  /* what answers; NONE: nothing that helps */
    char ask[TG_DOCTOR_URL_SIZE];  /* in front of "/models" */
    char base[TG_DOCTOR_URL_SIZE]; /* that clients should have */
    bool has_list;                 /* of models */
    bool is_open;                  /* it tells that without a key */
    char date[64];                 /* of the server; "": untold */
    char model[128];               /* to call; "": none is known */
};

/* The steps, in order; each adds its findings. */
void tg_doctor_look_variable(struct tg_doctor *doctor);
void tg_doctor_look_address(struct tg_doctor *doctor);
void tg_doctor_look_shape(struct tg_doctor *doctor);
void tg_doctor_look_reach(struct tg_doctor *doctor);
void tg_doctor_look_key(struct tg_doctor *doctor);
void tg_doctor_look_clock(struct tg_doctor *doctor);
void tg_doctor_look_call(struct tg_doctor *doctor);

/*
 * The value of a variable that is not empty, of the environment or else of
 * .env, and in *from where it is from; both the caller's.  NULL: none.
 */
char *tg_doctor_value(const struct tg_doctor *doctor, const char *name,
                      char **from);

/* A request as this examination sends them, without the key. */
struct tg_fetch tg_doctor_request(const struct tg_doctor *doctor,
                                  const char *url);

/* Adds the finding of a refusal, with what the server says. */
void tg_doctor_refuse(struct tg_doctor *doctor, enum tg_doctor_finding finding,
                      const struct tg_said *said);

#endif
