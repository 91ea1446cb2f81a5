#include "nouns.h"
#include "up.h"

#include <string.h>

const struct tg_option tg_global_options[] = {
    {"json", NULL, "print the API's object", TG_VALUE_SWITCH, NULL, NULL},
    {"quiet", NULL, "print results only (-q)", TG_VALUE_SWITCH, NULL, NULL},
    {"yes", NULL, "answer yes to questions (-y)", TG_VALUE_SWITCH, NULL, NULL},
    {"no-color", NULL, "no colours on a terminal; NO_COLOR does the same",
     TG_VALUE_SWITCH, NULL, NULL},
    {"home", "DIR", "the home of a gate on this machine; TOLLGATE_HOME, ./var",
     TG_VALUE_TEXT, NULL, NULL},
    {"admin-url", "URL",
     "its admin API: http://…, https://…, unix:/PATH; "
     "TOLLGATE_ADMIN_URL",
     TG_VALUE_TEXT, NULL, NULL},
    {"token", "TOKEN", "an operator's token; better: TOLLGATE_ADMIN_TOKEN",
     TG_VALUE_TEXT, NULL, NULL},
    {"proof-file", "FILE",
     "your password or a code, where one is asked for; - is standard input",
     TG_VALUE_TEXT, NULL, NULL},
    {"help", NULL, "say what a command does (-h)", TG_VALUE_SWITCH, NULL, NULL},
    {"version", NULL, "say which version this is (-V)", TG_VALUE_SWITCH, NULL,
     NULL},
    {0},
};

const struct tg_option tg_limit_options[] = {
    {"limit", "N", "at most so many rows; all", TG_VALUE_COUNT, NULL, NULL},
    {0},
};

