/* SPDX-License-Identifier: MIT */
/* getmail-destination.c - see getmail-destination.h. */
#include "fetch-agent/import/getmail-destination.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

static const char destination[] = "destination";

static void read_maildir(struct getmail_file *file, struct import_source *source,
			 const char *section)
{
	const char *path = getmail_text(file, section, "path");
	char *whole = import_path(file->plan, path != NULL ? path : "", "path",
				  getmail_line(file, section, "path"));

	if (whole != NULL) {
		import_drop_slashes(whole);
		import_setf(source, IMPORT_DELIVER, "maildir:%s", whole);
	}
	free(whole);
	if (getmail_text(file, section, "user") != NULL)
		import_note(file->plan, getmail_line(file, section, "user"),
			    "user: not carried over: run mailoauth-fetch as the user who owns the "
			    "Maildir, or deliver by lmtp: or mda:");
}

/* getmail's %(word) as ours. */
static char *placeholders(struct getmail_file *file, const char *text, int line)
{
	static const char *const known[] = {"sender", "recipient"};
	struct buffer out = BUFFER_INIT(GETMAIL_VALUE_MAX);
	char *copy;

	while (*text != '\0') {
		size_t i, len = strcspn(text, ")");

		for (i = 0; strncmp(text, "%(", 2) == 0 && i < 2; i++) {
			if (strlen(known[i]) == len - 2 &&
			    strncmp(text + 2, known[i], len - 2) == 0)
				break;
		}
		if (strncmp(text, "%(", 2) != 0 || text[len] != ')' || i == 2) {
			if (strncmp(text, "%(", 2) == 0)
				import_note(file->plan, line,
					    "arguments: %.*s is not known to mda: see "
					    "mailoauth.conf(5)",
					    (int)len + (text[len] == ')'), text);
			(void)buffer_append_byte(&out, *text++);
			continue;
		}
		(void)buffer_printf(&out, "%%{%s}", known[i]);
		text += len + 1;
	}
	copy = xstrdup(buffer_cstr(&out));
	buffer_release(&out);
	return copy;
}

/* A word of mda's command line, in quotes if it needs them; false: it cannot be said. */
static bool append_word(struct buffer *line, const char *word)
{
	bool plain = word[0] != '\0' && strpbrk(word, " \t\"'\\") == NULL;

	if (strchr(word, '\'') != NULL)
		return false;
	return buffer_printf(line, plain ? " %s" : " '%s'", word);
}

/* getmail runs it without a shell, as we do. */
static void read_mda(struct getmail_file *file, struct import_source *source, const char *section)
{
	struct buffer line = BUFFER_INIT(GETMAIL_VALUE_MAX);
	struct words arguments = {0};
	const char *path = getmail_text(file, section, "path");
	int at = getmail_line(file, section, "arguments");
	bool good = path != NULL && path[0] == '/' && strpbrk(path, " \t\"'\\") == NULL;

	(void)getmail_tuple(file, section, "arguments", &arguments);
	(void)buffer_printf(&line, "mda:%s", good ? path : "");
	for (size_t i = 0; i < arguments.count; i++) {
		char *word = placeholders(file, arguments.word[i], at);

		good = append_word(&line, word) && good;
		free(word);
	}
	if (good && buffer_ok(&line))
		import_set(source, IMPORT_DELIVER, buffer_cstr(&line));
	else
		import_note(file->plan, getmail_line(file, section, "path"),
			    "MDA_external: the path must begin with /, and neither it nor an "
			    "argument have a quote: put the command into a script and name that");
	import_set(source, IMPORT_MDA_USER, getmail_text(file, section, "user"));
	if (getmail_text(file, section, "group") != NULL)
		import_note(file->plan, getmail_line(file, section, "group"),
			    "group: not carried over: the MDA has the groups of mda_user");
	words_release(&arguments);
	buffer_release(&line);
}

static void read_lmtp(struct getmail_file *file, struct import_source *source, const char *section)
{
	const char *host = getmail_text(file, section, "host");
	const char *override = getmail_text(file, section, "override");
	uint64_t port = getmail_number(file, section, "port", 65535);

	if (host == NULL)
		import_problem(file->plan, getmail_line(file, section, "type"),
			       "MDA_lmtp has no host");
	else if (host[0] == '/')
		import_setf(source, IMPORT_DELIVER, "lmtp:unix:%s", host);
	else
		import_setf(source, IMPORT_DELIVER, "lmtp:%s:%llu", host,
			    (unsigned long long)(port != 0 ? port : 2003));
	if (override != NULL)
		import_set(source, IMPORT_RECIPIENT, override);
	if (getmail_text(file, section, "fallback") != NULL)
		import_note(file->plan, getmail_line(file, section, "fallback"),
			    "fallback: not carried over: what the destination refuses goes as "
			    "on_refused says");
}

static const char several[] = "a section has one destination: deliver by lmtp: or mda: and let "
			      "Sieve, procmail or maildrop sort; the section lacks deliver";

struct destination {
	const char *type;
	void (*read)(struct getmail_file *file, struct import_source *source, const char *section);
	const char *note;
};

static const struct destination destinations[] = {
	{"Maildir", read_maildir, NULL},
	{"MDA_external", read_mda, NULL},
	{"MDA_lmtp", read_lmtp, NULL},
	{"Mboxrd", NULL,
	 "there is no mbox: deliver to maildir:/PATH, or by mda: to a program that writes mboxes; "
	 "the section lacks deliver"},
	{"MDA_qmaillocal", NULL,
	 "say deliver = mda:/var/qmail/bin/qmail-local with its arguments; the section lacks "
	 "deliver"},
	{"MultiDestination", NULL, several},
	{"MultiSorter", NULL, several},
	{"MultiGuesser", NULL, several},
};

void getmail_read_destination(struct getmail_file *file, struct import_source *source)
{
	const char *type = getmail_text(file, destination, "type");
	int line = getmail_line(file, destination, "type");

	for (size_t i = 0; type != NULL && i < sizeof(destinations) / sizeof(destinations[0]);
	     i++) {
		if (strcmp(destinations[i].type, type) != 0)
			continue;
		if (destinations[i].read != NULL)
			destinations[i].read(file, source, destination);
		else
			import_note(file->plan, line, "%s: %s", type, destinations[i].note);
		return;
	}
	if (type == NULL)
		import_problem(file->plan, line, "[destination] has no type");
	else
		import_problem(file->plan, line, "type %s is not a destination of getmail", type);
}
