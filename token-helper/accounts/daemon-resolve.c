/* SPDX-License-Identifier: MIT */
/* daemon-resolve.c - the section [daemon] as written to what the daemon runs with. */
#include <stdlib.h>
#include <string.h>

#include "common/secret-file.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-resolve.h"

#include "common/banned.h"

#define SEAL_KEY_TEXT_MAX 256
#define CREDENTIAL_PREFIX "credential:"
#define NOTIFY_MAIL_BY	  "smtp://127.0.0.1"

static void problem(const struct config_reading *reading, const char *key, const char *value,
		    const char *text)
{
	config_problem(reading->problems, reading->file,
		       config_seen_line(reading->seen, &reading->daemon, key), "%s = %s: %s", key,
		       value, text);
}

static void resolve_sockets(struct config_reading *reading, struct helper_config *config)
{
	struct words *sockets = &reading->daemon.sockets;

	if (sockets->count == 0)
		words_split(HELPER_SOCKET_SYSTEM, sockets);
	for (size_t i = 0; i < sockets->count; i++) {
		if (sockets->word[i][0] != '/')
			problem(reading, "socket", sockets->word[i], "is not an absolute path");
	}
	words_copy(&config->sockets, sockets);
}

/* Keys ---------------------------------------------------------------------------------------- */

/* The path of a key file, of a systemd credential in the directory that only the service sees.
 * NULL: no credentials here. Gives. */
static char *key_path(const char *source)
{
	size_t prefix = strlen(CREDENTIAL_PREFIX);
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (strncmp(source, CREDENTIAL_PREFIX, prefix) != 0)
		return xstrdup(source);
	return dir != NULL ? xasprintf("%s/%s", dir, source + prefix) : NULL;
}

static void add_key(struct config_reading *reading, struct helper_config *config,
		    const char *source, const char *path)
{
	struct buffer hex = BUFFER_INIT_SECRET(SEAL_KEY_TEXT_MAX);
	struct err err;

	resolve_reads(reading, path);
	if (secret_file_read(path, &hex, &err) != OUTCOME_OK ||
	    seal_keys_add(config->seal_keys, buffer_span(&hex), &err) != OUTCOME_OK)
		problem(reading, "seal_key_file", source, err.text);
	buffer_release(&hex);
}

static void resolve_seal_keys(struct config_reading *reading, struct helper_config *config)
{
	const struct words *sources = &reading->daemon.seal_key_file;

	if (sources->count > 0)
		config->seal_keys = seal_keys_new();
	for (size_t i = 0; i < sources->count; i++) {
		const char *source = sources->word[i];
		char *path = key_path(source);

		if (path == NULL) {
			config->seal_keys_unseen = true;
			(void)buffer_printf(&config->warnings,
					    "[daemon] seal_key_file: %s is seen only by a service "
					    "that systemd starts with LoadCredential\n",
					    source);
		} else if (path[0] != '/' || strchr(source, ':') != strrchr(source, ':')) {
			problem(reading, "seal_key_file", source,
				"is neither an absolute path nor credential:NAME");
		} else {
			add_key(reading, config, source, path);
		}
		free(path);
	}
}

/* Metrics ------------------------------------------------------------------------------------- */

static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 5 && text[digits] == '\0' && strtol(text, NULL, 10) > 0 &&
	       strtol(text, NULL, 10) < 65536;
}

/* Names of accounts and the state of their mail are nobody's business beyond this machine. */
static bool is_outlet(const char *place)
{
	static const char *const hosts[] = {"127.0.0.1:", "[::1]:"};

	if (strncmp(place, "unix:", 5) == 0 || strncmp(place, "file:", 5) == 0)
		return place[5] == '/';
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strncmp(place, hosts[i], strlen(hosts[i])) == 0)
			return is_port(place + strlen(hosts[i]));
	}
	return false;
}

static void resolve_metrics(struct config_reading *reading, struct helper_config *config)
{
	const struct words *places = &reading->daemon.metrics;

	for (size_t i = 0; i < places->count; i++) {
		if (!is_outlet(places->word[i]))
			problem(reading, "metrics", places->word[i],
				"is none of 127.0.0.1:PORT, [::1]:PORT, unix:/PATH, file:/PATH");
	}
	words_copy(&config->metrics, places);
}

/* Notices ------------------------------------------------------------------------------------- */

/* A plain address, or the name of a local user: it goes into a header and onto a command line. */
static bool is_recipient(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "!#$%&'*+/=?^_`{|}~.-";
	size_t local = strspn(text, plain);

	if (local == 0 || text[0] == '-')
		return false;
	return text[local] == '\0' || (text[local] == '@' && text[local + 1] != '\0' &&
				       text[local + 1 + strspn(text + local + 1, plain)] == '\0');
}

/* smtp://HOST[:PORT], and nothing behind it. */
static bool is_smtp_url(const char *text)
{
	static const char start[] = "smtp://";
	const char *host = text + sizeof(start) - 1;

	return strncmp(text, start, sizeof(start) - 1) == 0 && host[0] != '\0' &&
	       strpbrk(host, "/?#@ ") == NULL;
}

static void resolve_notify_mail(struct config_reading *reading, struct helper_config *config)
{
	struct words *by = &reading->daemon.notify_mail_by;
	const char *to = reading->daemon.notify_mail;

	if (by->count > 0 && to == NULL)
		problem(reading, "notify_mail_by", by->word[0], "goes with notify_mail: to whom?");
	if (to != NULL && !is_recipient(to))
		problem(reading, "notify_mail", to, "is no plain address");
	if (by->count == 0)
		words_split(NOTIFY_MAIL_BY, by);
	if (by->word[0][0] != '/' && !(by->count == 1 && is_smtp_url(by->word[0])))
		problem(reading, "notify_mail_by", by->word[0],
			"is neither smtp://HOST:PORT nor the absolute path of a program");
	config->notify_mail = xstrdup(to);
	words_copy(&config->notify_mail_by, by);
}

void daemon_resolve(struct config_reading *reading, struct helper_config *config)
{
	struct daemon_section *daemon = &reading->daemon;
	struct err err;

	resolve_sockets(reading, config);
	config->store = xstrdup(daemon->store != NULL ? daemon->store : STORE_DIR);
	config->confine = daemon->confine;
	config->user = xstrdup(daemon->user != NULL ? daemon->user : SERVICE_USER);
	if (peer_list_resolve(&daemon->admin, &config->admin, &err) != OUTCOME_OK)
		config_problem(reading->problems, reading->file,
			       config_seen_line(reading->seen, daemon, "admin"), "admin = %s",
			       err.text);
	resolve_seal_keys(reading, config);
	resolve_metrics(reading, config);
	if (daemon->notify_command.count > 0 && daemon->notify_command.word[0][0] != '/')
		problem(reading, "notify_command", daemon->notify_command.word[0],
			"is not an absolute path");
	words_copy(&config->notify_command, &daemon->notify_command);
	resolve_notify_mail(reading, config);
}
