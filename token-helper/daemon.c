/* SPDX-License-Identifier: MIT */
/*
 * daemon.c - mailoauthd: puts the parts together, and takes them apart in an order that loses
 * nothing.
 *
 * Started as root it binds its sockets, then becomes [daemon] user for good. Started by systemd it
 * finds its sockets open. After the event loop has begun nothing ends the process but a signal.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"
#include "common/runner.h"
#include "common/service.h"
#include "common/xalloc.h"
#include "token-helper/accounts/accounts.h"
#include "token-helper/accounts/authorize-flow.h"
#include "token-helper/accounts/confinement.h"
#include "token-helper/accounts/helper-config.h"
#include "token-helper/accounts/notices.h"
#include "token-helper/http/http-client.h"
#include "token-helper/server/listener.h"
#include "token-helper/server/metrics-outlet.h"
#include "token-helper/server/server.h"
#include "token-helper/store/store.h"

#include "common/banned.h"

/* How long a request in flight may keep us at the end: a rotated token must reach the disk. Longer
 * than the longest `timeout` of an account, shorter than the unit's TimeoutStopSec. */
#define DRAIN_S 42
/* And who has connected, to ask and to be answered: they do so at once, on a machine that does not
 * swap. */
#define CLIENTS_S 2
#define TICKS_S	  10 /* a second's looks at what is in flight */

#define PLURAL(count) (count), (count) == 1 ? "" : "s"

struct daemon {
	const char *config_path;
	struct helper_config *config;
	struct event_base *base;
	struct store *store;
	struct http_client *http;
	struct accounts *accounts;
	struct flows *flows;
	struct server *server;
	struct metrics_outlet *metrics;
	struct notices *notices;
	struct confinement confinement;
	struct event *signals[3];
	struct event *drain;
	struct event *watchdog;
	int drain_ticks;
};

/* Configuration ------------------------------------------------------------------------------- */

