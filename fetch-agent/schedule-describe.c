/* SPDX-License-Identifier: MIT */
/* schedule-describe.c - what each section does now, and what is wrong with it. See schedule.h. */
#include <stdio.h>

#include "common/diagnosis.h"
#include "fetch-agent/schedule-private.h"

#include "common/banned.h"

/* enum slot_state */
static const char *const state_names[] = {"waiting", "queued", "working", "watching"};

enum run_stage schedule_worst(const struct schedule *schedule)
{
	enum run_stage worst = RUN_STAGE_NONE;
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->sections, link)
	{
		if (slot->result.what != OUTCOME_OK && slot->result.stage > worst)
			worst = slot->result.stage;
	}
	return worst;
}

uint64_t schedule_messages(const struct schedule *schedule)
{
	const struct slot *slot;
	uint64_t messages = 0;

	TAILQ_FOREACH(slot, &schedule->sections, link)
	{
		messages += slot->result.messages;
	}
	return messages;
}

static void add_number(struct json_object *object, const char *key, int64_t number)
{
	(void)json_object_object_add(object, key, json_object_new_int64(number));
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
	(void)json_object_object_add(object, key, json_object_new_string(text));
}

static void describe_failure(const struct slot *slot, struct json_object *object)
{
	const struct diagnosis *diagnosis =
		diagnosis_find(slot->result.where, span_from_str(slot->result.err.text));

	add_number(object, "tries", slot->tries);
	add_number(object, "failing_since", slot->failing_since_s);
	add_text(object, "error", slot->result.err.text);
	if (diagnosis != NULL)
		add_text(object, "meaning", diagnosis->meaning);
	if (diagnosis != NULL && diagnosis->remedy != NULL)
		add_text(object, "remedy", diagnosis->remedy);
}

/* The section's own connection, or a branch; NULL: all is well. */
static const struct slot *find_failing(const struct slot *section)
{
	const struct slot *branch;

	if (section->tries > 0)
		return section;
	TAILQ_FOREACH(branch, &section->branches, link)
	{
		if (branch->tries > 0)
			return branch;
	}
	return NULL;
}

/* Connections on which something is waited for. */
static int64_t count_watched(const struct slot *section)
{
	const struct slot *branch;
	int64_t count = section->state == SLOT_WATCHING;

	TAILQ_FOREACH(branch, &section->branches, link)
	{
		count += branch->state == SLOT_WATCHING;
	}
	return count;
}

struct json_object *schedule_describe(const struct schedule *schedule)
{
	struct json_object *all = json_object_new_object();
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->sections, link)
	{
		struct json_object *object = json_object_new_object();
		const struct slot *failing = find_failing(slot);

		add_text(object, "state", state_names[slot->state]);
		add_number(object, "since", slot->since_s);
		add_number(object, "next", slot->next_s);
		add_number(object, "watched", count_watched(slot));
		if (failing != NULL)
			describe_failure(failing, object);
		(void)json_object_object_add(all, slot->source->name, object);
	}
	return all;
}

const char *schedule_summary(const struct schedule *schedule, char *text, size_t size)
{
	size_t watched = 0, working = 0, failing = 0;
	const struct slot *slot;

	TAILQ_FOREACH(slot, &schedule->sections, link)
	{
		watched += slot->state == SLOT_WATCHING;
		working += slot->state == SLOT_WORKING;
		failing += find_failing(slot) != NULL;
	}
	(void)snprintf(text, size, "%zu sections: %zu watched, %zu at work, %zu failing",
		       schedule->count, watched, working, failing);
	return text;
}
