/*
 * sinks_draft.h: the config and the credentials of a sink as a request says
 * them, and the places in it.
 */
#ifndef TG_SINKS_DRAFT_H
#define TG_SINKS_DRAFT_H

#include "reply.h"
#include "sink.h"

/*
 * Checks the member config, an object of texts: no members but the kind's, and
 * all that it needs.  Absent counts as empty.  *config is a reference into
 * body, or NULL.  Returns false with the reply made.
 */
bool tg_sinks_draft_config(struct tg_reply *reply, const json_t *body,
                           const struct tg_sink_kind *kind,
                           const json_t **config);

/*
 * Copies what the kind needs out of the member credentials, an object of
 * texts; other members are not kept.  *credentials is the caller's, NULL when
 * the member is absent.  Returns false with the reply made, which repeats none
 * of it.
 */
bool tg_sinks_draft_credentials(struct tg_reply *reply, const json_t *body,
                                const struct tg_sink_kind *kind,
                                json_t **credentials);

/* Whether a kind has such a place and name; else false with the reply made. */
bool tg_sinks_draft_place(struct tg_reply *reply,
                          const struct tg_sink_kind *kind, const char *place,
                          const char *name);

#endif
