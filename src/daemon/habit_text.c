#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "habit.h"

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

static bool
is_letter(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

static char
lower(char c)
{
    return is_letter(c) ? (char)(c | 0x20) : c;
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
    if (lower(*p) == 'a' && strncasecmp(p, "async", 5) == 0 && is_letter(p[5]))
        p += 5;
    for (; is_word(*p) && len < TG_HABIT_NAME - 1; p++)
        out[len++] = lower(*p);
    if (len > 0 && *p == '/' && is_letter(p[1]))
        for (out[len++] = *p++; is_word(*p) && len < TG_HABIT_NAME - 1; p++)
            out[len++] = lower(*p);
    if (len == 0)
        copy(out, "none", 4);
    out[TG_HABIT_NAME - 1] = '\0';
}
