/* SPDX-License-Identifier: MIT */
/*
 * import-fetchmail.c - fetchmail: each user of its file as a section (fetchmail-grammar.h reads it,
 * fetchmail-keywords.h has what is said of a word), and its memory.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/import/fetchmail-grammar.h"
#include "fetch-agent/import/fetchmail-lexer.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

static const char *option_text(const struct fetchmail_user *user, enum fetchmail_slot slot)
{
	const struct fetchmail_option *option = &user->options.option[slot];

	return option->set && !option->no && option->words.count > 0 ? option->words.word[0] : NULL;
}

static bool option_on(const struct fetchmail_user *user, enum fetchmail_slot slot)
{
	return user->options.option[slot].set && !user->options.option[slot].no;
}

static int option_line(const struct fetchmail_user *user, enum fetchmail_slot slot)
{
	return user->options.option[slot].set ? user->options.option[slot].line : user->line;
}

/* One user as a source ---------------------------------------------------------------------------
 */

static void set_number(const struct fetchmail_user *user, struct import_source *source,
		       enum fetchmail_slot slot, enum import_key key, uint64_t max)
{
	import_set_number(user->plan, source, key, option_text(user, slot), max,
			  option_line(user, slot));
}

static void emit_server(const struct fetchmail_user *user, struct import_source *source)
{
	const char *via = option_text(user, SLOT_VIA), *port = option_text(user, SLOT_PORT);
	const char *proto = option_text(user, SLOT_SSLPROTO);
	const char *file = option_text(user, SLOT_CERTFILE);
	bool implicit = option_on(user, SLOT_SSL) ||
			(port != NULL && (strcmp(port, "993") == 0 || strcmp(port, "imaps") == 0));

	import_set(source, IMPORT_HOST, via != NULL ? via : user->host);
	import_set_port(user->plan, source, port, implicit, option_line(user, SLOT_PORT));
	if (!implicit) {
		import_set(source, IMPORT_TLS, "starttls");
		import_note(user->plan, user->line,
			    "without ssl fetchmail goes on in clear when the server has no "
			    "STARTTLS; mailoauth-fetch does not: leave out tls and port if the "
			    "server has port 993");
	}
	if (proto != NULL)
		import_note(user->plan, option_line(user, SLOT_SSLPROTO),
			    "sslproto: not carried over: TLS 1.2 or later is always used");
	import_set_path(user->plan, source, IMPORT_CA_FILE, file, "sslcertfile",
			option_line(user, SLOT_CERTFILE));
	set_number(user, source, SLOT_TIMEOUT, IMPORT_TIMEOUT, 3600);
}

static void emit_login(const struct fetchmail_user *user, struct import_source *source)
{
	const char *auth = option_text(user, SLOT_AUTH);
	const char *password = option_text(user, SLOT_PASSWORD);
	static const char *const passwords[] = {"any", "password", "cram-md5", "login", "plain"};

	source->user = xstrdup(user->remote);
	if (password != NULL)
		(void)buffer_append_str(&source->password, password);
	for (size_t i = 0; auth != NULL && i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		if (strcasecmp(auth, passwords[i]) == 0)
			auth = NULL;
	}
	if (auth == NULL)
		return;
	source->oauth = strcasecmp(auth, "oauthbearer") == 0 || strcasecmp(auth, "xoauth2") == 0;
	if (!source->oauth)
		import_note(user->plan, option_line(user, SLOT_AUTH),
			    "auth %s: not carried over: there are passwords and OAuth", auth);
}

static void emit_folders(const struct fetchmail_user *user, struct import_source *source)
{
	const struct fetchmail_option *option = &user->options.option[SLOT_FOLDER];

	for (size_t i = 0; i < option->words.count; i++)
		(void)import_folder(user->plan, source, option->words.word[i], true, option->line);
	if (option_on(user, SLOT_IDLE) && option->words.count > 1)
		import_note(user->plan, option_line(user, SLOT_IDLE),
			    "idle: all folders are watched, not only the first");
}

