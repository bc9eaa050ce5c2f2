/* SPDX-License-Identifier: MIT */
/* cli-options.c - see cli-options.h. */
#include "token-helper/cli-options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/nearest.h"
#include "common/scanner.h"

#include "common/banned.h"

#define TIMEOUT_DEFAULT_S 600
#define TIMEOUT_MAX_S	  86400
#define MIN_VALID_MAX_S	  86400
#define PORT_MAX	  65535
#define COMMON_OPTIONS	  "SchV" /* every verb takes them */

/* Letters are names inside the program; only those in SHORT_OPTIONS can be typed. */
#define SHORT_OPTIONS ":S:c:hV"

/* What follows an option, and what is done with it. */
enum option_kind {
	OPTION_FLAG,  /* nothing: sets the bool at offset */
	OPTION_WORD,  /* a value, which the string at offset takes as it stands */
	OPTION_VALUE, /* a value that read_value() looks at */
	OPTION_WANT,  /* nothing: it is help or the version that is wanted */
};

/* A row each. offset: in struct cli. */
static const struct {
	const char *name;
	char letter;
	enum option_kind kind;
	size_t offset;
} options[] = {
	{"socket", 'S', OPTION_WORD, offsetof(struct cli, socket)},
	{"config", 'c', OPTION_WORD, offsetof(struct cli, config)},
	{"help", 'h', OPTION_WANT, 0},
	{"version", 'V', OPTION_WANT, 0},
	{"json", 'j', OPTION_FLAG, offsetof(struct cli, json)},
	{"service", 's', OPTION_VALUE, 0},
	{"min-valid", 'm', OPTION_VALUE, 0},
	{"port", 'p', OPTION_VALUE, 0},
	{"timeout", 't', OPTION_VALUE, 0},
	{"no-browser", 'n', OPTION_FLAG, offsetof(struct cli, no_browser)},
	{"paste", 'P', OPTION_FLAG, offsetof(struct cli, paste)},
	{"account", 'a', OPTION_WORD, offsetof(struct cli, only)},
	{"force", 'f', OPTION_FLAG, offsetof(struct cli, force)},
	{"replace-identity", 'R', OPTION_FLAG, offsetof(struct cli, replace_identity)},
	{"check", 'k', OPTION_FLAG, offsetof(struct cli, check)},
	{"yes", 'y', OPTION_FLAG, offsetof(struct cli, yes)},
	{"flow", 'w', OPTION_VALUE, 0},
	{"request", 'q', OPTION_FLAG, offsetof(struct cli, request)},
	{"response", 'r', OPTION_FLAG, offsetof(struct cli, response)},
	{"postfix-config", 'C', OPTION_WORD, offsetof(struct cli, postfix_dir)},
	{"sender", 'E', OPTION_VALUE, 0},
	{"dry-run", 'D', OPTION_FLAG, offsetof(struct cli, dry_run)},
	{"limits", 'I', OPTION_FLAG, offsetof(struct cli, limits)},
	{"send-to", 'T', OPTION_WORD, offsetof(struct cli, send_to)},
	{"host", 'H', OPTION_WORD, offsetof(struct cli, host)},
	{"mechanism", 'M', OPTION_VALUE, 0},
	{"tls", 'L', OPTION_VALUE, 0},
	{"trace", 'x', OPTION_FLAG, offsetof(struct cli, trace)},
	{"append", 'A', OPTION_FLAG, offsetof(struct cli, append)},
	{"app-only", 'G', OPTION_FLAG, offsetof(struct cli, app_only)},
	{"with", 'W', OPTION_WORD, offsetof(struct cli, with)},
	{"password-file", 'F', OPTION_WORD, offsetof(struct cli, password_file)},
	{"user", 'u', OPTION_WORD, offsetof(struct cli, user)},
	{"unverified", 'U', OPTION_FLAG, offsetof(struct cli, unverified)},
	{"redirect", 'd', OPTION_WORD, offsetof(struct cli, redirect)},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static bool takes_value(size_t i)
{
	return options[i].kind == OPTION_WORD || options[i].kind == OPTION_VALUE;
}

/* As getopt_long(3) wants them. */
static void list_options(struct option list[OPTIONS + 1])
{
	for (size_t i = 0; i < OPTIONS; i++)
		list[i] =
			(struct option){.name = options[i].name,
					.has_arg = takes_value(i) ? required_argument : no_argument,
					.val = options[i].letter};
	list[OPTIONS] = (struct option){0};
}

static const char *long_name(int letter)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].letter == letter)
			return options[i].name;
	}
	return "?";
}

