/* SPDX-License-Identifier: MIT */
/* verb-request.c - see verb-request.h. */
#include "token-helper/server/verb-request.h"

#include <inttypes.h>
#include <json-c/json.h>

#include "common/clock.h"
#include "common/log.h"

#include "common/banned.h"

/* The value of a field; an absent one is "". The buffer lives as long as the caller's. */
struct span verb_field(struct span key, const char *name, struct buffer *value)
{
	if (!fields_get(key, name, value))
		buffer_clear(value);
	return buffer_span(value);
}

/* Absent is 0. False, having answered, when it is no number from 0 to max. */
bool verb_number(struct connection *conn, struct span key, const char *name, uint64_t max,
		 uint64_t *number)
{
	struct buffer value = BUFFER_INIT(VALUE_MAX);
	bool absent = verb_field(key, name, &value).len == 0;
	struct err err;

	buffer_release(&value);
	*number = 0;
	if (absent || fields_get_u64(key, name, max, number))
		return true;
	(void)err_set(&err, OUTCOME_PROTOCOL, "%s is not a number from 0 to %" PRIu64, name, max);
	connection_reply_failure(conn, OUTCOME_PROTOCOL, err.text);
	return false;
}

/* At most one line a second, so that a stranger cannot fill the disk with refusals. */
bool verb_may_log(void)
{
	static int64_t last_s; /* the only state of this file; it limits a log */
	int64_t now_s = clock_now_s();
	bool may = now_s != last_s;

	last_s = now_s;
	return may;
}

/* The uid without its name: looking that up may block. */
void verb_log_denied(const struct peer *peer, const char *what)
{
	if (verb_may_log())
		log_warning("denied: %s to pid %ld, uid %lu", what, (long)peer->pid,
			    (unsigned long)peer->uid);
}

bool verb_may_use(struct connection *conn, const struct account *account)
{
	const struct peer *peer = connection_peer(conn);
	struct err err;

	if (account_allows(account, peer))
		return true;
	(void)err_set(&err, OUTCOME_DENIED,
		      "account %s: uid %lu may not use it: add the user to allow in its section of "
		      "mailoauth.conf",
		      account_config(account)->name, (unsigned long)peer->uid);
	verb_log_denied(peer, err.text);
	connection_reply_failure(conn, OUTCOME_DENIED, err.text);
	return false;
}

struct account *verb_account(struct connection *conn, struct span key)
{
	struct buffer name = BUFFER_INIT(VALUE_MAX);
	struct account *account =
		accounts_find(connection_world(conn)->accounts, verb_field(key, "account", &name));
	struct err err;

	if (account == NULL) {
		(void)err_set(&err, OUTCOME_CONFIG,
			      "there is no account \"%s\"; run: mailoauth status",
			      buffer_cstr(&name));
		connection_reply_failure(conn, OUTCOME_CONFIG, err.text);
	}
	buffer_release(&name);
	return account;
}

void verb_reply_json(struct connection *conn, struct json_object *object)
{
	connection_reply_ok(
		conn, span_from_str(json_object_to_json_string_ext(
			      object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
	json_object_put(object);
}

void verb_json_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value != NULL ? json_object_new_string(value) : NULL);
}
