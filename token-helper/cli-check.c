/* SPDX-License-Identifier: MIT */
/* cli-check.c - see cli-check.h. */
#include "token-helper/cli-check.h"

#include <json.h>
#include <stdio.h>
#include <string.h>

#include "token-helper/cli-call.h"
#include "token-helper/cli-text.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define LINE_MAX_LEN 2048
#define NAMED_MAX    5 /* accounts that are named in the line; the rest are counted */

static const char *const words[] = {
	[CHECK_OK] = "OK",
	[CHECK_WARNING] = "WARNING",
	[CHECK_CRITICAL] = "CRITICAL",
	[CHECK_UNKNOWN] = "UNKNOWN",
};

static const struct {
	const char *state;
	enum check check;
} states[] = {
	{"valid", CHECK_OK},
	{"expiring", CHECK_OK},
	{"expired-refreshable", CHECK_OK},
	{"never-authorized", CHECK_WARNING},
	{"unconfigured", CHECK_OK},
	{"reauth-required", CHECK_CRITICAL},
	{"blocked", CHECK_CRITICAL},
	{"error", CHECK_CRITICAL},
};

static enum check worse(enum check a, enum check b)
{
	return a > b ? a : b;
}

static enum check check_of_state(const char *state)
{
	for (size_t i = 0; state != NULL && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(states[i].state, state) == 0)
			return states[i].check;
	}
	return CHECK_UNKNOWN;
}

static enum check check_of_deadlines(struct json_object *account)
{
	struct json_object *list = json_member_array(account, "deadlines");
	enum check check = CHECK_OK;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		int64_t mark;

		if (json_get_int(json_object_array_get_idx(list, i), "mark", &mark))
			check = worse(check, mark <= 1 ? CHECK_CRITICAL : CHECK_WARNING);
	}
	return check;
}

/* A token lives, and yet the last refresh failed, or the next one would: there is time, but
 * something is wrong. */
static enum check check_of_refresh(struct json_object *account)
{
	struct json_object *last = json_member_object(account, "last_refresh");
	const char *outcome = last != NULL ? cli_json_string(last, "outcome") : NULL;

	if (json_member_object(account, "endpoint_down") != NULL)
		return CHECK_WARNING;
	return outcome != NULL && strcmp(outcome, "ok") != 0 ? CHECK_WARNING : CHECK_OK;
}

struct tally {
	enum check worst;
	size_t count[CHECK_UNKNOWN + 1];
	size_t named;
	struct buffer names;
};

static void name(struct tally *tally, struct json_object *account, enum check check)
{
	const char *who = cli_json_string(account, "account");
	const char *state = cli_json_string(account, "state");

	if (check == CHECK_OK || tally->named++ >= NAMED_MAX)
		return;
	if (tally->names.len > 0)
		(void)buffer_append_str(&tally->names, ", ");
	text_append_clean(&tally->names, who != NULL ? who : "?");
	(void)buffer_append_byte(&tally->names, ' ');
	text_append_clean(&tally->names, state != NULL ? state : "?");
}

/* Two passes, so that the worst are named first. */
static void tally_accounts(struct tally *tally, struct json_object *list, enum check only)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *account = json_object_array_get_idx(list, i);
		enum check check =
			worse(check_of_state(cli_json_string(account, "state")),
			      worse(check_of_deadlines(account), check_of_refresh(account)));

		if (check != only)
			continue;
		tally->count[check]++;
		tally->worst = worse(tally->worst, check);
		name(tally, account, check);
	}
}

/* The one cause of what many accounts have. */
static size_t append_down(struct buffer *line, struct json_object *status)
{
	struct json_object *list = json_member_array(status, "endpoints_down");
	size_t count = list != NULL ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
		const char *url = cli_json_string(json_object_array_get_idx(list, i), "url");

		text_append_clean(line, url != NULL ? url : "?");
		(void)buffer_append_str(line, " is down, ");
	}
	return count;
}

static void append_line(struct buffer *line, const struct tally *tally, size_t total,
			struct json_object *status)
{
	size_t down;

	(void)buffer_printf(line, "MAILOAUTH %s - ", words[tally->worst]);
	down = append_down(line, status);
	if (tally->worst == CHECK_OK)
		(void)buffer_printf(line, "%zu account%s", total, total == 1 ? "" : "s");
	else
		(void)buffer_append_span(line, buffer_span(&tally->names));
	if (tally->named > NAMED_MAX)
		(void)buffer_printf(line, " and %zu more", tally->named - NAMED_MAX);
	(void)buffer_printf(line,
			    " | accounts=%zu ok=%zu warning=%zu critical=%zu endpoints_down=%zu\n",
			    total, tally->count[CHECK_OK], tally->count[CHECK_WARNING],
			    tally->count[CHECK_CRITICAL] + tally->count[CHECK_UNKNOWN], down);
}

enum check check_append(struct buffer *line, struct json_object *status, const char *why)
{
	struct json_object *list = status != NULL ? json_member_array(status, "accounts") : NULL;
	struct tally tally = {.worst = CHECK_OK, .names = BUFFER_INIT(LINE_MAX_LEN / 2)};

	if (list == NULL) {
		(void)buffer_append_str(line, "MAILOAUTH UNKNOWN - ");
		text_append_clean(line, why);
		(void)buffer_append_byte(line, '\n');
		return CHECK_UNKNOWN;
	}
	for (int check = CHECK_UNKNOWN; check >= CHECK_OK; check--)
		tally_accounts(&tally, list, (enum check)check);
	append_line(line, &tally, json_object_array_length(list), status);
	buffer_release(&tally.names);
	return tally.worst;
}

enum cli_exit cli_check(struct json_object *status, const char *why)
{
	struct buffer line = BUFFER_INIT(LINE_MAX_LEN);
	enum check check = check_append(&line, status, why);

	(void)fwrite(buffer_cstr(&line), 1, line.len, stdout);
	buffer_release(&line);
	return (enum cli_exit)check;
}
