/* SPDX-License-Identifier: MIT */
/*
 * import-fdm.c - fdm: an account, and the first rule that takes all of its mail, as a section
 * (fdm-grammar.h reads the file).
 *
 * Rules that look at the message are somebody else's work here: they are noted.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "fetch-agent/import/fdm-grammar.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

static bool is_at(const struct fdm_file *file, size_t at, size_t to, const char *word)
{
	return fdm_is(&file->tokens, at, to, word);
}

/* Actions ----------------------------------------------------------------------------------------
 */

/* %[tag] and %t cannot be had here. */
static bool has_tags(struct fdm_file *file, const char *text, int line)
{
	if (strchr(text, '%') == NULL)
		return false;
	import_note(file->plan, line,
		    "\"%s\": tags are not carried over: write the path or command out", text);
	return true;
}

static void skip_users(struct fdm_file *file, size_t *at, size_t to)
{
	if (is_at(file, *at, to, "user"))
		*at += 2;
	else if (is_at(file, *at, to, "users"))
		while (*at < to && !is_at(file, (*at)++, to, "}"))
			continue;
}

static void emit_smtp(struct fdm_file *file, struct import_source *source, size_t at, size_t to)
{
	char *host = NULL, *port = NULL;

	for (; at + 1 < to; at++) {
		if (is_at(file, at, to, "server") && host == NULL)
			host = fdm_value(file, ++at);
		else if (is_at(file, at, to, "port") && port == NULL)
			port = fdm_value(file, ++at);
		else if (is_at(file, at, to, "to") && source->value[IMPORT_RECIPIENT] == NULL) {
			char *recipient = fdm_value(file, ++at);

			import_set(source, IMPORT_RECIPIENT, recipient);
			free(recipient);
		}
	}
	if (host != NULL)
		import_setf(source, IMPORT_DELIVER, "smtp:%s:%s", host, port != NULL ? port : "25");
	if (source->value[IMPORT_RECIPIENT] == NULL)
		import_note(file->plan, source->line, "smtp without to: add recipient = NAME");
	free(host);
	free(port);
}

/* What an action does, if a section can say it. at: behind its name and users. */
static void emit_action(struct fdm_file *file, struct import_source *source, size_t at, size_t to)
{
	int line = at < to ? file->tokens.token[at].line : source->line;
	bool maildir = is_at(file, at, to, "maildir"), pipe = is_at(file, at, to, "pipe");
	char *text, *path = NULL;

	if (is_at(file, at, to, "smtp")) {
		emit_smtp(file, source, at + 1, to);
		return;
	}
	if ((!maildir && !pipe) || at + 1 >= to) {
		import_note(file->plan, line,
			    "action %s: not carried over: deliver takes maildir:, lmtp:, smtp: and "
			    "mda:",
			    at < to ? file->tokens.token[at].text : "");
		return;
	}
	text = fdm_value(file, at + 1);
	if (text != NULL && strncmp(text, "%h/", 3) == 0) { /* the user's home */
		char *home = xasprintf("~%s", text + 2);

		free(text);
		text = home;
	}
	if (text != NULL && !has_tags(file, text, line))
		path = maildir ? import_path(file->plan, text, "maildir", line)
			       : import_command(file->plan, text, true, "pipe", line);
	if (path != NULL)
		import_setf(source, IMPORT_DELIVER, "%s:%s", maildir ? "maildir" : "mda", path);
	free(path);
	free(text);
}

static void emit_named_action(struct fdm_file *file, struct import_source *source, size_t at)
{
	const struct fdm_named *action = fdm_find(&file->actions, file->tokens.token[at].text);
	size_t from;

	if (action == NULL) {
		import_problem(file->plan, file->tokens.token[at].line, "no action \"%s\"",
			       file->tokens.token[at].text);
		return;
	}
	from = action->from;
	skip_users(file, &from, action->to);
	if (is_at(file, from, action->to, "{")) {
		import_note(file->plan, file->tokens.token[from].line,
			    "action \"%s\": only the first of several is carried over",
			    action->name);
		from++;
	}
	emit_action(file, source, from, action->to);
}

