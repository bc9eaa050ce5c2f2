/* SPDX-License-Identifier: MIT */
/*
 * import-mbsync.c - mbsync: each channel as a section, or one for each of its folders.
 *
 * A channel with IMAP on the far side and a Maildir on the near side is a source; only pulling can
 * be expressed. mbsync-file.h reads the file, mbsync-keywords.h has what is said of a word, and
 * mbsync-state.h knows what was fetched.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/import/import-plan.h"
#include "fetch-agent/import/mbsync-file.h"
#include "fetch-agent/import/mbsync-keywords.h"
#include "fetch-agent/import/mbsync-state.h"

#include "common/banned.h"

/* Account ----------------------------------------------------------------------------------------
 */

static void read_tls(struct mbsync_file *file, const struct mbsync_section *account,
		     struct import_source *source)
{
	const char *keyword = mbsync_setting(account, "TLSType") != NULL ? "TLSType" : "SSLType";
	const char *type = mbsync_text(account, keyword);
	bool implicit = (type != NULL && strcasecmp(type, "IMAPS") == 0) ||
			import_is_yes(mbsync_text(account, "UseIMAPS"));

	if (type != NULL && strcasecmp(type, "None") == 0)
		import_note(file->plan, mbsync_line(account, keyword),
			    "%s None: not carried over: connections are always encrypted, here by "
			    "STARTTLS",
			    keyword);
	if (!implicit)
		import_set(source, IMPORT_TLS, "starttls");
	import_set_port(file->plan, source, mbsync_text(account, "Port"), implicit,
			mbsync_line(account, "Port"));
}

static void read_host(struct mbsync_file *file, const struct mbsync_section *account,
		      struct import_source *source)
{
	const char *host = mbsync_text(account, "Host"),
		   *ca = mbsync_text(account, "CertificateFile");

	if (host != NULL && strncasecmp(host, "imaps:", 6) == 0)
		host += 6;
	if (host == NULL && account != NULL)
		import_problem(file->plan, account->line, "IMAPAccount %s has no Host",
			       account->name);
	import_set(source, IMPORT_HOST, host);
	read_tls(file, account, source);
	import_set_path(file->plan, source, IMPORT_CA_FILE, ca, "CertificateFile",
			mbsync_line(account, "CertificateFile"));
	if (ca != NULL)
		import_note(file->plan, mbsync_line(account, "CertificateFile"),
			    "CertificateFile: ca_file is in place of the system's authorities, not "
			    "beside them; for a server's own certificate use tls_pin");
	import_set_number(file->plan, source, IMPORT_TIMEOUT, mbsync_text(account, "Timeout"), 3600,
			  mbsync_line(account, "Timeout"));
}

static void read_login(struct mbsync_file *file, const struct mbsync_section *account,
		       struct import_source *source)
{
	const struct mbsync_setting *mechanisms = mbsync_setting(account, "AuthMechs");
	const struct mbsync_setting *command = mbsync_setting(account, "PassCmd");
	const char *password = mbsync_text(account, "Pass");

