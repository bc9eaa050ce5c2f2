/* SPDX-License-Identifier: MIT */
/*
 * cli-postfix.c - the verbs postfix enable and postfix disable: shows what would change, asks,
 * makes it, and can go back.
 *
 * Order: copies and the record of what changes are on disk before main.cf is touched, so that
 * whatever stops this can be undone by `postfix disable`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "token-helper/accounts/helper-config.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/doctor/postfix-socket.h"
#include "token-helper/postfix/edit.h"
#include "token-helper/postfix/plan.h"
#include "token-helper/postfix/program.h"
#include "token-helper/postfix/record.h"

#include "common/banned.h"

#define RUN_TIMEOUT_MS 60000
#define PORT_DEFAULT   587
#define TEST_TIMEOUT_S 30
#define COMPLAINT_MAX  65536

/* One run of either verb. */
struct run {
	const struct cli *cli;
	struct deadline deadline;
	struct postfix *postfix;
	char *dir; /* of main.cf */
	struct edit edit;
	struct record record;
	bool has_record;
	struct err err;
};

static void run_release(struct run *run)
{
	edit_end(&run->edit);
	record_release(&run->record);
	postfix_free(run->postfix);
	free(run->dir);
}

/* What is there ------------------------------------------------------------------------------- */

static enum outcome find_dir(struct run *run)
{
	const char *dir = run->cli->postfix_dir != NULL
				  ? run->cli->postfix_dir
				  : postfix_raw(run->postfix, "config_directory");

	run->dir = dir != NULL ? realpath(dir, NULL) : NULL;
	if (run->dir == NULL)
		return err_set(&run->err, OUTCOME_CONFIG,
			       "Postfix's configuration directory is not there");
	return OUTCOME_OK;
}

/* Several instances: which one is meant must be said. */
static enum outcome refuse_group(struct run *run)
{
	const char *others = postfix_raw(run->postfix, "multi_instance_directories");

	if (run->cli->postfix_dir == NULL && others != NULL && others[0] != '\0')
		return err_set(&run->err, OUTCOME_CONFIG,
			       "this machine has several instances of Postfix; say which one: "
			       "--postfix-config %s, or one of %s",
			       run->dir, others);
	return OUTCOME_OK;
}

static enum outcome begin(struct run *run)
{
	bool installed;
	enum outcome outcome = postfix_read(run->cli->postfix_dir, run->deadline, &run->postfix,
					    &installed, &run->err);

	if (outcome != OUTCOME_OK && !installed)
		return err_set(&run->err, OUTCOME_CONFIG,
			       "Postfix is not installed: there is no postconf");
	if (outcome == OUTCOME_OK)
		outcome = find_dir(run);
	if (outcome == OUTCOME_OK)
		outcome = refuse_group(run);
	if (outcome == OUTCOME_OK && geteuid() != 0 && !run->cli->dry_run)
		outcome = err_set(&run->err, OUTCOME_DENIED,
				  "only root changes Postfix; to see what would be changed: "
				  "--dry-run");
	if (outcome == OUTCOME_OK)
		outcome = record_read(run->dir, &run->record, &run->has_record, &run->err);
	if (outcome == OUTCOME_OK)
		outcome = edit_begin(run->dir, run->deadline, &run->edit, &run->err);
	return outcome;
}

/* Doing --------------------------------------------------------------------------------------- */

static enum outcome run_postfix(struct run *run, const char *command, int *status_out)
{
	char program[PROGRAM_PATH_MAX];
	const char *argv[] = {program_find("postfix", program), "-c", run->dir, command, NULL};
	struct buffer out = BUFFER_INIT(COMPLAINT_MAX), complaint = BUFFER_INIT(COMPLAINT_MAX);
	struct program_result result = {.out = &out, .complaint = &complaint};
	enum outcome outcome;

	if (argv[0] == NULL)
		return err_set(&run->err, OUTCOME_CONFIG, "there is no postfix(1) here");
	outcome = program_run(argv, run->deadline, &result, &run->err);
	*status_out = result.status;
	if (outcome == OUTCOME_OK && result.status != 0)
		(void)err_set(&run->err, OUTCOME_CONFIG, "postfix %s: %s", command,
			      buffer_cstr(&complaint));
	buffer_release(&out);
	buffer_release(&complaint);
	return outcome;
}

