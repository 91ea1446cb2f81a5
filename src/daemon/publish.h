/*
 * publish.h: the one writer of policy.  Only the daemon calls these.
 *
 * Killed at any instruction, it leaves every policy as it was before or as
 * it is after.  One tg_publisher at a time holds the state file's lock.
 */
#ifndef TG_PUBLISH_H
#define TG_PUBLISH_H

#include "state.h"

struct tg_publisher;

/*
 * Takes the writer's lock and reads what is there: which slots, index
 * entries and blobs are in use.  Costs one pass over the keys.  Returns 0,
 * TG_ERR_BUSY when another process publishes, TG_ERR_CORRUPT when the file
 * says what cannot be, TG_ERR_FULL, TG_ERR_SYSTEM.
 * The state stays the caller's and must outlive the publisher.
 */
int tg_publisher_open(struct tg_publisher **publisher, struct tg_state *state);

void tg_publisher_close(struct tg_publisher *publisher);

/*
 * Puts a text, or count texts of up to 255 bytes each, into the arena and
 * gives its number.  The same bytes get the same number; each call counts as
 * one use, which tg_publish_key takes over and releases with the policy it
 * replaces.  Returns 0, TG_ERR_FULL, or TG_ERR_RANGE.
 */
int tg_publish_text(struct tg_publisher *publisher, struct tg_str text,
                    uint32_t *blob);
int tg_publish_texts(struct tg_publisher *publisher, const struct tg_str *texts,
                     size_t count, uint32_t *blob);

/*
 * Writes a list as tg_publish_texts puts it into the arena into list[size].
 * Returns its length, 0 when it has no texts, a text is too long, or the list
 * is.
 */
size_t tg_publish_pack(const struct tg_str *texts, size_t count, char *list,
                       size_t size);

/*
 * Makes room for so many keys in all, so that nothing is moved while they are
 * published.  Costs a pass over those that are.  0 or TG_ERR_FULL.
 */
int tg_publish_reserve(struct tg_publisher *publisher, uint32_t keys);

/*
 * Says that a key is published soon: what it needs of memory is fetched
 * meanwhile.  digest: one of its secrets', or NULL.
 */
void tg_publish_expect(struct tg_publisher *publisher, const char *id,
                       const uint8_t *digest);

/*
 * Publishes a key, found by its id: the first time it gets a free slot.
 * Index entries of its secrets appear after the policy, and those of secrets
 * it no longer has go after it.  Returns 0 or TG_ERR_FULL, and *slot.
 */
int tg_publish_key(struct tg_publisher *publisher,
                   const struct tg_key_policy *policy, uint32_t *slot);

/*
 * While a new state file is filled, keys that it does not have yet are staged:
 * tg_publish_key gives them a slot and puts their policy there, and no lookup
 * finds it until tg_publish_open, before which the slot's cells are loaded.
 * So a key that can be found has all that it has spent, whoever is killed
 * when.  What is staged is lost with the publisher, and staged once more by
 * the next.  A key that is there is published as ever.
 *
 * tg_publisher_staged copies the policy; TG_ERR_NOT_FOUND for a slot that has
 * none, as one that is open.  tg_publish_open returns that, too, or 0, or
 * TG_ERR_FULL.
 */
void tg_publish_fill(struct tg_publisher *publisher);
void tg_publish_filled(struct tg_publisher *publisher);
int tg_publisher_staged(const struct tg_publisher *publisher, uint32_t slot,
                        struct tg_key_policy *policy);
int tg_publish_open(struct tg_publisher *publisher, uint32_t slot);

/*
 * Takes a key out: no lookup finds it afterwards.  Its slot goes to another
 * key once none of its calls is in flight.  0 or TG_ERR_NOT_FOUND.
 */
int tg_publish_key_gone(struct tg_publisher *publisher, const char *id);

/* Publishes an account, found by its id.  0 or TG_ERR_FULL, and *slot. */
int tg_publish_account(struct tg_publisher *publisher,
                       const struct tg_account_policy *policy, uint32_t *slot);

/* Slot of a key or an account by its id, TG_ERR_NOT_FOUND when it has none. */
int tg_publisher_key_slot(const struct tg_publisher *publisher, const char *id,
                          uint32_t *slot);
int tg_publisher_account_slot(const struct tg_publisher *publisher,
                              const char *id, uint32_t *slot);

/*
 * Publishes a whole catalog; model_index is filled in here.  The caller's
 * catalog is not changed.  0, or TG_ERR_DUPLICATE for a model named twice.
 */
int tg_publish_catalog(struct tg_publisher *publisher,
                       const struct tg_catalog *catalog);

/*
 * Says that workers admit calls from now on: everything is there, or all but
 * keys and the file is being filled.
 */
void tg_publish_ready(struct tg_publisher *publisher, int64_t now_ms);

/* Says that they admit none: nothing will be published here any more. */
void tg_publish_over(struct tg_publisher *publisher);

/* Tells workers that the daemon lives. */
void tg_publish_seen(struct tg_publisher *publisher, int64_t now_ms);

#endif