/* keep leaves \Seen as the mark of what was fetched, and without fetchall nothing else is taken. */
static void emit_taking(const struct fetchmail_user *user, struct import_source *source)
{
	bool keeps = option_on(user, SLOT_KEEP), all = option_on(user, SLOT_FETCHALL);

	import_set(source, IMPORT_AFTER, keeps ? "seen" : "delete");
	if (!all)
		import_set(source, IMPORT_TAKE, "unseen");
	if (keeps && all)
		import_note(user->plan, option_line(user, SLOT_FETCHALL),
			    "fetchall with keep: each message is fetched once, not in every run");
	set_number(user, source, SLOT_LIMIT, IMPORT_MAX_SIZE, INT64_MAX / 2);
	set_number(user, source, SLOT_FETCHLIMIT, IMPORT_MAX_MESSAGES, 4294967295u);
}

static void emit_watching(const struct fetchmail_user *user, struct import_source *source)
{
	const struct fetchmail_option *daemon = &user->global->option[SLOT_INTERVAL];
	uint64_t seconds = daemon->words.count > 0 ? fetchmail_number(daemon->words.word[0]) : 0;
	const char *cycles = option_text(user, SLOT_INTERVAL);
	uint64_t times = cycles != NULL ? fetchmail_number(cycles) : 0;

	if (option_on(user, SLOT_IDLE))
		import_set(source, IMPORT_WATCH, "idle");
	times = times == 0 || times > 10000 ? 1 : times;
	if (seconds > 0 && seconds <= 86400)
		import_setf(source, IMPORT_INTERVAL, "%llus",
			    (unsigned long long)(seconds * times));
	else if (cycles != NULL)
		import_note(user->plan, option_line(user, SLOT_INTERVAL),
			    "interval %s: set interval to a time, e.g. 30m", cycles);
}

/* "%T" and "%F" as whole words or within one; fetchmail quotes them for its shell by itself. */
static char *mda_placeholders(const char *command)
{
	struct buffer text = BUFFER_INIT(2 * FETCHMAIL_TOKEN_MAX);
	char *out;

	for (; *command != '\0'; command++) {
		const char *meant = NULL;

		if (command[0] == '%' && (command[1] == 'T' || command[1] == 't'))
			meant = "%{recipient}";
		else if (command[0] == '%' && (command[1] == 'F' || command[1] == 's'))
			meant = "%{sender}";
		else
			(void)buffer_append_byte(&text, *command);
		if (meant != NULL) {
			(void)buffer_append_str(&text, meant);
			command++;
		}
	}
	out = xstrdup(buffer_cstr(&text));
	buffer_release(&text);
	return out;
}

static void emit_mda(const struct fetchmail_user *user, struct import_source *source,
		     const char *mda)
{
	int line = option_line(user, SLOT_MDA);
	char *command = import_command(user->plan, mda, true, "mda", line);
	char *meant = command != NULL ? mda_placeholders(command) : NULL;

	if (meant != NULL)
		import_setf(source, IMPORT_DELIVER, "mda:%s", meant);
	free(meant);
	free(command);
}

/* HOST, HOST/PORT, or a socket's path. */
static void emit_listener(const struct fetchmail_user *user, struct import_source *source)
{
	const struct fetchmail_option *hosts = &user->options.option[SLOT_SMTPHOST];
	const char *host = hosts->words.count > 0 ? hosts->words.word[0] : "localhost";
	bool lmtp = option_on(user, SLOT_LMTP);
	size_t len = strcspn(host, "/");

	if (hosts->words.count > 1)
		import_note(user->plan, hosts->line,
			    "smtphost: only the first is carried over: let its MTA have the others "
			    "as fallbacks");
	if (host[0] == '/')
		import_setf(source, IMPORT_DELIVER, "lmtp:unix:%s", host);
	else if (host[len] == '/')
		import_setf(source, IMPORT_DELIVER, "%s:%.*s:%s", lmtp ? "lmtp" : "smtp", (int)len,
			    host, host + len + 1);
	else
		import_setf(source, IMPORT_DELIVER, "%s:%s:%s", lmtp ? "lmtp" : "smtp", host,
			    lmtp ? "24" : "25");
}

static void emit_destination(const struct fetchmail_user *user, struct import_source *source)
{
	const char *mda = option_text(user, SLOT_MDA);
	const struct fetchmail_option *global = &user->global->option[SLOT_INVISIBLE];

	if (option_on(user, SLOT_BSMTP))
		import_note(user->plan, option_line(user, SLOT_BSMTP),
			    "bsmtp: not carried over: deliver by smtp: or lmtp:");
	if (mda != NULL)
		emit_mda(user, source, mda);
	else
		emit_listener(user, source);
	import_set(source, IMPORT_RECEIVED, global->set && !global->no ? "no" : "yes");
}

