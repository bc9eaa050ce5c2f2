/* SPDX-License-Identifier: MIT */
/*
 * simulate.c - a million accounts over a week, by the daemon's own scheduling (refresh-policy.c,
 * outage-policy.c) and a clock of seconds: what one machine cannot show for real.
 *
 * Half of the accounts are in use: each is asked for its token every ten minutes, at a time of its
 * own. At the start every token has expired, as after a night in which the machine was off. On the
 * third day the token endpoint is out for an hour. What is counted are requests to the endpoint by
 * the second, and for how long somebody who asked went without a token.
 *
 *   simulate [-j FILE] [ACCOUNTS [DAYS]]     exit status 1: a goal is missed
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "token-helper/accounts/outage-policy.h"
#include "token-helper/accounts/refresh-policy.h"

#include "common/banned.h"

#define DAY_S		INT64_C(86400)
#define START_S		INT64_C(1795000000)
#define LIFE_S		3600
#define MIN_VALID_S	300
#define ASK_EVERY_S	600
#define OUTAGE_FROM_S	(START_S + 3 * DAY_S)
#define OUTAGE_S	3600
#define RING_S		(4 * DAY_S) /* no plan reaches further ahead */
#define HERD_GOAL	3.0	    /* fullest second, to the mean */
#define IDEAL_GOAL	1.1	    /* requests outside of the outage, to those needed */
#define RECOVERY_GOAL_S 900	    /* until the last one who asks has a token again */
#define OUTAGE_GOAL	2.0	    /* requests a minute while it lasts, of all accounts */

struct sim_account {
	int64_t obtained_s, expires_s, next_s, not_before_s;
	uint32_t follows; /* in the list of its second, or the queue, from 1; 0: the last */
	uint32_t random;
	uint16_t failures;
	bool used;
	bool waited; /* for the end of the outage */
};

/* Those that wait for it, the next to probe first. */
struct queue {
	uint32_t first, last; /* from 1; 0: none */
	size_t count;
};

/* What happened in a stretch of time. */
struct stretch {
	const char *name;
	int64_t from_s, to_s;
	uint64_t requests;
	uint32_t fullest;
};

enum { STARTING, SETTLED_BEFORE, OUTAGE, RECOVERING, SETTLED_AFTER, STRETCHES };

struct simulation {
	struct refresh_plan plan;
	struct outage outage;
	struct queue queue;
	struct sim_account *accounts;
	size_t count;
	uint32_t *ring; /* RING_S lists of accounts by the second at which they are due */
	struct stretch stretches[STRETCHES];
	int64_t end_s, last_recovered_s;
	uint64_t refreshes; /* that worked */
	uint64_t late_s; /* account-seconds in which somebody asked in vain, outside of the outage
			    and the recovery */
};

static void *allocate(size_t count, size_t size)
{
	void *all = calloc(count, size);

	if (all == NULL) {
		perror("simulate");
		exit(71);
	}
	return all;
}

static uint32_t draw(struct sim_account *account)
{
	account->random ^= account->random << 13;
	account->random ^= account->random >> 17;
	account->random ^= account->random << 5;
	return account->random;
}

static bool is_out(int64_t at_s)
{
	return at_s >= OUTAGE_FROM_S && at_s < OUTAGE_FROM_S + OUTAGE_S;
}

/* The first moment from at_s on at which somebody asks for the account's token. */
static int64_t next_ask_s(const struct simulation *sim, const struct sim_account *account,
			  int64_t at_s)
{
	int64_t phase_s = (account - sim->accounts) / 2 % ASK_EVERY_S;

	return at_s + (ASK_EVERY_S + phase_s - at_s % ASK_EVERY_S) % ASK_EVERY_S;
}

static struct refresh_times times_of(const struct sim_account *account, int64_t now_s)
{
	return (struct refresh_times){account->obtained_s, account->expires_s,
				      account->used ? now_s : 0};
}

/* When a request is made: as planned, or when somebody finds the token too old before, as
 * account_get_token() does. */
static int64_t acts_s(const struct simulation *sim, const struct sim_account *account,
		      int64_t now_s)
{
	struct refresh_times times = times_of(account, now_s);
	int64_t stale_s = account->expires_s - refresh_needed_s(&times, MIN_VALID_S);
	int64_t ask_s;

	if (!account->used)
		return account->next_s;
	if (stale_s <= now_s)
		stale_s = now_s + 1;
	if (stale_s < account->not_before_s)
		stale_s = account->not_before_s;
	if (account->waited) /* its turn has come, and who asks does not wait for it */
		stale_s = now_s + 1;
	ask_s = next_ask_s(sim, account, stale_s);
	return ask_s < account->next_s ? ask_s : account->next_s;
}

