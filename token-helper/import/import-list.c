/* SPDX-License-Identifier: MIT */
/* import-list.c - see import-list.h. */
#include "token-helper/import/import-list.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/import/token-import.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define NAME_BYTES 30 /* of a section's name; room is left for "-2" */
#define NOTE_MAX   1024

void import_list_init(struct import_list *list)
{
	*list = (struct import_list){.notes = BUFFER_INIT(IMPORT_NOTES_MAX)};
}

static void settings_init(struct import_settings *settings)
{
	*settings = (struct import_settings){.client_secret = BUFFER_INIT_SECRET(IMPORT_TOKEN_MAX)};
}

static void settings_release(struct import_settings *settings)
{
	for (size_t i = 0; i < IMPORT_KEY_COUNT; i++)
		free(settings->value[i]);
	buffer_release(&settings->client_secret);
}

void import_list_release(struct import_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct import_account *account = list->accounts[i];

		settings_release(&account->settings);
		buffer_release(&account->refresh_token);
		free(account->file);
		free(account->name);
		free(account->registration);
		free(account);
	}
	for (size_t i = 0; i < list->defaults_count; i++) {
		settings_release(&list->defaults[i]->settings);
		free(list->defaults[i]->registration);
		free(list->defaults[i]);
	}
	free(list->accounts);
	free(list->defaults);
	buffer_release(&list->notes);
}

/* What a file or its name says never reaches the terminal as a command to it. */
static void append_visible(struct buffer *to, const char *text)
{
	for (; *text != '\0'; text++) {
		bool visible = (unsigned char)*text >= ' ' && *text != 0x7f;

		(void)buffer_append_byte(to, visible ? *text : '?');
	}
}

void import_note(struct import_list *list, const char *file, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append_visible(&list->notes, file);
	(void)buffer_append_str(&list->notes, ": ");
	append_visible(&list->notes, text);
	(void)buffer_append_byte(&list->notes, '\n');
}

struct import_account *import_account_add(struct import_list *list,
					  const struct import_format *format, const char *file)
{
	struct import_account *account;

	if (list->count == IMPORT_ACCOUNTS_MAX) {
		import_note(list, file, "there are more than %d accounts: import the rest alone",
			    IMPORT_ACCOUNTS_MAX);
		return NULL;
	}
	account = xcalloc(1, sizeof(*account));
	account->format = format;
	account->file = xstrdup(file);
	account->refresh_token = (struct buffer)BUFFER_INIT_SECRET(IMPORT_TOKEN_MAX);
	settings_init(&account->settings);
	list->accounts = xgrow(list->accounts, list->count, sizeof(list->accounts[0]));
	list->accounts[list->count++] = account;
	return account;
}

struct import_settings *import_defaults_add(struct import_list *list,
					    const struct import_format *format,
					    const char *registration)
{
	struct import_defaults *defaults = xcalloc(1, sizeof(*defaults));

	defaults->format = format;
	defaults->registration = xstrdup(registration);
	settings_init(&defaults->settings);
	list->defaults = xgrow(list->defaults, list->defaults_count, sizeof(list->defaults[0]));
	list->defaults[list->defaults_count++] = defaults;
	return &defaults->settings;
}

/* Values -----------------------------------------------------------------------------------------
 */

static bool is_line(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.ptr[i];

		if (byte < ' ' || byte == 0x7f)
			return false;
	}
	return value.len > 0;
}

bool import_set(struct import_settings *settings, enum import_key key, struct span value)
{
	while (value.len > 0 && value.ptr[0] == ' ')
		value = (struct span){value.ptr + 1, value.len - 1};
	while (value.len > 0 && value.ptr[value.len - 1] == ' ')
		value.len--;
	if (value.len > IMPORT_TEXT_MAX || !is_line(value))
		return false;
	free(settings->value[key]);
	settings->value[key] = xspandup(value);
	return true;
}

static bool set_hidden(struct buffer *to, struct span value)
{
	return value.len <= to->max && is_line(value) && buffer_set(to, value.ptr, value.len);
}

bool import_set_secret(struct import_settings *settings, struct span secret)
{
	return set_hidden(&settings->client_secret, secret);
}

bool import_set_token(struct import_account *account, struct span token)
{
	return set_hidden(&account->refresh_token, token);
}

bool import_set_json(struct import_settings *settings, enum import_key key,
		     struct json_object *json, const char *member)
{
	struct span value;

	return json_get_string(json, member, &value) && import_set(settings, key, value);
}

bool import_set_secret_json(struct import_settings *settings, struct json_object *json,
			    const char *member)
{
	struct span value;

	return json_get_string(json, member, &value) && import_set_secret(settings, value);
}

bool import_set_token_json(struct import_account *account, struct json_object *json,
			   const char *member)
{
	struct span value;

	return json_get_string(json, member, &value) && import_set_token(account, value);
}

