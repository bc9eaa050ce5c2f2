/* SPDX-License-Identifier: MIT */
/*
 * test-engine.c - accounts in a fake world: every answer that a token endpoint can give, clocks
 * that jump, machines that sleep, restarts in any state, and ten thousand accounts at once.
 *
 * What each form of an answer on the wire becomes is test-http's; here it is what becomes of that:
 * what is stored, what is served, what is said, and when the server is asked next.
 */
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "tests/common/scratch.h"
#include "tests/token-helper/fake-world.h"
#include "token-helper/accounts/account-private.h"
#include "token-helper/accounts/accounts.h"
#include "token-helper/accounts/beginnings.h"
#include "token-helper/accounts/calendar.h"
#include "token-helper/accounts/commit-queue.h"
#include "token-helper/accounts/metrics.h"
#include "token-helper/accounts/outage-policy.h"
#include "token-helper/accounts/refresh-policy.h"
#include "token-helper/accounts/status.h"

#include "common/banned.h"

#define START_S	     INT64_C(1795000000)
#define DAY_S	     86400
#define MANY_DEFAULT 10000 /* ENGINE_ACCOUNTS in the environment: another number */
#define TOKEN_BYTES  1500  /* of one of Microsoft's access tokens, roughly */
#define GOOD                                                                                       \
	"{\"access_token\":\"at-%d\",\"token_type\":\"Bearer\",\"expires_in\":3600,"               \
	"\"refresh_token\":\"rt-%d\"}"

/* The server says this to everything; "%d" in it is the request's number. */
static struct {
	enum outcome outcome;
	int status;
	const char *body, *text;
	int64_t retry_after_s;
	bool is_dated;
	int64_t clock_ahead_s;
	int requests;
	char last_form[512];
	unsigned *per_second; /* requests, from START_S on; NULL: not counted */
	int64_t seconds;
	const char *broken; /* whose form has this in it fails all the same; NULL: nobody */
	const char *broken_too;
	int64_t broken_for_ms; /* and has to wait for it */
	int broken_requests;
	int64_t latency_ms; /* of all others; 0: a little */
	bool has_no_url;    /* said to nobody where it is: grants are written without */
	bool has_metadata;  /* else what it says to everything is said there too */
	int metadata_requests;
	void (*meanwhile)(void); /* happens while it is asked */
} server;

static int directory_syncs;

/* Instead of libc's, for the store too: what is counted is how often a commit was made durable. */
int fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		directory_syncs++;
	return 0;
}

static size_t many = MANY_DEFAULT;
static char dir[64];
static struct accounts *accounts;
static struct store *store;
static struct http_client *http;

static bool is_broken(const char *part)
{
	return part != NULL && strstr(server.last_form, part) != NULL;
}

static bool serves_metadata(struct fake_exchange *exchange)
{
	if (strstr(exchange->url, "/.well-known/") == NULL)
		return false;
	server.metadata_requests++;
	if (!server.has_metadata)
		return false;
	exchange->response.outcome = OUTCOME_OK;
	exchange->response.status = 200;
	(void)snprintf(exchange->body, sizeof(exchange->body),
		       "{\"issuer\":\"https://as.example\","
		       "\"authorization_endpoint\":\"https://as.example/a\","
		       "\"token_endpoint\":\"https://as.example/t\"}");
	return true;
}

static void serve(void *context, struct fake_exchange *exchange)
{
	(void)context;
	if (serves_metadata(exchange))
		return;
	server.requests++;
	(void)snprintf(server.last_form, sizeof(server.last_form), "%.*s",
		       (int)(exchange->form.len < 511 ? exchange->form.len : 511),
		       exchange->form.ptr);
	if (server.meanwhile != NULL)
		server.meanwhile();
	if (server.per_second != NULL && clock_now_s() - START_S < server.seconds)
		server.per_second[clock_now_s() - START_S]++;
	if (server.latency_ms != 0)
		exchange->latency_ms = server.latency_ms;
	if (is_broken(server.broken) || is_broken(server.broken_too)) {
		server.broken_requests++;
		exchange->response.outcome = OUTCOME_OK;
		exchange->response.status = 500;
		exchange->latency_ms = server.broken_for_ms;
		return;
	}
	exchange->response.outcome = server.outcome;
	exchange->response.status = server.status;
	exchange->response.retry_after_s = server.retry_after_s;
	exchange->response.is_dated = server.is_dated;
	exchange->response.clock_ahead_s = server.clock_ahead_s;
	(void)err_set(&exchange->response.err, server.outcome, "as.example: %s",
		      server.text != NULL ? server.text : "");
	if (server.body == NULL)
		return;
	/* At most two numbers, both the request's. */
	{
		struct buffer body = BUFFER_INIT(FAKE_BODY_MAX - 1);
		const char *from = server.body;
		const char *mark;

		while ((mark = strstr(from, "%d")) != NULL) {
			(void)buffer_append(&body, from, (size_t)(mark - from));
			(void)buffer_printf(&body, "%d", server.requests);
			from = mark + 2;
		}
		(void)buffer_append_str(&body, from);
		(void)snprintf(exchange->body, sizeof(exchange->body), "%s", buffer_cstr(&body));
		buffer_release(&body);
	}
}

static void server_says(enum outcome outcome, int status, const char *body)
{
	server.outcome = outcome;
	server.status = status;
	server.body = body;
	server.text = NULL;
	server.retry_after_s = -1;
}

/* The stage ----------------------------------------------------------------------------------- */

