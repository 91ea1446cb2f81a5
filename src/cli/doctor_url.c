#include "doctor_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

#include "credential.h"
#include "own.h"
#include "placeholder.h"
#include "unwrap.h"

#define SIZE TG_DOCTOR_URL_SIZE

static struct tg_str
str(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

void
tg_doctor_url_show(const char *text, char out[SIZE])
{
    const char *scheme = strstr(text, "://");
    const char *host = scheme != NULL ? scheme + 3 : text;
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority), *key;
    int before = at != NULL ? (int)(host - text) : 0;

    snprintf(out, SIZE, "%.*s%s%s", before, text, at != NULL ? "***" : "",
             at != NULL ? at : text);
    out[strcspn(out, "?#")] = '\0';
    key = strstr(out, "sk-");
    if (key != NULL)
        snprintf(out + (key - out), (size_t)(SIZE - (key - out)), "sk-***");
}

/* Full-width letters and signs have their plain twin 0xFEE0 below. */
static size_t
narrow(const unsigned char *text, char *plain)
{
    unsigned code;

    if (text[0] != 0xEF || (text[1] & 0xC0) != 0x80 || (text[2] & 0xC0) != 0x80)
        return 0;
    code = (0xFu << 12) | ((text[1] & 0x3Fu) << 6) | (text[2] & 0x3Fu);
    if (code == 0xFEFF) {
        *plain = '\0';
        return 3;
    }
    if (code < 0xFF01 || code > 0xFF5E)
        return 0;
    *plain = (char)(code - 0xFEE0);
    return 3;
}

/* Copies text without what is around and inside it by mistake. */
static void
clean(const char *text, char out[SIZE])
{
    struct tg_str inside = str(text);
    size_t n = 0, len;
    char plain;

    tg_unwrap(&inside);
    for (size_t i = 0; i < inside.len && n < SIZE - 1; i += len) {
        const unsigned char *at = (const unsigned char *)inside.data + i;

        len = i + 3 <= inside.len ? narrow(at, &plain) : 0;
        if (len == 0) {
            plain = (char)*at;
            len = 1;
        }
        if (plain != '\0' && (unsigned char)plain > ' ' && plain != 0x7F)
            out[n++] = plain;
    }
    out[n] = '\0';
}

static bool
is_placeholder(const char *text)
{
    return tg_placeholder_is_expression(str(text)) ||
           tg_placeholder_is_name(str(text)) || strchr(text, '<') != NULL ||
           strcasestr(text, "your-") != NULL ||
           strcasestr(text, "your_") != NULL;
}

static bool
is_private(const unsigned char *ip)
{
    return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xF0) == 16) ||
           (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254);
}

static void
find_place(struct tg_doctor_url *url)
{
    unsigned char ip[16];
    size_t len = strlen(url->host);

    if (inet_pton(AF_INET, url->host, ip) == 1) {
        url->is_number = true;
        url->is_here = ip[0] == 127;
        url->is_near = url->is_here || is_private(ip);
    } else if (inet_pton(AF_INET6, url->host, ip) == 1) {
        url->is_number = true;
        url->is_here = strcmp(url->host, "::1") == 0;
        url->is_near = url->is_here || (ip[0] & 0xFE) == 0xFC || ip[0] == 0xFE;
    } else {
        url->is_here = strcasecmp(url->host, "localhost") == 0;
        url->is_near =
            strchr(url->host, '.') == NULL ||
            (len > 6 && strcasecmp(url->host + len - 6, ".local") == 0) ||
            (len > 9 && strcasecmp(url->host + len - 9, ".internal") == 0);
    }
}

/* One part of a parsed URL into out; "" when it has none. */
static void
part(CURLU *parsed, CURLUPart which, char *out, size_t size)
{
    char *text = NULL;

    *out = '\0';
    if (curl_url_get(parsed, which, &text, 0) == CURLUE_OK)
        snprintf(out, size, "%s", text);
    curl_free(text);
}

