/* SPDX-License-Identifier: MIT */
/*
 * test-helper-config.c - mailoauth.conf and the presets as they are shipped, resolved.
 *
 * The URLs and scopes are written out here a second time on purpose: a slip in a preset sends
 * tokens astray.
 */
#include "token-helper/accounts/helper-config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/common/scratch.h"

#include "common/banned.h"

#define MICROSOFT                                                                                  \
	"[account relay]\nprovider = microsoft\nclient_id = c1\nuser = relay@contoso.example\n"    \
	"use = smtp imap\n"
#define GOOGLE                                                                                     \
	"[account g]\nprovider = google\nclient_id = c2\nuser = u@gmail.example\nuse = smtp\n"     \
	"client_secret_file = @DIR@/secret\n"
#define CUSTOM                                                                                     \
	"[account c]\nprovider = custom\nclient_id = c3\nuser = u@example.test\nuse = smtp\n"      \
	"issuer = https://as.example\nauthorize_url = https://as.example/auth\n"                   \
	"token_url = https://as.example/token\nscope = openid mail\n"                              \
	"smtp_host = mx.example.test\n"
#define OUTLOOK	   "https://outlook.office.com/"
#define APP_SECRET "client_secret_file = @DIR@/secret\n" /* an application alone has one */
#define MANY	   10000

static const char *const dirs[] = {TEST_PROVIDERS, NULL};
static char dir[64];
static struct helper_config *config;
static char *problems_text;
static size_t problem_count;

static void write_text(const char *name, const char *text, mode_t mode)
{
	assert_true(scratch_write(dir, name, span_from_str(text), mode));
}

static int make_dir(void **state)
{
	(void)state;
	if (!scratch_make(dir, sizeof(dir), "conf"))
		return -1;
	write_text("secret", "s3cret\n", 0600);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	helper_config_free(config);
	config = NULL;
	free(problems_text);
	problems_text = NULL;
	return scratch_remove(dir) ? 0 : -1;
}

/* Loads text, in which "@DIR@" is the test's directory, into config and problems_text. */
static void load(const char *text)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct buffer file = BUFFER_INIT(1 << 24);
	char *path = xasprintf("%s/mailoauth.conf", dir);
	const char *mark;

	while ((mark = strstr(text, "@DIR@")) != NULL) {
		(void)buffer_append(&file, text, (size_t)(mark - text));
		(void)buffer_append_str(&file, dir);
		text = mark + 5;
	}
	(void)buffer_append_str(&file, text);
	write_text("mailoauth.conf", buffer_cstr(&file), 0600);
	helper_config_free(config);
	free(problems_text);
	config = helper_config_load(path, dirs, &problems);
	problems_text = xstrdup(buffer_cstr(&problems.text));
	problem_count = problems.count;
	config_problems_release(&problems);
	buffer_release(&file);
	free(path);
}

static const struct account_config *load_one(const char *text)
{
	load(text);
	if (config == NULL)
		fail_msg("%s", problems_text);
	assert_int_equal(config->account_count, 1);
	return config->accounts[0];
}

/* Exactly one problem: at that line, with that text. */
static void check_problem(const char *text, int line, const char *part)
{
	char *where = xasprintf("%s/mailoauth.conf:%d: ", dir, line);

	load(text);
	assert_null(config);
	if (problem_count != 1 || strncmp(problems_text, where, strlen(where)) != 0 ||
	    strstr(problems_text, part) == NULL)
		fail_msg("not one problem at line %d with \"%s\":\n%s", line, part, problems_text);
	free(where);
}

/* Presets ------------------------------------------------------------------------------------- */

