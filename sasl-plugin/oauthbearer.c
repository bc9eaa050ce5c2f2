/* SPDX-License-Identifier: MIT */
/*
 * oauthbearer.c - the mechanism OAUTHBEARER (RFC 7628).
 *
 * "n,a=" SASLNAME "," 0x01 ["host=" HOST 0x01] ["port=" PORT 0x01] "auth=Bearer " TOKEN 0x01 0x01.
 * The user is a saslname (RFC 5801 4): ',' and '=' are escaped. An error challenge is answered with
 * one byte 0x01 (RFC 7628 3.2.3), where XOAUTH2 says nothing.
 */
#include "sasl-plugin/mechanism.h"

#include "common/banned.h"

static void append_saslname(struct buffer *out, struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == ',')
			(void)buffer_append_str(out, "=2C");
		else if (name.ptr[i] == '=')
			(void)buffer_append_str(out, "=3D");
		else
			(void)buffer_append_byte(out, name.ptr[i]);
	}
}

static bool oauthbearer_append_message(struct buffer *out, const struct login *login)
{
	(void)buffer_append_str(out, "n,a=");
	append_saslname(out, login->user);
	(void)buffer_append_str(out, ",\001");
	if (login->host.len > 0) {
		(void)buffer_append_str(out, "host=");
		(void)buffer_append_span(out, login->host);
		(void)buffer_append_byte(out, '\001');
	}
	if (login->port > 0)
		(void)buffer_printf(out, "port=%u\001", (unsigned)login->port);
	(void)buffer_append_str(out, "auth=Bearer ");
	(void)buffer_append_span(out, login->token);
	(void)buffer_append_str(out, "\001\001");
	return buffer_ok(out);
}

const struct mechanism mechanism_oauthbearer = {
	.name = "OAUTHBEARER",
	.append_message = oauthbearer_append_message,
	.answer_to_error = {"\001", 1},
};
