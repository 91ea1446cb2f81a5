#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "doctor_link.h"
#include "own.h"

/* One way to the address, tried without the key. */
struct attempt {
    struct tg_fetch fetch;
    struct tg_said said;
    char url[TG_DOCTOR_URL_SIZE + 32];
};

static void
release(struct attempt *attempt)
{
    tg_fetch_release(&attempt->fetch);
    tg_said_release(&attempt->said);
}

struct tg_fetch
tg_doctor_request(const struct tg_doctor *doctor, const char *url)
{
    return (struct tg_fetch){.url = url,
                             .proxy = doctor->proxy.url,
                             .ca_file = doctor->ca_file,
                             .connect_ms = doctor->connect_ms,
                             .total_ms = doctor->total_ms,
                             .patience = doctor->patience};
}

/*
 * Asks what a client would that has no key: OpenAI's for the models,
 * Anthropic's for an answer to nothing, which costs nothing.
 */
static void
try_at(const struct tg_doctor *doctor, const char *base, bool is_post,
       struct attempt *attempt)
{
    bool is_anthropic = doctor->api == TG_API_ANTHROPIC;

    snprintf(attempt->url, sizeof(attempt->url), "%s%s", base,
             is_anthropic ? "/v1/messages"
             : is_post    ? "/chat/completions"
                          : "/models");
    attempt->fetch = tg_doctor_request(doctor, attempt->url);
    if (is_anthropic)
        attempt->fetch.headers[0] = "anthropic-version: 2023-06-01";
    if (is_anthropic || is_post)
        attempt->fetch.body = "{}";
    tg_fetch(&attempt->fetch);
    attempt->said = (struct tg_said){0};
    if (attempt->fetch.code == CURLE_OK)
        tg_said_read(&attempt->said, &attempt->fetch);
}

/* Whether an LLM API is there, and has this path. */
static bool
is_api(const struct attempt *attempt)
{
    long status = attempt->said.status;

    return attempt->fetch.code == CURLE_OK &&
           attempt->said.server != TG_SERVER_NONE && status != 404 &&
           status != 405 && (status < 300 || status >= 400);
}

/* Notes that the API is at base. */
static void
settle(struct tg_doctor *doctor, const struct attempt *attempt,
       const char *base)
{
    struct tg_doctor_url *url = &doctor->url;
    char root[TG_DOCTOR_URL_SIZE];
    size_t len;

    doctor->server = attempt->said.server;
    /* Who finds fault with the body first does not ask for a key. */
    doctor->is_open = attempt->said.is_models || attempt->said.status == 400 ||
                      attempt->said.status == 422;
    doctor->has_list = attempt->fetch.body == NULL;
    snprintf(doctor->base, sizeof(doctor->base), "%s", base);
    snprintf(root, sizeof(root), "%s", base);
    if (doctor->api == TG_API_ANTHROPIC) {
        len = strlen(root);
        if (len > 10 && strcmp(root + len - 10, "/anthropic") == 0)
            root[len - 10] = '\0';
        doctor->has_list = true;
        snprintf(doctor->ask, sizeof(doctor->ask), "%.*s/v1",
                 TG_DOCTOR_URL_SIZE - 8, root);
    } else {
        snprintf(doctor->ask, sizeof(doctor->ask), "%s", root);
    }
    if (url->provider == NULL && doctor->server == TG_SERVER_GATE)
        tg_report_add(&doctor->report, tg_found_api_gate, NULL, NULL, NULL);
    else
        tg_report_add(&doctor->report, tg_found_api_of,
                      url->provider != NULL ? url->provider->name
                                            : tg_server_name(doctor->server),
                      NULL, NULL);
}

/* Where else the API may be, when it is not where it should. */
struct elsewhere {
    enum { BEHIND, WITHOUT, INSTEAD } how; /* of the path that is there */
    const char *path;                      /* NULL ends a table */
    enum tg_doctor_finding finding;
};

static const struct elsewhere openai_paths[] = {
    {BEHIND, "/v1", tg_found_url_v1_missing},
    {WITHOUT, "/v1", tg_found_url_v1_extra},
    {WITHOUT, "/anthropic", tg_found_url_anthropic_extra},
    {WITHOUT, "/anthropic/v1", tg_found_url_anthropic_extra},
    {INSTEAD, "/v1", tg_found_url_path_wrong},
    {INSTEAD, "", tg_found_url_path_wrong},
    {0},
};

static const struct elsewhere anthropic_paths[] = {
    {BEHIND, "/anthropic", tg_found_url_anthropic_missing},
    {INSTEAD, "/anthropic", tg_found_url_path_wrong},
    {INSTEAD, "", tg_found_url_path_wrong},
    {0},
};

