/* SPDX-License-Identifier: MIT */
/*
 * import-fdm.c - fdm.conf (fdm.conf(5)).
 *
 * An account, and the first rule that takes all of its mail, make a source. Rules that look at the
 * message are somebody else's work here: they are noted.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

#define TOKENS_MAX 20000
#define TOKEN_MAX  8192

struct token {
	char *text;
	int line;
	bool quoted, first; /* first: of its line */
};

/* A macro, an action or an account: a name, and the tokens that say what it is. */
struct named {
	const char *name;
	size_t from, to;
};

struct reading {
	struct import_plan *plan;
	struct token *tokens;
	size_t count;
	struct named *macros, *actions, *accounts, *rules; /* rules have no name */
	size_t macro_count, action_count, account_count, rule_count;
	bool rewrites; /* no fixed "received": set no-received was not said */
};

/* Tokens -----------------------------------------------------------------------------------------
 */

static const struct named *find_named(const struct named *table, size_t count, const char *name)
{
	for (size_t i = count; i > 0; i--) {
		if (strcmp(table[i - 1].name, name) == 0)
			return &table[i - 1];
	}
	return NULL;
}

static void add_token(struct reading *reading, const struct buffer *text, int line, bool quoted)
{
	bool first = reading->count == 0 || reading->tokens[reading->count - 1].line < line;

	if (reading->count == TOKENS_MAX || !buffer_ok(text) ||
	    memchr(buffer_cstr(text), '\0', text->len) != NULL) {
		if (reading->plan->problems.count == 0)
			import_problem(reading->plan, line,
				       "a NUL byte, a word that is too long, or too many words");
		return;
	}
	if ((reading->count & (reading->count - 1)) == 0)
		reading->tokens =
			xreallocarray(reading->tokens, reading->count > 0 ? 2 * reading->count : 1,
				      sizeof(*reading->tokens));
	reading->tokens[reading->count++] = (struct token){
		xspandup(buffer_span(text)),
		line,
		quoted,
		first,
	};
}

static bool take_quoted(struct scanner *scan, struct buffer *text, int *line)
{
	char quote = *scan->cur++;

	while (scan->cur < scan->end && *scan->cur != quote) {
		if (*scan->cur == '\\' && scan->cur + 1 < scan->end && quote == '"')
			scan->cur++;
		*line += *scan->cur == '\n';
		(void)buffer_append_byte(text, *scan->cur++);
	}
	return scan_byte(scan, quote);
}

static void take_token(struct reading *reading, struct scanner *scan, int *line)
{
	struct buffer text = BUFFER_INIT_SECRET(TOKEN_MAX);
	int began = *line;
	bool quoted = *scan->cur == '"' || *scan->cur == '\'';

	if (quoted) {
		if (!take_quoted(scan, &text, line))
			import_problem(reading->plan, began, "the string has no end");
	} else if (strchr("{}=<>(),", *scan->cur) != NULL && *scan->cur != '\0') {
		(void)buffer_append_byte(&text, *scan->cur++);
	} else {
		do
			(void)buffer_append_byte(&text, *scan->cur++);
		while (scan->cur < scan->end && !isspace((unsigned char)*scan->cur) &&
		       memchr("{}=<>(),\"'", *scan->cur, 10) == NULL);
	}
	add_token(reading, &text, began, quoted);
	buffer_release(&text);
}

static void read_tokens(struct reading *reading, struct span bytes)
{
	struct scanner scan = scanner_over(bytes);
	int line = 1;

	while (scan.cur < scan.end && reading->plan->problems.count == 0) {
		if (*scan.cur == '#') {
			while (scan.cur < scan.end && *scan.cur != '\n')
				scan.cur++;
		} else if (isspace((unsigned char)*scan.cur)) {
			line += *scan.cur++ == '\n';
		} else {
			take_token(reading, &scan, &line);
		}
	}
}

static bool is(const struct reading *reading, size_t at, size_t to, const char *word)
{
	return at < to && !reading->tokens[at].quoted &&
	       strcmp(reading->tokens[at].text, word) == 0;
}

/* Strings, with the macros in them ---------------------------------------------------------------
 */

/* The value of a token; NULL when a macro is not known or it is a command's output. The caller
 * frees. */
