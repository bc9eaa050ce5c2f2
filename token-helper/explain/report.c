/* SPDX-License-Identifier: MIT */
/* report.c - see report.h. */
#include "token-helper/explain/report.h"

#include <inttypes.h>
#include <json.h>
#include <string.h>

#include "common/daemon-command.h"
#include "token-helper/explain/redact.h"
#include "token-helper/explain/status-class.h"

#include "common/banned.h"

#define REPORT_VERSION 1
#define TEXT_MAX       16384
#define GUESSES_MAX    64
#define NO_SOURCE      "what is known in the trade; the makers do not document it"

/* For people ------------------------------------------------------------------------------------
 */

/* "  why  first\n       second\n" */
static void print_lines(FILE *out, const char *label, const char *lines, const struct names *names)
{
	struct buffer ours = BUFFER_INIT(TEXT_MAX), text = BUFFER_INIT(TEXT_MAX);

	daemon_commands_append(&ours, span_from_str(lines), machine_has_systemd());
	names_fill_in(&text, buffer_cstr(&ours), names);
	buffer_release(&ours);
	lines = buffer_cstr(&text);
	for (;;) {
		size_t len = strcspn(lines, "\n");

		(void)fprintf(out, "  %-6s %.*s\n", label, (int)len, lines);
		if (lines[len] == '\0')
			break;
		lines += len + 1;
		label = "";
	}
	buffer_release(&text);
}

/* What a row says where it has no steps. */
static const char *steps_of(const struct diagnosis *row)
{
	if (row->steps != NULL)
		return row->steps;
	return row->remedy != NULL ? row->remedy
				   : "nothing: it passes, and is tried again by itself";
}

static void print_row(FILE *out, const struct diagnosis *row, const char *here,
		      const struct names *names)
{
	(void)fprintf(out, "%s (%s: %s)\n", row->meaning, diagnosis_class_name(row->class),
		      row->id);
	if (here[0] != '\0')
		(void)fprintf(out, "  %-6s %s\n", "here", here);
	if (row->causes != NULL)
		print_lines(out, "why", row->causes, names);
	print_lines(out, "do", steps_of(row), names);
	(void)fprintf(out, "  %-6s %s\n", "source", row->source != NULL ? row->source : NO_SOURCE);
}

static void add_name(struct buffer *text, const char *what, const char *name)
{
	if (name[0] != '\0')
		(void)buffer_printf(text, "%s%s %s", text->len > 0 ? ", " : "", what, name);
}

static void add_challenge(struct buffer *text, const struct challenge_words *challenge)
{
	if (!challenge->found)
		return;
	add_name(text, "the challenge says: status", challenge->status);
	add_name(text, "scope", challenge->scope);
	add_name(text, "schemes", challenge->schemes);
	add_name(text, "openid-configuration", challenge->configuration);
}

/* Of whom, how often, and in which words: what this text has beside the row. */
static void describe(const struct finding *finding, bool log, struct buffer *text)
{
	const struct names *names = &finding->names;

	if (log && finding->count > 1)
		(void)buffer_printf(text, "%" PRIu64 " times", finding->count);
	add_name(text, "account", names->account);
	add_name(text, "server", names->host);
	if (names->sender[0] != '\0')
		(void)buffer_printf(text, "%s%s sent as %s", text->len > 0 ? ", " : "", names->user,
				    names->sender);
	add_challenge(text, &finding->challenge);
	if (log)
		(void)buffer_printf(text, "%s%s", text->len > 0 ? "; last: " : "", finding->line);
}

static void print_finding(FILE *out, const struct finding *finding, bool log)
{
	struct buffer here = BUFFER_INIT(TEXT_MAX);

	describe(finding, log, &here);
	print_row(out, finding->row, buffer_cstr(&here), &finding->names);
	buffer_release(&here);
}

static void print_findings(FILE *out, const struct reading *reading, bool log)
{
	size_t shown = reading->count < REPORT_FINDINGS ? reading->count : REPORT_FINDINGS;

	for (size_t i = 0; i < shown; i++) {
		(void)fputs(i > 0 ? "\n" : "", out);
		print_finding(out, &reading->findings[i], log);
	}
	if (reading->count == shown)
		return;
	(void)fprintf(out, "\nand earlier%s:\n", reading->full ? ", among others" : "");
	for (size_t i = shown; i < reading->count; i++)
		(void)fprintf(out, "  %s (%" PRIu64 "%s): %s\n", reading->findings[i].row->id,
			      reading->findings[i].count,
			      reading->findings[i].count == 1 ? " time" : " times",
			      reading->findings[i].row->meaning);
}

static void print_guesses(FILE *out, const struct diagnosis *const *rows, size_t count)
{
	static const struct names nobody;
	size_t shown = count < REPORT_GUESSES ? count : REPORT_GUESSES;

	(void)fprintf(out, "These words stand for %zu thing%s; more of them would tell which.\n\n",
		      count, count == 1 ? "" : "s");
	for (size_t i = 0; i < shown; i++) {
		(void)fputs(i > 0 ? "\n" : "", out);
		print_row(out, rows[i], "", &nobody);
	}
	for (size_t i = shown; i < count && i < GUESSES_MAX; i++)
		(void)fprintf(out, "%s%s: %s\n", i == shown ? "\n" : "", rows[i]->id,
			      rows[i]->meaning);
}

