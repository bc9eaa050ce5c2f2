/* SPDX-License-Identifier: MIT */
/*
 * cli-import.c - `mailoauth import`: accounts of other programs, their grants handed to the daemon.
 *
 * The refresh token goes from the file to the socket in secret buffers, by the way of a restored
 * backup. The access token stays where it is: the first refresh shows at once whether the grant is
 * good, and starts the clock that the source seldom knows.
 */
#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/daemon-command.h"
#include "common/xalloc.h"
#include "token-helper/cli-grant.h"
#include "token-helper/cli-import.h"
#include "token-helper/cli-status.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/store/store.h"

#include "common/banned.h"

#define SECTIONS_MAX	   2097152
#define GRANT_BYTES	   524288
#define RELOAD_TIMEOUT_MS  20000
#define REFRESH_TIMEOUT_MS 90000

/* One account on its way. */
struct moving {
	struct import_account *account;
	struct import_section section;
	bool configured; /* the daemon knows an account of that name */
	const char *result;
	char expires[CLOCK_TEXT_MAX]; /* of the first access token of ours; "": there is none */
};

struct import {
	const struct cli *cli;
	struct import_list list;
	struct moving *moving; /* list.count of them */
	bool daemon;	       /* it answers */
	FILE *out;	       /* for people; NULL: --json */
};

#define SAY(import, ...)                                                                           \
	do {                                                                                       \
		if ((import)->out != NULL)                                                         \
			(void)fprintf((import)->out, __VA_ARGS__);                                 \
	} while (0)

/* Planning ---------------------------------------------------------------------------------------
 */

static void note_failure(enum cli_exit *first, enum cli_exit exit)
{
	if (*first == CLI_OK)
		*first = exit;
}

/* --account and --user are said of one. */
static enum cli_exit take_options(struct import *import)
{
	const struct cli *cli = import->cli;
	struct import_account *account = import->list.count == 1 ? import->list.accounts[0] : NULL;

	if (cli->only == NULL && cli->user == NULL)
		return CLI_OK;
	if (account == NULL)
		return cli_report(CLI_USAGE, "--account and --user are for a file with one "
					     "account; this has several");
	if (cli->user != NULL &&
	    !import_set(&account->settings, IMPORT_USER, span_from_str(cli->user)))
		return cli_report(CLI_USAGE, "--user is no address");
	if (cli->only != NULL) {
		free(account->name);
		account->name = xstrdup(cli->only);
	}
	return CLI_OK;
}

/* A grant without a section: the name is free. */
static bool is_unconfigured(struct json_object *account)
{
	const char *state = cli_json_string(account, "state");

	return state != NULL && strcmp(state, "unconfigured") == 0;
}

static struct json_object *find_status(struct json_object *status, const char *name)
{
	struct json_object *list = status != NULL ? json_member_array(status, "accounts") : NULL;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *its = cli_json_string(one, "account");

		if (its != NULL && strcmp(its, name) == 0 && !is_unconfigured(one))
			return one;
	}
	return NULL;
}

/* An account of that name that is somebody else's, or may be, must not get this grant. */
static enum cli_exit match(const struct import *import, struct moving *one,
			   struct json_object *status)
{
	struct json_object *known = find_status(status, one->account->name);
	const char *user = one->account->settings.value[IMPORT_USER];
	const char *theirs = known != NULL ? cli_json_string(known, "user") : NULL;
	struct err err = ERR_INIT;

	one->configured = known != NULL;
	if (known == NULL || (theirs != NULL && user != NULL && strcasecmp(theirs, user) == 0) ||
	    (user == NULL && import->cli->only != NULL))
		return CLI_OK;
	one->result = "name-taken";
	if (user == NULL || theirs == NULL)
		(void)err_set(&err, OUTCOME_CONFIG,
			      "%s: does not say whose it is, and [account %s] exists: if it is "
			      "that one's, say --account %s",
			      one->account->file, one->account->name, one->account->name);
	else
		(void)err_set(&err, OUTCOME_CONFIG,
			      "%s: [account %s] exists and is %s's, this is %s's: say --account "
			      "NAME with another name",
			      one->account->file, one->account->name, theirs, user);
	return cli_report(CLI_CONFIG, err.text);
}