/* Rules ------------------------------------------------------------------------------------------
 */

/* "all", "account NAME", "accounts { NAMES }": whether it is for this account; at is behind it. */
static bool takes_all(struct fdm_file *file, const struct fdm_named *rule, const char *account,
		      size_t *at)
{
	bool matches = false;

	*at = rule->from;
	if (is_at(file, *at, rule->to, "all")) {
		(*at)++;
		return true;
	}
	if (is_at(file, *at, rule->to, "account") && *at + 1 < rule->to) {
		matches = strcmp(file->tokens.token[*at + 1].text, account) == 0;
		*at += 2;
	} else if (is_at(file, *at, rule->to, "accounts")) {
		for ((*at)++; *at < rule->to && !is_at(file, *at, rule->to, "}"); (*at)++)
			matches = matches || strcmp(file->tokens.token[*at].text, account) == 0;
		(*at)++;
	}
	return matches;
}

/* True: the rule says where the account's mail goes, as far as that can be said. */
static bool emit_rule(struct fdm_file *file, struct import_source *source,
		      const struct fdm_named *rule, const char *account)
{
	size_t at;

	if (!takes_all(file, rule, account, &at))
		return false;
	skip_users(file, &at, rule->to);
	if (is_at(file, at, rule->to, "action") && at + 1 < rule->to &&
	    file->tokens.token[at + 1].quoted)
		emit_named_action(file, source, at + 1);
	else if (is_at(file, at, rule->to, "action"))
		emit_action(file, source, at + 1, rule->to);
	else if (is_at(file, at, rule->to, "actions") && at + 2 < rule->to) {
		import_note(file->plan, file->tokens.token[at].line,
			    "actions: only the first of several is carried over");
		emit_named_action(file, source, at + 2);
	} else {
		return false;
	}
	return true;
}

/* A rule that looks at more than the account: said once, not for each account. */
static bool is_simple(struct fdm_file *file, const struct fdm_named *rule)
{
	size_t at;

	(void)takes_all(file, rule, "", &at);
	skip_users(file, &at, rule->to);
	return at > rule->from &&
	       (is_at(file, at, rule->to, "action") || is_at(file, at, rule->to, "actions"));
}

/* Accounts ---------------------------------------------------------------------------------------
 */

static void emit_folders(struct fdm_file *file, struct import_source *source, size_t *at, size_t to)
{
	bool several = is_at(file, *at, to, "folders") && is_at(file, *at + 1, to, "{");

	*at += several ? 2 : 1;
	do {
		char *name = *at < to ? fdm_value(file, *at) : NULL;

		if (name != NULL)
			(void)import_folder(file->plan, source, name, true,
					    file->tokens.token[*at].line);
		free(name);
		(*at)++;
	} while (several && *at < to && !is_at(file, *at, to, "}"));
}

/* What follows a keyword of an account. */
static char *argument(struct fdm_file *file, size_t *at, size_t to)
{
	return *at + 1 < to ? fdm_value(file, ++*at) : NULL;
}

