#include "draft_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "civil.h"
#include "err.h"
#include "where.h"
#include "network.h"

#define MS_PER_HOUR INT64_C(3600000)
#define SPAN_HOURS_MAX (100 * 366 * 24)

static struct tg_str
str_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

bool
tg_draft_scope(struct tg_reply *reply, const char *param, const char *text)
{
    if (tg_scope_of(str_of(text)) != TG_SCOPE_NONE)
        return true;
    return tg_reply_invalid(reply, param,
                            "there is no scope '%s'; scopes are chat, code, "
                            "image, audio, embeddings, files, fine_tuning",
                            text);
}

bool
tg_draft_model(struct tg_reply *reply, const char *param, const char *text)
{
    const char *star = strchr(text, '*');

    for (const char *p = text; *p != '\0'; p++) {
        if (*p <= ' ' || (unsigned char)*p >= 0x7f)
            star = p;
    }
    if (strlen(text) <= TG_MODEL_NAME_MAX &&
        (star == NULL || (*star == '*' && star[1] == '\0')))
        return true;
    return tg_reply_invalid(reply, param,
                            "'%s' is no model: use an exact name, or the "
                            "beginning of names and '*' such as deepseek-*",
                            text);
}

const struct tg_route *
tg_draft_route(const char *text)
{
    return tg_route_named(str_of(text));
}

bool
tg_draft_endpoint(struct tg_reply *reply, const char *param, const char *text)
{
    if (tg_draft_route(text) != NULL)
        return true;
    return tg_reply_invalid(reply, param,
                            "'%s' is no endpoint of the gate; write a method "
                            "and a path such as 'POST /v1/chat/completions'",
                            text);
}

bool
tg_draft_network(struct tg_reply *reply, const char *param, const char *text)
{
    char clean[TG_NETWORK_TEXT_SIZE];
    int err = tg_network_normalize(text, clean);

    if (err == 0)
        return true;
    if (err == TG_ERR_RANGE)
        return tg_reply_invalid(reply, param,
                                "'%s' has bits behind its prefix; did you "
                                "mean %s?",
                                text, clean);
    return tg_reply_invalid(reply, param,
                            "'%s' is no network; write CIDR such as "
                            "203.0.113.0/24 or 2001:db8::/32, or an address",
                            text);
}

bool
tg_draft_referrer(struct tg_reply *reply, const char *param, const char *text)
{
    if (tg_where_is_pattern((struct tg_str){text, strlen(text)}))
        return true;
    return tg_reply_invalid(reply, param,
                            "'%s' is no referrer; write an origin or URL such "
                            "as https://app.example.com/*",
                            text);
}

bool
tg_draft_is_styled(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    char date[11];
    int32_t day;

    for (int part = 0; part < 2; part++) {
        size_t len = strspn(name, letters);

        if (len == 0 || name[len] != '_')
            return false;
        name += len + 1;
    }
    if (strspn(name, "0123456789") != 8 || name[8] != '\0')
        return false;
    snprintf(date, sizeof(date), "%.4s-%.2s-%.2s", name, name + 4, name + 6);
    return tg_civil_parse_date(str_of(date), &day) == 0;
}

static int
read_span(const char *text, int64_t now_ms, int64_t *at_ms)
{
    char *end;
    unsigned long n;

    if (!isdigit((unsigned char)text[0]))
        return TG_ERR_FORMAT;
    n = strtoul(text, &end, 10);
    if ((*end != 'd' && *end != 'h') || end[1] != '\0' || n == 0 ||
        n > SPAN_HOURS_MAX)
        return TG_ERR_FORMAT;
    if (*end == 'd')
        n *= 24;
    if (n > SPAN_HOURS_MAX)
        return TG_ERR_FORMAT;
    *at_ms = now_ms + (int64_t)n * MS_PER_HOUR;
    return 0;
}

int
tg_draft_grace(const char *text, int64_t *grace_ms)
{
    if (strcmp(text, "0") != 0)
        return read_span(text, 0, grace_ms);
    *grace_ms = 0;
    return 0;
}

int
tg_draft_expiry(const char *text, int64_t now_ms, int64_t *at_ms)
{
    int32_t day;

    if (tg_civil_parse_date(str_of(text), &day) == 0) {
        *at_ms = day * TG_MS_PER_DAY;
        return 0;
    }
    if (tg_civil_parse(str_of(text), at_ms) == 0)
        return 0;
    return read_span(text, now_ms, at_ms);
}
