/* SPDX-License-Identifier: MIT */
/* doctor.c - the table of checks, and the verb. See doctor.h. */
#include "token-helper/doctor/doctor.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "token-helper/cli-status.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor-print.h"

#include "common/banned.h"

#define DOCTOR_TIMEOUT_MS 60000
#define EXIT_WARNINGS	  1 /* as Nagios has it; see mailoauth.1 */
#define EXIT_ERRORS	  2

/* In the order in which one has to mend things. */
static const struct check {
	const char *id;
	const char *title;
	void (*run)(struct doctor *doctor);
} checks[] = {
	{"config", "the configuration has no error", check_config},
	{"daemon", "mailoauthd answers, and is of this version", check_daemon},
	{"units", "systemd starts what is needed", check_units},
	{"confinement", "mailoauthd has given up what it does not need", check_confinement},
	{"files", "secrets are closed to others", check_files},
	{"account", "every account has a token", check_accounts},
	{"clock", "this machine's clock is right", check_clock},
	{"proxy", "the way to the web is the daemon's too", check_proxy},
	{"plugin", "Cyrus SASL finds the plugin, and no other for the same mechanisms",
	 check_plugin},
	{"postfix", "Postfix is there and its configuration can be read", check_postfix},
	{"route", "Postfix sends mail to the account's server", check_route},
	{"sasl-enable", "Postfix logs in", check_sasl_enable},
	{"tls-level", "never without TLS", check_tls_level},
	{"certificates", "certificates can be checked", check_certificates},
	{"security-options", "the plugin is not ruled out", check_security_options},
	{"mechanism-filter", "XOAUTH2 or OAUTHBEARER is chosen", check_mechanism_filter},
	{"password-map", "the password map leads to the account", check_password_map},
	{"auth-cache", "a refusal is not remembered", check_auth_cache},
	{"logs", "tokens are not logged", check_secrets_logged},
	{"socket", "smtp(8) reaches mailoauthd from where it runs", check_socket},
	{"allow", "the account lets Postfix have its token", check_allow},
	{"limits", "what the server bears", check_limits},
	{"sender", "the sender is who logs in", check_sender},
	{"network", "the servers can be reached", check_network},
};

/* Reporting ----------------------------------------------------------------------------------- */

