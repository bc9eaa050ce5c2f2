/* SPDX-License-Identifier: MIT */
/* beginnings.c - see beginnings.h, and account-private.h for what accounts call. */
#include "token-helper/accounts/beginnings.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-private.h"

#include "common/banned.h"

struct beginnings {
	struct event *turn;		/* the next one */
	unsigned begun;			/* in this one */
	struct account_beginners asked; /* somebody waits for them */
	struct account_beginners due;
};

static void turn_soon(struct beginnings *beginnings)
{
	static const struct timeval now = {0};

	/* Adding it anew would put it off (http-client.c). */
	if (!evtimer_pending(beginnings->turn, NULL))
		(void)event_add(beginnings->turn, &now);
}

static void join(struct account *account, struct account_beginners *list)
{
	account_leave_beginnings(account);
	account->beginners = list;
	TAILQ_INSERT_TAIL(list, account, beginner);
}

void account_leave_beginnings(struct account *account)
{
	if (account->beginners == NULL)
		return;
	TAILQ_REMOVE(account->beginners, account, beginner);
	account->beginners = NULL;
}

bool account_waits_to_begin(const struct account *account)
{
	return account->beginners != NULL;
}

void account_begin(struct account *account)
{
	struct beginnings *beginnings = account->world.beginnings;

	turn_soon(beginnings);
	if (beginnings->begun < BEGINNINGS_A_TURN) {
		beginnings->begun++;
		account_start_refresh(account);
	} else if (TAILQ_EMPTY(&account->waiters)) {
		join(account, &beginnings->due);
	} else {
		account_begin_sooner(account);
	}
}

void account_begin_sooner(struct account *account)
{
	struct beginnings *beginnings = account->world.beginnings;

	if (account->beginners != &beginnings->asked)
		join(account, &beginnings->asked);
}

static struct account *first(const struct beginnings *beginnings)
{
	struct account *account = TAILQ_FIRST(&beginnings->asked);

	return account != NULL ? account : TAILQ_FIRST(&beginnings->due);
}

/* Who finds that he may not begin after all costs little, and is not counted. */
static void on_turn(evutil_socket_t fd, short what, void *context)
{
	struct beginnings *beginnings = context;
	struct account *account;

	(void)fd;
	(void)what;
	beginnings->begun = 0;
	while (beginnings->begun < BEGINNINGS_A_TURN && (account = first(beginnings)) != NULL) {
		account_leave_beginnings(account);
		account_has_turn(account);
	}
}

struct beginnings *beginnings_new(struct event_base *base)
{
	struct beginnings *beginnings = xcalloc(1, sizeof(*beginnings));

	TAILQ_INIT(&beginnings->asked);
	TAILQ_INIT(&beginnings->due);
	beginnings->turn = evtimer_new(base, on_turn, beginnings);
	if (beginnings->turn == NULL)
		fatal("out of memory");
	return beginnings;
}

void beginnings_free(struct beginnings *beginnings)
{
	if (beginnings == NULL)
		return;
	event_free(beginnings->turn);
	free(beginnings);
}
