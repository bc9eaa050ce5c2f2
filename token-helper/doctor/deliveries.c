/* SPDX-License-Identifier: MIT */
/* deliveries.c - see deliveries.h. */
#include "token-helper/doctor/deliveries.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "token-helper/postfix/postfix-value.h"

#include "common/banned.h"

#define DELIVERIES_MAX 64 /* of a machine with more senders the first are looked at */
#define BEARER	       "Bearer "

/* Whose ---------------------------------------------------------------------------------------- */

static bool is_selected(const struct account_config *account, struct span selector)
{
	char *word = xspandup(selector);
	bool is = strcmp(account->name, word) == 0 || strcasecmp(account->user, word) == 0 ||
		  words_contain(&account->aliases, word);

	free(word);
	return is;
}

static const struct account_config *by_selector(const struct helper_config *config,
						struct span selector)
{
	for (size_t i = 0; i < config->account_count; i++) {
		if (is_selected(config->accounts[i], selector))
			return config->accounts[i];
	}
	return NULL;
}

static const struct account_config *by_sender(const struct helper_config *config,
					      const char *sender)
{
	for (size_t i = 0; sender != NULL && i < config->account_count; i++) {
		if (config->accounts[i]->use[SERVICE_SMTP] &&
		    account_config_has_sender(config->accounts[i], span_from_str(sender)))
			return config->accounts[i];
	}
	return NULL;
}

/* The one that has the host; of several the default. */
static const struct account_config *by_host(const struct helper_config *config, const char *host)
{
	const struct account_config *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < config->account_count; i++) {
		const struct account_config *account = config->accounts[i];

		if (!account->use[SERVICE_SMTP] ||
		    !account_config_has_host(account, SERVICE_SMTP, span_from_str(host)))
			continue;
		if (account->is_default)
			return account;
		found = count++ == 0 ? account : NULL;
	}
	return count == 1 ? found : NULL;
}

/* Whose token mailoauthd would give for that; NULL: nobody's. Decides as accounts.c does. */
static const struct account_config *account_of(const struct helper_config *config,
					       const struct login *login, const struct route *route,
					       const char *sender)
{
	struct span password = buffer_span(&login->password);
	const struct account_config *account;

	if (login->kind == LOGIN_DAEMON) {
		account = by_sender(config, sender);
		return account != NULL ? account : by_host(config, route->nexthop.host);
	}
	if (login->kind != LOGIN_ENTRY)
		return NULL;
	if (password.len >= strlen(BEARER) && strncmp(password.ptr, BEARER, strlen(BEARER)) == 0)
		return NULL;
	return by_selector(config, password.len > 0 ? password : span_from_str(login->user));
}

/* The account whose server it is, the one that is used first. */
static const struct account_config *account_of_server(const struct doctor *doctor,
						      const struct delivery *delivery)
{
	struct span host = span_from_str(delivery->route.nexthop.host);

	if (delivery->used != NULL && account_config_has_host(delivery->used, SERVICE_SMTP, host))
		return delivery->used;
	for (size_t i = 0; host.len > 0 && i < doctor->config->account_count; i++) {
		const struct account_config *account = doctor->config->accounts[i];

		if (account->use[SERVICE_SMTP] && doctor_wants(doctor, account->name) &&
		    account_config_has_host(account, SERVICE_SMTP, host))
			return account;
	}
	return NULL;
}

/* Finding ------------------------------------------------------------------------------------- */

void delivery_release(struct delivery *delivery)
{
	buffer_release(&delivery->login.password);
}

bool delivery_find(struct doctor *doctor, const char *sender, struct delivery *out)
{
	struct err err = ERR_INIT;

	*out = (struct delivery){.sender = sender};
	if (route_find(doctor->postfix, sender, doctor->deadline, &out->route, &err) !=
	    OUTCOME_OK) {
		doctor_say(doctor, SEVERITY_ERROR, "%s", err.text);
		doctor_why(doctor, "Postfix defers mail while it cannot ask a table.");
		return false;
	}
	login_find(doctor->postfix, &out->route, sender, doctor->deadline, &out->login, &err);
	if (out->login.kind == LOGIN_ERROR) {
		doctor_say(doctor, SEVERITY_ERROR, "%s", err.text);
		doctor_why(doctor, "Postfix defers mail while it cannot ask a table.");
	}
	out->used = account_of(doctor->config, &out->login, &out->route, sender);
	out->account = account_of_server(doctor, out);
	return true;
}