static bool is_multidrop(const struct words *local)
{
	return local->count > 1 || words_contain(local, "*") ||
	       (local->count == 1 && strchr(local->word[0], '=') != NULL);
}

static void join(struct import_source *source, enum import_key key, const struct words *words)
{
	struct buffer text = BUFFER_INIT(8192);

	for (size_t i = 0; i < words->count; i++)
		(void)buffer_printf(&text, "%s%s", i > 0 ? " " : "", words->word[i]);
	if (buffer_ok(&text) && text.len > 0)
		import_set(source, key, buffer_cstr(&text));
	buffer_release(&text);
}

static void emit_multidrop(const struct fetchmail_user *user, struct import_source *source)
{
	const char *header = option_text(user, SLOT_ENVELOPE);

	if (header != NULL && strcasecmp(header, "Received") == 0)
		header = NULL;
	import_set(source, IMPORT_RECIPIENT_HEADER, header != NULL ? header : "Delivered-To");
	if (header == NULL)
		import_note(
			user->plan, user->line,
			"several local names without envelope: fetchmail guesses from Received, "
			"mailoauth-fetch does not; Delivered-To is set, see which header of "
			"your mail has the recipient");
	import_set(source, IMPORT_RECIPIENT_STRIP, option_text(user, SLOT_QVIRTUAL));
	join(source, IMPORT_RECIPIENT_DOMAINS, &user->options.option[SLOT_LOCALDOMAINS].words);
	for (size_t i = 0; i < user->local.count; i++) {
		if (strcmp(user->local.word[i], "*") != 0)
			import_note(user->plan, user->line,
				    "is %s: the recipient of the header is used; let the MTA's "
				    "aliases turn it into a local name",
				    user->local.word[i]);
	}
}

static void emit_recipient(const struct fetchmail_user *user, struct import_source *source)
{
	const char *name = option_text(user, SLOT_SMTPNAME);
	const char *domain = option_text(user, SLOT_SMTPADDRESS);
	const char *local = user->local.count > 0 ? user->local.word[0] : user->remote;

	if (name == NULL && is_multidrop(&user->local)) {
		emit_multidrop(user, source);
		return;
	}
	if (name == NULL && user->local.count == 0)
		import_note(user->plan, user->line,
			    "no local name: recipient is the user at the server; set whom it is "
			    "for here");
	if (name != NULL)
		import_set(source, IMPORT_RECIPIENT, name);
	else if (local != NULL && domain != NULL)
		import_setf(source, IMPORT_RECIPIENT, "%.*s@%s", (int)strcspn(local, "@"), local,
			    domain);
	else
		import_set(source, IMPORT_RECIPIENT, local);
}

/* POP3 has no folder but INBOX. The file's name may stand below. */
static void emit_memory(const struct fetchmail_user *user, struct import_source *source)
{
	if (source->value[IMPORT_FOLDER] != NULL || user->remote == NULL)
		return;
	import_remember(source, "INBOX", "", user->line);
	source->memories[0].who = xasprintf("%s@%s", user->remote, user->host);
}

/* Whether this user's mail can be fetched by IMAP; else says so. */
static bool can_be_fetched(const struct fetchmail_user *user)
{
	const char *protocol = option_text(user, SLOT_PROTOCOL);

	if (user->skipped) {
		import_note(user->plan, user->line, "skip %s: no section; write poll to have one",
			    user->host);
		return false;
	}
	if (protocol == NULL || strcasecmp(protocol, "auto") == 0)
		import_note(user->plan, user->line, "%s: no protocol is set: taken for IMAP",
			    user->host);
	else if (strncasecmp(protocol, "imap", 4) != 0) {
		import_note(user->plan, option_line(user, SLOT_PROTOCOL),
			    "proto %s: mailoauth-fetch speaks IMAP only: no section for %s; most "
			    "servers have IMAP too: write proto imap and try again (and "
			    "--take-state, if the server is Dovecot)",
			    protocol, user->host);
		return false;
	}
	return true;
}

