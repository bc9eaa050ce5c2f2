/* SPDX-License-Identifier: MIT */
/*
 * cli-guide.c - `mailoauth guide`: what to click at a provider and what to write into a program's
 * configuration, with the values of an account filled in.
 *
 * Guides are data (guides/NAME.txt): lines "key: value" up to an empty one, then the text. In the
 * text {account} and its like stand for values; those of an example where no account is named.
 */
#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon-command.h"
#include "common/nearest.h"
#include "common/scanner.h"
#include "common/xalloc.h"
#include "token-helper/accounts/preset.h"
#include "token-helper/cli-shelf.h"
#include "token-helper/cli-status.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

struct guide {
	struct shelf shelf;
	struct buffer text; /* as it stands in the file */
	struct span body;
};

/* What may stand in braces. */
enum value {
	VALUE_ACCOUNT,
	VALUE_USER,
	VALUE_TENANT,
	VALUE_CLIENT_ID,
	VALUE_REDIRECT,
	VALUE_SMTP_HOST,
	VALUE_IMAP_HOST,
	VALUE_POP_HOST,
	VALUE_COUNT,
};

static const struct {
	const char *mark;
	const char *member;  /* of the daemon's status; NULL: see fill_hosts() */
	const char *example; /* where neither an account nor a preset says it */
} values[VALUE_COUNT] = {
	[VALUE_ACCOUNT] = {"{account}", "account", "relay"},
	[VALUE_USER] = {"{user}", "user", "relay@contoso.example"},
	[VALUE_TENANT] = {"{tenant}", "tenant", "99999999-8888-7777-6666-555555555555"},
	[VALUE_CLIENT_ID] = {"{client_id}", "client_id", "11111111-2222-3333-4444-555555555555"},
	[VALUE_REDIRECT] = {"{redirect}", "redirect", "http://127.0.0.1"},
	[VALUE_SMTP_HOST] = {"{smtp_host}", NULL, "smtp.office365.com"},
	[VALUE_IMAP_HOST] = {"{imap_host}", NULL, "outlook.office365.com"},
	[VALUE_POP_HOST] = {"{pop_host}", NULL, "outlook.office365.com"},
};

/* Guides -----------------------------------------------------------------------------------------
 */

/* The value of key in the head; empty: it is not there. *body_out: what follows the head. */
static struct span head_value(struct span text, const char *key, struct span *body_out)
{
	struct scanner scan = scanner_over(text);
	struct span found = {"", 0}, line;
	size_t len = strlen(key);

	while (scan_line(&scan, &line) && line.len > 0) {
		if (line.len > len + 1 && memcmp(line.ptr, key, len) == 0 && line.ptr[len] == ':')
			found = (struct span){line.ptr + len + 2, line.len - len - 2};
	}
	if (body_out != NULL)
		*body_out = (struct span){scan.cur, scanner_left(&scan)};
	return found;
}

static enum outcome guide_read(struct guide *guide, const char *name, struct err *err)
{
	enum outcome what;

	buffer_clear(&guide->text);
	what = shelf_read(&guide->shelf, name, &guide->text, err);
	(void)head_value(buffer_span(&guide->text), "title", &guide->body);
	return what;
}

static bool covers(struct guide *guide, const char *name)
{
	struct words words = {0};
	char *text = xspandup(head_value(buffer_span(&guide->text), "presets", NULL));
	bool yes;

	words_split(text, &words);
	yes = words_contain(&words, name);
	words_release(&words);
	free(text);
	return yes;
}

static enum outcome no_guide(const struct words *names, const char *name, struct err *err)
{
	const char *nearest = nearest_word(names, name);

	if (nearest != NULL)
		return err_set(err, OUTCOME_CONFIG, "there is no guide %s; run: mailoauth guide %s",
			       name, nearest);
	return err_set(err, OUTCOME_CONFIG,
		       "there is no guide %s; to see which there are run: mailoauth guide", name);
}

/* The guide of that name, or the one that covers the provider of that name. *unknown_out: there is
 * none, though others are. */
static enum outcome guide_find(struct guide *guide, const char *name, bool *unknown_out,
			       struct err *err)
{
	struct words names = {0};
	struct err ignored;
	bool found = guide_read(guide, name, err) == OUTCOME_OK;

