#include "routes.h"

#include <string.h>

#include "admin.h"
#include "leak_door.h"

/* A permission that is not one makes an array of negative size. */
#define PERMIT(p) ((p) + 0 * sizeof(char[(p) > TG_MAY_NOTHING ? 1 : -1]))
#define READ(p, allowed, takes, handler, ...)                                  \
    {                                                                          \
        .method = "GET", .path = "/admin/v1" p, .permission = PERMIT(allowed), \
        .arguments = takes, .handle = handler, __VA_ARGS__                     \
    }
#define CHANGE(verb, p, allowed, entry, takes, handler, ...)                   \
    {                                                                          \
        .method = verb, .path = "/admin/v1" p, .permission = PERMIT(allowed),  \
        .action = "" entry, .arguments = takes, .handle = handler, __VA_ARGS__ \
    }

/* Behind the handler, what its row is about if not all accounts. */
#define COMMON .reach = TG_REACH_COMMON
#define OWN_LIST .reach = TG_REACH_OWN_LIST
#define OF_KEY .reach = TG_REACH_KEY
#define OF_ACCOUNT .reach = TG_REACH_ACCOUNT
#define OF_MEMBER .reach = TG_REACH_MEMBER
#define OF_SELF .reach = TG_REACH_SELF
#define IN_PARTS .is_in_parts = true
#define OWN_TAG .has_own_tag = true
/* And what cannot be undone, or lets somebody in. */
#define FRESH .needs_proof = true
#define OPEN .is_open = true

/* And what waits, so that others do not: lanes.h. */
#define ENDS_LEAKS .lane = TG_LANE_LEAK
#define READS .lane = TG_LANE_READ
#define LONG .lane = TG_LANE_LONG
#define EXPORTS .lane = TG_LANE_EXPORT
#define ASKS_OTHERS .lane = TG_LANE_OUTSIDE

#define PAGE " limit after"

