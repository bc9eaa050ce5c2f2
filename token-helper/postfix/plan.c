/* SPDX-License-Identifier: MIT */
/* plan.c - see plan.h. */
#include "token-helper/postfix/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "token-helper/postfix/maps.h"
#include "token-helper/postfix/postfix-value.h"
#include "token-helper/postfix/route.h"

#include "common/banned.h"

#define PASSWORD_MAPS  "smtp_sasl_password_maps"
#define OWN_MAPS       "mailoauth_password_maps"
#define TRANSPORT_MAPS "sender_dependent_default_transport_maps"
#define CONNECTIONS    "3"
#define DELAY	       "2s" /* 30 a minute */

struct planning {
	const struct postfix *postfix;
	const struct plan_wanted *wanted;
	struct plan *plan;
	struct err *err;
	enum outcome outcome;
	char nexthop[NEXTHOP_TEXT_MAX];
};

void plan_release(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->changes[i].name);
		free(plan->changes[i].value);
	}
	free(plan->changes);
	*plan = (struct plan){0};
}

static void add(struct planning *at, enum change_kind kind, const char *name, const char *value)
{
	struct plan *plan = at->plan;

	plan->changes = xreallocarray(plan->changes, plan->count + 1, sizeof(*plan->changes));
	plan->changes[plan->count++] =
		(struct change){.kind = kind, .name = xstrdup(name), .value = xstrdup(value)};
}

/* In main.cf, unless it says so already. */
static void set(struct planning *at, const char *name, const char *value)
{
	const char *now = postfix_raw(at->postfix, name);

	if (now == NULL || strcmp(now, value) != 0)
		add(at, CHANGE_MAIN, name, value);
}

/* A change of the same parameter that the plan has already. */
static const char *planned(const struct planning *at, const char *name)
{
	for (size_t i = 0; i < at->plan->count; i++) {
		if (strcmp(at->plan->changes[i].name, name) == 0)
			return at->plan->changes[i].value;
	}
	return NULL;
}

static void replace_planned(struct planning *at, const char *name, const char *value)
{
	for (size_t i = 0; i < at->plan->count; i++) {
		if (strcmp(at->plan->changes[i].name, name) == 0) {
			free(at->plan->changes[i].value);
			at->plan->changes[i].value = xstrdup(value);
			return;
		}
	}
	add(at, CHANGE_MAIN, name, value);
}

/* Puts an entry before what a list of tables has, unless it is there. */
static void set_entry(struct planning *at, const char *name, const char *key, const char *value)
{
	const char *now =
		planned(at, name) != NULL ? planned(at, name) : postfix_raw(at->postfix, name);
	char *entry = xasprintf("{ %s = %s }", key, value);
	struct buffer list = BUFFER_INIT(POSTFIX_VALUE_MAX);

	now = now != NULL ? now : "";
	if (strstr(now, entry) != NULL)
		now = NULL; /* as it should be */
	else if (maps_add(now, key, value, &list))
		replace_planned(at, name, buffer_cstr(&list));
	else
		at->outcome = err_set(at->err, OUTCOME_CONFIG,
				      "%s: \"%s\" cannot be written into a table of Postfix's",
				      name, key);
	buffer_release(&list);
	free(entry);
}

/* What is set now ------------------------------------------------------------------------------ */

/* "" also when it is not set; a value that is not understood ends the planning. */
static char *value_of(struct planning *at, const struct postfix_service *service, const char *name)
{
	struct buffer value = BUFFER_INIT(POSTFIX_VALUE_MAX);
	char *text;

	if (!postfix_value(at->postfix, service, name, &value) && value.len > 0)
		at->outcome = err_set(at->err, OUTCOME_CONFIG,
				      "%s = %s: this is not understood, so it is not changed; set "
				      "it in plain words first",
				      name, buffer_cstr(&value));
	text = xstrdup(buffer_cstr(&value));
	buffer_release(&value);
	return text;
}

static bool is_empty(struct planning *at, const char *name)
{
	char *value = value_of(at, NULL, name);
	bool empty = value[0] == '\0';

	free(value);
	return empty;
}

static bool is_value(struct planning *at, const char *name, const char *wanted)
{
	char *value = value_of(at, NULL, name);
	bool is = strcmp(value, wanted) == 0;

	free(value);
	return is;
}

/* -o settings of smtp(8) that would go before main.cf's. */
static bool has_overrides(const struct planning *at)
{
	static const char *const names[] = {
		"smtp_sasl_auth_enable", PASSWORD_MAPS, "smtp_sasl_mechanism_filter",
		"smtp_sasl_tls_security_options", "smtp_tls_security_level"};
	const struct postfix_service *smtp = postfix_service_find(at->postfix, "smtp", "unix");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (postfix_override(at->postfix, smtp, names[i]) != NULL)
			return true;
	}
	return false;
}

