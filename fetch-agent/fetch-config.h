/* SPDX-License-Identifier: MIT */
/*
 * fetch-config.h - the [fetch NAME] sections of mailoauth.conf, checked: one source of mail each.
 *
 * What belongs to the account (user, scopes, who may have its tokens) is mailoauthd's to know: it
 * says the login name together with the token, so that nothing is read twice.
 */
#ifndef FETCH_AGENT_FETCH_CONFIG_H
#define FETCH_AGENT_FETCH_CONFIG_H

#include <stdint.h>

#include "common/config.h"
#include "fetch-agent/delivery/delivery.h"
#include "fetch-agent/delivery/envelope.h"
#include "fetch-agent/fetch-select.h"
#include "fetch-agent/net/tls-pin.h"

enum fetch_tls {
	FETCH_TLS_IMPLICIT,
	FETCH_TLS_STARTTLS,
};

enum fetch_after {
	FETCH_AFTER_KEEP,
	FETCH_AFTER_SEEN,
	FETCH_AFTER_DELETE,
	FETCH_AFTER_MOVE,
};

enum fetch_line_ends {
	FETCH_LINE_ENDS_LF,   /* as Maildirs have them */
	FETCH_LINE_ENDS_CRLF, /* the server's bytes */
};

enum fetch_compress {
	FETCH_COMPRESS_AUTO, /* when there is much to fetch over a network */
	FETCH_COMPRESS_NO,
	FETCH_COMPRESS_YES, /* from the login on */
};

enum fetch_mechanism {
	FETCH_MECHANISM_AUTO, /* XOAUTH2 if offered, else OAUTHBEARER */
	FETCH_MECHANISM_XOAUTH2,
	FETCH_MECHANISM_OAUTHBEARER,
	FETCH_MECHANISM_SCRAM_SHA_256, /* from here: with a password; auto: the first offered */
	FETCH_MECHANISM_SCRAM_SHA_1,
	FETCH_MECHANISM_PLAIN,
	FETCH_MECHANISM_LOGIN,
};

enum fetch_watch {
	FETCH_WATCH_NO,
	FETCH_WATCH_IDLE,
};

struct fetch_source {
	char *name;
	char *account;		       /* mailoauthd's; with a password USER@HOST, for logs */
	char *user;		       /* NULL: log in with the account's token */
	char *password_file;	       /* this or the command, with user */
	struct words password_command; /* program and arguments */
	char *host;		       /* NULL: the account's */
	int64_t port;		       /* 0 in the file: by tls */
	int tls;		       /* enum fetch_tls */
	int mechanism;		       /* enum fetch_mechanism */
	int line_ends;		       /* enum fetch_line_ends */
	char *ca_file;		       /* NULL: the system's */
	struct words pin_words;	       /* as written */
	bool pin_only;		       /* as written */
	struct tls_pins pins;
	char *folder, *deliver, *after_text; /* as written */
	struct words folders;		     /* at least one; see folder-select.h */
	bool subscribed;		     /* wildcards match only such folders */
	struct delivery_config delivery;
	struct envelope_rules envelope;
	int after;     /* enum fetch_after */
	char *move_to; /* UTF-8 or "\Trash"; only with FETCH_AFTER_MOVE */
	struct fetch_selection selection;
	int compress;	     /* enum fetch_compress */
	int64_t timeout_s;   /* longest silence of a server */
	int watch;	     /* enum fetch_watch */
	int64_t interval_s;  /* between runs; 0: only when asked to */
	int64_t idle_for_s;  /* after which an idle server is asked whether it is there */
	int64_t connections; /* of the account at the host, at once */
};

struct fetch_config {
	struct fetch_source **sources;
	size_t count;
	bool confine; /* [daemon]'s: give up what is not needed, once started */
};

/* NULL when there was any problem: then *problems has them all. The caller frees. */
struct fetch_config *fetch_config_load(const char *path, struct config_problems *problems);
void fetch_config_free(struct fetch_config *config);
/* Takes it out of config: it is the caller's, to be freed with fetch_source_free(). */
struct fetch_source *fetch_config_take(struct fetch_config *config, size_t index);
/* Drops all sections but the named; OUTCOME_CONFIG: err says which name there is not. */
enum outcome fetch_config_keep(struct fetch_config *config, char *const *names, size_t count,
			       struct err *err);
void fetch_source_free(struct fetch_source *source); /* NULL is nothing */
/* Whether both sections say the same, whatever else changed in their file. */
bool fetch_source_same(const struct fetch_source *a, const struct fetch_source *b);

const char *fetch_after_name(int after); /* "keep", "seen", "delete", "move" */

#endif
