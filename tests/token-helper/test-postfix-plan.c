/* SPDX-License-Identifier: MIT */
/* What `mailoauth postfix enable` decides on what Postfix is set to, and what it would write down
 * to undo it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "token-helper/postfix/plan.h"
#include "token-helper/postfix/record.h"

/* Those parameters that are looked at, as a Postfix that does nothing else has them. */
#define PLAIN                                                                                      \
	"compatibility_level = 3.6\nrelayhost =\ndefault_transport = smtp\ntransport_maps =\n"     \
	"relay_domains = ${{$compatibility_level} <level {2} ? {$mydestination} : {}}\n"           \
	"sender_dependent_relayhost_maps =\nsender_dependent_default_transport_maps =\n"           \
	"smtp_sasl_auth_cache_name =\nsmtp_sasl_auth_enable = no\n"                                \
	"smtp_sasl_tls_security_options = $smtp_sasl_security_options\n"                           \
	"smtp_tls_policy_maps =\nsmtp_tls_wrappermode = no\n"
#define LOGIN_EMPTY                                                                                \
	"smtp_sasl_mechanism_filter =\nsmtp_sasl_password_maps =\nsmtp_tls_security_level =\n"
#define SMTP "smtp unix - - y - - smtp\n"

/* The lines of the manual. */
#define LINES                                                                                      \
	"relayhost=[h.example]:587\nsmtp_tls_security_level=secure\nsmtp_tls_CAfile=/"             \
	"ca.crt\n" AUTH
#define AUTH                                                                                       \
	"smtp_sasl_auth_enable=yes\nsmtp_sasl_mechanism_filter=xoauth2, oauthbearer\n"             \
	"smtp_sasl_tls_security_options=noanonymous\n"                                             \
	"smtp_sasl_password_maps=inline:{ { [h.example]:587 = u@example: } }\n"
#define OWN_ALL                                                                                    \
	"default_transport=smtp-oauth:[h.example]:587\n"                                           \
	"mailoauth_password_maps=inline:{ { [h.example]:587 = u@example: } }\n"

static const char *const a_sender[] = {"u@example"};

static struct plan_wanted wanted_at(const char *nexthop)
{
	struct plan_wanted wanted = {.user = "u@example", .password = "", .authorities = "/ca.crt"};

	assert_true(nexthop_parse(span_from_str(nexthop), &wanted.nexthop));
	return wanted;
}

/* The plan's changes of main.cf, one a line; what is removed as "-NAME". */
static void text_of(const struct plan *plan, struct buffer *out)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct change *change = &plan->changes[i];

		if (change->kind == CHANGE_MAIN && change->value != NULL)
			(void)buffer_printf(out, "%s=%s\n", change->name, change->value);
		else if (change->kind == CHANGE_MAIN)
			(void)buffer_printf(out, "-%s\n", change->name);
	}
}

static const char *value_in(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (strcmp(plan->changes[i].name, name) == 0)
			return plan->changes[i].value;
	}
	return NULL;
}

static void check_plan(const char *what, const char *settings, const char *services,
		       const char *overrides, const struct plan_wanted *wanted, const char *changes,
		       const char *reason)
{
	struct postfix *postfix = postfix_from_text(
		span_from_str(settings), span_from_str(services), span_from_str(overrides));
	struct buffer text = BUFFER_INIT(65536);
	struct plan plan;
	struct err err = ERR_INIT;

	if (plan_make(postfix, wanted, &plan, &err) != OUTCOME_OK)
		fail_msg("%s: %s", what, err.text);
	text_of(&plan, &text);
	if (strcmp(buffer_cstr(&text), changes) != 0)
		fail_msg("%s: %s", what, buffer_cstr(&text));
	if (plan.has_own_service != (reason != NULL) ||
	    (reason != NULL && strstr(plan.reason, reason) == NULL))
		fail_msg("%s: %s", what, plan.reason != NULL ? plan.reason : "no reason");
	plan_release(&plan);
	buffer_release(&text);
	postfix_free(postfix);
}

