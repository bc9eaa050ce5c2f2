/* SPDX-License-Identifier: MIT */
/* cli-ask.c - see cli-ask.h. */
#include "token-helper/cli-ask.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "token-helper/cli-text.h"

#include "common/banned.h"

#define PASSWORD_MAX 1024 /* OpenSSL's prompt takes no more */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	interrupted = signal_number;
}

bool ask_yes(const struct cli *cli, const char *question)
{
	/* Without SA_RESTART: the read ends, and with it the question. */
	const struct sigaction interrupt = {.sa_handler = on_interrupt};
	struct sigaction before;
	char line[16] = "";
	bool is_yes;

	if (cli->yes)
		return true;
	if (!isatty(STDIN_FILENO))
		return false;
	interrupted = 0;
	(void)sigaction(SIGINT, &interrupt, &before);
	text_print(stderr, question);
	(void)fputs(" Type yes to do so: ", stderr);
	is_yes = interrupted == 0 && fgets(line, sizeof(line), stdin) != NULL &&
		 strcmp(line, "yes\n") == 0;
	(void)sigaction(SIGINT, &before, NULL);
	return is_yes;
}

enum cli_exit ask_refused(const char *text)
{
	if (interrupted == 0)
		return cli_report(CLI_USAGE, text);
	(void)fputs("\nmailoauth: cancelled, nothing was done\n", stderr);
	return (enum cli_exit)(128 + interrupted);
}

/* The library's prompt: it gives the terminal its echo back whatever signal comes. */
bool ask_password(const char *prompt, struct buffer *out)
{
	char typed[PASSWORD_MAX + 1] = "";
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool got = fd >= 0 && EVP_read_pw_string(typed, PASSWORD_MAX, prompt, 0) == 0 &&
		   typed[0] != '\0' && buffer_set(out, typed, strlen(typed));

	if (fd >= 0)
		(void)close(fd);
	wipe(typed, sizeof(typed));
	return got;
}
