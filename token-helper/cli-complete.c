/* SPDX-License-Identifier: MIT */
/* cli-complete.c - see cli-complete.h. */
#include "token-helper/cli-complete.h"

#include <json.h>
#include <string.h>

#include "token-helper/accounts/preset.h"
#include "token-helper/cli-shelf.h"
#include "token-helper/cli-status.h"
#include "token-helper/cli-text.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

typedef void list_fn(const struct cli *cli);

/* Things that can be listed -------------------------------------------------------------------- */

static void list_accounts(const struct cli *cli)
{
	struct json_object *status = NULL;
	struct json_object *list;
	struct cli asking = *cli;
	struct err err = ERR_INIT;

	asking.account = NULL; /* the operand is the word before */
	if (status_ask(&asking, &status, &err) != CLI_OK)
		return;
	list = json_member_array(status, "accounts");
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = cli_json_string(one, "account");
		const char *user = cli_json_string(one, "user");

		if (name == NULL)
			continue;
		text_print(stdout, name);
		(void)fputc('\t', stdout);
		text_print(stdout, user != NULL ? user : "");
		(void)fputc('\n', stdout);
	}
	json_object_put(status);
}

static void print_words(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		(void)puts(words->word[i]);
	words_release(words);
}

static void list_providers(const struct cli *cli)
{
	struct words dirs = {0}, names = {0};

	preset_dirs(cli->config, NULL, &dirs);
	preset_list(&dirs, &names);
	print_words(&names);
	words_release(&dirs);
}

static void list_guides(const struct cli *cli)
{
	const struct shelf shelf = shelf_guides(cli->config);
	struct words names = {0};

	shelf_list(&shelf, &names);
	print_words(&names);
}

static void list_topics(const struct cli *cli)
{
	const struct shelf shelf = shelf_topics(cli->config);
	struct words names = {0};

	shelf_list(&shelf, &names);
	print_words(&names);
}

/* Of all accounts: which one is meant was said in another word. */
static void list_redirects(const struct cli *cli)
{
	struct json_object *status = NULL;
	struct json_object *list;
	struct cli asking = *cli;
	struct err err = ERR_INIT;
	struct words all = {0};

	asking.account = NULL;
	if (status_ask(&asking, &status, &err) != CLI_OK)
		return;
	list = json_member_array(status, "accounts");
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		status_append_redirects(json_object_array_get_idx(list, i), &all);
	print_words(&all);
	json_object_put(status);
}

static void list_files(const struct cli *cli)
{
	(void)cli;
	(void)puts("@file");
}

static void list_services(const struct cli *cli)
{
	(void)cli;
	(void)puts("smtp\nimap\npop");
}

/* Words of usage lines, and what may stand for them. */
static const struct {
	const char *word;
	list_fn *list;
} kinds[] = {
	{"ACCOUNT", list_accounts}, {"PROVIDER", list_providers},
	{"PROGRAM", list_guides},   {"TOPIC", list_topics},
	{"FILE", list_files},	    {"DIR", list_files},
	{"SOCKET", list_files},	    {"smtp|imap|pop", list_services},
	{"URI", list_redirects},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Is word somewhere in text[0..len), whole? */
static bool has_word(const char *text, size_t len, const char *word)
{
	size_t size = strlen(word);

	for (size_t i = 0; i + size <= len; i++) {
		if (memcmp(text + i, word, size) == 0 &&
		    (i == 0 || strchr(" [|", text[i - 1]) != NULL) &&
		    (i + size == len || strchr(" ]|[:", text[i + size]) != NULL))
			return true;
	}
	return false;
}

static void list_kinds(const struct cli *cli, const char *text, size_t len)
{
	bool files = false;

	for (size_t i = 0; i < KINDS; i++) {
		if (!has_word(text, len, kinds[i].word) || (kinds[i].list == list_files && files))
			continue;
		files = files || kinds[i].list == list_files;
		kinds[i].list(cli);
	}
}

/* Verbs and options -----------------------------------------------------------------------------
 */

static void list_verbs(const struct cli_verb *verbs)
{
	for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
		size_t len = strcspn(v->name, " ");

		if (v->help == NULL || (v > verbs && strncmp(v[-1].name, v->name, len + 1) == 0 &&
					v->name[len] == ' '))
			continue; /* hidden, or the same first word once more */
		(void)printf("%.*s\t%s\n", (int)len, v->name, v->help);
	}
	(void)puts("help\tsay more about one");
}

/* The operands stand between the verb and its first option. */
static void list_operands(const struct cli *cli, const struct cli_verb *verb)
{
	const char *end = strstr(verb->usage, "--");

	if (verb->account != OPERAND_NONE)
		list_kinds(cli, verb->usage,
			   end != NULL ? (size_t)(end - verb->usage) : strlen(verb->usage));
}

static void list_after_verb(const struct cli *cli, const struct cli_verb *verbs, const char *word)
{
	size_t len = strlen(word);
	const char *option;
	bool listed = false;

	for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
		bool second = strncmp(v->name, word, len) == 0 && v->name[len] == ' ';

		if (v->help == NULL || (!second && strcmp(v->name, word) != 0))
			continue;
		if (second)
			(void)printf("%s\t%s\n", v->name + len + 1, v->help);
		for (size_t i = 0; (option = cli_option_of(v, i)) != NULL; i++)
			(void)printf("--%s\n", option);
		/* Two verbs that begin alike have operands alike. */
		if (!listed)
			list_operands(cli, v);
		listed = true;
	}
}

/* What follows the option in the usage of a verb: "--flow code|device" or "--account NAME". */
static void list_values(const struct cli *cli, const struct cli_verb *verbs, const char *option)
{
	size_t len = strlen(option);

	for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
		const char *at = v->usage != NULL ? strstr(v->usage, option) : NULL;
		const char *value = at != NULL && at[len] == ' ' ? at + len + 1 : NULL;
		size_t size = value != NULL ? strcspn(value, " ]\n") : 0;

		if (size == 0)
			continue;
		if (strchr("abcdefghijklmnopqrstuvwxyz", value[0]) != NULL) {
			for (size_t i = 0; i < size; i++)
				(void)fputc(value[i] == '|' ? '\n' : value[i], stdout);
			(void)fputc('\n', stdout);
		} else {
			list_kinds(cli, value, size);
		}
		return;
	}
}

enum cli_exit cli_complete(const struct cli *cli, const struct cli_verb *verbs)
{
	const char *word = cli->account;

	if (word == NULL || strcmp(word, "help") == 0)
		list_verbs(verbs);
	else if (word[0] == '+' && !cli_option_takes_value(word + 1))
		(void)puts("@none");
	else if (word[0] == '+' && (strcmp(word, "+account") == 0))
		list_accounts(cli);
	else if (word[0] == '+' && (strcmp(word, "+socket") == 0 || strcmp(word, "+config") == 0))
		list_files(cli);
	else if (word[0] == '+') {
		struct buffer option = BUFFER_INIT(64);

		if (buffer_printf(&option, "--%s", word + 1))
			list_values(cli, verbs, buffer_cstr(&option));
		buffer_release(&option);
	} else {
		list_after_verb(cli, verbs, word);
	}
	return CLI_OK;
}
