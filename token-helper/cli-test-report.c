/* SPDX-License-Identifier: MIT */
/* cli-test-report.c - see cli-test-report.h. */
#include "token-helper/cli-test-report.h"

#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon-command.h"
#include "token-helper/cli-text.h"

#include "common/banned.h"

#define REPORT_VERSION 1
#define SLOW_MS	       1000
#define TEXT_MAX       65536
#define GREEN	       "\033[32m"
#define RED	       "\033[31m"
#define PLAIN	       "\033[0m"

static const char *const stage_names[REPORT_STAGES] = {
	[REPORT_AUTHORIZATION] = "authorization",
	[REPORT_GRANT] = "grant",
	[REPORT_TOKEN] = "token",
	[REPORT_CONNECTION] = "connection",
	[REPORT_LOGIN] = "login",
};

static void add(struct json_object *object, const char *key, const char *value)
{
	struct buffer clean = BUFFER_INIT(TEXT_MAX);

	if (value != NULL)
		text_append_clean(&clean, value);
	json_object_object_add(object, key,
			       value != NULL ? json_object_new_string(buffer_cstr(&clean)) : NULL);
	buffer_release(&clean);
}

void report_open(struct report *report, const struct cli *cli)
{
	*report = (struct report){.cli = cli, .stage = -1};
	report->colours = text_wants_colour();
	if (!cli->json)
		return;
	report->root = json_object_new_object();
	json_object_object_add(report->root, "version", json_object_new_int(REPORT_VERSION));
	add(report->root, "account", cli->account);
	report->services = json_object_new_array();
	json_object_object_add(report->root, "services", report->services);
}

static const char *tls_name(const struct probe_target *target)
{
	return probe_tls_of(target) == PROBE_TLS_IMPLICIT ? "implicit" : "starttls";
}

static void begin_json(struct report *report, const struct probe_target *target)
{
	report->service = json_object_new_object();
	json_object_array_add(report->services, report->service);
	add(report->service, "service", target->service);
	add(report->service, "host", target->host);
	json_object_object_add(report->service, "port", json_object_new_int(probe_port(target)));
	add(report->service, "tls", tls_name(target));
	add(report->service, "user", target->user);
	report->steps = json_object_new_array();
	json_object_object_add(report->service, "steps", report->steps);
	report->dialogue = report->cli->trace ? json_object_new_array() : NULL;
	if (report->dialogue != NULL)
		json_object_object_add(report->service, "dialogue", report->dialogue);
}

void report_begin(struct report *report, const struct probe_target *target)
{
	report->stage = -1;
	if (report->root != NULL) {
		begin_json(report, target);
		return;
	}
	text_print(stdout, target->account);
	(void)printf(": %s at ", target->service);
	text_print(stdout, target->host);
	(void)printf(" port %u (TLS: %s), as ", (unsigned)probe_port(target), tls_name(target));
	text_print(stdout, target->user);
	(void)putchar('\n');
	(void)fflush(stdout);
}

static void step_json(struct report *report, enum report_stage stage, const struct probe_step *step)
{
	struct json_object *object = json_object_new_object();

	add(object, "stage", stage_names[stage]);
	add(object, "step", step->name);
	json_object_object_add(object, "ok", json_object_new_boolean(step->ok));
	json_object_object_add(object, "ms", json_object_new_int64(step->took_ms));
	add(object, "text", step->text);
	json_object_array_add(report->steps, object);
}

static void label(struct report *report, enum report_stage stage)
{
	if (!report->cli->trace || report->stage == (int)stage)
		return;
	report->stage = (int)stage;
	(void)printf("[%d/%d %s]\n", (int)stage + 1, REPORT_STAGES, stage_names[stage]);
}

void report_step(struct report *report, enum report_stage stage, const struct probe_step *step)
{
	if (report->root != NULL) {
		step_json(report, stage, step);
		return;
	}
	label(report, stage);
	(void)printf("  %s%s%s  %-11s", report->colours ? step->ok ? GREEN : RED : "",
		     step->ok ? "ok" : "NO", report->colours ? PLAIN : "", step->name);
	text_print(stdout, step->text);
	if (step->took_ms >= SLOW_MS)
		(void)printf(" (%.1f s)", (double)step->took_ms / 1000);
	(void)putchar('\n');
	(void)fflush(stdout);
}

void report_line(struct report *report, enum report_stage stage, bool from_client, struct span line)
{
	struct buffer text = BUFFER_INIT(TEXT_MAX);

	(void)buffer_append_span(&text, line);
	if (report->root != NULL) {
		struct json_object *object = json_object_new_object();

		add(object, "from", from_client ? "client" : "server");
		add(object, "line", buffer_cstr(&text));
		json_object_array_add(report->dialogue, object);
	} else {
		label(report, stage);
		(void)fputs(from_client ? "      C: " : "      S: ", stdout);
		text_print(stdout, buffer_cstr(&text));
		(void)putchar('\n');
	}
	buffer_release(&text);
}

/* Lines of a constant text; the first has the name before it. */
static void explain(const char *name, const char *text)
{
	struct buffer ours = BUFFER_INIT(TEXT_MAX);

	if (text != NULL)
		daemon_commands_append(&ours, span_from_str(text), machine_has_systemd());
	text = buffer_cstr(&ours);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		(void)printf("      %-11s%.*s\n", name, (int)len, text);
		text += len + (text[len] == '\n');
		name = "";
	}
	buffer_release(&ours);
}

/* The steps where there are some: the remedy is their short form. */
static void explain_result(const struct probe_result *result)
{
	explain("it means", result->meaning);
	explain("causes", result->causes);
	explain("to do", result->steps != NULL ? result->steps : result->remedy);
}

void report_end(struct report *report, enum cli_exit exit, const struct probe_result *result)
{
	if (report->root == NULL) {
		explain_result(result);
		if (exit == CLI_OK)
			(void)puts("  works");
		(void)fflush(stdout);
		return;
	}
	json_object_object_add(report->service, "ok", json_object_new_boolean(exit == CLI_OK));
	add(report->service, "class", probe_class_names[result->class]);
	add(report->service, "text", exit == CLI_OK ? NULL : result->err.text);
	add(report->service, "said", result->said.len > 0 ? buffer_cstr(&result->said) : NULL);
	add(report->service, "diagnosis", result->diagnosis);
	add(report->service, "meaning", result->meaning);
	add(report->service, "remedy", result->remedy);
}

void report_close(struct report *report, enum cli_exit exit)
{
	if (report->root == NULL)
		return;
	json_object_object_add(report->root, "exit", json_object_new_int((int)exit));
	(void)puts(json_object_to_json_string_ext(
		report->root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(report->root);
	report->root = NULL;
}
