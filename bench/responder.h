/* SPDX-License-Identifier: MIT */
/*
 * responder.h - a process that answers every request on a Unix socket with the same bytes.
 *
 * The floor of what any daemon costs its asker: accept, one read, one write, close.
 */
#ifndef BENCH_RESPONDER_H
#define BENCH_RESPONDER_H

#include <sys/types.h>

#include "common/buffer.h"

/* Listens on path before it returns the child's id; -1 on failure (errno). The child ends with its
 * parent. */
pid_t responder_start(const char *path, struct span answer);

#endif
