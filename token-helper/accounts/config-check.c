/* SPDX-License-Identifier: MIT */
/* config-check.c - see config-check.h. */
#include "token-helper/accounts/config-check.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "common/url.h"
#include "token-helper/accounts/helper-config.h"

#include "common/banned.h"

static void print_words(FILE *out, const struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		(void)fprintf(out, "%s%s", i > 0 ? " " : "", words->word[i]);
	(void)fputc('\n', out);
}

static void print_client_auth(FILE *out, const struct client_auth *auth)
{
	(void)fprintf(out, "  client_auth      %s%s", client_auth_name(auth->method),
		      auth->method == CLIENT_AUTH_NONE ? " (public client)" : "");
	for (size_t i = 0; i < auth->count; i++)
		(void)fprintf(out, "%s%s", i == 0 ? ", by " : ", then ",
			      auth->credentials[i].label);
	(void)fputc('\n', out);
}

/* What is not configured is learned, or not needed. */
static void print_url(FILE *out, const struct account_config *account, const char *key,
		      const char *url)
{
	if (url != NULL)
		(void)fprintf(out, "  %-16s %s\n", key, url);
	else if (account->learns != 0)
		(void)fprintf(out, "  %-16s as the metadata of %s says\n", key,
			      account->client.issuer);
}

/* Where the browser ends up is ours to listen at, or somebody's who copies the address. */
static void print_redirects(FILE *out, const struct words *redirects)
{
	for (size_t i = 0; i < redirects->count; i++) {
		const char *redirect = redirects->word[i];

		(void)fprintf(out, "  redirect         %s (register this", redirect);
		if (!url_is_loopback_http(redirect))
			(void)fputs("; the address where the browser ends is pasted back", out);
		if (i > 0)
			(void)fputs("; chosen by --redirect", out);
		else if (redirects->count > 1)
			(void)fputs("; the default", out);
		(void)fputs(")\n", out);
	}
}

static void print_sign_in(FILE *out, const struct account_config *account)
{
	const struct oauth_client *client = &account->client;

	(void)fprintf(out, "  must sign in     %s\n",
		      client->identity != NULL ? client->identity
					       : "anybody (verify_identity = no)");
	print_url(out, account, "authorize_url", client->authorize_url);
	if (client->device_url != NULL || client->grant == GRANT_DEVICE_CODE)
		print_url(out, account, "device_url", client->device_url);
	print_redirects(out, &client->redirects);
}

static void print_account(FILE *out, const struct account_config *account)
{
	(void)fprintf(out, "[account %s]  %s\n", account->name, account->title);
	(void)fprintf(out, "  user             %s\n", account->user);
	(void)fprintf(out, "  grant            %s\n", grant_kind_name(account->client.grant));
	if (grant_kind_has_person(account->client.grant))
		print_sign_in(out, account);
	print_url(out, account, "token_url", account->client.token_url);
	if (account->client.service_account != NULL)
		(void)fprintf(out, "  service account  %s, for %s\n",
			      account->client.service_account->email, account->client.subject);
	print_client_auth(out, account->client.auth);
	(void)fprintf(out, "  scope            %s\n", account->client.scope);
	for (int i = 0; i < SERVICE_COUNT; i++) {
		if (!account->use[i])
			continue;
		(void)fprintf(out, "  %-4s             as %s, to ", service_names[i],
			      account->service_user[i]);
		print_words(out, &account->hosts[i]);
	}
	(void)fprintf(out, "  min_valid        %" PRId64 " s\n", account->min_valid_s);
}

/* That says nothing about the configuration: the daemon reads it as somebody else. */
static bool may_not_read(const char *path, FILE *out)
{
	if (access(path, R_OK) == 0 || errno != EACCES)
		return false;
	(void)fprintf(out,
		      "%s: this user may not read it, so it was not checked; run: sudo mailoauth "
		      "config check\n",
		      path);
	return true;
}

static void print_daemon(FILE *out, const struct helper_config *config)
{
	const struct seal_keys *keys = config->seal_keys;

	(void)fprintf(out, "[daemon]\n  store            %s%s\n", config->store,
		      keys == NULL ? " (not sealed)" : "");
	for (size_t i = 0; i < seal_keys_count(keys); i++)
		(void)fprintf(out, "  seal key         %s%s\n", seal_keys_id(keys, i),
			      i == 0 && !config->seal_keys_unseen ? " (seals)" : "");
}

/* warnings: a line each. */
static void print_verdict(FILE *out, const char *path, struct span warnings)
{
	size_t count = 0;

	for (size_t i = 0; i < warnings.len; i++)
		count += warnings.ptr[i] == '\n';
	(void)fwrite(warnings.ptr, 1, warnings.len, out);
	if (count == 0)
		(void)fprintf(out, "%s: no problem\n", path);
	else
		(void)fprintf(out,
			      "%s: no problem that would keep mailoauthd from starting, but %zu "
			      "warning%s: see above\n",
			      path, count, count == 1 ? "" : "s");
}

static enum outcome check(const char *path, FILE *out)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config = helper_config_load(path, NULL, &problems);
	enum outcome outcome = config != NULL ? OUTCOME_OK : OUTCOME_CONFIG;

	if (config == NULL) {
		(void)fprintf(out, "%s%zu problem%s: mailoauthd would not start\n",
			      buffer_cstr(&problems.text), problems.count,
			      problems.count == 1 ? "" : "s");
	} else {
		print_daemon(out, config);
		for (size_t i = 0; i < config->account_count; i++)
			print_account(out, config->accounts[i]);
		print_verdict(out, path, buffer_span(&config->warnings));
	}
	helper_config_free(config);
	config_problems_release(&problems);
	return outcome;
}

enum outcome config_check(const char *path, FILE *out)
{
	return may_not_read(path, out) ? OUTCOME_DENIED : check(path, out);
}
