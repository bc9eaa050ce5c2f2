/* SPDX-License-Identifier: MIT */
/*
 * auth-exchange.c - what one AUTH exchange costs in our plugin, against a static-token plugin and a
 * bare round trip.
 *
 * All in one run, in turns, because absolute figures drift with the machine: only the ratios mean
 * something. The three: ours    sasl_client_new, start, dispose with libmailoauth.so, a token of
 * 2,000 bytes from a daemon static  the same with a plugin whose token is the password bare connect
 * to a responder process, send a request, read an answer of the same size, close "ours" has to be
 * within 1.5 times static + bare.
 *
 * Usage: auth-exchange [-n EXCHANGES] [-r ROUNDS] [-j FILE] [-s SOCKET -u USER]
 * With -s the plugin asks a real mailoauthd, which must have an account for USER; bare stays with
 * the responder.
 */
#include <sasl/sasl.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/counting.h"
#include "bench/responder.h"
#include "common/buffer.h"
#include "common/helper-protocol.h"

#include "common/banned.h"

#define TOKEN_BYTES 2000
#define ROUNDS_MAX  101
#define TRACED	    100
#define LOADS	    21
#define GOAL	    1.5
#define GOAL_HEAP   8

struct bench {
	char dir[32];
	char socket[64];
	char token[TOKEN_BYTES + 1];
	const char *plugin_socket; /* what the plugin asks: socket, or a real daemon's */
	const char *user;
	const char *json;
	sasl_secret_t *secret;
	size_t exchanges;
	size_t rounds;
	struct buffer answer;
};

enum subject { OURS, STATIC, BARE, SUBJECTS };

static const char *const subject_names[] = {"ours", "static", "bare"};

struct figures {
	double p50_us[ROUNDS_MAX]; /* one a round */
	double heap;		   /* allocations an exchange */
	double bytes;
	double calls; /* system calls an exchange; negative: not known */
};

static struct bench bench = {.user = "relay@contoso.example", .exchanges = 2000, .rounds = 9};

static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static double now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts. */
static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_size);
	return values[count / 2];
}

/* The program that authenticates ----------------------------------------------------------------
 */

static int on_user(void *context, int id, const char **result, unsigned *len)
{
	(void)context;
	(void)id;
	*result = bench.user;
	if (len != NULL)
		*len = (unsigned)strlen(bench.user);
	return SASL_OK;
}

/* For the static plugin the password is the token; ours shall choose the account by the user. */
static int on_token(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	(void)conn;
	(void)context;
	(void)id;
	*secret = bench.secret;
	return SASL_OK;
}

static int on_nothing(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	static sasl_secret_t empty;

	(void)conn;
	(void)context;
	(void)id;
	*secret = &empty;
	return SASL_OK;
}

typedef int any_fn(void);
#define ANY(function) ((any_fn *)(void (*)(void))(function))

static void exchange(const char *mechanism, sasl_getsecret_t *password)
{
	const sasl_callback_t callbacks[] = {{SASL_CB_AUTHNAME, ANY(on_user), NULL},
					     {SASL_CB_PASS, ANY(password), NULL},
					     {SASL_CB_LIST_END, NULL, NULL}};
	sasl_conn_t *conn = NULL;
	const char *out = NULL;
	const char *chosen = NULL;
	unsigned len = 0;

	if (sasl_client_new("smtp", "smtp.office365.com", NULL, NULL, callbacks, 0, &conn) !=
		    SASL_OK ||
	    sasl_client_start(conn, mechanism, NULL, &out, &len, &chosen) != SASL_CONTINUE) {
		fprintf(stderr, "%s: %s\n", mechanism,
			conn ? sasl_errdetail(conn) : "no connection");
		exit(1);
	}
	sasl_dispose(&conn);
}

static void bare(void)
{
	static const char request[] = "91:token service=smtp host=smtp.office365.com mech=XOAUTH2 "
				      "user=relay@contoso.example selector=,";
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char answer[8192];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", bench.socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    write(fd, request, sizeof(request) - 1) < 0 || read(fd, answer, sizeof(answer)) <= 0)
		give_up("bare round trip");
	(void)close(fd);
}

static void run_once(enum subject subject)
{
	if (subject == OURS)
		exchange("XOAUTH2", on_nothing);
	else if (subject == STATIC)
		exchange("STATIC-TOKEN", on_token);
	else
		bare();
}

/* Measuring -------------------------------------------------------------------------------------
 */

