/* SPDX-License-Identifier: MIT */
/* check-daemon.c - the checks of mailoauthd itself, its configuration and its accounts. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon-command.h"
#include "token-helper/cli-status.h"
#include "token-helper/cli-text.h"
#include "token-helper/doctor/doctor.h"
#include "token-helper/doctor/postfix-socket.h"
#include "token-helper/json/json-reader.h"
#include "token-helper/postfix/program.h"

#include "common/banned.h"

#define CALL_TIMEOUT_MS 10000
#define CLOCK_WARNING_S 60
#define CLOCK_ERROR_S	300 /* what assertions and Entra allow */
#define UNITS_MAX	65536

/* The daemon ---------------------------------------------------------------------------------- */

static void compare_versions(struct doctor *doctor, struct span data)
{
	struct buffer version = BUFFER_INIT(256);

	(void)fields_get(data, "version", &version);
	if (strcmp(buffer_cstr(&version), PACKAGE_VERSION) == 0) {
		doctor_say(doctor, SEVERITY_OK, "mailoauthd %s answers on %s", PACKAGE_VERSION,
			   doctor->cli->socket);
	} else {
		doctor_say(doctor, SEVERITY_WARNING, "mailoauthd %s runs, and this is mailoauth %s",
			   buffer_cstr(&version), PACKAGE_VERSION);
		doctor_why(doctor, "It was not restarted after an update.");
		doctor_mend(doctor, "%s", daemon_command(DAEMON_RESTART));
	}
	buffer_release(&version);
}

static void say_unreachable(struct doctor *doctor, enum cli_exit exit, const char *why)
{
	if (exit == CLI_DENIED) {
		doctor_say(doctor, SEVERITY_NOTE, "mailoauthd runs, but does not tell: %s", why);
		doctor_mend(doctor, "sudo mailoauth doctor");
		return;
	}
	doctor_say(doctor, SEVERITY_ERROR, "%s", why);
	doctor_why(doctor, "Without it no mail program gets a token.");
	doctor_mend(doctor, "%s", daemon_command(DAEMON_START));
}

void check_daemon(struct doctor *doctor)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct err err = ERR_INIT;
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "ping");
	exit = cli_call(doctor->cli, &request, CALL_TIMEOUT_MS, &reply, &data, &err);
	if (exit == CLI_OK)
		compare_versions(doctor, data);
	else
		say_unreachable(doctor, exit, err.text);
	buffer_release(&request);
	buffer_release(&reply);
}

/* Units --------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool is_needed;
} units[] = {
	{"mailoauthd.socket", true},
	{"mailoauthd.service", true},
	{"mailoauthd-postfix.socket", false},
};

static bool has_line(struct span text, const char *line)
{
	size_t len = strlen(line);
	const char *at = text.ptr;

	while (at != NULL && (at = memmem(at, text.len - (size_t)(at - text.ptr), line, len))) {
		bool begins = at == text.ptr || at[-1] == '\n';
		bool ends = at + len == text.ptr + text.len || at[len] == '\n';

		if (begins && ends)
			return true;
		at += len;
	}
	return false;
}

static void judge_unit(struct doctor *doctor, const char *name, bool is_needed, struct span shown)
{
	if (has_line(shown, "LoadState=not-found")) {
		doctor_say(doctor, is_needed ? SEVERITY_WARNING : SEVERITY_NOTE,
			   "systemd has no unit %s", name);
		doctor_why(doctor, is_needed
					   ? "mailoauthd does not come back after a reboot, unless "
					     "something else starts it."
					   : "mailoauthd itself has to listen in Postfix's jail.");
	} else if (has_line(shown, "LoadState=masked")) {
		doctor_say(doctor, is_needed ? SEVERITY_ERROR : SEVERITY_NOTE, "%s is masked",
			   name);
		doctor_why(doctor, "Somebody told systemd never to start it.");
		doctor_mend(doctor, "systemctl unmask %s && systemctl enable --now %s", name, name);
	} else if (!has_line(shown, "ActiveState=active")) {
		doctor_say(doctor, is_needed ? SEVERITY_ERROR : SEVERITY_NOTE, "%s does not run",
			   name);
		if (is_needed)
			doctor_mend(doctor, "systemctl enable --now %s", name);
		else
			doctor_mend(doctor, "%s", POSTFIX_SOCKET_START);
	} else if (has_line(shown, "UnitFileState=disabled")) {
		doctor_say(doctor, SEVERITY_WARNING, "%s runs, but not after the next boot", name);
		doctor_mend(doctor, "systemctl enable %s", name);
	} else {
		doctor_say(doctor, SEVERITY_OK, "%s runs", name);
	}
}

static void look_at_unit(struct doctor *doctor, const char *systemctl, size_t i)
{
	const char *argv[] = {systemctl,     "show", "-p", "LoadState,ActiveState,UnitFileState",
			      units[i].name, NULL};
	struct buffer shown = BUFFER_INIT(UNITS_MAX);
	struct program_result result = {.out = &shown};
	struct err err = ERR_INIT;

	if (program_run(argv, doctor->deadline, &result, &err) != OUTCOME_OK)
		doctor_say(doctor, SEVERITY_NOTE, "%s: not looked at: %s", units[i].name, err.text);
	else if (result.status != 0)
		doctor_say(doctor, SEVERITY_NOTE, "%s: not looked at: systemctl does not answer",
			   units[i].name);
	else
		judge_unit(doctor, units[i].name, units[i].is_needed, buffer_span(&shown));
	buffer_release(&shown);
}

void check_units(struct doctor *doctor)
{
	char systemctl[PROGRAM_PATH_MAX];

	if (!machine_has_systemd() || program_find("systemctl", systemctl) == NULL) {
		doctor_say(doctor, SEVERITY_NOTE,
			   "systemd does not run here: units were not looked at");
		return;
	}
	if (strcmp(doctor->cli->socket, HELPER_SOCKET_SYSTEM) != 0) {
		doctor_say(doctor, SEVERITY_NOTE,
			   "another mailoauthd than the system's: units were not looked at");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		look_at_unit(doctor, systemctl, i);
}

/* Configuration ------------------------------------------------------------------------------- */

