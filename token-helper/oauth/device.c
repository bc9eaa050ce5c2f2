/* SPDX-License-Identifier: MIT */
/* device.c - see device.h. */
#include "token-helper/oauth/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/url.h"
#include "common/xalloc.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/oauth/diagnose.h"
#include "token-helper/oauth/server-words.h"

#include "common/banned.h"

#define FORM_MAX    131072
#define SILENCE_MAX 8 /* doublings; the interval has its own ceiling */

/* The codes ----------------------------------------------------------------------------------- */

void device_answer_release(struct device_answer *answer)
{
	buffer_release(&answer->device_code);
	free(answer->verification_uri);
	free(answer->verification_uri_complete);
	answer->verification_uri = answer->verification_uri_complete = NULL;
}

static enum outcome fail(const struct oauth_client *client, struct device_answer *answer,
			 const char *why)
{
	char host[256];

	http_url_host(client->device_url, host, sizeof(host));
	answer->outcome = err_set(&answer->err, OUTCOME_RETRY, "%s %s", host, why);
	return answer->outcome;
}

/* Only what may stand on a terminal and be opened by a browser. Gives; NULL: there is none. */
static char *read_url(struct json_object *root, const char *name)
{
	struct span text;

	if (!json_get_string(root, name, &text) || memchr(text.ptr, '\0', text.len) != NULL ||
	    !url_is_safe(text.ptr))
		return NULL;
	return xspandup(text);
}

static bool read_user_code(struct json_object *root, struct device_answer *answer)
{
	struct span text;

	if (!json_get_string(root, "user_code", &text) || text.len == 0 ||
	    text.len > DEVICE_USER_CODE_MAX || !words_are_plain(text) ||
	    memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	(void)snprintf(answer->user_code, sizeof(answer->user_code), "%s", text.ptr);
	return true;
}

static bool read_device_code(struct json_object *root, struct device_answer *answer)
{
	struct span text;

	return json_get_string(root, "device_code", &text) && text.len > 0 &&
	       buffer_set(&answer->device_code, text.ptr, text.len);
}

static int64_t read_seconds(struct json_object *root, const char *name, int64_t usual, int64_t max)
{
	int64_t seconds;

	if (!json_get_number(root, name, &seconds) || seconds < 1)
		return usual;
	return seconds < max ? seconds : max;
}

static void read_codes(struct json_object *root, const struct oauth_client *client,
		       struct device_answer *answer)
{
	answer->verification_uri = read_url(root, "verification_uri");
	if (answer->verification_uri == NULL)
		answer->verification_uri = read_url(root, "verification_url"); /* the draft's */
	answer->verification_uri_complete = read_url(root, "verification_uri_complete");
	answer->expires_in_s =
		read_seconds(root, "expires_in", DEVICE_EXPIRES_DEFAULT_S, DEVICE_EXPIRES_MAX_S);
	answer->interval_s =
		read_seconds(root, "interval", DEVICE_INTERVAL_DEFAULT_S, DEVICE_INTERVAL_MAX_S);
	if (!read_device_code(root, answer))
		(void)fail(client, answer, "gave no device_code");
	else if (!read_user_code(root, answer))
		(void)fail(client, answer, "gave no user_code that can be shown");
	else if (answer->verification_uri == NULL)
		(void)fail(client, answer, "gave no verification_uri that can be opened");
}

/* Errors have one reader. */
static void read_failure(const struct oauth_client *client, const struct http_response *response,
			 struct device_answer *answer)
{
	struct oauth_client there = {.token_url = client->device_url};
	struct token_answer failure;

	token_answer_parse(&there, response, &failure);
	answer->outcome = failure.outcome != OUTCOME_OK ? failure.outcome : OUTCOME_RETRY;
	answer->err = failure.err;
	if (failure.error[0] != '\0')
		(void)oauth_diagnose(GRANT_DEVICE_CODE, &answer->err);
	token_answer_release(&failure);
}

void device_answer_parse(const struct oauth_client *client, const struct http_response *response,
			 struct device_answer *answer)
{
	struct json_object *root = NULL;
	const char *why;

	*answer = (struct device_answer){.device_code = BUFFER_INIT_SECRET(DEVICE_CODE_MAX)};
	if (response->outcome == OUTCOME_OK)
		root = json_read(buffer_span(response->body), HTTP_BODY_MAX, &why);
	if (root == NULL || response->status / 100 != 2 || json_has(root, "error"))
		read_failure(client, response, answer);
	else
		read_codes(root, client, answer);
	json_release(root);
	if (answer->outcome != OUTCOME_OK)
		buffer_release(&answer->device_code);
}

struct endpoint_request *device_request(struct http_client *http, const struct oauth_client *client,
					endpoint_done_fn *done, void *context)
{
	struct buffer form = BUFFER_INIT_SECRET(FORM_MAX);

	if (client->scope != NULL && client->scope[0] != '\0')
		(void)form_append(&form, "scope", span_from_str(client->scope));
	if (client->resource != NULL)
		(void)form_append(&form, "resource", span_from_str(client->resource));
	return endpoint_post(http, client, client->device_url, &form, done, context);
}

/* The pace ------------------------------------------------------------------------------------ */

/* A server that does not answer, or not as one, is asked at half the pace each time. */
static int64_t wait_of(const struct device_poll *poll, int64_t retry_after_s)
{
	int64_t wait_s = poll->interval_s << poll->silences;

	if (wait_s > DEVICE_INTERVAL_MAX_S)
		wait_s = DEVICE_INTERVAL_MAX_S;
	return wait_s > retry_after_s ? wait_s : retry_after_s;
}

enum device_step device_poll_step(struct device_poll *poll, const struct token_answer *answer,
				  int64_t *wait_s_out)
{
	bool slower = strcmp(answer->error, "slow_down") == 0;

	if (answer->outcome != OUTCOME_RETRY)
		return DEVICE_OVER;
	if (slower)
		poll->interval_s += DEVICE_SLOWER_S;
	if (slower || strcmp(answer->error, "authorization_pending") == 0)
		poll->silences = 0;
	else if (poll->silences < SILENCE_MAX)
		poll->silences++;
	*wait_s_out = wait_of(poll, answer->retry_after_s);
	return DEVICE_WAIT;
}
