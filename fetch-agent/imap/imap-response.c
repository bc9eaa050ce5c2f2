/* SPDX-License-Identifier: MIT */
/* imap-response.c - see imap-response.h. */
#include "fetch-agent/imap/imap-response.h"

#include "common/scanner.h"

#include "common/banned.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool take_number(struct scanner *scan, uint32_t *out)
{
	uint64_t value;

	while (scanner_left(scan) > 1 && *scan->cur == '0')
		scan->cur++;
	if (!scan_u64(scan, UINT32_MAX, &value) || value == 0)
		return false;
	*out = (uint32_t)value;
	return true;
}

bool imap_set_next(struct imap_set *set, uint32_t *first_out, uint32_t *last_out)
{
	struct scanner scan;
	uint32_t first;
	uint32_t last;

	if (set->text.len == 0)
		return false;
	scan = scanner_over(set->text);
	while (scan_byte(&scan, ' ') || scan_byte(&scan, ','))
		;
	if (scanner_at_end(&scan)) {
		set->text.len = 0;
		return false;
	}
	if (!take_number(&scan, &first))
		return false;
	last = first;
	if (scan_byte(&scan, ':') && !take_number(&scan, &last))
		return false;
	if (!scanner_at_end(&scan) && *scan.cur != ' ' && *scan.cur != ',')
		return false;
	set->text = (struct span){scan.cur, scanner_left(&scan)};
	*first_out = first < last ? first : last;
	*last_out = first < last ? last : first;
	return true;
}

static bool separates(char c)
{
	return c == ' ' || c == '(' || c == ')';
}

bool imap_word_next(struct span *words, struct span *word_out)
{
	const char *p = words->ptr;
	const char *start;
	const char *end;

	if (words->len == 0)
		return false;
	end = p + words->len;
	while (p < end && separates(*p))
		p++;
	start = p;
	while (p < end && !separates(*p))
		p++;
	*words = (struct span){p, (size_t)(end - p)};
	if (p == start)
		return false;
	*word_out = (struct span){start, (size_t)(p - start)};
	return true;
}

unsigned imap_flags_parse(struct span words)
{
	static const struct {
		const char *word;
		enum imap_flag flag;
	} table[] = {
		{"\\Seen", IMAP_FLAG_SEEN},	  {"\\Answered", IMAP_FLAG_ANSWERED},
		{"\\Flagged", IMAP_FLAG_FLAGGED}, {"\\Deleted", IMAP_FLAG_DELETED},
		{"\\Draft", IMAP_FLAG_DRAFT},	  {"\\Recent", IMAP_FLAG_RECENT},
		{"\\*", IMAP_FLAG_ANY},
	};
	unsigned flags = 0;
	struct span word;

	while (imap_word_next(&words, &word)) {
		for (size_t i = 0; *word.ptr == '\\' && i < COUNT(table); i++) {
			if (span_equals_nocase(word, table[i].word))
				flags |= (unsigned)table[i].flag;
		}
	}
	return flags;
}

/* count digits, the value at most max. */
static bool take_digits(struct scanner *scan, size_t count, int max, int *out)
{
	struct span digits;
	int value = 0;

	if (!scan_take(scan, count, &digits))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
		value = value * 10 + (digits.ptr[i] - '0');
	}
	*out = value;
	return value <= max;
}

