/* SPDX-License-Identifier: MIT */
/*
 * cli-import-files.c - files of other programs: read with a ceiling, decrypted by gpg, and handed
 * to the readers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/file.h"
#include "common/secret-file.h"
#include "common/xalloc.h"
#include "token-helper/cli-ask.h"
#include "token-helper/cli-import.h"
#include "token-helper/postfix/program.h"

#include "common/banned.h"

#define STANDARD_INPUT "standard input"
#define DIRECTORY_MAX  1000
#define GPG_TIMEOUT_MS 120000 /* a person types a passphrase */
#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))

/* Reading ----------------------------------------------------------------------------------------
 */

/* flags: O_NOFOLLOW for what a directory holds, which may be a stranger's. */
static bool read_path(const char *path, int flags, struct buffer *out, struct import_list *list)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	struct err err = ERR_INIT;
	struct stat st;
	bool fine = false;

	if (fd < 0 || fstat(fd, &st) != 0)
		import_note(list, path, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		import_note(list, path, "is not a regular file");
	else if (file_read_all(fd, path, out, &err) != OUTCOME_OK)
		import_note(list, path, "%s",
			    buffer_ok(out) ? strerror(errno) : "is too large to be a token file");
	else
		fine = true;
	if (fd >= 0)
		(void)close(fd);
	return fine;
}

/* Three variables by which gpg finds its keys and, on our terminal, its agent's prompt. */
static enum outcome run_gpg(const char *gpg, const char *path, struct buffer *out, struct err *err)
{
	static const char *const names[] = {"HOME", "GNUPGHOME", "GPG_TTY"};
	struct buffer complaint = BUFFER_INIT(1024);
	struct program_result result = {.out = out, .complaint = &complaint};
	const char *argv[COUNT(names) + 7] = {"/usr/bin/env"};
	char *set[COUNT(names)];
	enum outcome what;
	size_t count = 1;

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *value = getenv(names[i]);

		if (value == NULL && i == COUNT(names) - 1)
			value = ttyname(STDIN_FILENO);
		set[i] = value != NULL ? xasprintf("%s=%s", names[i], value) : NULL;
		if (set[i] != NULL)
			argv[count++] = set[i];
	}
	argv[count++] = gpg;
	argv[count++] = "--quiet";
	argv[count++] = "--decrypt";
	argv[count++] = "--";
	argv[count] = path;
	what = program_run(argv, deadline_in_ms(GPG_TIMEOUT_MS), &result, err);
	if (what == OUTCOME_OK && result.status != 0)
		what = err_set(err, OUTCOME_RETRY, "%s", buffer_cstr(&complaint));
	for (size_t i = 0; i < COUNT(names); i++)
		free(set[i]);
	buffer_release(&complaint);
	return what;
}

static bool decrypt(const char *path, struct buffer *bytes, struct import_list *list)
{
	char gpg[PROGRAM_PATH_MAX];
	struct err err = ERR_INIT;

	if (strcmp(path, STANDARD_INPUT) == 0) {
		import_note(list, path,
			    "it is encrypted; run: gpg --decrypt FILE | mailoauth "
			    "import -");
		return false;
	}
	buffer_clear(bytes);
	if (program_find("gpg", gpg) == NULL)
		(void)err_set(&err, OUTCOME_CONFIG, "gpg is not installed");
	else if (run_gpg(gpg, path, bytes, &err) == OUTCOME_OK)
		return true;
	import_note(list, path,
		    "gpg cannot decrypt it as this user (%s). As the user who has the key run: gpg "
		    "--decrypt %s | sudo mailoauth import -",
		    err.text, path);
	return false;
}

static void take_bytes(const char *path, struct buffer *bytes, bool wanted,
		       struct import_list *list)
{
	const char *why = "";

	if (import_is_encrypted(buffer_span(bytes)) && !decrypt(path, bytes, list))
		return;
	if (import_take(list, path, buffer_span(bytes), &why) == NULL && wanted)
		import_note(list, path, "not taken: %s", why);
}

