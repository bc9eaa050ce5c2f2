/* SPDX-License-Identifier: MIT */
/*
 * import-getmail.c - getmailrc (getmail6), and the oldmail files in which it keeps what it fetched.
 *
 * One file is one retriever. Its grammar is Python's configparser: "=" or ":", comments in lines of
 * their own, indented lines go on, names in any case; tuples are Python's.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

#define ENTRIES_MAX 1000
#define VALUE_MAX   65536

struct entry {
	char *section, *key;
	struct buffer value; /* secret: it may be a password */
	int line;
	bool used;
};

struct reading {
	struct import_plan *plan;
	struct entry *entries;
	size_t count;
	char *section;
	int section_line;
};

/* Lines ------------------------------------------------------------------------------------------
 */

static struct span trim(struct span text)
{
	while (text.len > 0 && isspace((unsigned char)text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && isspace((unsigned char)text.ptr[text.len - 1]))
		text.len--;
	return text;
}

static char *lowered(struct span text)
{
	char *copy = xspandup(text);

	for (char *byte = copy; *byte != '\0'; byte++)
		*byte = (char)tolower((unsigned char)*byte);
	return copy;
}

static void read_head(struct reading *reading, struct span text, int line)
{
	const char *end = memchr(text.ptr, ']', text.len);

	if (end == NULL) {
		import_problem(reading->plan, line, "the section's head has no ]");
		return;
	}
	free(reading->section);
	reading->section = xspandup((struct span){text.ptr + 1, (size_t)(end - text.ptr) - 1});
	if (strcmp(reading->section, "retriever") == 0)
		reading->section_line = line;
}

static void read_key(struct reading *reading, struct span text, int line)
{
	size_t len = 0;
	struct entry *entry;
	struct span value;

	while (len < text.len && text.ptr[len] != '=' && text.ptr[len] != ':')
		len++;
	if (len == text.len || len == 0) {
		import_problem(reading->plan, line, "is neither [section] nor key = value");
		return;
	}
	if (reading->section == NULL) {
		import_problem(reading->plan, line, "a key stands before the first [section]");
		return;
	}
	if (reading->count == ENTRIES_MAX) {
		import_problem(reading->plan, line, "more than %d keys", ENTRIES_MAX);
		reading->count--;
		return;
	}
	reading->entries =
		xreallocarray(reading->entries, reading->count + 1, sizeof(*reading->entries));
	entry = &reading->entries[reading->count++];
	*entry = (struct entry){.section = xstrdup(reading->section), .line = line};
	entry->key = lowered(trim((struct span){text.ptr, len}));
	buffer_init_secret(&entry->value, VALUE_MAX);
	value = trim((struct span){text.ptr + len + 1, text.len - len - 1});
	(void)buffer_append_span(&entry->value, value);
}

static void read_line(struct reading *reading, struct span raw, int line)
{
	struct span text = trim(raw);
	bool indented = raw.len > 0 && isspace((unsigned char)raw.ptr[0]);
	struct entry *last = reading->count > 0 ? &reading->entries[reading->count - 1] : NULL;

	if (text.len == 0 || text.ptr[0] == '#' || text.ptr[0] == ';')
		return;
	if (memchr(text.ptr, '\0', text.len) != NULL) {
		import_problem(reading->plan, line, "holds a NUL byte");
	} else if (indented && last != NULL && strcmp(last->section, reading->section) == 0) {
		(void)buffer_append_byte(&last->value, ' ');
		(void)buffer_append_span(&last->value, text);
	} else if (text.ptr[0] == '[') {
		read_head(reading, text, line);
	} else {
		read_key(reading, text, line);
	}
}

static void read_lines(struct reading *reading, struct span text)
{
	for (int line = 1; text.len > 0; line++) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		read_line(reading, (struct span){text.ptr, len}, line);
		len += end != NULL;
		text.ptr += len;
		text.len -= len;
	}
	for (size_t i = 0; i < reading->count; i++) {
		if (!buffer_ok(&reading->entries[i].value))
			import_problem(reading->plan, reading->entries[i].line,
				       "%s: the value is too long", reading->entries[i].key);
	}
}

/* Values -----------------------------------------------------------------------------------------
 */