static void take_user(const struct fetchmail_user *user)
{
	struct import_source *source;

	if (!can_be_fetched(user))
		return;
	source = import_source_add(user->plan, user->remote != NULL ? user->remote : user->host,
				   user->line);
	emit_server(user, source);
	emit_login(user, source);
	emit_folders(user, source);
	emit_taking(user, source);
	emit_destination(user, source);
	emit_recipient(user, source);
	emit_watching(user, source);
	emit_memory(user, source);
	import_login_decide(user->plan, source);
}

/* `set daemon` may stand behind the servers. */
static void add_interval(const struct fetchmail_options *global, struct import_source *source)
{
	const struct fetchmail_option *daemon = &global->option[SLOT_INTERVAL];
	uint64_t seconds = daemon->words.count > 0 ? fetchmail_number(daemon->words.word[0]) : 0;

	if (source->value[IMPORT_INTERVAL] == NULL && seconds > 0 && seconds <= 86400)
		import_setf(source, IMPORT_INTERVAL, "%llus", (unsigned long long)seconds);
}

static void name_memory(const struct fetchmail_options *global, struct import_plan *plan,
			struct import_source *source)
{
	const struct fetchmail_option *idfile = &global->option[SLOT_IDFILE];
	const char *path = idfile->words.count > 0 ? idfile->words.word[0] : "~/.fetchids";

	if (!idfile->set && plan->home == NULL)
		return;
	for (size_t i = 0; i < source->memory_count; i++) {
		char *whole = import_path(plan, path, "idfile", idfile->line);

		free(source->memories[i].path);
		source->memories[i].path = whole != NULL ? whole : xstrdup("");
	}
}

static void fetchmail_read(struct span text, struct import_plan *plan)
{
	struct fetchmail_options global = {0};

	fetchmail_grammar_read(text, plan, take_user, &global);
	for (size_t i = 0; i < plan->count; i++) {
		add_interval(&global, plan->sources[i]);
		name_memory(&global, plan, plan->sources[i]);
	}
	fetchmail_options_release(&global);
}

/* Memory -----------------------------------------------------------------------------------------
 */

static bool scan_hex(struct scanner *scan, uint32_t *out)
{
	struct span digits;
	uint32_t value = 0;

	if (!scan_take(scan, 8, &digits))
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.ptr[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			value = value << 4 | (uint32_t)((c & ~0x20) - 'A' + 10);
		else
			return false;
	}
	*out = value;
	return true;
}

/* Dovecot's pop3_uidl_format, unless somebody has changed it: UID and UIDVALIDITY. Some other
 * server's names may look so; the UIDVALIDITY is not that of any IMAP server then, and nothing is
 * taken for fetched. */
static bool recall_uidl(struct span uidl, struct import_recall *recall)
{
	struct scanner scan = scanner_over(uidl);
	uint32_t uid, uidvalidity;

	if (!scan_hex(&scan, &uid) || !scan_hex(&scan, &uidvalidity) || !scanner_at_end(&scan) ||
	    uid == 0 || uidvalidity == 0 ||
	    (recall->uidvalidity != 0 && recall->uidvalidity != uidvalidity))
		return false;
	recall->uidvalidity = uidvalidity;
	uid_list_add(&recall->fetched, uid);
	return true;
}

static bool is_of(struct span line, const char *who)
{
	size_t len = who != NULL ? strlen(who) : 0;

	return who != NULL && line.len > len + 1 && memcmp(line.ptr, who, len) == 0 &&
	       line.ptr[len] == ' ';
}

/* USER@HOST UIDL, of all mailboxes; other lines are passed over, as fetchmail does. */
static bool fetchmail_recall(struct span text, struct import_recall *recall)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	while (scan_until(&scan, '\n', 4096, &line)) {
		size_t before = is_of(line, recall->who) ? strlen(recall->who) + 1 : 0;

		if (before > 0 &&
		    !recall_uidl((struct span){line.ptr + before, line.len - before}, recall))
			return false;
	}
	return scanner_at_end(&scan) && recall->uidvalidity != 0;
}

const struct import_program import_fetchmail = {
	.name = "fetchmail",
	.file_name = "fetchmail",
	.read = fetchmail_read,
	.recall = fetchmail_recall,
	.recall_is_all = true,
	.forgets =
		"fetchmail keeps no state for IMAP: what it fetched is marked as seen at the "
		"server, and take = unseen, as printed, goes on from there; .fetchids is POP3's, "
		"and its names are no use by IMAP, unless Dovecot made them for the user and the "
		"host that stand here",
};
