/* SPDX-License-Identifier: MIT */
/* issuer.c - see issuer.h. */
#include "token-helper/oauth/issuer.h"

#include <string.h>

#include "common/banned.h"

#define TENANT_MARK    "{tenantid}"
#define TENANT_LEN     36 /* a GUID */
#define GOOGLE_ISSUER  "https://accounts.google.com"
#define GOOGLE_ISSUER2 "accounts.google.com"

static bool is_tenant_id(struct span text)
{
	if (text.len != TENANT_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0' || strchr("0123456789abcdefABCDEF-", text.ptr[i]) == NULL)
			return false;
	}
	return true;
}

bool issuer_matches(const char *expected, struct span actual, struct span tenant)
{
	const char *mark = strstr(expected, TENANT_MARK);
	struct span before, after, middle;

	if (span_equals(actual, expected))
		return mark == NULL;
	if (strcmp(expected, GOOGLE_ISSUER) == 0)
		return span_equals(actual, GOOGLE_ISSUER2);
	if (mark == NULL)
		return false;
	before = (struct span){expected, (size_t)(mark - expected)};
	after = span_from_str(mark + strlen(TENANT_MARK));
	if (actual.len != before.len + TENANT_LEN + after.len ||
	    memcmp(actual.ptr, before.ptr, before.len) != 0 ||
	    memcmp(actual.ptr + before.len + TENANT_LEN, after.ptr, after.len) != 0)
		return false;
	middle = (struct span){actual.ptr + before.len, TENANT_LEN};
	return is_tenant_id(middle) &&
	       (tenant.len == 0 ||
		(tenant.len == TENANT_LEN && memcmp(tenant.ptr, middle.ptr, TENANT_LEN) == 0));
}
