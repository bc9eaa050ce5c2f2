/* SPDX-License-Identifier: MIT */
/*
 * test-soak.c - thirty days of two hundred accounts in a fake world: rotating refresh tokens, an
 * outage a day, restarts, and kill -9 while a request is in flight.
 *
 * Each life of the daemon is a process of its own, so that being killed is being killed; the server
 * lives in memory that all of them share, the store on disk. At the end no account may need a
 * person, and the server must have had about as many requests as tokens were needed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/common/scratch.h"
#include "tests/token-helper/fake-world.h"
#include "token-helper/accounts/accounts.h"

#include "common/banned.h"

#define ACCOUNTS     200
#define IDLE	     40 /* of them: nobody asks for their tokens */
#define DAYS_DEFAULT 30 /* SOAK_DAYS in the environment: another number */
#define DAY_S	     86400
#define START_S	     INT64_C(1795000000)
#define LIFE_S	     3600
#define OUTAGE_S     1200
#define ASK_EVERY_S  300
#define DOWN_S	     10 /* from one life of the daemon to the next */
#define IDLE_EVERY_S (3 * DAY_S * 95 / 100)

/* One account at a server that rotates: the last token that was used, and the one that was given
 * for it. Whoever sends an older one is taken for a thief. */
struct server_grant {
	int used, given;
	bool revoked;
};

static int days = DAYS_DEFAULT;

struct server {
	struct server_grant grant[ACCOUNTS];
	int64_t requests;  /* that were processed or refused */
	int64_t tokens;	   /* given */
	int64_t kill_at;   /* the process dies when so many have been given; 0: it does not */
	int64_t died_s;	   /* when it did */
	int64_t answered;  /* askers with a token */
	int64_t sent_away; /* and without, while the server was there */
	int64_t kills;
	int64_t refused; /* and with a word that wants a person */
};

static struct server *server;
static char dir[64];
static char conf[96];

/* The server ---------------------------------------------------------------------------------- */

/* Twenty minutes a day, each day at another hour. */
static bool is_out(int64_t at_s)
{
	int64_t day = (at_s - START_S) / DAY_S;
	int64_t from_s = START_S + day * DAY_S + 7200 + day * 7 % 20 * 3600;

	return at_s >= from_s && at_s < from_s + OUTAGE_S;
}

static int number_after(struct span form, const char *mark)
{
	const char *at = memmem(form.ptr, form.len, mark, strlen(mark));

	return at != NULL ? (int)strtol(at + strlen(mark), NULL, 10) : -1;
}

static bool take(struct server_grant *grant, int token)
{
	if (grant->revoked || (token != grant->given && token != grant->used)) {
		grant->revoked = true;
		return false;
	}
	grant->used = token;
	grant->given++;
	return true;
}

static void answer(struct fake_exchange *exchange, int status, const char *body)
{
	exchange->response.outcome = OUTCOME_OK;
	exchange->response.status = status;
	(void)snprintf(exchange->body, sizeof(exchange->body), "%s", body);
}

/* On every third day an outage resets connections when their requests have been processed: the
 * worst that can happen to a one-time token. */
static void serve(void *context, struct fake_exchange *exchange)
{
	int account = number_after(exchange->form, "refresh_token=a");
	int token = number_after(exchange->form, "rt");
	bool out = is_out(clock_now_s());
	bool resets = out && (clock_now_s() - START_S) / DAY_S % 3 == 0;
	char body[256];

	(void)context;
	server->requests++;
	if (out && !resets) {
		answer(exchange, 503, "<html>down</html>");
		return;
	}
	if (account < 0 || account >= ACCOUNTS || !take(&server->grant[account], token)) {
		answer(exchange, 400, "{\"error\":\"invalid_grant\"}");
		return;
	}
	if (++server->tokens == server->kill_at) {
		server->died_s = clock_now_s();
		(void)raise(SIGKILL);
	}
	if (resets)
		return;
	(void)snprintf(body, sizeof(body),
		       "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":%d,"
		       "\"refresh_token\":\"a%drt%d\"}",
		       LIFE_S, account, server->grant[account].given);
	answer(exchange, 200, body);
}

