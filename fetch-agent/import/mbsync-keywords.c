/* SPDX-License-Identifier: MIT */
/* mbsync-keywords.c - see mbsync-keywords.h. */
#include "fetch-agent/import/mbsync-keywords.h"

#include <strings.h>

#include "common/banned.h"

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
	{"TLSType", NULL},
	{"UseIMAPS", NULL},
	{"RequireSSL", NULL},
	{"SSLVersion", "not carried over: TLS 1.2 or later is always used"},
	{"SSLVersions", "not carried over: TLS 1.2 or later is always used"},
	{"TLSVersions", "not carried over: TLS 1.2 or later is always used"},
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
	{"ExpungeSolo", NULL},
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

void mbsync_note_all(const struct mbsync_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct mbsync_section *section = &file->sections[i];

		for (size_t s = 0; s < section->count; s++) {
			const struct mbsync_setting *setting = &section->settings[s];
			const struct remark *remark = find_remark(setting->keyword);

			if (remark == NULL)
				import_problem(file->plan, setting->line,
					       "%s is not a keyword of mbsync", setting->keyword);
			else if (remark->note != NULL)
				import_note(file->plan, setting->line, "%s: %s", remark->keyword,
					    remark->note);
		}
		if (section->kind == MBSYNC_GROUP)
			import_note(
				file->plan, section->line,
				"Group %s: not carried over: every section is fetched, or those "
				"of one file given with --config",
				section->name);
	}
}
