/* SPDX-License-Identifier: MIT */
/* check-postfix.c - the checks of Postfix's way to an account's server: route, TLS, limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor.h"
#include "token-helper/postfix/postfix-value.h"

#include "common/banned.h"

/* A Postfix that nobody has set up is no fault of a machine that only fetches mail. */
static void say_no_postfix(struct doctor *doctor)
{
	enum severity severity = doctor->postfix_required    ? SEVERITY_ERROR
				 : doctor->postfix_installed ? SEVERITY_WARNING
							     : SEVERITY_NOTE;

	doctor_say(doctor, severity,
		   doctor->postfix_installed ? "Postfix's configuration cannot be read: %s"
					     : "Postfix is not installed: %s",
		   doctor->postfix_err.text);
	doctor_why(doctor, "What concerns it was not looked at.");
	if (doctor->postfix_installed)
		doctor_mend(doctor, "postfix check");
}

void check_postfix(struct doctor *doctor)
{
	char *version;

	if (doctor->postfix == NULL) {
		say_no_postfix(doctor);
		return;
	}
	version = doctor_value(doctor, NULL, "mail_version");
	doctor_say(doctor, SEVERITY_OK, "Postfix %s", version);
	free(version);
	if (doctor->config == NULL) {
		doctor_say(doctor, SEVERITY_NOTE,
			   "what Postfix does with the accounts was not looked at: the "
			   "configuration of mailoauth cannot be read");
		if (!doctor->is_root)
			doctor_mend(doctor, "sudo mailoauth doctor");
	}
}

/* Routes -------------------------------------------------------------------------------------- */

static bool is_used(const struct doctor *doctor, const struct account_config *account)
{
	for (size_t i = 0; i < doctor->delivery_count; i++) {
		if (doctor->deliveries[i].account == account ||
		    doctor->deliveries[i].used == account)
			return true;
	}
	return false;
}

static void say_route(struct doctor *doctor, const struct delivery *delivery)
{
	char text[DELIVERY_TEXT_MAX];

	if (delivery->account == NULL)
		return;
	doctor_say(doctor, SEVERITY_OK, "%s (%s)", delivery_text(delivery, text),
		   delivery->route.by);
	if (delivery->route.service != NULL)
		return;
	doctor_say(doctor, SEVERITY_ERROR, "master.cf has no service %s unix, which %s names",
		   delivery->route.transport, delivery->route.by);
	doctor_why(doctor, "Postfix defers all mail that goes there.");
}

void check_route(struct doctor *doctor)
{
	if (doctor->postfix == NULL || doctor->config == NULL)
		return;
	for (size_t i = 0; i < doctor->delivery_count; i++)
		say_route(doctor, &doctor->deliveries[i]);
	for (size_t i = 0; i < doctor->config->account_count; i++) {
		const struct account_config *account = doctor->config->accounts[i];

		if (!account->use[SERVICE_SMTP] || !doctor_wants(doctor, account->name) ||
		    is_used(doctor, account))
			continue;
		doctor_say(doctor, SEVERITY_WARNING, "Postfix sends nothing through account %s",
			   account->name);
		doctor_why(doctor,
			   "Neither relayhost nor a table by sender leads to %s as %s. If Postfix "
			   "is not what sends by this account, all is well.",
			   account->hosts[SERVICE_SMTP].count > 0
				   ? account->hosts[SERVICE_SMTP].word[0]
				   : "its server",
			   account->user);
		doctor_mend_enable(doctor, account, NULL);
	}
}

void check_sasl_enable(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL) {
		const struct postfix_service *service = delivery->route.service;
		char *type = doctor_value(doctor, service, "smtp_sasl_type");

		if (!postfix_is_yes(doctor->postfix, service, "smtp_sasl_auth_enable")) {
			doctor_say(doctor, SEVERITY_ERROR, "%s: smtp_sasl_auth_enable is not yes",
				   service->name);
			doctor_why(doctor,
				   "Postfix does not log in, and the server refuses the mail.");
			doctor_mend_setting(doctor, service, "smtp_sasl_auth_enable", "yes");
		} else if (strcmp(type, "cyrus") != 0) {
			doctor_say(doctor, SEVERITY_ERROR, "%s: smtp_sasl_type = %s", service->name,
				   type);
			doctor_why(doctor, "The plugin is one for Cyrus SASL.");
			doctor_mend_setting(doctor, service, "smtp_sasl_type", "cyrus");
		} else {
			doctor_fine(doctor);
		}
		free(type);
	}
}

/* TLS ----------------------------------------------------------------------------------------- */

/* smtp_tls_policy_maps goes before smtp_tls_security_level, with the nexthop as its key. */
static char *tls_level(struct doctor *doctor, const struct delivery *delivery, const char **by)
{
	char *maps = doctor_value(doctor, delivery->route.service, "smtp_tls_policy_maps");
	struct buffer found = BUFFER_INIT_SECRET(MAPS_ANSWER_MAX);
	char nexthop[NEXTHOP_TEXT_MAX];
	struct err err = ERR_INIT;
	char *level = NULL;

	*by = "smtp_tls_policy_maps";
	if (maps_lookup(doctor->postfix, maps, nexthop_text(&delivery->route.nexthop, nexthop),
			doctor->deadline, &found, &err) == MAPS_FOUND) {
		level = xspandup(
			(struct span){buffer_cstr(&found), strcspn(buffer_cstr(&found), " \t")});
	}
	if (level == NULL) {
		*by = "smtp_tls_security_level";
		level = doctor_value(doctor, delivery->route.service, *by);
	}
	buffer_release(&found);
	free(maps);
	return level;
}

static bool legacy_enforces(struct doctor *doctor, const struct postfix_service *service)
{
	return postfix_is_yes(doctor->postfix, service, "smtp_enforce_tls");
}

