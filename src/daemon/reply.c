#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "err.h"
#include "log.h"
#include "money.h"

#define TEXT_MAX 1024
#define NAME_SHOWN 400 /* bytes; names have 100 characters at most */

void
tg_reply_json(struct tg_reply *reply, unsigned status, json_t *body)
{
    json_decref(reply->body);
    free(reply->bytes);
    reply->bytes = NULL;
    reply->status = status;
    reply->body = body;
}

void
tg_reply_bytes(struct tg_reply *reply, unsigned status, const char *type,
               char *bytes, size_t len)
{
    if (bytes == NULL) {
        tg_reply_error(reply, 500, "internal_error", NULL,
                       "there is no memory");
        return;
    }
    tg_reply_json(reply, status, NULL);
    reply->type = type;
    reply->bytes = bytes;
    reply->len = len;
}

static const char *
type_of(unsigned status)
{
    if (status >= 500)
        return "server_error";
    if (status == 401)
        return "authentication_error";
    if (status == 403)
        return "permission_error";
    return "invalid_request_error";
}

__attribute__((format(printf, 5, 0))) static bool
error_v(struct tg_reply *reply, unsigned status, const char *code,
        const char *param, const char *fmt, va_list ap)
{
    char message[TEXT_MAX];

    vsnprintf(message, sizeof(message), fmt, ap);
    tg_reply_json(reply, status,
                  json_pack("{s:{s:o,s:s,s:o,s:s}}", "error", "message",
                            tg_reply_text(message), "type", type_of(status),
                            "param", tg_reply_text(param), "code", code));
    return false;
}

bool
tg_reply_error(struct tg_reply *reply, unsigned status, const char *code,
               const char *param, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_v(reply, status, code, param, fmt, ap);
    va_end(ap);
    return false;
}

bool
tg_reply_invalid(struct tg_reply *reply, const char *param, const char *fmt,
                 ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_v(reply, 400, "invalid_request", param, fmt, ap);
    va_end(ap);
    return false;
}

/* How a thing is named, and where its names stand; "" when nobody names it. */
static const char *
way_to(const char *what)
{
    static const struct {
        const char *what, *way;
    } ways[] = {
        {"account", "; accounts have an id, acct_…, and a name: tollgate "
                    "accounts list"},
        {"alert", "; alerts have an id, alr_…, and a name: tollgate alerts "
                  "rules"},
        {"channel", "; channels have an id, chn_…, and a name: tollgate alerts "
                    "channels"},
        {"credential", "; write its id, cred_…, as tollgate credentials list "
                       "has it"},
        {"event", "; write its id, evt_…, as tollgate events list has it"},
        {"key", "; write its id, key_…, as tollgate keys list --name NAME has "
                "it"},
        {"model", "; tollgate models lists them"},
        {"operator", "; operators have an id, op_…, and a name: tollgate "
                     "operators list"},
        {"schedule", "; schedules have an id, rps_…, and a name: tollgate "
                     "report schedule"},
        {"session", "; write its id, ses_…, as tollgate sessions list has it"},
        {"sink", "; sinks have an id, sink_…, and a name: tollgate sinks list"},
        {"token", "; write its id, tok_…, as tollgate tokens list has it"},
        {"upstream", "; upstreams have an id, up_…, and a name: tollgate "
                     "upstreams list"},
    };

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].what, what) == 0)
            return ways[i].way;
    }
    return "";
}

bool
tg_reply_unknown(struct tg_reply *reply, const char *what, const char *name)
{
    return tg_reply_error(reply, 404, "not_found", NULL,
                          "there is no %s '%.*s'%s", what, NAME_SHOWN, name,
                          way_to(what));
}

bool
tg_reply_unknown_member(struct tg_reply *reply, const char *param,
                        const char *what, const char *name)
{
    return tg_reply_invalid(reply, param, "there is no %s '%.*s'%s", what,
                            NAME_SHOWN, name, way_to(what));
}

bool
tg_reply_store(struct tg_reply *reply, const struct tg_store *store, int err,
               const char *what)
{
    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_error(reply, 404, "not_found", NULL,
                              "there is no such %s%s", what, way_to(what));
    if (err == TG_ERR_DUPLICATE)
        return tg_reply_error(reply, 409, "already_exists", NULL,
                              "this %s exists already", what);
    tg_log(TG_LOG_ERROR, "%s", store->error.text);
    return tg_reply_error(reply, 503, "store_unavailable", NULL,
                          "the store cannot be used now, nothing was changed; "
                          "the daemon's log says why");
}

json_t *
tg_reply_list(json_t *data, bool has_more, const char *next)
{
    return json_pack("{s:s,s:o,s:b,s:s?}", "object", "list", "data", data,
                     "has_more", has_more, "next", has_more ? next : NULL);
}

json_t *
tg_reply_instant(int64_t at_ms)
{
    char text[TG_CIVIL_TEXT_SIZE];

    if (at_ms == 0 || tg_civil_format(at_ms, text) != 0)
        return json_null();
    return json_string(text);
}

json_t *
tg_reply_text(const char *text)
{
    json_t *value;
    char clean[TEXT_MAX];
    size_t i;

    if (text == NULL || text[0] == '\0')
        return json_null();
    value = json_string(text);
    if (value != NULL)
        return value;
    for (i = 0; text[i] != '\0' && i < sizeof(clean) - 1; i++)
        clean[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    clean[i] = '\0';
    return json_string(clean);
}

json_t *
tg_reply_money(int64_t nanos)
{
    char text[TG_MONEY_TEXT_SIZE];

    tg_money_format(nanos, text);
    return json_string(text);
}

json_t *
tg_reply_money_or_null(int64_t nanos)
{
    return nanos == 0 ? json_null() : tg_reply_money(nanos);
}

json_t *
tg_reply_stored(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    return value ? value : json_null();
}
