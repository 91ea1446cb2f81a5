/*
 * nouns.h: what the rows of the command table run, and the options they take.
 *
 * Each returns an exit code after all was said.
 */
#ifndef TG_NOUNS_H
#define TG_NOUNS_H

#include "cell.h"
#include "cli.h"

int tg_apply(struct tg_cli *cli);
int tg_export(struct tg_cli *cli);

int tg_cost_optimize(struct tg_cli *cli);
int tg_limits_suggest(struct tg_cli *cli);

int tg_leak_respond(struct tg_cli *cli);
int tg_leak_show(struct tg_cli *cli);
int tg_leak_report(struct tg_cli *cli);
int tg_leak_list(struct tg_cli *cli);

int tg_keys_create(struct tg_cli *cli);
int tg_keys_list(struct tg_cli *cli);
int tg_keys_show(struct tg_cli *cli);
int tg_keys_check(struct tg_cli *cli);
int tg_keys_review(struct tg_cli *cli);
int tg_keys_update(struct tg_cli *cli);
int tg_keys_pause(struct tg_cli *cli);
int tg_keys_resume(struct tg_cli *cli);
int tg_keys_disable(struct tg_cli *cli);
int tg_keys_delete(struct tg_cli *cli);
int tg_keys_rotate(struct tg_cli *cli);
int tg_keys_rotation(struct tg_cli *cli);

int tg_accounts_create(struct tg_cli *cli);
int tg_accounts_update(struct tg_cli *cli);
int tg_accounts_list(struct tg_cli *cli);
int tg_accounts_show(struct tg_cli *cli);
int tg_accounts_top_up(struct tg_cli *cli);
int tg_accounts_grant(struct tg_cli *cli);
int tg_accounts_verify(struct tg_cli *cli);
int tg_accounts_suspend(struct tg_cli *cli);
int tg_accounts_resume(struct tg_cli *cli);

int tg_models_list(struct tg_cli *cli);
int tg_models_add(struct tg_cli *cli);
int tg_models_show(struct tg_cli *cli);
int tg_prices_list(struct tg_cli *cli);
int tg_prices_add(struct tg_cli *cli);
int tg_prices_import(struct tg_cli *cli);

int tg_upstreams_add(struct tg_cli *cli);
int tg_upstreams_list(struct tg_cli *cli);
int tg_upstreams_test(struct tg_cli *cli);
int tg_credentials_add(struct tg_cli *cli);
int tg_credentials_rotate(struct tg_cli *cli);
int tg_credentials_update(struct tg_cli *cli);
int tg_credentials_disable(struct tg_cli *cli);
int tg_credentials_reopen(struct tg_cli *cli);
int tg_credentials_list(struct tg_cli *cli);
int tg_credentials_show(struct tg_cli *cli);
int tg_credentials_check(struct tg_cli *cli);

int tg_keys_deliver(struct tg_cli *cli);
int tg_sinks_add(struct tg_cli *cli);
int tg_sinks_list(struct tg_cli *cli);
int tg_sinks_show(struct tg_cli *cli);
int tg_sinks_update(struct tg_cli *cli);
int tg_sinks_test(struct tg_cli *cli);
int tg_sinks_delete(struct tg_cli *cli);
int tg_sinks_deliveries(struct tg_cli *cli);

int tg_operators_create(struct tg_cli *cli);
int tg_operators_list(struct tg_cli *cli);
int tg_operators_show(struct tg_cli *cli);
int tg_operators_update(struct tg_cli *cli);
int tg_operators_disable(struct tg_cli *cli);
int tg_operators_password(struct tg_cli *cli);
int tg_operators_totp(struct tg_cli *cli);
int tg_operators_remove_totp(struct tg_cli *cli);
int tg_operators_recovery_codes(struct tg_cli *cli);
int tg_login(struct tg_cli *cli);
int tg_logout(struct tg_cli *cli);
int tg_sessions_list(struct tg_cli *cli);
int tg_sessions_end(struct tg_cli *cli);
int tg_tokens_create(struct tg_cli *cli);
int tg_tokens_list(struct tg_cli *cli);
int tg_tokens_revoke(struct tg_cli *cli);

int tg_audit_list(struct tg_cli *cli);
int tg_audit_verify(struct tg_cli *cli);
int tg_audit_export(struct tg_cli *cli);
int tg_ledger_verify(struct tg_cli *cli);
int tg_ledger_reconcile(struct tg_cli *cli);
int tg_backup(struct tg_cli *cli);
int tg_restore(struct tg_cli *cli);

int tg_alerts_list(struct tg_cli *cli);
int tg_alerts_rules(struct tg_cli *cli);
int tg_alerts_rules_show(struct tg_cli *cli);
int tg_alerts_rules_add(struct tg_cli *cli);
int tg_alerts_rules_update(struct tg_cli *cli);
int tg_alerts_rules_delete(struct tg_cli *cli);
int tg_alerts_channels(struct tg_cli *cli);
int tg_alerts_channels_add(struct tg_cli *cli);
int tg_alerts_channels_update(struct tg_cli *cli);
int tg_alerts_channels_test(struct tg_cli *cli);
int tg_alerts_channels_delete(struct tg_cli *cli);
int tg_alerts_deliveries(struct tg_cli *cli);
int tg_denials_export(struct tg_cli *cli);
int tg_denials_list(struct tg_cli *cli);
int tg_doctor(struct tg_cli *cli);
int tg_events_export(struct tg_cli *cli);
int tg_events_list(struct tg_cli *cli);
int tg_events_show(struct tg_cli *cli);
int tg_health_show(struct tg_cli *cli);
int tg_usage_show(struct tg_cli *cli);
int tg_report_daily(struct tg_cli *cli);
int tg_report_weekly(struct tg_cli *cli);
int tg_report_monthly(struct tg_cli *cli);
int tg_report_schedule_list(struct tg_cli *cli);
int tg_report_schedule_show(struct tg_cli *cli);
int tg_report_schedule_create(struct tg_cli *cli);
int tg_report_schedule_update(struct tg_cli *cli);
int tg_report_schedule_delete(struct tg_cli *cli);
int tg_report_schedule_send_now(struct tg_cli *cli);
int tg_calls_list(struct tg_cli *cli);
int tg_calls_export(struct tg_cli *cli);
int tg_calls_show(struct tg_cli *cli);

