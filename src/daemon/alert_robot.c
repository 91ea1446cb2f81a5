#include <stdio.h>
#include <string.h>

#include "alert_shape_part.h"

/*
 * Chats' robots, by their makers' documents (November 2026): Slack, Incoming
 * webhooks; Feishu and Lark, Custom bot; DingTalk, Custom robot; WeCom, Group
 * robot; Discord, Execute Webhook.
 */

/* What a character becomes; NULL ends the list. */
struct escape {
    char from;
    const char *to;
};

/* Slack: these three, and nothing is a mention or a link any more. */
static const struct escape slack[] = {
    {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {0, NULL}};

/* Feishu and WeCom know mentions in brackets, and no way to escape them. */
static const struct escape brackets[] = {
    {'<', "\xef\xbc\x9c"}, {'>', "\xef\xbc\x9e"}, {0, NULL}};

/* DingTalk takes a '@' and a number or "all" for a mention. */
static const struct escape at_sign[] = {{'@', "\xef\xbc\xa0"}, {0, NULL}};

/* Discord: markdown; an invisible character behind '@', so none is pinged. */
static const struct escape discord[] = {
    {'\\', "\\\\"}, {'*', "\\*"},           {'_', "\\_"}, {'~', "\\~"},
    {'`', "\\`"},   {'|', "\\|"},           {'>', "\\>"}, {'#', "\\#"},
    {'[', "\\["},   {']', "\\]"},           {'(', "\\("}, {')', "\\)"},
    {'<', "\\<"},   {'@', "@\xe2\x80\x8b"}, {0, NULL}};

static const struct robot {
    const struct escape *escapes;
    size_t bytes; /* at most, of the text */
} robots[TG_CHANNEL_KINDS] = {
    [TG_CHANNEL_SLACK] = {slack, 12000},
    [TG_CHANNEL_FEISHU] = {brackets, 12000},
    [TG_CHANNEL_DINGTALK] = {at_sign, 12000},
    [TG_CHANNEL_WECOM] = {brackets, 2000},  /* of 2048 */
    [TG_CHANNEL_DISCORD] = {discord, 1900}, /* of 2000 characters */
};

static const char *
escape_of(const struct escape *escapes, char c)
{
    for (; escapes->to != NULL; escapes++) {
        if (escapes->from == c)
            return escapes->to;
    }
    return NULL;
}

/* Escaped and cut, at a character and never within an escape. */
static void
escape(const struct robot *robot, char *out, size_t size, const char *text)
{
    size_t most = size - 1 < robot->bytes ? size - 1 : robot->bytes, len = 0;

    while (*text != '\0') {
        const char *to = escape_of(robot->escapes, *text);
        size_t n = 1;

        while (((unsigned char)text[n] & 0xc0) == 0x80)
            n++;
        if (len + (to != NULL ? strlen(to) : n) > most)
            break;
        memcpy(out + len, to != NULL ? to : text, to != NULL ? strlen(to) : n);
        len += to != NULL ? strlen(to) : n;
        text += n;
    }
    out[len] = '\0';
}

json_t *
tg_shape_robot_body(enum tg_channel_kind kind, const json_t *notice)
{
    char head[TG_SHAPE_LINE_SIZE + 16], text[TG_SHAPE_TEXT_SIZE];
    char plain[sizeof(head) + sizeof(text) + 2], all[3 * sizeof(plain)];

    tg_shape_headline(notice, head, sizeof(head));
    tg_shape_text(notice, text, sizeof(text));
    snprintf(plain, sizeof(plain), "%s\n%s", head, text);
    escape(&robots[kind], all, sizeof(all), plain);
    switch (kind) {
    case TG_CHANNEL_SLACK:
        return json_pack("{s:s,s:b,s:b,s:b,s:b}", "text", all, "mrkdwn", 0,
                         "link_names", 0, "unfurl_links", 0, "unfurl_media", 0);
    case TG_CHANNEL_FEISHU:
        return json_pack("{s:s,s:{s:s}}", "msg_type", "text", "content", "text",
                         all);
    case TG_CHANNEL_DINGTALK:
        return json_pack("{s:s,s:{s:s},s:{s:b,s:[],s:[]}}", "msgtype", "text",
                         "text", "content", all, "at", "isAtAll", 0,
                         "atMobiles", "atUserIds");
    case TG_CHANNEL_WECOM:
        return json_pack("{s:s,s:{s:s}}", "msgtype", "text", "text", "content",
                         all);
    case TG_CHANNEL_DISCORD:
        /* 4: no previews of links. */
        return json_pack("{s:s,s:{s:[]},s:i}", "content", all,
                         "allowed_mentions", "parse", "flags", 4);
    default:
        return NULL;
    }
}
