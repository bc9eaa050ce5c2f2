/* SPDX-License-Identifier: MIT */
/* envelope.c - see envelope.h. */
#include "fetch-agent/delivery/envelope.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "fetch-agent/delivery/address.h"
#include "fetch-agent/delivery/placeholder.h"

#include "common/banned.h"

#define RECIPIENTS_MAX 100  /* of one field: RFC 5321 4.5.3.1.8 lets a server stop there */
#define ADDED_MAX      2048 /* bytes of what is put before the header */
#define HOST_MAX       256
#define NAMES_MAX      200 /* bytes of an error's list of fields */

static bool names_already(const struct words *recipients, const char *address)
{
	for (size_t i = 0; i < recipients->count; i++) {
		if (strcasecmp(recipients->word[i], address) == 0)
			return true;
	}
	return false;
}

/* Fixed recipients -------------------------------------------------------------------------------
 */

/* False: a placeholder that there is not. */
static bool expand(const char *text, const struct envelope_place *place, struct buffer *out)
{
	struct buffer words[3] = {BUFFER_INIT(ADDRESS_MAX), BUFFER_INIT(ADDRESS_MAX),
				  BUFFER_INIT(ADDRESS_MAX)};
	bool known;

	address_word(place->folder != NULL ? place->folder : "", &words[0]);
	address_word(place->account != NULL ? place->account : "", &words[1]);
	address_word(place->fetch != NULL ? place->fetch : "", &words[2]);
	known = placeholder_expand(text,
				   (const struct placeholder[]){
					   {"folder", buffer_cstr(&words[0])},
					   {"account", buffer_cstr(&words[1])},
					   {"fetch", buffer_cstr(&words[2])},
					   {"user", place->user != NULL ? place->user : ""},
					   {NULL, NULL},
				   },
				   out);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		buffer_release(&words[i]);
	return known;
}

static enum outcome fixed_recipients(const struct envelope_rules *rules,
				     const struct envelope_place *place, struct words *recipients,
				     struct err *err)
{
	struct buffer address = BUFFER_INIT(2 * ADDRESS_MAX);
	enum outcome what = OUTCOME_OK;

	for (size_t i = 0; i < rules->recipients.count && what == OUTCOME_OK; i++) {
		const char *text = rules->recipients.word[i];

		buffer_clear(&address);
		if (!expand(text, place, &address))
			what = err_set(err, OUTCOME_CONFIG,
				       "recipient %s: the placeholders are %%{folder}, %%{user}, "
				       "%%{account} and %%{fetch}",
				       text);
		else if (!address_is_usable(buffer_cstr(&address)))
			what = err_set(err, OUTCOME_CONFIG, "recipient %s: \"%s\" is no address",
				       text, buffer_cstr(&address));
		else if (!names_already(recipients, buffer_cstr(&address)))
			words_push(recipients, span_from_str(buffer_cstr(&address)));
	}
	buffer_release(&address);
	return what;
}

enum outcome envelope_rules_check(const struct envelope_rules *rules, struct err *err)
{
	static const struct envelope_place example = {
		.fetch = "inbox", .account = "relay", .user = "alice", .folder = "INBOX"};
	const char *header = rules->recipient_header;
	struct words recipients = {0};
	enum outcome what = fixed_recipients(rules, &example, &recipients, err);

	words_release(&recipients);
	if (what != OUTCOME_OK)
		return what;
	if (rules->sender != NULL && strcmp(rules->sender, "<>") != 0 &&
	    !address_is_usable(rules->sender))
		return err_set(err, OUTCOME_CONFIG, "sender must be an address, or <> for none");
	if (header != NULL &&
	    (strcasecmp(header, "Received") == 0 || strpbrk(header, ": \t") != NULL))
		return err_set(err, OUTCOME_CONFIG,
			       "recipient_header must be the name of a field that holds addresses, "
			       "for instance Delivered-To or X-Original-To");
	if (header == NULL &&
	    (rules->recipient_strip != NULL || rules->recipient_domains.count > 0))
		return err_set(err, OUTCOME_CONFIG,
			       "recipient_strip and recipient_domains need recipient_header");
	return OUTCOME_OK;
}

/* Multidrop --------------------------------------------------------------------------------------
 */

/* The domain is the rule's or one below it. */
static bool in_domain(struct span domain, const char *rule)
{
	size_t len = strlen(rule);

	if (domain.len < len)
		return false;
	if (domain.len > len && domain.ptr[domain.len - len - 1] != '.')
		return false;
	return strncasecmp(domain.ptr + domain.len - len, rule, len) == 0;
}

static bool is_ours(const struct envelope_rules *rules, const char *address)
{
	struct span local, domain;
	bool ours = rules->recipient_domains.count == 0;

	address_split(address, &local, &domain);
	for (size_t i = 0; i < rules->recipient_domains.count && !ours; i++)
		ours = in_domain(domain, rules->recipient_domains.word[i]);
	return ours || domain.len == 0;
}

