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
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
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

static bool write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = (struct span){bytes.ptr + n, bytes.len - (size_t)n};
	}
	return true;
}

/* The old file's bytes, owner and mode, then the new text. */
static bool copy_and_add(int from, int to, struct span text)
{
	char chunk[16384];
	char last = '\n';
	struct stat st;
	ssize_t n;
	size_t total = 0;

	if (fstat(from, &st) != 0 || fchmod(to, st.st_mode & 07777) != 0)
		return false;
	if (fchown(to, st.st_uid, st.st_gid) != 0 && geteuid() == 0)
		return false;
	while ((n = read(from, chunk, sizeof(chunk))) > 0) {
		total += (size_t)n;
		last = chunk[n - 1];
		if (total > CONFIG_BYTES_MAX || !write_all(to, (struct span){chunk, (size_t)n}))
			return false;
	}
	return n == 0 && (last == '\n' || write_all(to, span_from_str("\n"))) &&
	       write_all(to, span_from_str("\n")) && write_all(to, text) && fsync(to) == 0;
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

static enum cli_exit write_secret(const struct import_secret *secret)
{
	int fd = open(secret->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	enum cli_exit exit = CLI_OK;

	if (fd < 0)
		return report(secret->file);
	if (!write_all(fd, secret->secret) || fsync(fd) != 0) {
		exit = report(secret->file);
		(void)unlink(secret->file);
	}
	(void)close(fd);
	return exit;
}

/* Only those that were made here. */
static void remove_secrets(const struct import_secret *secrets, size_t made)
{
	for (size_t i = 0; i < made; i++)
		(void)unlink(secrets[i].file);
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

static enum cli_exit put_in_place(const char *path, const char *beside, char **copy_out)
{
	char *copy = xasprintf("%s.before-import-%lld", path, (long long)clock_now_s());

	(void)unlink(copy); /* of the same second */
	if (link(path, copy) != 0 || rename(beside, path) != 0) {
		enum cli_exit exit = report(path);

		(void)unlink(copy);
		free(copy);
		return exit;
	}
	*copy_out = copy;
	return CLI_OK;
}

static enum cli_exit make_beside(const char *path, char *beside, struct span text)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = from >= 0 ? mkostemp(beside, O_CLOEXEC) : -1;
	enum cli_exit exit = CLI_OK;

	if (from < 0)
		exit = report(path);
	else if (to < 0)
		exit = report(beside);
	else if (!copy_and_add(from, to, text))
		exit = report(beside);
	if (exit != CLI_OK && to >= 0)
		(void)unlink(beside);
	if (from >= 0)
		(void)close(from);
	if (to >= 0)
		(void)close(to);
	return exit;
}

static enum cli_exit append(const char *path, struct span text, const struct import_secret *secrets,
			    size_t count, char **copy_out)
{
	char *beside = xasprintf("%s.XXXXXX", path);
	enum cli_exit exit = make_beside(path, beside, text);
	uid_t owner = 0;

	if (exit != CLI_OK) {
		free(beside);
		return exit;
	}
	exit = check(beside, path, &owner);
	if (exit == CLI_OK)
		exit = give_secrets(secrets, count, owner);
	if (exit == CLI_OK)
		exit = put_in_place(path, beside, copy_out);
	if (exit != CLI_OK)
		(void)unlink(beside);
	free(beside);
	return exit;
}

enum cli_exit import_append(const struct cli *cli, struct span text,
			    const struct import_secret *secrets, size_t count, char **copy_out)
{
	char path[PATH_MAX];
	enum cli_exit exit = CLI_OK;
	size_t made = 0;

	if (realpath(cli->config, path) == NULL)
		return report(cli->config);
	for (; made < count && exit == CLI_OK; made++) {
		exit = write_secret(&secrets[made]);
		if (exit != CLI_OK)
			break;
	}
	if (exit == CLI_OK)
		exit = append(path, text, secrets, count, copy_out);
	if (exit != CLI_OK)
		remove_secrets(secrets, made);
	return exit;
}