static void nothing_else_goes_out(void **state)
{
	struct plan_wanted wanted = wanted_at("[h.example]:587");

	(void)state;
	check_plan("plain", PLAIN LOGIN_EMPTY, SMTP, "", &wanted, LINES, NULL);
	check_plan("stricter TLS stays",
		   PLAIN "smtp_sasl_mechanism_filter = xoauth2\nsmtp_sasl_password_maps =\n"
			 "smtp_tls_security_level = secure\n",
		   SMTP, "", &wanted,
		   "relayhost=[h.example]:587\nsmtp_sasl_auth_enable=yes\n"
		   "smtp_sasl_tls_security_options=noanonymous\n"
		   "smtp_sasl_password_maps=inline:{ { [h.example]:587 = u@example: } }\n",
		   NULL);
	check_plan("authorities of its own", PLAIN LOGIN_EMPTY "smtp_tls_CAfile = /own.crt\n", SMTP,
		   "", &wanted, "relayhost=[h.example]:587\nsmtp_tls_security_level=secure\n" AUTH,
		   NULL);
	wanted.authorities = NULL;
	check_plan("no authorities anywhere", PLAIN LOGIN_EMPTY, SMTP, "", &wanted,
		   "relayhost=[h.example]:587\nsmtp_tls_security_level=encrypt\n" AUTH, NULL);
	wanted = wanted_at("[192.0.2.1]:587");
	check_plan("no name to look for", PLAIN LOGIN_EMPTY, SMTP, "", &wanted,
		   "relayhost=[192.0.2.1]:587\nsmtp_tls_security_level=encrypt\n"
		   "smtp_sasl_auth_enable=yes\nsmtp_sasl_mechanism_filter=xoauth2, oauthbearer\n"
		   "smtp_sasl_tls_security_options=noanonymous\n"
		   "smtp_sasl_password_maps=inline:{ { [192.0.2.1]:587 = u@example: } }\n",
		   NULL);
	wanted = wanted_at("[h.example]:587");
	wanted.limits = true;
	check_plan("limits", PLAIN LOGIN_EMPTY, SMTP, "", &wanted,
		   LINES "smtp_destination_concurrency_limit=3\nsmtp_destination_rate_delay=2s\n",
		   NULL);
	wanted = wanted_at("[h.example]:465");
	check_plan("port 465", PLAIN LOGIN_EMPTY, SMTP, "", &wanted,
		   "relayhost=[h.example]:465\nsmtp_tls_security_level=secure\n"
		   "smtp_tls_CAfile=/ca.crt\nsmtp_tls_wrappermode=yes\nsmtp_sasl_auth_enable=yes\n"
		   "smtp_sasl_mechanism_filter=xoauth2, oauthbearer\n"
		   "smtp_sasl_tls_security_options=noanonymous\n"
		   "smtp_sasl_password_maps=inline:{ { [h.example]:465 = u@example: } }\n",
		   NULL);
}

static void what_is_set_already_is_no_change(void **state)
{
	struct plan_wanted wanted = wanted_at("[h.example]:587");

	(void)state;
	check_plan("again",
		   "relayhost = [h.example]:587\ndefault_transport = smtp\n"
		   "smtp_tls_security_level = encrypt\nsmtp_tls_wrappermode = no\n"
		   "smtp_sasl_auth_enable = yes\n"
		   "smtp_sasl_mechanism_filter = xoauth2, oauthbearer\n"
		   "smtp_sasl_tls_security_options = noanonymous\n"
		   "smtp_sasl_password_maps = inline:{ { [h.example]:587 = u@example: } }\n",
		   SMTP, "", &wanted, "", NULL);
}

static void other_mail_is_left_alone(void **state)
{
	static const struct {
		const char *what, *more, *services, *overrides, *reason;
	} cases[] = {
		{"passwords", "smtp_sasl_password_maps = hash:/p\n", SMTP, "", "other logins"},
		{"transports", "transport_maps = hash:/t\n", SMTP, "", "transport_maps"},
		{"policies", "smtp_tls_policy_maps = hash:/t\n", SMTP, "", "policy"},
		{"relay domains", "relay_domains = example\n", SMTP, "", "relay_domains"},
		{"another transport", "default_transport = other\n", SMTP, "", "default_transport"},
		{"options", "", SMTP, "smtp/unix/smtp_tls_security_level = may\n", "master.cf"},
		{"its own service", "", SMTP "smtp-oauth unix - - n - - smtp\n", "", "already"},
	};
	struct plan_wanted wanted = wanted_at("[h.example]:587");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* The first of a name counts. */
		char settings[4096];

		(void)snprintf(settings, sizeof(settings), "%s%s", cases[i].more,
			       PLAIN LOGIN_EMPTY);
		check_plan(cases[i].what, settings, cases[i].services, cases[i].overrides, &wanted,
			   OWN_ALL, cases[i].reason);
	}
	wanted.senders = a_sender;
	wanted.sender_count = 1;
	check_plan("a sender", PLAIN LOGIN_EMPTY, SMTP, "", &wanted,
		   "sender_dependent_default_transport_maps=inline:{ { u@example = "
		   "smtp-oauth:[h.example]:587 } }\n"
		   "mailoauth_password_maps=inline:{ { u@example = u@example: } }\n",
		   "another way");
}

