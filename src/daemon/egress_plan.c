#include "egress_plan.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "text.h"

#define URL_MAX 2000
#define PORT_MAX_TEXT 6

/* Writes a part of the URL; whether it is there and fits. */
static bool
get(CURLU *url, CURLUPart part, char *to, size_t size)
{
    char *text;
    bool fits;

    if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return false;
    fits = strlen(text) < size;
    if (fits)
        strcpy(to, text);
    curl_free(text);
    return fits;
}

static bool
has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return is_there;
}

static bool
is_scheme(const char *scheme, bool is_mail)
{
    if (is_mail)
        return strcmp(scheme, "smtp") == 0 || strcmp(scheme, "smtps") == 0;
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

/*
 * libcurl makes an address of 0x7f.1; what a person cannot read is refused.
 * IPv6 has many spellings, all of them plain.
 */
static bool
is_as_written(const char *text, const char *host)
{
    const char *start = strstr(text, "://") + 3;
    size_t len = strlen(host);

    return *start == '[' || (strncasecmp(start, host, len) == 0 &&
                             strchr(":/?#", start[len]) != NULL);
}

static bool
is_plain(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || (unsigned char)text[i] >= 0x7f || text[i] == '\\')
            return false;
    }
    return len > 0 && len <= URL_MAX;
}

static int
refuse_url(const struct tg_egress_plan *plan, struct tg_error *error)
{
    return tg_error_set(error, TG_ERR_FORMAT,
                        "this is no URL that is sent to: it begins with %s, "
                        "has a host, and no blanks or characters that are not "
                        "ASCII",
                        plan->is_mail ? "smtp:// or smtps://"
                                      : "https:// or http://");
}