static void microsoft_is_resolved(void **state)
{
	const struct account_config *account = load_one(MICROSOFT);
	const struct oauth_client *client = &account->client;

	(void)state;
	assert_string_equal(client->issuer, "https://login.microsoftonline.com/{tenantid}/v2.0");
	assert_string_equal(client->authorize_url, "https://login.microsoftonline.com/"
						   "organizations/oauth2/v2.0/authorize");
	assert_string_equal(client->token_url, "https://login.microsoftonline.com/organizations/"
					       "oauth2/v2.0/token");
	assert_string_equal(client->scope, "https://outlook.office.com/SMTP.Send "
					   "https://outlook.office.com/IMAP.AccessAsUser.All "
					   "offline_access openid profile email");
	assert_string_equal(client->required_scope,
			    "https://outlook.office.com/SMTP.Send "
			    "https://outlook.office.com/IMAP.AccessAsUser.All");
	assert_string_equal(client->redirects.word[0], "http://localhost");
	assert_string_equal(client->authorize_extra, "prompt=select_account");
	assert_string_equal(client->identity, "relay@contoso.example");
	assert_int_equal(client->auth->method, CLIENT_AUTH_NONE);
	assert_int_equal(client->timeout_ms, 30000);
	assert_string_equal(account->hosts[SERVICE_SMTP].word[0], "smtp.office365.com");
	assert_string_equal(account->hosts[SERVICE_IMAP].word[0], "outlook.office365.com");
	assert_int_equal(account->min_valid_s, 300);
	assert_false(account->use[SERVICE_POP]);
}

static void the_tenant_is_put_in(void **state)
{
	const struct account_config *account = load_one(MICROSOFT "tenant = contoso.example\n");

	(void)state;
	assert_string_equal(account->client.token_url,
			    "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token");
	assert_string_equal(account->client.issuer,
			    "https://login.microsoftonline.com/{tenantid}/v2.0");
	check_problem(MICROSOFT "tenant = a/b\n", 6, "neither a tenant id nor a domain");
	account = load_one("[account relay]\nprovider = microsoft\nclient_id = c\nuser = u@x\n"
			   "use = pop\n");
	assert_string_equal(account->client.required_scope,
			    "https://outlook.office.com/POP.AccessAsUser.All");
}

static void google_is_resolved(void **state)
{
	const struct account_config *account = load_one(GOOGLE);
	const struct oauth_client *client = &account->client;

	(void)state;
	assert_string_equal(client->issuer, "https://accounts.google.com");
	assert_string_equal(client->authorize_url, "https://accounts.google.com/o/oauth2/v2/auth");
	assert_string_equal(client->token_url, "https://oauth2.googleapis.com/token");
	assert_string_equal(client->scope, "https://mail.google.com/ openid email");
	assert_string_equal(client->redirects.word[0], "http://127.0.0.1");
	assert_string_equal(client->authorize_extra, "access_type=offline&prompt=consent");
	assert_int_equal(client->auth->method, CLIENT_AUTH_POST);
	assert_string_equal(buffer_cstr(&client->auth->credentials[0].secret), "s3cret");
	assert_string_equal(account->hosts[SERVICE_SMTP].word[0], "smtp.gmail.com");
	check_problem("[account g]\nprovider = google\nclient_id = c\nuser = u@x\nuse = smtp\n", 1,
		      "lacks client_secret_file, which Google requires");
}

static void redirects_are_several(void **state)
{
	const struct account_config *account = load_one(
		MICROSOFT "redirect = http://localhost:8400/back, https://mail.example/cb\n"
			  "  http://[::1]\n");
	const struct words *redirects = &account->client.redirects;

	(void)state;
	assert_int_equal(redirects->count, 3);
	assert_string_equal(redirects->word[0], "http://localhost:8400/back");
	assert_string_equal(redirects->word[1], "https://mail.example/cb");
	assert_string_equal(redirects->word[2], "http://[::1]");
	check_problem(MICROSOFT "redirect = http://localhost http://mail.example/cb\n", 6,
		      "redirect = http://mail.example/cb: is neither https:// nor http:// on "
		      "loopback");
	check_problem(MICROSOFT "redirect = urn:ietf:wg:oauth:2.0:oob\n", 6, "is neither https://");
	check_problem(MICROSOFT "redirect = http://localhost/#here\n", 6, "has a fragment");
	check_problem(MICROSOFT "redirect = http://localhost https://a.example http://localhost\n",
		      6, "redirect = http://localhost: stands there twice");
	/* To the letter: these are two. */
	account = load_one(MICROSOFT "redirect = http://localhost http://localhost/\n");
	assert_int_equal(account->client.redirects.count, 2);
}

