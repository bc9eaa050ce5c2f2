/* SPDX-License-Identifier: MIT */
/*
 * import-getmail.c - getmail6: its file, which is one retriever, as a section.
 *
 * getmail-file.h reads it, getmail-destination.h says where the mail goes, getmail-keywords.h what
 * is said of the rest, and getmail-oldmail.h knows what was fetched.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "fetch-agent/import/getmail-destination.h"
#include "fetch-agent/import/getmail-file.h"
#include "fetch-agent/import/getmail-keywords.h"
#include "fetch-agent/import/getmail-oldmail.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

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

static const struct retriever *find_retriever(struct getmail_file *file)
{
	const char *type = getmail_text(file, "retriever", "type");
	int line = getmail_line(file, "retriever", "type");

	if (type == NULL) {
		import_problem(file->plan, line, "[retriever] has no type");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(retrievers) / sizeof(retrievers[0]); i++) {
		if (strcmp(retrievers[i].type, type) != 0)
			continue;
		if (retrievers[i].imap)
			return &retrievers[i];
		import_note(file->plan, line,
			    "type %s: mailoauth-fetch speaks IMAP only: no section; most servers "
			    "have IMAP too: write SimpleIMAPSSLRetriever and try again",
			    type);
		return NULL;
	}
	import_problem(file->plan, line, "type %s is not a retriever of getmail", type);
	return NULL;
}

static void read_server(struct getmail_file *file, const struct retriever *retriever,
			struct import_source *source)
{
	uint64_t port = getmail_number(file, "retriever", "port", 65535);
	const char *ca = getmail_text(file, "retriever", "ca_certs");

	import_set(source, IMPORT_HOST, getmail_text(file, "retriever", "server"));
	if (port != 0 && port != (retriever->tls ? 993 : 143))
		import_setf(source, IMPORT_PORT, "%llu", (unsigned long long)port);
	if (!retriever->tls) {
		import_set(source, IMPORT_TLS, "starttls");
		import_note(file->plan, getmail_line(file, "retriever", "type"),
			    "without SSL getmail sends the password in clear; mailoauth-fetch does "
			    "not: the server must have STARTTLS, or leave out tls and port");
	}
	import_set_path(file->plan, source, IMPORT_CA_FILE, ca, "ca_certs",
			getmail_line(file, "retriever", "ca_certs"));
	import_set_number(file->plan, source, IMPORT_TIMEOUT,
			  getmail_text(file, "retriever", "timeout"), 3600,
			  getmail_line(file, "retriever", "timeout"));
}

/* A tuple as a command line: getmail runs it without a shell, as we do. */
static char *command_of(struct getmail_file *file, const struct words *words, const char *what,
			int line)
{
	struct buffer text = BUFFER_INIT(GETMAIL_VALUE_MAX);
	char *command = NULL;
	bool good = true;

	for (size_t i = 0; i < words->count; i++) {
		good = good && words->word[i][0] != '\0' && strpbrk(words->word[i], " \t,") == NULL;
		(void)buffer_printf(&text, "%s%s", i > 0 ? " " : "", words->word[i]);
	}
	if (!good || !buffer_ok(&text))
		import_note(file->plan, line,
			    "%s: an argument is empty or holds a blank or a comma: put the command "
			    "into a script and name that",
			    what);
	else
		command = import_command(file->plan, buffer_cstr(&text), false, what, line);
	buffer_release(&text);
	return command;
}

static void read_login(struct getmail_file *file, struct import_source *source)
{
	const char *password = getmail_text(file, "retriever", "password");
	struct words command = {0};
	char *line;

	source->user = xstrdup(getmail_text(file, "retriever", "username"));
	if (password != NULL)
		(void)buffer_append_str(&source->password, password);
	source->oauth = getmail_bool(file, "retriever", "use_xoauth2", false);
	if (getmail_bool(file, "retriever", "use_kerberos", false))
		import_note(file->plan, getmail_line(file, "retriever", "use_kerberos"),
			    "use_kerberos: not carried over: there are passwords and OAuth");
	if (getmail_tuple(file, "retriever", "password_command", &command) && !source->oauth) {
		line = command_of(file, &command, "password_command",
				  getmail_line(file, "retriever", "password_command"));
		import_set(source, IMPORT_PASSWORD_COMMAND, line);
		free(line);
	} else if (command.count > 0) {
		import_note(file->plan, getmail_line(file, "retriever", "password_command"),
			    "password_command: not needed: tokens come from mailoauthd");
	}
	words_release(&command);
}

static void read_multidrop(struct getmail_file *file, struct import_source *source)
{
	const char *header = getmail_text(file, "retriever", "envelope_recipient");
	int line = getmail_line(file, "retriever", "envelope_recipient");
	size_t len = header != NULL ? strcspn(header, ":") : 0;

	if (header == NULL) {
		import_problem(file->plan, line, "envelope_recipient is missing");
		return;
	}
	import_setf(source, IMPORT_RECIPIENT_HEADER, "%.*s", (int)len, header);
	if (header[len] == ':' && strcmp(header + len, ":1") != 0)
		import_note(file->plan, line,
			    "envelope_recipient = %s: fields cannot be passed over; the first of "
			    "that name counts",
			    header);
}

