/* SPDX-License-Identifier: MIT */
/*
 * main.c - mailoauth-fetch(8): options, the parts put together, and what the exit status says.
 */
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/helper-client.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "fetch-agent/auth/sasl-login.h"
#include "fetch-agent/privilege.h"
#include "fetch-agent/import/import.h"
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

struct fetch {
	const char *config_path;
	const char *state_path;
	const char *helper_socket;
	const char *user; /* NULL: see privilege.h */
	bool once, check, status, json;
	struct import_request import;
	bool take_state;
	struct fetch_config *config;
	struct run_world world;
	struct schedule *schedule;
	struct event *signals[2];
	bool interrupted;
};

static void usage(FILE *out)
{
	(void)fputs(
		"usage: mailoauth-fetch --once|--check [-v] [-l stderr|syslog] [-c FILE] "
		"[-s FILE] [-S SOCKET]\n"
		"       mailoauth-fetch --import FILE [--from PROGRAM] [--passwords DIR] "
		"[--take-state [-s FILE]]\n"
		"Fetches mail by IMAP, with OAuth tokens of mailoauthd.\n"
		"\n"
		"  -1, --once         fetch what is new from every [fetch] section, then end\n"
		"      --check        log in and say what the folders hold; change nothing\n"
		"      --import FILE  print the sections that do what FILE says: the configuration "
		"of\n"
		"                     fetchmail, getmail, mbsync or fdm\n"
		"      --from PROGRAM that is it, when FILE's name does not tell\n"
		"      --passwords DIR  write the passwords of FILE into files there\n"
		"      --take-state   take over what getmail or mbsync has fetched\n"
		"  -c, --config FILE  configuration [" MAILOAUTH_CONF "]\n"
		"  -s, --state FILE   what was fetched [" FETCH_STATE "]\n"
		"  -S, --socket PATH  mailoauthd's socket (or $MAILOAUTH_SOCKET)\n"
		"  -u, --user NAME    as root: become NAME, once programs for mda: can be run\n"
		"  -l, --log TARGET   stderr (default) or syslog\n"
		"  -v, --verbose      log every step; never a secret\n"
		"  -V, --version      print the version\n"
		"  -h, --help         print this\n"
		"\n"
		"Exit status: 0 mail came, 1 there was none, 2 no connection, 3 login refused,\n"
		"4 protocol, 6 interrupted, 8 another one runs, 10 not delivered, 64 usage,\n"
		"78 configuration.\n"
		"Example, for cron: mailoauth-fetch --once\n",
		out);
}

static enum log_target log_target_of(const char *word)
{
	if (strcmp(word, "syslog") == 0)
		return LOG_TARGET_SYSLOG;
	if (strcmp(word, "stderr") != 0) {
		usage(stderr);
		exit(EX_USAGE);
	}
	return getenv("JOURNAL_STREAM") != NULL ? LOG_TARGET_JOURNAL : LOG_TARGET_STDERR;
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
	enum log_target target = log_target_of("stderr");
	enum log_level level = LOG_LEVEL_INFO;
	int option;

	while ((option = getopt_long(argc, argv, "1c:s:S:u:l:vVh", options, NULL)) != -1) {
		switch (option) {
		case '1':
			fetch->once = true;
			break;
		case 'k':
			fetch->check = true;
			break;
		case 'j':
			fetch->json = true;
			break;
		case 'i':
			fetch->import.file = optarg;
			break;
		case 'f':
			fetch->import.from = optarg;
			break;
		case 'p':
			fetch->import.passwords = optarg;
			break;
		case 't':
			fetch->take_state = true;
			break;
		case 'c':
			fetch->config_path = optarg;
			break;
		case 's':
			fetch->state_path = optarg;
			break;
		case 'S':
			fetch->helper_socket = optarg;
			break;
		case 'u':
			fetch->user = optarg;
			break;
		case 'l':
			target = log_target_of(optarg);
			break;
		case 'v':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'V':
			(void)puts("mailoauth-fetch " PACKAGE_VERSION);
			exit(EX_OK);
		case 'h':
			usage(stdout);
			exit(EX_OK);
		default:
			usage(stderr);
			exit(EX_USAGE);
		}
	}
	if (optind + 1 == argc && strcmp(argv[optind], "status") == 0) {
		fetch->status = true;
		optind++;
	}
	if (optind < argc ||
	    fetch->once + fetch->check + fetch->status + (fetch->import.file != NULL) != 1 ||
	    (fetch->json && !fetch->status) ||
	    (fetch->import.file == NULL &&
	     (fetch->import.from != NULL || fetch->import.passwords != NULL ||
	      fetch->take_state))) {
		usage(stderr);
		exit(EX_USAGE);
	}
	log_init("mailoauth-fetch", target, level);
}

/* After the spawner was forked: programs for mda: may be set-group-ID, and have limits of their own. */
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

