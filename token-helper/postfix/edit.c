/* SPDX-License-Identifier: MIT */
/* edit.c - see edit.h. */
#include "token-helper/postfix/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "token-helper/postfix/program.h"

#include "common/banned.h"

#define COMPLAINT_MAX 4096
#define COPIES_MAX    100 /* of one second */
#define WORDS_MAX     32  /* of one postconf */

const char *const edit_names[EDIT_FILES] = {[EDIT_MASTER] = "master.cf", [EDIT_MAIN] = "main.cf"};

/* Files ---------------------------------------------------------------------------------------- */

enum outcome edit_read(const char *path, struct buffer *out, struct err *err)
{
	enum outcome outcome = OUTCOME_OK;
	char chunk[8192];
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	buffer_clear(out);
	while (outcome == OUTCOME_OK && n != 0) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno != EINTR)
			outcome = err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
		else if (n > 0 && !buffer_append(out, chunk, (size_t)n))
			outcome = err_set(err, OUTCOME_CONFIG, "%s: longer than %zu bytes", path,
					  out->max);
	}
	(void)close(fd);
	return outcome;
}

static bool write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

static bool sync_directory_of(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	free(copy);
	return fine;
}

/* As the file that is replaced, when there is one. */
static bool set_owner(int fd, const char *path, unsigned mode)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fchmod(fd, (mode_t)mode) == 0;
	return fchown(fd, st.st_uid, st.st_gid) == 0 && fchmod(fd, st.st_mode & 07777) == 0;
}

static enum outcome replace(const char *path, struct span bytes, unsigned mode, struct err *err)
{
	char *temporary = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);
	bool fine = fd >= 0 && write_all(fd, bytes) && set_owner(fd, path, mode) &&
		    fsync(fd) == 0 && rename(temporary, path) == 0;
	enum outcome outcome = OUTCOME_OK;

	if (!fine) {
		outcome = err_set(err, OUTCOME_RETRY, "%s cannot be written: %s", path,
				  strerror(errno));
		if (fd >= 0)
			(void)unlink(temporary);
	} else if (!sync_directory_of(path)) {
		outcome = err_set(err, OUTCOME_RETRY, "%s: fsync: %s", path, strerror(errno));
	}
	if (fd >= 0)
		(void)close(fd);
	free(temporary);
	return outcome;
}

enum outcome edit_write(const char *path, struct span bytes, unsigned mode, struct err *err)
{
	char *target = realpath(path, NULL);
	enum outcome outcome = replace(target != NULL ? target : path, bytes, mode, err);

	free(target);
	return outcome;
}

/* The copies ---------------------------------------------------------------------------------- */

static char *path_in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static enum outcome copy_out(const struct edit *edit, enum edit_file file, struct err *err)
{
	char *path = path_in(edit->work, edit_names[file]);
	enum outcome outcome = edit_write(path, buffer_span(&edit->after[file]), 0600, err);

	free(path);
	return outcome;
}

static enum outcome copy_in(struct edit *edit, enum edit_file file, struct err *err)
{
	char *path = path_in(edit->work, edit_names[file]);
	enum outcome outcome = edit_read(path, &edit->after[file], err);

	free(path);
	return outcome;
}

enum outcome edit_begin(const char *dir, struct deadline deadline, struct edit *edit,
			struct err *err)
{
	enum outcome outcome = OUTCOME_OK;

	const char *tmp = getenv("TMPDIR");

