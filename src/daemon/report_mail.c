#include "report_mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_shape_part.h"
#include "err.h"
#include "report_picture.h"
#include "report_show.h"

#define PICTURE_ID "picture@tollgate"

/* What a mail is made of; each owned, and NULL where there is none. */
struct parts {
    enum tg_report_form form;
    bool is_chinese;
    char *text, *page;
    struct tg_chart_picture picture;
};

static const char *
text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text != NULL ? text : "";
}

static bool
make_parts(struct parts *parts, const json_t *notice)
{
    const json_t *report = json_object_get(notice, "report");
    json_t *sheet;
    bool is_page;

    memset(parts, 0, sizeof(*parts));
    tg_report_form_of(text_of(notice, "format"), &parts->form);
    parts->is_chinese = strcmp(text_of(notice, "lang"), "zh") == 0;
    is_page = parts->form == TG_REPORT_HTML;
    sheet = tg_report_sheet(report, parts->is_chinese);
    parts->text = parts->form == TG_REPORT_MARKDOWN ? tg_report_markdown(sheet)
                                                    : tg_report_text(sheet);
    if (is_page && tg_report_page_picture(report, sheet, parts->is_chinese,
                                          &parts->picture) != 0)
        parts->picture.bytes = NULL;
    if (is_page)
        parts->page = tg_report_html(
            sheet, parts->picture.bytes != NULL ? "cid:" PICTURE_ID : NULL,
            parts->is_chinese);
    json_decref(sheet);
    return parts->text != NULL && (!is_page || parts->page != NULL);
}

static void
release_parts(struct parts *parts)
{
    free(parts->text);
    free(parts->page);
    free(parts->picture.bytes);
}

static void
put_part(FILE *out, const char *type, const char *more, const char *bytes,
         size_t len)
{
    fprintf(out,
            "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n%s\r\n",
            type, more);
    tg_mail_base64(out, bytes, len);
}

/* The page, and what it shows. */
static void
put_page(FILE *out, const struct parts *parts, const char *id)
{
    static const char html[] = "text/html; charset=utf-8";

    if (parts->picture.bytes == NULL) {
        put_part(out, html, "", parts->page, strlen(parts->page));
        return;
    }
    fprintf(out,
            "Content-Type: multipart/related; type=\"text/html\"; "
            "boundary=\"page-%s\"\r\n\r\n--page-%s\r\n",
            id, id);
    put_part(out, html, "", parts->page, strlen(parts->page));
    fprintf(out, "--page-%s\r\n", id);
    put_part(out, "image/png; name=\"report.png\"",
             "Content-ID: <" PICTURE_ID ">\r\n"
             "Content-Disposition: inline; filename=\"report.png\"\r\n",
             parts->picture.bytes, parts->picture.len);
    fprintf(out, "--page-%s--\r\n", id);
}

/* An id has no mark that would end a boundary; base64 has no hyphens. */
static void
put_body(FILE *out, const struct parts *parts, const char *id)
{
    static const char plain[] = "text/plain; charset=utf-8";

    if (parts->page == NULL) {
        put_part(out, plain, "", parts->text, strlen(parts->text));
        return;
    }
    fprintf(out,
            "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n"
            "--%s\r\n",
            id, id);
    put_part(out, plain, "", parts->text, strlen(parts->text));
    fprintf(out, "--%s\r\n", id);
    put_page(out, parts, id);
    fprintf(out, "--%s--\r\n", id);
}

static char *
mail_of(const struct parts *parts, const json_t *target, const char *id,
        const json_t *notice, int64_t now_ms)
{
    char head[TG_SHAPE_LINE_SIZE + 16];
    char *mail = NULL;
    size_t size;
    FILE *out = open_memstream(&mail, &size);

    if (out == NULL)
        return NULL;
    tg_shape_headline(notice, head, sizeof(head));
    tg_mail_head(out, target, id, now_ms);
    tg_mail_subject(out, head);
    put_body(out, parts, id);
    if (fclose(out) != 0) {
        free(mail);
        return NULL;
    }
    return mail;
}

int
tg_report_mail(struct tg_shape *shape, const struct tg_channel *channel,
               const char *notice_id, const json_t *notice, int64_t now_ms)
{
    const char *url = text_of(channel->target, "url");
    struct parts parts;

    memset(shape, 0, sizeof(*shape));
    if (strlen(url) >= sizeof(shape->url))
        return TG_ERR_RANGE;
    strcpy(shape->url, url);
    if (make_parts(&parts, notice))
        shape->body =
            mail_of(&parts, channel->target, notice_id, notice, now_ms);
    release_parts(&parts);
    return shape->body != NULL ? 0 : TG_ERR_SYSTEM;
}