static void print_unknown(FILE *out, const struct reading *reading)
{
	struct buffer classes = BUFFER_INIT(TEXT_MAX);
	static const struct names nobody;

	if (reading->lines != 1) {
		(void)fprintf(out,
			      "Nothing in these %" PRIu64
			      " lines is known to be a trouble of mail that "
			      "is sent or fetched here.\n",
			      reading->lines);
		return;
	}
	(void)fputs("Nothing is known of these words.\n", out);
	status_class_append(&classes, span_from_str(reading->unknown));
	if (classes.len > 0) {
		classes.data[--classes.len] = '\0';
		print_lines(out, "class", buffer_cstr(&classes), &nobody);
	}
	print_lines(out, "do",
		    "look at the lines before it; see what state the accounts are in: mailoauth "
		    "status\nwhat there is to read: mailoauth explain topics",
		    &nobody);
	buffer_release(&classes);
}

bool report_print(FILE *out, const struct reading *reading, bool log)
{
	const struct diagnosis *rows[GUESSES_MAX];
	size_t guesses;

	if (reading->count > 0) {
		print_findings(out, reading, log);
		return true;
	}
	guesses = reading_guess(reading, rows, GUESSES_MAX);
	if (guesses > 0)
		print_guesses(out, rows, guesses);
	else
		print_unknown(out, reading);
	return guesses > 0;
}

/* For scripts -----------------------------------------------------------------------------------
 */

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key,
			       value != NULL && value[0] != '\0' ? json_object_new_string(value)
								 : NULL);
}

static void add_lines(struct json_object *object, const char *key, const char *lines,
		      const struct names *names)
{
	struct json_object *list = json_object_new_array();
	struct buffer text = BUFFER_INIT(TEXT_MAX);

	names_fill_in(&text, lines != NULL ? lines : "", names);
	for (const char *at = buffer_cstr(&text); *at != '\0';) {
		size_t len = strcspn(at, "\n");

		json_object_array_add(list, json_object_new_string_len(at, (int)len));
		at += len + (at[len] != '\0');
	}
	json_object_object_add(object, key, list);
	buffer_release(&text);
}

static struct json_object *row_json(const struct diagnosis *row, const struct names *names)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "id", row->id);
	add_string(object, "class", diagnosis_class_name(row->class));
	add_string(object, "outcome", outcome_name(row->outcome));
	add_string(object, "meaning", row->meaning);
	add_lines(object, "causes", row->causes, names);
	add_lines(object, "steps", steps_of(row), names);
	add_string(object, "source", row->source);
	return object;
}

static struct json_object *challenge_json(const struct challenge_words *challenge)
{
	struct json_object *object;

	if (!challenge->found)
		return NULL;
	object = json_object_new_object();
	add_string(object, "status", challenge->status);
	add_string(object, "scope", challenge->scope);
	add_string(object, "schemes", challenge->schemes);
	add_string(object, "openid-configuration", challenge->configuration);
	return object;
}

static struct json_object *finding_json(const struct finding *finding)
{
	struct json_object *object = row_json(finding->row, &finding->names);

	json_object_object_add(object, "count", json_object_new_int64((int64_t)finding->count));
	add_string(object, "account", finding->names.account);
	add_string(object, "server", finding->names.host);
	add_string(object, "user", finding->names.user);
	add_string(object, "sender", finding->names.sender);
	add_string(object, "line", finding->line);
	json_object_object_add(object, "challenge", challenge_json(&finding->challenge));
	return object;
}

static void add_guesses(const struct reading *reading, struct json_object *list)
{
	static const struct names nobody;
	const struct diagnosis *rows[GUESSES_MAX];
	size_t count = reading->count > 0 ? 0 : reading_guess(reading, rows, GUESSES_MAX);

	for (size_t i = 0; i < count && i < GUESSES_MAX; i++)
		json_object_array_add(list, row_json(rows[i], &nobody));
}

bool report_print_json(FILE *out, const struct reading *reading)
{
	struct json_object *root = json_object_new_object();
	struct json_object *found = json_object_new_array(), *guessed = json_object_new_array();
	struct buffer classes = BUFFER_INIT(TEXT_MAX);
	static const struct names nobody;
	bool known;

	for (size_t i = 0; i < reading->count; i++)
		json_object_array_add(found, finding_json(&reading->findings[i]));
	add_guesses(reading, guessed);
	known = reading->count > 0 || json_object_array_length(guessed) > 0;
	json_object_object_add(root, "version", json_object_new_int(REPORT_VERSION));
	json_object_object_add(root, "diagnoses", found);
	json_object_object_add(root, "guesses", guessed);
	if (!known)
		status_class_append(&classes, span_from_str(reading->unknown));
	add_lines(root, "classes", buffer_cstr(&classes), &nobody);
	json_object_object_add(root, "lines", json_object_new_int64((int64_t)reading->lines));
	(void)fprintf(out, "%s\n",
		      json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	buffer_release(&classes);
	return known;
}
