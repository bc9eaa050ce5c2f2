/* SPDX-License-Identifier: MIT */
/*
 * cli-bundle.c - `mailoauth support-bundle`: shown first, written only then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "token-helper/bundle/bundle.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"

#include "common/banned.h"

static void print(struct span text)
{
	struct buffer line = BUFFER_INIT(BUNDLE_MAX);

	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		buffer_clear(&line);
		(void)buffer_append(&line, text.ptr, len);
		text_print(stdout, buffer_cstr(&line));
		(void)fputc('\n', stdout);
		len += end != NULL;
		text = (struct span){text.ptr + len, text.len - len};
	}
	buffer_release(&line);
}

static bool agrees(const char *file)
{
	char answer[16] = "";

	(void)fprintf(stderr, "Write this to %s? [y/N] ", file);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

static enum cli_exit write_file(const char *file, struct span text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct err err = ERR_INIT;

	while (fd >= 0 && text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		text = (struct span){text.ptr + n, text.len - (size_t)n};
	}
	if (fd >= 0 && close(fd) == 0 && text.len == 0)
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
	else if (file != NULL && !cli->yes && !agrees(file))
		(void)fputs("nothing was written\n", stderr);
	else if (file != NULL)
		exit = write_file(file, buffer_span(&text));
	buffer_release(&text);
	return exit;
}
