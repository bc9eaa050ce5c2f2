/* SPDX-License-Identifier: MIT */
/*
 * cli-test-report.h - how `mailoauth test` says what happens: a line a step for people, at once, or
 * one JSON object at the end.
 */
#ifndef TOKEN_HELPER_CLI_TEST_REPORT_H
#define TOKEN_HELPER_CLI_TEST_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "token-helper/cli-call.h"
#include "token-helper/probe/probe.h"

/* The five stages on the way from a person's consent to an open mailbox. */
enum report_stage {
	REPORT_AUTHORIZATION,
	REPORT_GRANT,
	REPORT_TOKEN,
	REPORT_CONNECTION,
	REPORT_LOGIN,
	REPORT_STAGES,
};

struct json_object;

struct report {
	const struct cli *cli;
	bool colours;
	int stage; /* the last one that was labelled; -1: none */
	struct json_object *root, *services, *service, *steps, *dialogue; /* NULL: for people */
};

void report_open(struct report *report, const struct cli *cli);

/* Steps until report_end() are this target's. */
void report_begin(struct report *report, const struct probe_target *target);
void report_step(struct report *report, enum report_stage stage, const struct probe_step *step);
void report_line(struct report *report, enum report_stage stage, bool from_client,
		 struct span line);
/* Says the result; for people the failure is the caller's to say. */
void report_end(struct report *report, enum cli_exit exit, const struct probe_result *result);

/* Prints the JSON. */
void report_close(struct report *report, enum cli_exit exit);

#endif