static void a_scope_for_graph_is_refused(void **state)
{
	(void)state;
	check_problem("[account r]\nprovider = microsoft\nclient_id = c\nuser = u@x\nuse = smtp\n"
		      "scope = SMTP.Send offline_access openid\n",
		      6, "write https://outlook.office.com/SMTP.Send, or leave scope out");
	check_problem(MICROSOFT "scope = openid offline_access " OUTLOOK "SMTP.Send "
				"https://graph.microsoft.com/IMAP.AccessAsUser.All\n",
		      6, "write https://outlook.office.com/IMAP.AccessAsUser.All");
	/* The other name of the same resource. */
	(void)load_one(MICROSOFT "scope = openid offline_access "
				 "https://outlook.office365.com/SMTP.Send "
				 "https://outlook.office.com/IMAP.AccessAsUser.All\n");
}

#define RELAY(provider, use)                                                                       \
	"[account r]\nprovider = " provider "\nclient_id = c\nuser = u@x.example\nuse = " use "\n"

/* Each stands in line 6, with one thing wrong. */
static const struct wrong {
	const char *text;
	const char *part;
} wrongs[] = {
	{RELAY("microsoft", "smtp") "scope = openid offline_access " OUTLOOK
				    "IMAP.AccessAsUser.All\n",
	 "scope lacks " OUTLOOK "SMTP.Send: use has smtp"},
	{RELAY("microsoft", "pop") "scope = openid offline_access " OUTLOOK "SMTP.Send\n",
	 "scope lacks " OUTLOOK "POP.AccessAsUser.All"},
	{RELAY("microsoft", "smtp") "scope = openid " OUTLOOK "SMTP.Send\n",
	 "scope lacks offline_access: there would be no refresh token"},
	{RELAY("microsoft", "smtp") "scope = openid offline_access " OUTLOOK "SMTP.Send "
				    "https://vault.azure.net/user\n",
	 "several resources, outlook.office.com and vault.azure.net"},
	{RELAY("microsoft", "smtp") "scope = openid offline_access " OUTLOOK "SMTP.Send " OUTLOOK
				    ".default\n",
	 "mixes .default with " OUTLOOK "SMTP.Send"},
	{RELAY("outlook",
	       "smtp") "scope = openid offline_access https://graph.microsoft.com/Mail.Send\n",
	 "is for Microsoft Graph's own mail interface"},
	{RELAY("google", "smtp") "scope = openid https://www.googleapis.com/auth/gmail.send\n"
				 "client_secret_file = @DIR@/secret\n",
	 "write https://mail.google.com/"},
	{RELAY("google", "smtp") "scope = openid https://mail.google.com\n"
				 "client_secret_file = @DIR@/secret\n",
	 "lacks the slash"},
	{RELAY("google", "smtp") "authorize_extra = prompt=consent\n"
				 "client_secret_file = @DIR@/secret\n",
	 "lacks access_type=offline"},
	{RELAY("microsoft-app", "smtp") "tenant = common\n" APP_SECRET, "it must be your own"},
	{RELAY("microsoft-app", "smtp") "scope = SMTP.SendAsApp\ntenant = x.example\n" APP_SECRET,
	 "write https://outlook.office365.com/.default"},
	{RELAY("microsoft", "smtp") "client_secret_file = @DIR@/guid\n",
	 "what looks like the ID of a secret"},
	{RELAY("microsoft",
	       "smtp") "token_url = https://login.microsoftonline.com/x/oauth2/token\n",
	 "is Microsoft's v1 endpoint"},
	{RELAY("microsoft",
	       "smtp") "authorize_url = https://login.microsoftonline.com/x/oauth2/authorize\n",
	 "is Microsoft's v1 endpoint"},
	{RELAY("microsoft",
	       "smtp") "authorize_url = https://login.microsoftonline.com/x/oauth2/v2.0/token\n",
	 "swapped?"},
	{RELAY("fastmail", "smtp") "token_url = https://api.fastmail.com/oauth/authorize\n",
	 "swapped?"},
	{RELAY("fastmail", "smtp") "issuer = https://x.example/.well-known/openid-configuration\n",
	 "the issuer is what stands before /.well-known/"},
};

