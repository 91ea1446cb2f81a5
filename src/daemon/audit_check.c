#include "audit_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "err.h"
#include "reply.h"

#define SENTENCE_SIZE 512
#define HEX_SIZE (2 * sizeof(struct tg_digest) + 1)

void
tg_audit_check_begin(struct tg_audit_check *check)
{
    check->entries = check->last_number = check->last_at = 0;
    memset(&check->last, 0, sizeof(check->last));
    memset(&check->computed, 0, sizeof(check->computed));
    check->is_checkpoint_met = check->is_noted_met = false;
    check->problems = json_array();
    check->problem_count = 0;
}

void
tg_audit_check_say(struct tg_audit_check *check, const char *kind,
                   int64_t number, const char *fmt, ...)
{
    char sentence[SENTENCE_SIZE];
    va_list ap;

    if (check->problem_count++ >= TG_AUDIT_PROBLEMS_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, ap);
    va_end(ap);
    json_array_append_new(
        check->problems,
        json_pack("{s:s,s:o,s:o}", "kind", kind, "number",
                  number != 0 ? json_integer(number) : json_null(), "message",
                  tg_reply_text(sentence)));
}

static void
look_for_gap(struct tg_audit_check *check, const struct tg_store_audit *row)
{
    int64_t expected = check->last_number + 1;

    if (row->number == expected)
        return;
    if (row->number == expected + 1)
        tg_audit_check_say(check, "entry_missing", expected,
                           "entry %lld is missing", (long long)expected);
    else
        tg_audit_check_say(check, "entry_missing", expected,
                           "entries %lld to %lld are missing",
                           (long long)expected, (long long)row->number - 1);
}

/*
 * An entry stands behind the digest of the one before as it stands there; or
 * as it should be, so that a digest that was changed is one entry's fault.
 */
static int
look_at_digest(struct tg_audit_check *check, const struct tg_store_audit *row)
{
    struct tg_digest computed, other;
    int err = tg_audit_digest(&check->last, row, &computed);

    if (err == 0)
        err = tg_audit_digest(&check->computed, row, &other);
    if (err != 0)
        return err;
    if (!tg_digest_is_equal(&computed, &row->digest) &&
        tg_digest_is_equal(&other, &row->digest))
        computed = other;
    check->computed = computed;
    if (!tg_digest_is_equal(&computed, &row->digest) &&
        row->number == check->last_number + 1)
        tg_audit_check_say(check, "entry_changed", row->number,
                           "entry %lld (%s, %s by %s) is not as it was "
                           "written",
                           (long long)row->number, row->id, row->action,
                           row->operator);
    return 0;
}

int
tg_audit_check_take(void *arg, const struct tg_store_audit *row)
{
    struct tg_audit_check *check = arg;
    int err;

    look_for_gap(check, row);
    err = look_at_digest(check, row);
    if (err != 0)
        return err;
    check->entries++;
    check->last_number = row->number;
    check->last_at = row->at;
    check->last = row->digest;
    if (check->has_checkpoint && row->number == check->checkpoint.number)
        check->is_checkpoint_met =
            tg_digest_is_equal(&row->digest, &check->checkpoint.digest);
    if (check->has_noted && tg_digest_is_equal(&row->digest, &check->noted))
        check->is_noted_met = true;
    return 0;
}

/* What is read of a store between two looks of others at it. */
#define CHUNK 1000

/* Up to a number: what is added meanwhile is another check's. */
struct chunk {
    struct tg_audit_check *check;
    int64_t last, count;
};

static int
take_of_chunk(void *arg, const struct tg_store_audit *row)
{
    struct chunk *chunk = arg;

    if (row->number > chunk->last)
        return 0;
    chunk->count++;
    return tg_audit_check_take(chunk->check, row);
}

