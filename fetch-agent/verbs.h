/* SPDX-License-Identifier: MIT */
/* verbs.h - what mailoauth-fetch(8) does beside fetching, each in one go: what they return is the
 * exit status. */
#ifndef FETCH_AGENT_VERBS_H
#define FETCH_AGENT_VERBS_H

#include "fetch-agent/fetch-config.h"
#include "fetch-agent/fetch-options.h"

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

/* These two take config, as the end of the process follows. */
int verb_status(const struct fetch_options *options, struct fetch_config *config);
int verb_retry(const struct fetch_options *options, struct fetch_config *config);

/* The sections to stdout, so that they can be redirected; what is to be known of them to stderr. */
int verb_import(const struct fetch_options *options);

/* Asks the daemon, which logs the problems too; says here what came of it. */
int verb_reload(const struct fetch_options *options);

#endif