/* wanted: it is worth a word that the file is nobody's. */
static void take_path(const char *path, int flags, bool wanted, struct import_list *list)
{
	struct buffer bytes = BUFFER_INIT_SECRET(IMPORT_FILE_MAX);

	if (read_path(path, flags, &bytes, list))
		take_bytes(path, &bytes, wanted, list);
	buffer_release(&bytes);
}

static void take_standard_input(struct import_list *list)
{
	struct buffer bytes = BUFFER_INIT_SECRET(IMPORT_FILE_MAX);
	struct err err = ERR_INIT;

	if (file_read_all(STDIN_FILENO, STANDARD_INPUT, &bytes, &err) == OUTCOME_OK)
		take_bytes(STANDARD_INPUT, &bytes, true, list);
	else
		import_note(list, STANDARD_INPUT, "cannot be read, or is too large");
	buffer_release(&bytes);
}

static void take_directory(const char *path, struct import_list *list)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, alphasort);

	if (count < 0)
		import_note(list, path, "%s", strerror(errno));
	for (int i = 0; i < count; i++) {
		char *whole = xasprintf("%s/%s", path, entries[i]->d_name);
		struct stat st;

		if (i < DIRECTORY_MAX && lstat(whole, &st) == 0 && S_ISLNK(st.st_mode))
			import_note(list, whole, "is a symbolic link: name the file itself");
		else if (i < DIRECTORY_MAX && S_ISREG(st.st_mode))
			take_path(whole, O_NOFOLLOW, entries[i]->d_name[0] != '.', list);
		free(whole);
		free(entries[i]);
	}
	if (count > DIRECTORY_MAX)
		import_note(list, path, "has more than %d files: the rest was not looked at",
			    DIRECTORY_MAX);
	free(entries);
}

/* Companions: the first accounts' program says which files may say more. */
static void take_companions(struct import_list *list)
{
	const char *home = getenv("HOME");
	const struct import_format *format = list->count > 0 ? list->accounts[0]->format : NULL;
	const char *const *names = format != NULL ? format->companions : NULL;

	for (; names != NULL && *names != NULL; names++) {
		bool at_home = strncmp(*names, "~/", 2) == 0;
		char *path = at_home ? xasprintf("%s/%s", home != NULL ? home : "", *names + 2)
				     : xstrdup(*names);

		if (access(path, R_OK) == 0)
			take_path(path, 0, false, list);
		free(path);
	}
}

/* Passwords --------------------------------------------------------------------------------------
 */

static bool find_password(void *context, const char *what, struct buffer *out)
{
	const struct cli *cli = context;
	struct err err = ERR_INIT;

	if (cli->password_file == NULL) {
		char *prompt = xasprintf("Password that the mail program sends for %s: ", what);
		bool got = ask_password(prompt, out);

		free(prompt);
		return got;
	}
	if (secret_file_read(cli->password_file, out, &err) == OUTCOME_OK)
		return true;
	(void)cli_report(CLI_DATA, err.text);
	return false;
}

/* All of it --------------------------------------------------------------------------------------
 */

enum cli_exit import_files_read(const struct cli *cli, struct import_list *list)
{
	struct err err = ERR_INIT;
	struct stat st;
	struct cli copy = *cli; /* the callback's context is not const */
	bool standard = strcmp(cli->file, "-") == 0;

	if (!standard && stat(cli->file, &st) != 0) {
		(void)err_set(&err, OUTCOME_CONFIG, "%s: %s", cli->file, strerror(errno));
		return cli_report(CLI_DATA, err.text);
	}
	list->password = find_password;
	list->context = &copy;
	if (cli->with != NULL)
		take_path(cli->with, 0, true, list);
	if (standard)
		take_standard_input(list);
	else if (S_ISDIR(st.st_mode))
		take_directory(cli->file, list);
	else
		take_path(cli->file, 0, true, list);
	take_companions(list);
	list->password = NULL;
	list->context = NULL;
	import_list_complete(list);
	return CLI_OK;
}

int64_t import_file_time_s(const struct import_account *account)
{
	int64_t now_s = clock_now_s();
	struct stat st;

	if (stat(account->file, &st) != 0 || st.st_mtime < 0 || st.st_mtime > now_s)
		return now_s;
	return (int64_t)st.st_mtime;
}