/* A life of the daemon ------------------------------------------------------------------------ */

struct life {
	struct accounts *accounts;
	struct store *store;
	struct http_client *http;
	struct event *asker;
	size_t next; /* account to ask for */
};

static void on_token(void *context, enum outcome outcome, const struct account_token *token,
		     const struct err *err)
{
	(void)context;
	(void)token;
	(void)err;
	if (outcome == OUTCOME_OK)
		server->answered++;
	else if (outcome != OUTCOME_RETRY)
		server->refused++;
	else if (!is_out(clock_now_s()) && !is_out(clock_now_s() - 900))
		server->sent_away++;
}

/* One account after another, so that each is asked for every five minutes. */
static void on_ask(evutil_socket_t fd, short what, void *context)
{
	struct life *life = context;

	(void)fd;
	(void)what;
	(void)account_get_token(accounts_at(life->accounts, IDLE + life->next), 0, on_token, NULL);
	life->next = (life->next + 1) % (ACCOUNTS - IDLE);
}

static void begin_life(struct life *life, int64_t at_s, uint32_t seed)
{
	static const struct timeval pace = {.tv_sec = ASK_EVERY_S / (ACCOUNTS - IDLE),
					    .tv_usec = ASK_EVERY_S % (ACCOUNTS - IDLE) * 1000000LL /
						       (ACCOUNTS - IDLE)};
	static const char *const presets[] = {TEST_PROVIDERS, NULL};
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct account_world all = {0};
	struct helper_config *config;
	struct err err;

	fake_world_begin(at_s, seed, serve, NULL);
	log_init("soak", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	if (store_open(dir, NULL, &life->store, &err) != OUTCOME_OK)
		fail_msg("%s", err.text);
	config = helper_config_load(conf, presets, &problems);
	if (config == NULL)
		fail_msg("%s", buffer_cstr(&problems.text));
	config_problems_release(&problems);
	life->http = http_client_new(NULL, "soak");
	all.http = life->http;
	all.store = life->store;
	life->accounts = accounts_new(&all);
	accounts_apply(life->accounts, config);
	helper_config_free(config);
	life->asker = event_new(NULL, -1, EV_PERSIST, on_ask, life);
	assert_int_equal(event_add(life->asker, &pace), 0);
}

/* As the daemon: no more clients, and the refreshes in flight are waited for. */
static void end_life(struct life *life)
{
	event_free(life->asker);
	for (int s = 0; s < 60 && accounts_busy(life->accounts); s++)
		fake_world_run(clock_now_s() + 1);
	accounts_free(life->accounts);
	store_close(life->store);
	http_client_free(life->http);
}

static bool live_once(int64_t from_s, int64_t to_s, uint32_t seed)
{
	struct life life = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		begin_life(&life, from_s, seed);
		fake_world_run(to_s);
		end_life(&life);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0 && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))
		fail_msg("a life of the daemon ended with status %d", status);
	return status == 0;
}

/* From one moment to another, in a process of its own. When it is killed on the way another one
 * lives the rest of its time. */
static void live(int64_t from_s, int64_t to_s, uint32_t seed)
{
	if (live_once(from_s, to_s, seed))
		return;
	server->kill_at = 0;
	server->kills++;
	assert_true(live_once(server->died_s + DOWN_S, to_s, seed + 1000));
}

/* The stage ----------------------------------------------------------------------------------- */

