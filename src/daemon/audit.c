#include "audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_seal.h"
#include "clock.h"
#include "err.h"
#include "event.h"
#include "id.h"
#include "log.h"

static void
put(FILE *out, const char *text)
{
    fprintf(out, "%zu:%s,", strlen(text), text);
}

static void
put_number(FILE *out, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, n);
    put(out, text);
}

int
tg_audit_digest(const struct tg_digest *before,
                const struct tg_store_audit *row, struct tg_digest *digest)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    int err = TG_ERR_SYSTEM;

    if (out == NULL)
        return err;
    fwrite(before->bytes, 1, sizeof(before->bytes), out);
    put_number(out, row->number);
    put(out, row->id);
    put_number(out, row->at);
    put(out, row->operator_id);
    put(out, row->operator);
    put(out, row->via);
    put(out, row->ip);
    put(out, row->request_id);
    put(out, row->action);
    put(out, row->subject);
    put(out, row->details);
    if (fclose(out) == 0) {
        tg_digest_of((struct tg_str){text, len}, digest);
        err = 0;
    }
    free(text);
    return err;
}

/*
 * Whether the log ends as it was signed.  Where it does not it was changed
 * from outside: it goes on, but is not signed any more, so that what was
 * changed never looks as if it were ours.
 */
static int
is_as_signed(struct tg_store *store, int64_t number,
             const struct tg_digest *digest, bool *is)
{
    struct tg_audit_checkpoint checkpoint;
    struct tg_audit_key key;
    int err = tg_audit_checkpoint_read(store, &checkpoint);

    if (err == TG_ERR_NOT_FOUND || err == TG_ERR_FORMAT) {
        *is = err == TG_ERR_NOT_FOUND && number == 0;
        return 0;
    }
    *is = err == 0 && tg_audit_key_own(&key) && checkpoint.number == number &&
          tg_digest_is_equal(&checkpoint.digest, digest) &&
          tg_audit_is_signed(&checkpoint, &key);
    return err;
}

/* Told once: the event's name is the same for good. */
static int
tell_broken(struct tg_store *store, int64_t number)
{
    struct tg_event event = {
        .type = "audit_broken",
        .severity = "critical",
        .once = "audit_broken",
        .evidence = json_pack("{s:I}", "number", (json_int_t)number),
    };

    return tg_event_tell(store, &event, tg_clock_ms(),
                         "the audit log was changed from outside: tollgate "
                         "audit verify says where");
}

static int
add(struct tg_store *store, struct tg_store_audit *row)
{
    char id[TG_ID_TEXT_SIZE];
    struct tg_digest before;
    bool is_fine;
    int err = store->ops->audit_last(store, &row->number, &before);

    if (err == 0)
        err = is_as_signed(store, row->number, &before, &is_fine);
    if (err != 0)
        return err;
    row->number++;
    row->id = id;
    if (tg_id_mint(id, "aud_", tg_random) != 0 ||
        tg_audit_digest(&before, row, &row->digest) != 0)
        return tg_error_set(&store->error, TG_ERR_CRYPTO,
                            "no entry of the audit log could be made");
    err = store->ops->audit_add(store, row);
    if (err != 0)
        return err;
    return is_fine ? tg_audit_checkpoint_write(store, row->number, &row->digest)
                   : tell_broken(store, row->number);
}

int
tg_audit_add(struct tg_store *store, struct tg_store_audit *row,
             json_t *details)
{
    char *text;
    int err;

    if (details == NULL)
        details = json_object();
    text = json_dumps(details, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(details);
    if (text == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    row->details = text;
    err = add(store, row);
    free(text);
    return err;
}
