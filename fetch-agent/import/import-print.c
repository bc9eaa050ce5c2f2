/* SPDX-License-Identifier: MIT */
/*
 * import-print.c - a plan as sections of mailoauth.conf.
 *
 * The values come from somebody's file: none may begin a line of its own, so what holds a control
 * character is left out and noted, and so is what the grammar of our file would read differently.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

#define SECTION_NAME_MAX 36  /* "account " and this fit into a section's head */
#define LINE_MAX_BYTES	 150 /* of a value in one line; config.h says what is read */
#define KEY_WIDTH	 16

static const char *const key_names[IMPORT_KEY_COUNT] = {
	[IMPORT_HOST] = "host",
	[IMPORT_PORT] = "port",
	[IMPORT_TLS] = "tls",
	[IMPORT_CA_FILE] = "ca_file",
	[IMPORT_MECHANISM] = "mechanism",
	[IMPORT_USER] = "user",
	[IMPORT_PASSWORD_FILE] = "password_file",
	[IMPORT_PASSWORD_COMMAND] = "password_command",
	[IMPORT_FOLDER] = "folder",
	[IMPORT_SUBSCRIBED] = "subscribed",
	[IMPORT_TAKE] = "take",
	[IMPORT_MAX_SIZE] = "max_size",
	[IMPORT_MAX_MESSAGES] = "max_messages",
	[IMPORT_AFTER] = "after",
	[IMPORT_ON_REFUSED] = "on_refused",
	[IMPORT_DELIVER] = "deliver",
	[IMPORT_MDA_USER] = "mda_user",
	[IMPORT_RECIPIENT] = "recipient",
	[IMPORT_RECIPIENT_HEADER] = "recipient_header",
	[IMPORT_RECIPIENT_STRIP] = "recipient_strip",
	[IMPORT_RECIPIENT_DOMAINS] = "recipient_domains",
	[IMPORT_RECEIVED] = "received",
	[IMPORT_WATCH] = "watch",
	[IMPORT_INTERVAL] = "interval",
	[IMPORT_TIMEOUT] = "timeout",
};

/* Names ------------------------------------------------------------------------------------------
 */

static bool name_is_taken(const struct import_plan *plan, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++) {
		if (strcmp(plan->sources[i]->name, name) == 0)
			return true;
	}
	return false;
}

static void name_source(struct import_plan *plan, size_t at)
{
	struct import_source *source = plan->sources[at];
	char *wanted = xstrdup(source->name);
	size_t len = 0;

	for (const char *byte = wanted; *byte != '\0' && len < SECTION_NAME_MAX - 6; byte++) {
		unsigned char c = (unsigned char)*byte;

		if (c < 0x80 && (isalnum(c) || c == '.' || c == '_' || (c == '-' && len > 0)))
			wanted[len++] = (char)c;
		else if (len > 0 && wanted[len - 1] != '-')
			wanted[len++] = '-';
	}
	while (len > 0 && wanted[len - 1] == '-')
		len--;
	free(source->name);
	source->name = len > 0 ? xspandup((struct span){wanted, len}) : xstrdup("mail");
	for (int n = 2; name_is_taken(plan, at, source->name); n++) {
		free(source->name);
		source->name =
			xasprintf("%.*s-%d", len > 0 ? (int)len : 4, len > 0 ? wanted : "mail", n);
	}
	free(wanted);
}

/* Values -----------------------------------------------------------------------------------------
 */

/* A blank and a semicolon begin a comment. */
static bool value_can_stand(const char *value)
{
	for (const char *byte = value; *byte != '\0'; byte++) {
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			return false;
		if (*byte == ';' && (byte == value || byte[-1] == ' '))
			return false;
	}
	return value[0] != '\0' && value[0] != ' ' && value[strlen(value) - 1] != ' ';
}

/* Where a line may end: before a word that is read as part of the value. */
static size_t line_length(const char *value)
{
	size_t len = strlen(value), best = 0;

	if (len <= LINE_MAX_BYTES)
		return len;
	for (size_t i = 1; i <= LINE_MAX_BYTES; i++) {
		size_t word = strcspn(value + i + 1, " =:");

		if (value[i] == ' ' && strchr(";#[ =:", value[i + 1]) == NULL &&
		    value[i + 1 + word] != '=' && value[i + 1 + word] != ':')
			best = i;
	}
	return best;
}

