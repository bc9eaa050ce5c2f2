/* SPDX-License-Identifier: MIT */
/*
 * cli-test-words.c - what mailoauth reads and writes for people: pages, pasted lines, status, exit
 * statuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "common/base64.h"
#include "common/daemon-command.h"
#include "common/helper-protocol.h"
#include "common/xalloc.h"
#include "token-helper/cli-exit.h"
#include "token-helper/cli-options.h"
#include "token-helper/cli-page.h"
#include "token-helper/cli-paste.h"
#include "token-helper/cli-status.h"
#include "token-helper/cli-text.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

static bool has(const struct buffer *text, const char *part)
{
	return strstr(buffer_cstr(text), part) != NULL;
}

/* Pages ------------------------------------------------------------------------------------------
 */

static void escaping_leaves_no_markup(void **state)
{
	struct buffer html = BUFFER_INIT(PAGE_MAX);

	(void)state;
	page_append_escaped(&html, "<a href=\"x\" b='y'>&amp;\x1b\n\x7f\xc3\xa4");
	assert_string_equal(buffer_cstr(&html),
			    "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&#xfffd;&#xfffd;"
			    "&#xfffd;\xc3\xa4");
	buffer_release(&html);
}

static void pages_escape_every_word_of_others(void **state)
{
	const struct authorized done = {
		.account = "<1>", .identity = "<2>", .until = "<3>", .scope = "<9>"};
	const struct unauthorized failure = {
		.account = "<4>", .why = "<5>; run: <6>", .meaning = "<7>", .remedy = "<8>"};
	struct buffer html = BUFFER_INIT(PAGE_MAX);

	(void)state;
	page_success(&html, &done);
	page_failure(&html, &failure);
	assert_true(buffer_ok(&html));
	for (char digit = '1'; digit <= '9'; digit++) {
		char raw[4] = {'<', digit, '>', '\0'};
		char escaped[] = "&lt;_&gt;";

		escaped[4] = digit;
		assert_false(has(&html, raw));
		assert_true(has(&html, escaped));
	}
	buffer_release(&html);
}

/* The style must be what the policy's hash is of, or the browser leaves it out. */
static void the_policy_is_of_the_style(void **state)
{
	struct buffer html = BUFFER_INIT(PAGE_MAX), policy = BUFFER_INIT(1024);
	struct buffer coded = BUFFER_INIT(128);
	unsigned char digest[EVP_MAX_MD_SIZE];
	const char *style, *end;
	unsigned len;

	(void)state;
	page_over(&html);
	page_append_policy(&policy);
	style = strstr(buffer_cstr(&html), "<style>") + strlen("<style>");
	end = strstr(style, "</style>");
	assert_non_null(end);
	assert_int_equal(EVP_Digest(style, (size_t)(end - style), digest, &len, EVP_sha256(), NULL),
			 1);
	assert_true(base64_encode(&coded, (struct span){(const char *)digest, len}));
	assert_true(has(&policy, buffer_cstr(&coded)));
	assert_false(has(&policy, "unsafe"));
	buffer_release(&coded);
	buffer_release(&policy);
	buffer_release(&html);
}

/* Pasted lines
 * ------------------------------------------------------------------------------------- */

