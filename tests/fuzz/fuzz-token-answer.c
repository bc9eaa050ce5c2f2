/* SPDX-License-Identifier: MIT */
/*
 * fuzz-token-answer.c - what a token endpoint, or a captive portal in its place, can answer.
 *
 * The first byte chooses the HTTP status. Beside not crashing: what is OK holds everything that the
 * header file promises, and no failure says a token.
 */
#include <stdint.h>
#include <string.h>

#include "common/helper-protocol.h"
#include "tests/fuzz/require.h"
#include "token-helper/oauth/token-request.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct token_answer *answer)
{
	require(answer->outcome != OUTCOME_PROTOCOL && answer->outcome != OUTCOME_DENIED);
	require(strlen(answer->error) < sizeof(answer->error));
	if (answer->outcome != OUTCOME_OK) {
		require(answer->err.text[0] != '\0');
		return;
	}
	require(answer->status / 100 == 2);
	require(answer->error[0] == '\0');
	require(token_is_valid(buffer_span(&answer->set.access_token)));
	require(answer->set.expires_in_s > 0 && answer->set.expires_in_s <= 31536000);
	require(buffer_ok(&answer->set.refresh_token) && buffer_ok(&answer->set.id_token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 401, 302, 403, 429, 503, 201};
	static char token_url[] = "https://as.example/token";
	static char required[] = "https://outlook.office.com/SMTP.Send";
	const struct oauth_client client = {.token_url = token_url, .required_scope = required};
	struct buffer body = BUFFER_INIT_SECRET(HTTP_BODY_MAX);
	struct http_response response = {.outcome = OUTCOME_OK, .retry_after_s = -1, .body = &body};
	struct token_answer answer;

	if (size == 0 || !buffer_append(&body, data + 1, size - 1))
		return 0;
	response.status = statuses[data[0] % 8];
	token_answer_parse(&client, &response, &answer);
	check_answer(&answer);
	token_answer_release(&answer);
	buffer_release(&body);
	return 0;
}
