/* SPDX-License-Identifier: MIT */
/* fetch-options.c - see fetch-options.h. */
#include "fetch-agent/fetch-options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"

#include "common/banned.h"

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
static bool read_words(char **words, size_t count, struct fetch_options *options)
{
	if (options->verb == VERB_ONCE || options->verb == VERB_CHECK) {
		options->names = words;
		options->name_count = count;
		return true;
	}
	if (options->verb == VERB_IMPORT)
		return count == 0;
	if (count > 0 && strcmp(words[0], "retry") == 0) {
		options->verb = VERB_RETRY;
		options->retry_words = words + 1;
		options->retry_count = count - 1;
		return count == 2 || count == 3;
	}
	if (count == 1 && strcmp(words[0], "status") == 0)
		options->verb = VERB_STATUS;
	else if (count == 1 && strcmp(words[0], "reload") == 0)
		options->verb = VERB_RELOAD;
	return count == 0 || options->verb != VERB_DAEMON;
}

bool fetch_options_show_progress(const struct fetch_options *options)
{
	return options->verb == VERB_ONCE && options->verbosity > 0 && isatty(STDERR_FILENO) != 0;
}

/* Options that take a word, and where it goes. */
static const struct word_option {
	int letter;
	size_t offset;
} word_options[] = {
	{'i', offsetof(struct fetch_options, import.file)},
	{'f', offsetof(struct fetch_options, import.from)},
	{'p', offsetof(struct fetch_options, import.passwords)},
	{'u', offsetof(struct fetch_options, user)},
	{'c', offsetof(struct fetch_options, config_path)},
	{'s', offsetof(struct fetch_options, state_path)},
	{'S', offsetof(struct fetch_options, helper_socket)},
	{'l', offsetof(struct fetch_options, log_target)},
};

/* False: there is no such option. */
static bool take_word(struct fetch_options *options, int letter, const char *word)
{
	for (size_t i = 0; i < sizeof(word_options) / sizeof(word_options[0]); i++) {
		if (word_options[i].letter == letter) {
			*(const char **)(void *)((char *)options + word_options[i].offset) = word;
			return true;
		}
	}
	return false;
}

/* False: another verb was said before. */
static bool take_verb(struct fetch_options *options, enum fetch_verb verb)
{
	bool fits = options->verb == VERB_DAEMON || options->verb == verb;

	options->verb = verb;
	return fits;
}

static bool take_option(struct fetch_options *options, int option)
{
	switch (option) {
	case '1':
		return take_verb(options, VERB_ONCE);
	case 'k':
		return take_verb(options, VERB_CHECK);
	case 'i':
		return take_word(options, option, optarg) && take_verb(options, VERB_IMPORT);
	case 'j':
		options->json = true;
		return true;
	case 't':
		options->take_state = true;
		return true;
	case 'v':
		options->verbosity++;
		return true;
	case 'V':
		(void)printf("mailoauth-fetch " PACKAGE_VERSION "\n%s\n", confine_calls_version());
		exit(EX_OK);
	case 'h':
		usage(stdout);
		exit(EX_OK);
	default:
		return take_word(options, option, optarg);
	}
}

/* Whether what was said belongs to the verb. */
static bool options_fit(const struct fetch_options *options)
{
	bool imports = options->import.from != NULL || options->import.passwords != NULL ||
		       options->take_state;

	return (!options->json || options->verb == VERB_STATUS) &&
	       (!imports || options->verb == VERB_IMPORT);
}

void fetch_options_read(int argc, char **argv, struct fetch_options *options)
{
	static const struct option known[] = {{"once", no_argument, NULL, '1'},
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

	*options = (struct fetch_options){
		.config_path = MAILOAUTH_CONF,
		.state_path = FETCH_STATE,
		.log_target = "stderr",
	};
	while ((option = getopt_long(argc, argv, "1c:s:S:u:l:vVh", known, NULL)) != -1)
		good = take_option(options, option) && good;
	good = read_words(argv + optind, (size_t)(argc - optind), options) && good;
	if (!good || !options_fit(options)) {
		usage(stderr);
		exit(EX_USAGE);
	}
	log_init("mailoauth-fetch",
		 log_target_of(options->log_target, options->verb == VERB_DAEMON),
		 options->verbosity > (fetch_options_show_progress(options) ? 1 : 0)
			 ? LOG_LEVEL_DEBUG
			 : LOG_LEVEL_INFO);
}
