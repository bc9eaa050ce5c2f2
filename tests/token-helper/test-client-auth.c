/* SPDX-License-Identifier: MIT */
/*
 * test-client-auth.c - what proves that the client is itself: assertions that OpenSSL verifies, and
 * the programs that print secrets.
 */
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/runner.h"
#include "common/xalloc.h"
#include "token-helper/command/command.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/authorization.h"
#include "token-helper/oauth/client-auth.h"

#include "common/banned.h"

static EVP_PKEY *rsa;
static char *key_pem, *certificate_pem;
static char *sha1_text, *sha256_text; /* the certificate's, base64url */

/* Keys ---------------------------------------------------------------------------------------- */

static char *bio_text(BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	char *text = xspandup((struct span){data, (size_t)len});

	BIO_free(bio);
	return text;
}

static char *pem_of(EVP_PKEY *key, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PrivateKey(
				 bio, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL,
				 (const unsigned char *)passphrase,
				 passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL),
			 1);
	return bio_text(bio);
}

static char *digest_text(const X509 *certificate, const EVP_MD *hash)
{
	struct buffer text = BUFFER_INIT(64);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;
	char *copy;

	assert_int_equal(X509_digest(certificate, hash, digest, &len), 1);
	assert_true(base64url_encode((struct span){(const char *)digest, len}, &text));
	copy = xstrdup(buffer_cstr(&text));
	buffer_release(&text);
	return copy;
}

static int make_keys(void **state)
{
	X509 *certificate = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());

	(void)state;
	rsa = EVP_RSA_gen(2048);
	key_pem = pem_of(rsa, NULL);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	assert_int_equal(X509_set_pubkey(certificate, rsa), 1);
	assert_true(X509_sign(certificate, rsa, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	certificate_pem = bio_text(bio);
	sha1_text = digest_text(certificate, EVP_sha1());
	sha256_text = digest_text(certificate, EVP_sha256());
	X509_free(certificate);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	free(key_pem);
	free(certificate_pem);
	free(sha1_text);
	free(sha256_text);
	return 0;
}

static void check_no_key(const char *pem, const char *certificate, const char *why)
{
	struct signing_key *key = NULL;
	struct err err;

	assert_int_equal(
		signing_key_new(span_from_str(pem), span_from_str(certificate), &key, &err),
		OUTCOME_CONFIG);
	assert_null(key);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, err.text);
}

static void a_wrong_key_is_said(void **state)
{
	EVP_PKEY *small = EVP_RSA_gen(1024);
	EVP_PKEY *curve = EVP_EC_gen("P-256");
	EVP_PKEY *other = EVP_RSA_gen(2048);
	char *pem;

	(void)state;
	check_no_key("", "", "no private key");
	check_no_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "",
		     "no private key");
	check_no_key(certificate_pem, "", "no private key");
	check_no_key(key_pem, key_pem, "no certificate");
	pem = pem_of(rsa, "hunter2");
	check_no_key(pem, "", "passphrase");
	free(pem);
	pem = pem_of(small, NULL);
	check_no_key(pem, "", "1024 bits");
	free(pem);
	pem = pem_of(curve, NULL);
	check_no_key(pem, "", "no RSA key");
	free(pem);
	pem = pem_of(other, NULL);
	check_no_key(pem, certificate_pem, "do not belong together");
	free(pem);
	EVP_PKEY_free(small);
	EVP_PKEY_free(curve);
	EVP_PKEY_free(other);
}

/* Every end of a key file: an error, never more. */
static void a_cut_key_is_none(void **state)
{
	size_t body = (size_t)(strstr(key_pem, "-----END") - key_pem);

	(void)state;
	for (size_t len = 0; len < body; len += 7) {
		struct signing_key *key = NULL;

		assert_int_equal(signing_key_new((struct span){key_pem, len}, (struct span){"", 0},
						 &key, NULL),
				 OUTCOME_CONFIG);
	}
}

/* Assertions ---------------------------------------------------------------------------------- */

static struct json_object *part_of(struct span part)
{
	struct buffer text = BUFFER_INIT(4096);
	const char *why;
	struct json_object *object;

	assert_true(base64url_decode(part, &text));
	object = json_read(buffer_span(&text), 4096, &why);
	assert_non_null(object);
	buffer_release(&text);
	return object;
}