static char *value_of(struct reading *reading, size_t at)
{
	const struct token *token = &reading->tokens[at];
	struct buffer out = BUFFER_INIT_SECRET(TOKEN_MAX);
	const struct named *macro;
	const char *text = token->text;
	char *value;

	if (!token->quoted && (text[0] == '$' || text[0] == '%') && text[1] != '\0') {
		macro = find_named(reading->macros, reading->macro_count, text);
		if (macro == NULL)
			import_note(reading->plan, token->line,
				    "%s: not carried over: put the "
				    "value in its place",
				    text);
		return macro != NULL ? xstrdup(reading->tokens[macro->from].text) : NULL;
	}
	while (*text != '\0') {
		size_t len = strcspn(text, "}");
		char *name =
			(text[0] == '$' || text[0] == '%') && text[1] == '{' && text[len] == '}'
				? xasprintf("%c%.*s", text[0], (int)len - 2, text + 2)
				: NULL;

		macro = name != NULL ? find_named(reading->macros, reading->macro_count, name)
				     : NULL;
		free(name);
		if (macro != NULL) {
			(void)buffer_append_str(&out, reading->tokens[macro->from].text);
			text += len + 1;
		} else {
			(void)buffer_append_byte(&out, *text++);
		}
	}
	value = buffer_ok(&out) ? xspandup(buffer_span(&out)) : NULL;
	buffer_release(&out);
	return value;
}

/* %[tag] and %t cannot be had here. */
static bool has_tags(struct reading *reading, const char *text, int line)
{
	if (strchr(text, '%') == NULL)
		return false;
	import_note(reading->plan, line,
		    "\"%s\": tags are not carried over: write the path or command out", text);
	return true;
}

/* Statements -------------------------------------------------------------------------------------
 */

static const char *const statements[] = {"set",	  "include", "account", "action", "match",
					 "cache", "ifdef",   "ifndef",	"endif"};

static bool begins_statement(const struct reading *reading, size_t at)
{
	if (!reading->tokens[at].first || reading->tokens[at].quoted)
		return false;
	if ((reading->tokens[at].text[0] == '$' || reading->tokens[at].text[0] == '%') &&
	    is(reading, at + 1, reading->count, "="))
		return true;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (strcmp(reading->tokens[at].text, statements[i]) == 0)
			return true;
	}
	return false;
}

/* Where the statement that begins at from ends; a rule goes on until it has its action. */
static size_t statement_end(struct reading *reading, size_t from)
{
	bool waits = is(reading, from, reading->count, "match");
	int depth = 0;
	size_t at;

	for (at = from + 1; at < reading->count; at++) {
		if (depth == 0 && !waits && begins_statement(reading, at))
			break;
		if (is(reading, at, reading->count, "{"))
			depth++;
		else if (is(reading, at, reading->count, "}") && --depth < 0)
			break;
		if (depth == 0 && (is(reading, at, reading->count, "action") ||
				   is(reading, at, reading->count, "actions") ||
				   is(reading, at, reading->count, "}")))
			waits = false;
	}
	if (depth != 0)
		import_problem(reading->plan, reading->tokens[from].line, "{ and } do not match");
	return at;
}

static void add_named(struct named **table, size_t *count, const char *name, size_t from, size_t to)
{
	*table = xreallocarray(*table, *count + 1, sizeof(**table));
	(*table)[(*count)++] = (struct named){name, from, to};
}

struct remark {
	const char *option, *note;
};

static const struct remark remarks[] = {
	{"maximum-size", "add max_size to the sections"},
	{"delete-oversized", "not carried over: larger messages stay at the server"},
	{"proxy", "not carried over: there are no proxies for IMAP"},
	{"verify-certificates", NULL},
	{"no-received", NULL},
	{"timeout", "see timeout in mailoauth.conf(5)"},
	{"command-user", "add mda_user to the sections that have deliver = mda:"},
	{"default-user", "run mailoauth-fetch as that user"},
	{"unmatched-mail", "not carried over: all mail of a section goes where deliver says"},
	{"file-umask", "not carried over: files are made with mode 0600"},
	{"file-group", "not carried over: files have the group of who runs mailoauth-fetch"},
};

static void read_set(struct reading *reading, size_t from, size_t to)
{
	if (is(reading, from + 1, to, "no-received"))
		reading->rewrites = true;
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		if (!is(reading, from + 1, to, remarks[i].option))
			continue;
		if (remarks[i].note != NULL)
			import_note(reading->plan, reading->tokens[from].line, "set %s: %s",
				    remarks[i].option, remarks[i].note);
		return;
	}
	import_note(reading->plan, reading->tokens[from].line, "set %s: not needed",
		    reading->tokens[from + 1].text);
}