	shelf_list(&guide->shelf, &names);
	if (names.count == 0)
		return shelf_is_empty(&guide->shelf, err);
	for (size_t i = 0; i < names.count && !found; i++)
		found = guide_read(guide, names.word[i], &ignored) == OUTCOME_OK &&
			covers(guide, name);
	*unknown_out = !found;
	if (!found)
		(void)no_guide(&names, name, err);
	words_release(&names);
	return found ? OUTCOME_OK : OUTCOME_CONFIG;
}

static enum cli_exit list_guides(struct guide *guide)
{
	struct words names = {0};
	struct err none;

	shelf_list(&guide->shelf, &names);
	if (names.count == 0)
		return cli_report(cli_exit_of(shelf_is_empty(&guide->shelf, &none)), none.text);
	for (size_t i = 0; i < names.count; i++) {
		struct err err;
		struct span title, verified;

		if (guide_read(guide, names.word[i], &err) != OUTCOME_OK)
			continue;
		title = head_value(buffer_span(&guide->text), "title", NULL);
		verified = head_value(buffer_span(&guide->text), "verified", NULL);
		(void)printf("%-16s %.*s  %.*s\n", names.word[i], (int)verified.len, verified.ptr,
			     (int)title.len, title.ptr);
	}
	(void)puts("\nOne of them: mailoauth guide NAME [--account ACCOUNT]");
	words_release(&names);
	return CLI_OK;
}

/* Values -----------------------------------------------------------------------------------------
 */

static void set_value(char *filled[VALUE_COUNT], enum value value, const char *text)
{
	if (text == NULL)
		return;
	free(filled[value]);
	filled[value] = xstrdup(text);
}

/* The first host of each service that the account is used for. */
static void fill_hosts(struct json_object *account, char *filled[VALUE_COUNT])
{
	static const struct {
		const char *service;
		enum value value;
	} hosts[] = {{"smtp", VALUE_SMTP_HOST}, {"imap", VALUE_IMAP_HOST}, {"pop", VALUE_POP_HOST}};
	struct json_object *list = json_member_array(account, "services");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *service = cli_json_string(one, "service");
		struct json_object *names = json_member_array(one, "hosts");
		struct json_object *first =
			names != NULL ? json_object_array_get_idx(names, 0) : NULL;

		for (size_t k = 0; service != NULL && k < 3; k++) {
			if (strcmp(hosts[k].service, service) == 0 &&
			    json_object_is_type(first, json_type_string))
				set_value(filled, hosts[k].value, json_object_get_string(first));
		}
	}
}

static const char *first_word(const struct words *words)
{
	return words->count > 0 ? words->word[0] : NULL;
}

static void fill_from_preset(const struct cli *cli, const char *name, char *filled[VALUE_COUNT])
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct words dirs = {0};
	struct preset_section *preset;
	char *path;

	preset_dirs(cli->config, NULL, &dirs);
	path = preset_find(&dirs, name);
	if (path != NULL) {
		preset = preset_read(name, path, &problems);
		set_value(filled, VALUE_REDIRECT, first_word(&preset->settings.redirects));
		set_value(filled, VALUE_SMTP_HOST,
			  first_word(&preset->settings.hosts[SERVICE_SMTP]));
		set_value(filled, VALUE_IMAP_HOST,
			  first_word(&preset->settings.hosts[SERVICE_IMAP]));
		set_value(filled, VALUE_POP_HOST, first_word(&preset->settings.hosts[SERVICE_POP]));
		preset_section_free(preset);
	}
	config_problems_release(&problems);
	words_release(&dirs);
	free(path);
}

