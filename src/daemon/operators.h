/*
 * operators.h: what the handlers of operators, tokens and sessions share.
 */
#ifndef TG_OPERATORS_H
#define TG_OPERATORS_H

#include "request.h"

/* A row of the store, for longer than its visit. */
struct tg_operator_row {
    char id[TG_ID_TEXT_SIZE];
    char name[TG_OPERATOR_NAME_SIZE];
    enum tg_role role;
    bool is_active, is_disabled;
    bool has_password, has_totp;
    json_t *object; /* owned: as the API shows it */
};

/*
 * Reads an operator by id, name, or "me".  Returns false with the reply made,
 * 404, when there is none.  The caller holds the admin lock, and releases it
 * with tg_operator_release.
 */
bool tg_operator_read(struct tg_request *request, struct tg_reply *reply,
                      const char *id_or_name, struct tg_operator_row *row);
void tg_operator_release(struct tg_operator_row *row);

/*
 * A name as names are stored: letters of ASCII small.  Ids stay as they are;
 * what is too long is cut, and is nobody's name then.
 */
void tg_operator_fold(const char *given, char name[TG_OPERATOR_NAME_SIZE]);

/* The object of a row, while it is visited. */
json_t *tg_operator_object(struct tg_store *store,
                           const struct tg_store_operator *row);

/*
 * Whether the one who asks may act for an operator: for himself, or with
 * the permission to change operators for one that may no more than he.
 * Returns false with the reply made.
 */
bool tg_operator_may_act(const struct tg_request *request,
                         struct tg_reply *reply,
                         const struct tg_operator_row *row);

/* Whether the one who asks has all of these permissions. */
bool tg_operator_has(const struct tg_request *request, unsigned permissions);

/*
 * Of whom tokens or sessions are listed: the operator that an argument names,
 * else all that the one who asks may see; *operator_id is NULL for all.
 */
bool tg_admin_access_of(struct tg_request *request, struct tg_reply *reply,
                        char id[TG_ID_TEXT_SIZE], const char **operator_id);

/*
 * Ends a token or session, one's own or that of an operator one may act
 * for.  what is its kind, for the reply.  Returns false with the reply made.
 */
bool tg_admin_access_end(struct tg_request *request, struct tg_reply *reply,
                         const char *id, const char *what);

#endif