static void emit_option(struct fdm_file *file, struct import_source *source, size_t *at, size_t to)
{
	int line = file->tokens.token[*at].line;
	char *text = NULL;

	if (is_at(file, *at, to, "server")) {
		text = argument(file, at, to);
		import_set(source, IMPORT_HOST, text);
	} else if (is_at(file, *at, to, "port")) {
		text = argument(file, at, to);
		import_set_port(file->plan, source, text, source->value[IMPORT_TLS] == NULL, line);
	} else if (is_at(file, *at, to, "user")) {
		free(source->user);
		source->user = argument(file, at, to);
	} else if (is_at(file, *at, to, "pass")) {
		text = argument(file, at, to);
		buffer_clear(&source->password);
		if (text != NULL)
			(void)buffer_append_str(&source->password, text);
	} else if (is_at(file, *at, to, "folder") || is_at(file, *at, to, "folders")) {
		emit_folders(file, source, at, to);
	} else if (is_at(file, *at, to, "new-only")) {
		import_set(source, IMPORT_TAKE, "unseen");
	} else if (is_at(file, *at, to, "keep")) {
		import_set(source, IMPORT_AFTER, "keep");
	} else if (is_at(file, *at, to, "no-verify") || is_at(file, *at, to, "insecure")) {
		import_note(file->plan, line,
			    "%s: not carried over: certificates are always verified; for one that "
			    "nobody signed set ca_file, or tls_pin and tls_pin_only = yes",
			    file->tokens.token[*at].text);
	} else if (is_at(file, *at, to, "old-only")) {
		import_note(file->plan, line, "old-only: not carried over");
	}
	if (text != NULL)
		wipe(text, strlen(text));
	free(text);
}

static void emit_account(struct fdm_file *file, const struct fdm_named *account, size_t at,
			 bool implicit)
{
	struct import_source *source =
		import_source_add(file->plan, account->name, file->tokens.token[at].line);
	bool found = false;

	import_set(source, IMPORT_AFTER, "delete");
	if (!implicit)
		import_set(source, IMPORT_TLS, "starttls");
	for (at++; at < account->to; at++)
		emit_option(file, source, &at, account->to);
	if (source->value[IMPORT_HOST] == NULL) {
		import_problem(file->plan, source->line, "account \"%s\" has no server",
			       account->name);
		return;
	}
	for (size_t i = 0; i < file->rules.count && !found; i++)
		found = emit_rule(file, source, &file->rules.named[i], account->name);
	if (!found)
		import_note(file->plan, source->line,
			    "account \"%s\": no rule takes all of its mail: add deliver",
			    account->name);
	import_set_received(source, !file->no_received);
	import_login_decide(file->plan, source);
}

static void read_account(struct fdm_file *file, const struct fdm_named *account)
{
	size_t at = account->from;
	const char *type;

	skip_users(file, &at, account->to);
	if (is_at(file, at, account->to, "disabled")) {
		import_note(file->plan, file->tokens.token[at].line,
			    "account \"%s\" is disabled: no section", account->name);
		return;
	}
	type = at < account->to ? file->tokens.token[at].text : "";
	if ((strcmp(type, "imap") == 0 || strcmp(type, "imaps") == 0) &&
	    is_at(file, at + 1, account->to, "server"))
		emit_account(file, account, at, strcmp(type, "imaps") == 0);
	else
		import_note(file->plan, file->tokens.token[account->from - 1].line,
			    "account \"%s\" of type %s: no section: mailoauth-fetch speaks IMAP to "
			    "a server, and nothing else",
			    account->name, type);
}

static void note_rules(struct fdm_file *file)
{
	for (size_t i = 0; i < file->rules.count; i++) {
		if (!is_simple(file, &file->rules.named[i]))
			import_note(file->plan,
				    file->tokens.token[file->rules.named[i].from - 1].line,
				    "match: not carried over: it sorts by more than the account; "
				    "deliver by lmtp: or mda: and let Sieve, maildrop or procmail "
				    "do it");
	}
}

static void fdm_read(struct span text, struct import_plan *plan)
{
	struct fdm_file file;

	fdm_file_read(&file, text, plan);
	if (plan->problems.count == 0)
		note_rules(&file);
	for (size_t i = 0; plan->problems.count == 0 && i < file.accounts.count; i++)
		read_account(&file, &file.accounts.named[i]);
	fdm_file_release(&file);
}

const struct import_program import_fdm = {
	.name = "fdm",
	.file_name = "fdm",
	.read = fdm_read,
	.forgets = "fdm keeps no state for IMAP: what it fetched it deleted, or with keep left as "
		   "seen; add take = unseen to go on from there",
};