static void say_problems(struct doctor *doctor, struct config_problems *problems)
{
	const char *first = buffer_cstr(&problems->text);

	doctor_say(doctor, SEVERITY_ERROR, "%.*s%s", (int)strcspn(first, "\n"), first,
		   problems->count > 1 ? " (and more)" : "");
	doctor_why(doctor, "mailoauthd does not start with it, and does not take it when told to "
			   "reload.");
	doctor_mend(doctor, "mailoauth -c %s config check", doctor->cli->config);
}

void check_config(struct doctor *doctor)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config;

	if (access(doctor->cli->config, R_OK) != 0 && errno == EACCES) {
		doctor_say(doctor, SEVERITY_NOTE, "%s: this user may not read it",
			   doctor->cli->config);
		doctor_mend(doctor, "sudo mailoauth doctor");
		return;
	}
	config = helper_config_load(doctor->cli->config, NULL, &problems);
	if (config == NULL)
		say_problems(doctor, &problems);
	else
		doctor_say(doctor, SEVERITY_OK, "%s: no problem, %zu account%s",
			   doctor->cli->config, config->account_count,
			   config->account_count == 1 ? "" : "s");
	helper_config_free(config);
	config_problems_release(&problems);
}

/* Accounts ------------------------------------------------------------------------------------ */

static struct json_object *accounts_of(const struct doctor *doctor)
{
	return doctor->status != NULL ? json_member_array(doctor->status, "accounts") : NULL;
}

static const struct {
	const char *state;
	enum severity severity;
	const char *meaning;
} states[] = {
	{"valid", SEVERITY_OK, "has a token"},
	{"expiring", SEVERITY_OK, "has a token, which is about to be refreshed"},
	{"expired-refreshable", SEVERITY_OK, "gets a token when it is asked for one"},
	{"never-authorized", SEVERITY_ERROR, "nobody has signed in yet"},
	{"reauth-required", SEVERITY_ERROR, "the provider ended its grant: a person must sign in"},
	{"blocked", SEVERITY_ERROR, "an administrator must change its configuration first"},
	{"error", SEVERITY_ERROR, "has no token: its last refresh failed"},
	{"unconfigured", SEVERITY_NOTE, "has a grant, and no section in the configuration"},
};

static void say_why_account(struct doctor *doctor, struct json_object *account)
{
	struct json_object *last = json_member_object(account, "last_refresh");
	const char *text = last != NULL ? cli_json_string(last, "text") : NULL;
	const char *todo = cli_json_string(account, "todo");

	if (text != NULL)
		doctor_why(doctor, "%s", text);
	if (todo != NULL && strncmp(todo, "run: ", 5) == 0)
		doctor_mend(doctor, "%s", todo + 5);
	else if (todo != NULL)
		doctor_why(doctor, "%s", todo);
}

/* A token lives, and the last refresh failed all the same: there is time. */
static bool refresh_failed(struct json_object *account)
{
	struct json_object *last = json_member_object(account, "last_refresh");
	const char *outcome = last != NULL ? cli_json_string(last, "outcome") : NULL;

	return outcome != NULL && strcmp(outcome, "ok") != 0;
}

