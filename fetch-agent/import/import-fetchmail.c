/* SPDX-License-Identifier: MIT */
/*
 * import-fetchmail.c - .fetchmailrc (fetchmail(1), 6.4 and the 7 series).
 *
 * Every keyword is a row of one table: what follows it, where its value is kept, and what is said
 * of it. Options before the first `user` of a server are every user's of it, and those of
 * `defaults` everybody's.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/import/fetchmail-lexer.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

enum slot {
	SLOT_NONE, /* only said something of */
	SLOT_VIA,
	SLOT_PROTOCOL,
	SLOT_PORT,
	SLOT_AUTH,
	SLOT_TIMEOUT,
	SLOT_ENVELOPE,
	SLOT_QVIRTUAL,
	SLOT_LOCALDOMAINS,
	SLOT_INTERVAL,
	SLOT_PASSWORD,
	SLOT_FOLDER,
	SLOT_SMTPHOST,
	SLOT_LMTP,
	SLOT_SMTPADDRESS,
	SLOT_SMTPNAME,
	SLOT_MDA,
	SLOT_BSMTP,
	SLOT_LIMIT,
	SLOT_FETCHLIMIT,
	SLOT_SSL,
	SLOT_SSLPROTO,
	SLOT_CERTFILE,
	SLOT_KEEP,
	SLOT_FETCHALL,
	SLOT_IDLE,
	SLOT_INVISIBLE,
	SLOT_IDFILE,
	SLOT_COUNT,
};

enum shape {
	SHAPE_FLAG, /* nothing follows */
	SHAPE_ONE,
	SHAPE_LIST,
	SHAPE_ENVELOPE, /* a number, perhaps, and a header's name */
};

struct keyword {
	const char *name;
	enum shape shape;
	enum slot slot;
	const char *note;    /* NULL: it is carried over as it is */
	const char *no_note; /* the same for "no KEYWORD" */
};

static const char not_needed[] = "not needed: this is how mailoauth-fetch always does it, or "
				 "decides by itself";
static const char bytes_stay[] = "messages are delivered as the server has them: let the "
				 "destination change them";
static const char by_pin[] = "not carried over: it is a fingerprint of the certificate, ours is of "
			     "its key; add tls_pin = sha256:HEX, with HEX from: openssl s_client "
			     "-connect HOST:993 </dev/null | openssl x509 -pubkey -noout | openssl "
			     "pkey -pubin -outform DER | sha256sum";
static const char verified[] = "not carried over: certificates are always verified; for one that "
			       "nobody signed set ca_file, or tls_pin and tls_pin_only = yes";
static const char no_command[] = "not carried over: no command is run around a connection; let the "
				 "unit or the cron job that starts mailoauth-fetch do it";
static const char only_pop3[] = "not carried over: it is for POP3";
static const char only_pop3_ids[] =
	"not carried over: it holds the names that a POP3 server gives to messages, and they have "
	"others by IMAP, but for those of Dovecot, which --take-state takes over; what fetchmail "
	"left at such a server is fetched again: since, or "
	"take = unseen, limits that: mailoauth.conf(5)";

