/* SPDX-License-Identifier: MIT */
/* credentials.c - see credentials.h. */
#include "sasl-plugin/credentials.h"

#include <string.h>

#include "common/banned.h"

/* libsasl gives every callback one type; C casts between function types through this one. */
typedef void any_fn(void);

enum { ASK_USER, ASK_PASSWORD, ASK_COUNT };

/* How one credential can be had. */
struct source {
	int found; /* SASL_OK: call proc; SASL_INTERACT: prompt; else there is none */
	sasl_callback_ft proc;
	void *context;
};

static struct source source_of(const sasl_client_params_t *params, unsigned long id)
{
	const sasl_utils_t *utils = params->utils;
	struct source source = {.found = SASL_FAIL};

	source.found = utils->getcallback(utils->conn, id, &source.proc, &source.context);
	if (source.found == SASL_OK && source.proc == NULL)
		source.found = SASL_INTERACT;
	return source;
}

/* NeoMutt counts the terminating NUL in. */
static struct span without_nuls(const char *ptr, size_t len)
{
	while (len > 0 && ptr[len - 1] == '\0')
		len--;
	return (struct span){ptr, len};
}

/* A callback's "interact" or "continue" must not become ours. */
static int callback_failure(int rc)
{
	return rc < SASL_OK ? rc : SASL_FAIL;
}

static int user_by_callback(const struct source *source, struct span *out)
{
	sasl_getsimple_t *ask = (sasl_getsimple_t *)(any_fn *)source->proc;
	/*
	 * libsasl's own callback for $USER writes a size_t through this unsigned pointer. Some
	 * programs write nothing: then the text is a string.
	 */
	union {
		unsigned len;
		size_t wide;
	} slot = {.wide = 0};
	const char *text = NULL;
	int rc = ask(source->context, SASL_CB_AUTHNAME, &text, &slot.len);
	size_t len = slot.len > 0 ? slot.len : slot.wide;

	if (rc != SASL_OK)
		return callback_failure(rc);
	if (text == NULL)
		return SASL_BADPARAM;
	*out = without_nuls(text, len > 0 ? len : strlen(text));
	return SASL_OK;
}

static int password_by_callback(const sasl_client_params_t *params, const struct source *source,
				struct span *out)
{
	sasl_getsecret_t *ask = (sasl_getsecret_t *)(any_fn *)source->proc;
	sasl_secret_t *secret = NULL;
	int rc = ask(params->utils->conn, source->context, SASL_CB_PASS, &secret);

	if (rc != SASL_OK)
		return callback_failure(rc);
	if (secret != NULL)
		*out = without_nuls((const char *)secret->data, secret->len);
	return SASL_OK;
}

static int by_prompt(const sasl_interact_t *prompts, unsigned long id, struct span *out)
{
	for (const sasl_interact_t *prompt = prompts; prompt->id != SASL_CB_LIST_END; prompt++) {
		if (prompt->id != id)
			continue;
		if (prompt->result == NULL)
			return SASL_BADPARAM;
		*out = without_nuls(prompt->result, prompt->len);
		return SASL_OK;
	}
	return SASL_BADPARAM;
}

static int prompts_make(const sasl_client_params_t *params, const struct source *sources,
			sasl_interact_t **prompt_need)
{
	static const sasl_interact_t questions[ASK_COUNT] = {
		[ASK_USER] = {.id = SASL_CB_AUTHNAME,
			      .challenge = "User name",
			      .prompt = "Please enter the user name of the mailbox"},
		[ASK_PASSWORD] =
			{.id = SASL_CB_PASS,
			 .challenge = "Account",
			 .prompt = "Please enter the account's name in mailoauth, or nothing",
			 .defresult = ""},
	};
	sasl_interact_t *prompts = params->utils->malloc(sizeof(*prompts) * (ASK_COUNT + 1));
	size_t count = 0;

	if (prompts == NULL)
		return SASL_NOMEM;
	memset(prompts, 0, sizeof(*prompts) * (ASK_COUNT + 1));
	for (size_t i = 0; i < ASK_COUNT; i++) {
		if (sources[i].found == SASL_INTERACT)
			prompts[count++] = questions[i];
	}
	prompts[count].id = SASL_CB_LIST_END;
	*prompt_need = prompts;
	return SASL_INTERACT;
}

void credentials_prompts_free(const sasl_utils_t *utils, sasl_interact_t **prompt_need)
{
	if (prompt_need == NULL || *prompt_need == NULL)
		return;
	utils->free(*prompt_need);
	*prompt_need = NULL;
}

static int user_get(const struct source *source, const sasl_interact_t *prompts, struct span *out,
		    struct err *err)
{
	int rc = source->found;

	if (rc == SASL_OK)
		rc = user_by_callback(source, out);
	else if (rc == SASL_INTERACT && prompts != NULL)
		rc = by_prompt(prompts, SASL_CB_AUTHNAME, out);
	else
		rc = SASL_BADPARAM;
	if (rc == SASL_OK && out->len == 0)
		rc = SASL_BADPARAM;
	if (rc != SASL_OK)
		(void)err_set(err, OUTCOME_CONFIG, "the mail program gave no user name");
	return rc;
}

static int password_get(const sasl_client_params_t *params, const struct source *source,
			const sasl_interact_t *prompts, struct span *out, struct err *err)
{
	int rc = SASL_OK;

	/* A program without a password is welcome: the user name then selects the account. */
	if (source->found == SASL_OK)
		rc = password_by_callback(params, source, out);
	else if (source->found == SASL_INTERACT && prompts != NULL)
		rc = by_prompt(prompts, SASL_CB_PASS, out);
	if (rc != SASL_OK)
		(void)err_set(err, OUTCOME_CONFIG,
			      "the mail program failed to give its password field");
	return rc;
}

int credentials_get(const sasl_client_params_t *params, sasl_interact_t **prompt_need,
		    struct credentials *out, struct err *err)
{
	const struct source sources[ASK_COUNT] = {
		[ASK_USER] = source_of(params, SASL_CB_AUTHNAME),
		[ASK_PASSWORD] = source_of(params, SASL_CB_PASS),
	};
	const sasl_interact_t *prompts = prompt_need != NULL ? *prompt_need : NULL;
	struct credentials found = {.user = {"", 0}, .password = {"", 0}};
	int rc;

	/* All is asked for at once, and before the password callback is called: it is called once.
	 */
	if (prompt_need != NULL && prompts == NULL &&
	    (sources[ASK_USER].found == SASL_INTERACT ||
	     sources[ASK_PASSWORD].found == SASL_INTERACT)) {
		rc = prompts_make(params, sources, prompt_need);
		if (rc == SASL_NOMEM)
			(void)err_set(err, OUTCOME_NOMEM, "out of memory");
		return rc;
	}
	rc = user_get(&sources[ASK_USER], prompts, &found.user, err);
	if (rc == SASL_OK)
		rc = password_get(params, &sources[ASK_PASSWORD], prompts, &found.password, err);
	if (rc == SASL_OK)
		*out = found;
	return rc;
}
