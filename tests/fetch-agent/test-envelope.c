/* SPDX-License-Identifier: MIT */
/* test-envelope.c - which addresses a field has, and who a message is from and for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/delivery/address.h"
#include "fetch-agent/delivery/envelope.h"

#include "common/banned.h"

static const struct {
	const char *value, *addresses; /* each with a '|' behind it */
} lists[] = {
	{" alice@example.com", "alice@example.com|"},
	{" <alice@example.com>\r\n", "alice@example.com|"},
	{" Alice <alice@example.com>, bob@example.com", "alice@example.com|bob@example.com|"},
	{" \"Doe, J. <x@y>\" <j@example.com> (a, <b@c>)", "j@example.com|"},
	{" (c (d\\)) ) a . b (e) @ (f) example . com", "a.b@example.com|"},
	{" \"alice\"@example.com", "alice@example.com|"},
	{" \"a@b\\\"\\\\\"@example.com", "\"a@b\\\"\\\\\"@example.com|"},
	{" \"a b\"@example.com, c@d", "c@d|"},
	{" \"a\tb\"@x, \"\"@x, \"a\r\n b\"@x, a\"b\"@x", ""},
	{" friends: a@b, C <c@d>;, e@f", "a@b|c@d|e@f|"},
	{" undisclosed-recipients:;", ""},
	{" <>", "|"},
	{" < (nothing) >", "|"},
	{" <@relay,@other:alice@example.com>", "alice@example.com|"},
	{" alice", "alice|"},
	{" Alice Doe", ""},
	{" a@b c@d, e@f", "e@f|"},
	{" a@[192.0.2.1], b@[IPv6:2001:db8::1]", "a@[192.0.2.1]|b@[IPv6:2001:db8::1]|"},
	{" a@[1 2], a@[\r\n], a@[<>]", ""},
	{" foo..bar.@docomo.example", "\"foo..bar.\"@docomo.example|"},
	{" a@b@c, @d, e@, f@g., h@.i, .@j", "\".\"@j|"},
	{" \xc3\xa9@example.com, \xff@x, \xc2\x85@x", "\xc3\xa9@example.com|"},
	{" a\x01@b, a@b\x7f, a@b!c, d@e_f", "d@e_f|"},
	{" <alice@example.com", ""},
	{" (alice@example.com", ""},
	{" \"alice@example.com", ""},
	{" ,,a@b,,", "a@b|"},
	{" <a@b> <c@d>", "a@b|"},
	{" -f@x", "-f@x|"},
	{"", ""},
};

static void collect(struct span value, struct buffer *text)
{
	struct buffer address = BUFFER_INIT(1024);
	size_t at = 0;

	buffer_clear(text);
	while (address_next(value, &at, &address))
		(void)buffer_printf(text, "%s|", buffer_cstr(&address));
	buffer_release(&address);
}

static void addresses_of_a_field(void **state)
{
	struct buffer text = BUFFER_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		collect(span_from_str(lists[i].value), &text);
		assert_string_equal(buffer_cstr(&text), lists[i].addresses);
	}
	buffer_release(&text);
}

/* Cut anywhere: bounds hold (each prefix is an allocation of its own), and nothing unusable comes
 * out. */
static void truncated_anywhere(void **state)
{
	struct buffer address = BUFFER_INIT(1024);

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (size_t len = 0; len <= strlen(lists[i].value); len++) {
			char *copy = xspandup((struct span){lists[i].value, len});
			size_t at = 0;

			while (address_next((struct span){copy, len}, &at, &address))
				assert_true(address.len == 0 ||
					    address_is_usable(buffer_cstr(&address)));
			free(copy);
		}
	}
	buffer_release(&address);
}

