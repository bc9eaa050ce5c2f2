/* SPDX-License-Identifier: MIT */
/*
 * main.c - mailoauth-fetch(8): the parts put together, and what the exit status says.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/deadline.h"
#include "common/helper-socket.h"
#include "common/log.h"
#include "common/runner.h"
#include "common/service.h"
#include "common/xalloc.h"
#include "fetch-agent/auth/sasl-login.h"
#include "fetch-agent/confinement.h"
#include "fetch-agent/fetch-options.h"
#include "fetch-agent/live.h"
#include "fetch-agent/privilege.h"
#include "fetch-agent/progress.h"
#include "fetch-agent/schedule.h"
#include "fetch-agent/verbs.h"

#include "common/banned.h"

static const int exit_of_stage[] = {
	[RUN_STAGE_NONE] = FETCH_EXIT_MAIL,
	[RUN_STAGE_CONNECT] = FETCH_EXIT_CONNECT,
	[RUN_STAGE_AUTHENTICATE] = FETCH_EXIT_AUTHENTICATE,
	[RUN_STAGE_PROTOCOL] = FETCH_EXIT_PROTOCOL,
	[RUN_STAGE_CONFIG] = EX_CONFIG,
	[RUN_STAGE_DELIVER] = FETCH_EXIT_DELIVER,
};

/* A suspended machine's connections are dead, and nobody tells. */
#define TICK_S	     10
#define SUSPENDED_MS 5000

struct fetch {
	struct fetch_options options;
	char *found_socket; /* mailoauthd's; NULL: the options say it */
	struct fetch_config *config;
	struct run_world world;
	struct schedule *schedule;
	struct live *live;
	struct progress *progress; /* NULL: nobody looks */
	enum outcome load_what;	   /* of the state */
	struct err load_err;
	struct event *signals[4];
	struct event *tick;
	int64_t asleep_ms; /* how long the machine has slept since it started */
	bool interrupted;
	bool spawner_lost;
	bool files_confined;
};

/* After the spawner was forked: programs for mda: may be set-group-ID, and have limits of their
 * own. */