const char *cli_option_of(const struct cli_verb *verb, size_t at)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if ((strchr(COMMON_OPTIONS, options[i].letter) != NULL ||
		     strchr(verb->options, options[i].letter) != NULL) &&
		    at-- == 0)
			return options[i].name;
	}
	return NULL;
}

bool cli_option_takes_value(const char *name)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(options[i].name, name) == 0)
			return takes_value(i);
	}
	return false;
}

static enum cli_exit usage(struct err *err, const char *what, const char *which)
{
	(void)err_set(err, OUTCOME_CONFIG, "%s%s", what, which);
	return CLI_USAGE;
}

static enum cli_exit read_number(int letter, const char *text, uint64_t min, uint64_t max,
				 uint64_t *out, struct err *err)
{
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t value;

	if (!scan_u64(&scan, max, &value) || !scanner_at_end(&scan) || value < min) {
		(void)err_set(err, OUTCOME_CONFIG,
			      "--%s wants a number from %ju to %ju, not \"%s\"", long_name(letter),
			      (uintmax_t)min, (uintmax_t)max, text);
		return CLI_USAGE;
	}
	*out = value;
	return CLI_OK;
}

static enum cli_exit read_service(const char *text, const char **out, struct err *err)
{
	static const char *const services[] = {"smtp", "imap", "pop"};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(services[i], text) == 0) {
			*out = services[i];
			return CLI_OK;
		}
	}
	return usage(err, "a service is smtp, imap or pop, not ", text);
}

static enum cli_exit read_flow(const char *text, const char **out, struct err *err)
{
	if (strcmp(text, "code") != 0 && strcmp(text, "device") != 0)
		return usage(err, "--flow is code or device, not ", text);
	*out = text;
	return CLI_OK;
}

static enum cli_exit read_sender(const char *text, struct cli *cli, struct err *err)
{
	const char *at = strchr(text, '@');

	if (at == NULL || at[1] == '\0' || strpbrk(text, " \t\r\n{}$,=") != NULL)
		return usage(err, "--sender is an address, not ", text);
	if (cli->sender_count == CLI_SENDERS_MAX)
		return usage(err, "too many senders: ", text);
	cli->senders[cli->sender_count++] = text;
	return CLI_OK;
}

static enum cli_exit read_mechanism(const char *text, const char **out, struct err *err)
{
	static const char *const mechanisms[] = {"XOAUTH2", "OAUTHBEARER"};

	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		if (strcasecmp(mechanisms[i], text) == 0) {
			*out = mechanisms[i];
			return CLI_OK;
		}
	}
	return usage(err, "--mechanism is xoauth2 or oauthbearer, not ", text);
}

static enum cli_exit read_tls(const char *text, const char **out, struct err *err)
{
	if (strcmp(text, "implicit") != 0 && strcmp(text, "starttls") != 0)
		return usage(err, "--tls is implicit or starttls, not ", text);
	*out = text;
	return CLI_OK;
}

static enum cli_exit read_value(int letter, const char *value, struct cli *cli, struct err *err)
{
	switch (letter) {
	case 'w':
		return read_flow(value, &cli->flow, err);
	case 'E':
		return read_sender(value, cli, err);
	case 'M':
		return read_mechanism(value, &cli->mechanism, err);
	case 'L':
		return read_tls(value, &cli->tls, err);
	case 's':
		return read_service(value, &cli->service, err);
	case 'm':
		return read_number(letter, value, 1, MIN_VALID_MAX_S, &cli->min_valid_s, err);
	case 'p':
		return read_number(letter, value, 1, PORT_MAX, &cli->port, err);
	case 't':
		return read_number(letter, value, 1, TIMEOUT_MAX_S, &cli->timeout_s, err);
	default:
		return usage(err, "nothing is done with the value of --", long_name(letter));
	}
}