static void what_cannot_work_is_refused(void **state)
{
	(void)state;
	write_text("guid", "8cbe3f24-1111-4222-8333-abcdefabcdef\n", 0600);
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++)
		check_problem(wrongs[i].text, 6, wrongs[i].part);
}

/* What looks alike and is right. */
static void what_works_is_let_through(void **state)
{
	static const char *const right[] = {
		RELAY("microsoft", "smtp") "scope = offline_access openid " OUTLOOK ".default\n",
		RELAY("google", "imap") "scope = openid https://mail.google.com/\n"
					"client_secret_file = @DIR@/guid\n",
		RELAY("microsoft-app", "smtp imap") "tenant = contoso.example\n" APP_SECRET,
		RELAY("adfs", "smtp") "auth_host = login.corp.example\nresource = urn:m\n"
				      "smtp_host = mx.corp.example\n",
	};

	(void)state;
	write_text("guid", "8cbe3f24-1111-4222-8333-abcdefabcdef\n", 0600);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		(void)load_one(right[i]);
	(void)load_one(MICROSOFT);
	assert_non_null(strstr(buffer_cstr(&config->warnings), "client_id = c1: ids of Microsoft"));
}

/* Fastmail has no id_token: it is nobody's fault, and it is said. */
static void who_cannot_be_verified_is_said(void **state)
{
	(void)state;
	assert_string_equal(load_one(RELAY("fastmail", "smtp"))->client.identity, "u@x.example");
	assert_non_null(
		strstr(buffer_cstr(&config->warnings), "Fastmail does not say who signed in"));
	assert_non_null(strstr(buffer_cstr(&config->warnings), "a login as u@x.example"));
	assert_null(load_one(RELAY("fastmail", "smtp") "verify_identity = no\n")->client.identity);
	assert_string_equal(
		load_one(RELAY("fastmail", "smtp") "userinfo_url = https://x.example/me\n")
			->client.identity,
		"u@x.example");
}

static void custom_says_what_it_lacks(void **state)
{
	static const char *const keys[] = {"issuer", "authorize_url", "token_url", "scope",
					   "smtp_host"};
	const struct account_config *account = load_one(CUSTOM);

	(void)state;
	assert_string_equal(account->client.token_url, "https://as.example/token");
	assert_string_equal(account->client.scope, "openid mail");
	assert_null(account->client.required_scope);
	load("[account c]\nprovider = custom\nclient_id = c\nuser = u@x\nuse = smtp\n");
	assert_null(config);
	assert_int_equal(problem_count, 5);
	for (size_t i = 0; i < 5; i++) {
		/* The host is missed because of use. */
		char *lacks = xasprintf("mailoauth.conf:%d: [account c] lacks %s", i < 4 ? 1 : 5,
					keys[i]);

		assert_non_null(strstr(problems_text, lacks));
		free(lacks);
	}
}

static void what_is_left_out_is_learned(void **state)
{
	const struct account_config *account =
		load_one("[account c]\nprovider = custom\nclient_id = c\nuser = u@x\nuse = smtp\n"
			 "issuer = https://as.example\nscope = openid\nsmtp_host = h\n");

	(void)state;
	assert_null(account->client.token_url);
	assert_true(account->learns != 0);
	assert_non_null(account->client.identity);
	assert_int_equal(load_one(CUSTOM)->learns, 0);
	assert_int_equal(load_one(MICROSOFT)->learns, 0);
}

static void a_preset_beside_the_file_wins(void **state)
{
	char *beside = xasprintf("%s/providers", dir);
	const struct account_config *account;

	(void)state;
	assert_int_equal(mkdir(beside, 0700), 0);
	write_text("providers/microsoft.conf",
		   "[provider microsoft]\nissuer = https://a.example\n"
		   "authorize_url = https://a.example/{tenant}/a\ntoken_url = https://a.example/t\n"
		   "scope = openid\nsmtp_host = a\nimap_host = b\ntenant = x\n",
		   0600);
	account = load_one(MICROSOFT);
	assert_string_equal(account->client.authorize_url, "https://a.example/x/a");
	write_text("providers/microsoft.conf", "[provider other]\n", 0600);
	load(MICROSOFT);
	assert_null(config);
	assert_non_null(strstr(problems_text, "providers/microsoft.conf:1: [provider other] must "
					      "be [provider microsoft]"));
	free(beside);
}

