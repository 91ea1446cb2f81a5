#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alert_shape_part.h"

/* Mail: RFC 5322, with RFC 2047 and 2045 for what is not ASCII. */

#define LINE 76
#define WORD_BYTES 45 /* in a word of a header: 60 characters of base64 */

/* Each word holds whole characters, so that each can be read alone. */
void
tg_mail_subject(FILE *out, const char *text)
{
    fputs("Subject:", out);
    while (*text != '\0') {
        char word[64];
        size_t n = 0;

        while (text[n] != '\0') {
            size_t next = n + 1;

            while (((unsigned char)text[next] & 0xc0) == 0x80)
                next++;
            if (next > WORD_BYTES)
                break;
            n = next;
        }
        sodium_bin2base64(word, sizeof(word), (const unsigned char *)text, n,
                          sodium_base64_VARIANT_ORIGINAL);
        fprintf(out, " =?utf-8?B?%s?=\r\n", word);
        text += n;
    }
}

void
tg_mail_base64(FILE *out, const char *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += LINE / 4 * 3) {
        size_t n = len - at < LINE / 4 * 3 ? len - at : LINE / 4 * 3;
        char line[LINE + 4];

        sodium_bin2base64(line, sizeof(line), (const unsigned char *)bytes + at,
                          n, sodium_base64_VARIANT_ORIGINAL);
        fprintf(out, "%s\r\n", line);
    }
}

static void
write_date(FILE *out, int64_t now_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                       "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    time_t at = now_ms / 1000;
    struct tm tm;

    gmtime_r(&at, &tm);
    fprintf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
            days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
            tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void
tg_mail_head(FILE *out, const json_t *target, const char *id, int64_t now_ms)
{
    const char *from = json_string_value(json_object_get(target, "from"));
    const char *at = from != NULL ? strchr(from, '@') : NULL;
    const json_t *to = json_object_get(target, "to");

    fprintf(out, "From: Tollgate <%s>\r\nTo:", from != NULL ? from : "");
    for (size_t i = 0; i < json_array_size(to); i++)
        fprintf(out, "%s <%s>", i > 0 ? ",\r\n" : "",
                json_string_value(json_array_get(to, i)));
    fprintf(out, "\r\nMessage-ID: <%s@%s>\r\nTollgate-Id: %s\r\n", id,
            at != NULL ? at + 1 : "tollgate", id);
    write_date(out, now_ms);
    fputs("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n", out);
}

char *
tg_shape_mail(const json_t *target, const char *notice_id, const json_t *notice,
              int64_t now_ms)
{
    char head[TG_SHAPE_LINE_SIZE + 16], text[TG_SHAPE_TEXT_SIZE];
    char *mail = NULL;
    size_t size;
    FILE *out = open_memstream(&mail, &size);

    if (out == NULL)
        return NULL;
    tg_shape_headline(notice, head, sizeof(head));
    tg_shape_text(notice, text, sizeof(text));
    tg_mail_head(out, target, notice_id, now_ms);
    fputs("Content-Type: text/plain; charset=utf-8\r\n"
          "Content-Transfer-Encoding: base64\r\n",
          out);
    tg_mail_subject(out, head);
    fputs("\r\n", out);
    tg_mail_base64(out, text, strlen(text));
    if (fclose(out) != 0) {
        free(mail);
        return NULL;
    }
    return mail;
}