static void check_string(struct json_object *object, const char *name, const char *value)
{
	struct span text = {"", 0};

	if (value == NULL)
		assert_false(json_has(object, name));
	else if (!json_get_string(object, name, &text) || !span_equals(text, value))
		fail_msg("%s is \"%.*s\", not \"%s\"", name, (int)text.len, text.ptr, value);
}

static void check_signature(struct span text, struct span signature, bool pss)
{
	struct buffer bytes = BUFFER_INIT(1024);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding;

	assert_true(base64url_decode(signature, &bytes));
	assert_int_equal(EVP_DigestVerifyInit(context, &padding, EVP_sha256(), NULL, rsa), 1);
	if (pss) {
		assert_true(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) > 0);
		assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, 32) > 0);
	}
	assert_int_equal(EVP_DigestVerify(context, (const unsigned char *)bytes.data, bytes.len,
					  (const unsigned char *)text.ptr, text.len),
			 1);
	EVP_MD_CTX_free(context);
	buffer_release(&bytes);
}

/* The three parts of what stands after name= in form. */
static void find_assertion(const struct buffer *form, struct span parts[3])
{
	const char *at = strstr(form->data, "&client_assertion=");

	assert_non_null(at);
	at += strlen("&client_assertion=");
	for (int i = 0; i < 3; i++) {
		parts[i] = (struct span){at, strcspn(at, ".&")};
		at += parts[i].len + 1;
	}
}

static void check_header(struct span part, bool pss)
{
	struct json_object *header = part_of(part);

	check_string(header, "alg", pss ? "PS256" : "RS256");
	check_string(header, "typ", "JWT");
	check_string(header, "x5t#S256", pss ? sha256_text : NULL);
	check_string(header, "x5t", pss ? NULL : sha1_text);
	json_release(header);
}

static void check_claims(struct span part, char *id, size_t id_size)
{
	struct json_object *claims = part_of(part);
	int64_t now_s = clock_now_s();
	int64_t iat = 0, nbf = 0, exp = 0;
	struct span jti;

	check_string(claims, "iss", "client-1");
	check_string(claims, "sub", "client-1");
	check_string(claims, "aud", "https://as.example/token");
	check_string(claims, "scope", NULL);
	assert_true(json_get_int(claims, "iat", &iat) && json_get_int(claims, "nbf", &nbf) &&
		    json_get_int(claims, "exp", &exp) && json_get_string(claims, "jti", &jti));
	assert_in_range(now_s - nbf, JWT_SKEW_S, JWT_SKEW_S + 5);
	assert_int_equal(iat, nbf);
	assert_in_range(exp - now_s, JWT_LIFE_S - 5, JWT_LIFE_S);
	assert_true(exp - iat <= 600);
	assert_in_range(jti.len, 22, id_size - 1);
	(void)snprintf(id, id_size, "%s", jti.ptr);
	json_release(claims);
}

static void make_proof(struct client_auth *auth, struct buffer *form, struct buffer *userpwd,
		       struct span text)
{
	struct client_proof proof = {
		.client_id = "client-1",
		.audience = "https://as.example/token",
		.credential = &auth->credentials[0],
		.text = text,
		.algorithm = auth->algorithm,
	};

	assert_true(buffer_append_str(form, "grant_type=x"));
	assert_int_equal(client_auth_append(auth->method, &proof, form, userpwd, NULL), OUTCOME_OK);
}

static void check_private_key_jwt(enum jwt_algorithm algorithm, char *id, size_t id_size)
{
	struct client_auth *auth = client_auth_new(CLIENT_AUTH_PRIVATE_KEY_JWT);
	struct buffer form = BUFFER_INIT_SECRET(8192);
	struct buffer userpwd = BUFFER_INIT_SECRET(64);
	struct span parts[3];

	auth->algorithm = algorithm;
	assert_int_equal(signing_key_new(span_from_str(key_pem), span_from_str(certificate_pem),
					 &client_auth_add(auth, "client_key_file")->key, NULL),
			 OUTCOME_OK);
	assert_in_range(signing_key_expires_s(auth->credentials[0].key) - clock_now_s(), 86300,
			86400);
	make_proof(auth, &form, &userpwd, (struct span){"", 0});
	assert_int_equal(userpwd.len, 0);
	assert_non_null(strstr(form.data, "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
					  "client-assertion-type%3Ajwt-bearer&"));
	assert_non_null(strstr(form.data, "&client_id=client-1"));
	find_assertion(&form, parts);
	check_header(parts[0], algorithm == JWT_PS256);
	check_claims(parts[1], id, id_size);
	check_signature((struct span){parts[0].ptr, parts[0].len + 1 + parts[1].len}, parts[2],
			algorithm == JWT_PS256);
	buffer_release(&form);
	client_auth_drop(auth);
}

