/* SPDX-License-Identifier: MIT */
/* doctor-print.c - see doctor-print.h. */
#include "token-helper/doctor/doctor-print.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "token-helper/cli-text.h"
#include "token-helper/doctor/doctor.h"

#include "common/banned.h"

#define JSON_VERSION 1
#define PLAIN	     "\033[0m"

static const struct {
	const char *name;
	const char *shown;
	const char *colour;
} severities[] = {
	[SEVERITY_OK] = {"ok", "ok", "\033[32m"},
	[SEVERITY_NOTE] = {"note", "note", ""},
	[SEVERITY_WARNING] = {"warning", "WARNING", "\033[33m"},
	[SEVERITY_ERROR] = {"error", "ERROR", "\033[31m"},
};

static size_t count(const struct doctor *doctor, enum severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < doctor->finding_count; i++)
		n += doctor->findings[i].severity == severity;
	return n;
}

static void print_more(const char *before, const char *text)
{
	if (text == NULL)
		return;
	(void)fputs(before, stdout);
	text_print(stdout, text);
	(void)fputc('\n', stdout);
}

static void print_finding(const struct finding *finding, bool colour)
{
	(void)printf("%s%-8s%s", colour ? severities[finding->severity].colour : "",
		     severities[finding->severity].shown, colour ? PLAIN : "");
	(void)printf("%-17s", finding->check);
	text_print(stdout, finding->seen);
	(void)fputc('\n', stdout);
	print_more("          ", finding->why);
	print_more("          run: ", finding->mend);
}

static void print_summary(const struct doctor *doctor)
{
	size_t errors = count(doctor, SEVERITY_ERROR);
	size_t warnings = count(doctor, SEVERITY_WARNING);

	if (errors + warnings == 0)
		(void)printf("\nNothing is wrong%s. To log in for real: mailoauth test %s\n",
			     geteuid() == 0 ? "" : " in what could be looked at; root sees all",
			     doctor->cli->account != NULL ? doctor->cli->account : "ACCOUNT");
	else
		(void)printf("\n%zu error%s, %zu warning%s. Mend from the top: what comes first "
			     "may be why what follows is wrong.\n",
			     errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
}

void doctor_print(const struct doctor *doctor)
{
	bool colour = text_wants_colour();

	for (size_t i = 0; i < doctor->finding_count; i++)
		print_finding(&doctor->findings[i], colour);
	print_summary(doctor);
}

static void add(struct json_object *object, const char *key, const char *value)
{
	struct buffer clean = BUFFER_INIT(FINDING_TEXT_MAX * 2);

	if (value != NULL)
		text_append_clean(&clean, value);
	json_object_object_add(object, key,
			       value != NULL ? json_object_new_string(buffer_cstr(&clean)) : NULL);
	buffer_release(&clean);
}

void doctor_print_json(const struct doctor *doctor)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();

	json_object_object_add(root, "version", json_object_new_int(JSON_VERSION));
	json_object_object_add(root, "errors",
			       json_object_new_int64((int64_t)count(doctor, SEVERITY_ERROR)));
	json_object_object_add(root, "warnings",
			       json_object_new_int64((int64_t)count(doctor, SEVERITY_WARNING)));
	json_object_object_add(root, "findings", list);
	for (size_t i = 0; i < doctor->finding_count; i++) {
		const struct finding *finding = &doctor->findings[i];
		struct json_object *object = json_object_new_object();

		add(object, "check", finding->check);
		add(object, "severity", severities[finding->severity].name);
		add(object, "seen", finding->seen);
		add(object, "why", finding->why);
		add(object, "mend", finding->mend);
		json_object_array_add(list, object);
	}
	(void)puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
}
