/* SPDX-License-Identifier: MIT */
/*
 * config.c - see config.h.
 *
 * inih splits lines; this file gives it one line at a time and watches which of them reach the
 * handler, so that every bad line is known by its number, not only the first.
 */
#include "common/config.h"

#include <errno.h>
#include <ini.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/config-private.h"
#include "common/nearest.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define CONFIG_SECTION_MAX 48 /* inih cuts longer ones silently; the reader refuses them first */
#define TAB_COLUMNS	   8

struct section_seen {
	char name[CONFIG_SECTION_MAX + 1];
	int line;
};

struct config_parse {
	const char *file;
	FILE *stream;
	const struct config_kind *kinds;
	void *context;
	struct config_seen *seen;
	struct config_problems *problems;
	int line;
	bool unclaimed;	    /* the line handed to inih has not reached the handler yet */
	bool continuation;  /* it goes on with the value of the key before */
	bool told_indented; /* the section has had the message on indented keys */
	int column;	    /* where the line begins */
	int key_column;	    /* where the section's last key began; -1: it has none yet */
	bool skip;	    /* the section was refused, or is another program's */
	const struct config_kind *kind;
	void *target;
	void *sections; /* a tree of struct section_seen, by name (tsearch(3)); NULL: none yet */
	const struct config_key *last_key;
};