static void enqueue(struct simulation *sim, struct sim_account *account, int64_t now_s)
{
	uint32_t *head = &sim->ring[acts_s(sim, account, now_s) % RING_S];

	account->follows = *head;
	*head = (uint32_t)(account - sim->accounts) + 1;
}

static void join_queue(struct simulation *sim, struct sim_account *account)
{
	uint32_t number = (uint32_t)(account - sim->accounts) + 1;

	account->waited = true;
	account->follows = 0;
	if (sim->queue.last != 0)
		sim->accounts[sim->queue.last - 1].follows = number;
	else
		sim->queue.first = number;
	sim->queue.last = number;
	sim->queue.count++;
}

/* The first whose own back-off is over; NULL: none. */
static struct sim_account *leave_queue(struct simulation *sim, int64_t now_s)
{
	struct sim_account *before = NULL;

	for (uint32_t at = sim->queue.first; at != 0; at = sim->accounts[at - 1].follows) {
		struct sim_account *account = &sim->accounts[at - 1];

		if (account->not_before_s > now_s) {
			before = account;
			continue;
		}
		if (before != NULL)
			before->follows = account->follows;
		else
			sim->queue.first = account->follows;
		if (sim->queue.last == at)
			sim->queue.last =
				before != NULL ? (uint32_t)(before - sim->accounts) + 1 : 0;
		sim->queue.count--;
		return account;
	}
	return NULL;
}

struct turn {
	int64_t urgency;
	uint32_t account; /* from 1 */
};

static int compare_turns(const void *a, const void *b)
{
	const struct turn *left = a;
	const struct turn *right = b;

	return (left->urgency > right->urgency) - (left->urgency < right->urgency);
}

/* As account-endpoint.c does it. */
static void empty_queue(struct simulation *sim, int64_t now_s)
{
	size_t count = sim->queue.count;
	struct turn *turns = allocate(count + 1, sizeof(*turns));
	size_t i = 0;

	for (uint32_t at = sim->queue.first; at != 0; at = sim->accounts[at - 1].follows) {
		struct refresh_times times = times_of(&sim->accounts[at - 1], now_s);

		turns[i++] = (struct turn){outage_urgency(&times, now_s), at};
	}
	qsort(turns, count, sizeof(turns[0]), compare_turns);
	sim->queue = (struct queue){.first = 0};
	outage_over(&sim->outage, count, now_s);
	for (i = 0; i < count; i++) {
		struct sim_account *account = &sim->accounts[turns[i].account - 1];

		account->not_before_s = 0;
		account->next_s = outage_turn_s(i, count, now_s, draw(account));
		refresh_plan_add(&sim->plan, account->next_s);
		enqueue(sim, account, now_s);
	}
	free(turns);
}

static void fail(struct simulation *sim, struct sim_account *account, int64_t now_s)
{
	int64_t lives_s = account->expires_s - now_s;

	account->failures++;
	account->not_before_s =
		now_s +
		refresh_backoff_s(account->failures, lives_s > 0 ? lives_s : 0, -1, draw(account));
	if (sim->outage.is_down) {
		join_queue(sim, account);
		return;
	}
	account->next_s = account->not_before_s;
	refresh_plan_add(&sim->plan, account->next_s);
	enqueue(sim, account, now_s);
}

static void succeed(struct simulation *sim, struct sim_account *account, int64_t now_s)
{
	struct refresh_times times;

	if ((account->failures > 0 || account->waited) && account->used &&
	    now_s > sim->last_recovered_s)
		sim->last_recovered_s = now_s;
	if (account->used && account->failures == 0 && !account->waited &&
	    account->obtained_s != 0 && now_s > account->expires_s)
		sim->late_s += (uint64_t)(now_s - account->expires_s);
	account->obtained_s = now_s;
	account->expires_s = now_s + LIFE_S;
	account->failures = 0;
	account->not_before_s = 0;
	account->waited = false;
	times = times_of(account, now_s);
	account->next_s = refresh_plan_s(&sim->plan, &times, now_s, draw(account));
	enqueue(sim, account, now_s);
	sim->refreshes++;
}

