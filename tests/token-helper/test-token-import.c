/* SPDX-License-Identifier: MIT */
/*
 * test-token-import.c - what other programs leave behind: a file of each, whole, cut off at every
 * byte, of the wrong types, and too much of it.
 *
 * The sealed ones were made by Python's cryptography, as the programs themselves do.
 */
#include "token-helper/import/token-import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token-helper/import/fernet.h"

#include "common/banned.h"

#define APPLICATION "11111111-2222-3333-4444-555555555555"
#define MICROSOFT   "https://login.microsoftonline.com/"

static const char sasl_xoauth2[] =
	"{\"access_token\":\"ey\",\"refresh_token\":\"0.AX-sasl\",\"expiry\":\"1712345678\","
	"\"user\":\"relay@contoso.example\",\"client_id\":\"" APPLICATION "\","
	"\"client_secret\":\"s3cr+t\",\"token_endpoint\":\"" MICROSOFT "TENANT/oauth2/v2.0/token\","
	"\"proxy\":\"\",\"ca_bundle_file\":\"/etc/ssl/own.pem\"}";
static const char sasl_xoauth2_gmail[] =
	"{\"access_token\": \"ya29\", \"expires_in\": 3599, \"refresh_token\": \"1//gmail\", "
	"\"scope\": \"https://mail.google.com/\", \"token_type\": \"Bearer\"}";
static const char sasl_xoauth2_conf[] =
	"{\"client_id\": \"c.apps.googleusercontent.com\", \"client_secret\": \"of-conf\", "
	"\"log_to_syslog_on_failure\": \"yes\"}";
static const char mutt[] = "{\"registration\": \"microsoft\", \"authflow\": \"localhostauthcode\", "
			   "\"email\": \"alice@contoso.example\", \"access_token\": \"x\", "
			   "\"access_token_expiration\": \"2024-03-01T10:11:12.345678\", "
			   "\"refresh_token\": \"0.AX-mutt\"}";
static const char mutt_script[] =
	"#!/usr/bin/env python3\nimport sys\n"
	"registrations = { # of ours: 'not', \"these\"\n"
	"    'google': {\n        'token_endpoint': 'https://oauth2.googleapis.com/token',\n"
	"        'client_id': 'google-client',\n        'client_secret': 'google-secret',\n    },\n"
	"    'microsoft': {\n"
	"        'authorize_endpoint': '" MICROSOFT "common/oauth2/v2.0/authorize',\n"
	"        'token_endpoint': '" MICROSOFT "common/oauth2/v2.0/token',\n"
	"        'tenant': 'common',\n"
	"        'scope': ('offline_access https://outlook.office.com/IMAP.AccessAsUser.All '\n"
	"                  'https://outlook.office.com/SMTP.Send'),\n"
	"        'client_id': '" APPLICATION "',\n        'client_secret': '',\n    },\n}\n"
	"print({'after': 'it'})\n";
static const char oama[] =
	"{\"email\":\"alice@contoso.example\",\"service\":\"microsoft\",\"scope\":"
	"\"https://outlook.office.com/SMTP.Send offline_access\",\"refresh_token\":\"0.AX-oama\","
	"\"access_token\":\"x\",\"token_type\":\"Bearer\",\"exp_date\":\"2024-03-01 10:11 UTC\"}";
static const char oama_yaml[] =
	"# comment: of it\nencryption:\n  tag: KEYRING\nservices:\n  google:\n"
	"    client_id: of-google\n  microsoft:\n    client_id: '" APPLICATION "' # quoted\n"
	"    client_secret: oama-secret\n    tenant: common\nother:\n  client_id: nobody\n";
static const char msal[] =
	"{\"RefreshToken\":{\"old\":{\"secret\":\"0.AX-old\",\"home_account_id\":\"u.t\","
	"\"environment\":\"login.microsoftonline.com\",\"client_id\":\"" APPLICATION "\","
	"\"target\":\"\",\"last_modification_time\":\"1\"},\"new\":{\"secret\":\"0.AX-msal\","
	"\"home_account_id\":\"u.t\",\"environment\":\"login.microsoftonline.com\",\"client_id\":"
	"\"" APPLICATION "\",\"target\":\"https://outlook.office.com/SMTP.Send\","
	"\"last_modification_time\":\"1712345678\"},\"foci\":{\"secret\":\"shared\","
	"\"home_account_id\":\"u.t\",\"family_id\":\"1\",\"client_id\":\"other\"}},"
	"\"Account\":{\"a\":{\"home_account_id\":\"u.t\",\"realm\":\"TENANT\","
	"\"username\":\"alice@contoso.example\"}}}";
