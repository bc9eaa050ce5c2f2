/* SPDX-License-Identifier: MIT */
/* test-bounce.c - who is told of a refused message, in which words, and over which connection. */
#include "fetch-agent/delivery/bounce.h"

#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fetch-agent/smtp-script.h"

#include <cmocka.h>

#include "common/banned.h"

static const struct delivery_refusal refusals[] = {
	{"bob@b.test", "5.1.1", "550 5.1.1 No such user"},
	{"eve@b.test", "", "554 =_mailoauth_1000_0"},
};

static const char head[] = "Subject: hello\r\nX-Odd: =_mailoauth_1000_1\nTo: bob\r\n\r\nbody\r\n";

static struct bounce_facts facts_of(const char *sender)
{
	return (struct bounce_facts){
		.sender = sender,
		.refusals = refusals,
		.refusal_count = 2,
		.head = {head, sizeof(head) - 1},
	};
}

static void machines_and_lists_are_not_told(void **state)
{
	static const struct {
		const char *sender, *head;
		bool forbidden;
	} cases[] = {
		{"a@x", "Subject: x\r\n\r\n", false},
		{"a@x", "", false},
		{"", "Subject: x\r\n\r\n", true},
		{"a@x\r\nBcc: y", "Subject: x\r\n\r\n", true},
		{"a>b", "Subject: x\r\n\r\n", true},
		{"a b", "Subject: x\r\n\r\n", true},
		{"a@x", "Auto-Submitted: no\r\n\r\n", false},
		{"a@x", "Auto-Submitted: No (by hand)\r\n\r\n", false},
		{"a@x", "Auto-Submitted: auto-replied\r\n\r\n", true},
		{"a@x", "Auto-Submitted: notify\r\n\r\n", true},
		{"a@x", "auto-submitted:auto-generated; x=y\n\n", true},
		{"a@x", "Subject: x\nList-Id: <l>\n\n", true},
		{"a@x", "LIST-UNSUBSCRIBE: <l>\n\n", true},
		{"a@x", "Listing: x\n\n", false},
		{"a@x", "Precedence: bulk\r\n\r\n", true},
		{"a@x", "Precedence: LIST\r\n\r\n", true},
		{"a@x", "Precedence: junk\r\n", true},
		{"a@x", "Precedence: first-class\r\n", false},
		{"a@x", "Precedence-X: junk\r\n", false},
		{"a@x", "Subject: x\r\n\r\nList-Id: in the body\r\n", false},
		{"a@x", "Subject: x\r\n List-Id: in a fold\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(bounce_forbidden(cases[i].sender, span_from_str(cases[i].head)) !=
					 NULL,
				 cases[i].forbidden);
}

static void a_report_has_its_parts(void **state)
{
	static const char *const wanted[] = {
		"From: Mail Delivery System <MAILER-DAEMON@h.test>\r\n",
		"To: <s@x.test>\r\n",
		"Date: Thu, 01 Jan 1970 00:16:40 +0000\r\n",
		"Auto-Submitted: auto-replied\r\n",
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"=_mailoauth_1000_2\"\r\n\r\n--=_mailoauth_1000_2\r\n",
		"<bob@b.test>: the mail server there said:\r\n    550 5.1.1 No such user\r\n",
		"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; h.test\r\n\r\n"
		"Final-Recipient: rfc822; bob@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n\r\n"
		"Final-Recipient: rfc822; eve@b.test\r\nAction: failed\r\nStatus: 5.0.0\r\n",
		"Content-Type: text/rfc822-headers\r\n",
		"\r\n\r\nSubject: hello\r\nX-Odd: =_mailoauth_1000_1\r\nTo: bob\r\n"
		"\r\n--=_mailoauth_1000_2--\r\n",
	};
	struct bounce_facts facts = facts_of("s@x.test");
	struct buffer text = BUFFER_INIT(BOUNCE_MAX);

	(void)state;
	bounce_write(&facts, "h.test", 1000, &text);
	assert_true(buffer_ok(&text));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strstr(buffer_cstr(&text), wanted[i]) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", wanted[i], buffer_cstr(&text));
	}
	assert_null(strstr(buffer_cstr(&text), "body"));
	buffer_release(&text);
}

