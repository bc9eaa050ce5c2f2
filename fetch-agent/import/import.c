/* SPDX-License-Identifier: MIT */
/*
 * import.c - see import.h.
 *
 * The order matters: the whole file is read and found good before anything is written, and what was
 * fetched is noted before the sections are given out.
 */
#include "fetch-agent/import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

static const struct import_program *const programs[] = {
	&import_fetchmail,
	&import_getmail,
	&import_mbsync,
	&import_fdm,
};

#define NAMES_MAX     256
#define PROGRAM_COUNT (sizeof(programs) / sizeof(programs[0]))

static void not_known(const struct import_request *request, struct err *err)
{
	struct buffer names = BUFFER_INIT(NAMES_MAX);

	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		(void)buffer_printf(&names, "%s%s", i > 0 ? ", " : "", programs[i]->name);
	if (request->from != NULL)
		(void)err_set(err, OUTCOME_CONFIG, "--from %s: must be one of: %s", request->from,
			      buffer_cstr(&names));
	else
		(void)err_set(err, OUTCOME_CONFIG,
			      "%s: whose configuration is it? Add --from with one of: %s",
			      request->file, buffer_cstr(&names));
	buffer_release(&names);
}

static bool is_named_as_of(const char *name, const struct import_program *program)
{
	return strstr(name, program->file_name) != NULL ||
	       (program->other_file_name != NULL && strstr(name, program->other_file_name) != NULL);
}

static const struct import_program *find_program(const struct import_request *request,
						 struct err *err)
{
	const char *slash = strrchr(request->file, '/');
	const char *name = slash != NULL ? slash + 1 : request->file;

	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		if (request->from != NULL ? strcmp(request->from, programs[i]->name) == 0
					  : is_named_as_of(name, programs[i]))
			return programs[i];
	}
	not_known(request, err);
	return NULL;
}

/* Files ------------------------------------------------------------------------------------------
 */

const char *import_home(const char *file)
{
	const struct passwd *owner = NULL;
	struct stat st;

	if (geteuid() == 0 && stat(file, &st) == 0 && st.st_uid != 0)
		owner = getpwuid(st.st_uid);
	return owner != NULL ? owner->pw_dir : getenv("HOME");
}

static enum outcome read_all(int fd, const char *path, struct buffer *out, struct err *err)
{
	char chunk[16384];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, OUTCOME_CONFIG, "%s: is not a regular file", path);
	do
		n = read(fd, chunk, sizeof(chunk));
	while ((n > 0 && buffer_append(out, chunk, (size_t)n)) || (n < 0 && errno == EINTR));
	wipe(chunk, sizeof(chunk));
	if (n < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	if (!buffer_ok(out))
		return err_set(err, OUTCOME_CONFIG, "%s: is larger than %zu bytes", path, out->max);
	return OUTCOME_OK;
}

