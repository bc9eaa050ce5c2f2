/* SPDX-License-Identifier: MIT */
/*
 * fuzz-service-account.c - key files of service accounts, which administrators download, edit and
 * mail to each other. What is taken has all that signing needs.
 */
#include <stdint.h>

#include "tests/fuzz/require.h"
#include "token-helper/oauth/service-account.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct service_account *account = NULL;
	struct err err = ERR_INIT;
	struct span json = {(const char *)data, size};

	if (service_account_read(json, "https://oauth2.googleapis.com/token", &account, &err) ==
	    OUTCOME_OK) {
		require(account->email[0] != '\0');
		require(account->key != NULL);
	} else {
		require(account == NULL);
		require(err.text[0] != '\0');
	}
	service_account_free(account);
	return 0;
}
