/* SPDX-License-Identifier: MIT */
/*
 * token-source.h - where the access token of an exchange comes from: mailoauthd, or the password
 * field.
 *
 * Knows the daemon's verbs `token` and `rejected` (token-helper/PROTOCOL.md); no libsasl here.
 */
#ifndef SASL_PLUGIN_TOKEN_SOURCE_H
#define SASL_PLUGIN_TOKEN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/helper-client.h"
#include "common/outcome.h"

/* What the plugin waits for at most, in all, while a mail program waits for it. */
#define TOKEN_DEADLINE_MS 12000
/* A report is a courtesy to the next exchange: this one does not wait long for it to be taken. */
#define REPORT_DEADLINE_MS 2000
/* With a literal token the program may be an event loop with thousands of other connections. */
#define REPORT_LITERAL_DEADLINE_MS 250

/* The server, as the mail program knows it. All borrowed. */
struct server {
	const char *mechanism;
	struct span service; /* libsasl's: "smtp", "imap", "pop" and others */
	struct span host;    /* empty: unknown */
};

struct token {
	struct buffer account; /* empty for a literal token */
	struct buffer user;    /* the SASL user */
	struct buffer bytes;   /* the token: secret */
	uint64_t fingerprint;
	bool literal;
};

void token_init(struct token *token);
void token_release(struct token *token);

/*
 * Fills *token for the user and password that the mail program was given: `Bearer TOKEN` is the
 * token, any other password is the selector of an account, an empty one leaves the selection to the
 * user name. OUTCOME_OK; else the outcome for the mail program and a line in err; a failure of the
 * daemon's own
 * ("no such account") is passed on in its words. On failure *token is to be released all the same.
 */
enum outcome token_get(struct token *token, const struct helper_client *client,
		       const struct server *server, struct span user, struct span password,
		       struct err *err);

/* Tells the daemon that the server refused the token. said: the server's words, may be empty. */
void token_report_rejected(const struct token *token, const struct helper_client *client,
			   const struct server *server, struct span said);

#endif
