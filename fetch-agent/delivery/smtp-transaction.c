/* SPDX-License-Identifier: MIT */
/* smtp-transaction.c - see smtp-transaction.h. */
#include "fetch-agent/delivery/smtp-transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define ADDRESS_MAX 900 /* RFC 5321 4.5.3.1 has 256; the line must fit any listener's buffer */
#define WORDS_MAX   1024

/* Life -------------------------------------------------------------------------------------------
 */

struct smtp_transaction *smtp_transaction_new(const struct delivery_facts *facts, bool lmtp)
{
	struct smtp_transaction *transaction = xcalloc(1, sizeof(*transaction));

	transaction->uid = facts->uid;
	transaction->lmtp = lmtp;
	transaction->size_bytes = facts->size_bytes;
	transaction->sender = xstrdup(facts->envelope->sender);
	words_copy(&transaction->addresses, facts->envelope->recipients);
	transaction->recipients =
		xcalloc(transaction->addresses.count + 1, sizeof(*transaction->recipients));
	transaction->body = evbuffer_new();
	if (transaction->body == NULL)
		abort(); /* as xalloc: out of memory */
	return transaction;
}

void smtp_transaction_free(struct smtp_transaction *transaction)
{
	if (transaction == NULL)
		return;
	for (size_t i = 0; i < transaction->addresses.count; i++)
		free(transaction->recipients[i].words);
	free(transaction->recipients);
	words_release(&transaction->addresses);
	free(transaction->sender);
	evbuffer_free(transaction->body);
	free(transaction);
}

static void pass_over_body(struct smtp_transaction *transaction)
{
	(void)evbuffer_drain(transaction->body, evbuffer_get_length(transaction->body));
}

void smtp_transaction_write(struct smtp_transaction *transaction, struct span bytes)
{
	if (transaction->step == SMTP_STEP_OVER)
		return;
	transaction->written_bytes += bytes.len;
	smtp_dot_feed(&transaction->dot, bytes, transaction->body);
}

void smtp_transaction_end(struct smtp_transaction *transaction, uint32_t uid)
{
	transaction->uid = uid;
	transaction->ended = true;
	if (transaction->step != SMTP_STEP_OVER)
		smtp_dot_end(&transaction->dot, transaction->body);
}

/* Fates ------------------------------------------------------------------------------------------
 */

static bool is_undecided(const struct smtp_recipient *recipient)
{
	return recipient->fate == SMTP_FATE_OPEN || recipient->fate == SMTP_FATE_ACCEPTED;
}

static void decide(struct smtp_recipient *recipient, enum smtp_fate fate, enum smtp_step about,
		   const char *status, const char *words)
{
	recipient->fate = fate;
	recipient->about = about;
	(void)snprintf(recipient->status, sizeof(recipient->status), "%s", status);
	free(recipient->words);
	recipient->words = xstrdup(words);
}

/* What a reply that is not the one hoped for means for a recipient. */
static void turn_away(struct smtp_recipient *recipient, enum smtp_step about,
		      const struct smtp_reply *reply)
{
	struct buffer words = BUFFER_INIT(WORDS_MAX);

	smtp_reply_words(reply, &words);
	decide(recipient, reply->code / 100 == 5 ? SMTP_FATE_REFUSED : SMTP_FATE_LATER, about,
	       reply->status, buffer_cstr(&words));
	buffer_release(&words);
}

static void turn_all_away(struct smtp_transaction *transaction, const struct smtp_reply *reply)
{
	for (size_t i = 0; i < transaction->addresses.count; i++) {
		if (is_undecided(&transaction->recipients[i]))
			turn_away(&transaction->recipients[i], transaction->step, reply);
	}
}

static size_t count_of(const struct smtp_transaction *transaction, enum smtp_fate fate)
{
	size_t count = 0;

	for (size_t i = 0; i < transaction->addresses.count; i++)
		count += transaction->recipients[i].fate == fate;
	return count;
}

void smtp_transaction_fail(struct smtp_transaction *transaction, const char *words)
{
	/* After the final dot nobody can tell: better twice than never, but not unsaid. */
	char *said = xasprintf("%s%s", words,
			       transaction->step == SMTP_STEP_FINAL
				       ? "; it may have taken the message, which comes twice then"
				       : "");

	for (size_t i = 0; i < transaction->addresses.count; i++) {
		if (is_undecided(&transaction->recipients[i]))
			decide(&transaction->recipients[i], SMTP_FATE_LATER, transaction->step, "",
			       said);
	}
	free(said);
	transaction->step = SMTP_STEP_OVER;
	pass_over_body(transaction);
}