static struct entry *find(struct reading *reading, const char *section, const char *key)
{
	for (size_t i = 0; i < reading->count; i++) {
		struct entry *entry = &reading->entries[i];

		if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0) {
			entry->used = true;
			return entry;
		}
	}
	return NULL;
}

/* NULL: not set, or empty. */
static const char *get(struct reading *reading, const char *section, const char *key)
{
	struct entry *entry = find(reading, section, key);

	return entry != NULL && entry->value.len > 0 ? buffer_cstr(&entry->value) : NULL;
}

static int line_of(struct reading *reading, const char *section, const char *key)
{
	struct entry *entry = find(reading, section, key);

	return entry != NULL ? entry->line : reading->section_line;
}

static bool get_bool(struct reading *reading, const char *section, const char *key, bool fallback)
{
	static const char *const yes[] = {"1", "yes", "true", "on"};
	const char *text = get(reading, section, key);

	for (size_t i = 0; text != NULL && i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(text, yes[i]) == 0)
			return true;
	}
	return text != NULL ? false : fallback;
}

/* 0: not set, or no number (said). */
static uint64_t get_number(struct reading *reading, const char *section, const char *key,
			   uint64_t max)
{
	const char *text = get(reading, section, key);
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t number = 0;

	if (text != NULL && (!scan_u64(&scan, max, &number) || !scanner_at_end(&scan))) {
		import_problem(reading->plan, line_of(reading, section, key),
			       "%s is not a number up to %llu", key, (unsigned long long)max);
		return 0;
	}
	return number;
}

/* One quoted string; false at the end, or when there is none. */
static bool take_string(struct scanner *scan, struct buffer *out)
{
	char quote;

	while (scan->cur < scan->end && (isspace((unsigned char)*scan->cur) || *scan->cur == ','))
		scan->cur++;
	if (scan->cur < scan->end && (*scan->cur == 'u' || *scan->cur == 'r' || *scan->cur == 'b'))
		scan->cur++;
	if (scan->cur == scan->end || (*scan->cur != '"' && *scan->cur != '\''))
		return false;
	quote = *scan->cur++;
	buffer_clear(out);
	while (scan->cur < scan->end && *scan->cur != quote) {
		if (*scan->cur == '\\' && scan->cur + 1 < scan->end)
			scan->cur++;
		(void)buffer_append_byte(out, *scan->cur++);
	}
	return scan_byte(scan, quote);
}

/* ("a", 'b',): Python's tuple of strings. */
static bool get_tuple(struct reading *reading, const char *section, const char *key,
		      struct words *out)
{
	const char *text = get(reading, section, key);
	struct scanner scan = scanner_over(span_from_str(text));
	struct buffer word = BUFFER_INIT_SECRET(VALUE_MAX);
	bool good;

	if (text == NULL)
		return false;
	good = scan_byte(&scan, '(');
	while (good && take_string(&scan, &word))
		words_push(out, buffer_span(&word));
	while (scan.cur < scan.end && (isspace((unsigned char)*scan.cur) || *scan.cur == ','))
		scan.cur++;
	good = good && scan_byte(&scan, ')') && scanner_at_end(&scan);
	if (!good)
		import_problem(reading->plan, line_of(reading, section, key),
			       "%s is not a tuple of strings in quotes: (\"a\", \"b\",)", key);
	buffer_release(&word);
	return good;
}

/* Retriever --------------------------------------------------------------------------------------
 */

struct retriever {
	const char *type;
	bool imap, tls, multidrop;
};

static const struct retriever retrievers[] = {
	{"SimpleIMAPRetriever", true, false, false},
	{"SimpleIMAPSSLRetriever", true, true, false},
	{"MultidropIMAPRetriever", true, false, true},
	{"MultidropIMAPSSLRetriever", true, true, true},
	{"SimplePOP3Retriever", false, false, false},
	{"SimplePOP3SSLRetriever", false, true, false},
	{"BrokenUIDLPOP3Retriever", false, false, false},
	{"BrokenUIDLPOP3SSLRetriever", false, true, false},
	{"MultidropPOP3Retriever", false, false, true},
	{"MultidropPOP3SSLRetriever", false, true, true},
	{"MultidropSDPSRetriever", false, false, true},
};

