/* SPDX-License-Identifier: MIT */
/*
 * import-mbsync.c - .mbsyncrc (mbsync(1), isync 1.4 with the names of earlier versions), and the
 * sync state from which a pull goes on.
 *
 * A channel with IMAP on the far side and a Maildir on the near side is a source; only pulling can
 * be expressed. Sections end at an empty line.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/import/import-plan.h"

#include "common/banned.h"

#define WORDS_MAX    256
#define SECTIONS_MAX 3000
#define WORD_MAX     8192

enum kind { KIND_GLOBAL, KIND_ACCOUNT, KIND_IMAP, KIND_MAILDIR, KIND_CHANNEL, KIND_GROUP };

/* A keyword's arguments, and where it stands. */
struct setting {
	char *keyword;
	struct words words;
	int line;
};

struct section {
	enum kind kind;
	char *name;
	int line;
	struct setting *settings;
	size_t count;
};

struct reading {
	struct import_plan *plan;
	struct section *sections; /* the first is global */
	size_t count;
	bool in_section;
};

/* Lines ------------------------------------------------------------------------------------------
 */

/* One argument, in quotes or not. False: there is none, or it has no end. */
static bool take_word(struct scanner *scan, struct buffer *word)
{
	bool quoted = false;
	const char *began;

	while (scan->cur < scan->end && isspace((unsigned char)*scan->cur))
		scan->cur++;
	if (scan->cur == scan->end)
		return false;
	began = scan->cur;
	buffer_clear(word);
	while (scan->cur < scan->end && (quoted || !isspace((unsigned char)*scan->cur))) {
		if (*scan->cur == '"') {
			quoted = !quoted;
			scan->cur++;
			continue;
		}
		if (*scan->cur == '\\' && scan->cur + 1 < scan->end)
			scan->cur++;
		(void)buffer_append_byte(word, *scan->cur++);
	}
	if (quoted || !buffer_ok(word))
		scan->cur = began;
	return scan->cur > began;
}

static bool take_words(struct reading *reading, struct span text, int line, struct words *out)
{
	struct scanner scan = scanner_over(text);
	struct buffer word = BUFFER_INIT_SECRET(WORD_MAX);

	while (out->count < WORDS_MAX && take_word(&scan, &word))
		words_push(out, buffer_span(&word));
	buffer_release(&word);
	if (!scanner_at_end(&scan) || !buffer_ok(&word) || out->count == 0)
		import_problem(reading->plan, line,
			       "a quote without its end, a word that is too long, or too many");
	return scanner_at_end(&scan) && out->count > 0;
}

struct head {
	const char *keyword;
	enum kind kind;
};

static const struct head heads[] = {
	{"IMAPAccount", KIND_ACCOUNT}, {"IMAPStore", KIND_IMAP}, {"MaildirStore", KIND_MAILDIR},
	{"Channel", KIND_CHANNEL},     {"Group", KIND_GROUP},
};

static void add_section(struct reading *reading, enum kind kind, const char *name, int line)
{
	if (reading->count == SECTIONS_MAX) {
		import_problem(reading->plan, line, "more than %d sections", SECTIONS_MAX);
		return;
	}
	reading->sections =
		xreallocarray(reading->sections, reading->count + 1, sizeof(*reading->sections));
	reading->sections[reading->count++] =
		(struct section){.kind = kind, .name = xstrdup(name), .line = line};
	reading->in_section = kind != KIND_GLOBAL;
}

/* Takes words. */
static void add_setting(struct reading *reading, struct words *words, int line)
{
	struct section *section = &reading->sections[reading->in_section ? reading->count - 1 : 0];
	struct setting *setting;

	section->settings =
		xreallocarray(section->settings, section->count + 1, sizeof(*section->settings));
	setting = &section->settings[section->count++];
	*setting = (struct setting){.keyword = words->word[0], .words = *words, .line = line};
	memmove(words->word, words->word + 1, (words->count - 1) * sizeof(*words->word));
	setting->words.count--;
	*words = (struct words){0};
}

