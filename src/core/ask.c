#include "ask.h"

#include <string.h>

#include "ask_name.h"

void
tg_ask_begin(struct tg_ask *ask)
{
    ask->roles[1] = TG_ROLE_TOP;
}

static void
asks(struct tg_asked *asked, enum tg_ask_kind kind)
{
    if (kind != TG_ASK_NOTHING)
        asked->kinds |= 1u << kind;
}

static enum tg_ask_role
role_at(const struct tg_ask *ask, unsigned depth)
{
    return depth < TG_ASK_LEVELS ? (enum tg_ask_role)ask->roles[depth]
                                 : TG_ROLE_NONE;
}

/* The part that is read, if one is. */
static struct tg_ask_part *
part_of(struct tg_ask *ask)
{
    return &ask->parts[ask->nested > 0 ? ask->nested - 1 : 0];
}

static void
name(struct tg_ask *ask, const struct tg_json *json)
{
    struct tg_ask_name found =
        tg_ask_name_find(role_at(ask, json->depth), json);

    /* Text tells nothing of a part whose type is known. */
    if (found.role == TG_ROLE_TEXT && part_of(ask)->types != 0)
        found.role = TG_ROLE_NONE;
    ask->name = (uint8_t)found.role;
    ask->kind = (uint8_t)found.kind;
}

/* What an element of a list is for. */
static enum tg_ask_role
element_of(enum tg_ask_role list)
{
    switch (list) {
    case TG_ROLE_MESSAGES:
        return TG_ROLE_MESSAGE;
    case TG_ROLE_INPUT:
        return TG_ROLE_ITEM;
    case TG_ROLE_SYSTEM:
    case TG_ROLE_CONTENT:
        return TG_ROLE_PART;
    case TG_ROLE_TOOLS:
        return TG_ROLE_TOOL;
    case TG_ROLE_PROMPT:
        return TG_ROLE_PROMPT;
    default:
        return TG_ROLE_NONE;
    }
}

static void
begin_item(struct tg_ask *ask)
{
    ask->item_types = 0;
    ask->has_role = ask->has_content = ask->has_reasoning = false;
}

/*
 * An item of responses may stand for one that the provider keeps, and show
 * nothing of its tokens.
 */
static void
end_item(struct tg_ask *ask, struct tg_asked *asked)
{
    if ((ask->item_types & TG_CLASS_REFERENCE) ||
        (ask->item_types == 0 && !ask->has_role))
        asks(asked, TG_ASK_ITEM);
    if (ask->item_types & TG_CLASS_OTHER)
        asks(asked, TG_ASK_UNSEEN);
    if ((ask->item_types & TG_CLASS_REASONING) && !ask->has_reasoning &&
        !ask->has_content)
        asks(asked, TG_ASK_REASONING);
}

/* Returns whether there is room to read it; else its tokens are not seen. */
static bool
begin_part(struct tg_ask *ask, struct tg_asked *asked)
{
    if (ask->nested == TG_ASK_NESTED) {
        asks(asked, TG_ASK_UNSEEN);
        return false;
    }
    ask->parts[ask->nested++] = (struct tg_ask_part){.types = 0};
    ask->has_content = true;
    return true;
}

static uint32_t
larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void
end_part(struct tg_ask *ask, struct tg_asked *asked)
{
    const struct tg_ask_part *part = part_of(ask);
    bool is_image = (part->types & TG_CLASS_IMAGE) || part->image_urls > 0;

    ask->nested--;
    if (is_image)
        asked->images +=
            larger(1, larger(part->image_urls, part->source_count));
    /* Text that hides in the data of what is no image stays text. */
    if (part->types == TG_CLASS_IMAGE && part->sources == TG_CLASS_BASE64)
        asked->image_bytes += part->data_bytes;
    if ((part->types & TG_CLASS_OTHER) ||
        (part->types == 0 && !part->has_text && !is_image) ||
        ((part->types & TG_CLASS_DOCUMENT) && part->sources != TG_CLASS_SEEN))
        asks(asked, TG_ASK_UNSEEN);
}

/* A container for a value's role: what it then is itself. */
static enum tg_ask_role
begin(struct tg_ask *ask, struct tg_asked *asked, enum tg_ask_role list,
      enum tg_ask_role role, bool is_object)
{
    switch (role) {
    case TG_ROLE_ASK:
        asks(asked, (enum tg_ask_kind)ask->kind);
        return TG_ROLE_NONE;
    case TG_ROLE_UNSEEN:
        asks(asked, TG_ASK_UNSEEN);
        return TG_ROLE_NONE;
    case TG_ROLE_PROMPT:
        if (is_object)
            asks(asked, TG_ASK_TEMPLATE);
        asked->prompts += list == TG_ROLE_PROMPT;
        return is_object || list == TG_ROLE_PROMPT ? TG_ROLE_NONE : role;
    case TG_ROLE_ITEM:
        begin_item(ask);
        return is_object ? role : TG_ROLE_NONE;
    case TG_ROLE_CONTENT:
        if (!is_object)
            return role;
        /* fall through */
    case TG_ROLE_PART:
        return is_object && begin_part(ask, asked) ? TG_ROLE_PART
                                                   : TG_ROLE_NONE;
    case TG_ROLE_IMAGE:
        part_of(ask)->image_urls++;
        return is_object ? role : TG_ROLE_NONE;
    case TG_ROLE_SOURCE:
        part_of(ask)->source_count++;
        return is_object ? role : TG_ROLE_NONE;
    case TG_ROLE_TOOLS:
        return is_object ? TG_ROLE_TOOL : role;
    case TG_ROLE_TYPE:
        if (list == TG_ROLE_TOOL)
            asks(asked, TG_ASK_HOSTED_TOOL);
        return TG_ROLE_NONE;
    case TG_ROLE_MESSAGES:
    case TG_ROLE_INPUT:
    case TG_ROLE_SYSTEM:
        return is_object ? TG_ROLE_NONE : role;
    case TG_ROLE_MESSAGE:
    case TG_ROLE_TOOL:
    case TG_ROLE_CACHE:
    case TG_ROLE_FILE:
        return is_object ? role : TG_ROLE_NONE;
    default:
        return TG_ROLE_NONE;
    }
}

