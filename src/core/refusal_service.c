#include "refusal_part.h"
#include "unit.h"

#define say tg_refusal_say

static void
say_name(struct tg_text *out, const struct tg_admission *a)
{
    size_t len = tg_field_len(a->call.model, sizeof(a->call.model));

    tg_text_json(out, (struct tg_str){a->call.model, len});
}

/* What the operator has to do, with the name that the row must have. */
static void
say_missing(struct tg_text *out, const struct tg_admission *a)
{
    size_t len = tg_field_len(a->call.model, sizeof(a->call.model));
    bool is_owned = memchr(a->call.model, '@', len) != NULL;

    say(out, a->head.route->name);
    say(out, is_owned ? " is not offered to the account of this API key: an "
                        "upstream keeps such objects for one account alone. "
                        "Operator: `tollgate models add "
                      : " has no price here, so it is not served. Operator: "
                        "`tollgate models add ");
    say_name(out, a);
    say(out, " --upstream NAME --unit call --unit-price 0`");
    say(out, is_owned ? ", with an upstream that no other account has for it."
                      : ", or what a call shall cost.");
}

static void
say_unit(struct tg_text *out, const struct tg_admission *a)
{
    const char *unit = tg_unit_name((enum tg_unit)a->call.unit);

    say_name(out, a);
    say(out, " is priced by the ");
    say(out, unit != NULL ? unit : "token");
    say(out, " here, and must be by the call. Operator: `tollgate models add ");
    say_name(out, a);
    say(out, " --unit call --unit-price 0`, or what a call shall cost.");
}

static void
say_dialect(struct tg_text *out, const struct tg_admission *a)
{
    say(out, "The upstream of ");
    say_name(out, a);
    say(out, " has no ");
    say(out, a->head.route->name);
    say(out, ". Operator: `tollgate models add ");
    say_name(out, a);
    say(out, " --upstream NAME`, with one that has.");
}

bool
tg_refusal_say_service(struct tg_text *out, const struct tg_admission *a)
{
    switch (a->reason) {
    case TG_REASON_BATCH_MODELS:
        say(out, "The models of a batch stand in its file, where they are not "
                 "seen here. This API key may use certain models only, so it "
                 "may not make batches. Ask your operator for a key without a "
                 "list of models.");
        return true;
    case TG_REASON_BATCH_ENDPOINT:
        say(out, "This API key may not call ");
        say(out, a->wanted->name);
        say(out, ", so a batch may not do it for it. Ask your operator to add "
                 "the endpoint and its scope.");
        return true;
    case TG_REASON_WRONG_UNIT:
        say_unit(out, a);
        return true;
    case TG_REASON_WRONG_DIALECT:
        say_dialect(out, a);
        return true;
    default:
        if (a->code != TG_CODE_MODEL_NOT_PRICED)
            return false;
        say_missing(out, a);
        return true;
    }
}
