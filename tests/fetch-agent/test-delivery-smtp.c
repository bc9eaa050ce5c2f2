/* SPDX-License-Identifier: MIT */
/* test-delivery-smtp.c - the methods lmtp and smtp against a listener that says what is hard to
 * hear from a real one. */
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fetch-agent/delivery/delivery.h"
#include "tests/fetch-agent/smtp-script.h"

#include <cmocka.h>

#include "common/banned.h"

#define VERDICTS_MAX 16

/* One listener, one delivery, and what it said. */
struct trial {
	struct smtp_script script;
	struct event_base *base;
	struct delivery_config config;
	struct delivery *delivery;
	struct {
		uint32_t uid;
		struct delivery_verdict verdict;
		char recipient[64], status[16];
	} told[VERDICTS_MAX];
	size_t count, wanted;
	bool closes; /* at the first verdict */
	size_t rooms;
};

static void on_verdict(void *ctx, uint32_t uid, const struct delivery_verdict *verdict)
{
	struct trial *trial = ctx;

	assert_true(trial->count < VERDICTS_MAX);
	trial->told[trial->count].uid = uid;
	trial->told[trial->count].verdict = *verdict;
	if (verdict->refusal_count > 0) {
		(void)snprintf(trial->told[trial->count].recipient, 64, "%s",
			       verdict->refusals[0].recipient);
		(void)snprintf(trial->told[trial->count].status, 16, "%s",
			       verdict->refusals[0].status);
	}
	if (++trial->count == trial->wanted)
		(void)event_base_loopbreak(trial->base);
	if (trial->closes) {
		delivery_close(trial->delivery);
		trial->delivery = NULL;
	}
}

static void on_room(void *ctx)
{
	struct trial *trial = ctx;

	trial->rooms++;
	(void)event_base_loopbreak(trial->base);
}

static void begin_with(struct trial *trial, const char *form, const char *script, int64_t timeout_s,
		       int64_t parallel)
{
	struct delivery_world world;
	struct delivery_handler handler = {on_verdict, on_room, trial};
	struct err err = ERR_INIT;
	char text[160];

	*trial = (struct trial){.config = {.timeout_s = timeout_s, .parallel = parallel}};
	smtp_script_start(&trial->script, script);
	trial->base = event_base_new();
	world = (struct delivery_world){.base = trial->base};
	(void)snprintf(text, sizeof(text), "lmtp:unix:%s", trial->script.process.path);
	assert_int_equal(delivery_config_parse(text, &trial->config, &err), OUTCOME_OK);
	/* SMTP over a Unix socket is for this test only. */
	if (strcmp(form, "smtp") == 0)
		trial->config.method = &delivery_smtp_method;
	assert_int_equal(delivery_open(&trial->config, &world, &handler, &trial->delivery, &err),
			 OUTCOME_OK);
}

static void begin(struct trial *trial, const char *form, const char *script)
{
	begin_with(trial, form, script, 10, 1);
}

static void start(struct trial *trial, uint32_t uid, const char *recipients)
{
	struct words words = {0};
	struct delivery_envelope envelope = {.sender = "s@x.test", .recipients = &words};
	struct delivery_facts facts = {.uid = uid, .size_bytes = 9, .envelope = &envelope};

	words_split(recipients, &words);
	delivery_begin(trial->delivery, &facts);
	words_release(&words);
}

static void put(struct trial *trial, uint32_t uid, const char *recipients, const char *message)
{
	start(trial, uid, recipients);
	(void)delivery_write(trial->delivery, span_from_str(message));
	delivery_end(trial->delivery, uid);
}

static void await(struct trial *trial, size_t verdicts)
{
	trial->wanted = verdicts;
	while (trial->count < verdicts)
		(void)event_base_dispatch(trial->base);
	assert_int_equal(trial->count, verdicts);
}

static void on_note(evutil_socket_t fd, short what, void *ctx)
{
	struct trial *trial = ctx;

	(void)fd;
	(void)what;
	(void)event_base_loopbreak(trial->base);
}