#define ACME                                                                                       \
	"[provider acme]\ntitle = Acme\nissuer = https://a.example\n"                              \
	"authorize_url = https://a.example/a\ntoken_url = https://a.example/t\n"                   \
	"device_url = https://a.example/d\nscope = openid\nsmtp_host = a\nimap_host = b\n"         \
	"pop_host = c\n"
#define AT_ACME "[account a]\nprovider = acme\nuser = u@a.example\nuse = smtp pop\nallow = root\n"

static void provider_says(const char *lines)
{
	char *text = xasprintf(ACME "%s", lines);

	write_text("providers/acme.conf", text, 0600);
	free(text);
}

/* What stands in a preset and nowhere else. */
static void a_preset_has_keys_of_its_own(void **state)
{
	char *beside = xasprintf("%s/providers", dir);
	const struct account_config *account;

	(void)state;
	assert_int_equal(mkdir(beside, 0700), 0);
	provider_says("smtp_scope = s.send\nimap_scope = s.imap\npop_scope = s.pop\n"
		      "client_id_pattern = acme-*\ndevice_note = for televisions only\n"
		      "grants = authorization_code\n");
	account = load_one(AT_ACME "client_id = acme-1\n");
	assert_string_equal(account->client.scope, "s.send s.pop openid");
	assert_string_equal(account->client.required_scope, "s.send s.pop");
	assert_string_equal(account->device_note, "for televisions only");
	assert_null(strstr(buffer_cstr(&config->warnings), "client_id"));
	(void)load_one(AT_ACME "client_id = 4711\n");
	assert_non_null(strstr(buffer_cstr(&config->warnings),
			       "client_id = 4711: ids of Acme look like acme-*"));
	check_problem(AT_ACME "client_id = acme-1\ngrant = device_code\n", 7,
		      "not with provider = acme: for televisions only");
	provider_says("unavailable = Acme has sold its mail\n");
	check_problem(AT_ACME "client_id = acme-1\n", 2, "Acme has sold its mail");
	free(beside);
}

/* Checks -------------------------------------------------------------------------------------- */

static void each_service_may_have_a_user(void **state)
{
	const struct account_config *account =
		load_one(CUSTOM "smtp_user = s@example.test\npop_user = p@example.test\n");

	(void)state;
	assert_string_equal(account->service_user[SERVICE_SMTP], "s@example.test");
	assert_string_equal(account->service_user[SERVICE_IMAP], "u@example.test");
	assert_string_equal(account->service_user[SERVICE_POP], "p@example.test");
	check_problem(CUSTOM "smtp_user = s@example.test # me\n", 11,
		      "smtp_user = s@example.test # me: ");
	check_problem(CUSTOM "imap_user = i@example.test # me\n", 11,
		      "imap_user = i@example.test # me: ");
	check_problem(CUSTOM "pop_user = p@example.test # me\n", 11,
		      "pop_user = p@example.test # me: ");
}

static void a_host_is_a_name_without_a_port(void **state)
{
	(void)state;
	load("[account a]\nprovider = microsoft\nuse = smtp\nsmtp_host = mx.example:587\n");
	assert_null(config);
	assert_non_null(
		strstr(problems_text, "smtp_host: mx.example:587: write the server's name alone"));
	load("[account a]\nprovider = microsoft\nuse = smtp\nsmtp_host = [mx.example]:587\n");
	assert_non_null(strstr(problems_text, "smtp_host: [mx.example]:587: write"));
	load("[account a]\nprovider = microsoft\nuse = smtp\nsmtp_host = 2001:db8::1\n");
	assert_null(strstr(problems_text, "smtp_host"));
}

