/* SPDX-License-Identifier: MIT */
/* token-import.c - see token-import.h. */
#include "token-helper/import/token-import.h"

#include <string.h>

#include "token-helper/json/json-reader.h"

#include "common/banned.h"

/* The first that recognises a file has it: those whose files say more stand before those whose
 * files say little. */
static const struct import_format *const formats[] = {
	&import_msal,
	&import_oama,
	&import_mutt,
	&import_getmail_tokens,
	&import_sasl_xoauth2,
	&import_pizauth,
	&import_email_oauth2_proxy,
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

void import_programs_append(struct buffer *out)
{
	for (size_t i = 0; i < FORMATS; i++)
		(void)buffer_printf(out, "%s%s", i > 0 ? ", " : "", formats[i]->program);
}

/* The tags of a message's first packet: a session key, by public key (1) or password (3), in the
 * old format or the new (RFC 9580 4.2). */
bool import_is_encrypted(struct span bytes)
{
	static const char armour[] = "-----BEGIN PGP MESSAGE-----";
	unsigned char first = bytes.len > 0 ? (unsigned char)bytes.ptr[0] : 0;

	if (bytes.len >= sizeof(armour) - 1 && memcmp(bytes.ptr, armour, sizeof(armour) - 1) == 0)
		return true;
	return (first >= 0x84 && first <= 0x87) || (first >= 0x8c && first <= 0x8f) ||
	       first == 0xc1 || first == 0xc3;
}

static const struct import_format *find(const struct import_input *input)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (formats[i]->recognises(input))
			return formats[i];
	}
	return NULL;
}

const struct import_format *import_take(struct import_list *list, const char *path,
					struct span bytes, const char **why_out)
{
	struct import_input input = {.path = path, .bytes = bytes};
	const struct import_format *format;
	const char *why = "";

	input.json = json_read(bytes, IMPORT_FILE_MAX, &why);
	format = find(&input);
	if (format != NULL)
		format->read(&input, list);
	else if (input.json != NULL)
		*why_out = "it is JSON, but no token file of a program that is known";
	else if (bytes.len > 0 && bytes.ptr[0] == '{')
		*why_out = "it looks like JSON, but is cut off or damaged";
	else
		*why_out = "it is no token file or configuration of a program that is known";
	json_release(input.json);
	return format;
}