/* *provider_out: the account's, to be freed. */
static enum cli_exit fill_from_account(const struct cli *cli, char *filled[VALUE_COUNT],
				       char **provider_out)
{
	struct json_object *status = NULL;
	struct json_object *list;
	struct cli asking = *cli;
	struct err err = ERR_INIT;
	enum cli_exit exit;

	asking.account = cli->only; /* the operand is the guide's name */
	exit = status_ask(&asking, &status, &err);
	if (exit != CLI_OK)
		return cli_report(exit, err.text);
	list = json_member_array(status, "accounts");
	exit = CLI_CONFIG;
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = cli_json_string(one, "account");

		if (name == NULL || strcmp(name, cli->only) != 0 ||
		    cli_json_string(one, "user") == NULL) /* a grant without a section */
			continue;
		exit = CLI_OK;
		*provider_out = xstrdup(cli_json_string(one, "provider"));
		if (*provider_out != NULL)
			fill_from_preset(cli, *provider_out, filled);
		for (int v = 0; v < VALUE_SMTP_HOST; v++)
			set_value(filled, (enum value)v, cli_json_string(one, values[v].member));
		fill_hosts(one, filled);
	}
	json_object_put(status);
	if (exit != CLI_OK) {
		(void)err_set(&err, OUTCOME_CONFIG, "account %s: there is no [account %s]",
			      cli->only, cli->only);
		return cli_report(exit, err.text);
	}
	return CLI_OK;
}

static void print_filled(struct span body, char *const filled[VALUE_COUNT])
{
	while (body.len > 0) {
		size_t used = 1;

		for (int v = 0; v < VALUE_COUNT && body.ptr[0] == '{'; v++) {
			size_t len = strlen(values[v].mark);

			if (body.len >= len && memcmp(body.ptr, values[v].mark, len) == 0) {
				text_print(stdout,
					   filled[v] != NULL ? filled[v] : values[v].example);
				used = len;
				break;
			}
		}
		if (used == 1)
			(void)fputc(body.ptr[0], stdout);
		body.ptr += used;
		body.len -= used;
	}
}

static void print_body(struct span body, char *const filled[VALUE_COUNT])
{
	struct buffer ours = BUFFER_INIT(SHELF_TEXT_MAX);

	daemon_commands_append(&ours, body, machine_has_systemd());
	print_filled(buffer_span(&ours), filled);
	buffer_release(&ours);
}

/* All of it --------------------------------------------------------------------------------------
 */

static enum cli_exit print_guide(const struct cli *cli, struct guide *guide, const char *name,
				 char *filled[VALUE_COUNT])
{
	struct err err = ERR_INIT;
	bool unknown = false;
	enum outcome what = guide_find(guide, name, &unknown, &err);
	struct span title, verified, app_only = {"", 0};
	char *other = NULL;

	if (what == OUTCOME_OK && cli->app_only) {
		app_only = head_value(buffer_span(&guide->text), "app-only", NULL);
		other = xspandup(app_only);
		if (app_only.len == 0)
			what = err_set(&err, OUTCOME_CONFIG,
				       "%s knows no other way than this one: leave --app-only out",
				       name);
		else
			what = guide_find(guide, other, &unknown, &err);
	}
	if (what == OUTCOME_OK) {
		if (cli->only == NULL)
			fill_from_preset(cli, other != NULL ? other : name, filled);
		title = head_value(buffer_span(&guide->text), "title", NULL);
		verified = head_value(buffer_span(&guide->text), "verified", NULL);
		(void)printf("%.*s (last verified %.*s)\n\n", (int)title.len, title.ptr,
			     (int)verified.len, verified.ptr);
		print_body(guide->body, filled);
	}
	free(other);
	if (what == OUTCOME_OK)
		return CLI_OK;
	return cli_report(unknown ? CLI_USAGE : cli_exit_of(what), err.text);
}

enum cli_exit cli_guide(const struct cli *cli)
{
	struct guide guide = {.shelf = shelf_guides(cli->config),
			      .text = BUFFER_INIT(SHELF_TEXT_MAX)};
	char *filled[VALUE_COUNT] = {0};
	char *provider = NULL;
	enum cli_exit exit = CLI_OK;

	if (cli->only != NULL)
		exit = fill_from_account(cli, filled, &provider);
	if (exit == CLI_OK && cli->account == NULL && provider == NULL)
		exit = list_guides(&guide);
	else if (exit == CLI_OK)
		exit = print_guide(cli, &guide, cli->account != NULL ? cli->account : provider,
				   filled);
	for (int v = 0; v < VALUE_COUNT; v++)
		free(filled[v]);
	free(provider);
	buffer_release(&guide.text);
	return exit;
}
