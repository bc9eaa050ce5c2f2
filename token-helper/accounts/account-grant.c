/* SPDX-License-Identifier: MIT */
/* account-grant.c - what a grant becomes with the answer of its server. */
#include "token-helper/accounts/account-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"

#include "common/banned.h"

bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

void grant_rotate(struct grant *grant, struct token_set *set, int64_t asked_s)
{
	struct buffer *now = &grant->refresh_token;

	if (set->refresh_token.len > 0 &&
	    !equal_constant_time(buffer_span(now), buffer_span(&set->refresh_token))) {
		buffer_move(&grant->previous_refresh_token, now);
		buffer_move(now, &set->refresh_token);
		grant->refresh_obtained_s = asked_s;
	} else {
		buffer_release(&grant->previous_refresh_token);
	}
}

static void grant_forgive(struct grant *grant)
{
	grant->refused_s = 0;
	grant->refused_count = 0;
	free(grant->refused);
	grant->refused = NULL;
}

void grant_refuse(struct grant *grant, const char *text)
{
	grant->refused_s = clock_now_s();
	grant->refused_count++;
	free(grant->refused);
	grant->refused = xstrdup(text);
	grant->generation++;
}

void grant_advance(struct grant *grant, struct token_set *set, int64_t asked_s)
{
	grant_forgive(grant);
	grant_rotate(grant, set, asked_s);
	buffer_move(&grant->access_token, &set->access_token);
	grant->access_obtained_s = asked_s;
	grant->access_expires_s = asked_s + set->expires_in_s;
	if (set->scope != NULL) {
		free(grant->scope);
		grant->scope = set->scope;
		set->scope = NULL;
	}
	grant->generation++;
}

/*
 * A token that nobody had to consent to. A refresh token that is there stays, for the day when the
 * account is a person's again; one that another client or server gave must not be sent to this one.
 */
void grant_take_direct(struct grant *grant, const struct oauth_client *client,
		       struct token_set *set, int64_t asked_s)
{
	if (grant->refresh_token.len > 0 && (!same_text(grant->client_id, client->client_id) ||
					     !same_text(grant->token_url, client->token_url)))
		buffer_move(&grant->previous_refresh_token, &grant->refresh_token);
	buffer_move(&grant->access_token, &set->access_token);
	grant->access_obtained_s = asked_s;
	grant->access_expires_s = asked_s + set->expires_in_s;
	set_text(&grant->kind, grant_kind_name(client->grant));
	set_text(&grant->client_id, client->client_id);
	set_text(&grant->token_url, client->token_url);
	set_text(&grant->identity, client->subject);
	set_text(&grant->scope, set->scope);
	grant->generation++;
}

/* An imported grant may not say whose it is: it is his who gave tokens for it, and goes nowhere
 * else from then on. */
void grant_bind(struct grant *grant, const char *client_id, const char *token_url)
{
	if (grant->client_id == NULL)
		grant->client_id = xstrdup(client_id);
	if (grant->token_url == NULL)
		grant->token_url = xstrdup(token_url);
}
