/* SPDX-License-Identifier: MIT */
/* check-login.c - the checks of how smtp(8) logs in: options, mechanisms, password maps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor.h"
#include "token-helper/postfix/maps.h"
#include "token-helper/postfix/postfix-value.h"

#include "common/banned.h"

/* Security options ---------------------------------------------------------------------------- */

/* The plugin's flags are PLAIN's: these rule it out. */
static bool rules_out(const char *options)
{
	static const char *const words[] = {"noplaintext", "noactive", "nodictionary",
					    "mutual_auth", "forward_secrecy"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (postfix_list_has(options, words[i]))
			return true;
	}
	return false;
}

static bool judge_options(struct doctor *doctor, const struct postfix_service *service,
			  const char *name)
{
	char *options = doctor_value(doctor, service, name);
	bool is_fine = !rules_out(options);

	if (!is_fine) {
		doctor_say(doctor, SEVERITY_ERROR, "%s: %s = %s", service->name, name, options);
		doctor_why(doctor, "XOAUTH2 and OAUTHBEARER send what they have, as PLAIN does, so "
				   "Postfix does not use them: \"No worthy mechs found\".");
		doctor_mend_setting(doctor, service, name, "noanonymous");
	}
	free(options);
	return is_fine;
}

/* Without TLS the same option is what keeps tokens off the wire. */
static bool judge_cleartext(struct doctor *doctor, const struct postfix_service *service)
{
	char *options = doctor_value(doctor, service, "smtp_sasl_security_options");
	bool is_fine = postfix_list_has(options, "noplaintext");

	if (!is_fine) {
		doctor_say(doctor, SEVERITY_WARNING, "%s: smtp_sasl_security_options = %s",
			   service->name, options);
		doctor_why(doctor, "It is for connections without TLS, and would let Postfix send "
				   "a token there. What has to be relaxed is "
				   "smtp_sasl_tls_security_options alone.");
		doctor_mend_setting(doctor, service, "smtp_sasl_security_options",
				    "noplaintext, noanonymous");
	}
	free(options);
	return is_fine;
}

void check_security_options(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL) {
		const struct postfix_service *service = delivery->route.service;
		bool is_fine = judge_options(doctor, service, "smtp_sasl_tls_security_options");

		/* Its default is the one before: then that was said already. */
		if (is_fine)
			is_fine = judge_options(doctor, service,
						"smtp_sasl_tls_verified_security_options");
		if (judge_cleartext(doctor, service) && is_fine)
			doctor_fine(doctor);
	}
}

/* Mechanisms ---------------------------------------------------------------------------------- */

static bool filter_lets(const char *filter, const char *mechanism)
{
	return filter[0] == '\0' || postfix_list_has(filter, mechanism) ||
	       postfix_list_has(filter, "static:rest") || postfix_list_has(filter, "static:all");
}

static bool is_table(const char *filter)
{
	return strchr(filter, ':') != NULL || filter[0] == '/' || strchr(filter, '!') != NULL;
}

static void judge_filter(struct doctor *doctor, const struct delivery *delivery)
{
	const struct postfix_service *service = delivery->route.service;
	char *filter = doctor_value(doctor, service, "smtp_sasl_mechanism_filter");
	bool ours = filter_lets(filter, "xoauth2") || filter_lets(filter, "oauthbearer");

	if (is_table(filter) && !ours) {
		doctor_say(doctor, SEVERITY_NOTE,
			   "%s: smtp_sasl_mechanism_filter = %s is a table or a negation: it must "
			   "let xoauth2 or oauthbearer through",
			   service->name, filter);
	} else if (!ours) {
		doctor_say(doctor, SEVERITY_ERROR, "%s: smtp_sasl_mechanism_filter = %s",
			   service->name, filter);
		doctor_why(doctor, "It lets neither XOAUTH2 nor OAUTHBEARER through: \"No worthy "
				   "mechs found\".");
		doctor_mend_login(doctor, delivery, "smtp_sasl_mechanism_filter", "xoauth2");
	} else if (filter[0] == '\0' || postfix_list_has(filter, "plain") ||
		   postfix_list_has(filter, "login")) {
		doctor_say(doctor, SEVERITY_WARNING, "%s: smtp_sasl_mechanism_filter = %s",
			   service->name, filter);
		doctor_why(doctor,
			   "Where the server offers PLAIN or LOGIN too, the order of files in a "
			   "directory decides which one is taken, and PLAIN has no password here.");
		doctor_mend_login(doctor, delivery, "smtp_sasl_mechanism_filter", "xoauth2");
	} else {
		doctor_fine(doctor);
	}
	free(filter);
}

void check_mechanism_filter(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL)
		judge_filter(doctor, delivery);
}