int
tg_audit_check_open(struct tg_audit_check *check, struct tg_store *store)
{
    int err = tg_audit_checkpoint_read(store, &check->checkpoint);

    check->has_checkpoint = err == 0;
    return err == TG_ERR_NOT_FOUND || err == TG_ERR_FORMAT ? 0 : err;
}

int
tg_audit_check_some(struct tg_audit_check *check, struct tg_store *store,
                    int64_t last, bool *is_over)
{
    struct chunk chunk = {check, last, 0};
    int err = store->ops->audit_each(store, check->last_number, CHUNK,
                                     take_of_chunk, &chunk);

    *is_over = chunk.count < CHUNK;
    return err;
}

static void
look_at_checkpoint(struct tg_audit_check *check)
{
    int64_t number = check->checkpoint.number;

    if (!check->has_checkpoint) {
        if (check->entries != 0)
            tg_audit_check_say(check, "checkpoint_missing", 0,
                               "the signed checkpoint is missing");
        return;
    }
    if (check->key_from != TG_AUDIT_KEY_NONE &&
        !tg_audit_is_signed(&check->checkpoint, &check->key))
        tg_audit_check_say(check, "checkpoint_forged", number,
                           "the checkpoint is not signed with the gate's key");
    else if (number > check->last_number)
        tg_audit_check_say(check, "log_cut", check->last_number + 1,
                           "the log ends with entry %lld, but entry %lld was "
                           "signed",
                           (long long)check->last_number, (long long)number);
    else if (!check->is_checkpoint_met)
        tg_audit_check_say(check, "log_rewritten", number,
                           "entry %lld is another than the one that was "
                           "signed: the log was written anew up to there",
                           (long long)number);
    else if (number < check->last_number)
        tg_audit_check_say(check, "log_unsigned", number + 1,
                           "the entries behind %lld are not signed",
                           (long long)number);
}

static json_t *
hex_or_null(const void *bytes, size_t len, bool is_there)
{
    char hex[2 * TG_AUDIT_SIGNATURE_BYTES + 1];

    if (!is_there)
        return json_null();
    tg_audit_hex(bytes, len, hex);
    return json_string(hex);
}

static const char *
checkpoint_word(const struct tg_audit_check *check)
{
    if (!check->has_checkpoint)
        return "none";
    if (check->key_from == TG_AUDIT_KEY_NONE)
        return "unchecked";
    return tg_audit_is_signed(&check->checkpoint, &check->key) ? "signed"
                                                               : "forged";
}

json_t *
tg_audit_check_end(struct tg_audit_check *check, bool *is_intact)
{
    static const char *const from[] = {
        [TG_AUDIT_KEY_NONE] = NULL,
        [TG_AUDIT_KEY_MASTER] = "master_key",
        [TG_AUDIT_KEY_GIVEN] = "given",
        [TG_AUDIT_KEY_FILE] = "file",
    };

    look_at_checkpoint(check);
    if (check->has_noted && !check->is_noted_met)
        tg_audit_check_say(check, "noted_missing", 0,
                           "no entry has the digest that you noted: the log "
                           "was cut, written anew, or is another one");
    *is_intact = check->problem_count == 0;
    return json_pack(
        "{s:s,s:s,s:I,s:{s:I,s:o,s:o},s:s,s:o,s:s?,s:o,s:I,s:o}", "object",
        "audit_verification", "status", *is_intact ? "intact" : "broken",
        "entries", (json_int_t)check->entries, "head", "number",
        (json_int_t)check->last_number, "digest",
        hex_or_null(&check->last, sizeof(check->last), check->entries != 0),
        "at", tg_reply_instant(check->last_at), "checkpoint",
        checkpoint_word(check), "public_key",
        hex_or_null(&check->key, sizeof(check->key),
                    check->key_from != TG_AUDIT_KEY_NONE),
        "public_key_from", from[check->key_from], "noted",
        check->has_noted
            ? json_string(check->is_noted_met ? "found" : "missing")
            : json_null(),
        "problem_count", (json_int_t)check->problem_count, "problems",
        check->problems);
}
