#include "client_busy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "own.h"
#include "proof.h"
#include "verdict.h"
#include "say.h"
#include "server.h"

#define ANSWER_BYTES_MAX (64u << 20)
#define CONNECT_TIMEOUT_S 5L
#define TIMEOUT_S 120L
#define ONCE_SIZE 64
#define AGAIN_S 1           /* until a daemon that was killed runs again */
#define AGAIN_MAX 20        /* while the first one is under way */
#define PATIENCE_US 1000000 /* silence that is worth a word */

struct body {
    char *data;
    size_t len;
};

static size_t
receive(char *data, size_t size, size_t n, void *arg)
{
    struct body *body = arg;
    size_t len = size * n;
    char *grown;

    if (len > ANSWER_BYTES_MAX - body->len)
        return 0;
    grown = realloc(body->data, body->len + len + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + body->len, data, len);
    body->data = grown;
    body->len += len;
    return len;
}

static int
show_waiting(void *arg, curl_off_t down_total, curl_off_t down,
             curl_off_t up_total, curl_off_t up)
{
    struct tg_client *client = arg;
    curl_off_t us = 0;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    curl_easy_getinfo(client->curl, CURLINFO_TOTAL_TIME_T, &us);
    if (us > PATIENCE_US && !client->is_waiting_shown) {
        client->is_waiting_shown = true;
        fprintf(stderr, "waiting for %s …\n", client->server.shown);
    }
    return 0;
}

static struct curl_slist *
add_header(struct curl_slist *list, const char *line)
{
    return tg_own(curl_slist_append(list, line));
}

static void
set_headers(struct tg_client *client)
{
    struct curl_slist *list = NULL;
    char *line = NULL;

    list = add_header(list, "Accept: application/json");
    list = add_header(list, "Content-Type: application/json");
    list = add_header(list, "Expect:");
    if (client->server.token != NULL) {
        if (asprintf(&line, "Authorization: Bearer %s", client->server.token) <
            0)
            tg_own(NULL);
        list = add_header(list, line);
        explicit_bzero(line, strlen(line));
        free(line);
    }
    client->headers = list;
}

static void
set_options(struct tg_client *client, bool has_progress)
{
    CURL *curl = client->curl;

    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    /* A thing that is named ".." is not the one above it. */
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tollgate/" TG_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    if (client->server.socket != NULL)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->server.socket);
    if (tg_server_is_local(&client->server))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (has_progress) {
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_waiting);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    }
}