/* Whether the row makes another path of this one. */
static bool
change_path(const struct elsewhere *row, const char *path,
            char changed[TG_DOCTOR_URL_SIZE])
{
    size_t len = strlen(path), end = strlen(row->path);

    if (row->how == WITHOUT &&
        (len < end || strcmp(path + len - end, row->path) != 0))
        return false;
    snprintf(changed, TG_DOCTOR_URL_SIZE, "%.*s%s",
             row->how == BEHIND    ? (int)len
             : row->how == WITHOUT ? (int)(len - end)
                                   : 0,
             path, row->how == WITHOUT ? "" : row->path);
    return strcmp(changed, path) != 0;
}

static bool
try_elsewhere(struct tg_doctor *doctor)
{
    const struct elsewhere *row =
        doctor->api == TG_API_ANTHROPIC ? anthropic_paths : openai_paths;
    char changed[TG_DOCTOR_URL_SIZE], base[TG_DOCTOR_URL_SIZE];
    struct attempt attempt;
    bool is_found = false;

    for (; row->path != NULL && !is_found; row++) {
        if (!change_path(row, doctor->url.path, changed))
            continue;
        tg_doctor_url_at(&doctor->url, changed, base);
        try_at(doctor, base, false, &attempt);
        is_found = is_api(&attempt);
        if (is_found &&
            !tg_report_has_failed(&doctor->report, TG_STEP_ADDRESS)) {
            tg_report_drop(&doctor->report, TG_STEP_ADDRESS);
            tg_report_add(&doctor->report, row->finding, doctor->url.given,
                          base, NULL);
        }
        if (is_found)
            settle(doctor, &attempt, base);
        release(&attempt);
    }
    return is_found;
}

/* The same host by TLS, whatever its certificate is. */
static bool
speaks_tls(const struct tg_doctor *doctor)
{
    struct tg_doctor_url other = doctor->url;
    char base[TG_DOCTOR_URL_SIZE];
    struct tg_fetch fetch;
    bool is_so;

    other.is_https = true;
    tg_doctor_url_at(&other, "/", base);
    fetch = tg_doctor_request(doctor, base);
    fetch.is_blind = true;
    tg_fetch(&fetch);
    is_so = fetch.is_encrypted;
    tg_fetch_release(&fetch);
    return is_so;
}

/* What answers, when it is not an API. */
static enum tg_doctor_finding
judge_answer(const struct tg_doctor *doctor, const struct attempt *attempt)
{
    const struct tg_fetch *fetch = &attempt->fetch;
    bool is_html = strncasecmp(fetch->type, "text/html", 9) == 0;
    size_t host = strlen(doctor->url.host);

    if (attempt->said.status >= 300 && attempt->said.status < 400)
        return !doctor->url.is_https &&
                       strncasecmp(fetch->location, "https://", 8) == 0 &&
                       strncasecmp(fetch->location + 8, doctor->url.host,
                                   host) == 0 &&
                       strchr(":/", fetch->location[8 + host]) != NULL
                   ? tg_found_api_redirect_https
                   : tg_found_api_redirect;
    switch (attempt->said.status) {
    case 400:
        return !doctor->url.is_https && speaks_tls(doctor)
                   ? tg_found_tls_from_plain
                   : tg_found_api_not_json;
    case 401:
        return tg_found_api_login;
    case 403:
        return tg_found_api_forbidden;
    case 404:
    case 405:
        return tg_found_api_not_found;
    case 502:
    case 503:
    case 504:
        return tg_found_api_gateway;
    case 500:
        return tg_found_api_down;
    default:
        return is_html ? tg_found_api_html : tg_found_api_not_json;
    }
}

static void
add_answer(struct tg_doctor *doctor, const struct attempt *attempt)
{
    enum tg_doctor_finding finding = judge_answer(doctor, attempt);
    char status[64], second[TG_DOCTOR_URL_SIZE];
    struct tg_doctor_url https = doctor->url;

    snprintf(status, sizeof(status), "HTTP %ld", attempt->said.status);
    if (finding == tg_found_tls_from_plain) {
        tg_report_add(&doctor->report, finding, doctor->url.host,
                      doctor->url.port, NULL);
        return;
    }
    https.is_https = true;
    if (strcmp(https.port, "80") == 0)
        *https.port = '\0';
    if (finding == tg_found_api_redirect_https)
        tg_doctor_url_at(&https, https.path, second);
    else if (finding == tg_found_api_redirect)
        tg_doctor_url_show(attempt->fetch.location, second);
    else
        snprintf(second, sizeof(second), "%s", status);
    tg_report_add(&doctor->report, finding, doctor->url.base, second, NULL);
    tg_report_detail(&doctor->report, attempt->said.message);
}

