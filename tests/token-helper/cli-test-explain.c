/* SPDX-License-Identifier: MIT */
/*
 * cli-test-explain.c - what people paste, and what mailoauth explain makes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "token-helper/cli-topics.h"
#include "token-helper/explain/redact.h"
#include "token-helper/explain/report.h"
#include "token-helper/explain/status-class.h"

#include "common/banned.h"

#define CONFIG TEST_TOPICS "/../none.conf" /* topics/ lies beside it */
#define TOKEN  "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA"

/* A whole run -----------------------------------------------------------------------------------
 */

struct run {
	struct reading reading;
	bool known;
	char *text, *json;
};

static void run_begin(struct run *run)
{
	reading_init(&run->reading);
	run->text = run->json = NULL;
}

static void run_end(struct run *run, bool log)
{
	size_t size;
	FILE *out = open_memstream(&run->text, &size);

	reading_finish(&run->reading);
	run->known = report_print(out, &run->reading, log);
	(void)fclose(out);
	out = open_memstream(&run->json, &size);
	assert_int_equal(report_print_json(out, &run->reading), run->known);
	(void)fclose(out);
}

static struct run *explain(const char *text, bool log)
{
	struct run *run = xcalloc(1, sizeof(*run));

	run_begin(run);
	reading_feed(&run->reading, span_from_str(text));
	run_end(run, log);
	return run;
}

static void run_free(struct run *run)
{
	reading_release(&run->reading);
	free(run->text);
	free(run->json);
	free(run);
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is in: %s", part, text);
}

