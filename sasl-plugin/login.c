/* SPDX-License-Identifier: MIT */
/* login.c - see login.h. */
#include "sasl-plugin/login.h"

#include <string.h>

#include "common/helper-protocol.h"
#include "common/scanner.h"

#include "common/banned.h"

static bool user_is_valid(struct span user)
{
	if (user.len == 0 || user.len > LOGIN_USER_MAX)
		return false;
	for (size_t i = 0; i < user.len; i++) {
		if ((unsigned char)user.ptr[i] < 0x20 || user.ptr[i] == 0x7f)
			return false;
	}
	return true;
}

static bool host_is_valid(struct span host)
{
	if (host.len > LOGIN_HOST_MAX)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		if (host.ptr[i] <= 0x20 || host.ptr[i] >= 0x7f)
			return false;
	}
	return true;
}

enum outcome login_check(const struct login *login, struct err *err)
{
	if (!user_is_valid(login->user))
		return err_set(err, OUTCOME_CONFIG,
			       "the user name is empty, longer than %d bytes or has control "
			       "characters",
			       LOGIN_USER_MAX);
	if (!host_is_valid(login->host))
		return err_set(err, OUTCOME_CONFIG,
			       "the server's name is longer than %d bytes or has characters that "
			       "no name has",
			       LOGIN_HOST_MAX);
	if (!token_is_valid(login->token))
		return err_set(err, OUTCOME_CONFIG,
			       "the access token is empty, longer than %d bytes or has characters "
			       "that no token has",
			       HELPER_TOKEN_MAX);
	return OUTCOME_OK;
}

uint16_t login_port(struct span address_and_port)
{
	struct scanner scan = scanner_over(address_and_port);
	struct span address;
	uint64_t port;

	if (!scan_until(&scan, ';', scanner_left(&scan), &address))
		return 0;
	if (!scan_u64(&scan, UINT16_MAX, &port) || !scanner_at_end(&scan))
		return 0;
	return (uint16_t)port;
}
