/* SPDX-License-Identifier: MIT */
/*
 * cli-import-section.c - an account of another program as a section of mailoauth.conf.
 *
 * The values come from somebody's file: one that our grammar would read differently is left out and
 * noted. What is not known stands there as a comment to be filled in.
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/config.h"
#include "common/xalloc.h"
#include "token-helper/accounts/preset-guess.h"
#include "token-helper/cli-import.h"

#include "common/banned.h"

#define SECTION_MAX 16384
#define LINE_BYTES  150 /* of a value in one line; config.h says what is read */
#define KEY_WIDTH   18
#define QUEUE	    "/var/spool/postfix"

struct making {
	const struct import_account *account;
	struct import_list *list;
	struct import_section *section;
	struct preset_section *preset; /* NULL: none is known */
	char *tenant;
};

static const char *said(const struct making *at, enum import_key key)
{
	return at->account->settings.value[key];
}

/* A file's name may have line ends too: what follows one would be a key, or a section. */
static bool can_stand(const char *value)
{
	for (const char *byte = value; *byte != '\0'; byte++) {
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			return false;
		if (*byte == ';' && (byte == value || byte[-1] == ' '))
			return false;
	}
	return value[0] != '\0' && value[0] != '"' && value[0] != '\'';
}

/* A long value goes on in an indented line, for which its blank stands. */
static void put(const struct making *at, const char *key, const char *value)
{
	struct buffer *text = &at->section->text;
	size_t used = 0;

	if (!can_stand(value)) {
		import_note(at->list, at->account->file,
			    "%s: this value cannot stand in mailoauth.conf: add the key by hand",
			    key);
		return;
	}
	(void)buffer_printf(text, "%-*s = ", KEY_WIDTH, key);
	while (*value != '\0') {
		size_t word = strcspn(value + 1, " ") + 1;

		if (used > 0 && used + word > LINE_BYTES && *value == ' ') {
			(void)buffer_printf(text, "\n    ");
			value++;
			word--;
			used = 0;
		}
		(void)buffer_append(text, value, word);
		used += word;
		value += word;
	}
	(void)buffer_append_byte(text, '\n');
}

/* What nobody but a person knows. */
static void lack(const struct making *at, const char *key, const char *how)
{
	struct buffer *lacking = &at->section->lacking;

	(void)buffer_printf(&at->section->text, "; %-*s = ; fill in: %s\n", KEY_WIDTH - 2, key,
			    how);
	(void)buffer_printf(lacking, "%s%s", lacking->len > 0 ? ", " : "", key);
}

static void put_or_lack(const struct making *at, const char *key, enum import_key from,
			const char *how)
{
	if (said(at, from) != NULL)
		put(at, key, said(at, from));
	else
		lack(at, key, how);
}

static void put_if_said(const struct making *at, const char *key, enum import_key from)
{
	if (said(at, from) != NULL)
		put(at, key, said(at, from));
}

/* Parts ------------------------------------------------------------------------------------------
 */

static void put_provider(const struct making *at)
{
	put(at, "provider", at->section->provider);
	if (at->preset != NULL) {
		if (at->tenant != NULL)
			put(at, "tenant", at->tenant);
		if (words_contain(&at->preset->needs, "redirect"))
			put_or_lack(at, "redirect", IMPORT_REDIRECT,
				    "the redirect URI that is registered");
		return;
	}
	lack(at, "issuer", "the authorization server's issuer, https://...");
	put_if_said(at, "authorize_url", IMPORT_AUTHORIZE_URL);
	put_or_lack(at, "token_url", IMPORT_TOKEN_URL, "the token endpoint");
}

static void put_client(const struct cli *cli, const struct making *at)
{
	const char *slash = strrchr(cli->config, '/');
	bool has_secret = at->account->settings.client_secret.len > 0;

	put_or_lack(at, "client_id", IMPORT_CLIENT_ID,
		    "of the registration that the old program used: see --with in mailoauth(1)");
	if (!has_secret && at->preset != NULL &&
	    words_contain(&at->preset->needs, "client_secret_file"))
		lack(at, "client_secret_file", "a file of mode 0600 with the client's secret");
	if (!has_secret)
		return;
	at->section->secret_file =
		xasprintf("%.*s/%s.secret", slash != NULL ? (int)(slash - cli->config) : 1,
			  slash != NULL ? cli->config : ".", at->account->name);
	put(at, "client_secret_file", at->section->secret_file);
}