static int make_stage(void **state)
{
	(void)state;
	memset(&server, 0, sizeof(server));
	server_says(OUTCOME_OK, 200, GOOD);
	if (!scratch_make_in_memory(dir, sizeof(dir), "engine"))
		return -1;
	log_init("engine", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	fake_world_begin(START_S, 1, serve, NULL);
	return 0;
}

static void stop(void)
{
	accounts_free(accounts);
	store_close(store);
	http_client_free(http);
	accounts = NULL;
	store = NULL;
	http = NULL;
}

static int remove_stage(void **state)
{
	(void)state;
	stop();
	return scratch_remove(dir) ? 0 : -1;
}

static void write_conf(int count, const char *more)
{
	char *path = xasprintf("%s/mailoauth.conf", dir);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (int i = 0; i < count; i++)
		(void)fprintf(
			file,
			"[account a%05d]\nprovider = custom\nissuer = https://as.example\n"
			"authorize_url = https://as.example/a\ntoken_url = https://as.example/t\n"
			"client_id = c\nscope = mail\nverify_identity = no\n"
			"user = u%d@example.test\nuse = smtp\nsmtp_host = mx.example.test\n"
			"allow = root\n%s",
			i, i, more);
	assert_int_equal(fclose(file), 0);
	free(path);
}

/* Instead of write_conf(): one account whose keys are all in text. */
static void write_account(const char *text)
{
	char *path = xasprintf("%s/mailoauth.conf", dir);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	(void)fprintf(file,
		      "[account a00000]\nprovider = custom\nclient_id = c\nscope = mail\n"
		      "user = u@example.test\nuse = smtp\nsmtp_host = mx.example.test\n"
		      "allow = root\n%s",
		      text);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static struct helper_config *read_conf(void)
{
	static const char *const presets[] = {TEST_PROVIDERS, NULL};
	char *path = xasprintf("%s/mailoauth.conf", dir);
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config = helper_config_load(path, presets, &problems);

	if (config == NULL)
		fail_msg("%s", buffer_cstr(&problems.text));
	config_problems_release(&problems);
	free(path);
	return config;
}

static void reload(void)
{
	struct helper_config *config = read_conf();

	accounts_apply(accounts, config);
	helper_config_free(config);
}

static void start(void)
{
	struct account_world world = {0};
	struct helper_config *config = read_conf();
	struct err err;

	if (store_open(dir, NULL, &store, &err) != OUTCOME_OK)
		fail_msg("%s", err.text);
	http = http_client_new(NULL, "engine");
	world.http = http;
	world.store = store;
	accounts = accounts_new(&world);
	accounts_apply(accounts, config);
	helper_config_free(config);
}

/* Tokens of an hour, with the refresh token rt-0, or rt-0-2 of account 2, obtained at obtained_s,
 * for accounts from .. to-1. Not while the store is open. */
static void write_grants(int from, int to, int64_t obtained_s, size_t token_bytes)
{
	struct store *own;

	assert_int_equal(store_open(dir, NULL, &own, NULL), OUTCOME_OK);
	for (int i = from; i < to; i++) {
		struct store_slot *slot;
		struct grant grant;
		char name[16];

		grant_init(&grant);
		(void)buffer_append_str(&grant.refresh_token, "rt-0");
		if (i > 0)
			(void)buffer_printf(&grant.refresh_token, "-%d", i);
		(void)buffer_append_str(&grant.previous_refresh_token, "rt-before");
		(void)buffer_append_str(&grant.access_token, "at-0");
		while (grant.access_token.len < token_bytes)
			(void)buffer_append_byte(&grant.access_token, 'x');
		grant.access_obtained_s = obtained_s;
		grant.access_expires_s = obtained_s + 3600;
		grant.authorized_s = grant.refresh_obtained_s = obtained_s;
		grant.client_id = xstrdup("c");
		grant.token_url = xstrdup(server.has_no_url ? NULL : "https://as.example/t");
		(void)snprintf(name, sizeof(name), "a%05d", i);
		assert_int_equal(store_reserve(own, name, &slot, NULL), OUTCOME_OK);
		assert_int_equal(store_commit(slot, &grant, NULL), OUTCOME_OK);
		grant_release(&grant);
	}
	store_close(own);
}

/* Accounts of an issuer, or of one each, of whom nothing else is known. */
static void write_learners(int count, bool of_one)
{
	char *path = xasprintf("%s/mailoauth.conf", dir);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (int i = 0; i < count; i++)
		(void)fprintf(file,
			      "[account a%05d]\nprovider = custom\n"
			      "issuer = https://as%.0d.example\n"
			      "client_id = c\nscope = mail\nverify_identity = no\n"
			      "user = u%d@example.test\nuse = smtp\nsmtp_host = mx.example.test\n"
			      "allow = root\n",
			      i, of_one ? 0 : i, i);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static void start_one(int64_t obtained_s, const char *more)
{
	write_conf(1, more);
	write_grants(0, 1, obtained_s, 0);
	start();
}

/* Asking -------------------------------------------------------------------------------------- */

struct answer {
	bool came;
	enum outcome outcome;
	char token[64];
	struct err err;
};

static void on_token(void *context, enum outcome outcome, const struct account_token *token,
		     const struct err *err)
{
	struct answer *answer = context;

	answer->came = true;
	answer->outcome = outcome;
	if (token != NULL)
		(void)snprintf(answer->token, sizeof(answer->token), "%.*s",
			       (int)(token->token.len < 63 ? token->token.len : 63),
			       token->token.ptr);
	if (err != NULL)
		answer->err = *err;
}

/* Asks, and waits for what comes of it: ten seconds are enough for the fake server. */
static struct answer ask_of(size_t account, int64_t min_valid_s)
{
	struct answer answer = {.outcome = OUTCOME_OK};

	(void)account_get_token(accounts_at(accounts, account), min_valid_s, on_token, &answer);
	if (!answer.came)
		fake_world_run(clock_now_s() + 10);
	assert_true(answer.came);
	return answer;
}

static struct answer ask(int64_t min_valid_s)
{
	return ask_of(0, min_valid_s);
}

static struct answer refresh_of(size_t account)
{
	struct answer answer = {.outcome = OUTCOME_OK};

	(void)account_refresh(accounts_at(accounts, account), on_token, &answer);
	if (!answer.came)
		fake_world_run(clock_now_s() + 10);
	assert_true(answer.came);
	return answer;
}

static struct answer refresh(void)
{
	return refresh_of(0);
}

static void check_stored(const char *refresh_token)
{
	struct grant grant;

	grant_init(&grant);
	assert_int_equal(store_load(store, "a00000", &grant, NULL), OUTCOME_OK);
	assert_string_equal(buffer_cstr(&grant.refresh_token), refresh_token);
	grant_release(&grant);
}

static const char *state_now(void)
{
	return account_state_name(accounts_at(accounts, 0), clock_now_s());
}

/* Seconds until the server is asked again by itself; -1: not within two days. */
static int64_t next_request_in(void)
{
	int before = server.requests;
	int64_t from_s = clock_now_s();

	while (server.requests == before && clock_now_s() < from_s + 2 * DAY_S)
		fake_world_run(clock_now_s() + 1);
	return server.requests > before ? clock_now_s() - from_s : -1;
}

/* Every answer -------------------------------------------------------------------------------- */

/* What the server gives to a refresh, what of it is stored, what an asker gets while the old token
 * lives and when it does not, what is said, the state, and when the server is asked next. */
static const struct row {
	const char *name;
	enum outcome response; /* what http-client makes of the wire */
	int status;
	int64_t retry_after_s;
	const char *body; /* or the reason why there is none */
	const char *stored;
	enum outcome outcome; /* of the refresh */
	const char *says;
	const char *state; /* when no token lives */
	int64_t next_min_s, next_max_s;
} rows[] = {
	{"good", OUTCOME_OK, 200, -1, GOOD, "rt-1", OUTCOME_OK, "", "valid", 2600, 2900},
	{"no refresh token", OUTCOME_OK, 200, -1,
	 "{\"access_token\":\"at-1\",\"token_type\":\"bearer\",\"expires_in\":3600}", "rt-0",
	 OUTCOME_OK, "", "valid", 2600, 2900},
	{"the same refresh token", OUTCOME_OK, 200, -1,
	 "{\"access_token\":\"at-1\",\"token_type\":\"Bearer\",\"expires_in\":3600,"
	 "\"refresh_token\":\"rt-0\"}",
	 "rt-0", OUTCOME_OK, "", "valid", 2600, 2900},
	{"string expires_in", OUTCOME_OK, 200, -1,
	 "{\"access_token\":\"at-1\",\"token_type\":\"Bearer\",\"expires_in\":\"3600\"}", "rt-0",
	 OUTCOME_OK, "", "valid", 2600, 2900},
	{"no expires_in", OUTCOME_OK, 200, -1,
	 "{\"access_token\":\"at-1\",\"token_type\":\"Bearer\"}", "rt-0", OUTCOME_OK, "", "valid",
	 430, 490},
	{"garbage", OUTCOME_OK, 200, -1, "\x01\x02", "rt-0", OUTCOME_RETRY, "proxy's page", "error",
	 1, 5},
	{"HTML", OUTCOME_OK, 200, -1, "<html>sign in to the wifi</html>", "rt-0", OUTCOME_RETRY,
	 "proxy's page", "error", 1, 5},
	{"an empty object", OUTCOME_OK, 200, -1, "{}", "rt-0", OUTCOME_RETRY, "no access_token",
	 "error", 1, 5},
	{"only a refresh token", OUTCOME_OK, 200, -1, "{\"refresh_token\":\"rt-%d\"}", "rt-1",
	 OUTCOME_RETRY, "no access_token", "error", 1, 5},
	{"wrong token_type", OUTCOME_OK, 200, -1,
	 "{\"access_token\":\"at-1\",\"token_type\":\"mac\",\"expires_in\":3600,\"refresh_token\":"
	 "\"rt-%d\"}",
	 "rt-1", OUTCOME_CONFIG, "token_type", "blocked", 3500, 4300},
	{"64 MiB", OUTCOME_PROTOCOL, 0, -1, "the answer is longer than 262144 bytes", "rt-0",
	 OUTCOME_RETRY, "longer than", "error", 1, 5},
	{"a trickle", OUTCOME_RETRY, 0, -1, "no answer in time", "rt-0", OUTCOME_RETRY,
	 "no answer in time", "error", 1, 5},
	{"a truncated body", OUTCOME_RETRY, 0, -1, "transfer closed with bytes remaining", "rt-0",
	 OUTCOME_RETRY, "transfer closed", "error", 1, 5},
	{"half a JSON", OUTCOME_OK, 200, -1, "{\"access_token\":\"at-1\",\"tok", "rt-0",
	 OUTCOME_RETRY, "ends too early", "error", 1, 5},
	{"307 to http", OUTCOME_OK, 307, -1, "", "rt-0", OUTCOME_RETRY, "HTTP 307", "error", 1, 5},
	{"400 invalid_grant", OUTCOME_OK, 400, -1,
	 "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS70008: expired\"}", "rt-0",
	 OUTCOME_CONSENT,
	 "AADSTS70008: expired: the refresh token was not used for 90 days, or was withdrawn; run: "
	 "mailoauth authorize",
	 "reauth-required", 3200, 3700},
	{"400 interaction_required", OUTCOME_OK, 400, -1, "{\"error\":\"interaction_required\"}",
	 "rt-0", OUTCOME_CONSENT, "mailoauth authorize", "reauth-required", 3200, 3700},
	{"401 invalid_client", OUTCOME_OK, 401, -1,
	 "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired secret\"}",
	 "rt-0", OUTCOME_CONFIG,
	 "AADSTS7000222: expired secret: the client secret is over: make a new one, or use a "
	 "certificate",
	 "blocked", 3500, 4300},
	{"400 unauthorized_client", OUTCOME_OK, 400, -1, "{\"error\":\"unauthorized_client\"}",
	 "rt-0", OUTCOME_CONFIG, "unauthorized_client", "blocked", 3500, 4300},
	{"400 invalid_scope", OUTCOME_OK, 400, -1, "{\"error\":\"invalid_scope\"}", "rt-0",
	 OUTCOME_CONFIG, "invalid_scope", "blocked", 3500, 4300},
	{"400 unsupported_grant_type", OUTCOME_OK, 400, -1,
	 "{\"error\":\"unsupported_grant_type\"}", "rt-0", OUTCOME_CONFIG, "unsupported", "blocked",
	 3500, 4300},
	{"400 unknown error", OUTCOME_OK, 400, -1, "{\"error\":\"what\"}", "rt-0", OUTCOME_CONFIG,
	 "what", "blocked", 3500, 4300},
	{"400 without error", OUTCOME_OK, 400, -1, "no", "rt-0", OUTCOME_RETRY, "HTTP 400", "error",
	 1, 5},
	{"error with 200", OUTCOME_OK, 200, -1, "{\"error\":\"invalid_grant\"}", "rt-0",
	 OUTCOME_CONSENT, "invalid_grant", "reauth-required", 3200, 3700},
	{"408", OUTCOME_OK, 408, -1, "", "rt-0", OUTCOME_RETRY, "HTTP 408", "error", 1, 5},
	{"429 with Retry-After", OUTCOME_OK, 429, 120, "", "rt-0", OUTCOME_RETRY, "HTTP 429",
	 "error", 119, 122},
	{"429 with invalid_grant", OUTCOME_OK, 429, -1, "{\"error\":\"invalid_grant\"}", "rt-0",
	 OUTCOME_RETRY, "HTTP 429", "error", 1, 5},
	{"503 with Retry-After", OUTCOME_OK, 503, 3600, "<html>", "rt-0", OUTCOME_RETRY, "HTTP 503",
	 "error", 3598, 3602},
	{"500", OUTCOME_OK, 500, -1, "", "rt-0", OUTCOME_RETRY, "HTTP 500", "error", 1, 5},
	{"temporarily_unavailable", OUTCOME_OK, 400, -1, "{\"error\":\"temporarily_unavailable\"}",
	 "rt-0", OUTCOME_RETRY, "temporarily", "error", 1, 5},
	{"connection refused", OUTCOME_RETRY, 0, -1, "Connection refused", "rt-0", OUTCOME_RETRY,
	 "Connection refused", "error", 1, 5},
	{"reset after processing", OUTCOME_RETRY, 0, -1, "Connection reset by peer", "rt-0",
	 OUTCOME_RETRY, "reset", "error", 1, 5},
	{"bad TLS", OUTCOME_RETRY, 0, -1, "wrong version number", "rt-0", OUTCOME_RETRY, "version",
	 "error", 1, 5},
	{"wrong host", OUTCOME_CONFIG, 0, -1, "its certificate is not trusted", "rt-0",
	 OUTCOME_CONFIG, "certificate", "blocked", 3500, 4300},
	{"proxy 407", OUTCOME_RETRY, 0, -1, "the proxy answered HTTP 407: it wants a login", "rt-0",
	 OUTCOME_RETRY, "407", "error", 1, 5},
	{"proxy refuses CONNECT", OUTCOME_RETRY, 0, -1,
	 "the proxy answered HTTP 403 and lets nothing through to there", "rt-0", OUTCOME_RETRY,
	 "lets nothing through", "error", 1, 5},
};

static void server_gives(const struct row *row)
{
	server_says(row->response, row->status, row->response == OUTCOME_OK ? row->body : NULL);
	server.text = row->body;
	server.retry_after_s = row->retry_after_s;
}

#define CHECK(condition, row)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("%s: " #condition, (row)->name);                                  \
	} while (0)

/* With a token that lives: it goes on being served, and there is no hurry. */
static void check_while_it_lives(const struct row *row)
{
	struct answer answer;
	int64_t next_s;

	start_one(START_S, "");
	server_gives(row);
	answer = refresh();
	CHECK(answer.outcome == row->outcome, row);
	CHECK(strstr(answer.err.text, row->says) != NULL, row);
	check_stored(row->stored);
	answer = ask(0);
	CHECK(answer.outcome == OUTCOME_OK, row);
	CHECK(strcmp(answer.token, row->outcome == OUTCOME_OK ? "at-1" : "at-0") == 0, row);
	CHECK(answer.came, row);
	next_s = next_request_in();
	CHECK(next_s >= (row->next_max_s <= 5 ? 20 : row->next_min_s - 10), row);
	CHECK(next_s <= (row->next_max_s <= 5 ? 61 : row->next_max_s), row);
}

/* Without: the asker is told, a second one meanwhile makes no request, and the state says what it
 * is. */
static void check_without_a_token(const struct row *row)
{
	bool previous = strcmp(row->state, "reauth-required") == 0 &&
			strstr(row->body, "\"error\"") != NULL;
	struct answer answer;
	int requests;
	int64_t next_s;

	start_one(START_S - 4000, "");
	server_gives(row);
	(void)account_get_token(accounts_at(accounts, 0), 0, on_token,
				&(struct answer){.outcome = OUTCOME_OK});
	fake_world_run(clock_now_s() + 1);
	requests = server.requests;
	CHECK(requests == (previous ? 2 : 1), row); /* the previous refresh token was tried once */
	answer = ask(0);
	CHECK(answer.outcome == row->outcome, row);
	CHECK(row->outcome == OUTCOME_OK || strstr(answer.err.text, row->says) != NULL, row);
	CHECK(strcmp(state_now(), row->state) == 0, row);
	CHECK(server.requests == requests, row);
	check_stored(row->stored);
	next_s = next_request_in();
	CHECK(next_s >= row->next_min_s - 10 && next_s <= row->next_max_s, row);
}

static void every_answer_has_its_consequences(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(remove_stage(state) + make_stage(state), 0);
		check_while_it_lives(&rows[i]);
		assert_int_equal(remove_stage(state) + make_stage(state), 0);
		check_without_a_token(&rows[i]);
	}
}

/* Nobody can know whether the server has processed what it did not answer. Once an answer came,
 * what was sent is never sent again. */
static void what_may_have_been_taken_is_sent_again(void **state)
{
	static const char *const lost[] = {"Connection reset by peer", "no answer in time",
					   "transfer closed with bytes remaining"};
	static struct answer answer;

	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		assert_int_equal(remove_stage(state) + make_stage(state), 0);
		start_one(START_S - 4000, "");
		server_says(OUTCOME_RETRY, 0, NULL);
		server.text = lost[i];
		(void)account_refresh(accounts_at(accounts, 0), on_token, &answer);
		fake_world_run(clock_now_s() + 1);
		assert_int_equal(answer.outcome, OUTCOME_RETRY);
		assert_int_equal(server.requests, 1);
		assert_non_null(strstr(server.last_form, "refresh_token=rt-0&"));
		server_says(OUTCOME_OK, 200, GOOD);
		(void)next_request_in();
		assert_non_null(strstr(server.last_form, "refresh_token=rt-0&"));
		assert_int_equal(refresh().outcome, OUTCOME_OK);
		assert_int_equal(server.requests, 3);
		assert_non_null(strstr(server.last_form, "refresh_token=rt-2&"));
		assert_null(strstr(server.last_form, "rt-0"));
	}
}