static const struct retriever *find_retriever(struct reading *reading)
{
	const char *type = get(reading, "retriever", "type");
	int line = line_of(reading, "retriever", "type");

	if (type == NULL) {
		import_problem(reading->plan, line, "[retriever] has no type");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(retrievers) / sizeof(retrievers[0]); i++) {
		if (strcmp(retrievers[i].type, type) != 0)
			continue;
		if (retrievers[i].imap)
			return &retrievers[i];
		import_note(reading->plan, line,
			    "type %s: mailoauth-fetch speaks IMAP only: no section; most servers "
			    "have IMAP too: write SimpleIMAPSSLRetriever and try again",
			    type);
		return NULL;
	}
	import_problem(reading->plan, line, "type %s is not a retriever of getmail", type);
	return NULL;
}

static void read_server(struct reading *reading, const struct retriever *retriever,
			struct import_source *source)
{
	uint64_t port = get_number(reading, "retriever", "port", 65535);
	uint64_t timeout = get_number(reading, "retriever", "timeout", 1000000);
	const char *ca = get(reading, "retriever", "ca_certs");

	import_set(source, IMPORT_HOST, get(reading, "retriever", "server"));
	if (port != 0 && port != (retriever->tls ? 993 : 143))
		import_setf(source, IMPORT_PORT, "%llu", (unsigned long long)port);
	if (!retriever->tls) {
		import_set(source, IMPORT_TLS, "starttls");
		import_note(reading->plan, line_of(reading, "retriever", "type"),
			    "without SSL getmail sends the password in clear; mailoauth-fetch does "
			    "not: the server must have STARTTLS, or leave out tls and port");
	}
	if (ca != NULL) {
		char *path = import_path(reading->plan, ca, "ca_certs",
					 line_of(reading, "retriever", "ca_certs"));

		import_set(source, IMPORT_CA_FILE, path);
		free(path);
	}
	if (timeout > 0 && timeout <= 3600)
		import_setf(source, IMPORT_TIMEOUT, "%llu", (unsigned long long)timeout);
}

/* A tuple as a command line: getmail runs it without a shell, as we do. */
static char *command_of(struct reading *reading, const struct words *words, const char *what,
			int line)
{
	struct buffer text = BUFFER_INIT(VALUE_MAX);
	char *command = NULL;
	bool good = true;

	for (size_t i = 0; i < words->count; i++) {
		good = good && words->word[i][0] != '\0' && strpbrk(words->word[i], " \t,") == NULL;
		(void)buffer_printf(&text, "%s%s", i > 0 ? " " : "", words->word[i]);
	}
	if (!good || !buffer_ok(&text))
		import_note(reading->plan, line,
			    "%s: an argument is empty or holds a blank or a comma: put the command "
			    "into a script and name that",
			    what);
	else
		command = import_command(reading->plan, buffer_cstr(&text), false, what, line);
	buffer_release(&text);
	return command;
}

static void read_login(struct reading *reading, struct import_source *source)
{
	const char *password = get(reading, "retriever", "password");
	struct words command = {0};
	char *line;

	source->user = xstrdup(get(reading, "retriever", "username"));
	if (password != NULL)
		(void)buffer_append_str(&source->password, password);
	source->oauth = get_bool(reading, "retriever", "use_xoauth2", false);
	if (get_bool(reading, "retriever", "use_kerberos", false))
		import_note(reading->plan, line_of(reading, "retriever", "use_kerberos"),
			    "use_kerberos: not carried over: there are passwords and OAuth");
	if (get_tuple(reading, "retriever", "password_command", &command) && !source->oauth) {
		line = command_of(reading, &command, "password_command",
				  line_of(reading, "retriever", "password_command"));
		import_set(source, IMPORT_PASSWORD_COMMAND, line);
		free(line);
	} else if (command.count > 0) {
		import_note(reading->plan, line_of(reading, "retriever", "password_command"),
			    "password_command: not needed: tokens come from mailoauthd");
	}
	words_release(&command);
}

