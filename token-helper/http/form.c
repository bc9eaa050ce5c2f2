/* SPDX-License-Identifier: MIT */
/*
 * form.c - application/x-www-form-urlencoded, one direction. See http-client.h.
 *
 * Every part is encoded, secrets too: a secret with '+', '&' or '%' in it must arrive as it is.
 */
#include "token-helper/http/http-client.h"

#include <string.h>

#include "common/banned.h"

static bool is_plain(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '*' || c == '-' || c == '.' || c == '_';
}

bool form_encode(struct buffer *out, struct span value)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.ptr[i];
		char escape[3] = {'%', hex[byte >> 4], hex[byte & 15]};

		if (is_plain((char)byte))
			(void)buffer_append_byte(out, (char)byte);
		else if (byte == ' ')
			(void)buffer_append_byte(out, '+');
		else
			(void)buffer_append(out, escape, sizeof(escape));
	}
	return buffer_ok(out);
}

bool form_append(struct buffer *form, const char *name, struct span value)
{
	if (form->len > 0)
		(void)buffer_append_byte(form, '&');
	(void)form_encode(form, span_from_str(name));
	(void)buffer_append_byte(form, '=');
	return form_encode(form, value);
}