/* A prefix that is not there is not missed; one that is all of the local part stays. */
static const char *stripped(const struct envelope_rules *rules, const char *address)
{
	const char *prefix = rules->recipient_strip != NULL ? rules->recipient_strip : "";
	size_t len = strlen(prefix);
	struct span local, domain;

	address_split(address, &local, &domain);
	if (local.len > len && strncasecmp(address, prefix, len) == 0 &&
	    address_is_usable(address + len))
		return address + len;
	return address;
}

/* The trace field of the last hop is the first: the ones below are of hops before. */
static void multidrop(const struct envelope_rules *rules, const struct message_head *head,
		      struct words *recipients, struct message_field *field_out)
{
	struct buffer address = BUFFER_INIT(2 * ADDRESS_MAX);
	size_t at = 0, in_value = 0;

	if (message_head_find(head, rules->recipient_header, &at, field_out)) {
		while (recipients->count < RECIPIENTS_MAX &&
		       address_next(field_out->value, &in_value, &address)) {
			const char *ours = stripped(rules, buffer_cstr(&address));

			if (*ours != '\0' && is_ours(rules, ours) &&
			    !names_already(recipients, ours))
				words_push(recipients, span_from_str(ours));
		}
	}
	buffer_release(&address);
}

static enum outcome nobody(const struct envelope_rules *rules, const struct message_head *head,
			   const struct message_field *used, struct err *err)
{
	static const char *const traces[] = {"Delivered-To", "X-Original-To", "Envelope-To",
					     "X-Envelope-To"};
	struct buffer names = BUFFER_INIT(NAMES_MAX);
	struct message_field field;
	enum outcome what;

	if (used->whole.len > 0)
		return err_set(err, OUTCOME_CONFIG,
			       "nobody to deliver to: no address of ours in \"%s:%.*s\"; recipient "
			       "would be who gets such messages",
			       rules->recipient_header,
			       (int)(used->value.len < NAMES_MAX ? used->value.len : NAMES_MAX),
			       used->value.ptr);
	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
		size_t at = 0;

		if (message_head_find(head, traces[i], &at, &field))
			(void)buffer_printf(&names, "%s%s", names.len > 0 ? ", " : "", traces[i]);
	}
	what = err_set(err, OUTCOME_CONFIG,
		       "nobody to deliver to: the header has no %s, but %s; recipient would be who "
		       "gets such messages",
		       rules->recipient_header,
		       names.len > 0 ? buffer_cstr(&names) : "no other field that says it either");
	buffer_release(&names);
	return what;
}

static enum outcome decide_recipients(const struct envelope_rules *rules,
				      const struct envelope_place *place,
				      const struct message_head *head, struct words *recipients,
				      struct message_field *used, struct err *err)
{
	if (rules->recipient_header != NULL)
		multidrop(rules, head, recipients, used);
	if (recipients->count > 0)
		return OUTCOME_OK;
	if (rules->recipient_header != NULL && rules->recipients.count == 0)
		return nobody(rules, head, used, err);
	*used = (struct message_field){0};
	return fixed_recipients(rules, place, recipients, err);
}

/* Sender -----------------------------------------------------------------------------------------
 */

/* The first address of the first field of that name; false: no such field, *out is unchanged. An
 * unusable one is "". */
static bool address_of(const struct message_head *head, const char *name, struct buffer *out)
{
	struct message_field field;
	size_t at = 0, in_value = 0;

	if (!message_head_find(head, name, &at, &field))
		return false;
	if (!address_next(field.value, &in_value, out))
		buffer_clear(out);
	return true;
}

/*
 * What Return-Path says is the sender, "nobody" too. Without one, the author: not for a message
 * that a machine sent (RFC 3834 5), as an answer to it could make a loop.
 */
static char *decide_sender(const struct envelope_rules *rules, const struct message_head *head)
{
	struct buffer address = BUFFER_INIT(2 * ADDRESS_MAX);
	struct message_field automatic;
	size_t at = 0;
	char *sender;

	if (rules->sender != NULL)
		return xstrdup(strcmp(rules->sender, "<>") == 0 ? "" : rules->sender);
	if (!address_of(head, "Return-Path", &address) &&
	    !message_head_find(head, "Auto-Submitted", &at, &automatic)) {
		if (!address_of(head, "Sender", &address))
			(void)address_of(head, "From", &address);
		if (strchr(buffer_cstr(&address), '@') == NULL)
			buffer_clear(&address);
	}
	sender = xstrdup(buffer_cstr(&address));
	buffer_release(&address);
	return sender;
}

/* Loops ------------------------------------------------------------------------------------------
 */

