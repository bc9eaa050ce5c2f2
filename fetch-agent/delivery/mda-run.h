/* SPDX-License-Identifier: MIT */
/*
 * mda-run.h - one program with a message on its standard input: the pipes, its time, its last
 * words.
 *
 * The spawner (spawner.h) runs it. A program never reads the end of a message before mda_run_end();
 * one that stops reading is no failure: its status counts.
 */
#ifndef FETCH_AGENT_DELIVERY_MDA_RUN_H
#define FETCH_AGENT_DELIVERY_MDA_RUN_H

#include "fetch-agent/delivery/spawner.h"

struct mda_run_handler {
	/* The pipe has taken something, perhaps all. */
	void (*written)(void *ctx);
	/* The program has ended, or was ended. Called once. */
	void (*over)(void *ctx, const struct delivery_verdict *verdict);
};

struct mda_run {
	const struct delivery *delivery; /* borrowed, like the next two */
	const struct mda_run_handler *handler;
	void *ctx;
	uint32_t number;   /* the spawner's; 0: not started, or over */
	int input, output; /* -1: closed */
	struct event *writable, *readable, *deadline;
	struct buffer pending; /* not written yet: the caller appends */
	struct buffer words;   /* the end of its stderr */
	bool whole;	       /* nothing more will be pending */
	bool over, terminated;
};

void mda_run_init(struct mda_run *run, const struct delivery *delivery,
		  const struct mda_run_handler *handler, void *ctx);
void mda_run_release(struct mda_run *run);

/* Pipes to a program, the program, and what the pipe takes of pending. False: it could not be
 * started, is over, and verdict says what that means; the handler is not told. */
bool mda_run_start(struct mda_run *run, const struct spawn_values *values,
		   struct delivery_verdict *verdict);

/* It may take bytes: it reads, or has not been started yet. */
bool mda_run_takes(const struct mda_run *run);

/* What the pipe takes now of pending. Nothing where it is not running. */
void mda_run_write(struct mda_run *run);

/* Once pending is written, the program sees the end. */
void mda_run_end(struct mda_run *run);

/* What was pending is not, and the program ends without having seen an end, as if it had failed. */
void mda_run_kill(struct mda_run *run);

/* The handler hears nothing more; a program that has not got all of it is killed. */
void mda_run_abandon(struct mda_run *run);

#endif
