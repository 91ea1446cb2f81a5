#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "args.h"
#include "doctor_shape.h"
#include "own.h"
#include "server.h"
#include "unwrap.h"

#define OPENAI "https://api.openai.com/v1"
#define GATE "http://127.0.0.1:8080/v1"

/* Which variables name the address that goes with a key's variable. */
static const struct place {
    const char *key;
    const char *urls[3];
    const char *usual; /* where clients go without any */
} places[] = {
    {"OPENAI_API_KEY", {"OPENAI_BASE_URL", "OPENAI_API_BASE", NULL}, OPENAI},
    {"DEEPSEEK_API_KEY",
     {"DEEPSEEK_BASE_URL", "DEEPSEEK_API_BASE", NULL},
     "https://api.deepseek.com"},
    {"ANTHROPIC_API_KEY",
     {"ANTHROPIC_BASE_URL", NULL, NULL},
     "https://api.anthropic.com"},
    {"ANTHROPIC_AUTH_TOKEN",
     {"ANTHROPIC_BASE_URL", NULL, NULL},
     "https://api.anthropic.com"},
    {"TOLLGATE_API_KEY", {"TOLLGATE_BASE_URL", "OPENAI_BASE_URL", NULL}, GATE},
    {"TOLLGATE_KEY", {"TOLLGATE_BASE_URL", "OPENAI_BASE_URL", NULL}, GATE},
};

static const struct place others = {
    NULL, {"OPENAI_BASE_URL", "OPENAI_API_BASE", NULL}, OPENAI};

static const struct place *
place_of(const struct tg_doctor *doctor)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (doctor->name != NULL && strcmp(places[i].key, doctor->name) == 0)
            return &places[i];
    }
    return &others;
}

/* MY_API_KEY goes with MY_BASE_URL. */
static void
find_own(struct tg_doctor *doctor)
{
    const char *end =
        doctor->name == NULL ? NULL : strstr(doctor->name, "_API_KEY");
    char *name = NULL;

    if (end == NULL || end[8] != '\0')
        return;
    if (asprintf(&name, "%.*s_BASE_URL", (int)(end - doctor->name),
                 doctor->name) < 0)
        tg_own(NULL);
    doctor->address = tg_doctor_value(doctor, name, &doctor->address_from);
    free(name);
}

/* A second variable that says otherwise, or an old one that is alone. */
static void
warn(struct tg_doctor *doctor, const struct place *place)
{
    char *from = NULL, *second;

    if (place->urls[1] == NULL || doctor->address_from == NULL)
        return;
    if (strncmp(doctor->address_from, "OPENAI_API_BASE", 15) == 0) {
        tg_report_add(&doctor->report, tg_found_url_old_variable,
                      place->urls[1], place->usual, NULL);
        return;
    }
    second = tg_doctor_value(doctor, place->urls[1], &from);
    if (second != NULL && strcmp(second, doctor->address) != 0 &&
        strncmp(doctor->address_from, place->urls[0], strlen(place->urls[0])) ==
            0 &&
        place != &places[4] && place != &places[5])
        tg_report_add(&doctor->report, tg_found_url_two_variables,
                      place->urls[0], from, NULL);
    free(second);
    free(from);
}

/* Where clients go that nobody tells where; a gate where it listens. */
static char *
usual_of(const struct place *place)
{
    const char *listen = getenv("TOLLGATE_LISTEN");
    char *url = NULL, *gate;

    if (strcmp(place->usual, GATE) != 0 || listen == NULL || *listen == '\0')
        return tg_own(strdup(place->usual));
    gate = tg_server_url_of_listen(listen);
    if (asprintf(&url, "%s/v1", gate) < 0)
        tg_own(NULL);
    free(gate);
    return url;
}

static void
find_address(struct tg_doctor *doctor, const struct place *place)
{
    const char *given = tg_args_value(doctor->cli, "base-url"), *empty;

    if (given != NULL) {
        doctor->address = tg_own(strdup(given));
        doctor->address_from = tg_own(strdup("--base-url"));
        return;
    }
    if (place == &others)
        find_own(doctor);
    for (size_t i = 0; place->urls[i] != NULL && doctor->address == NULL; i++) {
        doctor->address =
            tg_doctor_value(doctor, place->urls[i], &doctor->address_from);
        empty = getenv(place->urls[i]);
        if (doctor->address == NULL && empty != NULL && *empty == '\0')
            tg_report_add(&doctor->report, tg_found_url_empty, place->urls[i],
                          NULL, NULL);
    }
    if (doctor->address != NULL)
        warn(doctor, place);
    else
        doctor->address = usual_of(place);
}