static void read_words(struct reading *reading, struct words *words, int line)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		/* Inside a group, Channel names a member. */
		if (strcasecmp(heads[i].keyword, words->word[0]) != 0 ||
		    (reading->in_section && heads[i].kind == KIND_CHANNEL &&
		     reading->sections[reading->count - 1].kind == KIND_GROUP))
			continue;
		if (words->count < 2)
			import_problem(reading->plan, line, "%s lacks a name", heads[i].keyword);
		else
			add_section(reading, heads[i].kind, words->word[1], line);
		return;
	}
	if (words->count < 2)
		import_problem(reading->plan, line, "%s has no value", words->word[0]);
	else
		add_setting(reading, words, line);
}

static void read_line(struct reading *reading, struct span line, int number)
{
	struct words words = {0};
	size_t blank = 0;

	while (blank < line.len && isspace((unsigned char)line.ptr[blank]))
		blank++;
	if (blank == line.len)
		reading->in_section = false;
	else if (line.ptr[blank] == '#')
		return;
	else if (memchr(line.ptr, '\0', line.len) != NULL)
		import_problem(reading->plan, number, "holds a NUL byte");
	else if (take_words(reading, line, number, &words))
		read_words(reading, &words, number);
	words_release(&words);
}

static void read_lines(struct reading *reading, struct span text)
{
	add_section(reading, KIND_GLOBAL, "", 1);
	for (int line = 1; text.len > 0; line++) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		read_line(reading, (struct span){text.ptr, len}, line);
		len += end != NULL;
		text.ptr += len;
		text.len -= len;
	}
}

/* Asking -----------------------------------------------------------------------------------------
 */

static const struct section *find(const struct reading *reading, enum kind kind, const char *name)
{
	for (size_t i = 0; i < reading->count; i++) {
		if (reading->sections[i].kind == kind &&
		    strcmp(reading->sections[i].name, name) == 0)
			return &reading->sections[i];
	}
	return NULL;
}

static const struct setting *setting_of(const struct section *section, const char *keyword)
{
	for (size_t i = 0; section != NULL && i < section->count; i++) {
		if (strcasecmp(section->settings[i].keyword, keyword) == 0)
			return &section->settings[i];
	}
	return NULL;
}

static const char *text_of(const struct section *section, const char *keyword)
{
	const struct setting *setting = setting_of(section, keyword);

	return setting != NULL ? setting->words.word[0] : NULL;
}

static int line_of(const struct section *section, const char *keyword)
{
	const struct setting *setting = setting_of(section, keyword);

	return setting != NULL ? setting->line : section->line;
}

/* A channel's, or the global one. */
static const struct setting *channel_setting(const struct reading *reading,
					     const struct section *channel, const char *keyword)
{
	const struct setting *own = setting_of(channel, keyword);

	return own != NULL ? own : setting_of(&reading->sections[0], keyword);
}

static bool is_yes(const char *text)
{
	return text != NULL && (strcasecmp(text, "yes") == 0 || strcasecmp(text, "true") == 0 ||
				strcasecmp(text, "on") == 0 || strcmp(text, "1") == 0);
}

/* Account ----------------------------------------------------------------------------------------
 */

static void read_tls(struct reading *reading, const struct section *account,
		     struct import_source *source)
{
	const char *type = text_of(account, "SSLType");
	const char *port = text_of(account, "Port");
	bool implicit = type != NULL && strcasecmp(type, "IMAPS") == 0;

	if (is_yes(text_of(account, "UseIMAPS")))
		implicit = true;
	if (type != NULL && strcasecmp(type, "None") == 0)
		import_note(reading->plan, line_of(account, "SSLType"),
			    "SSLType None: not carried over: connections are always encrypted, "
			    "here by STARTTLS");
	if (!implicit)
		import_set(source, IMPORT_TLS, "starttls");
	if (port != NULL && strcmp(port, implicit ? "993" : "143") != 0)
		import_set(source, IMPORT_PORT, port);
}

static void read_host(struct reading *reading, const struct section *account,
		      struct import_source *source)
{
	const char *host = text_of(account, "Host"), *ca = text_of(account, "CertificateFile");
	const char *timeout = text_of(account, "Timeout");

	if (host != NULL && strncasecmp(host, "imaps:", 6) == 0)
		host += 6;
	if (host == NULL && account != NULL)
		import_problem(reading->plan, account->line, "IMAPAccount %s has no Host",
			       account->name);
	import_set(source, IMPORT_HOST, host);
	read_tls(reading, account, source);
	if (ca != NULL) {
		char *path = import_path(reading->plan, ca, "CertificateFile",
					 line_of(account, "CertificateFile"));

		import_set(source, IMPORT_CA_FILE, path);
		free(path);
		import_note(reading->plan, line_of(account, "CertificateFile"),
			    "CertificateFile: ca_file is in place of the system's authorities, not "
			    "beside them; for a server's own certificate use tls_pin");
	}
	if (timeout != NULL && strcmp(timeout, "0") != 0)
		import_set(source, IMPORT_TIMEOUT, timeout);
}