static const struct keyword keywords[] = {
	{"via", SHAPE_ONE, SLOT_VIA, NULL, NULL},
	{"proto", SHAPE_ONE, SLOT_PROTOCOL, NULL, NULL},
	{"protocol", SHAPE_ONE, SLOT_PROTOCOL, NULL, NULL},
	{"port", SHAPE_ONE, SLOT_PORT, NULL, NULL},
	{"service", SHAPE_ONE, SLOT_PORT, NULL, NULL},
	{"auth", SHAPE_ONE, SLOT_AUTH, NULL, NULL},
	{"authenticate", SHAPE_ONE, SLOT_AUTH, NULL, NULL},
	{"timeout", SHAPE_ONE, SLOT_TIMEOUT, NULL, NULL},
	{"envelope", SHAPE_ENVELOPE, SLOT_ENVELOPE, NULL, NULL},
	{"qvirtual", SHAPE_ONE, SLOT_QVIRTUAL, NULL, NULL},
	{"local", SHAPE_LIST, SLOT_LOCALDOMAINS, NULL, NULL},
	{"localdomains", SHAPE_LIST, SLOT_LOCALDOMAINS, NULL, NULL},
	{"interval", SHAPE_ONE, SLOT_INTERVAL, NULL, NULL},
	{"aka", SHAPE_LIST, SLOT_NONE,
	 "not carried over: addresses are taken from recipient_header alone; list the domains that "
	 "are yours in recipient_domains",
	 NULL},
	{"interface", SHAPE_ONE, SLOT_NONE,
	 "not carried over: start mailoauth-fetch when the interface is up", NULL},
	{"monitor", SHAPE_ONE, SLOT_NONE,
	 "not carried over: start mailoauth-fetch when the interface is up", NULL},
	{"plugin", SHAPE_ONE, SLOT_NONE,
	 "not carried over: mailoauth-fetch connects itself; point host and port at a tunnel",
	 NULL},
	{"plugout", SHAPE_ONE, SLOT_NONE,
	 "not carried over: mailoauth-fetch connects to the destination itself", NULL},
	{"dns", SHAPE_FLAG, SLOT_NONE, NULL, NULL},
	{"checkalias", SHAPE_FLAG, SLOT_NONE, "not carried over: hosts are not compared by address",
	 NULL},
	{"uidl", SHAPE_FLAG, SLOT_NONE, only_pop3, NULL},
	{"fastuidl", SHAPE_ONE, SLOT_NONE, only_pop3, NULL},
	{"tracepolls", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: the Received field names the section with received = yes", NULL},
	{"principal", SHAPE_ONE, SLOT_NONE, "not carried over: there is no Kerberos", NULL},
	{"esmtpname", SHAPE_ONE, SLOT_NONE,
	 "not carried over: there is no login at the destination; let it take mail from this host",
	 NULL},
	{"esmtppassword", SHAPE_ONE, SLOT_NONE,
	 "not carried over: there is no login at the destination", NULL},
	{"bad-header", SHAPE_ONE, SLOT_NONE,
	 "not needed: a message with a bad header is delivered like any other", NULL},
	{"badheader", SHAPE_ONE, SLOT_NONE,
	 "not needed: a message with a bad header is delivered like any other", NULL},
	{"retrieve-error", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"pass", SHAPE_ONE, SLOT_PASSWORD, NULL, NULL},
	{"password", SHAPE_ONE, SLOT_PASSWORD, NULL, NULL},
	{"folder", SHAPE_LIST, SLOT_FOLDER, NULL, NULL},
	{"smtphost", SHAPE_LIST, SLOT_SMTPHOST, NULL, NULL},
	{"smtp", SHAPE_LIST, SLOT_SMTPHOST, NULL, NULL},
	{"lmtp", SHAPE_FLAG, SLOT_LMTP, NULL, NULL},
	{"fetchdomains", SHAPE_LIST, SLOT_NONE, "not carried over: it is for ETRN and ODMR", NULL},
	{"smtpaddress", SHAPE_ONE, SLOT_SMTPADDRESS, NULL, NULL},
	{"smtpname", SHAPE_ONE, SLOT_SMTPNAME, NULL, NULL},
	{"antispam", SHAPE_LIST, SLOT_NONE,
	 "not carried over: what the destination refuses for good goes as on_refused says", NULL},
	{"spamresponse", SHAPE_LIST, SLOT_NONE,
	 "not carried over: what the destination refuses for good goes as on_refused says", NULL},
	{"mda", SHAPE_ONE, SLOT_MDA, NULL, NULL},
	{"bsmtp", SHAPE_ONE, SLOT_BSMTP, NULL, NULL},
	{"preconnect", SHAPE_ONE, SLOT_NONE, no_command, NULL},
	{"postconnect", SHAPE_ONE, SLOT_NONE, no_command, NULL},
	{"limit", SHAPE_ONE, SLOT_LIMIT, NULL, NULL},
	{"warnings", SHAPE_ONE, SLOT_NONE,
	 "not carried over: no mail is sent about messages over max_size; the log says it", NULL},
	{"batchlimit", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"fetchlimit", SHAPE_ONE, SLOT_FETCHLIMIT, NULL, NULL},
	{"fetchsizelimit", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"expunge", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"properties", SHAPE_ONE, SLOT_NONE, "not carried over: it is for scripts", NULL},
	{"ssl", SHAPE_FLAG, SLOT_SSL, NULL, NULL},
	{"sslproto", SHAPE_ONE, SLOT_SSLPROTO, NULL, NULL},
	{"sslcertck", SHAPE_FLAG, SLOT_NONE, NULL, verified},
	{"sslcertfile", SHAPE_ONE, SLOT_CERTFILE, NULL, NULL},
	{"sslcertpath", SHAPE_ONE, SLOT_NONE,
	 "not carried over: put the certificates of that directory into one file, and name it with "
	 "ca_file",
	 NULL},
	{"sslfingerprint", SHAPE_ONE, SLOT_NONE, by_pin, NULL},
	{"sslcommonname", SHAPE_ONE, SLOT_NONE,
	 "not carried over: set host to the name that the certificate has", NULL},
	{"sslcert", SHAPE_ONE, SLOT_NONE, "not carried over: there are no client certificates",
	 NULL},
	{"sslkey", SHAPE_ONE, SLOT_NONE, "not carried over: there are no client certificates",
	 NULL},
	{"keep", SHAPE_FLAG, SLOT_KEEP, NULL, NULL},
	{"flush", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: what was read elsewhere is never deleted unfetched; take = new fetches "
	 "it, and after = delete deletes it then",
	 NULL},
	{"limitflush", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: messages over max_size stay at the server", NULL},
	{"fetchall", SHAPE_FLAG, SLOT_FETCHALL, NULL, NULL},
	{"rewrite", SHAPE_FLAG, SLOT_NONE, bytes_stay, NULL},
	{"stripcr", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
	{"forcecr", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
	{"pass8bits", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
	{"dropstatus", SHAPE_FLAG, SLOT_NONE, bytes_stay, NULL},
	{"dropdelivered", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: Delivered-To stays, it is how mail loops are found", NULL},
	{"mimedecode", SHAPE_FLAG, SLOT_NONE, bytes_stay, NULL},
	{"idle", SHAPE_FLAG, SLOT_IDLE, NULL, NULL},
};

/* After `set`. */
static const struct keyword globals[] = {
	{"daemon", SHAPE_ONE, SLOT_INTERVAL, NULL, NULL},
	{"invisible", SHAPE_FLAG, SLOT_INVISIBLE, NULL, NULL},
	{"postmaster", SHAPE_ONE, SLOT_NONE,
	 "not carried over: mail without a known recipient stays at the server, with a line in the "
	 "log",
	 NULL},
	{"bouncemail", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: refused messages are kept, and nothing is sent to senders that may be "
	 "forged; set on_refused = bounce if you want it",
	 NULL},
	{"spambounce", SHAPE_FLAG, SLOT_NONE, "not carried over: see on_refused", NULL},
	{"softbounce", SHAPE_FLAG, SLOT_NONE, NULL,
	 "not carried over: what is refused for good is kept, unless on_refused says otherwise"},
	{"logfile", SHAPE_ONE, SLOT_NONE, "say 2>>FILE, or --log syslog", NULL},
	{"syslog", SHAPE_FLAG, SLOT_NONE, "say --log syslog on the command line", NULL},
	{"pidfile", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"idfile", SHAPE_ONE, SLOT_IDFILE, only_pop3_ids, NULL},
	{"properties", SHAPE_ONE, SLOT_NONE, "not carried over: it is for scripts", NULL},
	{"showdots", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
};

struct option {
	struct words words;
	bool set, no; /* no: "no KEYWORD" */
	int line;
};

struct options {
	struct option option[SLOT_COUNT];
};

struct reading {
	struct import_plan *plan;
	struct fetchmail_lexer lexer;
	struct options defaults, server, user;
	struct options *current;
	struct options global;
	char *host; /* the name after poll; NULL: not in a server */
	bool skipped, in_defaults, has_user;
	int line;	    /* of the poll, then of the user */
	char *remote;	    /* user name there */
	struct words local; /* names here */
};

/* Options ----------------------------------------------------------------------------------------
 */

static void options_release(struct options *options)
{
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		struct words *words = &options->option[i].words;

		for (size_t w = 0; w < words->count; w++)
			wipe(words->word[w], strlen(words->word[w])); /* one is a password */
		words_release(words);
	}
	*options = (struct options){0};
}

static void options_copy(struct options *to, const struct options *from)
{
	options_release(to);
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		to->option[i] = from->option[i];
		to->option[i].words = (struct words){0};
		words_copy(&to->option[i].words, &from->option[i].words);
	}
}

static void words_push(struct words *words, struct span word)
{
	words->word = xreallocarray(words->word, words->count + 1, sizeof(*words->word));
	words->word[words->count++] = xspandup(word);
}

static const char *option_text(const struct reading *reading, enum slot slot)
{
	const struct option *option = &reading->user.option[slot];

	return option->set && !option->no && option->words.count > 0 ? option->words.word[0] : NULL;
}

static bool option_on(const struct reading *reading, enum slot slot)
{
	return reading->user.option[slot].set && !reading->user.option[slot].no;
}

static int option_line(const struct reading *reading, enum slot slot)
{
	return reading->user.option[slot].set ? reading->user.option[slot].line : reading->line;
}

/* One user as a source ---------------------------------------------------------------------------
 */

static uint64_t number_of(const char *text)
{
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t number = 0;

	return scan_u64(&scan, INT64_MAX / 2, &number) && scanner_at_end(&scan) ? number : 0;
}

/* A number that may stand in our file; 0 means the default in both. */
static void set_number(struct reading *reading, struct import_source *source, enum slot slot,
		       enum import_key key, uint64_t max, const char *unit)
{
	const char *text = option_text(reading, slot);
	uint64_t number = text != NULL ? number_of(text) : 0;

	if (text == NULL || strcmp(text, "0") == 0)
		return;
	if (number == 0 || number > max)
		import_note(reading->plan, option_line(reading, slot),
			    "\"%s\" is not a number from 1 to %llu: left out", text,
			    (unsigned long long)max);
	else
		import_setf(source, key, "%llu%s", (unsigned long long)number, unit);
}

static void emit_server(struct reading *reading, struct import_source *source)
{
	const char *via = option_text(reading, SLOT_VIA), *port = option_text(reading, SLOT_PORT);
	const char *proto = option_text(reading, SLOT_SSLPROTO);
	const char *file = option_text(reading, SLOT_CERTFILE);
	bool implicit = option_on(reading, SLOT_SSL) ||
			(port != NULL && (strcmp(port, "993") == 0 || strcmp(port, "imaps") == 0));

	import_set(source, IMPORT_HOST, via != NULL ? via : reading->host);
	if (port != NULL && strcmp(port, "imaps") != 0 && strcmp(port, "imap") != 0 &&
	    strcmp(port, implicit ? "993" : "143") != 0)
		set_number(reading, source, SLOT_PORT, IMPORT_PORT, 65535, "");
	if (!implicit) {
		import_set(source, IMPORT_TLS, "starttls");
		import_note(reading->plan, reading->line,
			    "without ssl fetchmail goes on in clear when the server has no "
			    "STARTTLS; mailoauth-fetch does not: leave out tls and port if the "
			    "server has port 993");
	}
	if (proto != NULL)
		import_note(reading->plan, option_line(reading, SLOT_SSLPROTO),
			    "sslproto: not carried over: TLS 1.2 or later is always used");
	if (file != NULL) {
		char *path = import_path(reading->plan, file, "sslcertfile",
					 option_line(reading, SLOT_CERTFILE));

		import_set(source, IMPORT_CA_FILE, path);
		free(path);
	}
	set_number(reading, source, SLOT_TIMEOUT, IMPORT_TIMEOUT, 3600, "");
}

static void emit_login(struct reading *reading, struct import_source *source)
{
	const char *auth = option_text(reading, SLOT_AUTH);
	const char *password = option_text(reading, SLOT_PASSWORD);
	static const char *const passwords[] = {"any", "password", "cram-md5", "login", "plain"};

	source->user = xstrdup(reading->remote);
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
		import_note(reading->plan, option_line(reading, SLOT_AUTH),
			    "auth %s: not carried over: there are passwords and OAuth", auth);
}

static void emit_folders(struct reading *reading, struct import_source *source)
{
	const struct option *option = &reading->user.option[SLOT_FOLDER];

	for (size_t i = 0; i < option->words.count; i++)
		(void)import_folder(reading->plan, source, option->words.word[i], true,
				    option->line);
	if (option_on(reading, SLOT_IDLE) && option->words.count > 1)
		import_note(reading->plan, option_line(reading, SLOT_IDLE),
			    "idle: all folders are watched, not only the first");
}

/* keep leaves \Seen as the mark of what was fetched, and without fetchall nothing else is taken. */
static void emit_taking(struct reading *reading, struct import_source *source)
{
	bool keeps = option_on(reading, SLOT_KEEP), all = option_on(reading, SLOT_FETCHALL);

	import_set(source, IMPORT_AFTER, keeps ? "seen" : "delete");
	if (!all)
		import_set(source, IMPORT_TAKE, "unseen");
	if (keeps && all)
		import_note(reading->plan, option_line(reading, SLOT_FETCHALL),
			    "fetchall with keep: each message is fetched once, not in every run");
	set_number(reading, source, SLOT_LIMIT, IMPORT_MAX_SIZE, INT64_MAX / 2, "");
	set_number(reading, source, SLOT_FETCHLIMIT, IMPORT_MAX_MESSAGES, 4294967295u, "");
}

static void emit_watching(struct reading *reading, struct import_source *source)
{
	const struct option *daemon = &reading->global.option[SLOT_INTERVAL];
	uint64_t seconds = daemon->words.count > 0 ? number_of(daemon->words.word[0]) : 0;
	const char *cycles = option_text(reading, SLOT_INTERVAL);
	uint64_t times = cycles != NULL ? number_of(cycles) : 0;

	if (option_on(reading, SLOT_IDLE))
		import_set(source, IMPORT_WATCH, "idle");
	times = times == 0 || times > 10000 ? 1 : times;
	if (seconds > 0 && seconds <= 86400)
		import_setf(source, IMPORT_INTERVAL, "%llus",
			    (unsigned long long)(seconds * times));
	else if (cycles != NULL)
		import_note(reading->plan, option_line(reading, SLOT_INTERVAL),
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

static void emit_mda(struct reading *reading, struct import_source *source, const char *mda)
{
	int line = option_line(reading, SLOT_MDA);
	char *command = import_command(reading->plan, mda, true, "mda", line);
	char *meant = command != NULL ? mda_placeholders(command) : NULL;

	if (meant != NULL)
		import_setf(source, IMPORT_DELIVER, "mda:%s", meant);
	free(meant);
	free(command);
}

/* HOST, HOST/PORT, or a socket's path. */
static void emit_listener(struct reading *reading, struct import_source *source)
{
	const struct option *hosts = &reading->user.option[SLOT_SMTPHOST];
	const char *host = hosts->words.count > 0 ? hosts->words.word[0] : "localhost";
	bool lmtp = option_on(reading, SLOT_LMTP);
	size_t len = strcspn(host, "/");

	if (hosts->words.count > 1)
		import_note(reading->plan, hosts->line,
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

static void emit_destination(struct reading *reading, struct import_source *source)
{
	const char *mda = option_text(reading, SLOT_MDA);
	const struct option *global = &reading->global.option[SLOT_INVISIBLE];

	if (option_on(reading, SLOT_BSMTP))
		import_note(reading->plan, option_line(reading, SLOT_BSMTP),
			    "bsmtp: not carried over: deliver by smtp: or lmtp:");
	if (mda != NULL)
		emit_mda(reading, source, mda);
	else
		emit_listener(reading, source);
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

static void emit_multidrop(struct reading *reading, struct import_source *source)
{
	const char *header = option_text(reading, SLOT_ENVELOPE);

	if (header != NULL && strcasecmp(header, "Received") == 0)
		header = NULL;
	import_set(source, IMPORT_RECIPIENT_HEADER, header != NULL ? header : "Delivered-To");
	if (header == NULL)
		import_note(
			reading->plan, reading->line,
			"several local names without envelope: fetchmail guesses from Received, "
			"mailoauth-fetch does not; Delivered-To is set, see which header of "
			"your mail has the recipient");
	import_set(source, IMPORT_RECIPIENT_STRIP, option_text(reading, SLOT_QVIRTUAL));
	join(source, IMPORT_RECIPIENT_DOMAINS, &reading->user.option[SLOT_LOCALDOMAINS].words);
	for (size_t i = 0; i < reading->local.count; i++) {
		if (strcmp(reading->local.word[i], "*") != 0)
			import_note(reading->plan, reading->line,
				    "is %s: the recipient of the header is used; let the MTA's "
				    "aliases turn it into a local name",
				    reading->local.word[i]);
	}
}

static void emit_recipient(struct reading *reading, struct import_source *source)
{
	const char *name = option_text(reading, SLOT_SMTPNAME);
	const char *domain = option_text(reading, SLOT_SMTPADDRESS);
	const char *local = reading->local.count > 0 ? reading->local.word[0] : reading->remote;

	if (name == NULL && is_multidrop(&reading->local)) {
		emit_multidrop(reading, source);
		return;
	}
	if (name == NULL && reading->local.count == 0)
		import_note(reading->plan, reading->line,
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
static void emit_memory(struct reading *reading, struct import_source *source)
{
	if (source->value[IMPORT_FOLDER] != NULL || reading->remote == NULL)
		return;
	import_remember(source, "INBOX", "", reading->line);
	source->memories[0].who = xasprintf("%s@%s", reading->remote, reading->host);
}

/* Whether this user's mail can be fetched by IMAP; else says so. */
static bool can_be_fetched(struct reading *reading)
{
	const char *protocol = option_text(reading, SLOT_PROTOCOL);

	if (reading->skipped) {
		import_note(reading->plan, reading->line,
			    "skip %s: no section; write poll to have one", reading->host);
		return false;
	}
	if (protocol == NULL || strcasecmp(protocol, "auto") == 0)
		import_note(reading->plan, reading->line, "%s: no protocol is set: taken for IMAP",
			    reading->host);
	else if (strncasecmp(protocol, "imap", 4) != 0) {
		import_note(reading->plan, option_line(reading, SLOT_PROTOCOL),
			    "proto %s: mailoauth-fetch speaks IMAP only: no section for %s; most "
			    "servers have IMAP too: write proto imap and try again (and "
			    "--take-state, if the server is Dovecot)",
			    protocol, reading->host);
		return false;
	}
	return true;
}

static void end_user(struct reading *reading)
{
	struct import_source *source;

	if (reading->host == NULL || reading->in_defaults)
		return;
	if (can_be_fetched(reading)) {
		source = import_source_add(
			reading->plan, reading->remote != NULL ? reading->remote : reading->host,
			reading->line);
		emit_server(reading, source);
		emit_login(reading, source);
		emit_folders(reading, source);
		emit_taking(reading, source);
		emit_destination(reading, source);
		emit_recipient(reading, source);
		emit_watching(reading, source);
		emit_memory(reading, source);
		import_login_decide(reading->plan, source);
	}
}

/* Grammar ----------------------------------------------------------------------------------------
 */

static bool at_word(const struct reading *reading, const char *word)
{
	return reading->lexer.token == FETCHMAIL_WORD &&
	       span_equals(buffer_span(&reading->lexer.text), word);
}

static const struct keyword *find_keyword(const struct keyword *table, size_t count,
					  struct span word)
{
	for (size_t i = 0; i < count; i++) {
		if (span_equals(word, table[i].name))
			return &table[i];
	}
	return NULL;
}

static const char *const structure[] = {
	"poll", "server", "skip", "defaults", "set",  "user", "username", "is",	     "to",
	"here", "there",  "no",	  "and",      "with", "has",  "wants",	  "options",
};

/* "nokeep" is "no keep". */
static struct span without_no(struct span word)
{
	if (word.len > 2 && memcmp(word.ptr, "no", 2) == 0)
		return (struct span){word.ptr + 2, word.len - 2};
	return word;
}

static bool at_keyword(const struct reading *reading)
{
	struct span word = buffer_span(&reading->lexer.text);
	size_t count = sizeof(keywords) / sizeof(keywords[0]);

	if (reading->lexer.token != FETCHMAIL_WORD)
		return false;
	for (size_t i = 0; i < sizeof(structure) / sizeof(structure[0]); i++) {
		if (span_equals(word, structure[i]))
			return true;
	}
	return find_keyword(keywords, count, word) != NULL ||
	       find_keyword(keywords, count, without_no(word)) != NULL;
}

static bool at_value(const struct reading *reading)
{
	return reading->lexer.token == FETCHMAIL_STRING ||
	       (reading->lexer.token == FETCHMAIL_WORD && !at_keyword(reading));
}

static void fail(struct reading *reading, const char *wanted)
{
	const struct fetchmail_lexer *lexer = &reading->lexer;

	/* What stands here may be a password that was not quoted. */
	if (lexer->token == FETCHMAIL_BAD)
		import_problem(reading->plan, lexer->token_line, "%s", buffer_cstr(&lexer->text));
	else
		import_problem(reading->plan, lexer->token_line, "%s is missing here", wanted);
}

/* A keyword may be a value where one must follow: `pass keep`. */
static bool take_value(struct reading *reading, struct words *words, const char *wanted)
{
	if (reading->lexer.token != FETCHMAIL_STRING && reading->lexer.token != FETCHMAIL_WORD) {
		fail(reading, wanted);
		return false;
	}
	words_push(words, buffer_span(&reading->lexer.text));
	fetchmail_lexer_next(&reading->lexer);
	return true;
}

static void take_argument(struct reading *reading, const struct keyword *keyword,
			  struct option *option)
{
	if (keyword->shape == SHAPE_FLAG || option->no)
		return;
	if (reading->lexer.token == FETCHMAIL_EQUALS)
		fetchmail_lexer_next(&reading->lexer);
	if (keyword->shape == SHAPE_ENVELOPE && reading->lexer.token == FETCHMAIL_WORD &&
	    number_of(buffer_cstr(&reading->lexer.text)) > 0) {
		import_note(reading->plan, reading->lexer.token_line,
			    "envelope %s: fields cannot be passed over; the first of that name "
			    "counts",
			    buffer_cstr(&reading->lexer.text));
		fetchmail_lexer_next(&reading->lexer);
	}
	if (!take_value(reading, &option->words, keyword->name))
		return;
	while (keyword->shape == SHAPE_LIST && at_value(reading))
		(void)take_value(reading, &option->words, keyword->name);
}

static void take_option(struct reading *reading, const struct keyword *keyword, bool no, int line,
			struct options *into)
{
	struct option option = {.set = true, .no = no, .line = line};
	const char *note = no ? keyword->no_note : keyword->note;

	fetchmail_lexer_next(&reading->lexer);
	take_argument(reading, keyword, &option);
	if (note != NULL)
		import_note(reading->plan, line, "%s%s: %s", no ? "no " : "", keyword->name, note);
	for (size_t i = 0; i < into->option[keyword->slot].words.count; i++)
		wipe(into->option[keyword->slot].words.word[i],
		     strlen(into->option[keyword->slot].words.word[i]));
	words_release(&into->option[keyword->slot].words);
	into->option[keyword->slot] = option;
}

/* `set X`, `set no X`, `set X = Y`. */
static void take_global(struct reading *reading)
{
	size_t count = sizeof(globals) / sizeof(globals[0]);
	int line = reading->lexer.token_line;
	struct span word;
	bool no = false;

	fetchmail_lexer_next(&reading->lexer);
	if (at_word(reading, "no")) {
		no = true;
		fetchmail_lexer_next(&reading->lexer);
	}
	word = buffer_span(&reading->lexer.text);
	if (find_keyword(globals, count, word) == NULL) {
		no = no || without_no(word).len < word.len;
		word = without_no(word);
	}
	if (reading->lexer.token != FETCHMAIL_WORD || find_keyword(globals, count, word) == NULL) {
		fail(reading, "what to set");
		fetchmail_lexer_next(&reading->lexer);
		return;
	}
	take_option(reading, find_keyword(globals, count, word), no, line, &reading->global);
}

static void begin_server(struct reading *reading, bool defaults)
{
	end_user(reading);
	reading->skipped = at_word(reading, "skip");
	reading->line = reading->lexer.token_line;
	fetchmail_lexer_next(&reading->lexer);
	free(reading->host);
	reading->host = NULL;
	free(reading->remote);
	reading->remote = NULL;
	words_release(&reading->local);
	reading->in_defaults = defaults;
	reading->has_user = false;
	reading->current = defaults ? &reading->defaults : &reading->user;
	if (defaults)
		return;
	options_copy(&reading->user, &reading->defaults);
	if (reading->lexer.token != FETCHMAIL_WORD && reading->lexer.token != FETCHMAIL_STRING) {
		fail(reading, "the server's name");
		return;
	}
	reading->host = xstrdup(buffer_cstr(&reading->lexer.text));
	fetchmail_lexer_next(&reading->lexer);
}

/* NAME, or NAME=NAME, as one word. */
static bool take_name(struct reading *reading, struct words *names)
{
	struct buffer name = BUFFER_INIT(3 * FETCHMAIL_TOKEN_MAX);
	bool good = true;

	(void)buffer_append_span(&name, buffer_span(&reading->lexer.text));
	fetchmail_lexer_next(&reading->lexer);
	if (reading->lexer.token == FETCHMAIL_EQUALS) {
		fetchmail_lexer_next(&reading->lexer);
		good = at_value(reading);
		(void)buffer_printf(&name, "=%s", buffer_cstr(&reading->lexer.text));
		if (good)
			fetchmail_lexer_next(&reading->lexer);
		else
			fail(reading, "a name after =");
	}
	words_push(names, buffer_span(&name));
	buffer_release(&name);
	return good;
}

static void set_remote(struct reading *reading, const char *name)
{
	free(reading->remote);
	reading->remote = xstrdup(name);
}

/* `is NAMES`, `to NAMES`: here, unless `there` follows. */
static void take_names(struct reading *reading)
{
	struct words names = {0};

	fetchmail_lexer_next(&reading->lexer);
	if (!at_value(reading))
		fail(reading, "a name");
	while (at_value(reading) && take_name(reading, &names))
		continue;
	if (at_word(reading, "there")) {
		fetchmail_lexer_next(&reading->lexer);
		if (names.count > 0)
			set_remote(reading, names.word[0]);
	} else {
		if (at_word(reading, "here"))
			fetchmail_lexer_next(&reading->lexer);
		for (size_t i = 0; i < names.count; i++)
			words_push(&reading->local, span_from_str(names.word[i]));
	}
	words_release(&names);
}

static void begin_user(struct reading *reading)
{
	int line = reading->lexer.token_line;
	struct words name = {0};

	if (reading->current == NULL)
		import_problem(reading->plan, line, "user stands before poll");
	if (reading->has_user) {
		end_user(reading);
		options_copy(&reading->user, &reading->server);
	} else if (!reading->in_defaults) {
		options_copy(&reading->server, &reading->user);
	}
	reading->has_user = true;
	reading->line = line;
	words_release(&reading->local);
	set_remote(reading, NULL);
	fetchmail_lexer_next(&reading->lexer);
	if (!take_value(reading, &name, "the user's name"))
		return;
	if (at_word(reading, "here")) {
		words_push(&reading->local, span_from_str(name.word[0]));
		fetchmail_lexer_next(&reading->lexer);
	} else {
		set_remote(reading, name.word[0]);
		if (at_word(reading, "there"))
			fetchmail_lexer_next(&reading->lexer);
	}
	words_release(&name);
}

static void take_any_option(struct reading *reading)
{
	size_t count = sizeof(keywords) / sizeof(keywords[0]);
	int line = reading->lexer.token_line;
	bool no = at_word(reading, "no");
	const struct keyword *keyword;
	struct span word;

	if (no)
		fetchmail_lexer_next(&reading->lexer);
	word = buffer_span(&reading->lexer.text);
	keyword = find_keyword(keywords, count, word);
	if (keyword == NULL) {
		keyword = find_keyword(keywords, count, without_no(word));
		no = no || keyword != NULL;
	}
	if (reading->lexer.token != FETCHMAIL_WORD || keyword == NULL) {
		/* Not the word itself: it may be part of a password with blanks. */
		import_problem(reading->plan, line, "a word that fetchmail does not know");
		fetchmail_lexer_next(&reading->lexer);
	} else if (reading->current == NULL) {
		import_problem(reading->plan, line, "%s stands before poll", keyword->name);
		fetchmail_lexer_next(&reading->lexer);
	} else {
		take_option(reading, keyword, no, line, reading->current);
	}
}

static bool at_noise(const struct reading *reading)
{
	static const char *const noise[] = {"and",     "with", "has",  "wants",
					    "options", "here", "there"};

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		if (at_word(reading, noise[i]))
			return true;
	}
	return false;
}

static void take_statement(struct reading *reading)
{
	if (at_word(reading, "poll") || at_word(reading, "server") || at_word(reading, "skip"))
		begin_server(reading, false);
	else if (at_word(reading, "defaults"))
		begin_server(reading, true);
	else if (at_word(reading, "set"))
		take_global(reading);
	else if (at_word(reading, "user") || at_word(reading, "username"))
		begin_user(reading);
	else if (at_word(reading, "is") || at_word(reading, "to"))
		take_names(reading);
	else if (at_noise(reading))
		fetchmail_lexer_next(&reading->lexer);
	else
		take_any_option(reading);
}

/* `set daemon` may stand behind the servers. */
static void add_interval(const struct reading *reading, struct import_source *source)
{
	const struct option *daemon = &reading->global.option[SLOT_INTERVAL];
	uint64_t seconds = daemon->words.count > 0 ? number_of(daemon->words.word[0]) : 0;

	if (source->value[IMPORT_INTERVAL] == NULL && seconds > 0 && seconds <= 86400)
		import_setf(source, IMPORT_INTERVAL, "%llus", (unsigned long long)seconds);
}

static void name_memory(const struct reading *reading, struct import_source *source)
{
	const struct option *idfile = &reading->global.option[SLOT_IDFILE];
	const char *path = idfile->words.count > 0 ? idfile->words.word[0] : "~/.fetchids";

	if (!idfile->set && reading->plan->home == NULL)
		return;
	for (size_t i = 0; i < source->memory_count; i++) {
		char *whole = import_path(reading->plan, path, "idfile", idfile->line);

		free(source->memories[i].path);
		source->memories[i].path = whole != NULL ? whole : xstrdup("");
	}
}

static void fetchmail_read(struct span text, struct import_plan *plan)
{
	struct reading reading = {.plan = plan};

	fetchmail_lexer_init(&reading.lexer, text);
	while (reading.lexer.token != FETCHMAIL_END && reading.lexer.token != FETCHMAIL_BAD)
		take_statement(&reading);
	if (reading.lexer.token == FETCHMAIL_BAD && plan->problems.count == 0)
		fail(&reading, "");
	end_user(&reading);
	for (size_t i = 0; i < plan->count; i++) {
		add_interval(&reading, plan->sources[i]);
		name_memory(&reading, plan->sources[i]);
	}
	options_release(&reading.defaults);
	options_release(&reading.server);
	options_release(&reading.user);
	options_release(&reading.global);
	words_release(&reading.local);
	free(reading.host);
	free(reading.remote);
	fetchmail_lexer_release(&reading.lexer);
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
