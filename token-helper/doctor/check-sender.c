/* SPDX-License-Identifier: MIT */
/* check-sender.c - would mail of a sender go out under an account that may send for it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor.h"

#include "common/banned.h"

/* The account that says it sends for the address; NULL: none. */
static const struct account_config *declared(const struct doctor *doctor, const char *sender)
{
	for (size_t i = 0; i < doctor->config->account_count; i++) {
		if (doctor->config->accounts[i]->use[SERVICE_SMTP] &&
		    account_config_has_sender(doctor->config->accounts[i], span_from_str(sender)))
			return doctor->config->accounts[i];
	}
	return NULL;
}

static void judge_other(struct doctor *doctor, const struct delivery *delivery)
{
	const struct account_config *used = delivery->used;
	const char *user = used->service_user[SERVICE_SMTP];
	const struct account_config *better = declared(doctor, delivery->sender);

	doctor_say(doctor, SEVERITY_WARNING, "mail from %s goes out as %s (account %s)",
		   delivery->sender, user, used->name);
	if (better != NULL) {
		doctor_why(doctor, "Account %s is the one that sends for it.", better->name);
		doctor_mend_enable(doctor, better, delivery->sender);
		return;
	}
	doctor_why(doctor,
		   "The server refuses it (554 5.2.252 SendAsDenied at Microsoft) unless %s may "
		   "send as %s. If it may, say so: senders = %s in [account %s]. Else let Postfix "
		   "write the sender anew: smtp_generic_maps.",
		   user, delivery->sender, delivery->sender, used->name);
}

static bool may_send(const struct account_config *account, const char *sender)
{
	return strcasecmp(account->service_user[SERVICE_SMTP], sender) == 0 ||
	       account_config_has_sender(account, span_from_str(sender));
}

/* Whether smtp(8) writes the sender anew, as one for whom the account may send. */
static bool is_written_anew(struct doctor *doctor, const struct delivery *delivery)
{
	char written[NEXTHOP_TEXT_MAX];

	if (!route_writes_sender(doctor->postfix, &delivery->route, delivery->sender,
				 doctor->deadline, written) ||
	    !may_send(delivery->used, written))
		return false;
	doctor_say(doctor, SEVERITY_OK,
		   "mail from %s goes out as %s (smtp_generic_maps): account %s", delivery->sender,
		   written, delivery->used->name);
	return true;
}

static void judge(struct doctor *doctor, const struct delivery *delivery)
{
	char text[DELIVERY_TEXT_MAX];
	const struct account_config *used = delivery->used;

	if (used == NULL) {
		const struct account_config *better = declared(doctor, delivery->sender);

		doctor_say(doctor, SEVERITY_WARNING, "%s: under no account of mailoauth's",
			   delivery_text(delivery, text));
		if (better != NULL)
			doctor_mend_enable(doctor, better, delivery->sender);
	} else if (may_send(used, delivery->sender)) {
		doctor_say(doctor, SEVERITY_OK, "%s: account %s, as %s",
			   delivery_text(delivery, text), used->name,
			   used->service_user[SERVICE_SMTP]);
	} else if (!is_written_anew(doctor, delivery)) {
		judge_other(doctor, delivery);
	}
}

static void look_at(struct doctor *doctor, const char *sender)
{
	struct delivery delivery;

	if (!delivery_find(doctor, sender, &delivery))
		return;
	judge(doctor, &delivery);
	delivery_release(&delivery);
}

/* Two accounts and nothing by sender: all mail goes out under one of them. */
static void look_at_accounts(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->config->account_count; i++) {
		const struct account_config *account = doctor->config->accounts[i];
		struct delivery delivery;

		if (!account->use[SERVICE_SMTP] || !doctor_wants(doctor, account->name) ||
		    strchr(account->user, '@') == NULL)
			continue;
		if (!delivery_find(doctor, account->user, &delivery))
			continue;
		if (delivery.used != NULL)
			judge(doctor, &delivery);
		delivery_release(&delivery);
	}
}

void check_sender(struct doctor *doctor)
{
	if (doctor->postfix == NULL || doctor->config == NULL)
		return;
	for (size_t i = 0; i < doctor->cli->sender_count; i++)
		look_at(doctor, doctor->cli->senders[i]);
	if (doctor->cli->sender_count == 0)
		look_at_accounts(doctor);
}