static void read_login(struct reading *reading, const struct section *account,
		       struct import_source *source)
{
	const struct setting *mechanisms = setting_of(account, "AuthMechs");
	const struct setting *command = setting_of(account, "PassCmd");
	const char *password = text_of(account, "Pass");

	source->user = xstrdup(text_of(account, "User"));
	if (password != NULL)
		(void)buffer_append_str(&source->password, password);
	for (size_t i = 0; mechanisms != NULL && i < mechanisms->words.count; i++) {
		if (strcasecmp(mechanisms->words.word[i], "XOAUTH2") == 0 ||
		    strcasecmp(mechanisms->words.word[i], "OAUTHBEARER") == 0)
			source->oauth = true;
	}
	if (command != NULL && source->oauth) {
		import_note(reading->plan, command->line,
			    "PassCmd: not needed: tokens come from mailoauthd");
	} else if (command != NULL) {
		const char *text = command->words.word[0];
		char *line = import_command(reading->plan, text + (text[0] == '+'), false,
					    "PassCmd", command->line);

		import_set(source, IMPORT_PASSWORD_COMMAND, line);
		free(line);
	}
}

/* Channel ----------------------------------------------------------------------------------------
 */

/* ":store:box" in its two parts; box is "" when there is none. False: no such form. */
static bool split_place(const char *text, char **store, const char **box)
{
	size_t len;

	if (text == NULL || text[0] != ':')
		return false;
	len = strcspn(text + 1, ":");
	if (text[1 + len] != ':')
		return false;
	*store = xspandup((struct span){text + 1, len});
	*box = text + len + 2;
	return true;
}

/* Far, which was Master until 1.4; Near, which was Slave. */
static const struct setting *side(const struct section *channel, const char *name, const char *old)
{
	const struct setting *setting = setting_of(channel, name);

	return setting != NULL ? setting : setting_of(channel, old);
}

static bool is_pattern(const char *name)
{
	return name[0] == '!' || strpbrk(name, "*%") != NULL;
}

struct channel {
	const struct section *section, *imap, *maildir;
	const char *far_box, *near_box;
	struct words patterns;
	int patterns_line;
};

/* mbsync joins Path and a folder's name; the folder alone has no pattern. */
static void add_folder(struct reading *reading, struct import_source *source,
		       const struct channel *channel, const char *name)
{
	const char *path = text_of(channel->imap, "Path");
	bool inbox = strcasecmp(name, "INBOX") == 0;
	const char *prefix = channel->patterns.count > 0 ? channel->far_box : "";
	char *whole =
		xasprintf("%s%s%s%s", name[0] == '!' ? "!" : "", path != NULL && !inbox ? path : "",
			  inbox ? "" : prefix, name + (name[0] == '!'));

	if (!is_pattern(name))
		(void)import_folder(reading->plan, source, whole, true, channel->patterns_line);
	else if (strchr(whole, ',') != NULL)
		import_note(reading->plan, channel->patterns_line,
			    "pattern \"%s\": a comma parts folders in mailoauth.conf: left out",
			    name);
	else if (source->value[IMPORT_FOLDER] == NULL)
		import_set(source, IMPORT_FOLDER, whole);
	else
		import_setf(source, IMPORT_FOLDER, "%s, %s", source->value[IMPORT_FOLDER], whole);
	free(whole);
}

static bool path_is_directory(const char *path)
{
	return path[0] != '\0' && path[strlen(path) - 1] == '/';
}

