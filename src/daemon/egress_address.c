#include "egress_address.h"

#include <string.h>

/* IPv4 stands as it does in IPv6: its prefix counts 96 more. */
#define V4(a, b, c, prefix)                                                    \
    {                                                                          \
        TG_WHERE_MAPPED_BITS + (prefix), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,   \
            0xff, (a), (b), (c), 0                                             \
    }
#define V6(prefix, ...)                                                        \
    {                                                                          \
        (prefix), __VA_ARGS__                                                  \
    }

/*
 * What is not public, by IANA's registries of special-purpose addresses (IPv4
 * and IPv6, as of 2026); the first row that has an address counts.  Of IPv6
 * only 2000::/3 is given out at all.
 */
static const struct row {
    uint8_t network[TG_WHERE_NETWORK_BYTES];
    bool is_never;
    const char *kind;
} rows[] = {
    {V4(0, 0, 0, 8), true, "no address of any host"},
    {V4(10, 0, 0, 8), false, "in a private network"},
    {V4(100, 64, 0, 10), false, "in a provider's shared network"},
    {V4(127, 0, 0, 8), false, "this machine itself"},
    {V4(169, 254, 0, 16), false,
     "link-local, where clouds tell machines their secrets"},
    {V4(172, 16, 0, 12), false, "in a private network"},
    {V4(192, 0, 0, 24), false, "set aside for protocols"},
    {V4(192, 0, 2, 24), false, "set aside for documentation"},
    {V4(192, 88, 99, 24), false, "a relay of 6to4"},
    {V4(192, 168, 0, 16), false, "in a private network"},
    {V4(198, 18, 0, 15), false, "set aside for measurements"},
    {V4(198, 51, 100, 24), false, "set aside for documentation"},
    {V4(203, 0, 113, 24), false, "set aside for documentation"},
    {V4(224, 0, 0, 4), true, "no host but a group of them"},
    {V4(240, 0, 0, 4), true, "no address of any host"},
    {V6(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), true,
     "no address of any host"},
    {V6(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), false,
     "this machine itself"},
    {V6(8, 0xff), true, "no host but a group of them"},
    {V6(10, 0xfe, 0x80), false, "link-local"},
    {V6(10, 0xfe, 0xc0), false, "in a private network"},
    {V6(7, 0xfc), false, "in a private network"},
    {V6(32, 0x20, 0x01, 0, 0), false, "a tunnel of Teredo"},
    {V6(23, 0x20, 0x01, 0, 0), false, "set aside for protocols"},
    {V6(32, 0x20, 0x01, 0x0d, 0xb8), false, "set aside for documentation"},
    {V6(16, 0x20, 0x02), false, "a tunnel of 6to4"},
    {V6(20, 0x3f, 0xff), false, "set aside for documentation"},
};

/* IPv4 lies in networks of IPv4 alone, as in tg_where_network. */
static bool
is_in(const uint8_t network[TG_WHERE_NETWORK_BYTES], const uint8_t ip[16])
{
    unsigned bytes = network[0] / 8, rest = network[0] % 8;

    if (tg_where_is_v4(ip) && network[0] < TG_WHERE_MAPPED_BITS)
        return false;
    return memcmp(ip, network + 1, bytes) == 0 &&
           (rest == 0 || (ip[bytes] ^ network[1 + bytes]) >> (8 - rest) == 0);
}

static bool
is_allowed(const struct tg_egress_rules *rules, const uint8_t ip[16])
{
    for (size_t i = 0; i < rules->network_count; i++) {
        if (is_in(rules->networks[i], ip))
            return true;
    }
    return false;
}

/* Returns whether it is public; if not, *row is why, or NULL: unassigned. */
static bool
is_public(const uint8_t ip[16], const struct row **row)
{
    *row = NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_in(rows[i].network, ip)) {
            *row = &rows[i];
            return false;
        }
    }
    return tg_where_is_v4(ip) || (ip[0] & 0xe0) == 0x20;
}

/* RFC 6052: a translator makes IPv4 of the last four bytes. */
static void
unwrap(const uint8_t ip[16], uint8_t plain[16])
{
    static const uint8_t translated[12] = {0, 0x64, 0xff, 0x9b};

    memcpy(plain, ip, 16);
    if (memcmp(ip, translated, sizeof(translated)) == 0) {
        memset(plain, 0, 10);
        memset(plain + 10, 0xff, 2);
    }
}

enum tg_egress_verdict
tg_egress_judge(const struct tg_egress_rules *rules, const uint8_t ip[16],
                const char **kind)
{
    const struct row *row;
    uint8_t plain[16];
    bool is_fine;

    unwrap(ip, plain);
    is_fine = is_public(plain, &row);
    *kind = is_fine ? "public" : row != NULL ? row->kind : "no public address";
    if (row != NULL && row->is_never)
        return TG_EGRESS_NEVER;
    if (is_allowed(rules, plain))
        return TG_EGRESS_ALLOWED;
    return is_fine ? TG_EGRESS_PUBLIC : TG_EGRESS_REFUSED;
}

bool
tg_egress_is_upstream(const uint8_t ip[16], const char **kind)
{
    static const struct tg_egress_rules none;

    return tg_egress_judge(&none, ip, kind) != TG_EGRESS_NEVER &&
           strncmp(*kind, "link-local", 10) != 0;
}

bool
tg_egress_port(const struct tg_egress_rules *rules, uint16_t port, bool is_mail)
{
    static const uint16_t usual[][8] = {
        {80, 443, 6443, 8080, 8200, 8443},
        {25, 465, 587, 2525},
    };

    for (size_t i = 0; i < 8; i++) {
        if (port != 0 && usual[is_mail][i] == port)
            return true;
    }
    for (size_t i = 0; i < rules->port_count; i++) {
        if (rules->ports[i] == port)
            return true;
    }
    return false;
}