void config_problem(struct config_problems *problems, const char *file, int line, const char *fmt,
		    ...)
{
	struct err text;
	char formatted[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(formatted, sizeof(formatted), fmt, ap);
	va_end(ap);
	(void)err_set(&text, OUTCOME_CONFIG, "%s", formatted);
	problems->count++;
	if (line > 0)
		(void)buffer_printf(&problems->text, "%s:%d: %s\n", file, line, text.text);
	else
		(void)buffer_printf(&problems->text, "%s: %s\n", file, text.text);
}

void config_problems_release(struct config_problems *problems)
{
	buffer_release(&problems->text);
	problems->count = 0;
}

static void report_value(struct config_parse *parse, const struct config_key *key,
			 const char *value, const char *wrong)
{
	struct buffer hint = BUFFER_INIT(512);

	config_value_hint(key, &hint);
	config_problem(parse->problems, parse->file, parse->line, "%s = %s: %s%s", key->name, value,
		       wrong, buffer_cstr(&hint));
	buffer_release(&hint);
}

static void set_value(struct config_parse *parse, const struct config_key *key, const char *value)
{
	const char *wrong;

	if (value[0] == '\0') {
		config_problem(parse->problems, parse->file, parse->line,
			       "%s has no value: give one, or delete the line", key->name);
		return;
	}
	wrong = config_value_set(key, value, parse->target);
	if (wrong != NULL)
		report_value(parse, key, value, wrong);
}

static const struct config_key *find_key(const struct config_kind *kind, struct span name)
{
	for (const struct config_key *key = kind->keys; key->name != NULL; key++) {
		if (span_equals(name, key->name))
			return key;
	}
	return NULL;
}

/* "key = value" of a key that the section knows: meant as such, whatever stands before it. */
static bool is_key_line(const struct config_parse *parse, const char *line)
{
	size_t len = strcspn(line, " \t=:");
	const char *after = line + len + strspn(line + len, " \t");

	return (*after == '=' || *after == ':') &&
	       find_key(parse->kind, (struct span){line, len}) != NULL;
}

/* Sections and keys --------------------------------------------------------------------------- */

static int compare_sections(const void *a, const void *b)
{
	const struct section_seen *left = a;
	const struct section_seen *right = b;

	return strcmp(left->name, right->name);
}

/* A tree: there are files with a hundred thousand sections. */
static bool section_repeats(struct config_parse *parse, const char *section)
{
	struct section_seen *entry = xcalloc(1, sizeof(*entry));
	struct section_seen **there;

	(void)snprintf(entry->name, sizeof(entry->name), "%s", section);
	entry->line = parse->line;
	there = tsearch(entry, &parse->sections, compare_sections);
	if (there == NULL)
		abort(); /* out of memory: xalloc's rule */
	if (*there == entry)
		return false;
	config_problem(parse->problems, parse->file, parse->line, "[%s] stands already in line %d",
		       section, (*there)->line);
	free(entry);
	return true;
}

static const struct config_kind *find_kind(const struct config_kind *kinds, const char *section,
					   size_t len)
{
	for (; kinds->kind != NULL; kinds++) {
		if (strlen(kinds->kind) == len && memcmp(kinds->kind, section, len) == 0)
			return kinds;
	}
	return NULL;
}

static void report_kind(struct config_parse *parse, const char *section)
{
	struct buffer known = BUFFER_INIT(512);

	for (const struct config_kind *kind = parse->kinds; kind->kind != NULL; kind++)
		(void)buffer_printf(&known, "%s[%s%s]", known.len == 0 ? "" : ", ", kind->kind,
				    kind->named ? " NAME" : "");
	config_problem(parse->problems, parse->file, parse->line,
		       "[%s] is not a section that is known here: %s", section,
		       buffer_cstr(&known));
	buffer_release(&known);
}

/* section: "kind" or "kind name", one space between them. */
static void open_section(struct config_parse *parse, const char *section)
{
	size_t kind_len = strcspn(section, " ");
	const char *name = section + kind_len + (section[kind_len] != '\0');

	parse->target = NULL;
	parse->last_key = NULL;
	parse->key_column = -1;
	parse->told_indented = false;
	parse->skip = true;
	parse->kind = find_kind(parse->kinds, section, kind_len);
	if (section_repeats(parse, section))
		return;
	if (parse->kind == NULL) {
		report_kind(parse, section);
		return;
	}
	if (parse->kind->named != (name[0] != '\0')) {
		config_problem(parse->problems, parse->file, parse->line, "[%s] %s", section,
			       parse->kind->named ? "lacks a name" : "takes no name");
		return;
	}
	if (parse->kind->keys == NULL)
		return;
	parse->target = parse->kind->open(parse->context, name, parse->line);
	parse->skip = parse->target == NULL;
	if (!parse->skip)
		config_seen_add(parse->seen, parse->target, NULL, parse->line);
}

static const char *mistyped_key(const struct config_kind *kind, const char *name)
{
	struct words names = {0};
	const char *nearest, *found = NULL;

	for (const struct config_key *key = kind->keys; key->name != NULL; key++)
		words_push(&names, span_from_str(key->name));
	nearest = nearest_word(&names, name);
	for (const struct config_key *key = kind->keys; nearest != NULL && key->name != NULL; key++)
		found = strcmp(key->name, nearest) == 0 ? key->name : found;
	words_release(&names);
	return found;
}

/* One that is mistyped; else "client_secret" when the key is "client_secret_file", "hosts" when it
 * is "host": the key that one of them begins with. */
static const char *similar_key(const struct config_kind *kind, const char *name)
{
	const char *mistyped = mistyped_key(kind, name);

	if (mistyped != NULL)
		return mistyped;
	for (const struct config_key *key = kind->keys; key->name != NULL; key++) {
		size_t shorter =
			strlen(key->name) < strlen(name) ? strlen(key->name) : strlen(name);

		if (shorter >= 4 && strncasecmp(key->name, name, shorter) == 0)
			return key->name;
	}
	return NULL;
}

static void report_key(struct config_parse *parse, const char *name)
{
	const char *similar = similar_key(parse->kind, name);

	if (similar != NULL)
		config_problem(parse->problems, parse->file, parse->line,
			       "%s is not a key of [%s]; %s is", name, parse->kind->kind, similar);
	else
		config_problem(parse->problems, parse->file, parse->line, "%s is not a key of [%s]",
			       name, parse->kind->kind);
}

static void set_key(struct config_parse *parse, const char *name, const char *value)
{
	const struct config_key *key = find_key(parse->kind, span_from_str(name));
	int before;

	parse->last_key = NULL;
	if (key == NULL) {
		if (!parse->kind->partial)
			report_key(parse, name);
		return;
	}
	before = config_seen_line(parse->seen, parse->target, name);
	if (before != 0) {
		config_problem(parse->problems, parse->file, parse->line,
			       "%s was set already in line %d", name, before);
		return;
	}
	config_seen_add(parse->seen, parse->target, key, parse->line);
	parse->last_key = key;
	set_value(parse, key, value);
}

/* A key that is farther in than the one before was meant as a key: it is read as one, so that
 * nobody is told that it is missing. */
static void refuse_indented_key(struct config_parse *parse, const char *line)
{
	size_t len = strcspn(line, " \t=:");
	const char *value = line + len + strspn(line + len, " \t");
	char *name = xspandup((struct span){line, len});

	if (!parse->told_indented)
		config_problem(parse->problems, parse->file, parse->line,
			       "is farther in than the line of %s, and so goes on with its value: "
			       "begin all keys of a section in the same column",
			       parse->last_key->name);
	parse->told_indented = true;
	set_key(parse, name, value + 1 + strspn(value + 1, " \t"));
	free(name);
}

/* An indented line goes on with a list; other types have nothing to go on with. */
static void continue_value(struct config_parse *parse, const char *value)
{
	if (parse->last_key == NULL)
		return;
	if (is_key_line(parse, value))
		refuse_indented_key(parse, value);
	else if (!config_value_continue(parse->last_key, value, parse->target))
		config_problem(
			parse->problems, parse->file, parse->line,
			"an indented line goes on with the value of %s, which takes one value",
			parse->last_key->name);
}

static int on_key(void *user, const char *section, const char *name, const char *value)
{
	struct config_parse *parse = user;

	(void)section;
	parse->unclaimed = false;
	if (!parse->continuation)
		parse->key_column = parse->column;
	if (parse->sections == NULL) {
		config_problem(parse->problems, parse->file, parse->line,
			       "%s stands before the first [section]", name);
	} else if (!parse->skip) {
		if (parse->continuation)
			continue_value(parse, value);
		else
			set_key(parse, name, value);
	}
	return 1;
}

/* Lines --------------------------------------------------------------------------------------- */

static void report_unclaimed(struct config_parse *parse)
{
	if (parse->unclaimed)
		config_problem(parse->problems, parse->file, parse->line,
			       "is neither [section] nor key = value");
	parse->unclaimed = false;
}

/* The words between the brackets, one space between each two, so that "[a  b]" is "[a b]" again. */
static bool copy_section(char *section, size_t size, struct span head)
{
	struct buffer text = BUFFER_INIT(size - 1);
	char *copy = xspandup(head);
	bool fits;

	for (char *byte = copy; *byte != '\0'; byte++) {
		if (*byte == '\t')
			*byte = ' ';
	}
	for (char *at = copy; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " "))
		(void)buffer_printf(&text, "%s%.*s", text.len > 0 ? " " : "", (int)strcspn(at, " "),
				    at);
	fits = buffer_ok(&text);
	(void)snprintf(section, size, "%s", buffer_cstr(&text));
	buffer_release(&text);
	free(copy);
	return fits;
}

