#include "alert_shape.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "alert_shape_part.h"

static const char *
text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text != NULL ? text : "";
}

/* Of a character's first byte. */
static size_t
length_of(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/*
 * Controls, of C1 too; U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F,
 * U+FEFF: what is not seen, or changes what is.
 */
static bool
is_unseen(const unsigned char *p)
{
    if (p[0] < 0x20 || p[0] == 0x7f)
        return true;
    if (p[0] == 0xc2)
        return p[1] < 0xa0;
    if (p[0] == 0xe2 && p[1] == 0x80)
        return (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae);
    if (p[0] == 0xe2 && p[1] == 0x81)
        return p[2] >= 0xa0 && p[2] <= 0xaf;
    return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
}

void
tg_shape_plain(char *out, size_t size, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = 0;

    while (*p != '\0') {
        size_t n = length_of(*p);

        if (strlen((const char *)p) < n || len + n + 1 > size)
            break;
        if (is_unseen(p)) {
            out[len++] = ' ';
        } else {
            memcpy(out + len, p, n);
            len += n;
        }
        p += n;
    }
    out[len] = '\0';
}

void
tg_shape_headline(const json_t *notice, char *out, size_t size)
{
    const char *type = text_of(notice, "type");
    const char *mark = strcmp(type, "alert.recovered") == 0
                           ? "recovered"
                           : text_of(notice, "severity");
    char title[TG_SHAPE_LINE_SIZE];

    tg_shape_plain(title, sizeof(title), text_of(notice, "title"));
    if (strcmp(type, "report") == 0)
        snprintf(out, size, "%s", title);
    else
        snprintf(out, size, "[%s] %s", mark, title);
}

void
tg_shape_text(const json_t *notice, char *out, size_t size)
{
    const char *type = text_of(notice, "type");
    const char *message = text_of(notice, "message");
    char line[TG_SHAPE_LINE_SIZE];
    size_t len = 0;

    /* Summaries and reports have lines of their own; each is plain. */
    while (*message != '\0' && len + 8 < size) {
        size_t n = strcspn(message, "\n");
        char one[TG_SHAPE_LINE_SIZE];

        if (strcmp(type, "alert.summary") != 0 && strcmp(type, "report") != 0)
            n = strlen(message);
        snprintf(one, sizeof(one), "%.*s", (int)(n < 1500 ? n : 1500), message);
        tg_shape_plain(line, sizeof(line), one);
        len += (size_t)snprintf(out + len, size - len, "%s\n", line);
        if (len >= size)
            len = size - 1;
        message += n + (message[n] == '\n');
    }
    snprintf(out + len, size - len, "%s%s%s", text_of(notice, "at"),
             text_of(notice, "episode_id")[0] != '\0' ? " · " : "",
             text_of(notice, "episode_id"));
}

static void
mac_of(uint8_t mac[32], const char *key, const char *text)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key,
                                strlen(key));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text,
                                  strlen(text));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
}

void
tg_shape_sign(char out[TG_SHAPE_SIGNATURE_SIZE], const char *secret,
              int64_t at_s, const char *body)
{
    crypto_auth_hmacsha256_state state;
    char instant[24], hex[65];
    uint8_t mac[32];

    snprintf(instant, sizeof(instant), "%lld.", (long long)at_s);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret,
                                strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)instant,
                                  strlen(instant));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body,
                                  strlen(body));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    snprintf(out, TG_SHAPE_SIGNATURE_SIZE, "t=%lld,v1=%s", (long long)at_s,
             hex);
}

static void
base64_of(char out[48], const uint8_t mac[32])
{
    sodium_bin2base64(out, 48, mac, 32, sodium_base64_VARIANT_ORIGINAL);
}

/* Feishu: the secret is in the key, and nothing is what is signed. */
static void
sign_feishu(json_t *body, const char *secret, int64_t at_s)
{
    char key[320], instant[24], sign[48];
    uint8_t mac[32];

    snprintf(instant, sizeof(instant), "%lld", (long long)at_s);
    snprintf(key, sizeof(key), "%s\n%s", instant, secret);
    mac_of(mac, key, "");
    sodium_memzero(key, sizeof(key));
    base64_of(sign, mac);
    json_object_set_new(body, "timestamp", json_string(instant));
    json_object_set_new(body, "sign", json_string(sign));
}

/* DingTalk: in the URL, in milliseconds, and the secret is the key. */
static int
sign_dingtalk(char url[TG_SHAPE_URL_SIZE], const char *secret, int64_t now_ms)
{
    char text[320], sign[48], escaped[160];
    uint8_t mac[32];
    size_t n = 0, len = strlen(url);

    snprintf(text, sizeof(text), "%lld\n%s", (long long)now_ms, secret);
    mac_of(mac, secret, text);
    sodium_memzero(text, sizeof(text));
    base64_of(sign, mac);
    for (const char *p = sign; *p != '\0'; p++) {
        if (strchr("+/=", *p) != NULL)
            n += (size_t)snprintf(escaped + n, sizeof(escaped) - n, "%%%02X",
                                  (unsigned)*p);
        else
            escaped[n++] = *p;
    }
    escaped[n] = '\0';
    return snprintf(url + len, TG_SHAPE_URL_SIZE - len,
                    "%ctimestamp=%lld&sign=%s",
                    strchr(url, '?') != NULL ? '&' : '?', (long long)now_ms,
                    escaped) >= (int)(TG_SHAPE_URL_SIZE - len)
               ? TG_ERR_RANGE
               : 0;
}

