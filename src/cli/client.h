/*
 * client.h: requests to the admin API.
 */
#ifndef TG_CLIENT_H
#define TG_CLIENT_H

#include <jansson.h>

#include "cli.h"

/*
 * Sends one request and waits for the answer.  target is the path behind
 * "/admin/v1", with its query; body may be NULL.  Returns TG_EXIT_OK and the
 * answer's object, which the caller releases; else an exit code after the
 * cause was said, *answer being NULL.
 */
int tg_client_call(struct tg_cli *cli, const char *method, const char *target,
                   const json_t *body, json_t **answer);

/* Closes the connection and wipes the token. */
void tg_client_close(struct tg_client *client);

/* text with everything escaped that may not stand in a path segment or a
 * query value; the caller frees it. */
char *tg_client_escape(const char *text);

#endif