/* Out --------------------------------------------------------------------------------------------
 */

static bool is_ascii(const char *text)
{
	while (*text > 0)
		text++;
	return *text == '\0';
}

static bool needs_utf8(const struct smtp_transaction *transaction)
{
	bool needed = !is_ascii(transaction->sender);

	for (size_t i = 0; i < transaction->addresses.count; i++)
		needed = needed || !is_ascii(transaction->addresses.word[i]);
	return needed;
}

/* Nothing of an address may end the line or the brackets: addresses come from strangers' headers.
 */
static bool is_sayable(const char *address)
{
	size_t len = 0;

	for (; address[len] != '\0'; len++) {
		unsigned char byte = (unsigned char)address[len];

		if (byte < 0x20 || byte == 0x7f || byte == '<' || byte == '>')
			return false;
	}
	return len <= ADDRESS_MAX;
}

/* NULL: it can be said. Else why not, and the status for it. */
static const char *fault_of(const struct smtp_transaction *transaction,
			    const struct smtp_capability *capability, const char **status)
{
	bool sayable = is_sayable(transaction->sender);

	*status = sayable ? "5.1.3" : "5.1.7";
	for (size_t i = 0; i < transaction->addresses.count; i++)
		sayable = sayable && is_sayable(transaction->addresses.word[i]);
	if (!sayable)
		return "an address of the envelope has characters that no address can have, or is "
		       "too long";
	*status = "5.6.7";
	if (needs_utf8(transaction) && !capability->utf8)
		return "an address of the envelope is not ASCII, and the listener does not offer "
		       "SMTPUTF8";
	return NULL;
}

/*
 * A message of which not all has come is said to be 8-bit where that can be said: it may be. Where
 * it cannot, 8-bit is sent all the same: every listener on this machine takes it, and to recode a
 * message is to change it.
 */
static void put_mail(const struct smtp_transaction *transaction,
		     const struct smtp_capability *capability, struct evbuffer *out)
{
	(void)evbuffer_add_printf(out, "MAIL FROM:<%s>", transaction->sender);
	if (capability->size)
		(void)evbuffer_add_printf(out, " SIZE=%" PRIu64,
					  transaction->ended ? transaction->written_bytes
							     : transaction->size_bytes);
	if (capability->eight_bit && (!transaction->ended || transaction->dot.eight_bit))
		(void)evbuffer_add_printf(out, " BODY=8BITMIME");
	if (needs_utf8(transaction))
		(void)evbuffer_add_printf(out, " SMTPUTF8");
	(void)evbuffer_add_printf(out, "\r\n");
}

static void put_command(const struct smtp_transaction *transaction, enum smtp_step step, size_t at,
			const struct smtp_capability *capability, struct evbuffer *out)
{
	switch (step) {
	case SMTP_STEP_RESET:
		(void)evbuffer_add_printf(out, "RSET\r\n");
		return;
	case SMTP_STEP_MAIL:
		put_mail(transaction, capability, out);
		return;
	case SMTP_STEP_RCPT:
		(void)evbuffer_add_printf(out, "RCPT TO:<%s>\r\n", transaction->addresses.word[at]);
		return;
	case SMTP_STEP_DATA:
		(void)evbuffer_add_printf(out, "DATA\r\n");
		return;
	default:
		return;
	}
}

static void put_all(const struct smtp_transaction *transaction,
		    const struct smtp_capability *capability, struct evbuffer *out)
{
	if (transaction->step == SMTP_STEP_RESET)
		put_command(transaction, SMTP_STEP_RESET, 0, capability, out);
	put_command(transaction, SMTP_STEP_MAIL, 0, capability, out);
	for (size_t i = 0; i < transaction->addresses.count; i++)
		put_command(transaction, SMTP_STEP_RCPT, i, capability, out);
	put_command(transaction, SMTP_STEP_DATA, 0, capability, out);
}

bool smtp_transaction_begin(struct smtp_transaction *transaction,
			    const struct smtp_capability *capability, bool reset,
			    struct evbuffer *out)
{
	const char *status;
	const char *fault = fault_of(transaction, capability, &status);

	transaction->step = reset ? SMTP_STEP_RESET : SMTP_STEP_MAIL;
	if (fault != NULL || transaction->addresses.count == 0) {
		for (size_t i = 0; i < transaction->addresses.count; i++)
			decide(&transaction->recipients[i], SMTP_FATE_REFUSED, SMTP_STEP_MAIL,
			       status, fault);
		transaction->step = SMTP_STEP_OVER;
		pass_over_body(transaction);
		return false;
	}
	transaction->piped = capability->pipelining;
	if (transaction->piped)
		put_all(transaction, capability, out);
	else
		put_command(transaction, transaction->step, 0, capability, out);
	return true;
}