/* Only our entry stands there: then an earlier run wrote it. */
static bool is_our_map(struct planning *at)
{
	char *entry = xasprintf("inline:{ { %s = %s:%s } }", at->nexthop, at->wanted->user,
				at->wanted->password);
	bool is = is_value(at, PASSWORD_MAPS, entry);

	free(entry);
	return is;
}

/* Why the account needs a service of its own; NULL: it does not. */
static const char *reason_for_own(struct planning *at)
{
	if (at->wanted->sender_count > 0)
		return "other mail goes another way";
	if (postfix_service_find(at->postfix, PLAN_SERVICE, "unix") != NULL)
		return "it is there already";
	if (!is_empty(at, PASSWORD_MAPS) && !is_our_map(at))
		return "smtp_sasl_password_maps has entries for other logins";
	if (!is_empty(at, "transport_maps"))
		return "transport_maps may send other mail through smtp(8)";
	if (!is_empty(at, "smtp_tls_policy_maps"))
		return "smtp_tls_policy_maps has rules for other servers";
	if (!is_empty(at, "relay_domains"))
		return "mail for relay_domains goes through smtp(8) too";
	if (!is_value(at, "default_transport", "smtp"))
		return "default_transport is not smtp";
	if (has_overrides(at))
		return "smtp in master.cf has settings of its own";
	return NULL;
}

/* The way through main.cf alone ---------------------------------------------------------------- */

static bool lets_ours_only(const char *filter)
{
	return (postfix_list_has(filter, "xoauth2") || postfix_list_has(filter, "oauthbearer")) &&
	       !postfix_list_has(filter, "plain") && !postfix_list_has(filter, "login");
}

static bool has_authorities(struct planning *at)
{
	return !is_empty(at, "smtp_tls_CAfile");
}

/*
 * Who takes a token may do all that it is for: it goes to a server that proves its name, where
 * there are authorities to prove it by. They are a file, which is read before smtp(8) enters its
 * chroot; smtp_tls_CApath would be looked for in there.
 */
static const char *level_for(struct planning *at)
{
	if (!route_can_name(at->postfix, NULL, &at->wanted->nexthop))
		return "encrypt";
	return has_authorities(at) || at->wanted->authorities != NULL ? "secure" : "encrypt";
}

static bool lacks_authorities(struct planning *at)
{
	return strcmp(level_for(at), "secure") == 0 && !has_authorities(at);
}

static void set_level(struct planning *at)
{
	char *level = value_of(at, NULL, "smtp_tls_security_level");

	if (!postfix_demands_tls(level)) {
		set(at, "smtp_tls_security_level", level_for(at));
		if (lacks_authorities(at))
			set(at, "smtp_tls_CAfile", at->wanted->authorities);
	}
	free(level);
}

/* What is strict enough already stays as it is. */
static void set_login(struct planning *at)
{
	char *filter = value_of(at, NULL, "smtp_sasl_mechanism_filter");

	set_level(at);
	if (nexthop_port(&at->wanted->nexthop) == PORT_SUBMISSIONS)
		set(at, "smtp_tls_wrappermode", "yes");
	else if (!is_value(at, "smtp_tls_wrappermode", "no"))
		set(at, "smtp_tls_wrappermode", "no");
	set(at, "smtp_sasl_auth_enable", "yes");
	if (!lets_ours_only(filter))
		set(at, "smtp_sasl_mechanism_filter", "xoauth2, oauthbearer");
	set(at, "smtp_sasl_tls_security_options", "noanonymous");
	if (!is_empty(at, "smtp_sasl_auth_cache_name"))
		set(at, "smtp_sasl_auth_cache_name", "");
	free(filter);
}

static void set_limits(struct planning *at, const char *transport)
{
	char name[128];

	if (!at->wanted->limits)
		return;
	(void)snprintf(name, sizeof(name), "%s_destination_concurrency_limit", transport);
	set(at, name, CONNECTIONS);
	(void)snprintf(name, sizeof(name), "%s_destination_rate_delay", transport);
	set(at, name, DELAY);
}

static char *entry_of(const struct planning *at)
{
	return xasprintf("%s:%s", at->wanted->user, at->wanted->password);
}

static void plan_main(struct planning *at)
{
	char *entry = entry_of(at);

	set(at, "relayhost", at->nexthop);
	set_login(at);
	set_entry(at, PASSWORD_MAPS, at->nexthop, entry);
	set_limits(at, "smtp");
	free(entry);
}

/* The way through a service of its own --------------------------------------------------------- */

