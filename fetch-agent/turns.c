/* SPDX-License-Identifier: MIT */
/* turns.c - see turns.h. */
#include "fetch-agent/turns.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "common/banned.h"

TAILQ_HEAD(turn_list, turn);

struct turns_account {
	TAILQ_ENTRY(turns_account) link;
	char *account, *host;
	struct turn_list waiting, members;
	size_t member_count, open, resting, limit;
};

struct turns {
	TAILQ_HEAD(, turns_account) accounts; /* whose turn it is stands first */
	size_t busy_max, open_max, busy, open, members;
};

struct turns *turns_new(size_t busy_max, size_t open_max)
{
	struct turns *turns = xcalloc(1, sizeof(*turns));

	TAILQ_INIT(&turns->accounts);
	turns->busy_max = busy_max;
	turns->open_max = open_max;
	return turns;
}

void turns_free(struct turns *turns)
{
	free(turns);
}

/* Accounts ---------------------------------------------------------------------------------------
 */

static struct turns_account *account_get(struct turns *turns, const char *name, const char *host)
{
	struct turns_account *account;

	TAILQ_FOREACH(account, &turns->accounts, link)
	{
		if (strcmp(account->account, name) == 0 && strcmp(account->host, host) == 0)
			return account;
	}
	account = xcalloc(1, sizeof(*account));
	account->account = xstrdup(name);
	account->host = xstrdup(host);
	TAILQ_INIT(&account->waiting);
	TAILQ_INIT(&account->members);
	TAILQ_INSERT_TAIL(&turns->accounts, account, link);
	return account;
}

static void limit_find(struct turns_account *account)
{
	const struct turn *turn;

	account->limit = SIZE_MAX;
	TAILQ_FOREACH(turn, &account->members, member)
	{
		if (turn->limit < account->limit)
			account->limit = turn->limit;
	}
}

void turns_join(struct turns *turns, struct turn *turn, const char *account, const char *host,
		size_t limit)
{
	turn->account = account_get(turns, account, host);
	turn->limit = limit;
	turn->state = TURN_OUT;
	TAILQ_INSERT_TAIL(&turn->account->members, turn, member);
	turn->account->member_count++;
	turns->members++;
	limit_find(turn->account);
}

void turns_leave(struct turns *turns, struct turn *turn)
{
	struct turns_account *account = turn->account;

	turns_give_back(turns, turn);
	TAILQ_REMOVE(&account->members, turn, member);
	account->member_count--;
	turns->members--;
	turn->account = NULL;
	limit_find(account);
	if (account->member_count > 0)
		return;
	TAILQ_REMOVE(&turns->accounts, account, link);
	free(account->account);
	free(account->host);
	free(account);
}

/* Turns ------------------------------------------------------------------------------------------
 */

void turns_want(struct turns *turns, struct turn *turn)
{
	(void)turns;
	if (turn->state != TURN_OUT)
		return;
	turn->state = TURN_WAITING;
	TAILQ_INSERT_TAIL(&turn->account->waiting, turn, queue);
}

struct turn *turns_next(struct turns *turns)
{
	struct turns_account *account;
	struct turn *turn;

	if (turns->busy >= turns->busy_max || turns->open >= turns->open_max)
		return NULL;
	TAILQ_FOREACH(account, &turns->accounts, link)
	{
		if (!TAILQ_EMPTY(&account->waiting) && account->open < account->limit)
			break;
	}
	if (account == NULL)
		return NULL;
	turn = TAILQ_FIRST(&account->waiting);
	TAILQ_REMOVE(&account->waiting, turn, queue);
	turn->state = TURN_BUSY;
	account->open++;
	turns->open++;
	turns->busy++;
	TAILQ_REMOVE(&turns->accounts, account, link);
	TAILQ_INSERT_TAIL(&turns->accounts, account, link);
	return turn;
}

static size_t less(size_t most, size_t count)
{
	return most > count ? most - count : 0;
}

size_t turns_excess(const struct turns *turns, const struct turn *turn)
{
	size_t own = less(turn->account->member_count, turn->account->limit);
	size_t all = less(turns->members, turns->open_max);

	return own > all ? own : all;
}

size_t turns_spare(const struct turns *turns, const struct turn *turn)
{
	size_t own = less(turn->account->limit, turn->account->member_count);
	size_t all = less(turns->open_max, turns->members);

	return own < all ? own : all;
}

bool turns_may_rest(const struct turns *turns, const struct turn *turn)
{
	const struct turns_account *account = turn->account;
	/* One place is left for those who cannot all have one. */
	size_t most = account->member_count > account->limit ? account->limit - 1 : account->limit;

	return account->resting < most &&
	       (turns->members <= turns->open_max || turns->open < turns->open_max);
}

void turns_rest(struct turns *turns, struct turn *turn)
{
	turn->state = TURN_RESTING;
	turn->account->resting++;
	turns->busy--;
}

void turns_wake(struct turns *turns, struct turn *turn)
{
	turn->state = TURN_BUSY;
	turn->account->resting--;
	turns->busy++;
}

void turns_give_back(struct turns *turns, struct turn *turn)
{
	struct turns_account *account = turn->account;

	if (turn->state == TURN_OUT)
		return;
	if (turn->state == TURN_RESTING)
		turns_wake(turns, turn);
	if (turn->state == TURN_WAITING) {
		TAILQ_REMOVE(&account->waiting, turn, queue);
	} else {
		turns->busy--;
		turns->open--;
		account->open--;
	}
	turn->state = TURN_OUT;
}
