/* SPDX-License-Identifier: MIT */
/*
 * fuzz-token-import.c - a file that is said to be another program's. Beside not crashing: every
 * value is one line, every account has a name that mailoauth.conf can have.
 */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/require.h"
#include "token-helper/import/token-import.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct import_account *account)
{
	require(account->name != NULL && account->name[0] != '\0' && strlen(account->name) < 40);
	require(account->name[strspn(account->name,
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789._-")] == '\0');
	for (size_t i = 0; i < IMPORT_KEY_COUNT; i++) {
		const char *value = account->settings.value[i];

		require(value == NULL || (value[0] != '\0' && strlen(value) <= IMPORT_TEXT_MAX &&
					  strpbrk(value, "\r\n\t") == NULL));
	}
	require(strpbrk(buffer_cstr(&account->refresh_token), "\r\n") == NULL);
}

/* No password: deriving a key is slow on purpose, and the unit test does it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_list list;
	const char *why = NULL;

	import_list_init(&list);
	if (import_take(&list, "/tmp/some file@x", (struct span){(const char *)data, size}, &why) ==
	    NULL)
		require(why != NULL && list.count == 0);
	import_list_complete(&list);
	for (size_t i = 0; i < list.count; i++)
		look(list.accounts[i]);
	import_list_release(&list);
	return 0;
}
