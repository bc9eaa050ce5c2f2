/* SPDX-License-Identifier: MIT */
/*
 * cli-import-append.c - sections at the end of mailoauth.conf, or nothing at all.
 *
 * The new file is made beside the old one, loaded as the daemon would load it, and only then takes
 * its place. The old one stays under another name.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/xalloc.h"
#include "token-helper/accounts/helper-config.h"
#include "token-helper/cli-import.h"
#include "token-helper/cli-text.h"

#include "common/banned.h"

#define CONFIG_BYTES_MAX 4194304

static enum cli_exit report(const char *path)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	return cli_report(errno == EACCES || errno == EPERM ? CLI_DENIED : CLI_OUTPUT, err.text);
}

/* Problems are said of the file that people know. */
static void print_problems(const char *text, const char *beside, const char *path)
{
	const char *hit;

	while ((hit = strstr(text, beside)) != NULL) {
		char *before = xspandup((struct span){text, (size_t)(hit - text)});

		(void)fputs(before, stderr);
		(void)fputs(path, stderr);
		free(before);
		text = hit + strlen(beside);
	}
	(void)fputs(text, stderr);
}

/* Loads it as the daemon would; *owner_out: who the daemon runs as. */
static enum cli_exit check(const char *beside, const char *path, uid_t *owner_out)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config = helper_config_load(beside, NULL, &problems);
	struct passwd *user;
	enum cli_exit exit = CLI_OK;

	if (config == NULL) {
		print_problems(buffer_cstr(&problems.text), beside, path);
		exit = cli_report(CLI_CONFIG, "with the new sections the configuration would not "
					      "load; it is as it was");
	} else {
		user = config->user != NULL ? getpwnam(config->user) : NULL;
		*owner_out = user != NULL ? user->pw_uid : geteuid();
	}
	helper_config_free(config);
	config_problems_release(&problems);
	return exit;
}

/* Secrets ----------------------------------------------------------------------------------------
 */

/* What a run that was broken off left: the same secret in a file that is ours to read. */
static bool is_there_already(const struct import_secret *secret)
{
	struct buffer bytes = BUFFER_INIT_SECRET(IMPORT_TOKEN_MAX);
	struct err err = ERR_INIT;
	bool is_same = file_read(secret->file, &bytes, &err) == OUTCOME_OK &&
		       equal_constant_time(buffer_span(&bytes), secret->secret);

	buffer_release(&bytes);
	return is_same;
}

static enum cli_exit write_secret(const struct import_secret *secret, bool *made_out)
{
	int fd = open(secret->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum cli_exit exit = CLI_OK;

	*made_out = fd >= 0;
	if (fd < 0 && errno == EEXIST && is_there_already(secret))
		return CLI_OK;
	if (fd < 0)
		return report(secret->file);
	if (!file_write_all(fd, secret->secret) || fsync(fd) != 0)
		exit = report(secret->file);
	(void)close(fd);
	return exit;
}

/* Only those that were made here. */
static void remove_secrets(const struct import_secret *secrets, const bool *made, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (made[i])
			(void)unlink(secrets[i].file);
	}
}

static enum cli_exit give_secrets(const struct import_secret *secrets, size_t count, uid_t owner)
{
	for (size_t i = 0; i < count; i++) {
		if (geteuid() == 0 && lchown(secrets[i].file, owner, (gid_t)-1) != 0)
			return report(secrets[i].file);
	}
	return CLI_OK;
}

/* The file ---------------------------------------------------------------------------------------
 */

static enum cli_exit failed(enum outcome outcome, const struct err *err)
{
	return outcome == OUTCOME_OK ? CLI_OK : cli_report(CLI_OUTPUT, err->text);
}

/* What somebody wrote since it was read must not be lost. */
static enum cli_exit check_unchanged(const char *path, const struct buffer *old)
{
	struct buffer now = BUFFER_INIT(CONFIG_BYTES_MAX);
	struct err err = ERR_INIT;
	enum outcome outcome = file_read(path, &now, &err);

