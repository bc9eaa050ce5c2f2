/* SPDX-License-Identifier: MIT */
/* run-report.c - see run-report.h. */
#include "fetch-agent/run-report.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/diagnosis.h"
#include "common/log.h"

#include "common/banned.h"

#define MS	   1000
#define CLAUSE_MAX 400
#define COUNTS_MAX 256

static enum log_level level_of(const struct run_report *report)
{
	const struct run_result *result = report->result;
	bool quiet = result->what == OUTCOME_OK && result->messages == 0 && result->told == 0 &&
		     report->tries_before == 0;
	bool mended = result->watched && report->next_ms <= 2 * MS;

	return report->daemon && (quiet || mended) ? LOG_LEVEL_DEBUG : log_level_of(result->what);
}

/* What it means, and what to do. */
static void say_meaning(const struct run_result *result, char *text, size_t size)
{
	const struct diagnosis *diagnosis =
		diagnosis_find(result->where, span_from_str(result->err.text));

	if (result->what != OUTCOME_OK && diagnosis != NULL)
		(void)snprintf(text, size, "%s%s%s; ", diagnosis->meaning,
			       diagnosis->remedy != NULL ? ": " : "",
			       diagnosis->remedy != NULL ? diagnosis->remedy : "");
}

static void say_next(const struct run_report *report, char *text, size_t size)
{
	if (!report->daemon)
		return;
	if (report->result->what == OUTCOME_OK && report->tries_before > 0)
		(void)snprintf(text, size, "; well again after %u failure%s", report->tries_before,
			       report->tries_before == 1 ? "" : "s");
	else if (report->result->what != OUTCOME_OK && report->next_ms >= 0)
		(void)snprintf(text, size, "; next attempt in %" PRId64 " s",
			       (report->next_ms + MS - 1) / MS);
}

/* ", 3 left": a count that is worth a word only when there are any. */
static void say_count(struct buffer *text, uint64_t count, const char *what)
{
	if (count > 0)
		(void)buffer_printf(text, ", %" PRIu64 " %s", count, what);
}

static void say_counts(const struct run_report *report, struct buffer *text)
{
	const struct run_result *result = report->result;

	if (report->source->after != FETCH_AFTER_KEEP && result->told > 0)
		(void)buffer_printf(text, ", after=%s %" PRIu64,
				    fetch_after_name(report->source->after), result->told);
	say_count(text, result->left, "left");
	say_count(text, result->later, "again later");
	say_count(text, result->refused, "not deliverable");
	say_count(text, result->known, "known");
}

void run_report_log(const struct run_report *report)
{
	const struct fetch_source *source = report->source;
	const struct run_result *result = report->result;
	struct buffer counts = BUFFER_INIT(COUNTS_MAX);
	char meaning[CLAUSE_MAX] = "", next[64] = "";
	bool here = source->delivery.host == NULL; /* else nobody was asked */

	if (report->check && result->what == OUTCOME_OK) {
		log_info("fetch=%s account=%s ok: logged in%s%s%s; nothing was fetched (--check)",
			 source->name, source->account, here ? ", deliver = " : "",
			 here ? source->delivery.text : "", here ? " can be used" : "");
		return;
	}
	say_counts(report, &counts);
	say_meaning(result, meaning, sizeof(meaning));
	say_next(report, next, sizeof(next));
	log_line(level_of(report),
		 "fetch=%s account=%s %s: %s%s%s%" PRIu64 " messages, %" PRIu64
		 " bytes%s in %" PRId64 ".%03d s%s",
		 source->name, source->account, outcome_name(result->what), result->err.text,
		 result->what != OUTCOME_OK ? "; " : "", meaning, result->messages, result->bytes,
		 buffer_cstr(&counts), result->spent_ms / MS, (int)(result->spent_ms % MS), next);
	buffer_release(&counts);
}
