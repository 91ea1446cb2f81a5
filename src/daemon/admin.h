/*
 * admin.h: the handlers of the admin API; api/openapi.yaml describes them.
 *
 * Each answers one route by filling reply.  The dispatcher has checked who
 * asks and what that one may; a change is committed and published before its
 * handler returns.
 */
#ifndef TG_ADMIN_H
#define TG_ADMIN_H

#include "request.h"

void tg_admin_account_list(struct tg_request *, struct tg_reply *);
void tg_admin_account_create(struct tg_request *, struct tg_reply *);
void tg_admin_account_update(struct tg_request *, struct tg_reply *);
void tg_admin_account_show(struct tg_request *, struct tg_reply *);
void tg_admin_account_top_up(struct tg_request *, struct tg_reply *);
void tg_admin_account_grant(struct tg_request *, struct tg_reply *);
void tg_admin_account_verify(struct tg_request *, struct tg_reply *);
void tg_admin_account_suspend(struct tg_request *, struct tg_reply *);
void tg_admin_account_resume(struct tg_request *, struct tg_reply *);

void tg_admin_key_list(struct tg_request *, struct tg_reply *);
void tg_admin_key_create(struct tg_request *, struct tg_reply *);
void tg_admin_key_show(struct tg_request *, struct tg_reply *);
void tg_admin_key_check(struct tg_request *, struct tg_reply *);
void tg_admin_key_usage(struct tg_request *, struct tg_reply *);
void tg_admin_key_detail(struct tg_request *, struct tg_reply *);
void tg_admin_key_models(struct tg_request *, struct tg_reply *);
void tg_admin_key_patterns(struct tg_request *, struct tg_reply *);
void tg_admin_key_current(struct tg_request *, struct tg_reply *);
void tg_admin_key_limits(struct tg_request *, struct tg_reply *);
void tg_admin_key_review(struct tg_request *, struct tg_reply *);
void tg_admin_advice_cost(struct tg_request *, struct tg_reply *);
void tg_admin_advice_limits(struct tg_request *, struct tg_reply *);
void tg_admin_key_errors(struct tg_request *, struct tg_reply *);
void tg_admin_key_update(struct tg_request *, struct tg_reply *);
void tg_admin_key_pause(struct tg_request *, struct tg_reply *);
void tg_admin_key_resume(struct tg_request *, struct tg_reply *);
void tg_admin_key_disable(struct tg_request *, struct tg_reply *);
void tg_admin_key_delete(struct tg_request *, struct tg_reply *);
void tg_admin_key_rotate(struct tg_request *, struct tg_reply *);
void tg_admin_rotation_end(struct tg_request *, struct tg_reply *);
void tg_admin_rotation_extend(struct tg_request *, struct tg_reply *);
void tg_admin_rotation_undo(struct tg_request *, struct tg_reply *);

void tg_admin_leak_list(struct tg_request *, struct tg_reply *);
void tg_admin_leak_report(struct tg_request *, struct tg_reply *);
void tg_admin_leak_respond(struct tg_request *, struct tg_reply *);
void tg_admin_leak_usage(struct tg_request *, struct tg_reply *);
void tg_admin_leak_github(struct tg_request *, struct tg_reply *);

void tg_admin_model_list(struct tg_request *, struct tg_reply *);
void tg_admin_model_show(struct tg_request *, struct tg_reply *);
void tg_admin_model_put(struct tg_request *, struct tg_reply *);
void tg_admin_price_list(struct tg_request *, struct tg_reply *);
void tg_admin_price_add(struct tg_request *, struct tg_reply *);

void tg_admin_upstream_list(struct tg_request *, struct tg_reply *);
void tg_admin_upstream_show(struct tg_request *, struct tg_reply *);
void tg_admin_upstream_put(struct tg_request *, struct tg_reply *);
void tg_admin_upstream_test(struct tg_request *, struct tg_reply *);
void tg_admin_credential_list(struct tg_request *, struct tg_reply *);
void tg_admin_credential_show(struct tg_request *, struct tg_reply *);
void tg_admin_credential_add(struct tg_request *, struct tg_reply *);
void tg_admin_credential_rotate(struct tg_request *, struct tg_reply *);
void tg_admin_credential_update(struct tg_request *, struct tg_reply *);
void tg_admin_credential_disable(struct tg_request *, struct tg_reply *);
void tg_admin_credential_check(struct tg_request *, struct tg_reply *);
void tg_admin_credential_reopen(struct tg_request *, struct tg_reply *);

