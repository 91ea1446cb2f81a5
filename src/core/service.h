/*
 * service.h: what stands for a model where a call names none: files, batches,
 * fine-tuning.
 *
 * An upstream keeps these objects by its own account and knows nothing of
 * ours, so whoever may ask it for one may have them all.  The price book
 * therefore has a row for each of our accounts that may: "files@acct_…", with
 * an upstream that no other account's row has.  A row without an account,
 * "files", is the first account's: the one that was there before any other.
 */
#ifndef TG_SERVICE_H
#define TG_SERVICE_H

#include "layout.h"
#include "route.h"

/* The first account's slot in the state file. */
#define TG_SERVICE_FIRST_ACCOUNT 0

/*
 * Whether a model's name is that of a service; *owner then becomes the
 * account's id in it, empty when there is none.
 */
bool tg_service_is(struct tg_str name, struct tg_str *owner);

/* The scopes that a service's name is for; 0 when it is none's. */
uint32_t tg_service_scopes(struct tg_str name);

/*
 * The row of a service for an account: its own, or the one without an account
 * if it is the first.  Returns NULL when there is none; name, of
 * TG_MODEL_NAME_MAX + 1 bytes, then becomes the one that is missing.
 */
const struct tg_model *tg_service_find(const struct tg_catalog *catalog,
                                       struct tg_str service,
                                       const char account_id[TG_ID_LEN],
                                       uint32_t account_slot, char *name);

#endif