/* Refusals ------------------------------------------------------------------------------------- */

/* The grant was refused; the one before it is not, and takes its place. */
static void the_previous_refresh_token_is_tried_once(void **state)
{
	struct answer answer;

	(void)state;
	start_one(START_S - 4000, "");
	server_says(OUTCOME_OK, 400, "{\"error\":\"invalid_grant\"}");
	answer = ask(0);
	assert_int_equal(answer.outcome, OUTCOME_CONSENT);
	assert_int_equal(server.requests, 2);
	assert_non_null(strstr(server.last_form, "rt-before"));
	check_stored("rt-0");
	/* Later attempts leave it alone. */
	assert_in_range(next_request_in(), 3000, 3800);
	assert_int_equal(server.requests, 3);
	assert_non_null(strstr(server.last_form, "rt-0"));
}

static void attempts_after_a_refusal_become_rare(void **state)
{
	int requests;

	(void)state;
	start_one(START_S - 4000, "");
	server_says(OUTCOME_OK, 400, "{\"error\":\"invalid_grant\"}");
	(void)ask(0);
	fake_world_run(clock_now_s() + 2 * DAY_S);
	requests = server.requests;
	assert_in_range(requests, 6, 9); /* 1, 2, 4, 8, 16 hours, and the previous one */
	for (int day = 0; day < 30; day++) {
		for (int hour = 0; hour < 24; hour++) {
			fake_world_run(clock_now_s() + 3600);
			assert_int_equal(ask(0).outcome, OUTCOME_CONSENT);
		}
	}
	assert_in_range(server.requests - requests, 29, 34); /* once a day, whoever asks */
	server_says(OUTCOME_OK, 200, GOOD);
	fake_world_run(clock_now_s() + DAY_S);
	assert_string_equal(state_now(), "valid");
	assert_int_equal(ask(0).outcome, OUTCOME_OK);
}

/* A daemon that is started again and again does not ask each time. */
static void a_refusal_outlives_restarts(void **state)
{
	int requests;

	(void)state;
	start_one(START_S - 4000, "");
	server_says(OUTCOME_OK, 400,
		    "{\"error\":\"invalid_grant\",\"error_description\":\"gone\"}");
	(void)ask(0);
	requests = server.requests;
	for (int i = 0; i < 20; i++) {
		struct answer answer;

		stop();
		start();
		fake_world_run(clock_now_s() + 60);
		answer = ask(0);
		assert_int_equal(answer.outcome, OUTCOME_CONSENT);
		assert_non_null(strstr(answer.err.text, "gone"));
		assert_string_equal(state_now(), "reauth-required");
	}
	assert_int_equal(server.requests, requests);
	/* But a person who asks gets an attempt, and its success ends it for good. */
	server_says(OUTCOME_OK, 200, GOOD);
	assert_int_equal(refresh().outcome, OUTCOME_OK);
	stop();
	start();
	assert_string_equal(state_now(), "valid");
}

/* Many answers at once --------------------------------------------------------------------------
 */

#define CROWD 200

struct crowd {
	int served, failed, early;
};

static struct crowd crowd;

/* What is handed out must be on disk by now. */
static void on_crowd_token(void *context, enum outcome outcome, const struct account_token *token,
			   const struct err *err)
{
	struct account *account = context;
	struct grant grant;

	(void)err;
	if (outcome != OUTCOME_OK) {
		crowd.failed++;
		return;
	}
	grant_init(&grant);
	assert_int_equal(store_load(store, account_config(account)->name, &grant, NULL),
			 OUTCOME_OK);
	if (grant.access_token.len == token->token.len &&
	    memcmp(grant.access_token.data, token->token.ptr, token->token.len) == 0)
		crowd.served++;
	else
		crowd.early++;
	grant_release(&grant);
}

static void start_crowd(void)
{
	write_conf(CROWD, "");
	write_grants(0, CROWD, START_S - 4000, 0);
	start();
	crowd = (struct crowd){0};
	directory_syncs = 0;
	for (size_t i = 0; i < CROWD; i++)
		(void)account_get_token(accounts_at(accounts, i), 0, on_crowd_token,
					accounts_at(accounts, i));
}

static void answers_at_once_are_made_durable_together(void **state)
{
	(void)state;
	start_crowd();
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(crowd.served, CROWD);
	assert_int_equal(crowd.early, 0);
	assert_int_equal(server.requests, CROWD);
	assert_in_range(directory_syncs, 1, CROWD / COMMIT_GROUP_MAX + 1);
}

/* The others are served; it has its token as soon as its file can be written, without a request. */
static void one_that_cannot_be_saved_keeps_nobody_waiting(void **state)
{
	char *path = xasprintf("%s/a00000.grant", dir);

	(void)state;
	start_crowd();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(crowd.served, CROWD - 1);
	assert_int_equal(crowd.failed, 1);
	assert_int_equal(crowd.early, 0);
	assert_int_equal(ask(0).outcome, OUTCOME_RETRY);
	assert_int_equal(rmdir(path), 0);
	fake_world_run(clock_now_s() + 60);
	assert_string_equal(ask(0).token, "at-1");
	check_stored("rt-1");
	assert_int_equal(server.requests, CROWD);
	free(path);
}