void tg_admin_operator_list(struct tg_request *, struct tg_reply *);
void tg_admin_operator_create(struct tg_request *, struct tg_reply *);
void tg_admin_operator_show(struct tg_request *, struct tg_reply *);
void tg_admin_operator_update(struct tg_request *, struct tg_reply *);
void tg_admin_operator_disable(struct tg_request *, struct tg_reply *);
void tg_admin_operator_password(struct tg_request *, struct tg_reply *);
void tg_admin_totp_begin(struct tg_request *, struct tg_reply *);
void tg_admin_totp_confirm(struct tg_request *, struct tg_reply *);
void tg_admin_totp_remove(struct tg_request *, struct tg_reply *);
void tg_admin_recovery_codes(struct tg_request *, struct tg_reply *);
void tg_admin_login(struct tg_request *, struct tg_reply *);
void tg_admin_session_list(struct tg_request *, struct tg_reply *);
void tg_admin_session_end(struct tg_request *, struct tg_reply *);
void tg_admin_step_up(struct tg_request *, struct tg_reply *);
void tg_admin_token_list(struct tg_request *, struct tg_reply *);
void tg_admin_token_create(struct tg_request *, struct tg_reply *);
void tg_admin_token_revoke(struct tg_request *, struct tg_reply *);

void tg_admin_sink_list(struct tg_request *, struct tg_reply *);
void tg_admin_sink_create(struct tg_request *, struct tg_reply *);
void tg_admin_sink_show(struct tg_request *, struct tg_reply *);
void tg_admin_sink_update(struct tg_request *, struct tg_reply *);
void tg_admin_sink_delete(struct tg_request *, struct tg_reply *);
void tg_admin_sink_test(struct tg_request *, struct tg_reply *);
void tg_admin_key_sink_list(struct tg_request *, struct tg_reply *);
void tg_admin_key_sink_put(struct tg_request *, struct tg_reply *);
void tg_admin_key_deliver(struct tg_request *, struct tg_reply *);
void tg_admin_sink_delivery_list(struct tg_request *, struct tg_reply *);

void tg_admin_usage(struct tg_request *, struct tg_reply *);
void tg_admin_plot(struct tg_request *, struct tg_reply *);
void tg_admin_report(struct tg_request *, struct tg_reply *);
void tg_admin_report_schedule_list(struct tg_request *, struct tg_reply *);
void tg_admin_report_schedule_create(struct tg_request *, struct tg_reply *);
void tg_admin_report_schedule_show(struct tg_request *, struct tg_reply *);
void tg_admin_report_schedule_update(struct tg_request *, struct tg_reply *);
void tg_admin_report_schedule_delete(struct tg_request *, struct tg_reply *);
void tg_admin_report_schedule_send(struct tg_request *, struct tg_reply *);
void tg_admin_call_list(struct tg_request *, struct tg_reply *);
void tg_admin_call_export(struct tg_request *, struct tg_reply *);
void tg_admin_call_show(struct tg_request *, struct tg_reply *);
void tg_admin_denial_export(struct tg_request *, struct tg_reply *);
void tg_admin_denial_list(struct tg_request *, struct tg_reply *);
void tg_admin_event_export(struct tg_request *, struct tg_reply *);
void tg_admin_event_list(struct tg_request *, struct tg_reply *);
void tg_admin_audit_list(struct tg_request *, struct tg_reply *);
void tg_admin_audit_head(struct tg_request *, struct tg_reply *);
void tg_admin_audit_verify(struct tg_request *, struct tg_reply *);
void tg_admin_audit_export(struct tg_request *, struct tg_reply *);
void tg_admin_event_show(struct tg_request *, struct tg_reply *);
void tg_admin_alert_list(struct tg_request *, struct tg_reply *);
void tg_admin_alert_create(struct tg_request *, struct tg_reply *);
void tg_admin_alert_show(struct tg_request *, struct tg_reply *);
void tg_admin_alert_update(struct tg_request *, struct tg_reply *);
void tg_admin_alert_delete(struct tg_request *, struct tg_reply *);
void tg_admin_episode_list(struct tg_request *, struct tg_reply *);
void tg_admin_delivery_list(struct tg_request *, struct tg_reply *);
void tg_admin_channel_list(struct tg_request *, struct tg_reply *);
void tg_admin_channel_create(struct tg_request *, struct tg_reply *);
void tg_admin_channel_show(struct tg_request *, struct tg_reply *);
void tg_admin_channel_update(struct tg_request *, struct tg_reply *);
void tg_admin_channel_delete(struct tg_request *, struct tg_reply *);
void tg_admin_channel_test(struct tg_request *, struct tg_reply *);
void tg_admin_ledger_begin(struct tg_request *, struct tg_reply *);
void tg_admin_ledger_show(struct tg_request *, struct tg_reply *);
void tg_admin_reconcile(struct tg_request *, struct tg_reply *);
void tg_admin_openapi(struct tg_request *, struct tg_reply *);
void tg_admin_health(struct tg_request *, struct tg_reply *);
void tg_admin_metrics(struct tg_request *, struct tg_reply *);
void tg_admin_health_report(struct tg_request *, struct tg_reply *);
void tg_admin_key_health(struct tg_request *, struct tg_reply *);

#endif
