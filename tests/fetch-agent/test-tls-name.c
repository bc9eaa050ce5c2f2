/* SPDX-License-Identifier: MIT */
/*
 * test-tls-name.c - whose certificate is taken: handshakes in memory with a server whose
 * certificate is trusted and names some hosts.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fetch-agent/net/tls.h"
#include "tests/fetch-agent/tls-server.h"

#include "common/banned.h"

#define NAMES "DNS:mail.example.test,DNS:*.wild.example.test,DNS:f*.part.example.test,IP:127.0.0.1"

static char ca_file[] = "/tmp/mo-tls-XXXXXX";
static SSL_CTX *server;

static int setup(void **state)
{
	(void)state;
	server = tls_server_new(NAMES, ca_file);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	SSL_CTX_free(server);
	return unlink(ca_file);
}

static bool step(SSL *ssl)
{
	int rc = SSL_do_handshake(ssl);

	return rc == 1 || SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ;
}

/* Both ends of a handshake by turns; the host that the server was asked for, or "", in asked. */
static bool is_taken(const char *host, char asked[64], struct err *err)
{
	SSL_CTX *context = tls_context_new(ca_file, err);
	SSL *client = tls_session_new(context, host, err), *there = SSL_new(server);
	BIO *ours, *theirs;
	const char *name;
	bool good = true;

	assert_non_null(client);
	assert_int_equal(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
	SSL_set_bio(client, ours, ours);
	SSL_set_bio(there, theirs, theirs);
	SSL_set_connect_state(client);
	SSL_set_accept_state(there);
	for (int turn = 0; turn < 20 && good && !SSL_is_init_finished(client); turn++) {
		good = step(client);
		(void)step(there);
	}
	good = good && SSL_is_init_finished(client);
	if (!good)
		assert_int_equal(tls_failure(client, ERR_peek_error(), 0, err), OUTCOME_CONFIG);
	name = SSL_get_servername(there, TLSEXT_NAMETYPE_host_name);
	(void)snprintf(asked, 64, "%s", name != NULL ? name : "");
	ERR_clear_error();
	SSL_free(client);
	SSL_free(there);
	SSL_CTX_free(context);
	return good;
}

static void a_certificate_is_its_hosts(void **state)
{
	static const char *const hosts[] = {"mail.example.test", "MAIL.Example.test",
					    "a.wild.example.test"};
	struct err err = ERR_INIT;
	char asked[64];

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (!is_taken(hosts[i], asked, &err))
			fail_msg("%s: %s", hosts[i], err.text);
		assert_string_equal(asked, hosts[i]);
	}
	assert_true(is_taken("127.0.0.1", asked, &err));
	assert_string_equal(asked, ""); /* RFC 6066 3: no addresses there */
}

static void another_hosts_is_refused(void **state)
{
	static const char *const hosts[] = {
		"other.example.test",
		"example.test",
		"mail.example.test.evil.test",
		"xmail.example.test",
		"wild.example.test",
		"a.b.wild.example.test",
		"foo.part.example.test",
		"common.example.test",
		"127.0.0.2",
		"::1",
	};
	struct err err = ERR_INIT;
	char asked[64];

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (is_taken(hosts[i], asked, &err))
			fail_msg("%s is taken", hosts[i]);
		assert_non_null(strstr(err.text, "is not trusted"));
		assert_non_null(strstr(err.text, "sha256:")); /* what tls_pin would say */
	}
}

static void certificates_that_cannot_be_read_are_said(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(tls_context_new("/dev/null", &err));
	assert_non_null(strstr(err.text, "/dev/null"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_its_hosts),
		cmocka_unit_test(another_hosts_is_refused),
		cmocka_unit_test(certificates_that_cannot_be_read_are_said),
	};

	return cmocka_run_group_tests_name("tls-name", tests, setup, teardown);
}
