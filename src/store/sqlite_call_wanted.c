#include <arpa/inet.h>
#include <string.h>

#include "code.h"
#include "sqlite_calls.h"

enum {
    KEY = 0,
    ACCOUNT,
    MODEL,
    UPSTREAM,
    TRACE,
    AGENT,
    IP,
    AT,
    STATUS,
    CODE,
    ENDPOINT,
    LATENCY,
    ARGUMENTS
};

static bool
is_text(sqlite3_value *value, const char *asked)
{
    return asked == NULL ||
           strcmp((const char *)sqlite3_value_text(value), asked) == 0;
}

static unsigned char
lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool
begins(const char *text, const char *part)
{
    while (*part != '\0') {
        if (lower(*text++) != lower(*part++))
            return false;
    }
    return true;
}

static bool
contains(sqlite3_value *value, const char *part)
{
    const char *text;

    if (part == NULL)
        return true;
    text = (const char *)sqlite3_value_text(value);
    for (; *text != '\0'; text++) {
        if (begins(text, part))
            return true;
    }
    return *part == '\0';
}

static bool
read_address(const char *text, uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(ip, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, ip + 12) == 1 ||
           inet_pton(AF_INET6, text, ip) == 1;
}

/* As tg_where_network has it: a network of IPv6 holds no IPv4 address. */
static bool
is_inside(sqlite3_value *value, const struct tg_store_call_filter *filter)
{
    unsigned bits = filter->network[0], bytes = bits / 8, rest = bits % 8;
    const uint8_t *network = filter->network + 1;
    uint8_t ip[16];

    if (!filter->has_network)
        return true;
    if (!read_address((const char *)sqlite3_value_text(value), ip) ||
        (tg_where_is_v4(ip) && bits < TG_WHERE_MAPPED_BITS))
        return false;
    return memcmp(ip, network, bytes) == 0 &&
           (rest == 0 || (ip[bytes] ^ network[bytes]) >> (8 - rest) == 0);
}

static bool
has_status(const struct tg_store_call_filter *filter, int64_t status)
{
    for (uint32_t i = 0; i < filter->status_count; i++) {
        if (status >= filter->statuses[i].first &&
            status <= filter->statuses[i].last)
            return true;
    }
    return filter->status_count == 0;
}

/* What is quickly asked comes first. */
static bool
is_wanted(const struct tg_store_call_filter *filter, sqlite3_value **call)
{
    int64_t status = sqlite3_value_int64(call[STATUS]);
    int64_t code = sqlite3_value_int64(call[CODE]);
    int64_t at = sqlite3_value_int64(call[AT]);
    int64_t endpoint = sqlite3_value_int64(call[ENDPOINT]);

    return has_status(filter, status) &&
           (!filter->is_not_ok || status >= 400 || code != TG_CODE_NONE) &&
           (filter->code == TG_CODE_NONE || code == filter->code) &&
           (filter->endpoints == 0 || (endpoint >= 0 && endpoint < 64 &&
                                       filter->endpoints >> endpoint & 1)) &&
           sqlite3_value_int64(call[LATENCY]) >= filter->min_latency_ms &&
           at >= filter->since && (filter->until == 0 || at < filter->until) &&
           is_text(call[KEY], filter->key_id) &&
           is_text(call[ACCOUNT], filter->account_id) &&
           is_text(call[MODEL], filter->model) &&
           is_text(call[UPSTREAM], filter->upstream_id) &&
           is_text(call[TRACE], filter->trace_id) &&
           contains(call[AGENT], filter->agent) && is_inside(call[IP], filter);
}

static void
wanted(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    const struct tg_sqlite *db = sqlite3_user_data(context);

    (void)argc;
    sqlite3_result_int(context, db->calls_asked == NULL ||
                                    is_wanted(db->calls_asked, argv));
}

int
tg_sqlite_call_functions(struct tg_sqlite *db)
{
    int result = sqlite3_create_function(db->db, "wanted", ARGUMENTS,
                                         SQLITE_UTF8 | SQLITE_DIRECTONLY, db,
                                         wanted, NULL, NULL);

    return result == SQLITE_OK ? 0 : tg_sqlite_fail(db, result);
}
