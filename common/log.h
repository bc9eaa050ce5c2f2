/* SPDX-License-Identifier: MIT */
/*
 * log.h - what our programs tell the administrator.
 *
 * Host half. One line an event: subject first ("account=relay"), then outcome, then text. To stderr
 * (with a time stamp unless a journal adds its own) or to syslog's mail facility. Never a secret:
 * not a token, code, verifier or client secret, and no URL with a query. The owner of an operation
 * logs; modules fill struct err.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#include "common/outcome.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* somebody must act */
	LOG_LEVEL_WARNING, /* it mends itself, or may soon need somebody */
	LOG_LEVEL_INFO,	   /* one line an event of the day's work */
	LOG_LEVEL_DEBUG,   /* state changes; off unless -v */
};

enum log_target {
	LOG_TARGET_STDERR,  /* plain: "program: text" */
	LOG_TARGET_JOURNAL, /* stderr with sd-daemon(3) "<N>" prefixes */
	LOG_TARGET_STAMPED, /* stderr with UTC time stamps */
	LOG_TARGET_SYSLOG,  /* facility mail */
};

/* program: borrowed for ever (a literal). Until it is called, lines go to stderr. */
void log_init(const char *program, enum log_target target, enum log_level most_detailed);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* The level that a failure of this kind deserves. */
enum log_level log_level_of(enum outcome what);

/* Logs an error and exits 1 (EX_OSERR 71 for memory is not worth a second function). Start-up only.
 */
void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