static char *format(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *format(const char *fmt, va_list ap)
{
	char text[FINDING_TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	return xstrdup(text);
}

static struct finding *last(struct doctor *doctor)
{
	return &doctor->findings[doctor->finding_count - 1];
}

void doctor_say(struct doctor *doctor, enum severity severity, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	doctor->findings = xreallocarray(doctor->findings, doctor->finding_count + 1,
					 sizeof(*doctor->findings));
	doctor->findings[doctor->finding_count++] = (struct finding){
		.check = doctor->check, .severity = severity, .seen = format(fmt, ap)};
	va_end(ap);
}

void doctor_fine(struct doctor *doctor)
{
	doctor_say(doctor, SEVERITY_OK, "%s", doctor->title);
}

void doctor_why(struct doctor *doctor, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	free(last(doctor)->why);
	last(doctor)->why = format(fmt, ap);
	va_end(ap);
}

void doctor_mend(struct doctor *doctor, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	free(last(doctor)->mend);
	last(doctor)->mend = format(fmt, ap);
	va_end(ap);
}

void doctor_append_quoted(struct buffer *out, const char *text)
{
	(void)buffer_append_byte(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			(void)buffer_append_str(out, "'\\''");
		else
			(void)buffer_append_byte(out, *text);
	}
	(void)buffer_append_byte(out, '\'');
}

const char *doctor_postfix_c(const struct doctor *doctor, struct buffer *out)
{
	buffer_clear(out);
	if (doctor->cli->postfix_dir != NULL) {
		(void)buffer_append_str(out, " -c ");
		doctor_append_quoted(out, doctor->cli->postfix_dir);
	}
	return buffer_cstr(out);
}

static bool is_overridden(const struct doctor *doctor, const struct postfix_service *service,
			  const struct setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (postfix_override(doctor->postfix, service, settings[i].name) != NULL)
			return true;
	}
	return false;
}

static void append_setting(struct buffer *out, const struct postfix_service *of,
			   const struct setting *setting)
{
	struct buffer text = BUFFER_INIT(FINDING_TEXT_MAX);

	if (of != NULL)
		(void)buffer_printf(&text, "%s/%s/", of->name, of->type);
	(void)buffer_append_str(&text, setting->name);
	if (setting->value != NULL)
		(void)buffer_printf(&text, "=%s", setting->value);
	(void)buffer_append_byte(out, ' ');
	doctor_append_quoted(out, buffer_cstr(&text));
	buffer_release(&text);
}

/* "postconf -P 'smtp/unix/NAME=VALUE'", and to remove "-PX 'smtp/unix/NAME'". */
static void mend_settings(struct doctor *doctor, const struct postfix_service *service,
			  const struct setting *settings, size_t count)
{
	bool of_service = is_overridden(doctor, service, settings, count);
	struct buffer list = BUFFER_INIT(FINDING_TEXT_MAX);
	struct buffer c = BUFFER_INIT(FINDING_TEXT_MAX);
	const char *flags = of_service ? "P" : "e";

	if (settings[0].value == NULL)
		flags = of_service ? "PX" : "X";
	for (size_t i = 0; i < count; i++)
		append_setting(&list, of_service ? service : NULL, &settings[i]);
	(void)doctor_postfix_c(doctor, &c);
	doctor_mend(doctor, "postconf%s -%s%s && postfix%s reload", buffer_cstr(&c), flags,
		    buffer_cstr(&list), buffer_cstr(&c));
	buffer_release(&list);
	buffer_release(&c);
}

void doctor_mend_setting(struct doctor *doctor, const struct postfix_service *service,
			 const char *name, const char *value)
{
	mend_settings(doctor, service, &(struct setting){name, value}, 1);
}

void doctor_mend_enable(struct doctor *doctor, const struct account_config *account,
			const char *sender)
{
	struct buffer more = BUFFER_INIT(FINDING_TEXT_MAX);

	if (sender != NULL) {
		(void)buffer_append_str(&more, " --sender ");
		doctor_append_quoted(&more, sender);
	}
	if (doctor->cli->postfix_dir != NULL) {
		(void)buffer_append_str(&more, " --postfix-config ");
		doctor_append_quoted(&more, doctor->cli->postfix_dir);
	}
	doctor_mend(doctor, "mailoauth postfix enable %s%s", account->name, buffer_cstr(&more));
	buffer_release(&more);
}

/* What smtp(8) is told in main.cf falls on mail to other servers too. */
static bool serves_others(const struct doctor *doctor, const struct postfix_service *service)
{
	static const char *const tables[] = {"transport_maps", "smtp_tls_policy_maps",
					     "relay_domains"};
	char *relayhost = doctor_value(doctor, NULL, "relayhost");
	bool others = relayhost[0] == '\0';

	free(relayhost);
	for (size_t i = 0; !others && i < sizeof(tables) / sizeof(tables[0]); i++) {
		char *value = doctor_value(doctor, NULL, tables[i]);

		others = value[0] != '\0';
		free(value);
	}
	return others && strcmp(service->name, "smtp") == 0;
}

void doctor_mend_logins(struct doctor *doctor, const struct delivery *delivery,
			const struct setting *settings, size_t count)
{
	const struct postfix_service *service = delivery->route.service;

	if (!is_overridden(doctor, service, settings, count) && serves_others(doctor, service))
		doctor_mend_enable(doctor, delivery->account, delivery->sender);
	else
		mend_settings(doctor, service, settings, count);
}

void doctor_mend_login(struct doctor *doctor, const struct delivery *delivery, const char *name,
		       const char *value)
{
	doctor_mend_logins(doctor, delivery, &(struct setting){name, value}, 1);
}

/* Looking ------------------------------------------------------------------------------------- */

bool doctor_wants(const struct doctor *doctor, const char *account)
{
	return doctor->cli->account == NULL || strcmp(doctor->cli->account, account) == 0;
}

char *doctor_value(const struct doctor *doctor, const struct postfix_service *service,
		   const char *name)
{
	return postfix_text(doctor->postfix, service, name);
}

/* The verb ------------------------------------------------------------------------------------ */

static void gather(struct doctor *doctor)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct err err = ERR_INIT;

	doctor->config = helper_config_load(doctor->cli->config, NULL, &problems);
	config_problems_release(&problems);
	if (status_ask(doctor->cli, &doctor->status, &err) != CLI_OK)
		doctor->status = NULL;
	if (postfix_read(doctor->cli->postfix_dir, doctor->deadline, &doctor->postfix,
			 &doctor->postfix_installed, &doctor->postfix_err) != OUTCOME_OK)
		doctor->postfix = NULL;
}

static void run_checks(struct doctor *doctor)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		doctor->check = checks[i].id;
		doctor->title = checks[i].title;
		checks[i].run(doctor);
		/* From here on there is a Postfix, or there is none. */
		if (checks[i].run == check_postfix)
			deliveries_find(doctor);
	}
}

static void release(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->finding_count; i++) {
		free(doctor->findings[i].seen);
		free(doctor->findings[i].why);
		free(doctor->findings[i].mend);
	}
	free(doctor->findings);
	deliveries_release(doctor);
	postfix_free(doctor->postfix);
	helper_config_free(doctor->config);
	json_object_put(doctor->status);
}

static int exit_of(const struct doctor *doctor)
{
	enum severity worst = SEVERITY_OK;

	for (size_t i = 0; i < doctor->finding_count; i++) {
		if (doctor->findings[i].severity > worst)
			worst = doctor->findings[i].severity;
	}
	return worst == SEVERITY_ERROR	   ? EXIT_ERRORS
	       : worst == SEVERITY_WARNING ? EXIT_WARNINGS
					   : 0;
}

enum cli_exit cli_doctor(const struct cli *cli)
{
	struct doctor doctor = {
		.cli = cli,
		.deadline = deadline_in_ms(DOCTOR_TIMEOUT_MS),
		.is_root = geteuid() == 0,
		.postfix_required = cli->postfix_dir != NULL || cli->sender_count > 0,
	};
	int exit;

	gather(&doctor);
	run_checks(&doctor);
	if (cli->json)
		doctor_print_json(&doctor);
	else
		doctor_print(&doctor);
	exit = exit_of(&doctor);
	release(&doctor);
	return (enum cli_exit)exit;
}
