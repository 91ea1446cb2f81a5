/*
 * client_part.h: what the parts of the client share.
 */
#ifndef TG_CLIENT_PART_H
#define TG_CLIENT_PART_H

#include <curl/curl.h>

#include "client.h"
#include "server.h"

struct tg_client {
    CURL *curl;
    struct curl_slist *headers;
    struct tg_server server;
    char error[CURL_ERROR_SIZE];
    bool is_waiting_shown;
};

/* Finds the server, if that was not done yet.  Returns an exit code. */
int tg_client_open(struct tg_cli *cli);

/* Says why nobody answers; the exit code. */
int tg_client_unreachable(const struct tg_client *client, CURLcode code);

#endif
