/*
 * Goal: what strangers named is text and nothing else in every shape; a
 * signature is what its receiver computes; an answer is taken for what it is.
 */
#include "alert_shape.h"

#include <sodium.h>
#include <stdlib.h>

#include "tap.h"
#include "utf8.h"

/* Computed with Python's hmac, 2026-11-27. */
#define WEBHOOK_MAC                                                            \
    "e0b6ec6c5c73a4e2c62b8144c090999f"                                         \
    "7890bf31d18eda631744f2360da12ffc"
#define FEISHU_MAC "KXGPkOTxIUbWDVjEh4nkz1s9Zoh3vNiO7+4addKTQw4="
#define DINGTALK_MAC "MFpkdL7q7%2BzJM49Do4m5m4bd%2FjD%2Bh6473aqJg7rTrPM%3D"

static json_t *
notice_of(const char *message)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "type", "alert.opened", "at",
                     "2026-11-27T00:00:00.000Z", "severity", "warning", "title",
                     "T", "message", message, "episode_id", "eps_1");
}

/* The text that a robot is sent; freed by the next call. */
static const char *
text_of(enum tg_channel_kind kind, const char *message)
{
    static json_t *body;
    struct tg_channel channel = {.kind = kind};
    struct tg_shape shape;
    json_t *notice = notice_of(message), *text;

    channel.target = json_pack("{s:s}", "url", "https://x.example/y");
    if (tg_shape_make(&shape, &channel, "ntf_1", notice, 1000) != 0)
        abort();
    json_decref(body);
    body = json_loads(shape.body, 0, NULL);
    tg_shape_release(&shape);
    tg_channel_release(&channel);
    json_decref(notice);
    text = json_object_get(body, "text");
    if (json_is_object(text))
        text = json_object_get(text, "content");
    if (text == NULL)
        text = json_object_get(body, "content");
    if (json_is_object(text))
        text = json_object_get(text, "text");
    return json_string_value(text);
}

#define TAIL "\n2026-11-27T00:00:00.000Z \xc2\xb7 eps_1"