static void read_statement(struct reading *reading, size_t from, size_t to)
{
	const struct token *token = &reading->tokens[from];
	const char *name = from + 1 < to ? reading->tokens[from + 1].text : "";

	if (from + 1 >= to && !is(reading, from, to, "endif")) {
		import_problem(reading->plan, token->line, "\"%s\" lacks what must follow it",
			       token->quoted ? "a string" : token->text);
		return;
	}
	if (is(reading, from, to, "set"))
		read_set(reading, from, to);
	else if (is(reading, from, to, "account"))
		add_named(&reading->accounts, &reading->account_count, name, from + 2, to);
	else if (is(reading, from, to, "action"))
		add_named(&reading->actions, &reading->action_count, name, from + 2, to);
	else if (is(reading, from, to, "match"))
		add_named(&reading->rules, &reading->rule_count, "", from + 1, to);
	else if (begins_statement(reading, from) && is(reading, from + 1, to, "=") && from + 2 < to)
		add_named(&reading->macros, &reading->macro_count, token->text, from + 2, to);
	else if (is(reading, from, to, "include"))
		import_note(reading->plan, token->line,
			    "include %s: not read: import that file too", name);
	else if (begins_statement(reading, from))
		import_note(reading->plan, token->line, "%s: not carried over", token->text);
	else
		import_problem(reading->plan, token->line,
			       "no statement begins here: set, account, action, match and so on");
}

/* Actions ----------------------------------------------------------------------------------------
 */

static void skip_users(struct reading *reading, size_t *at, size_t to)
{
	if (is(reading, *at, to, "user"))
		*at += 2;
	else if (is(reading, *at, to, "users"))
		while (*at < to && !is(reading, (*at)++, to, "}"))
			continue;
}

static void emit_smtp(struct reading *reading, struct import_source *source, size_t at, size_t to)
{
	char *host = NULL, *port = NULL;

	for (; at + 1 < to; at++) {
		if (is(reading, at, to, "server") && host == NULL)
			host = value_of(reading, ++at);
		else if (is(reading, at, to, "port") && port == NULL)
			port = value_of(reading, ++at);
		else if (is(reading, at, to, "to") && source->value[IMPORT_RECIPIENT] == NULL) {
			char *recipient = value_of(reading, ++at);

			import_set(source, IMPORT_RECIPIENT, recipient);
			free(recipient);
		}
	}
	if (host != NULL)
		import_setf(source, IMPORT_DELIVER, "smtp:%s:%s", host, port != NULL ? port : "25");
	if (source->value[IMPORT_RECIPIENT] == NULL)
		import_note(reading->plan, source->line, "smtp without to: add recipient = NAME");
	free(host);
	free(port);
}

/* What an action does, if a section can say it. at: behind its name and users. */
static bool emit_action(struct reading *reading, struct import_source *source, size_t at, size_t to)
{
	int line = at < to ? reading->tokens[at].line : source->line;
	bool maildir = is(reading, at, to, "maildir"), pipe = is(reading, at, to, "pipe");
	char *text, *path = NULL;

	if (is(reading, at, to, "smtp")) {
		emit_smtp(reading, source, at + 1, to);
		return true;
	}
	if ((!maildir && !pipe) || at + 1 >= to) {
		import_note(reading->plan, line,
			    "action %s: not carried over: deliver takes maildir:, lmtp:, smtp: and "
			    "mda:",
			    at < to ? reading->tokens[at].text : "");
		return false;
	}
	text = value_of(reading, at + 1);
	if (text != NULL && strncmp(text, "%h/", 3) == 0) { /* the user's home */
		char *home = xasprintf("~%s", text + 2);

		free(text);
		text = home;
	}
	if (text != NULL && !has_tags(reading, text, line))
		path = maildir ? import_path(reading->plan, text, "maildir", line)
			       : import_command(reading->plan, text, true, "pipe", line);
	if (path != NULL)
		import_setf(source, IMPORT_DELIVER, "%s:%s", maildir ? "maildir" : "mda", path);
	free(path);
	free(text);
	return true;
}

static void emit_named_action(struct reading *reading, struct import_source *source, size_t at,
			      size_t to)
{
	const struct named *action =
		find_named(reading->actions, reading->action_count, reading->tokens[at].text);
	size_t from;

	if (action == NULL) {
		import_problem(reading->plan, reading->tokens[at].line, "no action \"%s\"",
			       reading->tokens[at].text);
		return;
	}
	from = action->from;
	skip_users(reading, &from, action->to);
	if (is(reading, from, action->to, "{")) {
		import_note(reading->plan, reading->tokens[from].line,
			    "action \"%s\": only the first of several is carried over",
			    action->name);
		from++;
	}
	(void)to;
	(void)emit_action(reading, source, from, action->to);
}