static enum cli_exit plan(struct import *import)
{
	struct json_object *status = NULL;
	struct err err = ERR_INIT;
	enum cli_exit first = CLI_OK;

	import->daemon = status_ask(import->cli, &status, &err) == CLI_OK;
	if (!import->daemon)
		(void)import_note(&import->list, "mailoauthd", "%s", err.text);
	import->moving = xcalloc(import->list.count, sizeof(import->moving[0]));
	for (size_t i = 0; i < import->list.count; i++) {
		struct moving *one = &import->moving[i];

		one->account = import->list.accounts[i];
		note_failure(&first, match(import, one, status));
		import_section_make(import->cli, &import->list, one->account, &one->section);
	}
	json_object_put(status);
	return first;
}

/* Showing ----------------------------------------------------------------------------------------
 */

static void show(const struct import *import, const struct moving *one)
{
	const struct import_account *account = one->account;
	bool has_token = account->refresh_token.len > 0;

	SAY(import, "# %s: ", account->format->program);
	if (import->out != NULL)
		text_print(import->out, account->file);
	SAY(import, "%s\n",
	    has_token					    ? ", with a refresh token"
	    : account->settings.value[IMPORT_GRANT] != NULL ? ", needs nobody to sign in"
							    : ", without a refresh token");
	if (one->configured)
		SAY(import, "# [account %s] is configured already\n\n", account->name);
	else if (import->out != NULL)
		(void)fprintf(import->out, "%s\n", buffer_cstr(&one->section.text));
}

static void show_all(const struct import *import)
{
	for (size_t i = 0; i < import->list.count; i++)
		show(import, &import->moving[i]);
	if (import->out != NULL && import->list.notes.len > 0) {
		(void)fflush(import->out);
		(void)fwrite(import->list.notes.data, 1, import->list.notes.len, stderr);
	}
}

/* {account} and {file} in the format's advice. */
static void say_stop(const struct import *import, const struct import_account *account)
{
	const char *at = account->format->stop;

	SAY(import, "  two programs that refresh one grant log each other out: ");
	while (*at != '\0') {
		size_t len = strcspn(at, "{");

		SAY(import, "%.*s", (int)len, at);
		at += len;
		if (strncmp(at, "{account}", 9) == 0) {
			SAY(import, "%s", account->name);
			at += 9;
		} else if (strncmp(at, "{file}", 6) == 0) {
			if (import->out != NULL)
				text_print(import->out, account->file);
			at += 6;
		} else if (*at != '\0') {
			SAY(import, "%c", *at++);
		}
	}
	SAY(import, "\n");
}

/* The configuration ------------------------------------------------------------------------------
 */

static bool is_to_be_added(const struct moving *one)
{
	return !one->configured && one->result == NULL && one->section.lacking.len == 0;
}

static enum cli_exit reload(const struct import *import)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "reload");
	exit = cli_call(import->cli, &request, RELOAD_TIMEOUT_MS, &reply, &data, &err);
	if (exit != CLI_OK)
		(void)cli_report(exit, err.text);
	buffer_release(&request);
	buffer_release(&reply);
	return exit;
}

static enum cli_exit add_sections(struct import *import)
{
	struct import_secret *secrets = xcalloc(import->list.count, sizeof(secrets[0]));
	struct buffer text = BUFFER_INIT(SECTIONS_MAX);
	enum cli_exit exit = CLI_OK;
	char *copy = NULL;
	size_t count = 0;

	for (size_t i = 0; i < import->list.count; i++) {
		struct moving *one = &import->moving[i];

		if (!is_to_be_added(one))
			continue;
		(void)buffer_printf(&text, "%s%s", text.len > 0 ? "\n" : "",
				    buffer_cstr(&one->section.text));
		if (one->section.secret_file != NULL)
			secrets[count++] = (struct import_secret){
				one->section.secret_file,
				buffer_span(&one->account->settings.client_secret)};
	}
	if (text.len > 0)
		exit = import_append(import->cli, buffer_span(&text), secrets, count, &copy);
	if (exit == CLI_OK && copy != NULL) {
		SAY(import, "%s: added; as it was before: %s\n", import->cli->config, copy);
		exit = reload(import);
	}
	for (size_t i = 0; i < import->list.count && exit == CLI_OK && copy != NULL; i++) {
		if (is_to_be_added(&import->moving[i]))
			import->moving[i].configured = true;
	}
	buffer_release(&text);
	free(secrets);
	free(copy);
	return exit;
}

