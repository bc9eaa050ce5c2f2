/* SPDX-License-Identifier: MIT */
/*
 * spawner.h - the process that runs MDAs, and its end in the main one.
 *
 * It is forked before a byte of the network is read, and alone may keep root: the main process can
 * ask for nothing but the programs of the configuration, as the users of the configuration, with
 * other values of the placeholders. Being small it forks fast.
 *
 * A program never reads the end of a message that is not whole: the spawner holds its stdin open
 * until it is told so, and kills it when the main process dies before.
 */
#ifndef FETCH_AGENT_DELIVERY_SPAWNER_H
#define FETCH_AGENT_DELIVERY_SPAWNER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "fetch-agent/delivery/delivery.h"

struct spawner;

/*
 * Forks. configs have text, path, args and mda_user. OUTCOME_CONFIG: a user that does not exist, or
 * that we may not become.
 */
enum outcome spawner_start(const struct delivery_config *const *configs, size_t count,
			   struct spawner **out, struct err *err);
/* lost: it died, after those who wait have been told; it cannot be had again without root. Not
 * called by spawner_stop(). */
typedef void spawner_lost_fn(void *ctx);
void spawner_attach(struct spawner *spawner, struct event_base *base, spawner_lost_fn *lost,
		    void *ctx);
/* Programs whose message is not whole are killed. NULL is nothing. */
void spawner_stop(struct spawner *spawner);

/* It was started with a config like this; what is new since then it cannot run. NULL knows none. */
bool spawner_knows(const struct spawner *spawner, const struct delivery_config *config);

/* What the placeholders of a program's arguments are. */
struct spawn_values {
	const char *sender, *recipient, *folder, *account;
};

enum spawn_end {
	SPAWN_EXITED,	   /* status is waitpid(2)'s */
	SPAWN_NOT_STARTED, /* status is errno: of execve(2); EINVAL: an argument would be an option
			    */
	SPAWN_LOST,	   /* the spawner died */
};

typedef void spawn_done_fn(void *ctx, enum spawn_end how, int status);

/*
 * Runs config's program with input[0] as stdin and output as stdout and stderr. input[1] is
 * duplicated: see above. All stay the caller's. done is called once, from the event loop, unless
 * forgotten. 0: errno is EPIPE when the spawner is gone, else it has too much to do; else the run's
 * number.
 */
uint32_t spawner_run(struct spawner *spawner, const struct delivery_config *config,
		     const struct spawn_values *values, const int input[2], int output,
		     spawn_done_fn *done, void *ctx);
/* All of the message is in the pipe: its end may be seen once the caller closes input[1]. */
void spawner_whole(struct spawner *spawner, uint32_t run);
/* Signals the program's process group: SIGTERM or SIGKILL. */
void spawner_kill(struct spawner *spawner, uint32_t run, int signum);
void spawner_forget(struct spawner *spawner, uint32_t run);

#endif