/* Between the answers, which come in 100 ms, and the moment when they are durable. */
static void between(event_callback_fn what)
{
	static const struct timeval answered = {.tv_usec = 100000};
	struct event *event;

	start_crowd();
	fake_world_run(clock_now_s()); /* all have begun */
	event = event_new(NULL, -1, 0, what, NULL);
	assert_int_equal(event_add(event, &answered), 0);
	fake_world_run(clock_now_s() + 1);
	event_free(event);
	assert_int_equal(server.requests, CROWD);
}

static void on_stop(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	assert_int_equal(crowd.served, 0);
	assert_int_equal(directory_syncs, 0);
	assert_true(accounts_busy(accounts));
	stop();
}

static void the_end_saves_what_is_answered(void **state)
{
	(void)state;
	between(on_stop);
	assert_int_equal(crowd.failed, CROWD);
	start();
	check_stored("rt-1");
	for (size_t i = 0; i < CROWD; i++)
		(void)account_get_token(accounts_at(accounts, i), 0, on_crowd_token,
					accounts_at(accounts, i));
	assert_int_equal(crowd.served, CROWD);
	assert_int_equal(server.requests, CROWD);
}

static void on_reload(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	assert_int_equal(crowd.served, 0);
	write_conf(CROWD / 2, "");
	reload();
}

static void a_reload_loses_nothing_of_what_is_answered(void **state)
{
	struct grant grant;

	(void)state;
	between(on_reload);
	assert_int_equal(crowd.served, CROWD / 2);
	assert_int_equal(crowd.failed, CROWD / 2);
	assert_int_equal(crowd.early, 0);
	grant_init(&grant);
	assert_int_equal(store_load(store, "a00199", &grant, NULL), OUTCOME_OK);
	assert_string_equal(buffer_cstr(&grant.refresh_token), "rt-200");
	grant_release(&grant);
}

/* Many that begin at once -----------------------------------------------------------------------
 */

static void refreshes_begin_some_at_a_time(void **state)
{
	(void)state;
	start_crowd();
	assert_int_equal(server.requests, BEGINNINGS_A_TURN);
	assert_true(accounts_busy(accounts));
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(server.requests, CROWD);
	assert_int_equal(crowd.served, CROWD);
	assert_int_equal(fake_world_in_a_turn(), BEGINNINGS_A_TURN);
}

/* With tokens that are over, and nobody who asks; all planned for the same moment. */
static void start_due(void)
{
	write_conf(CROWD, "");
	write_grants(0, CROWD, START_S - 4000, 0);
	start();
	crowd = (struct crowd){0};
	for (size_t i = 0; i < CROWD; i++)
		account_plan_at(accounts_at(accounts, i), clock_now_s() + 5);
}

static void those_that_are_due_begin_some_at_a_time(void **state)
{
	(void)state;
	start_due();
	fake_world_run(clock_now_s() + 5);
	assert_int_equal(server.requests, CROWD);
	assert_int_equal(fake_world_in_a_turn(), BEGINNINGS_A_TURN);
}

static void ask_for_the_last(void)
{
	size_t last = CROWD - 1;

	if (server.requests == BEGINNINGS_A_TURN)
		(void)account_get_token(accounts_at(accounts, last), 0, on_crowd_token,
					accounts_at(accounts, last));
	if (server.requests == BEGINNINGS_A_TURN + 1)
		assert_non_null(strstr(server.last_form, "rt-0-199"));
}

static void who_is_asked_for_begins_before_who_is_due(void **state)
{
	(void)state;
	start_due();
	server.meanwhile = ask_for_the_last;
	fake_world_run(clock_now_s() + 6);
	assert_int_equal(server.requests, CROWD);
	assert_int_equal(crowd.served, 1);
}

/* Those whose turn comes after the endpoint was found to be down do not ask it. */
static void who_waits_to_begin_hears_that_it_is_down(void **state)
{
	(void)state;
	server.broken = "rt-0";
	start_crowd();
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(crowd.failed, CROWD);
	assert_in_range(server.requests, 2, 4 * BEGINNINGS_A_TURN);
	server.broken = NULL;
	fake_world_run(clock_now_s() + 900);
	assert_int_equal(ask_of(CROWD - 1, 0).outcome, OUTCOME_OK);
}

static void who_waits_to_begin_may_be_gone(void **state)
{
	(void)state;
	start_crowd();
	write_conf(CROWD / 2, "");
	reload();
	assert_int_equal(crowd.failed, CROWD / 2);
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(crowd.served, CROWD / 2);
	assert_int_equal(server.requests, CROWD / 2);
}

static void the_end_does_not_wait_for_their_turn(void **state)
{
	(void)state;
	start_crowd();
	stop();
	assert_int_equal(crowd.failed, CROWD);
	assert_int_equal(server.requests, BEGINNINGS_A_TURN);
}

/* Nobody waits any more for one of them, and another is being authorized. */
static void who_waits_to_begin_may_have_no_reason_to(void **state)
{
	struct account_waiter *waiter;
	struct account *held;

	(void)state;
	write_conf(CROWD, "");
	write_grants(0, CROWD, START_S - 4000, 0);
	start();
	crowd = (struct crowd){0};
	held = accounts_at(accounts, CROWD - 1);
	for (size_t i = 0; i < CROWD; i++)
		waiter = account_get_token(accounts_at(accounts, i), 0, on_crowd_token,
					   accounts_at(accounts, i));
	account_hold(held);
	assert_non_null(waiter);
	waiter = account_get_token(accounts_at(accounts, CROWD - 2), 0, on_crowd_token,
				   accounts_at(accounts, CROWD - 2));
	account_cancel(waiter);
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(crowd.served, CROWD - 1);
	assert_int_equal(server.requests, CROWD - 1);
	account_release(held, NULL);
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(crowd.served, CROWD);
	assert_int_equal(server.requests, CROWD);
}

/* Clocks --------------------------------------------------------------------------------------- */

/* A machine that was asleep for two days has a token within a minute or so of waking, and an asker
 * has it at once. */
static void sleep_is_noticed(void **state)
{
	(void)state;
	start_one(START_S, "");
	(void)ask(0);
	fake_world_suspend(2 * DAY_S);
	assert_string_equal(ask(0).token, "at-1");
	(void)ask(0);
	fake_world_suspend(7200);
	fake_world_run(clock_now_s() + 100);
	assert_int_equal(server.requests, 2);
	assert_string_equal(state_now(), "valid");
}

/* The clock stood in 2038 when the token came, and is right again: the token's end is not believed.
 */
static void a_clock_that_was_ahead_does_no_harm(void **state)
{
	(void)state;
	start_one(START_S, "");
	(void)ask(0);
	fake_world_set_clock(INT64_C(2200000000) - START_S);
	assert_string_equal(ask(0).token, "at-1");
	fake_world_run(clock_now_s() + 100);
	fake_world_set_clock(START_S - INT64_C(2200000000));
	fake_world_run(clock_now_s() + 120);
	assert_int_equal(server.requests, 2);
	assert_string_equal(ask(0).token, "at-2");
	assert_string_equal(state_now(), "valid");
	/* From then on it goes its usual way. */
	assert_in_range(next_request_in(), 2500, 2900);
	/* A jump there and back between two looks at the clock is noticed within the hour. */
	fake_world_set_clock(DAY_S * 1000);
	assert_string_equal(ask(0).token, "at-4");
	fake_world_set_clock(-DAY_S * 1000);
	fake_world_run(clock_now_s() + 3700);
	assert_string_equal(ask(0).token, "at-5");
}

/* A failure of the future does not keep us waiting for years. */
static void a_wait_from_before_the_clock_was_set_back_ends(void **state)
{
	int before;

	(void)state;
	start_one(START_S, "");
	(void)ask(0);
	server_says(OUTCOME_OK, 400, "{\"error\":\"invalid_grant\"}");
	fake_world_set_clock(12 * 365 * (int64_t)DAY_S);
	(void)refresh();
	fake_world_run(clock_now_s() + 100);
	server_says(OUTCOME_OK, 200, GOOD);
	fake_world_set_clock(-12 * 365 * (int64_t)DAY_S);
	before = server.requests;
	assert_int_equal(ask(3000).outcome, OUTCOME_OK);
	fake_world_run(clock_now_s() + 180);
	assert_string_equal(state_now(), "valid");
	assert_int_equal(server.requests - before, 1);
	/* The same across a restart, when the refusal of the future is on disk. */
	server_says(OUTCOME_OK, 400, "{\"error\":\"invalid_grant\"}");
	fake_world_set_clock(12 * 365 * (int64_t)DAY_S);
	(void)refresh();
	stop();
	fake_world_set_clock(-12 * 365 * (int64_t)DAY_S);
	server_says(OUTCOME_OK, 200, GOOD);
	start();
	before = server.requests;
	fake_world_run(clock_now_s() + 180);
	assert_int_equal(ask(0).outcome, OUTCOME_OK);
	assert_int_equal(server.requests - before, 1);
}

static void tokens_live_past_2038(void **state)
{
	(void)state;
	fake_world_set_clock(INT64_C(2147483600) - START_S);
	write_conf(1, "");
	write_grants(0, 1, INT64_C(2147483600), 0);
	start();
	(void)ask(0);
	fake_world_run(INT64_C(2147483600) + 20 * 3600);
	assert_string_equal(state_now(), "valid");
	assert_in_range(server.requests, 24, 28);
	stop();
	start();
	assert_int_equal(ask(0).outcome, OUTCOME_OK);
}

/* An account that nobody asks for is refreshed at least weekly, for ever. */
static void an_idle_account_stays_alive(void **state)
{
	(void)state;
	start_one(START_S, "");
	for (int week = 1; week <= 52; week++) {
		int before = server.requests;

		fake_world_run(START_S + week * 7 * (int64_t)DAY_S);
		assert_in_range(server.requests - before, 2, 3);
	}
	assert_int_equal(ask(0).outcome, OUTCOME_OK);
}

