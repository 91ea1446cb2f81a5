/*
 * url.h: the base URL of an upstream.
 */
#ifndef TG_URL_H
#define TG_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct tg_url {
    bool is_tls;
    uint16_t port;
    char host[128];        /* a name, an IPv4 or an IPv6 address, bare */
    char host_header[136]; /* with brackets and port where they belong */
    char path[64];         /* "" or "/v1": no slash at the end */
};

/*
 * Takes "https://api.example.com/v1" apart.  Returns 0, or TG_ERR_FORMAT and
 * *error says what is wrong.
 */
int tg_url_parse(struct tg_url *url, const char *text, struct tg_error *error);

#endif
