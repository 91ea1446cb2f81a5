#include "yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "own.h"

#define BLOCK_BYTES (256u << 10)

struct tg_yaml_block {
    struct tg_yaml_block *next;
    size_t used, cap;
    max_align_t data[];
};

/* An anchor of the document that is being read. */
struct anchor {
    char *name;
    struct tg_yaml_node *node;
};

struct reading {
    struct tg_yaml *yaml;
    yaml_parser_t parser;
    struct anchor *anchors;
    size_t anchor_count;
    uint32_t weight; /* of all so far */
    unsigned depth;
    struct tg_yaml_fault *fault;
};

/* Nodes of a list or a map whose end is not there yet. */
struct pile {
    struct tg_yaml_node **nodes;
    size_t count, cap;
};

static void *
allot(struct tg_yaml *yaml, size_t size)
{
    struct tg_yaml_block *block = yaml->blocks;
    size_t cap = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    void *memory;

    size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    if (block == NULL || block->cap - block->used < size) {
        cap = (cap + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
        block = tg_own(malloc(sizeof(*block) + cap));
        *block = (struct tg_yaml_block){.next = yaml->blocks, .cap = cap};
        yaml->blocks = block;
    }
    memory = (char *)block->data + block->used;
    block->used += size;
    return memory;
}

__attribute__((format(printf, 3, 4))) static struct tg_yaml_node *
refuse(struct reading *r, yaml_mark_t mark, const char *format, ...)
{
    va_list ap;

    r->fault->line = (uint32_t)mark.line + 1;
    r->fault->column = (uint32_t)mark.column + 1;
    va_start(ap, format);
    vsnprintf(r->fault->text, sizeof(r->fault->text), format, ap);
    va_end(ap);
    return NULL;
}

/* The next event, to be deleted; false with the fault of the text. */
static bool
next_event(struct reading *r, yaml_event_t *event)
{
    const yaml_parser_t *p = &r->parser;

    if (yaml_parser_parse(&r->parser, event))
        return true;
    if (p->error == YAML_MEMORY_ERROR)
        tg_own(NULL);
    if (p->error == YAML_READER_ERROR)
        refuse(r, p->mark, "%s (byte %zu)", p->problem, p->problem_offset);
    else if (p->context != NULL)
        refuse(r, p->problem_mark, "%s, %s", p->context, p->problem);
    else
        refuse(r, p->problem_mark, "%s", p->problem);
    return false;
}

static bool
add_weight(struct reading *r, uint32_t weight, yaml_mark_t mark)
{
    if (weight <= TG_YAML_NODES_MAX - r->weight) {
        r->weight += weight;
        return true;
    }
    refuse(r, mark,
           "with its aliases written out it would be more than %u "
           "values",
           TG_YAML_NODES_MAX);
    return false;
}

static struct tg_yaml_node *
new_node(struct reading *r, const yaml_event_t *event, enum tg_yaml_kind kind)
{
    struct tg_yaml_node *node;

    if (!add_weight(r, 1, event->start_mark))
        return NULL;
    node = allot(r->yaml, sizeof(*node));
    *node = (struct tg_yaml_node){
        .kind = kind,
        .line = (uint32_t)event->start_mark.line + 1,
        .column = (uint32_t)event->start_mark.column + 1,
        .weight = 1,
        .text = "",
    };
    return node;
}

static struct tg_yaml_node *
find_anchor(struct reading *r, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;

    for (size_t i = r->anchor_count; i > 0; i--) {
        struct tg_yaml_node *node = r->anchors[i - 1].node;

        if (strcmp(r->anchors[i - 1].name, name) == 0)
            return add_weight(r, node->weight, event->start_mark) ? node : NULL;
    }
    return refuse(r, event->start_mark, "there is no anchor &%s before this",
                  name);
}

static void
keep_anchor(struct reading *r, const yaml_char_t *name,
            struct tg_yaml_node *node)
{
    if (name == NULL)
        return;
    r->anchors = tg_own(
        realloc(r->anchors, (r->anchor_count + 1) * sizeof(*r->anchors)));
    r->anchors[r->anchor_count++] =
        (struct anchor){tg_own(strdup((const char *)name)), node};
}

static void
drop_anchors(struct reading *r)
{
    while (r->anchor_count > 0)
        free(r->anchors[--r->anchor_count].name);
    free(r->anchors);
    r->anchors = NULL;
}

static void
put(struct pile *pile, struct tg_yaml_node *node)
{
    if (pile->count == pile->cap) {
        pile->cap = pile->cap > 0 ? 2 * pile->cap : 16;
        pile->nodes =
            tg_own(realloc(pile->nodes, pile->cap * sizeof(*pile->nodes)));
    }
    pile->nodes[pile->count++] = node;
}

static struct tg_yaml_node *
read_scalar(struct reading *r, const yaml_event_t *event)
{
    struct tg_yaml_node *node = new_node(r, event, TG_YAML_SCALAR);
    size_t len = event->data.scalar.length;
    char *text;

    if (node == NULL)
        return NULL;
    if (memchr(event->data.scalar.value, '\0', len) != NULL)
        return refuse(r, event->start_mark, "a zero byte is no text");
    text = allot(r->yaml, len + 1);
    memcpy(text, event->data.scalar.value, len);
    text[len] = '\0';
    node->text = text;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static struct tg_yaml_node *read_node(struct reading *r, yaml_event_t *event);

/* Reads nodes up to the end; false when one of them is wrong. */
static bool
read_pile(struct reading *r, struct pile *pile, yaml_event_type_t end)
{
    struct tg_yaml_node *node;
    yaml_event_t event;
    bool is_over;

    for (;;) {
        if (!next_event(r, &event))
            return false;
        is_over = event.type == end;
        node = is_over ? NULL : read_node(r, &event);
        yaml_event_delete(&event);
        if (is_over || node == NULL)
            return is_over;
        put(pile, node);
    }
}

static bool
is_merge(const struct tg_yaml_node *name)
{
    return name->is_plain && strcmp(name->text, "<<") == 0;
}

static yaml_mark_t
mark_of(const struct tg_yaml_node *node)
{
    return (yaml_mark_t){.line = node->line - 1, .column = node->column - 1};
}

/* A pile that is a map's: names and values by turns. */
static const struct tg_yaml_node *
find_name(const struct pile *pile, const char *name)
{
    for (size_t i = 0; i < pile->count; i += 2) {
        if (strcmp(pile->nodes[i]->text, name) == 0)
            return pile->nodes[i];
    }
    return NULL;
}

static bool
add_member(struct reading *r, struct pile *own, struct tg_yaml_node *name,
           struct tg_yaml_node *value)
{
    put(own, name);
    put(own, value);
    return own->count <= 2 * TG_YAML_MEMBERS_MAX ||
           refuse(r, mark_of(name), "a map has up to %d members",
                  TG_YAML_MEMBERS_MAX) != NULL;
}

static bool
merge(struct reading *r, struct pile *own, const struct tg_yaml_node *from)
{
    bool is_fine = true;

    if (from->kind == TG_YAML_LIST) {
        for (uint32_t i = 0; i < from->count && is_fine; i++) {
            if (from->items[i]->kind == TG_YAML_LIST)
                return refuse(r, mark_of(from),
                              "<< takes a map, or a list of "
                              "maps") != NULL;
            is_fine = merge(r, own, from->items[i]);
        }
        return is_fine;
    }
    if (from->kind != TG_YAML_MAP)
        return refuse(r, mark_of(from), "<< takes a map, or a list of maps") !=
               NULL;
    for (uint32_t i = 0; i < from->count && is_fine; i++) {
        if (find_name(own, from->names[i]->text) == NULL)
            is_fine = add_member(r, own, from->names[i], from->items[i]);
    }
    return is_fine;
}

/* A map's own members, then those of the maps that it takes in. */
static bool
sort_out(struct reading *r, const struct pile *all, struct pile *own)
{
    const struct tg_yaml_node *before;

    for (size_t i = 0; i < all->count; i += 2) {
        struct tg_yaml_node *name = all->nodes[i];

        if (name->kind != TG_YAML_SCALAR)
            return refuse(r, mark_of(name), "a member's name is a text") !=
                   NULL;
        if (is_merge(name))
            continue;
        before = find_name(own, name->text);
        if (before != NULL)
            return refuse(r, mark_of(name),
                          "\"%.64s\" stands twice; first in line %u",
                          name->text, before->line) != NULL;
        if (!add_member(r, own, name, all->nodes[i + 1]))
            return false;
    }
    for (size_t i = 0; i < all->count; i += 2) {
        if (is_merge(all->nodes[i]) && !merge(r, own, all->nodes[i + 1]))
            return false;
    }
    return true;
}

/* Moves a pile into the tree, each stride-th node from first on. */
static struct tg_yaml_node **
settle(struct reading *r, const struct pile *pile, size_t first, size_t stride)
{
    size_t count = pile->count / stride;
    struct tg_yaml_node **nodes = allot(r->yaml, (count + 1) * sizeof(*nodes));

    for (size_t i = 0; i < count; i++)
        nodes[i] = pile->nodes[first + i * stride];
    return nodes;
}

/* Weights were counted one by one, so their sum is no more than the most. */
static uint32_t
weigh(const struct pile *pile)
{
    uint32_t weight = 1;

    for (size_t i = 0; i < pile->count; i++)
        weight += pile->nodes[i]->weight;
    return weight;
}

static struct tg_yaml_node *
read_list(struct reading *r, const yaml_event_t *event)
{
    struct tg_yaml_node *node = new_node(r, event, TG_YAML_LIST);
    struct pile pile = {0};

    if (node != NULL && !read_pile(r, &pile, YAML_SEQUENCE_END_EVENT))
        node = NULL;
    if (node != NULL) {
        node->items = settle(r, &pile, 0, 1);
        node->count = (uint32_t)pile.count;
        node->weight = weigh(&pile);
    }
    free(pile.nodes);
    return node;
}

static struct tg_yaml_node *
read_map(struct reading *r, const yaml_event_t *event)
{
    struct tg_yaml_node *node = new_node(r, event, TG_YAML_MAP);
    struct pile all = {0}, own = {0};

    if (node != NULL && (!read_pile(r, &all, YAML_MAPPING_END_EVENT) ||
                         !sort_out(r, &all, &own)))
        node = NULL;
    if (node != NULL) {
        node->names = settle(r, &own, 0, 2);
        node->items = settle(r, &own, 1, 2);
        node->count = (uint32_t)(own.count / 2);
        node->weight = weigh(&all);
    }
    free(all.nodes);
    free(own.nodes);
    return node;
}

static const yaml_char_t *
anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static const yaml_char_t *
tag_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.tag;
    default:
        return NULL;
    }
}

