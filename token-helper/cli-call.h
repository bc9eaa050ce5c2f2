/* SPDX-License-Identifier: MIT */
/*
 * cli-call.h - what the verbs stand on: the options, and one question to mailoauthd.
 */
#ifndef TOKEN_HELPER_CLI_CALL_H
#define TOKEN_HELPER_CLI_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/helper-client.h"
#include "common/helper-protocol.h"
#include "common/outcome.h"
#include "token-helper/cli-exit.h"

#define CLI_SENDERS_MAX 64

/* The command line, read. Strings borrow from argv, the environment or the build. */
struct cli {
	const char *socket; /* never NULL once main has looked it up */
	const char *config;
	const char *account; /* NULL: none given */
	const char *file;    /* NULL: none given */
	const char *only;    /* restore: this account; NULL: all */
	bool force;
	bool check; /* status: for monitoring */
	bool yes;   /* do not ask */
	bool json;
	const char *service;  /* NULL: any */
	uint64_t min_valid_s; /* 0: the account's own */
	uint64_t port;	      /* 0: any free one */
	uint64_t timeout_s;
	bool no_browser;
	bool paste;
	bool replace_identity;
	bool unverified;	 /* authorize: who signed in need not be known */
	const char *flow;	 /* "code", "device"; NULL: the account's */
	const char *redirect;	 /* one of the account's; NULL: the first */
	bool request;		 /* print the URL and do not wait */
	bool response;		 /* take what --request led to */
	const char *postfix_dir; /* NULL: Postfix's default instance */
	const char *senders[CLI_SENDERS_MAX];
	size_t sender_count;
	bool dry_run;		   /* show what would be done */
	bool limits;		   /* of the server, set in Postfix */
	const char *send_to;	   /* test: an address; NULL: no message */
	const char *host;	   /* test: HOST[:PORT]; NULL: the account's */
	const char *mechanism;	   /* test: "XOAUTH2", "OAUTHBEARER"; NULL: any */
	const char *tls;	   /* test: "implicit", "starttls"; NULL: as usual on the port */
	bool trace;		   /* test: show the dialogue */
	bool app_only;		   /* guide: without a person */
	bool append;		   /* import: put sections into the configuration */
	const char *with;	   /* import: a file that says more; NULL: none */
	const char *password_file; /* import: NULL: ask */
	const char *user;	   /* import: NULL: as the file says */
	char *const *words;	   /* explain: what follows the verb */
	size_t word_count;
};

/* Starts a request: the verb and its space. Fields follow with cli_field(). */
void cli_request(struct buffer *request, const char *verb);
void cli_field(struct buffer *request, const char *key, struct span value);
void cli_field_str(struct buffer *request, const char *key, const char *value);
void cli_field_u64(struct buffer *request, const char *key, uint64_t value);

/*
 * Asks. CLI_OK: *data_out is the answer's data and borrows from reply (the caller's: secret for
 * tokens). Else the answer's class, or CLI_UNREACHABLE, CLI_DENIED, CLI_PROTOCOL when there was
 * none that can be read; err says why.
 */
enum cli_exit cli_call(const struct cli *cli, const struct buffer *request, int64_t timeout_ms,
		       struct buffer *reply, struct span *data_out, struct err *err);

/* Members of the daemon's JSON. NULL: absent, null, empty, or not text. Borrows from object. */
struct json_object;
const char *cli_json_string(struct json_object *object, const char *key);
bool cli_json_is_true(struct json_object *object, const char *key);

#endif