static void pasted_lines_are_told_apart(void **state)
{
	static const struct {
		const char *line;
		enum paste is;
		const char *redirect;
	} cases[] = {
		{"", PASTE_EMPTY, NULL},
		{" \t\r", PASTE_EMPTY, NULL},
		{"http://localhost:1/?code=a&state=b", PASTE_REDIRECT,
		 "http://localhost:1/?code=a&state=b"},
		{" <http://localhost/?state=b&code=a>\r", PASTE_REDIRECT,
		 "http://localhost/?state=b&code=a"},
		{"code=a&state=b", PASTE_REDIRECT, "code=a&state=b"},
		{"?error=access_denied", PASTE_REDIRECT, "?error=access_denied"},
		{"http://localhost/#code=a", PASTE_REDIRECT, "http://localhost/#code=a"},
		{"https://x/authorize?response_type=code&code_challenge=q&state=s",
		 PASTE_SIGN_IN_URL, NULL},
		{"hello", PASTE_OTHER, NULL},
		{"https://x/?xcode=1&state=code", PASTE_OTHER, NULL},
		{"0.AXkA-bare-code", PASTE_OTHER, NULL},
		{"https://x/?code", PASTE_OTHER, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span redirect = {NULL, 0};

		assert_int_equal(paste_parse(span_from_str(cases[i].line), &redirect), cases[i].is);
		if (cases[i].redirect != NULL)
			assert_true(span_equals(redirect, cases[i].redirect));
		else
			assert_null(redirect.ptr);
	}
}

/* A line is bytes: a cut at any place must not be read past its end. */
static void pasted_lines_may_be_cut_anywhere(void **state)
{
	static const char line[] = "http://localhost/?state=b&code=a";

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		char *copy = malloc(len > 0 ? len : 1);
		struct span redirect;
		enum paste is;

		assert_non_null(copy);
		memcpy(copy, line, len);
		is = paste_parse((struct span){copy, len}, &redirect);
		assert_int_equal(is == PASTE_REDIRECT,
				 len >= sizeof("http://localhost/?state=b&code=") - 1);
		free(copy);
	}
}

/* Text -------------------------------------------------------------------------------------------
 */

static void clean_text_steers_no_terminal(void **state)
{
	struct buffer text = BUFFER_INIT(256);

	(void)state;
	text_append_clean(&text, "a\x1b[1m\x7f\r\xc2\x9b\x9b\xc3\xa9\xe2\x82\xac\xc0\x9b\xe2\x82");
	assert_string_equal(buffer_cstr(&text), "a?[1m????\xc3\xa9\xe2\x82\xac????");
	buffer_clear(&text);
	text_append_clean(&text, "moc\xe2\x80\xae@x\xe2\x81\xa6\xe2\x80\xa8\xd8\x9c\xed\xa0\x80.");
	assert_string_equal(buffer_cstr(&text), "moc?@x??????.");
	assert_int_equal(text_columns("\xc3\xa9\xe2\x82\xac"), 2);
	buffer_release(&text);
}

static void durations_read_well(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{-5, "0 s"},	   {0, "0 s"},	  {119, "119 s"},   {120, "2 min"},
		{7199, "119 min"}, {7200, "2 h"}, {172799, "47 h"}, {172800, "2 d"},
	};
	char text[TEXT_SPAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_duration(cases[i].seconds, text, sizeof(text)),
				    cases[i].text);
}

/* Status ------------------------------------------------------------------------------------------
 */

static const char sample[] =
	"{\"version\":1,\"now\":1795450000,\"accounts\":["
	"{\"account\":\"relay\",\"state\":\"valid\",\"provider\":\"microsoft\","
	"\"user\":\"relay@contoso.example\",\"identity\":\"ops@contoso.example\","
	"\"scope\":\"SMTP.Send offline_access\",\"access_expires\":1795453870,"
	"\"access_obtained\":1795449000,\"refresh_token\":true,\"refresh_obtained\":1794672400,"
	"\"authorized\":1790000000,\"last_refresh\":{\"at\":1795449000,\"outcome\":\"ok\","
	"\"error\":null,\"text\":null},\"next_refresh\":1795453000,\"rejected\":null,"
	"\"endpoint_down\":{\"url\":\"https://as.example:443\",\"down_since\":1795449000,"
	"\"proxy\":\"p.example:3128\",\"next_attempt\":1795450030,\"waiting\":4,"
	"\"account\":\"backup\",\"text\":\"HTTP 503\"},"
	"\"requests\":42,\"todo\":null},"
	"{\"account\":\"m\xc3\xbcller\",\"state\":\"reauth-required\",\"user\":\"m@example.org\","
	"\"access_expires\":null,\"refresh_token\":false,"
	"\"last_refresh\":{\"at\":1795442800,\"outcome\":\"consent\",\"error\":\"invalid_grant\","
	"\"text\":\"expired\\u001b[2J\"},\"rejected\":{\"at\":1795440000,\"host\":\"smtp.example."
	"org\","
	"\"said\":\"535 5.7.3 no\"},\"todo\":\"run: mailoauth authorize m\"}]}";

