/*
 * options.h: the command line of tollgated.
 */
#ifndef TG_OPTIONS_H
#define TG_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

struct tg_options {
    const char *home;
    bool has_worker; /* worker_uid and worker_gid were given */
    uid_t worker_uid;
    gid_t worker_gid;
    bool dies_with_parent;
    const char *backup;     /* a file: copy the store there, and end */
    const char *restore;    /* a file: put it in the store's place, and end */
    bool replaces;          /* what stands at backup's name */
    bool accepts_gap;       /* calls that neither file nor journal have */
    bool verifies;          /* check the ledger, and end */
    bool verifies_audit;    /* check the audit log, and end */
    const char *audit_file; /* that one, not the home's; or NULL */
    const char *audit_head; /* a digest it must have, hex; or NULL */
    const char *audit_key;  /* its public key, hex; or NULL */
    bool shows_help;
    bool shows_version;
};

/* What --help prints. */
extern const char tg_options_usage[];

/*
 * Reads the command line.  Texts stay in argv.  Returns 0, or TG_ERR_FORMAT
 * and *error says what is wrong with it.
 */
int tg_options_read(struct tg_options *options, int argc, char **argv,
                    struct tg_error *error);

#endif
