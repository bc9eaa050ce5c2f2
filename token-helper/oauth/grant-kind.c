/* SPDX-License-Identifier: MIT */
/* grant-kind.c - see grant-kind.h. */
#include "token-helper/oauth/grant-kind.h"

#include <stddef.h>

#include "common/banned.h"

static const struct {
	const char *name;
	bool has_person;
} kinds[GRANT_KIND_COUNT] = {
	[GRANT_AUTHORIZATION_CODE] = {"authorization_code", true},
	[GRANT_DEVICE_CODE] = {"device_code", true},
	[GRANT_CLIENT_CREDENTIALS] = {"client_credentials", false},
	[GRANT_JWT_BEARER] = {"jwt_bearer", false},
	[GRANT_MANAGED_IDENTITY] = {"managed_identity", false},
};

const char *grant_kind_name(enum grant_kind kind)
{
	return kinds[kind].name;
}

bool grant_kind_has_person(enum grant_kind kind)
{
	return kinds[kind].has_person;
}
