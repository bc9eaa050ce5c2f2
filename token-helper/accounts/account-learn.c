/* SPDX-License-Identifier: MIT */
/* account-learn.c - the URLs that the configuration leaves to the issuer's metadata. */
#include "token-helper/accounts/account-private.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/discovery.h"

#include "common/banned.h"

static enum outcome explain(const struct account *account, struct err *err)
{
	if (account->unlearned != NULL)
		return err_set(err, account->learning, "%s", account->unlearned->text);
	return err_set(err, OUTCOME_RETRY,
		       "the metadata of %s has not come yet; run the same command again",
		       account->config->client.issuer);
}

enum outcome account_not_learned(struct account *account, struct err *err)
{
	if (account_is_insisted_on(account))
		discovery_hurry(account->discovery);
	else
		discovery_need(account->discovery);
	return explain(account, err);
}

enum outcome account_knows(struct account *account, const char *url, struct err *err)
{
	enum outcome outcome;

	if (url != NULL || account->discovery == NULL || account->learned)
		return OUTCOME_OK;
	discovery_hurry(account->discovery);
	outcome = explain(account, err);
	err_prefix(err, "account %s: ", account->config->name);
	return outcome;
}

/* Many accounts learn of the same rounds: what is as it was is not said again. */
static bool is_news_of(const struct account *account, enum outcome outcome, const struct err *err)
{
	if (outcome == OUTCOME_OK)
		return !account->learned || account->unlearned != NULL;
	return account->unlearned == NULL || strcmp(account->unlearned->text, err->text) != 0;
}

static void on_learned(void *context, enum outcome outcome, struct metadata *metadata,
		       const struct err *err)
{
	struct account *account = context;
	struct account_config *config = account->config;
	bool knew = config->client.token_url != NULL;
	bool is_news = is_news_of(account, outcome, err);
	char host[256];

	free(account->unlearned);
	account->unlearned = NULL;
	account->learning = outcome;
	if (outcome == OUTCOME_OK) {
		http_url_host(metadata->token_url, host, sizeof(host));
		discovery_take(&config->client, config->learns, metadata);
		account->learned = true;
		account_find_endpoint(account);
		if (is_news)
			log_info("account=%s discovery=ok issuer=%s endpoint=%s", config->name,
				 config->client.issuer, host);
		if (!knew) {
			account->not_before_s = 0;
			account_reschedule(account);
		}
		return;
	}
	account->unlearned = xcalloc(1, sizeof(*account->unlearned));
	*account->unlearned = *err;
	if (is_news)
		log_line(knew ? LOG_LEVEL_WARNING : log_level_of(outcome),
			 "account=%s discovery=%s: %s%s", config->name, outcome_name(outcome),
			 err->text, knew ? "; what is known stays in use" : "");
}

/* What is not configured: as it was last known, until it is learned anew. */
static void recall_token_url(struct account *account)
{
	struct metadata known = {.token_url = xstrdup(account->grant.token_url)};

	if (account->config->client.token_url == NULL)
		discovery_take(&account->config->client, account->config->learns, &known);
	metadata_release(&known);
}

void account_learn(struct account *account)
{
	discovery_free(account->discovery);
	account->discovery = NULL;
	free(account->unlearned);
	account->unlearned = NULL;
	if (account->config->learns != 0) {
		recall_token_url(account);
		account->discovery = discovery_new(&account->world, &account->config->client,
						   on_learned, account);
	}
	account_find_endpoint(account);
}

bool account_keep_learned(const struct account_config *old, struct account_config *config)
{
	const struct oauth_client *from = &old->client;
	struct metadata known = {0};

	if (old->learns == 0 || config->learns == 0 ||
	    strcmp(from->issuer, config->client.issuer) != 0)
		return false;
	known.authorize_url = xstrdup(from->authorize_url);
	known.token_url = xstrdup(from->token_url);
	known.device_url = xstrdup(from->device_url);
	known.revoke_url = xstrdup(from->revoke_url);
	known.userinfo_url = xstrdup(from->userinfo_url);
	discovery_take(&config->client, config->learns, &known);
	metadata_release(&known);
	return true;
}