static bool changes_anything(const struct edit *edit)
{
	return edit_differs(edit, EDIT_MAIN) || edit_differs(edit, EDIT_MASTER);
}

static enum outcome show(struct run *run)
{
	struct buffer diff = BUFFER_INIT(EDIT_DIFF_MAX);
	enum outcome outcome = edit_diff(&run->edit, &diff, &run->err);

	if (outcome == OUTCOME_OK)
		(void)fwrite(buffer_cstr(&diff), 1, diff.len, stdout);
	(void)fflush(stdout);
	buffer_release(&diff);
	return outcome;
}

static bool is_confirmed(const struct cli *cli)
{
	char line[16] = "";

	if (cli->yes)
		return true;
	if (!isatty(STDIN_FILENO))
		return false;
	(void)fputs("Make these changes? Type yes to do so: ", stderr);
	return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}

/* A master that runs reads it anew; one that does not will read it when it starts. */
static void reload(struct run *run)
{
	int status = 0;

	if (run_postfix(run, "status", &status) == OUTCOME_OK && status != 0) {
		(void)puts("Postfix does not run: it has the changes when it is started.");
		return;
	}
	if (run_postfix(run, "reload", &status) == OUTCOME_OK && status == 0)
		(void)puts("Postfix has read the changes.");
	else
		(void)cli_report(CLI_RETRY, run->err.text);
}

/* Postfix's own look at it. What it does not take is taken back at once. */
static enum outcome check(struct run *run, bool main_first)
{
	struct err why;
	int status = 0;

	if (run_postfix(run, "check", &status) == OUTCOME_OK && status == 0)
		return OUTCOME_OK;
	why = run->err;
	if (edit_install(&run->edit, !main_first, true, &run->err) != OUTCOME_OK)
		return OUTCOME_RETRY;
	return err_set(&run->err, OUTCOME_CONFIG, "nothing was changed: %s", why.text);
}

static void print_kept(const struct run *run)
{
	for (int i = EDIT_FILES - 1; i >= 0; i--) {
		if (run->edit.kept[i][0] != '\0')
			(void)printf("What was there before: %s/%s\n", run->dir, run->edit.kept[i]);
	}
}

/* Enable -------------------------------------------------------------------------------------- */

static const struct account_config *find_account(const struct helper_config *config,
						 const char *name)
{
	for (size_t i = 0; i < config->account_count; i++) {
		if (strcmp(config->accounts[i]->name, name) == 0)
			return config->accounts[i];
	}
	return NULL;
}

/* Two accounts with one user: only the name tells them apart. */
static bool has_own_user(const struct helper_config *config, const struct account_config *account)
{
	for (size_t i = 0; i < config->account_count; i++) {
		if (config->accounts[i] != account &&
		    strcmp(config->accounts[i]->user, account->user) == 0)
			return false;
	}
	return true;
}

static enum outcome fill_wanted(struct run *run, const struct helper_config *config,
				const struct account_config *account, struct plan_wanted *wanted)
{
	const struct words *hosts = &account->hosts[SERVICE_SMTP];

	if (!account->use[SERVICE_SMTP] || hosts->count == 0)
		return err_set(&run->err, OUTCOME_CONFIG,
			       "account %s is not for sending: its use lacks smtp", account->name);
	*wanted = (struct plan_wanted){
		.user = account->user,
		.password = has_own_user(config, account) ? "" : account->name,
		.senders = run->cli->senders,
		.sender_count = run->cli->sender_count,
		.limits = run->cli->limits,
	};
	if (!nexthop_parse(span_from_str(hosts->word[0]), &wanted->nexthop))
		return err_set(&run->err, OUTCOME_CONFIG, "account %s: %s is no host",
			       account->name, hosts->word[0]);
	wanted->nexthop.is_bracketed = true;
	(void)snprintf(wanted->nexthop.port, sizeof(wanted->nexthop.port), "%u",
		       run->cli->port > 0 ? (unsigned)run->cli->port : PORT_DEFAULT);
	return OUTCOME_OK;
}