/* Until the script has come to its "N". */
static void await_note(struct trial *trial)
{
	struct event *event = event_new(trial->base, trial->script.note, EV_READ, on_note, trial);

	assert_int_equal(event_add(event, NULL), 0);
	(void)event_base_dispatch(trial->base);
	event_free(event);
}

static void finish(struct trial *trial)
{
	delivery_close(trial->delivery);
	/* libevent closes sockets a little later. */
	(void)event_base_loop(trial->base, EVLOOP_NONBLOCK);
	assert_true(smtp_script_end(&trial->script));
	delivery_config_release(&trial->config);
	event_base_free(trial->base);
}

/* The same, where the script has not come to its end. */
static void abandon(struct trial *trial)
{
	delivery_close(trial->delivery);
	(void)kill(trial->script.process.pid, SIGKILL);
	assert_false(smtp_script_end(&trial->script));
	delivery_config_release(&trial->config);
	event_base_free(trial->base);
}

static void expect(struct trial *trial, size_t at, uint32_t uid, enum delivery_kind kind,
		   const char *text)
{
	assert_int_equal(trial->told[at].uid, uid);
	assert_int_equal(trial->told[at].verdict.kind, kind);
	if (kind == DELIVERY_DONE)
		return;
	assert_int_not_equal(trial->told[at].verdict.outcome, OUTCOME_OK);
	if (strstr(trial->told[at].verdict.err.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, trial->told[at].verdict.err.text);
	assert_non_null(strstr(trial->told[at].verdict.err.text, trial->config.text));
}

#define HELLO                                                                                      \
	"S: 220 test\nC: LHLO *\nS: 250-test\nS: 250-PIPELINING\nS: 250-8BITMIME\nS: 250 SIZE\n"
#define HELLO_PLAIN "S: 220 test\nC: LHLO *\nS: 250 test\n"
#define COMMANDS    "C: MAIL FROM:<s@x.test> SIZE=*\nC: RCPT TO:<a>\nC: DATA\n"
#define TAKES	    "S: 250 2.1.0 ok\nS: 250 2.1.5 ok\nS: 354 go\n"

/* All commands of a message, and those of the next behind its end, come before any answer. */
static void commands_are_not_waited_for(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO COMMANDS TAKES "C: one\nC: .\n" COMMANDS "S: 250 2.0.0 saved\n" TAKES
				   "C: two\nC: .\nS: 250 saved\nE");
	put(&trial, 1, "a", "one\r\n");
	put(&trial, 2, "a", "two\r\n");
	await(&trial, 2);
	expect(&trial, 0, 1, DELIVERY_DONE, "");
	expect(&trial, 1, 2, DELIVERY_DONE, "");
	finish(&trial);
}

static void without_pipelining_each_is_waited_for(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO_PLAIN "C: MAIL FROM:<s@x.test>\nS: 250 ok\nC: RCPT TO:<a>\nS: 250 ok\n"
			  "C: RCPT TO:<b>\nS: 250 ok\nC: DATA\nS: 354 go\nC: ..x\nC: .\n"
			  "S: 250 a\nS: 250 b\nC: MAIL FROM:<s@x.test>\nS: 250 ok\n"
			  "C: RCPT TO:<a>\nS: 550 5.1.1 no\nC: RSET\nS: 250 ok\n"
			  "C: MAIL FROM:<s@x.test>\nS: 451 4.3.0 busy\n"
			  "C: MAIL FROM:<s@x.test>\nS: 250 ok\nC: RCPT TO:<a>\nS: 250 ok\n"
			  "C: DATA\nS: 354 go\nC: y\nC: .\nS: 250 ok\nE");
	put(&trial, 1, "a b", ".x");
	put(&trial, 2, "a", "lost");
	put(&trial, 3, "a", "lost");
	put(&trial, 4, "a", "y");
	await(&trial, 4);
	expect(&trial, 0, 1, DELIVERY_DONE, "");
	expect(&trial, 1, 2, DELIVERY_REFUSED, "RCPT TO:<a>: 550 5.1.1 no");
	assert_string_equal(trial.told[1].recipient, "a");
	assert_string_equal(trial.told[1].status, "5.1.1");
	expect(&trial, 2, 3, DELIVERY_LATER, "MAIL FROM:<s@x.test>: 451 4.3.0 busy");
	expect(&trial, 3, 4, DELIVERY_DONE, "");
	finish(&trial);
}

