#include "egress.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "daemon.h"
#include "egress_plan.h"
#include "err.h"

#define HTTP_MS 10000
#define MAIL_MS 20000
#define CONNECT_MS 5000L
#define ANSWER_MAX 65536
#define CA_BUNDLE "/etc/ssl/certs/ca-certificates.crt" /* as nginx's */

/* One that is under way. */
struct sending {
    CURL *curl;
    struct tg_egress_plan plan;
    struct tg_egress_answer *answer;
    struct tg_error *error;
    size_t answer_max;
    bool is_too_large;
    struct curl_slist *lines; /* of the head, or recipients */
    struct tg_str body;       /* of a mail: what is left of it */
    char detail[CURL_ERROR_SIZE];
};

static size_t
take(char *data, size_t size, size_t count, void *arg)
{
    struct sending *sending = arg;
    struct tg_egress_answer *answer = sending->answer;
    size_t len = size * count;

    if (len > sending->answer_max - answer->len) {
        sending->is_too_large = true;
        return 0;
    }
    if (answer->data == NULL)
        answer->data = malloc(sending->answer_max + 1);
    if (answer->data == NULL)
        return 0;
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
    answer->data[answer->len] = '\0';
    return len;
}

static size_t
give(char *data, size_t size, size_t count, void *arg)
{
    struct sending *sending = arg;
    size_t len = size * count;

    if (len > sending->body.len)
        len = sending->body.len;
    memcpy(data, sending->body.data, len);
    sending->body.data += len;
    sending->body.len -= len;
    return len;
}

static bool
take_ip(const struct sockaddr *addr, uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (addr->sa_family == AF_INET6) {
        memcpy(ip, &((const struct sockaddr_in6 *)addr)->sin6_addr, 16);
        return true;
    }
    memcpy(ip, mapped, sizeof(mapped));
    memcpy(ip + sizeof(mapped), &((const struct sockaddr_in *)addr)->sin_addr,
           4);
    return addr->sa_family == AF_INET;
}

/*
 * Asked for each address that libcurl is about to connect to: whatever led it
 * there, it is one that was judged.  The proxy is the operator's own choice.
 */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct sending *sending = arg;
    const struct tg_egress_plan *plan = &sending->plan;
    bool is_judged = !plan->is_direct;
    uint8_t ip[16];

    if (purpose != CURLSOCKTYPE_IPCXN || !take_ip(&address->addr, ip))
        return CURL_SOCKET_BAD;
    for (size_t i = 0; i < plan->found.count && !is_judged; i++)
        is_judged = memcmp(plan->found.ips[i], ip, sizeof(ip)) == 0;
    return is_judged ? socket(address->family, address->socktype | SOCK_CLOEXEC,
                              address->protocol)
                     : CURL_SOCKET_BAD;
}

static void
set_certificates(CURL *curl, const struct tg_egress_rules *rules,
                 const char *pem)
{
    struct curl_blob blob = {(void *)pem, pem != NULL ? strlen(pem) : 0,
                             CURL_BLOB_COPY};

    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    if (pem != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    else
        curl_easy_setopt(curl, CURLOPT_CAINFO,
                         rules->ca_file[0] != '\0' ? rules->ca_file
                                                   : CA_BUNDLE);
}

/* What holds for both. */
static void
set_common(struct sending *sending, const char *pem, int64_t left_ms)
{
    const struct tg_egress_plan *plan = &sending->plan;
    CURL *curl = sending->curl;

    curl_easy_setopt(curl, CURLOPT_CURLU, plan->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
                     plan->is_mail ? "smtp,smtps" : "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY,
                     plan->is_direct ? "" : plan->rules->proxy);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, plan->resolve);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, sending);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, sending);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, sending->detail);
    set_certificates(curl, plan->rules, pem);
}