/* Password maps ------------------------------------------------------------------------------- */

/* The command that puts an entry before whatever is there; not when that would be shown with
 * somebody's password. */
static void mend_entry(struct doctor *doctor, const struct delivery *delivery, const char *key,
		       const char *user)
{
	const struct postfix_service *service = delivery->route.service;
	const struct account_config *account = delivery->account;
	const char *name = "smtp_sasl_password_maps";
	const char *raw = postfix_override(doctor->postfix, service, name);
	struct buffer value = BUFFER_INIT(POSTFIX_VALUE_MAX);
	char entry[NEXTHOP_TEXT_MAX + 2];

	if (raw == NULL)
		raw = postfix_raw(doctor->postfix, name);
	(void)snprintf(entry, sizeof(entry), "%s:%s", user,
		       helper_config_user_is_one(doctor->config, account) ? "" : account->name);
	if (raw != NULL && maps_have_password(raw))
		doctor_mend_enable(doctor, account, delivery->sender);
	else if (maps_add(raw != NULL ? raw : "", key, entry, &value))
		doctor_mend_setting(doctor, service, name, buffer_cstr(&value));
	buffer_release(&value);
}

static const char *wanted_key(const struct doctor *doctor, const struct delivery *delivery,
			      char *nexthop)
{
	if (delivery->sender != NULL && postfix_is_yes(doctor->postfix, delivery->route.service,
						       "smtp_sender_dependent_authentication"))
		return delivery->sender;
	return nexthop_text(&delivery->route.nexthop, nexthop);
}

static void say_no_entry(struct doctor *doctor, const struct delivery *delivery)
{
	char nexthop[NEXTHOP_TEXT_MAX], spelling[NEXTHOP_TEXT_MAX];
	const char *key = wanted_key(doctor, delivery, nexthop);
	struct login other;

	if (login_find_other_spelling(doctor->postfix, &delivery->route, doctor->deadline, spelling,
				      &other)) {
		doctor_say(doctor, SEVERITY_ERROR,
			   "smtp_sasl_password_maps has an entry for %s, and %s says %s", spelling,
			   delivery->route.by, key);
		doctor_why(doctor, "Postfix looks for exactly what is written there, brackets and "
				   "port too: without an entry it does not log in.");
		mend_entry(doctor, delivery, key, other.user);
	} else {
		doctor_say(doctor, SEVERITY_ERROR, "smtp_sasl_password_maps has no entry for %s",
			   key);
		doctor_why(doctor, "Without an entry Postfix does not log in, and the server "
				   "refuses the mail.");
		mend_entry(doctor, delivery, key, delivery->account->user);
	}
	buffer_release(&other.password);
}

static void say_stranger(struct doctor *doctor, const struct delivery *delivery)
{
	const struct login *login = &delivery->login;

	/* Not the password field: it may be a password. */
	doctor_say(doctor, SEVERITY_ERROR,
		   "the entry of %s in smtp_sasl_password_maps is no account's", login->key);
	doctor_why(doctor,
		   login->password.len > 0
			   ? "After the colon stands an account's name, or nothing: then the user "
			     "before it selects the account."
			   : "No account of mailoauth.conf has that user, name or alias.");
	mend_entry(doctor, delivery, login->key, delivery->account->user);
}

static void judge_entry(struct doctor *doctor, const struct delivery *delivery)
{
	const struct login *login = &delivery->login;
	char text[DELIVERY_TEXT_MAX];

	if (login->kind == LOGIN_NONE) {
		say_no_entry(doctor, delivery);
	} else if (login->kind == LOGIN_ENTRY && delivery->used == NULL) {
		if (login->password.len > 7 && strncmp(login->password.data, "Bearer ", 7) == 0) {
			doctor_say(doctor, SEVERITY_WARNING,
				   "the entry of %s in smtp_sasl_password_maps is a token",
				   login->key);
			doctor_why(doctor, "It expires, and nobody refreshes it.");
			mend_entry(doctor, delivery, login->key, delivery->account->user);
		} else {
			say_stranger(doctor, delivery);
		}
	} else if (delivery->used == NULL && login->kind == LOGIN_DAEMON) {
		doctor_say(doctor, SEVERITY_ERROR,
			   "several accounts have the server %s, and none is the default",
			   delivery->route.nexthop.host);
		doctor_why(doctor,
			   "mailoauthd does not guess: say default = yes in one of them, or "
			   "name senders and set smtp_sender_dependent_authentication = yes.");
	} else if (delivery->used != NULL) {
		doctor_say(doctor, SEVERITY_OK, "%s: account %s, as %s",
			   delivery_text(delivery, text), delivery->used->name,
			   delivery->used->service_user[SERVICE_SMTP]);
	}
}