static void every_missing_key_is_named(void **state)
{
	(void)state;
	check_problem("[account a]\n", 1, "lacks provider: choose one");
	check_problem("[account a]\nprovider = gogle\n", 2, "there is one called google");
	check_problem("[account a]\nprovider = xyzzy\n", 2, "run: mailoauth providers");
	check_problem("[account a]\nprovider = ../x\n", 2, "no such preset");
	load("[account a]\nprovider = microsoft\n");
	assert_null(config);
	assert_non_null(strstr(problems_text, ":1: [account a] lacks client_id"));
	assert_non_null(strstr(problems_text, ":1: [account a] lacks user"));
	assert_non_null(strstr(problems_text, ":1: [account a] lacks use"));
	assert_int_equal(problem_count, 3);
	load("[account a]\nprovider = microsoft\ntenant = t.example\nclient_id = "
	     "11111111-2222-3333-4444-555555555555\nuse = smtp\nuser = a@t.example # me\n");
	assert_null(config);
	assert_non_null(strstr(problems_text, ":6: [account a] user = a@t.example # me: "));
	assert_non_null(strstr(problems_text, "begins with ;"));
	load("[daemon]\nuser = root\n");
	assert_non_null(config);
	assert_int_equal(config->account_count, 0);
	assert_non_null(strstr(buffer_cstr(&config->warnings), "no [account NAME] yet"));
}

static void values_are_checked_at_their_lines(void **state)
{
	(void)state;
	check_problem(MICROSOFT "allow = no-such-user\n", 6, "no-such-user");
	check_problem(CUSTOM "[daemon]\nsocket = run/x\n", 12, "is not an absolute path");
	check_problem(CUSTOM "[daemon]\nadmin = no-such-user\n", 12, "no-such-user");
	check_problem("[account a b]\n" CUSTOM, 1, "a name is made of letters");
	check_problem("[account .a]\n" CUSTOM, 1, "a name is made of letters");
	check_problem(CUSTOM "client_auth = basic\n", 11,
		      "client_auth = basic needs client_secret_file");
	check_problem(CUSTOM "min_valid = 3001\n", 11, "out of range");
	check_problem(CUSTOM "timeout = 41\n", 11, "out of range");
}

#define HEX_KEY "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void seal_keys_are_read_and_checked(void **state)
{
	(void)state;
	write_text("one", HEX_KEY "\n", 0600);
	write_text("two", "f" HEX_KEY "\n", 0600);
	write_text("open", HEX_KEY "\n", 0644);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	load(CUSTOM);
	assert_non_null(config);
	assert_null(config->seal_keys);
	load("[daemon]\nseal_key_file = @DIR@/one\n" CUSTOM);
	assert_non_null(config);
	assert_int_equal(seal_keys_count(config->seal_keys), 1);
	check_problem(CUSTOM "[daemon]\nseal_key_file = @DIR@/two\n", 12, "64 hexadecimal digits");
	check_problem(CUSTOM "[daemon]\nseal_key_file = @DIR@/open\n", 12, "chmod o=");
	check_problem(CUSTOM "[daemon]\nseal_key_file = @DIR@/none\n", 12, "No such file");
	check_problem(CUSTOM "[daemon]\nseal_key_file = one\n", 12, "neither an absolute path");
	check_problem(CUSTOM "[daemon]\nseal_key_file = @DIR@/one @DIR@/one\n", 12, "the same key");
	assert_null(strstr(problems_text, "00112233"));
}

