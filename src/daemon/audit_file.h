/*
 * audit_file.h: an exported audit log: JSON lines, an entry each, and the
 * checkpoint as the last one; docs/audit.md.
 */
#ifndef TG_AUDIT_FILE_H
#define TG_AUDIT_FILE_H

#include "audit_check.h"

/*
 * Takes each entry of the file into check, which was begun, and its
 * checkpoint; without a key, the one in the file.  Returns 0; TG_ERR_FORMAT
 * or TG_ERR_SYSTEM, and *error says where.
 */
int tg_audit_file_check(struct tg_audit_check *check, const char *path,
                        struct tg_error *error);

/* An entry as a line has it: each text as it is digested. */
json_t *tg_audit_file_entry(const struct tg_store_audit *row);

/* The last line; NULL for a checkpoint when there is none. */
json_t *tg_audit_file_checkpoint(const struct tg_audit_checkpoint *checkpoint,
                                 const struct tg_audit_key *key);

#endif
