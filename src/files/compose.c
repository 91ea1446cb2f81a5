#include "compose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "dotenv.h"
#include "err.h"

struct reading {
    struct tg_str text; /* without a byte order mark */
    yaml_document_t document;
    const char *name;
    struct tg_spot *spot;
    struct tg_fault *fault;
};

/* A member of a mapping. */
struct pair {
    const yaml_node_t *key, *value;
};

static unsigned
line_of(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

/* libyaml counts characters, CR LF as two. */
static size_t
byte_of(const struct reading *reading, size_t index)
{
    size_t i = 0;

    for (; i < reading->text.len; i++) {
        bool begins = ((unsigned char)reading->text.data[i] & 0xc0) != 0x80;

        if (begins && index-- == 0)
            break;
    }
    return i;
}

static size_t
start_of(const struct reading *reading, const yaml_node_t *node)
{
    return byte_of(reading, node->start_mark.index);
}

static size_t
end_of(const struct reading *reading, const yaml_node_t *node)
{
    return byte_of(reading, node->end_mark.index);
}

/* What an alias stands for was written before. */
static bool
is_alias(const struct pair *pair)
{
    return pair->value->start_mark.index < pair->key->end_mark.index;
}

static bool
is_word(const yaml_node_t *node, const char *word)
{
    return node->type == YAML_SCALAR_NODE &&
           node->data.scalar.length == strlen(word) &&
           memcmp(node->data.scalar.value, word, strlen(word)) == 0;
}

static struct pair
pair_at(struct reading *reading, const yaml_node_pair_t *item)
{
    return (struct pair){
        yaml_document_get_node(&reading->document, item->key),
        yaml_document_get_node(&reading->document, item->value)};
}

static int
refuse_twice(struct reading *reading, const yaml_node_t *node, const char *name)
{
    return tg_fault_set(reading->fault, TG_ERR_DUPLICATE, line_of(node),
                        "%.128s stands twice: take one away", name);
}

/* Finds a member.  TG_ERR_NOT_FOUND says nothing yet. */
static int
member(struct reading *reading, const yaml_node_t *map, const char *name,
       struct pair *found)
{
    found->key = NULL;
    for (const yaml_node_pair_t *item = map->data.mapping.pairs.start;
         item < map->data.mapping.pairs.top; item++) {
        struct pair pair = pair_at(reading, item);

        if (!is_word(pair.key, name))
            continue;
        if (found->key != NULL)
            return refuse_twice(reading, pair.key, name);
        *found = pair;
    }
    return found->key == NULL ? TG_ERR_NOT_FOUND : 0;
}

/* The member that must be a mapping of its own. */
static int
submap(struct reading *reading, const yaml_node_t *map, const char *name,
       struct pair *found)
{
    int err = member(reading, map, name, found);

    if (err == TG_ERR_NOT_FOUND)
        return tg_fault_set(reading->fault, err, line_of(map),
                            "there is no \"%.128s\"", name);
    if (err == 0 && is_alias(found))
        return tg_fault_set(reading->fault, TG_ERR_FORMAT, line_of(found->key),
                            "%.128s is an alias of what others use, too", name);
    if (err == 0 && found->value->type != YAML_MAPPING_NODE)
        return tg_fault_set(reading->fault, TG_ERR_FORMAT, line_of(found->key),
                            "%.128s is no mapping", name);
    return err;
}

/* Where the line of a byte ends, before CR LF or LF. */
static size_t
line_end(const struct reading *reading, size_t i)
{
    while (i < reading->text.len && reading->text.data[i] != '\n')
        i++;
    return i > 0 && i < reading->text.len && reading->text.data[i - 1] == '\r'
               ? i - 1
               : i;
}

static const char *
line_break(const struct reading *reading)
{
    size_t i = line_end(reading, 0);

    return i < reading->text.len && reading->text.data[i] == '\r' ? "\r\n"
                                                                  : "\n";
}

/* The blanks in front of a node that begins its line; -1: it does not. */
static int
indent_of(const struct reading *reading, size_t i)
{
    size_t start = i;

    while (start > 0 && reading->text.data[start - 1] == ' ')
        start--;
    if (start > 0 && reading->text.data[start - 1] != '\n')
        return -1;
    return i - start > TG_SPOT_TEXT_SIZE / 8 ? -1 : (int)(i - start);
}

/* A value in one line, behind which the next line is another member. */
static bool
is_simple(const yaml_node_t *value)
{
    return value->type == YAML_SCALAR_NODE &&
           value->start_mark.line == value->end_mark.line &&
           value->data.scalar.style != YAML_LITERAL_SCALAR_STYLE &&
           value->data.scalar.style != YAML_FOLDED_SCALAR_STYLE;
}

/* The last member of a block that has a line of its own; false: none has. */
static bool
last_line(struct reading *reading, const yaml_node_t *map, size_t *end,
          int *indent)
{
    for (const yaml_node_pair_t *item = map->data.mapping.pairs.top;
         item-- > map->data.mapping.pairs.start;) {
        struct pair pair = pair_at(reading, item);

        if (is_alias(&pair) || !is_simple(pair.value) ||
            pair.key->start_mark.line != pair.value->end_mark.line)
            continue;
        *indent = indent_of(reading, start_of(reading, pair.key));
        *end = line_end(reading, end_of(reading, pair.value));
        return *indent >= 0;
    }
    return false;
}

static int
refuse_form(struct reading *reading, const yaml_node_t *node)
{
    return tg_fault_set(reading->fault, TG_ERR_FORMAT, line_of(node),
                        "this is written in a way that is not changed safely; "
                        "put %.128s there yourself, once",
                        reading->name);
}

__attribute__((format(printf, 3, 4))) static int
insert(struct reading *reading, size_t i, const char *fmt, ...)
{
    struct tg_spot *spot = reading->spot;
    va_list ap;

    *spot = (struct tg_spot){.from = i, .to = i};
    va_start(ap, fmt);
    vsnprintf(spot->before, sizeof(spot->before), fmt, ap);
    va_end(ap);
    return 0;
}

static void
close_with(struct reading *reading, const char *text)
{
    snprintf(reading->spot->behind, sizeof(reading->spot->behind), "%s", text);
}

/* A value that is there: its bytes without its quotes. */
static int
replace(struct reading *reading, const struct pair *pair)
{
    const yaml_node_t *value = pair->value;
    size_t from, to;
    char first;

    if (is_alias(pair) || !is_simple(value))
        return refuse_form(reading, pair->key);
    from = start_of(reading, value);
    to = end_of(reading, value);
    first = from < to ? reading->text.data[from] : '\0';
    if (first == '&' || first == '!')
        return refuse_form(reading, pair->key);
    *reading->spot = (struct tg_spot){.from = from, .to = to, .is_there = true};
    if (value->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        reading->spot->from++;
        reading->spot->to--;
        return 0;
    }
    /* Quotes, so that it is a text whatever it looks like. */
    snprintf(reading->spot->before, sizeof(reading->spot->before), "%s",
             from < to ? "\"" : " \"");
    close_with(reading, "\"");
    reading->spot->is_there = from < to;
    return 0;
}

static int
in_map(struct reading *reading, const yaml_node_t *map)
{
    struct pair pair;
    size_t end, start = start_of(reading, map);
    int err = member(reading, map, reading->name, &pair), indent;

    if (err != TG_ERR_NOT_FOUND)
        return err != 0 ? err : replace(reading, &pair);
    if (map->data.mapping.style == YAML_FLOW_MAPPING_STYLE) {
        bool is_empty =
            map->data.mapping.pairs.start == map->data.mapping.pairs.top;

        if (reading->text.data[start] != '{')
            return refuse_form(reading, map);
        insert(reading, start + 1, "%s: \"", reading->name);
        close_with(reading, is_empty ? "\"" : "\", ");
        return 0;
    }
    if (!last_line(reading, map, &end, &indent))
        return refuse_form(reading, map);
    insert(reading, end, "%s%*s%s: \"", line_break(reading), indent, "",
           reading->name);
    close_with(reading, "\"");
    return 0;
}

/* Whether an item of a list is "NAME" or "NAME=…". */
static bool
is_item(const struct reading *reading, const yaml_node_t *item)
{
    size_t len = strlen(reading->name);
    const char *text = (const char *)item->data.scalar.value;

    return item->type == YAML_SCALAR_NODE && item->data.scalar.length >= len &&
           memcmp(text, reading->name, len) == 0 &&
           (item->data.scalar.length == len || text[len] == '=');
}

static int
replace_item(struct reading *reading, const yaml_node_t *item)
{
    bool is_plain = item->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    size_t len = strlen(reading->name);
    bool is_alone = item->data.scalar.length == len;
    size_t from = start_of(reading, item) + (is_plain ? 0 : 1);
    size_t to = end_of(reading, item) - (is_plain ? 0 : 1);

    /* With escapes or an anchor in front the text is not as it reads. */
    if (!is_simple(item) || to - from < len ||
        memcmp(reading->text.data + from, reading->name, len) != 0 ||
        (!is_alone && reading->text.data[from + len] != '='))
        return refuse_form(reading, item);
    *reading->spot = (struct tg_spot){.from = from + len + (is_alone ? 0 : 1),
                                      .to = to,
                                      .is_there = !is_alone};
    if (is_alone)
        strcpy(reading->spot->before, "=");
    return 0;
}

/* Behind the last item, with a dash under its dash. */
static int
add_item(struct reading *reading, const yaml_node_t *list,
         const yaml_node_t *last)
{
    size_t start = start_of(reading, list), end, dash;
    int indent;

    if (list->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE) {
        if (reading->text.data[start] != '[')
            return refuse_form(reading, list);
        insert(reading, start + 1, "%s=", reading->name);
        close_with(reading, last == NULL ? "" : ", ");
        return 0;
    }
    if (last == NULL || !is_simple(last))
        return refuse_form(reading, list);
    dash = start_of(reading, last);
    while (dash > 0 && reading->text.data[dash - 1] == ' ')
        dash--;
    if (dash == 0 || reading->text.data[dash - 1] != '-')
        return refuse_form(reading, list);
    indent = indent_of(reading, dash - 1);
    if (indent < 0)
        return refuse_form(reading, list);
    end = line_end(reading, end_of(reading, last));
    return insert(reading, end, "%s%*s- %s=", line_break(reading), indent, "",
                  reading->name);
}

static int
in_list(struct reading *reading, const yaml_node_t *list)
{
    const yaml_node_t *found = NULL, *last = NULL;

    for (const yaml_node_item_t *id = list->data.sequence.items.start;
         id < list->data.sequence.items.top; id++) {
        last = yaml_document_get_node(&reading->document, *id);
        if (!is_item(reading, last))
            continue;
        if (found != NULL)
            return refuse_twice(reading, last, reading->name);
        found = last;
    }
    return found != NULL ? replace_item(reading, found)
                         : add_item(reading, list, last);
}

/* The service has none yet. */
static int
add_environment(struct reading *reading, const yaml_node_t *service)
{
    const char *end = line_break(reading);
    size_t i;
    int indent;

    if (service->data.mapping.style == YAML_FLOW_MAPPING_STYLE ||
        !last_line(reading, service, &i, &indent))
        return refuse_form(reading, service);
    insert(reading, i, "%s%*senvironment:%s%*s%s: \"", end, indent, "", end,
           indent + 2, "", reading->name);
    close_with(reading, "\"");
    return 0;
}

/* "environment:" with nothing behind it. */
static int
fill_environment(struct reading *reading, const struct pair *pair)
{
    int indent = indent_of(reading, start_of(reading, pair->key));
    size_t i = line_end(reading, end_of(reading, pair->value));

    if (pair->value->data.scalar.length != 0 ||
        pair->value->start_mark.index != pair->value->end_mark.index ||
        indent < 0)
        return refuse_form(reading, pair->key);
    insert(reading, i, "%s%*s%s: \"", line_break(reading), indent + 2, "",
           reading->name);
    close_with(reading, "\"");
    return 0;
}

static int
find(struct reading *reading, const char *service)
{
    const yaml_node_t *root = yaml_document_get_root_node(&reading->document);
    struct pair pair;
    int err;

    if (root == NULL || root->type != YAML_MAPPING_NODE)
        return tg_fault_set(reading->fault, TG_ERR_FORMAT, 1,
                            "it is no Compose file: there are no services");
    err = submap(reading, root, "services", &pair);
    if (err == 0)
        err = submap(reading, pair.value, service, &pair);
    if (err != 0)
        return err;
    root = pair.value;
    err = member(reading, root, "environment", &pair);
    if (err == TG_ERR_NOT_FOUND)
        return add_environment(reading, root);
    if (err != 0)
        return err;
    if (is_alias(&pair))
        return tg_fault_set(reading->fault, TG_ERR_FORMAT, line_of(pair.key),
                            "the environment of %.64s is an alias of what "
                            "others use, too: put %.64s there yourself, once",
                            service, reading->name);
    return pair.value->type == YAML_MAPPING_NODE ? in_map(reading, pair.value)
           : pair.value->type == YAML_SEQUENCE_NODE
               ? in_list(reading, pair.value)
               : fill_environment(reading, &pair);
}

/* One document, or a fault with libyaml's own words. */
static int
load(struct reading *reading)
{
    yaml_document_t more;
    yaml_parser_t parser;
    bool is_one = false;
    int err = 0;

    if (yaml_parser_initialize(&parser) == 0)
        return tg_fault_set(reading->fault, TG_ERR_SYSTEM, 0, "out of memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &parser, (const unsigned char *)reading->text.data, reading->text.len);
    if (yaml_parser_load(&parser, &reading->document) == 0) {
        err = tg_fault_set(
            reading->fault, TG_ERR_FORMAT,
            (unsigned)parser.problem_mark.line + 1, "it is no YAML: %.128s",
            parser.problem != NULL ? parser.problem : "it cannot be read");
        yaml_parser_delete(&parser);
        return err;
    }
    if (yaml_parser_load(&parser, &more) != 0) {
        is_one = yaml_document_get_root_node(&more) == NULL;
        yaml_document_delete(&more);
    }
    yaml_parser_delete(&parser);
    if (is_one)
        return 0;
    yaml_document_delete(&reading->document);
    return tg_fault_set(reading->fault, TG_ERR_FORMAT, 0,
                        "it has more than one document, or is no YAML in the "
                        "end");
}

int
tg_compose_find(struct tg_str text, const char *service, const char *name,
                struct tg_spot *spot, struct tg_fault *fault)
{
    bool has_bom = text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;
    struct reading reading = {
        .text = text, .name = name, .spot = spot, .fault = fault};
    int err;

    if (!tg_dotenv_is_name(name))
        return tg_fault_set(fault, TG_ERR_FORMAT, 0,
                            "\"%.128s\" is no name of a variable", name);
    if (text.len == 0 || memchr(text.data, '\0', text.len) != NULL)
        return tg_fault_set(fault, TG_ERR_FORMAT, 0, "it is no text");
    if (has_bom) {
        reading.text.data += 3;
        reading.text.len -= 3;
    }
    err = load(&reading);
    if (err != 0)
        return err;
    err = find(&reading, service);
    yaml_document_delete(&reading.document);
    if (err == 0 && has_bom) {
        spot->from += 3;
        spot->to += 3;
    }
    return err;
}