static bool
parse(struct tg_doctor_url *url, const char *text)
{
    CURLU *parsed = tg_own(curl_url());
    bool is_parsed = curl_url_set(parsed, CURLUPART_URL, text, 0) == CURLUE_OK;
    char scheme[16];
    size_t len;

    if (is_parsed) {
        part(parsed, CURLUPART_SCHEME, scheme, sizeof(scheme));
        part(parsed, CURLUPART_HOST, url->host, sizeof(url->host));
        part(parsed, CURLUPART_PORT, url->port, sizeof(url->port));
        part(parsed, CURLUPART_PATH, url->path, sizeof(url->path));
        url->is_https = strcmp(scheme, "https") == 0;
    }
    curl_url_cleanup(parsed);
    len = strlen(url->host);
    if (len > 1 && url->host[0] == '[') {
        memmove(url->host, url->host + 1, len);
        url->host[len - 2] = '\0';
    }
    return is_parsed && *url->host != '\0';
}

void
tg_doctor_url_at(const struct tg_doctor_url *url, const char *path,
                 char out[SIZE])
{
    bool is_six = strchr(url->host, ':') != NULL;
    bool is_usual = *url->port == '\0' ||
                    strcmp(url->port, url->is_https ? "443" : "80") == 0;

    snprintf(out, SIZE, "%s://%s%s%s%s%s%s", url->is_https ? "https" : "http",
             is_six ? "[" : "", url->host, is_six ? "]" : "",
             is_usual ? "" : ":", is_usual ? "" : url->port, path);
}

/* Makes base of the parts, and port what it is if it was not named. */
static void
finish(struct tg_doctor_url *url)
{
    size_t len = strlen(url->path);

    while (len > 0 && url->path[len - 1] == '/')
        url->path[--len] = '\0';
    tg_doctor_url_at(url, url->path, url->base);
}

static bool
ends(const char *text, const char *suffix)
{
    size_t len = strlen(text), end = strlen(suffix);

    return len >= end && strcmp(text + len - end, suffix) == 0;
}

static bool
cut(char *text, const char *suffix)
{
    if (!ends(text, suffix))
        return false;
    text[strlen(text) - strlen(suffix)] = '\0';
    return true;
}

/* The path of a call behind a base URL is taken off. */
static bool
cut_endpoint(char *path, enum tg_doctor_api api)
{
    static const char *const calls[] = {
        "/chat/completions", "/completions", "/messages",     "/responses",
        "/embeddings",       "/models",      "/user/balance",
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (!cut(path, calls[i]))
            continue;
        if (api == TG_API_ANTHROPIC)
            cut(path, "/v1");
        return true;
    }
    return false;
}

static bool
cut_slashes(char *path)
{
    char *twice;
    bool is_cut = false;

    while ((twice = strstr(path, "//")) != NULL) {
        memmove(twice, twice + 1, strlen(twice));
        is_cut = true;
    }
    return is_cut;
}

/* What is wrong with the path, which is mended. */
static enum tg_doctor_finding
judge_path(struct tg_doctor_url *url, enum tg_doctor_api api)
{
    char *path = url->path, *twice;
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/' && path[len - 2] != '/')
        path[--len] = '\0';
    if (strcmp(path, "/") == 0)
        *path = '\0';
    if (cut_slashes(path))
        return tg_found_url_slashes;
    if (cut_endpoint(path, api))
        return tg_found_url_endpoint;
    if (cut(path, "/admin/v1")) {
        strcat(path, api == TG_API_ANTHROPIC ? "" : "/v1");
        return tg_found_url_admin;
    }
    twice = strstr(path, "/v1/v1");
    if (twice != NULL) {
        memmove(twice, twice + 3, strlen(twice + 3) + 1);
        return tg_found_url_v1_twice;
    }
    if (api == TG_API_ANTHROPIC && cut(path, "/v1"))
        return tg_found_url_v1_anthropic;
    return tg_found_none;
}

