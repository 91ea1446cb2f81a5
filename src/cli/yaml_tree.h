/*
 * yaml_tree.h: a YAML text as a tree that knows where each part of it stands.
 *
 * YAML 1.1 as libyaml reads it, less what is no plain data: tags are refused.
 * An alias is the same node once more; "<<" puts the members of other maps
 * beneath a map's own.  What a text may grow to is bounded, whatever its
 * aliases say (a "billion laughs" is refused as it is counted).
 */
#ifndef TG_YAML_TREE_H
#define TG_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_YAML_DEPTH_MAX 32
#define TG_YAML_MEMBERS_MAX 256       /* of one map */
#define TG_YAML_NODES_MAX (16u << 20) /* aliases count as what they stand for  \
                                       */

enum tg_yaml_kind {
    TG_YAML_SCALAR = 0,
    TG_YAML_LIST,
    TG_YAML_MAP,
};

struct tg_yaml_node {
    enum tg_yaml_kind kind;
    bool is_plain; /* a scalar without quotes: null, true and 12 are no text */
    uint32_t line, column; /* from 1 on */
    uint32_t weight;       /* nodes, itself and what it stands for */
    uint32_t count;        /* of items, or of members */
    const char *text;      /* of a scalar: UTF-8 without NUL */
    struct tg_yaml_node **items;
    struct tg_yaml_node **names; /* of a map: scalars, none of them twice */
};

struct tg_yaml {
    struct tg_yaml_node **documents; /* an empty one is not there */
    size_t count;
    struct tg_yaml_block *blocks; /* the memory of all */
};

struct tg_yaml_fault {
    uint32_t line, column;
    char text[240];
};

/*
 * Reads len bytes.  Returns true; or false with what is wrong in *fault.
 * Either way tg_yaml_release ends it.
 */
bool tg_yaml_read(struct tg_yaml *yaml, const char *data, size_t len,
                  struct tg_yaml_fault *fault);

void tg_yaml_release(struct tg_yaml *yaml);

/* A map's member of this name; NULL when it has none, or is no map. */
const struct tg_yaml_node *tg_yaml_member(const struct tg_yaml_node *map,
                                          const char *name);

/* Whether it is a plain scalar that says null: null, ~ or nothing. */
bool tg_yaml_is_null(const struct tg_yaml_node *node);

#endif