static void request(struct simulation *sim, struct sim_account *account, int64_t now_s)
{
	struct outage_news news = {.sign = is_out(now_s) ? OUTAGE_FAILS : OUTAGE_WORKS,
				   .retry_after_s = -1};
	enum outage_change change;

	outage_asks(&sim->outage, account, now_s);
	change = outage_heard(&sim->outage, account, &news, now_s, draw(account));
	outage_left(&sim->outage, account);
	if (news.sign == OUTAGE_FAILS)
		fail(sim, account, now_s);
	else
		succeed(sim, account, now_s);
	if (change == OUTAGE_ENDED)
		empty_queue(sim, now_s);
}

static uint32_t run_second(struct simulation *sim, int64_t now_s)
{
	uint32_t *head = &sim->ring[now_s % RING_S];
	uint32_t requests = 0;

	while (*head != 0) {
		struct sim_account *account = &sim->accounts[*head - 1];

		*head = account->follows;
		refresh_plan_remove(&sim->plan, account->next_s);
		if (outage_forbids(&sim->outage, now_s) &&
		    !outage_doubts(&sim->outage, account, now_s)) {
			join_queue(sim, account);
			continue;
		}
		requests++;
		request(sim, account, now_s);
	}
	if (sim->outage.is_down && !outage_forbids(&sim->outage, now_s)) {
		struct sim_account *probe = leave_queue(sim, now_s);

		if (probe != NULL) {
			requests++;
			request(sim, probe, now_s);
		}
	}
	return requests;
}

static void run(struct simulation *sim)
{
	struct stretch *stretch = sim->stretches;

	for (int64_t now_s = START_S; now_s < sim->end_s; now_s++) {
		uint32_t requests = run_second(sim, now_s);

		while (now_s >= stretch->to_s)
			stretch++;
		stretch->requests += requests;
		if (requests > stretch->fullest)
			stretch->fullest = requests;
	}
}

/* As accounts_load() leaves them: all are overdue. */
static void begin(struct simulation *sim)
{
	sim->accounts = allocate(sim->count, sizeof(*sim->accounts));
	sim->ring = allocate(RING_S, sizeof(*sim->ring));
	sim->plan.accounts = sim->count;
	for (size_t i = 0; i < sim->count; i++) {
		struct sim_account *account = &sim->accounts[i];
		struct refresh_times times = {0};

		account->used = i % 2 == 0;
		account->random = (uint32_t)i * 2654435761U + 1;
		account->next_s = refresh_plan_s(&sim->plan, &times, START_S - 1, draw(account));
		enqueue(sim, account, START_S - 1);
	}
}

/* The first day is the start's: what is overdue is spread over its accounts / 20 seconds. */
static void divide(struct simulation *sim)
{
	int64_t outage_end_s = OUTAGE_FROM_S + OUTAGE_S;
	const struct stretch stretches[STRETCHES] = {
		{.name = "the start, all overdue", .to_s = START_S + DAY_S},
		{.name = "settled", .to_s = OUTAGE_FROM_S},
		{.name = "the outage", .to_s = outage_end_s},
		{.name = "15 minutes from its end", .to_s = outage_end_s + RECOVERY_GOAL_S},
		{.name = "settled again", .to_s = sim->end_s},
	};

	memcpy(sim->stretches, stretches, sizeof(stretches));
	sim->stretches[0].from_s = START_S;
	for (int i = 1; i < STRETCHES; i++)
		sim->stretches[i].from_s = sim->stretches[i - 1].to_s;
}

static double mean_of(const struct stretch *stretch)
{
	return (double)stretch->requests / (double)(stretch->to_s - stretch->from_s);
}

/* What a week needs when nothing fails: a request at 77.5 % of each life, or every 3 days less 5 %.
 */
static double needed(const struct simulation *sim, int64_t span_s)
{
	double used = (double)((sim->count + 1) / 2);
	double idle = (double)(sim->count / 2);

	return (double)span_s *
	       (used / (LIFE_S * 0.775) + idle / ((double)REFRESH_IDLE_EVERY_S * 0.95));
}

enum { VERDICTS = 5 };

struct verdict {
	const char *goal;
	double limit, figure;
};

static void judge(const struct simulation *sim, struct verdict verdicts[VERDICTS])
{
	const struct stretch *settled = &sim->stretches[SETTLED_AFTER];
	const struct stretch *recovery = &sim->stretches[RECOVERING];

	verdicts[0] = (struct verdict){"settled: fullest second, to the mean", HERD_GOAL,
				       settled->fullest / mean_of(settled)};
	verdicts[1] =
		(struct verdict){"after the outage: fullest second, to the mean of 15 minutes",
				 HERD_GOAL, recovery->fullest / mean_of(recovery)};
	verdicts[2] = (struct verdict){"settled: requests, to those needed", IDEAL_GOAL,
				       (double)settled->requests /
					       needed(sim, settled->to_s - settled->from_s)};
	verdicts[3] = (struct verdict){"after the outage: seconds until the last asker has a token",
				       RECOVERY_GOAL_S,
				       (double)(sim->last_recovered_s - OUTAGE_FROM_S - OUTAGE_S)};
	verdicts[4] = (struct verdict){"the outage: requests a minute, of all accounts",
				       OUTAGE_GOAL, mean_of(&sim->stretches[OUTAGE]) * 60};
}