static bool is_same_way(const struct delivery *a, const struct delivery *b)
{
	return a->route.service == b->route.service &&
	       strcmp(a->route.transport, b->route.transport) == 0 &&
	       strcmp(a->route.nexthop.host, b->route.nexthop.host) == 0 &&
	       strcmp(a->route.nexthop.port, b->route.nexthop.port) == 0 &&
	       a->login.kind == b->login.kind && strcmp(a->login.user, b->login.user) == 0 &&
	       a->used == b->used;
}

static void add(struct doctor *doctor, const char *sender)
{
	struct delivery delivery;

	if (doctor->delivery_count >= DELIVERIES_MAX || !delivery_find(doctor, sender, &delivery))
		return;
	for (size_t i = 0; i < doctor->delivery_count; i++) {
		if (is_same_way(&doctor->deliveries[i], &delivery)) {
			delivery_release(&delivery);
			return;
		}
	}
	doctor->deliveries = xreallocarray(doctor->deliveries, doctor->delivery_count + 1,
					   sizeof(*doctor->deliveries));
	doctor->deliveries[doctor->delivery_count++] = delivery;
}

/* Tables by sender that are not there need not be asked for each. */
static bool depends_on_sender(const struct doctor *doctor)
{
	static const char *const maps[] = {"sender_dependent_relayhost_maps",
					   "sender_dependent_default_transport_maps"};
	struct buffer value = BUFFER_INIT(POSTFIX_VALUE_MAX);
	bool depends = false;

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		(void)postfix_value(doctor->postfix, NULL, maps[i], &value);
		depends = depends || value.len > 0;
	}
	buffer_release(&value);
	for (size_t i = 0; !depends && i < postfix_service_count(doctor->postfix); i++)
		depends = postfix_is_yes(doctor->postfix, postfix_service_at(doctor->postfix, i),
					 "smtp_sender_dependent_authentication");
	return depends;
}

static bool is_used_elsewhere(const struct doctor *doctor, const struct account_config *account)
{
	for (size_t i = 0; i < doctor->delivery_count; i++) {
		if (doctor->deliveries[i].used == account)
			return true;
	}
	return false;
}

/* Somebody else's login at the same server, with a password, is none of ours to judge, once the
 * account has its own way there. */
static void leave_strangers(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->delivery_count; i++) {
		struct delivery *delivery = &doctor->deliveries[i];

		if (delivery->login.kind == LOGIN_ENTRY && delivery->used == NULL &&
		    delivery->login.password.len > 0 &&
		    is_used_elsewhere(doctor, delivery->account))
			delivery->account = NULL;
	}
}

static void add_senders(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->config->account_count; i++) {
		const struct account_config *account = doctor->config->accounts[i];

		if (!account->use[SERVICE_SMTP] || !doctor_wants(doctor, account->name))
			continue;
		add(doctor, account->user);
		for (size_t j = 0; j < account->senders.count; j++) {
			if (account->senders.word[j][0] != '@')
				add(doctor, account->senders.word[j]);
		}
	}
}

void deliveries_find(struct doctor *doctor)
{
	if (doctor->postfix == NULL || doctor->config == NULL)
		return;
	add(doctor, NULL);
	if (depends_on_sender(doctor))
		add_senders(doctor);
	leave_strangers(doctor);
}

void deliveries_release(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->delivery_count; i++)
		delivery_release(&doctor->deliveries[i]);
	free(doctor->deliveries);
	doctor->deliveries = NULL;
	doctor->delivery_count = 0;
}

const struct delivery *deliveries_next_service(const struct doctor *doctor, size_t *at)
{
	for (; *at < doctor->delivery_count; (*at)++) {
		const struct delivery *delivery = &doctor->deliveries[*at];
		bool seen = false;

		if (delivery->account == NULL || delivery->route.service == NULL)
			continue;
		for (size_t i = 0; i < *at; i++)
			seen = seen ||
			       (doctor->deliveries[i].account != NULL &&
				doctor->deliveries[i].route.service == delivery->route.service);
		if (seen)
			continue;
		(*at)++;
		return delivery;
	}
	return NULL;
}

const char *delivery_text(const struct delivery *delivery, char *text)
{
	char nexthop[NEXTHOP_TEXT_MAX];

	(void)snprintf(text, DELIVERY_TEXT_MAX, "%s by %s to %s",
		       delivery->sender != NULL ? delivery->sender : "mail",
		       delivery->route.transport, nexthop_text(&delivery->route.nexthop, nexthop));
	return text;
}
