/* SPDX-License-Identifier: MIT */
/* notice-mail.c - see notice-mail.h. */
#include "token-helper/accounts/notice-mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "common/banned.h"

#define LINE_BYTES 900 /* of a header or of the text: RFC 5322 2.1.1 has 998 */

static void line(struct buffer *message, const char *eol, const char *name, const char *text)
{
	size_t len = strnlen(text, LINE_BYTES);

	(void)buffer_append_str(message, name);
	for (size_t i = 0; i < len; i++)
		(void)buffer_append_byte(
			message, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
	(void)buffer_append_str(message, eol);
}

/* RFC 5322 3.3, in words that no locale changes. */
static void date(struct buffer *message, const char *eol, int64_t now_s)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)now_s;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL)
		return;
	(void)buffer_printf(message, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000%s",
			    &days[3 * tm.tm_wday], tm.tm_mday, &months[3 * tm.tm_mon],
			    1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec, eol);
}

/* "client-secret-1798761599-7" and the others, in words. */
static void subject(const char *account, const char *what, char *text, size_t size)
{
	const char *mark = strrchr(what, '-');
	const char *at = mark;
	long days;

	while (at != NULL && at > what && at[-1] != '-')
		at--;
	days = mark != NULL ? strtol(mark + 1, NULL, 10) : 0;
	if (strcmp(what, "reauth-required") == 0)
		(void)snprintf(text, size, "mailoauth: %s: somebody must sign in again", account);
	else if (mark == NULL || at == what)
		(void)snprintf(text, size, "mailoauth: %s: the configuration needs you", account);
	else if (days == 0)
		(void)snprintf(text, size, "mailoauth: %s: the %.*s has ended", account,
			       (int)(at - 1 - what), what);
	else
		(void)snprintf(text, size, "mailoauth: %s: the %.*s ends within %ld day%s", account,
			       (int)(at - 1 - what), what, days, days == 1 ? "" : "s");
}

void notice_mail(const char *to, const char *account, const char *what, const char *advice,
		 int64_t now_s, const char *eol, struct buffer *message)
{
	struct utsname host = {.nodename = "?"};
	char text[256];

	(void)uname(&host);
	(void)buffer_printf(message, "From: mailoauthd <%s>%sTo: %s%s", to, eol, to, eol);
	subject(account, what, text, sizeof(text));
	line(message, eol, "Subject: ", text);
	date(message, eol, now_s);
	(void)buffer_printf(message,
			    "Auto-Submitted: auto-generated%sMIME-Version: 1.0%s"
			    "Content-Type: text/plain; charset=utf-8%s"
			    "Content-Transfer-Encoding: 8bit%s%s",
			    eol, eol, eol, eol, eol);
	line(message, eol, "The OAuth account needs a person: ", account);
	line(message, eol, "On:    ", host.nodename);
	line(message, eol, "What:  ", what);
	line(message, eol, "To do: ", advice);
	(void)buffer_append_str(message, eol);
	line(message, eol, "More:  mailoauth status ", account);
	line(message, eol, "", "This is said once; again when it is over and comes back.");
}
