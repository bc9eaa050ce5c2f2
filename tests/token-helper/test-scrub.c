/* SPDX-License-Identifier: MIT */
/*
 * test-scrub.c - what may be shown to anybody: a table of lines, and a heap of secrets in every
 * place where one was ever seen.
 */
#include "token-helper/bundle/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

#define JWT "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"

static const struct {
	const char *in, *out;
} lines[] = {
	{"user = alice@contoso.example", "user = user1@domain1"},
	{"senders = bob@contoso.example ALICE@Contoso.Example",
	 "senders = user2@domain1 user1@domain1"},
	{"user = someone@gmail.com", "user = user3@gmail.com"},
	{"tenant = contoso.example", "tenant = domain1"},
	{"relay=mail.contoso.example[192.0.2.7]:587", "relay=host1.domain1[ip1]:587"},
	{"relay=smtp.office365.com[192.0.2.7]:587", "relay=smtp.office365.com[ip1]:587"},
	{"client_id = 11111111-2222-3333-4444-555555555555", "client_id = id1"},
	{"client_id = 12-ab.apps.googleusercontent.com",
	 "client_id = id2.apps.googleusercontent.com"},
	{"tenant 11111111-2222-3333-4444-555555555555.", "tenant id1."},
	{"client_secret_file = /etc/mailoauth/relay.secret",
	 "client_secret_file = /etc/mailoauth/relay.secret"},
	{"password = hunter 2 !", "password = [removed]"},
	{"; client_secret = abc", "; client_secret = [removed]"},
	{"\"refresh_token\": \"x\", \"state\": \"valid\"",
	 "\"refresh_token\": \"[removed]\", \"state\": \"valid\""},
	{"\"refresh_token\": true", "\"refresh_token\": true"},
	{"access_token=abc&user=x", "access_token=[removed]&user=x"},
	{"Authorization: Bearer abcdefgh", "Authorization: [removed]"},
	{"auth=Bearer abcdefgh end", "auth=[removed] end"},
	{"client_secret_old = hunter2", "client_secret_old = [removed]"},
	{"sent Bearer abcdefgh end", "sent Bearer [removed] end"},
	{"got " JWT " back", "got [removed] back"},
	{"got ya29.a0AfH6SMBxyzxyzxyz", "got [removed]"},
	{"got M.C5_BAY.0.U.-Cabcdefgh", "got [removed]"},
	{"base64 dXNlcj1yZWxheUBjb250b3NvLmV4YW1wbGUBYXV0aA==", "base64 [removed]"},
	{"https://as.example/authorize?code=1&state=2 next",
	 "https://as.example/authorize?[removed] next"},
	{"https://bob:pw@as.example/", "https://[removed]@as.example/"},
	{"{ [h.example]:587 = alice@contoso.example:hunter2 }",
	 "{ [h.example]:587 = user1@domain1:[removed] }"},
	{"{ [h.example]:587 = alice@contoso.example: }", "{ [h.example]:587 = user1@domain1: }"},
	{"smtp_sasl_password_maps = static:apikey:hunter2",
	 "smtp_sasl_password_maps = static:[removed]"},
	{"smtp_sasl_password_maps = static:{ao:hunter 2} x",
	 "smtp_sasl_password_maps = static:[removed]} x"},
	{"smtp_sasl_password_maps = inline:{ { [h.example]:587 = apikey:hunter2 } }",
	 "smtp_sasl_password_maps = inline:{ { [h.example]:587 = apikey:[removed] } }"},
	{"smtp_sasl_password_maps = inline:{h.example=apikey:hunter2}",
	 "smtp_sasl_password_maps = inline:{h.example=apikey:[removed]}"},
	{"transport_maps = inline:{ h.example = smtp:[h.example] }",
	 "transport_maps = inline:{ h.example = smtp:[h.example] }"},
	{"said {\\\"client_secret\\\": \\\"hunter 2\\\", \\\"a\\\": 1}",
	 "said {\\\"client_secret\\\": [removed], \\\"a\\\": 1}"},
	{"from=<alice@contoso.example>: said", "from=<user1@domain1>: said"},
	{"client=pc.lan[2001:db8::1] at 12:34:56", "client=host2[ip2] at 12:34:56"},
	{"connect from unknown[2001:db8::1]: unknown user, localhost",
	 "connect from unknown[ip2]: unknown user, localhost"},
	{"listen 127.0.0.1 ::1", "listen 127.0.0.1 ::1"},
	{"/home/alice/Maildir", "/home/user4/Maildir"},
	{"smtp_sasl_tls_security_options = noanonymous",
	 "smtp_sasl_tls_security_options = noanonymous"},
	{"SmtpClientAuthenticationDisabled 535 5.7.139",
	 "SmtpClientAuthenticationDisabled 535 5.7.139"},
	{"host AM0PR02CA0123.eurprd02.prod.outlook.com",
	 "host AM0PR02CA0123.eurprd02.prod.outlook.com"},
	{"https://outlook.office.com/IMAP.AccessAsUser.All",
	 "https://outlook.office.com/IMAP.AccessAsUser.All"},
	{"token_url = https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token",
	 "token_url = https://login.microsoftonline.com/domain1/oauth2/v2.0/token"},
	{"2026-11-25T22:00:00Z account=relay refresh=ok",
	 "2026-11-25T22:00:00Z account=relay refresh=ok"},
	{"AADSTS700082: The refresh token has expired",
	 "AADSTS700082: The refresh token has expired"},
	{"/var/spool/postfix/private/mailoauth", "/var/spool/postfix/private/mailoauth"},
	{"from=<owner-list+bob=contoso.example@list.example>", "from=<user5@domain2>"},
	{"user=bob@contoso.example auth", "user=user2@domain1 auth"},
	{"to=<j\xc3\xb6rg@contoso.example>", "to=<user6@domain1>"},
	{"imap://bob%40contoso.example/", "imap://[removed]/"},
	{"as bob%40contoso.example to", "as user7@domain1 to"},
	{"", ""},
};