static void harden(void)
{
	struct rlimit no_core = {0, 0};
	struct rlimit files;

	(void)umask(077);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* NULL: its problems are logged; err has the first. */
static struct fetch_config *load_config(const char *path, struct err *err)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct fetch_config *config = fetch_config_load(path, &problems);
	const char *line = buffer_cstr(&problems.text);

	if (config == NULL)
		(void)err_set(err, OUTCOME_CONFIG, "%.*s (%zu problem%s in all)",
			      (int)strcspn(line, "\n"), line, problems.count,
			      problems.count == 1 ? "" : "s");
	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		log_error("%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	config_problems_release(&problems);
	return config;
}

/* Ends the process when there is none. */
static void need_config(struct fetch *fetch)
{
	struct err err = ERR_INIT;

	fetch->config = load_config(fetch->options.config_path, &err);
	if (fetch->config == NULL)
		exit(EX_CONFIG);
	if (fetch_config_keep(fetch->config, fetch->options.names, fetch->options.name_count,
			      &err) != OUTCOME_OK) {
		log_error("%s: %s", fetch->options.config_path, err.text);
		exit(EX_USAGE);
	}
}

static void settle(struct fetch *fetch)
{
	struct err err = ERR_INIT;

	if (privilege_settle(fetch->config, fetch->options.user, &fetch->world.spawner, &err) !=
	    OUTCOME_OK) {
		log_error("%s: %s", fetch->options.config_path, err.text);
		exit(EX_CONFIG);
	}
	harden();
	if (fetch->options.verb != VERB_CHECK)
		state_make(fetch->options.state_path); /* confined, root cannot give it away */
	if (confinement_begin(fetch->config, fetch->options.config_path, &err) != OUTCOME_OK)
		fatal("the process that runs programs: %s", err.text);
}

/* Signals and questions --------------------------------------------------------------------------
 */

static void on_terminate(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch *fetch = ctx;

	(void)what;
	log_info("signal %d: stopping; what is not delivered stays at the server", (int)fd);
	service_notify("STOPPING=1");
	fetch->interrupted = true;
	schedule_stop(fetch->schedule);
}

static void on_now(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch *fetch = ctx;

	(void)fd;
	(void)what;
	log_info("signal USR1: everything is fetched now");
	schedule_now(fetch->schedule);
}

static enum outcome reload(struct fetch *fetch, struct err *err)
{
	struct fetch_config *config;

	service_notify_reloading();
	config = load_config(fetch->options.config_path, err);
	if (config == NULL) {
		log_error("reload: refused, the configuration as it was stays in force");
		service_notify("READY=1");
		return OUTCOME_CONFIG;
	}
	log_info("reload: ok, %zu sections", config->count);
	tls_contexts_forget(fetch->world.tls);
	confinement_compare(config);
	schedule_reload(fetch->schedule, config);
	fetch_config_free(config);
	service_notify("READY=1");
	return OUTCOME_OK;
}

static void on_hangup(evutil_socket_t fd, short what, void *ctx)
{
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	(void)reload(ctx, &err);
}

static struct json_object *answer(void *ctx, struct span request)
{
	struct fetch *fetch = ctx;
	struct json_object *object;
	struct err err = ERR_INIT;

	if (span_equals(request, "status"))
		return schedule_describe(fetch->schedule);
	if (!span_equals(request, "reload"))
		return NULL;
	object = json_object_new_object();
	(void)json_object_object_add(object, "outcome",
				     json_object_new_string(outcome_name(reload(fetch, &err))));
	(void)json_object_object_add(object, "text", json_object_new_string(err.text));
	return object;
}

static int64_t asleep_ms(void)
{
	struct timespec all, awake;

	if (clock_gettime(CLOCK_BOOTTIME, &all) != 0 || clock_gettime(CLOCK_MONOTONIC, &awake) != 0)
		return 0;
	return (int64_t)(all.tv_sec - awake.tv_sec) * 1000 +
	       (all.tv_nsec - awake.tv_nsec) / 1000000;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch *fetch = ctx;
	int64_t now_ms = asleep_ms();
	char text[128], state[160];

	(void)fd;
	(void)what;
	(void)snprintf(state, sizeof(state), "WATCHDOG=1\nSTATUS=%s",
		       schedule_summary(fetch->schedule, text, sizeof(text)));
	service_notify(state);
	if (now_ms - fetch->asleep_ms >= SUSPENDED_MS) {
		log_info("the machine was suspended: everything is fetched now");
		schedule_now(fetch->schedule);
	}
	fetch->asleep_ms = now_ms;
}

static void watch_signal(struct fetch *fetch, size_t slot, int signum, event_callback_fn handler)
{
	fetch->signals[slot] = evsignal_new(fetch->world.base, signum, handler, fetch);
	if (fetch->signals[slot] == NULL || event_add(fetch->signals[slot], NULL) != 0)
		fatal("cannot watch signal %d", signum);
}

/* Life -------------------------------------------------------------------------------------------
 */

static void work_load(void *job)
{
	struct fetch *fetch = job;

	fetch->load_what = state_load(fetch->world.state, &fetch->load_err);
	if (fetch->load_what != OUTCOME_OK)
		worker_halt(fetch->world.worker);
}

/* Nothing was done yet that would have to be ended. */
static void on_loaded(void *job)
{
	struct fetch *fetch = job;

	if (fetch->load_what == OUTCOME_OK)
		return;
	log_error("%s", fetch->load_err.text);
	exit(EX_CONFIG);
}

/* While the server is waited for; every other job of the worker's comes after it. A daemon is not
 * ready before. */
static void open_state(struct fetch *fetch)
{
	struct err err = ERR_INIT;
	enum outcome what;

	if (fetch->options.verb == VERB_CHECK)
		return;
	what = state_claim(fetch->options.state_path, &fetch->world.state, &err);
	if (what != OUTCOME_OK) {
		log_error("%s", err.text);
		exit(what == OUTCOME_DENIED ? FETCH_EXIT_LOCKED : EX_CONFIG);
	}
	fetch->world.worker = worker_new(fetch->world.base);
	if (fetch->options.verb == VERB_DAEMON) {
		work_load(fetch);
		on_loaded(fetch);
	} else {
		worker_submit(fetch->world.worker, work_load, on_loaded, fetch);
	}
}

static void start_sasl(void)
{
	struct err err = ERR_INIT;

	if (sasl_login_init(&err) == OUTCOME_OK)
		return;
	log_error("%s", err.text);
	exit(EX_CONFIG);
}

static void on_connecting(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	start_sasl();
}

/* libsasl loads every plugin that is installed; that takes as long as some round trips, and nobody
 * needs it before a server has greeted. A daemon says what is missing before it is ready. */
static void begin_sasl(struct fetch *fetch)
{
	static const struct timeval now = {0};

	if (fetch->options.verb == VERB_DAEMON)
		start_sasl();
	else if (event_base_once(fetch->world.base, -1, EV_TIMEOUT, on_connecting, NULL, &now) != 0)
		fatal("no timer");
}

/* Only a new process can fork another before it has anything to do with the network. */
static void on_spawner_lost(void *ctx)
{
	struct fetch *fetch = ctx;

	log_error(
		"the process that runs programs for deliver = mda: has died: ending, to be started "
		"again; what is not delivered stays at the server");
	fetch->spawner_lost = true;
	service_notify("STOPPING=1");
	schedule_stop(fetch->schedule);
}

/* libevent lists the interfaces of the machine when it first looks a name up. It does without where
 * that is refused, as the confinement does, but not without a word. */
static void on_libevent_says(int severity, const char *words)
{
	(void)severity;
	log_debug("libevent: %s", words);
}

static void begin(struct fetch *fetch)
{
	event_set_log_callback(on_libevent_says);
	if (fetch->options.helper_socket == NULL)
		fetch->options.helper_socket = fetch->found_socket =
			helper_socket_find(fetch->options.config_path);
	/* The plugin reports to the same mailoauthd. */
	if (setenv("MAILOAUTH_SOCKET", fetch->options.helper_socket, 1) != 0)
		fatal("out of memory");
	fetch->world.base = event_base_new();
	if (fetch->world.base == NULL)
		fatal("no event loop");
	fetch->world.dns = evdns_base_new(fetch->world.base, EVDNS_BASE_INITIALIZE_NAMESERVERS);
	if (fetch->world.dns == NULL) /* no resolv.conf: addresses and /etc/hosts still work */
		fetch->world.dns = evdns_base_new(fetch->world.base, 0);
	if (fetch->world.dns == NULL)
		fatal("no resolver");
	if (fetch->world.spawner != NULL)
		spawner_attach(fetch->world.spawner, fetch->world.base, on_spawner_lost, fetch);
	fetch->world.tls = tls_contexts_new();
	fetch->world.helper_socket = fetch->options.helper_socket;
	fetch->world.check = fetch->options.verb == VERB_CHECK;
	fetch->world.stays = fetch->options.verb == VERB_DAEMON;
	if (fetch_options_show_progress(&fetch->options) && fetch->options.verbosity == 1)
		fetch->progress = progress_new(fetch->world.base);
	fetch->world.progress = progress_counts(fetch->progress);
	fetch->files_confined = confinement_enter_files(fetch->config, fetch->options.config_path,
							fetch->options.state_path);
	open_state(fetch);
	begin_sasl(fetch);
	watch_signal(fetch, 0, SIGTERM, on_terminate);
	watch_signal(fetch, 1, SIGINT, on_terminate);
}

/* What only the daemon has. */
static void begin_daemon(struct fetch *fetch)
{
	static const struct timeval tick = {.tv_sec = TICK_S};
	struct err err = ERR_INIT;

	watch_signal(fetch, 2, SIGHUP, on_hangup);
	watch_signal(fetch, 3, SIGUSR1, on_now);
	fetch->asleep_ms = asleep_ms();
	fetch->tick = event_new(fetch->world.base, -1, EV_PERSIST, on_tick, fetch);
	if (fetch->tick == NULL || event_add(fetch->tick, &tick) != 0)
		fatal("no timer");
	if (live_new(fetch->world.base, fetch->options.state_path, answer, fetch, &fetch->live,
		     &err) != OUTCOME_OK)
		log_warning("status and reload will not reach this process: %s", err.text);
	log_info("ready: version %s, %zu sections", PACKAGE_VERSION, fetch->config->count);
	service_notify("READY=1");
}

/* The gravest of what happened; mail that came counts only where nothing went wrong. */
static int exit_status(const struct fetch *fetch)
{
	enum run_stage worst = schedule_worst(fetch->schedule);

	if (fetch->spawner_lost)
		return EX_SOFTWARE;
	if (fetch->options.verb == VERB_DAEMON)
		return EX_OK;
	if (fetch->interrupted)
		return FETCH_EXIT_SIGNAL;
	if (worst == RUN_STAGE_NONE && schedule_messages(fetch->schedule) == 0 &&
	    fetch->options.verb != VERB_CHECK)
		return FETCH_EXIT_NO_MAIL;
	return exit_of_stage[worst];
}

static void end(struct fetch *fetch)
{
	live_free(fetch->live);
	progress_free(fetch->progress);
	if (fetch->world.worker != NULL)
		worker_free(fetch->world.worker);
	state_close(fetch->world.state);
	schedule_free(fetch->schedule);
	spawner_stop(fetch->world.spawner);
	runner_stop();
	for (size_t i = 0; i < sizeof(fetch->signals) / sizeof(fetch->signals[0]); i++) {
		if (fetch->signals[i] != NULL)
			event_free(fetch->signals[i]);
	}
	if (fetch->tick != NULL)
		event_free(fetch->tick);
	evdns_base_free(fetch->world.dns, 0);
	event_base_free(fetch->world.base);
	tls_contexts_free(fetch->world.tls);
	sasl_login_done();
	fetch_config_free(fetch->config);
	free(fetch->found_socket);
	libevent_global_shutdown();
}

int main(int argc, char **argv)
{
	struct fetch fetch = {0};
	int status;

	service_fill_stdio();
	fetch_options_read(argc, argv, &fetch.options);
	if (fetch.options.verb == VERB_IMPORT)
		return verb_import(&fetch.options);
	if (fetch.options.verb == VERB_RELOAD)
		return verb_reload(&fetch.options);
	need_config(&fetch);
	if (fetch.options.verb == VERB_STATUS)
		return verb_status(&fetch.options, fetch.config);
	if (fetch.options.verb == VERB_RETRY)
		return verb_retry(&fetch.options, fetch.config);
	settle(&fetch);
	begin(&fetch);
	if (fetch.options.verb == VERB_DAEMON)
		begin_daemon(&fetch);
	confinement_enter_calls(fetch.config, fetch.files_confined,
				fetch.options.verb == VERB_DAEMON);
	fetch.schedule = schedule_new(&fetch.world, fetch.config);
	(void)event_base_dispatch(fetch.world.base);
	status = exit_status(&fetch);
	end(&fetch);
	return status;
}
