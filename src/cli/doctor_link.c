#include "doctor_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor_gate.h"

/* What of a request through a proxy is the proxy's fault. */
static enum tg_doctor_finding
judge_way(const struct tg_fetch *fetch)
{
    if (fetch->status == 407 || fetch->proxy_status == 407)
        return tg_found_proxy_auth;
    switch (fetch->code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
        return tg_found_proxy_dns;
    case CURLE_COULDNT_CONNECT:
        return fetch->os_errno == ECONNREFUSED ? tg_found_proxy_refused
                                               : tg_found_proxy_timeout;
    case CURLE_OPERATION_TIMEDOUT:
        return fetch->is_connected ? tg_found_none : tg_found_proxy_timeout;
    case CURLE_PROXY:
        return tg_found_proxy_failed;
    default:
        return fetch->proxy_status >= 500   ? tg_found_proxy_failed
               : fetch->proxy_status >= 300 ? tg_found_proxy_denied
                                            : tg_found_none;
    }
}

static void
add_working(struct tg_doctor *doctor, const struct tg_doctor_proxy *proxy)
{
    const struct tg_doctor_url *url = &doctor->url;

    if (proxy->finding == tg_found_proxy_used && url->is_near)
        tg_report_add(&doctor->report, tg_found_proxy_local, url->host,
                      proxy->variable, NULL);
    else if (proxy->finding == tg_found_proxy_used)
        tg_report_add(&doctor->report, tg_found_proxy_used, proxy->shown,
                      proxy->variable, NULL);
    else
        tg_report_add(&doctor->report, proxy->finding, proxy->variable, NULL,
                      NULL);
}

enum tg_proxy_verdict
tg_doctor_judge_proxy(struct tg_doctor *doctor,
                      const struct tg_doctor_proxy *proxy,
                      const struct tg_fetch *fetch, bool is_direct_fine)
{
    enum tg_doctor_finding fault =
        fetch != NULL ? judge_way(fetch) : tg_found_none;
    char error[CURL_ERROR_SIZE + 16];

    if (fault == tg_found_none && !(fetch != NULL && is_direct_fine)) {
        add_working(doctor, proxy);
        return TG_PROXY_FINE;
    }
    if (fault == tg_found_none)
        tg_report_add(&doctor->report, tg_found_proxy_breaks, doctor->url.host,
                      proxy->variable, NULL);
    else
        tg_report_add(&doctor->report, fault, proxy->shown, proxy->variable,
                      doctor->url.host);
    if (fetch->code == CURLE_OK)
        snprintf(error, sizeof(error), "HTTP %ld", fetch->status);
    else
        snprintf(error, sizeof(error), "%s", fetch->error);
    /* libcurl may repeat the address, with its password. */
    if (strchr(error, '@') == NULL)
        tg_report_detail(&doctor->report, error);
    return is_direct_fine ? TG_PROXY_DIRECT : TG_PROXY_STOP;
}

static bool
judge_dns(struct tg_doctor *doctor, const struct tg_fetch *fetch)
{
    const char *host = doctor->url.host, *near;

    if (*doctor->proxy.url != '\0') {
        tg_report_add(&doctor->report, tg_found_dns_by_proxy, host, NULL, NULL);
        return true;
    }
    if (doctor->url.is_number) {
        tg_report_add(&doctor->report, tg_found_dns_unneeded, host, NULL, NULL);
        return true;
    }
    if (fetch->code == CURLE_COULDNT_RESOLVE_HOST) {
        near = tg_provider_near(host);
        tg_report_add(&doctor->report,
                      near != NULL ? tg_found_dns_unknown_near
                                   : tg_found_dns_unknown,
                      host, near, NULL);
        tg_report_detail(&doctor->report, fetch->error);
        return false;
    }
    if (fetch->code == CURLE_OPERATION_TIMEDOUT && !fetch->is_resolved) {
        tg_report_add(&doctor->report, tg_found_dns_timeout, host, NULL, NULL);
        return false;
    }
    if (*fetch->ip != '\0')
        tg_report_add(&doctor->report, tg_found_dns_found, host, fetch->ip,
                      NULL);
    return true;
}

static bool
judge_connection(struct tg_doctor *doctor, const struct tg_fetch *fetch)
{
    const struct tg_doctor_url *url = &doctor->url;
    enum tg_doctor_finding finding = tg_found_connect_made;

    if (fetch->code == CURLE_OPERATION_TIMEDOUT && !fetch->is_connected)
        finding = tg_found_connect_timeout;
    else if (fetch->code == CURLE_COULDNT_CONNECT &&
             (fetch->os_errno == ENETUNREACH ||
              fetch->os_errno == EHOSTUNREACH))
        finding = tg_found_connect_unreachable;
    else if (fetch->code == CURLE_COULDNT_CONNECT &&
             fetch->os_errno == ETIMEDOUT)
        finding = tg_found_connect_timeout;
    else if (fetch->code == CURLE_COULDNT_CONNECT)
        finding = url->is_here ? tg_found_connect_refused_here
                               : tg_found_connect_refused;
    tg_report_add(&doctor->report, finding, url->host, url->port, NULL);
    if (finding != tg_found_connect_made)
        tg_report_detail(&doctor->report, fetch->error);
    return finding == tg_found_connect_made;
}

