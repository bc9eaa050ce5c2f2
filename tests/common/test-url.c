/* SPDX-License-Identifier: MIT */
/* test-url.c - which URLs a secret may go to. */
#include "common/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/banned.h"

static const struct {
	const char *url;
	bool safe, loopback_http;
	const char *host;
} urls[] = {
	{"https://login.example/token", true, false, "login.example"},
	{"HTTPS://Login.Example:8443?x", true, false, "login.example"},
	{"https://[2001:db8::1]:443/", true, false, "[2001:db8::1]"},
	{"http://127.0.0.1", true, true, "127.0.0.1"},
	{"http://127.9.8.7:80/x", true, true, "127.9.8.7"},
	{"http://localhost:4711/", true, true, "localhost"},
	{"http://LOCALHOST/", true, true, "localhost"},
	{"http://[::1]:80/", true, true, "[::1]"},
	{"http://login.example/", false, false, "login.example"},
	{"http://127.0.0.1.evil.example/", false, false, "127.0.0.1.evil.example"},
	{"http://localhost.evil.example/", false, false, "localhost.evil.example"},
	{"http://[::1].evil.example/", false, false, ""},
	{"http://[::1]evil.example/", false, false, ""},
	{"http://127.0.0.1@evil.example/", false, false, ""},
	{"http://127.0.0.1:80@evil.example/", false, false, ""},
	{"http://127.0.0.1\\@evil.example/", false, false, ""},
	{"http://128.0.0.1/", false, false, "128.0.0.1"},
	{"http://127.1/", false, false, "127.1"},
	{"http://[::1/", false, false, ""},
	{"http://[::1/]", false, false, ""},
	{"https://user:secret@login.example/", false, false, ""},
	{"https://login.example/a b", false, false, "login.example"},
	{"https://login.example/a\n", false, false, "login.example"},
	{"https://", false, false, ""},
	{"https:///path", false, false, ""},
	{"https://:443/", false, false, ""},
	{"ftp://login.example/", false, false, "login.example"},
	{"login.example", false, false, ""},
	{"", false, false, ""},
};

static void the_table(void **state)
{
	char host[64];

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		bool has_host = url_host(urls[i].url, host, sizeof(host));

		if (url_is_safe(urls[i].url) != urls[i].safe ||
		    url_is_loopback_http(urls[i].url) != urls[i].loopback_http ||
		    strcmp(host, urls[i].host) != 0 || has_host != (host[0] != '\0'))
			fail_msg("%s: safe %d, loopback %d, host \"%s\"", urls[i].url,
				 url_is_safe(urls[i].url), url_is_loopback_http(urls[i].url), host);
	}
}

static void a_long_host_is_none(void **state)
{
	char host[8];

	(void)state;
	assert_true(url_host("https://1234567/", host, sizeof(host)));
	assert_false(url_host("https://12345678/", host, sizeof(host)));
	assert_string_equal(host, "");
}

static void a_port_is_seen(void **state)
{
	(void)state;
	assert_true(url_has_port("http://localhost:80"));
	assert_true(url_has_port("http://[::1]:80/x"));
	assert_false(url_has_port("http://localhost/a:80"));
	assert_false(url_has_port("http://[::1]/"));
	assert_false(url_has_port("localhost:80"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(a_long_host_is_none),
		cmocka_unit_test(a_port_is_seen),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