static size_t lines_of(const char *text)
{
	size_t lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

/* The words of the community's post --------------------------------------------------------------
 */

/* The likeliest cause stands first. */
static void the_posts_words_are_explained(void **state)
{
	static const struct {
		const char *said, *id, *first, *step;
	} cases[] = {
		{"IMAP Protocol error: 1 NO LOGIN failed.", "imap-login-refused",
		 "why    the program's authentication is still set to password", "XOAUTH2"},
		{"IMAP Protocol error: 2 BAD user is authenticated but not connected.",
		 "imap-not-connected", "why    the token belongs to one account and user names",
		 "Add-MailboxPermission MAILBOX"},
		{"IMAP Protocol error: 1 NO AUTHENTICATE failed", "imap-authenticate-refused",
		 "why    the scope:", "mailoauth explain scopes"},
		{"535 5.7.3 Authentication unsuccessful", "smtp-auth-refused",
		 "why    the identity:", "mailoauth authorize ACCOUNT"},
		{"554 5.2.252 SendAsDenied; user@mydomain.com not allowed to send as "
		 "otherUser@mydomain.com; STOREDRV.Submission.Exception:SendAsDeniedException."
		 "MapiExceptionSendAsDenied",
		 "smtp-send-as-denied", "here   user@mydomain.com sent as otherUser@mydomain.com",
		 "Add-RecipientPermission otherUser@mydomain.com -Trustee user@mydomain.com"},
		{"the redirect will not complete successfully", "oauth-loopback-unreachable",
		 "why    mailoauth runs on a server, the browser on your desk", "--paste"},
		{"AADSTS50011: The redirect URI 'http://mydomain/src/oauthCallback.rst' specified "
		 "in "
		 "the request does not match",
		 "oauth-redirect-unregistered", "why    another host", "redirect-uris"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run *run = explain(cases[i].said, false);

		assert_true(run->known);
		assert_has(run->text, cases[i].id);
		assert_has(run->text, cases[i].first);
		assert_has(run->text, cases[i].step);
		assert_has(run->json, cases[i].id);
		assert_int_equal(run->reading.count, 1);
		run_free(run);
	}
}

static void one_is_printed_whole(void **state)
{
	struct run *run = explain("700082", false);

	(void)state;
	assert_string_equal(
		run->text,
		"the refresh token was not used for 90 days, or was withdrawn (sign-in: "
		"oauth-refresh-unused)\n"
		"  why    no program has used the account for 90 days: mailoauthd was stopped, or "
		"the grant came from an old backup\n"
		"  do     mailoauth authorize ACCOUNT\n"
		"         let mailoauthd run: it refreshes idle accounts in time\n"
		"  source Microsoft's list of Entra error codes, 2026; Microsoft's documentation "
		"of "
		"refresh tokens, 2026\n");
	run_free(run);
}

static void numbers_and_codes_are_enough(void **state)
{
	static const struct {
		const char *said, *id;
	} cases[] = {
		{"AADSTS50011", "oauth-redirect-unregistered"},
		{"aadsts50011", "oauth-redirect-unregistered"},
		{"AADSTS: 7000215", "oauth-secret-wrong"},
		{"7000215", "oauth-secret-wrong"},
		{"invalid_grant", "oauth-invalid-grant"},
		{"5.2.252", "smtp-send-as-denied"},
		{"5.7.60", "smtp-sender-permission"},
		{"[OVERQUOTA]", "imap-quota"},
		{"-ERR [LOGIN-DELAY] minimum time", "pop-login-delay"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run *run = explain(cases[i].said, false);

		assert_int_equal(run->reading.count, 1);
		assert_string_equal(run->reading.findings[0].row->id, cases[i].id);
		run_free(run);
	}
}

/* Too few words: what they can stand for, and that they are too few. */
static void ambiguous_words_have_candidates(void **state)
{
	struct run *run = explain("5.7.139", false);

	(void)state;
	assert_true(run->known);
	assert_has(run->text, "These words stand for ");
	assert_has(run->text, "(switched off: smtp-auth-disabled-tenant)");
	assert_has(run->text, "smtp-conditional-access: ");
	assert_has(run->json,
		   "\"diagnoses\":[],\"guesses\":[{\"id\":\"smtp-auth-disabled-tenant\"");
	run_free(run);
	run = explain("535", false);
	assert_has(run->text, "smtp-auth-refused");
	run_free(run);
}

static void two_who_speak_are_two(void **state)
{
	struct run *run =
		explain("SASL authentication failure: mailoauth: account=relay: "
			"smtp.gmail.com refused the access token for a@example.com "
			"(status 400); said: 535-5.7.8 Username and Password not accepted",
			false);

	(void)state;
	assert_int_equal(run->reading.count, 2);
	assert_string_equal(run->reading.findings[0].row->id, "smtp-gmail-refused");
	assert_string_equal(run->reading.findings[1].row->id, "plugin-token-refused");
	assert_has(run->text, "mailoauth status relay");
	run_free(run);
	run = explain("NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded",
		      false);
	assert_int_equal(run->reading.count, 1);
	run_free(run);
}

static void the_unknown_has_its_class(void **state)
{
	static const struct {
		const char *said, *part;
	} cases[] = {
		{"599 5.7.999 strange", "5xx: SMTP refuses for good"},
		{"599 5.7.999 strange", "enhanced status x.7: about security"},
		{"499 strange", "4xx: SMTP refuses for now"},
		{"a1 NO strange", "NO: IMAP: understood, and refused"},
		{"a1 BAD strange", "BAD: IMAP"},
		{"-ERR strange", "-ERR: POP"},
		{"HTTP 418 strange", "HTTP 4xx"},
		{"AADSTS1234567 strange", "https://login.microsoftonline.com/error?code=1234567"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run *run = explain(cases[i].said, false);

		assert_false(run->known);
		assert_has(run->text, "Nothing is known of these words.");
		assert_has(run->text, cases[i].part);
		run_free(run);
	}
}

static void no_status_is_seen_where_none_is(void **state)
{
	static const char *const none[] = {
		"1535 items", "10.7.1.2", "NOTHING", "5.7",   "",
		"KNOWN",      "x-ERRor",  "smtp535", "a.535",
	};
	struct buffer out = BUFFER_INIT(1024);

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		status_class_append(&out, span_from_str(none[i]));
		if (out.len > 0)
			fail_msg("%s: %s", none[i], buffer_cstr(&out));
	}
	buffer_release(&out);
}

/* Logs ------------------------------------------------------------------------------------------
 */

#define AT "Nov 25 09:12:44 mx "

static const char mail_log[] =
	AT "postfix/smtpd[400]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: "
	   "UGFzc3dvcmQ6\n" AT
	   "postfix/smtp[4711]: warning: SASL authentication failure: No worthy mechs found\n" AT
	   "postfix/smtp[4711]: 4F2A01: to=<bob@example.com>, "
	   "relay=smtp.office365.com[52.97.1.2]:587, delay=1.2, dsn=4.7.3, status=deferred (SASL "
	   "authentication failed; server smtp.office365.com[52.97.1.2] said: 535 5.7.3 "
	   "Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com])\n" AT
	   "dovecot[9]: imap(eve)<1>: Disconnected for inactivity in=1 out=2\n" AT
	   "sshd[77]: Connection refused to somebody\n" AT
	   "postfix/smtp[4712]: 4F2A02: to=<bob@example.com>, "
	   "relay=smtp.office365.com[52.97.1.3]:587, delay=1.2, dsn=4.7.3, status=deferred (SASL "
	   "authentication failed; server smtp.office365.com[52.97.1.3] said: 535 5.7.3 "
	   "Authentication unsuccessful)\n" AT
	   "postfix/smtp[4712]: 4F2A03: to=<bob@example.com>, relay=mx.example.com[192.0.2.1]:25, "
	   "status=sent (250 2.0.0 Ok: 454 4.7.0 in a comment)\n" AT
	   "mailoauthd[12]: account=relay refresh=consent: login.microsoftonline.com answered HTTP "
	   "400 invalid_grant: AADSTS700082: The refresh token has expired; run: mailoauth "
	   "authorize relay\n" AT "mailoauth-fetch[13]: fetch=inbox account=sales retry: "
	   "lmtp:unix:/run/dovecot/lmtp: Connection refused; 0 messages";

static void a_log_is_summed_up(void **state)
{
	struct run *run = explain(mail_log, true);
	const struct finding *finding = run->reading.findings;

	(void)state;
	assert_int_equal(run->reading.count, 4);
	assert_int_equal(run->reading.lines, 9);
	assert_int_equal(run->reading.passed, 4);
	assert_string_equal(finding[0].row->id, "net-refused");
	assert_string_equal(finding[0].names.account, "sales");
	assert_string_equal(finding[1].row->id, "oauth-refresh-unused");
	assert_string_equal(finding[1].names.account, "relay");
	assert_string_equal(finding[2].row->id, "smtp-auth-refused");
	assert_string_equal(finding[2].names.host, "smtp.office365.com");
	assert_int_equal(finding[2].count, 2);
	assert_string_equal(finding[3].row->id, "sasl-no-worthy-mechanism");
	assert_has(run->text, "2 times, server smtp.office365.com; last: " AT
			      "postfix/smtp[4712]: 4F2A02: to=<bob@example.com>");
	assert_has(run->text, "  do     mailoauth authorize relay\n");
	assert_lacks(run->text, "203.0.113.9");
	assert_has(run->json, "\"count\":2,\"account\":null,\"server\":\"smtp.office365.com\"");
	run_free(run);
}

static void a_good_log_is_good(void **state)
{
	struct run *run =
		explain(AT "postfix/smtp[1]: 4F: relay=a.example[192.0.2.1]:25, "
			   "status=sent (250 2.0.0 Ok)\n" AT "postfix/qmgr[1]: 4F: removed\n",
			true);

	(void)state;
	assert_false(run->known);
	assert_has(run->text, "Nothing in these 2 lines is known to be a trouble");
	run_free(run);
}

static void a_local_destination_has_its_rows(void **state)
{
	struct run *run =
		explain(AT "mailoauth-fetch[13]: fetch=in account=a config: folder=INBOX: "
			   "UID 4: 552 5.3.4 Message size exceeds fixed limit",
			true);

	(void)state;
	assert_string_equal(run->reading.findings[0].row->id, "delivery-too-large");
	run_free(run);
}

static void more_than_fit_are_not_kept(void **state)
{
	struct run *run = xcalloc(1, sizeof(*run));

	(void)state;
	run_begin(run);
	for (int i = 0; i < 2 * READING_FINDINGS_MAX; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "account=a%d invalid_grant\n", i);
		reading_feed(&run->reading, span_from_str(line));
	}
	run_end(run, true);
	assert_int_equal(run->reading.count, READING_FINDINGS_MAX);
	assert_true(run->reading.full);
	assert_has(run->text, "and earlier, among others:\n");
	run_free(run);
}

/* Base64 ----------------------------------------------------------------------------------------
 */

static void challenges_are_decoded(void **state)
{
	static const struct {
		const char *said, *id, *part;
	} cases[] = {
		/* Google, documented and seen; RFC 7628; Dovecot's 403; decoded by somebody */
		{"334 "
		 "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWls"
		 "Lmdvb2dsZS5jb20vIn0K",
		 "challenge-token",
		 "status 401, scope https://mail.google.com/, schemes bearer mac"},
		{"+ "
		 "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29v"
		 "Z2xlLmNvbS8ifQ==",
		 "challenge-token", "status 400, scope https://mail.google.com/, schemes Bearer"},
		{"eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIiwib3BlbmlkLWNvbmZpZ3VyYXRpb"
		 "24i"
		 "OiJodHRwczovL2lkcC5leGFtcGxlLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=",
		 "challenge-token",
		 "status invalid_token, scope mail, openid-configuration "
		 "https://idp.example/.well-known/openid-configuration"},
		{"{ \"status\" : 403, \"scope\" : \"mail\" }", "challenge-scope",
		 "status 403, scope mail"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run *run = explain(cases[i].said, false);

		assert_int_equal(run->reading.count, 1);
		assert_string_equal(run->reading.findings[0].row->id, cases[i].id);
		assert_has(run->text, cases[i].part);
		assert_has(run->json, "\"challenge\":{\"status\":");
		run_free(run);
	}
}

/* What a client sends: said so, and shown neither as it is nor decoded. */
static void logins_are_known_and_not_shown(void **state)
{
	static const struct {
		const char *said, *id;
	} cases[] = {
		{"dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwV"
		 "UFv"
		 "N0ozVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ==",
		 "text-has-token"},
		{"a1 AUTHENTICATE OAUTHBEARER "
		 "bixhPXJlbGF5QGNvbnRvc28uZXhhbXBsZSwBaG9zdD1zbXRwLm9mZmljZTM2NS5jb20BcG9ydD01ODcBY"
		 "XV0"
		 "aD1CZWFyZXIgRXdCQUFsM0JBQVVGRnBVQW83SjNWZTBiakxCV1pXQ2NsUkMzRW9BQQEB",
		 "text-has-token"},
		{"AUTH PLAIN AGFsaWNlAEV3QkFBbDNC", "text-has-password"},
		{"334 VXNlcm5hbWU6", "text-has-login-prompt"},
		{"token eyJhbGciOiJub25lIn0.eyJzdWIiOiJFd0JBQWwzQiJ9.RXdCQUFsM0I",
		 "text-has-token"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run *run = explain(cases[i].said, true);

		assert_int_equal(run->reading.count, 1);
		assert_string_equal(run->reading.findings[0].row->id, cases[i].id);
		assert_lacks(run->text, "EwBAAl3B");
		assert_lacks(run->text, "RXdCQUFsM0");
		assert_lacks(run->text, "V3QkFBbDNC");
		assert_lacks(run->json, "V3QkFBbDNC");
		run_free(run);
	}
}

static void what_is_no_base64_is_left_alone(void **state)
{
	static const char *const none[] = {
		"eyJzdGF0dXMi",	    "dXNlcj11c2VyAWF1dGg9QmVhcmVyIG1GXzkuQjVmLTQuMUpxTQEB=",
		"AAAAAAAAAAAAAAAA", "ABCDEFGHIJKLMNOP",
		"eyJhIjoxfQ==",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct run *run = explain(none[i], false);

		if (run->reading.count != 0)
			fail_msg("%s: %s", none[i], run->text);
		run_free(run);
	}
}

/* Secrets ---------------------------------------------------------------------------------------
 */

static void secrets_are_not_shown(void **state)
{
	static const char *const lines[] = {
		"invalid_grant {\"access_token\":\"hunter2-hunter2\",\"expires_in\":3599}",
		"invalid_grant refresh_token=hunter2-hunter2&grant_type=refresh_token",
		"invalid_client client_secret: hunter2-hunter2",
		"invalid_client client_secret = 'hunter2-hunter2'",
		"535 5.7.3 after Authorization: Bearer hunter2-hunter2",
		"535 5.7.3 password=hunter2-hunter2",
		"535 5.7.3 AUTH XOAUTH2 hunter2-hunter2",
		"invalid_grant http://localhost:1/?code=hunter2-hunter2-hunter2&state=x",
		"NO LOGIN failed a1 LOGIN alice@example.com hunter2-hunter2",
		"invalid_grant 0.AXkAhunter2-hunter2-hunter2-hunter2-hunter2-hunter2",
		"invalid_grant 1//0ghunter2-hunter2-hunter2-hunter2/hunter2",
		"invalid_grant https://x.example/a?b=hunter2-hunter2-hunter2-hunter2-hunter2",
		"invalid_grant hunter2-hunter2-hunter2-hunter2-hunter2-ExceptionOf",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct run *run = explain(lines[i], true);

		assert_true(run->known);
		assert_has(run->text, "[removed]");
		assert_lacks(run->text, "hunter2");
		assert_lacks(run->json, "hunter2");
		run_free(run);
	}
}

static void what_is_no_secret_is_shown(void **state)
{
	static const char *const lines[] = {
		AT "postfix/smtp[1]: 4F2A01: to=<bob@example.com>, "
		   "relay=smtp.office365.com[52.97.1.2]:587",
		"535 5.7.3 [SN2PR00CA0018.namprd00.prod.outlook.com 2026-11-25T09:12:44.120Z "
		"08DE1A2B]",
		"AADSTS50011: ... 11111111-2222-3333-4444-555555555555: error code: AADSTS50011",
		"STOREDRV.Submission.Exception:ConnectionFailedTransientException."
		"MapiExceptionLogon",
		"https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/"
		"v2.0/token",
		"NO LOGIN failed.",
		"250-AUTH LOGIN XOAUTH2 PLAIN",
		"the token has expired",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct buffer out = BUFFER_INIT(1024);

		redact_append(&out, span_from_str(lines[i]));
		assert_string_equal(buffer_cstr(&out), lines[i]);
		buffer_release(&out);
	}
}

static void names_are_fit_for_a_command(void **state)
{
	static const char *const lines[] = {
		"account=`id` invalid_grant",
		"account=-rf invalid_grant",
		"account=;reboot invalid_grant",
		"SendAsDenied; $(id) not allowed to send as `id`;",
		"SendAsDenied; -x not allowed to send as --y;",
	};
	struct names names;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		names_find(span_from_str(lines[i]), &names);
		assert_string_equal(names.account, "");
		assert_string_equal(names.sender, "");
	}
	names_find(
		span_from_str(
			"to server smtp.example.net[2001:db8::1]:587 x[4711]: account relay: no"),
		&names);
	assert_string_equal(names.host, "smtp.example.net");
	assert_string_equal(names.account, "relay");
}

/* Hostile bytes ----------------------------------------------------------------------------------
 */

static void any_bytes_are_taken(void **state)
{
	static const char bytes[] =
		"\0\0"
		"535 5.7.3\0\x1b[31m Authentication \xff\xfe unsuccessful\r\n\0";
	struct run *run = xcalloc(1, sizeof(*run));

	(void)state;
	run_begin(run);
	reading_feed(&run->reading, (struct span){bytes, sizeof(bytes)});
	run_end(run, true);
	assert_string_equal(run->reading.findings[0].row->id, "smtp-auth-refused");
	assert_lacks(run->text, "\x1b");
	assert_lacks(run->text, "\xff");
	run_free(run);
}

/* Ten megabytes without a line end: what stands at its beginning counts, and no more is kept. */
static void a_line_has_a_ceiling(void **state)
{
	static const char begin[] = "invalid_grant ";
	struct run *run = xcalloc(1, sizeof(*run));
	char *chunk = xcalloc(1, 100000);

	(void)state;
	run_begin(run);
	reading_feed(&run->reading, span_from_str(begin));
	memset(chunk, ' ', 100000);
	for (int i = 0; i < 100; i++) {
		reading_feed(&run->reading, (struct span){chunk, 100000});
		assert_true(run->reading.line.len <= READING_LINE_MAX);
	}
	reading_feed(&run->reading, span_from_str("535 5.7.3\n5.2.252"));
	run_end(run, true);
	assert_int_equal(run->reading.count, 2);
	assert_string_equal(run->reading.findings[0].row->id, "smtp-send-as-denied");
	assert_string_equal(run->reading.findings[1].row->id, "oauth-invalid-grant");
	free(chunk);
	run_free(run);
}

static void pieces_make_no_difference(void **state)
{
	struct run *whole = explain(mail_log, true), *run = xcalloc(1, sizeof(*run));

	(void)state;
	run_begin(run);
	for (size_t i = 0; i < sizeof(mail_log) - 1; i++)
		reading_feed(&run->reading, (struct span){mail_log + i, 1});
	run_end(run, true);
	assert_string_equal(run->text, whole->text);
	assert_string_equal(run->json, whole->json);
	run_free(run);
	run_free(whole);
}

/* Rows and topics -------------------------------------------------------------------------------
 */

/* With a line of what was seen, a row has ten lines at most. */
static void rows_are_short(void **state)
{
	const struct diagnosis *row;

	(void)state;
	for (size_t i = 0; (row = diagnosis_at(i)) != NULL; i++) {
		size_t lines = 4; /* meaning, here, the last of each list has no line end */

		lines += row->causes != NULL ? lines_of(row->causes) + 1 : 0;
		lines += row->steps != NULL ? lines_of(row->steps) : 0;
		if (lines > REPORT_LINES)
			fail_msg("%s: %zu lines", row->id, lines);
	}
}

static char *topic(char *const *words, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool found = topics_print(out, CONFIG, words, count);

	(void)fclose(out);
	if (!found) {
		free(text);
		return NULL;
	}
	return text;
}

/* "mailoauth explain NAME" leads to something wherever it is said. */
static void check_references(const char *who, const char *text)
{
	static const char words[] = "mailoauth explain ";

	for (const char *at = strstr(text != NULL ? text : "", words); at != NULL;
	     at = strstr(at, words)) {
		size_t len;
		char *name, *found;

		at += sizeof(words) - 1;
		len = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
		name = xspandup((struct span){at, len});
		found = topic(&name, 1);
		if (found == NULL)
			fail_msg("%s: there is no topic %s", who, name);
		free(found);
		free(name);
	}
}

static void rows_name_topics_that_exist(void **state)
{
	const struct diagnosis *row;

	(void)state;
	for (size_t i = 0; (row = diagnosis_at(i)) != NULL; i++)
		check_references(row->id, row->steps);
}

static void topics_are_short_and_dated(void **state)
{
	static const char *const names[] = {
		"scopes",	    "scopes-microsoft", "scopes-google", "token-lifetime",
		"shared-mailboxes", "redirect-uris",	"send-as",	 "app-only",
		"device-code",	    "consent",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *name = xstrdup(names[i]), *text = topic(&name, 1);

		if (text == NULL)
			fail_msg("there is no topic %s", name);
		assert_true(lines_of(text) <= 25);
		assert_has(text, "\nLast verified: 20");
		assert_lacks(text, "\t");
		check_references(name, text);
		free(text);
		free(name);
	}
}

static void topics_have_other_names(void **state)
{
	static const char *const asked[][2] = {
		{"scope", "ms365"}, {"scopes", "gmail"}, {"callback", NULL}};
	static const char *const begin[] = {"Scopes at Microsoft 365", "Scopes at Google",
					    "Redirect URIs"};

	(void)state;
	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
		char *words[2] = {xstrdup(asked[i][0]), xstrdup(asked[i][1])};
		char *text = topic(words, words[1] != NULL ? 2 : 1);

		assert_non_null(text);
		assert_memory_equal(text, begin[i], strlen(begin[i]));
		free(text);
		free(words[0]);
		free(words[1]);
	}
}

/* What is no name is no file. */
static void topics_stay_in_their_directory(void **state)
{
	static const char *const none[] = {"../x", "scopes.txt", "",
					   "a/b",  "SCOPES",	 "no-such-topic"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		char *name = xstrdup(none[i]);

		assert_null(topic(&name, 1));
		free(name);
	}
}

static void topics_are_listed(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(topics_list(out, CONFIG, &err), OUTCOME_OK);
	(void)fclose(out);
	assert_has(text, "token-lifetime     Token lifetime: ");
	assert_int_equal(lines_of(text), 10);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_posts_words_are_explained),
		cmocka_unit_test(one_is_printed_whole),
		cmocka_unit_test(numbers_and_codes_are_enough),
		cmocka_unit_test(ambiguous_words_have_candidates),
		cmocka_unit_test(two_who_speak_are_two),
		cmocka_unit_test(the_unknown_has_its_class),
		cmocka_unit_test(no_status_is_seen_where_none_is),
		cmocka_unit_test(a_log_is_summed_up),
		cmocka_unit_test(a_good_log_is_good),
		cmocka_unit_test(a_local_destination_has_its_rows),
		cmocka_unit_test(more_than_fit_are_not_kept),
		cmocka_unit_test(challenges_are_decoded),
		cmocka_unit_test(logins_are_known_and_not_shown),
		cmocka_unit_test(what_is_no_base64_is_left_alone),
		cmocka_unit_test(secrets_are_not_shown),
		cmocka_unit_test(what_is_no_secret_is_shown),
		cmocka_unit_test(names_are_fit_for_a_command),
		cmocka_unit_test(any_bytes_are_taken),
		cmocka_unit_test(a_line_has_a_ceiling),
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(rows_are_short),
		cmocka_unit_test(rows_name_topics_that_exist),
		cmocka_unit_test(topics_are_short_and_dated),
		cmocka_unit_test(topics_have_other_names),
		cmocka_unit_test(topics_stay_in_their_directory),
		cmocka_unit_test(topics_are_listed),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
