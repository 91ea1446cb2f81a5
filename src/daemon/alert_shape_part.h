/*
 * alert_shape_part.h: what the shapes share; for alert_shape.c, alert_robot.c,
 * alert_mail.c and report_mail.c alone.
 */
#ifndef TG_ALERT_SHAPE_PART_H
#define TG_ALERT_SHAPE_PART_H

#include <stdio.h>

#include "alert_shape.h"

#define TG_SHAPE_LINE_SIZE 1600
#define TG_SHAPE_TEXT_SIZE 6400

/* "[warning] Error rate above 10 %", plain. */
void tg_shape_headline(const json_t *notice, char *out, size_t size);

/* What stands below it: plain lines, the last one when and which episode. */
void tg_shape_text(const json_t *notice, char *out, size_t size);

/* What a chat's robot is sent, not signed; NULL without memory. */
json_t *tg_shape_robot_body(enum tg_channel_kind kind, const json_t *notice);

/* A mail as RFC 5322 has it; NULL without memory. */
char *tg_shape_mail(const json_t *target, const char *notice_id,
                    const json_t *notice, int64_t now_ms);

/*
 * Parts of it: the header without what the body is, the subject in words that
 * are encoded, and bytes in lines of base64.
 */
void tg_mail_head(FILE *out, const json_t *target, const char *notice_id,
                  int64_t now_ms);
void tg_mail_subject(FILE *out, const char *text);
void tg_mail_base64(FILE *out, const char *bytes, size_t len);

#endif
