/* SPDX-License-Identifier: MIT */
/*
 * fuzz-envelope.c - what a header can say of whom a message is from and for.
 *
 * Beside not crashing: every address that comes out may stand in an SMTP command, and reads as
 * itself; the header that goes on is no longer than what came and what is added.
 */
#include <stdint.h>
#include <string.h>

#include "fetch-agent/delivery/address.h"
#include "fetch-agent/delivery/envelope.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const char *address)
{
	for (const char *byte = address; *byte != '\0'; byte++)
		require((unsigned char)*byte > 32 && *byte != 127);
	require(*address == '\0' || address_is_usable(address));
}

static void check_list(struct span bytes)
{
	struct buffer address = BUFFER_INIT(1024);
	size_t at = 0;

	while (address_next(bytes, &at, &address)) {
		require(at <= bytes.len && strlen(buffer_cstr(&address)) == address.len);
		check_address(buffer_cstr(&address));
	}
	buffer_release(&address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct envelope_place place = {
		.fetch = "f", .account = "a", .user = "u@x", .folder = "INBOX", .host = "h"};
	static char header[] = "Delivered-To", strip[] = "p-";
	static const struct envelope_rules rules = {
		.recipient_header = header, .recipient_strip = strip, .removes_return_path = true};
	struct span bytes = {(const char *)data, size};
	struct message_head head;
	struct envelope envelope;
	struct err err;

	check_list(bytes);
	message_head_init(&head);
	(void)message_head_feed(&head, &bytes);
	message_head_end(&head);
	if (envelope_decide(&rules, &place, &head, &envelope, &err) == OUTCOME_OK) {
		require(envelope.recipients.count > 0 && envelope.recipients.count <= 100);
		require(envelope.head.len <= head.bytes.len);
		for (size_t i = 0; i < envelope.recipients.count; i++)
			check_address(envelope.recipients.word[i]);
		check_address(envelope.sender);
	}
	envelope_release(&envelope);
	message_head_release(&head);
	return 0;
}