static void assertions_can_be_verified(void **state)
{
	char first[64], second[64];

	(void)state;
	check_private_key_jwt(JWT_PS256, first, sizeof(first));
	check_private_key_jwt(JWT_PS256, second, sizeof(second));
	assert_string_not_equal(first, second);
	check_private_key_jwt(JWT_RS256, first, sizeof(first));
}

struct method_case {
	enum client_auth_method method;
	const char *form, *userpwd;
};

static const struct method_case method_cases[] = {
	{CLIENT_AUTH_NONE, "grant_type=x&client_id=client-1", ""},
	{CLIENT_AUTH_POST, "grant_type=x&client_secret=a%2B%3A%25&client_id=client-1", ""},
	{CLIENT_AUTH_BASIC, "grant_type=x", "client-1:a%2B%3A%25"},
	{CLIENT_AUTH_ASSERTION,
	 "grant_type=x&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
	 "client-assertion-type%3Ajwt-bearer&client_assertion=a%2B%3A%25&client_id=client-1",
	 ""},
};

static void exactly_one_method_is_used(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(method_cases) / sizeof(method_cases[0]); i++) {
		struct client_auth *auth = client_auth_new(method_cases[i].method);
		struct buffer form = BUFFER_INIT_SECRET(1024);
		struct buffer userpwd = BUFFER_INIT_SECRET(64);

		make_proof(auth, &form, &userpwd, span_from_str("a+:%"));
		assert_string_equal(buffer_cstr(&form), method_cases[i].form);
		assert_string_equal(buffer_cstr(&userpwd), method_cases[i].userpwd);
		buffer_release(&form);
		buffer_release(&userpwd);
		client_auth_drop(auth);
	}
}

/* Commands ------------------------------------------------------------------------------------ */

struct ran {
	struct event_base *base;
	int calls;
	enum outcome outcome;
	char output[64];
	char complaint[COMMAND_COMPLAINT_MAX + 1];
	struct err err;
};

static void on_ran(void *context, struct command_result *result)
{
	struct ran *ran = context;

	ran->calls++;
	ran->outcome = result->outcome;
	ran->err = result->err;
	(void)snprintf(ran->output, sizeof(ran->output), "%s", buffer_cstr(result->output));
	(void)snprintf(ran->complaint, sizeof(ran->complaint), "%.*s", (int)result->complaint.len,
		       result->complaint.ptr);
}

/* Of process pid ("self" too): the first child; 0: none. */
static int first_child(const char *pid)
{
	char *path = strcmp(pid, "self") == 0 ? xasprintf("/proc/thread-self/children")
					      : xasprintf("/proc/%s/task/%s/children", pid, pid);
	FILE *file = fopen(path, "re");
	int child = 0;

	assert_non_null(file);
	(void)!fscanf(file, "%d", &child);
	(void)fclose(file);
	free(path);
	return child;
}

/* The runner is our only child; what it runs are its children. */
static bool a_program_runs(void)
{
	char *runner = xasprintf("%d", first_child("self"));
	bool runs = first_child(runner) != 0;

	free(runner);
	return runs;
}

static void wait_for_its_death(void)
{
	static const struct timespec pause = {.tv_nsec = 10000000};
	struct deadline patience = deadline_in_ms(30000);

	while (a_program_runs() && !deadline_passed(patience))
		(void)nanosleep(&pause, NULL);
	assert_false(a_program_runs());
}

/* Runs `sh -c script`; no program is left behind. */
static void run_script(const char *script, int64_t timeout_ms, struct ran *ran)
{
	char *argv[] = {xstrdup("/bin/sh"), xstrdup("-c"), xstrdup(script)};
	struct words words = {argv, 3};

	*ran = (struct ran){.base = event_base_new()};
	(void)command_run(ran->base, &words, 32, timeout_ms, on_ran, ran);
	assert_int_equal(ran->calls, 0);
	(void)event_base_dispatch(ran->base);
	assert_int_equal(ran->calls, 1);
	wait_for_its_death();
	event_base_free(ran->base);
	for (int i = 0; i < 3; i++)
		free(argv[i]);
}