bool smtp_transaction_is_rewindable(const struct smtp_transaction *transaction)
{
	return transaction->step < SMTP_STEP_BODY && !transaction->dropped;
}

void smtp_transaction_rewind(struct smtp_transaction *transaction)
{
	for (size_t i = 0; i < transaction->addresses.count; i++)
		transaction->recipients[i].fate = SMTP_FATE_OPEN;
	transaction->step = SMTP_STEP_NONE;
	transaction->at = 0;
	transaction->opened = false;
}

/* In ---------------------------------------------------------------------------------------------
 */

static enum smtp_next over(struct smtp_transaction *transaction, enum smtp_next next)
{
	transaction->step = SMTP_STEP_OVER;
	pass_over_body(transaction);
	return next;
}

static enum smtp_next on_mail(struct smtp_transaction *transaction, const struct smtp_reply *reply)
{
	transaction->opened = smtp_reply_is_good(reply);
	if (!transaction->opened)
		turn_all_away(transaction, reply);
	if (!transaction->opened && !transaction->piped)
		return over(transaction, SMTP_NEXT_OVER);
	transaction->step = SMTP_STEP_RCPT;
	transaction->at = 0;
	return SMTP_NEXT_REPLY;
}

static enum smtp_next on_rcpt(struct smtp_transaction *transaction, const struct smtp_reply *reply)
{
	struct smtp_recipient *recipient = &transaction->recipients[transaction->at];

	if (transaction->opened && smtp_reply_is_good(reply))
		recipient->fate = SMTP_FATE_ACCEPTED;
	else if (transaction->opened)
		turn_away(recipient, SMTP_STEP_RCPT, reply);
	if (++transaction->at < transaction->addresses.count)
		return SMTP_NEXT_REPLY;
	if (!transaction->piped && count_of(transaction, SMTP_FATE_ACCEPTED) == 0)
		return over(transaction, SMTP_NEXT_OVER);
	transaction->step = SMTP_STEP_DATA;
	return SMTP_NEXT_REPLY;
}

/* A listener that wants a message for nobody cannot be told that there is none: in LMTP no reply
 * would follow, in SMTP an empty message might. */
static enum smtp_next on_data(struct smtp_transaction *transaction, const struct smtp_reply *reply)
{
	bool wanted = count_of(transaction, SMTP_FATE_ACCEPTED) > 0 && !transaction->dropped;

	if (reply->code / 100 == 3 && wanted) {
		transaction->step = SMTP_STEP_BODY;
		return SMTP_NEXT_BODY;
	}
	turn_all_away(transaction, reply);
	return over(transaction, reply->code / 100 >= 4 ? SMTP_NEXT_OVER : SMTP_NEXT_HANGUP);
}

/* It is turned away in the middle, and what is still on its way would be read as commands. */
static enum smtp_next on_body(struct smtp_transaction *transaction, const struct smtp_reply *reply)
{
	turn_all_away(transaction, reply);
	return over(transaction, SMTP_NEXT_HANGUP);
}

static enum smtp_next on_final(struct smtp_transaction *transaction, const struct smtp_reply *reply)
{
	struct smtp_recipient *recipient;

	transaction->opened = false;
	for (size_t i = 0; i < transaction->addresses.count; i++) {
		recipient = &transaction->recipients[i];
		if (recipient->fate != SMTP_FATE_ACCEPTED)
			continue;
		if (smtp_reply_is_good(reply))
			recipient->fate = SMTP_FATE_DELIVERED;
		else
			turn_away(recipient, SMTP_STEP_FINAL, reply);
		if (transaction->lmtp)
			break;
	}
	if (reply->code / 100 == 3) {
		turn_all_away(transaction, reply);
		return over(transaction, SMTP_NEXT_HANGUP);
	}
	if (count_of(transaction, SMTP_FATE_ACCEPTED) > 0)
		return SMTP_NEXT_REPLY;
	return over(transaction, SMTP_NEXT_OVER);
}

