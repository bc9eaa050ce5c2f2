/* SPDX-License-Identifier: MIT */
/* postfix.c - see postfix.h. */
#include "token-helper/postfix/postfix.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "token-helper/postfix/postfix-value.h"
#include "token-helper/postfix/program.h"

#include "common/banned.h"

#define OUTPUT_MAX    4194304
#define COMPLAINT_MAX 4096
#define SERVICE_FIELDS                                                                             \
	7 /* before the command: service type private unpriv chroot wakeup maxproc                 \
	   */
#define FIELD_CHROOT 4

struct setting {
	char *service; /* "smtp/unix" of master.cf; NULL: main.cf's */
	char *name;
	char *value;
};

struct postfix {
	char *dir; /* NULL: the default */
	struct setting *settings;
	size_t setting_count;
	struct postfix_service *services;
	size_t service_count;
};

/* Reading ------------------------------------------------------------------------------------- */

static bool next_line(struct span *text, struct span *line_out)
{
	const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - text->ptr) : text->len;
	size_t used = end != NULL ? len + 1 : len;

	if (text->len == 0)
		return false;
	*line_out = (struct span){text->ptr, len};
	*text = (struct span){text->ptr + used, text->len - used};
	return true;
}

/* "name = value" or, with a service, "smtp/unix/name = value". */
static void add_setting(struct postfix *postfix, struct span line, bool of_service)
{
	const char *equals = memchr(line.ptr, '=', line.len);
	struct span name, value, service = {NULL, 0};
	const char *slash;

	if (equals == NULL)
		return;
	name = span_trim((struct span){line.ptr, (size_t)(equals - line.ptr)});
	value = span_trim((struct span){equals + 1, line.len - (size_t)(equals - line.ptr) - 1});
	slash = of_service && name.len > 0 ? memrchr(name.ptr, '/', name.len) : NULL;
	if (of_service && slash == NULL)
		return;
	if (slash != NULL) {
		service = (struct span){name.ptr, (size_t)(slash - name.ptr)};
		name = (struct span){slash + 1, name.len - service.len - 1};
	}
	postfix->settings = xreallocarray(postfix->settings, postfix->setting_count + 1,
					  sizeof(*postfix->settings));
	postfix->settings[postfix->setting_count++] = (struct setting){
		.service = service.ptr != NULL ? xspandup(service) : NULL,
		.name = xspandup(name),
		.value = xspandup(value),
	};
}

static void add_service(struct postfix *postfix, struct span line)
{
	struct span fields[SERVICE_FIELDS];

	for (int i = 0; i < SERVICE_FIELDS; i++) {
		if (!postfix_word_next(&line, &fields[i]))
			return;
	}
	postfix->services = xreallocarray(postfix->services, postfix->service_count + 1,
					  sizeof(*postfix->services));
	postfix->services[postfix->service_count++] = (struct postfix_service){
		.name = xspandup(fields[0]),
		.type = xspandup(fields[1]),
		.chroot = xspandup(fields[FIELD_CHROOT]),
		.command = xspandup(span_trim(line)),
	};
}

struct postfix *postfix_from_text(struct span parameters, struct span services,
				  struct span overrides)
{
	struct postfix *postfix = xcalloc(1, sizeof(*postfix));
	struct span line;

	while (next_line(&parameters, &line))
		add_setting(postfix, line, false);
	while (next_line(&overrides, &line))
		add_setting(postfix, line, true);
	while (next_line(&services, &line))
		add_service(postfix, line);
	return postfix;
}

void postfix_free(struct postfix *postfix)
{
	if (postfix == NULL)
		return;
	for (size_t i = 0; i < postfix->setting_count; i++) {
		free(postfix->settings[i].service);
		free(postfix->settings[i].name);
		free(postfix->settings[i].value);
	}
	for (size_t i = 0; i < postfix->service_count; i++) {
		free(postfix->services[i].name);
		free(postfix->services[i].type);
		free(postfix->services[i].chroot);
		free(postfix->services[i].command);
	}
	free(postfix->settings);
	free(postfix->services);
	free(postfix->dir);
	free(postfix);
}

/* The first line that says "fatal", else the first: warnings come before it. */
static struct span reason(struct span complaint)
{
	struct span line, first = {"it says nothing", 15};
	bool is_first = true;

	while (next_line(&complaint, &line)) {
		if (is_first || memmem(line.ptr, line.len, "fatal", 5) != NULL)
			first = line;
		is_first = false;
	}
	return first;
}

static enum outcome run_postconf(const char *program, const char *dir, const char *what,
				 struct deadline deadline, struct buffer *out, struct err *err)
{
	const char *argv[5] = {program};
	struct buffer complaint = BUFFER_INIT(COMPLAINT_MAX);
	struct program_result result = {.out = out, .complaint = &complaint};
	enum outcome outcome;
	size_t n = 1;

	if (dir != NULL) {
		argv[n++] = "-c";
		argv[n++] = dir;
	}
	if (what != NULL)
		argv[n++] = what;
	outcome = program_run(argv, deadline, &result, err);
	if (outcome == OUTCOME_OK && result.status != 0) {
		struct span why = reason(buffer_span(&complaint));

		outcome = err_set(err, OUTCOME_CONFIG, "%.*s", (int)why.len, why.ptr);
	}
	buffer_release(&complaint);
	return outcome;
}

