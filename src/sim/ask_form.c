/* A request body that is a form. */
#include "ask_part.h"
#include "form.h"

static const char *
take_file(struct sim_asking *r, struct tg_str data)
{
    r->ask->files++;
    r->ask->file_bytes += data.len;
    return NULL;
}

static const char *
take_stream(struct sim_asking *r, struct tg_str value)
{
    r->ask->is_stream = tg_str_eq(value, TG_STR("true"));
    return r->ask->is_stream || tg_str_eq(value, TG_STR("false"))
               ? NULL
               : "stream must be true or false";
}

static const struct sim_ask_field fields[] = {
    {"model", sim_ask_take_model, SIM_IN_FORMS, false},
    {"file", take_file, SIM_IN_FORMS, true},
    {"prompt", sim_ask_take_text, SIM_IN_FORMS, false},
    {"response_format", sim_ask_take_format, SIM_IN_FORMS, false},
    {"stream", take_stream, SIM_IN(SIM_TRANSCRIPTIONS), false},
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const struct sim_ask_field *
find(const struct sim_asking *r, struct tg_str name)
{
    for (size_t i = 0; i < FIELDS; i++)
        if ((fields[i].where & SIM_IN(r->ask->endpoint)) &&
            tg_str_eq(name,
                      (struct tg_str){fields[i].name, strlen(fields[i].name)}))
            return &fields[i];
    return NULL;
}

int
sim_ask_form(struct sim_asking *r, const struct sim_request *request)
{
    struct sim_form form;
    struct sim_form_part part;

    if (sim_form_init(&form, request))
        return sim_json_fail(&r->json, form.fault);
    while (sim_form_next(&form, &part) > 0) {
        const struct sim_ask_field *field = find(r, part.name);
        const char *wrong = NULL;

        if (field && field->is_file && !part.filename.data)
            wrong = "a file must have a filename";
        else if (field)
            wrong = field->read(r, part.data);
        if (wrong)
            return sim_json_fail(&r->json, wrong);
    }
    return form.fault ? sim_json_fail(&r->json, form.fault) : 0;
}