static void read_folders(struct getmail_file *file, const struct retriever *retriever,
			 struct import_source *source)
{
	int line = getmail_line(file, "retriever", "mailboxes");
	const char *text = getmail_text(file, "retriever", "mailboxes");
	const char *port = getmail_text(file, "retriever", "port");
	struct words folders = {0};

	if (text != NULL && strcasecmp(text, "ALL") == 0)
		import_set(source, IMPORT_FOLDER, "*");
	else if (!getmail_tuple(file, "retriever", "mailboxes", &folders))
		words_split("INBOX", &folders);
	if (port == NULL)
		port = retriever->tls ? "993" : "143";
	for (size_t i = 0; i < folders.count; i++) {
		char *path = getmail_oldmail_path(file->plan, source, port, folders.word[i]);

		if (import_folder(file->plan, source, folders.word[i], false, line))
			import_remember(source, folders.word[i], path, line);
		free(path);
	}
	words_release(&folders);
}

/* Options ----------------------------------------------------------------------------------------
 */

static void read_taking(struct getmail_file *file, struct import_source *source)
{
	uint64_t size = getmail_number(file, "options", "max_message_size", INT64_MAX / 2);
	uint64_t count = getmail_number(file, "options", "max_messages_per_session", 4294967295u);
	const char *search = getmail_text(file, "retriever", "imap_search");

	if (search != NULL && strcasecmp(search, "UNSEEN") == 0)
		import_set(source, IMPORT_TAKE, "unseen");
	else if (search != NULL && strcasecmp(search, "ALL") != 0)
		import_note(file->plan, getmail_line(file, "retriever", "imap_search"),
			    "imap_search = %s: not carried over: see take, since and max_size",
			    search);
	if (getmail_bool(file, "options", "read_all", true) &&
	    !getmail_bool(file, "options", "delete", false))
		import_note(file->plan, getmail_line(file, "options", "read_all"),
			    "read_all, which is the default: each message is fetched once, not in "
			    "every run");
	if (size > 0)
		import_setf(source, IMPORT_MAX_SIZE, "%llu", (unsigned long long)size);
	if (count > 0)
		import_setf(source, IMPORT_MAX_MESSAGES, "%llu", (unsigned long long)count);
}

static void read_after(struct getmail_file *file, struct import_source *source)
{
	const char *move = getmail_text(file, "retriever", "move_on_delete");
	const char *flags = getmail_text(file, "retriever", "imap_on_delete");
	uint64_t days = getmail_number(file, "options", "delete_after", 1000000);

	import_set(source, IMPORT_AFTER, "keep");
	if (!getmail_bool(file, "retriever", "use_peek", true))
		import_set(source, IMPORT_AFTER, "seen");
	if (getmail_bool(file, "options", "delete", false)) {
		if (move != NULL)
			import_setf(source, IMPORT_AFTER, "move:%s", move);
		else if (flags != NULL && strstr(flags, "\\Deleted") == NULL)
			import_set(source, IMPORT_AFTER, "seen");
		else
			import_set(source, IMPORT_AFTER, "delete");
	}
	if (days > 0)
		import_note(file->plan, getmail_line(file, "options", "delete_after"),
			    "delete_after = %llu: not carried over: messages are deleted when they "
			    "are delivered or not at all; after = %s is what is printed",
			    (unsigned long long)days, source->value[IMPORT_AFTER]);
}

static void read_source(struct getmail_file *file, const struct retriever *retriever)
{
	const char *user = getmail_text(file, "retriever", "username");
	struct import_source *source;

	if (getmail_text(file, "retriever", "server") == NULL)
		import_problem(file->plan, file->retriever_line, "[retriever] has no server");
	if (user == NULL)
		import_problem(file->plan, file->retriever_line, "[retriever] has no username");
	if (file->plan->problems.count > 0)
		return;
	source = import_source_add(file->plan, user, file->retriever_line);
	read_server(file, retriever, source);
	read_login(file, source);
	read_folders(file, retriever, source);
	if (retriever->multidrop)
		read_multidrop(file, source);
	read_taking(file, source);
	read_after(file, source);
	getmail_read_destination(file, source);
	import_set_received(source, getmail_bool(file, "options", "received", true));
	if (source->value[IMPORT_RECIPIENT] == NULL && !retriever->multidrop &&
	    source->value[IMPORT_DELIVER] != NULL &&
	    strncmp(source->value[IMPORT_DELIVER], "lmtp:", 5) == 0)
		import_set(source, IMPORT_RECIPIENT, user);
	import_login_decide(file->plan, source);
	getmail_note_rest(file);
}

static void getmail_read(struct span text, struct import_plan *plan)
{
	struct getmail_file file;
	const struct retriever *retriever = NULL;

	getmail_file_read(&file, text, plan);
	if (plan->problems.count == 0)
		retriever = find_retriever(&file);
	if (retriever != NULL)
		read_source(&file, retriever);
	getmail_file_release(&file);
}

const struct import_program import_getmail = {
	.name = "getmail",
	.file_name = "getmail",
	.read = getmail_read,
	.recall = getmail_oldmail_recall,
};