static const char table[] =
	"ACCOUNT  STATE            USER                   SIGNED IN AS         ACCESS TOKEN UNTIL  "
	"  "
	"REFRESH TOKEN AGE  LAST REFRESH           WHAT TO DO\n"
	"relay    valid            relay@contoso.example  ops@contoso.example  2026-11-23 "
	"17:11:10Z  "
	"9 d                ok 16 min ago          -\n"
	"m\xc3\xbcller   reauth-required  m@example.org          -                    -            "
	"         "
	"none               invalid_grant 2 h ago  run: mailoauth authorize m\n";

static struct json_object *read_json(const char *text)
{
	const char *why = "";
	struct json_object *object = json_read(span_from_str(text), HELPER_REPLY_MAX, &why);

	assert_non_null(object);
	return object;
}

static void table_is_aligned(void **state)
{
	struct json_object *status = read_json(sample);
	struct buffer text = BUFFER_INIT(STATUS_TEXT_MAX);

	(void)state;
	assert_true(status_append_table(&text, status, false));
	assert_string_equal(buffer_cstr(&text), table);
	buffer_release(&text);
	json_release(status);
}

/* Under the table, of which nothing but their accounts' state tells. */
static void endpoints_that_are_down_are_told(void **state)
{
	struct json_object *status = read_json(
		"{\"version\":1,\"now\":1795450000,\"endpoints_down\":["
		"{\"url\":\"https://as.example:443\",\"proxy\":null,\"down_since\":1795449000,"
		"\"next_attempt\":1795450030,\"accounts\":7,\"waiting\":4,\"account\":\"backup\","
		"\"text\":\"HTTP 503\"},"
		"{\"url\":\"https://b.example:443\",\"proxy\":\"p.example:3128\",\"down_since\":"
		"1795449000,\"next_attempt\":1795449999,\"accounts\":2,\"waiting\":0,"
		"\"account\":\"b\",\"text\":\"no\\u001b answer\"},null],"
		"\"accounts\":[{\"account\":\"relay\"}]}");
	struct buffer text = BUFFER_INIT(STATUS_TEXT_MAX);

	(void)state;
	assert_true(status_append_table(&text, status, false));
	assert_true(has(&text, "\n\nhttps://as.example:443 is down since 2026-11-23 15:50:00Z (16 "
			       "min); accounts that wait: 4 of 7; next attempt in 30 s; it said, "
			       "to backup: HTTP 503\n"));
	assert_true(has(&text, "\nhttps://b.example:443 by the proxy p.example:3128 is down since "
			       "2026-11-23 15:50:00Z (16 min); accounts that wait: 0 of 2; next "
			       "attempt now; it said, to b: no? answer\n"));
	buffer_release(&text);
	json_release(status);
}

static void colours_only_when_asked(void **state)
{
	struct json_object *status = read_json(sample);
	struct buffer text = BUFFER_INIT(STATUS_TEXT_MAX);

	(void)state;
	assert_true(status_append_table(&text, status, true));
	assert_true(has(&text, "\033[32mvalid\033[0m            relay@"));
	assert_true(has(&text, "\033[31mreauth-required\033[0m  m@"));
	buffer_release(&text);
	json_release(status);
}