/* Which of smtp, imap and pop the scopes are for; what the program is for where they do not say. */
static void put_use(const struct making *at, struct words *use)
{
	struct words scope = {0};
	struct buffer text = BUFFER_INIT(64);

	words_split(said(at, IMPORT_SCOPE) != NULL ? said(at, IMPORT_SCOPE) : "", &scope);
	for (int i = 0; at->preset != NULL && i < SERVICE_COUNT; i++) {
		const char *word = at->preset->service_scope[i];

		if (word != NULL && words_contain(&scope, word) &&
		    (i == SERVICE_SMTP || !at->account->format->has_alias))
			(void)buffer_printf(&text, "%s%s", text.len > 0 ? " " : "",
					    service_names[i]);
	}
	if (text.len == 0)
		(void)buffer_append_str(&text,
					at->account->format->has_alias ? "smtp" : "smtp imap");
	put(at, "use", buffer_cstr(&text));
	words_split(buffer_cstr(&text), use);
	buffer_release(&text);
	words_release(&scope);
}

static void put_hosts(const struct making *at, const struct words *use)
{
	for (int i = 0; i < SERVICE_COUNT; i++) {
		char *key = xasprintf("%s_host", service_names[i]);

		if (words_contain(use, service_names[i]) &&
		    (at->preset == NULL || at->preset->settings.hosts[i].count == 0))
			lack(at, key, "the server's name");
		free(key);
	}
}

/* Who asked for the old program's tokens: Postfix, and the user whose file it is. */
static void put_allow(const struct making *at, const struct words *use)
{
	struct buffer text = BUFFER_INIT(256);
	struct passwd *owner;
	struct stat st;

	if (words_contain(use, "smtp") && getpwnam("postfix") != NULL)
		(void)buffer_append_str(&text, "postfix");
	owner = stat(at->account->file, &st) == 0 && st.st_uid != 0 ? getpwuid(st.st_uid) : NULL;
	if (owner != NULL && strcmp(owner->pw_name, "postfix") != 0)
		(void)buffer_printf(&text, "%s%s", text.len > 0 ? " " : "", owner->pw_name);
	put(at, "allow", text.len > 0 ? buffer_cstr(&text) : "root");
	buffer_release(&text);
}

/* A refresh may ask for what was consented to and no more (RFC 6749 6), so the old scope stays. */
static void put_scope(const struct making *at)
{
	struct words scope = {0};

	words_split(said(at, IMPORT_SCOPE) != NULL ? said(at, IMPORT_SCOPE) : "", &scope);
	if (scope.count > 0)
		put(at, "scope", said(at, IMPORT_SCOPE));
	else if (at->preset == NULL)
		lack(at, "scope", "the permissions that the old program asked for");
	if (scope.count > 0 && !words_contain(&scope, "openid") && said(at, IMPORT_GRANT) == NULL) {
		put(at, "verify_identity", "no");
		import_note(at->list, at->account->file,
			    "scope, verify_identity: as the old consent was, which did not say who "
			    "signed in; take both lines out before the next mailoauth authorize "
			    "%s, and it is checked again",
			    at->account->name);
	}
	words_release(&scope);
}

/* The path as it stands in sasl_passwd: in a chroot it begins at the jail. */
static void put_alias(const struct making *at)
{
	const char *path = at->account->file;
	size_t jail = strlen(QUEUE);
	char *both;

	if (!at->account->format->has_alias || path[0] != '/' || strpbrk(path, " \t,") != NULL)
		return;
	both = strncmp(path, QUEUE "/", jail + 1) == 0 ? xasprintf("%s %s", path, path + jail)
						       : xstrdup(path);
	put(at, "alias", both);
	free(both);
}

static void make_section(const struct cli *cli, const struct making *at)
{
	struct words use = {0};

	(void)buffer_printf(&at->section->text, "[account %s]\n", at->account->name);
	put_provider(at);
	put_if_said(at, "grant", IMPORT_GRANT);
	put_client(cli, at);
	put_or_lack(at, "user", IMPORT_USER, "the mail address; or say --user ADDRESS");
	put_use(at, &use);
	put_hosts(at, &use);
	put_allow(at, &use);
	put_scope(at);
	put_alias(at);
	put_if_said(at, "proxy", IMPORT_PROXY);
	put_if_said(at, "ca_file", IMPORT_CA_FILE);
	words_release(&use);
}

void import_section_make(const struct cli *cli, struct import_list *list,
			 const struct import_account *account, struct import_section *section)
{
	struct making at = {.account = account, .list = list, .section = section};
	const char *grant = said(&at, IMPORT_GRANT);

	*section = (struct import_section){.text = BUFFER_INIT(SECTION_MAX),
					   .lacking = BUFFER_INIT(1024)};
	if (said(&at, IMPORT_TOKEN_URL) != NULL)
		at.preset = preset_guess(cli->config, said(&at, IMPORT_TOKEN_URL),
					 grant != NULL ? grant : "authorization_code",
					 said(&at, IMPORT_SCOPE), &at.tenant);
	section->provider = xstrdup(at.preset != NULL ? at.preset->name : "custom");
	make_section(cli, &at);
	if (at.preset != NULL)
		preset_section_free(at.preset);
	free(at.tenant);
}

void import_section_release(struct import_section *section)
{
	buffer_release(&section->text);
	buffer_release(&section->lacking);
	free(section->secret_file);
	free(section->provider);
}
