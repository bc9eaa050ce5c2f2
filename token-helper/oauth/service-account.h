/* SPDX-License-Identifier: MIT */
/*
 * service-account.h - the key file of a Google service account, as Google issues it.
 *
 * What counts of it: client_email, private_key, private_key_id. Its token_uri says where assertions
 * go; a file that says another place than the preset would have us sign for a stranger.
 */
#ifndef TOKEN_HELPER_OAUTH_SERVICE_ACCOUNT_H
#define TOKEN_HELPER_OAUTH_SERVICE_ACCOUNT_H

#include "common/buffer.h"
#include "common/outcome.h"
#include "token-helper/oauth/jwt.h"

#define SERVICE_ACCOUNT_MAX 16384 /* bytes of the file */

struct service_account {
	char *email;  /* client_email: the assertion's iss */
	char *key_id; /* its kid; NULL: not said */
	struct signing_key *key;
};

/*
 * A pure function of the file's bytes (fuzzed). Gives *account_out. OUTCOME_CONFIG: not such a
 * file, or its token_uri is not token_url; err says what, and nothing of the key.
 */
enum outcome service_account_read(struct span json, const char *token_url,
				  struct service_account **account_out, struct err *err);
void service_account_free(struct service_account *account); /* NULL is fine */

#endif