enum outcome postfix_read(const char *dir, struct deadline deadline, struct postfix **postfix_out,
			  bool *installed_out, struct err *err)
{
	static const char *const what[] = {NULL, "-M", "-P"};
	struct buffer text[3] = {BUFFER_INIT(OUTPUT_MAX), BUFFER_INIT(OUTPUT_MAX),
				 BUFFER_INIT(OUTPUT_MAX)};
	char path[PROGRAM_PATH_MAX];
	enum outcome outcome = OUTCOME_OK;

	*installed_out = program_find("postconf", path) != NULL;
	if (!*installed_out)
		return err_set(err, OUTCOME_CONFIG, "there is no postconf on this machine");
	for (size_t i = 0; outcome == OUTCOME_OK && i < 3; i++)
		outcome = run_postconf(path, dir, what[i], deadline, &text[i], err);
	if (outcome == OUTCOME_OK) {
		*postfix_out = postfix_from_text(buffer_span(&text[0]), buffer_span(&text[1]),
						 buffer_span(&text[2]));
		(*postfix_out)->dir = xstrdup(dir);
	}
	for (size_t i = 0; i < 3; i++)
		buffer_release(&text[i]);
	return outcome;
}

/* Values -------------------------------------------------------------------------------------- */

struct scope {
	const struct postfix *postfix;
	const struct postfix_service *service;
};

const char *postfix_named_dir(const struct postfix *postfix)
{
	return postfix->dir;
}

static bool is_of(const struct setting *setting, const struct postfix_service *service)
{
	size_t len = service != NULL ? strlen(service->name) : 0;

	if (service == NULL || setting->service == NULL)
		return service == NULL && setting->service == NULL;
	return strncmp(setting->service, service->name, len) == 0 && setting->service[len] == '/' &&
	       strcmp(setting->service + len + 1, service->type) == 0;
}

static const char *find(const struct postfix *postfix, const struct postfix_service *service,
			struct span name)
{
	for (size_t i = 0; i < postfix->setting_count; i++) {
		if (is_of(&postfix->settings[i], service) &&
		    span_equals(name, postfix->settings[i].name))
			return postfix->settings[i].value;
	}
	return NULL;
}

const char *postfix_raw(const struct postfix *postfix, const char *name)
{
	return find(postfix, NULL, span_from_str(name));
}

const char *postfix_override(const struct postfix *postfix, const struct postfix_service *service,
			     const char *name)
{
	return service != NULL ? find(postfix, service, span_from_str(name)) : NULL;
}

static const char *lookup(const void *context, struct span name)
{
	const struct scope *scope = context;
	const char *value =
		scope->service != NULL ? find(scope->postfix, scope->service, name) : NULL;

	return value != NULL ? value : find(scope->postfix, NULL, name);
}

bool postfix_value(const struct postfix *postfix, const struct postfix_service *service,
		   const char *name, struct buffer *out)
{
	struct scope scope = {postfix, service};
	const char *value = lookup(&scope, span_from_str(name));
	bool understood;

	buffer_clear(out);
	if (value == NULL)
		return false;
	understood = postfix_expand(value, lookup, &scope, out);
	if (!understood)
		(void)buffer_set(out, value, strlen(value));
	return understood;
}

char *postfix_text(const struct postfix *postfix, const struct postfix_service *service,
		   const char *name)
{
	struct buffer value = BUFFER_INIT(POSTFIX_VALUE_MAX);
	char *text;

	(void)postfix_value(postfix, service, name, &value);
	text = xstrdup(buffer_cstr(&value));
	buffer_release(&value);
	return text;
}

bool postfix_is_yes(const struct postfix *postfix, const struct postfix_service *service,
		    const char *name)
{
	struct buffer value = BUFFER_INIT(POSTFIX_VALUE_MAX);
	bool yes = postfix_value(postfix, service, name, &value) &&
		   span_equals_nocase(buffer_span(&value), "yes");

	buffer_release(&value);
	return yes;
}

bool postfix_environment(const struct postfix *postfix, const char *name, struct buffer *out)
{
	struct buffer list = BUFFER_INIT(POSTFIX_VALUE_MAX);
	struct span rest, word;
	size_t len = strlen(name);
	bool found = false;

	(void)postfix_value(postfix, NULL, "import_environment", &list);
	rest = buffer_span(&list);
	while (!found && postfix_list_next(&rest, &word)) {
		found = word.len > len && strncmp(word.ptr, name, len) == 0 &&
			word.ptr[len] == '=' &&
			buffer_set(out, word.ptr + len + 1, word.len - len - 1);
	}
	buffer_release(&list);
	return found;
}

/* Services ------------------------------------------------------------------------------------ */

size_t postfix_service_count(const struct postfix *postfix)
{
	return postfix->service_count;
}

const struct postfix_service *postfix_service_at(const struct postfix *postfix, size_t i)
{
	return &postfix->services[i];
}

const struct postfix_service *postfix_service_find(const struct postfix *postfix, const char *name,
						   const char *type)
{
	for (size_t i = 0; i < postfix->service_count; i++) {
		if (strcmp(postfix->services[i].name, name) == 0 &&
		    strcmp(postfix->services[i].type, type) == 0)
			return &postfix->services[i];
	}
	return NULL;
}

/* "-" means no since Postfix 3.0, unless compatibility_level is 0. */
bool postfix_service_is_chrooted(const struct postfix *postfix,
				 const struct postfix_service *service)
{
	const char *level = postfix_raw(postfix, "compatibility_level");

	if (service->chroot[0] == '-')
		return level == NULL || strtol(level, NULL, 10) < 1;
	return service->chroot[0] == 'y';
}

bool postfix_service_has_flag(const struct postfix_service *service, const char *flag)
{
	struct span rest = span_from_str(service->command), word;
	bool is_value = true; /* the program's name is no flag */

	while (postfix_word_next(&rest, &word)) {
		if (!is_value && span_equals(word, flag))
			return true;
		is_value = !is_value && span_equals(word, "-o");
	}
	return false;
}
