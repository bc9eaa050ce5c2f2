/* SPDX-License-Identifier: MIT */
/* login-refusal.c - what it means that a server does not let us in. See login-private.h. */
#include "fetch-agent/login-private.h"

#include "common/diagnosis.h"
#include "common/log.h"

#include "common/banned.h"

static enum outcome meaning_of_code(enum imap_code code)
{
	switch (code) {
	case IMAP_CODE_UNAVAILABLE:
	case IMAP_CODE_INUSE:
	case IMAP_CODE_LIMIT:
	case IMAP_CODE_THROTTLED:
	case IMAP_CODE_OVERQUOTA:
	case IMAP_CODE_SERVERBUG:
		return OUTCOME_RETRY;
	case IMAP_CODE_AUTHORIZATIONFAILED:
	case IMAP_CODE_PRIVACYREQUIRED:
	case IMAP_CODE_CONTACTADMIN:
	case IMAP_CODE_NOPERM:
	case IMAP_CODE_WEBALERT:
		return OUTCOME_CONFIG;
	default:
		return OUTCOME_CONSENT;
	}
}

/* What a refusal means. A response code (RFC 5530) that says "later" acquits the token, whatever
 * the words beside it; else the words that are known, else the code; and without either, the token
 * is not liked. */
static enum outcome meaning(const struct imap_text *result)
{
	const struct diagnosis *diagnosis = diagnosis_find(DIAGNOSIS_IMAP, result->text);

	if (meaning_of_code(result->code) == OUTCOME_RETRY)
		return OUTCOME_RETRY;
	return diagnosis != NULL ? diagnosis->outcome : meaning_of_code(result->code);
}

/* Never tried twice: servers count, and lock who is wrong too often. */
static void password_refused(struct login *login, const struct imap_text *result)
{
	const struct fetch_source *source = login->target.source;
	enum outcome what = meaning(result);
	struct err err = ERR_INIT;

	if (what == OUTCOME_CONSENT)
		what = OUTCOME_DENIED;
	(void)err_set(&err, what, "%s refused %s for %s: %s%s%s%.*s%s%s", login->host,
		      login->mechanism, source->user, result->code_name.len > 0 ? "[" : "",
		      imap_code_name(result->code), result->code_name.len > 0 ? "] " : "",
		      (int)result->text.len, result->text.ptr,
		      what == OUTCOME_DENIED ? "; the password is from " : "",
		      what != OUTCOME_DENIED	      ? ""
		      : source->password_file != NULL ? source->password_file
						      : source->password_command.word[0]);
	login_finish(login, what, &err);
}

static void on_reported(void *ctx, enum outcome what, struct token *token, const struct err *err)
{
	struct login *login = ctx;

	(void)token;
	login->asking = NULL;
	if (what != OUTCOME_OK)
		login_finish(login, what, err);
	else
		login_connect_again(login);
}

static void token_refused(struct login *login, const struct imap_text *result)
{
	const struct fetch_source *source = login->target.source;
	enum outcome what = meaning(result);
	struct span words = login->said.len > 0 ? buffer_span(&login->said) : result->text;
	struct token_place place = login_token_place(login);
	struct err err = ERR_INIT;

	(void)err_set(&err, what, "%s refused %s for %s: %s%s%s%.*s%s%s", login->host,
		      login->mechanism, buffer_cstr(&login->token.user),
		      result->code_name.len > 0 ? "[" : "", imap_code_name(result->code),
		      result->code_name.len > 0 ? "] " : "", (int)result->text.len,
		      result->text.ptr,
		      what == OUTCOME_CONSENT && login->second_try
			      ? "; with a fresh token too; run: mailoauth status "
			      : "",
		      what == OUTCOME_CONSENT && login->second_try ? source->account : "");
	if (what != OUTCOME_CONSENT || login->second_try) {
		login_finish(login, what, &err);
		return;
	}
	log_info("fetch=%s account=%s %s; trying a fresh token", source->name, source->account,
		 err.text);
	login_change(login, LOGIN_REPORTING);
	login->asking =
		token_rejected(&place, login->mechanism, buffer_span(&login->token.bytes), words,
			       deadline_in_ms(LOGIN_TOKEN_WAIT_S * 1000), on_reported, login);
}

void login_refused(struct login *login, const struct imap_text *result)
{
	if (login->target.source->user != NULL)
		password_refused(login, result);
	else
		token_refused(login, result);
}