static double round_p50(enum subject subject)
{
	double *took = calloc(bench.exchanges, sizeof(*took));
	double p50;

	if (took == NULL)
		give_up("memory");
	for (size_t i = 0; i < bench.exchanges; i++) {
		double from = now_us();

		run_once(subject);
		took[i] = now_us() - from;
	}
	p50 = median(took, bench.exchanges);
	free(took);
	return p50;
}

struct traced {
	enum subject subject;
	int times;
};

static void run_traced(void *argument)
{
	const struct traced *traced = argument;

	for (int i = 0; i < traced->times; i++)
		run_once(traced->subject);
}

/* The difference of two runs, so that what surrounds an exchange does not count. */
static double calls_each(enum subject subject)
{
	struct traced none = {subject, TRACED};
	struct traced some = {subject, 2 * TRACED};
	long base = count_system_calls(run_traced, &none);
	long more = count_system_calls(run_traced, &some);

	return base < 0 || more < 0 ? -1 : (double)(more - base) / TRACED;
}

static void count_costs(struct figures *figures)
{
	for (int s = 0; s < SUBJECTS; s++) {
		struct heap_use before = heap_use_now();
		struct heap_use after;

		for (int i = 0; i < TRACED; i++)
			run_once((enum subject)s);
		after = heap_use_now();
		figures[s].heap = (double)(after.allocations - before.allocations) / TRACED;
		figures[s].bytes = (double)(after.bytes - before.bytes) / TRACED;
		figures[s].calls = calls_each((enum subject)s);
	}
}

