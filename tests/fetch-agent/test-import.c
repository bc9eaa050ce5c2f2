/* SPDX-License-Identifier: MIT */
/*
 * test-import.c - configurations as people have them, and what becomes of each; the files are also
 * the corpus of fuzz-import.
 */
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/fetch-config.h"
#include "fetch-agent/import/import-plan.h"
#include "fetch-agent/import/import.h"
#include "tests/common/scratch.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LINES_MAX    16

/* A file of the corpus, what stands in the sections, and which lines a note has. */
struct example {
	const struct import_program *program;
	const char *file;
	size_t sections;
	const char *lines[LINES_MAX]; /* "key = value" with single blanks; in this order */
	const char *notes[LINES_MAX]; /* "LINE: text", the beginnings */
};

static const struct example examples[] = {
	{&import_fetchmail,
	 "fetchmail-classic",
	 1,
	 {"[fetch alice]", "host = imap.example.net", "user = alice",
	  "password_file = /etc/mailoauth/alice.password", "take = unseen", "after = seen",
	  "deliver = smtp:localhost:25", "recipient = alice", "received = yes", "interval = 300s"},
	 {"3: syslog: ", "4: postmaster: ", "7: password: "}},
	{&import_fetchmail,
	 "fetchmail-nokeep",
	 1,
	 {"[fetch bob-example.org]", "host = imap1.example.org", "ca_file = /home/u/certs/ca.pem",
	  "user = bob@example.org", "folder = INBOX, Sent Items, Entw\303\274rfe",
	  "max_size = 5000000", "max_messages = 200", "after = delete",
	  "deliver = mda:/usr/bin/procmail -f %{sender} -d %{recipient}", "recipient = bob",
	  "timeout = 60"},
	 {"6: batchlimit: ", "6: expunge: "}},
	{&import_fetchmail,
	 "fetchmail-shell",
	 1,
	 {"host = imap.example.com", "watch = idle", "; deliver"},
	 {"3: preconnect: ", "5: sslfingerprint: ", "4: mda is for a shell", "2: no local name"}},
	{&import_fetchmail,
	 "fetchmail-multidrop",
	 1,
	 {"deliver = lmtp:lmtp.example.org:24", "recipient_header = X-Envelope-To",
	  "recipient_strip = pfx-", "recipient_domains = example.org example.net"},
	 {"5: aka: ", "6: is joe=joseph: ", "6: is mary: "}},
	{&import_fetchmail,
	 "fetchmail-office365",
	 3,
	 {"[account dave-contoso.example]", "provider = microsoft", "; tenant", "; client_id",
	  "user = dave@contoso.example", "use = imap", "[fetch dave-contoso.example]",
	  "account = dave-contoso.example", "host = outlook.office365.com", "after = delete",
	  "recipient = dave@contoso.example", "[fetch dave-contoso.example-2]",
	  "account = dave-contoso.example", "folder = Archive", "after = seen", "recipient = dave"},
	 {"3: outlook.office365.com: passwords are not used there", "3: [account "}},
	{&import_fetchmail,
	 "fetchmail-pop",
	 1,
	 {"[fetch erin]", "host = imap.example.net", "received = no"},
	 {"3: uidl: ", "3: proto pop3: ", "4: skip old.example.net: ", "5: interval 3: "}},
	{&import_fetchmail,
	 "fetchmail-several",
	 2,
	 {"user = frank@example.net", "take = unseen", "after = delete", "recipient = frank",
	  "timeout = 90", "user = grace", "after = seen", "deliver = lmtp:unix:/run/dovecot/lmtp",
	  "recipient = grace", "timeout = 90"},
	 {"4: fetchall with keep: "}},
	{&import_fetchmail,
	 "fetchmail-quoting",
	 1,
	 {"[fetch o-neil-x]", "user = o'neil \"x\"", "folder = INBOX.Sub",
	  "deliver = mda:/usr/lib/dovecot/dovecot-lda -d %{recipient}"},
	 {"3: folder \"with, comma\": "}},
	{&import_getmail,
	 "getmail-ssl",
	 1,
	 {"[fetch alice]", "host = imap.example.net", "user = alice",
	  "folder = INBOX, Sent, Entw\303\274rfe", "after = keep",
	  "deliver = maildir:/home/u/Maildir"},
	 {"16: [options] message_log: ", "2: password: "}},
	{&import_getmail,
	 "getmail-gmail",
	 2,
	 {"[account someone-gmail.com]", "provider = google", "account = someone-gmail.com",
	  "host = imap.gmail.com", "folder = [Gmail]/All Mail", "after = delete",
	  "deliver = mda:/usr/bin/maildrop -d alice", "mda_user = alice"},
	 {"7: password_command: not needed"}},
	{&import_getmail,
	 "getmail-lmtp",
	 1,
	 {"port = 9993", "ca_file = /etc/ssl/own-ca.pem",
	  "password_command = /usr/bin/pass show mail/bob", "folder = INBOX", "max_size = 10000000",
	  "max_messages = 500", "after = move:Fetched", "deliver = lmtp:unix:/run/dovecot/lmtp",
	  "recipient = bob@example.org"},
	 {"16: delete_after = 7: "}},
	{&import_getmail,
	 "getmail-multidrop",
	 1,
	 {"deliver = mda:/usr/sbin/sendmail -i -bm -f %{sender} -F 'Mail Robot' %{recipient}",
	  "recipient_header = delivered-to", "received = yes"},
	 {"2: read_all", "13: [destination] unixfrom: "}},
	{&import_getmail, "getmail-pop", 0, {0}, {"3: type SimplePOP3SSLRetriever: "}},
	{&import_getmail,
	 "getmail-sorter",
	 1,
	 {"tls = starttls", "take = unseen", "after = seen", "; deliver"},
	 {"3: without SSL",
	  "10: MultiSorter: ", "14: [maildir] type: not carried over: a section has one"}},
	{&import_mbsync,
	 "mbsync-inbox",
	 1,
	 {"[fetch work]", "host = imap.example.net", "user = alice@example.net",
	  "password_command = /usr/bin/pass mail/work", "folder = INBOX", "after = keep",
	  "deliver = maildir:/home/alice/mail/INBOX"},
	 {0}},
	{&import_mbsync,
	 "mbsync-folders",
	 4,
	 {"[account office-INBOX]", "provider = microsoft", "account = office-INBOX",
	  "folder = INBOX", "max_size = 2097152", "deliver = maildir:/home/u/mail/Inbox",
	  "account = office-INBOX", "folder = Sent Items",
	  "deliver = maildir:/home/u/mail/Sent Items", "folder = Entw\303\274rfe",
	  "deliver = maildir:/home/u/mail/Entw&APw-rfe"},
	 {"13: SSLVersions: ", "10: PassCmd: not needed", "24: channel office pushes",
	  "3: Expunge: ", "25: MaxSize: "}},
	{&import_mbsync,
	 "mbsync-old",
	 1,
	 {"tls = starttls", "user = bob", "folder = *, !Spam, !Trash, !INBOX", "subscribed = yes",
	  "deliver = maildir:/home/u/Maildir", "timeout = 40"},
	 {"17: Trash: ", "27: Group all: ", "22: Patterns: ", "7: CertificateFile: "}},
	{&import_mbsync,
	 "mbsync-plusplus",
	 2,
	 {"folder = INBOX", "deliver = maildir:/home/u/Maildir",
	  "password_file = /etc/mailoauth/p-INBOX.password", "folder = Lists/dev/c",
	  "deliver = maildir:/home/u/Maildir/.dev.c"},
	 {"6: PassCmd is for a shell", "24: MaxMessages: "}},
	{&import_mbsync,
	 "mbsync-tunnel",
	 1,
	 {"tls = starttls", "folder = Archive", "deliver = maildir:/var/mail/eve"},
	 {"5: Tunnel: ", "6: SSLType None: "}},
	{&import_fdm,
	 "fdm-classic",
	 1,
	 {"[fetch work]", "host = imap.example.net", "user = alice", "take = unseen",
	  "after = delete", "deliver = maildir:/home/u/Maildir"},
	 {"2: set maximum-size: "}},
	{&import_fdm,
	 "fdm-several",
	 3,
	 {"[fetch home]", "port = 9993", "user = bob", "folder = INBOX, Sent", "after = keep",
	  "deliver = mda:/usr/bin/maildrop -d bob", "tls = starttls",
	  "deliver = maildir:/home/bob/lists", "[fetch third]", "deliver = smtp:localhost:25",
	  "recipient = bob"},
	 {"13: account \"gone\" is disabled", "14: account \"pop\" of type pop3s",
	  "15: no-verify: "}},
	{&import_fdm,
	 "fdm-sorting",
	 1,
	 {"; deliver"},
	 {"5: match: ", "6: match: ", "3: \"~/mail/%[account]\": "}},
	{&import_fdm,
	 "fdm-lambda",
	 1,
	 {"tls = starttls", "user = carol", "deliver = maildir:/var/mail/carol"},
	 {"2: set default-user: ", "4: include /etc/fdm.more: "}},
	{&import_fdm,
	 "fdm-shell",
	 2,
	 {"deliver = maildir:/home/d/mail", "; deliver"},
	 {"2: action \"both\": ", "3: pipe is for a shell"}},
	{&import_fdm,
	 "fdm-ports",
	 3,
	 {"[fetch one]", "host = imap.example.org", "user = a", "[fetch two]", "port = 993",
	  "tls = starttls", "user = b", "[fetch three]", "user = c"},
	 {"4: \"submission\" is not a number from 1 to 65535: left out"}},
	{&import_mbsync,
	 "mbsync-15",
	 1,
	 {"host = imap.example.net\nuser = alice", "after = keep",
	  "deliver = maildir:/home/alice/mail/INBOX"},
	 {"7: TLSVersions: ", "21: ExpungeSolo: "}},
	{&import_mbsync,
	 "mbsync-numbers",
	 1,
	 {"host = mail.example.org", "user = eve", "deliver = maildir:/var/mail/eve"},
	 {"6: \"imap2\" is not a number from 1 to 65535: left out",
	  "7: \"7200\" is not a number from 1 to 3600: left out"}},
};