extern const struct tg_option tg_apply_options[];
extern const struct tg_option tg_export_options[];
extern const struct tg_option tg_cost_optimize_options[];
extern const struct tg_option tg_limits_suggest_options[];
extern const struct tg_option tg_leak_respond_options[];
extern const struct tg_option tg_leak_show_options[];
extern const struct tg_option tg_leak_report_options[];
extern const struct tg_option tg_leak_list_options[];
extern const struct tg_option tg_keys_create_options[];
extern const struct tg_option tg_keys_update_options[];
extern const struct tg_option tg_keys_check_options[];
extern const struct tg_option tg_keys_list_options[];
extern const struct tg_option tg_keys_review_options[];
extern const struct tg_option tg_keys_rotate_options[];
extern const struct tg_option tg_keys_rotation_options[];
extern const struct tg_option tg_accounts_create_options[];
extern const struct tg_option tg_accounts_update_options[];
extern const struct tg_option tg_models_add_options[];
extern const struct tg_option tg_prices_list_options[];
extern const struct tg_option tg_prices_add_options[];
extern const struct tg_option tg_prices_import_options[];
extern const struct tg_option tg_upstreams_add_options[];
extern const struct tg_option tg_credentials_add_options[];
extern const struct tg_option tg_credentials_rotate_options[];
extern const struct tg_option tg_credentials_update_options[];
extern const struct tg_option tg_alerts_list_options[];
extern const struct tg_option tg_alerts_rules_add_options[];
extern const struct tg_option tg_alerts_rules_update_options[];
extern const struct tg_option tg_alerts_channels_add_options[];
extern const struct tg_option tg_alerts_channels_update_options[];
extern const struct tg_option tg_alerts_deliveries_options[];
extern const struct tg_option tg_keys_deliver_options[];
extern const struct tg_option tg_sinks_add_options[];
extern const struct tg_option tg_sinks_update_options[];
extern const struct tg_option tg_sinks_test_options[];
extern const struct tg_option tg_sinks_deliveries_options[];
extern const struct tg_option tg_denials_list_options[];
extern const struct tg_option tg_doctor_options[];
extern const struct tg_option tg_events_list_options[];
extern const struct tg_option tg_health_options[];
extern const struct tg_option tg_denials_export_options[];
extern const struct tg_option tg_events_export_options[];
extern const struct tg_option tg_usage_options[];
extern const struct tg_option tg_report_options[];
extern const struct tg_option tg_report_schedule_create_options[];
extern const struct tg_option tg_report_schedule_update_options[];
extern const struct tg_option tg_calls_list_options[];
extern const struct tg_option tg_calls_export_options[];
extern const struct tg_option tg_operators_create_options[];
extern const struct tg_option tg_operators_update_options[];
extern const struct tg_option tg_operators_password_options[];
extern const struct tg_option tg_tokens_create_options[];
extern const struct tg_option tg_tokens_list_options[];
extern const struct tg_option tg_audit_list_options[];
extern const struct tg_option tg_audit_verify_options[];
extern const struct tg_option tg_limit_options[];
extern const struct tg_option tg_ledger_verify_options[];
extern const struct tg_option tg_ledger_reconcile_options[];
extern const struct tg_option tg_restore_options[];
extern const struct tg_option tg_up_options[];
extern const struct tg_option tg_down_options[];
extern const struct tg_option tg_status_options[];

/*
 * Changes one thing, named by the operand: method on "/noun/ID" and tail, with
 * body, which may be NULL.  Prints JSON with --json, else a sentence: the
 * operand, what is said of it and, unless it is NULL, the answer's member.
 */
struct tg_act {
    const char *method, *noun, *tail;
    const char *said, *member;
};
int tg_noun_act(struct tg_cli *cli, const struct tg_act *act,
                const json_t *body);

/* Sends the command's options as an object; *answer is the caller's. */
int tg_noun_post(struct tg_cli *cli, const char *path, json_t **answer);

/* Shows one thing, named by the operand, as a page or as JSON. */
int tg_noun_show(struct tg_cli *cli, const char *noun,
                 const struct tg_column *columns);

/*
 * Prints what was made: its id with --quiet, JSON with --json, else the page.
 */
void tg_noun_made(const struct tg_cli *cli, const struct tg_column *columns,
                  const json_t *object);

/* TG_EXIT_USAGE, said, unless all of these options are given; ends in NULL. */
int tg_noun_require(const struct tg_cli *cli, const char *const *names);

/* TG_EXIT_USAGE, said, if an option sets what another one takes away. */
int tg_noun_agree(const struct tg_cli *cli);

/* A member that is a text, or "". */
const char *tg_noun_text(const json_t *object, const char *member);

#endif