/* The grant --------------------------------------------------------------------------------------
 */

static enum cli_exit store(const struct import *import, const struct import_account *account)
{
	struct buffer json = BUFFER_INIT_SECRET(GRANT_BYTES);
	struct buffer result = BUFFER_INIT(32);
	struct err err = ERR_INIT;
	struct grant grant;
	enum cli_exit exit;

	grant_init(&grant);
	(void)buffer_append_span(&grant.refresh_token, buffer_span(&account->refresh_token));
	grant.refresh_obtained_s = import_file_time_s(account);
	grant.access_obtained_s = grant.refresh_obtained_s;
	grant.client_id = xstrdup(account->settings.value[IMPORT_CLIENT_ID]);
	grant.token_url = xstrdup(account->settings.value[IMPORT_TOKEN_URL]);
	grant.scope = xstrdup(account->settings.value[IMPORT_SCOPE]);
	if (grant_encode(&grant, account->name, &json, &err) != OUTCOME_OK)
		exit = cli_report(CLI_DATA, err.text);
	else
		exit = cli_grant_put(import->cli, account->name, buffer_span(&json), "import",
				     &result);
	if (exit == CLI_OK)
		SAY(import, "%s: grant %s\n", account->name,
		    strcmp(buffer_cstr(&result), "restored") == 0 ? "stored" : "there already");
	grant_release(&grant);
	buffer_release(&json);
	buffer_release(&result);
	return exit;
}

static enum cli_exit refresh(const struct import *import, struct moving *one)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct json_object *answer = NULL;
	struct err err = ERR_INIT;
	const char *why = "";
	int64_t expires_s = 0;
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "refresh");
	cli_field_str(&request, "account", one->account->name);
	exit = cli_call(import->cli, &request, REFRESH_TIMEOUT_MS, &reply, &data, &err);
	if (exit == CLI_OK)
		answer = json_read(data, HELPER_REPLY_MAX, &why);
	if (answer != NULL && json_get_int(answer, "expires", &expires_s)) {
		(void)clock_text(expires_s, one->expires, sizeof(one->expires));
		SAY(import, "%s: refreshed: an access token until %s\n", one->account->name,
		    one->expires);
	} else if (exit == CLI_OK) {
		exit = cli_report(CLI_PROTOCOL, "mailoauthd's answer to refresh cannot be read");
	} else {
		(void)cli_report(exit, err.text);
	}
	json_release(answer);
	buffer_release(&request);
	buffer_release(&reply);
	return exit;
}

static void say_steps(const struct import *import, const struct moving *one)
{
	if (one->section.lacking.len > 0)
		SAY(import,
		    "%s: fill in %s and put the section into %s; then run: mailoauth config check "
		    "&& %s && mailoauth import %s --account %s\n",
		    one->account->name, buffer_cstr(&one->section.lacking), import->cli->config,
		    daemon_command(DAEMON_RELOAD), import->cli->file, one->account->name);
	else
		SAY(import,
		    "%s: is not in %s yet; to have it put there, and the grant stored, run: "
		    "mailoauth import %s --append\n",
		    one->account->name, import->cli->config, import->cli->file);
}

static enum cli_exit move(const struct import *import, struct moving *one)
{
	const struct import_account *account = one->account;
	enum cli_exit exit;

