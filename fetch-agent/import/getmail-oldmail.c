/* SPDX-License-Identifier: MIT */
/* getmail-oldmail.c - see getmail-oldmail.h. */
#include "fetch-agent/import/getmail-oldmail.h"

#include <stdlib.h>
#include <string.h>

#include "common/scanner.h"
#include "common/xalloc.h"

#include "common/banned.h"

char *getmail_oldmail_path(const struct import_plan *plan, const struct import_source *source,
			   const char *port, const char *folder)
{
	static const char odd[] = "/\\:;<>|";
	const char *file = plan->file, *slash = strrchr(file, '/');
	struct buffer name = BUFFER_INIT(4096);
	char *text, *path, *to;
	size_t prefix;

	(void)buffer_printf(&name, "oldmail-%s-%s-%s", source->value[IMPORT_HOST], port,
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

bool getmail_oldmail_recall(struct span text, struct import_recall *recall)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	while (scan_until(&scan, '\n', 4096, &line)) {
		if (line.len > 0 && !recall_line(line, recall))
			return false;
	}
	return scanner_at_end(&scan);
}
