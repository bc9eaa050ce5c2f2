/* SPDX-License-Identifier: MIT */
/* verbs.c - see verbs.h. */
#include "fetch-agent/verbs.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/log.h"
#include "fetch-agent/live.h"
#include "fetch-agent/retry.h"
#include "fetch-agent/status.h"

#include "common/banned.h"

int verb_status(const struct fetch_options *options, struct fetch_config *config)
{
	enum outcome worst = OUTCOME_OK;
	struct err err = ERR_INIT;

	if (status_print(config, options->state_path, options->json, &worst, &err) != OUTCOME_OK) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	fetch_config_free(config);
	return worst == OUTCOME_OK ? FETCH_EXIT_MAIL : FETCH_EXIT_NO_MAIL;
}

int verb_retry(const struct fetch_options *options, struct fetch_config *config)
{
	struct err err = ERR_INIT;
	enum outcome what = retry_print(config, options->state_path, options->retry_words,
					options->retry_count, &err);

	if (what != OUTCOME_OK)
		log_error("%s", err.text);
	fetch_config_free(config);
	return what == OUTCOME_OK ? EX_OK : EX_CONFIG;
}

int verb_import(const struct fetch_options *options)
{
	struct import_request request = options->import;
	struct buffer sections = BUFFER_INIT(IMPORT_SECTIONS_MAX);
	struct buffer notes = BUFFER_INIT(IMPORT_SECTIONS_MAX);
	struct err err = ERR_INIT;
	enum outcome what;

	request.home = import_home(request.file);
	request.state = options->take_state ? options->state_path : NULL;
	what = import_run(&request, &sections, &notes, &err);
	(void)fputs(buffer_cstr(&notes), stderr);
	if (what == OUTCOME_OK &&
	    (fputs(buffer_cstr(&sections), stdout) < 0 || fflush(stdout) != 0))
		what = err_set(&err, OUTCOME_RETRY, "the sections cannot be written");
	if (what != OUTCOME_OK)
		log_error("%s", err.text);
	buffer_release(&sections);
	buffer_release(&notes);
	if (what == OUTCOME_OK)
		return EX_OK;
	return what == OUTCOME_DENIED ? FETCH_EXIT_LOCKED : EX_CONFIG;
}

int verb_reload(const struct fetch_options *options)
{
	struct json_object *reply = NULL, *outcome = NULL, *text = NULL;
	struct err err = ERR_INIT;
	bool good;

	if (live_ask(options->state_path, "reload", &reply, &err) != OUTCOME_OK) {
		log_error("%s", err.text);
		return EX_UNAVAILABLE;
	}
	good = json_object_object_get_ex(reply, "outcome", &outcome) &&
	       strcmp(json_object_get_string(outcome), "ok") == 0;
	if (!good && json_object_object_get_ex(reply, "text", &text))
		log_error("refused, the configuration as it was stays in force: %s",
			  json_object_get_string(text));
	(void)json_object_put(reply);
	return good ? EX_OK : EX_CONFIG;
}
