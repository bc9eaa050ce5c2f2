/* SPDX-License-Identifier: MIT */
/*
 * fuzz-device.c - what a device authorization endpoint, or whoever answers in its place, can say.
 *
 * The first byte chooses the HTTP status. Beside not crashing: what is OK can be shown and waited
 * for, and no failure has a code in it.
 */
#include <stdint.h>
#include <string.h>

#include "common/url.h"
#include "tests/fuzz/require.h"
#include "token-helper/oauth/device.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct device_answer *answer)
{
	if (answer->outcome != OUTCOME_OK) {
		require(answer->err.text[0] != '\0');
		require(answer->device_code.len == 0);
		return;
	}
	require(answer->device_code.len > 0 && answer->device_code.len <= DEVICE_CODE_MAX);
	require(answer->user_code[0] != '\0');
	require(url_is_safe(answer->verification_uri));
	require(answer->verification_uri_complete == NULL ||
		url_is_safe(answer->verification_uri_complete));
	require(answer->expires_in_s > 0 && answer->expires_in_s <= DEVICE_EXPIRES_MAX_S);
	require(answer->interval_s > 0 && answer->interval_s <= DEVICE_INTERVAL_MAX_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 401, 302, 403, 429, 503, 201};
	static char device_url[] = "https://as.example/device";
	const struct oauth_client client = {.device_url = device_url};
	struct buffer body = BUFFER_INIT_SECRET(HTTP_BODY_MAX);
	struct http_response response = {.outcome = OUTCOME_OK, .retry_after_s = -1, .body = &body};
	struct device_answer answer;

	if (size == 0 || !buffer_append(&body, data + 1, size - 1))
		return 0;
	response.status = statuses[data[0] % 8];
	device_answer_parse(&client, &response, &answer);
	check_answer(&answer);
	device_answer_release(&answer);
	buffer_release(&body);
	return 0;
}