/* While a code is redeemed, say; the fake clock stands still for who asks for no time. */
static void an_account_that_is_held_waits_for_its_release(void **state)
{
	(void)state;
	start_one(START_S, "");
	account_hold(accounts_at(accounts, 0));
	fake_world_run(START_S + 7 * (int64_t)DAY_S);
	assert_int_equal(server.requests, 0);
	account_release(accounts_at(accounts, 0), NULL);
	fake_world_run(clock_now_s() + 5);
	assert_int_equal(server.requests, 1);
}

/* Reloads ------------------------------------------------------------------------------------- */

/* Keys of an account that nobody consents to, with a secret in the stage's directory. */
static char *direct_keys(void)
{
	char *path = xasprintf("%s/secret", dir);
	FILE *file = fopen(path, "we");
	char *keys = xasprintf("grant = client_credentials\ntoken_url = https://as.example/t\n"
			       "client_secret_file = %s\n",
			       path);

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	(void)fputs("secret\n", file);
	assert_int_equal(fclose(file), 0);
	free(path);
	return keys;
}

#define PERSON_KEYS                                                                                \
	"issuer = https://as.example\nauthorize_url = https://as.example/a\n"                      \
	"token_url = https://as.example/t\nverify_identity = no\n"

static void what_was_learned_is_not_looked_for_without_an_issuer(void **state)
{
	char *direct = direct_keys();

	(void)state;
	write_account("issuer = https://as.example\nverify_identity = no\n");
	start();
	write_account(direct);
	reload();
	fake_world_run(clock_now_s() + 60);
	assert_string_equal(ask(0).token, "at-2"); /* the first request was for metadata */
	free(direct);
}

/* The server has retired rt-0 when the reload comes. */
static void a_rotated_token_survives_a_change_of_grant(void **state)
{
	char *direct = direct_keys();
	struct answer answer = {.outcome = OUTCOME_OK};

	(void)state;
	write_account(PERSON_KEYS);
	write_grants(0, 1, START_S, 0);
	start();
	(void)account_refresh(accounts_at(accounts, 0), on_token, &answer);
	write_account(direct);
	reload();
	fake_world_run(clock_now_s() + 1);
	assert_true(answer.came);
	check_stored("rt-1");
	free(direct);
}

/* Nor is a token that nobody consented to ever taken for the person's. */
static void a_direct_token_is_not_the_persons(void **state)
{
	char *direct = direct_keys();
	struct answer answer = {.outcome = OUTCOME_OK};

	(void)state;
	write_account(direct);
	start();
	(void)account_refresh(accounts_at(accounts, 0), on_token, &answer);
	assert_false(answer.came);
	write_account(PERSON_KEYS);
	reload();
	fake_world_run(clock_now_s() + 10);
	assert_true(answer.came);
	assert_int_equal(answer.outcome, OUTCOME_CONSENT);
	assert_string_equal(answer.token, "");
	free(direct);
}

/* min_valid ------------------------------------------------------------------------------------ */

static void enough_life_is_left(void **state)
{
	(void)state;
	start_one(START_S, "min_valid = 600\n");
	assert_string_equal(ask(0).token, "at-0");
	assert_int_equal(server.requests, 0);
	fake_world_run(START_S + 2000);
	assert_string_equal(ask(1700).token, "at-1"); /* 1600 s are left */
	server_says(OUTCOME_OK, 503, "");
	fake_world_run(clock_now_s() + 3100);
	assert_string_equal(ask(0).token, "at-1"); /* less than 600, but none comes */
}

/* The calendar --------------------------------------------------------------------------------- */

static void dates_are_days(void **state)
{
	static const char *const bad[] = {
		"",	      "2027-1-31", "2027-02-30", "2027-13-01",	"2027-00-10",
		"2027-04-31", "27-01-01",  "2027/01/01", "2027-01-01x", "20a7-01-01"};
	int64_t at_s = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(calendar_parse_date(bad[i], &at_s));
	assert_int_equal(at_s, 7);
	assert_true(calendar_parse_date("2026-11-25", &at_s));
	assert_int_equal(at_s, INT64_C(1795651199));
	assert_true(calendar_parse_date("2028-02-29", &at_s));
	assert_true(calendar_parse_date("2099-12-31", &at_s));
}

static void marks_are_passed_one_by_one(void **state)
{
	(void)state;
	assert_int_equal(calendar_mark(0, START_S), -1);
	assert_int_equal(calendar_mark(START_S + 30 * DAY_S + 1, START_S), -1);
	assert_int_equal(calendar_mark(START_S + 30 * DAY_S, START_S), 30);
	assert_int_equal(calendar_mark(START_S + 7 * DAY_S + 1, START_S), 30);
	assert_int_equal(calendar_mark(START_S + 7 * DAY_S, START_S), 7);
	assert_int_equal(calendar_mark(START_S + DAY_S, START_S), 1);
	assert_int_equal(calendar_mark(START_S + 1, START_S), 1);
	assert_int_equal(calendar_mark(START_S, START_S), 0);
}

static void check_status(const char *part)
{
	struct buffer json = BUFFER_INIT(65536);

	assert_true(status_append(accounts, NULL, "", 60000, &json));
	if (strstr(buffer_cstr(&json), part) == NULL)
		fail_msg("no %s in %s", part, buffer_cstr(&json));
	buffer_release(&json);
}

/* The endpoint's clock is told, from a refusal too, and one that says no time unsays nothing. */
static void the_clock_is_compared(void **state)
{
	(void)state;
	start_one(START_S, "");
	check_status("\"clock\":null");
	server_says(OUTCOME_OK, 503, "");
	server.is_dated = true;
	server.clock_ahead_s = -420;
	fake_world_run(START_S + 4 * DAY_S);
	check_status("\"ahead\":-420}");
	server.is_dated = false;
	fake_world_run(START_S + 8 * DAY_S);
	check_status("\"ahead\":-420}");
}

/* START_S is 2026-11-18. */
static void what_ends_is_counted(void **state)
{
	(void)state;
	start_one(START_S, "client_secret_expires = 2026-12-31\nrefresh_idle_limit = 90d\n"
			   "refresh_lifetime = 8d\n");
	check_status("\"what\":\"client-secret\",\"at\":1798761599,\"mark\":null");
	check_status("\"what\":\"refresh-token-idle\",\"at\":1802776000,\"mark\":null");
	check_status("\"what\":\"refresh-token-end\",\"at\":1795691200,\"mark\":30");
	check_status("the refresh token ends on 2026-11-26");
	fake_world_run(START_S + 7 * DAY_S + 1);
	check_status("\"at\":1795691200,\"mark\":1");
	fake_world_run(START_S + 8 * DAY_S + 1);
	check_status("the refresh token ended on 2026-11-26");
	fake_world_run(INT64_C(1798761600) - 2 * DAY_S);
	check_status("\"at\":1798761599,\"mark\":7");
}

/* Ten thousand --------------------------------------------------------------------------------- */

static unsigned busiest(int64_t from, int64_t to)
{
	unsigned most = 0;

	for (int64_t i = from; i < to; i++)
		most = server.per_second[i] > most ? server.per_second[i] : most;
	return most;
}

static int64_t total(int64_t from, int64_t to)
{
	int64_t sum = 0;

	for (int64_t i = from; i < to; i++)
		sum += server.per_second[i];
	return sum;
}

/* Of fewer the busiest second is that of chance. */
static bool is_crowd(void)
{
	return many >= MANY_DEFAULT;
}

/* Each a few times in the hour, so that it counts as used. */
static void on_ask(evutil_socket_t fd, short what, void *context)
{
	static struct answer unused;
	size_t *next = context;

	(void)fd;
	(void)what;
	for (int i = 0; i < 10; i++) {
		(void)account_get_token(accounts_at(accounts, *next), 0, on_token, &unused);
		*next = (*next + 1) % many;
	}
}

static void many_keep_apart(void **state)
{
	static const struct timeval second = {.tv_sec = 1};
	struct event *asker;
	size_t next = 0;

	(void)state;
	server.seconds = 4 * 3600;
	server.per_second = xcalloc((size_t)server.seconds, sizeof(unsigned));
	write_conf((int)many, "");
	write_grants(0, (int)many, START_S, 0); /* all of them imported at once */
	start();
	for (size_t i = 0; i < many; i++)
		(void)account_get_token(accounts_at(accounts, i), 0, on_token,
					&(struct answer){.came = false});
	asker = event_new(NULL, -1, EV_PERSIST, on_ask, &next);
	assert_int_equal(event_add(asker, &second), 0);
	fake_world_run(START_S + server.seconds);
	event_free(asker);
	for (int hour = 0; hour < 4; hour++) {
		int64_t sum = total(hour * 3600, hour * 3600 + 3600);
		unsigned most = busiest(hour * 3600, hour * 3600 + 3600);

		print_message("# hour %d: %" PRId64 " requests, at most %u in a second\n", hour,
			      sum, most);
		assert_in_range(sum, many * (hour > 0 && is_crowd() ? 110 : 90) / 100,
				many * (is_crowd() ? 160 : 220) / 100);
		if (is_crowd())
			assert_true(most * 3600 <= 3 * (uint64_t)sum + 3600);
	}
	free(server.per_second);
	server.per_second = NULL;
}

/* After a long night off all are overdue, and come one after another. */
static void many_come_back_one_after_another(void **state)
{
	struct mallinfo2 before;
	struct mallinfo2 after;
	int64_t window_s;

	(void)state;
	server.seconds = 3600;
	server.per_second = xcalloc((size_t)server.seconds, sizeof(unsigned));
	write_conf((int)many, "");
	write_grants(0, (int)many, START_S - 9 * DAY_S, TOKEN_BYTES);
	before = mallinfo2();
	start();
	after = mallinfo2();
	/* Tokens: the access token and two short ones, each in a buffer of the next power of two.
	 */
	print_message("# %zu bytes an account beyond its tokens\n",
		      (after.uordblks - before.uordblks) / many - 2048);
	assert_true(after.uordblks - before.uordblks <= many * (4096 + 2048 + 128));
	fake_world_run(START_S + server.seconds);
	assert_int_equal(total(0, server.seconds), many);
	for (window_s = server.seconds; server.per_second[window_s - 1] == 0; window_s--)
		;
	if (is_crowd())
		assert_in_range(window_s, 300, 700);
	print_message("# at most %u in a second of %" PRId64 "\n", busiest(0, window_s), window_s);
	if (is_crowd())
		assert_true(busiest(0, window_s) * (uint64_t)window_s <= 3 * (uint64_t)many);
	free(server.per_second);
	server.per_second = NULL;
}