/* A line that would end before its end would be another header. */
static int
add_lines(struct sending *sending, const char *const *lines)
{
    for (; lines != NULL && *lines != NULL; lines++) {
        struct curl_slist *longer;

        if (strpbrk(*lines, "\r\n") != NULL)
            return tg_error_set(sending->error, TG_ERR_FORMAT,
                                "a header or an address has a line's end in "
                                "it");
        longer = curl_slist_append(sending->lines, *lines);
        if (longer == NULL)
            return tg_error_set(sending->error, TG_ERR_SYSTEM, "out of memory");
        sending->lines = longer;
    }
    return 0;
}

static int
set_sigv4(CURL *curl, const struct tg_egress_sigv4 *sign,
          struct tg_error *error)
{
    char scope[160];

    if (sign->service == NULL)
        return 0;
    if (snprintf(scope, sizeof(scope), "aws:amz:%s:%s", sign->region,
                 sign->service) >= (int)sizeof(scope))
        return tg_error_set(error, TG_ERR_FORMAT, "the region is too long");
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, scope);
    curl_easy_setopt(curl, CURLOPT_USERNAME, sign->key_id);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, sign->secret);
    return 0;
}

static int
set_request(struct sending *sending, const struct tg_egress_request *request)
{
    CURL *curl = sending->curl;
    int err = add_lines(sending, request->headers);

    if (err == 0)
        err = set_sigv4(curl, &request->sigv4, sending->error);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tollgate");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, sending->lines);
    if (request->body.data != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data);
    }
    curl_easy_setopt(curl, CURLOPT_NOBODY,
                     (long)(strcmp(request->method, "HEAD") == 0));
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    return err;
}

static int
set_mail(struct sending *sending, const struct tg_egress_mail *mail)
{
    CURL *curl = sending->curl;

    sending->body = mail->message;
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from);
    curl_easy_setopt(curl, CURLOPT_USERNAME, mail->user);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, mail->password);
    curl_easy_setopt(
        curl, CURLOPT_USE_SSL,
        (long)(mail->may_be_plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, sending);
    if (strpbrk(mail->from, "\r\n") != NULL)
        return tg_error_set(sending->error, TG_ERR_FORMAT,
                            "the sender's address has a line's end in it");
    if (add_lines(sending, mail->to) != 0)
        return TG_ERR_FORMAT;
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, sending->lines);
    return 0;
}

/* A sentence for what libcurl says, and which of ours it is. */
static int
explain(const struct sending *sending, CURLcode code)
{
    const char *detail =
        sending->detail[0] != '\0' ? sending->detail : curl_easy_strerror(code);
    const struct tg_egress_plan *plan = &sending->plan;
    struct tg_error *error = sending->error;

    if (sending->is_too_large)
        return tg_error_set(error, TG_ERR_LIMIT,
                            "the answer of %.200s is larger than %zu bytes",
                            plan->host, sending->answer_max);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return tg_error_set(error, TG_ERR_CRYPTO,
                            "the certificate of %.200s is not valid: %.160s",
                            plan->host, detail);
    case CURLE_OPERATION_TIMEDOUT:
        return tg_error_set(error, TG_ERR_BUSY,
                            "%.200s does not answer in time", plan->host);
    case CURLE_COULDNT_CONNECT:
        return tg_error_set(error, TG_ERR_BUSY,
                            "nobody accepts a connection at port %u of %.200s",
                            plan->port, plan->host);
    case CURLE_LOGIN_DENIED:
        return tg_error_set(error, TG_ERR_BUSY,
                            "%.200s refuses the user or the password",
                            plan->host);
    default:
        return tg_error_set(error, TG_ERR_BUSY, "%.200s: %.200s", plan->host,
                            detail);
    }
}

