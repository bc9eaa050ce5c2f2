/* SPDX-License-Identifier: MIT */
/* route.c - see route.h. */
#include "token-helper/postfix/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "token-helper/postfix/postfix-value.h"

#include "common/banned.h"

/* One decision: settings, tables, and what they have for a sender. */
struct asking {
	const struct postfix *postfix;
	const char *sender;
	struct deadline deadline;
	struct err *err;
	struct buffer list;   /* of tables */
	struct buffer answer; /* secret */
};

static void asking_release(struct asking *asking)
{
	buffer_release(&asking->list);
	buffer_release(&asking->answer);
}

#define ASKING_INIT(postfix_, sender_, deadline_, err_)                                            \
	{                                                                                          \
		.postfix = (postfix_), .sender = (sender_), .deadline = (deadline_),               \
		.err = (err_), .list = BUFFER_INIT(POSTFIX_VALUE_MAX),                             \
		.answer = BUFFER_INIT_SECRET(MAPS_ANSWER_MAX)                                      \
	}

static enum maps_answer ask_key(struct asking *asking, const char *parameter, const char *key)
{
	if (postfix_raw(asking->postfix, parameter) == NULL)
		return MAPS_NOT_FOUND; /* an old Postfix */
	if (!postfix_value(asking->postfix, NULL, parameter, &asking->list)) {
		(void)err_set(asking->err, OUTCOME_CONFIG, "%s cannot be understood: %s", parameter,
			      buffer_cstr(&asking->list));
		return MAPS_ERROR;
	}
	return maps_lookup(asking->postfix, buffer_cstr(&asking->list), key, asking->deadline,
			   &asking->answer, asking->err);
}

/* A sender's table: the address, then its @domain. */
static enum maps_answer ask_sender(struct asking *asking, const char *parameter)
{
	const char *at;
	enum maps_answer answer;

	if (asking->sender == NULL || asking->sender[0] == '\0')
		return MAPS_NOT_FOUND;
	answer = ask_key(asking, parameter, asking->sender);
	at = strrchr(asking->sender, '@');
	if (answer == MAPS_NOT_FOUND && at != NULL)
		answer = ask_key(asking, parameter, at);
	if (answer == MAPS_FOUND && strcasecmp(buffer_cstr(&asking->answer), "DUNNO") == 0)
		answer = MAPS_NOT_FOUND;
	return answer;
}

static bool take_nexthop(struct span text, struct route *out)
{
	struct span first;

	/* Since Postfix 3.5 several may be named; the others are for when the first is down. */
	if (!postfix_list_next(&text, &first))
		return false;
	return nexthop_parse(first, &out->nexthop);
}

static void take_transport(struct span text, const char *by, struct route *out)
{
	struct span transport, nexthop;

	transport_split(text, &transport, &nexthop);
	if (transport.len > 0)
		(void)snprintf(out->transport, sizeof(out->transport), "%.*s", (int)transport.len,
			       transport.ptr);
	out->nexthop = (struct nexthop){0};
	out->by = by;
	(void)take_nexthop(nexthop, out);
}

static enum outcome find_nexthop(struct asking *asking, struct route *out)
{
	enum maps_answer answer = ask_sender(asking, "sender_dependent_relayhost_maps");

	if (answer == MAPS_ERROR)
		return OUTCOME_CONFIG;
	if (answer == MAPS_FOUND && take_nexthop(buffer_span(&asking->answer), out)) {
		out->by = "sender_dependent_relayhost_maps";
		return OUTCOME_OK;
	}
	if (!postfix_value(asking->postfix, NULL, "relayhost", &asking->list))
		return err_set(asking->err, OUTCOME_CONFIG, "relayhost cannot be understood: %s",
			       buffer_cstr(&asking->list));
	if (take_nexthop(buffer_span(&asking->list), out))
		out->by = "relayhost";
	return OUTCOME_OK;
}

/* A transport that names a nexthop goes before relayhost. */
static void replace_transport(struct span text, const char *by, struct route *out)
{
	struct route before = *out;

	take_transport(text, by, out);
	if (out->nexthop.host[0] == '\0') {
		out->nexthop = before.nexthop;
		out->by = before.by;
	}
}

static enum outcome find_transport(struct asking *asking, struct route *out)
{
	enum maps_answer answer = ask_sender(asking, "sender_dependent_default_transport_maps");

	if (answer == MAPS_ERROR)
		return OUTCOME_CONFIG;
	if (answer == MAPS_FOUND) {
		replace_transport(buffer_span(&asking->answer),
				  "sender_dependent_default_transport_maps", out);
		return OUTCOME_OK;
	}
	if (!postfix_value(asking->postfix, NULL, "default_transport", &asking->list))
		return err_set(asking->err, OUTCOME_CONFIG,
			       "default_transport cannot be understood: %s",
			       buffer_cstr(&asking->list));
	replace_transport(buffer_span(&asking->list), "default_transport", out);
	return OUTCOME_OK;
}

/* "*" of transport(5) is every recipient that has no entry of its own. */
static enum outcome find_for_all(struct asking *asking, struct route *out)
{
	enum maps_answer answer = ask_key(asking, "transport_maps", "*");

	if (answer == MAPS_FOUND)
		replace_transport(buffer_span(&asking->answer), "transport_maps", out);
	return answer == MAPS_ERROR ? OUTCOME_CONFIG : OUTCOME_OK;
}

enum outcome route_find(const struct postfix *postfix, const char *sender, struct deadline deadline,
			struct route *out, struct err *err)
{
	struct asking asking = ASKING_INIT(postfix, sender, deadline, err);
	enum outcome outcome;

