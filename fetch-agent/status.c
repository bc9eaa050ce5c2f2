/* SPDX-License-Identifier: MIT */
/* status.c - see status.h. */
#include "fetch-agent/status.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "fetch-agent/state/state.h"

#include "common/banned.h"

struct printing {
	const struct fetch_source *source;
	struct json_object *list; /* NULL: for people */
	enum outcome worst;
};

static void add(struct json_object *object, const char *key, const char *text)
{
	(void)json_object_object_add(object, key, json_object_new_string(text));
}

static void add_number(struct json_object *object, const char *key, int64_t number)
{
	(void)json_object_object_add(object, key, json_object_new_int64(number));
}

static struct json_object *object_of(const struct fetch_source *source)
{
	struct json_object *object = json_object_new_object();

	add(object, "fetch", source->name);
	add(object, "account", source->account);
	return object;
}

static void print_json(struct printing *printing, const struct state_run *run)
{
	struct json_object *object = object_of(printing->source);

	add(object, "outcome", run->outcome);
	add(object, "text", run->text);
	add_number(object, "began", run->began_s);
	add_number(object, "ended", run->ended_s);
	add_number(object, "last_message", run->last_message_s);
	add_number(object, "messages", run->messages);
	add_number(object, "bytes", run->bytes);
	add_number(object, "left", run->left);
	(void)json_object_array_add(printing->list, object);
}

static void print_line(const struct printing *printing, const struct state_run *run)
{
	char ended[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX];

	(void)printf("fetch=%s account=%s %s%s%s: last run %s, %" PRId64 " messages, %" PRId64
		     " bytes, %" PRId64 " left; last message %s\n",
		     printing->source->name, printing->source->account, run->outcome,
		     run->text[0] != '\0' ? ": " : "", run->text,
		     clock_text(run->ended_s, ended, sizeof(ended)), run->messages, run->bytes,
		     run->left, clock_text(run->last_message_s, last, sizeof(last)));
}

static void on_run(void *context, const struct state_run *run)
{
	struct printing *printing = context;
	enum outcome what = OUTCOME_RETRY;

	(void)outcome_from_name(run->outcome, strlen(run->outcome), &what);
	if (what > printing->worst)
		printing->worst = what;
	if (printing->list != NULL)
		print_json(printing, run);
	else
		print_line(printing, run);
}

static void print_never(const struct printing *printing)
{
	if (printing->list != NULL)
		(void)json_object_array_add(printing->list, object_of(printing->source));
	else
		(void)printf("fetch=%s account=%s never run\n", printing->source->name,
			     printing->source->account);
}

enum outcome status_print(const struct fetch_config *config, const char *state_path, bool json,
			  enum outcome *worst_out, struct err *err)
{
	struct printing printing = {.list = json ? json_object_new_array() : NULL};
	struct state *state = NULL;
	enum outcome what = OUTCOME_OK;

	/* No state at all is a machine on which nothing ran yet. */
	if (access(state_path, F_OK) == 0)
		what = state_open(state_path, true, &state, err);
	for (size_t i = 0; what == OUTCOME_OK && i < config->count; i++) {
		printing.source = config->sources[i];
		if (state == NULL ||
		    !state_run_get(state, config->sources[i]->name, on_run, &printing))
			print_never(&printing);
	}
	if (what == OUTCOME_OK && json)
		(void)puts(json_object_to_json_string_ext(printing.list, JSON_C_TO_STRING_PRETTY));
	(void)json_object_put(printing.list);
	state_close(state);
	*worst_out = printing.worst;
	return what;
}