/* Files ------------------------------------------------------------------------------------------
 */

static char *corpus_path(const char *name)
{
	const char *top = getenv("FUZZ_CORPUS");

	return xasprintf("%s/import/%s", top != NULL ? top : "tests/fuzz/corpus", name);
}

static void slurp(const char *path, struct buffer *out)
{
	FILE *file = fopen(path, "re");
	char chunk[4096];
	size_t n;

	if (file == NULL)
		fail_msg("%s cannot be opened", path);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_true(buffer_append(out, chunk, n));
	(void)fclose(file);
}

/* Blanks in a row become one. */
static void squeeze(const struct buffer *text, struct buffer *out)
{
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] != ' ' || i == 0 || text->data[i - 1] != ' ')
			assert_true(buffer_append_byte(out, text->data[i]));
	}
}

static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

/* What becomes of them ---------------------------------------------------------------------------
 */

static void expect_lines(const struct example *example, const char *sections)
{
	const char *at = sections;

	for (size_t i = 0; i < LINES_MAX && example->lines[i] != NULL; i++) {
		const char *found = strstr(at, example->lines[i]);

		if (found == NULL)
			fail_msg("%s: \"%s\" is missing, or not where it should be, in:\n%s",
				 example->file, example->lines[i], sections);
		at = found + 1;
	}
}