static void an_address_has_a_ceiling(void **state)
{
	char text[ADDRESS_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[ADDRESS_MAX + 1] = '\0';
	assert_false(address_is_usable(text));
	text[ADDRESS_MAX] = '\0';
	assert_true(address_is_usable(text));
	assert_false(address_is_usable("a@b, c@d"));
	assert_false(address_is_usable("a@b "));
	assert_false(address_is_usable("<a@b>"));
	assert_false(address_is_usable(""));
}

/* Envelopes --------------------------------------------------------------------------------------
 */

struct example {
	const char *head;
	const char *recipient, *header, *strip, *domain, *from; /* the rules */
	bool received, removes_return_path;
	const char *sender, *recipients;
	bool loops;
	const char *head_then; /* NULL: as it came */
};

static const struct envelope_place place = {
	.fetch = "inbox",
	.account = "relay",
	.user = "alice@gmail.example",
	.folder = "Sent \xc3\xa9l\xc3\xa9.\"x\"/2024.",
	.host = "imap.example",
	.uid = 42,
};

#define ANY "Subject: x\r\n\r\n"

static const struct example examples[] = {
	{ANY, .recipient = "alice", .sender = "", .recipients = "alice|"},
	{ANY, .recipient = "a+%{folder}@x", .sender = "", .recipients = "a+Sent__l_._x_/2024_@x|"},
	{ANY, .recipient = "%{user} %{account}-%{fetch}@x", .sender = "",
	 .recipients = "alice@gmail.example|relay-inbox@x|"},
	{ANY, .recipient = "a b a", .sender = "", .recipients = "a|b|"},
	{ANY, .sender = "", .recipients = ""},
	/* Senders. */
	{"Return-Path: <a@b>\r\nReturn-Path: <c@d>\r\nFrom: e@f\r\n\r\n", .sender = "a@b"},
	{"Return-Path: <>\r\nFrom: e@f\r\n\r\n", .sender = ""},
	{"Return-Path: <a b@c>\r\nFrom: e@f\r\n\r\n", .sender = ""},
	{"From: E <e@f>\r\nSender: s@f\r\n\r\n", .sender = "s@f"},
	{"From: E <e@f>, g@h\r\n\r\n", .sender = "e@f"},
	{"From: MAILER-DAEMON\r\n\r\n", .sender = ""},
	{"From: e@f\r\nAuto-Submitted: auto-replied\r\n\r\n", .sender = ""},
	{"Return-Path: <a@b>\r\n\r\n", .from = "<>", .sender = ""},
	{"Return-Path: <a@b>\r\n\r\n", .from = "o@x", .sender = "o@x"},
	/* Multidrop: the first field counts, all of its addresses. */
	{"Delivered-To: a@x\r\nDelivered-To: b@x\r\nTo: c@x\r\n\r\n", .header = "delivered-to",
	 .sender = "", .recipients = "a@x|", .head_then = "Delivered-To: b@x\r\nTo: c@x\r\n\r\n"},
	{"Envelope-To: a@x, B <b@x>,\r\n a@X\r\n\r\n", .header = "Envelope-To", .sender = "",
	 .recipients = "a@x|b@x|"},
	{"Delivered-To: mbox-Bob@x\r\n\r\n", .header = "Delivered-To", .strip = "MBOX-",
	 .sender = "", .recipients = "Bob@x|"},
	{"X: mbox-@x, bob@x\r\n\r\n", .header = "X", .strip = "mbox-", .sender = "",
	 .recipients = "mbox-@x|bob@x|"},
	{"X: a@example.com, b@mail.example.com, c@badexample.com, d, e@example.com.evil\r\n\r\n",
	 .header = "X", .domain = "EXAMPLE.com", .sender = "",
	 .recipients = "a@example.com|b@mail.example.com|d|"},
	{"X: a@b\r\n\r\n", .header = "Y", .recipient = "post", .sender = "", .recipients = "post|"},
	/* Loops. */
	{"Delivered-To: alice@home\r\n\r\n", .recipient = "Alice@home", .sender = "",
	 .recipients = "Alice@home|", .loops = true},
	{"Delivered-To: alice@gmail.example\r\nDelivered-To: x@home\r\n\r\n", .recipient = "x@home",
	 .sender = "", .recipients = "x@home|", .loops = true},
	{"A: 1\r\nDelivered-To: alice@gmail.example\r\nB: 2\r\n\r\n", .recipient = "%{user}",
	 .sender = "", .recipients = "alice@gmail.example|", .head_then = "A: 1\r\nB: 2\r\n\r\n"},
	{"Delivered-To: alice@gmail.example\r\nDelivered-To: alice@gmail.example\r\n\r\n",
	 .recipient = "%{user}", .sender = "", .recipients = "alice@gmail.example|", .loops = true,
	 .head_then = "Delivered-To: alice@gmail.example\r\n\r\n"},
	{"X-Original-To: a@x\r\nDelivered-To: a@x\r\n\r\n", .header = "X-Original-To", .sender = "",
	 .recipients = "a@x|", .head_then = "X-Original-To: a@x\r\n\r\n"},
	/* Return-Path goes where another is put. */
	{"Return-Path: <a@b>\r\nA: 1\r\nreturn-path:\r\n <c@d>\r\nB: 2\r\n\r\n",
	 .removes_return_path = true, .sender = "a@b", .head_then = "A: 1\r\nB: 2\r\n\r\n"},
	{"", .removes_return_path = true, .sender = ""},
};

static struct envelope_rules rules_of(const struct example *example)
{
	struct envelope_rules rules = {.recipient_header = xstrdup(example->header),
				       .recipient_strip = xstrdup(example->strip),
				       .sender = xstrdup(example->from),
				       .received = example->received,
				       .removes_return_path = example->removes_return_path};

	if (example->recipient != NULL)
		words_split(example->recipient, &rules.recipients);
	if (example->domain != NULL)
		words_split(example->domain, &rules.recipient_domains);
	return rules;
}

static void rules_release(struct envelope_rules *rules)
{
	words_release(&rules->recipients);
	free(rules->recipient_header);
	free(rules->recipient_strip);
	words_release(&rules->recipient_domains);
	free(rules->sender);
}

static void decide(const struct example *example, struct envelope *envelope, enum outcome expected,
		   struct err *err)
{
	struct envelope_rules rules = rules_of(example);
	struct span bytes = span_from_str(example->head);
	struct message_head head;

	message_head_init(&head);
	(void)message_head_feed(&head, &bytes);
	message_head_end(&head);
	assert_int_equal(envelope_decide(&rules, &place, &head, envelope, err), expected);
	rules_release(&rules);
	message_head_release(&head);
}

static void envelopes(void **state)
{
	struct buffer got = BUFFER_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *example = &examples[i];
		struct envelope envelope;

		decide(example, &envelope, OUTCOME_OK, NULL);
		buffer_clear(&got);
		for (size_t j = 0; j < envelope.given.recipients->count; j++)
			(void)buffer_printf(&got, "%s|", envelope.given.recipients->word[j]);
		assert_string_equal(buffer_cstr(&got),
				    example->recipients != NULL ? example->recipients : "");
		assert_string_equal(envelope.given.sender, example->sender);
		assert_int_equal(envelope.loops, example->loops);
		assert_string_equal(buffer_cstr(&envelope.head), example->head_then != NULL
									 ? example->head_then
									 : example->head);
		envelope_release(&envelope);
	}
	buffer_release(&got);
}

