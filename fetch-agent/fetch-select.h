/* SPDX-License-Identifier: MIT */
/*
 * fetch-select.h - what a [fetch] section says of which messages it takes and what becomes of those
 * that cannot be delivered.
 */
#ifndef FETCH_AGENT_FETCH_SELECT_H
#define FETCH_AGENT_FETCH_SELECT_H

#include <stdint.h>

#include "fetch-agent/delivery/delivery.h"

enum fetch_take {
	FETCH_TAKE_NEW,	   /* what was not fetched before */
	FETCH_TAKE_UNSEEN, /* of that, what nobody has read */
	FETCH_TAKE_ALL,	   /* everything, each time */
};

enum fetch_refused {
	FETCH_REFUSED_KEEP,
	FETCH_REFUSED_MOVE,
	FETCH_REFUSED_BOUNCE,
};

struct fetch_selection {
	int take;				     /* enum fetch_take */
	char *since_text, *size_text, *refused_text; /* as written */
	char *bounce_text;			     /* as written */
	int64_t since_days;			     /* or since_s; both 0: any age */
	int64_t since_s;			     /* midnight, UTC */
	int64_t max_size_bytes;			     /* 0: any */
	int64_t max_messages;			     /* of one folder in one run; 0: all */
	enum fetch_refused on_refused;
	char *refused_to;	    /* UTF-8 or "\Junk"; only with FETCH_REFUSED_MOVE */
	struct delivery_config via; /* only with FETCH_REFUSED_BOUNCE */
	int64_t retry_for_s;	    /* a message that the destination does not take now */
};

void fetch_selection_init(struct fetch_selection *selection);

/* Fills the rest from what is written. complain: once for each problem; key is where it stands. */
typedef void fetch_complain_fn(void *context, const char *key, const char *text);
void fetch_selection_resolve(struct fetch_selection *selection, fetch_complain_fn *complain,
			     void *context);
/* What that made; what is written is the configuration's. */
void fetch_selection_release(struct fetch_selection *selection);

#endif
