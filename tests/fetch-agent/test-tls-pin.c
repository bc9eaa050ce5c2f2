/* SPDX-License-Identifier: MIT */
/* test-tls-pin.c - pins as they are written, and when two of them are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fetch-agent/net/tls-pin.h"

#include "common/banned.h"

#define DIGITS "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_written_as_read(void **state)
{
	char text[TLS_PIN_TEXT];
	struct tls_pin pin;

	(void)state;
	assert_true(tls_pin_parse(
		"SHA256:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff", &pin));
	tls_pin_format(&pin, text);
	assert_string_equal(text, "sha256:" DIGITS);
}

static void test_what_is_no_pin(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		DIGITS,
		"sha1:" DIGITS,
		"sha256:" DIGITS "0",
		"sha256:g" DIGITS,
		"sha256:0011",
		"sha256:"
		"x0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	};
	struct tls_pin pin;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tls_pin_parse(bad[i], &pin));
}

static void test_any_of_them(void **state)
{
	struct tls_pin pins[2], other;
	struct tls_pins have = {.pin = pins, .count = 2};

	(void)state;
	assert_true(tls_pin_parse("sha256:" DIGITS, &pins[0]));
	pins[1] = pins[0];
	pins[1].digest[TLS_PIN_BYTES - 1] ^= 1;
	other = pins[0];
	assert_true(tls_pins_have(&have, &other));
	other = pins[1];
	assert_true(tls_pins_have(&have, &other));
	other.digest[0] ^= 1;
	assert_false(tls_pins_have(&have, &other));
	have.count = 0;
	assert_false(tls_pins_have(&have, &pins[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_as_read),
		cmocka_unit_test(test_what_is_no_pin),
		cmocka_unit_test(test_any_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
