/*
 * members.h: reading a request's JSON body, one check a member.
 *
 * Each function answers with an error that names the member and returns
 * false when it is not as it must be.  param is the name in errors, such as
 * "limits.concurrency"; its last part is the member's name in object.  What
 * is absent leaves the target as it is.
 */
#ifndef TG_MEMBERS_H
#define TG_MEMBERS_H

#include "reply.h"

/* A check of one text of a list; it answers and returns false itself. */
typedef bool tg_text_check(struct tg_reply *reply, const char *param,
                           const char *text);

/* Refuses members that are not in names, which are separated by blanks. */
bool tg_members_only(struct tg_reply *reply, const json_t *object,
                     const char *prefix, const char *names);

/*
 * A text of min to max characters without control characters.  With min > 0
 * it must be there.  null counts as absent.  *text points into object.
 */
bool tg_members_text(struct tg_reply *reply, const json_t *object,
                     const char *param, size_t min, size_t max,
                     const char **text);

/* One of the names, which are separated by blanks. */
bool tg_members_choice(struct tg_reply *reply, const json_t *object,
                       const char *param, const char *names, const char **text);

bool tg_members_bool(struct tg_reply *reply, const json_t *object,
                     const char *param, bool *value);

/* A whole number from min to max; null sets 0, which says "no limit". */
bool tg_members_number(struct tg_reply *reply, const json_t *object,
                       const char *param, int64_t min, int64_t max,
                       int64_t *value);

/* A decimal string above zero; null sets 0, which says "no budget". */
bool tg_members_money(struct tg_reply *reply, const json_t *object,
                      const char *param, int64_t *nanos);

/* An object; *value points into object, and stays when it is absent. */
bool tg_members_object(struct tg_reply *reply, const json_t *object,
                       const char *param, const json_t **value);

/*
 * A list of up to max texts of 1 to 255 bytes that check (NULL: none)
 * accepts, none of them twice.  *list is a reference into object.
 */
bool tg_members_texts(struct tg_reply *reply, const json_t *object,
                      const char *param, size_t max, tg_text_check *check,
                      const json_t **list);

#endif