static const struct tg_admin_route routes[] = {
    READ("/accounts", TG_MAY_READ, PAGE, tg_admin_account_list, OWN_LIST),
    CHANGE("POST", "/accounts", TG_MAY_CHANGE_ACCOUNTS, "account.create", "",
           tg_admin_account_create),
    READ("/accounts/{}", TG_MAY_READ, "", tg_admin_account_show, OF_ACCOUNT),
    CHANGE("PATCH", "/accounts/{}", TG_MAY_CHANGE_ACCOUNTS, "account.update",
           "", tg_admin_account_update, OWN_TAG),
    CHANGE("POST", "/accounts/{}/top-up", TG_MAY_CHANGE_ACCOUNTS,
           "account.top_up", "", tg_admin_account_top_up),
    CHANGE("POST", "/accounts/{}/grant", TG_MAY_CHANGE_ACCOUNTS,
           "account.grant", "", tg_admin_account_grant),
    CHANGE("POST", "/accounts/{}/verify", TG_MAY_ADMIT_ACCOUNTS,
           "account.verify", "", tg_admin_account_verify),
    CHANGE("POST", "/accounts/{}/suspend", TG_MAY_ADMIT_ACCOUNTS,
           "account.suspend", "", tg_admin_account_suspend),
    CHANGE("POST", "/accounts/{}/resume", TG_MAY_ADMIT_ACCOUNTS,
           "account.resume", "", tg_admin_account_resume),
    READ("/keys", TG_MAY_READ,
         PAGE " account status name label kind owner last_used_before "
              "expires_before",
         tg_admin_key_list, READS, OWN_LIST),
    CHANGE("POST", "/keys", TG_MAY_CHANGE_KEYS, "key.create", "",
           tg_admin_key_create, OF_MEMBER),
    READ("/keys/review", TG_MAY_READ_USAGE,
         PAGE " account key unused_days rotated_days networks",
         tg_admin_key_review, LONG, OWN_LIST),
    READ("/keys/{}", TG_MAY_READ, "", tg_admin_key_show, READS, OF_KEY),
    READ("/keys/{}/check", TG_MAY_READ, " scope model endpoint ip referrer at",
         tg_admin_key_check, OF_KEY),
    READ("/keys/{}/usage", TG_MAY_READ_USAGE, " period", tg_admin_key_usage,
         READS, OF_KEY),
    READ("/keys/{}/usage/detailed", TG_MAY_READ_USAGE,
         " start end granularity timezone", tg_admin_key_detail, LONG, OF_KEY),
    READ("/keys/{}/usage/models", TG_MAY_READ_USAGE, " period",
         tg_admin_key_models, READS, OF_KEY),
    READ("/keys/{}/usage/patterns", TG_MAY_READ_USAGE, " period",
         tg_admin_key_patterns, READS, OF_KEY),
    READ("/keys/{}/usage/current", TG_MAY_READ_USAGE, "", tg_admin_key_current,
         OF_KEY),
    READ("/keys/{}/limits", TG_MAY_READ, "", tg_admin_key_limits, OF_KEY),
    READ("/keys/{}/health", TG_MAY_READ, "", tg_admin_key_health, OF_KEY),
    READ("/keys/{}/limits/suggestion", TG_MAY_READ_USAGE, " since",
         tg_admin_advice_limits, LONG, OF_KEY),
    READ("/keys/{}/errors", TG_MAY_READ_USAGE, " hours limit",
         tg_admin_key_errors, READS, OF_KEY),
    CHANGE("PATCH", "/keys/{}", TG_MAY_CHANGE_KEYS, "key.update", "",
           tg_admin_key_update, OF_KEY, .also = TG_MAY_CHANGE_BUDGETS, OWN_TAG),
    CHANGE("DELETE", "/keys/{}", TG_MAY_CHANGE_KEYS, "key.delete", "",
           tg_admin_key_delete, OF_KEY, FRESH, OWN_TAG),
    CHANGE("POST", "/keys/{}/pause", TG_MAY_CHANGE_KEYS, "key.pause", "",
           tg_admin_key_pause, OF_KEY),
    CHANGE("POST", "/keys/{}/resume", TG_MAY_CHANGE_KEYS, "key.resume", "",
           tg_admin_key_resume, OF_KEY),
    CHANGE("POST", "/keys/{}/disable", TG_MAY_CHANGE_KEYS, "key.disable", "",
           tg_admin_key_disable, OF_KEY, FRESH),
    CHANGE("POST", "/keys/{}/rotate", TG_MAY_CHANGE_KEYS, "key.rotate", "",
           tg_admin_key_rotate, OF_KEY),
    CHANGE("POST", "/keys/{}/rotation/end", TG_MAY_CHANGE_KEYS,
           "key.rotation_end", "", tg_admin_rotation_end, OF_KEY),
    CHANGE("POST", "/keys/{}/rotation/extend", TG_MAY_CHANGE_KEYS,
           "key.rotation_extend", "", tg_admin_rotation_extend, OF_KEY),
    CHANGE("POST", "/keys/{}/rotation/undo", TG_MAY_CHANGE_KEYS,
           "key.rotation_undo", "", tg_admin_rotation_undo, OF_KEY),
    READ("/keys/{}/leak-usage", TG_MAY_READ_USAGE, " leaked_at",
         tg_admin_leak_usage, LONG, OF_KEY),
    CHANGE("POST", "/keys/{}/leak-response", TG_MAY_CHANGE_KEYS, "leak.respond",
           " dry_run", tg_admin_leak_respond, ENDS_LEAKS, OF_KEY, FRESH,
           IN_PARTS),
    READ("/leaks", TG_MAY_READ, PAGE " key", tg_admin_leak_list),
    CHANGE("POST", "/leaks", TG_MAY_REPORT_LEAKS, "leak.report", "",
           tg_admin_leak_report, IN_PARTS),
    CHANGE("POST", "/leaks/github", TG_MAY_REPORT_LEAKS, "leak.report", "",
           tg_admin_leak_github, COMMON, .know = tg_leak_door,
           .takes_list = true),
    READ("/keys/{}/sinks", TG_MAY_READ, "", tg_admin_key_sink_list, OF_KEY),
    CHANGE("PUT", "/keys/{}/sinks", TG_MAY_CHANGE_CREDENTIALS, "key.sinks", "",
           tg_admin_key_sink_put, FRESH),
    CHANGE("POST", "/keys/{}/deliver", TG_MAY_CHANGE_KEYS, "key.deliver", "",
           tg_admin_key_deliver, OF_KEY),
    READ("/sinks", TG_MAY_READ, PAGE, tg_admin_sink_list),
    CHANGE("POST", "/sinks", TG_MAY_CHANGE_CREDENTIALS, "sink.create", "",
           tg_admin_sink_create, FRESH),
    READ("/sinks/{}", TG_MAY_READ, "", tg_admin_sink_show),
    CHANGE("PATCH", "/sinks/{}", TG_MAY_CHANGE_CREDENTIALS, "sink.update", "",
           tg_admin_sink_update, FRESH),
    CHANGE("DELETE", "/sinks/{}", TG_MAY_CHANGE_CREDENTIALS, "sink.delete", "",
           tg_admin_sink_delete),
    CHANGE("POST", "/sinks/{}/test", TG_MAY_CHANGE_CREDENTIALS, "sink.test", "",
           tg_admin_sink_test, ASKS_OTHERS),
    READ("/deliveries", TG_MAY_READ, PAGE " key sink state",
         tg_admin_sink_delivery_list, READS),
    READ("/models", TG_MAY_READ, "", tg_admin_model_list, COMMON),
    CHANGE("POST", "/models", TG_MAY_CHANGE_CATALOG, "model.put", "",
           tg_admin_model_put),
    READ("/models/{}", TG_MAY_READ, "", tg_admin_model_show, COMMON),
    READ("/prices", TG_MAY_READ, " model current", tg_admin_price_list, COMMON),
    CHANGE("POST", "/prices", TG_MAY_CHANGE_CATALOG, "price.add", " dry_run",
           tg_admin_price_add),
    READ("/upstreams", TG_MAY_READ, "", tg_admin_upstream_list),
    CHANGE("POST", "/upstreams", TG_MAY_CHANGE_CATALOG, "upstream.put", "",
           tg_admin_upstream_put, ASKS_OTHERS, FRESH),
    READ("/upstreams/{}", TG_MAY_READ, "", tg_admin_upstream_show),
    CHANGE("POST", "/upstreams/{}/test", TG_MAY_CHANGE_CREDENTIALS,
           "upstream.test", "", tg_admin_upstream_test, ASKS_OTHERS),
    READ("/credentials", TG_MAY_READ, "", tg_admin_credential_list),
    CHANGE("POST", "/credentials", TG_MAY_CHANGE_CREDENTIALS, "credential.add",
           "", tg_admin_credential_add),
    READ("/credentials/{}", TG_MAY_READ, "", tg_admin_credential_show),
    CHANGE("PATCH", "/credentials/{}", TG_MAY_CHANGE_CREDENTIALS,
           "credential.update", "", tg_admin_credential_update),
    CHANGE("POST", "/credentials/{}/rotate", TG_MAY_CHANGE_CREDENTIALS,
           "credential.rotate", "", tg_admin_credential_rotate),
    CHANGE("POST", "/credentials/{}/disable", TG_MAY_CHANGE_CREDENTIALS,
           "credential.disable", "", tg_admin_credential_disable, FRESH),
    CHANGE("POST", "/credentials/{}/check", TG_MAY_CHANGE_CREDENTIALS,
           "credential.check", "", tg_admin_credential_check, ASKS_OTHERS),
    CHANGE("POST", "/credentials/{}/reopen", TG_MAY_CHANGE_CREDENTIALS,
           "credential.reopen", "", tg_admin_credential_reopen),
    READ("/operators", TG_MAY_READ, PAGE, tg_admin_operator_list),
    CHANGE("POST", "/operators", TG_MAY_CHANGE_OPERATORS, "operator.create", "",
           tg_admin_operator_create, FRESH),
    READ("/operators/{}", TG_MAY_READ, "", tg_admin_operator_show, OF_SELF),
    CHANGE("PATCH", "/operators/{}", TG_MAY_CHANGE_OPERATORS, "operator.update",
           "", tg_admin_operator_update, FRESH),
    CHANGE("DELETE", "/operators/{}", TG_MAY_CHANGE_OPERATORS,
           "operator.disable", "", tg_admin_operator_disable, FRESH),
    CHANGE("POST", "/operators/{}/password", TG_MAY_ACT_FOR_ONESELF,
           "operator.password", "", tg_admin_operator_password, OF_SELF, FRESH),
    CHANGE("POST", "/operators/{}/totp", TG_MAY_ACT_FOR_ONESELF,
           "operator.totp_begin", "", tg_admin_totp_begin, OF_SELF, FRESH),
    CHANGE("POST", "/operators/{}/totp/confirm", TG_MAY_ACT_FOR_ONESELF,
           "operator.totp_confirm", "", tg_admin_totp_confirm, OF_SELF, FRESH),
    CHANGE("DELETE", "/operators/{}/totp", TG_MAY_ACT_FOR_ONESELF,
           "operator.totp_remove", "", tg_admin_totp_remove, OF_SELF, FRESH),
    CHANGE("POST", "/operators/{}/recovery-codes", TG_MAY_ACT_FOR_ONESELF,
           "operator.recovery_codes", "", tg_admin_recovery_codes, OF_SELF,
           FRESH),
    READ("/sessions", TG_MAY_ACT_FOR_ONESELF, PAGE " operator",
         tg_admin_session_list, COMMON),
    CHANGE("POST", "/sessions", TG_MAY_ACT_FOR_ONESELF, "session.create", "",
           tg_admin_login, COMMON, OPEN),
    CHANGE("DELETE", "/sessions/{}", TG_MAY_ACT_FOR_ONESELF, "session.end", "",
           tg_admin_session_end, COMMON),
    CHANGE("POST", "/sessions/step-up", TG_MAY_ACT_FOR_ONESELF,
           "session.step_up", "", tg_admin_step_up, COMMON),
    READ("/tokens", TG_MAY_ACT_FOR_ONESELF, PAGE " operator",
         tg_admin_token_list, COMMON),
    CHANGE("POST", "/tokens", TG_MAY_ACT_FOR_ONESELF, "token.create", "",
           tg_admin_token_create, COMMON, FRESH),
    CHANGE("DELETE", "/tokens/{}", TG_MAY_ACT_FOR_ONESELF, "token.revoke", "",
           tg_admin_token_revoke, COMMON),
    READ("/usage", TG_MAY_READ_USAGE,
         " key account model scope upstream status since until by timezone "
         "fill latency",
         tg_admin_usage, LONG, OWN_LIST),
    READ("/usage/plot", TG_MAY_READ_USAGE,
         " key account model scope upstream status since until by timezone "
         "format width height scale",
         tg_admin_plot, LONG, OWN_LIST),
    READ("/report", TG_MAY_READ_USAGE,
         " period at timezone account key format lang", tg_admin_report, LONG,
         OWN_LIST),
    READ("/report-schedules", TG_MAY_READ, "", tg_admin_report_schedule_list,
         READS),
    CHANGE("POST", "/report-schedules", TG_MAY_CHANGE_ALERTS, "schedule.create",
           "", tg_admin_report_schedule_create),
    READ("/report-schedules/{}", TG_MAY_READ, "",
         tg_admin_report_schedule_show),
    CHANGE("PATCH", "/report-schedules/{}", TG_MAY_CHANGE_ALERTS,
           "schedule.update", "", tg_admin_report_schedule_update),
    CHANGE("DELETE", "/report-schedules/{}", TG_MAY_CHANGE_ALERTS,
           "schedule.delete", "", tg_admin_report_schedule_delete),
    CHANGE("POST", "/report-schedules/{}/send-now", TG_MAY_CHANGE_ALERTS,
           "schedule.send", "", tg_admin_report_schedule_send, ASKS_OTHERS),
    READ("/cost/advice", TG_MAY_READ_USAGE,
         " key account since limit min_saving", tg_admin_advice_cost, LONG,
         OWN_LIST),
    READ("/calls", TG_MAY_READ_USAGE,
         PAGE " key account model since until status not_ok code ip agent "
              "endpoint scope upstream request_id trace_id min_latency_ms",
         tg_admin_call_list, READS, OWN_LIST),
    READ("/calls/export", TG_MAY_READ_USAGE,
         " format key account model since until status not_ok code ip agent "
         "endpoint scope upstream request_id trace_id min_latency_ms",
         tg_admin_call_export, EXPORTS, OWN_LIST),
    READ("/calls/{}", TG_MAY_READ_USAGE, "", tg_admin_call_show, READS,
         OWN_LIST),
    READ("/denials", TG_MAY_READ, PAGE " key account code since until",
         tg_admin_denial_list, READS, OWN_LIST),
    READ("/denials/export", TG_MAY_READ, " format key account code since until",
         tg_admin_denial_export, EXPORTS, OWN_LIST),
    READ("/events", TG_MAY_READ, PAGE " key account type severity since until",
         tg_admin_event_list, READS, OWN_LIST),
    READ("/events/export", TG_MAY_READ,
         " format key account type severity since until", tg_admin_event_export,
         EXPORTS, OWN_LIST),
    READ("/events/{}", TG_MAY_READ, "", tg_admin_event_show, READS, OWN_LIST),
    READ("/audit", TG_MAY_READ_AUDIT,
         PAGE " operator action subject since until", tg_admin_audit_list,
         READS),
    READ("/audit/head", TG_MAY_READ_AUDIT, "", tg_admin_audit_head, READS),
    READ("/audit/verify", TG_MAY_READ_AUDIT, " head", tg_admin_audit_verify,
         LONG),
    READ("/audit/export", TG_MAY_READ_AUDIT, " after limit",
         tg_admin_audit_export, READS),
    READ("/alerts", TG_MAY_READ, "", tg_admin_alert_list, READS),
    CHANGE("POST", "/alerts", TG_MAY_CHANGE_ALERTS, "alert.create", "",
           tg_admin_alert_create),
    READ("/alerts/episodes", TG_MAY_READ, PAGE " open alert key",
         tg_admin_episode_list, READS),
    READ("/alerts/deliveries", TG_MAY_READ, PAGE " channel status",
         tg_admin_delivery_list, READS),
    READ("/alerts/{}", TG_MAY_READ, "", tg_admin_alert_show),
    CHANGE("PATCH", "/alerts/{}", TG_MAY_CHANGE_ALERTS, "alert.update", "",
           tg_admin_alert_update),
    CHANGE("DELETE", "/alerts/{}", TG_MAY_CHANGE_ALERTS, "alert.delete", "",
           tg_admin_alert_delete),
    READ("/channels", TG_MAY_READ, "", tg_admin_channel_list, READS),
    CHANGE("POST", "/channels", TG_MAY_CHANGE_ALERTS, "channel.create", "",
           tg_admin_channel_create),
    READ("/channels/{}", TG_MAY_READ, "", tg_admin_channel_show),
    CHANGE("PATCH", "/channels/{}", TG_MAY_CHANGE_ALERTS, "channel.update", "",
           tg_admin_channel_update),
    CHANGE("DELETE", "/channels/{}", TG_MAY_CHANGE_ALERTS, "channel.delete", "",
           tg_admin_channel_delete),
    CHANGE("POST", "/channels/{}/test", TG_MAY_CHANGE_ALERTS, "channel.test",
           "", tg_admin_channel_test, ASKS_OTHERS),
    CHANGE("POST", "/ledger/verify", TG_MAY_READ_USAGE, "ledger.verify", "",
           tg_admin_ledger_begin),
    READ("/ledger/verify", TG_MAY_READ_USAGE, "", tg_admin_ledger_show),
    CHANGE("POST", "/ledger/reconcile", TG_MAY_CHANGE_CREDENTIALS,
           "ledger.reconcile", "", tg_admin_reconcile, ASKS_OTHERS),
    READ("/openapi.json", TG_MAY_READ, "", tg_admin_openapi, COMMON),
    READ("/health", TG_MAY_READ, "", tg_admin_health, COMMON),
    READ("/health/checks", TG_MAY_READ, "", tg_admin_health_report),
    READ("/metrics", TG_MAY_READ_METRICS, "", tg_admin_metrics),
};

const struct tg_admin_route *
tg_routes(size_t *n)
{
    *n = sizeof(routes) / sizeof(routes[0]);
    return routes;
}

const struct tg_admin_route *
tg_route_showing(const struct tg_admin_route *one)
{
    static const char prefix[] = "/admin/v1/";
    const char *noun = one->path + sizeof(prefix) - 1;
    size_t count = sizeof(routes) / sizeof(routes[0]);
    size_t len = sizeof(prefix) - 1 + strcspn(noun, "/");

    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].method, "GET") == 0 &&
            strncmp(routes[i].path, one->path, len) == 0 &&
            strcmp(routes[i].path + len, "/{}") == 0)
            return &routes[i];
    }
    return NULL;
}
