#include "probe.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dialect.h"
#include "plural.h"
#include "secret.h"

#define CONNECT_MS 4000L
#define ANSWER_MAX 65536
#define CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt" /* as nginx's */

struct answer {
    char data[ANSWER_MAX];
    size_t len;
};

void
tg_probe_url(char url[TG_PROBE_URL_SIZE], const char *base_url,
             enum tg_dialect dialect)
{
    size_t len = strlen(base_url);
    const char *path = "/models";

    while (len > 0 && base_url[len - 1] == '/')
        len--;
    if (dialect == TG_DIALECT_DEEPSEEK)
        path = "/user/balance";
    if (dialect == TG_DIALECT_ANTHROPIC)
        path = "/v1/models";
    /* These two do not stand behind "/v1". */
    if (path[1] != 'm' && len > 3 && memcmp(base_url + len - 3, "/v1", 3) == 0)
        len -= 3;
    snprintf(url, TG_PROBE_URL_SIZE, "%.*s%s", (int)len, base_url, path);
}

/* What is more than any answer of sense has is not waited for. */
static size_t
take(char *data, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t len = size * count;

    if (len > sizeof(answer->data) - answer->len)
        return 0;
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
    return len;
}

static struct curl_slist *
headers_of(enum tg_dialect dialect, struct tg_str secret)
{
    bool is_x_api_key = tg_dialect_scheme(dialect) == TG_SCHEME_X_API_KEY;
    struct curl_slist *headers = NULL;
    char line[TG_SECRET_MAX + 32];

    if (secret.len != 0) {
        snprintf(line, sizeof(line), "%s%.*s",
                 is_x_api_key ? "x-api-key: " : "Authorization: Bearer ",
                 (int)secret.len, secret.data);
        headers = curl_slist_append(headers, line);
        explicit_bzero(line, sizeof(line));
    }
    if (is_x_api_key)
        headers = curl_slist_append(headers, "anthropic-version: 2023-06-01");
    return curl_slist_append(headers, "Accept: application/json");
}

/* The list holds the secret once more. */
static void
wipe(struct curl_slist *headers)
{
    for (struct curl_slist *item = headers; item != NULL; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(headers);
}

static CURLcode
get(CURL *curl, const char *url, struct curl_slist *headers, long timeout_ms,
    struct answer *answer)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tollgate");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, CA_BUNDLE);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    return curl_easy_perform(curl);
}

__attribute__((format(printf, 3, 4))) static void
conclude(struct tg_probe *probe, enum tg_probe_result result, const char *fmt,
         ...)
{
    va_list ap;

    probe->result = result;
    va_start(ap, fmt);
    vsnprintf(probe->message, sizeof(probe->message), fmt, ap);
    va_end(ap);
}

/* Why there is no answer at all. */
static void
explain_silence(struct tg_probe *probe, CURLcode code, const char *detail)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        conclude(probe, TG_PROBE_FAILED,
                 "its host name does not resolve; is it spelt right in "
                 "base_url?");
        break;
    case CURLE_COULDNT_CONNECT:
        conclude(probe, TG_PROBE_FAILED,
                 "nobody accepts a connection there; are host and port right, "
                 "and does a firewall let the gate out?");
        break;
    case CURLE_OPERATION_TIMEDOUT:
        conclude(probe, TG_PROBE_FAILED,
                 "it does not answer in time; are host and port right, and "
                 "does a firewall let the gate out?");
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        conclude(probe, TG_PROBE_FAILED, "its certificate is not valid: %s",
                 detail);
        break;
    case CURLE_SSL_CONNECT_ERROR:
        conclude(probe, TG_PROBE_FAILED,
                 "TLS does not come about (%s); does base_url say https:// "
                 "where it is http://?",
                 detail);
        break;
    default:
        conclude(probe, TG_PROBE_FAILED, "it gives no sensible answer: %s",
                 detail);
    }
}

/* "12.34 USD": the first of its balances. */
static void
explain_balance(struct tg_probe *probe, const json_t *object)
{
    const json_t *first =
        json_array_get(json_object_get(object, "balance_infos"), 0);
    const char *total =
        json_string_value(json_object_get(first, "total_balance"));
    const char *currency =
        json_string_value(json_object_get(first, "currency"));

    if (json_is_false(json_object_get(object, "is_available")))
        conclude(probe, TG_PROBE_REJECTED,
                 "the credential is valid, but its account has no money: its "
                 "balance is %.24s %.8s",
                 total != NULL ? total : "0", currency != NULL ? currency : "");
    else
        conclude(probe, TG_PROBE_FINE,
                 "the credential is valid; its balance is %.24s %.8s",
                 total != NULL ? total : "not said",
                 currency != NULL ? currency : "");
}

