/* SPDX-License-Identifier: MIT */
/*
 * test-grants.c - service accounts' key files, the codes of the device flow and its pace, and what
 * is sent where nobody signs in.
 */
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "tests/token-helper/fake-http.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/device.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TOKEN_URL    "https://oauth2.googleapis.com/token"
#define GOOD_TOKEN   "{\"access_token\":\"at-1\",\"token_type\":\"Bearer\",\"expires_in\":\"3599\"}"

static char *key_json; /* the PEM as a JSON string's inside */
static char device_url[] = "https://as.example/device";

static int make_key(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	struct buffer text = BUFFER_INIT(8192);
	char *data;
	long len;

	(void)state;
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &data);
	for (long i = 0; i < len; i++)
		assert_true(data[i] == '\n' ? buffer_append_str(&text, "\\n")
					    : buffer_append_byte(&text, data[i]));
	key_json = xstrdup(buffer_cstr(&text));
	buffer_release(&text);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return 0;
}

static int free_key(void **state)
{
	(void)state;
	free(key_json);
	return 0;
}

/* Service accounts ---------------------------------------------------------------------------- */

/* A key file; a NULL leaves that member out. Gives. */
static char *key_file(const char *type, const char *email, const char *uri, const char *key)
{
	return xasprintf("{%s%s%s%s%s%s%s%s%s%s%s%s\"project_id\":\"p\"}",
			 type != NULL ? "\"type\":\"" : "", type != NULL ? type : "",
			 type != NULL ? "\"," : "", email != NULL ? "\"client_email\":\"" : "",
			 email != NULL ? email : "", email != NULL ? "\"," : "",
			 uri != NULL ? "\"token_uri\":\"" : "", uri != NULL ? uri : "",
			 uri != NULL ? "\"," : "", key != NULL ? "\"private_key\":\"" : "",
			 key != NULL ? key : "", key != NULL ? "\"," : "");
}

static void check_refused(char *text, const char *why)
{
	struct service_account *account = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(service_account_read(span_from_str(text), TOKEN_URL, &account, &err),
			 OUTCOME_CONFIG);
	assert_null(account);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, err.text);
	assert_null(strstr(err.text, "hidden"));
	free(text);
}

static void key_files_are_checked(void **state)
{
	(void)state;
	check_refused(xstrdup(""), "not a key file as Google issues it");
	check_refused(xstrdup("{\"installed\":{\"client_id\":\"1\"}}"), "not of an OAuth client");
	check_refused(key_file("authorized_user", "a@b", TOKEN_URL, key_json),
		      "not \"service_account\"");
	check_refused(key_file("service_account", "a@b", "https://evil.example/token", key_json),
		      "its token_uri is not " TOKEN_URL);
	check_refused(key_file("service_account", "a@b", NULL, key_json), "its token_uri is not");
	check_refused(key_file("service_account", NULL, TOKEN_URL, key_json), "no client_email");
	check_refused(key_file("service_account", "a\\u0000b", TOKEN_URL, key_json),
		      "no client_email");
	check_refused(key_file("service_account", "a@b", TOKEN_URL, NULL), "no private_key");
	check_refused(key_file("service_account", "a@b", TOKEN_URL, "hidden"),
		      "its private_key has no private key in PEM");
}

static struct service_account *good_account(const char *uri)
{
	struct service_account *account = NULL;
	char *text =
		key_file("service_account\",\"private_key_id\":\"k1", "s@p.example", uri, key_json);

	assert_int_equal(service_account_read(span_from_str(text), uri, &account, NULL),
			 OUTCOME_OK);
	free(text);
	return account;
}

static void a_key_file_is_read(void **state)
{
	struct service_account *account = good_account(TOKEN_URL);

	(void)state;
	assert_string_equal(account->email, "s@p.example");
	assert_string_equal(account->key_id, "k1");
	assert_int_equal(signing_key_expires_s(account->key), 0);
	service_account_free(account);
}

/* Every end of it is an error. */
static void a_cut_key_file_is_none(void **state)
{
	char *text = key_file("service_account", "a@b", TOKEN_URL, key_json);

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		struct service_account *account = NULL;

		assert_int_equal(
			service_account_read((struct span){text, len}, TOKEN_URL, &account, NULL),
			OUTCOME_CONFIG);
	}
	free(text);
}

/* Codes --------------------------------------------------------------------------------------- */

static void parse(int status, const char *body, struct device_answer *answer)
{
	const struct oauth_client client = {.device_url = device_url};
	struct buffer bytes = BUFFER_INIT_SECRET(HTTP_BODY_MAX);
	struct http_response response = {
		.outcome = OUTCOME_OK, .status = status, .retry_after_s = -1, .body = &bytes};

	assert_true(buffer_append_str(&bytes, body));
	device_answer_parse(&client, &response, answer);
	buffer_release(&bytes);
}

