/* SPDX-License-Identifier: MIT */
/* verbs.c - see verbs.h. */
#include "token-helper/server/verbs.h"

#include <unistd.h>

#include "token-helper/server/verb-request.h"

#include "common/banned.h"

/* Whom a verb is for. */
enum audience {
	FOR_ALLOWED, /* it asks the account */
	FOR_ADMINS,
	FOR_OWNER, /* root and the daemon's user: it hands out what the store holds */
};

static const struct verb {
	const char *name;
	enum audience audience;
	bool plain_key; /* not fields */
	verb_fn *run;
} verbs[] = {
	{"token", FOR_ALLOWED, false, verb_token},
	{"rejected", FOR_ALLOWED, false, verb_rejected},
	{"accepted", FOR_ALLOWED, false, verb_accepted},
	{"login", FOR_ALLOWED, true, verb_login},
	{"status", FOR_ADMINS, false, verb_status},
	{"refresh", FOR_ADMINS, false, verb_refresh},
	{"authorize-begin", FOR_ADMINS, false, verb_authorize_begin},
	{"authorize-finish", FOR_ADMINS, false, verb_authorize_finish},
	{"authorize-poll", FOR_ADMINS, false, verb_authorize_poll},
	{"authorize-token", FOR_ADMINS, false, verb_authorize_token},
	{"authorize-settle", FOR_ADMINS, false, verb_authorize_settle},
	{"authorize-cancel", FOR_ADMINS, false, verb_authorize_cancel},
	{"reload", FOR_ADMINS, false, verb_reload},
	{"ping", FOR_ADMINS, false, verb_ping},
	{"forget", FOR_ADMINS, false, verb_forget},
	{"backup-list", FOR_OWNER, false, verb_backup_list},
	{"backup", FOR_OWNER, false, verb_backup},
	{"restore", FOR_OWNER, false, verb_restore},
};

static bool is_in(struct connection *conn, enum audience audience)
{
	const struct peer *peer = connection_peer(conn);

	if (audience == FOR_ALLOWED || peer->uid == 0 || peer->uid == geteuid())
		return true;
	return audience == FOR_ADMINS && peer_list_has(connection_world(conn)->admin, peer);
}

static void refuse(struct connection *conn, const char *verb, enum audience audience)
{
	unsigned long uid = (unsigned long)connection_peer(conn)->uid;
	struct err err;

	if (audience == FOR_OWNER)
		(void)err_set(&err, OUTCOME_DENIED,
			      "%s is for root (sudo) and the daemon's own user; you are uid %lu",
			      verb, uid);
	else
		(void)err_set(&err, OUTCOME_DENIED,
			      "%s is for root (sudo) and for who is named by admin in [daemon] of "
			      "mailoauth.conf; you are uid %lu",
			      verb, uid);
	verb_log_denied(connection_peer(conn), verb);
	connection_reply_failure(conn, OUTCOME_DENIED, err.text);
}

static const struct verb *find_verb(struct span name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (span_equals(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

void verb_run(struct connection *conn, const struct helper_request *request)
{
	const struct verb *verb = find_verb(request->verb);

	*connection_job(conn) = (struct verb_job){.service = SERVICE_ANY};
	if (verb == NULL) {
		connection_reply_failure(conn, OUTCOME_PROTOCOL, "there is no such verb");
	} else if (!verb->plain_key && !fields_valid(request->key)) {
		connection_reply_failure(conn, OUTCOME_PROTOCOL,
					 "the fields are malformed: key=value, percent-encoded");
	} else if (!is_in(conn, verb->audience)) {
		refuse(conn, verb->name, verb->audience);
	} else {
		verb->run(conn, request->key);
	}
}