/* Without the socket every message would stay in the queue. */
static enum outcome check_socket(struct run *run, const struct helper_config *config)
{
	const struct postfix_service *smtp = postfix_service_find(run->postfix, "smtp", "unix");
	struct buffer command = BUFFER_INIT(4096), advice = BUFFER_INIT(4096);
	struct err why = ERR_INIT;
	enum outcome outcome = OUTCOME_OK;

	if (smtp == NULL || geteuid() != 0)
		return OUTCOME_OK;
	if (postfix_socket_try(run->postfix, smtp, &why) != OUTCOME_OK) {
		postfix_socket_remedy(run->postfix, smtp, &config->sockets, run->cli->config,
				      &command, &advice);
		outcome = err_set(&run->err, OUTCOME_CONFIG,
				  "smtp(8) would not reach mailoauthd: %s; %s%s", why.text,
				  command.len > 0 ? "run: " : buffer_cstr(&advice),
				  buffer_cstr(&command));
	}
	buffer_release(&command);
	buffer_release(&advice);
	return outcome;
}

static void announce(const struct account_config *account, const struct plan_wanted *wanted,
		     const struct plan *plan)
{
	char nexthop[NEXTHOP_TEXT_MAX];

	(void)printf("Postfix sends %s to %s as %s (account %s).\n",
		     wanted->sender_count > 0 ? "mail of these senders" : "all mail",
		     nexthop_text(&wanted->nexthop, nexthop), account->user, account->name);
	if (plan->has_own_service)
		(void)printf("It gets a service of its own in master.cf, because %s.\n",
			     plan->reason);
	if (!wanted->limits && strstr(wanted->nexthop.host, "office365") != NULL)
		(void)puts("Exchange takes 3 connections and 30 messages a minute for one mailbox: "
			   "--limits has Postfix keep to that.");
}

/* Copies, the record, the files: in this order, so that each step can be undone. */
static enum outcome make(struct run *run, bool main_first)
{
	enum outcome outcome = edit_keep(&run->edit, &run->err);

	if (outcome == OUTCOME_OK && !main_first)
		outcome = record_write(run->dir, &run->record, &run->err);
	if (outcome == OUTCOME_OK)
		outcome = edit_install(&run->edit, main_first, false, &run->err);
	if (outcome == OUTCOME_OK)
		outcome = check(run, main_first);
	return outcome;
}

/* A login as smtp(8) will make it. What comes of it is the exit status; the changes stay. */
static enum cli_exit test_login(const struct run *run, const struct plan_wanted *wanted)
{
	struct cli cli = *run->cli;
	char host[NEXTHOP_TEXT_MAX];

	(void)snprintf(host, sizeof(host), "%s:%s", wanted->nexthop.host, wanted->nexthop.port);
	cli.service = "smtp";
	cli.host = host;
	cli.timeout_s = TEST_TIMEOUT_S;
	(void)puts("");
	(void)fflush(stdout);
	return cli_test(&cli);
}

static enum cli_exit report_done(struct run *run, const struct plan_wanted *wanted)
{
	print_kept(run);
	reload(run);
	(void)printf("Back to what was before: mailoauth postfix disable\n"
		     "Is anything missing? Run: mailoauth doctor %s\n",
		     run->cli->account);
	return test_login(run, wanted);
}

static enum cli_exit not_confirmed(void)
{
	return cli_report(CLI_USAGE, "nothing was changed: it was not confirmed; add --yes where "
				     "nobody can be asked; run: mailoauth help postfix enable");
}

static enum cli_exit enable_planned(struct run *run, const struct plan_wanted *wanted,
				    const struct plan *plan)
{
	struct postfix *before = edit_settings(&run->edit, &run->err);
	enum outcome outcome =
		before != NULL ? edit_apply(&run->edit, plan->changes, plan->count, &run->err)
			       : OUTCOME_CONFIG;
	enum cli_exit exit = CLI_OK;

	if (outcome == OUTCOME_OK && !changes_anything(&run->edit)) {
		(void)puts("Postfix is set so already: nothing to change.");
	} else if (outcome == OUTCOME_OK && (outcome = show(run)) == OUTCOME_OK &&
		   !run->cli->dry_run) {
		if (!is_confirmed(run->cli)) {
			exit = not_confirmed();
		} else {
			edit_name_copies(&run->edit);
			record_add(&run->record, before, plan->changes, plan->count, &run->edit);
			outcome = make(run, false);
			if (outcome == OUTCOME_OK)
				exit = report_done(run, wanted);
		}
	}
	postfix_free(before);
	return outcome == OUTCOME_OK ? exit : cli_report(cli_exit_of(outcome), run->err.text);
}

