/* SPDX-License-Identifier: MIT */
/* status.c - see status.h. */
#include "fetch-agent/status.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "fetch-agent/live.h"
#include "fetch-agent/state/state.h"

#include "common/banned.h"

struct printing {
	const struct fetch_source *source;
	struct json_object *live;  /* what the daemon says of all sources; NULL: none runs */
	struct json_object *list;  /* NULL: for people */
	struct json_object *aside; /* of the source; borrowed */
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

/* What the daemon says of this source; NULL: nothing. */
static struct json_object *live_of(const struct printing *printing)
{
	struct json_object *live = NULL;

	(void)json_object_object_get_ex(printing->live, printing->source->name, &live);
	return live;
}

static struct json_object *object_of(const struct printing *printing)
{
	struct json_object *object = json_object_new_object();
	struct json_object *live = live_of(printing);

	add(object, "fetch", printing->source->name);
	add(object, "account", printing->source->account);
	if (live != NULL)
		(void)json_object_object_add(object, "now", json_object_get(live));
	return object;
}

static const char *text_of(struct json_object *live, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(live, key, &value) ? json_object_get_string(value) : "";
}

static int64_t number_of(struct json_object *live, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(live, key, &value) ? json_object_get_int64(value) : 0;
}

static void print_failing(struct json_object *live)
{
	const char *meaning = text_of(live, "meaning"), *remedy = text_of(live, "remedy");
	char since[CLOCK_TEXT_MAX];

	(void)printf("; failing since %s, tries %" PRId64 ": %s",
		     clock_text(number_of(live, "failing_since"), since, sizeof(since)),
		     number_of(live, "tries"), text_of(live, "error"));
	if (meaning[0] != '\0')
		(void)printf("; %s", meaning);
	if (remedy[0] != '\0')
		(void)printf(": %s", remedy);
}

/* The end of a source's line: what it does now. */
static void print_now(const struct printing *printing)
{
	char since[CLOCK_TEXT_MAX], next[CLOCK_TEXT_MAX];
	struct json_object *live = live_of(printing);

	if (live != NULL) {
		(void)printf("; %s since %s", text_of(live, "state"),
			     clock_text(number_of(live, "since"), since, sizeof(since)));
		if (number_of(live, "watched") > 1)
			(void)printf(" on %" PRId64 " connections", number_of(live, "watched"));
		if (number_of(live, "next") != 0)
			(void)printf(" until %s",
				     clock_text(number_of(live, "next"), next, sizeof(next)));
		if (number_of(live, "tries") > 0)
			print_failing(live);
	}
	(void)putchar('\n');
}

static void print_json(struct printing *printing, const struct state_run *run)
{
	struct json_object *object = object_of(printing);

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
		     " bytes, %" PRId64 " left; last message %s",
		     printing->source->name, printing->source->account, run->outcome,
		     run->text[0] != '\0' ? ": " : "", run->text,
		     clock_text(run->ended_s, ended, sizeof(ended)), run->messages, run->bytes,
		     run->left, clock_text(run->last_message_s, last, sizeof(last)));
	print_now(printing);
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

/* What is set aside ------------------------------------------------------------------------------
 */

static const char *const aside_names[] = {"later", "refused", "large"};

static void print_aside(void *context, const char *folder, const struct state_aside *entry)
{
	const struct printing *printing = context;
	char next[CLOCK_TEXT_MAX];

	if (entry->kind == STATE_ASIDE_LARGE)
		return; /* as configured: no news */
	(void)printf("fetch=%s folder=%s UID %u %s after %" PRId64 " tries: %s; %s%s\n",
		     printing->source->name, folder, entry->uid, aside_names[entry->kind],
		     entry->tries, entry->text,
		     entry->kind == STATE_ASIDE_LATER ? "again after "
						      : "when the reason is gone: "
							"mailoauth-fetch retry ",
		     entry->kind == STATE_ASIDE_LATER
			     ? clock_text(entry->next_s, next, sizeof(next))
			     : printing->source->name);
}

static void add_aside(void *context, const char *folder, const struct state_aside *entry)
{
	const struct printing *printing = context;
	struct json_object *object = json_object_new_object();

	add(object, "folder", folder);
	add_number(object, "uid", entry->uid);
	add(object, "kind", aside_names[entry->kind]);
	add(object, "text", entry->text);
	add_number(object, "tries", entry->tries);
	add_number(object, "first", entry->first_s);
	add_number(object, "next", entry->next_s);
	(void)json_object_array_add(printing->aside, object);
}

/* Of the source whose line or object was printed last. */
static enum outcome say_aside(struct printing *printing, struct state *state, struct err *err)
{
	size_t last;

	if (printing->list == NULL)
		return state_aside_each(state, printing->source->name, print_aside, printing, err);
	last = json_object_array_length(printing->list) - 1;
	printing->aside = json_object_new_array();
	(void)json_object_object_add(json_object_array_get_idx(printing->list, last), "aside",
				     printing->aside);
	return state_aside_each(state, printing->source->name, add_aside, printing, err);
}

static void print_never(const struct printing *printing)
{
	if (printing->list != NULL)
		(void)json_object_array_add(printing->list, object_of(printing));
	else {
		(void)printf("fetch=%s account=%s never run", printing->source->name,
			     printing->source->account);
		print_now(printing);
	}
}

enum outcome status_print(const struct fetch_config *config, const char *state_path, bool json,
			  enum outcome *worst_out, struct err *err)
{
	struct printing printing = {.list = json ? json_object_new_array() : NULL};
	struct state *state = NULL;
	enum outcome what = OUTCOME_OK;

	/* No daemon is no failure: cron may do it. */
	if (live_ask(state_path, "status", &printing.live, NULL) != OUTCOME_OK)
		printing.live = NULL;
	/* No state at all is a machine on which nothing ran yet. */
	if (access(state_path, F_OK) == 0)
		what = state_open(state_path, STATE_LOOK, &state, err);
	for (size_t i = 0; what == OUTCOME_OK && i < config->count; i++) {
		printing.source = config->sources[i];
		if (state == NULL ||
		    !state_run_get(state, config->sources[i]->name, on_run, &printing))
			print_never(&printing);
		if (state != NULL)
			what = say_aside(&printing, state, err);
	}
	if (what == OUTCOME_OK && json)
		(void)puts(json_object_to_json_string_ext(printing.list, JSON_C_TO_STRING_PRETTY));
	(void)json_object_put(printing.list);
	(void)json_object_put(printing.live);
	state_close(state);
	*worst_out = printing.worst;
	return what;
}