/* Where the near side keeps a folder. NULL: it cannot be said (noted, unless quiet). */
static char *near_path(struct reading *reading, const struct channel *channel, const char *folder)
{
	bool inbox = folder[0] == '\0' || strcasecmp(folder, "INBOX") == 0;
	const char *text = text_of(channel->maildir, inbox ? "Inbox" : "Path");
	const char *style = text_of(channel->maildir, "SubFolders");
	bool plusplus = style != NULL && strcasecmp(style, "Maildir++") == 0;
	char *path, *whole;
	size_t len;

	if (plusplus && !inbox)
		text = text_of(channel->maildir, "Inbox");
	if (text == NULL)
		text = inbox || plusplus ? "~/Maildir" : "";
	path = import_path(reading->plan, text, inbox || plusplus ? "Inbox" : "Path",
			   channel->maildir->line);
	if (path == NULL)
		return NULL;
	if (inbox) {
		for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
			path[len - 1] = '\0';
		return path;
	}
	whole = xasprintf("%s%s%s%s", path, plusplus && !path_is_directory(path) ? "/" : "",
			  plusplus ? "." : "", folder);
	for (char *byte = plusplus ? whole + strlen(whole) - strlen(folder) : whole;
	     plusplus && *byte != '\0'; byte++) {
		if (*byte == '/')
			*byte = '.';
	}
	free(path);
	return whole;
}

/* The state of a folder: beside the Maildir, or in a directory, by names that mbsync makes. */
static char *state_box(const char *name)
{
	char *box = xstrdup(name[0] != '\0' ? name : "INBOX");

	for (char *byte = box; *byte != '\0'; byte++) {
		if (*byte == '/')
			*byte = '!';
	}
	return box;
}

static void remember(struct reading *reading, struct import_source *source,
		     const struct channel *channel, const char *near_name, const char *maildir)
{
	const char *far_name = channel->patterns.count > 0 ? near_name : channel->far_box;
	const struct setting *own = setting_of(channel->section, "SyncState");
	const struct setting *global = setting_of(&reading->sections[0], "SyncState");
	const struct setting *state = own != NULL ? own : global;
	char *path = NULL;

	if (state != NULL && strcmp(state->words.word[0], "*") == 0) {
		path = xasprintf("%s/.mbsyncstate", maildir);
	} else {
		char *far_box = state_box(far_name), *near_box = state_box(near_name);
		char *base = import_path(reading->plan,
					 state != NULL ? state->words.word[0] : "~/.mbsync/",
					 "SyncState", channel->section->line);

		if (base != NULL && own != NULL)
			path = xasprintf("%s%s", base, near_box);
		else if (base != NULL)
			path = xasprintf("%s:%s:%s_:%s:%s", base, channel->imap->name, far_box,
					 channel->maildir->name, near_box);
		free(base);
		free(far_box);
		free(near_box);
	}
	if (path != NULL)
		import_remember(source, source->value[IMPORT_FOLDER], path, channel->section->line);
	free(path);
}

static void read_sync(struct reading *reading, const struct channel *channel,
		      struct import_source *source)
{
	const struct setting *sync = channel_setting(reading, channel->section, "Sync");
	const struct setting *expunge = channel_setting(reading, channel->section, "Expunge");
	bool pushes = sync == NULL, pulls = sync == NULL, named = false;

	for (size_t i = 0; sync != NULL && i < sync->words.count; i++) {
		const char *word = sync->words.word[i];

		pushes =
			pushes || strncasecmp(word, "Push", 4) == 0 || strcasecmp(word, "All") == 0;
		pulls = pulls || strncasecmp(word, "Pull", 4) == 0 || strcasecmp(word, "All") == 0;
		named = named || strcasecmp(word, "None") == 0;
	}
	if (!pulls && !pushes && !named) /* types alone: in both directions */
		pulls = pushes = true;
	if (pushes)
		import_note(reading->plan, sync != NULL ? sync->line : channel->section->line,
			    "channel %s pushes: not carried over: mail is fetched, and nothing "
			    "that is done to it here goes back to the server; keep mbsync for that",
			    channel->section->name);
	else if (!pulls)
		import_note(reading->plan, sync->line,
			    "channel %s does not pull: delete the "
			    "section if nothing is to be fetched",
			    channel->section->name);
	if (expunge != NULL && strcasecmp(expunge->words.word[0], "None") != 0)
		import_note(reading->plan, expunge->line,
			    "Expunge: not carried over: deletions here do not reach the server; "
			    "after = delete deletes what was fetched");
	import_set(source, IMPORT_AFTER, "keep");
}

static void read_sizes(struct reading *reading, const struct channel *channel,
		       struct import_source *source)
{
	const struct setting *size = channel_setting(reading, channel->section, "MaxSize");
	const struct setting *count = channel_setting(reading, channel->section, "MaxMessages");
	struct scanner scan;
	uint64_t number;

