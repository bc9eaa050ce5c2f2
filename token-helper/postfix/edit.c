/* SPDX-License-Identifier: MIT */
/* edit.c - see edit.h. */
#include "token-helper/postfix/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/xalloc.h"
#include "token-helper/postfix/program.h"

#include "common/banned.h"

#define COMPLAINT_MAX 4096
#define COPIES_MAX    100 /* of one second */
#define WORDS_MAX     32  /* of one postconf */

const char *const edit_names[EDIT_FILES] = {[EDIT_MASTER] = "master.cf", [EDIT_MAIN] = "main.cf"};

/* The copies ---------------------------------------------------------------------------------- */

static char *path_in(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static enum outcome copy_out(const struct edit *edit, enum edit_file file, struct err *err)
{
	char *path = path_in(edit->work, edit_names[file]);
	enum outcome outcome = file_replace(path, buffer_span(&edit->after[file]), 0600, err);

	free(path);
	return outcome;
}

static enum outcome copy_in(struct edit *edit, enum edit_file file, struct err *err)
{
	char *path = path_in(edit->work, edit_names[file]);
	enum outcome outcome = file_read(path, &edit->after[file], err);

	free(path);
	return outcome;
}

static enum outcome take_lock(struct edit *edit, struct err *err)
{
	edit->lock = open(edit->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (edit->lock < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", edit->dir, strerror(errno));
	if (flock(edit->lock, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, OUTCOME_RETRY, "%s: another mailoauth postfix is at work here",
			       edit->dir);
	return OUTCOME_OK;
}

enum outcome edit_begin(const char *dir, struct deadline deadline, struct edit *edit,
			struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	enum outcome outcome;

	*edit = (struct edit){.dir = xstrdup(dir), .deadline = deadline};
	outcome = take_lock(edit, err);
	if (outcome != OUTCOME_OK)
		return outcome;
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

		outcome = file_read(path, &edit->before[i], err);
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
	if (edit->dir != NULL && edit->lock >= 0)
		(void)close(edit->lock);
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

/* postconf puts what it adds to main.cf at once in an order of its own, another one each time. */
static bool adds_line(const struct change *change)
{
	return change->kind == CHANGE_MAIN && change->value != NULL;
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
			if (!is_same_mode(&changes[i], &changes[i + n]) || adds_line(&changes[i]))
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
	return !span_same(buffer_span(&edit->before[file]), buffer_span(&edit->after[file]));
}

static enum outcome diff_one(const struct edit *edit, enum edit_file file, const char *program,
			     struct buffer *out, struct err *err)
{
	char *old = path_in(edit->dir, edit_names[file]);
	char *now = path_in(edit->work, edit_names[file]);
	/* Without context: a line nearby may hold a password. */
	const char *argv[] = {program, "-U0", "--label", old, "--label", old, old, now, NULL};
	struct program_result result = {.out = out};
	enum outcome outcome = program_run(argv, edit->deadline, &result, err);

	if (outcome == OUTCOME_OK && result.status > 1)
		outcome = err_set(err, OUTCOME_CONFIG, "%s cannot compare %s", program, old);
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
		outcome = file_replace(path, buffer_span(&edit->before[i]), 0600, err);
		free(path);
	}
	return outcome;
}

void edit_drop_copies(struct edit *edit)
{
	for (int i = 0; i < EDIT_FILES; i++) {
		char *path = path_in(edit->dir, edit->kept[i]);

		if (edit->kept[i][0] != '\0')
			(void)unlink(path);
		edit->kept[i][0] = '\0';
		free(path);
	}
}

/* Each is what is to be replaced: what somebody wrote meanwhile must not be lost. */
static enum outcome check_unchanged(const struct edit *edit, bool back, struct err *err)
{
	struct buffer now = BUFFER_INIT(EDIT_FILE_MAX);
	enum outcome outcome = OUTCOME_OK;

	for (int i = 0; outcome == OUTCOME_OK && i < EDIT_FILES; i++) {
		char *path = path_in(edit->dir, edit_names[i]);

		const struct buffer *wanted = back ? &edit->after[i] : &edit->before[i];

		outcome = file_read(path, &now, err);
		if (outcome == OUTCOME_OK && !span_same(buffer_span(&now), buffer_span(wanted)))
			outcome = err_set(err, OUTCOME_RETRY,
					  "%s was changed meanwhile and is left as it is", path);
		free(path);
	}
	buffer_release(&now);
	return outcome;
}

enum outcome edit_install(const struct edit *edit, bool main_first, bool back, struct err *err)
{
	enum outcome outcome = check_unchanged(edit, back, err);

	for (int i = 0; outcome == OUTCOME_OK && i < EDIT_FILES; i++) {
		enum edit_file file = (enum edit_file)(main_first ? EDIT_FILES - 1 - i : i);
		char *path;

		if (!edit_differs(edit, file))
			continue;
		path = path_in(edit->dir, edit_names[file]);
		outcome = file_replace(path,
				       buffer_span(back ? &edit->before[file] : &edit->after[file]),
				       0644, err);
		free(path);
	}
	return outcome;
}
