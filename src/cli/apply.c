#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "nouns.h"
#include "policy.h"
#include "say.h"
#include "secrets_file.h"
#include "table.h"

#define EXIT_CHANGES 2 /* with --detailed-exitcode */

const struct tg_option tg_apply_options[] = {
    {"file", "FILE", "a policy, YAML or JSON (-f); repeat for more",
     TG_VALUE_LIST, NULL, NULL},
    {"dry-run", NULL, "show what it would do and change nothing",
     TG_VALUE_SWITCH, NULL, NULL},
    {"prune", NULL, "delete keys and credentials that the files leave out",
     TG_VALUE_SWITCH, NULL, NULL},
    {"secrets", "FILE", "where the secrets of new keys are written",
     TG_VALUE_TEXT, NULL, NULL},
    {"detailed-exitcode", NULL, "exit with 2 where there was something to do",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

static int
load_all(struct tg_policy *policy)
{
    const struct tg_cli *cli = policy->cli;
    int rc = TG_EXIT_OK;

    if (!tg_args_has(cli, "file"))
        return tg_say_usage(cli, "name a policy: -f FILE");
    for (size_t i = 0; i < cli->arg_count && rc == TG_EXIT_OK; i++) {
        if (strcmp(cli->args[i].option->name, "file") == 0)
            rc = tg_policy_load(policy, cli->args[i].value);
    }
    if (rc == TG_EXIT_OK)
        tg_policy_check(policy);
    return rc == TG_EXIT_OK ? tg_policy_settle_faults(policy) : rc;
}

static bool
makes_keys(const struct tg_policy *policy)
{
    for (size_t i = 0; i < policy->step_count; i++) {
        if (policy->steps[i].kind == TG_POLICY_KEY &&
            policy->steps[i].verb == TG_POLICY_CREATE)
            return true;
    }
    return false;
}

/* What stands between a plan and its doing. */
static int
may_do(const struct tg_policy *policy)
{
    size_t ends = policy->counts[TG_POLICY_DELETE];

    if (makes_keys(policy) && policy->secrets == NULL)
        return tg_say_usage(policy->cli,
                            "this makes keys, whose secrets are shown to "
                            "nobody again: say where they are written, "
                            "--secrets FILE");
    if (ends == 0)
        return TG_EXIT_OK;
    return tg_say_confirm(policy->cli, "Delete %zu, as shown with -, for good?",
                          ends);
}

static void
conclude(const struct tg_policy *policy)
{
    const size_t *counts = policy->counts;

    if (policy->cli->is_json || policy->cli->is_quiet)
        return;
    printf("Done: %zu created, %zu changed, %zu deleted.\n",
           counts[TG_POLICY_CREATE], counts[TG_POLICY_CHANGE],
           counts[TG_POLICY_DELETE]);
    if (makes_keys(policy))
        tg_say_note(policy->cli, "The secrets of the new keys stand in %s.",
                    tg_secrets_path(policy->secrets));
}

static int
run(struct tg_policy *policy)
{
    struct tg_cli *cli = policy->cli;
    bool is_dry = tg_args_has(cli, "dry-run");
    json_t *result;
    int rc = tg_policy_plan(policy);

    if (rc != TG_EXIT_OK)
        return rc;
    if (!cli->is_json && (!cli->is_quiet || is_dry))
        tg_policy_show(policy);
    if (!is_dry && policy->step_count > 0) {
        rc = may_do(policy);
        if (rc == TG_EXIT_OK)
            rc = tg_policy_carry_out(policy);
        if (rc == TG_EXIT_OK)
            conclude(policy);
    }
    if (cli->is_json) {
        result = tg_policy_json(policy, is_dry);
        tg_table_json(result);
        json_decref(result);
    }
    if (rc == TG_EXIT_OK && policy->step_count > 0 &&
        tg_args_has(cli, "detailed-exitcode"))
        rc = EXIT_CHANGES;
    return rc;
}

int
tg_apply(struct tg_cli *cli)
{
    const char *path = tg_args_value(cli, "secrets");
    struct tg_policy policy;
    int rc;

    tg_policy_init(&policy, cli);
    policy.prunes = tg_args_has(cli, "prune");
    rc = load_all(&policy);
    if (rc == TG_EXIT_OK && path != NULL && !tg_args_has(cli, "dry-run"))
        rc = tg_secrets_open(&policy.secrets, path);
    if (rc == TG_EXIT_OK)
        rc = run(&policy);
    tg_secrets_close(policy.secrets);
    tg_policy_release(&policy);
    return rc;
}
