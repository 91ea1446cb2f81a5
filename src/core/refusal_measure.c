#include "refusal_part.h"
#include "unit.h"

static void
say_name(struct tg_text *out, const struct tg_admission *a)
{
    size_t len = tg_field_len(a->call.model, sizeof(a->call.model));

    tg_refusal_say(out, "`");
    tg_text_json(out, (struct tg_str){a->call.model, len});
    tg_refusal_say(out, "`");
}

static void
say_size(struct tg_text *out, const struct tg_admission *a)
{
    tg_refusal_say(out, "An image of this size and quality has no price here, "
                        "so it cannot be metered. The model ");
    say_name(out, a);
    tg_refusal_say(out, " is priced for ");
    tg_refusal_say(out, a->sizes);
    tg_refusal_say(out, ".");
}

static void
say_unit(struct tg_text *out, const struct tg_admission *a)
{
    const char *unit = tg_unit_name((enum tg_unit)a->call.unit);

    tg_refusal_say(out, "The model ");
    say_name(out, a);
    tg_refusal_say(out, " is priced by the ");
    tg_refusal_say(out, unit != NULL ? unit : "token");
    tg_refusal_say(out, " here, by which ");
    tg_refusal_say(out, a->head.route->name);
    tg_refusal_say(out, " cannot be metered. Choose another one from "
                        "GET /v1/models, or ask your operator for a price.");
}

void
tg_refusal_say_measure(struct tg_text *out, const struct tg_admission *a)
{
    if (a->reason == TG_REASON_SIZE)
        say_size(out, a);
    else
        say_unit(out, a);
}