static void write_conf(void)
{
	FILE *file = fopen(conf, "we");

	assert_non_null(file);
	for (int i = 0; i < ACCOUNTS; i++)
		(void)fprintf(
			file,
			"[account a%03d]\nprovider = custom\nissuer = https://as.example\n"
			"authorize_url = https://as.example/a\ntoken_url = https://as.example/t\n"
			"client_id = c\nscope = mail\nverify_identity = no\n"
			"user = u%d@example.test\nuse = smtp\nsmtp_host = mx.example.test\n"
			"allow = root\n",
			i, i);
	assert_int_equal(fclose(file), 0);
}

/* Authorized one after another in the hour before the start. */
static void write_grants(void)
{
	struct store *store;

	assert_int_equal(store_open(dir, NULL, &store, NULL), OUTCOME_OK);
	for (int i = 0; i < ACCOUNTS; i++) {
		struct store_slot *slot;
		struct grant grant;
		char name[16];

		grant_init(&grant);
		(void)buffer_printf(&grant.refresh_token, "a%drt0", i);
		(void)buffer_append_str(&grant.access_token, "at");
		grant.access_obtained_s = START_S - LIFE_S + i * LIFE_S / ACCOUNTS;
		grant.access_expires_s = grant.access_obtained_s + LIFE_S;
		grant.authorized_s = grant.refresh_obtained_s = grant.access_obtained_s;
		grant.client_id = xstrdup("c");
		grant.token_url = xstrdup("https://as.example/t");
		(void)snprintf(name, sizeof(name), "a%03d", i);
		assert_int_equal(store_reserve(store, name, &slot, NULL), OUTCOME_OK);
		assert_int_equal(store_commit(slot, &grant, NULL), OUTCOME_OK);
		grant_release(&grant);
	}
	store_close(store);
}

/* In memory where that can be: hundreds of thousands of commits wait for a disk. */
static int make_stage(void **state)
{
	(void)state;
	if (!scratch_make_in_memory(dir, sizeof(dir), "soak"))
		return -1;
	(void)snprintf(conf, sizeof(conf), "%s/mailoauth.conf", dir);
	server = mmap(NULL, sizeof(*server), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (server == MAP_FAILED)
		return -1;
	write_conf();
	write_grants();
	return 0;
}

static int remove_stage(void **state)
{
	(void)state;
	(void)munmap(server, sizeof(*server));
	return scratch_remove(dir) ? 0 : -1;
}

/* Needed, had there been no outage, no restart and no jitter: one for each three quarters and a bit
 * of a life that is used, and one in about three days for the others. */
static int64_t ideal_requests(void)
{
	return (ACCOUNTS - IDLE) * (int64_t)days * DAY_S / (LIFE_S * 775 / 1000) +
	       IDLE * (int64_t)days * DAY_S / IDLE_EVERY_S;
}

static void unattended_for_days(void **state)
{
	int64_t ideal = ideal_requests();
	uint32_t seed = 1;

	(void)state;
	for (int day = 0; day < days; day++) {
		int64_t at_s = START_S + day * (int64_t)DAY_S;
		int64_t noon_s = at_s + DAY_S / 2;

		/* Killed in the morning, with a request in flight whose answer nobody hears. */
		server->kill_at = server->tokens + 600;
		live(at_s, noon_s, seed++);
		live(noon_s + DOWN_S, at_s + DAY_S - DOWN_S, seed++);
	}
	for (int i = 0; i < ACCOUNTS; i++) {
		if (server->grant[i].revoked)
			fail_msg("account %d needs a person", i);
	}
	print_message("# %lld requests, ideal %lld; %lld askers served, %lld sent away\n",
		      (long long)server->requests, (long long)ideal, (long long)server->answered,
		      (long long)server->sent_away);
	assert_int_equal(server->refused, 0);
	assert_int_equal(server->kills, days);
	assert_in_range(server->requests, ideal * 90 / 100, ideal * 110 / 100);
	assert_in_range(server->sent_away, 0, server->answered / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unattended_for_days, make_stage, remove_stage),
	};
	const char *wanted = getenv("SOAK_DAYS");

	if (wanted != NULL)
		days = (int)strtol(wanted, NULL, 10);
	return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