static void the_table(void **state)
{
	struct scrub *scrub = scrub_new();

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct buffer out = BUFFER_INIT(4096);
		struct span said;

		scrub_append(scrub, span_from_str(lines[i].in), &out);
		said = buffer_span(&out);
		said.len -= said.len > 0; /* the end of the line */
		if (!span_equals(said, lines[i].out))
			fail_msg("%s gave %s, not %s", lines[i].in, buffer_cstr(&out),
				 lines[i].out);
		buffer_release(&out);
	}
	scrub_free(scrub);
}

static const char *const secrets[] = {
	JWT,
	"ya29.A0AfH6SMC_x-abcdefghijk",
	"1//0gabcdefghijklmnopqr-stuv",
	"0.AXkAabcdefghij-klmnopq_rs",
	"M.C5_BAY.0.U.-Cq1abcdefghijkl*mnop",
	"EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA",
	"GOCSPX-abcdefghijklmnop1234",
	"gAAAAABrB1xLqqvfukxU6RVaZHo9QC5ZoG6D1KpJRNaD",
	"dXNlcj1yZWxheUBjb250b3NvLmV4YW1wbGU=",
	"aB3~xY9.zzW8Q~abcdEFGHijklMN0pqrst",
};

static const char *const places[] = {
	"%s",
	"got %s.",
	"\"%s\"",
	"'%s'",
	"<%s>",
	"(%s)",
	"[%s]",
	"{%s}",
	"x=%s",
	"x = %s",
	"x: %s",
	"token %s,",
	"Bearer %s",
	"AUTH XOAUTH2 %s",
	"/etc/tokens/%s",
	"https://h.example/cb?code=%s",
	"https://h.example/cb#access_token=%s&x=1",
	"client_secret=%s&",
	"\"secret\":\"%s\"",
	"relay:%s",
	"alice@contoso.example:%s",
	"334 %s",
	"\t%s\r",
	"a,%s,b",
	"password %s",
};

static void no_secret_is_left_anywhere(void **state)
{
	(void)state;
	for (size_t s = 0; s < sizeof(secrets) / sizeof(secrets[0]); s++) {
		for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
			const char *hole = strstr(places[p], "%s");
			struct scrub *scrub = scrub_new();
			struct buffer in = BUFFER_INIT(4096);
			struct buffer out = BUFFER_INIT(8192);
			char piece[13] = "";

			(void)buffer_append(&in, places[p], (size_t)(hole - places[p]));
			(void)buffer_append_str(&in, secrets[s]);
			(void)buffer_append_str(&in, hole + 2);
			scrub_append(scrub, buffer_span(&in), &out);
			/* No twelve characters of it either. */
			for (size_t i = 0; i + 12 <= strlen(secrets[s]); i++) {
				memcpy(piece, secrets[s] + i, 12);
				if (strstr(buffer_cstr(&out), piece) != NULL)
					fail_msg("%s gave %s", buffer_cstr(&in), buffer_cstr(&out));
			}
			buffer_release(&in);
			buffer_release(&out);
			scrub_free(scrub);
		}
	}
}

static void domains_are_learned_ahead(void **state)
{
	struct scrub *scrub = scrub_new();
	struct buffer out = BUFFER_INIT(256);

	(void)state;
	scrub_learn(scrub, span_from_str("# x\nuser = a@contoso.example\nother=<b@gmail.com>"));
	scrub_know_domain(scrub, span_from_str("myhost.lan"));
	scrub_append(scrub, span_from_str("contoso.example gmail.com myhost.lan"), &out);
	assert_string_equal(buffer_cstr(&out), "domain1 gmail.com domain2\n");
	buffer_release(&out);
	scrub_free(scrub);
}

static void hosts_are_known_by_their_short_names(void **state)
{
	struct scrub *scrub = scrub_new();
	struct buffer out = BUFFER_INIT(256);

	(void)state;
	scrub_know_host(scrub, span_from_str("mx7"));
	scrub_know_host(scrub, span_from_str("localhost"));
	scrub_append(scrub, span_from_str("Nov 26 MX7 postfix/smtp[1]: mx70 localhost"), &out);
	assert_string_equal(buffer_cstr(&out), "Nov 26 host1 postfix/smtp[1]: mx70 localhost\n");
	buffer_release(&out);
	scrub_free(scrub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(no_secret_is_left_anywhere),
		cmocka_unit_test(domains_are_learned_ahead),
		cmocka_unit_test(hosts_are_known_by_their_short_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
