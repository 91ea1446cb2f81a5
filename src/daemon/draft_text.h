/*
 * draft_text.h: checks of the texts that a key's policy is made of.
 */
#ifndef TG_DRAFT_TEXT_H
#define TG_DRAFT_TEXT_H

#include "members.h"
#include "route.h"

bool tg_draft_scope(struct tg_reply *reply, const char *param,
                    const char *text);

/* A model's name, or the beginning of names and a '*'. */
bool tg_draft_model(struct tg_reply *reply, const char *param,
                    const char *text);

/* "POST /v1/chat/completions": a route of the data plane. */
bool tg_draft_endpoint(struct tg_reply *reply, const char *param,
                       const char *text);
const struct tg_route *tg_draft_route(const char *text);

/* A network or an address. */
bool tg_draft_network(struct tg_reply *reply, const char *param,
                      const char *text);

/* An origin or a URL, both with a '*' at the end if wanted. */
bool tg_draft_referrer(struct tg_reply *reply, const char *param,
                       const char *text);

/* Whether a name is environment_purpose_date: prod_search_20261126. */
bool tg_draft_is_styled(const char *name);

/*
 * Reads when a key expires: a date (its first moment in UTC), RFC 3339, or a
 * span from now such as "90d" or "12h".  0 or TG_ERR_FORMAT.
 */
int tg_draft_expiry(const char *text, int64_t now_ms, int64_t *at_ms);

/*
 * Reads how long a replaced secret stays valid: "0", "24h" or "7d".  0 or
 * TG_ERR_FORMAT.
 */
int tg_draft_grace(const char *text, int64_t *grace_ms);

#endif
