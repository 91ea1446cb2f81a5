/*
 * export.h: all rows of a kind as one answer, made while it is sent.
 *
 * Rows are read by slices, each of one moment of the store and of a few
 * milliseconds, under exports_lock, in the lane of exports; between two of
 * them nothing is held. So memory is bounded, a change waits for nothing, and
 * other exports have their turn. What goes wrong once rows were sent ends the
 * connection in the middle of a chunk: no client takes that for the end.
 */
#ifndef TG_EXPORT_H
#define TG_EXPORT_H

#include "request.h"
#include "row.h"

/* At once; a fifth one is asked to come again. */
#define TG_EXPORTS_MAX 4

/* What is exported; state is what begin of its handler made. */
struct tg_export_kind {
    const char *name; /* of the file: "calls" */
    /* Writes the first line of CSV, or, with the form HEAD, its names. */
    void (*head)(struct tg_rows *rows);
    /*
     * Adds the rows of the next slice, which may be none; *is_over: there are
     * no others. 0 or TG_ERR_*, with the store's sentence.
     */
    int (*slice)(void *state, struct tg_store *store, struct tg_rows *rows,
                 bool *is_over);
    void (*release)(void *state);
};

/* Reads the argument format, csv (also when it is not there) or jsonl. */
bool tg_export_form(const struct tg_request *request, struct tg_reply *reply,
                    enum tg_row_form *form);

/*
 * Makes of a text of the request, which is gone before its answer is, a copy
 * that the caller frees; NULL stays. Returns false when there is no memory.
 */
bool tg_export_keep(const char **text, char **copy);

/* Answers 500: there is no memory to begin with. Returns false. */
bool tg_export_no_memory(struct tg_reply *reply);

/*
 * Answers with an export. state is taken over, and released when the answer
 * was sent or the client has left. expected: rows that there will be, about;
 * -1 when that is not known. The caller does not hold exports_lock.
 */
void tg_export_reply(const struct tg_request *request, struct tg_reply *reply,
                     const struct tg_export_kind *kind, void *state,
                     int64_t expected);

#endif