	if (size == NULL)
		size = setting_of(channel->maildir, "MaxSize");
	if (count != NULL && strcmp(count->words.word[0], "0") != 0)
		import_note(reading->plan, count->line,
			    "MaxMessages: not carried over: nothing is removed from the Maildir; "
			    "our max_messages is of one run");
	if (size == NULL)
		return;
	scan = scanner_over(span_from_str(size->words.word[0]));
	if (!scan_u64(&scan, INT64_MAX / 2097152, &number)) {
		import_problem(reading->plan, size->line, "MaxSize is no size");
		return;
	}
	if (number > 0) {
		char unit = scan.cur < scan.end ? (char)tolower((unsigned char)*scan.cur) : 'b';

		if (unit == 'k' || unit == 'm')
			number *= unit == 'k' ? 1024 : 1048576;
		import_setf(source, IMPORT_MAX_SIZE, "%llu", (unsigned long long)number);
		import_note(reading->plan, size->line,
			    "MaxSize: larger messages stay at the server, without a placeholder");
	}
}

/* One [fetch] section: of one folder with a Maildir of its own, or of patterns with one for all. */
static void emit(struct reading *reading, const struct channel *channel, const char *folder)
{
	const struct section *account =
		find(reading, KIND_ACCOUNT,
		     text_of(channel->imap, "Account") != NULL ? text_of(channel->imap, "Account")
							       : channel->imap->name);
	char *title = folder != NULL && channel->patterns.count > 1
			      ? xasprintf("%s-%s", channel->section->name, folder)
			      : xstrdup(channel->section->name);
	struct import_source *source =
		import_source_add(reading->plan, title, channel->section->line);
	const char *box = channel->patterns.count > 0 ? folder : channel->near_box;
	char *path = near_path(reading, channel, box != NULL ? box : "");

	free(title);
	/* A store may have the account's settings itself. */
	read_host(reading, account != NULL ? account : channel->imap, source);
	read_login(reading, account != NULL ? account : channel->imap, source);
	if (folder != NULL)
		add_folder(reading, source, channel, folder);
	for (size_t i = 0; folder == NULL && i < channel->patterns.count; i++)
		add_folder(reading, source, channel, channel->patterns.word[i]);
	if (is_yes(text_of(channel->imap, "SubscribedOnly")))
		import_set(source, IMPORT_SUBSCRIBED, "yes");
	read_sync(reading, channel, source);
	read_sizes(reading, channel, source);
	if (path != NULL)
		import_setf(source, IMPORT_DELIVER, "maildir:%s", path);
	if (path != NULL && folder != NULL && source->value[IMPORT_FOLDER] != NULL)
		remember(reading, source, channel, box, path);
	free(path);
	if (source->value[IMPORT_HOST] != NULL)
		import_login_decide(reading->plan, source);
}

static void emit_channel(struct reading *reading, struct channel *channel)
{
	bool patterns = false, inbox = false;

	for (size_t i = 0; i < channel->patterns.count; i++) {
		patterns = patterns || is_pattern(channel->patterns.word[i]);
		inbox = inbox || strcasecmp(channel->patterns.word[i], "INBOX") == 0;
	}
	/* No pattern of mbsync matches the inbox. */
	if (patterns && !inbox)
		words_split("!INBOX", &channel->patterns);
	if (patterns) {
		import_note(
			reading->plan, channel->patterns_line,
			"Patterns: all matching folders go into one Maildir, the Inbox; for a "
			"Maildir each, write a section for each folder. What mbsync fetched of "
			"them is not taken over: name the folders instead of patterns for that");
		emit(reading, channel, NULL);
	} else if (channel->patterns.count > 0) {
		for (size_t i = 0; i < channel->patterns.count; i++)
			emit(reading, channel, channel->patterns.word[i]);
	} else {
		emit(reading, channel, channel->far_box[0] != '\0' ? channel->far_box : "INBOX");
	}
}