static int
read_url(struct tg_egress_plan *plan, const char *text, struct tg_error *error)
{
    char scheme[8], port[PORT_MAX_TEXT];
    size_t len;

    plan->url = curl_url();
    if (plan->url == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    if (!is_plain(text) || strstr(text, "://") == NULL ||
        curl_url_set(plan->url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        !get(plan->url, CURLUPART_SCHEME, scheme, sizeof(scheme)) ||
        !is_scheme(scheme, plan->is_mail) ||
        !get(plan->url, CURLUPART_HOST, plan->host, sizeof(plan->host)) ||
        !get(plan->url, CURLUPART_PORT, port, sizeof(port)))
        return refuse_url(plan, error);
    if (has(plan->url, CURLUPART_USER) || has(plan->url, CURLUPART_PASSWORD))
        return tg_error_set(error, TG_ERR_FORMAT,
                            "a URL has no user or password in it: secrets are "
                            "given apart from it");
    if (has(plan->url, CURLUPART_ZONEID) || !is_as_written(text, plan->host))
        return tg_error_set(error, TG_ERR_FORMAT,
                            "the URL's host is written in a way that hides "
                            "it: write a name, or an address as in 192.0.2.1 "
                            "or [2001:db8::1]");
    plan->port = (uint16_t)strtoul(port, NULL, 10);
    len = strlen(plan->host);
    if (plan->host[0] == '[') {
        memmove(plan->host, plan->host + 1, len - 2);
        plan->host[len - 2] = '\0';
    }
    return 0;
}

static int
refuse_address(const struct tg_egress_plan *plan, const uint8_t ip[16],
               enum tg_egress_verdict verdict, const char *kind,
               struct tg_error *error)
{
    char text[TG_TEXT_IP_SIZE], at[TG_TEXT_IP_SIZE + 20] = "";

    tg_text_ip(text, ip);
    if (strcmp(text, plan->host) != 0)
        snprintf(at, sizeof(at), " is at %s, which", text);
    if (verdict == TG_EGRESS_NEVER)
        return tg_error_set(error, TG_ERR_RANGE,
                            "%.200s%s is %s; nothing is ever sent there",
                            plan->host, at, kind);
    return tg_error_set(error, TG_ERR_RANGE,
                        "%.200s%s is %s; nothing is sent there unless "
                        "tollgate.conf says so: [egress] allow = %s",
                        plan->host, at, kind, text);
}

static int
refuse_port(const struct tg_egress_plan *plan, struct tg_error *error)
{
    return tg_error_set(error, TG_ERR_RANGE,
                        "port %u of %.200s is none of those that are sent to; "
                        "tollgate.conf can add it: [egress] ports = %u",
                        plan->port, plan->host, plan->port);
}

/* Judges all of them; *is_own: they all lie in the operator's networks. */
static int
judge(const struct tg_egress_plan *plan, bool *is_own, struct tg_error *error)
{
    const char *kind;

    *is_own = plan->found.count > 0;
    for (size_t i = 0; i < plan->found.count; i++) {
        const uint8_t *ip = plan->found.ips[i];
        enum tg_egress_verdict verdict =
            tg_egress_judge(plan->rules, ip, &kind);

        if (verdict == TG_EGRESS_REFUSED || verdict == TG_EGRESS_NEVER)
            return refuse_address(plan, ip, verdict, kind, error);
        if (verdict == TG_EGRESS_PUBLIC)
            *is_own = false;
    }
    if (!*is_own && !tg_egress_port(plan->rules, plan->port, plan->is_mail))
        return refuse_port(plan, error);
    return 0;
}

/* "host:port:address,[address]": libcurl asks no resolver then. */
static int
pin(struct tg_egress_plan *plan, struct tg_error *error)
{
    char line[300 + TG_LOOKUP_ADDRESSES * (TG_TEXT_IP_SIZE + 3)];
    struct tg_text text = tg_text_in(line, sizeof(line) - 1);
    char ip[TG_TEXT_IP_SIZE];

    tg_text_puts(&text, plan->host);
    tg_text_puts(&text, ":");
    tg_text_int(&text, plan->port);
    for (size_t i = 0; i < plan->found.count; i++) {
        bool is_v4 = tg_where_is_v4(plan->found.ips[i]);

        tg_text_ip(ip, plan->found.ips[i]);
        tg_text_puts(&text, i == 0 ? ":" : ",");
        tg_text_puts(&text, is_v4 ? "" : "[");
        tg_text_puts(&text, ip);
        tg_text_puts(&text, is_v4 ? "" : "]");
    }
    line[text.len] = '\0';
    plan->resolve = text.is_cut ? NULL : curl_slist_append(NULL, line);
    return plan->resolve != NULL
               ? 0
               : tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
}

static bool
is_address(struct tg_egress_plan *plan)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t *ip = plan->found.ips[0];

    if (inet_pton(AF_INET, plan->host, ip + sizeof(mapped)) == 1)
        memcpy(ip, mapped, sizeof(mapped));
    else if (inet_pton(AF_INET6, plan->host, ip) != 1)
        return false;
    plan->found.count = 1;
    return true;
}

int
tg_egress_plan(struct tg_egress_plan *plan, const struct tg_egress_rules *rules,
               const char *url, bool is_mail, uint32_t timeout_ms,
               struct tg_error *error)
{
    bool has_proxy = rules->proxy[0] != '\0', is_literal, is_own;
    int err;

    *plan = (struct tg_egress_plan){.rules = rules, .is_mail = is_mail};
    err = read_url(plan, url, error);
    if (err != 0)
        return err;
    is_literal = is_address(plan);
    if (!is_literal)
        err = tg_lookup(&plan->found, plan->host, timeout_ms, error);
    /* A network with a proxy need not know the names of the world. */
    if (err != 0 && (!has_proxy || err == TG_ERR_LIMIT))
        return err;
    err = judge(plan, &is_own, error);
    if (err != 0)
        return err;
    plan->is_direct = !has_proxy || is_own;
    return is_literal || !plan->is_direct ? 0 : pin(plan, error);
}

void
tg_egress_plan_release(struct tg_egress_plan *plan)
{
    curl_slist_free_all(plan->resolve);
    curl_url_cleanup(plan->url);
    plan->resolve = NULL;
    plan->url = NULL;
}