#define CODES "\"device_code\":\"d-1\",\"user_code\":\"AB-12\""
#define URI   "\"verification_uri\":\"https://as.example/device\""

struct code_case {
	const char *body;
	int64_t expires_in_s, interval_s;
	const char *complete;
};

static const struct code_case code_cases[] = {
	{"{" CODES "," URI ",\"expires_in\":900,\"interval\":7}", 900, 7, NULL},
	{"{" CODES "," URI ",\"expires_in\":900}", 900, 5, NULL},
	{"{" CODES "," URI "}", 600, 5, NULL},
	{"{" CODES "," URI ",\"expires_in\":\"60\",\"interval\":\"1\"}", 60, 1, NULL},
	{"{" CODES "," URI ",\"expires_in\":-1,\"interval\":0}", 600, 5, NULL},
	{"{" CODES "," URI ",\"expires_in\":1e9,\"interval\":1e9}", 3600, 300, NULL},
	{"{" CODES ",\"verification_url\":\"https://as.example/device\"}", 600, 5, NULL},
	{"{" CODES "," URI ",\"verification_uri_complete\":\"https://as.example/d?c=AB-12\"}", 600,
	 5, "https://as.example/d?c=AB-12"},
	{"{" CODES "," URI ",\"verification_uri_complete\":\"javascript:alert(1)\"}", 600, 5, NULL},
	{"{" CODES "," URI ",\"message\":\"do as I say\"}", 600, 5, NULL},
};

static void codes_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(code_cases); i++) {
		const struct code_case *wanted = &code_cases[i];
		struct device_answer answer;

		parse(200, wanted->body, &answer);
		assert_int_equal(answer.outcome, OUTCOME_OK);
		assert_string_equal(buffer_cstr(&answer.device_code), "d-1");
		assert_string_equal(answer.user_code, "AB-12");
		assert_string_equal(answer.verification_uri, "https://as.example/device");
		assert_int_equal(answer.expires_in_s, wanted->expires_in_s);
		assert_int_equal(answer.interval_s, wanted->interval_s);
		if (wanted->complete == NULL)
			assert_null(answer.verification_uri_complete);
		else
			assert_string_equal(answer.verification_uri_complete, wanted->complete);
		device_answer_release(&answer);
	}
}

struct refusal_case {
	int status;
	const char *body;
	enum outcome outcome;
	const char *text;
};

static const struct refusal_case refusal_cases[] = {
	{200, "{" CODES "}", OUTCOME_RETRY, "as.example gave no verification_uri"},
	{200, "{" CODES ",\"verification_uri\":\"http://as.example/\"}", OUTCOME_RETRY,
	 "gave no verification_uri"},
	{200, "{\"user_code\":\"A\"," URI "}", OUTCOME_RETRY, "gave no device_code"},
	{200, "{\"device_code\":\"\",\"user_code\":\"A\"," URI "}", OUTCOME_RETRY,
	 "gave no device_code"},
	{200, "{\"device_code\":\"d-1\"," URI "}", OUTCOME_RETRY, "gave no user_code"},
	{200, "{\"device_code\":\"d-1\",\"user_code\":\"\\u001b[2J\"," URI "}", OUTCOME_RETRY,
	 "gave no user_code"},
	{200, "<html>", OUTCOME_RETRY, "HTTP 200"},
	{503, "", OUTCOME_RETRY, "HTTP 503"},
	{400, "{\"error\":\"invalid_scope\"}", OUTCOME_CONFIG, "invalid_scope"},
	{400, "{\"error\":\"unauthorized_client\"}", OUTCOME_CONFIG, "Allow public client flows"},
	{200, "{" CODES "," URI ",\"error\":\"invalid_client\"}", OUTCOME_CONFIG, "invalid_client"},
};

static void refusals_are_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusal_cases); i++) {
		const struct refusal_case *wanted = &refusal_cases[i];
		struct device_answer answer;

		parse(wanted->status, wanted->body, &answer);
		assert_int_equal(answer.outcome, wanted->outcome);
		if (strstr(answer.err.text, wanted->text) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", wanted->text, answer.err.text);
		assert_int_equal(answer.device_code.len, 0);
		assert_null(strstr(answer.err.text, "d-1"));
		device_answer_release(&answer);
	}
}

/* The pace ------------------------------------------------------------------------------------ */

/* What the server says, one after the other, and what the wait then is; -1: it is over. */
struct pace {
	const char *error;
	int status;
	enum outcome outcome;
	int64_t retry_after_s;
	int64_t wait_s;
};