/* src/cli/up_options.c reads these; here they are for help and checks. */
const struct tg_option tg_up_options[] = {
    {"home", "DIR", "where all state is; TOLLGATE_HOME, else ./var",
     TG_VALUE_TEXT, NULL, NULL},
    {"listen", "ADDR:PORT", "the address; TOLLGATE_LISTEN, 127.0.0.1:8080",
     TG_VALUE_TEXT, NULL, NULL},
    {"trusted-proxy", "CIDR",
     "whose X-Forwarded-For counts; repeat; TOLLGATE_TRUSTED_PROXIES",
     TG_VALUE_LIST, NULL, NULL},
    {"detach", NULL, "return when it is ready; it goes on by itself",
     TG_VALUE_SWITCH, NULL, NULL},
    {"die-with-parent", NULL, "end when the calling process ends",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

const struct tg_option tg_down_options[] = {
    {"home", "DIR", "where all state is; TOLLGATE_HOME, else ./var",
     TG_VALUE_TEXT, NULL, NULL},
    {0},
};

const struct tg_option tg_status_options[] = {
    {"home", "DIR", "where all state is; TOLLGATE_HOME, else ./var",
     TG_VALUE_TEXT, NULL, NULL},
    {"json", NULL, "print an object instead of text", TG_VALUE_SWITCH, NULL,
     NULL},
    {0},
};

const struct tg_command tg_commands[] = {
    {"up", NULL, NULL, "run nginx and the daemon, supervised", "up --detach",
     tg_up_options, NULL, tg_cli_up},
    {"down", NULL, NULL, "end what up runs", "down", tg_down_options, NULL,
     tg_cli_down},
    {"status", NULL, NULL, "say what runs, and whether it is well",
     "status --json", tg_status_options, NULL, tg_cli_status},

    {"backup", NULL, "FILE", "copy the store to a file, while it runs or not",
     "backup /srv/backup/tollgate.db", NULL, tg_backup, NULL},
    {"restore", NULL, "FILE", "put a backup in the store's place; asks first",
     "restore /srv/backup/tollgate.db --yes", tg_restore_options, tg_restore,
     NULL},

    {"apply", NULL, NULL, "make the gate as files say, and show what differs",
     "apply -f policy.yaml --secrets new-keys.jsonl", tg_apply_options,
     tg_apply, NULL},
    {"export", NULL, NULL, "write what the gate has as such a file",
     "export --account research > policy.yaml", tg_export_options, tg_export,
     NULL},

    {"keys", "create", NULL, "make a key and show it once",
     "keys create --name ci --scope chat --rpm 60 --monthly-limit 10",
     tg_keys_create_options, tg_keys_create, NULL},
    {"keys", "list", NULL, "list keys, newest first",
     "keys list --status active", tg_keys_list_options, tg_keys_list, NULL},
    {"keys", "show", "ID", "show a key's policy and its secrets' use",
     "keys show key_…", NULL, tg_keys_show, NULL},
    {"keys", "check", "ID", "may it, and if not, what is missing",
     "keys check key_… --scope chat --model deepseek-flash",
     tg_keys_check_options, tg_keys_check, NULL},
    {"keys", "update", "ID", "change a key's policy, from its next call on",
     "keys update key_… --rpm 120 --model 'deepseek-*' --no-expires",
     tg_keys_update_options, tg_keys_update, NULL},
    {"keys", "pause", "ID", "refuse a key's calls until it is resumed",
     "keys pause key_…", NULL, tg_keys_pause, NULL},
    {"keys", "resume", "ID", "let a paused key call again", "keys resume key_…",
     NULL, tg_keys_resume, NULL},
    {"keys", "rotate", "[ID]", "give a key another secret, or all old ones",
     "keys rotate key_… --grace 24h", tg_keys_rotate_options, tg_keys_rotate,
     NULL},
    {"keys", "rotation", "[STEP] ID", "show, end, extend or undo a rotation",
     "keys rotation end key_…", tg_keys_rotation_options, tg_keys_rotation,
     NULL},
    {"keys", "disable", "ID", "end a key for good; asks first",
     "keys disable key_… --yes", NULL, tg_keys_disable, NULL},
    {"keys", "delete", "ID", "take a key out for good; asks first",
     "keys delete key_… --yes", NULL, tg_keys_delete, NULL},

    {"leak", "report", NULL, "whose is a key that was found; shut it",
     "leak report --stdin --url https://github.com/… --disable < found.txt",
     tg_leak_report_options, tg_leak_report, NULL},
    {"leak", "list", NULL, "list what was reported, newest first",
     "leak list --key key_…", tg_leak_list_options, tg_leak_list, NULL},

    {"accounts", "create", NULL, "make an account",
     "accounts create --name research --billing prepaid",
     tg_accounts_create_options, tg_accounts_create, NULL},
    {"accounts", "list", NULL, "list accounts", "accounts list",
     tg_limit_options, tg_accounts_list, NULL},
    {"accounts", "show", "ACCOUNT", "show balance, plan and verification",
     "accounts show default", NULL, tg_accounts_show, NULL},
    {"accounts", "top-up", "ACCOUNT AMOUNT", "add money that was paid",
     "accounts top-up research 50", NULL, tg_accounts_top_up, NULL},
    {"accounts", "grant", "ACCOUNT AMOUNT", "add money that was not paid for",
     "accounts grant research 5.00", NULL, tg_accounts_grant, NULL},
    {"accounts", "verify", "ACCOUNT", "say that it is known who it is",
     "accounts verify research", NULL, tg_accounts_verify, NULL},
    {"accounts", "suspend", "ACCOUNT", "let none of its keys call",
     "accounts suspend research", NULL, tg_accounts_suspend, NULL},
    {"accounts", "resume", "ACCOUNT", "let its keys call again",
     "accounts resume research", NULL, tg_accounts_resume, NULL},

    {"models", NULL, NULL, "list models, who serves them, and prices", "models",
     tg_limit_options, tg_models_list, NULL},
    {"models", "list", NULL, "the same", "models list --json", tg_limit_options,
     tg_models_list, NULL},
    {"models", "show", "ID", "show a model, who serves it, and its price",
     "models show deepseek-flash", NULL, tg_models_show, NULL},
    {"models", "add", "ID", "offer a model, or change one",
     "models add qwen3-32b --upstream vllm --prompt 0.2 --completion 0.8",
     tg_models_add_options, tg_models_add, NULL},

    {"prices", "list", NULL, "show the price book: what is in force or to come",
     "prices list --model gpt-4o --all", tg_prices_list_options, tg_prices_list,
     NULL},
    {"prices", "add", "MODEL", "add a row: what a model costs, from when",
     "prices add gpt-4o --prompt 2.5 --completion 10 --cache-hit 1.25",
     tg_prices_add_options, tg_prices_add, NULL},
    {"prices", "import", "FILE", "add rows from a file, LiteLLM's or our own",
     "prices import model_prices_and_context_window.json --provider openai "
     "--only 'gpt-5*' --dry-run",
     tg_prices_import_options, tg_prices_import, NULL},

    {"upstreams", "add", NULL, "add a provider",
     "upstreams add --name deepseek --base-url https://api.deepseek.com",
     tg_upstreams_add_options, tg_upstreams_add, NULL},
    {"upstreams", "list", NULL, "list providers", "upstreams list",
     tg_limit_options, tg_upstreams_list, NULL},
    {"upstreams", "test", "NAME", "ask one something, with each credential",
     "upstreams test deepseek", NULL, tg_upstreams_test, NULL},

    {"credentials", "add", NULL, "give a provider's secret to the gate",
     "credentials add --upstream deepseek < secret.txt",
     tg_credentials_add_options, tg_credentials_add, NULL},
    {"credentials", "rotate", "ID", "put another secret in one's place",
     "credentials rotate cred_… --file new.key", tg_credentials_rotate_options,
     tg_credentials_rotate, NULL},
    {"credentials", "update", "ID", "say how many calls at once it takes",
     "credentials update cred_… --concurrency 500",
     tg_credentials_update_options, tg_credentials_update, NULL},
    {"credentials", "disable", "ID", "use one no more; asks first",
     "credentials disable cred_… --yes", NULL, tg_credentials_disable, NULL},
    {"credentials", "reopen", "ID", "use one again that was taken out",
     "credentials reopen cred_…", NULL, tg_credentials_reopen, NULL},
    {"credentials", "list", NULL, "list credentials, never secrets",
     "credentials list", tg_limit_options, tg_credentials_list, NULL},

    {"operators", "create", NULL, "make an operator of the gate",
     "operators create --name ann --role auditor", tg_operators_create_options,
     tg_operators_create, NULL},
    {"operators", "list", NULL, "list operators", "operators list",
     tg_limit_options, tg_operators_list, NULL},
    {"operators", "show", "OPERATOR", "show one; me is yourself",
     "operators show me", NULL, tg_operators_show, NULL},
    {"operators", "update", "OPERATOR", "change role, status or accounts",
     "operators update ann --role admin", tg_operators_update_options,
     tg_operators_update, NULL},
    {"operators", "disable", "OPERATOR", "end one for good; asks first",
     "operators disable ann --yes", NULL, tg_operators_disable, NULL},

    {"operators", "password", "OPERATOR", "set a password; asks for it",
     "operators password me", tg_operators_password_options,
     tg_operators_password, NULL},
    {"operators", "totp", NULL, "set up codes of your telephone",
     "operators totp", NULL, tg_operators_totp, NULL},
    {"operators", "remove-totp", "OPERATOR", "take them away; asks first",
     "operators remove-totp ann", NULL, tg_operators_remove_totp, NULL},
    {"operators", "recovery-codes", NULL,
     "make new ones, for when the telephone is gone",
     "operators recovery-codes", NULL, tg_operators_recovery_codes, NULL},

    {"login", NULL, "OPERATOR", "begin a session with your password",
     "login ann --admin-url https://gate.example.com", NULL, tg_login, NULL},
    {"logout", NULL, NULL, "end it", "logout", NULL, tg_logout, NULL},
    {"sessions", "list", NULL, "list sessions in use", "sessions list",
     tg_tokens_list_options, tg_sessions_list, NULL},
    {"sessions", "end", "ID", "end one", "sessions end ses_…", NULL,
     tg_sessions_end, NULL},

    {"tokens", "create", NULL, "make a token and show it once",
     "tokens create --name ci --scope keys --account research --expires 90d",
     tg_tokens_create_options, tg_tokens_create, NULL},
    {"tokens", "list", NULL, "list tokens and their last use", "tokens list",
     tg_tokens_list_options, tg_tokens_list, NULL},
    {"tokens", "revoke", "ID", "end a token for good; asks first",
     "tokens revoke tok_… --yes", NULL, tg_tokens_revoke, NULL},

    {"usage", NULL, NULL, "requests, tokens and cost, to the nano-unit",
     "usage --since 30d --by model", tg_usage_options, tg_usage_show, NULL},

    {"calls", "list", NULL, "list calls, newest first",
     "calls list --since 168h --not-ok", tg_calls_list_options, tg_calls_list,
     NULL},

    {"denials", NULL, NULL, "list refused requests, counted, newest first",
     "denials", tg_denials_list_options, tg_denials_list, NULL},
    {"denials", "list", NULL, "the same",
     "denials list --since 24h --code invalid_api_key", tg_denials_list_options,
     tg_denials_list, NULL},

    {"events", NULL, NULL, "list what happened, newest first", "events",
     tg_events_list_options, tg_events_list, NULL},
    {"events", "list", NULL, "the same",
     "events list --since 7d --type suspicious_pattern", tg_events_list_options,
     tg_events_list, NULL},
    {"events", "show", "ID", "show one event with all its evidence",
     "events show evt_…", NULL, tg_events_show, NULL},

    {"audit", "list", NULL, "list what operators changed, newest first",
     "audit list --since 7d --action key", tg_audit_list_options, tg_audit_list,
     NULL},
    {"audit", "verify", NULL, "is the log what was written",
     "audit verify --file audit.jsonl --head 5f1a…", tg_audit_verify_options,
     tg_audit_verify, NULL},
    {"audit", "export", "FILE", "copy it to a file, an entry a line",
     "audit export audit.jsonl", NULL, tg_audit_export, NULL},

    {"ledger", "verify", NULL, "compare journal, store, counters and holds",
     "ledger verify --json", tg_ledger_verify_options, tg_ledger_verify, NULL},
    {"ledger", "reconcile", NULL, "compare with an upstream's own figures",
     "ledger reconcile --upstream deepseek", tg_ledger_reconcile_options,
     tg_ledger_reconcile, NULL},
    {0},
};

const char *
tg_noun_summary(const char *noun)
{
    static const struct {
        const char *noun, *summary;
    } rows[] = {
        {"up", "run the gate on this machine"},
        {"down", "end it"},
        {"status", "what runs, and whether it is well"},
        {"backup", "a copy of the store, in a file"},
        {"restore", "the store from such a copy"},
        {"apply", "make the gate as files say"},
        {"export", "what the gate has, as such a file"},
        {"keys", "who may call, and what"},
        {"leak", "keys that were found where they should not be"},
        {"accounts", "who pays"},
        {"models", "what is offered"},
        {"prices", "what it costs"},
        {"upstreams", "the providers behind the gate"},
        {"credentials", "the secrets they know us by"},
        {"operators", "who runs the gate, and what they may"},
        {"login", "begin a session with your password"},
        {"logout", "end it"},
        {"sessions", "who is logged in"},
        {"tokens", "by what their programs are known"},
        {"usage", "what was used, and what it cost"},
        {"calls", "the calls, one by one"},
        {"denials", "requests that were refused, counted"},
        {"events", "what happened that somebody should know of"},
        {"audit", "what operators changed"},
        {"ledger", "whether the books agree"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].noun, noun) == 0)
            return rows[i].summary;
    }
    return NULL;
}
