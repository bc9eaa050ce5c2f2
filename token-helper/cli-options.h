/* SPDX-License-Identifier: MIT */
/*
 * cli-options.h - reading the command line by two tables: the options, and the verbs that take
 * them.
 */
#ifndef TOKEN_HELPER_CLI_OPTIONS_H
#define TOKEN_HELPER_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "token-helper/cli-call.h"
#include "token-helper/cli-exit.h"

/* OPERAND_SERVICE: an account, and then perhaps a service. */
enum operand {
	OPERAND_NONE,
	OPERAND_OPTIONAL,
	OPERAND_REQUIRED,
	OPERAND_FILE,
	OPERAND_SERVICE,
	OPERAND_WORDS,
};

struct cli_verb {
	const char *name; /* one or two words */
	enum cli_exit (*run)(const struct cli *cli);
	enum operand account; /* what follows the verb; OPERAND_FILE is no account but required too,
			       * OPERAND_WORDS any number of any words */
	const char *options; /* letters of cli-options.c that it takes beyond those that all take */
	const char *usage;
	const char *help; /* NULL: the verb is for programs, and not shown */
	const char *example;
};

enum cli_want { WANT_RUN, WANT_HELP, WANT_VERSION };

struct cli_line {
	struct cli cli;
	const struct cli_verb *verb; /* NULL: none was named */
	enum cli_want want;
};

/*
 * Reads argv; options may stand anywhere. verbs: ended by a NULL name. CLI_OK, or CLI_USAGE with
 * err. Uses getopt_long(3): not to be called twice at once.
 */
enum cli_exit cli_options_read(int argc, char **argv, const struct cli_verb *verbs,
			       struct cli_line *line, struct err *err);

/* The name of the at-th option that the verb takes, without its dashes; NULL: there are no more.
 * Whether an option of that name takes a value. */
const char *cli_option_of(const struct cli_verb *verb, size_t at);
bool cli_option_takes_value(const char *name);

#endif