static void expect_notes(const struct example *example, const char *notes)
{
	for (size_t i = 0; i < LINES_MAX && example->notes[i] != NULL; i++) {
		char *wanted = xasprintf("rc:%s", example->notes[i]);

		if (strstr(notes, wanted) == NULL)
			fail_msg("%s: \"%s\" is missing in:\n%s", example->file, wanted, notes);
		free(wanted);
	}
}

static void what_becomes_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct buffer text = BUFFER_INIT(65536), out = BUFFER_INIT(65536);
		struct buffer plain = BUFFER_INIT(65536);
		char *path = corpus_path(examples[i].file);
		struct import_plan plan;

		slurp(path, &text);
		import_plan_init(&plan, "rc", "/home/u");
		examples[i].program->read(buffer_span(&text), &plan);
		import_name_sources(&plan);
		import_print(&plan, &out);
		squeeze(&out, &plain);
		assert_string_equal(buffer_cstr(&plan.problems.text), "");
		expect_lines(&examples[i], buffer_cstr(&plain));
		expect_notes(&examples[i], buffer_cstr(&plan.notes.text));
		assert_int_equal(count_of(buffer_cstr(&plain), "\n[") + (plain.len > 0),
				 examples[i].sections);
		assert_null(strstr(buffer_cstr(&plain), "s3cret"));
		assert_null(strstr(buffer_cstr(&plan.notes.text), "s3cret"));
		import_plan_release(&plan);
		buffer_release(&text);
		buffer_release(&out);
		buffer_release(&plain);
		free(path);
	}
}

