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

/* Reads a number of one digit or two, which is at most `most`. */
static const char *
take_number(struct tg_str value, int64_t least, int64_t most, int64_t *to)
{
    int64_t number = 0;

    for (size_t i = 0; i < value.len && i < 3; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return "expected an integer";
        number = number * 10 + (value.data[i] - '0');
    }
    if (value.len == 0 || value.len > 2 || number < least || number > most)
        return "number is out of range";
    *to = number;
    return NULL;
}

static const char *
take_n(struct sim_asking *r, struct tg_str value)
{
    return take_number(value, 1, SIM_ASK_IMAGES_MOST, &r->ask->n);
}

static const char *
take_partials(struct sim_asking *r, struct tg_str value)
{
    return take_number(value, 0, SIM_ASK_PARTIALS_MOST, &r->ask->partials);
}

/* The mask of an edit is a file, but no image to be seen. */
static const char *
take_mask(struct sim_asking *r, struct tg_str data)
{
    (void)r;
    (void)data;
    return NULL;
}

static const char *
take_prompt(struct sim_asking *r, struct tg_str text)
{
    r->ask->inputs = 1;
    return sim_ask_take_text(r, text);
}

#define IN_EDITS SIM_IN(SIM_IMAGE_EDITS)
#define IN_IMAGE_FORMS (IN_EDITS | SIM_IN(SIM_IMAGE_VARIATIONS))

static const struct sim_ask_field fields[] = {
    {"model", sim_ask_take_model, SIM_IN_FORMS, false},
    {"file", take_file, SIM_IN_TRANSCRIPTS, true},
    {"image", take_file, IN_IMAGE_FORMS, true},
    {"image[]", take_file, IN_EDITS, true},
    {"mask", take_mask, IN_EDITS, true},
    {"prompt", take_prompt, SIM_IN_TRANSCRIPTS | IN_EDITS, false},
    {"n", take_n, IN_IMAGE_FORMS, false},
    {"size", sim_ask_take_size, IN_IMAGE_FORMS, false},
    {"quality", sim_ask_take_quality, IN_EDITS, false},
    {"response_format", sim_ask_take_format, SIM_IN_FORMS, false},
    {"stream", take_stream, SIM_IN(SIM_TRANSCRIPTIONS) | IN_EDITS, false},
    {"partial_images", take_partials, IN_EDITS, false},
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
