/* SPDX-License-Identifier: MIT */
/* cli-call.c - see cli-call.h. */
#include "token-helper/cli-call.h"

#include <json.h>
#include <string.h>

#include "common/deadline.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

void cli_request(struct buffer *request, const char *verb)
{
	buffer_clear(request);
	(void)buffer_append_str(request, verb);
	(void)buffer_append_byte(request, ' ');
}

/* fields_append() puts the space before every field but a buffer's first; here the verb's space
 * stands already. */
void cli_field(struct buffer *request, const char *key, struct span value)
{
	struct buffer field = {.max = request->max, .secret = request->secret};

	if (request->len > 0 && request->data[request->len - 1] != ' ')
		(void)buffer_append_byte(request, ' ');
	if (fields_append(&field, key, value))
		(void)buffer_append_span(request, buffer_span(&field));
	else
		request->failed = true;
	buffer_release(&field);
}

void cli_field_str(struct buffer *request, const char *key, const char *value)
{
	cli_field(request, key, span_from_str(value));
}

void cli_field_u64(struct buffer *request, const char *key, uint64_t value)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%ju", (uintmax_t)value);
	cli_field_str(request, key, digits);
}

/* The same classes mean something else when it is the road that failed and not the daemon that
 * refused. */
static enum cli_exit exit_of_transport(enum outcome what)
{
	return what == OUTCOME_RETRY ? CLI_UNREACHABLE : cli_exit_of(what);
}

static enum cli_exit read_reply(const struct cli *cli, const struct buffer *reply,
				struct span *data_out, struct err *err)
{
	struct helper_reply parsed;

	if (!helper_reply_parse(buffer_span(reply), &parsed) || parsed.status == HELPER_NOTFOUND) {
		(void)err_set(err, OUTCOME_PROTOCOL, "%s: what answers there is not mailoauthd",
			      cli->socket);
		return CLI_PROTOCOL;
	}
	if (parsed.status != HELPER_OK) {
		(void)err_set(err, parsed.outcome, "%.*s", (int)parsed.text.len, parsed.text.ptr);
		return cli_exit_of(parsed.outcome);
	}
	*data_out = parsed.text;
	return CLI_OK;
}

enum cli_exit cli_call(const struct cli *cli, const struct buffer *request, int64_t timeout_ms,
		       struct buffer *reply, struct span *data_out, struct err *err)
{
	const char *const sockets[] = {cli->socket, NULL};
	const struct helper_client client = {.sockets = sockets};
	enum outcome what;

	if (!buffer_ok(request) || request->len > HELPER_REQUEST_MAX) {
		(void)err_set(err, OUTCOME_PROTOCOL, "the request is longer than %d bytes",
			      HELPER_REQUEST_MAX);
		return CLI_PROTOCOL;
	}
	what = helper_client_call(&client, buffer_span(request), deadline_in_ms(timeout_ms), reply,
				  err);
	if (what != OUTCOME_OK)
		return exit_of_transport(what);
	return read_reply(cli, reply, data_out, err);
}

const char *cli_json_string(struct json_object *object, const char *key)
{
	struct span text;

	/* json-c ends its strings with a NUL; one inside is nobody's name. */
	if (!json_get_string(object, key, &text) || text.len == 0 || strlen(text.ptr) != text.len)
		return NULL;
	return text.ptr;
}

bool cli_json_is_true(struct json_object *object, const char *key)
{
	struct json_object *member;

	return json_object_object_get_ex(object, key, &member) &&
	       json_object_is_type(member, json_type_boolean) && json_object_get_boolean(member);
}
