/* SPDX-License-Identifier: MIT */
/* cli-test-target.c - see cli-test-target.h. */
#include "token-helper/cli-test-target.h"

#include <json.h>
#include <string.h>

#include "common/scanner.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define STATUS_TIMEOUT_MS 10000
#define HOST_MAX	  255

enum cli_exit target_account(const struct cli *cli, struct json_object **status_out,
			     struct json_object **account_out, struct err *err)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	const char *why;
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "status");
	cli_field_str(&request, "account", cli->account);
	exit = cli_call(cli, &request, STATUS_TIMEOUT_MS, &reply, &data, err);
	if (exit == CLI_OK) {
		struct json_object *list = NULL;

		*status_out = json_read(data, HELPER_REPLY_MAX, &why);
		if (*status_out != NULL)
			list = json_member_array(*status_out, "accounts");
		*account_out = list != NULL ? json_object_array_get_idx(list, 0) : NULL;
		if (!json_object_is_type(*account_out, json_type_object) ||
		    json_member_array(*account_out, "services") == NULL) {
			(void)err_set(err, OUTCOME_PROTOCOL,
				      "mailoauthd's status does not say what the account is for");
			exit = CLI_PROTOCOL;
		}
	}
	buffer_release(&reply);
	buffer_release(&request);
	return exit;
}

bool target_read_host(const char *word, struct buffer *host_out, uint64_t *port_out)
{
	struct span text = span_from_str(word);
	struct scanner scan = scanner_over(text);
	struct span host;
	bool bracketed = scan_byte(&scan, '[');

	if (!scan_until(&scan, bracketed ? ']' : ':', HOST_MAX, &host)) {
		if (bracketed)
			return false;
		host = text;
		scan.cur = scan.end;
	} else if (bracketed && !scanner_at_end(&scan) && !scan_byte(&scan, ':')) {
		return false;
	} else if (scanner_at_end(&scan) && !bracketed) {
		return false;
	}
	if (host.len == 0 || !buffer_append_span(host_out, host))
		return false;
	return scanner_at_end(&scan) ||
	       (scan_u64(&scan, UINT16_MAX, port_out) && *port_out > 0 && scanner_at_end(&scan));
}

static const char *first_word(struct json_object *list)
{
	struct json_object *word = list != NULL && json_object_array_length(list) > 0
					   ? json_object_array_get_idx(list, 0)
					   : NULL;

	return word != NULL ? json_object_get_string(word) : NULL;
}

struct probe_target target_of_service(const struct cli *cli, struct json_object *service,
				      const struct buffer *host, uint64_t port)
{
	const char *hosts = first_word(json_member_array(service, "hosts"));
	struct probe_target target = {
		.service = cli_json_string(service, "service"),
		.account = cli->account,
		.user = cli_json_string(service, "user"),
		.host = cli->host != NULL ? buffer_cstr(host) : hosts,
		.port = (uint16_t)port,
		.mechanism = cli->mechanism,
		.timeout_s = (int64_t)cli->timeout_s,
	};

	if (cli->tls != NULL)
		target.tls =
			strcmp(cli->tls, "implicit") == 0 ? PROBE_TLS_IMPLICIT : PROBE_TLS_STARTTLS;
	return target;
}
