#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell.h"
#include "own.h"
#include "policy_form.h"
#include "policy_value.h"
#include "suggest.h"

#define NAME_SIZE 64

/* One thing of a file on its way to a flat object. */
struct reading {
    const struct tg_policy_file *file;
    const struct tg_policy_kind *kind;
    json_t *flat;
};

static bool
refuse(const struct reading *r, const struct tg_yaml_node *node,
       const char *name, const char *why)
{
    if (*why == '\'' || strncmp(why, "there is", 8) == 0)
        tg_policy_fault(r->file, node, "%s: %s", name, why);
    else
        tg_policy_fault(r->file, node, "%s %s", name, why);
    return false;
}

/* Whether other readers of YAML would take a plain scalar for a number. */
static bool
is_number(const char *text)
{
    size_t whole, decimals = 0;

    text += *text == '-' || *text == '+';
    whole = strspn(text, "0123456789_");
    text += whole;
    if (whole == 1 && text[-1] == '0' && strchr("xob", *text) != NULL &&
        isxdigit((unsigned char)text[1]))
        return strspn(text + 1, "0123456789abcdefABCDEF_") == strlen(text + 1);
    if (*text == '.') {
        decimals = strspn(text + 1, "0123456789");
        text += 1 + decimals;
    }
    if (whole + decimals > 0 && (*text == 'e' || *text == 'E')) {
        text += 1 + (text[1] == '-' || text[1] == '+');
        text += strspn(text, "0123456789");
    }
    return whole + decimals > 0 && *text == '\0';
}

static bool
is_bool(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static bool
is_count(const struct tg_policy_member *member)
{
    return member->type == TG_POLICY_COUNT ||
           member->type == TG_POLICY_COUNT_0 ||
           member->type == TG_POLICY_COUNTS;
}

/* Amounts are taken as they are written, so nothing is rounded. */
static bool
takes_number(const struct tg_policy_member *member)
{
    return member->type == TG_POLICY_AMOUNT ||
           member->type == TG_POLICY_AMOUNTS;
}

/* A scalar as JSON; NULL when it is none of the kind that is wanted. */
static json_t *
scalar_json(const struct reading *r, const struct tg_policy_member *member,
            const struct tg_yaml_node *node, const char *name)
{
    size_t digits = strspn(node->text, "0123456789");

    if (tg_yaml_is_null(node))
        return json_null();
    if (is_count(member))
        return node->is_plain && digits > 0 && digits < 16 &&
                       node->text[digits] == '\0'
                   ? json_integer(strtoll(node->text, NULL, 10))
                   : json_integer(-1);
    if (member->type == TG_POLICY_BOOL)
        return node->is_plain && is_bool(node->text)
                   ? json_boolean(*node->text == 't')
                   : json_string("");
    if (node->is_plain && !takes_number(member) &&
        (is_number(node->text) || is_bool(node->text))) {
        tg_policy_fault(r->file, node,
                        "%s must be a text: write it in quotes, \"%.40s\"",
                        name, node->text);
        return NULL;
    }
    return json_string(node->text);
}

/* One item of a list or a map, in its one spelling. */
static json_t *
read_item(const struct reading *r, const struct tg_policy_member *member,
          const struct tg_yaml_node *node, const char *name)
{
    char why[TG_POLICY_WHY_SIZE] = "must be a text";
    json_t *raw, *clean = NULL;

    if (node->kind == TG_YAML_SCALAR) {
        raw = scalar_json(r, member, node, name);
        if (raw == NULL)
            return NULL;
        clean = tg_policy_item(member, raw, why);
        json_decref(raw);
    }
    if (clean == NULL)
        refuse(r, node, name, why);
    return clean;
}

static bool
stands_before(const json_t *list, const json_t *value)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item)
    {
        if (json_equal((json_t *)item, (json_t *)value))
            return true;
    }
    return false;
}

