#include "admit.h"

#include "admit_part.h"
#include "key.h"
#include "service.h"

/*
 * The model that a job is to tune need not be in the catalog; a list of
 * models names it all the same.
 */
static bool
may_tune(const struct tg_state *state, const struct tg_catalog *catalog,
         struct tg_str name, struct tg_admission *a)
{
    struct tg_model model = {.flags = 0};
    int row = catalog == NULL ? -1 : tg_catalog_find(catalog, name);

    if (name.len == 0)
        return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_NO_MODEL);
    if (row >= 0)
        model.flags = catalog->models[row].flags;
    tg_field_set(model.name, sizeof(model.name), name.data, name.len);
    if (name.len <= sizeof(model.name) &&
        tg_admit_may_use(state, &a->key, &model))
        return true;
    tg_field_set(a->call.model, sizeof(a->call.model), name.data, name.len);
    return tg_admit_refuse(a, TG_CODE_MODEL_NOT_FOUND, TG_REASON_KEY_MODELS);
}

/* The endpoint that a batch calls, as if its key called it. */
static bool
may_batch_endpoint(const struct tg_body_facts *facts, struct tg_admission *a)
{
    const struct tg_route *own = a->head.route, *route;
    char name[sizeof("POST ") + TG_BODY_WORD_MAX];
    size_t len = strlen(facts->endpoint.text);
    bool may;

    memcpy(name, "POST ", 5);
    memcpy(name + 5, facts->endpoint.text, len);
    route = tg_route_named((struct tg_str){name, 5 + len});
    if (route == NULL || route->served != TG_SERVED_UPSTREAM ||
        route->family == TG_FAMILY_OBJECTS) {
        a->body_fault =
            (struct tg_body_fault){TG_BODY_RANGE, TG_BODY_ENDPOINT,
                                   facts->members[TG_BODY_ENDPOINT].at};
        return tg_admit_refuse(a, TG_CODE_INVALID_REQUEST, TG_REASON_BODY);
    }
    a->head.route = route;
    may = tg_admit_has_endpoint(a) && tg_admit_has_scope(a);
    a->head.route = own;
    if (may)
        return true;
    a->wanted = route;
    return tg_admit_refuse(a, TG_CODE_PERMISSION_DENIED,
                           TG_REASON_BATCH_ENDPOINT);
}

/*
 * A batch names its models in a file, where they are not seen: a key that may
 * not use all of them makes none.
 */
static bool
may_batch(const struct tg_body_facts *facts, struct tg_admission *a)
{
    if (a->key.models != 0 || a->key.kind != TG_KIND_PRODUCTION)
        return tg_admit_refuse(a, TG_CODE_PERMISSION_DENIED,
                               TG_REASON_BATCH_MODELS);
    return may_batch_endpoint(facts, a);
}

const struct tg_model *
tg_admit_service_row(const struct tg_catalog *catalog, struct tg_admission *a)
{
    const struct tg_route *route = a->head.route;
    char name[TG_MODEL_NAME_MAX + 1];
    const struct tg_model *model = tg_service_find(
        catalog, route->service, a->account.id, a->key.account, name);

    tg_field_set(a->call.model, sizeof(a->call.model), name, strlen(name));
    if (model != NULL && (model->scopes & (uint32_t)route->scope))
        return model;
    tg_admit_refuse(a, TG_CODE_MODEL_NOT_PRICED, TG_REASON_NO_SERVICE);
    return NULL;
}

const struct tg_model *
tg_admit_service(const struct tg_state *state, const struct tg_catalog *catalog,
                 const struct tg_body_facts *facts, struct tg_admission *a)
{
    enum tg_endpoint endpoint = a->head.route->endpoint;
    struct tg_str name = {facts->model, facts->model_len};

    if (endpoint == TG_ENDPOINT_JOBS && !may_tune(state, catalog, name, a))
        return NULL;
    if (endpoint == TG_ENDPOINT_BATCHES && !may_batch(facts, a))
        return NULL;
    return tg_admit_service_row(catalog, a);
}
