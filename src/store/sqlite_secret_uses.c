#include <stdio.h>
#include <stdlib.h>

#include "call.h"
#include "sqlite_key_calls.h"
#include "sqlite_secrets.h"

#define NUMBERS 255 /* of secrets, as calls tell them; then 1 comes again */

/* Clocks of workers and daemon are one; what a worker read of it is older. */
#define SLACK_MS 5000

static int
add(void *arg, const struct tg_store_secret *row)
{
    struct tg_secret_uses *uses = arg;
    struct tg_secret_use *use;

    if (uses->count == uses->room) {
        size_t room = uses->room ? uses->room * 2 : 4;
        void *grown = realloc(uses->list, room * sizeof(uses->list[0]));

        if (grown == NULL)
            return TG_ERR_SYSTEM;
        uses->list = grown;
        uses->room = room;
    }
    use = &uses->list[uses->count++];
    *use = (struct tg_secret_use){
        .ordinal = row->ordinal,
        .created_at = row->created_at,
        .valid_until = row->valid_until,
        .seq = -1,
        .noted_at = row->last_used_at,
    };
    snprintf(use->id, sizeof(use->id), "%s", row->id);
    return 0;
}

int
tg_secret_uses_load(struct tg_sqlite *db, const char *key_id,
                    struct tg_secret_uses *uses)
{
    *uses = (struct tg_secret_uses){.key_id = key_id};
    return tg_sqlite_secret_each(&db->store, key_id, add, uses);
}

void
tg_secret_uses_release(struct tg_secret_uses *uses)
{
    free(uses->list);
    uses->list = NULL;
}

static int64_t
number_of(const struct tg_secret_use *use)
{
    return (use->ordinal - 1) % NUMBERS + 1;
}

static int
first_of(struct tg_sqlite *db, sqlite3_stmt *stmt, struct tg_call_place *place)
{
    int err = tg_sql_next(db, stmt);

    if (err > 0)
        *place = (struct tg_call_place){.at = sqlite3_column_int64(stmt, 0),
                                        .seq = sqlite3_column_int64(stmt, 1)};
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

/* Its last call of those that came while there were two. */
static int
find_in_rotation(struct tg_sqlite *db, const char *key_id,
                 struct tg_secret_use *use)
{
    struct tg_call_place place;
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT at, seq FROM call_rows WHERE key_id = ? AND flags & 128 AND "
        "flags >> 8 = ? AND at >= ? ORDER BY at DESC LIMIT 1",
        "tii", key_id, number_of(use), use->created_at - SLACK_MS);

    if (err == 0)
        err = first_of(db, stmt, &place);
    if (err == 0) {
        use->at = place.at;
        use->seq = place.seq;
    }
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}

/* The first of such calls of a secret, from an instant on. */
static int
find_begin(struct tg_sqlite *db, const char *key_id,
           const struct tg_secret_use *use, int64_t since,
           struct tg_call_place *place)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt,
        "SELECT at, seq FROM call_rows WHERE key_id = ? AND flags & 128 AND "
        "flags >> 8 = ? AND at >= ? ORDER BY at LIMIT 1",
        "tii", key_id, number_of(use), since);

    return err != 0 ? err : first_of(db, stmt, place);
}

static bool
is_of(const struct tg_secret_use *use, int64_t at)
{
    return use->created_at <= at &&
           (use->valid_until == 0 || at <= use->valid_until + SLACK_MS);
}

/*
 * place is a call that came while there were two secrets.  It becomes that of
 * the first such call: of the rotation that the newest of them began.
 */
static int
pass_rotation(struct tg_sqlite *db, const struct tg_secret_uses *uses,
              struct tg_call_place *place)
{
    struct tg_call_place first = *place, found;
    const struct tg_secret_use *newest = NULL;
    int err = 0;

    for (size_t i = 0; i < uses->count && err == 0; i++) {
        const struct tg_secret_use *use = &uses->list[i];

        if (!is_of(use, place->at))
            continue;
        if (newest == NULL)
            newest = use;
        err = find_begin(db, uses->key_id, use, newest->created_at, &found);
        if (err == 0 && found.at < first.at)
            first = found;
        if (err == TG_ERR_NOT_FOUND)
            err = 0;
    }
    *place = first;
    return err;
}

static int
flags_of(struct tg_sqlite *db, int64_t seq, int64_t *flags)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(
        db, &stmt, "SELECT flags FROM call_rows WHERE seq = ?", "i", seq);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        *flags = sqlite3_column_int64(stmt, 0);
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

/*
 * A call of a secret that was alone.  It is the last one of its secret alone;
 * and secrets that were made after that one, and not ended by then, were not
 * in force yet, so there is nothing of theirs further back.
 */
static void
take(struct tg_secret_uses *uses, const struct tg_call_place *place,
     int64_t number)
{
    int64_t ordinal = 0;

    for (size_t i = 0; i < uses->count; i++) {
        struct tg_secret_use *use = &uses->list[i];

        if (number_of(use) != number || use->created_at > place->at + SLACK_MS)
            continue;
        ordinal = use->ordinal;
        use->is_settled = true;
        if (place->at > use->at) {
            use->at = place->at;
            use->seq = place->seq;
        }
        break;
    }
    for (size_t i = 0; i < uses->count && uses->list[i].ordinal > ordinal;
         i++) {
        struct tg_secret_use *use = &uses->list[i];

        if (ordinal != 0 &&
            (use->valid_until == 0 || use->valid_until > place->at + SLACK_MS))
            use->is_settled = true;
    }
}

