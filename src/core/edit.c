#include "edit.h"

#include <string.h>

#include "err.h"
#include "json_quick.h"
#include "span.h"
#include "str.h"

/* The member of the event's object that is being read. */
enum member {
    OTHER = 0,
    CHOICES, /* its value begins, or it is an array without elements yet */
    USAGE,   /* its value begins */
};

/* How far leaving out a usage member has come. */
enum cut {
    NO_CUT = 0,
    MAYBE,   /* from cut_at, if the value is one to leave out */
    CUTTING, /* from cut_at; the value still goes on */
    LEADING, /* done to cut_end, and the comma behind it if one comes */
    CUT,     /* cut_at to cut_end */
};

/* A line feed that begins the next chunk may belong to an event before. */
enum tail {
    NO_TAIL = 0,
    TAIL_KEPT,
    TAIL_DROPPED,
};

struct out {
    tg_edit_emit *emit;
    void *arg;
};

void
tg_edit_init(struct tg_edit *edit, enum tg_edit_rule rule, char *carry,
             size_t carry_size)
{
    memset(edit, 0, offsetof(struct tg_edit, json));
    edit->rule = rule;
    edit->carry = carry;
    edit->carry_size = carry_size;
    tg_sse_init(&edit->sse);
    tg_json_init(&edit->json);
}

static void
begin_event(struct tg_edit *edit)
{
    tg_json_init(&edit->json);
    edit->line_at = edit->settled_at = 0;
    edit->cut = NO_CUT;
    edit->member = OTHER;
    edit->is_decided = false;
    edit->has_members = false;
    edit->has_usage = false;
    edit->has_no_choices = false;
}

static void
emit(struct tg_edit *edit, const struct out *out, const char *data, size_t len)
{
    if (edit->err == 0 && len > 0)
        edit->err = out->emit(out->arg, data, len);
}

/* Gives away what lies between two offsets, in the carry and the chunk. */
static void
give_range(struct tg_edit *edit, const struct out *out, uint64_t from,
           uint64_t to)
{
    uint64_t chunk_at = edit->sse.chunk_at;
    uint64_t carry_at = chunk_at - edit->carry_len;
    uint64_t middle = to < chunk_at ? to : chunk_at;

    if (from < middle)
        emit(edit, out, edit->carry + (from - carry_at),
             (size_t)(middle - from));
    if (from < chunk_at)
        from = chunk_at;
    if (from < to)
        emit(edit, out, edit->sse.chunk + (from - chunk_at),
             (size_t)(to - from));
}

/* Gives away everything before to, but for what is cut. */
static void
give(struct tg_edit *edit, const struct out *out, uint64_t to)
{
    uint64_t cut_end = edit->cut == CUTTING ? to : edit->cut_end;

    if (edit->cut >= CUTTING && edit->cut_at < to && edit->kept_at < cut_end) {
        if (edit->kept_at < edit->cut_at)
            give_range(edit, out, edit->kept_at, edit->cut_at);
        edit->kept_at = cut_end < to ? cut_end : to;
    }
    if (edit->kept_at < to)
        give_range(edit, out, edit->kept_at, to);
    edit->kept_at = to;
}

static uint64_t
in_stream(const struct tg_edit *edit, uint64_t json_offset)
{
    return json_offset + edit->shift;
}

static bool
is_name(const struct tg_json *json, const char *name)
{
    return json->text && json->text_len == strlen(name) &&
           memcmp(json->text, name, json->text_len) == 0;
}

/*
 * A usage member begins.  It goes with the comma before it; the first member
 * goes with the comma behind.  A comma in the line before stays, and so does
 * the member.
 */
static void
begin_cut(struct tg_edit *edit)
{
    const struct tg_json *json = &edit->json;

    edit->member = USAGE;
    if (edit->cut != NO_CUT ||
        (edit->has_members && json->comma_at < edit->line_at))
        return;
    edit->cut = MAYBE;
    edit->is_leading = !edit->has_members;
    edit->cut_at =
        in_stream(edit, edit->is_leading ? json->token_at : json->comma_at);
}

static void
end_cut(struct tg_edit *edit)
{
    edit->cut_end = in_stream(edit, tg_json_offset(&edit->json));
    edit->cut = edit->is_leading ? LEADING : CUT;
}

