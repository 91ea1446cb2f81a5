#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "habit.h"

#define PACKED_VERSION 2

static void
copy(char *out, const char *text, size_t len)
{
    if (len >= TG_HABIT_NAME)
        len = TG_HABIT_NAME - 1;
    memset(out, 0, TG_HABIT_NAME);
    memcpy(out, text, len);
}

/* Four numbers with dots between, as the store writes them. */
static bool
network_v4(const char *ip, char *out)
{
    const char *dot = strrchr(ip, '.');
    size_t len;

    if (dot == NULL || strchr(ip, ':') != NULL)
        return false;
    len = (size_t)(dot - ip);
    if (len + sizeof(".0/24") > TG_HABIT_NAME)
        return false;
    copy(out, ip, len);
    memcpy(out + len, ".0/24", sizeof(".0/24"));
    return true;
}

void
tg_habit_network(const char *ip, char *out)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;

    if (network_v4(ip, out))
        return;
    if (inet_pton(AF_INET6, ip, &address) != 1) {
        copy(out, ip, strlen(ip));
        return;
    }
    memset(address.s6_addr + 6, 0, 10);
    inet_ntop(AF_INET6, &address, text, sizeof(text));
    memset(out, 0, TG_HABIT_NAME);
    snprintf(out, TG_HABIT_NAME, "%.27s/48", text);
}

static bool
is_word(char c)
{
    return c > ' ' && c != '/' && c != '(' && c != ';' && c < 0x7f;
}

/* The next word, and behind a slash one more unless that is a version. */
void
tg_habit_agent(const char *user_agent, char *out)
{
    const char *p = user_agent;
    size_t len = 0;

    memset(out, 0, TG_HABIT_NAME);
    while (*p == ' ')
        p++;
    /* The asynchronous half of a client is the same client. */
    if (strncasecmp(p, "async", 5) == 0 && isalpha((unsigned char)p[5]))
        p += 5;
    for (; is_word(*p) && len < TG_HABIT_NAME - 1; p++)
        out[len++] = (char)tolower((unsigned char)*p);
    if (len > 0 && *p == '/' && isalpha((unsigned char)p[1]))
        for (out[len++] = *p++; is_word(*p) && len < TG_HABIT_NAME - 1; p++)
            out[len++] = (char)tolower((unsigned char)*p);
    if (len == 0)
        copy(out, "none", 4);
    out[TG_HABIT_NAME - 1] = '\0';
}

/* A cursor over what is packed: one function writes, one reads. */
struct cursor {
    uint8_t *out;
    const uint8_t *in;
    size_t at, len;
    bool is_short;
};

static void
put(struct cursor *cursor, const void *data, size_t len)
{
    memcpy(cursor->out + cursor->at, data, len);
    cursor->at += len;
}

static void
get(struct cursor *cursor, void *data, size_t len)
{
    if (cursor->len - cursor->at < len) {
        cursor->is_short = true;
        return;
    }
    memcpy(data, cursor->in + cursor->at, len);
    cursor->at += len;
}

/* What a habit has beside its sights. */
#define HEAD_BYTES offsetof(struct tg_habit, networks)

static void
pack_sights(struct cursor *cursor, const struct tg_sights *sights)
{
    uint8_t count = 0;
    size_t at = cursor->at;

    put(cursor, &count, 1);
    put(cursor, &sights->novelty, sizeof(sights->novelty));
    for (int i = 0; i < TG_HABIT_SIGHTS; i++) {
        const struct tg_sight *sight = &sights->list[i];
        uint8_t len = (uint8_t)strnlen(sight->name, TG_HABIT_NAME - 1);

        if (sight->hash == 0)
            continue;
        put(cursor, &sight->hash, 24);
        put(cursor, &len, 1);
        put(cursor, sight->name, len);
        count++;
    }
    cursor->out[at] = count;
}

static void
unpack_sights(struct cursor *cursor, struct tg_sights *sights)
{
    uint8_t count = 0, len;

    get(cursor, &count, 1);
    get(cursor, &sights->novelty, sizeof(sights->novelty));
    cursor->is_short |= count > TG_HABIT_SIGHTS;
    for (int i = 0; i < count && !cursor->is_short; i++) {
        len = 0;
        get(cursor, &sights->list[i].hash, 24);
        get(cursor, &len, 1);
        cursor->is_short |= len >= TG_HABIT_NAME;
        if (!cursor->is_short)
            get(cursor, sights->list[i].name, len);
    }
}

_Static_assert(offsetof(struct tg_sight, name) == 24, "three words in front");
_Static_assert(3 * (5 + TG_HABIT_SIGHTS * (25 + TG_HABIT_NAME - 1)) + 1 <
                   3 * sizeof(struct tg_sights),
               "packed, it is smaller");

size_t
tg_habit_pack(const struct tg_habit *habit, uint8_t out[TG_HABIT_BYTES_MAX])
{
    struct cursor cursor = {.out = out};
    uint8_t version = PACKED_VERSION;

    put(&cursor, &version, 1);
    put(&cursor, habit, HEAD_BYTES);
    pack_sights(&cursor, &habit->networks);
    pack_sights(&cursor, &habit->agents);
    pack_sights(&cursor, &habit->models);
    return cursor.at;
}

bool
tg_habit_unpack(struct tg_habit *habit, const void *data, size_t len)
{
    struct cursor cursor = {.in = data, .len = len};
    uint8_t version = 0;

    memset(habit, 0, sizeof(*habit));
    get(&cursor, &version, 1);
    get(&cursor, habit, HEAD_BYTES);
    unpack_sights(&cursor, &habit->networks);
    unpack_sights(&cursor, &habit->agents);
    unpack_sights(&cursor, &habit->models);
    if (!cursor.is_short && cursor.at == len && version == PACKED_VERSION)
        return true;
    memset(habit, 0, sizeof(*habit));
    return false;
}