	*edit = (struct edit){.dir = xstrdup(dir), .deadline = deadline};
	(void)snprintf(edit->work, sizeof(edit->work), "%s/mailoauth-postfix.XXXXXX",
		       tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	for (int i = 0; i < EDIT_FILES; i++) {
		buffer_init(&edit->before[i], EDIT_FILE_MAX);
		buffer_init(&edit->after[i], EDIT_FILE_MAX);
	}
	if (mkdtemp(edit->work) == NULL) {
		(void)err_set(err, OUTCOME_RETRY, "%s: %s", edit->work, strerror(errno));
		edit->work[0] = '\0';
		return OUTCOME_RETRY;
	}
	for (int i = 0; outcome == OUTCOME_OK && i < EDIT_FILES; i++) {
		char *path = path_in(dir, edit_names[i]);

		outcome = edit_read(path, &edit->before[i], err);
		(void)buffer_append_span(&edit->after[i], buffer_span(&edit->before[i]));
		if (outcome == OUTCOME_OK)
			outcome = copy_out(edit, (enum edit_file)i, err);
		free(path);
	}
	return outcome;
}

void edit_end(struct edit *edit)
{
	for (int i = 0; i < EDIT_FILES; i++) {
		if (edit->work[0] != '\0') {
			char *path = path_in(edit->work, edit_names[i]);

			(void)unlink(path);
			free(path);
		}
		buffer_release(&edit->before[i]);
		buffer_release(&edit->after[i]);
	}
	if (edit->work[0] != '\0')
		(void)rmdir(edit->work);
	free(edit->dir);
	*edit = (struct edit){0};
}

/* postconf ------------------------------------------------------------------------------------ */

/* Runs "postconf -c WORK MODE WORD..."; words may be NULL. */
static enum outcome run_postconf(const struct edit *edit, const char *mode, char *const *words,
				 size_t count, struct buffer *out, struct err *err)
{
	char program[PROGRAM_PATH_MAX];
	const char *argv[WORDS_MAX + 5] = {program_find("postconf", program), "-c", edit->work,
					   mode};
	struct buffer complaint = BUFFER_INIT(COMPLAINT_MAX);
	struct program_result result = {.out = out, .complaint = &complaint};
	enum outcome outcome;

	if (argv[0] == NULL)
		return err_set(err, OUTCOME_CONFIG, "there is no postconf on this machine");
	for (size_t i = 0; i < count; i++)
		argv[4 + i] = words[i];
	outcome = program_run(argv, edit->deadline, &result, err);
	if (outcome == OUTCOME_OK && result.status != 0)
		outcome = err_set(err, OUTCOME_CONFIG, "postconf %s %s: %s", mode,
				  count > 0 ? words[0] : "", buffer_cstr(&complaint));
	buffer_release(&complaint);
	return outcome;
}

struct postfix *edit_settings(const struct edit *edit, struct err *err)
{
	static const char *const modes[] = {"-n", "-M", "-P"};
	struct buffer text[3] = {BUFFER_INIT(EDIT_FILE_MAX), BUFFER_INIT(EDIT_FILE_MAX),
				 BUFFER_INIT(EDIT_FILE_MAX)};
	struct postfix *postfix = NULL;
	enum outcome outcome = OUTCOME_OK;

	for (size_t i = 0; outcome == OUTCOME_OK && i < 3; i++)
		outcome = run_postconf(edit, modes[i], NULL, 0, &text[i], err);
	if (outcome == OUTCOME_OK)
		postfix = postfix_from_text(buffer_span(&text[0]), buffer_span(&text[1]),
					    buffer_span(&text[2]));
	for (size_t i = 0; i < 3; i++)
		buffer_release(&text[i]);
	return postfix;
}

static bool is_same_mode(const struct change *a, const struct change *b)
{
	return a->kind == b->kind && (a->value == NULL) == (b->value == NULL);
}

/* All of one kind at once. */
static enum outcome apply_some(struct edit *edit, const struct change *changes, size_t count,
			       struct err *err)
{
	static const char *const set[] = {"-e", "-M", "-P"}, *const unset[] = {"-X", "-MX", "-PX"};
	struct buffer dropped = BUFFER_INIT(EDIT_FILE_MAX);
	bool removes = changes[0].value == NULL;
	char *words[WORDS_MAX];
	enum outcome outcome;

	for (size_t i = 0; i < count; i++)
		words[i] = removes ? xstrdup(changes[i].name)
				   : xasprintf("%s=%s", changes[i].name, changes[i].value);
	outcome = run_postconf(edit, removes ? unset[changes[0].kind] : set[changes[0].kind], words,
			       count, &dropped, err);
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	buffer_release(&dropped);
	return outcome;
}

enum outcome edit_apply(struct edit *edit, const struct change *changes, size_t count,
			struct err *err)
{
	enum outcome outcome = OUTCOME_OK;
	size_t n;

