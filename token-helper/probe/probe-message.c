/* SPDX-License-Identifier: MIT */
/*
 * probe-message.c - the message of --send-to: RFC 5322, and RFC 3834's word that no robot answers.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "token-helper/probe/probe-dialogue.h"

#include "common/banned.h"

#define ADDRESS_MAX 254 /* RFC 5321 4.5.3.1.3 */

bool probe_address_is_plain(const char *address)
{
	size_t len = strlen(address);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)address[i];

		if (c <= ' ' || c >= 0x7f || strchr("<>()[]\\,;:\"", c) != NULL)
			return false;
	}
	return len > 0 && len <= ADDRESS_MAX;
}

static bool is_mailbox(const char *address)
{
	const char *at = strchr(address, '@');

	return probe_address_is_plain(address) && at != NULL && at != address && at[1] != '\0' &&
	       strchr(at + 1, '@') == NULL;
}

/* RFC 5322 3.3, in UTC and in English whatever the locale. */
static bool append_date(struct buffer *out, int64_t now_s)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = (time_t)now_s;
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL)
		return false;
	return buffer_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n",
			     days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
			     tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool probe_message(const char *from, const char *to, const char *account, int64_t now_s,
		   const char *unique, const char *host, struct buffer *out)
{
	if (!is_mailbox(from) || !is_mailbox(to))
		return false;
	(void)append_date(out, now_s);
	(void)buffer_printf(out, "From: <%s>\r\nTo: <%s>\r\n", from, to);
	(void)buffer_printf(out, "Message-ID: <%s.mailoauth-test@%s>\r\n", unique,
			    strchr(from, '@') + 1);
	(void)buffer_append_str(out, "Subject: mailoauth test\r\n"
				     "Auto-Submitted: auto-generated\r\n"
				     "MIME-Version: 1.0\r\n"
				     "Content-Type: text/plain; charset=us-ascii\r\n"
				     "\r\n");
	(void)buffer_printf(out,
			    "This message was sent by \"mailoauth test %s --send-to\" on %s.\r\n"
			    "Nothing needs to be done about it.\r\n.\r\n",
			    account, host);
	return buffer_ok(out);
}