/* Rules ------------------------------------------------------------------------------------------
 */

/* "all", "account NAME", "accounts { NAMES }": whether it is for this account; at is behind it. */
static bool takes_all(struct reading *reading, const struct named *rule, const char *account,
		      size_t *at)
{
	bool matches = false;

	*at = rule->from;
	if (is(reading, *at, rule->to, "all")) {
		(*at)++;
		return true;
	}
	if (is(reading, *at, rule->to, "account") && *at + 1 < rule->to) {
		matches = strcmp(reading->tokens[*at + 1].text, account) == 0;
		*at += 2;
	} else if (is(reading, *at, rule->to, "accounts")) {
		for ((*at)++; *at < rule->to && !is(reading, *at, rule->to, "}"); (*at)++)
			matches = matches || strcmp(reading->tokens[*at].text, account) == 0;
		(*at)++;
	}
	return matches;
}

/* True: the rule says where the account's mail goes, as far as that can be said. */
static bool emit_rule(struct reading *reading, struct import_source *source,
		      const struct named *rule, const char *account)
{
	size_t at;

	if (!takes_all(reading, rule, account, &at))
		return false;
	skip_users(reading, &at, rule->to);
	if (is(reading, at, rule->to, "action") && at + 1 < rule->to &&
	    reading->tokens[at + 1].quoted)
		emit_named_action(reading, source, at + 1, rule->to);
	else if (is(reading, at, rule->to, "action"))
		(void)emit_action(reading, source, at + 1, rule->to);
	else if (is(reading, at, rule->to, "actions") && at + 2 < rule->to) {
		import_note(reading->plan, reading->tokens[at].line,
			    "actions: only the first of several is carried over");
		emit_named_action(reading, source, at + 2, rule->to);
	} else {
		return false;
	}
	return true;
}

/* A rule that looks at more than the account: said once, not for each account. */
static bool is_simple(struct reading *reading, const struct named *rule)
{
	size_t at;

	(void)takes_all(reading, rule, "", &at);
	skip_users(reading, &at, rule->to);
	return at > rule->from &&
	       (is(reading, at, rule->to, "action") || is(reading, at, rule->to, "actions"));
}

/* Accounts ---------------------------------------------------------------------------------------
 */

static void emit_folders(struct reading *reading, struct import_source *source, size_t *at,
			 size_t to)
{
	bool several = is(reading, *at, to, "folders") && is(reading, *at + 1, to, "{");

	*at += several ? 2 : 1;
	do {
		char *name = *at < to ? value_of(reading, *at) : NULL;

		if (name != NULL)
			(void)import_folder(reading->plan, source, name, true,
					    reading->tokens[*at].line);
		free(name);
		(*at)++;
	} while (several && *at < to && !is(reading, *at, to, "}"));
}

/* What follows a keyword of an account. */
static char *argument(struct reading *reading, size_t *at, size_t to)
{
	return *at + 1 < to ? value_of(reading, ++*at) : NULL;
}

static void emit_option(struct reading *reading, struct import_source *source, size_t *at,
			size_t to)
{
	int line = reading->tokens[*at].line;
	char *text = NULL;

	if (is(reading, *at, to, "server")) {
		text = argument(reading, at, to);
		import_set(source, IMPORT_HOST, text);
	} else if (is(reading, *at, to, "port")) {
		text = argument(reading, at, to);
		import_set(source, IMPORT_PORT, text);
	} else if (is(reading, *at, to, "user")) {
		free(source->user);
		source->user = argument(reading, at, to);
	} else if (is(reading, *at, to, "pass")) {
		text = argument(reading, at, to);
		buffer_clear(&source->password);
		if (text != NULL)
			(void)buffer_append_str(&source->password, text);
	} else if (is(reading, *at, to, "folder") || is(reading, *at, to, "folders")) {
		emit_folders(reading, source, at, to);
	} else if (is(reading, *at, to, "new-only")) {
		import_set(source, IMPORT_TAKE, "unseen");
	} else if (is(reading, *at, to, "keep")) {
		import_set(source, IMPORT_AFTER, "keep");
	} else if (is(reading, *at, to, "no-verify") || is(reading, *at, to, "insecure")) {
		import_note(reading->plan, line,
			    "%s: not carried over: certificates are always verified; for one that "
			    "nobody signed set ca_file, or tls_pin and tls_pin_only = yes",
			    reading->tokens[*at].text);
	} else if (is(reading, *at, to, "old-only")) {
		import_note(reading->plan, line, "old-only: not carried over");
	}
	if (text != NULL)
		wipe(text, strlen(text));
	free(text);
}