static void judge_account(struct doctor *doctor, struct json_object *account, const char *name)
{
	const char *state = cli_json_string(account, "state");
	const char *todo = cli_json_string(account, "todo");

	for (size_t i = 0; state != NULL && i < sizeof(states) / sizeof(states[0]); i++) {
		enum severity severity = states[i].severity;

		if (strcmp(states[i].state, state) != 0)
			continue;
		if (severity == SEVERITY_OK && (todo != NULL || refresh_failed(account)))
			severity = SEVERITY_WARNING;
		doctor_say(doctor, severity, "account %s (%s): %s%s", name, state,
			   states[i].meaning,
			   severity == SEVERITY_WARNING && todo == NULL
				   ? ", but its last refresh failed"
				   : "");
		if (severity != SEVERITY_OK)
			say_why_account(doctor, account);
		return;
	}
	doctor_say(doctor, SEVERITY_WARNING,
		   "account %s is in a state that this mailoauth does not know: %s", name,
		   state != NULL ? state : "?");
}

static const char *name_of(const struct doctor *doctor, struct json_object *account)
{
	const char *name = cli_json_string(account, "account");

	return name != NULL && doctor_wants(doctor, name) ? name : NULL;
}

void check_accounts(struct doctor *doctor)
{
	struct json_object *list = accounts_of(doctor);
	size_t said = 0;

	if (list == NULL) {
		doctor_say(doctor, SEVERITY_NOTE, "not looked at: mailoauthd tells nothing");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *account = json_object_array_get_idx(list, i);
		const char *name = name_of(doctor, account);

		if (name == NULL)
			continue;
		said++;
		judge_account(doctor, account, name);
	}
	if (said == 0 && doctor->cli->account != NULL) {
		doctor_say(doctor, SEVERITY_ERROR, "mailoauthd has no account %s",
			   doctor->cli->account);
		doctor_mend(doctor, "mailoauth status");
	} else if (said == 0) {
		doctor_say(doctor, SEVERITY_ERROR, "no account is configured");
		doctor_why(doctor,
			   "Nobody gets a token. Write an [account NAME] into %s, or take one over "
			   "from another program: mailoauth import FILE --append",
			   doctor->cli->config);
		doctor_mend(doctor, "mailoauth guide");
	}
}

/* The clock ----------------------------------------------------------------------------------- */

static void judge_clock(struct doctor *doctor, const char *name, int64_t ahead_s)
{
	int64_t off_s = ahead_s < 0 ? -ahead_s : ahead_s;
	char span[TEXT_SPAN_MAX];

	if (off_s < CLOCK_WARNING_S) {
		doctor_say(doctor, SEVERITY_OK,
			   "this machine's clock is within %" PRId64
			   " s of that of %s's token endpoint",
			   off_s + 1, name);
		return;
	}
	doctor_say(doctor, off_s >= CLOCK_ERROR_S ? SEVERITY_ERROR : SEVERITY_WARNING,
		   "this machine's clock is %s %s that of %s's token endpoint",
		   text_duration(off_s, span, sizeof(span)), ahead_s < 0 ? "behind" : "ahead of",
		   name);
	doctor_why(doctor, "Tokens are taken for dead or alive at the wrong time, and signed "
			   "assertions and certificates are refused.");
	doctor_mend(doctor, "timedatectl set-ntp true");
}

void check_clock(struct doctor *doctor)
{
	struct json_object *list = accounts_of(doctor);
	bool known = false;

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *account = json_object_array_get_idx(list, i);
		struct json_object *clock = json_member_object(account, "clock");
		const char *name = name_of(doctor, account);
		int64_t ahead_s;

		if (clock == NULL || name == NULL || !json_get_int(clock, "ahead", &ahead_s))
			continue;
		known = true;
		judge_clock(doctor, name, ahead_s);
	}
	if (known)
		return;
	doctor_say(doctor, SEVERITY_NOTE,
		   "not compared: no token endpoint was asked since mailoauthd started");
	if (doctor->cli->account != NULL)
		doctor_mend(doctor, "mailoauth refresh %s", doctor->cli->account);
}

/* Proxies ------------------------------------------------------------------------------------- */

static const char *proxy_of_shell(const char **name_out)
{
	static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0') {
			*name_out = names[i];
			return value;
		}
	}
	return NULL;
}

void check_proxy(struct doctor *doctor)
{
	const char *variable = NULL;

	if (proxy_of_shell(&variable) == NULL) {
		doctor_say(doctor, SEVERITY_OK, "this shell has no proxy that mailoauthd lacks");
		return;
	}
	for (size_t i = 0; doctor->config != NULL && i < doctor->config->account_count; i++) {
		const struct account_config *account = doctor->config->accounts[i];

		if (!doctor_wants(doctor, account->name) || account->client.proxy != NULL)
			continue;
		/* Not the value: it may hold a password. */
		doctor_say(doctor, SEVERITY_WARNING,
			   "%s is set in this shell, and account %s has no proxy", variable,
			   account->name);
		doctor_why(doctor,
			   "mailoauthd takes no proxy from an environment. If the token endpoint "
			   "is reached through one only, say proxy = http://HOST:PORT in [account "
			   "%s] of %s, and reload.",
			   account->name, doctor->cli->config);
	}
}
