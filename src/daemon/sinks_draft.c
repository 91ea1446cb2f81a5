#include "sinks_draft.h"

#include <stdio.h>
#include <string.h>

#include "members.h"
#include "sink_http.h"

#define TEXT_MAX 1024
#define PEM_MAX 65536
#define CREDENTIAL_MAX 8192
#define NAME_MAX_LEN 128

/* What may stand in a member of a config. */
static const struct shape {
    const char *member;
    const char *allowed; /* NULL: it is a URL, or a PEM */
    const char *is;
} shapes[] = {
    {"url", NULL, "an address such as https://vault.example.com:8200"},
    {"login_url", NULL, "an address such as https://login.example.com"},
    {"token_url", NULL, "an address such as https://oauth.example.com/token"},
    {"ca", NULL, "certificates in PEM: -----BEGIN CERTIFICATE-----"},
    {"scope", TG_SINK_LETTERS ":/._-", "a scope of OAuth"},
    {"mount", TG_SINK_LETTERS "_-", "the mount of a KV engine, as in secret"},
    {"namespace", TG_SINK_LETTERS "_-/", "a namespace"},
    {"region", "abcdefghijklmnopqrstuvwxyz0123456789-",
     "a region, as in eu-west-1"},
    {"tenant_id", TG_SINK_LETTERS ".-", "a tenant's id or domain"},
    {"client_id", TG_SINK_LETTERS "-", "an application's id"},
    {"project_id", "abcdefghijklmnopqrstuvwxyz0123456789-:.", "a project's id"},
};

static bool
is_url(const char *text)
{
    size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                    : strncmp(text, "http://", 7) == 0 ? 7
                                                       : 0;

    return scheme != 0 && text[scheme] != '\0' && strlen(text) <= 256 &&
           strcspn(text, "@?# \t\"\\<>") == strlen(text) &&
           strstr(text + scheme, "//") == NULL && strstr(text, "/.") == NULL;
}

static bool
is_shaped(const struct shape *shape, const char *text)
{
    if (strcmp(shape->member, "ca") == 0)
        return strlen(text) <= PEM_MAX &&
               strncmp(text, "-----BEGIN CERTIFICATE-----", 27) == 0;
    if (shape->allowed == NULL)
        return is_url(text);
    return tg_sink_has_only(text, TEXT_MAX, shape->allowed) &&
           strstr(text, "..") == NULL && text[0] != '/' &&
           text[strlen(text) - 1] != '/' && strstr(text, "//") == NULL;
}

static bool
check_member(struct tg_reply *reply, const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    char param[64];

    snprintf(param, sizeof(param), "config.%s", name);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(shapes[i].member, name) != 0)
            continue;
        if (text != NULL && is_shaped(&shapes[i], text))
            return true;
        return tg_reply_invalid(reply, param, "%s is %s", param, shapes[i].is);
    }
    return tg_reply_invalid(reply, param, "there is no %s", param);
}

/* Calls check for each word of names; false when one is. */
static bool
has_all(struct tg_reply *reply, const json_t *object, const char *prefix,
        const char *names, const struct tg_sink_kind *kind)
{
    char word[64], param[96];

    while (*names != '\0') {
        size_t len = strcspn(names, " ");

        snprintf(word, sizeof(word), "%.*s", (int)len, names);
        snprintf(param, sizeof(param), "%s.%s", prefix, word);
        if (json_object_get(object, word) == NULL)
            return tg_reply_invalid(reply, param,
                                    "a sink of the kind %s needs %s",
                                    kind->name, param);
        names += len + strspn(names + len, " ");
    }
    return true;
}

bool
tg_sinks_draft_config(struct tg_reply *reply, const json_t *body,
                      const struct tg_sink_kind *kind, const json_t **config)
{
    const char *name;
    json_t *value;

    *config = NULL;
    if (!tg_members_object(reply, body, "config", config))
        return false;
    if (*config != NULL &&
        !tg_members_only(reply, *config, "config.", kind->config))
        return false;
    json_object_foreach((json_t *)*config, name, value)
    {
        if (!check_member(reply, name, value))
            return false;
    }
    return has_all(reply, *config, "config", kind->needed, kind);
}

/* Never repeated: what it says is what is missing. */
static bool
copy_credential(struct tg_reply *reply, const json_t *given, const char *name,
                json_t *to)
{
    const json_t *value = json_object_get(given, name);
    const char *text = json_string_value(value);
    char param[96];

    if (value == NULL)
        return true;
    snprintf(param, sizeof(param), "credentials.%s", name);
    if (text == NULL || *text == '\0' || strlen(text) > CREDENTIAL_MAX ||
        strlen(text) != json_string_length(value))
        return tg_reply_invalid(reply, param,
                                "%s is a text of 1 to %d characters", param,
                                CREDENTIAL_MAX);
    if (strchr(text, '\n') != NULL && strcmp(name, "private_key") != 0)
        return tg_reply_invalid(reply, param, "%s is one line", param);
    if (strcmp(name, "project_id") == 0 || strcmp(name, "private_key_id") == 0)
        if (!tg_sink_has_only(text, 128, TG_SINK_LETTERS "-:._"))
            return tg_reply_invalid(reply, param, "%s is no id", param);
    json_object_set_new(to, name, json_string(text));
    return true;
}

static bool
copy_all(struct tg_reply *reply, const json_t *given, const char *names,
         json_t *to)
{
    char word[64];

    while (*names != '\0') {
        size_t len = strcspn(names, " ");

        snprintf(word, sizeof(word), "%.*s", (int)len, names);
        if (!copy_credential(reply, given, word, to))
            return false;
        names += len + strspn(names + len, " ");
    }
    return true;
}

bool
tg_sinks_draft_credentials(struct tg_reply *reply, const json_t *body,
                           const struct tg_sink_kind *kind,
                           json_t **credentials)
{
    const json_t *given = NULL;
    json_t *kept;

    *credentials = NULL;
    if (!tg_members_object(reply, body, "credentials", &given))
        return false;
    if (given == NULL)
        return true;
    if (*kind->credentials == '\0' && json_object_size(given) > 0)
        return tg_reply_invalid(reply, "credentials",
                                "a sink of the kind %s has no credentials",
                                kind->name);
    kept = json_object();
    if (!has_all(reply, given, "credentials", kind->credentials, kind) ||
        !copy_all(reply, given, kind->credentials, kept) ||
        !copy_all(reply, given, kind->more_credentials, kept)) {
        json_decref(kept);
        return false;
    }
    *credentials = kept;
    return true;
}

bool
tg_sinks_draft_place(struct tg_reply *reply, const struct tg_sink_kind *kind,
                     const char *place, const char *name)
{
    if (!kind->is_place(place))
        return tg_reply_invalid(reply, "place", "a place of the kind %s is %s",
                                kind->name, kind->place_is);
    if (kind->naming == TG_SINK_HAS_NO_NAME && *name != '\0')
        return tg_reply_invalid(reply, "name",
                                "a place of the kind %s holds one secret, and "
                                "has no name in it",
                                kind->name);
    if (kind->naming == TG_SINK_HAS_NAME && *name == '\0')
        return tg_reply_invalid(reply, "name",
                                "a place of the kind %s needs a name: of the "
                                "field, or the variable, that is the key",
                                kind->name);
    if (*name != '\0' &&
        !tg_sink_has_only(name, NAME_MAX_LEN, TG_SINK_LETTERS "_.-"))
        return tg_reply_invalid(reply, "name",
                                "a name has letters, digits, '_', '.' and "
                                "'-'");
    return true;
}
