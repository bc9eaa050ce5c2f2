/* SPDX-License-Identifier: MIT */
/* forget.c - see forget.h. */
#include "token-helper/accounts/forget.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-state.h"
#include "token-helper/oauth/endpoint-request.h"
#include "token-helper/oauth/token-request.h"

#include "common/banned.h"

#define FORM_MAX 65536

struct forget {
	struct account *account;
	struct endpoint_request *request;
	int64_t generation; /* of the grant that is revoked: a newer one stays */
	forget_done_fn *done;
	void *context;
};

static const char *hint_of(const struct account_config *config)
{
	return config->revoke_hint != NULL
		       ? config->revoke_hint
		       : "remove the app at the provider, or change the password";
}

static void not_revoked(struct forget_result *result, const struct account_config *config,
			const char *why)
{
	result->revoked = false;
	(void)err_set(&result->err, OUTCOME_OK,
		      "account %s: %s; to make sure that nobody uses a copy: %s", config->name, why,
		      hint_of(config));
}

/* RFC 7009 2.2: 200 also when the token was not valid any more. */
static void read_answer(const struct account *account, const struct http_response *response,
			struct forget_result *result)
{
	struct token_answer answer;

	if (response->outcome == OUTCOME_OK && response->status == 200) {
		result->revoked = true;
		return;
	}
	token_answer_parse(&account->config->client, response, &answer);
	not_revoked(result, account->config, answer.err.text);
	token_answer_release(&answer);
}

static void log_result(const struct account *account, const struct http_response *response,
		       const struct forget_result *result)
{
	char host[256] = "-";

	if (account->config->client.revoke_url != NULL)
		http_url_host(account->config->client.revoke_url, host, sizeof(host));
	log_line(result->outcome == OUTCOME_OK ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
		 "account=%s forget=%s deleted=%s revoked=%s endpoint=%s http=%d%s%s",
		 account->config->name, outcome_name(result->outcome),
		 result->deleted ? "yes" : "no", result->revoked ? "yes" : "no", host,
		 response != NULL ? response->status : 0, result->err.text[0] != '\0' ? ": " : "",
		 result->err.text);
}

/* The local half, whatever became of the other one. */
static void erase(struct account *account, int64_t generation, struct forget_result *result)
{
	if (account->grant.generation != generation) {
		result->outcome = err_set(&result->err, OUTCOME_RETRY,
					  "account %s: was authorized anew meanwhile, and stays",
					  account->config->name);
		return;
	}
	result->outcome = store_remove(account->world.store, account->config->name, &result->err);
	result->deleted = account->damaged || !grant_is_empty(&account->grant);
	if (result->outcome == OUTCOME_OK)
		account_clear(account);
	else
		err_prefix(&result->err, "account %s: ", account->config->name);
}

static void on_answer(void *context, struct endpoint_answer *answer)
{
	struct forget *forget = context;
	struct account *account = forget->account;
	struct forget_result result = {.outcome = OUTCOME_OK, .err = ERR_INIT};

	account->forget = NULL;
	read_answer(account, answer->response, &result);
	erase(account, forget->generation, &result);
	log_result(account, answer->response, &result);
	if (forget->done != NULL)
		forget->done(forget->context, &result);
	free(forget);
	account_release(account, NULL);
}

/* The refresh token: with it the server ends what came from it (RFC 7009 2.1). */
static void revoke(struct forget *forget)
{
	struct account *account = forget->account;
	const struct oauth_client *client = &account->config->client;
	const struct buffer *token = &account->grant.refresh_token;
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);
	const char *hint = "refresh_token";

	if (token->len == 0) {
		token = &account->grant.access_token;
		hint = "access_token";
	}
	(void)form_append(&form, "token", buffer_span(token));
	(void)form_append(&form, "token_type_hint", span_from_str(hint));
	account_hold(account);
	account->forget = forget;
	forget->request = endpoint_post(account->world.http, client, client->revoke_url, &form,
					on_answer, forget);
	buffer_release(&form);
}

/* Without the server: it has no endpoint, or there is nothing to be revoked. */
static void forget_here(struct account *account, struct forget_result *result)
{
	if (account->damaged)
		not_revoked(result, account->config,
			    "its grant cannot be read, so it was not revoked");
	else if (!grant_is_empty(&account->grant) && !account->learned &&
		 account->unlearned != NULL)
		not_revoked(result, account->config, account->unlearned->text);
	else if (!grant_is_empty(&account->grant))
		not_revoked(result, account->config,
			    "no revoke_url is known for it, so its provider was not told");
	account_hold(account);
	erase(account, account->grant.generation, result);
	account_release(account, NULL);
	log_result(account, NULL, result);
}

static void forget_unconfigured(struct accounts *accounts, const char *name,
				struct forget_result *result)
{
	struct store *store = accounts_store(accounts);
	struct buffer bytes = BUFFER_INIT_SECRET(524288);

	result->outcome = store_read_bytes(store, name, &bytes, &result->err);
	if (result->outcome == OUTCOME_OK && bytes.len == 0)
		result->outcome = err_set(&result->err, OUTCOME_CONFIG,
					  "there is no account \"%s\" and no grant of it; run: "
					  "mailoauth status",
					  name);
	else
		result->outcome = store_remove(store, name, &result->err);
	buffer_release(&bytes);
	if (result->outcome != OUTCOME_OK)
		return;
	result->deleted = true;
	accounts_look_for_orphans(accounts);
	(void)err_set(&result->err, OUTCOME_OK,
		      "account %s: is not configured, so its grant was deleted but not revoked: "
		      "remove the app at the provider",
		      name);
	log_info("account=%s forget=ok revoked=no: it is not configured", name);
}

/* The metadata, which may name an endpoint, has not come yet. When it cannot be had the grant is
 * forgotten without. */
static bool may_learn_to_revoke(struct account *account, struct err *err)
{
	return account != NULL && !account->damaged && !grant_is_empty(&account->grant) &&
	       account->unlearned == NULL &&
	       account_knows(account, account->config->client.revoke_url, err) != OUTCOME_OK;
}

struct forget *forget_begin(struct accounts *accounts, const char *name, forget_done_fn *done,
			    void *context)
{
	struct account *account = accounts_find(accounts, span_from_str(name));
	struct forget_result result = {.outcome = OUTCOME_OK, .err = ERR_INIT};
	struct forget *forget;

	if (accounts_is_leaving(accounts, name) ||
	    (account != NULL && (account_is_refreshing(account) || account->forget != NULL))) {
		result.outcome =
			err_set(&result.err, OUTCOME_RETRY,
				"account %s: is being refreshed or forgotten at this moment", name);
	} else if (may_learn_to_revoke(account, &result.err)) {
		result.outcome = OUTCOME_RETRY;
	} else if (account == NULL) {
		forget_unconfigured(accounts, name, &result);
	} else if (account->config->client.revoke_url == NULL || account->damaged ||
		   grant_is_empty(&account->grant)) {
		forget_here(account, &result);
	} else {
		forget = xcalloc(1, sizeof(*forget));
		*forget = (struct forget){.account = account,
					  .generation = account->grant.generation,
					  .done = done,
					  .context = context};
		revoke(forget);
		return forget;
	}
	done(context, &result);
	return NULL;
}

void forget_cancel(struct forget *forget)
{
	if (forget != NULL)
		forget->done = NULL;
}

void forget_abandon(struct forget *forget)
{
	if (forget == NULL)
		return;
	endpoint_cancel(forget->request);
	free(forget);
}