	if (outcome == OUTCOME_OK && !span_same(buffer_span(&now), buffer_span(old)))
		outcome = err_set(&err, OUTCOME_RETRY,
				  "%s was changed meanwhile: nothing was added; run the same "
				  "command again",
				  path);
	buffer_release(&now);
	return failed(outcome, &err);
}

/* The old file stays under another name; the new one has its owner and mode. */
static enum cli_exit put_in_place(const char *path, const struct buffer *old, struct span whole,
				  char **copy_out)
{
	char *copy = xasprintf("%s.before-import-%lld", path, (long long)clock_now_s());
	struct err err = ERR_INIT;
	enum outcome outcome = file_replace_private(copy, buffer_span(old), &err);

	if (outcome == OUTCOME_OK)
		outcome = file_replace(path, whole, 0600, &err);
	if (outcome == OUTCOME_OK) {
		*copy_out = copy;
		return CLI_OK;
	}
	(void)unlink(copy);
	free(copy);
	return failed(outcome, &err);
}

static enum cli_exit make_whole(const char *path, struct span text, struct buffer *old,
				struct buffer *whole)
{
	struct err err = ERR_INIT;
	enum outcome outcome = file_read(path, old, &err);

	(void)buffer_append_span(whole, buffer_span(old));
	if (old->len > 0 && old->data[old->len - 1] != '\n')
		(void)buffer_append_byte(whole, '\n');
	(void)buffer_append_byte(whole, '\n');
	(void)buffer_append_span(whole, text);
	if (outcome == OUTCOME_OK && !buffer_ok(whole))
		outcome = err_set(&err, OUTCOME_CONFIG, "%s would be longer than %d bytes", path,
				  CONFIG_BYTES_MAX);
	return failed(outcome, &err);
}

/* Loads the new text from a file beside the old one: what it names is looked for from there. */
static enum cli_exit try_beside(const char *path, struct span whole, uid_t *owner_out)
{
	char *beside = xasprintf("%s.import-%ld", path, (long)getpid());
	struct err err = ERR_INIT;
	enum cli_exit exit = failed(file_replace_private(beside, whole, &err), &err);

	if (exit == CLI_OK)
		exit = check(beside, path, owner_out);
	(void)unlink(beside);
	free(beside);
	return exit;
}

static enum cli_exit append(const char *path, struct span text, const struct import_secret *secrets,
			    size_t count, char **copy_out)
{
	struct buffer old = BUFFER_INIT(CONFIG_BYTES_MAX), whole = BUFFER_INIT(CONFIG_BYTES_MAX);
	enum cli_exit exit = make_whole(path, text, &old, &whole);
	uid_t owner = 0;

	if (exit == CLI_OK)
		exit = try_beside(path, buffer_span(&whole), &owner);
	if (exit == CLI_OK)
		exit = give_secrets(secrets, count, owner);
	if (exit == CLI_OK)
		exit = check_unchanged(path, &old);
	if (exit == CLI_OK)
		exit = put_in_place(path, &old, buffer_span(&whole), copy_out);
	buffer_release(&old);
	buffer_release(&whole);
	return exit;
}

enum cli_exit import_append(const struct cli *cli, struct span text,
			    const struct import_secret *secrets, size_t count, char **copy_out)
{
	bool *made = xcalloc(count + 1, sizeof(*made));
	char path[PATH_MAX];
	enum cli_exit exit = CLI_OK;

	if (realpath(cli->config, path) == NULL)
		exit = report(cli->config);
	for (size_t i = 0; i < count && exit == CLI_OK; i++)
		exit = write_secret(&secrets[i], &made[i]);
	if (exit == CLI_OK)
		exit = append(path, text, secrets, count, copy_out);
	if (exit != CLI_OK)
		remove_secrets(secrets, made, count);
	free(made);
	return exit;
}
