/* SPDX-License-Identifier: MIT */
/* import-plan.c - see import-plan.h. */
#include "fetch-agent/import/import-plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/imap/imap-utf7.h"

#include "common/banned.h"

#define PASSWORD_MAX   4096
#define FOLDERS_MAX    65536
#define NAME_MAX_BYTES 1024
#define VALUE_MAX      16384

void import_plan_init(struct import_plan *plan, const char *file, const char *home)
{
	*plan = (struct import_plan){.file = file, .home = home};
	buffer_init(&plan->notes.text, 1048576);
	buffer_init(&plan->problems.text, 65536);
}

void import_note(struct import_plan *plan, int line, const char *fmt, ...)
{
	struct config_problems one = CONFIG_PROBLEMS_INIT;
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	config_problem(&one, plan->file, line, "%s", text);
	if (strstr(buffer_cstr(&plan->notes.text), buffer_cstr(&one.text)) == NULL)
		config_problem(&plan->notes, plan->file, line, "%s", text);
	config_problems_release(&one);
}

void import_problem(struct import_plan *plan, int line, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	config_problem(&plan->problems, plan->file, line, "%s", text);
}

static void source_free(struct import_source *source)
{
	free(source->name);
	free(source->user);
	buffer_release(&source->password);
	for (size_t i = 0; i < IMPORT_KEY_COUNT; i++)
		free(source->value[i]);
	for (size_t i = 0; i < source->memory_count; i++) {
		free(source->memories[i].folder);
		free(source->memories[i].path);
		free(source->memories[i].who);
	}
	free(source->memories);
	free(source);
}

void import_plan_release(struct import_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		source_free(plan->sources[i]);
	free(plan->sources);
	config_problems_release(&plan->notes);
	config_problems_release(&plan->problems);
	*plan = (struct import_plan){0};
}

struct import_source *import_source_add(struct import_plan *plan, const char *name, int line)
{
	struct import_source *source;

	if (plan->count == IMPORT_SOURCES_MAX) {
		import_problem(plan, line, "more than %d mailboxes: split the file",
			       IMPORT_SOURCES_MAX);
		source_free(plan->sources[--plan->count]);
	}
	source = xcalloc(1, sizeof(*source));
	source->name = xstrdup(name);
	source->line = line;
	buffer_init_secret(&source->password, PASSWORD_MAX);
	plan->sources = xreallocarray(plan->sources, plan->count + 1, sizeof(*plan->sources));
	plan->sources[plan->count++] = source;
	return source;
}

void import_set(struct import_source *source, enum import_key key, const char *text)
{
	char *copy = xstrdup(text);

	free(source->value[key]);
	source->value[key] = copy;
}

void import_setf(struct import_source *source, enum import_key key, const char *fmt, ...)
{
	char text[VALUE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	import_set(source, key, text);
}

void import_set_number(struct import_plan *plan, struct import_source *source, enum import_key key,
		       const char *text, uint64_t max, int line)
{
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t number;

	import_set(source, key, NULL);
	if (text == NULL || strcmp(text, "0") == 0)
		return;
	if (!scan_u64(&scan, max, &number) || !scanner_at_end(&scan))
		import_note(plan, line, "\"%s\" is not a number from 1 to %llu: left out", text,
			    (unsigned long long)max);
	else
		import_setf(source, key, "%llu", (unsigned long long)number);
}

void import_set_port(struct import_plan *plan, struct import_source *source, const char *text,
		     bool implicit, int line)
{
	if (text != NULL && strcmp(text, "imaps") == 0)
		text = "993";
	else if (text != NULL && strcmp(text, "imap") == 0)
		text = "143";
	if (text != NULL && strcmp(text, implicit ? "993" : "143") == 0)
		text = NULL;
	import_set_number(plan, source, IMPORT_PORT, text, 65535, line);
}

void import_set_path(struct import_plan *plan, struct import_source *source, enum import_key key,
		     const char *path, const char *what, int line)
{
	char *whole = path != NULL ? import_path(plan, path, what, line) : NULL;

	if (path != NULL)
		import_set(source, key, whole);
	free(whole);
}

void import_drop_slashes(char *path)
{
	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
}

void import_set_received(struct import_source *source, bool wanted)
{
	const char *deliver = source->value[IMPORT_DELIVER];

	wanted = wanted && deliver != NULL && strncmp(deliver, "maildir:", 8) != 0;
	import_set(source, IMPORT_RECEIVED, wanted ? "yes" : NULL);
}

bool import_is_yes(const char *text)
{
	static const char *const yes[] = {"1", "yes", "true", "on"};

	for (size_t i = 0; text != NULL && i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(text, yes[i]) == 0)
			return true;
	}
	return false;
}

