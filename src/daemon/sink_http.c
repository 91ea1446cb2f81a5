#include "sink_http.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define ANSWER_MAX (1u << 20)
#define TIMEOUT_MS 10000
#define BEARER_MAX 8192

void
tg_sink_wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void
tg_sink_host(const char *url, char out[128])
{
    const char *start = strstr(url, "://");
    size_t len;

    start = start != NULL ? start + 3 : url;
    len = strcspn(start, "/?#");
    snprintf(out, 128, "%.*s", (int)(len < 127 ? len : 127), start);
}

int
tg_sink_url(struct tg_sink_work *work, char url[TG_SINK_URL_SIZE],
            const char *base, const char *fmt, ...)
{
    size_t len = strlen(base);
    va_list ap;
    int n;

    while (len > 0 && base[len - 1] == '/')
        len--;
    if (len < TG_SINK_URL_SIZE) {
        memcpy(url, base, len);
        va_start(ap, fmt);
        n = vsnprintf(url + len, TG_SINK_URL_SIZE - len, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < TG_SINK_URL_SIZE - len)
            return 0;
    }
    return tg_sink_fail(work, TG_ERR_FORMAT, "the URL is too long");
}

/* The lines of its head, as egress takes them; authorization is wiped. */
struct head {
    char authorization[BEARER_MAX], type[128];
    const char *lines[8];
};

static void
fill_head(struct head *head, const struct tg_sink_call *call)
{
    size_t n = 0;

    if (call->bearer != NULL) {
        snprintf(head->authorization, sizeof(head->authorization),
                 "Authorization: Bearer %s", call->bearer);
        head->lines[n++] = head->authorization;
    }
    if (call->type != NULL) {
        snprintf(head->type, sizeof(head->type), "Content-Type: %s",
                 call->type);
        head->lines[n++] = head->type;
    }
    head->lines[n++] = "Accept: application/json";
    for (size_t i = 0; i < 4 && call->headers[i] != NULL; i++)
        head->lines[n++] = call->headers[i];
    head->lines[n] = NULL;
}

int
tg_sink_ask(struct tg_sink_work *work, const struct tg_sink_call *call,
            long *status, json_t **answer)
{
    const char *pem = tg_sink_config(work, "ca");
    char *text =
        call->json != NULL ? json_dumps(call->json, JSON_COMPACT) : NULL;
    const char *body = call->json != NULL ? text : call->text;
    struct tg_egress_answer got;
    struct head head = {.lines = {NULL}};
    int err;

    fill_head(&head, call);
    struct tg_egress_request request = {
        .method = call->method,
        .url = call->url,
        .headers = head.lines,
        .body = {body, body != NULL ? strlen(body) : 0},
        .timeout_ms = TIMEOUT_MS,
        .answer_max = ANSWER_MAX,
        .ca_pem = *pem != '\0' ? pem : NULL,
        .sigv4 = call->sigv4,
    };

    err = tg_egress_send(work->daemon, &request, &got, &work->error);
    if (err == 0) {
        *status = got.status;
        *answer = got.data != NULL ? json_loadb(got.data, got.len,
                                                JSON_REJECT_DUPLICATES, NULL)
                                   : NULL;
        work->retry_after_s = got.retry_after_s;
    }
    tg_egress_answer_release(&got);
    explicit_bzero(head.authorization, sizeof(head.authorization));
    tg_sink_wipe(text);
    json_decref(call->json);
    return err;
}

int
tg_sink_status(struct tg_sink_work *work, const char *url, long status,
               const char *what)
{
    char host[128];

    tg_sink_host(url, host);
    if (status >= 200 && status < 300)
        return 0;
    if (status == 401 || status == 403)
        return tg_sink_fail(work, TG_ERR_CRYPTO,
                            "%s refuses the sink's credentials, or they do "
                            "not allow it (%ld)",
                            host, status);
    if (status == 404)
        return tg_sink_fail(work, TG_ERR_NOT_FOUND, "%s has not %s (404)", host,
                            what);
    if (status == 409 || status == 412)
        return tg_sink_fail(work, TG_ERR_BUSY,
                            "%s was changed at %s by somebody else meanwhile "
                            "(%ld)",
                            what, host, status);
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return tg_sink_fail(work, TG_ERR_BUSY, "%s cannot take it now (%ld)",
                            host, status);
    if (status >= 300 && status < 400)
        return tg_sink_fail(work, TG_ERR_FORMAT,
                            "%s redirects elsewhere (%ld), which is never "
                            "followed: is the sink's URL right?",
                            host, status);
    return tg_sink_fail(work, TG_ERR_FORMAT, "%s refuses the request (%ld)",
                        host, status);
}

bool
tg_sink_take(struct tg_secret *found, const char *text)
{
    return text != NULL && *text != '\0' &&
           tg_secret_set(found, (struct tg_str){text, strlen(text)}) == 0;
}

bool
tg_sink_take_base64(struct tg_secret *found, const char *text)
{
    struct tg_secret plain = {0};
    bool is_fine;

    if (text == NULL || *text == '\0' ||
        sodium_base642bin((unsigned char *)plain.data, sizeof(plain.data), text,
                          strlen(text), NULL, &plain.len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    is_fine = tg_secret_set(found, tg_secret_str(&plain)) == 0;
    tg_secret_wipe(&plain);
    return is_fine;
}

char *
tg_sink_base64(struct tg_str bytes)
{
    size_t size =
        sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);

    if (text != NULL)
        sodium_bin2base64(text, size, (const unsigned char *)bytes.data,
                          bytes.len, sodium_base64_VARIANT_ORIGINAL);
    return text;
}

bool
tg_sink_has_only(const char *text, size_t max, const char *allowed)
{
    size_t len = strlen(text);

    return len > 0 && len <= max && strspn(text, allowed) == len;
}
