/* SPDX-License-Identifier: MIT */
/* cli-ask.h - questions to whoever sits at the terminal. */
#ifndef TOKEN_HELPER_CLI_ASK_H
#define TOKEN_HELPER_CLI_ASK_H

#include <stdbool.h>

#include "common/buffer.h"
#include "token-helper/cli-call.h"

/*
 * True with --yes, or when "yes" is typed, the whole word. Else false: also when nobody can be
 * asked, and after Ctrl-C, so that the caller can clean up.
 */
bool ask_yes(const struct cli *cli, const char *question);

/* Then: says text, or after Ctrl-C that it was cancelled. What to exit with. */
enum cli_exit ask_refused(const char *text);

/* A password without echo, from the terminal itself, into out (secret). False: there is no
 * terminal, or nothing was typed. */
bool ask_password(const char *prompt, struct buffer *out);

#endif
