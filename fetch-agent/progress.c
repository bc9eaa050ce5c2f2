/* SPDX-License-Identifier: MIT */
/* progress.c - see progress.h. */
#include "fetch-agent/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/deadline.h"
#include "common/log-terminal.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define REDRAW_US  200000
#define MEGABYTE   1e6
#define LEFT_MAX_S 360000 /* nobody waits for more */
#define CLEAR	   "\r\033[K"

struct progress {
	struct mailbox_progress counts;
	struct event *timer;
	int64_t began_ms; /* when the first message was known of; 0: not yet */
	bool drawn;
};

const char *progress_text(const struct mailbox_progress *counts, int64_t spent_ms, char *text,
			  size_t size)
{
	double spent_s = (double)spent_ms / 1000;
	double rate = spent_s > 0 ? (double)counts->bytes / spent_s : 0;
	/* Sizes that servers give are advice: there may come more. */
	uint64_t all = counts->all_bytes > counts->bytes ? counts->all_bytes : counts->bytes;
	double left_s;
	int len;

	text[0] = '\0';
	if (counts->all_messages == 0)
		return text;
	len = snprintf(text, size,
		       "%" PRIu64 " of %" PRIu64 " messages, %.1f of %.1f MB, %.1f MB/s",
		       counts->messages, counts->all_messages, (double)counts->bytes / MEGABYTE,
		       (double)all / MEGABYTE, rate / MEGABYTE);
	left_s = rate > 0 ? (double)(all - counts->bytes) / rate : LEFT_MAX_S;
	if (left_s < LEFT_MAX_S && len > 0 && (size_t)len < size)
		(void)snprintf(text + len, size - (size_t)len, ", %u:%02u left",
			       (unsigned)left_s / 60, (unsigned)left_s % 60);
	return text;
}

/* Before a line of the log, and at the end. */
static void give_way(void *ctx)
{
	struct progress *progress = ctx;

	if (progress->drawn)
		(void)fputs(CLEAR, stderr);
	progress->drawn = false;
}

static void draw(struct progress *progress)
{
	int64_t now_ms = deadline_in_ms(0).at_ms;
	char text[PROGRESS_TEXT_MAX];

	if (progress->counts.all_messages == 0)
		return;
	if (progress->began_ms == 0)
		progress->began_ms = now_ms;
	(void)fprintf(
		stderr, CLEAR "%s",
		progress_text(&progress->counts, now_ms - progress->began_ms, text, sizeof(text)));
	(void)fflush(stderr);
	progress->drawn = true;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	draw(ctx);
}

struct progress *progress_new(struct event_base *base)
{
	static const struct timeval redraw = {.tv_usec = REDRAW_US};
	struct progress *progress;

	if (isatty(STDERR_FILENO) == 0)
		return NULL;
	progress = xcalloc(1, sizeof(*progress));
	progress->timer = event_new(base, -1, EV_PERSIST, on_timer, progress);
	if (progress->timer == NULL || event_add(progress->timer, &redraw) != 0)
		abort(); /* as xalloc: out of memory */
	log_share_terminal(give_way, progress);
	return progress;
}

void progress_free(struct progress *progress)
{
	if (progress == NULL)
		return;
	log_share_terminal(NULL, NULL);
	give_way(progress);
	event_free(progress->timer);
	free(progress);
}

struct mailbox_progress *progress_counts(struct progress *progress)
{
	return progress != NULL ? &progress->counts : NULL;
}
