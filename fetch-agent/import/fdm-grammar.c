/* SPDX-License-Identifier: MIT */
/* fdm-grammar.c - see fdm-grammar.h. */
#include "fetch-agent/import/fdm-grammar.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

const struct fdm_named *fdm_find(const struct fdm_table *table, const char *name)
{
	for (size_t i = table->count; i > 0; i--) {
		if (strcmp(table->named[i - 1].name, name) == 0)
			return &table->named[i - 1];
	}
	return NULL;
}

/* Strings, with the macros in them ---------------------------------------------------------------
 */

char *fdm_value(struct fdm_file *file, size_t at)
{
	const struct fdm_token *token = &file->tokens.token[at];
	struct buffer out = BUFFER_INIT_SECRET(FDM_TOKEN_MAX);
	const struct fdm_named *macro;
	const char *text = token->text;
	char *value;

	if (!token->quoted && (text[0] == '$' || text[0] == '%') && text[1] != '\0') {
		macro = fdm_find(&file->macros, text);
		if (macro == NULL)
			import_note(file->plan, token->line,
				    "%s: not carried over: put the "
				    "value in its place",
				    text);
		return macro != NULL ? xstrdup(file->tokens.token[macro->from].text) : NULL;
	}
	while (*text != '\0') {
		size_t len = strcspn(text, "}");
		char *name =
			(text[0] == '$' || text[0] == '%') && text[1] == '{' && text[len] == '}'
				? xasprintf("%c%.*s", text[0], (int)len - 2, text + 2)
				: NULL;

		macro = name != NULL ? fdm_find(&file->macros, name) : NULL;
		free(name);
		if (macro != NULL) {
			(void)buffer_append_str(&out, file->tokens.token[macro->from].text);
			text += len + 1;
		} else {
			(void)buffer_append_byte(&out, *text++);
		}
	}
	value = buffer_ok(&out) ? xspandup(buffer_span(&out)) : NULL;
	buffer_release(&out);
	return value;
}

/* Statements -------------------------------------------------------------------------------------
 */

static const char *const statements[] = {"set",	  "include", "account", "action", "match",
					 "cache", "ifdef",   "ifndef",	"endif"};

static bool begins_statement(const struct fdm_file *file, size_t at)
{
	if (!file->tokens.token[at].first || file->tokens.token[at].quoted)
		return false;
	if ((file->tokens.token[at].text[0] == '$' || file->tokens.token[at].text[0] == '%') &&
	    fdm_is(&file->tokens, at + 1, file->tokens.count, "="))
		return true;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (strcmp(file->tokens.token[at].text, statements[i]) == 0)
			return true;
	}
	return false;
}

/* Where the statement that begins at from ends; a rule goes on until it has its action. */
static size_t statement_end(struct fdm_file *file, size_t from)
{
	bool waits = fdm_is(&file->tokens, from, file->tokens.count, "match");
	int depth = 0;
	size_t at;

	for (at = from + 1; at < file->tokens.count; at++) {
		if (depth == 0 && !waits && begins_statement(file, at))
			break;
		if (fdm_is(&file->tokens, at, file->tokens.count, "{"))
			depth++;
		else if (fdm_is(&file->tokens, at, file->tokens.count, "}") && --depth < 0)
			break;
		if (depth == 0 && (fdm_is(&file->tokens, at, file->tokens.count, "action") ||
				   fdm_is(&file->tokens, at, file->tokens.count, "actions") ||
				   fdm_is(&file->tokens, at, file->tokens.count, "}")))
			waits = false;
	}
	if (depth != 0)
		import_problem(file->plan, file->tokens.token[from].line, "{ and } do not match");
	return at;
}

static void add_named(struct fdm_table *table, const char *name, size_t from, size_t to)
{
	table->named = xreallocarray(table->named, table->count + 1, sizeof(*table->named));
	table->named[table->count++] = (struct fdm_named){name, from, to};
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

static void read_set(struct fdm_file *file, size_t from, size_t to)
{
	if (fdm_is(&file->tokens, from + 1, to, "no-received"))
		file->no_received = true;
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		if (!fdm_is(&file->tokens, from + 1, to, remarks[i].option))
			continue;
		if (remarks[i].note != NULL)
			import_note(file->plan, file->tokens.token[from].line, "set %s: %s",
				    remarks[i].option, remarks[i].note);
		return;
	}
	import_note(file->plan, file->tokens.token[from].line, "set %s: not needed",
		    file->tokens.token[from + 1].text);
}

static void read_statement(struct fdm_file *file, size_t from, size_t to)
{
	const struct fdm_token *token = &file->tokens.token[from];
	const char *name = from + 1 < to ? file->tokens.token[from + 1].text : "";

	if (from + 1 >= to && !fdm_is(&file->tokens, from, to, "endif")) {
		import_problem(file->plan, token->line, "\"%s\" lacks what must follow it",
			       token->quoted ? "a string" : token->text);
		return;
	}
	if (fdm_is(&file->tokens, from, to, "set"))
		read_set(file, from, to);
	else if (fdm_is(&file->tokens, from, to, "account"))
		add_named(&file->accounts, name, from + 2, to);
	else if (fdm_is(&file->tokens, from, to, "action"))
		add_named(&file->actions, name, from + 2, to);
	else if (fdm_is(&file->tokens, from, to, "match"))
		add_named(&file->rules, "", from + 1, to);
	else if (begins_statement(file, from) && fdm_is(&file->tokens, from + 1, to, "=") &&
		 from + 2 < to)
		add_named(&file->macros, token->text, from + 2, to);
	else if (fdm_is(&file->tokens, from, to, "include"))
		import_note(file->plan, token->line, "include %s: not read: import that file too",
			    name);
	else if (begins_statement(file, from))
		import_note(file->plan, token->line, "%s: not carried over", token->text);
	else
		import_problem(file->plan, token->line,
			       "no statement begins here: set, account, action, match and so on");
}

void fdm_file_read(struct fdm_file *file, struct span text, struct import_plan *plan)
{
	size_t end;

	*file = (struct fdm_file){.plan = plan};
	fdm_tokens_read(&file->tokens, text, plan);
	for (size_t at = 0; plan->problems.count == 0 && at < file->tokens.count; at = end) {
		end = statement_end(file, at);
		if (plan->problems.count == 0 && end <= at)
			end = at + 1;
		if (plan->problems.count == 0)
			read_statement(file, at, end);
	}
}

void fdm_file_release(struct fdm_file *file)
{
	fdm_tokens_release(&file->tokens);
	free(file->macros.named);
	free(file->actions.named);
	free(file->accounts.named);
	free(file->rules.named);
	*file = (struct fdm_file){0};
}