static void read_patterns(struct channel *channel)
{
	const struct section *section = channel->section;

	channel->patterns_line = section->line;
	for (size_t i = 0; i < section->count; i++) {
		const struct setting *setting = &section->settings[i];

		if (strcasecmp(setting->keyword, "Patterns") != 0 &&
		    strcasecmp(setting->keyword, "Pattern") != 0)
			continue;
		channel->patterns_line = setting->line;
		for (size_t w = 0; w < setting->words.count; w++) {
			channel->patterns.word =
				xreallocarray(channel->patterns.word, channel->patterns.count + 1,
					      sizeof(*channel->patterns.word));
			channel->patterns.word[channel->patterns.count++] =
				xstrdup(setting->words.word[w]);
		}
	}
}

static void read_channel(struct reading *reading, const struct section *section)
{
	const struct setting *far_side = side(section, "Far", "Master");
	const struct setting *near_side = side(section, "Near", "Slave");
	struct channel channel = {.section = section};
	char *far_store = NULL, *near_store = NULL;

	if (far_side == NULL || near_side == NULL ||
	    !split_place(far_side->words.word[0], &far_store, &channel.far_box) ||
	    !split_place(near_side->words.word[0], &near_store, &channel.near_box)) {
		import_problem(reading->plan, section->line,
			       "Channel %s needs Far :STORE:BOX and Near :STORE:BOX",
			       section->name);
	} else {
		channel.imap = find(reading, KIND_IMAP, far_store);
		channel.maildir = find(reading, KIND_MAILDIR, near_store);
		read_patterns(&channel);
		if (channel.imap == NULL || channel.maildir == NULL)
			import_note(
				reading->plan, section->line,
				"Channel %s: no section: it is not from an IMAPStore on the far "
				"side to a MaildirStore on the near side",
				section->name);
		else
			emit_channel(reading, &channel);
		words_release(&channel.patterns);
	}
	free(far_store);
	free(near_store);
}

/* The rest ---------------------------------------------------------------------------------------
 */

struct remark {
	const char *keyword, *note; /* NULL: carried over, or of no consequence here */
};

static const char by_itself[] = "not needed: mailoauth-fetch decides by itself";
static const char no_clients[] = "not carried over: there are no client certificates";

static const struct remark remarks[] = {
	{"Host", NULL},
	{"Port", NULL},
	{"Timeout", NULL},
	{"User", NULL},
	{"UserCmd", "not carried over: add user = NAME"},
	{"Pass", NULL},
	{"PassCmd", NULL},
	{"UseKeychain", "not carried over: see password_command"},
	{"Tunnel", "not carried over: point host and port at a tunnel that runs already"},
	{"AuthMechs", NULL},
	{"AuthMech", NULL},
	{"SSLType", NULL},
	{"UseIMAPS", NULL},
	{"RequireSSL", NULL},
	{"SSLVersion", "not carried over: TLS 1.2 or later is always used"},
	{"SSLVersions", "not carried over: TLS 1.2 or later is always used"},
	{"SystemCertificates", NULL},
	{"CertificateFile", NULL},
	{"ClientCertificate", no_clients},
	{"ClientKey", no_clients},
	{"CipherString", "not carried over: the system's policy decides"},
	{"PipelineDepth", by_itself},
	{"DisableExtension", by_itself},
	{"DisableExtensions", by_itself},
	{"Account", NULL},
	{"UseNamespace", "not carried over: name folders as the server does"},
	{"PathDelimiter", "not carried over: name folders as the server does"},
	{"SubscribedOnly", NULL},
	{"Path", NULL},
	{"Inbox", NULL},
	{"MaxSize", NULL},
	{"MapInbox", "not carried over: name the folder INBOX"},
	{"Flatten", "not carried over: see deliver"},
	{"Trash", "not carried over: see after = move:FOLDER"},
	{"TrashNewOnly", "not carried over"},
	{"TrashRemoteNew", "not carried over"},
	{"AltMap", NULL},
	{"InfoDelimiter", NULL},
	{"SubFolders", NULL},
	{"Far", NULL},
	{"Near", NULL},
	{"Master", NULL},
	{"Slave", NULL},
	{"Pattern", NULL},
	{"Patterns", NULL},
	{"MaxMessages", NULL},
	{"ExpireUnread", NULL},
	{"ExpireSide", NULL},
	{"Sync", NULL},
	{"Create", NULL},
	{"Remove", "not carried over: no folder is removed"},
	{"Expunge", NULL},
	{"CopyArrivalDate", "not needed: the time of arrival is kept"},
	{"SyncState", NULL},
	{"Channel", NULL},
	{"Channels", NULL},
	{"FSync", "not needed: what is fetched is always made durable"},
	{"FieldDelimiter", NULL},
	{"BufferLimit", by_itself},
};