static void details_say_all(void **state)
{
	struct json_object *status = read_json(sample);
	struct buffer text = BUFFER_INIT(STATUS_TEXT_MAX);

	(void)state;
	assert_true(status_append_details(&text, status, false));
	assert_true(has(&text, "scopes              SMTP.Send offline_access\n"));
	assert_true(has(&text, "tokens asked for    42\n"));
	assert_true(has(&text, "endpoint down       https://as.example:443\n"
			       "  by the proxy      p.example:3128\n"
			       "  since             2026-11-23 15:50:00Z\n"
			       "  next attempt      2026-11-23 16:07:10Z\n"
			       "  accounts waiting  4\n"
			       "  last tried by     backup\n"
			       "  it said           HTTP 503\n"));
	assert_true(has(&text, "  it said           expired?[2J\n"));
	assert_true(has(&text, "  who said          535 5.7.3 no\n"));
	assert_true(has(&text, "what to do          run: mailoauth authorize m\n"));
	buffer_release(&text);
	json_release(status);
}

static void foreign_status_is_refused(void **state)
{
	static const char *const foreign[] = {"{}", "{\"version\":2,\"accounts\":[]}",
					      "{\"version\":1}", "{\"version\":1,\"accounts\":{}}"};
	struct buffer text = BUFFER_INIT(STATUS_TEXT_MAX);

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		struct json_object *status = read_json(foreign[i]);

		assert_false(status_append_table(&text, status, false));
		assert_false(status_append_details(&text, status, false));
		json_release(status);
	}
	assert_int_equal(text.len, 0);
	buffer_release(&text);
}

/* Members of another type than promised, and accounts that are not objects, are shown as unknown.
 */
static void odd_status_is_survived(void **state)
{
	struct json_object *status =
		read_json("{\"version\":1,\"now\":\"x\",\"accounts\":[null,1,\"s\",[],"
			  "{\"account\":7,\"last_refresh\":[],\"access_expires\":\"soon\"}]}");
	struct buffer text = BUFFER_INIT(STATUS_TEXT_MAX);

	(void)state;
	assert_true(status_append_table(&text, status, false));
	assert_true(status_append_details(&text, status, false));
	buffer_release(&text);
	json_release(status);
}

/* Exit statuses
 * ------------------------------------------------------------------------------------ */

static void outcomes_have_their_status(void **state)
{
	(void)state;
	assert_int_equal(cli_exit_of(OUTCOME_OK), 0);
	assert_int_equal(cli_exit_of(OUTCOME_CONSENT), 10);
	assert_int_equal(cli_exit_of(OUTCOME_RETRY), 75);
	assert_int_equal(cli_exit_of(OUTCOME_NOMEM), 75);
	assert_int_equal(cli_exit_of(OUTCOME_PROTOCOL), 76);
	assert_int_equal(cli_exit_of(OUTCOME_DENIED), 77);
	assert_int_equal(cli_exit_of(OUTCOME_CONFIG), 78);
}

static void read_manual(struct buffer *manual)
{
	const char *srcdir = getenv("srcdir");
	char path[512], chunk[4096];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/token-helper/mailoauth.1",
		       srcdir != NULL ? srcdir : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		assert_true(buffer_append(manual, chunk, n));
	(void)fclose(f);
}

static void manual_has_the_same_table(void **state)
{
	struct buffer manual = BUFFER_INIT(1 << 20);

	(void)state;
	read_manual(&manual);
	for (size_t i = 0; i < cli_exits_count; i++) {
		char item[32];

		(void)snprintf(item, sizeof(item), "\n.It %d\n", (int)cli_exits[i].exit);
		if (!has(&manual, item))
			fail_msg("mailoauth.1 has no exit status %d", (int)cli_exits[i].exit);
	}
	buffer_release(&manual);
}

static void reported(enum cli_exit exit, const char *text, const char *expected)
{
	char *printed = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&printed, &len);

	assert_non_null(f);
	assert_int_equal(cli_report_to(f, exit, text), exit);
	(void)fclose(f);
	assert_string_equal(printed, expected);
	free(printed);
}