static void set_option(struct planning *at, const char *name, const char *value)
{
	const struct postfix_service *own = postfix_service_find(at->postfix, PLAN_SERVICE, "unix");
	const char *now = postfix_override(at->postfix, own, name);
	char *full;

	if (now != NULL && strcmp(now, value) == 0)
		return;
	full = xasprintf("%s/unix/%s", PLAN_SERVICE, name);
	add(at, CHANGE_OPTION, full, value);
	free(full);
}

static void set_service(struct planning *at)
{
	const struct postfix_service *smtp = postfix_service_find(at->postfix, "smtp", "unix");
	char *line;

	if (postfix_service_find(at->postfix, PLAN_SERVICE, "unix") != NULL)
		return;
	line = xasprintf("%s unix - - %s - - smtp", PLAN_SERVICE,
			 smtp != NULL ? smtp->chroot : "-");
	add(at, CHANGE_SERVICE, PLAN_SERVICE "/unix", line);
	free(line);
}

/* One service speaks one way: two accounts must agree on it. */
static void set_wrapper_mode(struct planning *at)
{
	const struct postfix_service *own = postfix_service_find(at->postfix, PLAN_SERVICE, "unix");
	const char *now = postfix_override(at->postfix, own, "smtp_tls_wrappermode");
	bool wraps = nexthop_port(&at->wanted->nexthop) == PORT_SUBMISSIONS;

	if (now != NULL && (strcmp(now, "yes") == 0) != wraps)
		at->outcome = err_set(at->err, OUTCOME_CONFIG,
				      "the service %s of master.cf is for servers %s port 465; "
				      "take the other port for this account too",
				      PLAN_SERVICE, wraps ? "on another port than" : "on");
	else
		set_option(at, "smtp_tls_wrappermode", wraps ? "yes" : "no");
}

static void set_options(struct planning *at)
{
	set_option(at, "smtp_sasl_auth_enable", "yes");
	set_option(at, PASSWORD_MAPS, "$" OWN_MAPS);
	set_option(at, "smtp_sender_dependent_authentication", "yes");
	set_option(at, "smtp_sasl_mechanism_filter", "xoauth2,oauthbearer");
	set_option(at, "smtp_sasl_security_options", "noplaintext,noanonymous");
	set_option(at, "smtp_sasl_tls_security_options", "noanonymous");
	set_option(at, "smtp_sasl_tls_verified_security_options", "noanonymous");
	set_option(at, "smtp_sasl_auth_cache_name", "");
	set_option(at, "smtp_tls_security_level", level_for(at));
	if (lacks_authorities(at))
		set_option(at, "smtp_tls_CAfile", at->wanted->authorities);
	set_option(at, "smtp_tls_policy_maps", "");
	set_wrapper_mode(at);
}

static void route_senders(struct planning *at, const char *entry)
{
	char *transport = xasprintf("%s:%s", PLAN_SERVICE, at->nexthop);

	for (size_t i = 0; i < at->wanted->sender_count; i++) {
		set_entry(at, TRANSPORT_MAPS, at->wanted->senders[i], transport);
		set_entry(at, OWN_MAPS, at->wanted->senders[i], entry);
	}
	free(transport);
}

/* The nexthop stands with the transport and not in relayhost, which relay_transport would take too:
 * mail for relay_domains goes where it went. */
static void route_all(struct planning *at, const char *entry)
{
	char *transport;

	if (!is_empty(at, "sender_dependent_relayhost_maps")) {
		at->outcome =
			err_set(at->err, OUTCOME_CONFIG,
				"sender_dependent_relayhost_maps sends some senders "
				"elsewhere, and would go through this account's service then; "
				"name the senders of this account with --sender");
		return;
	}
	transport = xasprintf("%s:%s", PLAN_SERVICE, at->nexthop);
	set(at, "default_transport", transport);
	set_entry(at, OWN_MAPS, at->nexthop, entry);
	free(transport);
}

static void plan_own(struct planning *at)
{
	char *entry = entry_of(at);

	at->plan->has_own_service = true;
	set_service(at);
	set_options(at);
	if (at->wanted->sender_count > 0)
		route_senders(at, entry);
	else
		route_all(at, entry);
	set_limits(at, PLAN_SERVICE);
	free(entry);
}

enum outcome plan_make(const struct postfix *postfix, const struct plan_wanted *wanted,
		       struct plan *plan, struct err *err)
{
	struct planning at = {.postfix = postfix, .wanted = wanted, .plan = plan, .err = err};

	*plan = (struct plan){0};
	(void)nexthop_text(&wanted->nexthop, at.nexthop);
	plan->reason = reason_for_own(&at);
	if (at.outcome == OUTCOME_OK && plan->reason == NULL)
		plan_main(&at);
	else if (at.outcome == OUTCOME_OK)
		plan_own(&at);
	return at.outcome;
}
