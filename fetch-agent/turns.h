/* SPDX-License-Identifier: MIT */
/*
 * turns.h - who may connect next. Pure: no clock, no event loop.
 *
 * Places are limited for each account at a host, and for all together. Accounts take turns: whoever
 * has many sections, or a server that hangs, waits behind its own. A connection that is only
 * watched keeps its place, so that not all places of an account may be watched while others of it
 * wait.
 */
#ifndef FETCH_AGENT_TURNS_H
#define FETCH_AGENT_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct turns;
struct turns_account;

enum turn_state {
	TURN_OUT,     /* wants nothing */
	TURN_WAITING, /* for a place */
	TURN_BUSY,
	TURN_RESTING, /* connected, and watches */
};

/* One in a section; its fields are turns.c's. */
struct turn {
	TAILQ_ENTRY(turn) queue;
	TAILQ_ENTRY(turn) member;
	struct turns_account *account;
	size_t limit;
	enum turn_state state;
};

/* busy_max: that log in or fetch at the same time; open_max: those that rest counted too. */
struct turns *turns_new(size_t busy_max, size_t open_max);
void turns_free(struct turns *turns); /* all have left; NULL is nothing */

/* limit: of connections of account at host; the lowest that is named counts. Names are copied. */
void turns_join(struct turns *turns, struct turn *turn, const char *account, const char *host,
		size_t limit);
void turns_leave(struct turns *turns, struct turn *turn);

void turns_want(struct turns *turns, struct turn *turn); /* once is as good as twice */
/* The next that may connect: it is busy now. NULL: nobody may. */
struct turn *turns_next(struct turns *turns);
/* May this busy one keep its place, only to watch? */
bool turns_may_rest(const struct turns *turns, const struct turn *turn);
/* How many members more the account could have, each with a place of its own to watch from. */
size_t turns_spare(const struct turns *turns, const struct turn *turn);
/* How many members the account has for which it has no place. */
size_t turns_excess(const struct turns *turns, const struct turn *turn);
void turns_rest(struct turns *turns, struct turn *turn);
void turns_wake(struct turns *turns, struct turn *turn); /* it has its place already */
void turns_give_back(struct turns *turns, struct turn *turn);

#endif