static void reports_end_in_a_command_once(void **state)
{
	char *expected = xasprintf("mailoauth: gone; run: %s\n", daemon_command(DAEMON_LOOK_AT));

	(void)state;
	reported(CLI_RETRY, "later", "mailoauth: later; run: mailoauth status\n");
	reported(CLI_CONSENT, "x; run: y", "mailoauth: x; run: y\n");
	reported(CLI_UNREACHABLE, "x; run: setsid mailoauthd &",
		 "mailoauth: x; run: setsid mailoauthd &\n");
	reported(CLI_UNREACHABLE, "gone", expected);
	free(expected);
	reported(CLI_OUTPUT, "full", "mailoauth: full\n");
}

static const struct cli_verb some_verbs[] = {
	{.name = "postfix enable", .account = OPERAND_NONE, .options = "D", .help = ""},
	{.name = "postfix disable", .account = OPERAND_NONE, .options = "D", .help = ""},
	{.name = "token", .account = OPERAND_SERVICE, .options = "s", .help = ""},
	{.name = "hidden", .account = OPERAND_NONE, .options = ""}, /* for programs */
	{0},
};

/* Wherever the mistake stands, the verb's own help is named. */
static void misread_lines_name_the_help(void **state)
{
	static const struct {
		const char *line[6];
		const char *text;
	} cases[] = {
		{{"mailoauth", "postfix", "disable", "relay"},
		 "too many words: relay; run: mailoauth help postfix disable"},
		{{"mailoauth", "postfix", "--help"},
		 "the verb has two words; run: mailoauth postfix enable, or: mailoauth postfix "
		 "disable"},
		{{"mailoauth", "token", "--color", "a"},
		 "option unknown or misused: --color; run: mailoauth help token"},
		{{"mailoauth", "--service", "ftp", "token", "a"},
		 "a service is smtp, imap or pop, not ftp; run: mailoauth help token"},
		{{"mailoauth", "token", "a", "--service"},
		 "a value is missing after --service; run: mailoauth help token"},
		{{"mailoauth", "token"}, "which account? run: mailoauth help token"},
		{{"mailoauth", "tokn", "a"},
		 "there is no verb tokn; there is token; run: mailoauth help"},
		{{"mailoauth", "postfxi"},
		 "there is no verb postfxi; there is postfix; run: mailoauth help"},
		{{"mailoauth", "frobnicate", "token"},
		 "there is no verb frobnicate; run: mailoauth help"},
		{{"mailoauth", "hiddn"}, "there is no verb hiddn; run: mailoauth help"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cli_line line;
		struct err err = ERR_INIT;
		char *words[8] = {NULL};
		int count = 0;

		for (; cases[i].line[count] != NULL; count++)
			words[count] = xstrdup(cases[i].line[count]);
		assert_int_equal(cli_options_read(count, words, some_verbs, &line, &err),
				 CLI_USAGE);
		assert_string_equal(err.text, cases[i].text);
		for (int j = 0; j < count; j++) /* in another order now */
			free(words[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escaping_leaves_no_markup),
		cmocka_unit_test(pages_escape_every_word_of_others),
		cmocka_unit_test(the_policy_is_of_the_style),
		cmocka_unit_test(pasted_lines_are_told_apart),
		cmocka_unit_test(pasted_lines_may_be_cut_anywhere),
		cmocka_unit_test(clean_text_steers_no_terminal),
		cmocka_unit_test(durations_read_well),
		cmocka_unit_test(table_is_aligned),
		cmocka_unit_test(endpoints_that_are_down_are_told),
		cmocka_unit_test(colours_only_when_asked),
		cmocka_unit_test(details_say_all),
		cmocka_unit_test(foreign_status_is_refused),
		cmocka_unit_test(odd_status_is_survived),
		cmocka_unit_test(outcomes_have_their_status),
		cmocka_unit_test(manual_has_the_same_table),
		cmocka_unit_test(reports_end_in_a_command_once),
		cmocka_unit_test(misread_lines_name_the_help),
	};

	return cmocka_run_group_tests_name("mailoauth, words", tests, NULL, NULL);
}
