/* SPDX-License-Identifier: MIT */
/*
 * xalloc.h - allocation that does not fail, for our programs only (never in the guest half).
 * Out of memory ends the process: the store is durable at every instant, systemd starts us again.
 */
#ifndef COMMON_XALLOC_H
#define COMMON_XALLOC_H

#include <stddef.h>

#include "common/buffer.h"

void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *ptr, size_t count, size_t size);
void *xgrow(void *array, size_t count, size_t size); /* room for one more than count, by doubling */
char *xstrdup(const char *str);			     /* NULL gives NULL */
char *xspandup(struct span span);		     /* NUL-terminated copy */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