static enum outcome read_file(const char *path, struct buffer *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum outcome what;

	if (fd < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	what = read_all(fd, path, out, err);
	(void)close(fd);
	return what;
}

/* Passwords --------------------------------------------------------------------------------------
 */

static enum outcome write_password(const char *path, struct span password, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good;

	if (fd < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	good = write(fd, password.ptr, password.len) == (ssize_t)password.len && fsync(fd) == 0;
	if (close(fd) != 0 || !good) {
		(void)err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
		(void)unlink(path);
		return OUTCOME_CONFIG;
	}
	return OUTCOME_OK;
}

static enum outcome write_passwords(struct import_plan *plan, const char *directory,
				    struct err *err)
{
	char whole[PATH_MAX];
	enum outcome what = OUTCOME_OK;

	if (directory == NULL)
		return OUTCOME_OK;
	if (realpath(directory, whole) == NULL)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", directory, strerror(errno));
	for (size_t i = 0; what == OUTCOME_OK && i < plan->count; i++) {
		struct import_source *source = plan->sources[i];
		char *path;

		if (source->password.len == 0 || source->value[IMPORT_PASSWORD_COMMAND] != NULL ||
		    import_login_of(plan, i) != source)
			continue;
		path = xasprintf("%s/%s.password", whole, source->name);
		what = write_password(path, buffer_span(&source->password), err);
		import_set(source, IMPORT_PASSWORD_FILE, path);
		if (what == OUTCOME_OK)
			import_note(plan, source->line,
				    "password: written to %s; the user that mailoauth-fetch runs "
				    "as must own it",
				    path);
		free(path);
	}
	return what;
}

/* State ------------------------------------------------------------------------------------------
 */

static enum outcome take_over(struct state *state, const char *source, const char *folder_name,
			      const struct import_recall *recall, struct err *err)
{
	struct state_step step = {
		.published = STATE_DECIDED,
		.told = &recall->fetched,
		.last_uid = recall->last_uid,
	};
	struct state_folder folder;
	enum outcome what = state_folder_get(state, source, folder_name, &folder, err);

	if (what == OUTCOME_OK && folder.uidvalidity != 0)
		return err_set(err, OUTCOME_CONFIG,
			       "[fetch %s] folder %s: something was fetched already: its state "
			       "stays as it is",
			       source, folder_name);
	if (what == OUTCOME_OK)
		what = state_folder_reset(state, &folder, recall->uidvalidity, NULL, err);
	if (what == OUTCOME_OK)
		what = state_advance(state, &folder, &step, err);
	return what;
}

static void note_forgotten(struct import_plan *plan, const struct import_program *program,
			   const struct import_memory *memory, const struct err *trouble)
{
	if (program->forgets != NULL)
		import_note(plan, memory->line, "--take-state: %s", program->forgets);
	else if (trouble->text[0] != '\0')
		import_note(plan, memory->line, "folder %s: what was fetched is not known: %s",
			    memory->folder, trouble->text);
	else
		import_note(plan, memory->line,
			    "folder %s: what was fetched is not known: %s is no state of %s",
			    memory->folder, memory->path, program->name);
}

/* A file that is missing or strange is noted, and the other folders go on: what is taken over twice
 * would be worse than what is fetched twice. */
static enum outcome recall_folder(struct import_plan *plan, const struct import_program *program,
				  struct import_source *source, const struct import_memory *memory,
				  struct state *state, struct err *err)
{
	struct buffer text = BUFFER_INIT(IMPORT_MEMORY_MAX);
	struct import_recall recall = {.who = memory->who};
	struct err trouble = ERR_INIT;
	enum outcome what = OUTCOME_OK;

	if (read_file(memory->path, &text, &trouble) != OUTCOME_OK ||
	    !program->recall(buffer_span(&text), &recall))
		recall.uidvalidity = 0;
	if (recall.uidvalidity == 0)
		note_forgotten(plan, program, memory, &trouble);
	else
		what = take_over(state, source->name, memory->folder, &recall, err);
	if (program->recall_is_all && recall.uidvalidity != 0)
		import_set(source, IMPORT_TAKE, NULL);
	if (what == OUTCOME_OK && recall.uidvalidity != 0)
		import_note(plan, memory->line,
			    "folder %s: taken over from %s: UIDVALIDITY %u, %zu messages noted, "
			    "all up to UID %u",
			    memory->folder, memory->path, recall.uidvalidity, recall.fetched.count,
			    recall.last_uid);
	uid_list_release(&recall.fetched);
	buffer_release(&text);
	return what;
}

static enum outcome recall_all(struct import_plan *plan, const struct import_program *program,
			       const char *path, struct err *err)
{
	struct state *state = NULL;
	enum outcome what;

	if (path == NULL)
		return OUTCOME_OK;
	if (program->recall == NULL) {
		import_note(plan, 1, "--take-state: %s", program->forgets);
		return OUTCOME_OK;
	}
	what = state_open(path, STATE_WORK, &state, err);
	for (size_t i = 0; what == OUTCOME_OK && i < plan->count; i++) {
		struct import_source *source = plan->sources[i];

		if (source->memory_count == 0 && program->forgets != NULL)
			import_note(plan, source->line, "--take-state: %s", program->forgets);
		for (size_t m = 0; what == OUTCOME_OK && m < source->memory_count; m++)
			what = recall_folder(plan, program, source, &source->memories[m], state,
					     err);
	}
	state_close(state);
	return what;
}

/* All of it --------------------------------------------------------------------------------------
 */

static enum outcome carry_over(struct import_plan *plan, const struct import_program *program,
			       const struct import_request *request, struct buffer *sections,
			       struct err *err)
{
	enum outcome what = OUTCOME_OK;

	if (plan->problems.count > 0)
		return err_set(err, OUTCOME_CONFIG,
			       "%s: not read as %s would: mend the lines above", request->file,
			       program->name);
	if (plan->count == 0)
		return err_set(err, OUTCOME_CONFIG, "%s: nothing in it is fetched by IMAP",
			       request->file);
	import_name_sources(plan);
	what = write_passwords(plan, request->passwords, err);
	if (what == OUTCOME_OK)
		what = recall_all(plan, program, request->state, err);
	if (what == OUTCOME_OK)
		import_print(plan, sections);
	if (what == OUTCOME_OK && !buffer_ok(sections))
		what = err_set(err, OUTCOME_NOMEM, "%s: the sections are too long", request->file);
	return what;
}

enum outcome import_run(const struct import_request *request, struct buffer *sections,
			struct buffer *notes, struct err *err)
{
	const struct import_program *program = find_program(request, err);
	struct buffer text = BUFFER_INIT_SECRET(IMPORT_FILE_MAX);
	struct import_plan plan;
	enum outcome what;

	if (program == NULL)
		return OUTCOME_CONFIG;
	import_plan_init(&plan, request->file, request->home);
	what = read_file(request->file, &text, err);
	if (what == OUTCOME_OK) {
		program->read(buffer_span(&text), &plan);
		what = carry_over(&plan, program, request, sections, err);
	}
	(void)buffer_append_span(notes, buffer_span(&plan.notes.text));
	(void)buffer_append_span(notes, buffer_span(&plan.problems.text));
	import_plan_release(&plan);
	buffer_release(&text);
	return what;
}