	*out = (struct route){.by = "default_transport"};
	outcome = find_nexthop(&asking, out);
	if (outcome == OUTCOME_OK)
		outcome = find_transport(&asking, out);
	if (outcome == OUTCOME_OK)
		outcome = find_for_all(&asking, out);
	out->service = postfix_service_find(postfix, out->transport, "unix");
	asking_release(&asking);
	return outcome;
}

bool route_writes_sender(const struct postfix *postfix, const struct route *route,
			 const char *sender, struct deadline deadline, char *written)
{
	struct err err;
	struct asking asking = ASKING_INIT(postfix, sender, deadline, &err);
	const char *at = strrchr(sender, '@');
	enum maps_answer answer = MAPS_NOT_FOUND;

	if (postfix_value(postfix, route->service, "smtp_generic_maps", &asking.list)) {
		const char *list = buffer_cstr(&asking.list);

		answer = maps_lookup(postfix, list, sender, deadline, &asking.answer, &err);
		if (answer == MAPS_NOT_FOUND && at != NULL)
			answer = maps_lookup(postfix, list, at, deadline, &asking.answer, &err);
	}
	if (answer == MAPS_FOUND)
		(void)snprintf(written, NEXTHOP_TEXT_MAX, "%s", buffer_cstr(&asking.answer));
	asking_release(&asking);
	return answer == MAPS_FOUND;
}

/* Logging in ---------------------------------------------------------------------------------- */

static void split_entry(struct buffer *answer, const char *delimiters, struct login *out)
{
	const char *text = buffer_cstr(answer);
	size_t user = strcspn(text, delimiters[0] != '\0' ? delimiters : ":");

	(void)snprintf(out->user, sizeof(out->user), "%.*s", (int)user, text);
	if (text[user] != '\0')
		(void)buffer_append_str(&out->password, text + user + 1);
	out->kind = LOGIN_ENTRY;
}

static bool try_key(struct asking *asking, const struct route *route, const char *key,
		    struct login *out)
{
	enum maps_answer answer;

	if (!postfix_value(asking->postfix, route->service, "smtp_sasl_password_maps",
			   &asking->list)) {
		/* Not its value, which may hold passwords. */
		(void)err_set(asking->err, OUTCOME_CONFIG,
			      "smtp_sasl_password_maps cannot be understood; look at it: postconf "
			      "smtp_sasl_password_maps");
		out->kind = LOGIN_ERROR;
		return true;
	}
	answer = maps_lookup(asking->postfix, buffer_cstr(&asking->list), key, asking->deadline,
			     &asking->answer, asking->err);
	(void)snprintf(out->key, sizeof(out->key), "%s", key);
	if (answer == MAPS_FOUND) {
		struct buffer delimiter = BUFFER_INIT(64);

		(void)postfix_value(asking->postfix, route->service,
				    "smtp_sasl_password_result_delimiter", &delimiter);
		split_entry(&asking->answer, buffer_cstr(&delimiter), out);
		buffer_release(&delimiter);
	} else if (answer == MAPS_DAEMON) {
		out->kind = LOGIN_DAEMON;
	} else if (answer == MAPS_ERROR) {
		out->kind = LOGIN_ERROR;
	}
	return answer != MAPS_NOT_FOUND;
}

static void login_init(struct login *out)
{
	*out = (struct login){.kind = LOGIN_NONE, .password = BUFFER_INIT_SECRET(MAPS_ANSWER_MAX)};
}

void login_find(const struct postfix *postfix, const struct route *route, const char *sender,
		struct deadline deadline, struct login *out, struct err *err)
{
	struct asking asking = ASKING_INIT(postfix, sender, deadline, err);
	char nexthop[NEXTHOP_TEXT_MAX];
	const char *at = sender != NULL ? strrchr(sender, '@') : NULL;
	bool over = false;

	login_init(out);
	if (at != NULL &&
	    postfix_is_yes(postfix, route->service, "smtp_sender_dependent_authentication"))
		over = try_key(&asking, route, sender, out) || try_key(&asking, route, at, out);
	if (!over && !try_key(&asking, route, route->nexthop.host, out))
		(void)try_key(&asking, route, nexthop_text(&route->nexthop, nexthop), out);
	asking_release(&asking);
}

bool login_find_other_spelling(const struct postfix *postfix, const struct route *route,
			       struct deadline deadline, char *spelling, struct login *out)
{
	struct asking asking = ASKING_INIT(postfix, NULL, deadline, NULL);
	char written[NEXTHOP_TEXT_MAX];
	bool found = false;

	login_init(out);
	(void)nexthop_text(&route->nexthop, written);
	for (int form = 0; !found && form < 4; form++) {
		struct nexthop other = route->nexthop;

		other.is_bracketed = (form & 1) != 0;
		if ((form & 2) != 0)
			other.port[0] = '\0';
		else if (other.port[0] == '\0')
			(void)snprintf(other.port, sizeof(other.port), "587");
		if (strcmp(nexthop_text(&other, spelling), written) != 0)
			found = try_key(&asking, route, spelling, out) && out->kind == LOGIN_ENTRY;
	}
	asking_release(&asking);
	return found;
}

bool route_can_name(const struct postfix *postfix, const struct postfix_service *service,
		    const struct nexthop *nexthop)
{
	char *match = postfix_text(postfix, service, "smtp_tls_secure_cert_match");
	bool by_nexthop = match[0] == '\0' || strcmp(match, "nexthop, dot-nexthop") == 0;

	free(match);
	return !by_nexthop || !nexthop_is_address(nexthop);
}
