/* SPDX-License-Identifier: MIT */
/*
 * diagnosis-delivery.c - what the server or program says that fetched mail is handed to: a local
 * one, which its administrator can be asked about.
 */
#include "common/diagnosis-tables.h"

#include "common/banned.h"

/* clang-format off */
static const struct diagnosis rows[] = {
	{
		.id = "delivery-connections",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "too many*connections|Too many concurrent|client_connection_count_limit",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 120,
		.meaning = "the destination has as many connections as it allows",
		.remedy = "lower connections, or raise its limit (Dovecot: client_limit of service lmtp)",
		.example = "421 4.7.0 mx.example.net Error: too many connections from 127.0.0.1",
	},
	{
		.id = "delivery-shutdown",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "shutting down",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "the destination restarts",
		.example = "421 4.3.2 mx.example.net Server shutting down",
	},
	{
		.id = "delivery-full",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "5.2.2|4.2.2|quota exceeded|mailbox is full|mailbox full|over quota",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY,
		.meaning = "the recipient's mailbox is full",
		.remedy = "make room in it, or raise its quota",
		.source = "RFC 3463",
		.example = "452 4.2.2 <alice@example.net> Quota exceeded (mailbox for user is full)",
	},
	{
		.id = "delivery-unknown-recipient",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "5.1.1|user unknown|user doesn't exist|no such user",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the destination does not know the recipient",
		.remedy = "set recipient to one that it knows",
		.source = "RFC 3463",
		.example = "550 5.1.1 <nobody@example.net> User doesn't exist: nobody@example.net",
	},
	{
		.id = "delivery-too-large",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "5.3.4|5.2.3|message size exceeds|message too large|message file too big",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the message is larger than the destination takes",
		.remedy = "raise its limit (Postfix: message_size_limit)",
		.source = "RFC 3463",
		.example = "552 5.3.4 Message size exceeds fixed limit",
	},
	{
		.id = "delivery-relay-denied",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "relay access denied|relaying denied",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the destination takes the recipient for somebody else's",
		.remedy = "set recipient to a local address, or let this machine relay (Postfix: mynetworks)",
		.example = "554 5.7.1 <alice@example.net>: Relay access denied",
	},
	{
		.id = "delivery-sender-refused",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "sender address rejected|5.1.7|5.1.8|4.1.8",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the destination does not like the sender's address",
		.remedy = "take its checks of senders off this way in: the mail has been received already",
		.example = "450 4.1.8 <a@nowhere.example>: Sender address rejected: Domain not found",
	},
	{
		.id = "delivery-greylisted",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "greylist|graylist",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_RETRY,
		.meaning = "the destination makes unknown senders wait",
		.remedy = "take greylisting off this way in: the mail has been received already",
		.example = "450 4.2.0 <alice@example.net>: Recipient address rejected: Greylisted",
	},
	{
		.id = "delivery-no-space",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "4.3.1|insufficient system storage|no space left on device|disk quota exceeded",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_RETRY,
		.meaning = "the destination's disk is full",
		.remedy = "make room on it: df -h",
		.source = "RFC 3463",
		.example = "452 4.3.1 Insufficient system storage",
	},
	{
		.id = "delivery-internal",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "4.3.0|internal error|local error in processing",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_RETRY,
		.meaning = "the destination has trouble of its own",
		.remedy = "its own log says more",
		.example = "451 4.3.0 <alice@example.net> Temporary internal error",
	},
	{
		.id = "delivery-nobody-listens",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "connection refused",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_RETRY,
		.meaning = "nothing listens at the destination",
		.remedy = "is it started, and is deliver its address?",
		.example = "lmtp:unix:/run/dovecot/lmtp: Connection refused",
	},
	{
		.id = "delivery-content",
		.where = DIAGNOSIS_DELIVERY,
		.pattern = "554 5.7.1|550 5.7.1|5.6.0",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the destination does not like what is in the message",
		.remedy = "see on_refused for what becomes of it",
		.example = "554 5.7.1 Message rejected as spam by Content Filtering.",
	},
};
/* clang-format on */

const struct diagnosis_table diagnosis_delivery = DIAGNOSIS_TABLE(rows);
