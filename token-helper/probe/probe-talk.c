/* SPDX-License-Identifier: MIT */
/* probe-talk.c - what the dialogues share: the words of a reply, and the mechanisms in it. */
#include <stdio.h>
#include <string.h>

#include "token-helper/probe/probe-dialogue.h"

#include "common/banned.h"

#define AUTH_SIZE 128 /* "AUTH ", a mechanism's name (RFC 4422: 20 bytes) and a space */

void talk_forget(struct talk *talk)
{
	buffer_clear(&talk->said);
	talk->refused = false;
	talk->later = false;
}

bool talk_keep(struct talk *talk, struct span line)
{
	if (talk->said.len > 0)
		(void)buffer_append_byte(&talk->said, ' ');
	return buffer_append_span(&talk->said, line);
}

enum outcome talk_too_much(struct err *err)
{
	return err_set(err, OUTCOME_PROTOCOL, "the server's reply has no end");
}

enum outcome talk_refused(struct talk *talk, const char *asked, struct err *err)
{
	talk->refused = true;
	return err_set(err, OUTCOME_CONFIG, "%s: %s", asked, buffer_cstr(&talk->said));
}

bool line_starts(struct span line, const char *text)
{
	size_t len = strlen(text);

	return line.len >= len && span_equals_nocase((struct span){line.ptr, len}, text);
}

enum outcome talk_auth(struct talk *talk, const char *mechanism, struct span initial,
		       size_t line_max, bool *sent_out, struct err *err)
{
	char before[AUTH_SIZE];
	int len = snprintf(before, sizeof(before), "AUTH %s ", mechanism);

	*sent_out = (size_t)len + initial.len + 2 <= line_max;
	if (!*sent_out)
		return wire_say(talk->wire, err, "AUTH %s", mechanism);
	return wire_say_secret(talk->wire, before, initial, err);
}

static bool next_word(struct span *words, struct span *word_out)
{
	const char *space;

	while (words->len > 0 && words->ptr[0] == ' ')
		*words = (struct span){words->ptr + 1, words->len - 1};
	if (words->len == 0)
		return false;
	space = memchr(words->ptr, ' ', words->len);
	word_out->ptr = words->ptr;
	word_out->len = space != NULL ? (size_t)(space - words->ptr) : words->len;
	*words = (struct span){words->ptr + word_out->len, words->len - word_out->len};
	return true;
}

void talk_offer(struct talk *talk, struct span words)
{
	struct span word;

	while (next_word(&words, &word)) {
		if (talk->offered.len > 0)
			(void)buffer_append_byte(&talk->offered, ' ');
		(void)buffer_append_span(&talk->offered, word);
	}
}

void talk_common_mechanisms(const struct talk *talk, struct buffer *out)
{
	static const char *const ours[] = {"XOAUTH2", "OAUTHBEARER"};
	const char *wanted = talk->target->mechanism;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		struct span words = buffer_span(&talk->offered), word = {"", 0};

		if (wanted != NULL && strcmp(wanted, ours[i]) != 0)
			continue;
		while (next_word(&words, &word) && !span_equals_nocase(word, ours[i]))
			word.len = 0;
		if (!span_equals_nocase(word, ours[i]))
			continue;
		if (out->len > 0)
			(void)buffer_append_byte(out, ' ');
		(void)buffer_append_str(out, ours[i]);
	}
}