static enum cli_exit read_option(int letter, const char *value, struct cli_line *line,
				 struct err *err)
{
	char *cli = (char *)&line->cli;
	size_t i = 0;

	while (options[i].letter != letter) /* getopt_long(3) gives no others */
		i++;
	switch (options[i].kind) {
	case OPTION_FLAG:
		*(bool *)(void *)(cli + options[i].offset) = true;
		break;
	case OPTION_WORD:
		*(const char **)(void *)(cli + options[i].offset) = value;
		break;
	case OPTION_VALUE:
		return read_value(letter, value, &line->cli, err);
	case OPTION_WANT:
		line->want = letter == 'h' ? WANT_HELP : WANT_VERSION;
		break;
	}
	return CLI_OK;
}

/* Number of operands that the verb's name takes up: 0 when they do not begin with it. */
static int name_words(const char *name, char **operands, int count)
{
	const char *space = strchr(name, ' ');
	size_t first = space != NULL ? (size_t)(space - name) : strlen(name);

	if (count < 1 || strlen(operands[0]) != first || memcmp(operands[0], name, first) != 0)
		return 0;
	if (space == NULL)
		return 1;
	return count >= 2 && strcmp(operands[1], space + 1) == 0 ? 2 : 0;
}

static enum cli_exit read_operands(struct cli_line *line, char **operands, int count,
				   struct err *err)
{
	enum operand takes = line->verb->account;

	if (takes == OPERAND_WORDS) {
		line->cli.words = operands;
		line->cli.word_count = (size_t)count;
		return CLI_OK;
	}
	if (takes == OPERAND_SERVICE && count == 2) {
		count = 1;
		if (read_service(operands[1], &line->cli.service, err) != CLI_OK)
			return CLI_USAGE;
	}
	if (count > 1 || (count == 1 && takes == OPERAND_NONE))
		return usage(err, "too many words: ", operands[count - 1]);
	if (count == 1 && operands[0][0] == '\0')
		return usage(err, "the account's name is empty", "");
	if (takes == OPERAND_FILE && count == 0)
		return usage(err, "which file? run: mailoauth help ", line->verb->name);
	if (takes == OPERAND_FILE) {
		line->cli.file = operands[0];
		return CLI_OK;
	}
	if (count == 0 && (takes == OPERAND_REQUIRED || takes == OPERAND_SERVICE))
		return usage(err, "which account? run: mailoauth help ", line->verb->name);
	line->cli.account = count == 1 ? operands[0] : NULL;
	return CLI_OK;
}

static enum cli_exit no_verb(const struct cli_verb *verbs, const char *word, struct err *err)
{
	struct words names = {0};
	const char *nearest;

	for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
		if (v->help != NULL)
			words_push(&names, (struct span){v->name, strcspn(v->name, " ")});
	}
	nearest = nearest_word(&names, word);
	(void)err_set(err, OUTCOME_CONFIG, "there is no verb %s%s%s; run: mailoauth help", word,
		      nearest != NULL ? "; there is " : "", nearest != NULL ? nearest : "");
	words_release(&names);
	return CLI_USAGE;
}

/* The first word of two, with the second forgotten or mistyped, says what was meant. */
static enum cli_exit unknown_verb(const struct cli_verb *verbs, const char *word, struct err *err)
{
	struct buffer meant = BUFFER_INIT(256);
	size_t len = strlen(word);

	for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
		if (strncmp(v->name, word, len) == 0 && v->name[len] == ' ')
			(void)buffer_printf(&meant, "%smailoauth %s", meant.len > 0 ? ", or: " : "",
					    v->name);
	}
	if (meant.len > 0)
		(void)usage(err, "the verb has two words; run: ", buffer_cstr(&meant));
	else
		(void)no_verb(verbs, word, err);
	buffer_release(&meant);
	return CLI_USAGE;
}