/* After DATA was refused the transaction is open still. */
static void a_refused_recipient_is_reset(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO COMMANDS "S: 250 ok\nS: 550-5.1.1 no\nS: 550 5.1.1 such user\nS: 503 none\n"
			     "C: RSET\n" COMMANDS "S: 250 ok\n" TAKES "C: two\nC: .\nS: 250 ok\nE");
	put(&trial, 1, "a", "one");
	await(&trial, 1);
	expect(&trial, 0, 1, DELIVERY_REFUSED, ": RCPT TO:<a>: 550 5.1.1 no such user");
	put(&trial, 2, "a", "two");
	await(&trial, 2);
	expect(&trial, 1, 2, DELIVERY_DONE, "");
	finish(&trial);
}

static void each_recipient_has_an_answer(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO "C: MAIL *\nC: RCPT TO:<a>\nC: RCPT TO:<b>\nC: RCPT TO:<c>\nC: DATA\n"
		    "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no b\nS: 250 ok\nS: 354 go\nM\n"
		    "S: 250 a\nS: 452 4.2.2 c is full\n"
		    "C: MAIL *\nC: RCPT TO:<a>\nC: RCPT TO:<b>\nC: DATA\n"
		    "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nM\n"
		    "S: 552 5.2.3 big\nS: 451 4.0.0 later\nE");
	put(&trial, 1, "a b c", "x");
	await(&trial, 1);
	expect(&trial, 0, 1, DELIVERY_REFUSED,
	       "delivered to 1 of 3 recipients, but not to all: RCPT TO:<b>: 550 5.1.1 no b; end "
	       "of the message for <c>: 452 4.2.2 c is full");
	assert_int_equal(trial.told[0].verdict.refusal_count, 2);
	assert_string_equal(trial.told[0].recipient, "b");
	put(&trial, 2, "a b", "x");
	await(&trial, 2);
	expect(&trial, 1, 2, DELIVERY_LATER, "<a>: 552 5.2.3 big; ");
	finish(&trial);
}

static void smtp_has_one_answer_for_all(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "smtp",
	      "S: 220 test\nC: EHLO *\nS: 502 what\nC: HELO *\nS: 250 test\n"
	      "C: MAIL FROM:<s@x.test>\nS: 250 ok\nC: RCPT TO:<a>\nS: 250 ok\nC: RCPT TO:<b>\n"
	      "S: 250 ok\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 queued\nE");
	put(&trial, 1, "a b", "x\n");
	await(&trial, 1);
	expect(&trial, 0, 1, DELIVERY_DONE, "");
	finish(&trial);
}

static void a_listener_that_takes_nothing_is_down(void **state)
{
	static const struct {
		const char *form, *script, *text;
		enum outcome outcome;
	} cases[] = {
		{"lmtp", "S: 421 4.3.2 shutting down\nX", "421 4.3.2 shutting down", OUTCOME_RETRY},
		{"lmtp", "S: 554 no service\nX", "greeting: 554 no service", OUTCOME_RETRY},
		{"lmtp", "X", "the server closed the connection", OUTCOME_RETRY},
		{"lmtp", "S: SSH-2.0\nE", "this is not a reply: \"SSH-2.0\"", OUTCOME_PROTOCOL},
		{"lmtp", "S: 220 x\nC: LHLO *\nS: 500 what\nE", "smtp:", OUTCOME_CONFIG},
		{"smtp", "S: 220 x\nC: EHLO *\nS: 500 no\nC: HELO *\nS: 500 no\nE",
		 "lmtp:", OUTCOME_CONFIG},
		{"lmtp", HELLO COMMANDS "S: 421 bye\nX", "421 bye", OUTCOME_RETRY},
		{"lmtp", "S: 220 x\nC: LHLO *\nS: 250 x|421 bye\nE", "421 bye", OUTCOME_RETRY},
		{"lmtp", "S: 220 x\nC: LHLO *\nS: 250 x|250 y\nE", "unasked: 250 y", OUTCOME_RETRY},
	};
	struct trial trial;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&trial, cases[i].form, cases[i].script);
		put(&trial, 1, "a", "x");
		put(&trial, 2, "a", "x");
		start(&trial, 3, "a");
		await(&trial, 3);
		expect(&trial, 0, 1, DELIVERY_DOWN, cases[i].text);
		expect(&trial, 1, 2, DELIVERY_DOWN, cases[i].text);
		expect(&trial, 2, 0, DELIVERY_DOWN, cases[i].text);
		assert_int_equal(trial.told[2].verdict.outcome, cases[i].outcome);
		/* What was begun is passed over, and so is all that comes. */
		assert_true(delivery_write(trial.delivery, span_from_str("y")));
		delivery_end(trial.delivery, 3);
		put(&trial, 4, "a", "x");
		await(&trial, 5);
		expect(&trial, 4, 4, DELIVERY_DOWN, cases[i].text);
		finish(&trial);
	}
}