static void read_multidrop(struct reading *reading, struct import_source *source)
{
	const char *header = get(reading, "retriever", "envelope_recipient");
	int line = line_of(reading, "retriever", "envelope_recipient");
	size_t len = header != NULL ? strcspn(header, ":") : 0;

	if (header == NULL) {
		import_problem(reading->plan, line, "envelope_recipient is missing");
		return;
	}
	import_setf(source, IMPORT_RECIPIENT_HEADER, "%.*s", (int)len, header);
	if (header[len] == ':' && strcmp(header + len, ":1") != 0)
		import_note(reading->plan, line,
			    "envelope_recipient = %s: fields cannot be passed over; the first of "
			    "that name counts",
			    header);
}

/* The name of the file in which getmail keeps what it fetched from folder. */
static char *oldmail_path(struct reading *reading, struct import_source *source,
			  const struct retriever *retriever, const char *folder)
{
	static const char odd[] = "/\\:;<>|";
	const char *file = reading->plan->file, *slash = strrchr(file, '/');
	const char *port = get(reading, "retriever", "port");
	struct buffer name = BUFFER_INIT(4096);
	char *text, *path, *to;
	size_t prefix;

	(void)buffer_printf(&name, "oldmail-%s-%s-%s", source->value[IMPORT_HOST],
			    port != NULL     ? port
			    : retriever->tls ? "993"
					     : "143",
			    source->user);
	prefix = name.len;
	(void)buffer_printf(&name, "-%s", folder);
	text = xstrdup(buffer_cstr(&name));
	to = text;
	for (size_t i = 0; text[i] != '\0'; i++) {
		/* A run of them becomes one. */
		if (strchr(odd, text[i]) == NULL)
			*to++ = text[i];
		else if (i == 0 || strchr(odd, text[i - 1]) == NULL || i == prefix + 1)
			*to++ = i < prefix ? '-' : '.';
	}
	*to = '\0';
	path = slash != NULL ? xasprintf("%.*s%s", (int)(slash - file) + 1, file, text)
			     : xstrdup(text);
	free(text);
	buffer_release(&name);
	return path;
}

static void read_folders(struct reading *reading, const struct retriever *retriever,
			 struct import_source *source)
{
	int line = line_of(reading, "retriever", "mailboxes");
	const char *text = get(reading, "retriever", "mailboxes");
	struct words folders = {0};

	if (text != NULL && strcasecmp(text, "ALL") == 0)
		import_set(source, IMPORT_FOLDER, "*");
	else if (!get_tuple(reading, "retriever", "mailboxes", &folders))
		words_split("INBOX", &folders);
	for (size_t i = 0; i < folders.count; i++) {
		char *path = oldmail_path(reading, source, retriever, folders.word[i]);

		if (import_folder(reading->plan, source, folders.word[i], false, line))
			import_remember(source, folders.word[i], path, line);
		free(path);
	}
	words_release(&folders);
}

/* Destination ------------------------------------------------------------------------------------
 */

static const char destination[] = "destination";

static void read_maildir(struct reading *reading, struct import_source *source, const char *section)
{
	const char *path = get(reading, section, "path");
	char *whole = import_path(reading->plan, path != NULL ? path : "", "path",
				  line_of(reading, section, "path"));
	size_t len = whole != NULL ? strlen(whole) : 0;

	while (len > 1 && whole[len - 1] == '/')
		len--;
	if (whole != NULL)
		import_setf(source, IMPORT_DELIVER, "maildir:%.*s", (int)len, whole);
	free(whole);
	if (get(reading, section, "user") != NULL)
		import_note(reading->plan, line_of(reading, section, "user"),
			    "user: not carried over: run mailoauth-fetch as the user who owns the "
			    "Maildir, or deliver by lmtp: or mda:");
}