void import_remember(struct import_source *source, const char *folder, const char *path, int line)
{
	source->memories = xreallocarray(source->memories, source->memory_count + 1,
					 sizeof(*source->memories));
	source->memories[source->memory_count++] = (struct import_memory){
		.folder = xstrdup(folder), .path = xstrdup(path), .line = line};
}

/* Folders ----------------------------------------------------------------------------------------
 */

/* A comma parts folders, and these characters begin or make a pattern. */
static bool folder_can_stand(const char *name)
{
	return name[0] != '\0' && name[0] != '!' && name[0] != '\\' && name[0] != ' ' &&
	       strpbrk(name, ",*%") == NULL && name[strlen(name) - 1] != ' ';
}

bool import_folder(struct import_plan *plan, struct import_source *source, const char *name,
		   bool encoded, int line)
{
	struct buffer text = BUFFER_INIT(NAME_MAX_BYTES);
	const char *before = source->value[IMPORT_FOLDER];
	bool good;

	if (!encoded || !imap_utf7_decode(&text, span_from_str(name)))
		(void)buffer_append_str(&text, name);
	good = buffer_ok(&text) && folder_can_stand(buffer_cstr(&text)) &&
	       (before == NULL || strlen(before) < VALUE_MAX - 2 * NAME_MAX_BYTES);
	if (!good)
		import_note(plan, line,
			    "folder \"%s\": such a name cannot stand in mailoauth.conf: "
			    "rename the folder, or say it with a pattern",
			    name);
	else if (before == NULL)
		import_set(source, IMPORT_FOLDER, buffer_cstr(&text));
	else
		import_setf(source, IMPORT_FOLDER, "%s, %s", before, buffer_cstr(&text));
	buffer_release(&text);
	return good;
}

/* Logging in -------------------------------------------------------------------------------------
 */

/* The presets that are known by their IMAP server; token-helper/providers has them all. */
struct provider_host {
	const char *host;
	const char *now; /* the name that the preset has for it; NULL: this one */
	const char *provider;
	bool tokens_only; /* takes no password at all */
};

static const struct provider_host provider_hosts[] = {
	{"outlook.office365.com", NULL, "microsoft", true},
	{"outlook.office.com", "outlook.office365.com", "microsoft", true},
	{"imap-mail.outlook.com", "outlook.office365.com", "outlook", true},
	{"outlook.office365.us", NULL, "microsoft-gcc-high", true},
	{"outlook-dod.office365.us", NULL, "microsoft-dod", true},
	{"partner.outlook.cn", NULL, "microsoft-china", true},
	{"imap.gmail.com", NULL, "google", true},
	{"imap.googlemail.com", "imap.gmail.com", "google", true},
	{"imap.mail.yahoo.com", NULL, "yahoo", false},
	{"imap.aol.com", NULL, "aol", false},
	{"imap.comcast.net", NULL, "comcast", false},
	{"imap.fastmail.com", NULL, "fastmail", false},
	{"imap.mail.ru", NULL, "mailru", false},
	{"imap.yandex.com", NULL, "yandex", false},
	{"imap.yandex.ru", NULL, "yandex", false},
};

static const struct provider_host *find_host(const char *host)
{
	for (size_t i = 0; i < sizeof(provider_hosts) / sizeof(provider_hosts[0]); i++) {
		if (strcasecmp(provider_hosts[i].host, host) == 0)
			return &provider_hosts[i];
	}
	return NULL;
}

