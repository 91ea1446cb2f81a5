#include "audit_offline.h"

#include <sodium.h>
#include <unistd.h>

#include "audit_check.h"
#include "audit_file.h"
#include "err.h"
#include "home.h"

/* The key that was given, or the home's, if there is one. */
static int
find_key(struct tg_audit_check *check, const struct tg_options *options,
         const struct tg_paths *paths, struct tg_error *error)
{
    struct tg_master_key master;
    int err;

    if (options->audit_key != NULL) {
        check->key_from = TG_AUDIT_KEY_GIVEN;
        return tg_audit_unhex(options->audit_key, check->key.bytes,
                              sizeof(check->key.bytes))
                   ? 0
                   : tg_error_set(error, TG_ERR_FORMAT,
                                  "a public key is %d hex digits",
                                  2 * TG_AUDIT_KEY_BYTES);
    }
    if (paths == NULL || access(paths->master_key, F_OK) != 0)
        return 0;
    err = tg_home_master_key(&master, paths, false, error);
    if (err == 0) {
        tg_audit_key_of(&master, &check->key);
        check->key_from = TG_AUDIT_KEY_MASTER;
    }
    sodium_memzero(&master, sizeof(master));
    return err;
}

static int
find_noted(struct tg_audit_check *check, const struct tg_options *options,
           struct tg_error *error)
{
    check->has_noted = options->audit_head != NULL;
    return !check->has_noted ||
                   tg_audit_unhex(options->audit_head, check->noted.bytes,
                                  sizeof(check->noted.bytes))
               ? 0
               : tg_error_set(error, TG_ERR_FORMAT,
                              "a digest is 64 hex digits, as audit head says "
                              "it");
}

static int
check_store(struct tg_audit_check *check, const struct tg_paths *paths,
            struct tg_error *error)
{
    struct tg_store *store;
    bool is_over = false;
    int err;

    if (access(paths->store, F_OK) != 0)
        return tg_error_set(error, TG_ERR_NOT_FOUND, "there is no store %s",
                            paths->store);
    err = tg_store_open_sqlite(&store, paths->store, error);
    if (err != 0)
        return err;
    err = store->ops->begin_reading(store);
    if (err == 0)
        err = tg_audit_check_open(check, store);
    while (err == 0 && !is_over)
        err = tg_audit_check_some(check, store, INT64_MAX, &is_over);
    if (err != 0)
        *error = store->error;
    store->ops->close(store);
    return err;
}

int
tg_audit_offline(const struct tg_options *options, json_t **said,
                 bool *is_intact, struct tg_error *error)
{
    struct tg_audit_check check = {.key_from = TG_AUDIT_KEY_NONE};
    bool has_home = options->home != NULL && options->home[0] != '\0';
    struct tg_paths paths;
    int err = has_home ? tg_home_find(&paths, options->home, error) : 0;

    if (err == 0)
        err = find_key(&check, options, has_home ? &paths : NULL, error);
    if (err == 0)
        err = find_noted(&check, options, error);
    if (err != 0)
        return err;
    tg_audit_check_begin(&check);
    err = options->audit_file != NULL
              ? tg_audit_file_check(&check, options->audit_file, error)
              : check_store(&check, &paths, error);
    *said = tg_audit_check_end(&check, is_intact);
    if (err != 0) {
        json_decref(*said);
        *said = NULL;
    }
    return err;
}
