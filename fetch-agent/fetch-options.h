/* SPDX-License-Identifier: MIT */
/* fetch-options.h - what mailoauth-fetch(8) is told by its arguments. */
#ifndef FETCH_AGENT_FETCH_OPTIONS_H
#define FETCH_AGENT_FETCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "fetch-agent/import/import.h"

enum fetch_verb {
	VERB_DAEMON,
	VERB_ONCE,
	VERB_CHECK,
	VERB_STATUS,
	VERB_RELOAD,
	VERB_RETRY,
	VERB_IMPORT,
};

/* Borrows argv. */
struct fetch_options {
	const char *config_path;
	const char *state_path;
	const char *helper_socket; /* NULL: not given */
	const char *log_target;
	const char *user; /* NULL: see privilege.h */
	enum fetch_verb verb;
	bool json;
	struct import_request import;
	bool take_state;
	int verbosity;
	char **names; /* of the sections; none: all */
	size_t name_count;
	char **retry_words;
	size_t retry_count;
};

/* Reads them, and begins the log. What cannot be ends the process with the usage, --help and
 * --version with what they ask for. */
void fetch_options_read(int argc, char **argv, struct fetch_options *options);

/* Somebody looks on: they want to know how far it is; the steps with -vv. */
bool fetch_options_show_progress(const struct fetch_options *options);

#endif
