#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "policy.h"
#include "say.h"
#include "suggest.h"

#define FILE_BYTES_MAX (256u << 20)

void
tg_policy_init(struct tg_policy *policy, struct tg_cli *cli)
{
    *policy = (struct tg_policy){.cli = cli};
    for (int i = 0; i < TG_POLICY_KINDS; i++)
        policy->index[i] = json_object();
    policy->account_names = json_object();
    policy->channel_names = json_object();
    policy->upstream_names = json_object();
    policy->named_accounts = json_object();
}

void
tg_policy_release(struct tg_policy *policy)
{
    size_t i;

    for (i = 0; i < policy->step_count; i++) {
        free(policy->steps[i].name);
        free(policy->steps[i].note);
        json_decref(policy->steps[i].changes);
    }
    free(policy->steps);
    for (i = 0; i < policy->wish_count; i++) {
        free(policy->wishes[i].name);
        free(policy->wishes[i].ended);
    }
    free(policy->wishes);
    for (i = 0; i < policy->file_count; i++) {
        tg_yaml_release(&policy->files[i]->yaml);
        free(policy->files[i]->path);
        free(policy->files[i]);
    }
    free(policy->files);
    for (i = 0; i < TG_POLICY_KINDS; i++)
        json_decref(policy->index[i]);
    json_decref(policy->account_names);
    json_decref(policy->channel_names);
    json_decref(policy->upstream_names);
    json_decref(policy->named_accounts);
}

/* All of a file; *data is the caller's. */
static int
read_all(FILE *in, const char *path, char **data, size_t *len)
{
    size_t cap = 1u << 16, n;

    *data = tg_own(malloc(cap));
    *len = 0;
    while ((n = fread(*data + *len, 1, cap - *len, in)) > 0) {
        *len += n;
        if (*len > FILE_BYTES_MAX)
            return tg_say_failed("%s is longer than %u MiB", path,
                                 FILE_BYTES_MAX >> 20);
        if (*len == cap)
            *data = tg_own(realloc(*data, cap *= 2));
    }
    return ferror(in)
               ? tg_say_failed("cannot read %s: %s", path, strerror(errno))
               : TG_EXIT_OK;
}

static void
add_wish(struct tg_policy *policy, const struct tg_policy_file *file,
         const struct tg_yaml_node *node, enum tg_policy_kind_number kind)
{
    size_t n = policy->wish_count;

    /* Grows when its length is a power of two. */
    if ((n & (n - 1)) == 0)
        policy->wishes = tg_own(realloc(
            policy->wishes, (n > 0 ? 2 * n : 1) * sizeof(*policy->wishes)));
    policy->wishes[policy->wish_count++] =
        (struct tg_wish){.file = file, .node = node, .kind = kind};
}

static void
refuse_section(const struct tg_policy_file *file,
               const struct tg_yaml_node *name)
{
    struct tg_suggestion near;

    tg_suggest_init(&near, name->text);
    for (int i = 0; i < TG_POLICY_KINDS; i++)
        tg_suggest_try(&near, tg_policy_kinds[i].section);
    if (tg_suggest_best(&near) != NULL)
        tg_policy_fault(file, name,
                        "there is no section %.60s; did you mean %s?",
                        name->text, tg_suggest_best(&near));
    else
        tg_policy_fault(file, name,
                        "there is no section %.60s; there are accounts, keys, "
                        "models, prices, upstreams, credentials and alerts",
                        name->text);
}

static void
take_section(struct tg_policy *policy, const struct tg_policy_file *file,
             const struct tg_yaml_node *name, const struct tg_yaml_node *list)
{
    int kind = 0;

    while (kind < TG_POLICY_KINDS &&
           strcmp(tg_policy_kinds[kind].section, name->text) != 0)
        kind++;
    if (kind == TG_POLICY_KINDS) {
        refuse_section(file, name);
        return;
    }
    if (tg_yaml_is_null(list))
        return;
    if (list->kind != TG_YAML_LIST) {
        tg_policy_fault(file, list, "%s must be a list", name->text);
        return;
    }
    for (uint32_t i = 0; i < list->count; i++)
        add_wish(policy, file, list->items[i],
                 (enum tg_policy_kind_number)kind);
}

