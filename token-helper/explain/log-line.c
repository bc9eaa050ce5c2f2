/* SPDX-License-Identifier: MIT */
/* log-line.c - see log-line.h. */
#include "token-helper/explain/log-line.h"

#include <ctype.h>
#include <string.h>

#include "common/banned.h"

#define TAG_MAX 128

/* Programs that log in to somebody else's server. Of Postfix's, those that speak SMTP as clients,
 * and those that tell of them. */
static const char *const programs[] = {
	"mailoauth", "mailoauthd", "mailoauth-fetch", "mbsync",
	"msmtp",     "fetchmail",  "getmail",	      "mpop",
	"mutt",	     "neomutt",	   "imapsync",	      "offlineimap",
	"sendmail",  "exim",	   "exim4",	      "nullmailer",
};
static const char *const postfix[] = {"/smtp", "/lmtp", "/error", "/qmgr", "/master", "/bounce"};

static bool contains(struct span text, const char *part)
{
	return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* "postfix/smtp" of "Nov 25 09:12:44 mx postfix/smtp[4711]: …"; empty: no such thing. */
static struct span tag_of(struct span line)
{
	static const char end[] = "]: ";
	const char *hit = memmem(line.ptr, line.len, end, sizeof(end) - 1);
	const char *open = hit, *begin;

	if (hit == NULL)
		return (struct span){NULL, 0};
	while (open > line.ptr && isdigit((unsigned char)open[-1]))
		open--;
	if (open == hit || open == line.ptr || open[-1] != '[')
		return (struct span){NULL, 0};
	begin = --open;
	while (begin > line.ptr && begin[-1] != ' ' && open - begin < TAG_MAX)
		begin--;
	return (struct span){begin, begin > line.ptr ? (size_t)(open - begin) : 0};
}

static bool ends_in(struct span tag, const char *end)
{
	size_t len = strlen(end);

	return tag.len >= len && memcmp(tag.ptr + tag.len - len, end, len) == 0;
}

static bool is_client(struct span tag)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (span_equals(tag, programs[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(postfix) / sizeof(postfix[0]); i++) {
		if (ends_in(tag, postfix[i]))
			return true;
	}
	return false;
}

bool log_line_concerns(struct span line)
{
	struct span tag = tag_of(line);

	return tag.len == 0 || (is_client(tag) && !contains(line, "status=sent"));
}

bool log_line_delivers(struct span line)
{
	return contains(line, "fetch=") || contains(line, "/lmtp[");
}