static enum tg_doctor_api
find_api(const struct tg_doctor *doctor)
{
    const char *given = tg_args_value(doctor->cli, "api");

    if (given != NULL)
        return strcmp(given, "anthropic") == 0 ? TG_API_ANTHROPIC
                                               : TG_API_OPENAI;
    return doctor->name != NULL && strncmp(doctor->name, "ANTHROPIC_", 10) == 0
               ? TG_API_ANTHROPIC
               : TG_API_OPENAI;
}

/* Whether what is inside the variable is a key of ours, sound or damaged. */
static bool
is_ours(const struct tg_doctor *doctor)
{
    struct tg_str inside;

    if (doctor->key == NULL)
        return false;
    inside = (struct tg_str){doctor->key, strlen(doctor->key)};
    tg_unwrap(&inside);
    return inside.len >= 7 && memcmp(inside.data, "sk-tg", 5) == 0 &&
           inside.data[6] == '_';
}

/* What is wrong with the address, or for this key. */
static void
judge(struct tg_doctor *doctor, const struct place *place)
{
    struct tg_doctor_report *report = &doctor->report;
    const struct tg_doctor_url *url = &doctor->url;
    const char *from = doctor->address_from, *base;
    const char *example =
        doctor->api == TG_API_ANTHROPIC ? "http://127.0.0.1:8080" : GATE;

    if (url->provider != NULL && is_ours(doctor) && from == NULL) {
        tg_report_add(report, tg_found_url_default_ours, url->given,
                      place->urls[0], example);
    } else if (url->provider != NULL && is_ours(doctor)) {
        tg_report_add(report, tg_found_url_wrong_provider, url->given,
                      url->provider->name, example);
    } else if (url->site != NULL) {
        base =
            doctor->api == TG_API_ANTHROPIC && url->site->anthropic_base != NULL
                ? url->site->anthropic_base
                : url->site->openai_base;
        tg_report_add(report, tg_found_url_wrong_host, url->given,
                      url->site->name, base);
    } else if (url->fault == tg_found_none && from == NULL) {
        tg_report_add(report, tg_found_url_default, url->given, NULL, NULL);
    } else if (url->fault == tg_found_none) {
        tg_report_add(report, tg_found_url_fine, url->given, from, NULL);
    } else if (url->fault == tg_found_url_is_key ||
               url->fault == tg_found_url_placeholder ||
               url->fault == tg_found_url_has_key) {
        tg_report_add(report, url->fault, from, example, NULL);
    } else if (url->fault == tg_found_url_unclean) {
        tg_report_add(report, url->fault, from, url->base, NULL);
    } else {
        tg_report_add(report, url->fault, url->given, url->base, NULL);
    }
}

void
tg_doctor_look_address(struct tg_doctor *doctor)
{
    const struct place *place = place_of(doctor);

    doctor->api = find_api(doctor);
    find_address(doctor, place);
    tg_doctor_url_judge(&doctor->url, doctor->address, doctor->api);
    judge(doctor, place);
    if (doctor->url.is_usable && !doctor->url.is_https &&
        !doctor->url.is_near &&
        !tg_report_has_failed(&doctor->report, TG_STEP_ADDRESS))
        tg_report_add(&doctor->report, tg_found_url_plain_http,
                      doctor->url.given, NULL, NULL);
    snprintf(doctor->base, sizeof(doctor->base), "%s", doctor->url.base);
}

void
tg_doctor_look_shape(struct tg_doctor *doctor)
{
    struct tg_doctor_shape shape;
    struct tg_str key, inside;

    if (doctor->key == NULL) {
        tg_report_skip(&doctor->report, TG_STEP_SHAPE, tg_found_skipped_before,
                       NULL);
        return;
    }
    key = inside = (struct tg_str){doctor->key, strlen(doctor->key)};
    tg_unwrap(&inside);
    tg_report_hide(&doctor->report, inside);
    tg_doctor_shape_judge(&doctor->report, doctor->name, key,
                          doctor->url.provider, &shape);
    doctor->shape = shape.inside;
    doctor->may_send =
        shape.is_fit && !(doctor->url.provider != NULL && is_ours(doctor));
    for (size_t i = 0; i < key.len; i++)
        doctor->may_send &= key.data[i] > ' ' && key.data[i] <= '~';
}