	source->user = xstrdup(mbsync_text(account, "User"));
	if (password != NULL)
		(void)buffer_append_str(&source->password, password);
	for (size_t i = 0; mechanisms != NULL && i < mechanisms->words.count; i++) {
		if (strcasecmp(mechanisms->words.word[i], "XOAUTH2") == 0 ||
		    strcasecmp(mechanisms->words.word[i], "OAUTHBEARER") == 0)
			source->oauth = true;
	}
	if (command != NULL && source->oauth) {
		import_note(file->plan, command->line,
			    "PassCmd: not needed: tokens come from mailoauthd");
	} else if (command != NULL) {
		const char *text = command->words.word[0];
		char *line = import_command(file->plan, text + (text[0] == '+'), false, "PassCmd",
					    command->line);

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
static const struct mbsync_setting *side(const struct mbsync_section *channel, const char *name,
					 const char *old)
{
	const struct mbsync_setting *setting = mbsync_setting(channel, name);

	return setting != NULL ? setting : mbsync_setting(channel, old);
}

static bool is_pattern(const char *name)
{
	return name[0] == '!' || strpbrk(name, "*%") != NULL;
}

struct channel {
	const struct mbsync_section *section, *imap, *maildir;
	const char *far_box, *near_box;
	struct words patterns;
	int patterns_line;
};

/* mbsync joins Path and a folder's name; the folder alone has no pattern. */
static void add_folder(struct mbsync_file *file, struct import_source *source,
		       const struct channel *channel, const char *name)
{
	const char *path = mbsync_text(channel->imap, "Path");
	bool inbox = strcasecmp(name, "INBOX") == 0;
	const char *prefix = channel->patterns.count > 0 ? channel->far_box : "";
	char *whole =
		xasprintf("%s%s%s%s", name[0] == '!' ? "!" : "", path != NULL && !inbox ? path : "",
			  inbox ? "" : prefix, name + (name[0] == '!'));

	if (!is_pattern(name))
		(void)import_folder(file->plan, source, whole, true, channel->patterns_line);
	else if (strchr(whole, ',') != NULL)
		import_note(file->plan, channel->patterns_line,
			    "pattern \"%s\": a comma parts folders in mailoauth.conf: left out",
			    name);
	else if (source->value[IMPORT_FOLDER] == NULL)
		import_set(source, IMPORT_FOLDER, whole);
	else
		import_setf(source, IMPORT_FOLDER, "%s, %s", source->value[IMPORT_FOLDER], whole);
	free(whole);
}

/* Of Maildir++: "a/b" is INBOX/.a.b. */
static char *plusplus_path(const char *inbox, const char *folder)
{
	size_t len = strlen(inbox);
	char *path =
		xasprintf("%s%s.%s", inbox, len > 0 && inbox[len - 1] == '/' ? "" : "/", folder);

	for (char *byte = path + strlen(path) - strlen(folder); *byte != '\0'; byte++) {
		if (*byte == '/')
			*byte = '.';
	}
	return path;
}

/* Where the near side keeps a folder. NULL: it cannot be said (noted). */
static char *near_path(struct mbsync_file *file, const struct channel *channel, const char *folder)
{
	const char *style = mbsync_text(channel->maildir, "SubFolders");
	bool plusplus = style != NULL && strcasecmp(style, "Maildir++") == 0;
	bool inbox = folder[0] == '\0' || strcasecmp(folder, "INBOX") == 0;
	const char *keyword = inbox || plusplus ? "Inbox" : "Path";
	const char *text = mbsync_text(channel->maildir, keyword);
	char *base, *path;

	if (text == NULL)
		text = inbox || plusplus ? "~/Maildir" : "";
	base = import_path(file->plan, text, keyword, channel->maildir->line);
	if (base == NULL)
		return NULL;
	if (inbox) {
		import_drop_slashes(base);
		return base;
	}
	path = plusplus ? plusplus_path(base, folder) : xasprintf("%s%s", base, folder);
	free(base);
	return path;
}

static void remember(struct mbsync_file *file, struct import_source *source,
		     const struct channel *channel, const char *near_name, const char *maildir)
{
	const struct mbsync_mailbox mailbox = {
		.channel = channel->section,
		.far_store = channel->imap->name,
		.far_name = channel->patterns.count > 0 ? near_name : channel->far_box,
		.near_store = channel->maildir->name,
		.near_name = near_name,
		.maildir = maildir,
	};
	char *path = mbsync_state_path(file, &mailbox);

	if (path != NULL)
		import_remember(source, source->value[IMPORT_FOLDER], path, channel->section->line);
	free(path);
}

static void read_sync(struct mbsync_file *file, const struct channel *channel,
		      struct import_source *source)
{
	const struct mbsync_setting *sync = mbsync_channel_setting(file, channel->section, "Sync");
	const struct mbsync_setting *expunge =
		mbsync_channel_setting(file, channel->section, "Expunge");
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
		import_note(file->plan, sync != NULL ? sync->line : channel->section->line,
			    "channel %s pushes: not carried over: mail is fetched, and nothing "
			    "that is done to it here goes back to the server; keep mbsync for that",
			    channel->section->name);
	else if (!pulls)
		import_note(file->plan, sync->line,
			    "channel %s does not pull: delete the "
			    "section if nothing is to be fetched",
			    channel->section->name);
	if (expunge == NULL)
		expunge = mbsync_channel_setting(file, channel->section, "ExpungeSolo");
	if (expunge != NULL && strcasecmp(expunge->words.word[0], "None") != 0)
		import_note(file->plan, expunge->line,
			    "%s: not carried over: deletions here do not reach the server; "
			    "after = delete deletes what was fetched",
			    expunge->keyword);
	import_set(source, IMPORT_AFTER, "keep");
}

static void read_sizes(struct mbsync_file *file, const struct channel *channel,
		       struct import_source *source)
{
	const struct mbsync_setting *size =
		mbsync_channel_setting(file, channel->section, "MaxSize");
	const struct mbsync_setting *count =
		mbsync_channel_setting(file, channel->section, "MaxMessages");
	struct scanner scan;
	uint64_t number;

	if (size == NULL)
		size = mbsync_setting(channel->maildir, "MaxSize");
	if (count != NULL && strcmp(count->words.word[0], "0") != 0)
		import_note(file->plan, count->line,
			    "MaxMessages: not carried over: nothing is removed from the Maildir; "
			    "our max_messages is of one run");
	if (size == NULL)
		return;
	scan = scanner_over(span_from_str(size->words.word[0]));
	if (!scan_u64(&scan, INT64_MAX / 2097152, &number)) {
		import_problem(file->plan, size->line, "MaxSize is no size");
		return;
	}
	if (number > 0) {
		char unit = scan.cur < scan.end ? (char)tolower((unsigned char)*scan.cur) : 'b';

		if (unit == 'k' || unit == 'm')
			number *= unit == 'k' ? 1024 : 1048576;
		import_setf(source, IMPORT_MAX_SIZE, "%llu", (unsigned long long)number);
		import_note(file->plan, size->line,
			    "MaxSize: larger messages stay at the server, without a placeholder");
	}
}

/* One [fetch] section: of one folder with a Maildir of its own, or of patterns with one for all. */
static void emit(struct mbsync_file *file, const struct channel *channel, const char *folder)
{
	const struct mbsync_section *account =
		mbsync_find(file, MBSYNC_ACCOUNT,
			    mbsync_text(channel->imap, "Account") != NULL
				    ? mbsync_text(channel->imap, "Account")
				    : channel->imap->name);
	char *title = folder != NULL && channel->patterns.count > 1
			      ? xasprintf("%s-%s", channel->section->name, folder)
			      : xstrdup(channel->section->name);
	struct import_source *source = import_source_add(file->plan, title, channel->section->line);
	const char *box = channel->patterns.count > 0 ? folder : channel->near_box;
	char *path = near_path(file, channel, box != NULL ? box : "");

	free(title);
	/* A store may have the account's settings itself. */
	read_host(file, account != NULL ? account : channel->imap, source);
	read_login(file, account != NULL ? account : channel->imap, source);
	if (folder != NULL)
		add_folder(file, source, channel, folder);
	for (size_t i = 0; folder == NULL && i < channel->patterns.count; i++)
		add_folder(file, source, channel, channel->patterns.word[i]);
	if (import_is_yes(mbsync_text(channel->imap, "SubscribedOnly")))
		import_set(source, IMPORT_SUBSCRIBED, "yes");
	read_sync(file, channel, source);
	read_sizes(file, channel, source);
	if (path != NULL)
		import_setf(source, IMPORT_DELIVER, "maildir:%s", path);
	if (path != NULL && folder != NULL && source->value[IMPORT_FOLDER] != NULL)
		remember(file, source, channel, box, path);
	free(path);
	if (source->value[IMPORT_HOST] != NULL)
		import_login_decide(file->plan, source);
}

static void emit_channel(struct mbsync_file *file, struct channel *channel)
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
			file->plan, channel->patterns_line,
			"Patterns: all matching folders go into one Maildir, the Inbox; for a "
			"Maildir each, write a section for each folder. What mbsync fetched of "
			"them is not taken over: name the folders instead of patterns for that");
		emit(file, channel, NULL);
	} else if (channel->patterns.count > 0) {
		for (size_t i = 0; i < channel->patterns.count; i++)
			emit(file, channel, channel->patterns.word[i]);
	} else {
		emit(file, channel, channel->far_box[0] != '\0' ? channel->far_box : "INBOX");
	}
}