/* A file that ends anywhere: no crash, and no part of a password is told. */
static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct buffer text = BUFFER_INIT(65536);
		char *path = corpus_path(examples[i].file);

		slurp(path, &text);
		for (size_t len = 0; len < text.len; len++) {
			char *exact = xcalloc(1, len > 0 ? len : 1);
			struct buffer out = BUFFER_INIT(65536);
			struct import_plan plan;

			if (len > 0)
				memcpy(exact, text.data, len);
			import_plan_init(&plan, "rc", "/home/u");
			examples[i].program->read((struct span){exact, len}, &plan);
			if (plan.problems.count == 0) {
				import_name_sources(&plan);
				import_print(&plan, &out);
			}
			assert_null(strstr(buffer_cstr(&out), "s3c"));
			assert_null(strstr(buffer_cstr(&plan.notes.text), "s3c"));
			assert_null(strstr(buffer_cstr(&plan.problems.text), "s3c"));
			import_plan_release(&plan);
			buffer_release(&out);
			free(exact);
		}
		buffer_release(&text);
		free(path);
	}
}

/* Our own parser takes what is printed. */
static void our_parser_takes_it(void **state)
{
	char place[] = "/tmp/mo-import-XXXXXX";
	int fd = mkstemp(place);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct buffer text = BUFFER_INIT(65536), out = BUFFER_INIT(65536);
		struct config_problems problems = CONFIG_PROBLEMS_INIT;
		char *path = corpus_path(examples[i].file);
		struct fetch_config *config;
		struct import_plan plan;

		slurp(path, &text);
		import_plan_init(&plan, "rc", "/home/u");
		examples[i].program->read(buffer_span(&text), &plan);
		import_name_sources(&plan);
		import_print(&plan, &out);
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, buffer_cstr(&out), out.len, 0), out.len);
		config = fetch_config_load(place, &problems);
		for (const char *line = buffer_cstr(&problems.text); *line != '\0';) {
			size_t len = strcspn(line, "\n");
			char *one = xspandup((struct span){line, len});

			if (strstr(one, "deliver is missing") == NULL &&
			    strstr(one, "no [fetch NAME] section") == NULL)
				fail_msg("%s: %s in:\n%s", examples[i].file, one,
					 buffer_cstr(&out));
			free(one);
			line += len + (line[len] == '\n');
		}
		fetch_config_free(config);
		config_problems_release(&problems);
		import_plan_release(&plan);
		buffer_release(&text);
		buffer_release(&out);
		free(path);
	}
	(void)close(fd);
	(void)unlink(place);
}

