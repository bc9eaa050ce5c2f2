/* SPDX-License-Identifier: MIT */
/* identity-check.c - see identity-check.h. */
#include "token-helper/accounts/identity-check.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "token-helper/oauth/issuer.h"
#include "token-helper/oauth/userinfo.h"

#include "common/banned.h"

struct identity_check {
	struct identity_question question;
	struct identity identity; /* as the id_token has it */
	struct userinfo_request *userinfo;
	identity_check_fn *done;
	void *context;
};

static const struct account *account_of(const struct identity_question *question)
{
	return accounts_find(question->accounts, span_from_str(question->account));
}

static const struct oauth_client *client_of(const struct identity_question *question)
{
	return &account_config(account_of(question))->client;
}

static const char *name_of(const struct identity *identity)
{
	return identity->name != NULL ? identity->name : "somebody without a name";
}

/* The verdict --------------------------------------------------------------------------------- */

/* One server may spell its own name in two ways, so the issuer before need only be one of its. */
static bool is_same_person(const struct identity *identity, const struct grant *before,
			   const struct oauth_client *client)
{
	static const struct span any_tenant = {"", 0};

	if (strcmp(identity->subject, before->subject) != 0)
		return false;
	if (before->issuer == NULL || identity->issuer == NULL ||
	    strcmp(identity->issuer, before->issuer) == 0)
		return true;
	return client->issuer != NULL &&
	       issuer_matches(client->issuer, span_from_str(before->issuer), any_tenant);
}

static enum outcome check_name(const struct identity_question *question,
			       const struct identity *identity, struct err *err)
{
	const struct oauth_client *client = client_of(question);

	if (identity_matches(identity, client))
		return OUTCOME_OK;
	return err_set(
		err, OUTCOME_CONSENT,
		"%s signed in, but the account is for %s; nothing was stored; sign out or use a "
		"private window, then run: mailoauth authorize %s",
		name_of(identity), client->identity, question->account);
}

static enum outcome check_person(const struct identity_question *question,
				 const struct identity *identity, struct err *err)
{
	const struct grant *before = account_grant(account_of(question));

	if (question->replace || before->subject == NULL ||
	    is_same_person(identity, before, client_of(question)))
		return OUTCOME_OK;
	return err_set(err, OUTCOME_CONSENT,
		       "%s signed in (%s at %s), but the account was authorized by another person, "
		       "%s (%s at %s); nothing was stored; if the mailbox has a new owner, run: "
		       "mailoauth authorize %s --replace-identity",
		       name_of(identity), identity->subject,
		       identity->issuer != NULL ? identity->issuer : "?",
		       before->identity != NULL ? before->identity : "somebody without a name",
		       before->subject, before->issuer != NULL ? before->issuer : "?",
		       question->account);
}

/* Nobody said who it is: a login may yet tell whose mailbox it is, but not that it is the person of
 * before. */
static enum outcome check_nobody(const struct identity_question *question, struct err *err)
{
	const struct grant *before = account_grant(account_of(question));

	if (question->replace || before->subject == NULL)
		return OUTCOME_OK;
	return err_set(err, OUTCOME_CONSENT,
		       "the server did not say who signed in, but the account was authorized by "
		       "%s (%s at %s) and is bound to that person; nothing was stored; put openid "
		       "into scope; or, to be content with a login at the mail server, run: "
		       "mailoauth authorize %s --replace-identity",
		       before->identity != NULL ? before->identity : "somebody without a name",
		       before->subject, before->issuer != NULL ? before->issuer : "?",
		       question->account);
}

static enum outcome judge(const struct identity_question *question, const struct identity *identity,
			  struct err *err)
{
	enum outcome outcome;

	if (account_of(question) == NULL)
		return err_set(err, OUTCOME_CONFIG, "is no longer configured");
	if (client_of(question)->identity == NULL)
		return OUTCOME_OK;
	if (identity->subject == NULL)
		return check_nobody(question, err);
	/* A person without a name is one all the same; whose mailbox it is, a login has to tell. */
	outcome = identity->names != NULL ? check_name(question, identity, err) : OUTCOME_OK;
	if (outcome == OUTCOME_OK)
		outcome = check_person(question, identity, err);
	return outcome;
}

/* Asking -------------------------------------------------------------------------------------- */

static void check_free(struct identity_check *check)
{
	identity_release(&check->identity);
	free(check);
}

static void check_end(struct identity_check *check, enum outcome outcome, const struct err *why)
{
	struct err err = *why;

	if (outcome == OUTCOME_OK)
		outcome = judge(&check->question, &check->identity, &err);
	check->done(check->context, outcome, &check->identity, &err);
	check_free(check);
}

/* OpenID Connect Core 5.3.2: the answer must speak of the person that the id_token speaks of. */
static enum outcome take_userinfo(struct identity_check *check, struct identity *told,
				  struct err *err)
{
	if (check->identity.subject != NULL && strcmp(check->identity.subject, told->subject) != 0)
		return err_set(err, OUTCOME_PROTOCOL,
			       "the userinfo endpoint speaks of another person than the id_token "
			       "(sub), so nothing was stored");
	identity_release(&check->identity);
	check->identity = *told;
	*told = (struct identity){0};
	return OUTCOME_OK;
}

static void on_userinfo(void *context, enum outcome outcome, struct identity *told,
			const struct err *why)
{
	struct identity_check *check = context;
	struct err err = *why;

	check->userinfo = NULL;
	if (outcome == OUTCOME_OK)
		outcome = take_userinfo(check, told, &err);
	check_end(check, outcome, &err);
}

/* Only who is wanted by name is asked for: an id_token that has none is good for anybody else. */
static bool wants_userinfo(const struct identity_check *check)
{
	const struct oauth_client *client = client_of(&check->question);

	return client->userinfo_url != NULL && check->identity.name == NULL &&
	       (client->identity != NULL || check->identity.subject == NULL);
}

struct identity_check *identity_check_start(const struct account_world *world,
					    const struct identity_question *question,
					    identity_check_fn *done, void *context)
{
	struct identity_check *check = xcalloc(1, sizeof(*check));
	const struct oauth_client *client = client_of(question);
	struct span id_token = buffer_span(&question->set->id_token);
	struct err err = ERR_INIT;
	enum outcome outcome = OUTCOME_OK;

	*check = (struct identity_check){.question = *question, .done = done, .context = context};
	if (id_token.len > 0)
		outcome = id_token_read(id_token, client, question->nonce, clock_now_s(),
					&check->identity, &err);
	if (outcome == OUTCOME_OK && wants_userinfo(check)) {
		check->userinfo =
			userinfo_get(world->http, client, buffer_span(&question->set->access_token),
				     on_userinfo, check);
		return check;
	}
	check_end(check, outcome, &err);
	return NULL;
}

void identity_check_cancel(struct identity_check *check)
{
	if (check == NULL)
		return;
	userinfo_cancel(check->userinfo);
	check_free(check);
}