static struct fetch_config *load_config(const char *path)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct fetch_config *config = fetch_config_load(path, &problems);
	const char *line = buffer_cstr(&problems.text);

	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		log_error("%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	config_problems_release(&problems);
	if (config == NULL)
		exit(EX_CONFIG);
	return config;
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
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch *fetch = ctx;

	(void)what;
	log_info("signal %d: stopping; what is not delivered stays at the server", (int)fd);
	fetch->interrupted = true;
	(void)event_base_loopbreak(fetch->world.base);
}

static void watch_signal(struct fetch *fetch, size_t slot, int signum)
{
	fetch->signals[slot] = evsignal_new(fetch->world.base, signum, on_signal, fetch);
	if (fetch->signals[slot] == NULL || event_add(fetch->signals[slot], NULL) != 0)
		fatal("cannot watch signal %d", signum);
}

static void open_state(struct fetch *fetch)
{
	struct err err = ERR_INIT;
	enum outcome what;

	if (fetch->check)
		return;
	what = state_open(fetch->state_path, false, &fetch->world.state, &err);
	if (what != OUTCOME_OK) {
		log_error("%s", err.text);
		exit(what == OUTCOME_DENIED ? FETCH_EXIT_LOCKED : EX_CONFIG);
	}
	fetch->world.worker = worker_new(fetch->world.base);
}

static void begin(struct fetch *fetch)
{
	struct err err = ERR_INIT;

	/* The plugin reports to the same mailoauthd. */
	if (setenv("MAILOAUTH_SOCKET", fetch->helper_socket, 1) != 0)
		fatal("out of memory");
	if (sasl_login_init(&err) != OUTCOME_OK) {
		log_error("%s", err.text);
		exit(EX_CONFIG);
	}
	fetch->world.base = event_base_new();
	if (fetch->world.base == NULL)
		fatal("no event loop");
	fetch->world.dns = evdns_base_new(fetch->world.base, EVDNS_BASE_INITIALIZE_NAMESERVERS);
	if (fetch->world.dns == NULL) /* no resolv.conf: addresses and /etc/hosts still work */
		fetch->world.dns = evdns_base_new(fetch->world.base, 0);
	if (fetch->world.dns == NULL)
		fatal("no resolver");
	if (fetch->world.spawner != NULL)
		spawner_attach(fetch->world.spawner, fetch->world.base);
	fetch->world.helper_socket = fetch->helper_socket;
	fetch->world.check = fetch->check;
	open_state(fetch);
	watch_signal(fetch, 0, SIGTERM);
	watch_signal(fetch, 1, SIGINT);
	fetch->schedule = schedule_new(&fetch->world, fetch->config);
}

/* The gravest of what happened; mail that came counts only where nothing went wrong. */
static int exit_status(const struct fetch *fetch)
{
	const struct run_result *results = schedule_results(fetch->schedule);
	enum run_stage worst = RUN_STAGE_NONE;
	uint64_t messages = 0;

	if (fetch->interrupted)
		return FETCH_EXIT_SIGNAL;
	for (size_t i = 0; i < fetch->config->count; i++) {
		messages += results[i].messages;
		if (results[i].what != OUTCOME_OK && results[i].stage > worst)
			worst = results[i].stage;
	}
	if (worst == RUN_STAGE_NONE && messages == 0 && !fetch->check)
		return FETCH_EXIT_NO_MAIL;
	return exit_of_stage[worst];
}

static void end(struct fetch *fetch)
{
	if (fetch->world.worker != NULL)
		worker_free(fetch->world.worker);
	state_close(fetch->world.state);
	schedule_free(fetch->schedule);
	spawner_stop(fetch->world.spawner);
	for (size_t i = 0; i < sizeof(fetch->signals) / sizeof(fetch->signals[0]); i++)
		event_free(fetch->signals[i]);
	evdns_base_free(fetch->world.dns, 0);
	event_base_free(fetch->world.base);
	sasl_login_done();
	fetch_config_free(fetch->config);
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

/* The sections to stdout, so that they can be redirected; what is to be known of them to stderr. */
static int print_import(struct fetch *fetch)
{
	struct buffer sections = BUFFER_INIT(IMPORT_SECTIONS_MAX);
	struct buffer notes = BUFFER_INIT(IMPORT_SECTIONS_MAX);
	struct err err = ERR_INIT;
	enum outcome what;

	fetch->import.home = getenv("HOME");
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

int main(int argc, char **argv)
{
	const char *socket = getenv("MAILOAUTH_SOCKET");
	struct fetch fetch = {
		.config_path = MAILOAUTH_CONF,
		.state_path = FETCH_STATE,
		.helper_socket = socket != NULL ? socket : HELPER_SOCKET_SYSTEM,
	};
	int status;

	read_options(argc, argv, &fetch);
	if (fetch.import.file != NULL)
		return print_import(&fetch);
	fetch.config = load_config(fetch.config_path);
	if (fetch.status)
		return print_status(&fetch);
	settle(&fetch);
	begin(&fetch);
	(void)event_base_dispatch(fetch.world.base);
	status = exit_status(&fetch);
	end(&fetch);
	return status;
}
