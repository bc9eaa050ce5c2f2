/* SPDX-License-Identifier: MIT */
/* schedule-private.h - a schedule from within: for schedule.c, schedule-judge.c, -branches.c and
 * -orders.c, which change it, and schedule-describe.c, which tells of it. */
#ifndef FETCH_AGENT_SCHEDULE_PRIVATE_H
#define FETCH_AGENT_SCHEDULE_PRIVATE_H

#include <sys/queue.h>

#include "fetch-agent/schedule.h"
#include "fetch-agent/turns.h"

enum slot_state {
	SLOT_WAITING, /* for its time, or for nothing */
	SLOT_QUEUED,
	SLOT_WORKING,
	SLOT_WATCHING,
};

TAILQ_HEAD(slot_list, slot);

/*
 * A section, or a further connection of one, which watches one of its folders: a branch. The
 * section's own connection fetches every folder that no branch sees to.
 */
struct slot {
	TAILQ_ENTRY(slot) link;
	struct turn turn;
	struct schedule *schedule;
	struct slot *section;	      /* whose branch it is; NULL: it is one */
	char *folder;		      /* a branch's */
	struct slot_list branches;    /* a section's */
	struct fetch_source *source;  /* a branch's is its section's */
	struct fetch_source *changed; /* takes the place of source when all runs are over */
	bool removed;
	enum slot_state state;
	int64_t since_s;
	int64_t next_s; /* SLOT_WAITING: when; 0: never by itself */
	struct event *timer;
	struct source_run *run;
	bool has_run;
	bool poll_told;	 /* that it, or some of its folders, cannot be watched */
	bool asked;	 /* for another pass, while one is under way */
	unsigned tries;	 /* failures in a row */
	unsigned breaks; /* in a row, of connections that did not live long */
	int64_t failing_since_s;
	int64_t began_ms;	  /* the connection */
	struct run_result result; /* the last */
};

struct schedule {
	struct run_world world;
	struct slot_list sections;
	size_t count, running; /* sections; runs, those of branches too */
	struct turns *turns;
	struct event *start;
	bool to_settle;	    /* a section has come to an end, or its last branch has */
	struct event *stop; /* NULL: it goes on */
	int64_t stop_began_ms;
};

#define SCHEDULE_SOON_MS 1000
#define SCHEDULE_NEVER	 (-1)

/* schedule.c */
struct slot *slot_new(struct schedule *schedule, struct fetch_source *source);
void slot_free(struct slot *slot); /* its run is over, its branches are gone */
void slot_queue(struct slot *slot);
struct slot *section_add(struct schedule *schedule, struct fetch_source *source);

/* Sections that are to be another, or none, are seen to: from the event loop, where nobody holds
 * any of them. */
void schedule_settle_soon(struct schedule *schedule);
void schedule_end_if_done(struct schedule *schedule);

/* schedule-judge.c */
uint32_t schedule_chance(void);
bool slot_is_asked_to_end(const struct slot *slot);

/* Takes what a run came to, and reports it. In how many ms its slot is to be run again. */
int64_t slot_take_result(struct slot *slot, const struct run_result *result);

/* It was asked for a place to watch from: may it keep the one it has? */
bool slot_may_watch(struct slot *slot, const struct run_result *result);

/* schedule-branches.c */
struct slot *branch_find(const struct slot *section, const char *folder);

/* Each folder that the section's own connection does not watch gets one, while there are places. */
void branches_arrange(struct slot *section, const struct run_result *result);

/* Other sections come first: when they need the places, those of branches are given up. */
void branches_yield(struct slot *section);

void branches_end(struct slot *section);

#endif
