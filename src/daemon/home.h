/*
 * home.h: the folder that holds all of one Tollgate, and its two secrets.
 */
#ifndef TG_HOME_H
#define TG_HOME_H

#include "digest.h"
#include "error.h"
#include "files.h"
#include "paths.h"
#include "seal.h"

/*
 * Finds the paths of a home that is there, and changes nothing.  Returns 0,
 * TG_ERR_SYSTEM, TG_ERR_RANGE; *error says why.
 */
int tg_home_find(struct tg_paths *paths, const char *home,
                 struct tg_error *error);

/*
 * Makes the home where it is missing, finds its paths, and takes its lock.
 * *lock_fd holds the lock until it is closed.  Returns 0; TG_ERR_BUSY when
 * another daemon runs here; TG_ERR_SYSTEM, TG_ERR_RANGE.  *error says why.
 */
int tg_home_lock(struct tg_paths *paths, int *lock_fd, const char *home,
                 struct tg_error *error);

/*
 * The same, and makes its folders where they are missing; TG_ERR_BUSY, too,
 * when a restore was begun and not ended.
 */
int tg_home_open(struct tg_paths *paths, int *lock_fd, const char *home,
                 const struct tg_owner *workers, struct tg_error *error);

/*
 * Reads the master key.  When there is none, makes one if may_make, else
 * returns TG_ERR_NOT_FOUND and *error says what to do.
 */
int tg_home_master_key(struct tg_master_key *key, const struct tg_paths *paths,
                       bool may_make, struct tg_error *error);

/*
 * Reads the digest of the token in admin.token.  When there is no such file,
 * makes one if may_make, else returns TG_ERR_NOT_FOUND.
 */
int tg_home_token(struct tg_digest *digest, const struct tg_paths *paths,
                  bool may_make, struct tg_error *error);

#endif