static json_t *
read_list(const struct reading *r, const struct tg_policy_member *member,
          const struct tg_yaml_node *node, const char *name)
{
    json_t *list = json_array(), *item;
    char place[NAME_SIZE + 16];

    for (uint32_t i = 0; i < node->count; i++) {
        snprintf(place, sizeof(place), "%s[%u]", name, i);
        item = read_item(r, member, node->items[i], place);
        if (item != NULL && stands_before(list, item)) {
            refuse(r, node->items[i], place, "stands twice in the list");
            json_decref(item);
            item = NULL;
        }
        if (item == NULL) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *
read_map(const struct reading *r, const struct tg_policy_member *member,
         const struct tg_yaml_node *node, const char *name)
{
    json_t *map = json_object(), *item;
    char place[2 * NAME_SIZE];

    for (uint32_t i = 0; i < node->count; i++) {
        snprintf(place, sizeof(place), "%s.%.60s", name, node->names[i]->text);
        item = read_item(r, member, node->items[i], place);
        if (item == NULL) {
            json_decref(map);
            return NULL;
        }
        json_object_set_new(map, node->names[i]->text, item);
    }
    return map;
}

static bool
read_value(struct reading *r, const struct tg_policy_member *member,
           const struct tg_yaml_node *node)
{
    char why[TG_POLICY_WHY_SIZE] = "";
    json_t *raw = NULL, *clean;

    if (node->kind == TG_YAML_SCALAR &&
        (tg_yaml_is_null(node) ||
         (!tg_policy_is_list(member) && !tg_policy_is_map(member))))
        raw = scalar_json(r, member, node, member->name);
    else if (node->kind == TG_YAML_LIST && tg_policy_is_list(member))
        raw = read_list(r, member, node, member->name);
    else if (node->kind == TG_YAML_MAP && tg_policy_is_map(member))
        raw = read_map(r, member, node, member->name);
    else
        return refuse(r, node, member->name,
                      tg_policy_is_list(member)  ? "must be a list"
                      : tg_policy_is_map(member) ? "must be a map"
                                                 : "must be one value");
    if (raw == NULL)
        return false;
    clean = tg_policy_value(member, raw, why);
    json_decref(raw);
    if (clean == NULL)
        return refuse(r, node, member->name, why);
    json_object_set_new(r->flat, member->name, clean);
    return true;
}

static bool
refuse_name(const struct reading *r, const struct tg_yaml_node *name,
            const char *prefix)
{
    const struct tg_policy_member *member = r->kind->members;
    struct tg_suggestion near;
    size_t len = strlen(prefix);

    tg_suggest_init(&near, name->text);
    for (; member->name != NULL; member++) {
        if (strncmp(member->name, prefix, len) == 0)
            tg_suggest_try(&near, member->name + len);
    }
    if (tg_suggest_best(&near) != NULL)
        tg_policy_fault(r->file, name,
                        "%s has no member %s%.60s; did you mean %s%s?",
                        r->kind->article, prefix, name->text, prefix,
                        tg_suggest_best(&near));
    else
        tg_policy_fault(r->file, name, "%s has no member %s%.60s",
                        r->kind->article, prefix, name->text);
    return false;
}

static const struct tg_policy_member *
find_member(const struct tg_policy_kind *kind, const char *name, bool *is_group)
{
    const struct tg_policy_member *member = kind->members;
    size_t len = strlen(name);

    *is_group = false;
    for (; member->name != NULL; member++) {
        if (strcmp(member->name, name) == 0)
            return member;
        if (strncmp(member->name, name, len) == 0 && member->name[len] == '.')
            *is_group = true;
    }
    return NULL;
}

/* A group that is null says null of all that is in it. */
static bool
clear_group(struct reading *r, const struct tg_yaml_node *node,
            const char *group)
{
    const struct tg_policy_member *member = r->kind->members;
    size_t len = strlen(group);
    bool is_fine = true;

    for (; member->name != NULL; member++) {
        if (strncmp(member->name, group, len) == 0 && member->name[len] == '.')
            is_fine = read_value(r, member, node) && is_fine;
    }
    return is_fine;
}

static bool read_members(struct reading *r, const struct tg_yaml_node *node,
                         const char *prefix);

static bool
read_group(struct reading *r, const struct tg_yaml_node *node, const char *name)
{
    char prefix[NAME_SIZE];

    if (tg_yaml_is_null(node))
        return clear_group(r, node, name);
    if (node->kind != TG_YAML_MAP)
        return refuse(r, node, name, "must be a map");
    snprintf(prefix, sizeof(prefix), "%s.", name);
    return read_members(r, node, prefix);
}

static bool
read_members(struct reading *r, const struct tg_yaml_node *node,
             const char *prefix)
{
    const struct tg_policy_member *member;
    bool is_fine = true, is_group;
    char name[NAME_SIZE];

    for (uint32_t i = 0; i < node->count; i++) {
        snprintf(name, sizeof(name), "%s%s", prefix, node->names[i]->text);
        member = find_member(r->kind, name, &is_group);
        if (strchr(node->names[i]->text, '.') != NULL)
            is_fine = refuse_name(r, node->names[i], prefix);
        else if (member != NULL)
            is_fine = read_value(r, member, node->items[i]) && is_fine;
        else if (is_group)
            is_fine = read_group(r, node->items[i], name) && is_fine;
        else
            is_fine = refuse_name(r, node->names[i], prefix);
    }
    return is_fine;
}

static bool
has_needed(const struct reading *r, const struct tg_yaml_node *node)
{
    const struct tg_policy_member *member = r->kind->members;

    for (; member->name != NULL; member++) {
        if ((member->flags & TG_POLICY_NEEDED) == 0 ||
            json_object_get(r->flat, member->name) != NULL)
            continue;
        tg_policy_fault(r->file, node, "%s needs the member %s",
                        r->kind->article, member->name);
        return false;
    }
    return true;
}

json_t *
tg_policy_read(const struct tg_policy_file *file,
               const struct tg_policy_kind *kind,
               const struct tg_yaml_node *node)
{
    struct reading r = {file, kind, json_object()};

    if (node->kind == TG_YAML_MAP) {
        if (read_members(&r, node, "") && has_needed(&r, node))
            return r.flat;
    } else {
        tg_policy_fault(file, node, "%s is a map of its members",
                        kind->article);
    }
    json_decref(r.flat);
    return NULL;
}

json_t *
tg_policy_of(const struct tg_policy_kind *kind, const json_t *object)
{
    const struct tg_policy_member *member = kind->members;
    json_t *flat = json_object(), *clean;
    char why[TG_POLICY_WHY_SIZE];
    const json_t *value;

    for (; member->name != NULL; member++) {
        value = tg_cell_find(object, member->name);
        if (value == NULL)
            continue;
        /* The catalog has 0 where nobody said how many. */
        if (member->type == TG_POLICY_COUNT && json_integer_value(value) == 0)
            value = NULL;
        clean = tg_policy_value(member, value, why);
        json_object_set_new(flat, member->name,
                            clean != NULL ? clean
                                          : json_incref((json_t *)value));
    }
    return flat;
}
