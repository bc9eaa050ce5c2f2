/* SPDX-License-Identifier: MIT */
/* log.c - see log.h. The logger's settings are the only mutable globals of our programs. */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "common/clock.h"
#include "common/log-terminal.h"

#include "common/banned.h"

static const char *log_program = "mailoauth";
static enum log_target log_target = LOG_TARGET_STDERR;
static enum log_level log_most = LOG_LEVEL_INFO;
static void (*log_give_way)(void *ctx); /* see log-terminal.h */
static void *log_give_way_ctx;

static const struct {
	int syslog;
	const char *word;
} log_levels[] = {
	[LOG_LEVEL_ERROR] = {LOG_ERR, "error: "},
	[LOG_LEVEL_WARNING] = {LOG_WARNING, "warning: "},
	[LOG_LEVEL_INFO] = {LOG_INFO, ""},
	[LOG_LEVEL_DEBUG] = {LOG_DEBUG, "debug: "},
};

void log_init(const char *program, enum log_target target, enum log_level most_detailed)
{
	log_program = program;
	log_target = target;
	log_most = most_detailed;
	if (target == LOG_TARGET_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

static void log_write(enum log_level level, const struct err *line)
{
	char stamp[CLOCK_TEXT_MAX];

	switch (log_target) {
	case LOG_TARGET_SYSLOG:
		syslog(log_levels[level].syslog, "%s%s", log_levels[level].word, line->text);
		break;
	case LOG_TARGET_JOURNAL:
		(void)fprintf(stderr, "<%d>%s\n", log_levels[level].syslog, line->text);
		break;
	case LOG_TARGET_STAMPED:
		(void)fprintf(stderr, "%s %s: %s%s\n",
			      clock_text(clock_now_s(), stamp, sizeof(stamp)), log_program,
			      log_levels[level].word, line->text);
		break;
	case LOG_TARGET_STDERR:
		(void)fprintf(stderr, "%s: %s%s\n", log_program, log_levels[level].word,
			      line->text);
		break;
	}
}

void log_share_terminal(void (*give_way)(void *ctx), void *ctx)
{
	log_give_way = give_way;
	log_give_way_ctx = ctx;
}

static void log_vline(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void log_vline(enum log_level level, const char *fmt, va_list ap)
{
	int saved_errno = errno;
	char text[ERR_TEXT_MAX + 256];
	struct err line;

	if (level <= log_most) {
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		(void)err_set(&line, OUTCOME_OK, "%s",
			      text); /* makes control characters harmless */
		if (log_give_way != NULL)
			log_give_way(log_give_way_ctx);
		log_write(level, &line);
	}
	errno = saved_errno;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vline(level, fmt, ap);
	va_end(ap);
}

enum log_level log_level_of(enum outcome what)
{
	switch (what) {
	case OUTCOME_OK:
		return LOG_LEVEL_INFO;
	case OUTCOME_RETRY:
	case OUTCOME_DENIED:
	case OUTCOME_PROTOCOL:
		return LOG_LEVEL_WARNING;
	case OUTCOME_CONSENT:
	case OUTCOME_CONFIG:
	case OUTCOME_NOMEM:
		break;
	}
	return LOG_LEVEL_ERROR;
}

void fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vline(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	exit(EXIT_FAILURE);
}
