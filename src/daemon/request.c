#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "utf8.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

const char *
tg_request_argument(const struct tg_request *request, const char *name)
{
    for (size_t i = 0; i < request->argument_count; i++) {
        if (strcmp(request->arguments[i].name, name) == 0)
            return request->arguments[i].value;
    }
    return NULL;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
tg_request_decode(char *text)
{
    struct tg_utf8 utf8 = {0};
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = hex_digit(from[1]);
        int low = high < 0 ? -1 : hex_digit(from[2]);

        if (low < 0 || (high | low) == 0)
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return tg_utf8_check(&utf8, text, (size_t)(to - text)) ==
               (size_t)(to - text) &&
           utf8.need == 0;
}

bool
tg_request_limit(const struct tg_request *request, struct tg_reply *reply,
                 uint32_t *limit)
{
    const char *text = tg_request_argument(request, "limit");
    long n = PAGE_DEFAULT;
    char *end;

    if (text != NULL) {
        n = strtol(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < 1 ||
            n > PAGE_MAX)
            return tg_reply_invalid(reply, "limit",
                                    "limit is a number from 1 to %d", PAGE_MAX);
    }
    *limit = (uint32_t)n;
    return true;
}

bool
tg_request_page(const struct tg_request *request, struct tg_reply *reply,
                const char *prefix, struct tg_store_page *page)
{
    const char *after = tg_request_argument(request, "after");

    if (after != NULL && !tg_id_is(after, prefix))
        return tg_reply_invalid(reply, "after",
                                "after is the id of the last object seen, "
                                "'next' of the page before");
    page->after = after;
    return tg_request_limit(request, reply, &page->limit);
}

bool
tg_request_instant(const struct tg_request *request, struct tg_reply *reply,
                   const char *name, int64_t *at_ms)
{
    const char *text = tg_request_argument(request, name);
    struct tg_str str;
    int32_t day;

    if (text == NULL)
        return true;
    str = (struct tg_str){text, strlen(text)};
    if (tg_civil_parse_date(str, &day) == 0) {
        *at_ms = day * TG_MS_PER_DAY;
        return true;
    }
    if (tg_civil_parse(str, at_ms) == 0)
        return true;
    return tg_reply_invalid(reply, name,
                            "%s is an instant such as 2026-11-21T08:00:00Z or "
                            "a date such as 2026-11-21 (and '+' in a URL is "
                            "written %%2B)",
                            name);
}
