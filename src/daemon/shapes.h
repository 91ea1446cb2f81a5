/*
 * shapes.h: helpers that the handlers of several resources share.
 */
#ifndef TG_SHAPES_H
#define TG_SHAPES_H

#include "request.h"

/* Gathers rows of a page into a list; ask the store for limit + 1. */
struct tg_page_list {
    json_t *data;
    uint32_t limit;
    bool has_more;
    char next[48]; /* id of the last object */
};

/* Adds an object, whose reference is taken over, or notes that more follow. */
void tg_page_list_add(struct tg_page_list *list, const char *id,
                      json_t *object);

/* Answers with the list, or with the store's failure when err is not 0. */
void tg_page_list_reply(struct tg_page_list *list, struct tg_reply *reply,
                        const struct tg_store *store, int err);

/*
 * The id of an account or upstream given by id or name.  Returns false with
 * the reply made when there is none: 400, about param.
 */
bool tg_shapes_account(struct tg_store *store, struct tg_reply *reply,
                       const char *param, const char *id_or_name,
                       char id[TG_ID_TEXT_SIZE]);
bool tg_shapes_upstream(struct tg_store *store, struct tg_reply *reply,
                        const char *param, const char *id_or_name,
                        char id[TG_ID_TEXT_SIZE]);

/* Answer for an account that is not there; the first is about a subject. */
bool tg_shapes_no_account(struct tg_reply *reply, const char *id_or_name);
bool tg_shapes_unknown_account(struct tg_reply *reply, const char *param,
                               const char *id_or_name);

/*
 * Publishes the catalog and answers 503 when that fails: what was asked for
 * is stored, but not in force.
 */
bool tg_shapes_publish_catalog(struct tg_request *request,
                               struct tg_reply *reply);
bool tg_shapes_not_in_force(struct tg_reply *reply);

#endif
