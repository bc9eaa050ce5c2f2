/* SPDX-License-Identifier: MIT */
/* fetchmail-grammar.c - see fetchmail-grammar.h. */
#include "fetch-agent/import/fetchmail-grammar.h"

#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/import/fetchmail-lexer.h"

#include "common/banned.h"

struct reading {
	struct fetchmail_lexer lexer;
	fetchmail_user_fn *each;
	struct fetchmail_options defaults, server, *global;
	struct fetchmail_user user;
	struct fetchmail_options *current;
	bool in_defaults, has_user;
};

void fetchmail_options_release(struct fetchmail_options *options)
{
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		struct words *words = &options->option[i].words;

		for (size_t w = 0; w < words->count; w++)
			wipe(words->word[w], strlen(words->word[w])); /* one is a password */
		words_release(words);
	}
	*options = (struct fetchmail_options){0};
}

static void options_copy(struct fetchmail_options *to, const struct fetchmail_options *from)
{
	fetchmail_options_release(to);
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		to->option[i] = from->option[i];
		to->option[i].words = (struct words){0};
		words_copy(&to->option[i].words, &from->option[i].words);
	}
}

uint64_t fetchmail_number(const char *text)
{
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t number = 0;

	return scan_u64(&scan, INT64_MAX / 2, &number) && scanner_at_end(&scan) ? number : 0;
}

static void end_user(struct reading *reading)
{
	if (reading->user.host != NULL && !reading->in_defaults)
		reading->each(&reading->user);
}

static bool at_word(const struct reading *reading, const char *word)
{
	return reading->lexer.token == FETCHMAIL_WORD &&
	       span_equals(buffer_span(&reading->lexer.text), word);
}

static const char *const structure[] = {
	"poll", "server", "skip", "defaults", "set",  "user", "username", "is",	     "to",
	"here", "there",  "no",	  "and",      "with", "has",  "wants",	  "options",
};

/* "nokeep" is "no keep". */
static struct span without_no(struct span word)
{
	if (word.len > 2 && memcmp(word.ptr, "no", 2) == 0)
		return (struct span){word.ptr + 2, word.len - 2};
	return word;
}

static bool at_keyword(const struct reading *reading)
{
	struct span word = buffer_span(&reading->lexer.text);

	if (reading->lexer.token != FETCHMAIL_WORD)
		return false;
	for (size_t i = 0; i < sizeof(structure) / sizeof(structure[0]); i++) {
		if (span_equals(word, structure[i]))
			return true;
	}
	return fetchmail_keyword_find(word) != NULL ||
	       fetchmail_keyword_find(without_no(word)) != NULL;
}

static bool at_value(const struct reading *reading)
{
	return reading->lexer.token == FETCHMAIL_STRING ||
	       (reading->lexer.token == FETCHMAIL_WORD && !at_keyword(reading));
}

static void fail(struct reading *reading, const char *wanted)
{
	const struct fetchmail_lexer *lexer = &reading->lexer;

	/* What stands here may be a password that was not quoted. */
	if (lexer->token == FETCHMAIL_BAD)
		import_problem(reading->user.plan, lexer->token_line, "%s",
			       buffer_cstr(&lexer->text));
	else
		import_problem(reading->user.plan, lexer->token_line, "%s is missing here", wanted);
}

/* A keyword may be a value where one must follow: `pass keep`. */
static bool take_value(struct reading *reading, struct words *words, const char *wanted)
{
	if (reading->lexer.token != FETCHMAIL_STRING && reading->lexer.token != FETCHMAIL_WORD) {
		fail(reading, wanted);
		return false;
	}
	words_push(words, buffer_span(&reading->lexer.text));
	fetchmail_lexer_next(&reading->lexer);
	return true;
}

static void take_argument(struct reading *reading, const struct fetchmail_keyword *keyword,
			  struct fetchmail_option *option)
{
	if (keyword->shape == SHAPE_FLAG || option->no)
		return;
	if (reading->lexer.token == FETCHMAIL_EQUALS)
		fetchmail_lexer_next(&reading->lexer);
	if (keyword->shape == SHAPE_ENVELOPE && reading->lexer.token == FETCHMAIL_WORD &&
	    fetchmail_number(buffer_cstr(&reading->lexer.text)) > 0) {
		import_note(reading->user.plan, reading->lexer.token_line,
			    "envelope %s: fields cannot be passed over; the first of that name "
			    "counts",
			    buffer_cstr(&reading->lexer.text));
		fetchmail_lexer_next(&reading->lexer);
	}
	if (!take_value(reading, &option->words, keyword->name))
		return;
	while (keyword->shape == SHAPE_LIST && at_value(reading))
		(void)take_value(reading, &option->words, keyword->name);
}

