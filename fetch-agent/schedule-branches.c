/* SPDX-License-Identifier: MIT */
/* schedule-branches.c - further connections of a section, to watch further folders from: who gets
 * one, and who gives it up. See schedule-private.h. */
#include "fetch-agent/schedule-private.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"

#include "common/banned.h"

static void branch_new(struct slot *section, const char *folder)
{
	struct slot *branch = slot_new(section->schedule, section->source);

	branch->section = section;
	branch->folder = xstrdup(folder);
	TAILQ_INSERT_TAIL(&section->branches, branch, link);
	slot_queue(branch);
}

struct slot *branch_find(const struct slot *section, const char *folder)
{
	struct slot *branch;

	TAILQ_FOREACH(branch, &section->branches, link)
	{
		if (strcmp(branch->folder, folder) == 0)
			return branch;
	}
	return NULL;
}

/* From then on the section's own connection sees to its folder. */
static void branch_end(struct slot *branch)
{
	branch->removed = true;
	if (branch->run != NULL)
		source_run_stop(branch->run, false); /* on_over() goes on */
	else
		slot_free(branch);
}

void branches_end(struct slot *section)
{
	struct slot *branch, *next;

	for (branch = TAILQ_FIRST(&section->branches); branch != NULL; branch = next) {
		next = TAILQ_NEXT(branch, link);
		branch_end(branch);
	}
}

/* Whether the section's own connection watches it, or it is there no more. */
static bool is_needless(const struct slot *branch, const struct run_result *result)
{
	const struct source_run *run = branch->section->run;
	const char *name;

	for (size_t i = result->covers; (name = source_run_folder(run, i)) != NULL; i++) {
		if (strcmp(name, branch->folder) == 0)
			return false;
	}
	return true;
}

static void tell_of_few(struct slot *section, size_t polled)
{
	if (polled == 0 || section->poll_told)
		return;
	section->poll_told = true;
	log_info("fetch=%s account=%s %zu folders are not watched, but fetched every %" PRId64
		 " s: `connections` allows no more",
		 section->source->name, section->source->account, polled,
		 section->source->interval_s);
}

void branches_arrange(struct slot *section, const struct run_result *result)
{
	struct slot *branch, *next;
	const char *name;
	size_t polled = 0;

	for (branch = TAILQ_FIRST(&section->branches); branch != NULL; branch = next) {
		next = TAILQ_NEXT(branch, link);
		if (is_needless(branch, result))
			branch_end(branch);
	}
	for (size_t i = result->covers; (name = source_run_folder(section->run, i)) != NULL; i++) {
		if (branch_find(section, name) != NULL)
			continue;
		if (turns_spare(section->schedule->turns, &section->turn) > 0)
			branch_new(section, name);
		else
			polled++;
	}
	tell_of_few(section, polled);
}

void branches_yield(struct slot *section)
{
	size_t excess = turns_excess(section->schedule->turns, &section->turn);
	struct slot *branch, *next;

	for (branch = TAILQ_FIRST(&section->branches); branch != NULL && excess > 0;
	     branch = next) {
		next = TAILQ_NEXT(branch, link);
		excess--;
		branch_end(branch);
	}
}
