/* SPDX-License-Identifier: MIT */
/*
 * smtp-script.h - a process that plays an LMTP or SMTP listener, line by line as the test says.
 *
 * A script is lines: "S: text" is said ("|" ends a line in the middle); "C: text" must be heard
 * ("*" at its end: anything may follow); "M" hears lines up to and with a lone dot; "E" expects the
 * client to hang up; "X" hangs up; "--" hangs up and waits for the next connection. "N" makes
 * script->note readable, and waits for smtp_script_go(). What is heard in another order than
 * written ends it: smtp_script_end() says so.
 */
#ifndef TESTS_FETCH_AGENT_SMTP_SCRIPT_H
#define TESTS_FETCH_AGENT_SMTP_SCRIPT_H

#include <stdbool.h>

#include "tests/common/peer-process.h"

struct smtp_script {
	struct peer_process process;
	int note, go;
};

void smtp_script_start(struct smtp_script *script, const char *text);
void smtp_script_go(struct smtp_script *script);
/* Waits for it; true: all went as written. */
bool smtp_script_end(struct smtp_script *script);

#endif
