/* SPDX-License-Identifier: MIT */
/* What postconf prints, read; values expanded, lists and tables split and added to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token-helper/postfix/maps.h"
#include "token-helper/postfix/nexthop.h"
#include "token-helper/postfix/postfix-value.h"
#include "token-helper/postfix/postfix.h"

/* As Postfix 3.7 prints them. */
static const char parameters[] =
	"compatibility_level = 3.6\n"
	"empty =\n"
	"import_environment = MAIL_CONFIG TZ LANG=C SASL_PATH=/opt/sasl\n"
	"relayhost = [smtp.example]:587\n"
	"smtp_sasl_password_maps = inline:{ { [smtp.example]:587 = a@b: }, { x = y } }\n"
	"smtp_sasl_security_options = noplaintext, noanonymous\n"
	"smtp_sasl_tls_security_options = $smtp_sasl_security_options\n"
	"smtp_sasl_tls_verified_security_options = $smtp_sasl_tls_security_options\n";
static const char services[] =
	"smtp       inet  n       -       y       -       -       smtpd -v\n"
	"smtp       unix  -       -       y       -       -       smtp\n"
	"relay      unix  -       -       n       -       -       smtp -o "
	"syslog_name=postfix/relay\n"
	"old        unix  -       -       -       -       -       smtp -o -v\n"
	"loud       unix  -       -       n       -       -       smtp -v -o {smtp_x=y, z}\n";
static const char overrides[] = "relay/unix/smtp_sasl_security_options = noanonymous\n"
				"127.0.0.1:25/inet/smtpd_tls_security_level = none\n";

static struct postfix *read_all(void)
{
	return postfix_from_text(span_from_str(parameters), span_from_str(services),
				 span_from_str(overrides));
}

static void check_value(const struct postfix *postfix, const char *service, const char *name,
			const char *wanted)
{
	struct buffer value = BUFFER_INIT(4096);

	assert_true(postfix_value(
		postfix, service != NULL ? postfix_service_find(postfix, service, "unix") : NULL,
		name, &value));
	assert_string_equal(buffer_cstr(&value), wanted);
	buffer_release(&value);
}

static void a_service_has_its_own_values(void **state)
{
	struct postfix *postfix = read_all();
	struct buffer value = BUFFER_INIT(64);

	(void)state;
	check_value(postfix, NULL, "relayhost", "[smtp.example]:587");
	check_value(postfix, NULL, "empty", "");
	check_value(postfix, "smtp", "smtp_sasl_tls_verified_security_options",
		    "noplaintext, noanonymous");
	/* What another value is made of is the service's too. */
	check_value(postfix, "relay", "smtp_sasl_tls_verified_security_options", "noanonymous");
	assert_false(postfix_value(postfix, NULL, "absent", &value));
	assert_null(postfix_override(postfix, postfix_service_find(postfix, "smtp", "unix"),
				     "smtp_sasl_security_options"));
	postfix_free(postfix);
}

static void services_are_read(void **state)
{
	struct postfix *postfix = read_all();
	const struct postfix_service *smtpd = postfix_service_find(postfix, "smtp", "inet");
	const struct postfix_service *loud = postfix_service_find(postfix, "loud", "unix");
	const struct postfix_service *old = postfix_service_find(postfix, "old", "unix");
	struct buffer value = BUFFER_INIT(64);

	(void)state;
	assert_int_equal(postfix_service_count(postfix), 5);
	assert_true(postfix_service_is_chrooted(postfix, smtpd));
	assert_false(postfix_service_is_chrooted(postfix, old));
	assert_true(postfix_service_has_flag(loud, "-v"));
	assert_false(postfix_service_has_flag(old, "-v")); /* it is an -o's */
	assert_string_equal(loud->command, "smtp -v -o {smtp_x=y, z}");
	assert_true(postfix_environment(postfix, "SASL_PATH", &value));
	assert_string_equal(buffer_cstr(&value), "/opt/sasl");
	assert_false(postfix_environment(postfix, "MAIL_CONFIG", &value));
	buffer_release(&value);
	postfix_free(postfix);
}

static void without_a_level_dash_means_chroot(void **state)
{
	struct postfix *postfix =
		postfix_from_text(span_from_str("compatibility_level = 0\n"),
				  span_from_str("smtp unix - - - - - smtp\n"), span_from_str(""));

	(void)state;
	assert_true(postfix_service_is_chrooted(postfix, postfix_service_at(postfix, 0)));
	postfix_free(postfix);
}

/* Expansion ----------------------------------------------------------------------------------- */

static const char *lookup(const void *context, struct span name)
{
	(void)context;
	if (span_equals(name, "a"))
		return "A";
	if (span_equals(name, "b"))
		return "<$a>";
	if (span_equals(name, "loop"))
		return "$loop";
	return span_equals(name, "none") ? "" : NULL;
}

