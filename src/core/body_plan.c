#include "body.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct plan {
    struct tg_body_edit *edits;
    size_t count;
};

__attribute__((format(printf, 4, 5))) static void
add(struct plan *plan, uint64_t offset, uint64_t remove_len, const char *format,
    ...)
{
    struct tg_body_edit edit = {.offset = offset,
                                .remove_len = (uint32_t)remove_len};
    size_t i = plan->count;
    va_list ap;
    int len;

    assert(plan->count < TG_BODY_EDITS_MAX);
    va_start(ap, format);
    len = vsnprintf(edit.insert, sizeof(edit.insert), format, ap);
    va_end(ap);
    assert(len >= 0 && (size_t)len < sizeof(edit.insert));
    edit.insert_len = (uint32_t)len;
    for (; i > 0 && plan->edits[i - 1].offset > offset; i--)
        plan->edits[i] = plan->edits[i - 1];
    plan->edits[i] = edit;
    plan->count++;
}

static void
ask_usage(struct plan *plan, const struct tg_body_facts *facts)
{
    const struct tg_body_value *options =
        &facts->members[TG_BODY_STREAM_OPTIONS];
    const struct tg_body_value *usage = &facts->members[TG_BODY_INCLUDE_USAGE];

    if (!options->is_present)
        add(plan, facts->insert_at, 0,
            "\"stream_options\":{\"include_usage\":true}%s",
            facts->is_empty ? "" : ",");
    else if (options->is_null)
        add(plan, options->at, options->len, "{\"include_usage\":true}");
    else if (!usage->is_present)
        add(plan, options->at + 1, 0, "\"include_usage\":true%s",
            facts->options_are_empty ? "" : ",");
    else if (!usage->value)
        add(plan, usage->at, usage->len, "true");
}

static bool
is_limit(enum tg_body_member member)
{
    return member == TG_BODY_MAX_TOKENS ||
           member == TG_BODY_MAX_COMPLETION_TOKENS ||
           member == TG_BODY_MAX_OUTPUT_TOKENS;
}

/* Clamps the limits that stand there; when none counts, puts one. */
static void
limit(struct plan *plan, const struct tg_body_facts *facts,
      const struct tg_body_want *want)
{
    const struct tg_body_value *value;
    long long tokens = want->max_tokens;
    bool has_limit = false;
    int m;

    for (m = TG_BODY_MAX_TOKENS; m <= TG_BODY_MAX_OUTPUT_TOKENS; m++) {
        value = &facts->members[m];
        if (!value->is_present || value->is_null)
            continue;
        has_limit |= (want->obeyed >> m & 1) != 0;
        if (value->value > tokens)
            add(plan, value->at, value->len, "%lld", tokens);
    }
    if (has_limit)
        return;
    assert(is_limit(want->limit_member));
    value = &facts->members[want->limit_member];
    if (value->is_null)
        add(plan, value->at, value->len, "%lld", tokens);
    else if (!value->is_present)
        add(plan, facts->insert_at, 0, "\"%s\":%lld%s",
            tg_body_member_name(want->limit_member), tokens,
            facts->is_empty ? "" : ",");
}

size_t
tg_body_plan(const struct tg_body_facts *facts, const struct tg_body_want *want,
             struct tg_body_edit *edits)
{
    struct plan plan = {edits, 0};

    if (want->include_usage && facts->members[TG_BODY_STREAM].value)
        ask_usage(&plan, facts);
    if (want->max_tokens >= 0)
        limit(&plan, facts, want);
    return plan.count;
}

uint64_t
tg_body_edited_len(const struct tg_body_facts *facts,
                   const struct tg_body_edit *edits, size_t count)
{
    uint64_t len = facts->total_bytes;
    size_t i;

    for (i = 0; i < count; i++)
        len = len - edits[i].remove_len + edits[i].insert_len;
    return len;
}