static enum cli_exit enable(struct run *run, const struct helper_config *config)
{
	const struct account_config *account = find_account(config, run->cli->account);
	struct plan_wanted wanted;
	struct plan plan = {0};
	enum outcome outcome;
	enum cli_exit exit;

	if (account == NULL) {
		(void)err_set(&run->err, OUTCOME_CONFIG, "%s has no account %s", run->cli->config,
			      run->cli->account);
		return cli_report(CLI_CONFIG, run->err.text);
	}
	outcome = begin(run);
	if (outcome == OUTCOME_OK)
		outcome = fill_wanted(run, config, account, &wanted);
	if (outcome == OUTCOME_OK)
		outcome = check_socket(run, config);
	if (outcome == OUTCOME_OK)
		outcome = plan_make(run->postfix, &wanted, &plan, &run->err);
	if (outcome == OUTCOME_OK) {
		announce(account, &wanted, &plan);
		exit = enable_planned(run, &wanted, &plan);
	} else {
		exit = cli_report(cli_exit_of(outcome), run->err.text);
	}
	plan_release(&plan);
	return exit;
}

enum cli_exit cli_postfix_enable(const struct cli *cli)
{
	struct run run = {.cli = cli, .deadline = deadline_in_ms(RUN_TIMEOUT_MS)};
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config = helper_config_load(cli->config, NULL, &problems);
	enum cli_exit exit;

	if (config != NULL) {
		exit = enable(&run, config);
	} else {
		(void)err_set(&run.err, OUTCOME_CONFIG, "%.*s",
			      (int)strcspn(buffer_cstr(&problems.text), "\n"),
			      buffer_cstr(&problems.text));
		exit = cli_report(CLI_CONFIG, run.err.text);
	}
	helper_config_free(config);
	config_problems_release(&problems);
	run_release(&run);
	return exit;
}

/* Disable ------------------------------------------------------------------------------------- */

static void print_left(const struct buffer *left)
{
	if (left->len > 0)
		(void)printf("Changed by somebody since, and left as it is:\n%s",
			     buffer_cstr(left));
}

static enum cli_exit disable_shown(struct run *run)
{
	enum outcome outcome = OUTCOME_OK;

	if (run->cli->dry_run)
		return CLI_OK;
	if (changes_anything(&run->edit)) {
		if (!is_confirmed(run->cli))
			return not_confirmed();
		edit_name_copies(&run->edit);
		outcome = make(run, true);
	}
	/* Last: until here everything could be undone once more. */
	if (outcome == OUTCOME_OK)
		outcome = record_remove(run->dir, &run->err);
	if (outcome != OUTCOME_OK)
		return cli_report(cli_exit_of(outcome), run->err.text);
	print_kept(run);
	reload(run);
	return CLI_OK;
}

static enum cli_exit disable(struct run *run)
{
	struct buffer left = BUFFER_INIT(65536);
	enum outcome outcome = record_undo(&run->record, &run->edit, &left, &run->err);
	enum cli_exit exit;

	if (outcome == OUTCOME_OK)
		outcome = show(run);
	if (outcome == OUTCOME_OK) {
		print_left(&left);
		exit = disable_shown(run);
	} else {
		exit = cli_report(cli_exit_of(outcome), run->err.text);
	}
	buffer_release(&left);
	return exit;
}

enum cli_exit cli_postfix_disable(const struct cli *cli)
{
	struct run run = {.cli = cli, .deadline = deadline_in_ms(RUN_TIMEOUT_MS)};
	enum outcome outcome = begin(&run);
	enum cli_exit exit = CLI_OK;

	if (outcome != OUTCOME_OK)
		exit = cli_report(cli_exit_of(outcome), run.err.text);
	else if (!run.has_record)
		(void)printf("mailoauth has changed nothing in %s.\n", run.dir);
	else
		exit = disable(&run);
	run_release(&run);
	return exit;
}