/* The login name as an address; or, without a domain, the local part of one. */
static bool is_user(const struct envelope_place *place, const char *address)
{
	struct span local, domain;

	if (place->user == NULL)
		return false;
	address_split(address, &local, &domain);
	return strcasecmp(place->user, address) == 0 || span_equals_nocase(local, place->user);
}

/*
 * The first Delivered-To may be that of the server we fetch from: it names the mailbox, or whom a
 * mailbox of many has it for. Then it says nothing of a loop here, and is left out, as it would say
 * so to those after us. If it was a loop all the same, the next round has two. own_out: that field,
 * or empty.
 */
static bool find_loop(const struct envelope_place *place, const struct message_head *head,
		      const struct words *recipients, const struct message_field *used,
		      struct span *own_out)
{
	struct buffer address = BUFFER_INIT(2 * ADDRESS_MAX);
	struct message_field field;
	bool loops = false, first = true;
	size_t at = 0;

	while (!loops && message_head_find(head, "Delivered-To", &at, &field)) {
		size_t in_value = 0;
		bool named = address_next(field.value, &in_value, &address) &&
			     names_already(recipients, buffer_cstr(&address));

		if (named && first &&
		    (used->whole.len > 0 || is_user(place, buffer_cstr(&address))))
			*own_out = field.whole;
		else
			loops = named;
		first = false;
	}
	buffer_release(&address);
	return loops;
}

/* The header as it goes on -----------------------------------------------------------------------
 */

/* A comment's and a domain's characters: what else a name has is '?'. */
static void append_plain(struct buffer *out, const char *text)
{
	for (; *text != '\0'; text++)
		(void)buffer_append_byte(
			out, *text > 32 && *text < 127 && strchr("()\\<>;\"", *text) == NULL ? *text
											     : '?');
}

static void append_received(const struct envelope_place *place, const struct words *recipients,
			    struct buffer *out)
{
	char here[HOST_MAX] = "localhost", date[64];
	time_t now = (time_t)clock_now_s();
	struct tm parts;

	if (gethostname(here, sizeof(here) - 1) != 0 || gmtime_r(&now, &parts) == NULL ||
	    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &parts) == 0)
		return;
	(void)buffer_append_str(out, "Received: from ");
	append_plain(out, place->host != NULL ? place->host : "unknown");
	(void)buffer_append_str(out, " (by IMAP, account ");
	append_plain(out, place->account != NULL ? place->account : place->fetch);
	(void)buffer_append_str(out, ")\r\n\tby ");
	append_plain(out, here);
	(void)buffer_append_str(out, " with IMAP (mailoauth-fetch)");
	/* RFC 5321 7.2: several would tell each of the others. */
	if (recipients->count == 1)
		(void)buffer_printf(out, "\r\n\tfor <%s>", recipients->word[0]);
	(void)buffer_printf(out, "; %s\r\n", date);
}

/* All of head but the fields that do not go on. */
static void append_kept(const struct envelope_rules *rules, const struct message_head *head,
			struct span own, struct buffer *out)
{
	struct message_field field;
	size_t at = 0, from = 0;

	while (message_head_next(head, &at, &field)) {
		size_t start = (size_t)(field.whole.ptr - head->bytes.data);

		if (field.whole.ptr != own.ptr &&
		    !(rules->removes_return_path && span_equals_nocase(field.name, "Return-Path")))
			continue;
		(void)buffer_append(out, head->bytes.data + from, start - from);
		from = at;
	}
	(void)buffer_append(out, head->bytes.data + from, head->bytes.len - from);
}

enum outcome envelope_decide(const struct envelope_rules *rules, const struct envelope_place *place,
			     const struct message_head *head, struct envelope *envelope,
			     struct err *err)
{
	struct message_field used = {0};
	struct span own = {NULL, 0};
	enum outcome what;

	*envelope = (struct envelope){.head = BUFFER_INIT(MESSAGE_HEAD_MAX + ADDED_MAX)};
	what = decide_recipients(rules, place, head, &envelope->recipients, &used, err);
	envelope->sender = decide_sender(rules, head);
	envelope->given = (struct delivery_envelope){envelope->sender, &envelope->recipients};
	if (what != OUTCOME_OK)
		return what;
	envelope->loops = find_loop(place, head, &envelope->recipients, &used, &own);
	if (rules->received)
		append_received(place, &envelope->recipients, &envelope->head);
	append_kept(rules, head, own, &envelope->head);
	if (!buffer_ok(&envelope->head))
		abort(); /* as xalloc: out of memory; the ceiling is above what is appended */
	return OUTCOME_OK;
}

void envelope_release(struct envelope *envelope)
{
	free(envelope->sender);
	words_release(&envelope->recipients);
	buffer_release(&envelope->head);
}