static void take_option(struct reading *reading, const struct fetchmail_keyword *keyword, bool no,
			int line, struct fetchmail_options *into)
{
	struct fetchmail_option option = {.set = true, .no = no, .line = line};
	const char *note = no ? keyword->no_note : keyword->note;

	fetchmail_lexer_next(&reading->lexer);
	take_argument(reading, keyword, &option);
	if (note != NULL)
		import_note(reading->user.plan, line, "%s%s: %s", no ? "no " : "", keyword->name,
			    note);
	for (size_t i = 0; i < into->option[keyword->slot].words.count; i++)
		wipe(into->option[keyword->slot].words.word[i],
		     strlen(into->option[keyword->slot].words.word[i]));
	words_release(&into->option[keyword->slot].words);
	into->option[keyword->slot] = option;
}

/* `set X`, `set no X`, `set X = Y`. */
static void take_global(struct reading *reading)
{
	int line = reading->lexer.token_line;
	struct span word;
	bool no = false;

	fetchmail_lexer_next(&reading->lexer);
	if (at_word(reading, "no")) {
		no = true;
		fetchmail_lexer_next(&reading->lexer);
	}
	word = buffer_span(&reading->lexer.text);
	if (fetchmail_global_find(word) == NULL) {
		no = no || without_no(word).len < word.len;
		word = without_no(word);
	}
	if (reading->lexer.token != FETCHMAIL_WORD || fetchmail_global_find(word) == NULL) {
		fail(reading, "what to set");
		fetchmail_lexer_next(&reading->lexer);
		return;
	}
	take_option(reading, fetchmail_global_find(word), no, line, reading->global);
}

static void begin_server(struct reading *reading, bool defaults)
{
	end_user(reading);
	reading->user.skipped = at_word(reading, "skip");
	reading->user.line = reading->lexer.token_line;
	fetchmail_lexer_next(&reading->lexer);
	free(reading->user.host);
	reading->user.host = NULL;
	free(reading->user.remote);
	reading->user.remote = NULL;
	words_release(&reading->user.local);
	reading->in_defaults = defaults;
	reading->has_user = false;
	reading->current = defaults ? &reading->defaults : &reading->user.options;
	if (defaults)
		return;
	options_copy(&reading->user.options, &reading->defaults);
	if (reading->lexer.token != FETCHMAIL_WORD && reading->lexer.token != FETCHMAIL_STRING) {
		fail(reading, "the server's name");
		return;
	}
	reading->user.host = xstrdup(buffer_cstr(&reading->lexer.text));
	fetchmail_lexer_next(&reading->lexer);
}

/* NAME, or NAME=NAME, as one word. */
static bool take_name(struct reading *reading, struct words *names)
{
	struct buffer name = BUFFER_INIT(3 * FETCHMAIL_TOKEN_MAX);
	bool good = true;

	(void)buffer_append_span(&name, buffer_span(&reading->lexer.text));
	fetchmail_lexer_next(&reading->lexer);
	if (reading->lexer.token == FETCHMAIL_EQUALS) {
		fetchmail_lexer_next(&reading->lexer);
		good = at_value(reading);
		(void)buffer_printf(&name, "=%s", buffer_cstr(&reading->lexer.text));
		if (good)
			fetchmail_lexer_next(&reading->lexer);
		else
			fail(reading, "a name after =");
	}
	words_push(names, buffer_span(&name));
	buffer_release(&name);
	return good;
}

static void set_remote(struct reading *reading, const char *name)
{
	free(reading->user.remote);
	reading->user.remote = xstrdup(name);
}

