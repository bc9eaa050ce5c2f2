/* SPDX-License-Identifier: MIT */
/*
 * cli-authorize-redirect.c - is the redirect of the command line one of the account's? See
 * cli-authorize.h.
 *
 * The daemon would refuse another too; here is known what was typed, and so what was meant.
 */
#include <json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/config.h"
#include "common/nearest.h"
#include "common/url.h"
#include "token-helper/cli-authorize.h"
#include "token-helper/cli-status.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/grant-kind.h"

#include "common/banned.h"

#define REPORT_MAX 900

/* Host and path, from a URI or from what somebody takes for one. */
struct place {
	struct span host, port, path;
};

static struct place place_of(const char *uri)
{
	const char *scheme = strstr(uri, "://");
	const char *host = scheme != NULL ? scheme + 3 : uri;
	const char *path = host + strcspn(host, "/?#");
	const char *colon = path;
	struct place place;

	while (colon > host && strchr("0123456789", colon[-1]) != NULL)
		colon--;
	colon = colon > host && colon[-1] == ':' ? colon - 1 : path;
	place.host = (struct span){host, (size_t)(colon - host)};
	place.port = (struct span){colon, (size_t)(path - colon)};
	place.path = span_from_str(path);
	if (place.path.len > 0 && path[place.path.len - 1] == '/')
		place.path.len--;
	return place;
}

static bool same_text(struct span a, struct span b)
{
	return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

static bool is_loopback(struct span host)
{
	return same_text(host, span_from_str("localhost")) ||
	       same_text(host, span_from_str("127.0.0.1")) ||
	       same_text(host, span_from_str("[::1]"));
}

/* The same but for what is easily mistaken: the scheme, the port, a slash, a name of loopback. */
static bool is_same_place(const char *known, const char *wanted)
{
	const struct place a = place_of(known), b = place_of(wanted);

	return same_text(a.path, b.path) &&
	       (same_text(a.host, b.host) || (is_loopback(a.host) && is_loopback(b.host)));
}

/* NULL: there is no telling. */
static const char *probably_meant(const struct words *known, const char *wanted)
{
	const char *nearest = nearest_word(known, wanted);

	for (size_t i = 0; nearest == NULL && i < known->count; i++) {
		if (is_same_place(known->word[i], wanted))
			nearest = known->word[i];
	}
	return nearest;
}

/* A port of one's own is not part of the URI where any will do. */
static void append_port(struct buffer *text, const struct cli *cli, const char *meant)
{
	const struct span port = place_of(cli->redirect).port;

	if (port.len > 1 && url_is_loopback_http(meant) && !url_has_port(meant))
		(void)buffer_printf(text, " --port %.*s", (int)port.len - 1, port.ptr + 1);
}

static enum cli_exit report_unknown(const struct cli *cli, const struct words *known)
{
	const char *meant = probably_meant(known, cli->redirect);
	struct buffer text = BUFFER_INIT(REPORT_MAX);

	(void)buffer_printf(&text, "%s: its redirect is ", cli->account);
	for (size_t i = 0; i < known->count; i++)
		(void)buffer_printf(&text, "%s%s", i > 0 ? " or " : "", known->word[i]);
	(void)buffer_printf(&text, ", as mailoauth.conf says, and not %s; run: mailoauth ",
			    cli->redirect);
	if (meant != NULL) {
		(void)buffer_printf(&text, "authorize %s%s --redirect %s", cli->account,
				    cli->request ? " --request"
				    : cli->paste ? " --paste"
						 : "",
				    meant);
		append_port(&text, cli, meant);
	} else {
		(void)buffer_append_str(&text, "explain redirect-uris");
	}
	(void)cli_report(CLI_USAGE, buffer_ok(&text)
					    ? buffer_cstr(&text)
					    : "that is none of the account's redirects; run: "
					      "mailoauth config check");
	buffer_release(&text);
	return CLI_USAGE;
}

static enum cli_exit check_port(const struct cli *cli)
{
	const uint16_t port = listener_port_of(cli->redirect);

	if (cli->port == 0 || port == 0 || cli->port == port)
		return CLI_OK;
	return cli_report(CLI_USAGE,
			  "--redirect names another port than --port: leave --port away");
}

static enum cli_exit check_account(const struct cli *cli, struct json_object *account)
{
	const char *grant = cli_json_string(account, "grant");
	const char *state = cli_json_string(account, "state");
	struct words known = {0};
	enum cli_exit exit;

	/* Of no configured account is anything known; authorize-begin says so. */
	if (state != NULL && strcmp(state, "unconfigured") == 0)
		return CLI_OK;
	status_append_redirects(account, &known);
	if (known.count == 0)
		exit = cli_report(CLI_PROTOCOL, "mailoauthd is older than this program and has no "
						"choice of redirects: restart it");
	else if (grant != NULL && strcmp(grant, grant_kind_name(GRANT_AUTHORIZATION_CODE)) != 0 &&
		 strcmp(grant, grant_kind_name(GRANT_DEVICE_CODE)) != 0)
		exit = cli_report(CLI_USAGE, "--redirect is for accounts that a person signs in "
					     "for; leave it away");
	else if (!words_contain(&known, cli->redirect))
		exit = report_unknown(cli, &known);
	else
		exit = check_port(cli);
	words_release(&known);
	return exit;
}

enum cli_exit authorize_check_redirect(const struct cli *cli)
{
	struct json_object *status = NULL, *list;
	struct err err = ERR_INIT;
	enum cli_exit exit;

	if (cli->redirect == NULL)
		return CLI_OK;
	exit = status_ask(cli, &status, &err);
	if (exit != CLI_OK)
		return cli_report(exit, err.text);
	list = json_member_array(status, "accounts");
	exit = list != NULL && json_object_array_length(list) == 1
		       ? check_account(cli, json_object_array_get_idx(list, 0))
		       : cli_report(CLI_PROTOCOL, "mailoauthd's answer to status cannot be read");
	json_object_put(status);
	return exit;
}