static const struct pace paces[] = {
	{"authorization_pending", 400, OUTCOME_RETRY, -1, 5},
	{"slow_down", 400, OUTCOME_RETRY, -1, 10}, /* RFC 8628 3.5: this and all later ones */
	{"authorization_pending", 400, OUTCOME_RETRY, -1, 10},
	{"slow_down", 400, OUTCOME_RETRY, -1, 15},
	{"", 0, OUTCOME_RETRY, -1, 30}, /* no answer: half as often, and again */
	{"", 0, OUTCOME_RETRY, -1, 60},
	{"", 503, OUTCOME_RETRY, -1, 120},
	{"", 503, OUTCOME_RETRY, 200, 240},
	{"", 503, OUTCOME_RETRY, -1, 300},
	{"", 503, OUTCOME_RETRY, 400, 400},
	{"authorization_pending", 400, OUTCOME_RETRY, -1, 15},
	{"authorization_pending", 429, OUTCOME_RETRY, 40, 40},
	{"access_denied", 400, OUTCOME_CONSENT, -1, -1},
	{"expired_token", 400, OUTCOME_CONSENT, -1, -1},
	{"invalid_client", 401, OUTCOME_CONFIG, -1, -1},
	{"", 0, OUTCOME_CONFIG, -1, -1},
	{"", 200, OUTCOME_OK, -1, -1},
};

static void the_pace_is_the_servers(void **state)
{
	struct device_poll poll = {.interval_s = 5};

	(void)state;
	for (size_t i = 0; i < COUNT(paces); i++) {
		struct token_answer answer = {.outcome = paces[i].outcome,
					      .status = paces[i].status,
					      .retry_after_s = paces[i].retry_after_s};
		int64_t wait_s = -1;
		enum device_step step;

		(void)snprintf(answer.error, sizeof(answer.error), "%s", paces[i].error);
		step = device_poll_step(&poll, &answer, &wait_s);
		assert_int_equal(step, paces[i].wait_s < 0 ? DEVICE_OVER : DEVICE_WAIT);
		assert_int_equal(wait_s, paces[i].wait_s);
	}
}

/* What is sent -------------------------------------------------------------------------------- */

struct seen {
	struct event_base *base;
	int calls;
	enum outcome outcome;
	struct err err;
	int64_t expires_in_s;
};

static void on_token(void *context, struct token_answer *answer)
{
	struct seen *seen = context;

	seen->calls++;
	seen->outcome = answer->outcome;
	seen->err = answer->err;
	seen->expires_in_s = answer->set.expires_in_s;
	(void)event_base_loopbreak(seen->base);
}

/* One request of client, whose token_url is set here, to a server that answers so. Gives what the
 * server got. */
static char *ask(struct oauth_client *client, const char *answer, bool by_device, struct seen *seen)
{
	struct http_client *http;
	struct fake_http fake;

	fake_http_start(&fake, FAKE_HTTP_SEND, answer);
	client->token_url = xasprintf("http://127.0.0.1:%d/token", fake.port);
	client->timeout_ms = 5000;
	if (client->grant == GRANT_JWT_BEARER)
		client->service_account = good_account(client->token_url);
	*seen = (struct seen){.base = event_base_new()};
	http = http_client_new(seen->base, "mailoauth-test");
	if (by_device)
		(void)token_request_device(http, client, span_from_str("d+1"), on_token, seen);
	else
		(void)token_request_direct(http, client, on_token, seen);
	assert_int_equal(seen->calls, 0);
	(void)event_base_dispatch(seen->base);
	assert_int_equal(seen->calls, 1);
	http_client_free(http);
	event_base_free(seen->base);
	service_account_free(client->service_account);
	free(client->token_url);
	return fake_http_stop(&fake);
}

static void assert_body(char *request, const char *body)
{
	const char *end = strstr(request, "\r\n\r\n");

	assert_non_null(end);
	assert_string_equal(end + 4, body);
	free(request);
}

static char client_id[] = "id:1";

static void client_credentials_are_sent(void **state)
{
	static char scope[] = "https://outlook.office365.com/.default";
	struct oauth_client client = {
		.grant = GRANT_CLIENT_CREDENTIALS, .client_id = client_id, .scope = scope};
	struct seen seen;

	(void)state;
	assert_body(ask(&client, "HTTP/1.1 200 OK\r\n\r\n" GOOD_TOKEN, false, &seen),
		    "grant_type=client_credentials&scope=https%3A%2F%2Foutlook.office365.com%2F."
		    "default&client_id=id%3A1");
	assert_int_equal(seen.outcome, OUTCOME_OK);
	assert_int_equal(seen.expires_in_s, 3599);
}

