/* SPDX-License-Identifier: MIT */
/*
 * imap-trace.h - what the IMAP parser says of some bytes, as lines of text that can be compared.
 *
 * One line a response and one a body; the last line is "malformed: ..." where it ended so. How the
 * bytes were cut leaves no trace. Shared by the tests and the fuzz target.
 */
#ifndef TESTS_FETCH_AGENT_IMAP_TRACE_H
#define TESTS_FETCH_AGENT_IMAP_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"
#include "fetch-agent/imap/imap-parser.h"

struct imap_trace {
	struct buffer text;
	struct buffer body; /* of the body that passes now */
	size_t announced;   /* its size */
	bool in_body;	    /* begun, not ended */
	bool malformed;
	bool idle;	      /* the bytes end between responses */
	bool body_size_wrong; /* an ended body had other than the announced bytes */
	size_t chunks;	      /* given to the sink */
	size_t responses;
};

/* Feeds bytes in steps of step bytes (0: all at once). limits NULL: the default. */
void imap_trace_run(struct imap_trace *trace, struct span bytes, size_t step,
		    const struct imap_limits *limits);
/* The same, cut once at `cut`. */
void imap_trace_run_cut(struct imap_trace *trace, struct span bytes, size_t cut,
			const struct imap_limits *limits);
void imap_trace_release(struct imap_trace *trace);

#endif