static const char oauth2ms[] =
	"{\"config\":{},\"token_cache\":\"{\\\"RefreshToken\\\":{\\\"k\\\":{\\\"secret\\\":"
	"\\\"0.AX-ms\\\",\\\"environment\\\":\\\"login.microsoftonline.com\\\","
	"\\\"client_id\\\":\\\"c\\\"}}}\"}";
static const char getmail[] =
	"{\"scope\": \"https://mail.google.com/\", \"user\": \"bob@gmail.example\", "
	"\"client_id\": \"g\", \"client_secret\": \"gs\", "
	"\"token_uri\": \"https://accounts.google.com/o/oauth2/token\", "
	"\"auth_uri\": \"https://accounts.google.com/o/oauth2/auth\", "
	"\"redirect_uri\": \"http://localhost:8083\", \"refresh_token\": \"1//getmail\", "
	"\"expires_at\": 1712345678.9}";
static const char pizauth_conf[] =
	"// of mine\nauth_notify_cmd = \"notify-send; true\";\naccount \"work\" {\n"
	"  auth_uri = \"" MICROSOFT "common/oauth2/v2.0/authorize\";\n"
	"  token_uri = \"" MICROSOFT "common/oauth2/v2.0/token\";\n"
	"  client_id = \"" APPLICATION "\";\n  client_secret = \"piz-secret\";\n"
	"  scopes = [ \"https://outlook.office.com/SMTP.Send\", \"offline_access\" ];\n"
	"  auth_uri_fields = { \"prompt\": \"none\", \"login_hint\": \"alice@contoso.example\" "
	"};\n}\n";
/* The password is "client password". */
static const char proxy[] =
	"# documentation = none\n[Server setup]\n[IMAP-1993]\nserver_address = x\n"
	"[Account setup]\n[@other.example]\ntoken_url = x\n[alice@contoso.example]\n"
	"permission_url = " MICROSOFT "common/oauth2/v2.0/authorize\n"
	"token_url = " MICROSOFT "common/oauth2/v2.0/token\n"
	"oauth2_scope = https://outlook.office365.com/SMTP.Send offline_access\n"
	"redirect_uri = http://localhost\nclient_id = " APPLICATION "\n"
	"token_salt = AAECAwQFBgcICQoLDA0ODw==\ntoken_iterations = 1000\n"
	"client_secret_encrypted = "
	"gAAAAABrB1xL7HnxNw9nAVJUH5NmvYwrnPzxDN4yx_80QAa65MCi2Qcbr4FpAhb1zHoNDJGS0fHX"
	"4ktN5Gs-4Tp4AAZPNdfInw=="
	"\nrefresh_token = "
	"gAAAAABrB1xLqqvfukxU6RVaZHo9QC5ZoG6D1KpJRNaD33hZITJVfAYsCPpFSZhZU4CNk6sRvL7E"
	"jPQkwAgatNokX2157K3gR4bMT04brBPDiWt4Zs91wCE="
	"\n[app@contoso.example]\ntoken_url = " MICROSOFT "TENANT/oauth2/v2.0/token\n"
	"oauth2_scope = https://outlook.office365.com/.default\noauth2_flow = client_credentials\n"
	"client_id = c\nclient_secret = plain\n";
