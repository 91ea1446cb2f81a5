#include "doctor_proxy.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "own.h"
#include "placeholder.h"

/* The first of these that is set and not empty. */
static const char *
first_of(const char *const names[], const char *(*env)(const char *name),
         const char **variable)
{
    const char *value;

    for (; *names != NULL; names++) {
        value = env(*names);
        if (value != NULL && *value != '\0') {
            *variable = *names;
            return value;
        }
    }
    return NULL;
}

/* Whether "10.0.0.0/8" has the host. */
static bool
has_network(const char *word, const char *host)
{
    const char *slash = strchr(word, '/');
    char net[INET_ADDRSTRLEN] = "";
    uint32_t base, ip, mask;
    long bits;

    if (slash == NULL || (size_t)(slash - word) >= sizeof(net))
        return false;
    memcpy(net, word, (size_t)(slash - word));
    bits = strtol(slash + 1, NULL, 10);
    if (inet_pton(AF_INET, net, &base) != 1 ||
        inet_pton(AF_INET, host, &ip) != 1 || bits < 0 || bits > 32)
        return false;
    mask = bits == 0 ? 0 : htonl(UINT32_MAX << (32 - bits));
    return (base & mask) == (ip & mask);
}

/* Whether one word of NO_PROXY has the host: a name has what is below it. */
static bool
has_host(char *word, const struct tg_doctor_url *url)
{
    size_t len, host_len = strlen(url->host);
    char *port = strrchr(word, ':');

    if (strcmp(word, "*") == 0 || has_network(word, url->host))
        return true;
    if (port != NULL && strchr(word, ':') == port) {
        if (strcmp(port + 1, url->port) != 0)
            return false;
        *port = '\0';
    }
    word += strncmp(word, "*.", 2) == 0 ? 2 : *word == '.';
    len = strlen(word);
    return len > 0 && len <= host_len &&
           strcasecmp(url->host + host_len - len, word) == 0 &&
           (len == host_len || url->host[host_len - len - 1] == '.');
}

static bool
is_excepted(const char *list, const struct tg_doctor_url *url)
{
    char *copy = tg_own(strdup(list)), *state = NULL, *word;
    bool is_so = false;

    for (word = strtok_r(copy, ", ", &state); word != NULL && !is_so;
         word = strtok_r(NULL, ", ", &state))
        is_so = has_host(word, url);
    free(copy);
    return is_so;
}

/* Whether libcurl can go through it; without a scheme it is an HTTP proxy. */
static bool
is_address(const char *value)
{
    static const char *const schemes[] = {
        "http://",   "https://",   "socks4://", "socks4a://",
        "socks5://", "socks5h://", NULL};
    CURLU *parsed = tg_own(curl_url());
    const char *const *scheme = schemes;
    bool is_so;

    while (*scheme != NULL && strncasecmp(value, *scheme, strlen(*scheme)) != 0)
        scheme++;
    is_so =
        (*scheme != NULL || strstr(value, "//") == NULL) &&
        !tg_placeholder_is_expression((struct tg_str){value, strlen(value)}) &&
        strpbrk(value, " \t\r\n\"'<>") == NULL &&
        curl_url_set(parsed, CURLUPART_URL, value,
                     CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME) ==
            CURLUE_OK;
    curl_url_cleanup(parsed);
    return is_so;
}

void
tg_doctor_proxy_find(struct tg_doctor_proxy *proxy,
                     const struct tg_doctor_url *url,
                     const char *(*env)(const char *name))
{
    static const char *const plain[] = {"http_proxy", "HTTP_PROXY", "all_proxy",
                                        "ALL_PROXY", NULL};
    static const char *const secure[] = {"https_proxy", "HTTPS_PROXY",
                                         "all_proxy", "ALL_PROXY", NULL};
    static const char *const excepted[] = {"no_proxy", "NO_PROXY", NULL};
    const char *exception = NULL;
    const char *value =
        first_of(url->is_https ? secure : plain, env, &proxy->variable);
    const char *list = first_of(excepted, env, &exception);

    proxy->finding = tg_found_proxy_none;
    if (value == NULL)
        return;
    tg_doctor_url_show(value, proxy->shown);
    if (list != NULL && is_excepted(list, url)) {
        proxy->finding = tg_found_proxy_bypassed;
        proxy->variable = exception;
    } else if (!is_address(value) || strlen(value) >= sizeof(proxy->url)) {
        proxy->finding = tg_found_proxy_bad;
    } else {
        proxy->finding = tg_found_proxy_used;
        snprintf(proxy->url, sizeof(proxy->url), "%s", value);
    }
}