/* HTTP of some sort came back: whose is it? */
static void
judge_api(struct tg_doctor *doctor, const struct attempt *attempt)
{
    struct attempt post = {0};
    bool is_odd = attempt->said.status >= 500 ||
                  (attempt->said.status >= 300 && attempt->said.status < 400);
    enum tg_doctor_finding finding;

    snprintf(doctor->date, sizeof(doctor->date), "%s", attempt->fetch.date);
    if (is_api(attempt) && attempt->said.status >= 500) {
        finding = tg_said_means(&attempt->said, attempt->said.server);
        tg_doctor_refuse(doctor, finding, &attempt->said);
        return;
    }
    if (is_api(attempt)) {
        settle(doctor, attempt, doctor->url.base);
        return;
    }
    if (!is_odd && try_elsewhere(doctor))
        return;
    /* Some have no list of models, and serve calls all the same. */
    if (!is_odd && doctor->api == TG_API_OPENAI) {
        try_at(doctor, doctor->url.base, true, &post);
        if (is_api(&post))
            settle(doctor, &post, doctor->url.base);
        release(&post);
        if (doctor->server != TG_SERVER_NONE)
            return;
    }
    add_answer(doctor, attempt);
}

/* No HTTP came back over a connection that there was. */
static void
judge_silence(struct tg_doctor *doctor, const struct attempt *attempt)
{
    enum tg_doctor_finding finding = tg_found_api_closed;

    if (attempt->fetch.code == CURLE_OPERATION_TIMEDOUT)
        finding = tg_found_api_timeout;
    else if (!doctor->url.is_https && speaks_tls(doctor))
        finding = tg_found_tls_from_plain;
    else if (attempt->fetch.code == CURLE_UNSUPPORTED_PROTOCOL ||
             attempt->fetch.code == CURLE_WEIRD_SERVER_REPLY)
        finding = tg_found_api_not_http;
    if (finding == tg_found_tls_from_plain)
        tg_report_add(&doctor->report, finding, doctor->url.host,
                      doctor->url.port, NULL);
    else
        tg_report_add(&doctor->report, finding, doctor->url.base, NULL, NULL);
    tg_report_detail(&doctor->report, attempt->fetch.error);
}

static bool
is_certificate_file(const char *path)
{
    return access(path, R_OK) == 0;
}

static bool
find_authorities(struct tg_doctor *doctor)
{
    doctor->ca_file = getenv("SSL_CERT_FILE");
    if (doctor->ca_file != NULL && *doctor->ca_file == '\0')
        doctor->ca_file = NULL;
    if (doctor->ca_file == NULL || !doctor->url.is_https ||
        is_certificate_file(doctor->ca_file))
        return true;
    tg_report_add(&doctor->report, tg_found_tls_ca_missing, "SSL_CERT_FILE",
                  doctor->ca_file, NULL);
    return false;
}

/* getenv, whose result is nobody's to change. */
static const char *
value_of(const char *name)
{
    return getenv(name);
}

/*
 * When the way through the proxy leads nowhere, the one without it is tried.
 * Returns whether there is anything to look at.
 */
static bool
look_at_proxy(struct tg_doctor *doctor, struct attempt *attempt)
{
    struct tg_doctor_proxy proxy = doctor->proxy;
    struct attempt direct;
    enum tg_proxy_verdict verdict;

    if (*proxy.url == '\0' || is_api(attempt)) {
        tg_doctor_judge_proxy(doctor, &proxy, NULL, false);
        return true;
    }
    *doctor->proxy.url = '\0';
    try_at(doctor, doctor->url.base, false, &direct);
    verdict =
        tg_doctor_judge_proxy(doctor, &proxy, &attempt->fetch, is_api(&direct));
    if (verdict == TG_PROXY_DIRECT) {
        release(attempt);
        *attempt = direct;
        attempt->fetch.url = attempt->url;
        return true;
    }
    doctor->proxy = proxy;
    release(&direct);
    return verdict == TG_PROXY_FINE;
}

void
tg_doctor_look_reach(struct tg_doctor *doctor)
{
    struct attempt attempt;

    tg_doctor_proxy_find(&doctor->proxy, &doctor->url, value_of);
    if (!find_authorities(doctor))
        return;
    try_at(doctor, doctor->url.base, false, &attempt);
    if (look_at_proxy(doctor, &attempt) &&
        tg_doctor_judge_link(doctor, &attempt.fetch)) {
        if (attempt.fetch.code == CURLE_OK)
            judge_api(doctor, &attempt);
        else
            judge_silence(doctor, &attempt);
    }
    release(&attempt);
}