static bool report(const struct simulation *sim, double cpu_s)
{
	struct verdict verdicts[VERDICTS];
	bool met = true;

	judge(sim, verdicts);
	(void)printf("%zu accounts, half of them in use, %" PRId64 " days\n\n"
		     "%-28s%14s%12s%12s\n",
		     sim->count, (sim->end_s - START_S) / DAY_S, "requests", "all", "mean a s",
		     "fullest s");
	for (int i = 0; i < STRETCHES; i++)
		(void)printf("%-28s%14" PRIu64 "%12.1f%12" PRIu32 "\n", sim->stretches[i].name,
			     sim->stretches[i].requests, mean_of(&sim->stretches[i]),
			     sim->stretches[i].fullest);
	(void)printf("\n");
	for (int i = 0; i < VERDICTS; i++) {
		bool good = verdicts[i].figure <= verdicts[i].limit;

		(void)printf("%-62s%8.2f   goal: %g, %s\n", verdicts[i].goal, verdicts[i].figure,
			     verdicts[i].limit, good ? "met" : "MISSED");
		met = met && good;
	}
	(void)printf("store writes a day: %.1f million; asked in vain while the endpoint was up: "
		     "%" PRIu64 " account-seconds\nprocessor time: %.1f s, %.0f ns a request\n",
		     (double)sim->refreshes / (double)((sim->end_s - START_S) / DAY_S) / 1e6,
		     sim->late_s, cpu_s, cpu_s * 1e9 / (double)sim->refreshes);
	return met;
}

static void write_json(const struct simulation *sim, const char *path)
{
	struct verdict verdicts[VERDICTS];
	FILE *out = fopen(path, "w");

	if (out == NULL) {
		perror(path);
		exit(73);
	}
	judge(sim, verdicts);
	(void)fprintf(out, "{\"accounts\":%zu,\"late_account_seconds\":%" PRIu64 ",\"stretches\":[",
		      sim->count, sim->late_s);
	for (int i = 0; i < STRETCHES; i++)
		(void)fprintf(out,
			      "%s{\"name\":\"%s\",\"requests\":%" PRIu64
			      ",\"mean\":%.2f,\"fullest\":%" PRIu32 "}",
			      i > 0 ? "," : "", sim->stretches[i].name, sim->stretches[i].requests,
			      mean_of(&sim->stretches[i]), sim->stretches[i].fullest);
	(void)fprintf(out, "],\"goals\":[");
	for (int i = 0; i < VERDICTS; i++)
		(void)fprintf(out, "%s{\"name\":\"%s\",\"goal\":%g,\"figure\":%.3f}",
			      i > 0 ? "," : "", verdicts[i].goal, verdicts[i].limit,
			      verdicts[i].figure);
	(void)fprintf(out, "]}\n");
	if (fclose(out) != 0) {
		perror(path);
		exit(73);
	}
}

static long number(const char *text, long least, long most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < least || value > most) {
		(void)fprintf(stderr, "simulate: %s is not from %ld to %ld\n", text, least, most);
		exit(64);
	}
	return value;
}

int main(int argc, char **argv)
{
	struct simulation sim = {.count = 1000000};
	const char *json = NULL;
	long days = 7;
	bool met;
	int letter;

	while ((letter = getopt(argc, argv, "j:")) != -1) {
		if (letter != 'j') {
			(void)fputs("usage: simulate [-j FILE] [ACCOUNTS [DAYS]]\n", stderr);
			return 64;
		}
		json = optarg;
	}
	if (optind < argc)
		sim.count = (size_t)number(argv[optind++], 10, 10000000);
	if (optind < argc)
		days = number(argv[optind], 5, 100);
	sim.end_s = START_S + days * DAY_S;
	begin(&sim);
	divide(&sim);
	run(&sim);
	met = report(&sim, (double)clock() / CLOCKS_PER_SEC);
	if (json != NULL)
		write_json(&sim, json);
	free(sim.accounts);
	free(sim.ring);
	return met ? 0 : 1;
}
