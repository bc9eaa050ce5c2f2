/* SPDX-License-Identifier: MIT */
/*
 * cli-postfix.c - the verbs postfix enable and postfix disable: shows what would change, asks,
 * makes it, and can go back.
 *
 * Order: copies and the record of what changes are on disk before main.cf is touched, so that
 * whatever stops this can be undone by `postfix disable`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon-command.h"
#include "common/helper-protocol.h"
#include "common/xalloc.h"
#include "token-helper/accounts/helper-config.h"
#include "token-helper/cli-ask.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/doctor/postfix-socket.h"
#include "token-helper/postfix/edit.h"
#include "token-helper/postfix/plan.h"
#include "token-helper/postfix/postfix-value.h"
#include "token-helper/postfix/program.h"
#include "token-helper/postfix/record.h"

#include "common/banned.h"

#define RUN_TIMEOUT_MS	60000
#define PORT_DEFAULT	587
#define TEST_TIMEOUT_S	30
#define COMPLAINT_MAX	65536
#define PING_TIMEOUT_MS 5000
#define WHERE_MAX	4096

/* One run of either verb. */
struct run {
	const struct cli *cli;
	struct deadline deadline;
	struct postfix *postfix;
	char *dir; /* of main.cf */
	struct edit edit;
	struct record record; /* as it is on disk */
	bool has_record;
	bool enables;
	struct err err;
};

/* For what comes now: while a person was asked no program was late. */
static void set_deadline(struct run *run)
{
	run->deadline = deadline_in_ms(RUN_TIMEOUT_MS);
	run->edit.deadline = run->deadline;
}

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

/* Tells of run->err, and what to type next. */
static enum cli_exit report(const struct run *run, enum outcome outcome)
{
	struct err said = run->err;
	int len = (int)strlen(run->err.text);

	if (len > 0 && run->err.text[len - 1] == '.')
		len--; /* more follows */
	if (strstr(said.text, "run: ") == NULL && outcome == OUTCOME_RETRY)
		(void)err_set(&said, outcome, "%.*s; when that is over, run: mailoauth postfix %s",
			      len, run->err.text, run->enables ? "enable" : "disable");
	else if (strstr(said.text, "run: ") == NULL && outcome == OUTCOME_CONFIG)
		(void)err_set(&said, outcome, "%.*s; run: mailoauth doctor", len, run->err.text);
	return cli_report(cli_exit_of(outcome), said.text);
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
	/* The record is root's; without it others can still be shown what would be set. */
	if (outcome == OUTCOME_OK && (geteuid() == 0 || !run->enables))
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
	if (outcome == OUTCOME_OK && run->cli->dry_run)
		(void)puts("Nothing was changed: this was a dry run.");
	(void)fflush(stdout);
	buffer_release(&diff);
	return outcome;
}

/* A master that runs reads it anew; one that does not will read it when it starts. */
static enum cli_exit reload(struct run *run)
{
	int status = 0;

	if (run_postfix(run, "status", &status) == OUTCOME_OK && status != 0) {
		(void)puts("Postfix does not run: it has the changes when it is started.");
		return CLI_OK;
	}
	if (run_postfix(run, "reload", &status) != OUTCOME_OK || status != 0)
		return cli_report(CLI_RETRY, "Postfix has not read the changes; to see why, run: "
					     "postfix reload");
	(void)puts("Postfix has read the changes.");
	return CLI_OK;
}

/* Postfix's own look at it. What it does not take is taken back at once, the record too. */
static enum outcome check(struct run *run, bool main_first)
{
	struct err why;
	int status = 0;

	if (run_postfix(run, "check", &status) == OUTCOME_OK && status == 0)
		return OUTCOME_OK;
	why = run->err;
	set_deadline(run);
	if (edit_install(&run->edit, !main_first, true, &run->err) != OUTCOME_OK)
		return OUTCOME_RETRY;
	edit_drop_copies(&run->edit);
	if ((run->has_record ? record_write(run->dir, &run->record, &run->err)
			     : record_remove(run->dir, &run->err)) != OUTCOME_OK)
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

static enum outcome fill_wanted(struct run *run, const struct helper_config *config,
				const struct account_config *account, struct plan_wanted *wanted)
{
	const struct words *hosts = &account->hosts[SERVICE_SMTP];

	if (!account->use[SERVICE_SMTP] || hosts->count == 0)
		return err_set(&run->err, OUTCOME_CONFIG,
			       "account %s is not for sending: its use lacks smtp", account->name);
	*wanted = (struct plan_wanted){
		.user = account->user,
		.password = helper_config_user_is_one(config, account) ? "" : account->name,
		.senders = run->cli->senders,
		.sender_count = run->cli->sender_count,
		.limits = run->cli->limits,
		.authorities = postfix_authorities(),
	};
	if (!nexthop_parse(span_from_str(hosts->word[0]), &wanted->nexthop))
		return err_set(&run->err, OUTCOME_CONFIG, "account %s: %s is no host",
			       account->name, hosts->word[0]);
	wanted->nexthop.is_bracketed = true;
	(void)snprintf(wanted->nexthop.port, sizeof(wanted->nexthop.port), "%u",
		       run->cli->port > 0 ? (unsigned)run->cli->port : PORT_DEFAULT);
	return OUTCOME_OK;
}

static bool daemon_answers(const struct run *run)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "ping");
	exit = cli_call(run->cli, &request, PING_TIMEOUT_MS, &reply, &data, NULL);
	buffer_release(&request);
	buffer_release(&reply);
	return exit != CLI_UNREACHABLE;
}

