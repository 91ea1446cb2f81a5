#include "lookout_text.h"

#include <stdio.h>
#include <string.h>

#include "id.h"
#include "reply.h"
#include "throttle.h"

static json_t *
request_id(const struct tg_call_id *id)
{
    char text[TG_REQUEST_ID_TEXT_SIZE];

    tg_request_id_text(id, text);
    return json_string(text);
}

static json_t *
field(const char *data, size_t size)
{
    char text[128];
    size_t len = tg_field_len(data, size);

    memcpy(text, data, len);
    text[len] = '\0';
    return tg_reply_text(text);
}

static json_t *
addresses(const struct tg_watch_row *row)
{
    json_t *list = json_array();
    char ip[TG_THROTTLE_TEXT_SIZE];

    for (uint32_t i = 0; i < row->address_count; i++) {
        tg_throttle_text(ip, row->addresses[i].ip);
        json_array_append_new(list,
                              json_pack("{s:s,s:I}", "ip", ip, "count",
                                        (json_int_t)row->addresses[i].count));
    }
    return list;
}

static json_t *
samples(const struct tg_watch_row *row)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < row->sample_count; i++)
        json_array_append_new(list, request_id(&row->samples[i]));
    return list;
}

static json_t *
codes(const struct tg_watch_row *row)
{
    json_t *list = json_array();

    for (int i = 1; i < TG_CODE_COUNT; i++) {
        if (row->codes >> i & 1)
            json_array_append_new(
                list, json_string(tg_code_row((enum tg_code)i)->name));
    }
    return list;
}

json_t *
tg_lookout_refusals(const struct tg_watch_row *row)
{
    return json_pack(
        "{s:I,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:s}", "count",
        (json_int_t)row->count, "first_at", tg_reply_instant(row->first_ms),
        "last_at", tg_reply_instant(row->last_ms), "codes", codes(row),
        "addresses", addresses(row), "from_other_addresses",
        (json_int_t)row->elsewhere, "request_ids", samples(row), "user_agent",
        field(row->agent, sizeof(row->agent)), "model",
        field(row->model, sizeof(row->model)), "detector", row->detector);
}

void
tg_lookout_refused(const struct tg_detector *detector,
                   const struct tg_watch_row *row,
                   char sentence[TG_LOOKOUT_SENTENCE])
{
    long long seconds = (row->last_ms - row->first_ms + 999) / 1000;
    char ip[TG_THROTTLE_TEXT_SIZE] = "";

    if (detector->subject == TG_SUBJECT_KEY && row->address_count == 1)
        tg_throttle_text(ip, row->addresses[0].ip);
    snprintf(sentence, TG_LOOKOUT_SENTENCE, "%s: %lld refused%s%s in %lld s",
             detector->sentence, (long long)row->count,
             ip[0] != '\0' ? " from " : "", ip, seconds < 1 ? 1 : seconds);
}

static json_t *
known(const struct tg_sights *sights, int64_t at_ms)
{
    json_t *list = json_array();

    for (int i = 0; i < TG_HABIT_SIGHTS; i++) {
        const struct tg_sight *sight = &sights->list[i];

        if (sight->hash != 0 && (sight->new_at_ms == 0 ||
                                 at_ms - sight->new_at_ms >= INT64_C(86400000)))
            json_array_append_new(list, tg_reply_text(sight->name));
    }
    return list;
}

static json_t *
hours(const struct tg_habit *habit)
{
    json_t *list = json_array();

    for (int i = 0; i < 24; i++) {
        if (habit->hours[i] != 0)
            json_array_append_new(list, json_integer(i));
    }
    return list;
}

static json_t *
traits(const struct tg_habit_look *look)
{
    json_t *list = json_array();

    for (int i = 0; i < TG_TRAIT_COUNT; i++) {
        if (look->traits >> i & 1)
            json_array_append_new(list, json_string(tg_traits[i].name));
    }
    return list;
}

json_t *
tg_lookout_pattern(const struct tg_habit *habit,
                   const struct tg_habit_look *look,
                   const struct tg_store_glance *call)
{
    return json_pack(
        "{s:o,s:i,s:[o],s:o,s:{s:o,s:o,s:o,s:o,s:i,s:I,s:o},"
        "s:{s:o,s:o,s:o,s:o,s:o,s:i,s:I,s:o}}",
        "traits", traits(look), "weight", look->weight, "request_ids",
        request_id(&call->id), "known_since",
        tg_reply_instant(habit->first_at_ms), "before", "networks",
        known(&habit->networks, call->at), "user_agents",
        known(&habit->agents, call->at), "models",
        known(&habit->models, call->at), "hours", hours(habit), "days",
        (int)habit->days, "calls", (json_int_t)habit->calls, "most_in_an_hour",
        tg_reply_money(look->peak_nanos), "now", "ip", tg_reply_text(call->ip),
        "network", tg_reply_text(look->network), "user_agent",
        tg_reply_text(call->user_agent), "kind_of_program",
        tg_reply_text(look->agent), "model", tg_reply_text(call->model), "hour",
        (int)(call->at / 3600000 % 24), "calls_this_hour",
        (json_int_t)look->hour_calls, "cost_this_hour",
        tg_reply_money(look->hour_nanos));
}

void
tg_lookout_unlike(const struct tg_habit_look *look,
                  char sentence[TG_LOOKOUT_SENTENCE])
{
    size_t len;

    snprintf(sentence, TG_LOOKOUT_SENTENCE, "is used unlike before: ");
    for (int i = 0, n = 0; i < TG_TRAIT_COUNT; i++) {
        if (!(look->traits >> i & 1))
            continue;
        len = strlen(sentence);
        snprintf(sentence + len, TG_LOOKOUT_SENTENCE - len, "%s%s",
                 n++ > 0 ? ", " : "", tg_traits[i].sentence);
    }
}