static const char pizauth_dump[] =
	"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\xce\xf4\x1f\x6d\x39\xfe\x65\x8d\x0d\xaa"
	"\x8d\x58\x28\x05\x0b\x29\xff\x33\x25\xe9\x69\xc0\xd5\xde\x47\xef\x0c\xdd\xff\x15\x05\x18"
	"\x8a\x2f\xdf\x7f\x97\xb6\x1d\x44\x51\x43\x22\x07\xb5\x10\xf0\x8f\xf9\x6c\x93\x28\xbd\x56"
	"\xb4\x2d\xd3\x41\x5d\x5f\xfb\x69\xdb\xe3\x0c\x18\xc6\x67\x06\x8e\xaa\xc5\x1d\x88\xcb\xb3"
	"\x41\x88\x59\xf4\x18\x68\x92\x8b\xc9\x67\x7c\x39\x05\x2c\x8d\xde\x48\xf2\x8d\xf5\x51\x5a"
	"\xc2\xbb\x4c\xf6\x28\xf3\x52\x9c\x01\x32\x3f\xe9\x59\xdf\xb2\xaa\x0a\xfd\x6e\xd1\x3c\x12"
	"\x16\x34\x25\x08\xe9\x47\x2d\xa3\x5a\x6d\x08\xfc\x02\x30\x79\xdf\x2f\x5b\xce\x20\x77\x8a"
	"\xe5\x7f\x74\xce\x19\xa3\xaa\x21\xed\x84\x82\xb1\xfb\xe8\x61\x11\xbb\x7b\x8c\x90\x78\x0b"
	"\x1e\xab\x50\x99\x16\x20\x49\xcf\x84\x37\x40\xc1\xe2\x50\xdb\x4e\x8b\x6d\x61\x95\x97\xde"
	"\x94\x92\xea\xc7\xa9\xaa\xe9\x67\x24\xb9\x9b\xec\x85\x93\xcc\x90\x3c\x81\x89\x0d\x97\x02"
	"\x8d\x46\x89\x30\x91\xba\x40\x27\x7e\xb0\xc3\xab\x2c\x91\xc8\x3d\x46\xbc\xf2\xbe\x4e\x6c"
	"\x74\x60\xb9\x47\x86\xd9\x02\xa6\xa9\x8e\x2f\xb1\x95\x7c\x22\x55\x97\xf0\x0b\xd9\x08\x4e"
	"\x20\x4b\xec\xd9\xa4\x54\x5d\x82\x9c\x82\xa4\x14\xcc\x86\x15\x12\x0c\x92\xbd\x43\x59\x12"
	"\xb0\xc7\x95\xea\x50\x96\x56\xfb\xd1\xcb\x3b\x97\xf9\x70\x1c\x31\x6d\xd8\x3a\x38\x7a\xde"
	"\xcd\x3b\x9f\x23\xb5\x91\xd6\x53\xc4\xd6\x7d\x05\x97\xb3\x9c\x1c\x1a\xaf\xaf\xcd\xb7\x67"
	"\x77\x5d\x7c\x84\x8c\x9d\x09\x99\xd5\xc9\x9c\x3f\x9f\xe1\xf5\x93\xf3\xff\x82\x17\x43\xaf"
	"\x63\x59\x6a\xd3\xd2\x37\xa5\xa7\x1e\x32\x20\xdc\x0a\x82\xdf\x9d\xb0\xc0\x0b\x28\x10\x62"
	"\xee\x58\xed\x35\x99\x1a\x41\xfa\x52\xb1\x7e\x9d\xe7\x41\x52\xab\x4c\xab\xd2\x3a\x80\x92"
	"\x65\x09\x64\x87\xf7\x41\x1b\x79\xbe\xd6\xdd\x20\xa1\x07\x12\xa1\x47\x18\xa5\x34\xf3\x4c"
	"\xb0\x31\x18\x32\x49\xbc\x8f\xd3\xef\x2a\xfb\x74\x2c\x8b\xb1\xee\x21\x16\x93\xb1\x61\xe4"
	"\x2b\x44\x59\x84\x6b\x46\xba\xd0\x0f\x4f\x41\xed\x53\xaa\xc6\x01\xca\x76\x80\xf2\x4b\x1f"
	"\x13\xb0\x3d\x78\x4c\x7e\x63\x67\xf0\xf9\xb8\x98\xaa\xf0\xf7\x2f";

static bool give_password(void *context, const char *what, struct buffer *out)
{
	(void)what;
	return context != NULL && buffer_append_str(out, context);
}

static char right[] = "client password";
static char wrong[] = "another";

static const struct import_format *take_as(struct import_list *list, const char *path,
					   const char *text, size_t len, const char *password)
{
	const char *why = NULL;
	const struct import_format *format;

	list->password = give_password;
	list->context = password == wrong ? wrong : password == right ? right : NULL;
	format = import_take(list, path, (struct span){text, len}, &why);
	if (format == NULL)
		assert_non_null(why);
	return format;
}

