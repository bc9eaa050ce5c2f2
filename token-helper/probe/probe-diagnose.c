/* SPDX-License-Identifier: MIT */
/* probe-diagnose.c - see probe-diagnose.h. */
#include "token-helper/probe/probe-diagnose.h"

#include <string.h>

#include "common/diagnosis.h"

#include "common/banned.h"

static unsigned where_of(const char *service)
{
	static const struct {
		const char *service;
		unsigned where;
	} places[] = {{"smtp", DIAGNOSIS_SMTP}, {"imap", DIAGNOSIS_IMAP}, {"pop", DIAGNOSIS_POP}};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (strcmp(places[i].service, service) == 0)
			return places[i].where;
	}
	return DIAGNOSIS_MACHINE;
}

/* What the table's class is for us; what is not named leaves the class as it was. */
static enum probe_class class_of(enum diagnosis_class class, enum probe_class was)
{
	static const struct {
		enum diagnosis_class class;
		enum probe_class is;
	} classes[] = {
		{DIAGNOSIS_PASSING, PROBE_LATER},	  {DIAGNOSIS_LIMIT, PROBE_LATER},
		{DIAGNOSIS_SIGN_IN, PROBE_TOKEN},	  {DIAGNOSIS_RIGHTS, PROBE_RIGHTS},
		{DIAGNOSIS_SWITCHED_OFF, PROBE_DISABLED}, {DIAGNOSIS_NETWORK, PROBE_CONNECTION},
		{DIAGNOSIS_FAULT, PROBE_PROTOCOL},
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (classes[i].class == class)
			return classes[i].is;
	}
	return was;
}

static bool same_person(const char *a, const char *b)
{
	return span_equals_nocase(span_from_str(a), b);
}

/* Asked for somebody else's mailbox: that is the likeliest cause, whatever the words. */
static void name_both(const struct probe_target *target, enum probe_class was,
		      struct probe_result *result)
{
	if (target->identity == NULL || same_person(target->identity, target->user) ||
	    (was != PROBE_LOGIN && was != PROBE_RIGHTS))
		return;
	result->class = was;
	err_prefix(&result->err, "the token belongs to %s, but the mailbox of %s was asked for: ",
		   target->identity, target->user);
}

void probe_diagnose(const struct probe_target *target, bool later, struct probe_result *result)
{
	enum probe_class was = result->class;
	const struct diagnosis *row;

	if (later)
		result->class = was = PROBE_LATER;
	row = diagnosis_find(where_of(target->service), buffer_span(&result->said));
	if (row != NULL) {
		result->class = class_of(row->class, result->class);
		result->diagnosis = row->id;
		result->meaning = row->meaning;
		result->remedy = row->remedy;
		result->causes = row->causes;
		result->steps = row->steps;
	}
	name_both(target, was, result);
}
