/*
 * proof.h: proving once more who one is, where the gate asks for it.
 */
#ifndef TG_PROOF_H
#define TG_PROOF_H

#include <jansson.h>

#include "cli.h"

/* Whether the API refused (NULL: not) to know first who it is. */
bool tg_proof_is_wanted(const json_t *error);

/*
 * Asks for the password or a code, on the terminal or from --proof-file, and
 * sends it.  Returns an exit code after all was said.
 */
int tg_proof_send(struct tg_cli *cli);

/* Whether what was typed is a code: six digits, blanks aside. */
bool tg_proof_is_code(const char *typed);

#endif