static void
explain_success(struct tg_probe *probe, const json_t *object)
{
    size_t models = json_array_size(json_object_get(object, "data"));

    if (json_is_object(json_object_get(object, "error")))
        conclude(probe, TG_PROBE_FAILED, "it answers 200 with an error in it");
    else if (json_is_array(json_object_get(object, "balance_infos")))
        explain_balance(probe, object);
    else if (json_is_array(json_object_get(object, "data")))
        conclude(probe, TG_PROBE_FINE,
                 "the credential is valid; it has %zu model%s", models,
                 tg_plural(models));
    else
        conclude(probe, TG_PROBE_FAILED,
                 "it answers 200, but not as an API of this dialect; is "
                 "base_url right, without the endpoint's own path?");
}

static void
explain_status(struct tg_probe *probe, const json_t *object)
{
    long status = probe->status;

    if (status >= 200 && status < 300)
        explain_success(probe, object);
    else if (status >= 300 && status < 400)
        conclude(probe, TG_PROBE_FAILED,
                 "it redirects elsewhere (%ld), which is never followed: "
                 "base_url is not the API's own address",
                 status);
    else if (status == 401 || status == 403)
        conclude(probe, TG_PROBE_REJECTED, "it refuses the credential (%ld)",
                 status);
    else if (status == 402)
        conclude(probe, TG_PROBE_REJECTED,
                 "the credential's account has no money (402)");
    else if (status == 404 || status == 405)
        conclude(probe, TG_PROBE_FAILED,
                 "it answers, but has nothing at that path (%ld); is "
                 "base_url's path right, and the dialect?",
                 status);
    else if (status == 429)
        conclude(probe, TG_PROBE_FAILED,
                 "it is asked too often at the moment (429)");
    else
        conclude(probe, TG_PROBE_FAILED, "it answers with status %ld", status);
}

/* Fills the answer; returns whether one came whole. */
static bool
ask(struct tg_probe *probe, const char *url, enum tg_dialect dialect,
    struct tg_str secret, long timeout_ms, struct answer *answer)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers;
    CURL *curl = curl_easy_init();
    curl_off_t took = 0;
    CURLcode code;

    *probe = (struct tg_probe){.result = TG_PROBE_FAILED};
    if (curl == NULL) {
        conclude(probe, TG_PROBE_FAILED, "there is no memory to ask it");
        return false;
    }
    headers = headers_of(dialect, secret);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    code = get(curl, url, headers, timeout_ms, answer);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &probe->status);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took);
    probe->latency_ms = took / 1000;
    probe->is_reached = probe->status != 0;
    if (code != CURLE_OK)
        explain_silence(probe, code,
                        detail[0] != '\0' ? detail : curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    wipe(headers);
    return code == CURLE_OK;
}

void
tg_probe_ask(struct tg_probe *probe, const char *url, enum tg_dialect dialect,
             struct tg_str secret, long timeout_ms)
{
    json_decref(tg_probe_check(probe, url, dialect, secret, timeout_ms));
}

json_t *
tg_probe_check(struct tg_probe *probe, const char *url, enum tg_dialect dialect,
               struct tg_str secret, long timeout_ms)
{
    struct answer answer = {.len = 0};
    json_t *object = NULL;

    if (!ask(probe, url, dialect, secret, timeout_ms, &answer))
        return NULL;
    if (probe->status >= 200 && probe->status < 300)
        object = json_loadb(answer.data, answer.len, 0, NULL);
    explain_status(probe, object);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

json_t *
tg_probe_get(struct tg_probe *probe, const char *url, enum tg_dialect dialect,
             struct tg_str secret, long timeout_ms)
{
    struct answer answer = {.len = 0};
    json_t *object = NULL;

    if (!ask(probe, url, dialect, secret, timeout_ms, &answer))
        return NULL;
    if (probe->status == 200)
        object = json_loadb(answer.data, answer.len, 0, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    if (probe->status == 200)
        conclude(probe, TG_PROBE_FAILED, "it answers 200, but with no object");
    else
        explain_status(probe, NULL);
    return NULL;
}