static const struct remark *find_remark(const char *keyword)
{
	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		if (strcasecmp(remarks[i].keyword, keyword) == 0)
			return &remarks[i];
	}
	return NULL;
}

static void note_rest(struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		const struct section *section = &reading->sections[i];

		for (size_t s = 0; s < section->count; s++) {
			const struct setting *setting = &section->settings[s];
			const struct remark *remark = find_remark(setting->keyword);

			if (remark == NULL)
				import_problem(reading->plan, setting->line,
					       "%s is not a keyword of mbsync", setting->keyword);
			else if (remark->note != NULL)
				import_note(reading->plan, setting->line, "%s: %s", remark->keyword,
					    remark->note);
		}
		if (section->kind == KIND_GROUP)
			import_note(
				reading->plan, section->line,
				"Group %s: not carried over: every section is fetched, or those "
				"of one file given with --config",
				section->name);
	}
}

static void section_release(struct section *section)
{
	for (size_t i = 0; i < section->count; i++) {
		struct words *words = &section->settings[i].words;

		for (size_t w = 0; w < words->count; w++)
			wipe(words->word[w], strlen(words->word[w])); /* one is a password */
		words_release(words);
		free(section->settings[i].keyword);
	}
	free(section->settings);
	free(section->name);
}

static void mbsync_read(struct span text, struct import_plan *plan)
{
	struct reading reading = {.plan = plan};

	read_lines(&reading, text);
	note_rest(&reading);
	for (size_t i = 0; plan->problems.count == 0 && i < reading.count; i++) {
		if (reading.sections[i].kind == KIND_CHANNEL)
			read_channel(&reading, &reading.sections[i]);
	}
	for (size_t i = 0; i < reading.count; i++)
		section_release(&reading.sections[i]);
	free(reading.sections);
}

/* Memory -----------------------------------------------------------------------------------------
 */

/* "Name NUMBER"; earlier versions call the far side master. */
static bool recall_header(struct span line, struct import_recall *recall, uint64_t *pulled)
{
	struct scanner scan = scanner_over(line);
	struct span name;
	uint64_t number;

	if (!scan_until(&scan, ' ', 64, &name) || !scan_u64(&scan, UINT32_MAX, &number) ||
	    !scanner_at_end(&scan))
		return false;
	if (span_equals(name, "FarUidValidity") || span_equals(name, "MasterUidValidity"))
		recall->uidvalidity = (uint32_t)number;
	else if (span_equals(name, "MaxPulledUid"))
		*pulled = number;
	return true;
}

/*
 * "FAR NEAR FLAGS": what has a far UID was decided, unless a "!" says that it is still to be
 * propagated: then all that lies above it is known by its entry alone.
 */
static bool recall_pair(struct span line, struct import_recall *recall, uint64_t *pulled)
{
	struct scanner scan = scanner_over(line);
	uint64_t far_uid, near_uid;

	if (!scan_u64(&scan, UINT32_MAX, &far_uid) || !scan_byte(&scan, ' ') ||
	    !scan_u64(&scan, UINT32_MAX, &near_uid) || !scan_byte(&scan, ' '))
		return false;
	if (far_uid == 0)
		return true;
	if (memchr(scan.cur, '!', scanner_left(&scan)) == NULL)
		uid_list_add(&recall->fetched, (uint32_t)far_uid);
	else if (near_uid == 0 && far_uid <= *pulled)
		*pulled = far_uid - 1;
	return true;
}

static bool mbsync_recall(struct span text, struct import_recall *recall)
{
	struct scanner scan = scanner_over(text);
	bool in_header = true, good = true;
	uint64_t pulled = 0;
	struct span line;

	while (good && scan_until(&scan, '\n', 4096, &line)) {
		if (in_header && line.len == 0)
			in_header = false;
		else if (in_header)
			good = recall_header(line, recall, &pulled);
		else
			good = recall_pair(line, recall, &pulled);
	}
	recall->last_uid = (uint32_t)pulled;
	return good && !in_header && scanner_at_end(&scan) && recall->uidvalidity != 0;
}

const struct import_program import_mbsync = {
	.name = "mbsync",
	.file_name = "mbsync",
	.read = mbsync_read,
	.recall = mbsync_recall,
};
