/* SPDX-License-Identifier: MIT */
/* retry.c - see retry.h. */
#include "fetch-agent/retry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/scanner.h"
#include "fetch-agent/state/state.h"

#include "common/banned.h"

static bool has_section(const struct fetch_config *config, const char *name)
{
	for (size_t i = 0; i < config->count; i++) {
		if (strcmp(config->sources[i]->name, name) == 0)
			return true;
	}
	return false;
}

static enum outcome read_uid(const char *text, uint32_t *uid_out, struct err *err)
{
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t uid;

	if (!scan_u64(&scan, UINT32_MAX, &uid) || uid == 0 || !scanner_at_end(&scan))
		return err_set(err, OUTCOME_CONFIG,
			       "%s is no UID: the log and `mailoauth-fetch "
			       "status` say which messages are set aside",
			       text);
	*uid_out = (uint32_t)uid;
	return OUTCOME_OK;
}

enum outcome retry_print(const struct fetch_config *config, const char *state_path, char **words,
			 size_t count, struct err *err)
{
	struct state *state = NULL;
	enum outcome what = OUTCOME_OK;
	int64_t changed = 0;
	uint32_t uid = 0;

	if (!has_section(config, words[0]))
		return err_set(err, OUTCOME_CONFIG, "there is no section [fetch %s]", words[0]);
	if (count > 1)
		what = read_uid(words[1], &uid, err);
	if (what == OUTCOME_OK)
		what = state_open(state_path, STATE_MEND, &state, err);
	if (what == OUTCOME_OK)
		what = state_aside_retry(state, words[0], uid, &changed, err);
	state_close(state);
	if (what == OUTCOME_OK)
		(void)printf("fetch=%s %" PRId64 " messages are tried again in the next run\n",
			     words[0], changed);
	return what;
}