static void nobody_listens(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp", "X");
	assert_int_equal(unlink(trial.script.process.path), 0);
	put(&trial, 1, "a", "x");
	await(&trial, 2);
	expect(&trial, 0, 1, DELIVERY_DOWN, "cannot connect: ");
	expect(&trial, 1, 0, DELIVERY_DOWN, "No such file");
	abandon(&trial);
}

/* The end of the connection answers nothing: in doubt, it is not delivered. The others go over a
 * connection of their own. */
static void no_answer_is_no_delivery(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO COMMANDS TAKES "M\n" COMMANDS "S: 250 ok\n" TAKES "M\n" COMMANDS
				   "--\n" HELLO COMMANDS TAKES "C: three\nC: .\nS: 250 ok\nE");
	put(&trial, 1, "a", "one\r\n");
	put(&trial, 2, "a", "two\r\n");
	put(&trial, 3, "a", "three\r\n");
	await(&trial, 3);
	expect(&trial, 0, 1, DELIVERY_DONE, "");
	expect(&trial, 1, 2, DELIVERY_LATER, "end of the message for <a>: the server closed");
	expect(&trial, 1, 2, DELIVERY_LATER, "it may have taken the message");
	expect(&trial, 2, 3, DELIVERY_DONE, "");
	finish(&trial);
}

/* A kept connection that the listener has closed meanwhile is noticed at the next message only. */
static void a_kept_connection_may_be_dead(void **state)
{
	static const char *const ends[] = {
		HELLO COMMANDS TAKES "M\nS: 250 ok\n--\n" HELLO COMMANDS TAKES "M\nS: 250 ok\nE",
		HELLO COMMANDS TAKES "M\nS: 250 ok\nS: 421 idle\n--\n" HELLO COMMANDS TAKES
				     "M\nS: 250 ok\nE",
		HELLO COMMANDS TAKES "M\nS: 250 ok\n" COMMANDS
				     "S: 421 too many\n--\n" HELLO COMMANDS TAKES "M\nS: 250 ok\nE",
	};
	struct trial trial;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		begin(&trial, "lmtp", ends[i]);
		put(&trial, 1, "a", "x");
		await(&trial, 1);
		put(&trial, 2, "a", "x");
		await(&trial, 2);
		expect(&trial, 1, 2, DELIVERY_DONE, "");
		finish(&trial);
	}
}

/* Once more, and then it is said. */
static void a_listener_that_goes_away_is_down(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp", HELLO COMMANDS TAKES "M\nS: 250 ok\n--\nS: 421 no more\nX");
	put(&trial, 1, "a", "x");
	await(&trial, 1);
	put(&trial, 2, "a", "x");
	await(&trial, 3);
	expect(&trial, 1, 2, DELIVERY_DOWN, "421 no more");
	expect(&trial, 2, 0, DELIVERY_DOWN, "421 no more");
	finish(&trial);
}

static void silence_ends(void **state)
{
	struct trial trial;

	(void)state;
	begin_with(&trial, "lmtp", HELLO COMMANDS "S: 250 ok\nE", 1, 1);
	put(&trial, 1, "a", "x");
	await(&trial, 2);
	expect(&trial, 0, 1, DELIVERY_DOWN, "silent for 1 s");
	expect(&trial, 1, 0, DELIVERY_DOWN, "silent for 1 s");
	finish(&trial);
}