static void
open(struct tg_ask *ask, struct tg_asked *asked, const struct tg_json *json,
     bool is_object)
{
    unsigned depth = json->depth;
    enum tg_ask_role parent = role_at(ask, depth - 1);
    enum tg_ask_role role = tg_json_stands_in_array(json)
                                ? element_of(parent)
                                : (enum tg_ask_role)ask->name;

    if (depth < TG_ASK_LEVELS)
        ask->roles[depth] = (uint8_t)begin(ask, asked, parent, role, is_object);
    ask->in_prompts |= role_at(ask, depth) == TG_ROLE_PROMPT;
    ask->name = TG_ROLE_NONE;
}

static void
close(struct tg_ask *ask, struct tg_asked *asked, unsigned depth)
{
    enum tg_ask_role role = role_at(ask, depth);

    if (role == TG_ROLE_PART)
        end_part(ask, asked);
    else if (role == TG_ROLE_ITEM)
        end_item(ask, asked);
    else if (role == TG_ROLE_PROMPT)
        ask->in_prompts = false;
    ask->roles[depth] = TG_ROLE_NONE;
}

static void
type(struct tg_ask *ask, struct tg_asked *asked, const struct tg_json *json,
     enum tg_ask_role container)
{
    struct tg_ask_part *part = part_of(ask);
    enum tg_ask_kind kind;

    switch (container) {
    case TG_ROLE_ITEM:
        ask->item_types |= (uint8_t)tg_ask_item_class(json);
        break;
    case TG_ROLE_PART:
        part->types |= (uint8_t)tg_ask_part_class(json);
        break;
    case TG_ROLE_SOURCE:
        part->sources |= (uint8_t)tg_ask_source_class(json);
        break;
    default:
        kind = tg_ask_tool_kind(json);
        asked->client_tools += kind == TG_ASK_CLIENT_TOOL;
        asks(asked, kind);
    }
}

static bool
is_inline_image(const struct tg_json *json)
{
    static const char head[] = "data:image/";
    size_t len = sizeof(head) - 1;

    return json->text_len > len && tg_json_begins(json, head, len);
}

static void
string(struct tg_ask *ask, struct tg_asked *asked, const struct tg_json *json,
       enum tg_ask_role container)
{
    switch ((enum tg_ask_role)ask->name) {
    case TG_ROLE_TYPE:
        type(ask, asked, json, container);
        break;
    case TG_ROLE_IMAGE:
        part_of(ask)->image_urls++;
        /* fall through */
    case TG_ROLE_URL:
        if (is_inline_image(json))
            asked->image_bytes += json->text_len;
        break;
    case TG_ROLE_DATA:
        part_of(ask)->data_bytes += json->text_len;
        break;
    case TG_ROLE_TEXT:
        part_of(ask)->has_text = true;
        break;
    case TG_ROLE_TTL:
        if (json->text_len != 2 || !tg_json_begins(json, "5m", 2))
            asks(asked, TG_ASK_LONG_CACHE);
        break;
    case TG_ROLE_SPEAKER:
        ask->has_role = true;
        break;
    case TG_ROLE_REASONING:
        ask->has_reasoning = true;
        break;
    default:
        break;
    }
}

/* A value that is no container. */
static void
scalar(struct tg_ask *ask, struct tg_asked *asked, const struct tg_json *json,
       enum tg_json_token token)
{
    enum tg_ask_role container = role_at(ask, json->depth);

    if (tg_json_in_array(json)) {
        asked->prompts +=
            container == TG_ROLE_PROMPT && token == TG_JSON_STRING;
        return;
    }
    if (ask->name == TG_ROLE_ASK) {
        if (!tg_ask_is_plain((enum tg_ask_kind)ask->kind, json, token))
            asks(asked, (enum tg_ask_kind)ask->kind);
    } else if (token == TG_JSON_STRING) {
        string(ask, asked, json, container);
    } else if (token != TG_JSON_NULL && ask->name == TG_ROLE_TYPE &&
               container == TG_ROLE_TOOL) {
        asks(asked, TG_ASK_HOSTED_TOOL);
    }
    ask->name = TG_ROLE_NONE;
}

void
tg_ask_look(struct tg_ask *ask, struct tg_asked *asked,
            const struct tg_json *json, enum tg_json_token token)
{
    switch (token) {
    case TG_JSON_NAME:
        name(ask, json);
        break;
    case TG_JSON_OBJECT:
    case TG_JSON_ARRAY:
        open(ask, asked, json, token == TG_JSON_OBJECT);
        break;
    case TG_JSON_OBJECT_END:
    case TG_JSON_ARRAY_END:
        close(ask, asked, json->depth + 1u);
        break;
    default:
        scalar(ask, asked, json, token);
    }
}
