/* SPDX-License-Identifier: MIT */
/* fuzz-challenge.c - what a mail server, or a confused client, can hand to the plugin's second
 * step. */
#include <stdint.h>
#include <string.h>

#include "sasl-plugin/challenge.h"
#include "sasl-plugin/login.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	require(len < room);
	for (size_t i = 0; i < len; i++)
		require((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct challenge challenge = challenge_read((struct span){(const char *)data, size});

	check_line(challenge.status, sizeof(challenge.status));
	check_line(challenge.scope, sizeof(challenge.scope));
	if (challenge.kind != CHALLENGE_ERROR)
		require(challenge.status[0] == '\0' && challenge.scope[0] == '\0');
	if (size == 0)
		require(challenge.kind == CHALLENGE_NONE);
	(void)login_port((struct span){(const char *)data, size});
	return 0;
}