/* getmail's %(word) as ours. */
static char *placeholders(struct reading *reading, const char *text, int line)
{
	static const char *const known[] = {"sender", "recipient"};
	struct buffer out = BUFFER_INIT(VALUE_MAX);
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
				import_note(reading->plan, line,
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
static void read_mda(struct reading *reading, struct import_source *source, const char *section)
{
	struct buffer line = BUFFER_INIT(VALUE_MAX);
	struct words arguments = {0};
	const char *path = get(reading, section, "path");
	int at = line_of(reading, section, "arguments");
	bool good = path != NULL && path[0] == '/' && strpbrk(path, " \t\"'\\") == NULL;

	(void)get_tuple(reading, section, "arguments", &arguments);
	(void)buffer_printf(&line, "mda:%s", good ? path : "");
	for (size_t i = 0; i < arguments.count; i++) {
		char *word = placeholders(reading, arguments.word[i], at);

		good = append_word(&line, word) && good;
		free(word);
	}
	if (good && buffer_ok(&line))
		import_set(source, IMPORT_DELIVER, buffer_cstr(&line));
	else
		import_note(reading->plan, line_of(reading, section, "path"),
			    "MDA_external: the path must begin with /, and neither it nor an "
			    "argument have a quote: put the command into a script and name that");
	import_set(source, IMPORT_MDA_USER, get(reading, section, "user"));
	if (get(reading, section, "group") != NULL)
		import_note(reading->plan, line_of(reading, section, "group"),
			    "group: not carried over: the MDA has the groups of mda_user");
	words_release(&arguments);
	buffer_release(&line);
}

static void read_lmtp(struct reading *reading, struct import_source *source, const char *section)
{
	const char *host = get(reading, section, "host");
	const char *override = get(reading, section, "override");
	uint64_t port = get_number(reading, section, "port", 65535);

	if (host == NULL)
		import_problem(reading->plan, line_of(reading, section, "type"),
			       "MDA_lmtp has no host");
	else if (host[0] == '/')
		import_setf(source, IMPORT_DELIVER, "lmtp:unix:%s", host);
	else
		import_setf(source, IMPORT_DELIVER, "lmtp:%s:%llu", host,
			    (unsigned long long)(port != 0 ? port : 2003));
	if (override != NULL)
		import_set(source, IMPORT_RECIPIENT, override);
	if (get(reading, section, "fallback") != NULL)
		import_note(reading->plan, line_of(reading, section, "fallback"),
			    "fallback: not carried over: what the destination refuses goes as "
			    "on_refused says");
}

static const char several[] = "a section has one destination: deliver by lmtp: or mda: and let "
			      "Sieve, procmail or maildrop sort; the section lacks deliver";

struct destination {
	const char *type;
	void (*read)(struct reading *reading, struct import_source *source, const char *section);
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

static void read_destination(struct reading *reading, struct import_source *source)
{
	const char *type = get(reading, destination, "type");
	int line = line_of(reading, destination, "type");

	for (size_t i = 0; type != NULL && i < sizeof(destinations) / sizeof(destinations[0]);
	     i++) {
		if (strcmp(destinations[i].type, type) != 0)
			continue;
		if (destinations[i].read != NULL)
			destinations[i].read(reading, source, destination);
		else
			import_note(reading->plan, line, "%s: %s", type, destinations[i].note);
		return;
	}
	if (type == NULL)
		import_problem(reading->plan, line, "[destination] has no type");
	else
		import_problem(reading->plan, line, "type %s is not a destination of getmail",
			       type);
}

/* Options ----------------------------------------------------------------------------------------
 */

static void read_taking(struct reading *reading, struct import_source *source)
{
	uint64_t size = get_number(reading, "options", "max_message_size", INT64_MAX / 2);
	uint64_t count = get_number(reading, "options", "max_messages_per_session", 4294967295u);
	const char *search = get(reading, "retriever", "imap_search");

	if (search != NULL && strcasecmp(search, "UNSEEN") == 0)
		import_set(source, IMPORT_TAKE, "unseen");
	else if (search != NULL && strcasecmp(search, "ALL") != 0)
		import_note(reading->plan, line_of(reading, "retriever", "imap_search"),
			    "imap_search = %s: not carried over: see take, since and max_size",
			    search);
	if (get_bool(reading, "options", "read_all", true) &&
	    !get_bool(reading, "options", "delete", false))
		import_note(reading->plan, line_of(reading, "options", "read_all"),
			    "read_all, which is the default: each message is fetched once, not in "
			    "every run");
	if (size > 0)
		import_setf(source, IMPORT_MAX_SIZE, "%llu", (unsigned long long)size);
	if (count > 0)
		import_setf(source, IMPORT_MAX_MESSAGES, "%llu", (unsigned long long)count);
}

static void read_after(struct reading *reading, struct import_source *source)
{
	const char *move = get(reading, "retriever", "move_on_delete");
	const char *flags = get(reading, "retriever", "imap_on_delete");
	uint64_t days = get_number(reading, "options", "delete_after", 1000000);

	import_set(source, IMPORT_AFTER, "keep");
	if (!get_bool(reading, "retriever", "use_peek", true))
		import_set(source, IMPORT_AFTER, "seen");
	if (get_bool(reading, "options", "delete", false)) {
		if (move != NULL)
			import_setf(source, IMPORT_AFTER, "move:%s", move);
		else if (flags != NULL && strstr(flags, "\\Deleted") == NULL)
			import_set(source, IMPORT_AFTER, "seen");
		else
			import_set(source, IMPORT_AFTER, "delete");
	}
	if (days > 0)
		import_note(reading->plan, line_of(reading, "options", "delete_after"),
			    "delete_after = %llu: not carried over: messages are deleted when they "
			    "are delivered or not at all; after = %s is what is printed",
			    (unsigned long long)days, source->value[IMPORT_AFTER]);
}

/* What has no place in our file: the section and key it stands in, and what to do. */
struct unknown {
	const char *section, *key, *note;
};

static const char not_needed[] = "not needed";
static const char no_clients[] = "not carried over: there are no client certificates";
static const char tls_modern[] = "not carried over: TLS 1.2 or later is always used";
static const char log_it[] = "not carried over: every run has a line in the log; see --log";
static const char no_netrc[] = "not carried over: put the password into a file, see password_file";

static const struct unknown unknowns[] = {
	{"retriever", "keyfile", no_clients},
	{"retriever", "certfile", no_clients},
	{"retriever", "ssl_version", tls_modern},
	{"retriever", "ssl_ciphers", tls_modern},
	{"retriever", "ssl_fingerprints",
	 "not carried over: these are of certificates; tls_pin is of the key, see "
	 "mailoauth.conf(5)"},
	{"retriever", "ssl_cert_hostname",
	 "not carried over: set host to the name that the certificate has"},
	{"retriever", "record_mailbox",
	 "not carried over: no field with the folder's name is added"},
	{"retriever", "use_cram_md5", not_needed},
	{"retriever", "use_peek", NULL},
	{"options", "verbose", not_needed},
	{"options", "read_all", NULL},
	{"options", "to_oldmail_on_each_mail", not_needed},
	{"options", "skip_imap_fetch_size", not_needed},
	{"options", "fingerprint", not_needed},
	{"options", "max_bytes_per_session", "not carried over: see max_messages"},
	{"options", "delete_bigger_than",
	 "not carried over: no message is deleted by its size; see after"},
	{"options", "delivered_to",
	 "not carried over: getmail's Delivered-To is what an MTA or MDA adds by itself"},
	{"options", "message_log", log_it},
	{"options", "message_log_verbose", log_it},
	{"options", "message_log_syslog", log_it},
	{"options", "logfile", log_it},
	{"options", "use_netrc", no_netrc},
	{"options", "netrc_file", no_netrc},
	{"destination", "filemode", "not carried over: files are made with mode 0600"},
	{"destination", "unixfrom", "not carried over: no From line is added"},
	{"destination", "ignore_stderr",
	 "not needed: the exit status of an MDA decides, its words go to the log"},
	{"destination", "pipe_stdout", not_needed},
	{"destination", "allow_root_commands", "not carried over: set mda_user"},
	{"destination", "locktype", not_needed},
	{"destination", "default", NULL},
	{"destination", "locals", NULL},
	{"destination", "destinations", NULL},
};

static const char *unknown_note(const struct entry *entry)
{
	if (strncmp(entry->section, "filter", 6) == 0)
		return "not carried over: there are no filters: let the MDA or the MTA run them";
	if (strcmp(entry->section, "retriever") != 0 && strcmp(entry->section, destination) != 0 &&
	    strcmp(entry->section, "options") != 0)
		return "not carried over: a section has one destination, that of [destination]";
	for (size_t i = 0; i < sizeof(unknowns) / sizeof(unknowns[0]); i++) {
		if (strcmp(unknowns[i].section, entry->section) == 0 &&
		    strcmp(unknowns[i].key, entry->key) == 0)
			return unknowns[i].note;
	}
	return "not carried over: getmail does not document it";
}

static void note_rest(struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		const struct entry *entry = &reading->entries[i];
		const char *note = unknown_note(entry);

		if (!entry->used && note != NULL && strcmp(entry->section, "DEFAULT") != 0)
			import_note(reading->plan, entry->line, "[%s] %s: %s", entry->section,
				    entry->key, note);
	}
}

static void read_source(struct reading *reading, const struct retriever *retriever)
{
	const char *user = get(reading, "retriever", "username");
	struct import_source *source;

	if (get(reading, "retriever", "server") == NULL)
		import_problem(reading->plan, reading->section_line, "[retriever] has no server");
	if (user == NULL)
		import_problem(reading->plan, reading->section_line, "[retriever] has no username");
	if (reading->plan->problems.count > 0)
		return;
	source = import_source_add(reading->plan, user, reading->section_line);
	read_server(reading, retriever, source);
	read_login(reading, source);
	read_folders(reading, retriever, source);
	if (retriever->multidrop)
		read_multidrop(reading, source);
	read_taking(reading, source);
	read_after(reading, source);
	read_destination(reading, source);
	import_set(source, IMPORT_RECEIVED,
		   get_bool(reading, "options", "received", true) &&
				   source->value[IMPORT_DELIVER] != NULL &&
				   strncmp(source->value[IMPORT_DELIVER], "maildir:", 8) != 0
			   ? "yes"
			   : NULL);
	if (source->value[IMPORT_RECIPIENT] == NULL && !retriever->multidrop &&
	    source->value[IMPORT_DELIVER] != NULL &&
	    strncmp(source->value[IMPORT_DELIVER], "lmtp:", 5) == 0)
		import_set(source, IMPORT_RECIPIENT, user);
	import_login_decide(reading->plan, source);
	note_rest(reading);
}

static void getmail_read(struct span text, struct import_plan *plan)
{
	struct reading reading = {.plan = plan, .section_line = 1};
	const struct retriever *retriever = NULL;

	read_lines(&reading, text);
	if (plan->problems.count == 0)
		retriever = find_retriever(&reading);
	if (retriever != NULL)
		read_source(&reading, retriever);
	for (size_t i = 0; i < reading.count; i++) {
		free(reading.entries[i].section);
		free(reading.entries[i].key);
		buffer_release(&reading.entries[i].value);
	}
	free(reading.entries);
	free(reading.section);
}

/* Memory -----------------------------------------------------------------------------------------
 */

/* UIDVALIDITY/UID, or with the folder's name between them, then NUL and a time. */
static bool recall_line(struct span line, struct import_recall *recall)
{
	struct scanner scan = scanner_over(line);
	uint64_t uidvalidity, uid;
	struct span between;

	if (!scan_u64(&scan, UINT32_MAX, &uidvalidity) || !scan_byte(&scan, '/'))
		return false;
	while (scan_until(&scan, '/', 4096, &between))
		continue;
	if (!scan_u64(&scan, UINT32_MAX, &uid) || !scan_byte(&scan, '\0') || uid == 0 ||
	    uidvalidity == 0)
		return false;
	/* The server has numbered anew since: what counts is the newest. */
	if (uidvalidity > recall->uidvalidity) {
		recall->uidvalidity = (uint32_t)uidvalidity;
		uid_list_clear(&recall->fetched);
	}
	if (uidvalidity == recall->uidvalidity)
		uid_list_add(&recall->fetched, (uint32_t)uid);
	return true;
}

static bool getmail_recall(struct span text, struct import_recall *recall)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	while (scan_until(&scan, '\n', 4096, &line)) {
		if (line.len > 0 && !recall_line(line, recall))
			return false;
	}
	return scanner_at_end(&scan);
}

const struct import_program import_getmail = {
	.name = "getmail",
	.file_name = "getmail",
	.read = getmail_read,
	.recall = getmail_recall,
};
