/* SPDX-License-Identifier: MIT */
/* tls-pin.c - see tls-pin.h. */
#include "fetch-agent/net/tls-pin.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/buffer.h"

#include "common/banned.h"

static const char prefix[] = "sha256:";
static const char digits[] = "0123456789abcdef";

bool tls_pin_parse(const char *text, struct tls_pin *pin_out)
{
	struct tls_pin pin = {{0}};

	if (strncasecmp(text, prefix, sizeof(prefix) - 1) != 0)
		return false;
	text += sizeof(prefix) - 1;
	if (strlen(text) != 2 * TLS_PIN_BYTES)
		return false;
	for (size_t i = 0; i < 2 * TLS_PIN_BYTES; i++) {
		const char *digit = strchr(digits, tolower((unsigned char)text[i]));

		if (digit == NULL)
			return false;
		pin.digest[i / 2] = (unsigned char)(pin.digest[i / 2] << 4 | (digit - digits));
	}
	*pin_out = pin;
	return true;
}

void tls_pin_format(const struct tls_pin *pin, char text_out[TLS_PIN_TEXT])
{
	char *at = text_out + sizeof(prefix) - 1;

	memcpy(text_out, prefix, sizeof(prefix));
	for (size_t i = 0; i < TLS_PIN_BYTES; i++, at += 2)
		(void)snprintf(at, 3, "%02x", pin->digest[i]);
}

bool tls_pins_have(const struct tls_pins *pins, const struct tls_pin *pin)
{
	struct span wanted = {(const char *)pin->digest, TLS_PIN_BYTES};
	bool have = false;

	for (size_t i = 0; i < pins->count; i++) {
		struct span known = {(const char *)pins->pin[i].digest, TLS_PIN_BYTES};

		have |= equal_constant_time(known, wanted);
	}
	return have;
}