/* Every host that is known here stands in its preset, which says the same about passwords. */
static void hosts_are_the_presets(void **state)
{
	static const char *const hosts[] = {
		"outlook.office365.com",    "imap-mail.outlook.com", "outlook.office365.us",
		"outlook-dod.office365.us", "partner.outlook.cn",    "imap.gmail.com",
		"imap.googlemail.com",	    "imap.mail.yahoo.com",   "imap.aol.com",
		"imap.comcast.net",	    "imap.fastmail.com",     "imap.mail.ru",
		"imap.yandex.com",	    "imap.yandex.ru",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		char *text = xasprintf("poll %s proto imap user u pass p ssl is u here", hosts[i]);
		struct buffer preset = BUFFER_INIT(65536);
		struct import_plan plan;
		char *path;

		import_plan_init(&plan, "rc", NULL);
		import_fetchmail.read(span_from_str(text), &plan);
		assert_int_equal(plan.count, 1);
		assert_non_null(import_provider(plan.sources[0]));
		path = xasprintf("%s/%s.conf", TEST_PROVIDERS, import_provider(plan.sources[0]));
		slurp(path, &preset);
		assert_non_null(strstr(buffer_cstr(&preset), plan.sources[0]->value[IMPORT_HOST]));
		assert_int_equal(strstr(buffer_cstr(&preset), "oauth_only") != NULL,
				 plan.sources[0]->oauth);
		import_plan_release(&plan);
		buffer_release(&preset);
		free(path);
		free(text);
	}
}

/* Errors -----------------------------------------------------------------------------------------
 */

struct mistake {
	const struct import_program *program;
	const char *text;
	const char *problem; /* how what is said of it begins */
};

static const struct mistake mistakes[] = {
	{&import_fetchmail, "poll a proto imap\nuser b pass \"c", "rc:2: the string has no end"},
	{&import_fetchmail, "poll a\nuser b\n  keeep\n",
	 "rc:3: a word that fetchmail does not know"},
	{&import_fetchmail, "user a\n", "rc:1: user stands before poll"},
	{&import_fetchmail, "poll a proto imap folder", "rc:1: folder is missing here"},
	{&import_fetchmail, "set colour red\n", "rc:1: what to set is missing here"},
	{&import_fetchmail, "poll\n", "rc:2: the server's name is missing here"},
	{&import_getmail, "[retriever]\ntype = X\n[destination]\n",
	 "rc:2: type X is not a retriever"},
	{&import_getmail, "a = b\n", "rc:1: a key stands before the first [section]"},
	{&import_getmail, "[retriever]\nnothing\n", "rc:2: is neither [section] nor key = value"},
	{&import_getmail, "[retriever]\n\n[retriever\n", "rc:3: the section's head has no ]"},
	{&import_getmail,
	 "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = a\nusername = b\nmailboxes = "
	 "(INBOX)\n",
	 "rc:5: mailboxes is not a tuple"},
	{&import_getmail,
	 "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = a\nusername = b\nport = x\n",
	 "rc:5: port is not a number"},
	{&import_mbsync, "IMAPStore a\nHost \"b\n", "rc:2: a quote without its end"},
	{&import_mbsync, "IMAPStore\n", "rc:1: IMAPStore lacks a name"},
	{&import_mbsync, "IMAPStore a\nColour red\n", "rc:2: Colour is not a keyword of mbsync"},
	{&import_mbsync, "Channel a\nFar b\nNear :c:\n", "rc:1: Channel a needs Far"},
	{&import_fdm, "account \"a", "rc:1: the string has no end"},
	{&import_fdm, "\naccount", "rc:2: \"account\" lacks what must follow it"},
	{&import_fdm, "\ncolour red\n", "rc:2: no statement begins here"},
	{&import_fdm, "match all {\nmatch all action \"x\"\n", "rc:1: { and } do not match"},
	{&import_fdm, "account \"a\" imap server \"h\"\nmatch all action \"x\"\n",
	 "rc:2: no action \"x\""},
};

static void mistakes_have_their_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		struct import_plan plan;

		import_plan_init(&plan, "rc", "/home/u");
		mistakes[i].program->read(span_from_str(mistakes[i].text), &plan);
		if (strncmp(buffer_cstr(&plan.problems.text), mistakes[i].problem,
			    strlen(mistakes[i].problem)) != 0)
			fail_msg("%s: said \"%s\" and not \"%s\"", mistakes[i].text,
				 buffer_cstr(&plan.problems.text), mistakes[i].problem);
		import_plan_release(&plan);
	}
}