int
tg_client_open(struct tg_cli *cli)
{
    struct tg_client *client;
    int rc;

    if (cli->client != NULL)
        return TG_EXIT_OK;
    client = tg_own(calloc(1, sizeof(*client)));
    rc = tg_server_find(&client->server, cli);
    if (rc != TG_EXIT_OK) {
        tg_server_release(&client->server);
        free(client);
        return rc;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->curl = tg_own(curl_easy_init());
    set_headers(client);
    set_options(client, !cli->is_quiet && isatty(STDERR_FILENO));
    if (strncmp(client->server.url, "http://", 7) == 0 &&
        !tg_server_is_local(&client->server))
        tg_say_note(cli,
                    "tollgate: %s is not encrypted: others on the way "
                    "can read the token",
                    client->server.shown);
    cli->client = client;
    return TG_EXIT_OK;
}

void
tg_client_close(struct tg_client *client)
{
    struct curl_slist *line;

    if (client == NULL)
        return;
    for (line = client->headers; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(client->headers);
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    tg_server_release(&client->server);
    free(client);
}

/* Takes the answer's ETag. */
static size_t
take_header(char *line, size_t size, size_t n, void *arg)
{
    static const char name[] = "ETag:";
    struct tg_exchange *exchange = arg;
    size_t len = size * n, skip = sizeof(name) - 1;

    if (len > skip && strncasecmp(line, name, skip) == 0) {
        skip += strspn(line + skip, " ");
        snprintf(exchange->etag, sizeof(exchange->etag), "%.*s",
                 (int)strcspn(line + skip, "\r\n"), line + skip);
    }
    return len;
}

static void
set_request(struct tg_client *client, const char *method, const char *url,
            const char *sent)
{
    CURL *curl = client->curl;

    bool has_body = sent != NULL || (strcmp(method, "GET") != 0 &&
                                     strcmp(method, "DELETE") != 0);

    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (has_body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sent != NULL ? sent : "{}");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, -1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

int
tg_client_unreachable(const struct tg_client *client, CURLcode code)
{
    const char *cause =
        *client->error != '\0' ? client->error : curl_easy_strerror(code);

    return tg_say_unreachable(
        "cannot reach the gate at %s (%s). Start one with \"tollgate up\", or "
        "name its address with --admin-url",
        client->server.shown, cause);
}

static int
refuse_transport(const struct tg_client *client, CURLcode code)
{
    if (code == CURLE_WRITE_ERROR)
        return tg_say_failed("the answer of %s is too large",
                             client->server.shown);
    return tg_client_unreachable(client, code);
}

/* A name for what is asked for, by which it is done once. */
static void
make_once(char out[ONCE_SIZE])
{
    uint64_t random[2];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        tg_own(NULL);
    snprintf(out, ONCE_SIZE, "cli-%016" PRIx64 "%016" PRIx64, random[0],
             random[1]);
}

/* A line in front of a list, which owns it until it is taken off. */
static void
put_line(struct curl_slist *line, struct curl_slist **list, const char *name,
         const char *value)
{
    if (value == NULL)
        return;
    if (asprintf(&line->data, "%s: %s", name, value) < 0)
        tg_own(NULL);
    line->next = *list;
    *list = line;
}

static CURLcode
send_once(struct tg_client *client, struct tg_exchange *exchange,
          const char *sent, const char *once, struct body *received)
{
    struct curl_slist lines[2] = {{0}}, *list = client->headers;
    char *url = NULL;
    CURLcode code;

    if (asprintf(&url, "%s/admin/v1%s", client->server.url, exchange->target) <
        0)
        tg_own(NULL);
    put_line(&lines[0], &list, "If-Match", exchange->if_match);
    put_line(&lines[1], &list, "Idempotency-Key", once);
    *client->error = '\0';
    set_request(client, exchange->method, url, sent);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, received);
    code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
    free(url);
    free(lines[0].data);
    free(lines[1].data);
    return code;
}

/* Whether it may have been done, and nobody said so. */
static bool
is_broken(const struct tg_client *client, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    return code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR ||
           code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE ||
           (code == CURLE_OK && (status == 502 || status == 504));
}

/* Whether the first one, of which we lost sight, is still at it. */
static bool
is_under_way(const struct body *received, const struct tg_client *client)
{
    static const char code[] = "\"idempotency_in_progress\"";
    long status = 0;

    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    return status == 409 && received->data != NULL &&
           strstr(received->data, code) != NULL;
}

static void
forget(struct body *received)
{
    if (received->data != NULL)
        explicit_bzero(received->data, received->len);
    free(received->data);
    *received = (struct body){0};
}

/* Sends it again, under the same key, until it is known what became of it. */
static CURLcode
send_again(struct tg_client *client, struct tg_exchange *exchange,
           const char *sent, const char *once, struct body *received)
{
    static const struct timespec pause = {.tv_sec = AGAIN_S};
    CURLcode code;

    for (int i = 0; i < AGAIN_MAX; i++) {
        forget(received);
        nanosleep(&pause, NULL);
        code = send_once(client, exchange, sent, once, received);
        if (code != CURLE_OK || !is_under_way(received, client))
            break;
    }
    return code;
}

static int
perform(struct tg_cli *cli, struct tg_exchange *exchange, const char *sent,
        struct tg_verdict *answer, struct body *received)
{
    struct tg_client *client = cli->client;
    struct tg_patience patience = {.times = 0};
    bool is_post = strcmp(exchange->method, "POST") == 0;
    char once[ONCE_SIZE];
    CURLcode code;

    make_once(once);
    code = send_once(client, exchange, sent, is_post ? once : NULL, received);
    while (code == CURLE_OK &&
           tg_client_is_busy(cli, client->curl, received->data, received->len,
                             &patience)) {
        forget(received);
        code =
            send_once(client, exchange, sent, is_post ? once : NULL, received);
    }
    if (is_post && is_broken(client, code))
        code = send_again(client, exchange, sent, once, received);
    if (code != CURLE_OK)
        return refuse_transport(client, code);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    answer->from = client->server.shown;
    answer->token_from = client->server.token_from;
    return TG_EXIT_OK;
}

static int
call(struct tg_cli *cli, struct tg_exchange *exchange, const char *sent)
{
    struct tg_verdict answer = {.error = &exchange->error,
                                .is_login = exchange->is_login};
    struct body received = {0};
    int rc;

    rc = perform(cli, exchange, sent, &answer, &received);
    exchange->status = answer.status;
    if (rc == TG_EXIT_OK && exchange->wants_bytes && answer.status == 200) {
        exchange->bytes =
            received.data != NULL ? received.data : tg_own(calloc(1, 1));
        exchange->len = received.len;
        return TG_EXIT_OK;
    }
    if (rc == TG_EXIT_OK)
        rc = tg_verdict_read(&answer, received.data, received.len,
                             &exchange->answer);
    forget(&received);
    return rc;
}

/* Sends it; once more when the gate wants to know first who it is. */
static int
call_proven(struct tg_cli *cli, struct tg_exchange *exchange, const char *sent)
{
    int rc = call(cli, exchange, sent);

    if (!tg_proof_is_wanted(exchange->error))
        return rc;
    json_decref(exchange->error);
    exchange->error = NULL;
    rc = tg_proof_send(cli);
    return rc == TG_EXIT_OK ? call(cli, exchange, sent) : rc;
}

int
tg_client_exchange(struct tg_cli *cli, struct tg_exchange *exchange)
{
    char *sent = NULL;
    int rc;

    exchange->answer = exchange->error = NULL;
    exchange->bytes = NULL;
    exchange->etag[0] = '\0';
    rc = tg_client_open(cli);
    if (rc != TG_EXIT_OK)
        return rc;
    /* Nothing is sent to somebody we cannot prove ourselves to. */
    if (cli->client->server.token == NULL && !exchange->is_login) {
        exchange->method = "GET";
        exchange->target = "/health";
        exchange->body = NULL;
    }
    if (exchange->body != NULL)
        sent = tg_own(json_dumps(exchange->body, JSON_COMPACT));
    rc = call_proven(cli, exchange, sent);
    if (sent != NULL)
        explicit_bzero(sent, strlen(sent));
    free(sent);
    return rc;
}

int
tg_client_call(struct tg_cli *cli, const char *method, const char *target,
               const json_t *body, json_t **answer)
{
    struct tg_exchange exchange = {
        .method = method, .target = target, .body = body};
    int rc = tg_client_exchange(cli, &exchange);

    *answer = exchange.answer;
    if (exchange.error != NULL)
        rc = tg_verdict_refuse(cli, exchange.error);
    json_decref(exchange.error);
    return rc;
}

const char *
tg_client_address(const struct tg_cli *cli)
{
    return cli->client->server.shown;
}

char *
tg_client_escape(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *escaped = tg_own(malloc(3 * strlen(text) + 1)), *at = escaped;

    for (; *text != '\0'; text++) {
        if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
            (*text >= '0' && *text <= '9') || strchr("-_.~", *text) != NULL) {
            *at++ = *text;
            continue;
        }
        *at++ = '%';
        *at++ = digits[(unsigned char)*text >> 4];
        *at++ = digits[(unsigned char)*text & 15];
    }
    *at = '\0';
    return escaped;
}