/* An endpoint that is down for all ------------------------------------------------------------- */

#define DOWN "<html>down</html>"

/* So many accounts whose tokens are over, all due, and one more whose token is new. */
static void start_some(int count)
{
	write_conf(count, "");
	write_grants(0, count - 1, START_S - 9 * DAY_S, 0);
	write_grants(count - 1, count, START_S, 0);
	start();
}

/* Fails for one and then for another, in the first second. */
static void fail_for_two(void)
{
	static struct answer unused;

	server_says(OUTCOME_OK, 503, DOWN);
	(void)account_get_token(accounts_at(accounts, 0), 0, on_token, &unused);
	(void)account_get_token(accounts_at(accounts, 1), 0, on_token, &unused);
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(server.requests, 2);
}

static int requests_within(int64_t seconds)
{
	int before = server.requests;

	fake_world_run(clock_now_s() + seconds);
	return server.requests - before;
}

static bool status_has(const char *part)
{
	struct buffer json = BUFFER_INIT(65536);
	bool has;

	assert_true(status_append(accounts, NULL, "", 65536, &json));
	has = strstr(buffer_cstr(&json), part) != NULL;
	buffer_release(&json);
	return has;
}

static bool metrics_have(const char *part)
{
	struct buffer text = BUFFER_INIT(METRICS_TEXT_MAX);
	bool has;

	assert_true(metrics_append(accounts, &text));
	has = strstr(buffer_cstr(&text), part) != NULL;
	buffer_release(&text);
	return has;
}

/* Who has no token is told what others heard; who has one gets it; an administrator may try. */
static void an_outage_is_told_at_once(void **state)
{
	struct answer answer = {.came = false};

	(void)state;
	start_some(5);
	fail_for_two();
	/* Two may be mistaken, three are not. */
	(void)account_get_token(accounts_at(accounts, 2), 0, on_token, &answer);
	assert_int_equal(server.requests, 3);
	fake_world_run(clock_now_s() + 1);
	assert_true(answer.came);
	answer.came = false;
	(void)account_get_token(accounts_at(accounts, 3), 0, on_token, &answer);
	assert_true(answer.came);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_non_null(strstr(answer.err.text,
			       "account a00003: https://as.example:443 is down (last attempt "
			       "there: as.example answered HTTP 503"));
	assert_null(strstr(answer.err.text, "a00002")); /* is no business of his */
	assert_true(status_has("\"account\":\"a00002\",\"text\":\"as.example answered HTTP 503"));
	assert_non_null(strstr(answer.err.text, "mailoauth refresh a00003"));
	assert_string_equal(ask_of(4, 0).token, "at-0");
	assert_int_equal(server.requests, 3);
	assert_true(status_has("\"endpoint_down\":{\"url\":\"https://as.example:443\""));
	assert_true(status_has("https://as.example:443 is down, and is tried again by itself"));
	answer.came = false;
	(void)account_refresh(accounts_at(accounts, 2), on_token, &answer);
	assert_int_equal(server.requests, 4);
	fake_world_run(clock_now_s() + 1);
	assert_true(answer.came);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	server_says(OUTCOME_OK, 200, GOOD);
	assert_int_equal(refresh_of(2).outcome, OUTCOME_OK);
	assert_true(status_has("\"endpoint_down\":null"));
	assert_false(status_has("\"endpoint_down\":{"));
	fake_world_run(clock_now_s() + 10);
	assert_string_equal(account_state_name(accounts_at(accounts, 0), clock_now_s()), "valid");
	assert_string_equal(account_state_name(accounts_at(accounts, 1), clock_now_s()), "valid");
}

/* What monitoring sees: since when, how many wait, and when the next one tries, be it because all
 * who wait have to wait themselves. */
static void an_outage_is_seen(void **state)
{
	(void)state;
	start_some(3);
	assert_true(status_has("\"endpoints_down\":[],"));
	assert_true(
		metrics_have("\nmailoauth_endpoint_down{endpoint=\"https://as.example:443\"} 0\n"));
	fail_for_two();
	assert_true(status_has("\"endpoints_down\":[{\"url\":\"https://as.example:443\","
			       "\"proxy\":null,\"down_since\":1795000000,\"next_attempt\":179500"));
	fake_world_run(START_S + 12); /* the first one has waited by itself, and does no more */
	assert_true(status_has("\"accounts\":3,\"waiting\":2,\"account\":\"a00001\",\"text\":\"as."
			       "example answered HTTP 503"));
	assert_true(
		metrics_have("\nmailoauth_endpoint_down{endpoint=\"https://as.example:443\"} 1\n"));
	assert_true(metrics_have("\nmailoauth_endpoint_down_since_timestamp_seconds{endpoint="
				 "\"https://as.example:443\"} 1795000000\n"));
	assert_true(metrics_have("\nmailoauth_endpoint_accounts_waiting{endpoint=\"https://as."
				 "example:443\"} 2\n"));
	server_says(OUTCOME_OK, 200, GOOD);
	(void)refresh_of(2);
	assert_true(status_has("\"endpoints_down\":[],"));
	assert_true(
		metrics_have("\nmailoauth_endpoint_down{endpoint=\"https://as.example:443\"} 0\n"));
	assert_true(metrics_have("\nmailoauth_endpoint_down_since_timestamp_seconds{endpoint="
				 "\"https://as.example:443\"} 0\n"));
}

/* The next attempt is the soonest of those who wait, when all of them have to. */
static void the_next_attempt_is_told(void **state)
{
	char *at;

	(void)state;
	start_some(3);
	server_says(OUTCOME_OK, 429, "");
	server.retry_after_s = 900;
	(void)refresh_of(0);
	server.retry_after_s = 300;
	(void)refresh_of(1);
	at = xasprintf("\"next_attempt\":%" PRId64 ",\"accounts\":3,", clock_now_s() + 290);
	if (!status_has(at))
		check_status(at);
	assert_in_range(requests_within(289), 0, 0);
	free(at);
}

/* A line of monitoring stands for each, however odd its name, and no secret of the way there. */
static void endpoints_have_names_without_secrets(void **state)
{
	(void)state;
	write_conf(1, "proxy = http://ann:hush@proxy.example:3128\n");
	start();
	assert_true(metrics_have("endpoint=\"https://as.example:443\"} 0\n"));
	server_says(OUTCOME_OK, 503, DOWN);
	stop();
	write_conf(2, "proxy = http://ann:hush@proxy.example:3128/\n");
	write_grants(0, 2, START_S, 0);
	start();
	(void)refresh_of(0);
	(void)refresh_of(1);
	assert_true(status_has("\"proxy\":\"proxy.example:3128\""));
	assert_false(status_has("hush"));
	assert_false(metrics_have("hush"));
	stop();
	write_account("issuer = https://as.example\nauthorize_url = https://as.example/a\n"
		      "token_url = https://as.example:4\"3/t\nverify_identity = no\n");
	start();
	assert_true(metrics_have("endpoint=\"https://as.example:4\\\"3\"} 0\n"));
}

/* Two ways to one endpoint are one line, of which either may be down. */
static void ways_to_an_endpoint_are_one(void **state)
{
	char *path = xasprintf("%s/mailoauth.conf", dir);
	FILE *file;

	(void)state;
	write_conf(2, "");
	file = fopen(path, "ae");
	assert_non_null(file);
	for (int i = 2; i < 4; i++)
		(void)fprintf(file,
			      "[account a%05d]\nprovider = custom\nissuer = https://as.example\n"
			      "authorize_url = https://as.example/a\n"
			      "token_url = https://as.example/t\nclient_id = c\nscope = mail\n"
			      "verify_identity = no\nuser = u%d@example.test\nuse = smtp\n"
			      "smtp_host = mx.example.test\nallow = root\n"
			      "proxy = http://proxy.example:3128\n",
			      i, i);
	assert_int_equal(fclose(file), 0);
	write_grants(0, 4, START_S - 4000, 0);
	start();
	server_says(OUTCOME_OK, 503, DOWN);
	(void)refresh_of(2);
	(void)refresh_of(3);
	assert_true(metrics_have("\nmailoauth_endpoint_down{endpoint=\"https://as.example:443\"} "
				 "1\n# HELP"));
	assert_true(status_has("\"accounts\":2,\"waiting\":2,\"account\":\"a00003\""));
	free(path);
}

/* All accounts are configured to be refreshed elsewhere while it is down: that is no alarm for
 * ever. */
static void what_nobody_uses_is_not_down(void **state)
{
	(void)state;
	start_some(3);
	fail_for_two();
	assert_true(status_has("\"endpoints_down\":[{"));
	write_account(PERSON_KEYS);
	reload();
	assert_true(status_has("\"endpoints_down\":[{"));
	write_account("issuer = https://as.example\nauthorize_url = "
		      "https://as.example/a\ntoken_url = https://b.example/t\n"
		      "verify_identity = no\n");
	reload();
	assert_true(status_has("\"endpoints_down\":[],"));
	assert_false(metrics_have("endpoint=\"https://as.example:443\""));
	assert_true(metrics_have("endpoint=\"https://b.example:443\"} 0\n"));
}

/* One account is broken itself, and asks as others do; the answer that ends it is a refusal. */
static void a_broken_account_keeps_nobody_back(void **state)
{
	(void)state;
	start_some(4);
	server.broken = "rt-0-1&";
	server.broken_for_ms = 100;
	fail_for_two();
	assert_in_range(requests_within(600), 8, 3 * 8);
	assert_int_not_equal(server.broken_requests, 0);
	server_says(OUTCOME_OK, 400, "{\"error\":\"invalid_grant\"}");
	fake_world_run(clock_now_s() + 900);
	assert_false(status_has("\"endpoint_down\":{"));
	assert_string_equal(state_now(), "reauth-required");
}

