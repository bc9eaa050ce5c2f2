/* SPDX-License-Identifier: MIT */
/*
 * test-guest-nomem.c - every allocation of the guest half fails once: nothing leaks (the sanitizer
 * build sees it), nothing crashes, the caller is told.
 */
#include "common/helper-client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/helper-protocol.h"
#include "tests/common/failing-malloc.h"
#include "tests/common/scripted-peer.h"

#include "common/banned.h"

/* Builds a request, asks, takes the answer apart: what the plugin and the tool do. */
static bool ask_for_a_token(const char *path)
{
	const char *sockets[] = {path, NULL};
	struct helper_client client = {.sockets = sockets};
	struct buffer request = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct buffer token = BUFFER_INIT_SECRET(HELPER_TOKEN_MAX);
	struct helper_reply parsed;
	bool done;

	(void)buffer_append_str(&request, "token");
	(void)fields_append_str(&request, "user",
				"someone with spaces and more than 64 bytes in "
				"the name so that the buffer has to grow");
	(void)fields_append_int(&request, "min_valid", 600);
	done = buffer_ok(&request) &&
	       helper_client_call(&client, buffer_span(&request), deadline_in_ms(10000), &reply,
				  NULL) == OUTCOME_OK &&
	       helper_reply_parse(buffer_span(&reply), &parsed) &&
	       fields_get(parsed.text, "token", &token);
	if (done)
		assert_true(span_equals(buffer_span(&token), "abc def"));
	buffer_release(&request);
	buffer_release(&reply);
	buffer_release(&token);
	return done;
}

static void sweep(void **state)
{
	struct peer_act act = {PEER_DRIP, "25:OK user=a token=abc%20def,", 0};
	struct scripted_peer peer;
	size_t total;

	(void)state;
	peer_start(&peer, &act, 1);
	failing_malloc_arm(0);
	assert_true(ask_for_a_token(peer.process.path));
	total = failing_malloc_count();
	assert_true(total >= 4);
	for (size_t n = 1; n <= total; n++) {
		failing_malloc_arm(n);
		assert_false(ask_for_a_token(peer.process.path));
	}
	failing_malloc_arm(0);
	assert_true(ask_for_a_token(peer.process.path));
	peer_stop(&peer);
}

static void failures_are_reported_as_nomem(void **state)
{
	struct peer_act act = {PEER_SAY, "3:OK ,", 0};
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct scripted_peer peer;
	const char *sockets[] = {peer.process.path, NULL};
	struct helper_client client = {.sockets = sockets};
	struct err err = ERR_INIT;

	(void)state;
	peer_start(&peer, &act, 1);
	failing_malloc_arm(1);
	assert_int_equal(helper_client_call(&client, span_from_str("ping "), deadline_in_ms(10000),
					    &reply, &err),
			 OUTCOME_NOMEM);
	failing_malloc_arm(0);
	assert_null(reply.data);
	assert_non_null(strstr(err.text, "memory"));
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sweep),
		cmocka_unit_test(failures_are_reported_as_nomem),
	};

	return cmocka_run_group_tests_name("guest-nomem", tests, NULL, NULL);
}
