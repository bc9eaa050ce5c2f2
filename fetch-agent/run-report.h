/* SPDX-License-Identifier: MIT */
/*
 * run-report.h - the one line in the log about a pass: who, what came of it, the server's words,
 * what they mean, and when it is tried again.
 */
#ifndef FETCH_AGENT_RUN_REPORT_H
#define FETCH_AGENT_RUN_REPORT_H

#include "fetch-agent/source-run.h"

struct run_report {
	const struct fetch_source *source;
	const struct run_result *result;
	unsigned tries_before; /* failures in a row that came before */
	int64_t next_ms;       /* after a failure, with daemon; negative: never by itself */
	bool check;	       /* nothing was to be fetched */
	bool daemon; /* nothing new and nothing wrong is no news, nor is a connection that ends */
};

void run_report_log(const struct run_report *report);

#endif