/* Bytes in pieces, until it says that it is full. Returns how many it took. */
static size_t fill(struct trial *trial, size_t most)
{
	static char line[1024];
	size_t bytes = 0;
	bool room = true;

	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (; room && bytes < most; bytes += sizeof(line))
		room = delivery_write(trial->delivery, (struct span){line, sizeof(line)});
	return bytes;
}

/* The listener sees no end of it, and neither does a message behind it. */
static void a_drop_in_the_middle_hangs_up(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO COMMANDS TAKES "M\nC: MAIL *\nC: RCPT TO:<a>\nC: DATA\nS: 250 ok\n" TAKES
				   "C: xxx*\n--\n" HELLO COMMANDS TAKES
				   "C: two\nC: .\nS: 250 ok\nE");
	put(&trial, 1, "a", "one");
	start(&trial, 2, "a");
	(void)fill(&trial, 100000);
	/* The first is done, and the second on its way. */
	await(&trial, 1);
	while (trial.rooms == 0 && fill(&trial, 1 << 20) > 0 && trial.rooms == 0)
		(void)event_base_loop(trial.base, EVLOOP_ONCE);
	delivery_drop(trial.delivery);
	put(&trial, 3, "a", "two");
	await(&trial, 2);
	expect(&trial, 1, 3, DELIVERY_DONE, "");
	finish(&trial);
}

/* Before its turn nothing has been said of it. */
static void a_drop_that_is_early_costs_nothing(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp", HELLO COMMANDS TAKES "C: two\nC: .\nS: 250 ok\nE");
	delivery_drop(trial.delivery);
	start(&trial, 1, "a");
	(void)fill(&trial, 1024);
	delivery_drop(trial.delivery);
	put(&trial, 2, "a", "two");
	await(&trial, 1);
	expect(&trial, 0, 2, DELIVERY_DONE, "");
	finish(&trial);
}

/* Its commands stand behind the end of the message before: that is answered first. */
static void a_drop_does_not_harm_the_one_before(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO COMMANDS TAKES "M\n" COMMANDS "N\nS: 250 ok\n" TAKES
				   "E\n--\n" HELLO COMMANDS TAKES "M\nS: 250 ok\nE");
	put(&trial, 1, "a", "one");
	start(&trial, 2, "a");
	(void)fill(&trial, 100000);
	await_note(&trial);
	delivery_drop(trial.delivery);
	smtp_script_go(&trial.script);
	await(&trial, 1);
	expect(&trial, 0, 1, DELIVERY_DONE, "");
	put(&trial, 3, "a", "three");
	await(&trial, 2);
	expect(&trial, 1, 3, DELIVERY_DONE, "");
	finish(&trial);
}

static void memory_is_bounded(void **state)
{
	struct trial trial;
	size_t taken;

	(void)state;
	begin(&trial, "lmtp", HELLO COMMANDS TAKES "M\nS: 250 ok\nE");
	start(&trial, 1, "a");
	taken = fill(&trial, 1 << 24);
	assert_in_range(taken, 200000, 300000);
	(void)event_base_dispatch(trial.base);
	assert_int_equal(trial.rooms, 1);
	delivery_end(trial.delivery, 1);
	await(&trial, 1);
	expect(&trial, 0, 1, DELIVERY_DONE, "");
	finish(&trial);
}

/* It was all that was held, and no reply is due that would tell of the room. */
static void a_drop_makes_room(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp", "E");
	start(&trial, 1, "a");
	(void)fill(&trial, 1 << 24);
	delivery_drop(trial.delivery);
	assert_int_equal(trial.rooms, 0);
	(void)event_base_dispatch(trial.base);
	assert_int_equal(trial.rooms, 1);
	finish(&trial);
}

/* Many small ones cost more than their bytes. */
static void small_messages_are_bounded_too(void **state)
{
	struct trial trial;
	size_t count = 0;
	bool room = true;

	(void)state;
	begin(&trial, "lmtp", "S: 421 no\nX");
	for (; room && count < 10000; count++) {
		start(&trial, 1, "a");
		room = delivery_write(trial.delivery, span_from_str("x"));
		if (room)
			delivery_end(trial.delivery, 1);
	}
	assert_in_range(count, 100, 300);
	abandon(&trial);
}

