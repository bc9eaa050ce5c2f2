/* SPDX-License-Identifier: MIT */
/*
 * cli-bundle.c - `mailoauth support-bundle`: shown first, written only then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/scanner.h"
#include "common/xalloc.h"
#include "token-helper/bundle/bundle.h"
#include "token-helper/cli-ask.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"

#include "common/banned.h"

static void print(struct span text)
{
	struct buffer line = BUFFER_INIT(BUNDLE_MAX);
	struct scanner scan = scanner_over(text);
	struct span one;

	while (scan_line(&scan, &one)) {
		buffer_clear(&line);
		(void)buffer_append_span(&line, one);
		text_print(stdout, buffer_cstr(&line));
		(void)fputc('\n', stdout);
	}
	buffer_release(&line);
}

static bool agrees(const struct cli *cli, const char *file)
{
	char *question = xasprintf("Write this to %s?", file);
	bool is_yes = ask_yes(cli, question);

	free(question);
	return is_yes;
}

static enum cli_exit write_file(const char *file, struct span text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool fine = fd >= 0 && file_write_all(fd, text);
	struct err err = ERR_INIT;

	if (fd >= 0 && close(fd) == 0 && fine)
		return CLI_OK;
	(void)err_set(&err, OUTCOME_CONFIG, "%s: %s", file, strerror(errno));
	return cli_report(CLI_OUTPUT, err.text);
}

enum cli_exit cli_support_bundle(const struct cli *cli)
{
	const char *file = cli->account; /* the one operand */
	struct buffer text = BUFFER_INIT(BUNDLE_MAX);
	enum cli_exit exit = CLI_OK;

	bundle_append(cli, &text);
	print(buffer_span(&text));
	(void)fflush(stdout);
	if (file != NULL && !cli->yes && !isatty(STDIN_FILENO))
		exit = cli_report(CLI_USAGE, "nothing was written: look at it, then say --yes");
	else if (file != NULL && !agrees(cli, file))
		exit = ask_refused("nothing was written, as you say; run: mailoauth help "
				   "support-bundle");
	else if (file != NULL)
		exit = write_file(file, buffer_span(&text));
	buffer_release(&text);
	return exit;
}
