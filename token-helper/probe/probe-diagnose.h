/* SPDX-License-Identifier: MIT */
/* probe-diagnose.h - from a server's refusal to what it means and what to do. */
#ifndef TOKEN_HELPER_PROBE_PROBE_DIAGNOSE_H
#define TOKEN_HELPER_PROBE_PROBE_DIAGNOSE_H

#include "token-helper/probe/probe.h"

/*
 * result->class, err and said are what was seen; the table of diagnoses (common/diagnosis.h) makes
 * the class more exact, and adds its meaning and remedy. later: the server itself says that it is
 * for now only.
 */
void probe_diagnose(const struct probe_target *target, bool later, struct probe_result *result);

#endif
