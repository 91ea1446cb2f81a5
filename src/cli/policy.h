/*
 * policy.h: files that say what there shall be at a gate, what there is, and
 * the steps from the one to the other.
 */
#ifndef TG_POLICY_H
#define TG_POLICY_H

#include <time.h>

#include "cli.h"
#include "policy_form.h"

#define TG_POLICY_ID_SIZE 64

struct tg_secrets_file;

/* One thing that a file asks for. */
struct tg_wish {
    const struct tg_policy_file *file;
    const struct tg_yaml_node *node;
    enum tg_policy_kind_number kind;
    char *name;  /* as people know it: "default/ci" */
    char *ended; /* id of a disabled key of this name, or NULL */
    bool is_met;
};

enum tg_policy_verb {
    TG_POLICY_LEAVE = 0,
    TG_POLICY_CREATE,
    TG_POLICY_CHANGE,
    TG_POLICY_DELETE,
    TG_POLICY_VERBS,
};

struct tg_policy_step {
    enum tg_policy_verb verb;
    enum tg_policy_kind_number kind;
    struct tg_wish *wish; /* NULL: it is deleted */
    char id[TG_POLICY_ID_SIZE];
    char *name;
    char *note;      /* or NULL */
    json_t *changes; /* {"member": [before, after]} */
    bool is_done;
    bool is_announced; /* a key, in the file for its secret */
};

struct tg_policy {
    struct tg_cli *cli;
    struct tg_policy_file **files;
    size_t file_count;
    struct tg_wish *wishes; /* by kind, in the order of the files */
    size_t wish_count;
    struct tg_policy_step *steps; /* without those that leave all as it is */
    size_t step_count;
    size_t counts[TG_POLICY_VERBS];
    json_t *index[TG_POLICY_KINDS];  /* name: number of the wish */
    json_t *account_names;           /* by id */
    json_t *channel_names;           /* by id */
    json_t *upstream_names;          /* of the gate's and the files' */
    json_t *named_accounts;          /* those whose keys are pruned */
    struct tg_secrets_file *secrets; /* or NULL */
    unsigned faults;
    bool prunes;
    struct timespec said_at; /* progress, last */
};

void tg_policy_init(struct tg_policy *policy, struct tg_cli *cli);
void tg_policy_release(struct tg_policy *policy);

/*
 * Reads a file ("-": standard input) and adds its wishes; what is wrong is
 * said and counted.  Returns an exit code for one that cannot be read.
 */
int tg_policy_load(struct tg_policy *policy, const char *path);

/* Says how many faults there were, if any. */
int tg_policy_settle_faults(const struct tg_policy *policy);

/* Reads each wish once for its faults, and names it; asks nobody. */
void tg_policy_check(struct tg_policy *policy);

/* Asks the gate what there is, and makes the steps. */
int tg_policy_plan(struct tg_policy *policy);

/* Prints the steps and their sum. */
void tg_policy_show(const struct tg_policy *policy);
json_t *tg_policy_json(const struct tg_policy *policy, bool is_dry);

/*
 * Does the steps one after the other.  SIGINT and SIGTERM let the request
 * under way end, and no further one begin.
 */
int tg_policy_carry_out(struct tg_policy *policy);

/* Visits all rows of a list of the API, page by page. */
int tg_policy_each(struct tg_policy *policy, const char *path, bool has_pages,
                   int (*visit)(void *, const json_t *), void *arg);

/* {"member": [before, after]} of what differs; have NULL: it is not there. */
json_t *tg_policy_diff(const struct tg_policy_kind *kind, const json_t *want,
                       const json_t *have);

/*
 * The flat object of one of the API's, as files speak: names instead of ids,
 * "expired" is active.  The caller's.
 */
json_t *tg_policy_have(const struct tg_policy *policy,
                       enum tg_policy_kind_number kind, const json_t *object);

/* Learns the names of channels, and of accounts unless they are known. */
int tg_policy_learn_names(struct tg_policy *policy);

/* The wish of this name, or NULL. */
struct tg_wish *tg_policy_find(struct tg_policy *policy,
                               enum tg_policy_kind_number kind,
                               const char *name);

/* The flat object of a wish.  The caller's. */
json_t *tg_wish_read(const struct tg_wish *wish);

/*
 * Reads the secret that a credential refers to.  The caller wipes it.
 * Returns an exit code after saying why not.
 */
struct tg_asked;
int tg_wish_secret(struct tg_cli *cli, const struct tg_wish *wish,
                   struct tg_asked *secret);

/* Steps of prices are the gate's to plan: it alone knows what is alike. */
int tg_policy_plan_prices(struct tg_policy *policy);

struct tg_policy_step *tg_policy_add_step(struct tg_policy *policy,
                                          enum tg_policy_verb verb,
                                          enum tg_policy_kind_number kind,
                                          struct tg_wish *wish,
                                          const char *name);

/* Says on a terminal how far it is, ten times a second at most. */
void tg_policy_progress(struct tg_policy *policy, const char *what,
                        size_t count, size_t of);
void tg_policy_progress_end(struct tg_policy *policy);

#endif