void import_set_word(struct import_settings *settings, const struct import_word *words,
		     struct span word, struct span value)
{
	for (size_t i = 0; words[i].word != NULL; i++) {
		if (span_equals(word, words[i].word))
			(void)import_set(settings, words[i].key, value);
	}
	if (span_equals(word, "client_secret"))
		(void)import_set_secret(settings, value);
}

void import_set_members(struct import_settings *settings, const struct import_word *words,
			struct json_object *json)
{
	for (size_t i = 0; words[i].word != NULL; i++)
		(void)import_set_json(settings, words[i].key, json, words[i].word);
	(void)import_set_secret_json(settings, json, "client_secret");
}

/* Completing -------------------------------------------------------------------------------------
 */

/* Google gave its token endpoint several names in time; tokens of one are good at the others. */
static const char *const google_endpoints[] = {
	"https://accounts.google.com/o/oauth2/token",
	"https://www.googleapis.com/oauth2/v3/token",
	"https://www.googleapis.com/oauth2/v4/token",
};

static void rename_endpoint(struct import_settings *settings)
{
	const char *url = settings->value[IMPORT_TOKEN_URL];

	for (size_t i = 0; i < sizeof(google_endpoints) / sizeof(google_endpoints[0]); i++) {
		if (url != NULL && strcmp(url, google_endpoints[i]) == 0) {
			(void)import_set(settings, IMPORT_TOKEN_URL,
					 span_from_str("https://oauth2.googleapis.com/token"));
			return;
		}
	}
}

static void fill(struct import_settings *settings, const struct import_settings *from)
{
	for (size_t i = 0; i < IMPORT_KEY_COUNT; i++) {
		if (settings->value[i] == NULL)
			settings->value[i] = xstrdup(from->value[i]);
	}
	/* A secret belongs to its client. */
	if (settings->client_secret.len == 0 && settings->value[IMPORT_CLIENT_ID] != NULL &&
	    from->value[IMPORT_CLIENT_ID] != NULL &&
	    strcmp(settings->value[IMPORT_CLIENT_ID], from->value[IMPORT_CLIENT_ID]) == 0)
		(void)buffer_append_span(&settings->client_secret,
					 buffer_span(&from->client_secret));
}

static void fill_account(const struct import_list *list, struct import_account *account)
{
	for (size_t i = 0; i < list->defaults_count; i++) {
		const struct import_defaults *defaults = list->defaults[i];

		if (defaults->format == account->format &&
		    (defaults->registration == NULL ||
		     (account->registration != NULL &&
		      strcmp(defaults->registration, account->registration) == 0)))
			fill(&account->settings, &defaults->settings);
	}
}

static void fill_fallback(struct import_account *account)
{
	const struct import_fallback *fallback = account->format->fallbacks;

	for (; fallback != NULL && fallback->registration != NULL; fallback++) {
		if (account->settings.value[IMPORT_TOKEN_URL] == NULL &&
		    account->registration != NULL &&
		    strcmp(fallback->registration, account->registration) == 0)
			(void)import_set(&account->settings, IMPORT_TOKEN_URL,
					 span_from_str(fallback->token_url));
	}
}

static bool is_taken(const struct import_list *list, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++) {
		if (strcmp(list->accounts[i]->name, name) == 0)
			return true;
	}
	return false;
}

/* "relay" of relay@contoso.example, "tokens" of /etc/tokens. */
static struct span name_source(const struct import_account *account)
{
	const char *user = account->settings.value[IMPORT_USER];
	const char *slash = strrchr(account->file, '/');
	const char *text = user != NULL ? user : slash != NULL ? slash + 1 : account->file;
	size_t len = strcspn(text, "@");

	return (struct span){text, len > 0 ? len : strlen(text)};
}

static void name_account(struct import_list *list, size_t at)
{
	struct import_account *account = list->accounts[at];
	struct span wanted = name_source(account);
	char name[NAME_BYTES + 1];
	size_t len = 0;

	for (size_t i = 0; i < wanted.len && len < NAME_BYTES; i++) {
		unsigned char byte = (unsigned char)wanted.ptr[i];

		if (byte < 0x80 && (isalnum(byte) || ((byte == '.' || byte == '_') && len > 0)))
			name[len++] = (char)byte;
		else if (len > 0 && name[len - 1] != '-')
			name[len++] = '-';
	}
	while (len > 0 && name[len - 1] == '-')
		len--;
	name[len] = '\0';
	account->name = xstrdup(len > 0 ? name : "mail");
	for (int n = 2; is_taken(list, at, account->name); n++) {
		free(account->name);
		account->name = xasprintf("%s-%d", len > 0 ? name : "mail", n);
	}
}

void import_list_complete(struct import_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		fill_account(list, list->accounts[i]);
		fill_fallback(list->accounts[i]);
		rename_endpoint(&list->accounts[i]->settings);
		if (list->accounts[i]->format->complete != NULL)
			list->accounts[i]->format->complete(list->accounts[i]);
		if (list->accounts[i]->name == NULL)
			name_account(list, i);
	}
}