	if (one->result != NULL)
		return CLI_OK; /* it was said */
	one->result = "not-configured";
	if (!one->configured) {
		say_steps(import, one);
		return CLI_CONFIG;
	}
	one->result = "no-grant";
	if (account->refresh_token.len == 0 && account->settings.value[IMPORT_GRANT] == NULL) {
		SAY(import, "%s: has no refresh token to be taken; run: mailoauth authorize %s\n",
		    account->name, account->name);
		return CLI_CONSENT;
	}
	one->result = "not-stored";
	if (account->refresh_token.len > 0 && account->settings.value[IMPORT_GRANT] == NULL &&
	    (exit = store(import, account)) != CLI_OK)
		return exit;
	one->result = "not-refreshed";
	exit = refresh(import, one);
	if (exit == CLI_OK)
		one->result = "ok";
	say_stop(import, account);
	return exit;
}

/* For programs -----------------------------------------------------------------------------------
 */

static void add(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key,
			       value != NULL && value[0] != '\0' ? json_object_new_string(value)
								 : NULL);
}

static struct json_object *account_json(const struct moving *one)
{
	struct json_object *object = json_object_new_object();

	add(object, "account", one->account->name);
	add(object, "program", one->account->format->program);
	add(object, "file", one->account->file);
	add(object, "user", one->account->settings.value[IMPORT_USER]);
	add(object, "provider", one->section.provider);
	add(object, "client_id", one->account->settings.value[IMPORT_CLIENT_ID]);
	json_object_object_add(object, "refresh_token",
			       json_object_new_boolean(one->account->refresh_token.len > 0));
	json_object_object_add(object, "configured", json_object_new_boolean(one->configured));
	add(object, "section", buffer_cstr(&one->section.text));
	add(object, "lacking", buffer_cstr(&one->section.lacking));
	add(object, "result", one->result);
	add(object, "expires", one->expires);
	return object;
}

static void print_json(const struct import *import)
{
	struct json_object *object = json_object_new_object();
	struct json_object *accounts = json_object_new_array();

	json_object_object_add(object, "version", json_object_new_int(1));
	for (size_t i = 0; i < import->list.count; i++)
		json_object_array_add(accounts, account_json(&import->moving[i]));
	json_object_object_add(object, "accounts", accounts);
	add(object, "notes", buffer_cstr(&import->list.notes));
	(void)puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* All of it --------------------------------------------------------------------------------------
 */

/* It says why in a note. */
static enum cli_exit report_no_daemon(void)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_RETRY,
		      "nothing was written, for mailoauthd has to take the grant; run: %s, then "
		      "this command again",
		      daemon_command(DAEMON_START));
	return cli_report(CLI_UNREACHABLE, err.text);
}

static enum cli_exit carry_out(struct import *import)
{
	enum cli_exit first = plan(import);

	show_all(import);
	if (import->cli->dry_run) {
		SAY(import, "nothing was written (--dry-run)\n");
		return first;
	}
	if (!import->daemon)
		return report_no_daemon();
	if (import->cli->append) {
		enum cli_exit exit = add_sections(import);

		if (exit != CLI_OK)
			return exit;
	}
	for (size_t i = 0; i < import->list.count; i++)
		note_failure(&first, move(import, &import->moving[i]));
	return first;
}

static enum cli_exit nothing(const struct import *import)
{
	struct buffer text = BUFFER_INIT(1024);
	enum cli_exit exit;

	(void)fwrite(buffer_cstr(&import->list.notes), 1, import->list.notes.len, stderr);
	(void)buffer_printf(&text, "%s: there is no account of another program in it; known are: ",
			    import->cli->file);
	import_programs_append(&text);
	exit = cli_report(CLI_DATA, buffer_cstr(&text));
	buffer_release(&text);
	return exit;
}

enum cli_exit cli_import(const struct cli *cli)
{
	struct import import = {.cli = cli, .out = cli->json ? NULL : stdout};
	enum cli_exit exit;

	import_list_init(&import.list);
	exit = import_files_read(cli, &import.list);
	if (exit == CLI_OK && import.list.count == 0)
		exit = nothing(&import);
	else if (exit == CLI_OK)
		exit = take_options(&import);
	if (exit == CLI_OK) {
		exit = carry_out(&import);
		if (cli->json)
			print_json(&import);
	}
	for (size_t i = 0; import.moving != NULL && i < import.list.count; i++)
		import_section_release(&import.moving[i].section);
	free(import.moving);
	import_list_release(&import.list);
	return exit;
}