static bool take_month(struct scanner *scan, int *out)
{
	static const char names[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct span word;

	if (!scan_take(scan, 3, &word))
		return false;
	for (int i = 0; i < (int)COUNT(names); i++) {
		if (span_equals_nocase(word, names[i])) {
			*out = i + 1;
			return true;
		}
	}
	return false;
}

/* Days from 1970-01-01; years begin in March here, so that the leap day comes last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

static bool take_zone(struct scanner *scan, int64_t *seconds_out)
{
	bool west = scan_byte(scan, '-');
	int hours;
	int minutes;

	if (!west && !scan_byte(scan, '+'))
		return false;
	if (!take_digits(scan, 2, 23, &hours) || !take_digits(scan, 2, 59, &minutes))
		return false;
	*seconds_out = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

bool imap_date_parse(struct span text, int64_t *seconds_out)
{
	struct scanner scan = scanner_over(text);
	int64_t zone = 0;
	int day, month, year, hour, minute, second;

	while (scan_byte(&scan, ' '))
		;
	if (!take_digits(&scan, scanner_left(&scan) > 1 && scan.cur[1] == '-' ? 1 : 2, 31, &day) ||
	    day == 0 || !scan_byte(&scan, '-') || !take_month(&scan, &month) ||
	    !scan_byte(&scan, '-') || !take_digits(&scan, 4, 9999, &year) || year == 0)
		return false;
	if (!scan_byte(&scan, ' ') || !take_digits(&scan, 2, 23, &hour) || !scan_byte(&scan, ':') ||
	    !take_digits(&scan, 2, 59, &minute) || !scan_byte(&scan, ':') ||
	    !take_digits(&scan, 2, 60, &second))
		return false;
	if (!scan_byte(&scan, ' ') || !take_zone(&scan, &zone) || !scanner_at_end(&scan))
		return false;
	*seconds_out =
		days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
	return true;
}

const char *imap_status_name(enum imap_status status)
{
	static const char *const names[] = {
		[IMAP_STATUS_OK] = "OK",	   [IMAP_STATUS_NO] = "NO",
		[IMAP_STATUS_BAD] = "BAD",	   [IMAP_STATUS_BYE] = "BYE",
		[IMAP_STATUS_PREAUTH] = "PREAUTH",
	};

	return (size_t)status < COUNT(names) ? names[status] : "";
}

static const char *const code_names[] = {
	[IMAP_CODE_NONE] = "",
	[IMAP_CODE_UNKNOWN] = "",
	[IMAP_CODE_ALERT] = "ALERT",
	[IMAP_CODE_ALREADYEXISTS] = "ALREADYEXISTS",
	[IMAP_CODE_APPENDUID] = "APPENDUID",
	[IMAP_CODE_AUTHENTICATIONFAILED] = "AUTHENTICATIONFAILED",
	[IMAP_CODE_AUTHORIZATIONFAILED] = "AUTHORIZATIONFAILED",
	[IMAP_CODE_BADCHARSET] = "BADCHARSET",
	[IMAP_CODE_BADEVENT] = "BADEVENT",
	[IMAP_CODE_CANNOT] = "CANNOT",
	[IMAP_CODE_CAPABILITY] = "CAPABILITY",
	[IMAP_CODE_CLIENTBUG] = "CLIENTBUG",
	[IMAP_CODE_CLOSED] = "CLOSED",
	[IMAP_CODE_COMPRESSIONACTIVE] = "COMPRESSIONACTIVE",
	[IMAP_CODE_CONTACTADMIN] = "CONTACTADMIN",
	[IMAP_CODE_COPYUID] = "COPYUID",
	[IMAP_CODE_CORRUPTION] = "CORRUPTION",
	[IMAP_CODE_EXPIRED] = "EXPIRED",
	[IMAP_CODE_EXPUNGEISSUED] = "EXPUNGEISSUED",
	[IMAP_CODE_HASCHILDREN] = "HASCHILDREN",
	[IMAP_CODE_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
	[IMAP_CODE_INUSE] = "INUSE",
	[IMAP_CODE_LIMIT] = "LIMIT",
	[IMAP_CODE_MAILBOXID] = "MAILBOXID",
	[IMAP_CODE_MODIFIED] = "MODIFIED",
	[IMAP_CODE_NOMODSEQ] = "NOMODSEQ",
	[IMAP_CODE_NONEXISTENT] = "NONEXISTENT",
	[IMAP_CODE_NOPERM] = "NOPERM",
	[IMAP_CODE_NOTIFICATIONOVERFLOW] = "NOTIFICATIONOVERFLOW",
	[IMAP_CODE_OVERQUOTA] = "OVERQUOTA",
	[IMAP_CODE_PARSE] = "PARSE",
	[IMAP_CODE_PERMANENTFLAGS] = "PERMANENTFLAGS",
	[IMAP_CODE_PRIVACYREQUIRED] = "PRIVACYREQUIRED",
	[IMAP_CODE_READ_ONLY] = "READ-ONLY",
	[IMAP_CODE_READ_WRITE] = "READ-WRITE",
	[IMAP_CODE_REFERRAL] = "REFERRAL",
	[IMAP_CODE_SERVERBUG] = "SERVERBUG",
	[IMAP_CODE_THROTTLED] = "THROTTLED",
	[IMAP_CODE_TRYCREATE] = "TRYCREATE",
	[IMAP_CODE_UIDNEXT] = "UIDNEXT",
	[IMAP_CODE_UIDNOTSTICKY] = "UIDNOTSTICKY",
	[IMAP_CODE_UIDVALIDITY] = "UIDVALIDITY",
	[IMAP_CODE_UNAVAILABLE] = "UNAVAILABLE",
	[IMAP_CODE_UNKNOWN_CTE] = "UNKNOWN-CTE",
	[IMAP_CODE_UNSEEN] = "UNSEEN",
	[IMAP_CODE_WEBALERT] = "WEBALERT",
};

const char *imap_code_name(enum imap_code code)
{
	return (size_t)code < COUNT(code_names) ? code_names[code] : "";
}

enum imap_code imap_code_parse(struct span name)
{
	for (size_t i = IMAP_CODE_UNKNOWN + 1; i < COUNT(code_names); i++) {
		if (span_equals_nocase(name, code_names[i]))
			return (enum imap_code)i;
	}
	return IMAP_CODE_UNKNOWN;
}
