/* SPDX-License-Identifier: MIT */
/* names.c - see names.h. */
#include "token-helper/explain/names.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "common/banned.h"

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("@._+-", c) != NULL);
}

/* A name does not begin like an option, and a sentence's end is no part of it. */
static size_t name_length(struct span text)
{
	size_t len = 0;

	if (text.len == 0 || text.ptr[0] == '-')
		return 0;
	while (len < text.len && is_name_byte(text.ptr[len]))
		len++;
	while (len > 0 && strchr(".-", text.ptr[len - 1]) != NULL)
		len--;
	return len <= NAME_MAX_BYTES ? len : 0;
}

static bool take(struct span name, char *out)
{
	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return false;
	memcpy(out, name.ptr, name.len);
	out[name.len] = '\0';
	return true;
}

static struct span rest_after(struct span line, const char *word)
{
	size_t len = strlen(word);
	const char *hit = memmem(line.ptr, line.len, word, len);

	if (hit == NULL)
		return (struct span){NULL, 0};
	return (struct span){hit + len, (size_t)(line.ptr + line.len - hit) - len};
}

/* The name that follows `word`, and what stands behind that name. */
static struct span name_after(struct span line, const char *word, char end)
{
	struct span rest = rest_after(line, word);
	size_t len;

	if (rest.len > 0 && rest.ptr[0] == '<')
		rest = (struct span){rest.ptr + 1, rest.len - 1};
	len = name_length(rest);
	if (end != '\0' && (len >= rest.len || rest.ptr[len] != end))
		len = 0;
	return (struct span){rest.ptr, len};
}

static bool is_address_byte(char c)
{
	return isxdigit((unsigned char)c) || c == '.' || c == ':';
}

/* "name[address]": the name, when it and the address look like that. at: the '['. */
static struct span host_before(struct span line, size_t at)
{
	size_t begin = at, close = at + 1;
	bool dot = false, parted = false;

	while (begin > 0 && is_name_byte(line.ptr[begin - 1])) {
		begin--;
		dot = dot || line.ptr[begin] == '.';
	}
	while (close < line.len && is_address_byte(line.ptr[close])) {
		parted = parted || !isxdigit((unsigned char)line.ptr[close]);
		close++;
	}
	if (!dot || !parted || close == line.len || line.ptr[close] != ']')
		return (struct span){NULL, 0};
	return (struct span){line.ptr + begin, at - begin};
}

static void find_host(struct span line, char *host)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '[' && take(host_before(line, i), host))
			return;
	}
	(void)take(name_after(line, "host=", '\0'), host);
}

/* The name that ends where `word` begins. */
static struct span name_before(struct span line, const char *word)
{
	const char *hit = memmem(line.ptr, line.len, word, strlen(word));
	size_t len = 0;

	if (hit == NULL)
		return (struct span){NULL, 0};
	while (len < (size_t)(hit - line.ptr) && is_name_byte(hit[-1 - (ptrdiff_t)len]))
		len++;
	return (struct span){hit - len, hit[-(ptrdiff_t)len] == '-' ? 0 : len};
}

/* Exchange: "SendAsDenied; a@x not allowed to send as b@y; ..." */
static void find_sender(struct span line, struct names *names)
{
	static const char words[] = " not allowed to send as ";
	struct span logged_in = name_before(line, words), sender = name_after(line, words, '\0');

	if (logged_in.len > 0 && take(sender, names->sender))
		(void)take(logged_in, names->user);
}

void names_find(struct span line, struct names *names)
{
	*names = (struct names){.account = ""};
	if (!take(name_after(line, "account=", '\0'), names->account))
		(void)take(name_after(line, "account ", ':'), names->account);
	find_host(line, names->host);
	find_sender(line, names);
}

/* Filling in ------------------------------------------------------------------------------------
 */

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* The name that stands for the word at the start of text; NULL: none does. */
static const char *stands_for(const char *text, const struct names *names, size_t *len_out)
{
	const struct {
		const char *word, *name;
	} words[] = {
		{"ACCOUNT", names->account},
		{"HOST", names->host},
		{"LOGGED-IN", names->user},
		{"SENDER", names->sender},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);

		if (words[i].name[0] != '\0' && strncmp(text, words[i].word, len) == 0 &&
		    !is_word_byte(text[len])) {
			*len_out = len;
			return words[i].name;
		}
	}
	return NULL;
}

void names_fill_in(struct buffer *out, const char *text, const struct names *names)
{
	char before = ' ';

	while (*text != '\0') {
		size_t len = 1;
		const char *name = is_word_byte(before) ? NULL : stands_for(text, names, &len);

		if (name != NULL)
			(void)buffer_append_str(out, name);
		else
			(void)buffer_append_byte(out, *text);
		before = text[len - 1];
		text += len;
	}
}