static void drop_default_port(struct import_source *source, bool implicit)
{
	const char *port = source->value[IMPORT_PORT];

	if (port != NULL && (strcmp(port, implicit ? "993" : "143") == 0 ||
			     strcmp(port, implicit ? "imaps" : "imap") == 0))
		import_set(source, IMPORT_PORT, NULL);
}

static void emit_account(struct reading *reading, const struct named *account, size_t at,
			 bool implicit)
{
	struct import_source *source =
		import_source_add(reading->plan, account->name, reading->tokens[at].line);
	bool found = false;

	import_set(source, IMPORT_AFTER, "delete");
	if (!implicit)
		import_set(source, IMPORT_TLS, "starttls");
	for (at++; at < account->to; at++)
		emit_option(reading, source, &at, account->to);
	drop_default_port(source, implicit);
	if (source->value[IMPORT_HOST] == NULL) {
		import_problem(reading->plan, source->line, "account \"%s\" has no server",
			       account->name);
		return;
	}
	for (size_t i = 0; i < reading->rule_count && !found; i++)
		found = emit_rule(reading, source, &reading->rules[i], account->name);
	if (!found)
		import_note(reading->plan, source->line,
			    "account \"%s\": no rule takes all of its mail: add deliver",
			    account->name);
	import_set(source, IMPORT_RECEIVED,
		   !reading->rewrites && source->value[IMPORT_DELIVER] != NULL &&
				   strncmp(source->value[IMPORT_DELIVER], "maildir:", 8) != 0
			   ? "yes"
			   : NULL);
	import_login_decide(reading->plan, source);
}

static void read_account(struct reading *reading, const struct named *account)
{
	size_t at = account->from;
	const char *type;

	skip_users(reading, &at, account->to);
	if (is(reading, at, account->to, "disabled")) {
		import_note(reading->plan, reading->tokens[at].line,
			    "account \"%s\" is disabled: no section", account->name);
		return;
	}
	type = at < account->to ? reading->tokens[at].text : "";
	if ((strcmp(type, "imap") == 0 || strcmp(type, "imaps") == 0) &&
	    is(reading, at + 1, account->to, "server"))
		emit_account(reading, account, at, strcmp(type, "imaps") == 0);
	else
		import_note(reading->plan, reading->tokens[account->from - 1].line,
			    "account \"%s\" of type %s: no section: mailoauth-fetch speaks IMAP to "
			    "a server, and nothing else",
			    account->name, type);
}

static void note_rules(struct reading *reading)
{
	for (size_t i = 0; i < reading->rule_count; i++) {
		if (!is_simple(reading, &reading->rules[i]))
			import_note(reading->plan, reading->tokens[reading->rules[i].from - 1].line,
				    "match: not carried over: it sorts by more than the account; "
				    "deliver by lmtp: or mda: and let Sieve, maildrop or procmail "
				    "do it");
	}
}

static void fdm_read(struct span text, struct import_plan *plan)
{
	struct reading reading = {.plan = plan};
	size_t end;

	read_tokens(&reading, text);
	for (size_t at = 0; plan->problems.count == 0 && at < reading.count; at = end) {
		end = statement_end(&reading, at);
		if (plan->problems.count == 0 && end <= at)
			end = at + 1;
		if (plan->problems.count == 0)
			read_statement(&reading, at, end);
	}
	if (plan->problems.count == 0)
		note_rules(&reading);
	for (size_t i = 0; plan->problems.count == 0 && i < reading.account_count; i++)
		read_account(&reading, &reading.accounts[i]);
	for (size_t i = 0; i < reading.count; i++) {
		wipe(reading.tokens[i].text, strlen(reading.tokens[i].text));
		free(reading.tokens[i].text);
	}
	free(reading.tokens);
	free(reading.macros);
	free(reading.actions);
	free(reading.accounts);
	free(reading.rules);
}

const struct import_program import_fdm = {
	.name = "fdm",
	.file_name = "fdm",
	.read = fdm_read,
	.forgets = "fdm keeps no state for IMAP: what it fetched it deleted, or with keep left as "
		   "seen; add take = unseen to go on from there",
};