	for (size_t i = 0; outcome == OUTCOME_OK && i < count; i += n) {
		for (n = 1; n < WORDS_MAX && i + n < count; n++) {
			if (!is_same_mode(&changes[i], &changes[i + n]))
				break;
		}
		outcome = apply_some(edit, changes + i, n, err);
	}
	for (int i = 0; outcome == OUTCOME_OK && i < EDIT_FILES; i++)
		outcome = copy_in(edit, (enum edit_file)i, err);
	return outcome;
}

enum outcome edit_replace(struct edit *edit, enum edit_file file, struct buffer *bytes,
			  struct err *err)
{
	buffer_move(&edit->after[file], bytes);
	return copy_out(edit, file, err);
}

/* Showing ------------------------------------------------------------------------------------- */

bool edit_differs(const struct edit *edit, enum edit_file file)
{
	struct span a = buffer_span(&edit->before[file]), b = buffer_span(&edit->after[file]);

	return a.len != b.len || (a.len > 0 && memcmp(a.ptr, b.ptr, a.len) != 0);
}

static enum outcome diff_one(const struct edit *edit, enum edit_file file, const char *program,
			     struct buffer *out, struct err *err)
{
	char *old = path_in(edit->dir, edit_names[file]);
	char *now = path_in(edit->work, edit_names[file]);
	const char *argv[] = {program, "-u", "--label", old, "--label", old, old, now, NULL};
	struct program_result result = {.out = out};
	enum outcome outcome = program_run(argv, edit->deadline, &result, err);

	free(old);
	free(now);
	return outcome;
}

enum outcome edit_diff(const struct edit *edit, struct buffer *out, struct err *err)
{
	char program[PROGRAM_PATH_MAX];
	enum outcome outcome = OUTCOME_OK;

	if (program_find("diff", program) == NULL)
		return err_set(err, OUTCOME_CONFIG,
			       "there is no diff(1) on this machine to show the changes with");
	for (int i = EDIT_FILES - 1; outcome == OUTCOME_OK && i >= 0; i--) {
		if (edit_differs(edit, (enum edit_file)i))
			outcome = diff_one(edit, (enum edit_file)i, program, out, err);
	}
	return outcome;
}

/* Installing ---------------------------------------------------------------------------------- */

/* A name that nothing has yet: two changes in one second have two copies. */
static void name_copy(struct edit *edit, enum edit_file file, const char *stamp)
{
	for (int n = 1; n < COPIES_MAX; n++) {
		char *path;
		bool is_free;

		(void)snprintf(edit->kept[file], EDIT_NAME_MAX, "%s.mailoauth-%s%s%.0d",
			       edit_names[file], stamp, n > 1 ? "-" : "", n > 1 ? n : 0);
		path = path_in(edit->dir, edit->kept[file]);
		is_free = access(path, F_OK) != 0;
		free(path);
		if (is_free)
			return;
	}
}

void edit_name_copies(struct edit *edit)
{
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32] = "";

	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	for (int i = 0; i < EDIT_FILES; i++) {
		if (edit_differs(edit, (enum edit_file)i))
			name_copy(edit, (enum edit_file)i, stamp);
	}
}

enum outcome edit_keep(const struct edit *edit, struct err *err)
{
	enum outcome outcome = OUTCOME_OK;

	for (int i = 0; outcome == OUTCOME_OK && i < EDIT_FILES; i++) {
		char *path;

		if (edit->kept[i][0] == '\0')
			continue;
		path = path_in(edit->dir, edit->kept[i]);
		/* As closed as it can be: main.cf may hold what the copy's readers should not. */
		outcome = edit_write(path, buffer_span(&edit->before[i]), 0600, err);
		free(path);
	}
	return outcome;
}

enum outcome edit_install(const struct edit *edit, bool main_first, bool back, struct err *err)
{
	enum outcome outcome = OUTCOME_OK;

	for (int i = 0; outcome == OUTCOME_OK && i < EDIT_FILES; i++) {
		enum edit_file file = (enum edit_file)(main_first ? EDIT_FILES - 1 - i : i);
		char *path;

		if (!edit_differs(edit, file))
			continue;
		path = path_in(edit->dir, edit_names[file]);
		outcome = edit_write(path,
				     buffer_span(back ? &edit->before[file] : &edit->after[file]),
				     0644, err);
		free(path);
	}
	return outcome;
}
