/* SPDX-License-Identifier: MIT */
/*
 * cli-complete.h - what could be typed next, for the shells' completion: the hidden verb complete.
 *
 * It reads the tables of verbs and options and the usage lines, so that a new verb is completed
 * without more being said.
 */
#ifndef TOKEN_HELPER_CLI_COMPLETE_H
#define TOKEN_HELPER_CLI_COMPLETE_H

#include "token-helper/cli-options.h"

/*
 * Prints words, a line each, with a tab and a description where there is one.
 * cli->account: NULL: verbs. "VERB": its options, the second words of verbs that begin so, and what
 * its usage takes as operand. "+OPTION": values of it; "@none" when it takes none. "@file" stands
 * for names of files. Fails silently: nobody wants messages between two keystrokes.
 */
enum cli_exit cli_complete(const struct cli *cli, const struct cli_verb *verbs);

#endif
