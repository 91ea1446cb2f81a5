/*
 * doctor_net.h: one request of the doctor's, and all that can be seen of how
 * it went.
 */
#ifndef TG_DOCTOR_NET_H
#define TG_DOCTOR_NET_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#define TG_FETCH_HEADERS 8

struct tg_fetch {
    /* What is asked, and how; strings stay the caller's. */
    const char *url;
    const char *headers[TG_FETCH_HEADERS]; /* NULL ends them */
    const char *body;                      /* NULL: it is a GET */
    const char *proxy;                     /* "": none */
    const char *ca_file;                   /* NULL: the system's */
    long connect_ms, total_ms;
    const char *patience; /* said once where it takes long; NULL: nothing */
    bool is_blind;        /* certificates are looked at, not verified */

    /* What came. */
    int64_t since_ms; /* of a clock of its own */
    CURLcode code;
    char error[CURL_ERROR_SIZE];
    long os_errno, verify, status, proxy_status;
    bool is_resolved, is_connected, is_encrypted;
    char ip[64];
    char *answer; /* never NULL when code is CURLE_OK; the struct's */
    size_t len;
    bool is_cut; /* there is more of it */
    char date[64], location[1024], type[128], trace[8], realm[128];
    char from[64], until[64], names[256], issuer[256]; /* when is_blind */
};

/* Sends it and fills the second half in.  Redirects are not followed. */
void tg_fetch(struct tg_fetch *fetch);

/* Wipes and frees what came. */
void tg_fetch_release(struct tg_fetch *fetch);

#endif