/* dlopen(3) in a fresh process, as a new smtp(8) does it: microseconds, median. */
static double load_us(const char *path)
{
	double took[LOADS];

	for (int i = 0; i < LOADS; i++) {
		int ends[2];
		pid_t pid;

		if (pipe(ends) < 0)
			give_up("pipe");
		pid = fork();
		if (pid == 0) {
			double from = now_us();
			void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
			double us = now_us() - from;

			if (plugin == NULL || dlsym(plugin, "sasl_client_plug_init") == NULL)
				us = -1;
			_exit(write(ends[1], &us, sizeof(us)) == sizeof(us) ? 0 : 1);
		}
		if (read(ends[0], &took[i], sizeof(took[i])) != sizeof(took[i]) || took[i] < 0)
			give_up(path);
		(void)waitpid(pid, NULL, 0);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	return median(took, LOADS);
}

/* Telling ---------------------------------------------------------------------------------------
 */

static void print_subject(FILE *json, enum subject s, struct figures *figures)
{
	double *p50 = figures[s].p50_us;
	double middle = median(p50, bench.rounds);

	printf("%-8s %8.1f %8.1f %8.1f %8.1f %8.0f %8.1f\n", subject_names[s], middle, p50[0],
	       p50[bench.rounds - 1], figures[s].heap, figures[s].bytes, figures[s].calls);
	if (json != NULL)
		fprintf(json,
			"  \"%s\": {\"p50_us\": %.2f, \"min_us\": %.2f, \"max_us\": %.2f, "
			"\"allocations\": %.1f, \"bytes\": %.0f, \"system_calls\": %.1f},\n",
			subject_names[s], middle, p50[0], p50[bench.rounds - 1], figures[s].heap,
			figures[s].bytes, figures[s].calls);
}

/* Before the rounds are sorted: the ratio is made within each. Returns whether the goals are met.
 */
static bool tell(struct figures *figures, const double *loads)
{
	FILE *json = bench.json != NULL ? fopen(bench.json, "w") : NULL;
	double heap = figures[OURS].heap - figures[STATIC].heap;
	double ratios[ROUNDS_MAX];
	double ratio;
	bool met;

	if (bench.json != NULL && json == NULL)
		give_up(bench.json);
	for (size_t i = 0; i < bench.rounds; i++)
		ratios[i] = figures[OURS].p50_us[i] /
			    (figures[STATIC].p50_us[i] + figures[BARE].p50_us[i]);
	ratio = median(ratios, bench.rounds);
	met = ratio <= GOAL && heap <= GOAL_HEAP;
	printf("         p50 µs, median of %zu rounds of %zu\n", bench.rounds, bench.exchanges);
	printf("%-8s %8s %8s %8s %8s %8s %8s\n", "", "median", "min", "max", "allocs", "bytes",
	       "syscalls");
	if (json != NULL)
		fprintf(json, "{\n");
	for (int s = 0; s < SUBJECTS; s++)
		print_subject(json, (enum subject)s, figures);
	printf("ours / (static + bare): %.2f (min %.2f, max %.2f; goal %.1f)\n", ratio, ratios[0],
	       ratios[bench.rounds - 1], GOAL);
	printf("allocations above static: %.1f (goal %d)\n", heap, GOAL_HEAP);
	printf("dlopen: ours %.0f µs, static %.0f µs\n", loads[OURS], loads[STATIC]);
	if (json != NULL)
		fprintf(json,
			"  \"ratio\": {\"median\": %.3f, \"min\": %.3f, \"max\": %.3f, \"goal\": "
			"%.1f},\n  \"allocations_above_static\": %.1f,\n  \"load_us\": {\"ours\": "
			"%.1f, \"static\": %.1f},\n  \"goals_met\": %s\n}\n",
			ratio, ratios[0], ratios[bench.rounds - 1], GOAL, heap, loads[OURS],
			loads[STATIC], met ? "true" : "false");
	if (json != NULL && fclose(json) != 0)
		give_up(bench.json);
	return met;
}

/* Preparing -------------------------------------------------------------------------------------
 */

static void link_plugin(const char *so, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", bench.dir, name);
	if (access(so, R_OK) < 0 || symlink(so, path) < 0)
		give_up(so);
}

static void prepare(void)
{
	struct buffer payload = BUFFER_INIT(HELPER_REPLY_MAX);

	(void)snprintf(bench.dir, sizeof(bench.dir), "/tmp/mailoauth-XXXXXX");
	if (mkdtemp(bench.dir) == NULL)
		give_up("/tmp");
	(void)snprintf(bench.socket, sizeof(bench.socket), "%s/socket", bench.dir);
	memset(bench.token, 'x', TOKEN_BYTES);
	bench.secret = calloc(1, sizeof(*bench.secret) + TOKEN_BYTES);
	if (bench.secret == NULL)
		give_up("memory");
	bench.secret->len = TOKEN_BYTES;
	memcpy(bench.secret->data, bench.token, TOKEN_BYTES);
	(void)buffer_append_str(&payload, "OK account=relay user=relay@contoso.example "
					  "expires=1795453870 token=");
	(void)buffer_append_str(&payload, bench.token);
	buffer_init(&bench.answer, HELPER_REPLY_MAX);
	if (!netstring_append(&bench.answer, buffer_span(&payload)))
		give_up("memory");
	buffer_release(&payload);
	if (responder_start(bench.socket, buffer_span(&bench.answer)) < 0)
		give_up(bench.socket);
	link_plugin(PLUGIN_SO, "libmailoauth.so");
	link_plugin(STATIC_SO, "libstatic-token.so");
	if (setenv("SASL_PATH", bench.dir, 1) < 0 ||
	    setenv("MAILOAUTH_SOCKET",
		   bench.plugin_socket != NULL ? bench.plugin_socket : bench.socket, 1) < 0 ||
	    sasl_client_init(NULL) != SASL_OK)
		give_up("libsasl2");
}

static void clean_up(void)
{
	static const char *const names[] = {"socket", "libmailoauth.so", "libstatic-token.so"};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", bench.dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(bench.dir);
}

static size_t number(const char *text, size_t max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end != '\0' || value == 0 || value > max) {
		fprintf(stderr, "auth-exchange: not a number from 1 to %zu: %s\n", max, text);
		exit(64);
	}
	return value;
}

static void read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:r:j:s:u:")) != -1) {
		switch (option) {
		case 'n':
			bench.exchanges = number(optarg, 1000000);
			break;
		case 'r':
			bench.rounds = number(optarg, ROUNDS_MAX);
			break;
		case 'j':
			bench.json = optarg;
			break;
		case 's':
			bench.plugin_socket = optarg;
			break;
		case 'u':
			bench.user = optarg;
			break;
		default:
			exit(64);
		}
	}
}

int main(int argc, char **argv)
{
	static struct figures figures[SUBJECTS];
	double loads[SUBJECTS] = {0};
	bool met;

	read_options(argc, argv);
	loads[OURS] = load_us(PLUGIN_SO);
	loads[STATIC] = load_us(STATIC_SO);
	prepare();
	(void)atexit(clean_up);
	count_costs(figures);
	for (size_t round = 0; round < bench.rounds; round++) {
		for (int s = 0; s < SUBJECTS; s++)
			figures[s].p50_us[round] = round_p50((enum subject)s);
	}
	met = tell(figures, loads);
	buffer_release(&bench.answer);
	free(bench.secret);
	return met ? 0 : 1;
}