static int
perform(struct sending *sending)
{
    struct tg_egress_answer *answer = sending->answer;
    curl_off_t took = 0, retry_after = 0;
    CURLcode code = curl_easy_perform(sending->curl);

    curl_easy_getinfo(sending->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(sending->curl, CURLINFO_TOTAL_TIME_T, &took);
    curl_easy_getinfo(sending->curl, CURLINFO_RETRY_AFTER, &retry_after);
    answer->latency_ms = took / 1000;
    answer->retry_after_s = retry_after;
    return code == CURLE_OK ? 0 : explain(sending, code);
}

/* The lists hold secrets once more. */
static void
release(struct sending *sending)
{
    curl_easy_cleanup(sending->curl);
    for (struct curl_slist *item = sending->lines; item != NULL;
         item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(sending->lines);
    tg_egress_plan_release(&sending->plan);
}

/* Plans and begins; the caller releases it in any case. */
static int
begin(struct sending *sending, const struct tg_egress_rules *rules,
      const char *url, bool is_mail, uint32_t timeout_ms, const char *pem)
{
    int64_t until_ms = tg_clock_forward_ms() + timeout_ms, left_ms;
    int err = tg_egress_plan(&sending->plan, rules, url, is_mail, timeout_ms,
                             sending->error);

    if (err != 0)
        return err;
    sending->curl = curl_easy_init();
    if (sending->curl == NULL)
        return tg_error_set(sending->error, TG_ERR_SYSTEM, "out of memory");
    left_ms = until_ms - tg_clock_forward_ms();
    set_common(sending, pem, left_ms > 0 ? left_ms : 1);
    return 0;
}

int
tg_egress_send_by(const struct tg_egress_rules *rules,
                  const struct tg_egress_request *request,
                  struct tg_egress_answer *answer, struct tg_error *error)
{
    struct sending sending = {.answer = answer, .error = error};
    int err;

    *answer = (struct tg_egress_answer){.data = NULL};
    sending.answer_max =
        request->answer_max != 0 ? request->answer_max : ANSWER_MAX;
    err = begin(&sending, rules, request->url, false,
                request->timeout_ms != 0 ? request->timeout_ms : HTTP_MS,
                request->ca_pem);
    if (err == 0)
        err = set_request(&sending, request);
    if (err == 0)
        err = perform(&sending);
    release(&sending);
    return err;
}

int
tg_egress_mail_by(const struct tg_egress_rules *rules,
                  const struct tg_egress_mail *mail,
                  struct tg_egress_answer *answer, struct tg_error *error)
{
    struct sending sending = {
        .answer = answer, .error = error, .answer_max = ANSWER_MAX};
    int err;

    *answer = (struct tg_egress_answer){.data = NULL};
    err =
        begin(&sending, rules, mail->url, true,
              mail->timeout_ms != 0 ? mail->timeout_ms : MAIL_MS, mail->ca_pem);
    if (err == 0)
        err = set_mail(&sending, mail);
    if (err == 0)
        err = perform(&sending);
    release(&sending);
    return err;
}

static void
copy_rules(struct tg_daemon *daemon, struct tg_egress_rules *rules)
{
    pthread_mutex_lock(&daemon->publish_lock);
    *rules = *daemon->egress;
    pthread_mutex_unlock(&daemon->publish_lock);
}

int
tg_egress_send(struct tg_daemon *daemon,
               const struct tg_egress_request *request,
               struct tg_egress_answer *answer, struct tg_error *error)
{
    struct tg_egress_rules rules;

    copy_rules(daemon, &rules);
    return tg_egress_send_by(&rules, request, answer, error);
}

int
tg_egress_mail(struct tg_daemon *daemon, const struct tg_egress_mail *mail,
               struct tg_egress_answer *answer, struct tg_error *error)
{
    struct tg_egress_rules rules;

    copy_rules(daemon, &rules);
    return tg_egress_mail_by(&rules, mail, answer, error);
}

void
tg_egress_answer_release(struct tg_egress_answer *answer)
{
    if (answer->data != NULL)
        explicit_bzero(answer->data, answer->len);
    free(answer->data);
    *answer = (struct tg_egress_answer){.data = NULL};
}