/* The server's certificate as it is, with all that can be seen of it. */
static struct tg_fetch
look_at_certificate(const struct tg_doctor *doctor)
{
    struct tg_fetch fetch = tg_doctor_request(doctor, doctor->url.base);

    fetch.is_blind = true;
    tg_fetch(&fetch);
    return fetch;
}

/* Whether the certificate is good at the time that the server tells. */
static bool
is_good_there(const struct tg_fetch *blind, time_t *there)
{
    time_t from = curl_getdate(blind->from, NULL);
    time_t until = curl_getdate(blind->until, NULL);

    *there = curl_getdate(blind->date, NULL);
    return from != -1 && until != -1 && *there != -1 && *there >= from &&
           *there <= until;
}

/* Of OpenSSL's codes; X509_V_ERR_… in openssl/x509_vfy.h. */
enum {
    UNSAID = 1, /* the chain is good, the name is not */
    NOT_YET = 9,
    EXPIRED = 10,
    SELF_SIGNED = 18,
};

static void
add_certificate(struct tg_doctor *doctor, const struct tg_fetch *fetch)
{
    struct tg_fetch blind = look_at_certificate(doctor);
    const char *host = doctor->url.host;
    struct tg_doctor_report *report = &doctor->report;
    char differ[TG_DOCTOR_SPAN_SIZE];
    time_t there;

    if ((fetch->verify == NOT_YET || fetch->verify == EXPIRED) &&
        is_good_there(&blind, &there)) {
        tg_doctor_span(differ, doctor->cli->now_ms / 1000 - there);
        tg_report_add(report, tg_found_clock_wrong, differ, host, NULL);
    } else if (fetch->verify == NOT_YET) {
        tg_report_add(report, tg_found_tls_not_yet, host, blind.from, NULL);
    } else if (fetch->verify == EXPIRED) {
        tg_report_add(report, tg_found_tls_expired, host, blind.until, NULL);
    } else if (fetch->verify == SELF_SIGNED) {
        tg_report_add(report, tg_found_tls_self_signed, host, NULL, NULL);
    } else if (fetch->verify <= UNSAID) {
        tg_report_add(report, tg_found_tls_wrong_name, host,
                      *blind.names != '\0' ? blind.names : "?", NULL);
    } else {
        tg_report_add(report, tg_found_tls_unknown_issuer, host, blind.issuer,
                      NULL);
    }
    tg_report_detail(report, fetch->error);
    tg_fetch_release(&blind);
}

/* Whether the port speaks HTTP without TLS. */
static bool
speaks_plain(const struct tg_doctor *doctor)
{
    struct tg_doctor_url other = doctor->url;
    char base[TG_DOCTOR_URL_SIZE];
    struct tg_fetch fetch;
    bool is_so;

    other.is_https = false;
    tg_doctor_url_at(&other, "/", base);
    fetch = tg_doctor_request(doctor, base);
    tg_fetch(&fetch);
    /* nginx speaks plain HTTP at a TLS port to say that it does not. */
    is_so = fetch.code == CURLE_OK && fetch.status != 400;
    tg_fetch_release(&fetch);
    return is_so;
}

static bool
judge_tls(struct tg_doctor *doctor, const struct tg_fetch *fetch)
{
    struct tg_doctor_report *report = &doctor->report;
    const struct tg_doctor_url *url = &doctor->url;

    if (!url->is_https) {
        tg_report_add(report, tg_found_tls_none, NULL, NULL, NULL);
        return true;
    }
    if (fetch->is_encrypted) {
        tg_report_add(report, tg_found_tls_good, NULL, NULL, NULL);
        return true;
    }
    if (fetch->code == CURLE_PEER_FAILED_VERIFICATION) {
        add_certificate(doctor, fetch);
        return false;
    }
    if (fetch->code == CURLE_SSL_CACERT_BADFILE)
        tg_report_add(report, tg_found_tls_ca_missing, "SSL_CERT_FILE",
                      doctor->ca_file, NULL);
    else if (speaks_plain(doctor))
        tg_report_add(report, tg_found_tls_to_plain, url->host, url->port,
                      NULL);
    else
        tg_report_add(report, tg_found_tls_failed, url->host, NULL, NULL);
    tg_report_detail(report, fetch->error);
    return false;
}

bool
tg_doctor_judge_link(struct tg_doctor *doctor, const struct tg_fetch *fetch)
{
    return judge_dns(doctor, fetch) && judge_connection(doctor, fetch) &&
           judge_tls(doctor, fetch);
}