void check_password_map(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->delivery_count; i++) {
		const struct delivery *delivery = &doctor->deliveries[i];

		if (delivery->account != NULL && delivery->route.service != NULL)
			judge_entry(doctor, delivery);
	}
}

void check_auth_cache(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL) {
		const struct postfix_service *service = delivery->route.service;
		char *cache = doctor_value(doctor, service, "smtp_sasl_auth_cache_name");

		if (cache[0] == '\0') {
			doctor_fine(doctor);
		} else {
			doctor_say(doctor, SEVERITY_ERROR, "%s: smtp_sasl_auth_cache_name = %s",
				   service->name, cache);
			doctor_why(doctor,
				   "After one refusal Postfix tries the same password no "
				   "more for 90 days, and here the password never changes.");
			doctor_mend_setting(doctor, service, "smtp_sasl_auth_cache_name", NULL);
		}
		free(cache);
	}
}

/* Logging ------------------------------------------------------------------------------------- */

/* Its command in master.cf, without -v. */
static void append_quiet(struct buffer *out, const struct postfix_service *service)
{
	struct span rest = span_from_str(service->command), word;

	(void)buffer_printf(out, "%s/%s/command=", service->name, service->type);
	for (bool is_first = true; postfix_word_next(&rest, &word); is_first = false) {
		if (span_equals(word, "-v") || span_equals(word, "-vv"))
			continue;
		if (!is_first)
			(void)buffer_append_byte(out, ' ');
		(void)buffer_append_span(out, word);
	}
}

static bool judge_verbose(struct doctor *doctor, const struct postfix_service *service)
{
	struct buffer c = BUFFER_INIT(FINDING_TEXT_MAX);
	struct buffer field = BUFFER_INIT(FINDING_TEXT_MAX);
	struct buffer quoted = BUFFER_INIT(FINDING_TEXT_MAX);

	if (!postfix_service_has_flag(service, "-v") && !postfix_service_has_flag(service, "-vv"))
		return true;
	(void)doctor_postfix_c(doctor, &c);
	append_quiet(&field, service);
	doctor_append_quoted(&quoted, buffer_cstr(&field));
	doctor_say(doctor, SEVERITY_WARNING, "master.cf: %s %s runs with -v", service->name,
		   service->type);
	doctor_why(doctor, "Then it logs what it sends, tokens too.");
	doctor_mend(doctor, "postconf%s -F %s && postfix%s reload", buffer_cstr(&c),
		    buffer_cstr(&quoted), buffer_cstr(&c));
	buffer_release(&c);
	buffer_release(&field);
	buffer_release(&quoted);
	return false;
}

static bool judge_debugging(struct doctor *doctor)
{
	char *value = doctor_value(doctor, NULL, "debug_peer_list");
	bool is_fine = value[0] == '\0';

	if (!is_fine) {
		doctor_say(doctor, SEVERITY_WARNING, "debug_peer_list = %s", value);
		doctor_why(doctor, "Connections to these are logged whole, with the tokens sent.");
		doctor_mend_setting(doctor, NULL, "debug_peer_list", NULL);
	}
	free(value);
	return is_fine;
}

/* The other classes stay. */
static void append_others(const char *classes, struct buffer *out)
{
	struct span rest = span_from_str(classes), word;

	while (postfix_list_next(&rest, &word)) {
		if (span_equals_nocase(word, "protocol"))
			continue;
		if (out->len > 0)
			(void)buffer_append_str(out, ", ");
		(void)buffer_append_span(out, word);
	}
}

static bool judge_notices(struct doctor *doctor)
{
	char *value = doctor_value(doctor, NULL, "notify_classes");
	struct buffer others = BUFFER_INIT(FINDING_TEXT_MAX);
	bool is_fine = !postfix_list_has(value, "protocol");

	if (!is_fine) {
		append_others(value, &others);
		doctor_say(doctor, SEVERITY_WARNING, "notify_classes = %s", value);
		doctor_why(doctor, "Transcripts of failed sessions, with the tokens sent, go to "
				   "the postmaster.");
		doctor_mend_setting(doctor, NULL, "notify_classes", buffer_cstr(&others));
	}
	buffer_release(&others);
	free(value);
	return is_fine;
}

void check_secrets_logged(struct doctor *doctor)
{
	const struct delivery *delivery;
	bool is_fine = true;
	size_t at = 0;

	if (doctor->postfix == NULL)
		return;
	while ((delivery = deliveries_next_service(doctor, &at)) != NULL)
		is_fine = judge_verbose(doctor, delivery->route.service) && is_fine;
	is_fine = judge_debugging(doctor) && is_fine;
	is_fine = judge_notices(doctor) && is_fine;
	if (is_fine)
		doctor_fine(doctor);
}