static void log_lines(enum log_level level, const struct buffer *text)
{
	const char *line = buffer_cstr(text);

	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		log_line(level, "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static struct helper_config *load_config(const char *path, struct err *err)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config = helper_config_load(path, NULL, &problems);

	if (config == NULL) {
		log_lines(LOG_LEVEL_ERROR, &problems.text);
		(void)err_set(err, OUTCOME_CONFIG, "%.*s (%zu problem%s in all)",
			      (int)strcspn(buffer_cstr(&problems.text), "\n"),
			      buffer_cstr(&problems.text), problems.count,
			      problems.count == 1 ? "" : "s");
	} else {
		log_lines(LOG_LEVEL_WARNING, &config->warnings);
	}
	config_problems_release(&problems);
	if (config != NULL && config->seal_keys_unseen) {
		(void)err_set(err, OUTCOME_CONFIG,
			      "seal_key_file names a credential, and systemd gave this process "
			      "none: add LoadCredential to the unit");
		log_error("%s", err->text);
		helper_config_free(config);
		config = NULL;
	}
	return config;
}

static struct seal_keys *take_seal_keys(struct helper_config *config)
{
	struct seal_keys *keys = config->seal_keys;

	config->seal_keys = NULL;
	return keys;
}

static bool same_notices(const struct helper_config *a, const struct helper_config *b)
{
	const char *to = a->notify_mail != NULL ? a->notify_mail : "";
	const char *other = b->notify_mail != NULL ? b->notify_mail : "";

	return words_equal(&a->notify_command, &b->notify_command) && strcmp(to, other) == 0 &&
	       words_equal(&a->notify_mail_by, &b->notify_mail_by);
}

static enum outcome reload(void *context, struct err *err)
{
	struct daemon *daemon = context;
	struct helper_config *config;

	service_notify_reloading();
	config = load_config(daemon->config_path, err);
	if (config == NULL) {
		log_error("reload: refused, the configuration as it was stays in force");
		service_notify("READY=1");
		return OUTCOME_CONFIG;
	}
	if (!words_equal(&config->sockets, &daemon->config->sockets) ||
	    strcmp(config->store, daemon->config->store) != 0 ||
	    strcmp(config->user, daemon->config->user) != 0 ||
	    config->confine != daemon->config->confine ||
	    !words_equal(&config->metrics, &daemon->config->metrics) ||
	    !same_notices(config, daemon->config))
		log_warning("reload: socket, store, user, confine, metrics and notify_* of "
			    "[daemon] change "
			    "only with a restart");
	/* The accounts go over; what the server borrows of the old one (admin) is replaced in
	 * place. */
	store_set_keys(daemon->store, take_seal_keys(config));
	accounts_apply(daemon->accounts, config);
	peer_list_release(&daemon->config->admin);
	daemon->config->admin = config->admin;
	config->admin = (struct peer_list){0};
	helper_config_free(config);
	log_info("reload: ok, %zu account%s", PLURAL(accounts_count(daemon->accounts)));
	service_notify("READY=1");
	return OUTCOME_OK;
}

/* Privileges ---------------------------------------------------------------------------------- */

static void harden(void)
{
	struct rlimit files;
	struct rlimit no_core = {0, 0};

	(void)umask(077);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void drop_privileges(const char *user)
{
	const struct passwd *pw;

	if (geteuid() != 0 || strcmp(user, "root") == 0)
		return;
	pw = getpwnam(user);
	if (pw == NULL) {
		log_error("there is no user %s: make it (./bootstrap install does), or set user in "
			  "[daemon]",
			  user);
		exit(EX_CONFIG);
	}
	if (initgroups(user, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
		fatal("cannot become %s: %s", user, strerror(errno));
	if (setuid(0) == 0)
		fatal("root came back after becoming %s", user);
}

/* Who we are, and who runs programs for us: from here on nothing can be gained back. */
static void settle(const struct daemon *daemon)
{
	struct err err;

	if (daemon->config->confine)
		confine_bounding();
	drop_privileges(daemon->config->user);
	if (daemon->config->confine)
		confine_privileges(0);
	if (confinement_start_runner(daemon->config, daemon->config_path, &err) != OUTCOME_OK)
		fatal("the process that runs programs: %s", err.text);
}

/* Sockets ------------------------------------------------------------------------------------- */

struct sockets {
	int fds[64];
	size_t count;
};

static void add_socket(struct sockets *sockets, int fd)
{
	if (sockets->count == sizeof(sockets->fds) / sizeof(sockets->fds[0]))
		fatal("more than %zu sockets", sockets->count);
	sockets->fds[sockets->count++] = fd;
}

/* Of Postfix's queue, where there is no Postfix: then nobody would ask there. */
static bool directory_is_missing(const char *path)
{
	char *copy = xstrdup(path);
	bool missing = access(dirname(copy), F_OK) != 0 && errno == ENOENT;

	free(copy);
	return missing;
}

static void open_socket(const char *path, bool needed, struct sockets *sockets)
{
	struct err err;
	int fd;

	if (!needed && directory_is_missing(path)) {
		log_warning("socket: %s is not made: its directory does not exist (Postfix is not "
			    "installed, or has another queue_directory)",
			    path);
		return;
	}
	if (listener_open(path, &fd, &err) != OUTCOME_OK) {
		log_error("socket: %s", err.text);
		exit(EX_CONFIG);
	}
	add_socket(sockets, fd);
}

/* systemd's, or else our own. Before privileges are dropped: Postfix's private/ is closed to our
 * user. */
static void open_sockets(const struct helper_config *config, struct sockets *sockets)
{
	int passed = service_listen_fds();

	for (int i = 0; i < passed; i++) {
		(void)fcntl(SERVICE_FIRST_FD + i, F_SETFL, O_NONBLOCK);
		add_socket(sockets, SERVICE_FIRST_FD + i);
	}
	for (size_t i = 0; passed == 0 && i < config->sockets.count; i++)
		open_socket(config->sockets.word[i], i == 0, sockets);
}

/* Ending -------------------------------------------------------------------------------------- */

static void on_drain(evutil_socket_t fd, short what, void *context)
{
	struct daemon *daemon = context;

	(void)fd;
	(void)what;
	daemon->drain_ticks++;
	if (daemon->drain_ticks < CLIENTS_S * TICKS_S && server_is_due(daemon->server))
		return;
	if (daemon->drain_ticks < DRAIN_S * TICKS_S &&
	    (accounts_busy(daemon->accounts) || flows_busy(daemon->flows)))
		return;
	(void)event_base_loopexit(daemon->base, NULL);
}

static void on_terminate(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval tick = {.tv_usec = 1000000 / TICKS_S};
	struct daemon *daemon = context;

	(void)what;
	if (daemon->drain != NULL)
		return;
	log_info("signal %d: stopping%s", (int)fd,
		 accounts_busy(daemon->accounts) ? " when the refreshes in flight have ended" : "");
	service_notify("STOPPING=1");
	server_stop(daemon->server);
	daemon->drain = event_new(daemon->base, -1, EV_PERSIST, on_drain, daemon);
	if (daemon->drain == NULL || event_add(daemon->drain, &tick) != 0) {
		(void)event_base_loopbreak(daemon->base);
		return;
	}
	event_active(daemon->drain, 0, 0);
}

static void on_hangup(evutil_socket_t fd, short what, void *context)
{
	struct err err;

	(void)fd;
	(void)what;
	(void)reload(context, &err);
}

static void watch_signal(struct daemon *daemon, size_t slot, int signum, event_callback_fn handler)
{
	daemon->signals[slot] = evsignal_new(daemon->base, signum, handler, daemon);
	if (daemon->signals[slot] == NULL || event_add(daemon->signals[slot], NULL) != 0)
		fatal("cannot watch signal %d", signum);
}

/* In the loop, so that it is silent when the loop hangs; until the end, for what is in flight. */
static void on_watchdog(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	service_notify("WATCHDOG=1");
}

static void feed_watchdog(struct daemon *daemon)
{
	int64_t every_ms = service_watchdog_ms();
	struct timeval every = {every_ms / 1000, (suseconds_t)(every_ms % 1000 * 1000)};

	if (every_ms == 0)
		return;
	daemon->watchdog = event_new(daemon->base, -1, EV_PERSIST, on_watchdog, daemon);
	if (daemon->watchdog == NULL || event_add(daemon->watchdog, &every) != 0)
		fatal("no timer for the watchdog");
}

/* Life ---------------------------------------------------------------------------------------- */

static void daemon_start(struct daemon *daemon, const struct sockets *sockets)
{
	struct account_world world;
	struct server_world surface;
	struct err err;
	enum outcome outcome = store_open(daemon->config->store, take_seal_keys(daemon->config),
					  &daemon->store, &err);

	if (outcome != OUTCOME_OK) {
		log_error("store: %s", err.text);
		exit(outcome == OUTCOME_CONFIG ? EX_CONFIG : EX_TEMPFAIL);
	}
	daemon->base = event_base_new();
	if (daemon->base == NULL)
		fatal("no event loop");
	daemon->http = http_client_new(daemon->base, "mailoauth/" PACKAGE_VERSION);
	world = (struct account_world){
		.base = daemon->base, .http = daemon->http, .store = daemon->store};
	daemon->accounts = accounts_new(&world);
	accounts_apply(daemon->accounts, daemon->config);
	daemon->flows = flows_new(&world, daemon->accounts);
	surface = (struct server_world){
		.base = daemon->base,
		.accounts = daemon->accounts,
		.flows = daemon->flows,
		.admin = &daemon->config->admin,
		.reload = reload,
		.reload_context = daemon,
		.confinement = &daemon->confinement,
	};
	daemon->server = server_new(&surface);
	for (size_t i = 0; i < sockets->count; i++)
		server_listen(daemon->server, sockets->fds[i]);
	daemon->metrics =
		metrics_outlet_new(daemon->base, daemon->accounts, &daemon->config->metrics);
	daemon->notices = notices_new(daemon->base, daemon->http, daemon->accounts, daemon->config);
	watch_signal(daemon, 0, SIGTERM, on_terminate);
	watch_signal(daemon, 1, SIGINT, on_terminate);
	watch_signal(daemon, 2, SIGHUP, on_hangup);
	feed_watchdog(daemon);
}

static void daemon_end(struct daemon *daemon)
{
	notices_free(daemon->notices);
	metrics_outlet_free(daemon->metrics);
	server_free(daemon->server);
	flows_free(daemon->flows);
	accounts_free(daemon->accounts);
	http_client_free(daemon->http);
	store_close(daemon->store);
	for (size_t i = 0; i < sizeof(daemon->signals) / sizeof(daemon->signals[0]); i++)
		event_free(daemon->signals[i]);
	if (daemon->drain != NULL)
		event_free(daemon->drain);
	if (daemon->watchdog != NULL)
		event_free(daemon->watchdog);
	runner_stop();
	event_base_free(daemon->base);
	helper_config_free(daemon->config);
	libevent_global_shutdown();
}

static void usage(FILE *out)
{
	(void)fputs("usage: mailoauthd [-f] [-v] [-l stderr|syslog] [-c FILE]\n"
		    "Keeps the OAuth grants of mail accounts and hands out their access tokens.\n"
		    "\n"
		    "  -c, --config FILE  configuration [" MAILOAUTH_CONF "]\n"
		    "  -f, --foreground   stay in the foreground: it always does; for scripts that "
		    "say so\n"
		    "  -l, --log TARGET   stderr (default) or syslog\n"
		    "  -v, --verbose      log state changes too; never a secret\n"
		    "  -V, --version      print the version\n"
		    "  -h, --help         print this\n"
		    "\n"
		    "Signals: HUP reads the configuration again, TERM ends after the refreshes in "
		    "flight.\n"
		    "Example: mailoauthd -c /etc/mailoauth/mailoauth.conf\n"
		    "Check a configuration with: mailoauth config check\n",
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
	return getenv("JOURNAL_STREAM") != NULL ? LOG_TARGET_JOURNAL : LOG_TARGET_STAMPED;
}

static void read_options(int argc, char **argv, struct daemon *daemon)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"foreground", no_argument, NULL, 'f'},
						{"log", required_argument, NULL, 'l'},
						{"verbose", no_argument, NULL, 'v'},
						{"version", no_argument, NULL, 'V'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	enum log_target target = log_target_of("stderr");
	enum log_level level = LOG_LEVEL_INFO;
	int option;

	while ((option = getopt_long(argc, argv, "c:fl:vVh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			daemon->config_path = optarg;
			break;
		case 'f':
			break;
		case 'l':
			target = log_target_of(optarg);
			break;
		case 'v':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'V':
			(void)printf("mailoauthd " PACKAGE_VERSION "\n%s\n",
				     confine_calls_version());
			exit(EX_OK);
		case 'h':
			usage(stdout);
			exit(EX_OK);
		default:
			usage(stderr);
			exit(EX_USAGE);
		}
	}
	if (optind < argc) {
		usage(stderr);
		exit(EX_USAGE);
	}
	log_init("mailoauthd", target, level);
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.config_path = MAILOAUTH_CONF};
	struct sockets sockets = {.count = 0};
	struct err err;

	service_fill_stdio();
	read_options(argc, argv, &daemon);
	harden();
	(void)signal(SIGPIPE, SIG_IGN);
	daemon.config = load_config(daemon.config_path, &err);
	if (daemon.config == NULL)
		exit(EX_CONFIG);
	open_sockets(daemon.config, &sockets);
	settle(&daemon);
	daemon_start(&daemon, &sockets);
	confinement_enter(daemon.config, daemon.config_path, &daemon.confinement);
	log_info("ready: version %s, %zu account%s, %zu socket%s", PACKAGE_VERSION,
		 PLURAL(accounts_count(daemon.accounts)), PLURAL(sockets.count));
	service_notify("READY=1");
	(void)event_base_dispatch(daemon.base);
	daemon_end(&daemon);
	return EX_OK;
}