static const struct whole {
	const char *text;
	size_t len;
	const struct import_format *format;
	const char *user, *client_id, *token_url, *scope, *secret, *refresh_token;
} wholes[] = {
#define TEXT(name) name, sizeof(name) - 1
	{TEXT(sasl_xoauth2), &import_sasl_xoauth2, "relay@contoso.example", APPLICATION,
	 MICROSOFT "TENANT/oauth2/v2.0/token",
	 "https://outlook.office.com/SMTP.Send offline_access", "s3cr+t", "0.AX-sasl"},
	{TEXT(sasl_xoauth2_gmail), &import_sasl_xoauth2, "file@name.example", NULL,
	 "https://oauth2.googleapis.com/token", "https://mail.google.com/", "", "1//gmail"},
	{TEXT(mutt), &import_mutt, "alice@contoso.example", NULL,
	 MICROSOFT "common/oauth2/v2.0/token", NULL, "", "0.AX-mutt"},
	{TEXT(oama), &import_oama, "alice@contoso.example", NULL,
	 MICROSOFT "common/oauth2/v2.0/token",
	 "https://outlook.office.com/SMTP.Send offline_access", "", "0.AX-oama"},
	{TEXT(msal), &import_msal, "alice@contoso.example", APPLICATION,
	 MICROSOFT "TENANT/oauth2/v2.0/token",
	 "https://outlook.office.com/SMTP.Send offline_access", "", "0.AX-msal"},
	{TEXT(oauth2ms), &import_msal, NULL, "c", MICROSOFT "organizations/oauth2/v2.0/token", NULL,
	 "", "0.AX-ms"},
	{TEXT(getmail), &import_getmail_tokens, "bob@gmail.example", "g",
	 "https://oauth2.googleapis.com/token", "https://mail.google.com/", "gs", "1//getmail"},
	{TEXT(pizauth_conf), &import_pizauth, "alice@contoso.example", APPLICATION,
	 MICROSOFT "common/oauth2/v2.0/token",
	 "https://outlook.office.com/SMTP.Send offline_access", "piz-secret", ""},
	{TEXT(pizauth_dump), &import_pizauth, "alice@contoso.example", APPLICATION,
	 MICROSOFT "common/oauth2/v2.0/token",
	 "https://outlook.office.com/SMTP.Send offline_access", "piz-secret", "refresh-of-pizauth"},
	{TEXT(proxy), &import_email_oauth2_proxy, "alice@contoso.example", APPLICATION,
	 MICROSOFT "common/oauth2/v2.0/token",
	 "https://outlook.office365.com/SMTP.Send offline_access", "proxy-secret",
	 "1//refresh-of-proxy"},
};

#define WHOLES (sizeof(wholes) / sizeof(wholes[0]))

static void same(const char *a, const char *b)
{
	if (b == NULL)
		assert_null(a);
	else
		assert_string_equal(a != NULL ? a : "(nothing)", b);
}

static void each_format_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < WHOLES; i++) {
		const struct whole *w = &wholes[i];
		const struct import_account *account;
		struct import_list list;

		import_list_init(&list);
		assert_ptr_equal(take_as(&list, "/tmp/file@name.example", w->text, w->len, right),
				 w->format);
		import_list_complete(&list);
		assert_true(list.count >= 1);
		account = list.accounts[0];
		same(account->settings.value[IMPORT_USER], w->user);
		same(account->settings.value[IMPORT_CLIENT_ID], w->client_id);
		same(account->settings.value[IMPORT_TOKEN_URL], w->token_url);
		same(account->settings.value[IMPORT_SCOPE], w->scope);
		same(buffer_cstr(&account->settings.client_secret), w->secret);
		same(buffer_cstr(&account->refresh_token), w->refresh_token);
		assert_string_equal(account->name, w->user == NULL	      ? "file"
						   : strstr(w->user, "alice") ? "alice"
						   : strstr(w->user, "bob")   ? "bob"
						   : strstr(w->user, "relay") ? "relay"
									      : "file");
		import_list_release(&list);
	}
}

