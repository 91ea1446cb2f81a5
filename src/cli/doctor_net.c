#include "doctor_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "own.h"

#define ANSWER_BYTES_MAX (8u << 20)
#define PATIENCE_MS 1000

static size_t
take_answer(char *data, size_t size, size_t n, void *arg)
{
    struct tg_fetch *fetch = arg;
    size_t len = size * n;

    /* What is longer tells no more. */
    if (len > ANSWER_BYTES_MAX - fetch->len) {
        fetch->is_cut = true;
        return 0;
    }
    fetch->answer = tg_own(realloc(fetch->answer, fetch->len + len + 1));
    memcpy(fetch->answer + fetch->len, data, len);
    fetch->len += len;
    fetch->answer[fetch->len] = '\0';
    return len;
}

static size_t
take_header(char *line, size_t size, size_t n, void *arg)
{
    struct tg_fetch *fetch = arg;
    const struct {
        const char *name;
        char *out;
        size_t size;
    } rows[] = {
        {"date:", fetch->date, sizeof(fetch->date)},
        {"location:", fetch->location, sizeof(fetch->location)},
        {"content-type:", fetch->type, sizeof(fetch->type)},
        {"x-ds-trace-id:", fetch->trace, sizeof(fetch->trace)},
        {"www-authenticate:", fetch->realm, sizeof(fetch->realm)},
    };
    size_t len = size * n;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t skip = strlen(rows[i].name);

        if (len <= skip || strncasecmp(line, rows[i].name, skip) != 0)
            continue;
        while (skip < len && line[skip] == ' ')
            skip++;
        snprintf(rows[i].out, rows[i].size, "%.*s",
                 (int)strcspn(line + skip, "\r\n"), line + skip);
    }
    return len;
}

/* Says that it goes on, once a second has passed. */
static int
show_waiting(void *arg, curl_off_t down_total, curl_off_t down,
             curl_off_t up_total, curl_off_t up)
{
    struct tg_fetch *fetch = arg;
    struct timespec now;
    int64_t ms;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    clock_gettime(CLOCK_MONOTONIC, &now);
    ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (fetch->since_ms == 0)
        fetch->since_ms = ms;
    if (ms - fetch->since_ms > PATIENCE_MS && fetch->patience != NULL) {
        fprintf(stderr, "%s\n", fetch->patience);
        fetch->patience = NULL;
    }
    return 0;
}

static struct curl_slist *
make_headers(const struct tg_fetch *fetch)
{
    struct curl_slist *list = NULL;

    list = tg_own(curl_slist_append(list, "Accept: application/json"));
    list = tg_own(curl_slist_append(list, "Expect:"));
    if (fetch->body != NULL)
        list =
            tg_own(curl_slist_append(list, "Content-Type: application/json"));
    for (size_t i = 0; i < TG_FETCH_HEADERS && fetch->headers[i] != NULL; i++)
        list = tg_own(curl_slist_append(list, fetch->headers[i]));
    return list;
}

static void
set_options(CURL *curl, struct tg_fetch *fetch)
{
    curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tollgate-doctor/" TG_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fetch->error);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, fetch->connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, fetch->total_ms);
    curl_easy_setopt(curl, CURLOPT_PROXY, fetch->proxy);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, fetch);
    if (fetch->patience != NULL) {
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_waiting);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    }
    if (fetch->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file);
    if (fetch->body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, fetch->body);
    if (fetch->is_blind) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
    }
}

/* Of the server's own certificate, which comes first. */
static void
take_certificate(CURL *curl, struct tg_fetch *fetch)
{
    const struct {
        const char *name;
        char *out;
        size_t size;
    } rows[] = {
        {"Start date:", fetch->from, sizeof(fetch->from)},
        {"Expire date:", fetch->until, sizeof(fetch->until)},
        {"X509v3 Subject Alternative Name:", fetch->names,
         sizeof(fetch->names)},
        {"Issuer:", fetch->issuer, sizeof(fetch->issuer)},
    };
    struct curl_certinfo *info = NULL;
    const struct curl_slist *line;

    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK ||
        info == NULL || info->num_of_certs == 0)
        return;
    for (line = info->certinfo[0]; line != NULL; line = line->next) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            size_t skip = strlen(rows[i].name);

            if (strncmp(line->data, rows[i].name, skip) == 0)
                snprintf(rows[i].out, rows[i].size, "%s", line->data + skip);
        }
    }
}

static void
take_facts(CURL *curl, struct tg_fetch *fetch)
{
    curl_off_t resolved = 0, connected = 0, encrypted = 0;
    char *ip = NULL;

    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &fetch->os_errno);
    curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &fetch->verify);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetch->status);
    curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &fetch->proxy_status);
    curl_easy_getinfo(curl, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
    curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
    curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &encrypted);
    fetch->is_resolved = resolved > 0;
    fetch->is_connected = connected > 0;
    fetch->is_encrypted = encrypted > 0;
    if (curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK &&
        ip != NULL)
        snprintf(fetch->ip, sizeof(fetch->ip), "%s", ip);
    if (fetch->is_blind)
        take_certificate(curl, fetch);
}

void
tg_fetch(struct tg_fetch *fetch)
{
    CURL *curl = tg_own(curl_easy_init());
    struct curl_slist *headers = make_headers(fetch), *line;

    set_options(curl, fetch);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    fetch->code = curl_easy_perform(curl);
    if (fetch->code == CURLE_WRITE_ERROR && fetch->is_cut)
        fetch->code = CURLE_OK;
    take_facts(curl, fetch);
    if (fetch->answer == NULL)
        fetch->answer = tg_own(strdup(""));
    if (*fetch->error == '\0' && fetch->code != CURLE_OK)
        snprintf(fetch->error, sizeof(fetch->error), "%s",
                 curl_easy_strerror(fetch->code));
    for (line = headers; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

void
tg_fetch_release(struct tg_fetch *fetch)
{
    if (fetch->answer != NULL)
        explicit_bzero(fetch->answer, fetch->len);
    free(fetch->answer);
    fetch->answer = NULL;
}
