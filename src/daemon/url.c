#include "url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

static bool
is_name(const char *host, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_inside = i > 0 && i + 1 < len && host[i - 1] != '.';

        if (!isalnum((unsigned char)host[i]) &&
            !(strchr("-._", host[i]) != NULL && is_inside))
            return false;
    }
    return len > 0;
}

/* Takes the host off the front; *rest points behind it. */
static int
take_host(struct tg_url *url, const char *text, const char **rest)
{
    struct in6_addr v6;
    size_t len;

    if (*text == '[') {
        len = strcspn(++text, "]");
        *rest = text + len + 1;
        if (text[len] != ']' || len >= sizeof(url->host))
            return TG_ERR_FORMAT;
    } else {
        len = strcspn(text, ":/?#");
        *rest = text + len;
        if (len >= sizeof(url->host) || !is_name(text, len))
            return TG_ERR_FORMAT;
    }
    memcpy(url->host, text, len);
    url->host[len] = '\0';
    if (text[-1] == '[' && inet_pton(AF_INET6, url->host, &v6) != 1)
        return TG_ERR_FORMAT;
    return 0;
}

static int
take_port(struct tg_url *url, const char *text, const char **rest)
{
    unsigned long port;
    char *end;

    url->port = url->is_tls ? 443 : 80;
    *rest = text;
    if (*text != ':')
        return 0;
    if (!isdigit((unsigned char)text[1]))
        return TG_ERR_FORMAT;
    port = strtoul(text + 1, &end, 10);
    if (port == 0 || port > UINT16_MAX)
        return TG_ERR_FORMAT;
    url->port = (uint16_t)port;
    *rest = end;
    return 0;
}

static int
take_path(struct tg_url *url, const char *text)
{
    size_t len = strlen(text);

    while (len > 0 && text[len - 1] == '/')
        len--;
    if (len >= sizeof(url->path) || (len > 0 && text[0] != '/') ||
        strstr(text, "//") != NULL || strstr(text, "/.") != NULL)
        return TG_ERR_FORMAT;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) &&
            strchr("/-._~", text[i]) == NULL)
            return TG_ERR_FORMAT;
    }
    memcpy(url->path, text, len);
    url->path[len] = '\0';
    return 0;
}

int
tg_url_parse(struct tg_url *url, const char *text, struct tg_error *error)
{
    const char *rest = NULL;
    bool is_v6;
    int n;

    memset(url, 0, sizeof(*url));
    if (strncmp(text, "https://", 8) == 0)
        url->is_tls = true;
    else if (strncmp(text, "http://", 7) != 0)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "base_url begins with https:// or http://");
    text += url->is_tls ? 8 : 7;
    if (strpbrk(text, "@?#") != NULL)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "base_url has no user, query or fragment; the "
                            "secret goes to credentials");
    if (take_host(url, text, &rest) != 0)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "base_url has no host that is a name or an "
                            "address");
    if (take_port(url, rest, &rest) != 0 || take_path(url, rest) != 0)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "base_url's port or path is not right; it looks "
                            "like https://api.example.com/v1, without the "
                            "endpoint's own path");
    is_v6 = strchr(url->host, ':') != NULL;
    n = snprintf(url->host_header, sizeof(url->host_header), "%s%s%s",
                 is_v6 ? "[" : "", url->host, is_v6 ? "]" : "");
    if (url->port != (url->is_tls ? 443 : 80) && n > 0 &&
        (size_t)n < sizeof(url->host_header))
        n += snprintf(url->host_header + n,
                      sizeof(url->host_header) - (size_t)n, ":%u", url->port);
    if (n < 0 || (size_t)n >= sizeof(url->host_header))
        return tg_error_set(error, TG_ERR_FORMAT,
                            "base_url's host is too long");
    return 0;
}