static struct tg_yaml_node *
read_node(struct reading *r, yaml_event_t *event)
{
    struct tg_yaml_node *node;

    if (event->type == YAML_ALIAS_EVENT)
        return find_anchor(r, event);
    if (tag_of(event) != NULL)
        return refuse(r, event->start_mark, "tags such as %.64s are not taken",
                      (const char *)tag_of(event));
    if (r->depth == TG_YAML_DEPTH_MAX)
        return refuse(r, event->start_mark, "nested more than %d deep",
                      TG_YAML_DEPTH_MAX);
    r->depth++;
    if (event->type == YAML_SCALAR_EVENT)
        node = read_scalar(r, event);
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        node = read_list(r, event);
    else
        node = read_map(r, event);
    r->depth--;
    if (node != NULL)
        keep_anchor(r, anchor_of(event), node);
    return node;
}

/* What stands between a document's start and its end is one node. */
static bool
read_document(struct reading *r)
{
    struct tg_yaml *yaml = r->yaml;
    struct pile pile = {0};
    bool is_read = read_pile(r, &pile, YAML_DOCUMENT_END_EVENT);

    drop_anchors(r);
    if (is_read && pile.count > 0 && !tg_yaml_is_null(pile.nodes[0])) {
        yaml->documents = tg_own(realloc(
            yaml->documents, (yaml->count + 1) * sizeof(*yaml->documents)));
        yaml->documents[yaml->count++] = pile.nodes[0];
    }
    free(pile.nodes);
    return is_read;
}