static enum cli_exit read_verb(struct cli_line *line, const struct cli_verb *verbs, char **operands,
			       int count, struct err *err)
{
	int used = 0;

	/* "help VERB" is "VERB --help"; "help" alone, and nothing at all, is the overview. */
	if (count > 0 && strcmp(operands[0], "help") == 0) {
		line->want = WANT_HELP;
		operands++;
		count--;
	}
	if (count == 0) {
		if (line->want == WANT_RUN)
			return usage(err, "what should be done? run: mailoauth help", "");
		return CLI_OK;
	}
	for (const struct cli_verb *v = verbs; used == 0 && v->name != NULL; v++) {
		used = name_words(v->name, operands, count);
		line->verb = used > 0 ? v : NULL;
	}
	if (line->verb == NULL)
		return unknown_verb(verbs, operands[0], err);
	if (line->want != WANT_RUN)
		return CLI_OK;
	return read_operands(line, operands + used, count - used, err);
}

/* An option that the verb would ignore is a mistake: it would not do what was meant. */
static enum cli_exit check_options(const struct cli_line *line, const char *given, struct err *err)
{
	if (line->verb == NULL || line->want != WANT_RUN)
		return CLI_OK;
	for (; *given != '\0'; given++) {
		if (strchr(COMMON_OPTIONS, *given) == NULL &&
		    strchr(line->verb->options, *given) == NULL) {
			(void)err_set(err, OUTCOME_CONFIG,
				      "%s takes no --%s; run: mailoauth help %s", line->verb->name,
				      long_name(*given), line->verb->name);
			return CLI_USAGE;
		}
	}
	return CLI_OK;
}

/* Two things that cannot be had at once. */
static enum cli_exit check_pairs(const struct cli *cli, struct err *err)
{
	if (cli->request && cli->response)
		return usage(err, "--request comes first, --response when the person has signed in",
			     "");
	if ((cli->request || cli->response) && cli->flow != NULL && strcmp(cli->flow, "code") != 0)
		return usage(err, "--request and --response are for --flow code", "");
	if (cli->redirect != NULL && cli->response)
		return usage(err,
			     "--redirect goes with --request: what --response finishes has one",
			     "");
	if (cli->redirect != NULL && cli->flow != NULL && strcmp(cli->flow, "code") != 0)
		return usage(err,
			     "--redirect is for --flow code: by device code nothing comes back",
			     "");
	return CLI_OK;
}

/* The verb that is meant, also where a mistake stands before it; NULL: none can be made out. */
static const struct cli_verb *verb_meant(const struct cli_verb *verbs, char **argv, int argc)
{
	for (int at = 1; at < argc; at++) {
		for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
			if (name_words(v->name, argv + at, argc - at) > 0)
				return v;
		}
	}
	return NULL;
}

static void add_help_of(const struct cli_verb *verb, struct err *err)
{
	struct err said = *err;

	if (verb != NULL && strstr(said.text, "run: ") == NULL)
		(void)err_set(err, OUTCOME_CONFIG, "%s; run: mailoauth help %s", said.text,
			      verb->name);
}

static void set_defaults(struct cli_line *line)
{
	*line = (struct cli_line){
		.cli = {.config = MAILOAUTH_CONF, .timeout_s = TIMEOUT_DEFAULT_S}};
}

enum cli_exit cli_options_read(int argc, char **argv, const struct cli_verb *verbs,
			       struct cli_line *line, struct err *err)
{
	struct buffer given = BUFFER_INIT(256);
	struct option list[OPTIONS + 1];
	enum cli_exit exit = CLI_OK;
	int letter;

	set_defaults(line);
	list_options(list);
	optind = 0; /* GNU: start anew */
	opterr = 0;
	while (exit == CLI_OK &&
	       (letter = getopt_long(argc, argv, SHORT_OPTIONS, list, NULL)) != -1) {
		if (letter == '?')
			exit = usage(err, "option unknown or misused: ", argv[optind - 1]);
		else if (letter == ':')
			exit = usage(err, "a value is missing after ", argv[optind - 1]);
		else
			exit = read_option(letter, optarg, line, err);
		(void)buffer_append_byte(&given, (char)letter);
	}
	if (exit == CLI_OK && line->want != WANT_VERSION)
		exit = read_verb(line, verbs, argv + optind, argc - optind, err);
	if (exit == CLI_OK)
		exit = check_options(line, buffer_cstr(&given), err);
	if (exit == CLI_OK)
		exit = check_pairs(&line->cli, err);
	if (exit != CLI_OK)
		add_help_of(verb_meant(verbs, argv, argc), err);
	buffer_release(&given);
	return exit;
}
