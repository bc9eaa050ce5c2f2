/* SPDX-License-Identifier: MIT */
/* fetch-select.c - see fetch-select.h. */
#include "fetch-agent/fetch-select.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/scanner.h"
#include "common/xalloc.h"
#include "fetch-agent/folder-select.h"

#include "common/banned.h"

#define RETRY_FOR_DEFAULT_S (5 * 86400) /* as long as Postfix keeps trying by default */
#define DAYS_MAX	    36500
#define SIZE_NUMBER_MAX	    1099511627776 /* 1024^4 */
#define BOUNCE_VIA_DEFAULT  "smtp:127.0.0.1:25"

void fetch_selection_init(struct fetch_selection *selection)
{
	*selection = (struct fetch_selection){.retry_for_s = RETRY_FOR_DEFAULT_S};
}

void fetch_selection_release(struct fetch_selection *selection)
{
	free(selection->refused_to);
	delivery_config_release(&selection->via);
}

/* Days back ("30d"), or a date ("2026-01-31"). */
static bool read_since(struct fetch_selection *selection)
{
	struct scanner scan = scanner_over(span_from_str(selection->since_text));
	struct tm date = {0};
	uint64_t days;
	const char *end;

	if (scan_u64(&scan, DAYS_MAX, &days) && days > 0 && scan_literal(&scan, "d") &&
	    scanner_at_end(&scan)) {
		selection->since_days = (int64_t)days;
		return true;
	}
	end = strptime(selection->since_text, "%Y-%m-%d", &date);
	selection->since_s = end != NULL && *end == '\0' ? timegm(&date) : 0;
	return selection->since_s > 0;
}

/* Bytes, or with k, M, G: powers of 1024. */
static bool read_size(const char *text, int64_t *bytes_out)
{
	static const char units[] = "kMG";
	struct scanner scan = scanner_over(span_from_str(text));
	uint64_t number;
	int64_t bytes;

	if (!scan_u64(&scan, SIZE_NUMBER_MAX, &number) || number == 0)
		return false;
	bytes = (int64_t)number;
	for (const char *unit = units; *unit != '\0'; unit++) {
		bytes *= 1024;
		if (scan_byte(&scan, *unit)) {
			*bytes_out = bytes;
			return scanner_at_end(&scan);
		}
	}
	*bytes_out = (int64_t)number;
	return scanner_at_end(&scan);
}

static const char *refuse_move(struct fetch_selection *selection, const char *to)
{
	selection->on_refused = FETCH_REFUSED_MOVE;
	selection->refused_to = xstrdup(to);
	return folder_word_is_name(to)
		       ? NULL
		       : "on_refused = move:FOLDER takes the name of a folder, without wildcards";
}

/* NULL, or what is wrong. */
static const char *read_refused(struct fetch_selection *selection)
{
	static const char move[] = "move:";
	const char *text = selection->refused_text;

	if (text == NULL || strcmp(text, "keep") == 0)
		return NULL;
	if (strncmp(text, move, sizeof(move) - 1) == 0 && text[sizeof(move) - 1] != '\0')
		return refuse_move(selection, text + sizeof(move) - 1);
	if (strcmp(text, "bounce") != 0)
		return "on_refused must be keep, move:FOLDER or bounce";
	selection->on_refused = FETCH_REFUSED_BOUNCE;
	return NULL;
}

static void resolve_bounce(struct fetch_selection *selection, fetch_complain_fn *complain,
			   void *context)
{
	const char *text =
		selection->bounce_text != NULL ? selection->bounce_text : BOUNCE_VIA_DEFAULT;
	struct err err = ERR_INIT;

	if (selection->on_refused != FETCH_REFUSED_BOUNCE) {
		if (selection->bounce_text != NULL)
			complain(context, "bounce_via",
				 "bounce_via is for on_refused = bounce only");
	} else if (delivery_config_parse(text, &selection->via, &err) != OUTCOME_OK) {
		complain(context, "bounce_via", err.text);
	} else if (strcmp(selection->via.method->scheme, "smtp") != 0) {
		complain(context, "bounce_via", "bounce_via must be smtp:HOST:PORT");
	}
}

void fetch_selection_resolve(struct fetch_selection *selection, fetch_complain_fn *complain,
			     void *context)
{
	const char *problem = read_refused(selection);

	if (problem != NULL)
		complain(context, "on_refused", problem);
	if (selection->since_text != NULL && !read_since(selection))
		complain(context, "since",
			 "since must be a date like 2026-01-31, or days back like 30d");
	if (selection->size_text != NULL &&
	    !read_size(selection->size_text, &selection->max_size_bytes))
		complain(context, "max_size",
			 "max_size must be a number of bytes, or one with k, M or G");
	resolve_bounce(selection, complain, context);
}
