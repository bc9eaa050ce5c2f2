/* SPDX-License-Identifier: MIT */
/*
 * import-oama.c - oama: one JSON object an account, encrypted with gpg or kept in a keyring, and
 * ~/.config/oama/config.yaml for the clients.
 *
 * It never stores a rotated refresh token, so what stands there is the first that was ever given.
 * Its time of expiry has 300 s taken off. Of YAML we read what its template has: mappings by
 * indentation.
 */
#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "token-helper/import/token-import.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

static const struct import_word words[] = {
	{IMPORT_CLIENT_ID, "client_id"},
	{IMPORT_TOKEN_URL, "token_endpoint"},
	{IMPORT_AUTHORIZE_URL, "auth_endpoint"},
	{IMPORT_REDIRECT, "redirect_uri"},
	{IMPORT_SCOPE, "auth_scope"},
	{0},
};

/* What its built-in services are when config.yaml says nothing of it. */
static const struct import_fallback fallbacks[] = {
	{"google", "https://oauth2.googleapis.com/token"},
	{"microsoft", "https://login.microsoftonline.com/common/oauth2/v2.0/token"},
	{0},
};

static bool has_word_at_line(struct span text, const char *word)
{
	const char *at = text.len > 0 ? text.ptr : NULL;
	size_t len = strlen(word);

	for (; at != NULL && (size_t)(text.ptr + text.len - at) > len; at++) {
		if (memcmp(at, word, len) == 0)
			return true;
		at = memchr(at, '\n', (size_t)(text.ptr + text.len - at));
		if (at == NULL)
			return false;
	}
	return false;
}

static bool recognises(const struct import_input *input)
{
	if (input->json != NULL)
		return json_has(input->json, "email") && json_has(input->json, "service") &&
		       json_has(input->json, "refresh_token");
	return has_word_at_line(input->bytes, "services:") &&
	       memchr(input->bytes.ptr, '\0', input->bytes.len) == NULL;
}

static void read_account(const struct import_input *input, struct import_list *list)
{
	struct import_account *account = import_account_add(list, &import_oama, input->path);
	struct import_settings service = {0};

	if (account == NULL)
		return;
	(void)import_set_json(&account->settings, IMPORT_USER, input->json, "email");
	(void)import_set_json(&account->settings, IMPORT_SCOPE, input->json, "scope");
	if (import_set_json(&service, IMPORT_USER, input->json, "service"))
		account->registration = service.value[IMPORT_USER];
	if (!import_set_token_json(account, input->json, "refresh_token"))
		import_note(list, input->path, "refresh_token is empty or no text");
}

/* config.yaml ------------------------------------------------------------------------------------
 */

struct yaml_line {
	size_t indent;
	struct span key, value;
};

static struct span trim(struct span text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = (struct span){text.ptr + 1, text.len - 1};
	while (text.len > 0 && strchr(" \t\r", text.ptr[text.len - 1]) != NULL)
		text.len--;
	return text;
}

static struct span unquote(struct span text)
{
	const char *comment;

	if (text.len >= 2 && (text.ptr[0] == '"' || text.ptr[0] == '\'')) {
		const char *end = memchr(text.ptr + 1, text.ptr[0], text.len - 1);

		if (end != NULL)
			return (struct span){text.ptr + 1, (size_t)(end - text.ptr) - 1};
	}
	for (comment = text.ptr; comment + 1 < text.ptr + text.len; comment++) {
		if (comment[0] == ' ' && comment[1] == '#')
			return trim((struct span){text.ptr, (size_t)(comment - text.ptr)});
	}
	return text;
}

static bool read_yaml_line(struct span text, struct yaml_line *line)
{
	const char *colon;

	line->indent = 0;
	while (line->indent < text.len && text.ptr[line->indent] == ' ')
		line->indent++;
	text = trim(text);
	colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
	if (colon == NULL || text.ptr[0] == '#')
		return false;
	line->key = trim((struct span){text.ptr, (size_t)(colon - text.ptr)});
	line->value =
		unquote(trim((struct span){colon + 1, text.len - (size_t)(colon - text.ptr) - 1}));
	return line->key.len > 0;
}

static void read_client_key(const struct import_input *input, struct import_list *list,
			    struct import_settings *settings, const struct yaml_line *line)
{
	import_set_word(settings, words, line->key, line->value);
	if (span_equals(line->key, "client_id_cmd") || span_equals(line->key, "client_secret_cmd"))
		import_note(list, input->path,
			    "%.*s: not run: fill in client_id, and client_secret_command or "
			    "client_secret_file, by hand",
			    (int)line->key.len, line->key.ptr);
}

static void read_services(const struct import_input *input, struct import_list *list)
{
	struct scanner scan = scanner_over(input->bytes);
	struct import_settings *settings = NULL;
	struct yaml_line line;
	struct span text;
	bool inside = false;
	size_t depth = 0; /* of the services' names */

	while (scan_line(&scan, &text)) {
		if (!read_yaml_line(text, &line))
			continue;
		if (line.indent == 0) {
			inside = span_equals(line.key, "services");
			depth = 0;
		} else if (inside && (depth == 0 || line.indent <= depth)) {
			struct import_settings name = {0};

			depth = line.indent;
			settings = NULL;
			if (import_set(&name, IMPORT_USER, line.key))
				settings = import_defaults_add(list, &import_oama,
							       name.value[IMPORT_USER]);
			free(name.value[IMPORT_USER]);
		} else if (inside && settings != NULL) {
			read_client_key(input, list, settings, &line);
		}
	}
}

static void read_file(const struct import_input *input, struct import_list *list)
{
	if (input->json != NULL)
		read_account(input, list);
	else
		read_services(input, list);
}

static const char *const companions[] = {"~/.config/oama/config.yaml", NULL};

const struct import_format import_oama = {
	.program = "oama",
	.recognises = recognises,
	.read = read_file,
	.stop = "where a mail program runs \"oama access ADDRESS\" let it run: mailoauth token "
		"{account}",
	.companions = companions,
	.fallbacks = fallbacks,
};