/* A value cannot begin a line of its own in what is printed. */
static void values_stay_values(void **state)
{
	static const char text[] =
		"poll h proto imap user \"u\\n[daemon]\\nx = y\" pass p is \"a ; b\" here ssl";
	struct buffer out = BUFFER_INIT(65536);
	struct import_plan plan;

	(void)state;
	import_plan_init(&plan, "rc", NULL);
	import_fetchmail.read(span_from_str(text), &plan);
	import_name_sources(&plan);
	import_print(&plan, &out);
	assert_null(strstr(buffer_cstr(&out), "[daemon]"));
	assert_null(strstr(buffer_cstr(&out), "a ; b"));
	assert_non_null(strstr(buffer_cstr(&plan.notes.text), "user: this value cannot stand"));
	assert_non_null(
		strstr(buffer_cstr(&plan.notes.text), "recipient: this value cannot stand"));
	import_plan_release(&plan);
	buffer_release(&out);
}

/* Memory -----------------------------------------------------------------------------------------
 */

struct memory {
	const struct import_program *program;
	const char *text;
	size_t len;
	bool good;
	uint32_t uidvalidity, last_uid;
	uint32_t fetched[4]; /* ended by 0 */
};

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct memory memories[] = {
	{&import_fetchmail,
	 TEXT("u@h 0000000100000007\nu@g 0000000500000009\n\nuu@h x\nu@h 0000001A00000007\n"),
	 true,
	 7,
	 0,
	 {1, 26}},
	{&import_fetchmail, TEXT("u@h 0000000100000007\nu@h 1-2\n"), false, 0, 0, {0}},
	{&import_fetchmail, TEXT("u@h 0000000100000007\nu@h 0000000200000008\n"), false, 0, 0, {0}},
	{&import_fetchmail, TEXT("u@h 000000010000000g\n"), false, 0, 0, {0}},
	{&import_fetchmail, TEXT("u@h 0000000100000007x\n"), false, 0, 0, {0}},
	{&import_fetchmail, TEXT("u@h 0000000000000007\n"), false, 0, 0, {0}},
	{&import_fetchmail, TEXT("u@h \n"), false, 0, 0, {0}},
	{&import_fetchmail, TEXT("u@g 0000000100000007\n"), false, 0, 0, {0}},
	{&import_fetchmail, TEXT("u@h 0000000100000007\nu@h 00000002000000"), false, 0, 0, {0}},
	{&import_getmail, TEXT("7/1\0001700000000\n7/3\0001700000000\n"), true, 7, 0, {1, 3}},
	{&import_getmail, TEXT("7/INBOX/4\0001700000000\n"), true, 7, 0, {4}},
	{&import_getmail, TEXT("7/1\0001\n8/2\0001\n7/3\0001\n"), true, 8, 0, {2}},
	{&import_getmail, TEXT("7/1\0001\n8/2"), false, 7, 0, {0}},
	{&import_getmail, TEXT("uidl\0001\n"), false, 0, 0, {0}},
	{&import_mbsync,
	 TEXT("FarUidValidity 7\nNearUidValidity 1\nMaxPulledUid 5\nMaxPushedUid 5\n\n1 1 S\n5 2 "
	      "\n"),
	 true,
	 7,
	 5,
	 {1, 5}},
	{&import_mbsync,
	 TEXT("MasterUidValidity 9\nSlaveUidValidity 1\nMaxPulledUid 2\nMaxPushedUid 2\n\n2 0 \n"),
	 true,
	 9,
	 2,
	 {2}},
	/* 3 is still to come, 4 is there. */
	{&import_mbsync,
	 TEXT("FarUidValidity 7\nMaxPulledUid 4\n\n1 1 \n3 0 !\n4 2 \n"),
	 true,
	 7,
	 2,
	 {1, 4}},
	{&import_mbsync, TEXT("FarUidValidity 7\nMaxPulledUid 4\n\n0 9 S\n"), true, 7, 4, {0}},
	{&import_mbsync, TEXT("FarUidValidity 7\nMaxPulledUid 4\n"), false, 7, 4, {0}},
	{&import_mbsync, TEXT("FarUidValidity 7\nMaxPulledUid 4\n\n1 1 S"), false, 7, 4, {0}},
	{&import_mbsync, TEXT("FarUidValidity 4294967296\n\n"), false, 0, 0, {0}},
};