/* Only the service sees its credentials: `config check` says so and finds no fault. */
static void seal_key_may_be_a_credential(void **state)
{
	(void)state;
	write_text("one", HEX_KEY "\n", 0400);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	load("[daemon]\nseal_key_file = credential:one\n" CUSTOM);
	assert_non_null(config);
	assert_true(config->seal_keys_unseen);
	assert_non_null(strstr(buffer_cstr(&config->warnings), "LoadCredential"));
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	load("[daemon]\nseal_key_file = credential:one\n" CUSTOM);
	assert_non_null(config);
	assert_false(config->seal_keys_unseen);
	assert_int_equal(seal_keys_count(config->seal_keys), 1);
	check_problem("[daemon]\nseal_key_file = credential:other\n" CUSTOM, 2, "No such file");
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void metrics_stay_on_this_machine(void **state)
{
	static const char *const bad[] = {"0.0.0.0:9414",    "127.0.0.1",     "127.0.0.1:0",
					  "127.0.0.1:65536", "9414",	      "unix:run/x",
					  "file:x.prom",     "localhost:9414"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = xasprintf(CUSTOM "[daemon]\nmetrics = %s\n", bad[i]);

		check_problem(text, 12, "is none of 127.0.0.1:PORT");
		free(text);
	}
	load("[daemon]\nmetrics = 127.0.0.1:9414 [::1]:9414 unix:/run/m file:/run/m.prom\n" CUSTOM);
	assert_non_null(config);
	assert_int_equal(config->metrics.count, 4);
}

static void clients_are_checked(void **state)
{
	(void)state;
	check_problem(CUSTOM "grant = client_credentials\n", 11,
		      "lacks client_key_file or client_secret_file");
	check_problem(CUSTOM "client_secret_command = vault read x\n", 11,
		      "is not an absolute path");
	check_problem(CUSTOM "client_secret_command = /nonexistent/vault\n", 11, "No such file");
	check_problem(CUSTOM "client_secret_file = credential:../x\n", 11,
		      "is no credential's name");
	check_problem(CUSTOM "client_secret_file = secret\n", 11, "neither an absolute path");
	check_problem(CUSTOM "client_certificate_file = /x\n", 11, "needs client_key_file");
	check_problem(CUSTOM "client_auth = private_key_jwt\n", 11, "needs client_key_file");
	check_problem(CUSTOM "key_file = /x\n", 11, "key_file is for grant = jwt_bearer");
	check_problem(CUSTOM "grant = jwt_bearer\n", 1, "lacks key_file");
	check_problem(CUSTOM "grant = managed_identity\nmetadata_url = http://10.0.0.1/\n", 12,
		      "neither http://169.254.169.254/");
	check_problem(CUSTOM "metadata_url = http://169.254.169.254/x\n", 11,
		      "metadata_url is for grant = managed_identity");
	check_problem(CUSTOM "grant = managed_identity\nclient_secret_command = /bin/true\n", 11,
		      "managed_identity and client_secret_file exclude each other");
	check_problem(GOOGLE "grant = device_code\n", 7,
		      "not with provider = google: Google refuses mail permissions");
}

static void nobody_signs_in_for_some(void **state)
{
	const struct account_config *account;

	(void)state;
	account = load_one("[account m]\nprovider = custom\ngrant = managed_identity\n"
			   "scope = https://outlook.office365.com/.default\nuser = u@x\n"
			   "use = smtp\nsmtp_host = mx.example\n");
	assert_string_equal(account->client.token_url,
			    "http://169.254.169.254/metadata/identity/oauth2/token");
	assert_null(account->client.client_id);
	assert_null(account->client.identity);
}

static void openid_is_needed_to_verify(void **state)
{
	(void)state;
	check_problem(MICROSOFT "scope = mail offline_access\n", 6, "scope lacks openid");
	assert_null(load_one(MICROSOFT "scope = mail offline_access\nverify_identity = no\n")
			    ->client.identity);
	assert_string_equal(load_one(MICROSOFT "authorize_as = boss@x\n")->client.identity,
			    "boss@x");
}

static void a_secret_is_not_for_others(void **state)
{
	char *secret = xasprintf("%s/secret", dir);

	(void)state;
	assert_int_equal(chmod(secret, 0644), 0);
	check_problem(GOOGLE, 6, "chmod o= ");
	assert_null(strstr(problems_text, "s3cret"));
	assert_int_equal(unlink(secret), 0);
	check_problem(GOOGLE, 6, "No such file");
	free(secret);
}

/* Root checks the file, the daemon's user reads it. */
static void a_secret_is_for_the_daemon(void **state)
{
	char *secret = xasprintf("%s/secret", dir);

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(secret, 0600), 0);
	(void)load_one("[daemon]\nuser = nobody\n" GOOGLE);
	assert_non_null(
		strstr(buffer_cstr(&config->warnings), "the user nobody cannot read it: chgrp"));
	(void)load_one("[daemon]\nuser = root\n" GOOGLE);
	assert_null(strstr(buffer_cstr(&config->warnings), "cannot read it"));
	free(secret);
}

