/* SPDX-License-Identifier: MIT */
/* cli-test-token.c - see cli-test-token.h. */
#include "token-helper/cli-test-token.h"

#include <json.h>
#include <string.h>

#include "common/base64.h"
#include "common/helper-protocol.h"
#include "common/scanner.h"
#include "token-helper/cli-call.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define CLAIMS_MAX HELPER_TOKEN_MAX

/* From base64url without padding (RFC 7515 2) to what base64_decode() takes. */
static void append_standard(struct buffer *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		(void)buffer_append_byte(out, (char)(c == '-' ? '+' : c == '_' ? '/' : c));
	}
	for (size_t i = text.len; i % 4 != 0; i++)
		(void)buffer_append_byte(out, '=');
}

struct json_object *token_claims(struct span token)
{
	struct scanner scan = scanner_over(token);
	struct buffer text = BUFFER_INIT_SECRET(CLAIMS_MAX + 4);
	struct buffer decoded = BUFFER_INIT_SECRET(CLAIMS_MAX);
	struct json_object *claims = NULL;
	struct span head, body;
	const char *why;

	if (scan_until(&scan, '.', CLAIMS_MAX, &head) &&
	    scan_until(&scan, '.', CLAIMS_MAX, &body)) {
		append_standard(&text, body);
		if (base64_decode(&decoded, buffer_span(&text)))
			claims = json_read(buffer_span(&decoded), CLAIMS_MAX, &why);
	}
	buffer_release(&decoded);
	buffer_release(&text);
	return claims;
}

/* A string, or a list of them with spaces between. */
static bool append_claim(struct buffer *out, struct json_object *claims, const char *claim)
{
	struct json_object *list = json_member_array(claims, claim);
	const char *word = cli_json_string(claims, claim);

	if (word != NULL)
		return buffer_append_str(out, word);
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		const char *one = json_object_get_string(json_object_array_get_idx(list, i));

		(void)buffer_printf(out, "%s%s", i > 0 ? " " : "", one != NULL ? one : "null");
	}
	return list != NULL && json_object_array_length(list) > 0;
}

void token_describe(struct json_object *claims, struct buffer *text)
{
	/* RFC 9068; scp, roles and upn are Entra's. */
	static const struct {
		const char *claim, *name;
	} shown[] = {{"aud", "for"}, {"scp", "scp"},	 {"scope", "scope"}, {"roles", "roles"},
		     {"upn", "upn"}, {"email", "email"}, {"appid", "app"}};

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct buffer value = BUFFER_INIT(text->max);

		if (append_claim(&value, claims, shown[i].claim))
			(void)buffer_printf(text, "%s%s %s", text->len > 0 ? ", " : "",
					    shown[i].name, buffer_cstr(&value));
		buffer_release(&value);
	}
}

const char *token_owner(struct json_object *claims)
{
	static const char *const names[] = {"upn", "preferred_username", "email", "unique_name"};
	const char *owner = NULL;

	for (size_t i = 0; owner == NULL && i < sizeof(names) / sizeof(names[0]); i++)
		owner = cli_json_string(claims, names[i]);
	return owner;
}