static void read_patterns(struct channel *channel)
{
	const struct mbsync_section *section = channel->section;

	channel->patterns_line = section->line;
	for (size_t i = 0; i < section->count; i++) {
		const struct mbsync_setting *setting = &section->settings[i];

		if (strcasecmp(setting->keyword, "Patterns") != 0 &&
		    strcasecmp(setting->keyword, "Pattern") != 0)
			continue;
		channel->patterns_line = setting->line;
		for (size_t w = 0; w < setting->words.count; w++)
			words_push(&channel->patterns, span_from_str(setting->words.word[w]));
	}
}

static void read_channel(struct mbsync_file *file, const struct mbsync_section *section)
{
	const struct mbsync_setting *far_side = side(section, "Far", "Master");
	const struct mbsync_setting *near_side = side(section, "Near", "Slave");
	struct channel channel = {.section = section};
	char *far_store = NULL, *near_store = NULL;

	if (far_side == NULL || near_side == NULL ||
	    !split_place(far_side->words.word[0], &far_store, &channel.far_box) ||
	    !split_place(near_side->words.word[0], &near_store, &channel.near_box)) {
		import_problem(file->plan, section->line,
			       "Channel %s needs Far :STORE:BOX and Near :STORE:BOX",
			       section->name);
	} else {
		channel.imap = mbsync_find(file, MBSYNC_IMAP, far_store);
		channel.maildir = mbsync_find(file, MBSYNC_MAILDIR, near_store);
		read_patterns(&channel);
		if (channel.imap == NULL || channel.maildir == NULL)
			import_note(
				file->plan, section->line,
				"Channel %s: no section: it is not from an IMAPStore on the far "
				"side to a MaildirStore on the near side",
				section->name);
		else
			emit_channel(file, &channel);
		words_release(&channel.patterns);
	}
	free(far_store);
	free(near_store);
}

static void mbsync_read(struct span text, struct import_plan *plan)
{
	struct mbsync_file file;

	mbsync_file_read(&file, text, plan);
	mbsync_note_all(&file);
	for (size_t i = 0; plan->problems.count == 0 && i < file.count; i++) {
		if (file.sections[i].kind == MBSYNC_CHANNEL)
			read_channel(&file, &file.sections[i]);
	}
	mbsync_file_release(&file);
}

const struct import_program import_mbsync = {
	.name = "mbsync",
	.file_name = "mbsync",
	.other_file_name = "isyncrc",
	.read = mbsync_read,
	.recall = mbsync_state_recall,
};