/* The JSON breaks off inside what was to be cut: it stays if it can. */
static void
abandon_cut(struct tg_edit *edit)
{
    if (edit->cut == CUTTING && edit->kept_at > edit->cut_at)
        end_cut(edit);
    else if (edit->cut == MAYBE || edit->cut == CUTTING)
        edit->cut = NO_CUT;
}

static void
take_name(struct tg_edit *edit)
{
    const struct tg_json *json = &edit->json;

    if (edit->cut == LEADING) {
        edit->cut_end = in_stream(edit, json->comma_at) + 1;
        edit->cut = CUT;
    }
    edit->member = OTHER;
    if (is_name(json, "usage"))
        begin_cut(edit);
    else if (is_name(json, "choices"))
        edit->member = CHOICES;
    edit->has_members = true;
}

/* The value of usage begins, or is all there. */
static void
take_usage(struct tg_edit *edit, enum tg_json_token token)
{
    bool may_cut = edit->cut == MAYBE;

    edit->member = OTHER;
    if (may_cut)
        edit->cut = NO_CUT;
    if (token == TG_JSON_OBJECT)
        edit->has_usage = true;
    if (may_cut && token == TG_JSON_NULL)
        end_cut(edit);
    if (may_cut && token == TG_JSON_OBJECT && edit->rule == TG_EDIT_ALL_USAGE)
        edit->cut = CUTTING;
}

/* Choices: an array that ends at once makes the event the extra one. */
static void
take_choices(struct tg_edit *edit, enum tg_json_token token)
{
    if (token == TG_JSON_ARRAY && edit->json.depth == 2)
        return;
    edit->member = OTHER;
    if (token == TG_JSON_ARRAY_END && edit->json.depth == 1)
        edit->has_no_choices = true;
    else
        edit->is_decided = true;
}

static void
take(struct tg_edit *edit, enum tg_json_token token)
{
    if (edit->member == USAGE)
        take_usage(edit, token);
    else if (edit->member == CHOICES)
        take_choices(edit, token);
    else if (edit->json.depth == 1 && token == TG_JSON_NAME)
        take_name(edit);
    else if (edit->json.depth == 1 && token == TG_JSON_OBJECT_END &&
             edit->cut == CUTTING)
        end_cut(edit);
    edit->settled_at = tg_json_offset(&edit->json);
}

/* The event is one line, which ends in this chunk, as the event does. */
static bool
is_one_line(const struct tg_edit *edit)
{
    const char *end = edit->sse.data + edit->sse.len;

    return edit->json.chunk == NULL && !edit->sse.is_joint &&
           edit->sse.end - end >= 2 && end[0] == '\n' && end[1] == '\n';
}

/*
 * Most events have no usage, or a null at their end, and no letter written as
 * an escape that could hide a name: their JSON need not be read.  What ends
 * the object ends with its last member, so that one is the event's own.  Not
 * handled: JSON that is broken further in front loses its null, too.
 */
static bool
take_whole(struct tg_edit *edit)
{
    static const char null_usage[] = ",\"usage\":null}";
    const size_t len = sizeof(null_usage) - 1;
    const struct tg_sse *sse = &edit->sse;
    struct tg_str front = {sse->data, sse->len};

    if (!is_one_line(edit) ||
        tg_span_find(front.data, front.len, "\\u00", 4) != NULL)
        return false;
    if (front.len > len + 1 &&
        memcmp(front.data + front.len - len, null_usage, len) == 0) {
        front.len -= len;
        if (strchr("{[,:", front.data[front.len - 1]) != NULL)
            return false;
    }
    if (tg_span_find(front.data, front.len, "usage\"", 6) != NULL)
        return false;
    if (front.len < sse->len) {
        edit->cut = CUT;
        edit->cut_at = sse->at - len;
        edit->cut_end = sse->at - 1;
    }
    edit->is_decided = true;
    return true;
}

static void
take_data(struct tg_edit *edit)
{
    const struct tg_sse *sse = &edit->sse;
    enum tg_json_token token;

    if (edit->json.error || take_whole(edit))
        return;
    if (sse->is_joint)
        edit->line_at = tg_json_offset(&edit->json) + 1;
    else
        edit->shift = sse->at - sse->len - tg_json_offset(&edit->json);
    tg_json_feed(&edit->json, sse->data, sse->len);
    while ((token = tg_json_read(&edit->json)) > TG_JSON_MORE)
        take(edit, token);
    /* What is not JSON, such as [DONE], passes as it is. */
    if (token == TG_JSON_ERROR) {
        edit->is_decided = true;
        abandon_cut(edit);
    }
}