/*
 * Whether any secret may have a later call than is known of before place,
 * which becomes the place before which that can be.
 */
static bool
is_open(struct tg_secret_uses *uses, struct tg_call_place *place)
{
    int64_t until = INT64_MIN;

    for (size_t i = 0; i < uses->count; i++) {
        struct tg_secret_use *use = &uses->list[i];
        int64_t end =
            use->valid_until == 0 ? INT64_MAX : use->valid_until + SLACK_MS;

        use->is_settled |= place->at < use->at || place->at < use->noted_at ||
                           place->at < use->created_at - SLACK_MS;
        if (!use->is_settled && end > until)
            until = end;
    }
    if (until < place->at)
        *place = (struct tg_call_place){.at = until};
    return until != INT64_MIN;
}

int
tg_secret_uses_find(struct tg_sqlite *db, struct tg_secret_uses *uses,
                    const struct tg_use_source *source)
{
    struct tg_call_place place = {.at = INT64_MAX}, before;
    int64_t flags = 0;
    int err = 0;

    for (size_t i = 0; i < uses->count && err == 0; i++)
        err = find_in_rotation(db, uses->key_id, &uses->list[i]);
    while (err == 0 && is_open(uses, &place)) {
        before = place;
        err = source->next(source->arg, &before, &place);
        if (err <= 0)
            break;
        err = flags_of(db, place.seq, &flags);
        if (err == 0 && (flags & TG_CALL_TWO_SECRETS))
            err = pass_rotation(db, uses, &place);
        else if (err == 0)
            take(uses, &place,
                 flags >> TG_CALL_SECRET_SHIFT != 0
                     ? flags >> TG_CALL_SECRET_SHIFT
                     : 1);
        if (err == TG_ERR_NOT_FOUND)
            err = 0;
    }
    return err;
}

int
tg_secret_uses_note(struct tg_sqlite *db, const struct tg_secret_uses *uses)
{
    int err = 0;

    for (size_t i = 0; i < uses->count && err == 0; i++) {
        const struct tg_secret_use *use = &uses->list[i];

        if (use->seq >= 0 && use->at > use->noted_at)
            err = tg_sql_run(
                db, NULL,
                "UPDATE secrets SET last_used_at = calls.at, last_used_ip = "
                "calls.ip, last_used_agent = calls.user_agent FROM call_rows "
                "AS calls WHERE calls.seq = ?2 AND secrets.id = ?1",
                "ti", use->id, use->seq);
    }
    return err;
}

static int
next_of_key(void *arg, const struct tg_call_place *before,
            struct tg_call_place *place)
{
    return tg_key_walk_next(arg, before, place);
}

/* What a visitor gets: a row, and its last use where a call says it. */
struct visit {
    struct tg_sqlite *db;
    const struct tg_secret_uses *uses;
    size_t next;
    int (*visit)(void *, const struct tg_store_secret *);
    void *arg;
};

static int
show(void *arg, const struct tg_store_secret *row)
{
    struct visit *visit = arg;
    const struct tg_secret_use *use = &visit->uses->list[visit->next++];
    struct tg_store_secret shown = *row;
    sqlite3_stmt *stmt;
    int err;

    if (use->seq < 0 || use->at <= use->noted_at)
        return visit->visit(visit->arg, row);
    err = tg_sql_begin(visit->db, &stmt,
                       "SELECT at, ip, user_agent FROM call_rows WHERE seq = ?",
                       "i", use->seq);
    if (err != 0)
        return err;
    err = tg_sql_next(visit->db, stmt);
    if (err > 0) {
        shown.last_used_at = sqlite3_column_int64(stmt, 0);
        shown.last_used_ip = tg_sql_text(stmt, 1);
        shown.last_used_agent = tg_sql_text(stmt, 2);
        err = visit->visit(visit->arg, &shown);
    }
    return tg_sql_end(stmt, err);
}

static int
visit_all(struct tg_sqlite *db, const char *key_id,
          int (*visit)(void *, const struct tg_store_secret *), void *arg)
{
    struct tg_store_filter filter = {.key_id = key_id};
    struct tg_use_source source = {.next = next_of_key};
    struct tg_secret_uses uses;
    struct tg_key_walk *walk = NULL;
    struct visit one = {.db = db, .uses = &uses, .visit = visit, .arg = arg};
    int err = tg_secret_uses_load(db, key_id, &uses);

    if (err == 0 && uses.count > 0)
        err = tg_key_walk_begin(&walk, db, &filter);
    source.arg = walk;
    if (err == 0)
        err = tg_secret_uses_find(db, &uses, &source);
    if (err == 0)
        err = tg_sqlite_secret_each(&db->store, key_id, show, &one);
    tg_key_walk_end(walk);
    tg_secret_uses_release(&uses);
    return err;
}

int
tg_sqlite_secret_uses(struct tg_store *store, const char *key_id,
                      int (*visit)(void *, const struct tg_store_secret *),
                      void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    bool is_alone = sqlite3_get_autocommit(db->db);
    int err = is_alone ? tg_sql_run(db, NULL, "BEGIN", "") : 0;

    if (err != 0)
        return err;
    err = visit_all(db, key_id, visit, arg);
    if (is_alone)
        tg_sql_run(db, NULL, "ROLLBACK", "");
    return err;
}