/* The notice as it is, with its id first. */
static json_t *
webhook_body(const char *id, const json_t *notice)
{
    json_t *body = json_pack("{s:s}", "id", id);

    if (body != NULL)
        json_object_update(body, (json_t *)notice);
    return body;
}

static int
shape_webhook(struct tg_shape *shape, const struct tg_channel *channel,
              const char *id, const json_t *notice, int64_t now_ms)
{
    json_t *body = webhook_body(id, notice);
    char signature[TG_SHAPE_SIGNATURE_SIZE];

    shape->body = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (shape->body == NULL)
        return TG_ERR_SYSTEM;
    tg_shape_sign(signature, text_of(channel->target, "secret"), now_ms / 1000,
                  shape->body);
    snprintf(shape->headers[1], TG_SHAPE_HEADER_SIZE, "Tollgate-Signature: %s",
             signature);
    snprintf(shape->headers[2], TG_SHAPE_HEADER_SIZE, "Tollgate-Event: %s",
             text_of(notice, "type"));
    return 0;
}

static int
shape_robot(struct tg_shape *shape, const struct tg_channel *channel,
            const json_t *notice, int64_t now_ms)
{
    const char *secret = text_of(channel->target, "secret");
    json_t *body = tg_shape_robot_body(channel->kind, notice);
    int err = body == NULL ? TG_ERR_SYSTEM : 0;

    if (err == 0 && secret[0] != '\0' && channel->kind == TG_CHANNEL_FEISHU)
        sign_feishu(body, secret, now_ms / 1000);
    if (err == 0 && secret[0] != '\0' && channel->kind == TG_CHANNEL_DINGTALK)
        err = sign_dingtalk(shape->url, secret, now_ms);
    if (err == 0) {
        shape->body = json_dumps(body, JSON_COMPACT);
        err = shape->body == NULL ? TG_ERR_SYSTEM : 0;
    }
    json_decref(body);
    return err;
}

int
tg_shape_make(struct tg_shape *shape, const struct tg_channel *channel,
              const char *notice_id, const json_t *notice, int64_t now_ms)
{
    const char *url = text_of(channel->target, "url");

    memset(shape, 0, sizeof(*shape));
    if (strlen(url) >= sizeof(shape->url))
        return TG_ERR_RANGE;
    strcpy(shape->url, url);
    if (channel->kind == TG_CHANNEL_SMTP) {
        shape->body = tg_shape_mail(channel->target, notice_id, notice, now_ms);
        return shape->body == NULL ? TG_ERR_SYSTEM : 0;
    }
    snprintf(shape->headers[0], TG_SHAPE_HEADER_SIZE,
             "Content-Type: application/json");
    if (channel->kind != TG_CHANNEL_WEBHOOK)
        return shape_robot(shape, channel, notice, now_ms);
    snprintf(shape->headers[3], TG_SHAPE_HEADER_SIZE, "Tollgate-Id: %s",
             notice_id);
    return shape_webhook(shape, channel, notice_id, notice, now_ms);
}

void
tg_shape_release(struct tg_shape *shape)
{
    if (shape->body != NULL)
        sodium_memzero(shape->body, strlen(shape->body));
    free(shape->body);
    sodium_memzero(shape, sizeof(*shape));
}

/* A robot's own code: Feishu says code, DingTalk and WeCom errcode. */
static int64_t
code_of(enum tg_channel_kind kind, const char *data, size_t len)
{
    const char *member = kind == TG_CHANNEL_FEISHU ? "code" : "errcode";
    json_t *object = json_loadb(data != NULL ? data : "", len, 0, NULL);
    const json_t *code = json_object_get(object, member);
    int64_t value = -1;

    if (code == NULL && kind == TG_CHANNEL_FEISHU)
        code = json_object_get(object, "StatusCode");
    if (json_is_integer(code))
        value = json_integer_value(code);
    json_decref(object);
    return value;
}

/* Of these another try may come to something: too many at once, or busy. */
static bool
is_passing(int64_t code)
{
    static const int64_t passing[] = {
        -1,     11232, 9499,   /* busy; Feishu: frequency */
        130101, 45009, 410100, /* DingTalk, WeCom: frequency */
        19021,                 /* Feishu: the signature's instant */
    };

    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (passing[i] == code)
            return true;
    }
    return false;
}

enum tg_shape_fate
tg_shape_fate(enum tg_channel_kind kind, long status, const char *data,
              size_t len)
{
    bool has_code = kind == TG_CHANNEL_FEISHU || kind == TG_CHANNEL_DINGTALK ||
                    kind == TG_CHANNEL_WECOM;
    int64_t code;

    if (kind == TG_CHANNEL_SMTP)
        return status >= 200 && status < 300 ? TG_SHAPE_TAKEN
                                             : TG_SHAPE_TRY_AGAIN;
    if (status == 400 || status == 413 || status == 415 || status == 422)
        return TG_SHAPE_REFUSED;
    if (status < 200 || status > 299)
        return TG_SHAPE_TRY_AGAIN;
    if (!has_code)
        return TG_SHAPE_TAKEN;
    code = code_of(kind, data, len);
    return code == 0          ? TG_SHAPE_TAKEN
           : is_passing(code) ? TG_SHAPE_TRY_AGAIN
                              : TG_SHAPE_REFUSED;
}
