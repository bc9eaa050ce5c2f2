/* SPDX-License-Identifier: MIT */
/*
 * fuzz-smtp-reply.c - what an SMTP or LMTP listener can send.
 *
 * Beside not crashing: whole and byte by byte the reader says the same; nothing grows past its
 * limit; what is shown to people is one line.
 */
#include <stdint.h>
#include <string.h>

#include "fetch-agent/delivery/smtp-reply.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(const struct smtp_reply *reply)
{
	struct buffer words = BUFFER_INIT(2 * SMTP_REPLY_TEXT_MAX);

	require(reply->code >= 200 && reply->code <= 599);
	require(strlen(reply->status) < SMTP_STATUS_MAX);
	require(reply->status[0] == '\0' || reply->status[0] - '0' == reply->code / 100);
	require(reply->text.len <= SMTP_REPLY_TEXT_MAX);
	smtp_reply_words(reply, &words);
	for (size_t i = 0; i < words.len; i++)
		require((unsigned char)words.data[i] >= 0x20);
	(void)smtp_capability_parse(reply);
	buffer_release(&words);
}

/* Reads all; a digest of the replies, and how it ended. */
static uint64_t read_all(struct span bytes, size_t step, enum smtp_parse *ended)
{
	struct smtp_reply_reader reader;
	struct err err;
	uint64_t digest = 0;
	size_t at = 0;

	*ended = SMTP_PARSE_MORE;
	smtp_reply_reader_init(&reader);
	while (at < bytes.len && *ended != SMTP_PARSE_MALFORMED) {
		size_t len = step > 0 && bytes.len - at > step ? step : bytes.len - at;
		size_t consumed = 0;

		*ended = smtp_reply_feed(&reader, (struct span){bytes.ptr + at, len}, &consumed,
					 &err);
		require(consumed <= len && (consumed > 0 || *ended == SMTP_PARSE_MALFORMED));
		at += consumed;
		if (*ended != SMTP_PARSE_REPLY)
			continue;
		check_reply(&reader.reply);
		digest = digest * 31 + (uint64_t)reader.reply.code;
		for (size_t i = 0; i < reader.reply.text.len; i++)
			digest = digest * 31 + (unsigned char)reader.reply.text.data[i];
	}
	smtp_reply_reader_release(&reader);
	return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = {(const char *)data, size};
	enum smtp_parse whole_ended, cut_ended;
	uint64_t whole = read_all(bytes, 0, &whole_ended);

	require(read_all(bytes, 1, &cut_ended) == whole && cut_ended == whole_ended);
	require(read_all(bytes, 3, &cut_ended) == whole && cut_ended == whole_ended);
	return 0;
}