bool
tg_yaml_read(struct tg_yaml *yaml, const char *data, size_t len,
             struct tg_yaml_fault *fault)
{
    struct reading r = {.yaml = yaml, .fault = fault};
    yaml_event_t event;
    yaml_event_type_t type = YAML_NO_EVENT;
    bool is_read = true;

    memset(yaml, 0, sizeof(*yaml));
    if (!yaml_parser_initialize(&r.parser))
        tg_own(NULL);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)data, len);
    while (is_read && type != YAML_STREAM_END_EVENT) {
        is_read = next_event(&r, &event);
        if (!is_read)
            break;
        type = event.type;
        yaml_event_delete(&event);
        if (type == YAML_DOCUMENT_START_EVENT)
            is_read = read_document(&r);
    }
    yaml_parser_delete(&r.parser);
    return is_read;
}

void
tg_yaml_release(struct tg_yaml *yaml)
{
    struct tg_yaml_block *next;

    for (; yaml->blocks != NULL; yaml->blocks = next) {
        next = yaml->blocks->next;
        free(yaml->blocks);
    }
    free(yaml->documents);
    memset(yaml, 0, sizeof(*yaml));
}

const struct tg_yaml_node *
tg_yaml_member(const struct tg_yaml_node *map, const char *name)
{
    for (uint32_t i = 0; map->kind == TG_YAML_MAP && i < map->count; i++) {
        if (strcmp(map->names[i]->text, name) == 0)
            return map->items[i];
    }
    return NULL;
}

bool
tg_yaml_is_null(const struct tg_yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
        if (node->kind == TG_YAML_SCALAR && node->is_plain &&
            strcmp(node->text, nulls[i]) == 0)
            return true;
    }
    return false;
}