/* What is known of a host without asking it. */
static enum tg_doctor_finding
judge_host(struct tg_doctor_url *url, enum tg_doctor_api api)
{
    const char *base;
    bool has_anthropic;

    url->site = tg_provider_of_site(url->host);
    url->provider = tg_provider_of(url->host);
    if (url->site != NULL)
        return tg_found_url_wrong_host;
    if (url->provider == NULL)
        return tg_found_none;
    has_anthropic = ends(url->path, "/anthropic");
    base = api == TG_API_ANTHROPIC ? url->provider->anthropic_base
                                   : url->provider->openai_base;
    if (base == NULL || strcmp(base, url->base) == 0)
        return tg_found_none;
    if (api == TG_API_OPENAI && !has_anthropic && *url->path != '\0')
        return tg_found_none;
    if (api == TG_API_ANTHROPIC && (has_anthropic || !ends(base, "/anthropic")))
        return tg_found_none;
    snprintf(url->base, sizeof(url->base), "%s", base);
    snprintf(url->path, sizeof(url->path), "%s",
             strchr(base + 8, '/') != NULL ? strchr(base + 8, '/') : "");
    if (api == TG_API_ANTHROPIC)
        return tg_found_url_anthropic_missing;
    return has_anthropic ? tg_found_url_anthropic_extra
                         : tg_found_url_v1_missing;
}

/* Before the first colon or slash: "http", or a host. */
static bool
is_http(const char *text, size_t len)
{
    return (len == 4 && strncasecmp(text, "http", 4) == 0) ||
           (len == 5 && strncasecmp(text, "https", 5) == 0);
}

/* What is wrong in front of the host; text is mended. */
static enum tg_doctor_finding
judge_scheme(char text[SIZE])
{
    const char *scheme = strstr(text, "://");
    size_t len = strcspn(text, ":/");
    char mended[SIZE];
    bool is_plain;

    if (scheme != NULL)
        return is_http(text, (size_t)(scheme - text)) ? tg_found_none
                                                      : tg_found_url_scheme;
    if (is_http(text, len) || *text == '/' || *text == ':')
        return tg_found_url_malformed;
    is_plain = strncmp(text, "localhost", 9) == 0 || text[len] == ':' ||
               strncmp(text, "127.", 4) == 0;
    snprintf(mended, sizeof(mended), "%s%.*s",
             is_plain ? "http://" : "https://", SIZE - 9, text);
    snprintf(text, SIZE, "%s", mended);
    return tg_found_url_no_scheme;
}

static void
keep(struct tg_doctor_url *url, enum tg_doctor_finding fault)
{
    if (url->fault == tg_found_none)
        url->fault = fault;
}

/* Also notes what stands behind a '?' or '#', which is taken off. */
static void
judge_tail(struct tg_doctor_url *url, char text[SIZE])
{
    size_t len = strcspn(text, "?#");
    struct tg_str path = {text, len}, query = {text + len, 0};

    if (text[len] != '\0')
        query = str(text + len + 1);
    if (tg_credential_in_url(path, query, NULL))
        keep(url, tg_found_url_has_key);
    else if (text[len] != '\0')
        keep(url, tg_found_url_query);
    text[len] = '\0';
}

void
tg_doctor_url_judge(struct tg_doctor_url *url, const char *text,
                    enum tg_doctor_api api)
{
    char cleaned[SIZE];
    enum tg_doctor_finding fault;

    *url = (struct tg_doctor_url){0};
    clean(text, cleaned);
    tg_doctor_url_show(cleaned, url->given);
    if (strncasecmp(cleaned, "sk-", 3) == 0) {
        url->fault = tg_found_url_is_key;
        return;
    }
    if (is_placeholder(cleaned)) {
        url->fault = tg_found_url_placeholder;
        return;
    }
    if (strcmp(cleaned, text) != 0)
        keep(url, tg_found_url_unclean);
    fault = judge_scheme(cleaned);
    if (fault != tg_found_none)
        keep(url, fault);
    judge_tail(url, cleaned);
    if (fault == tg_found_url_scheme || fault == tg_found_url_malformed ||
        !parse(url, cleaned)) {
        keep(url, tg_found_url_malformed);
        return;
    }
    fault = judge_path(url, api);
    finish(url);
    if (fault != tg_found_none)
        keep(url, fault);
    find_place(url);
    fault = judge_host(url, api);
    if (fault != tg_found_none)
        keep(url, fault);
    if (*url->port == '\0')
        snprintf(url->port, sizeof(url->port), "%s",
                 url->is_https ? "443" : "80");
    url->is_usable = url->site == NULL && url->fault != tg_found_url_has_key &&
                     !ends(url->path, "sk-***");
}