static void addresses_cannot_carry_commands(void **state)
{
	static const char *const addresses[] = {"a>\r\nRCPT", "a>", "<a", "a\x01", "\xc3\xa4@x"};
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp", HELLO COMMANDS TAKES "M\nS: 250 ok\nE");
	for (size_t i = 0; i < 5; i++) {
		struct words words = {.word = (char *[]){(char *)(uintptr_t)addresses[i]},
				      .count = 1};
		struct delivery_envelope envelope = {.sender = "", .recipients = &words};
		struct delivery_facts facts = {.uid = 5, .envelope = &envelope};

		delivery_begin(trial.delivery, &facts);
		delivery_end(trial.delivery, 5);
	}
	put(&trial, 6, "a", "x");
	await(&trial, 6);
	for (size_t i = 0; i < 4; i++)
		expect(&trial, i, 5, DELIVERY_REFUSED, "no address can have");
	expect(&trial, 4, 5, DELIVERY_REFUSED, "SMTPUTF8");
	expect(&trial, 5, 6, DELIVERY_DONE, "");
	finish(&trial);
}

static void what_is_offered_is_used(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      "S: 220 x\nC: LHLO *\nS: 250-x\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250 SIZE 9\n"
	      "C: MAIL FROM:<s@x.test> SIZE=3 BODY=8BITMIME SMTPUTF8\nS: 250 ok\n"
	      "C: RCPT TO:<\xc3\xa4>\nS: 250 ok\nC: DATA\nS: 354 go\nC: \xc3\xa4x\nC: .\nS: 250 "
	      "ok\n"
	      "C: MAIL FROM:<s@x.test> SIZE=1\nS: 250 ok\nC: RCPT TO:<a>\nS: 250 ok\nC: DATA\n"
	      "S: 354 go\nM\nS: 250 ok\nE");
	put(&trial, 1, "\xc3\xa4", "\xc3\xa4x");
	put(&trial, 2, "a", "x");
	await(&trial, 2);
	expect(&trial, 0, 1, DELIVERY_DONE, "");
	expect(&trial, 1, 2, DELIVERY_DONE, "");
	finish(&trial);
}

/* The refusal comes while the message is still on its way here: the rest is passed over. */
static void a_long_message_may_be_refused_early(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO COMMANDS "S: 250 ok\nS: 552 5.3.4 too big\nS: 503 none\nC: RSET\n" COMMANDS
			     "S: 250 ok\n" TAKES "C: two\nC: .\nS: 250 ok\nE");
	start(&trial, 1, "a");
	(void)fill(&trial, 1 << 24);
	(void)event_base_dispatch(trial.base);
	assert_int_equal(trial.rooms, 1);
	assert_int_equal(fill(&trial, 1 << 22), 1 << 22);
	delivery_end(trial.delivery, 1);
	await(&trial, 1);
	expect(&trial, 0, 1, DELIVERY_REFUSED, "552 5.3.4 too big");
	put(&trial, 2, "a", "two");
	await(&trial, 2);
	expect(&trial, 1, 2, DELIVERY_DONE, "");
	finish(&trial);
}

/* 354 for nobody: there is nothing right to say to that. */
static void data_for_nobody_hangs_up(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp",
	      HELLO COMMANDS "S: 250 ok\nS: 550 no\nS: 354 go\nE\n--\n" HELLO COMMANDS TAKES
			     "M\nS: 250 ok\nE");
	put(&trial, 1, "a", "one");
	put(&trial, 2, "a", "two");
	await(&trial, 2);
	expect(&trial, 0, 1, DELIVERY_REFUSED, "RCPT TO:<a>: 550 no");
	expect(&trial, 1, 2, DELIVERY_DONE, "");
	finish(&trial);
}

