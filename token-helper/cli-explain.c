/* SPDX-License-Identifier: MIT */
/*
 * cli-explain.c - the verb explain: what words mean that somebody has before them, in the arguments
 * or as a log on standard input; or a topic. The daemon is not asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "token-helper/cli-topics.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/explain/report.h"

#include "common/banned.h"

#define EXPLAIN_UNKNOWN 1 /* like grep(1) */
#define CHUNK		65536

static enum cli_exit finish(const struct cli *cli, struct reading *reading, bool log)
{
	bool known;

	reading_finish(reading);
	known = cli->json ? report_print_json(stdout, reading) : report_print(stdout, reading, log);
	return known ? CLI_OK : (enum cli_exit)EXPLAIN_UNKNOWN;
}

/* The arguments are one line: quotes around them are not needed. */
static enum cli_exit explain_words(const struct cli *cli)
{
	struct reading *reading = xcalloc(1, sizeof(*reading));
	enum cli_exit exit;

	reading_init(reading);
	for (size_t i = 0; i < cli->word_count; i++) {
		reading_feed(reading, span_from_str(i > 0 ? " " : ""));
		reading_feed(reading, span_from_str(cli->words[i]));
	}
	exit = finish(cli, reading, false);
	reading_release(reading);
	free(reading);
	return exit;
}

static enum cli_exit read_input(struct reading *reading)
{
	char *chunk = xcalloc(1, CHUNK);
	enum cli_exit exit = CLI_OK;
	ssize_t len;

	while ((len = read(STDIN_FILENO, chunk, CHUNK)) != 0) {
		if (len > 0)
			reading_feed(reading, (struct span){chunk, (size_t)len});
		else if (errno != EINTR)
			break;
	}
	if (len < 0) {
		struct err err;

		(void)err_set(&err, OUTCOME_RETRY, "standard input: %s", strerror(errno));
		exit = cli_report(CLI_DATA, err.text);
	}
	wipe(chunk, CHUNK);
	free(chunk);
	return exit;
}

static enum cli_exit explain_input(const struct cli *cli)
{
	struct reading *reading = xcalloc(1, sizeof(*reading));
	enum cli_exit exit;

	if (isatty(STDIN_FILENO))
		(void)fputs("mailoauth: paste what is to be explained, then type Ctrl-D\n", stderr);
	reading_init(reading);
	exit = read_input(reading);
	if (exit == CLI_OK)
		exit = finish(cli, reading, true);
	reading_release(reading);
	free(reading);
	return exit;
}

static enum cli_exit list_topics(const struct cli *cli)
{
	struct err err = ERR_INIT;
	enum outcome outcome = topics_list(stdout, cli->config, &err);

	return outcome == OUTCOME_OK ? CLI_OK : cli_report(cli_exit_of(outcome), err.text);
}

enum cli_exit cli_explain(const struct cli *cli)
{
	if (cli->word_count == 0)
		return explain_input(cli);
	if (cli->word_count == 1 && strcmp(cli->words[0], "topics") == 0)
		return list_topics(cli);
	if (!cli->json && topics_print(stdout, cli->config, cli->words, cli->word_count))
		return CLI_OK;
	return explain_words(cli);
}