static void the_service_is_as_chrooted_as_smtp(void **state)
{
	struct plan_wanted wanted = wanted_at("[h.example]:587");
	struct postfix *postfix = postfix_from_text(span_from_str(PLAIN LOGIN_EMPTY),
						    span_from_str(SMTP), span_from_str(""));
	struct plan plan;
	struct err err = ERR_INIT;

	(void)state;
	wanted.senders = a_sender;
	wanted.sender_count = 1;
	wanted.password = "account";
	assert_int_equal(plan_make(postfix, &wanted, &plan, &err), OUTCOME_OK);
	assert_string_equal(value_in(&plan, "smtp-oauth/unix"), "smtp-oauth unix - - y - - smtp");
	assert_string_equal(value_in(&plan, "smtp-oauth/unix/smtp_tls_security_level"), "secure");
	assert_string_equal(value_in(&plan, "smtp-oauth/unix/smtp_tls_CAfile"), "/ca.crt");
	assert_string_equal(value_in(&plan, "smtp-oauth/unix/smtp_sasl_password_maps"),
			    "$mailoauth_password_maps");
	assert_non_null(strstr(value_in(&plan, "mailoauth_password_maps"),
			       "{ u@example = u@example:account }"));
	plan_release(&plan);
	postfix_free(postfix);
}

static void what_is_not_understood_is_not_changed(void **state)
{
	static const struct {
		const char *settings, *more_services, *overrides, *says;
	} cases[] = {
		{"transport_maps = ${a b}\n" PLAIN LOGIN_EMPTY, "", "", "transport_maps"},
		{"default_transport = $default_transport\n" PLAIN LOGIN_EMPTY, "", "",
		 "default_transport"},
		{"smtp_sasl_password_maps = hash:/p\n"
		 "sender_dependent_relayhost_maps = hash:/r\n" PLAIN LOGIN_EMPTY,
		 "", "", "--sender"},
		{"smtp_sasl_password_maps = hash:/p\n" PLAIN LOGIN_EMPTY,
		 "smtp-oauth unix - - n - - smtp\n", "smtp-oauth/unix/smtp_tls_wrappermode = yes\n",
		 "port"},
	};
	struct plan_wanted wanted = wanted_at("[h.example]:587");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char services[256];
		struct postfix *postfix;
		struct plan plan;
		struct err err = ERR_INIT;

		(void)snprintf(services, sizeof(services), "%s%s", SMTP, cases[i].more_services);
		postfix =
			postfix_from_text(span_from_str(cases[i].settings), span_from_str(services),
					  span_from_str(cases[i].overrides));
		if (plan_make(postfix, &wanted, &plan, &err) != OUTCOME_CONFIG ||
		    strstr(err.text, cases[i].says) == NULL)
			fail_msg("%zu: %s", i, err.text);
		plan_release(&plan);
		postfix_free(postfix);
	}
}

/* The record ---------------------------------------------------------------------------------- */

static void the_first_old_value_is_kept(void **state)
{
	struct postfix *before = postfix_from_text(span_from_str("a = 1 % x\n"), span_from_str(""),
						   span_from_str(""));
	struct postfix *later = postfix_from_text(span_from_str("a = 2\nb = B\n"),
						  span_from_str(""), span_from_str(""));
	char name_a[] = "a", name_b[] = "b", two[] = "2", three[] = "3", b[] = "B";
	const struct change first[] = {{CHANGE_MAIN, name_a, two}, {CHANGE_MAIN, name_b, b}};
	const struct change second[] = {{CHANGE_MAIN, name_a, three}};
	char dir[] = "/tmp/mailoauth-record.XXXXXX";
	struct record record = {0}, read;
	struct edit edit = {0};
	struct err err = ERR_INIT;
	char path[64];
	bool found;

	(void)state;
	assert_non_null(mkdtemp(dir));
	record_add(&record, before, first, 2, &edit);
	record_add(&record, later, second, 1, &edit);
	assert_int_equal(record_write(dir, &record, &err), OUTCOME_OK);
	assert_int_equal(record_read(dir, &read, &found, &err), OUTCOME_OK);
	assert_true(found);
	assert_int_equal(read.count, 2);
	assert_string_equal(read.settings[0].old, "1 % x");
	assert_string_equal(read.settings[0].now, "3");
	assert_null(read.settings[1].old);
	record_release(&read);
	record_release(&record);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, RECORD_NAME);
	assert_int_equal(file_replace(path, span_from_str("mailoauth-postfix 2\n"), 0600, &err),
			 OUTCOME_OK);
	assert_int_equal(record_read(dir, &read, &found, &err), OUTCOME_CONFIG);
	record_release(&read);
	assert_int_equal(record_remove(dir, &err), OUTCOME_OK);
	assert_int_equal(record_read(dir, &read, &found, &err), OUTCOME_OK);
	assert_false(found);
	assert_int_equal(rmdir(dir), 0);
	postfix_free(before);
	postfix_free(later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_else_goes_out),
		cmocka_unit_test(what_is_set_already_is_no_change),
		cmocka_unit_test(other_mail_is_left_alone),
		cmocka_unit_test(the_service_is_as_chrooted_as_smtp),
		cmocka_unit_test(what_is_not_understood_is_not_changed),
		cmocka_unit_test(the_first_old_value_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