static void a_device_code_is_sent(void **state)
{
	static char yandex[] = "device_code";
	struct oauth_client client = {.client_id = client_id};
	struct seen seen;

	(void)state;
	assert_body(ask(&client, "HTTP/1.1 200 OK\r\n\r\n" GOOD_TOKEN, true, &seen),
		    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&"
		    "device_code=d%2B1&client_id=id%3A1");
	client.device_grant_type = yandex;
	assert_body(ask(&client, "HTTP/1.1 400 Bad\r\n\r\n{\"error\":\"authorization_declined\"}",
			true, &seen),
		    "grant_type=device_code&code=d%2B1&client_id=id%3A1");
	assert_int_equal(seen.outcome, OUTCOME_CONSENT);
	assert_non_null(strstr(seen.err.text, "the person refused"));
}

static void a_service_account_signs(void **state)
{
	static char scope[] = "https://mail.google.com/";
	static char subject[] = "user@example.test";
	struct oauth_client client = {
		.grant = GRANT_JWT_BEARER, .scope = scope, .subject = subject};
	struct buffer claims = BUFFER_INIT(4096);
	struct seen seen;
	char *request, *at;
	struct json_object *object;
	struct span text;
	const char *why;

	(void)state;
	request = ask(&client, "HTTP/1.1 401 No\r\n\r\n{\"error\":\"unauthorized_client\"}", false,
		      &seen);
	assert_int_equal(seen.outcome, OUTCOME_CONFIG);
	assert_non_null(strstr(seen.err.text, "domain-wide delegation is not granted"));
	at = strstr(request, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"
			     "assertion=");
	assert_non_null(at);
	assert_null(strstr(request, "client_id"));
	at = strchr(at, '.') + 1;
	assert_true(base64url_decode((struct span){at, strcspn(at, ".")}, &claims));
	object = json_read(buffer_span(&claims), 4096, &why);
	assert_true(json_get_string(object, "iss", &text) && span_equals(text, "s@p.example"));
	assert_true(json_get_string(object, "sub", &text) && span_equals(text, subject));
	assert_true(json_get_string(object, "scope", &text) && span_equals(text, scope));
	assert_false(json_has(object, "nbf"));
	json_release(object);
	buffer_release(&claims);
	free(request);
}

static void the_machine_is_asked(void **state)
{
	static char scope[] = "https://outlook.office365.com/.default";
	struct oauth_client client = {.grant = GRANT_MANAGED_IDENTITY, .scope = scope};
	struct seen seen;
	char *request;

	(void)state;
	request = ask(&client, "HTTP/1.1 200 OK\r\n\r\n" GOOD_TOKEN, false, &seen);
	assert_int_equal(seen.outcome, OUTCOME_OK);
	assert_non_null(strstr(request, "GET /token?api-version=2018-02-01&resource=https%3A%2F%2F"
					"outlook.office365.com HTTP/1.1\r\n"));
	assert_non_null(strstr(request, "\r\nMetadata: true\r\n"));
	free(request);
	client.client_id = client_id;
	request = ask(&client,
		      "HTTP/1.1 404 Not yet\r\n\r\n{\"error\":\"not_found\","
		      "\"error_description\":\"IMDS service endpoint is updating\"}",
		      false, &seen);
	assert_int_equal(seen.outcome, OUTCOME_RETRY);
	assert_non_null(strstr(request, "&client_id=id%3A1 HTTP/1.1"));
	free(request);
	request = ask(&client, "HTTP/1.1 400 Bad\r\n\r\n{\"error\":\"invalid_request\"}", false,
		      &seen);
	assert_int_equal(seen.outcome, OUTCOME_CONFIG);
	assert_non_null(strstr(seen.err.text, "no such identity"));
	free(request);
}

static void plain_http_has_one_more_address(void **state)
{
	(void)state;
	assert_true(http_url_is_metadata("http://169.254.169.254/metadata/identity/oauth2/token"));
	assert_true(http_url_is_metadata("http://127.0.0.1:9/x"));
	assert_false(http_url_is_metadata("http://169.254.169.253/x"));
	assert_false(http_url_is_metadata("http://169.254.169.254.evil.example/x"));
	assert_false(http_url_is_metadata("http://a@169.254.169.254/x"));
	assert_false(http_url_is_allowed("http://169.254.169.254/x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_files_are_checked),
		cmocka_unit_test(a_key_file_is_read),
		cmocka_unit_test(a_cut_key_file_is_none),
		cmocka_unit_test(codes_are_read),
		cmocka_unit_test(refusals_are_said),
		cmocka_unit_test(the_pace_is_the_servers),
		cmocka_unit_test(client_credentials_are_sent),
		cmocka_unit_test(a_device_code_is_sent),
		cmocka_unit_test(a_service_account_signs),
		cmocka_unit_test(the_machine_is_asked),
		cmocka_unit_test(plain_http_has_one_more_address),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_key, free_key);
}