static bool
is_extra(const struct tg_edit *edit)
{
    return !edit->is_decided && edit->has_no_choices && edit->has_usage;
}

static void
end_event(struct tg_edit *edit, const struct out *out)
{
    bool is_dropped = is_extra(edit) && tg_json_is_complete(&edit->json);

    abandon_cut(edit);
    if (edit->sse.after_cr)
        edit->tail = is_dropped ? TAIL_DROPPED : TAIL_KEPT;
    if (is_dropped)
        edit->kept_at = edit->sse.at;
    else
        give(edit, out, edit->sse.at);
    begin_event(edit);
}

/* How far the client may have what has come of an event. */
static uint64_t
decided_to(const struct tg_edit *edit)
{
    const struct tg_json *json = &edit->json;

    if (!edit->is_decided)
        return edit->kept_at;
    if (edit->cut == MAYBE)
        return edit->cut_at;
    /* Behind a comma a usage may follow. */
    if (!json->error && json->depth == 1 && edit->has_members &&
        json->comma_at >= edit->settled_at && json->comma_at >= edit->line_at)
        return in_stream(edit, json->comma_at);
    return edit->sse.chunk_at + (uint64_t)(edit->sse.end - edit->sse.chunk);
}

/* Moves what is not given away, the carry's rest and the chunk's, to the
   carry. */
static int
keep(struct tg_edit *edit)
{
    const struct tg_sse *sse = &edit->sse;
    uint64_t end = sse->chunk_at + (uint64_t)(sse->end - sse->chunk);
    uint64_t carry_at = sse->chunk_at - edit->carry_len;
    uint64_t from = edit->kept_at;
    size_t old = 0;

    if (end - from > edit->carry_size)
        return TG_ERR_LIMIT;
    if (from < sse->chunk_at) {
        old = (size_t)(sse->chunk_at - from);
        memmove(edit->carry, edit->carry + (from - carry_at), old);
        from = sse->chunk_at;
    }
    if (end > from)
        memcpy(edit->carry + old, sse->chunk + (from - sse->chunk_at),
               (size_t)(end - from));
    edit->carry_len = (size_t)(end - edit->kept_at);
    return 0;
}

static void
take_tail(struct tg_edit *edit, const struct out *out, const char *data)
{
    uint64_t behind = edit->sse.chunk_at + 1;

    if (*data == '\n' && edit->tail == TAIL_KEPT)
        give(edit, out, behind);
    if (*data == '\n' && edit->tail == TAIL_DROPPED)
        edit->kept_at = behind;
    edit->tail = NO_TAIL;
}

int
tg_edit_feed(struct tg_edit *edit, const void *data, size_t len,
             tg_edit_emit *emit_fn, void *arg)
{
    struct out out = {emit_fn, arg};
    enum tg_sse_token token;

    if (edit->err || len == 0)
        return edit->err;
    if (edit->rule == TG_EDIT_NOTHING) {
        emit(edit, &out, data, len);
        return edit->err;
    }
    tg_sse_feed(&edit->sse, data, len);
    take_tail(edit, &out, data);
    while ((token = tg_sse_next(&edit->sse)) != TG_SSE_MORE) {
        if (token == TG_SSE_DATA)
            take_data(edit);
        else
            end_event(edit, &out);
    }
    give(edit, &out, decided_to(edit));
    if (edit->err == 0)
        edit->err = keep(edit);
    return edit->err;
}

int
tg_edit_end(struct tg_edit *edit, tg_edit_emit *emit_fn, void *arg)
{
    struct out out = {emit_fn, arg};

    if (edit->err || edit->rule == TG_EDIT_NOTHING || is_extra(edit))
        return edit->err;
    /* The chunk is gone; what is held is in the carry. */
    tg_sse_feed(&edit->sse, edit->carry, 0);
    abandon_cut(edit);
    give(edit, &out, edit->sse.chunk_at);
    edit->carry_len = 0;
    return edit->err;
}
