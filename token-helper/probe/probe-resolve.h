/* SPDX-License-Identifier: MIT */
/* probe-resolve.h - getaddrinfo(3) under a deadline. */
#ifndef TOKEN_HELPER_PROBE_PROBE_RESOLVE_H
#define TOKEN_HELPER_PROBE_PROBE_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "common/deadline.h"
#include "common/outcome.h"

/* OUTCOME_CONFIG: there is no such name; OUTCOME_RETRY: no answer. freeaddrinfo(*found_out). */
enum outcome resolve(const char *host, uint16_t port, struct deadline deadline,
		     struct addrinfo **found_out, struct err *err);

#endif
