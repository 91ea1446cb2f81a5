#include "service.h"

#include "state.h"

static const struct {
    struct tg_str name;
    enum tg_scope scope;
} services[] = {
    {TG_STR_INIT("files"), TG_SCOPE_FILES},
    {TG_STR_INIT("batches"), TG_SCOPE_FILES},
    {TG_STR_INIT("fine_tuning"), TG_SCOPE_FINE_TUNING},
};

#define SERVICES (sizeof(services) / sizeof(services[0]))

uint32_t
tg_service_scopes(struct tg_str name)
{
    const char *mark = name.len == 0 ? NULL : memchr(name.data, '@', name.len);

    if (mark != NULL)
        name.len = (size_t)(mark - name.data);
    for (size_t i = 0; i < SERVICES; i++) {
        if (tg_str_eq(services[i].name, name))
            return (uint32_t)services[i].scope;
    }
    return 0;
}

bool
tg_service_is(struct tg_str name, struct tg_str *owner)
{
    const char *mark = name.len == 0 ? NULL : memchr(name.data, '@', name.len);
    size_t at = mark == NULL ? name.len : (size_t)(mark - name.data) + 1;

    *owner = (struct tg_str){name.data + at, name.len - at};
    return tg_service_scopes(name) != 0;
}

static const struct tg_model *
find(const struct tg_catalog *catalog, struct tg_str name)
{
    int row = catalog == NULL ? -1 : tg_catalog_find(catalog, name);

    return row < 0 ? NULL : &catalog->models[row];
}

const struct tg_model *
tg_service_find(const struct tg_catalog *catalog, struct tg_str service,
                const char account_id[TG_ID_LEN], uint32_t account_slot,
                char *name)
{
    size_t id_len = tg_field_len(account_id, TG_ID_LEN), len = service.len;
    const struct tg_model *model;

    memcpy(name, service.data, len);
    name[len++] = '@';
    memcpy(name + len, account_id, id_len);
    name[len + id_len] = '\0';
    model = find(catalog, (struct tg_str){name, len + id_len});
    if (model != NULL || account_slot != TG_SERVICE_FIRST_ACCOUNT)
        return model;
    name[service.len] = '\0';
    return find(catalog, service);
}
