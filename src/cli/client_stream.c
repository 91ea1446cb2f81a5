#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_busy.h"
#include "own.h"
#include "say.h"
#include "verdict.h"

#define BUFFER_BYTES (512L << 10)
#define ERROR_BYTES_MAX (64u << 10)
#define SILENCE_S 660L /* while it looks, and finds nothing */

struct transfer {
    CURL *curl;
    struct tg_stream *stream;
    char *error; /* a body that is no export: why there is none */
    size_t error_len;
    bool has_begun; /* a part was given on */
};

static bool
keep_error(struct transfer *transfer, const char *data, size_t len)
{
    if (len > ERROR_BYTES_MAX - transfer->error_len)
        return false;
    transfer->error =
        tg_own(realloc(transfer->error, transfer->error_len + len + 1));
    memcpy(transfer->error + transfer->error_len, data, len);
    transfer->error_len += len;
    return true;
}

static size_t
take_part(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;
    struct tg_stream *stream = transfer->stream;
    size_t len = size * n;
    long status = 0;

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return keep_error(transfer, data, len) ? len : 0;
    transfer->has_begun = true;
    if (stream->take(stream->arg, data, len))
        return len;
    stream->is_ended = true;
    return 0;
}

static size_t
take_header(char *line, size_t size, size_t n, void *arg)
{
    static const char name[] = "x-tollgate-rows:";
    struct transfer *transfer = arg;
    size_t len = size * n, skip = sizeof(name) - 1;
    char number[24] = "";

    if (len > skip && strncasecmp(line, name, skip) == 0) {
        snprintf(number, sizeof(number), "%.*s", (int)(len - skip),
                 line + skip);
        transfer->stream->rows = strtoll(number, NULL, 10);
    }
    return len;
}

static int
ask_on(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
       curl_off_t up)
{
    struct tg_stream *stream = arg;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    if (stream->goes_on(stream->arg))
        return 0;
    stream->is_ended = true;
    return 1;
}

static void
set_options(struct transfer *transfer, const char *url)
{
    CURL *curl = transfer->curl;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 0L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_part);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer->stream);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

/* What was asked for is not what came. */
static int
refuse(struct tg_cli *cli, const struct transfer *transfer)
{
    const struct tg_client *client = cli->client;
    json_t *error = NULL, *object = NULL;
    struct tg_verdict answer = {.from = client->server.shown,
                                .token_from = client->server.token_from,
                                .error = &error};
    int rc;

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &answer.status);
    if (transfer->error == NULL)
        return tg_say_failed("%s answered %ld, and no rows",
                             client->server.shown, answer.status);
    rc =
        tg_verdict_read(&answer, transfer->error, transfer->error_len, &object);
    if (error != NULL)
        rc = tg_verdict_refuse(cli, error);
    json_decref(error);
    json_decref(object);
    return rc == TG_EXIT_OK ? TG_EXIT_FAILED : rc;
}

static int
conclude(struct tg_cli *cli, const struct transfer *transfer, CURLcode code)
{
    const struct tg_client *client = cli->client;
    long status = 0;

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->stream->is_ended || (code == CURLE_OK && status == 200))
        return TG_EXIT_OK;
    if (code == CURLE_OK || transfer->error != NULL)
        return refuse(cli, transfer);
    if (!transfer->has_begun)
        return tg_client_unreachable(client, code);
    return tg_say_failed("%s broke off in the middle (%s): what came is not "
                         "all of it. Its log, log/tollgated.log in its home, "
                         "may say why; ask again",
                         client->server.shown,
                         *client->error != '\0' ? client->error
                                                : curl_easy_strerror(code));
}

int
tg_client_stream(struct tg_cli *cli, struct tg_stream *stream)
{
    struct transfer transfer = {.stream = stream};
    struct tg_patience patience = {.goes_on = stream->goes_on,
                                   .arg = stream->arg};
    json_t *nothing = NULL;
    char *url = NULL;
    CURLcode code;
    int rc = tg_client_open(cli);

    stream->rows = -1;
    if (rc != TG_EXIT_OK)
        return rc;
    /* Says whether the gate is there, and that a token is needed. */
    if (cli->client->server.token == NULL) {
        rc = tg_client_call(cli, "GET", stream->target, NULL, &nothing);
        json_decref(nothing);
        return rc == TG_EXIT_OK ? TG_EXIT_FAILED : rc;
    }
    if (asprintf(&url, "%s/admin/v1%s", cli->client->server.url,
                 stream->target) < 0)
        tg_own(NULL);
    transfer.curl = tg_own(curl_easy_duphandle(cli->client->curl));
    *cli->client->error = '\0';
    set_options(&transfer, url);
    code = curl_easy_perform(transfer.curl);
    while (code == CURLE_OK &&
           tg_client_is_busy(cli, transfer.curl, transfer.error,
                             transfer.error_len, &patience)) {
        transfer.error_len = 0;
        code = curl_easy_perform(transfer.curl);
    }
    rc = conclude(cli, &transfer, code);
    curl_easy_cleanup(transfer.curl);
    free(transfer.error);
    free(url);
    return rc;
}