/* "secure" without authorities would take no certificate: check-certificates.c. */
static void mend_level(struct doctor *doctor, const struct delivery *delivery)
{
	bool can =
		route_can_name(doctor->postfix, delivery->route.service, &delivery->route.nexthop);
	const struct setting settings[] = {{"smtp_tls_security_level", can ? "secure" : "encrypt"},
					   {"smtp_tls_CAfile", postfix_authorities()}};
	char *file = doctor_value(doctor, delivery->route.service, "smtp_tls_CAfile");
	bool lacks = can && file[0] == '\0' && settings[1].value != NULL;

	doctor_mend_logins(doctor, delivery, settings, lacks ? 2 : 1);
	free(file);
}

static void judge_level(struct doctor *doctor, const struct delivery *delivery)
{
	const struct postfix_service *service = delivery->route.service;
	const char *by;
	char *level = tls_level(doctor, delivery, &by);

	if (postfix_demands_certificate(level) ||
	    (postfix_demands_tls(level) &&
	     !route_can_name(doctor->postfix, service, &delivery->route.nexthop))) {
		doctor_fine(doctor);
	} else if (postfix_demands_tls(level) ||
		   (level[0] == '\0' && legacy_enforces(doctor, service))) {
		doctor_say(doctor, SEVERITY_NOTE, "%s: %s = %s asks for no certificate",
			   service->name, by, level);
		doctor_why(doctor, "Who can answer in the server's place is given the token, and "
				   "may use it until it ends.");
		mend_level(doctor, delivery);
	} else {
		bool may = strcasecmp(level, "may") == 0 || strcasecmp(level, "dane") == 0;

		doctor_say(doctor, may ? SEVERITY_WARNING : SEVERITY_ERROR, "%s: %s = %s",
			   service->name, by, level);
		doctor_why(doctor,
			   may ? "Who sits between can take TLS out: mail then goes in clear, or "
				 "not at all, because tokens are sent under TLS only."
			       : "Without TLS no server offers XOAUTH2, and a token must not be "
				 "sent in clear.");
		mend_level(doctor, delivery);
		if (strcmp(by, "smtp_tls_policy_maps") == 0)
			doctor_mend(doctor, "postconf smtp_tls_policy_maps");
	}
	free(level);
}

/* On port 465 TLS begins at once (RFC 8314); with STARTTLS both sides wait for each other. */
static void judge_wrapper(struct doctor *doctor, const struct delivery *delivery)
{
	const struct postfix_service *service = delivery->route.service;
	bool wraps = postfix_is_yes(doctor->postfix, service, "smtp_tls_wrappermode");
	unsigned port = nexthop_port(&delivery->route.nexthop);

	if (port == PORT_SUBMISSIONS && !wraps) {
		doctor_say(doctor, SEVERITY_ERROR, "%s: port 465 without smtp_tls_wrappermode",
			   service->name);
		doctor_why(doctor, "The server waits for TLS and Postfix for a greeting: the "
				   "connection ends with a time-out.");
		doctor_mend_login(doctor, delivery, "smtp_tls_wrappermode", "yes");
	} else if (port != PORT_SUBMISSIONS && wraps && (port == 587 || port == 25)) {
		doctor_say(doctor, SEVERITY_ERROR, "%s: smtp_tls_wrappermode = yes with port %u",
			   service->name, port);
		doctor_why(doctor, "That server begins without TLS: the handshake fails.");
		doctor_mend_setting(doctor, service, "smtp_tls_wrappermode", "no");
	}
}

void check_tls_level(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL) {
		judge_level(doctor, delivery);
		judge_wrapper(doctor, delivery);
	}
}

/* Limits -------------------------------------------------------------------------------------- */

#define EXCHANGE_CONNECTIONS 3

static bool is_exchange(const char *host)
{
	static const char *const ends[] = {".office365.com", ".outlook.com", ".office365.us",
					   ".partner.outlook.cn"};
	size_t len = strlen(host);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && strcasecmp(host + len - end, ends[i]) == 0)
			return true;
	}
	return false;
}

/* "smtp_destination_concurrency_limit" of a transport that has no own one is the default's. */
static long transport_number(struct doctor *doctor, const char *transport, const char *suffix)
{
	char name[ROUTE_NAME_MAX + 64];
	char *value;
	long number;

	(void)snprintf(name, sizeof(name), "%s_%s", transport, suffix);
	value = doctor_value(doctor, NULL, name);
	if (value[0] == '\0') {
		free(value);
		(void)snprintf(name, sizeof(name), "default_%s", suffix);
		value = doctor_value(doctor, NULL, name);
	}
	number = strtol(value, NULL, 10);
	free(value);
	return number;
}

void check_limits(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL) {
		const char *transport = delivery->route.transport;
		char name[ROUTE_NAME_MAX + 64];

		if (!is_exchange(delivery->route.nexthop.host))
			continue;
		if (transport_number(doctor, transport, "destination_rate_delay") > 0 ||
		    transport_number(doctor, transport, "destination_concurrency_limit") <=
			    EXCHANGE_CONNECTIONS) {
			doctor_fine(doctor);
			continue;
		}
		(void)snprintf(name, sizeof(name), "%s_destination_concurrency_limit", transport);
		doctor_say(doctor, SEVERITY_NOTE, "%s opens more than 3 connections to %s at once",
			   transport, delivery->route.nexthop.host);
		doctor_why(doctor,
			   "Exchange takes 3 for one mailbox and answers the others \"432 "
			   "4.3.2 Concurrent connections limit exceeded\"; it also takes 30 "
			   "messages a minute.");
		doctor_mend_setting(doctor, NULL, name, "3");
	}
}
