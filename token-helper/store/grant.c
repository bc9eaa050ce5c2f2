/* SPDX-License-Identifier: MIT */
/* grant.c - see grant.h. */
#include "token-helper/store/grant.h"

#include <stdlib.h>

#include "common/xalloc.h"

#include "common/banned.h"

void grant_init(struct grant *grant)
{
	*grant = (struct grant){
		.refresh_token = BUFFER_INIT_SECRET(GRANT_TOKEN_MAX),
		.previous_refresh_token = BUFFER_INIT_SECRET(GRANT_TOKEN_MAX),
		.access_token = BUFFER_INIT_SECRET(GRANT_TOKEN_MAX),
	};
}

void grant_release(struct grant *grant)
{
	buffer_release(&grant->refresh_token);
	buffer_release(&grant->previous_refresh_token);
	buffer_release(&grant->access_token);
	free(grant->scope);
	free(grant->identity);
	free(grant->issuer);
	free(grant->subject);
	free(grant->kind);
	free(grant->client_id);
	free(grant->token_url);
	free(grant->redirect);
	free(grant->refused);
	grant_init(grant);
}

static void token_copy(struct buffer *to, const struct buffer *from)
{
	if (!buffer_append_span(to, buffer_span(from)))
		abort(); /* both have the same ceiling; xalloc's rule for the memory */
}

void grant_copy(struct grant *to, const struct grant *from)
{
	struct grant copy = *from;

	if (to == from)
		return;
	grant_init(&copy);
	token_copy(&copy.refresh_token, &from->refresh_token);
	token_copy(&copy.previous_refresh_token, &from->previous_refresh_token);
	token_copy(&copy.access_token, &from->access_token);
	copy.access_expires_s = from->access_expires_s;
	copy.access_obtained_s = from->access_obtained_s;
	copy.refresh_obtained_s = from->refresh_obtained_s;
	copy.authorized_s = from->authorized_s;
	copy.generation = from->generation;
	copy.scope = xstrdup(from->scope);
	copy.identity = xstrdup(from->identity);
	copy.issuer = xstrdup(from->issuer);
	copy.subject = xstrdup(from->subject);
	copy.kind = xstrdup(from->kind);
	copy.client_id = xstrdup(from->client_id);
	copy.token_url = xstrdup(from->token_url);
	copy.redirect = xstrdup(from->redirect);
	copy.refused_s = from->refused_s;
	copy.refused_count = from->refused_count;
	copy.refused = xstrdup(from->refused);
	grant_release(to);
	*to = copy;
}

bool grant_is_empty(const struct grant *grant)
{
	return grant->refresh_token.len == 0 && grant->access_token.len == 0;
}
