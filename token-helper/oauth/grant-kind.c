/* SPDX-License-Identifier: MIT */
/* grant-kind.c - see grant-kind.h. */
#include "token-helper/oauth/grant-kind.h"

#include <stddef.h>
#include <string.h>

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

static const struct {
	enum grant_kind kind;
	const char *error, *hint;
} hints[] = {
	{GRANT_CLIENT_CREDENTIALS, "unauthorized_client",
	 "the registration may not use client credentials, or not in this tenant"},
	{GRANT_CLIENT_CREDENTIALS, "invalid_scope",
	 "app-only tokens have one scope, RESOURCE/.default at Microsoft"},
	{GRANT_JWT_BEARER, "unauthorized_client",
	 "domain-wide delegation is not granted to this service account for that scope: "
	 "admin.google.com, Security, API controls, Domain-wide delegation: the service account's "
	 "client id with the scope as it stands in mailoauth.conf; it takes minutes to act"},
	{GRANT_JWT_BEARER, "invalid_grant",
	 "the user is no mailbox of the domain, the key was deleted, or this machine's clock is "
	 "wrong"},
	{GRANT_JWT_BEARER, "invalid_scope", "Google knows no such scope"},
	{GRANT_MANAGED_IDENTITY, "invalid_request",
	 "the machine has no such identity (client_id names a user-assigned one), or scope is not "
	 "RESOURCE/.default"},
	{GRANT_DEVICE_CODE, "unauthorized_client",
	 "the registration may not use the device flow (Microsoft: Allow public client flows)"},
	{GRANT_DEVICE_CODE, "invalid_client",
	 "the registration may not use the device flow (Microsoft: Allow public client flows), or "
	 "wants a secret"},
	{GRANT_DEVICE_CODE, "access_denied",
	 "the person refused, or a policy forbids the device flow"},
	{GRANT_DEVICE_CODE, "authorization_declined",
	 "the person refused, or a policy forbids the device flow"},
	{GRANT_DEVICE_CODE, "expired_token", "nobody entered the code in time"},
	{GRANT_DEVICE_CODE, "invalid_grant",
	 "many organizations forbid the device flow by policy (Conditional Access)"},
};

const char *grant_kind_name(enum grant_kind kind)
{
	return kinds[kind].name;
}

bool grant_kind_has_person(enum grant_kind kind)
{
	return kinds[kind].has_person;
}

const char *grant_kind_hint(enum grant_kind kind, const char *error)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (hints[i].kind == kind && strcmp(hints[i].error, error) == 0)
			return hints[i].hint;
	}
	return NULL;
}