static void values_are_expanded(void **state)
{
	static const struct {
		const char *value, *wanted; /* NULL: not understood */
	} cases[] = {
		{"", ""},
		{"plain, text", "plain, text"},
		{"$a", "A"},
		{"x${a}y$(a)", "xAyA"},
		{"$b$b", "<A><A>"},
		{"$unknown.", "."},
		{"$$a", "$a"},
		{"${a?yes}${none?no}", "yes"},
		{"${a:no}${none:yes}", "yes"},
		{"${none:{$b}}", "<A>"},
		{"${a?{1}:{2}}${none?{1}:{2}}", "12"},
		{"${{$a} == {A} ? {1}:{2}}", "1"},
		{"${{$a} != {A} ? {1}:{2}}", "2"},
		{"${{3.6} <level {3.10} ? {$b} :}", "<A>"},
		{"${{4} <level {3.10} ? {$b} :}", ""},
		{"${{10} >= {9} ? {1}}", "1"},
		{"${{$a} like {A} ? {1}:{2}}", NULL},
		{"${{$a} == {A}}", NULL},
		{"${a", NULL},
		{"$(a", NULL},
		{"$", NULL},
		{"$loop", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out = BUFFER_INIT(4096);
		bool understood = postfix_expand(cases[i].value, lookup, NULL, &out);

		if (understood != (cases[i].wanted != NULL) ||
		    (understood && strcmp(buffer_cstr(&out), cases[i].wanted) != 0))
			fail_msg("%s: %s", cases[i].value, buffer_cstr(&out));
		buffer_release(&out);
	}
}

static void lists_are_split(void **state)
{
	struct span rest = span_from_str(" a,b\t{ c, d } e{f g}h ,"), word;
	static const char *const wanted[] = {"a", "b", "{ c, d }", "e{f g}h"};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_true(postfix_list_next(&rest, &word));
		assert_true(span_equals(word, wanted[i]));
	}
	assert_false(postfix_list_next(&rest, &word));
	assert_true(postfix_list_has("noplaintext, NoAnonymous", "noanonymous"));
	assert_false(postfix_list_has("noanonymous2", "noanonymous"));
}

/* Nexthops ------------------------------------------------------------------------------------ */

static void nexthops_are_spelled(void **state)
{
	static const struct {
		const char *text, *host, *port;
		bool bracketed;
		unsigned number;
	} cases[] = {
		{"[smtp.example]:587", "smtp.example", "587", true, 587},
		{"smtp.example", "smtp.example", "", false, 25},
		{"[smtp.example]", "smtp.example", "", true, 25},
		{"smtp.example:submission", "smtp.example", "submission", false, 587},
		{"[2001:db8::1]:465", "2001:db8::1", "465", true, 465},
		{"host:odd", "host", "odd", false, 0},
	};
	static const char *const bad[] = {"", " ", "[host", "[]:25", ":25", "[host]25", "host:"};
	struct nexthop nexthop;
	char text[NEXTHOP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(nexthop_parse(span_from_str(cases[i].text), &nexthop));
		assert_string_equal(nexthop.host, cases[i].host);
		assert_string_equal(nexthop.port, cases[i].port);
		assert_int_equal(nexthop.is_bracketed, cases[i].bracketed);
		assert_int_equal(nexthop_port(&nexthop), cases[i].number);
		assert_string_equal(nexthop_text(&nexthop, text), cases[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (nexthop_parse(span_from_str(bad[i]), &nexthop))
			fail_msg("taken: \"%s\"", bad[i]);
	}
}

/* Tables -------------------------------------------------------------------------------------- */

static void an_entry_is_added(void **state)
{
	static const struct {
		const char *list, *wanted;
	} cases[] = {
		{"", "inline:{ { k = v: } }"},
		{"hash:/etc/p", "inline:{ { k = v: } }, hash:/etc/p"},
		{"inline:{ { a = b } }", "inline:{ { k = v: }, { a = b } }"},
		{"inline:{ { K = old }, { a = b } }, hash:/p",
		 "inline:{ { k = v: }, { a = b } }, hash:/p"},
		{"inline:{ { k = old } }", "inline:{ { k = v: } }"},
		{"inline:{ a=b }", "inline:{ { k = v: } }, inline:{ a=b }"},
		{"hash:/p, inline:{ { a = b } }",
		 "inline:{ { k = v: } }, hash:/p, inline:{ { a = b } }"},
	};
	static const char *const bad[] = {"", "a{b", "a}b", "a=b", "$a", "a\nb"};
	struct buffer out = BUFFER_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(maps_add(cases[i].list, "k", "v:", &out));
		assert_string_equal(buffer_cstr(&out), cases[i].wanted);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(maps_add("", bad[i], "v", &out));
		assert_false(maps_add("", "k", bad[i], &out));
	}
	buffer_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_has_its_own_values),
		cmocka_unit_test(services_are_read),
		cmocka_unit_test(without_a_level_dash_means_chroot),
		cmocka_unit_test(values_are_expanded),
		cmocka_unit_test(lists_are_split),
		cmocka_unit_test(nexthops_are_spelled),
		cmocka_unit_test(an_entry_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
