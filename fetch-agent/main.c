/* SPDX-License-Identifier: MIT */
/*
 * main.c - mailoauth-fetch(8): options, the parts put together, and what the exit status says.
 */
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/deadline.h"
#include "common/helper-socket.h"
#include "common/log.h"
#include "common/runner.h"
#include "common/service.h"
#include "common/xalloc.h"
#include "fetch-agent/auth/sasl-login.h"
#include "fetch-agent/confinement.h"
#include "fetch-agent/import/import.h"
#include "fetch-agent/live.h"
#include "fetch-agent/privilege.h"
#include "fetch-agent/progress.h"
#include "fetch-agent/retry.h"
#include "fetch-agent/schedule.h"
#include "fetch-agent/status.h"

#include "common/banned.h"

/* fetchmail's numbers where they fit, sysexits.h for what keeps us from beginning. */
enum fetch_exit {
	FETCH_EXIT_MAIL = 0,
	FETCH_EXIT_NO_MAIL = 1,
	FETCH_EXIT_CONNECT = 2,
	FETCH_EXIT_AUTHENTICATE = 3,
	FETCH_EXIT_PROTOCOL = 4,
	FETCH_EXIT_LOCKED = 8,
	FETCH_EXIT_DELIVER = 10,
	FETCH_EXIT_SIGNAL = 6,
};

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

enum verb {
	VERB_DAEMON,
	VERB_ONCE,
	VERB_CHECK,
	VERB_STATUS,
	VERB_RELOAD,
	VERB_RETRY,
	VERB_IMPORT,
};