static void what_was_fetched(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(memories); i++) {
		const struct memory *memory = &memories[i];
		struct import_recall recall = {.who = "u@h"};
		size_t count = 0;
		bool good =
			memory->program->recall((struct span){memory->text, memory->len}, &recall);

		assert_int_equal(good, memory->good);
		while (count < 4 && memory->fetched[count] != 0)
			count++;
		if (good) {
			assert_int_equal(recall.uidvalidity, memory->uidvalidity);
			assert_int_equal(recall.last_uid, memory->last_uid);
			assert_int_equal(recall.fetched.count, count);
			for (size_t u = 0; u < count; u++)
				assert_int_equal(recall.fetched.uid[u], memory->fetched[u]);
		}
		uid_list_release(&recall.fetched);
	}
}

/* As the programs look for it; a file of another name needs --from. */
static void the_name_says_whose_it_is(void **state)
{
	static const char *const names[] = {".fetchmailrc", "getmailrc", ".mbsyncrc",
					    "isyncrc",	    "fdm.conf",	 "mail.conf"};
	char dir[32];

	(void)state;
	assert_true(scratch_make(dir, sizeof(dir), "import"));
	for (size_t i = 0; i < COUNT(names); i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);
		const struct import_request request = {.file = path};
		struct buffer sections = BUFFER_INIT(4096), notes = BUFFER_INIT(4096);
		struct err err = ERR_INIT;

		assert_true(scratch_write(dir, names[i], span_from_str("# nothing\n"), 0600));
		assert_int_equal(import_run(&request, &sections, &notes, &err), OUTCOME_CONFIG);
		assert_int_equal(strstr(err.text, "whose configuration is it?") == NULL,
				 i + 1 < COUNT(names));
		buffer_release(&sections);
		buffer_release(&notes);
		free(path);
	}
	assert_true(scratch_remove(dir));
}

/* sudo mailoauth-fetch --import /home/alice/.getmailrc: "~/Maildir" is hers. */
static void home_is_the_owners(void **state)
{
	const struct passwd *other = getpwnam("nobody");
	char dir[32], *path, *home = other != NULL ? xstrdup(other->pw_dir) : NULL;

	(void)state;
	if (geteuid() != 0 || other == NULL)
		skip();
	assert_true(scratch_make(dir, sizeof(dir), "import"));
	assert_true(scratch_write(dir, "getmailrc", span_from_str(""), 0600));
	path = xasprintf("%s/getmailrc", dir);
	assert_string_equal(import_home(path), getenv("HOME"));
	assert_int_equal(chown(path, other->pw_uid, other->pw_gid), 0);
	assert_string_equal(import_home(path), home);
	assert_true(scratch_remove(dir));
	free(path);
	free(home);
}

/* Said once, and what is past them is not kept. */
static void more_keys_than_there_are(void **state)
{
	struct buffer text = BUFFER_INIT(65536);
	struct import_plan plan;

	(void)state;
	assert_true(buffer_append_str(&text, "[options]\n"));
	for (size_t i = 0; i < 1500; i++)
		assert_true(buffer_printf(&text, "key%zu = s3cret\n", i));
	import_plan_init(&plan, "rc", "/home/u");
	import_getmail.read(buffer_span(&text), &plan);
	assert_int_equal(count_of(buffer_cstr(&plan.problems.text), "rc:1002: more than"), 1);
	assert_int_equal(count_of(buffer_cstr(&plan.problems.text), "more than"), 1);
	import_plan_release(&plan);
	buffer_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_becomes_of_it),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(our_parser_takes_it),
		cmocka_unit_test(mistakes_have_their_line),
		cmocka_unit_test(values_stay_values),
		cmocka_unit_test(hosts_are_the_presets),
		cmocka_unit_test(the_name_says_whose_it_is),
		cmocka_unit_test(home_is_the_owners),
		cmocka_unit_test(what_was_fetched),
		cmocka_unit_test(more_keys_than_there_are),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