/* Two at once; a listener that takes one connection only is served by one. */
static void connections_that_are_refused_are_done_without(void **state)
{
	struct trial trial;

	(void)state;
	begin_with(&trial, "lmtp",
		   HELLO COMMANDS TAKES "M\nS: 250 ok\n" COMMANDS TAKES "M\nS: 250 ok\nE", 10, 2);
	trial.config.parallel = 2;
	put(&trial, 1, "a", "one");
	await(&trial, 1);
	put(&trial, 2, "a", "two");
	await(&trial, 2);
	finish(&trial);
}

static void closed_from_within_a_verdict(void **state)
{
	struct trial trial;

	(void)state;
	begin(&trial, "lmtp", HELLO COMMANDS TAKES "M\n" COMMANDS "S: 250 ok\nE");
	trial.closes = true;
	put(&trial, 1, "a", "one");
	put(&trial, 2, "a", "two");
	await(&trial, 1);
	finish(&trial);
}

static void destinations_are_read(void **state)
{
	static const struct {
		const char *text, *path, *host;
		int port;
	} cases[] = {
		{"lmtp:unix:/run/dovecot/lmtp", "/run/dovecot/lmtp", NULL, 0},
		{"lmtp:localhost:24", NULL, "localhost", 24},
		{"lmtp:[::1]:2003", NULL, "::1", 2003},
		{"smtp:127.0.0.1:10025", NULL, "127.0.0.1", 10025},
		{"smtp:mail.example.com", NULL, "mail.example.com", 25},
		{"lmtp:localhost", NULL, NULL, 0},
		{"lmtp:localhost:25", NULL, NULL, 0},
		{"lmtp:localhost:0", NULL, NULL, 0},
		{"lmtp:localhost:65536", NULL, NULL, 0},
		{"lmtp:localhost:24x", NULL, NULL, 0},
		{"lmtp:unix:run", NULL, NULL, 0},
		{"lmtp:/run/dovecot/lmtp", NULL, NULL, 0},
		{"lmtp:::1:24", NULL, NULL, 0},
		{"smtp:unix:/run/x", NULL, NULL, 0},
		{"smtp:", NULL, NULL, 0},
		{"smtp", NULL, NULL, 0},
		{"lmtpx:localhost:24", NULL, NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good = cases[i].path != NULL || cases[i].host != NULL;
		struct delivery_config config = {0};
		struct err err = ERR_INIT;
		enum outcome what = delivery_config_parse(cases[i].text, &config, &err);

		assert_int_equal(what, good ? OUTCOME_OK : OUTCOME_CONFIG);
		if (good && cases[i].path != NULL)
			assert_string_equal(config.path, cases[i].path);
		if (good && cases[i].host != NULL)
			assert_string_equal(config.host, cases[i].host);
		if (good)
			assert_int_equal(config.port, cases[i].port);
		else
			assert_non_null(strstr(err.text, cases[i].text));
		delivery_config_release(&config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_not_waited_for),
		cmocka_unit_test(without_pipelining_each_is_waited_for),
		cmocka_unit_test(a_refused_recipient_is_reset),
		cmocka_unit_test(each_recipient_has_an_answer),
		cmocka_unit_test(smtp_has_one_answer_for_all),
		cmocka_unit_test(a_listener_that_takes_nothing_is_down),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(no_answer_is_no_delivery),
		cmocka_unit_test(a_kept_connection_may_be_dead),
		cmocka_unit_test(a_listener_that_goes_away_is_down),
		cmocka_unit_test(silence_ends),
		cmocka_unit_test(a_drop_in_the_middle_hangs_up),
		cmocka_unit_test(a_drop_that_is_early_costs_nothing),
		cmocka_unit_test(a_drop_does_not_harm_the_one_before),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(a_drop_makes_room),
		cmocka_unit_test(small_messages_are_bounded_too),
		cmocka_unit_test(addresses_cannot_carry_commands),
		cmocka_unit_test(what_is_offered_is_used),
		cmocka_unit_test(a_long_message_may_be_refused_early),
		cmocka_unit_test(data_for_nobody_hangs_up),
		cmocka_unit_test(connections_that_are_refused_are_done_without),
		cmocka_unit_test(closed_from_within_a_verdict),
		cmocka_unit_test(destinations_are_read),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as mailoauth-fetch */
	return cmocka_run_group_tests_name("delivery-smtp", tests, NULL, NULL);
}