struct fetch {
	const char *config_path;
	const char *state_path;
	const char *helper_socket; /* NULL: not given */
	char *found_socket;
	const char *log_target;
	const char *user; /* NULL: see privilege.h */
	enum verb verb;
	bool json;
	struct import_request import;
	bool take_state;
	int verbosity;
	char **names; /* of the sections; none: all */
	size_t name_count;
	char **retry_words;
	size_t retry_count;
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

static void usage(FILE *out)
{
	(void)fputs(
		"usage: mailoauth-fetch [-v] [-l stderr|syslog] [-c FILE] [-s FILE] [-S SOCKET]\n"
		"       mailoauth-fetch --once|--check [OPTIONS] [NAME...]\n"
		"       mailoauth-fetch status [--json] [-c FILE] [-s FILE]\n"
		"       mailoauth-fetch reload [-s FILE]\n"
		"       mailoauth-fetch retry NAME [UID] [-c FILE] [-s FILE]\n"
		"       mailoauth-fetch --import FILE [--from PROGRAM] [--passwords DIR] "
		"[--take-state [-s FILE]]\n"
		"Fetches mail by IMAP, with OAuth tokens of mailoauthd: as a daemon, or once.\n"
		"\n"
		"  -1, --once         fetch what is new from every [fetch] section, or from those\n"
		"                     named, then end\n"
		"      --check        log in and say what the folders hold; change nothing\n"
		"      --json         status for programs\n"
		"      --import FILE  print the sections that do what FILE says: the configuration "
		"of\n"
		"                     fetchmail, getmail, mbsync or fdm\n"
		"      --from PROGRAM whose FILE is, when its name does not tell\n"
		"      --passwords DIR  write the passwords of FILE into files there\n"
		"      --take-state   take over what getmail or mbsync has fetched, or\n"
		"                     fetchmail by POP3 from Dovecot\n"
		"  -c, --config FILE  configuration [" MAILOAUTH_CONF "]\n"
		"  -s, --state FILE   what was fetched [" FETCH_STATE "]\n"
		"  -S, --socket PATH  mailoauthd's socket (or $MAILOAUTH_SOCKET, or what the\n"
		"                     configuration says)\n"
		"  -u, --user NAME    as root: become NAME, once programs for mda: can be run\n"
		"  -l, --log TARGET   stderr (default) or syslog\n"
		"  -v, --verbose      log every step; never a secret. --once on a terminal: show "
		"how far\n"
		"                     it is; twice: the steps\n"
		"  -V, --version      print the version\n"
		"  -h, --help         print this\n"
		"\n"
		"Signals: USR1 fetches now, HUP reads the configuration again, TERM ends.\n"
		"Exit status: 0 mail came, 1 there was none, 2 no connection, 3 login refused,\n"
		"4 protocol, 6 interrupted, 8 another one runs, 10 not delivered, 64 usage,\n"
		"69 no daemon to reload, 70 internal, 78 configuration.\n"
		"Example, for cron: mailoauth-fetch --once\n",
		out);
}

static enum log_target log_target_of(const char *word, bool daemon)
{
	if (strcmp(word, "syslog") == 0)
		return LOG_TARGET_SYSLOG;
	if (strcmp(word, "stderr") != 0) {
		usage(stderr);
		exit(EX_USAGE);
	}
	if (getenv("JOURNAL_STREAM") != NULL)
		return LOG_TARGET_JOURNAL;
	return daemon ? LOG_TARGET_STAMPED : LOG_TARGET_STDERR;
}

/* What stands behind the options: a verb, or names of sections. */
static bool read_words(char **words, size_t count, struct fetch *fetch)
{
	if (fetch->verb == VERB_ONCE || fetch->verb == VERB_CHECK) {
		fetch->names = words;
		fetch->name_count = count;
		return true;
	}
	if (fetch->verb == VERB_IMPORT)
		return count == 0;
	if (count > 0 && strcmp(words[0], "retry") == 0) {
		fetch->verb = VERB_RETRY;
		fetch->retry_words = words + 1;
		fetch->retry_count = count - 1;
		return count == 2 || count == 3;
	}
	if (count == 1 && strcmp(words[0], "status") == 0)
		fetch->verb = VERB_STATUS;
	else if (count == 1 && strcmp(words[0], "reload") == 0)
		fetch->verb = VERB_RELOAD;
	return count == 0 || fetch->verb != VERB_DAEMON;
}

/* Somebody looks on: they want to know how far it is; the steps with -vv. */
static bool shows_progress(const struct fetch *fetch)
{
	return fetch->verb == VERB_ONCE && fetch->verbosity > 0 && isatty(STDERR_FILENO) != 0;
}

/* Options that take a word, and where it goes. */
static const struct word_option {
	int letter;
	size_t offset;
} word_options[] = {
	{'i', offsetof(struct fetch, import.file)},	 {'f', offsetof(struct fetch, import.from)},
	{'p', offsetof(struct fetch, import.passwords)}, {'u', offsetof(struct fetch, user)},
	{'c', offsetof(struct fetch, config_path)},	 {'s', offsetof(struct fetch, state_path)},
	{'S', offsetof(struct fetch, helper_socket)},	 {'l', offsetof(struct fetch, log_target)},
};

/* False: there is no such option. */
static bool take_word(struct fetch *fetch, int letter, const char *word)
{
	for (size_t i = 0; i < sizeof(word_options) / sizeof(word_options[0]); i++) {
		if (word_options[i].letter == letter) {
			*(const char **)(void *)((char *)fetch + word_options[i].offset) = word;
			return true;
		}
	}
	return false;
}

/* False: another verb was said before. */
static bool take_verb(struct fetch *fetch, enum verb verb)
{
	bool fits = fetch->verb == VERB_DAEMON || fetch->verb == verb;

	fetch->verb = verb;
	return fits;
}

static bool take_option(struct fetch *fetch, int option)
{
	switch (option) {
	case '1':
		return take_verb(fetch, VERB_ONCE);
	case 'k':
		return take_verb(fetch, VERB_CHECK);
	case 'i':
		return take_word(fetch, option, optarg) && take_verb(fetch, VERB_IMPORT);
	case 'j':
		fetch->json = true;
		return true;
	case 't':
		fetch->take_state = true;
		return true;
	case 'v':
		fetch->verbosity++;
		return true;
	case 'V':
		(void)printf("mailoauth-fetch " PACKAGE_VERSION "\n%s\n", confine_calls_version());
		exit(EX_OK);
	case 'h':
		usage(stdout);
		exit(EX_OK);
	default:
		return take_word(fetch, option, optarg);
	}
}

/* Whether what was said belongs to the verb. */
static bool options_fit(const struct fetch *fetch)
{
	bool imports =
		fetch->import.from != NULL || fetch->import.passwords != NULL || fetch->take_state;

	return (!fetch->json || fetch->verb == VERB_STATUS) &&
	       (!imports || fetch->verb == VERB_IMPORT);
}

static void read_options(int argc, char **argv, struct fetch *fetch)
{
	static const struct option options[] = {{"once", no_argument, NULL, '1'},
						{"check", no_argument, NULL, 'k'},
						{"json", no_argument, NULL, 'j'},
						{"import", required_argument, NULL, 'i'},
						{"from", required_argument, NULL, 'f'},
						{"passwords", required_argument, NULL, 'p'},
						{"take-state", no_argument, NULL, 't'},
						{"config", required_argument, NULL, 'c'},
						{"state", required_argument, NULL, 's'},
						{"socket", required_argument, NULL, 'S'},
						{"user", required_argument, NULL, 'u'},
						{"log", required_argument, NULL, 'l'},
						{"verbose", no_argument, NULL, 'v'},
						{"version", no_argument, NULL, 'V'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	bool good = true;
	int option;

	while ((option = getopt_long(argc, argv, "1c:s:S:u:l:vVh", options, NULL)) != -1)
		good = take_option(fetch, option) && good;
	good = read_words(argv + optind, (size_t)(argc - optind), fetch) && good;
	if (!good || !options_fit(fetch)) {
		usage(stderr);
		exit(EX_USAGE);
	}
	log_init("mailoauth-fetch", log_target_of(fetch->log_target, fetch->verb == VERB_DAEMON),
		 fetch->verbosity > (shows_progress(fetch) ? 1 : 0) ? LOG_LEVEL_DEBUG
								    : LOG_LEVEL_INFO);
}

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

	fetch->config = load_config(fetch->config_path, &err);
	if (fetch->config == NULL)
		exit(EX_CONFIG);
	if (fetch_config_keep(fetch->config, fetch->names, fetch->name_count, &err) != OUTCOME_OK) {
		log_error("%s: %s", fetch->config_path, err.text);
		exit(EX_USAGE);
	}
}

static void settle(struct fetch *fetch)
{
	struct err err = ERR_INIT;

	if (privilege_settle(fetch->config, fetch->user, &fetch->world.spawner, &err) !=
	    OUTCOME_OK) {
		log_error("%s: %s", fetch->config_path, err.text);
		exit(EX_CONFIG);
	}
	harden();
	if (confinement_begin(fetch->config, fetch->config_path, &err) != OUTCOME_OK)
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
	config = load_config(fetch->config_path, err);
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

	if (fetch->verb == VERB_CHECK)
		return;
	what = state_claim(fetch->state_path, &fetch->world.state, &err);
	if (what != OUTCOME_OK) {
		log_error("%s", err.text);
		exit(what == OUTCOME_DENIED ? FETCH_EXIT_LOCKED : EX_CONFIG);
	}
	fetch->world.worker = worker_new(fetch->world.base);
	if (fetch->verb == VERB_DAEMON) {
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

	if (fetch->verb == VERB_DAEMON)
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
	if (fetch->helper_socket == NULL)
		fetch->helper_socket = fetch->found_socket = helper_socket_find(fetch->config_path);
	/* The plugin reports to the same mailoauthd. */
	if (setenv("MAILOAUTH_SOCKET", fetch->helper_socket, 1) != 0)
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
	fetch->world.helper_socket = fetch->helper_socket;
	fetch->world.check = fetch->verb == VERB_CHECK;
	fetch->world.stays = fetch->verb == VERB_DAEMON;
	if (shows_progress(fetch) && fetch->verbosity == 1)
		fetch->progress = progress_new(fetch->world.base);
	fetch->world.progress = progress_counts(fetch->progress);
	fetch->files_confined =
		confinement_enter_files(fetch->config, fetch->config_path, fetch->state_path);
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
	if (live_new(fetch->world.base, fetch->state_path, answer, fetch, &fetch->live, &err) !=
	    OUTCOME_OK)
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
	if (fetch->verb == VERB_DAEMON)
		return EX_OK;
	if (fetch->interrupted)
		return FETCH_EXIT_SIGNAL;
	if (worst == RUN_STAGE_NONE && schedule_messages(fetch->schedule) == 0 &&
	    fetch->verb != VERB_CHECK)
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

static int print_status(struct fetch *fetch)
{
	enum outcome worst = OUTCOME_OK;
	struct err err = ERR_INIT;

	if (status_print(fetch->config, fetch->state_path, fetch->json, &worst, &err) !=
	    OUTCOME_OK) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	fetch_config_free(fetch->config);
	return worst == OUTCOME_OK ? FETCH_EXIT_MAIL : FETCH_EXIT_NO_MAIL;
}

static int print_retry(struct fetch *fetch)
{
	struct err err = ERR_INIT;
	enum outcome what = retry_print(fetch->config, fetch->state_path, fetch->retry_words,
					fetch->retry_count, &err);

	if (what != OUTCOME_OK)
		log_error("%s", err.text);
	fetch_config_free(fetch->config);
	return what == OUTCOME_OK ? EX_OK : EX_CONFIG;
}

/* The sections to stdout, so that they can be redirected; what is to be known of them to stderr. */
static int print_import(struct fetch *fetch)
{
	struct buffer sections = BUFFER_INIT(IMPORT_SECTIONS_MAX);
	struct buffer notes = BUFFER_INIT(IMPORT_SECTIONS_MAX);
	struct err err = ERR_INIT;
	enum outcome what;

	fetch->import.home = import_home(fetch->import.file);
	fetch->import.state = fetch->take_state ? fetch->state_path : NULL;
	what = import_run(&fetch->import, &sections, &notes, &err);
	(void)fputs(buffer_cstr(&notes), stderr);
	if (what == OUTCOME_OK &&
	    (fputs(buffer_cstr(&sections), stdout) < 0 || fflush(stdout) != 0))
		what = err_set(&err, OUTCOME_RETRY, "the sections cannot be written");
	if (what != OUTCOME_OK)
		log_error("%s", err.text);
	buffer_release(&sections);
	buffer_release(&notes);
	if (what == OUTCOME_OK)
		return EX_OK;
	return what == OUTCOME_DENIED ? FETCH_EXIT_LOCKED : EX_CONFIG;
}

/* Asks the daemon, which logs the problems too; says here what came of it. */
static int ask_reload(const struct fetch *fetch)
{
	struct json_object *reply = NULL, *outcome = NULL, *text = NULL;
	struct err err = ERR_INIT;
	bool good;

	if (live_ask(fetch->state_path, "reload", &reply, &err) != OUTCOME_OK) {
		log_error("%s", err.text);
		return EX_UNAVAILABLE;
	}
	good = json_object_object_get_ex(reply, "outcome", &outcome) &&
	       strcmp(json_object_get_string(outcome), "ok") == 0;
	if (!good && json_object_object_get_ex(reply, "text", &text))
		log_error("refused, the configuration as it was stays in force: %s",
			  json_object_get_string(text));
	(void)json_object_put(reply);
	return good ? EX_OK : EX_CONFIG;
}

int main(int argc, char **argv)
{
	struct fetch fetch = {
		.config_path = MAILOAUTH_CONF,
		.state_path = FETCH_STATE,
		.log_target = "stderr",
	};
	int status;

	read_options(argc, argv, &fetch);
	if (fetch.verb == VERB_IMPORT)
		return print_import(&fetch);
	if (fetch.verb == VERB_RELOAD)
		return ask_reload(&fetch);
	need_config(&fetch);
	if (fetch.verb == VERB_STATUS)
		return print_status(&fetch);
	if (fetch.verb == VERB_RETRY)
		return print_retry(&fetch);
	settle(&fetch);
	begin(&fetch);
	if (fetch.verb == VERB_DAEMON)
		begin_daemon(&fetch);
	confinement_enter_calls(fetch.config, fetch.files_confined, fetch.verb == VERB_DAEMON);
	fetch.schedule = schedule_new(&fetch.world, fetch.config);
	(void)event_base_dispatch(fetch.world.base);
	status = exit_status(&fetch);
	end(&fetch);
	return status;
}