static void a_probe_that_hangs_keeps_nobody_back(void **state)
{
	(void)state;
	start_some(4);
	server.broken = "rt-0-1&";
	server.broken_for_ms = 10 * 3600 * 1000;
	server_says(OUTCOME_OK, 503, DOWN);
	(void)ask_of(0, 0);
	(void)ask_of(2, 0);
	assert_true(status_has("\"endpoint_down\":{"));
	for (int s = 0; s < 300 && server.broken_requests == 0; s++)
		fake_world_run(clock_now_s() + 1);
	assert_int_equal(server.broken_requests, 1);
	server_says(OUTCOME_OK, 200, GOOD);
	fake_world_run(clock_now_s() + 3 * 60);
	assert_false(status_has("\"endpoint_down\":{"));
	assert_string_equal(state_now(), "valid");
}

static void an_endpoint_that_says_when_is_left_alone(void **state)
{
	(void)state;
	start_some(4);
	server.retry_after_s = 600;
	server_says(OUTCOME_OK, 503, DOWN);
	server.retry_after_s = 600;
	(void)refresh_of(0);
	(void)refresh_of(1);
	assert_int_equal(requests_within(580), 0);
	assert_int_equal(requests_within(60), 1);
}

/* "Too many requests" was said to an account, which keeps to it though the endpoint works. */
static void what_one_was_told_it_keeps_to(void **state)
{
	(void)state;
	start_some(4);
	server_says(OUTCOME_OK, 429, "");
	server.retry_after_s = 600;
	(void)refresh_of(0);
	(void)refresh_of(1);
	assert_true(status_has("\"endpoint_down\":{"));
	server_says(OUTCOME_OK, 200, GOOD);
	assert_int_equal(refresh_of(2).outcome, OUTCOME_OK);
	assert_false(status_has("\"endpoint_down\":{"));
	assert_int_equal(requests_within(560), 0);
	assert_int_equal(requests_within(60), 2);
}

