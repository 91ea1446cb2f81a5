/*
 * alert_shape_part.h: what the shapes share; for alert_shape.c, alert_robot.c
 * and alert_mail.c alone.
 */
#ifndef TG_ALERT_SHAPE_PART_H
#define TG_ALERT_SHAPE_PART_H

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

#endif
