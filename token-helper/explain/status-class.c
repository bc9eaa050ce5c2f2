/* SPDX-License-Identifier: MIT */
/* status-class.c - see status-class.h. */
#include "token-helper/explain/status-class.h"

#include <ctype.h>
#include <string.h>

#include "common/banned.h"

#define ENTRA_PAGE "https://login.microsoftonline.com/error?code="

/* Words of status. 'd' stands for a digit; a word is not part of a longer one. */
static const struct {
	const char *word;
	const char *meaning;
} words[] = {
	{"HTTP 400", "HTTP 400: the server does not take the request as it is"},
	{"HTTP 401", "HTTP 401: the server does not take the client's id or secret, or the token"},
	{"HTTP 403", "HTTP 403: the server knows who asks, and refuses"},
	{"HTTP 404", "HTTP 404: there is nothing at that URL: is it right?"},
	{"HTTP 407", "HTTP 407: a proxy wants a login: set proxy in mailoauth.conf"},
	{"HTTP 429", "HTTP 429: asked too often: it is tried again later"},
	{"HTTP 3dd", "HTTP 3xx: another URL is to be asked, which is not done with secrets"},
	{"HTTP 4dd", "HTTP 4xx: the server refuses; the same request will be refused again"},
	{"HTTP 5dd", "HTTP 5xx: the server has trouble of its own: it is tried again"},
	{"530", "530: SMTP wants a login, or encryption, first"},
	{"534", "534: SMTP wants another mechanism or a person"},
	{"535", "535: SMTP refuses the login: user, token or right"},
	{"538", "538: SMTP wants encryption for this mechanism"},
	{"421", "421: SMTP: the server ends the connection; it is tried again"},
	{"454", "454: SMTP: the login could not be checked now; it is tried again"},
	{"4dd", "4xx: SMTP refuses for now: Postfix keeps the message and tries again"},
	{"5dd", "5xx: SMTP refuses for good: Postfix returns the message"},
	{"d.0.d", "enhanced status x.0: no more is said"},
	{"d.1.d", "enhanced status x.1: about an address"},
	{"d.2.d", "enhanced status x.2: about the mailbox"},
	{"d.3.d", "enhanced status x.3: about the server's system"},
	{"d.4.d", "enhanced status x.4: about the network or the way"},
	{"d.5.d", "enhanced status x.5: about the protocol: commands and their arguments"},
	{"d.6.d", "enhanced status x.6: about what is in the message"},
	{"d.7.d", "enhanced status x.7: about security and policy: logins, rights, filters"},
	{"NO", "NO: IMAP: understood, and refused"},
	{"BAD", "BAD: IMAP: not understood, or not now"},
	{"BYE", "BYE: IMAP: the server ends the connection"},
	{"-ERR", "-ERR: POP: refused"},
};

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

/* The last number of an enhanced status has up to three digits. */
static size_t matches(struct span text, const char *word)
{
	size_t len = strlen(word), i;

	for (i = 0; i < len; i++) {
		if (i == text.len || (word[i] == 'd' ? !isdigit((unsigned char)text.ptr[i])
						     : text.ptr[i] != word[i]))
			return 0;
	}
	while (word[1] == '.' && i < text.len && i < len + 2 && isdigit((unsigned char)text.ptr[i]))
		i++;
	return i;
}

static bool stands_in(struct span text, const char *word)
{
	for (size_t i = 0; i < text.len; i++) {
		struct span rest = {text.ptr + i, text.len - i};
		size_t len = i > 0 && is_word_byte(text.ptr[i - 1]) ? 0 : matches(rest, word);

		if (len > 0 && (len == rest.len || !is_word_byte(rest.ptr[len]) ||
				(rest.ptr[len] == '.' && word[1] != '.')))
			return true;
	}
	return false;
}

/* A row of one kind is enough: 535 says more than 5xx. */
static char kind_of(const char *word)
{
	if (word[1] == '.')
		return '.';
	return word[0] == 'H' || isalpha((unsigned char)word[0]) || word[0] == '-' ? word[0] : 's';
}

static void append_entra(struct buffer *out, struct span text)
{
	static const char name[] = "AADSTS";
	const char *hit = memmem(text.ptr, text.len, name, sizeof(name) - 1);
	size_t begin, end;

	if (hit == NULL)
		return;
	begin = end = (size_t)(hit - text.ptr) + sizeof(name) - 1;
	while (end < text.len && isdigit((unsigned char)text.ptr[end]) && end - begin < 12)
		end++;
	if (end > begin)
		(void)buffer_printf(out,
				    "an error of Microsoft Entra; what it says of it: " ENTRA_PAGE
				    "%.*s\n",
				    (int)(end - begin), text.ptr + begin);
}

void status_class_append(struct buffer *out, struct span text)
{
	char seen[8] = "";
	size_t count = 0;

	append_entra(out, text);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char kind = kind_of(words[i].word);

		if (strchr(seen, kind) != NULL || !stands_in(text, words[i].word))
			continue;
		/* "HTTP 503" has a number that looks like SMTP's. */
		if (kind == 's' && strchr(seen, 'H') != NULL)
			continue;
		(void)buffer_printf(out, "%s\n", words[i].meaning);
		seen[count++] = kind;
		if (count == sizeof(seen) - 1)
			return;
	}
}