static bool append_value(struct buffer *out, const char *value)
{
	size_t len;

	if (!value_can_stand(value))
		return false;
	while ((len = line_length(value)) > 0) {
		(void)buffer_append(out, value, len);
		(void)buffer_append_byte(out, '\n');
		value += len;
		if (*value == '\0')
			return true;
		value++; /* the blank, that an indented line stands for */
		(void)buffer_printf(out, "%*s", KEY_WIDTH + 3, "");
	}
	return false;
}

static void print_key(struct import_plan *plan, const struct import_source *source,
		      enum import_key key, struct buffer *out)
{
	struct buffer lines = BUFFER_INIT(65536);

	if (append_value(&lines, source->value[key]))
		(void)buffer_printf(out, "%-*s = %s", KEY_WIDTH, key_names[key],
				    buffer_cstr(&lines));
	else
		import_note(plan, source->line,
			    "%s: this value cannot stand in mailoauth.conf: add the key by hand",
			    key_names[key]);
	buffer_release(&lines);
}

/* Sections ---------------------------------------------------------------------------------------
 */

static void print_account(struct import_plan *plan, const struct import_source *source,
			  struct buffer *out)
{
	const char *provider = import_provider(source);

	(void)buffer_printf(out, "[account %s]\n", source->name);
	if (provider != NULL)
		(void)buffer_printf(out, "provider         = %s\n", provider);
	else
		(void)buffer_append_str(out, "; provider       = ; fill in: microsoft, google, or "
					     "custom with authorize_url and token_url\n");
	if (provider != NULL && strcmp(provider, "microsoft") == 0)
		(void)buffer_append_str(out,
					"; tenant         = ; fill in: contoso.example, or the "
					"directory (tenant) ID\n");
	(void)buffer_append_str(out, "; client_id      = ; fill in: of the application that you "
				     "registered, README.md says how\n");
	if (provider != NULL && strcmp(provider, "google") == 0)
		(void)buffer_append_str(out,
					"; client_secret_file = ; fill in: the client's secret "
					"in a file of mode 0640\n");
	if (source->user == NULL || !value_can_stand(source->user))
		(void)buffer_append_str(out,
					"; user           = ; fill in: the mailbox's address\n");
	else
		(void)buffer_printf(out, "user             = %s\n", source->user);
	(void)buffer_append_str(out, "use              = imap\n"
				     "allow            = mailoauth-fetch ; the user that "
				     "mailoauth-fetch runs as\n\n");
	import_note(plan, source->line,
		    "[account %s]: fill in what begins with a semicolon, then run: mailoauth "
		    "authorize %s",
		    source->name, source->name);
}

/* Who logs in with a password: from a file, unless a command gives it. */
static void decide_password(struct import_plan *plan, struct import_source *source,
			    const struct import_source *login)
{
	import_set(source, IMPORT_USER, source->user);
	if (source->value[IMPORT_PASSWORD_COMMAND] != NULL ||
	    source->value[IMPORT_PASSWORD_FILE] != NULL)
		return;
	if (login != source && login->value[IMPORT_PASSWORD_FILE] != NULL) {
		import_set(source, IMPORT_PASSWORD_FILE, login->value[IMPORT_PASSWORD_FILE]);
		return;
	}
	import_setf(source, IMPORT_PASSWORD_FILE, "/etc/mailoauth/%s.password", source->name);
	import_note(plan, source->line,
		    "password: it is not printed; run: install -m 0600 /dev/stdin %s   (type it, "
		    "then Ctrl-D)%s",
		    source->value[IMPORT_PASSWORD_FILE],
		    source->password.len > 0 ? ", or let --passwords DIR do it" : "");
}

static void print_source(struct import_plan *plan, size_t at, struct buffer *out)
{
	struct import_source *source = plan->sources[at];
	const struct import_source *login = import_login_of(plan, at);

	if (source->oauth && login == source)
		print_account(plan, source, out);
	if (!source->oauth)
		decide_password(plan, source, login);
	(void)buffer_printf(out, "[fetch %s]\n", source->name);
	if (source->oauth)
		(void)buffer_printf(out, "%-*s = %s\n", KEY_WIDTH, "account", login->name);
	for (enum import_key key = 0; key < IMPORT_KEY_COUNT; key++) {
		if (source->value[key] != NULL)
			print_key(plan, source, key, out);
	}
	if (source->value[IMPORT_DELIVER] == NULL)
		(void)buffer_append_str(out, "; deliver        = ; fill in: where the mail goes, "
					     "see mailoauth.conf(5)\n");
	(void)buffer_append_byte(out, '\n');
}

void import_name_sources(struct import_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		name_source(plan, i);
}

void import_print(struct import_plan *plan, struct buffer *out)
{
	for (size_t i = 0; i < plan->count; i++)
		print_source(plan, i, out);
}