static enum cli_exit report_no_daemon(const struct run *run)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_RETRY,
		      "mailoauthd does not run, and Postfix would get no token; run: %s",
		      daemon_command(DAEMON_START));
	(void)cli_report(CLI_UNREACHABLE, err.text);
	(void)fprintf(stderr, "then: mailoauth postfix enable %s\n", run->cli->account);
	return CLI_UNREACHABLE;
}

/* It is there, but not where smtp(8) looks. */
static enum cli_exit report_unseen(const struct run *run, const struct postfix_service *smtp,
				   const struct helper_config *config, const struct err *why)
{
	struct buffer command = BUFFER_INIT(4096), advice = BUFFER_INIT(4096);
	char where[WHERE_MAX];
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_CONFIG, "mailoauthd runs, but smtp(8)%s does not reach it",
		      postfix_socket_where(run->postfix, smtp, where, sizeof(where)));
	(void)cli_report_to(stderr, CLI_OK, err.text);
	postfix_socket_remedy(run->postfix, smtp, &config->sockets, run->cli->config, &command,
			      &advice);
	(void)fprintf(stderr, "it sees: %s\n", why->text);
	if (command.len > 0)
		(void)fprintf(stderr, "run: %s\n", buffer_cstr(&command));
	else
		(void)fprintf(stderr, "to do: %s\n", buffer_cstr(&advice));
	buffer_release(&command);
	buffer_release(&advice);
	return CLI_CONFIG;
}

/* Without the socket every message would stay in the queue. */
static enum cli_exit check_socket(const struct run *run, const struct helper_config *config)
{
	const struct postfix_service *smtp = postfix_service_find(run->postfix, "smtp", "unix");
	struct err why = ERR_INIT;

	if (smtp == NULL || geteuid() != 0 ||
	    postfix_socket_try(run->postfix, smtp, &why) == OUTCOME_OK)
		return CLI_OK;
	return daemon_answers(run) ? report_unseen(run, smtp, config, &why) : report_no_daemon(run);
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

/* Copies, the record (NULL: it stays), the files: in this order, so that each step can be undone.
 */
static enum outcome make(struct run *run, bool main_first, const struct record *record)
{
	enum outcome outcome = edit_keep(&run->edit, &run->err);

	if (outcome == OUTCOME_OK && record != NULL)
		outcome = record_write(run->dir, record, &run->err);
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
	enum cli_exit exit;

	print_kept(run);
	exit = reload(run);
	(void)printf("Back to what was before: mailoauth postfix disable\n"
		     "Is anything missing? Run: mailoauth doctor %s\n",
		     run->cli->account);
	return exit == CLI_OK ? test_login(run, wanted) : exit;
}

static enum cli_exit not_confirmed(const struct run *run)
{
	struct err err;

	(void)err_set(&err, OUTCOME_CONFIG,
		      "nothing was changed: it was not confirmed; add --yes where nobody can be "
		      "asked; run: mailoauth help postfix %s",
		      run->enables ? "enable" : "disable");
	return ask_refused(err.text);
}

static enum outcome make_planned(struct run *run, const struct postfix *before,
				 const struct plan *plan)
{
	struct record next;
	bool has_one;
	enum outcome outcome = record_read(run->dir, &next, &has_one, &run->err);

	if (outcome == OUTCOME_OK) {
		edit_name_copies(&run->edit);
		record_add(&next, before, plan->changes, plan->count, &run->edit);
		outcome = make(run, false, &next);
	}
	record_release(&next);
	return outcome;
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
		bool agreed = ask_yes(run->cli, "Make these changes?");

		set_deadline(run);
		if (!agreed)
			exit = not_confirmed(run);
		else if ((outcome = make_planned(run, before, plan)) == OUTCOME_OK)
			exit = report_done(run, wanted);
	}
	postfix_free(before);
	return outcome == OUTCOME_OK ? exit : report(run, outcome);
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
	if (outcome == OUTCOME_OK && (exit = check_socket(run, config)) != CLI_OK)
		return exit;
	if (outcome == OUTCOME_OK)
		outcome = plan_make(run->postfix, &wanted, &plan, &run->err);
	if (outcome == OUTCOME_OK) {
		announce(account, &wanted, &plan);
		exit = enable_planned(run, &wanted, &plan);
	} else {
		exit = report(run, outcome);
	}
	plan_release(&plan);
	return exit;
}

enum cli_exit cli_postfix_enable(const struct cli *cli)
{
	struct run run = {.cli = cli, .enables = true, .deadline = deadline_in_ms(RUN_TIMEOUT_MS)};
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config = helper_config_load(cli->config, NULL, &problems);
	enum cli_exit exit;

	if (config != NULL) {
		exit = enable(&run, config);
	} else if (access(cli->config, R_OK) != 0 && errno == EACCES) {
		(void)err_set(&run.err, OUTCOME_DENIED,
			      "%s: %s: only root reads the configuration and changes Postfix",
			      cli->config, strerror(EACCES));
		exit = cli_report(CLI_DENIED, run.err.text);
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
		bool agreed = ask_yes(run->cli, "Make these changes?");

		set_deadline(run);
		if (!agreed)
			return not_confirmed(run);
		edit_name_copies(&run->edit);
		outcome = make(run, true, NULL);
	}
	/* Last: until here everything could be undone once more. */
	if (outcome == OUTCOME_OK)
		outcome = record_remove(run->dir, &run->err);
	if (outcome != OUTCOME_OK)
		return report(run, outcome);
	print_kept(run);
	return reload(run);
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
		exit = report(run, outcome);
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
		exit = report(&run, outcome);
	else if (!run.has_record)
		(void)printf("mailoauth has changed nothing in %s.\n", run.dir);
	else
		exit = disable(&run);
	run_release(&run);
	return exit;
}