static void nobody_is_said_with_what_there_is(void **state)
{
	struct example missing = {"X-Original-To: a@b\r\nDelivered-To: c\r\n\r\n",
				  .header = "Envelope-To"};
	struct example foreign = {"Envelope-To: a@b\r\n\r\n", .header = "Envelope-To",
				  .domain = "c"};
	struct envelope envelope;
	struct err err = ERR_INIT;

	(void)state;
	decide(&missing, &envelope, OUTCOME_CONFIG, &err);
	assert_non_null(strstr(err.text, "no Envelope-To, but Delivered-To, X-Original-To"));
	envelope_release(&envelope);
	decide(&foreign, &envelope, OUTCOME_CONFIG, &err);
	assert_non_null(strstr(err.text, "\"Envelope-To: a@b\""));
	envelope_release(&envelope);
}

static void received_says_where_from_and_for_whom(void **state)
{
	struct example one = {ANY, .received = true, .recipient = "alice"};
	struct example two = {ANY, .received = true, .recipient = "alice bob"};
	static const char from[] = "Received: from imap.example (by IMAP, account relay)\r\n\tby ";
	struct envelope envelope;
	const char *text, *date;

	(void)state;
	decide(&one, &envelope, OUTCOME_OK, NULL);
	text = buffer_cstr(&envelope.head);
	assert_memory_equal(text, from, sizeof(from) - 1);
	date = strstr(text, " with IMAP (mailoauth-fetch)\r\n\tfor <alice>; ");
	assert_non_null(date);
	date = strchr(date, ';');
	/* "; Wed, 25 Nov 2026 18:00:00 +0000" */
	assert_int_equal(strcspn(date, "\r"), 33);
	assert_memory_equal(date + 27, " +0000\r\nSubject: x\r\n", 20);
	envelope_release(&envelope);
	decide(&two, &envelope, OUTCOME_OK, NULL);
	assert_null(strstr(buffer_cstr(&envelope.head), "for <"));
	envelope_release(&envelope);
}

static void rules_are_checked(void **state)
{
	static const struct {
		struct example said;
		enum outcome expected;
	} rules[] = {
		{{.recipient = "alice+%{folder}"}, OUTCOME_OK},
		{{.recipient = "%{user}", .from = "<>", .header = "X", .strip = "x-"}, OUTCOME_OK},
		{{.recipient = "%{uid}"}, OUTCOME_CONFIG},
		{{.recipient = "alice@"}, OUTCOME_CONFIG},
		{{.recipient = "<alice>"}, OUTCOME_CONFIG},
		{{.from = "a b"}, OUTCOME_CONFIG},
		{{.header = "Received"}, OUTCOME_CONFIG},
		{{.header = "Delivered-To:"}, OUTCOME_CONFIG},
		{{.strip = "x-"}, OUTCOME_CONFIG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct envelope_rules tried = rules_of(&rules[i].said);
		struct err err = ERR_INIT;

		assert_int_equal(envelope_rules_check(&tried, &err), rules[i].expected);
		assert_int_equal(err.text[0] == '\0', rules[i].expected == OUTCOME_OK);
		rules_release(&tried);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_a_field),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(an_address_has_a_ceiling),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(nobody_is_said_with_what_there_is),
		cmocka_unit_test(received_says_where_from_and_for_whom),
		cmocka_unit_test(rules_are_checked),
	};

	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
