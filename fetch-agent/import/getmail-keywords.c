/* SPDX-License-Identifier: MIT */
/* getmail-keywords.c - see getmail-keywords.h. */
#include "fetch-agent/import/getmail-keywords.h"

#include <string.h>

#include "common/banned.h"

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

static const char *unknown_note(const struct getmail_entry *entry)
{
	if (strncmp(entry->section, "filter", 6) == 0)
		return "not carried over: there are no filters: let the MDA or the MTA run them";
	if (strcmp(entry->section, "retriever") != 0 &&
	    strcmp(entry->section, "destination") != 0 && strcmp(entry->section, "options") != 0)
		return "not carried over: a section has one destination, that of [destination]";
	for (size_t i = 0; i < sizeof(unknowns) / sizeof(unknowns[0]); i++) {
		if (strcmp(unknowns[i].section, entry->section) == 0 &&
		    strcmp(unknowns[i].key, entry->key) == 0)
			return unknowns[i].note;
	}
	return "not carried over: getmail does not document it";
}

void getmail_note_rest(const struct getmail_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct getmail_entry *entry = &file->entries[i];
		const char *note = unknown_note(entry);

		if (!entry->used && note != NULL && strcmp(entry->section, "DEFAULT") != 0)
			import_note(file->plan, entry->line, "[%s] %s: %s", entry->section,
				    entry->key, note);
	}
}