static void
test_escapes(void)
{
    static const struct {
        enum tg_channel_kind kind;
        const char *message, *text;
    } rows[] = {
        {TG_CHANNEL_SLACK, "<!channel> & <@U1> *b*",
         "[warning] T\n&lt;!channel&gt; &amp; &lt;@U1&gt; *b*" TAIL},
        {TG_CHANNEL_FEISHU, "<at user_id=\"all\">x</at>",
         "[warning] T\n\xef\xbc\x9c"
         "at user_id=\"all\"\xef\xbc\x9ex\xef\xbc\x9c/at\xef\xbc\x9e" TAIL},
        {TG_CHANNEL_WECOM, "<@all>",
         "[warning] T\n\xef\xbc\x9c@all\xef\xbc\x9e" TAIL},
        {TG_CHANNEL_DINGTALK, "@13800138000 @all",
         "[warning] T\n\xef\xbc\xa0"
         "13800138000 \xef\xbc\xa0"
         "all" TAIL},
        {TG_CHANNEL_DISCORD, "@everyone <@1> [l](http://x) `c` \\",
         "\\[warning\\] T\n@\xe2\x80\x8b"
         "everyone \\<@\xe2\x80\x8b"
         "1\\> \\[l\\]\\(http://x\\) \\`c\\` \\\\"
         "\n2026-11-27T00:00:00.000Z \xc2\xb7 eps\\_1"},
        /* A line of a stranger's cannot become a line of ours. */
        {TG_CHANNEL_SLACK,
         "a\nb\r\x1b[31m\xe2\x80\xae\xc2\x85"
         "c",
         "[warning] T\na b  [31m  c" TAIL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_str(text_of(rows[i].kind, rows[i].message), rows[i].text,
               "row %zu is text", i);
}

static void
test_lengths(void)
{
    static const struct {
        enum tg_channel_kind kind;
        size_t most;
    } rows[] = {{TG_CHANNEL_WECOM, 2048}, {TG_CHANNEL_DISCORD, 2000}};
    char *message = calloc(1, 9001);

    for (size_t i = 0; i < 3000; i++)
        memcpy(message + 3 * i, i % 2 ? "\xe4\xb8\xad" : "<<*", 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = text_of(rows[i].kind, message);
        struct tg_utf8 utf8 = {0};

        ok(strlen(text) <= rows[i].most && strlen(text) > 1000,
           "%zu bytes are no more than may be", strlen(text));
        ok(tg_utf8_check(&utf8, text, strlen(text)) == strlen(text) &&
               utf8.need == 0 && text[strlen(text) - 1] != '\\',
           "and cut at a character");
    }
    free(message);
}

static void
test_plain(void)
{
    char small[6], out[64];

    tg_shape_plain(small, sizeof(small), "ab\xe4\xb8\xad\xe6\x96\x87");
    is_str(small, "ab\xe4\xb8\xad", "a character is not cut");
    tg_shape_plain(out, sizeof(out), "\xe4\xb8");
    is_str(out, "", "half a character is none");
    tg_shape_plain(out, sizeof(out),
                   "\xe2\x80\x8bx\xe2\x81\xa6y\xef\xbb\xbfz\x7f");
    is_str(out, " x y z ", "what is not seen is a blank");
}

static void
test_signatures(void)
{
    char signature[TG_SHAPE_SIGNATURE_SIZE];
    struct tg_channel channel = {.kind = TG_CHANNEL_FEISHU};
    struct tg_shape shape;
    json_t *notice = notice_of("m"), *body;

    tg_shape_sign(signature, "whsec_0123456789abcdef", 1795737600, "{\"a\":1}");
    is_str(signature, "t=1795737600,v1=" WEBHOOK_MAC, "a webhook's signature");
    channel.target = json_pack("{s:s,s:s}", "url", "https://x.example/y",
                               "secret", "feishu-secret");
    if (tg_shape_make(&shape, &channel, "ntf_1", notice, 1795737600123) != 0)
        abort();
    body = json_loads(shape.body, 0, NULL);
    is_str(json_string_value(json_object_get(body, "timestamp")), "1795737600",
           "Feishu's instant is in seconds");
    is_str(json_string_value(json_object_get(body, "sign")), FEISHU_MAC,
           "Feishu's signature");
    tg_shape_release(&shape);
    json_decref(body);
    channel.kind = TG_CHANNEL_DINGTALK;
    json_object_set_new(channel.target, "secret", json_string("SECdingtalk"));
    json_object_set_new(channel.target, "url",
                        json_string("https://x.example/send?access_token=t"));
    if (tg_shape_make(&shape, &channel, "ntf_1", notice, 1795737600123) != 0)
        abort();
    is_str(shape.url,
           "https://x.example/send?access_token=t&timestamp=1795737600123&"
           "sign=" DINGTALK_MAC,
           "DingTalk's URL");
    tg_shape_release(&shape);
    tg_channel_release(&channel);
    json_decref(notice);
}

static void
test_fates(void)
{
    static const struct {
        enum tg_channel_kind kind;
        long status;
        const char *data;
        enum tg_shape_fate fate;
    } rows[] = {
        {TG_CHANNEL_WEBHOOK, 200, "", TG_SHAPE_TAKEN},
        {TG_CHANNEL_WEBHOOK, 204, "", TG_SHAPE_TAKEN},
        {TG_CHANNEL_WEBHOOK, 302, "", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_WEBHOOK, 400, "", TG_SHAPE_REFUSED},
        {TG_CHANNEL_WEBHOOK, 401, "", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_WEBHOOK, 429, "", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_WEBHOOK, 503, "", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_SLACK, 200, "ok", TG_SHAPE_TAKEN},
        {TG_CHANNEL_FEISHU, 200, "{\"code\":0}", TG_SHAPE_TAKEN},
        {TG_CHANNEL_FEISHU, 200, "{\"StatusCode\":0}", TG_SHAPE_TAKEN},
        {TG_CHANNEL_FEISHU, 200, "{\"code\":19024}", TG_SHAPE_REFUSED},
        {TG_CHANNEL_FEISHU, 200, "{\"code\":9499}", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_FEISHU, 200, "<html>", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_DINGTALK, 200, "{\"errcode\":0}", TG_SHAPE_TAKEN},
        {TG_CHANNEL_DINGTALK, 200, "{\"errcode\":310000}", TG_SHAPE_REFUSED},
        {TG_CHANNEL_WECOM, 200, "{\"errcode\":45009}", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_WECOM, 200, "", TG_SHAPE_TRY_AGAIN},
        {TG_CHANNEL_SMTP, 250, "", TG_SHAPE_TAKEN},
        {TG_CHANNEL_SMTP, 550, "", TG_SHAPE_TRY_AGAIN},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_int(tg_shape_fate(rows[i].kind, rows[i].status, rows[i].data,
                             strlen(rows[i].data)),
               rows[i].fate, "answer %zu, %ld %s", i, rows[i].status,
               rows[i].data);
}

int
main(void)
{
    if (sodium_init() < 0)
        return 1;
    test_escapes();
    test_lengths();
    test_plain();
    test_signatures();
    test_fates();
    return done();
}
