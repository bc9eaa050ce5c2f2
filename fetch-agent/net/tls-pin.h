/* SPDX-License-Identifier: MIT */
/*
 * tls-pin.h - a server's key as it is written under tls_pin: "sha256:" and the hexadecimal digits
 * of the SHA-256 of its SubjectPublicKeyInfo (RFC 7469 2.4), which stays when the certificate is
 * renewed.
 */
#ifndef FETCH_AGENT_NET_TLS_PIN_H
#define FETCH_AGENT_NET_TLS_PIN_H

#include <stdbool.h>
#include <stddef.h>

#define TLS_PIN_BYTES 32
#define TLS_PIN_TEXT  (sizeof("sha256:") + 2 * TLS_PIN_BYTES)

struct tls_pin {
	unsigned char digest[TLS_PIN_BYTES];
};

/* What is demanded of a server's key; no pins: nothing. */
struct tls_pins {
	struct tls_pin *pin;
	size_t count;
	bool only; /* the authorities, the name and the dates do not count */
};

bool tls_pin_parse(const char *text, struct tls_pin *pin_out);
void tls_pin_format(const struct tls_pin *pin, char text_out[TLS_PIN_TEXT]);

/* In time that does not depend on how much of them is equal. */
bool tls_pins_have(const struct tls_pins *pins, const struct tls_pin *pin);

#endif
