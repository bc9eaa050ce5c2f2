/* SPDX-License-Identifier: MIT */
/*
 * import-mutt.c - mutt_oauth2.py of mutt and neomutt: the token file (JSON, encrypted by default),
 * and the script itself, whose dictionary "registrations" has the clients.
 *
 * The time of expiry is the host's local time without a zone: it is not used. The script is Python;
 * of the dictionary we read string literals, and join those that stand side by side.
 */
#include <stdlib.h>
#include <string.h>

#include "token-helper/import/token-import.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

static const struct import_word words[] = {
	{IMPORT_CLIENT_ID, "client_id"},
	{IMPORT_TOKEN_URL, "token_endpoint"},
	{IMPORT_AUTHORIZE_URL, "authorize_endpoint"},
	{IMPORT_SCOPE, "scope"},
	{0},
};

static const struct import_fallback fallbacks[] = {
	{"google", "https://oauth2.googleapis.com/token"},
	{"microsoft", "https://login.microsoftonline.com/common/oauth2/v2.0/token"},
	{0},
};

static const char mark[] = "registrations";

static const char *find(struct span text, const char *word)
{
	return text.len > 0 ? memmem(text.ptr, text.len, word, strlen(word)) : NULL;
}

static bool recognises(const struct import_input *input)
{
	if (input->json != NULL)
		return json_has(input->json, "registration") &&
		       json_has(input->json, "refresh_token");
	return find(input->bytes, mark) != NULL && find(input->bytes, "'token_endpoint'") != NULL;
}

static void read_account(const struct import_input *input, struct import_list *list)
{
	struct import_account *account = import_account_add(list, &import_mutt, input->path);
	struct import_settings name = {0};

	if (account == NULL)
		return;
	(void)import_set_json(&account->settings, IMPORT_USER, input->json, "email");
	(void)import_set_json(&account->settings, IMPORT_CLIENT_ID, input->json, "client_id");
	(void)import_set_secret_json(&account->settings, input->json, "client_secret");
	if (import_set_json(&name, IMPORT_USER, input->json, "registration"))
		account->registration = name.value[IMPORT_USER];
	if (!import_set_token_json(account, input->json, "refresh_token"))
		import_note(list, input->path, "refresh_token is empty or no text");
}

/* The script -------------------------------------------------------------------------------------
 */

struct python {
	const char *at, *end;
};

/* A string literal, without escapes: what stands in URLs and identifiers has none. */
static bool read_string(struct python *python, struct span *out)
{
	char quote = *python->at;
	const char *end = memchr(python->at + 1, quote, (size_t)(python->end - python->at) - 1);

	if (end == NULL)
		return false;
	*out = (struct span){python->at + 1, (size_t)(end - python->at) - 1};
	python->at = end + 1;
	return true;
}

static void skip_line(struct python *python)
{
	const char *end = memchr(python->at, '\n', (size_t)(python->end - python->at));

	python->at = end != NULL ? end + 1 : python->end;
}

/* What the dictionary says between two colons: a key, and the value joined of its pieces. */
struct entry {
	struct span key;
	struct buffer value; /* may be a client's secret */
	bool has_value;
};

static void take_entry(struct import_settings *settings, struct entry *entry)
{
	if (entry->has_value)
		import_set_word(settings, words, entry->key, buffer_span(&entry->value));
	entry->has_value = false;
	buffer_clear(&entry->value);
}

static struct import_settings *begin_registration(struct import_list *list, struct span name)
{
	struct import_settings text = {0};
	struct import_settings *settings = NULL;

	if (import_set(&text, IMPORT_USER, name))
		settings = import_defaults_add(list, &import_mutt, text.value[IMPORT_USER]);
	free(text.value[IMPORT_USER]);
	return settings;
}

struct script {
	struct import_list *list;
	struct import_settings *settings; /* NULL: between registrations */
	struct entry entry;
	int depth; /* of braces */
};

static void take_string(struct script *script, struct span string, bool is_key)
{
	if (is_key) {
		script->entry.key = string;
		return;
	}
	(void)buffer_append_span(&script->entry.value, string);
	script->entry.has_value = true;
}

static void take_mark(struct script *script, char byte)
{
	if (byte == '{' && ++script->depth == 2)
		script->settings = begin_registration(script->list, script->entry.key);
	if ((byte == ',' || byte == '}') && script->settings != NULL)
		take_entry(script->settings, &script->entry);
	if (byte == '}' && script->depth-- == 2)
		script->settings = NULL;
}

/* A comma inside parentheses goes on with a tuple of strings, which nobody writes here. */
static void read_dictionary(struct script *script, struct python *python)
{
	bool value = false;

	do {
		struct span string;
		char byte = *python->at;

		if (byte == '#') {
			skip_line(python);
			continue;
		}
		if (byte == '\'' || byte == '"') {
			if (!read_string(python, &string))
				return;
			take_string(script, string, !value);
			continue;
		}
		value = byte == ':' || (value && strchr(",{}", byte) == NULL);
		take_mark(script, byte);
		python->at++;
	} while (python->at < python->end && script->depth > 0);
}

static void read_script(const struct import_input *input, struct import_list *list)
{
	const char *at = find(input->bytes, mark);
	struct python python = {at, input->bytes.ptr + input->bytes.len};
	struct script script = {
		.list = list,
		.entry = {.value = BUFFER_INIT_SECRET(IMPORT_TOKEN_MAX)},
	};

	while (python.at < python.end && *python.at != '{')
		python.at++;
	if (python.at < python.end)
		read_dictionary(&script, &python);
	buffer_release(&script.entry.value);
	if (script.depth != 0 || python.at >= python.end)
		import_note(list, input->path, "its registrations end before they should");
}

static void read_file(const struct import_input *input, struct import_list *list)
{
	if (input->json != NULL)
		read_account(input, list);
	else
		read_script(input, list);
}

const struct import_format import_mutt = {
	.program = "mutt_oauth2.py",
	.recognises = recognises,
	.read = read_file,
	.stop = "in muttrc, and wherever mutt_oauth2.py {file} is run, say instead: mailoauth "
		"token "
		"{account}",
	.fallbacks = fallbacks,
};