static void companions_fill_what_is_missing(void **state)
{
	struct import_list list;

	(void)state;
	import_list_init(&list);
	take_as(&list, "mutt_oauth2.py", mutt_script, sizeof(mutt_script) - 1, NULL);
	take_as(&list, "mutt", mutt, sizeof(mutt) - 1, NULL);
	take_as(&list, "oama", oama, sizeof(oama) - 1, NULL);
	take_as(&list, "config.yaml", oama_yaml, sizeof(oama_yaml) - 1, NULL);
	take_as(&list, "sasl@x", sasl_xoauth2_gmail, sizeof(sasl_xoauth2_gmail) - 1, NULL);
	take_as(&list, "conf", sasl_xoauth2_conf, sizeof(sasl_xoauth2_conf) - 1, NULL);
	import_list_complete(&list);
	assert_int_equal(list.count, 3);
	same(list.accounts[0]->settings.value[IMPORT_CLIENT_ID], APPLICATION);
	same(list.accounts[0]->settings.value[IMPORT_SCOPE],
	     "offline_access https://outlook.office.com/IMAP.AccessAsUser.All "
	     "https://outlook.office.com/SMTP.Send");
	same(buffer_cstr(&list.accounts[0]->settings.client_secret), "");
	same(list.accounts[1]->settings.value[IMPORT_CLIENT_ID], APPLICATION);
	same(buffer_cstr(&list.accounts[1]->settings.client_secret), "oama-secret");
	same(list.accounts[1]->name, "alice-2");
	same(list.accounts[2]->settings.value[IMPORT_CLIENT_ID], "c.apps.googleusercontent.com");
	same(buffer_cstr(&list.accounts[2]->settings.client_secret), "of-conf");
	import_list_release(&list);
}

static void proxy_tokens_want_the_right_password(void **state)
{
	static const struct {
		const char *password, *note;
	} tries[] = {{wrong, "not the password"}, {NULL, "--password-file"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct import_list list;

		import_list_init(&list);
		take_as(&list, "proxy", proxy, sizeof(proxy) - 1, tries[i].password);
		assert_int_equal(list.count, 2);
		assert_int_equal(list.accounts[0]->refresh_token.len, 0);
		assert_int_equal(list.accounts[0]->settings.client_secret.len, 0);
		same(list.accounts[1]->settings.value[IMPORT_GRANT], "client_credentials");
		same(buffer_cstr(&list.accounts[1]->settings.client_secret), "plain");
		assert_non_null(strstr(buffer_cstr(&list.notes), tries[i].note));
		assert_non_null(strstr(buffer_cstr(&list.notes), "[@other.example]"));
		import_list_release(&list);
	}
}

/* Nothing that is cut off gives a token that is cut off. */
static void every_truncation_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < WHOLES; i++) {
		for (size_t len = 0; len < wholes[i].len; len++) {
			char *copy = malloc(len + 1); /* its end is the end of the allocation */
			struct import_list list;

			memcpy(copy, wholes[i].text, len);
			import_list_init(&list);
			take_as(&list, "cut", copy, len, NULL);
			import_list_complete(&list);
			for (size_t k = 0; k < list.count; k++) {
				const struct buffer *token = &list.accounts[k]->refresh_token;

				if (token->len > 0)
					same(buffer_cstr(token), wholes[i].refresh_token);
			}
			import_list_release(&list);
			free(copy);
		}
	}
}

static const char *const hostile[] = {
	"",
	"{}",
	"[]",
	"{\"refresh_token\":7}",
	"{\"refresh_token\":null,\"token_uri\":1,\"client_id\":[]}",
	"{\"refresh_token\":\"a\\nb\",\"user\":{\"a\":1}}",
	"{\"refresh_token\":\"\\u0000x\"}",
	"{\"RefreshToken\":{\"a\":7,\"b\":{\"secret\":9}},\"Account\":[]}",
	"{\"RefreshToken\":[]}",
	"{\"token_cache\":7}",
	"{\"token_cache\":\"{\"}",
	"{\"registration\":7,\"refresh_token\":true}",
	"{\"email\":1,\"service\":[],\"refresh_token\":{}}",
	"services:",
	"services:\n  :\n x: y\n",
	"registrations = {'token_endpoint'",
	"registrations = {{{{{'token_endpoint'}}}}}",
	"registrations 'token_endpoint'",
	"account { token_uri scopes",
	"token_url permission_url [",
	"[@]\ntoken_url=\npermission_url=\n[@@]\n=\n",
	("[a@b]\ntoken_url=x\noauth2_scope=y\ntoken_salt=!!\nrefresh_token=gAAA\n"
	 "token_iterations=99999999999\n"),
	"account \"a\\",
	"token_uri scopes account \"x\" { a = ",
};

/* No token that is no text of one line, and no crash. */
static void hostile_files_give_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct import_list list;

		import_list_init(&list);
		take_as(&list, "hostile", hostile[i], strlen(hostile[i]), right);
		import_list_complete(&list);
		for (size_t k = 0; k < list.count; k++)
			assert_int_equal(list.accounts[k]->refresh_token.len, 0);
		import_list_release(&list);
	}
}

