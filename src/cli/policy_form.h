/*
 * policy_form.h: what a policy file may say: a table of kinds of things, each
 * with a table of members.  Files are read by it, what the gate has is read by
 * it, and differences are found by it.
 *
 * A thing is held as a flat object: its members by their dotted names, each in
 * its one spelling ("10.0.0.1" is "10.0.0.1/32", "5" is "5.00"), so that two
 * of them are the same when their values are equal.
 */
#ifndef TG_POLICY_FORM_H
#define TG_POLICY_FORM_H

#include <jansson.h>

#include "yaml_tree.h"

enum tg_policy_type {
    TG_POLICY_TEXT = 0, /* null is none */
    TG_POLICY_CHOICE,
    TG_POLICY_COUNT,   /* from 1 on; null is none */
    TG_POLICY_COUNT_0, /* from 0 on; null is what a new one has */
    TG_POLICY_AMOUNT,
    TG_POLICY_BOOL,
    TG_POLICY_INSTANT,
    TG_POLICY_ZONE,  /* null is UTC */
    TG_POLICY_TEXTS, /* in their order */
    TG_POLICY_SET,   /* texts in no order */
    TG_POLICY_SCOPES,
    TG_POLICY_ENDPOINTS,
    TG_POLICY_NETWORKS,
    TG_POLICY_COUNTS, /* numbers, in their order */
    TG_POLICY_LABELS,
    TG_POLICY_AMOUNTS, /* by names */
};

enum {
    TG_POLICY_NEEDED = 1 << 0, /* must be there */
    TG_POLICY_BIRTH = 1 << 1,  /* is never changed afterwards */
    TG_POLICY_NAMES = 1 << 2,  /* says which thing it is; no difference */
    TG_POLICY_APART = 1 << 3,  /* changed by a request of its own */
};

struct tg_policy_member {
    const char *name; /* dots for depth; NULL ends a table */
    enum tg_policy_type type;
    const char *choices;  /* of a choice, with blanks between */
    const char *fallback; /* JSON of what a new one has; NULL: see kind */
    unsigned flags;
    int64_t max; /* characters, or a count; 0: none */
};

enum tg_policy_kind_number {
    TG_POLICY_UPSTREAM = 0,
    TG_POLICY_CREDENTIAL,
    TG_POLICY_MODEL,
    TG_POLICY_PRICE,
    TG_POLICY_ACCOUNT,
    TG_POLICY_KEY,
    TG_POLICY_ALERT,
    TG_POLICY_KINDS,
};

struct tg_policy_kind {
    const char *section; /* of a file: "keys" */
    const char *word;    /* of one: "key" */
    const char *article; /* "a key" */
    const struct tg_policy_member *members;
};

/* In the order in which they are made, indexed by their numbers. */
extern const struct tg_policy_kind tg_policy_kinds[TG_POLICY_KINDS];

/* A file, and how many faults were said of it. */
struct tg_policy_file {
    char *path; /* as it was given */
    struct tg_yaml yaml;
    unsigned *faults;
};

/*
 * Says "path:line:column: …" of a place in a file, and counts it; of many only
 * the first ones are said.
 */
__attribute__((format(printf, 3, 4))) void
tg_policy_fault(const struct tg_policy_file *file,
                const struct tg_yaml_node *node, const char *format, ...);

/*
 * The flat object of what stands in a file: members that are there alone.
 * NULL when it is not as it must be, after all was said.  The caller's.
 */
json_t *tg_policy_read(const struct tg_policy_file *file,
                       const struct tg_policy_kind *kind,
                       const struct tg_yaml_node *node);

/* The flat object of one of the API's.  The caller's. */
json_t *tg_policy_of(const struct tg_policy_kind *kind, const json_t *object);

/*
 * The value of a member where the file has none: what a new thing has.  NULL
 * where it is left as it is.  The caller's.
 */
json_t *tg_policy_fallback(const struct tg_policy_kind *kind,
                           const struct tg_policy_member *member,
                           const json_t *flat);

/* Whether two values of a member are the same. */
bool tg_policy_is_same(const struct tg_policy_member *member, const json_t *a,
                       const json_t *b);

/* Puts a member into the object of a request, at its depth. */
void tg_policy_put(json_t *body, const char *name, json_t *value);

/* The place of a member by its dotted name, else that of the node. */
const struct tg_yaml_node *tg_policy_place(const struct tg_yaml_node *node,
                                           const char *name);

#endif