static void read_section_head(struct config_parse *parse, const char *line)
{
	const char *end = strchr(line, ']');
	char section[CONFIG_SECTION_MAX + 1];
	const char *after;

	if (end == NULL)
		return; /* stays unclaimed */
	parse->unclaimed = false;
	after = end + 1 + strspn(end + 1, " \t\r\n");
	if (*after != '\0' && *after != ';' && *after != '#')
		config_problem(parse->problems, parse->file, parse->line,
			       "nothing may follow the section's head");
	line++;
	if (!copy_section(section, sizeof(section), (struct span){line, (size_t)(end - line)})) {
		parse->skip = true;
		config_problem(parse->problems, parse->file, parse->line,
			       "a section's head has at most %d characters", CONFIG_SECTION_MAX);
		return;
	}
	open_section(parse, section);
}

/* As an editor shows it. */
static int column_of(const char *line, const char *text)
{
	int column = 0;

	for (; line < text; line++)
		column += *line == '\t' ? TAB_COLUMNS - column % TAB_COLUMNS : 1;
	return column;
}

/* What inih would swallow or cut is reported, and a byte order mark taken off. False: the line is
 * to be passed over. */
static bool is_whole(struct config_parse *parse, char *line, int size)
{
	int byte;

	if (parse->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		memmove(line, line + 3, strlen(line + 3) + 1); /* a byte order mark */
	else if (strchr(line, '\n') == NULL && strlen(line) + 1 < (size_t)size &&
		 !feof(parse->stream)) {
		config_problem(parse->problems, parse->file, parse->line, "holds a NUL byte");
		return false;
	}
	if (strchr(line, '\n') == NULL && !feof(parse->stream)) {
		config_problem(
			parse->problems, parse->file, parse->line,
			"the line is too long: at most %d characters; go on in an indented line",
			size - 2);
		while ((byte = getc(parse->stream)) != EOF && byte != '\n')
			continue;
		return false;
	}
	return true;
}

/* Called by inih for each line. */
static char *next_line(char *line, int size, void *stream)
{
	struct config_parse *parse = stream;
	char *text;

	report_unclaimed(parse);
	if (fgets(line, size, parse->stream) == NULL)
		return NULL;
	parse->line++;
	if (!is_whole(parse, line, size)) {
		line[0] = '\0';
		return line;
	}
	text = line + strspn(line, " \t\r\n");
	parse->unclaimed = *text != '\0' && *text != ';' && *text != '#';
	if (!parse->unclaimed)
		return line;
	parse->column = column_of(line, text);
	parse->continuation =
		*text != '[' && parse->key_column >= 0 && parse->column > parse->key_column;
	if (parse->continuation)
		return line;
	if (*text == '[')
		read_section_head(parse, text);
	/* Indented, inih would take it for more of the value before. */
	memmove(line, text, strlen(text) + 1);
	return line;
}

static bool is_directory(FILE *stream)
{
	struct stat st;

	return fstat(fileno(stream), &st) == 0 && S_ISDIR(st.st_mode);
}

bool config_read(const char *file, const struct config_kind *kinds, void *context,
		 struct config_seen *seen, struct config_problems *problems)
{
	struct config_parse parse = {.file = file,
				     .kinds = kinds,
				     .context = context,
				     .seen = seen,
				     .problems = problems,
				     .key_column = -1};
	size_t before = problems->count;

	parse.stream = fopen(file, "re");
	if (parse.stream == NULL) {
		config_problem(problems, file, 0, "%s", strerror(errno));
		return false;
	}
	if (seen == NULL)
		parse.seen = config_seen_new();
	(void)ini_parse_stream(next_line, &parse, on_key, &parse);
	report_unclaimed(&parse);
	if (ferror(parse.stream))
		config_problem(problems, file, 0, "cannot be read: %s",
			       strerror(is_directory(parse.stream) ? EISDIR : EIO));
	(void)fclose(parse.stream);
	if (seen == NULL)
		config_seen_free(parse.seen);
	tdestroy(parse.sections, free);
	return problems->count == before;
}