/* The proof of who we are is a file that is not there. */
static void what_is_not_asked_is_no_outage(void **state)
{
	char *path = xasprintf("%s/assertion", dir);
	char *more = xasprintf("client_assertion_file = %s\n", path);
	FILE *file = fopen(path, "we");

	(void)state;
	assert_non_null(file);
	(void)fputs("a.b.c", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	write_conf(2, more);
	write_grants(0, 2, START_S, 0);
	start();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(refresh_of(0).outcome, OUTCOME_RETRY);
	assert_int_equal(refresh_of(1).outcome, OUTCOME_RETRY);
	assert_true(status_has("\"outcome\":\"retry\""));
	assert_false(status_has("\"endpoint_down\":{"));
	free(more);
	free(path);
}

/* What refuses an account is no outage; a server that speaks of itself has one. */
static void what_is_the_accounts_is_no_outage(void **state)
{
	(void)state;
	start_some(4);
	server_says(OUTCOME_OK, 400, "{\"error\":\"invalid_grant\"}");
	(void)refresh_of(0);
	(void)refresh_of(1);
	server_says(OUTCOME_OK, 404, "<html>no such tenant</html>");
	(void)refresh_of(0);
	(void)refresh_of(1);
	server_says(OUTCOME_CONFIG, 0, NULL); /* a certificate that is not trusted */
	(void)refresh_of(0);
	(void)refresh_of(1);
	assert_false(status_has("\"endpoint_down\":{"));
	server_says(OUTCOME_OK, 503, "{\"error\":\"temporarily_unavailable\"}");
	(void)refresh_of(0);
	(void)refresh_of(1);
	assert_true(status_has("\"endpoint_down\":{"));
}

/* Asks for all as Postfix does for mail that waits, every five minutes. */
static void mail_waits(size_t count, int64_t seconds)
{
	static struct answer unused;

	for (int64_t end_s = clock_now_s() + seconds; clock_now_s() < end_s;) {
		for (size_t i = 0; i < count; i++)
			(void)account_get_token(accounts_at(accounts, i), 0, on_token, &unused);
		fake_world_run(clock_now_s() + 300);
	}
}

/* After hours of an outage an account alone would wait up to 15 minutes by itself. Who asks gets an
 * attempt in the first minute after the last one, and no more of them however often he asks. */
static void mail_that_waits_waits_a_minute(void **state)
{
	static struct answer unused;
	int before;

	(void)state;
	start_one(START_S - 4000, "");
	server_says(OUTCOME_OK, 503, DOWN);
	mail_waits(1, 7200);
	assert_in_range(server.requests, 24, 48);
	(void)ask(0);
	before = server.requests;
	for (int s = 0; s < 600; s++) {
		(void)account_get_token(accounts_at(accounts, 0), 0, on_token, &unused);
		fake_world_run(clock_now_s() + 1);
	}
	assert_in_range(server.requests - before, 9, 600 / REFRESH_AGAIN_S);
	server_says(OUTCOME_OK, 200, GOOD);
	fake_world_run(clock_now_s() + REFRESH_AGAIN_S);
	assert_int_equal(ask(0).outcome, OUTCOME_OK);
}

/* Of two the first that has an answer brings the other back. */
static void two_come_back_together(void **state)
{
	(void)state;
	write_conf(2, "");
	write_grants(0, 2, START_S - 4000, 0);
	start();
	server_says(OUTCOME_OK, 503, DOWN);
	mail_waits(2, 7200);
	assert_in_range(server.requests, 24, 96);
	server_says(OUTCOME_OK, 200, GOOD);
	fake_world_run(clock_now_s() + REFRESH_AGAIN_S);
	assert_int_equal(ask_of(1, 0).outcome, OUTCOME_OK);
	fake_world_run(clock_now_s() + REFRESH_AGAIN_S);
	assert_string_equal(state_now(), "valid");
}

/* Two accounts that are broken themselves are no outage for a third. */
static void two_broken_ones_hold_no_third(void **state)
{
	(void)state;
	start_some(4);
	server.broken = "rt-0-";
	server.broken_for_ms = 100;
	(void)account_get_token(accounts_at(accounts, 1), 0, on_token, &(struct answer){0});
	(void)account_get_token(accounts_at(accounts, 2), 0, on_token, &(struct answer){0});
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(server.broken_requests, 2);
	assert_int_equal(ask_of(0, 0).outcome, OUTCOME_OK);
}

/* Though one of the two hangs just now. */
static void a_broken_one_that_hangs_holds_no_third(void **state)
{
	static struct answer unused;

	(void)state;
	start_some(4);
	server.broken = "rt-0-";
	server.broken_for_ms = 100;
	(void)account_get_token(accounts_at(accounts, 1), 0, on_token, &unused);
	(void)account_get_token(accounts_at(accounts, 2), 0, on_token, &unused);
	fake_world_run(clock_now_s() + 1);
	server.broken_for_ms = 30000;
	(void)account_refresh(accounts_at(accounts, 1), on_token, &unused);
	fake_world_run(clock_now_s() + 1);
	assert_int_equal(server.broken_requests, 3);
	assert_int_equal(ask_of(0, 0).outcome, OUTCOME_OK);
}

/* Nor are they asked each time that another one proves them wrong, however often somebody asks for
 * them. */
static void two_broken_ones_keep_to_their_pace(void **state)
{
	enum { COUNT = 122, SECONDS = 600 };
	static struct answer unused;

	(void)state;
	write_conf(COUNT, "");
	write_grants(0, 2, START_S - 9 * DAY_S, 0);
	write_grants(2, COUNT, START_S, 0);
	start();
	server.broken = "rt-0&";
	server.broken_too = "rt-0-1&";
	server.broken_for_ms = 100;
	for (int s = 0; s < SECONDS; s++) {
		for (size_t i = 0; i < 2; i++)
			(void)account_get_token(accounts_at(accounts, i), 0, on_token, &unused);
		if (s % 5 == 0)
			(void)account_refresh(accounts_at(accounts, 2 + (size_t)s / 5), on_token,
					      &unused);
		fake_world_run(clock_now_s() + 1);
	}
	/* 5, 10, 20, 40 s, and then one a minute each; and one more of both for every end. */
	print_message("# %d requests of two broken accounts in %d s\n", server.broken_requests,
		      SECONDS);
	assert_in_range(server.broken_requests, 2 * SECONDS / REFRESH_AGAIN_S,
			4 * SECONDS / REFRESH_AGAIN_S);
}

/* An outage of an hour with ten thousand accounts in use: nobody hammers, and afterwards all have
 * tokens again, soon and one after another. */
static void many_sit_out_an_outage(void **state)
{
	static const struct timeval second = {.tv_sec = 1};
	enum { FROM = 3600, TO = 7200, END = 9000 };
	struct event *asker;
	size_t next = 0;
	int64_t back_s = TO;

	(void)state;
	server.seconds = END;
	server.per_second = xcalloc((size_t)server.seconds, sizeof(unsigned));
	write_conf((int)many, "");
	write_grants(0, (int)many, START_S, 0);
	start();
	asker = event_new(NULL, -1, EV_PERSIST, on_ask, &next);
	assert_int_equal(event_add(asker, &second), 0);
	fake_world_run(START_S + FROM);
	server_says(OUTCOME_RETRY, 0, NULL);
	fake_world_run(START_S + TO);
	server_says(OUTCOME_OK, 200, GOOD);
	for (size_t i = 0; i < many; i++) {
		while (account_expires_s(accounts_at(accounts, i)) < START_S + TO + 600) {
			assert_true(back_s < END);
			fake_world_run(START_S + ++back_s);
		}
	}
	event_free(asker);
	print_message("# %" PRId64 " requests in the outage; after it at most %u in a second, and "
		      "%" PRId64 " s until all have tokens\n",
		      total(FROM, TO), busiest(TO, END), back_s - TO);
	assert_in_range(total(FROM, TO), 60, 150);
	assert_in_range(busiest(TO, END), 1, 4 * OUTAGE_A_S);
	assert_in_range(back_s - TO, 60, 60 + OUTAGE_WITHIN_S);
	free(server.per_second);
	server.per_second = NULL;
}

/* One that comes back and is slow is not asked by all at once. */
static void a_slow_one_comes_back_slowly(void **state)
{
	enum { COUNT = 2000, UP = 300, SLOW_S = 10 };

	(void)state;
	server.seconds = 3600;
	server.per_second = xcalloc((size_t)server.seconds, sizeof(unsigned));
	server_says(OUTCOME_OK, 503, DOWN);
	write_conf(COUNT, "");
	write_grants(0, COUNT, START_S - 9 * DAY_S, 0);
	start();
	fake_world_run(START_S + UP);
	server_says(OUTCOME_OK, 200, GOOD);
	server.latency_ms = SLOW_S * 1000;
	fake_world_run(START_S + UP + 150);
	for (int64_t from = UP; from < UP + 100; from++)
		assert_in_range(total(from, from + SLOW_S), 0, 2 * OUTAGE_A_S);
	fake_world_run(START_S + 3600);
	assert_true(total(UP, 3600) >= COUNT);
	free(server.per_second);
	server.per_second = NULL;
}

/* Discovery ------------------------------------------------------------------------------------ */

#define LEARNERS 1000

static void start_learners(bool is_known)
{
	server.has_no_url = !is_known;
	server_says(OUTCOME_OK, 503, DOWN);
	write_learners(LEARNERS, true);
	write_grants(0, LEARNERS, START_S - 4000, 0);
	start();
}

/* So many a second, one after another. */
static void ask_for_learners(int64_t seconds, int a_second)
{
	static struct answer unused;
	size_t next = 0;

	for (int64_t s = 0; s < seconds; s++) {
		for (int i = 0; i < a_second; i++)
			(void)account_get_token(accounts_at(accounts, next++ % LEARNERS), 0,
						on_token, &unused);
		fake_world_run(clock_now_s() + 1);
	}
}

static size_t learners_with_tokens(void)
{
	size_t count = 0;

	for (size_t i = 0; i < LEARNERS; i++) {
		if (account_expires_s(accounts_at(accounts, i)) > clock_now_s())
			count++;
	}
	return count;
}

/* A thousand accounts that know nothing but an issuer whose metadata does not come, and are asked
 * for: he is asked once a minute for all of them, and when he is back they come one after another.
 */
static void many_wait_for_one_issuer(void **state)
{
	enum { OUT_S = 3600 };
	int before;

	(void)state;
	server.seconds = OUT_S + 900;
	server.per_second = xcalloc((size_t)server.seconds, sizeof(unsigned));
	start_learners(false);
	ask_for_learners(OUT_S, 10);
	print_message("# %d requests for metadata in %d s\n", server.metadata_requests, OUT_S);
	/* Each round asks at two places. */
	assert_in_range(server.metadata_requests, 2 * 10, 2 * (5 + OUT_S / REFRESH_AGAIN_S));
	assert_int_equal(server.requests, server.metadata_requests);
	server_says(OUTCOME_OK, 200, GOOD);
	server.has_metadata = true;
	before = server.metadata_requests;
	ask_for_learners(300, 1);
	assert_in_range(server.metadata_requests - before, 1, 2);
	assert_int_equal(learners_with_tokens(), LEARNERS);
	print_message("# at most %u in a second afterwards\n", busiest(OUT_S, OUT_S + 300));
	assert_in_range(busiest(OUT_S, OUT_S + 300), 1, 3 * LEARNERS / 50 + 1);
	free(server.per_second);
	server.per_second = NULL;
}

/* Where the token endpoint is known from before, nobody waits for the issuer. */
static void what_is_known_serves_without_the_issuer(void **state)
{
	(void)state;
	start_learners(true);
	server_says(OUTCOME_OK, 200, GOOD); /* which is no metadata */
	ask_for_learners(LEARNERS / 10 + 1, 10);
	assert_int_equal(learners_with_tokens(), LEARNERS);
	assert_in_range(server.metadata_requests, 2, 2 * 7);
	assert_false(status_has("\"endpoint_down\":{"));
}

/* One request for all, and one for all again after a reload; a new account is told what is known,
 * and the day after all are told anew. */
static void an_issuer_is_asked_once_for_all(void **state)
{
	(void)state;
	server.has_metadata = true;
	server.has_no_url = true;
	write_learners(LEARNERS, true);
	write_grants(0, LEARNERS, START_S, 0);
	start();
	fake_world_run(START_S + 1);
	assert_int_equal(server.metadata_requests, 1);
	server.has_no_url = false;
	reload();
	fake_world_run(START_S + 2);
	assert_int_equal(server.metadata_requests, 1); /* that was just now */
	fake_world_run(START_S + 600);
	write_learners(LEARNERS / 2, true);
	reload();
	fake_world_run(START_S + 601);
	assert_int_equal(server.metadata_requests, 2);
	write_learners(LEARNERS, true);
	reload();
	fake_world_run(START_S + 602);
	assert_int_equal(server.metadata_requests, 2);
	assert_int_equal(refresh_of(LEARNERS - 1).outcome, OUTCOME_OK);
	fake_world_run(START_S + DAY_S + 700);
	assert_int_equal(server.metadata_requests, 3);
}

/* Of many issuers, which may be one host's, ten are asked at once, and ten a second. */
static void issuers_take_turns(void **state)
{
	enum { COUNT = 200 };

	(void)state;
	server.seconds = 60;
	server.per_second = xcalloc((size_t)server.seconds, sizeof(unsigned));
	server_says(OUTCOME_OK, 404, DOWN); /* so each is asked at two places */
	write_learners(COUNT, false);
	start();
	fake_world_run(START_S + 4);
	assert_in_range(server.metadata_requests, 2 * 40, 2 * 50);
	fake_world_run(START_S + COUNT / 10 + 1);
	assert_true(server.metadata_requests >= 2 * COUNT);
	assert_in_range(busiest(0, 3), 2 * 10, 2 * 20);
	free(server.per_second);
	server.per_second = NULL;
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, make_stage, remove_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(every_answer_has_its_consequences),
		ON_STAGE(what_may_have_been_taken_is_sent_again),
		ON_STAGE(the_previous_refresh_token_is_tried_once),
		ON_STAGE(attempts_after_a_refusal_become_rare),
		ON_STAGE(a_refusal_outlives_restarts),
		ON_STAGE(answers_at_once_are_made_durable_together),
		ON_STAGE(one_that_cannot_be_saved_keeps_nobody_waiting),
		ON_STAGE(the_end_saves_what_is_answered),
		ON_STAGE(a_reload_loses_nothing_of_what_is_answered),
		ON_STAGE(refreshes_begin_some_at_a_time),
		ON_STAGE(those_that_are_due_begin_some_at_a_time),
		ON_STAGE(who_is_asked_for_begins_before_who_is_due),
		ON_STAGE(who_waits_to_begin_hears_that_it_is_down),
		ON_STAGE(who_waits_to_begin_may_be_gone),
		ON_STAGE(the_end_does_not_wait_for_their_turn),
		ON_STAGE(who_waits_to_begin_may_have_no_reason_to),
		ON_STAGE(sleep_is_noticed),
		ON_STAGE(a_clock_that_was_ahead_does_no_harm),
		ON_STAGE(a_wait_from_before_the_clock_was_set_back_ends),
		ON_STAGE(tokens_live_past_2038),
		ON_STAGE(an_idle_account_stays_alive),
		ON_STAGE(an_account_that_is_held_waits_for_its_release),
		ON_STAGE(what_was_learned_is_not_looked_for_without_an_issuer),
		ON_STAGE(a_rotated_token_survives_a_change_of_grant),
		ON_STAGE(a_direct_token_is_not_the_persons),
		ON_STAGE(enough_life_is_left),
		ON_STAGE(dates_are_days),
		ON_STAGE(marks_are_passed_one_by_one),
		ON_STAGE(what_ends_is_counted),
		ON_STAGE(the_clock_is_compared),
		ON_STAGE(many_keep_apart),
		ON_STAGE(many_come_back_one_after_another),
		ON_STAGE(an_outage_is_told_at_once),
		ON_STAGE(an_outage_is_seen),
		ON_STAGE(the_next_attempt_is_told),
		ON_STAGE(endpoints_have_names_without_secrets),
		ON_STAGE(ways_to_an_endpoint_are_one),
		ON_STAGE(what_nobody_uses_is_not_down),
		ON_STAGE(a_broken_account_keeps_nobody_back),
		ON_STAGE(a_probe_that_hangs_keeps_nobody_back),
		ON_STAGE(an_endpoint_that_says_when_is_left_alone),
		ON_STAGE(what_one_was_told_it_keeps_to),
		ON_STAGE(what_is_not_asked_is_no_outage),
		ON_STAGE(what_is_the_accounts_is_no_outage),
		ON_STAGE(mail_that_waits_waits_a_minute),
		ON_STAGE(two_come_back_together),
		ON_STAGE(two_broken_ones_hold_no_third),
		ON_STAGE(a_broken_one_that_hangs_holds_no_third),
		ON_STAGE(two_broken_ones_keep_to_their_pace),
		ON_STAGE(many_sit_out_an_outage),
		ON_STAGE(a_slow_one_comes_back_slowly),
		ON_STAGE(many_wait_for_one_issuer),
		ON_STAGE(what_is_known_serves_without_the_issuer),
		ON_STAGE(an_issuer_is_asked_once_for_all),
		ON_STAGE(issuers_take_turns),
	};

	if (getenv("ENGINE_ACCOUNTS") != NULL)
		many = strtoul(getenv("ENGINE_ACCOUNTS"), NULL, 10);
	if (many == 0)
		return 99;
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