/* Words and headers that are as long as they can be. */
static void a_report_has_a_limit(void **state)
{
	static char long_head[200000], words[2000];
	struct delivery_refusal refusal = {"bob@b.test", "5.1.1", words};
	struct bounce_facts facts = {.sender = "s@x.test",
				     .refusals = &refusal,
				     .refusal_count = 1,
				     .head = {long_head, sizeof(long_head)}};
	struct buffer text = BUFFER_INIT(BOUNCE_MAX);

	(void)state;
	memset(long_head, 'x', sizeof(long_head));
	memset(words, 'w', sizeof(words) - 1);
	bounce_write(&facts, "h.test", 1000, &text);
	assert_true(buffer_ok(&text));
	assert_in_range(text.len, BOUNCE_HEAD_MAX, BOUNCE_HEAD_MAX + 4096);
	buffer_release(&text);
}

struct outcome_of_bounce {
	struct event_base *base;
	enum delivery_kind kind;
	size_t count;
};

static void on_done(void *ctx, const struct delivery_verdict *verdict)
{
	struct outcome_of_bounce *outcome = ctx;

	outcome->kind = verdict->kind;
	outcome->count++;
	(void)event_base_loopbreak(outcome->base);
}

static enum delivery_kind send_over(const char *text)
{
	struct outcome_of_bounce outcome = {.base = event_base_new()};
	struct delivery_world world = {.base = outcome.base};
	struct delivery_config via = {.method = &delivery_smtp_method,
				      .parallel = 1,
				      .timeout_s = 10,
				      .text = (char[]){"smtp:test"}};
	struct bounce_facts facts = facts_of("s@x.test");
	struct smtp_script script;

	smtp_script_start(&script, text);
	via.path = script.process.path;
	assert_non_null(bounce_send(&via, &world, &facts, on_done, &outcome));
	assert_int_equal(outcome.count, 0);
	(void)event_base_dispatch(outcome.base);
	(void)event_base_loop(outcome.base, EVLOOP_NONBLOCK);
	assert_int_equal(outcome.count, 1);
	assert_true(smtp_script_end(&script));
	event_base_free(outcome.base);
	return outcome.kind;
}

static void it_goes_out_without_a_sender(void **state)
{
	(void)state;
	assert_int_equal(send_over("S: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL FROM:<>\nS: 250 ok\n"
				   "C: RCPT TO:<s@x.test>\nS: 250 ok\nC: DATA\nS: 354 go\n"
				   "C: From: *\nC: To: <s@x.test>\nM\nS: 250 queued\nE"),
			 DELIVERY_DONE);
	assert_int_equal(send_over("S: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL FROM:<>\nS: 250 ok\n"
				   "C: RCPT TO:<s@x.test>\nS: 550 no\nE"),
			 DELIVERY_REFUSED);
	assert_int_equal(send_over("S: 421 not now\nX"), DELIVERY_DOWN);
}

static void it_can_be_cancelled(void **state)
{
	struct delivery_world world = {.base = event_base_new()};
	struct delivery_config via = {.method = &delivery_smtp_method,
				      .parallel = 1,
				      .timeout_s = 10,
				      .text = (char[]){"smtp:test"},
				      .path = (char[]){"/nonexistent"}};
	struct bounce_facts facts = facts_of("s@x.test");

	(void)state;
	bounce_cancel(bounce_send(&via, &world, &facts, on_done, NULL));
	bounce_cancel(NULL);
	(void)event_base_loop(world.base, EVLOOP_NONBLOCK);
	event_base_free(world.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines_and_lists_are_not_told),
		cmocka_unit_test(a_report_has_its_parts),
		cmocka_unit_test(a_report_has_a_limit),
		cmocka_unit_test(it_goes_out_without_a_sender),
		cmocka_unit_test(it_can_be_cancelled),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as mailoauth-fetch */
	return cmocka_run_group_tests_name("bounce", tests, NULL, NULL);
}
