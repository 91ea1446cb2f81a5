#include "audit_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "err.h"

#define LINE_MAX_BYTES (8 << 20)
#define ENTRY "audit_entry"
#define CHECKPOINT "audit_checkpoint"

json_t *
tg_audit_file_entry(const struct tg_store_audit *row)
{
    char digest[2 * sizeof(row->digest.bytes) + 1];

    tg_audit_hex(row->digest.bytes, sizeof(row->digest.bytes), digest);
    return json_pack("{s:s,s:I,s:s,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
                     "object", ENTRY, "number", (json_int_t)row->number, "id",
                     row->id, "at_ms", (json_int_t)row->at, "operator_id",
                     row->operator_id, "operator", row->operator, "via",
                     row->via, "ip", row->ip, "request_id", row->request_id,
                     "action", row->action, "subject", row->subject, "details",
                     row->details, "digest", digest);
}

json_t *
tg_audit_file_checkpoint(const struct tg_audit_checkpoint *checkpoint,
                         const struct tg_audit_key *key)
{
    char digest[2 * sizeof(checkpoint->digest.bytes) + 1];
    char signature[2 * sizeof(checkpoint->signature) + 1];
    char public_key[2 * sizeof(key->bytes) + 1];

    tg_audit_hex(key->bytes, sizeof(key->bytes), public_key);
    if (checkpoint == NULL)
        return json_pack("{s:s,s:i,s:n,s:n,s:s}", "object", CHECKPOINT,
                         "number", 0, "digest", "signature", "public_key",
                         public_key);
    tg_audit_hex(checkpoint->digest.bytes, sizeof(checkpoint->digest.bytes),
                 digest);
    tg_audit_hex(checkpoint->signature, sizeof(checkpoint->signature),
                 signature);
    return json_pack("{s:s,s:I,s:s,s:s,s:s}", "object", CHECKPOINT, "number",
                     (json_int_t)checkpoint->number, "digest", digest,
                     "signature", signature, "public_key", public_key);
}

static bool
take_entry(struct tg_audit_check *check, json_t *line, int *err)
{
    struct tg_store_audit row = {0};
    const char *digest = NULL;
    json_int_t number = 0, at = 0;

    if (json_unpack(line, "{s:I,s:s,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
                    "number", &number, "id", &row.id, "at_ms", &at,
                    "operator_id", &row.operator_id, "operator", &row.operator,
                    "via", &row.via, "ip", &row.ip, "request_id",
                    &row.request_id, "action", &row.action, "subject",
                    &row.subject, "details", &row.details, "digest",
                    &digest) != 0 ||
        !tg_audit_unhex(digest, row.digest.bytes, sizeof(row.digest.bytes)))
        return false;
    row.number = number;
    row.at = at;
    *err = tg_audit_check_take(check, &row);
    return true;
}

static bool
take_checkpoint(struct tg_audit_check *check, json_t *line)
{
    struct tg_audit_checkpoint *checkpoint = &check->checkpoint;
    const char *digest = NULL, *signature = NULL, *key = NULL;
    json_int_t number = 0;

    if (json_unpack(line, "{s:I,s?s,s?s,s?s}", "number", &number, "digest",
                    &digest, "signature", &signature, "public_key",
                    &key) != 0) {
        /* That of an empty log has nulls. */
        return json_integer_value(json_object_get(line, "number")) == 0;
    }
    check->has_checkpoint = true;
    checkpoint->number = number;
    if (digest == NULL || signature == NULL || key == NULL ||
        !tg_audit_unhex(digest, checkpoint->digest.bytes,
                        sizeof(checkpoint->digest.bytes)) ||
        !tg_audit_unhex(signature, checkpoint->signature,
                        sizeof(checkpoint->signature)))
        return false;
    /* It comes behind its entry. */
    check->is_checkpoint_met =
        number == check->last_number &&
        tg_digest_is_equal(&check->last, &checkpoint->digest);
    if (check->key_from != TG_AUDIT_KEY_NONE)
        return true;
    check->key_from = TG_AUDIT_KEY_FILE;
    return tg_audit_unhex(key, check->key.bytes, sizeof(check->key.bytes));
}

static int
take_line(struct tg_audit_check *check, json_t *line, bool *is_known)
{
    const char *object = json_string_value(json_object_get(line, "object"));
    int err = 0;

    *is_known =
        object != NULL && !check->has_checkpoint &&
        ((strcmp(object, ENTRY) == 0 && take_entry(check, line, &err)) ||
         (strcmp(object, CHECKPOINT) == 0 && take_checkpoint(check, line)));
    return err;
}

static int
read_lines(struct tg_audit_check *check, FILE *file, const char *path,
           struct tg_error *error)
{
    size_t cap = 0, count = 0;
    char *text = NULL;
    bool is_known = true;
    ssize_t len;
    int err = 0;

    while (err == 0 && is_known && (len = getline(&text, &cap, file)) > 0) {
        json_t *line =
            len > LINE_MAX_BYTES
                ? NULL
                : json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, NULL);

        count++;
        err = take_line(check, line, &is_known);
        json_decref(line);
    }
    free(text);
    if (!is_known)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "line %zu of %s is no entry of an exported audit "
                            "log",
                            count, path);
    if (ferror(file))
        return tg_error_set(error, TG_ERR_SYSTEM, "cannot read %s: %s", path,
                            strerror(errno));
    return err;
}

int
tg_audit_file_check(struct tg_audit_check *check, const char *path,
                    struct tg_error *error)
{
    FILE *file = fopen(path, "re");
    int err;

    if (file == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "cannot read %s: %s", path,
                            strerror(errno));
    err = read_lines(check, file, path, error);
    fclose(file);
    return err;
}