static void an_alias_has_one_owner(void **state)
{
	(void)state;
	check_problem(MICROSOFT "alias = x c\n" CUSTOM, 6,
		      "[account relay] alias c belongs to [account c] too");
	load(MICROSOFT "alias = x\n" CUSTOM "alias = y x\n");
	assert_int_equal(problem_count, 2);
	assert_non_null(strstr(problems_text, ":6: "));
	assert_non_null(strstr(problems_text, ":17: "));
	load(MICROSOFT "alias = x relay\n" CUSTOM "alias = y\n");
	assert_non_null(config);
	assert_non_null(strstr(buffer_cstr(&config->warnings), "[account c] has no allow"));
}

static bool has_host(const struct account_config *account, const char *host)
{
	return account_config_has_host(account, SERVICE_SMTP, span_from_str(host));
}

static void hosts_and_senders_are_matched(void **state)
{
	const struct account_config *account =
		load_one(CUSTOM "senders = Joe@x.example, @y.example\n");

	(void)state;
	assert_true(has_host(account, "mx.example.test"));
	assert_true(has_host(account, "[MX.example.test]:587"));
	assert_true(has_host(account, "mx.example.test:25"));
	assert_false(has_host(account, "mx.example.test.evil.example"));
	assert_false(has_host(account, "[mx.example.test"));
	assert_false(has_host(account, "a:b:c"));
	assert_false(has_host(account, ""));
	assert_false(
		account_config_has_host(account, SERVICE_IMAP, span_from_str("mx.example.test")));
	assert_true(account_config_has_sender(account, span_from_str("joe@X.example")));
	assert_true(account_config_has_sender(account, span_from_str("any@y.example")));
	assert_true(account_config_has_sender(account, span_from_str("u@example.test")));
	assert_false(account_config_has_sender(account, span_from_str("any@x.example")));
	assert_false(account_config_has_sender(account, span_from_str("y.example")));
	assert_false(account_config_has_sender(account, span_from_str("a@z.y.example")));
}

/* Not quadratic: under the sanitizers this took most of a minute once. */
static void ten_thousand_accounts_load(void **state)
{
	struct buffer text = BUFFER_INIT(1 << 23);
	struct timespec start, end;

	(void)state;
	for (int i = 0; i < MANY; i++)
		(void)buffer_printf(
			&text,
			"[account a%d]\nprovider = google\nclient_id = c\n"
			"user = u%d@example.test\nuse = smtp\nallow = root\n"
			"client_secret_file = @DIR@/secret\nsenders = s%d@example.test\n",
			i, i, i);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	load(buffer_cstr(&text));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_non_null(config);
	assert_int_equal(config->account_count, MANY);
	assert_in_range(end.tv_sec - start.tv_sec, 0, 15);
	buffer_release(&text);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(microsoft_is_resolved),
		IN_DIR(the_tenant_is_put_in),
		IN_DIR(google_is_resolved),
		IN_DIR(redirects_are_several),
		IN_DIR(a_scope_for_graph_is_refused),
		IN_DIR(what_cannot_work_is_refused),
		IN_DIR(what_works_is_let_through),
		IN_DIR(who_cannot_be_verified_is_said),
		IN_DIR(custom_says_what_it_lacks),
		IN_DIR(what_is_left_out_is_learned),
		IN_DIR(a_preset_beside_the_file_wins),
		IN_DIR(a_preset_has_keys_of_its_own),
		IN_DIR(each_service_may_have_a_user),
		IN_DIR(a_host_is_a_name_without_a_port),
		IN_DIR(every_missing_key_is_named),
		IN_DIR(values_are_checked_at_their_lines),
		IN_DIR(clients_are_checked),
		IN_DIR(nobody_signs_in_for_some),
		IN_DIR(openid_is_needed_to_verify),
		IN_DIR(a_secret_is_not_for_others),
		IN_DIR(metrics_stay_on_this_machine),
		IN_DIR(seal_keys_are_read_and_checked),
		IN_DIR(seal_key_may_be_a_credential),
		IN_DIR(a_secret_is_for_the_daemon),
		IN_DIR(an_alias_has_one_owner),
		IN_DIR(hosts_and_senders_are_matched),
		IN_DIR(ten_thousand_accounts_load),
	};

	return cmocka_run_group_tests_name("helper-config", tests, NULL, NULL);
}