static enum smtp_next take_reply(struct smtp_transaction *transaction,
				 const struct smtp_reply *reply)
{
	switch (transaction->step) {
	case SMTP_STEP_RESET:
		transaction->step = SMTP_STEP_MAIL;
		return SMTP_NEXT_REPLY;
	case SMTP_STEP_MAIL:
		return on_mail(transaction, reply);
	case SMTP_STEP_RCPT:
		return on_rcpt(transaction, reply);
	case SMTP_STEP_DATA:
		return on_data(transaction, reply);
	case SMTP_STEP_BODY:
		return on_body(transaction, reply);
	case SMTP_STEP_FINAL:
		return on_final(transaction, reply);
	default:
		return SMTP_NEXT_HANGUP;
	}
}

enum smtp_next smtp_transaction_reply(struct smtp_transaction *transaction,
				      const struct smtp_capability *capability,
				      const struct smtp_reply *reply, struct evbuffer *out)
{
	enum smtp_next next = take_reply(transaction, reply);

	if (next == SMTP_NEXT_REPLY && !transaction->piped)
		put_command(transaction, transaction->step, transaction->at, capability, out);
	return next;
}

/* The verdict ------------------------------------------------------------------------------------
 */

static void tell_command(const struct smtp_transaction *transaction, size_t at, struct buffer *text)
{
	const char *address = transaction->addresses.word[at];

	switch (transaction->recipients[at].about) {
	case SMTP_STEP_MAIL:
		(void)buffer_printf(text, "MAIL FROM:<%s>", transaction->sender);
		return;
	case SMTP_STEP_RCPT:
		(void)buffer_printf(text, "RCPT TO:<%s>", address);
		return;
	case SMTP_STEP_BODY:
		(void)buffer_printf(text, "in the middle of the message");
		return;
	case SMTP_STEP_FINAL:
		(void)buffer_printf(text, "end of the message for <%s>", address);
		return;
	default:
		(void)buffer_printf(text, "DATA");
		return;
	}
}

static struct delivery_refusal *refusals_of(const struct smtp_transaction *transaction,
					    size_t *count_out)
{
	struct delivery_refusal *refusals =
		xcalloc(transaction->addresses.count + 1, sizeof(*refusals));
	size_t count = 0;

	for (size_t i = 0; i < transaction->addresses.count; i++) {
		const struct smtp_recipient *recipient = &transaction->recipients[i];

		if (recipient->fate == SMTP_FATE_DELIVERED)
			continue;
		refusals[count++] = (struct delivery_refusal){
			.recipient = transaction->addresses.word[i],
			.status = recipient->status,
			.words = recipient->words,
		};
	}
	*count_out = count;
	return refusals;
}

static void tell(const struct smtp_transaction *transaction, const char *destination,
		 struct delivery_verdict *verdict)
{
	struct buffer text = BUFFER_INIT(4096);
	size_t delivered = count_of(transaction, SMTP_FATE_DELIVERED);
	size_t told = 0;

	for (size_t i = 0; i < transaction->addresses.count; i++) {
		const struct smtp_recipient *recipient = &transaction->recipients[i];

		if (recipient->fate == SMTP_FATE_DELIVERED)
			continue;
		(void)buffer_append_str(&text, told++ > 0 ? "; " : "");
		tell_command(transaction, i, &text);
		(void)buffer_printf(&text, ": %s", recipient->words);
	}
	if (transaction->addresses.count == 0)
		(void)buffer_append_str(&text, "the message has no recipient");
	if (delivered > 0)
		(void)err_set(&verdict->err, verdict->outcome,
			      "%s: delivered to %zu of %zu recipients, but not to all: %s",
			      destination, delivered, transaction->addresses.count,
			      buffer_cstr(&text));
	else
		(void)err_set(&verdict->err, verdict->outcome, "%s: %s", destination,
			      buffer_cstr(&text));
	buffer_release(&text);
}

struct delivery_refusal *smtp_transaction_verdict(const struct smtp_transaction *transaction,
						  const char *destination,
						  struct delivery_verdict *verdict)
{
	size_t count = transaction->addresses.count;
	size_t delivered = count_of(transaction, SMTP_FATE_DELIVERED);
	bool later = count_of(transaction, SMTP_FATE_LATER) > 0;
	struct delivery_refusal *refusals;

	*verdict = (struct delivery_verdict){.kind = DELIVERY_DONE};
	if (count > 0 && delivered == count)
		return NULL;
	if (delivered == 0 && later) {
		verdict->kind = DELIVERY_LATER;
		verdict->outcome = OUTCOME_RETRY;
	} else {
		verdict->kind = DELIVERY_REFUSED;
		verdict->outcome = OUTCOME_DENIED;
	}
	refusals = refusals_of(transaction, &verdict->refusal_count);
	verdict->refusals = refusals;
	tell(transaction, destination, verdict);
	return refusals;
}
