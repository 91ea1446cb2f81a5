#include "egress_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define BLANKS " \t"
#define WORD_SIZE 64

typedef int add_word(struct tg_egress_rules *rules, const char *word,
                     char *why);

static int
add_each(struct tg_egress_rules *rules, const char *list, char *why,
         add_word *add)
{
    char word[WORD_SIZE];

    for (;;) {
        const char *start = list + strspn(list, BLANKS);
        size_t len = strcspn(start, ",");
        const char *next = start + len;
        int err;

        while (len > 0 && strchr(BLANKS, start[len - 1]) != NULL)
            len--;
        snprintf(word, sizeof(word), "%.*s", (int)len, start);
        err = add(rules, word, why);
        if (err != 0 || *next == '\0')
            return err;
        list = next + 1;
    }
}

static int
refuse_network(const char *word, int err, char *why)
{
    char meant[TG_NETWORK_TEXT_SIZE];

    if (err == TG_ERR_RANGE && tg_network_normalize(word, meant) == err)
        snprintf(why, TG_EGRESS_WHY_SIZE,
                 "the network \"%.63s\" has bits behind its prefix: is %s "
                 "meant?",
                 word, meant);
    else
        snprintf(why, TG_EGRESS_WHY_SIZE,
                 "\"%.63s\" is no network: write an address or CIDR, as in "
                 "10.20.0.0/16 or fd00::/8",
                 word);
    return TG_ERR_FORMAT;
}

static int
add_network(struct tg_egress_rules *rules, const char *word, char *why)
{
    uint8_t entry[TG_WHERE_NETWORK_BYTES];
    int err = tg_network_compile(word, entry);

    if (err != 0)
        return refuse_network(word, err, why);
    if (entry[0] == 0 || entry[0] == TG_WHERE_MAPPED_BITS) {
        snprintf(why, TG_EGRESS_WHY_SIZE,
                 "%.63s is every address; name the networks that are meant",
                 word);
        return TG_ERR_FORMAT;
    }
    if (rules->network_count == TG_EGRESS_NETWORKS_MAX) {
        snprintf(why, TG_EGRESS_WHY_SIZE, "there are more than %d networks",
                 TG_EGRESS_NETWORKS_MAX);
        return TG_ERR_FULL;
    }
    memcpy(rules->networks[rules->network_count++], entry, sizeof(entry));
    return 0;
}

static int
add_port(struct tg_egress_rules *rules, const char *word, char *why)
{
    size_t len = strlen(word);
    long port = len == 0 || len > 5 || strspn(word, "0123456789") != len
                    ? 0
                    : strtol(word, NULL, 10);

    if (port < 1 || port > UINT16_MAX) {
        snprintf(why, TG_EGRESS_WHY_SIZE,
                 "\"%.63s\" is no port: write a number from 1 to 65535", word);
        return TG_ERR_FORMAT;
    }
    if (rules->port_count == TG_EGRESS_PORTS_MAX) {
        snprintf(why, TG_EGRESS_WHY_SIZE, "there are more than %d ports",
                 TG_EGRESS_PORTS_MAX);
        return TG_ERR_FULL;
    }
    rules->ports[rules->port_count++] = (uint16_t)port;
    return 0;
}

int
tg_egress_rules_allow(struct tg_egress_rules *rules, const char *list,
                      char why[TG_EGRESS_WHY_SIZE])
{
    return add_each(rules, list, why, add_network);
}

int
tg_egress_rules_ports(struct tg_egress_rules *rules, const char *list,
                      char why[TG_EGRESS_WHY_SIZE])
{
    return add_each(rules, list, why, add_port);
}

static int
set_text(char to[TG_EGRESS_TEXT_SIZE], const char *name, const char *text,
         char *why)
{
    if (to[0] != '\0') {
        snprintf(why, TG_EGRESS_WHY_SIZE, "%s stands twice", name);
        return TG_ERR_FORMAT;
    }
    snprintf(to, TG_EGRESS_TEXT_SIZE, "%s", text);
    return 0;
}

/* Behind the scheme: a host, a colon, a port, and at most one slash. */
static bool
is_host_and_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;

    return colon != NULL && colon != text && digits > 0 && digits <= 5 &&
           strcmp(colon + 1 + digits, colon[1 + digits] == '/' ? "/" : "") ==
               0 &&
           strcspn(text, "@?# \t") == strlen(text);
}

int
tg_egress_rules_proxy(struct tg_egress_rules *rules, const char *url,
                      char why[TG_EGRESS_WHY_SIZE])
{
    size_t scheme = strncmp(url, "http://", 7) == 0    ? 7
                    : strncmp(url, "https://", 8) == 0 ? 8
                                                       : 0;

    if (scheme == 0 || !is_host_and_port(url + scheme) ||
        strlen(url) >= TG_EGRESS_TEXT_SIZE) {
        snprintf(why, TG_EGRESS_WHY_SIZE,
                 "proxy is like http://proxy.example.com:3128, without a user, "
                 "not \"%.63s\"",
                 url);
        return TG_ERR_FORMAT;
    }
    return set_text(rules->proxy, "proxy", url, why);
}

int
tg_egress_rules_ca(struct tg_egress_rules *rules, const char *path,
                   char why[TG_EGRESS_WHY_SIZE])
{
    if (path[0] != '/' || strlen(path) >= TG_EGRESS_TEXT_SIZE) {
        snprintf(why, TG_EGRESS_WHY_SIZE,
                 "ca_file is a file's whole name, as in "
                 "/etc/ssl/certs/our-ca.pem, not \"%.63s\"",
                 path);
        return TG_ERR_FORMAT;
    }
    return set_text(rules->ca_file, "ca_file", path, why);
}