/* `is NAMES`, `to NAMES`: here, unless `there` follows. */
static void take_names(struct reading *reading)
{
	struct words names = {0};

	fetchmail_lexer_next(&reading->lexer);
	if (!at_value(reading))
		fail(reading, "a name");
	while (at_value(reading) && take_name(reading, &names))
		continue;
	if (at_word(reading, "there")) {
		fetchmail_lexer_next(&reading->lexer);
		if (names.count > 0)
			set_remote(reading, names.word[0]);
	} else {
		if (at_word(reading, "here"))
			fetchmail_lexer_next(&reading->lexer);
		for (size_t i = 0; i < names.count; i++)
			words_push(&reading->user.local, span_from_str(names.word[i]));
	}
	words_release(&names);
}

static void begin_user(struct reading *reading)
{
	int line = reading->lexer.token_line;
	struct words name = {0};

	if (reading->current == NULL)
		import_problem(reading->user.plan, line, "user stands before poll");
	if (reading->has_user) {
		end_user(reading);
		options_copy(&reading->user.options, &reading->server);
	} else if (!reading->in_defaults) {
		options_copy(&reading->server, &reading->user.options);
	}
	reading->has_user = true;
	reading->user.line = line;
	words_release(&reading->user.local);
	set_remote(reading, NULL);
	fetchmail_lexer_next(&reading->lexer);
	if (!take_value(reading, &name, "the user's name"))
		return;
	if (at_word(reading, "here")) {
		words_push(&reading->user.local, span_from_str(name.word[0]));
		fetchmail_lexer_next(&reading->lexer);
	} else {
		set_remote(reading, name.word[0]);
		if (at_word(reading, "there"))
			fetchmail_lexer_next(&reading->lexer);
	}
	words_release(&name);
}

static void take_any_option(struct reading *reading)
{
	int line = reading->lexer.token_line;
	bool no = at_word(reading, "no");
	const struct fetchmail_keyword *keyword;
	struct span word;

	if (no)
		fetchmail_lexer_next(&reading->lexer);
	word = buffer_span(&reading->lexer.text);
	keyword = fetchmail_keyword_find(word);
	if (keyword == NULL) {
		keyword = fetchmail_keyword_find(without_no(word));
		no = no || keyword != NULL;
	}
	if (reading->lexer.token != FETCHMAIL_WORD || keyword == NULL) {
		/* Not the word itself: it may be part of a password with blanks. */
		import_problem(reading->user.plan, line, "a word that fetchmail does not know");
		fetchmail_lexer_next(&reading->lexer);
	} else if (reading->current == NULL) {
		import_problem(reading->user.plan, line, "%s stands before poll", keyword->name);
		fetchmail_lexer_next(&reading->lexer);
	} else {
		take_option(reading, keyword, no, line, reading->current);
	}
}

static bool at_noise(const struct reading *reading)
{
	static const char *const noise[] = {"and",     "with", "has",  "wants",
					    "options", "here", "there"};

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		if (at_word(reading, noise[i]))
			return true;
	}
	return false;
}

static void take_statement(struct reading *reading)
{
	if (at_word(reading, "poll") || at_word(reading, "server") || at_word(reading, "skip"))
		begin_server(reading, false);
	else if (at_word(reading, "defaults"))
		begin_server(reading, true);
	else if (at_word(reading, "set"))
		take_global(reading);
	else if (at_word(reading, "user") || at_word(reading, "username"))
		begin_user(reading);
	else if (at_word(reading, "is") || at_word(reading, "to"))
		take_names(reading);
	else if (at_noise(reading))
		fetchmail_lexer_next(&reading->lexer);
	else
		take_any_option(reading);
}

void fetchmail_grammar_read(struct span text, struct import_plan *plan, fetchmail_user_fn *each,
			    struct fetchmail_options *global)
{
	struct reading reading = {
		.each = each, .user = {.plan = plan, .global = global}, .global = global};

	fetchmail_lexer_init(&reading.lexer, text);
	while (reading.lexer.token != FETCHMAIL_END && reading.lexer.token != FETCHMAIL_BAD)
		take_statement(&reading);
	if (reading.lexer.token == FETCHMAIL_BAD && plan->problems.count == 0)
		fail(&reading, "");
	end_user(&reading);
	fetchmail_options_release(&reading.defaults);
	fetchmail_options_release(&reading.server);
	fetchmail_options_release(&reading.user.options);
	words_release(&reading.user.local);
	free(reading.user.host);
	free(reading.user.remote);
	fetchmail_lexer_release(&reading.lexer);
}