/* Mailboxes of persons are another preset's than those of organizations, at the same host. */
static bool is_personal(const char *user)
{
	static const char *const domains[] = {"@outlook.", "@hotmail.", "@live.", "@msn.com"};

	for (size_t i = 0; user != NULL && i < sizeof(domains) / sizeof(domains[0]); i++) {
		if (strcasestr(user, domains[i]) != NULL)
			return true;
	}
	return false;
}

const char *import_provider(const struct import_source *source)
{
	const char *host = source->value[IMPORT_HOST];
	const struct provider_host *known = find_host(host != NULL ? host : "");

	if (known == NULL)
		return NULL;
	return strcmp(known->provider, "microsoft") == 0 && is_personal(source->user)
		       ? "outlook"
		       : known->provider;
}

static void note_login(struct import_plan *plan, struct import_source *source,
		       const struct provider_host *known)
{
	if (known->tokens_only) {
		import_note(plan, source->line,
			    "%s: passwords are not used there: the account becomes one with OAuth",
			    known->host);
		source->oauth = true;
	} else {
		import_note(plan, source->line,
			    "%s: the password must be an app password; better: an account with "
			    "provider = %s, see mailoauth.conf(5)",
			    known->host, known->provider);
	}
}

void import_login_decide(struct import_plan *plan, struct import_source *source)
{
	const char *host = source->value[IMPORT_HOST];
	const struct provider_host *known = find_host(host != NULL ? host : "");

	if (!source->oauth && known != NULL)
		note_login(plan, source, known);
	if (source->oauth) {
		import_set(source, IMPORT_PASSWORD_COMMAND, NULL);
		buffer_clear(&source->password);
	} else if (source->user == NULL) {
		import_note(plan, source->line, "no user name: add user = NAME to the section");
	}
	if (known != NULL && known->now != NULL) {
		import_note(plan, source->line, "%s: its name is %s", known->host, known->now);
		import_set(source, IMPORT_HOST, known->now);
	}
}

static bool same_login(const struct import_source *a, const struct import_source *b)
{
	return a->oauth == b->oauth && a->user != NULL && b->user != NULL &&
	       strcmp(a->user, b->user) == 0 &&
	       strcasecmp(a->value[IMPORT_HOST], b->value[IMPORT_HOST]) == 0 &&
	       a->password.len == b->password.len &&
	       equal_constant_time(buffer_span(&a->password), buffer_span(&b->password));
}

struct import_source *import_login_of(const struct import_plan *plan, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (same_login(plan->sources[i], plan->sources[at]))
			return plan->sources[i];
	}
	return plan->sources[at];
}

/* Paths and commands -----------------------------------------------------------------------------
 */

char *import_path(struct import_plan *plan, const char *path, const char *what, int line)
{
	if (path[0] == '/')
		return xstrdup(path);
	if (strcmp(path, "~") == 0 && plan->home != NULL)
		return xstrdup(plan->home);
	if (strncmp(path, "~/", 2) == 0 && plan->home != NULL)
		return xasprintf("%s/%s", plan->home, path + 2);
	import_note(plan, line, "%s \"%s\": give the whole path, it must begin with /", what, path);
	return NULL;
}

char *import_command(struct import_plan *plan, const char *command, bool quotes, const char *what,
		     int line)
{
	const char *for_a_shell = quotes ? "|&;<>()$`*?[]#~\n" : "|&;<>()$`*?[]#~\n\\\"'";
	size_t first;

	command += strspn(command, " \t");
	if (strpbrk(command, for_a_shell) != NULL) {
		import_note(plan, line,
			    "%s is for a shell, and mailoauth-fetch runs none: put it into a "
			    "script and name that",
			    what);
		return NULL;
	}
	first = strcspn(command, " \t");
	if (command[0] != '/' && memchr(command, '/', first) != NULL) {
		import_note(plan, line, "%s: the program must be named by its whole path", what);
		return NULL;
	}
	if (command[0] == '/')
		return xstrdup(command);
	if (first == 0) {
		import_note(plan, line, "%s is empty", what);
		return NULL;
	}
	import_note(plan, line,
		    "%s: \"%.*s\" is looked for nowhere but where you say: /usr/bin/ is a guess",
		    what, (int)first, command);
	return xasprintf("/usr/bin/%s", command);
}