static void what_a_command_prints_is_taken(void **state)
{
	struct ran ran;

	(void)state;
	run_script("echo s3cret", 10000, &ran);
	assert_int_equal(ran.outcome, OUTCOME_OK);
	assert_string_equal(ran.output, "s3cret");
	/* A grandchild holds the pipe: that is no reason to wait for it. */
	run_script("sleep 60 & echo early; echo seen >&2", 10000, &ran);
	assert_string_equal(ran.output, "early");
	assert_string_equal(ran.complaint, "seen\n");
	/* Nothing to read, and the signals are as a shell expects them. */
	run_script("cat; yes | head -n 1", 10000, &ran);
	assert_string_equal(ran.output, "y");
}

static void what_goes_wrong_is_said(void **state)
{
	struct ran ran;

	(void)state;
	run_script("echo no >&2; exit 7", 10000, &ran);
	assert_int_equal(ran.outcome, OUTCOME_RETRY);
	assert_non_null(strstr(ran.err.text, "/bin/sh: failed with exit status 7"));
	assert_string_equal(ran.complaint, "no\n");
	run_script("true", 10000, &ran);
	assert_non_null(strstr(ran.err.text, "printed nothing"));
	run_script("kill -TERM $$", 10000, &ran);
	assert_non_null(strstr(ran.err.text, "signal 15"));
	run_script("while :; do echo s3cret; done", 10000, &ran);
	assert_int_equal(ran.outcome, OUTCOME_RETRY);
	assert_non_null(strstr(ran.err.text, "more than a secret"));
	assert_null(strstr(ran.err.text, "s3cret"));
	/* More complaint than is kept does not stop it. */
	run_script("head -c 200000 /dev/zero >&2; echo done", 10000, &ran);
	assert_string_equal(ran.output, "done");
}

static void a_command_has_a_deadline(void **state)
{
	struct deadline patience = deadline_in_ms(30000);
	struct ran ran;

	(void)state;
	run_script("trap '' TERM; echo half; sleep 120", 50, &ran);
	assert_int_equal(ran.outcome, OUTCOME_RETRY);
	assert_non_null(strstr(ran.err.text, "did not end in time"));
	assert_false(deadline_passed(patience));
}

static void a_missing_command_is_configuration(void **state)
{
	struct words words = {0};
	struct ran ran = {.base = event_base_new()};

	(void)state;
	words_split("/nonexistent/program", &words);
	(void)command_run(ran.base, &words, 32, 1000, on_ran, &ran);
	words_release(&words); /* borrowed for the call only */
	assert_int_equal(ran.calls, 0);
	(void)event_base_dispatch(ran.base);
	assert_int_equal(ran.calls, 1);
	assert_int_equal(ran.outcome, OUTCOME_CONFIG);
	assert_string_equal(ran.err.text, "/nonexistent/program: No such file or directory");
	event_base_free(ran.base);
}

static void a_cancelled_command_is_killed(void **state)
{
	struct words words = {0};
	struct ran ran = {.base = event_base_new()};
	struct ran next;

	(void)state;
	words_split("/bin/sleep 120", &words);
	command_cancel(command_run(ran.base, &words, 32, 60000, on_ran, &ran));
	command_cancel(NULL);
	words_release(&words);
	(void)event_base_dispatch(ran.base);
	assert_int_equal(ran.calls, 0);
	/* When this has run, the other has begun; and is gone. */
	run_script("exit 0", 10000, &next);
	event_base_free(ran.base);
}

static void what_systemd_gave_us_stays_ours(void **state)
{
	struct ran ran;

	(void)state;
	runner_stop(); /* the next one sees what comes now */
	(void)setenv("NOTIFY_SOCKET", "/run/x", 1);
	(void)setenv("LISTEN_FDS", "3", 1);
	(void)setenv("CREDENTIALS_DIRECTORY", "/run/c", 1);
	run_script("echo \"$NOTIFY_SOCKET$LISTEN_FDS$CREDENTIALS_DIRECTORY\"", 10000, &ran);
	assert_string_equal(ran.output, "/run/c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_key_is_said),
		cmocka_unit_test(a_cut_key_is_none),
		cmocka_unit_test(assertions_can_be_verified),
		cmocka_unit_test(exactly_one_method_is_used),
		cmocka_unit_test(what_a_command_prints_is_taken),
		cmocka_unit_test(what_goes_wrong_is_said),
		cmocka_unit_test(a_command_has_a_deadline),
		cmocka_unit_test(a_missing_command_is_configuration),
		cmocka_unit_test(a_cancelled_command_is_killed),
		cmocka_unit_test(what_systemd_gave_us_stays_ours),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