static void a_huge_value_is_left_out(void **state)
{
	struct buffer text = BUFFER_INIT(IMPORT_FILE_MAX);
	struct import_list list;

	(void)state;
	(void)buffer_append_str(&text, "{\"user\":\"a@b\",\"refresh_token\":\"");
	for (int i = 0; i < IMPORT_TOKEN_MAX + 1; i++)
		(void)buffer_append_byte(&text, 'x');
	(void)buffer_append_str(&text, "\"}");
	import_list_init(&list);
	take_as(&list, "huge", text.data, text.len, NULL);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.accounts[0]->refresh_token.len, 0);
	assert_non_null(strstr(buffer_cstr(&list.notes), "refresh_token is empty or no text"));
	import_list_release(&list);
	buffer_release(&text);
}

static void notes_give_a_terminal_no_commands(void **state)
{
	struct import_list list;

	(void)state;
	import_list_init(&list);
	import_note(&list, "a\nb\x1b[2J", "%s", "c\rd\x7f");
	assert_string_equal(buffer_cstr(&list.notes), "a?b?[2J: c?d?\n");
	import_list_release(&list);
}

static void accounts_have_a_ceiling(void **state)
{
	struct buffer text = BUFFER_INIT(IMPORT_FILE_MAX);
	struct import_list list;

	(void)state;
	(void)buffer_append_str(&text, "[a@b]\npermission_url = x\ntoken_url = y\n");
	for (int i = 0; i < IMPORT_ACCOUNTS_MAX + 8; i++)
		(void)buffer_printf(&text, "[u%d@x]\nclient_id = %d\n", i, i);
	import_list_init(&list);
	take_as(&list, "many", text.data, text.len, NULL);
	assert_int_equal(list.count, IMPORT_ACCOUNTS_MAX);
	assert_non_null(strstr(buffer_cstr(&list.notes), "more than"));
	import_list_release(&list);
	buffer_release(&text);
}

static void a_changed_seal_is_refused(void **state)
{
	static const char sealed[] =
		"gAAAAABrB1xLqqvfukxU6RVaZHo9QC5ZoG6D1KpJRNaD33hZITJVfAYsCPpFSZhZU4CNk6sRvL7E"
		"jPQkwAgatNokX2157K3gR4bMT04brBPDiWt4Zs91wCE=";
	unsigned char key[FERNET_KEY_BYTES];
	struct buffer out = BUFFER_INIT_SECRET(1024);
	char copy[sizeof(sealed)];

	(void)state;
	assert_true(fernet_derive(span_from_str(right), span_from_str("AAECAwQFBgcICQoLDA0ODw=="),
				  1000, key));
	assert_true(fernet_open(key, span_from_str(sealed), &out));
	same(buffer_cstr(&out), "1//refresh-of-proxy");
	buffer_clear(&out);
	for (size_t i = 0; i < sizeof(sealed) - 3; i += 7) {
		memcpy(copy, sealed, sizeof(sealed));
		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		assert_false(fernet_open(key, span_from_str(copy), &out));
		assert_int_equal(out.len, 0);
	}
	assert_false(fernet_derive(span_from_str(right), span_from_str("AAECAwQFBgcICQoLDA0ODw=="),
				   0, key));
	buffer_release(&out);
}

static void encrypted_files_are_told(void **state)
{
	(void)state;
	assert_true(import_is_encrypted(span_from_str("-----BEGIN PGP MESSAGE-----\n")));
	assert_true(import_is_encrypted(span_from_str("\x85\x01")));
	assert_true(import_is_encrypted(span_from_str("\xc1\x01")));
	assert_false(import_is_encrypted(span_from_str("{")));
	assert_false(import_is_encrypted(span_from_str("")));
	assert_false(import_is_encrypted(span_from_str("-----BEGIN PGP")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_is_read),
		cmocka_unit_test(companions_fill_what_is_missing),
		cmocka_unit_test(proxy_tokens_want_the_right_password),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(hostile_files_give_nothing),
		cmocka_unit_test(a_huge_value_is_left_out),
		cmocka_unit_test(notes_give_a_terminal_no_commands),
		cmocka_unit_test(accounts_have_a_ceiling),
		cmocka_unit_test(a_changed_seal_is_refused),
		cmocka_unit_test(encrypted_files_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
