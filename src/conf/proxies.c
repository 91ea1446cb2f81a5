#include "proxies.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

#define BLANKS " \t"

static int
fail(const char *word, int err, char *why)
{
    char meant[TG_NETWORK_TEXT_SIZE];

    if (err == TG_ERR_RANGE && tg_network_normalize(word, meant) == err)
        snprintf(why, TG_PROXIES_WHY_SIZE,
                 "the proxy \"%.64s\" has bits behind its prefix: is %s meant?",
                 word, meant);
    else
        snprintf(why, TG_PROXIES_WHY_SIZE,
                 "\"%.64s\" is no network of proxies: write an address or "
                 "CIDR, as in 10.0.0.0/8 or fd00::/8",
                 word);
    return TG_ERR_FORMAT;
}

/* By the bytes that where.h compares, so that each network has one text. */
static void
write_network(char *out, const uint8_t *entry)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN];
    unsigned prefix = entry[0];

    if (prefix >= TG_WHERE_MAPPED_BITS &&
        memcmp(entry + 1, mapped, sizeof(mapped)) == 0) {
        prefix -= TG_WHERE_MAPPED_BITS;
        inet_ntop(AF_INET, entry + 1 + sizeof(mapped), text, sizeof(text));
    } else {
        inet_ntop(AF_INET6, entry + 1, text, sizeof(text));
    }
    snprintf(out, TG_NETWORK_TEXT_SIZE, "%s/%u", text, prefix);
}

static int
add_one(struct tg_proxies *proxies, const char *word, char *why)
{
    uint8_t entry[TG_WHERE_NETWORK_BYTES];
    int err = tg_network_compile(word, entry);
    char text[TG_NETWORK_TEXT_SIZE];

    if (err != 0)
        return fail(word, err, why);
    write_network(text, entry);
    if (strcmp(strchr(text, '/'), "/0") == 0) {
        snprintf(why, TG_PROXIES_WHY_SIZE,
                 "the proxies %s are everybody: then anybody could name any "
                 "address as his own",
                 text);
        return TG_ERR_FORMAT;
    }
    if (proxies->count == TG_PROXIES_MAX) {
        snprintf(why, TG_PROXIES_WHY_SIZE,
                 "there are more than %d networks of proxies", TG_PROXIES_MAX);
        return TG_ERR_FULL;
    }
    memcpy(proxies->networks[proxies->count++], text, sizeof(text));
    return 0;
}

int
tg_proxies_add(struct tg_proxies *proxies, const char *list,
               char why[TG_PROXIES_WHY_SIZE])
{
    char word[128];
    int err;

    for (;;) {
        const char *start = list + strspn(list, BLANKS);
        size_t len = strcspn(start, ",");
        const char *next = start + len;

        while (len > 0 && strchr(BLANKS, start[len - 1]) != NULL)
            len--;
        snprintf(word, sizeof(word), "%.*s", (int)len, start);
        err = add_one(proxies, word, why);
        if (err != 0 || *next == '\0')
            return err;
        list = next + 1;
    }
}