static void
take_documents(struct tg_policy *policy, const struct tg_policy_file *file)
{
    for (size_t i = 0; i < file->yaml.count; i++) {
        const struct tg_yaml_node *root = file->yaml.documents[i];

        if (root->kind != TG_YAML_MAP) {
            tg_policy_fault(file, root,
                            "a policy is a map of sections: accounts, keys, "
                            "models, prices, upstreams, credentials, alerts");
            continue;
        }
        for (uint32_t j = 0; j < root->count; j++)
            take_section(policy, file, root->names[j], root->items[j]);
    }
}

int
tg_policy_load(struct tg_policy *policy, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "re");
    struct tg_policy_file *file;
    struct tg_yaml_fault fault;
    char *data;
    size_t len;
    int rc;

    if (in == NULL)
        return tg_say_failed("cannot read %s: %s", path, strerror(errno));
    rc = read_all(in, path, &data, &len);
    if (!is_stdin)
        fclose(in);
    if (rc != TG_EXIT_OK) {
        free(data);
        return rc;
    }
    file = tg_own(calloc(1, sizeof(*file)));
    file->path = tg_own(strdup(is_stdin ? "(standard input)" : path));
    file->faults = &policy->faults;
    policy->files = tg_own(realloc(policy->files, (policy->file_count + 1) *
                                                      sizeof(*policy->files)));
    policy->files[policy->file_count++] = file;
    if (tg_yaml_read(&file->yaml, data, len, &fault))
        take_documents(policy, file);
    else
        tg_policy_fault(
            file,
            &(struct tg_yaml_node){.line = fault.line, .column = fault.column},
            "%s", fault.text);
    free(data);
    return TG_EXIT_OK;
}

int
tg_policy_settle_faults(const struct tg_policy *policy)
{
    if (policy->faults == 0)
        return TG_EXIT_OK;
    return tg_say_failed("%u fault%s; nothing was changed", policy->faults,
                         tg_plural(policy->faults));
}

json_t *
tg_wish_read(const struct tg_wish *wish)
{
    return tg_policy_read(wish->file, &tg_policy_kinds[wish->kind], wish->node);
}

struct tg_wish *
tg_policy_find(struct tg_policy *policy, enum tg_policy_kind_number kind,
               const char *name)
{
    const json_t *number = json_object_get(policy->index[kind], name);

    return number != NULL ? &policy->wishes[json_integer_value(number)] : NULL;
}

/* A path in a file is as seen from where the file is. */
static char *
path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    char *whole = NULL;

    if (*path == '/' || slash == NULL)
        return tg_own(strdup(path));
    if (asprintf(&whole, "%.*s/%s", (int)(slash - file), file, path) < 0)
        tg_own(NULL);
    return whole;
}

static int
secret_of_env(const char *name, struct tg_asked *secret)
{
    const char *value = getenv(name);

    if (value == NULL || *value == '\0')
        return tg_say_failed("there is no %s in the environment", name);
    if (strlen(value) > TG_ASKED_MAX)
        return tg_say_failed("%s is too long to be a secret", name);
    strcpy(secret->data, value);
    return TG_EXIT_OK;
}

int
tg_wish_secret(struct tg_cli *cli, const struct tg_wish *wish,
               struct tg_asked *secret)
{
    json_t *flat = tg_wish_read(wish);
    const char *file = json_string_value(json_object_get(flat, "from_file"));
    const char *env = json_string_value(json_object_get(flat, "from_env"));
    int rc = TG_EXIT_FAILED;
    char *path;

    memset(secret, 0, sizeof(*secret));
    if (file != NULL) {
        path = path_beside(wish->file->path, file);
        rc = tg_ask_secret(cli, path, secret);
        free(path);
    } else if (env != NULL) {
        rc = secret_of_env(env, secret);
    }
    json_decref(flat);
    return rc;
}
