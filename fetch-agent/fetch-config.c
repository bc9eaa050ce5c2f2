/* SPDX-License-Identifier: MIT */
/* fetch-config.c - see fetch-config.h. */
#include "fetch-agent/fetch-config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "fetch-agent/folder-select.h"
#include "fetch-agent/oauth-only.h"

#include "common/banned.h"

#define PORT_IMAPS	   993
#define PORT_IMAP	   143
#define TIMEOUT_DEFAULT_S  60
#define PARALLEL_MAX	   32
#define RETRY_FOR_MAX_S	   (365 * 86400)
#define MESSAGES_MAX	   4294967295 /* RFC 3501: UIDs have 32 bits */
#define INTERVAL_DEFAULT_S (5 * 60)
#define INTERVAL_MAX_S	   (7 * 86400)
/* Servers may end an IDLE after 30 minutes (RFC 2177 3); routers that translate addresses forget
 * silent connections after 10 or 15. */
#define IDLE_FOR_DEFAULT_S (9 * 60)
#define IDLE_FOR_MAX_S	   (28 * 60)
/* Gmail allows 15, Exchange some 20, Dovecot 10 by default; other programs want some of them. */
#define CONNECTIONS_DEFAULT 4

static const char *const tls_names[] = {"implicit", "starttls", NULL};
static const char *const mechanism_names[] = {
	"auto", "xoauth2", "oauthbearer", "scram-sha-256", "scram-sha-1", "plain", "login", NULL};
static const char *const line_end_names[] = {"lf", "crlf", NULL};
static const char *const compress_names[] = {"auto", "no", "yes", NULL};
static const char *const watch_names[] = {"no", "idle", NULL};
static const char *const take_names[] = {"new", "unseen", "all", NULL};
static const char *const after_names[] = {"keep", "seen", "delete", "move"};

/* clang-format off */
static const struct config_key fetch_keys[] = {
	{.name = "account", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, account)},
	{.name = "user", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, user)},
	{.name = "password_file", .type = CONFIG_PATH, .offset = offsetof(struct fetch_source, password_file)},
	{.name = "password_command", .type = CONFIG_WORDS, .offset = offsetof(struct fetch_source, password_command)},
	{.name = "host", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, host)},
	{.name = "port", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, port), .min = 1, .max = 65535},
	{.name = "tls", .type = CONFIG_CHOICE, .offset = offsetof(struct fetch_source, tls), .choices = tls_names},
	{.name = "mechanism", .type = CONFIG_CHOICE, .offset = offsetof(struct fetch_source, mechanism), .choices = mechanism_names},
	{.name = "ca_file", .type = CONFIG_PATH, .offset = offsetof(struct fetch_source, ca_file)},
	{.name = "tls_pin", .type = CONFIG_WORDS, .offset = offsetof(struct fetch_source, pin_words)},
	{.name = "tls_pin_only", .type = CONFIG_BOOLEAN, .offset = offsetof(struct fetch_source, pin_only)},
	{.name = "folder", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, folder)},
	{.name = "subscribed", .type = CONFIG_BOOLEAN, .offset = offsetof(struct fetch_source, subscribed)},
	{.name = "deliver", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, deliver)},
	{.name = "recipient", .type = CONFIG_WORDS, .offset = offsetof(struct fetch_source, envelope.recipients)},
	{.name = "recipient_header", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, envelope.recipient_header)},
	{.name = "recipient_strip", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, envelope.recipient_strip)},
	{.name = "recipient_domains", .type = CONFIG_WORDS, .offset = offsetof(struct fetch_source, envelope.recipient_domains)},
	{.name = "sender", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, envelope.sender)},
	{.name = "received", .type = CONFIG_BOOLEAN, .offset = offsetof(struct fetch_source, envelope.received)},
	{.name = "mda_user", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, delivery.mda_user)},
	{.name = "parallel", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, delivery.parallel), .min = 1, .max = PARALLEL_MAX},
	{.name = "deliver_timeout", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, delivery.timeout_s), .min = 1, .max = 3600},
	{.name = "after", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, after_text)},
	{.name = "line_ends", .type = CONFIG_CHOICE, .offset = offsetof(struct fetch_source, line_ends), .choices = line_end_names},
	{.name = "take", .type = CONFIG_CHOICE, .offset = offsetof(struct fetch_source, selection.take), .choices = take_names},
	{.name = "since", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, selection.since_text)},
	{.name = "max_size", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, selection.size_text)},
	{.name = "on_refused", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, selection.refused_text)},
	{.name = "bounce_via", .type = CONFIG_STRING, .offset = offsetof(struct fetch_source, selection.bounce_text)},
	{.name = "retry_for", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, selection.retry_for_s), .min = 0, .max = RETRY_FOR_MAX_S},
	{.name = "max_messages", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, selection.max_messages), .min = 1, .max = MESSAGES_MAX},
	{.name = "compress", .type = CONFIG_CHOICE, .offset = offsetof(struct fetch_source, compress), .choices = compress_names},
	{.name = "timeout", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, timeout_s), .min = 1, .max = 3600},
	{.name = "watch", .type = CONFIG_CHOICE, .offset = offsetof(struct fetch_source, watch), .choices = watch_names},
	{.name = "interval", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, interval_s), .min = 0, .max = INTERVAL_MAX_S},
	{.name = "idle_for", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, idle_for_s), .min = 1, .max = IDLE_FOR_MAX_S},
	{.name = "connections", .type = CONFIG_NUMBER, .offset = offsetof(struct fetch_source, connections), .min = 1, .max = 100},
	{0},
};

/* What is said once for both daemons. */
static const struct config_key daemon_keys[] = {
	{.name = "confine", .type = CONFIG_BOOLEAN, .offset = offsetof(struct fetch_config, confine)},
	{0},
};
/* clang-format on */

struct reading {
	const char *file;
	struct fetch_config *config;
	struct config_seen *seen;
	struct config_problems *problems;
};

static void *open_fetch(void *context, const char *name, int line)
{
	struct reading *reading = context;
	struct fetch_config *config = reading->config;
	struct fetch_source *source = xcalloc(1, sizeof(*source));

	(void)line;
	source->name = xstrdup(name);
	source->timeout_s = TIMEOUT_DEFAULT_S;
	fetch_selection_init(&source->selection);
	source->interval_s = INTERVAL_DEFAULT_S;
	source->idle_for_s = IDLE_FOR_DEFAULT_S;
	source->connections = CONNECTIONS_DEFAULT;
	config->sources =
		xreallocarray(config->sources, config->count + 1, sizeof(*config->sources));
	config->sources[config->count++] = source;
	return source;
}

static void *open_daemon(void *context, const char *name, int line)
{
	struct reading *reading = context;

	(void)name;
	(void)line;
	return reading->config;
}

static const struct config_kind kinds[] = {
	{.kind = "daemon", .keys = daemon_keys, .open = open_daemon, .partial = true},
	{.kind = "account",
	 .named = true}, /* mailoauthd(8) reads these, and the rest of [daemon] */
	{.kind = "fetch", .keys = fetch_keys, .named = true, .open = open_fetch},
	{0},
};

/* A problem at the line of key, or of the section's head where the key is not set. */
static void complain(struct reading *reading, const struct fetch_source *source, const char *key,
		     const char *text)
{
	int line = config_seen_line(reading->seen, source, key);

	if (line == 0)
		line = config_seen_line(reading->seen, source, NULL);
	config_problem(reading->problems, reading->file, line, "[fetch %s]: %s", source->name,
		       text);
}

/* Folder names may hold spaces: they are parted by commas. */
static void split_folders(const char *text, struct words *folders)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		const char *from = text, *to = text + len;

		while (from < to && isspace((unsigned char)*from))
			from++;
		while (to > from && isspace((unsigned char)to[-1]))
			to--;
		if (to > from)
			words_push(folders, (struct span){from, (size_t)(to - from)});
		text += len + (text[len] == ',');
	}
}

static void check_folder(struct reading *reading, const struct fetch_source *source, size_t index)
{
	const struct words *folders = &source->folders;
	const char *problem = folder_word_problem(folders->word[index]);
	struct err err;

	for (size_t i = 0; i < index; i++) {
		if (strcmp(folders->word[i], folders->word[index]) == 0)
			problem = "is named twice";
	}
	if (problem == NULL)
		return;
	(void)err_set(&err, OUTCOME_CONFIG, "folder = %s: %s", folders->word[index], problem);
	complain(reading, source, "folder", err.text);
}

static void resolve_folders(struct reading *reading, struct fetch_source *source)
{
	size_t included = 0;

	split_folders(source->folder != NULL ? source->folder : "INBOX", &source->folders);
	for (size_t i = 0; i < source->folders.count; i++) {
		check_folder(reading, source, i);
		included += source->folders.word[i][0] != '!';
	}
	if (included == 0)
		complain(reading, source, "folder", "folder names nothing");
}

static void resolve_deliver(struct reading *reading, struct fetch_source *source)
{
	struct err err = ERR_INIT;

	source->delivery.crlf = source->line_ends == FETCH_LINE_ENDS_CRLF;
	if (source->deliver == NULL)
		complain(reading, source, "deliver", "deliver is missing: say maildir:/PATH");
	else if (delivery_config_parse(source->deliver, &source->delivery, &err) != OUTCOME_OK)
		complain(reading, source, "deliver", err.text);
}

/* A folder to move to is a name, or a special use. */
static void check_target(struct reading *reading, const struct fetch_source *source)
{
	const char *to = source->move_to;

	if (to[0] == '\\' ? folder_word_problem(to) != NULL : !folder_word_is_name(to))
		complain(reading, source, "after",
			 "after = move:FOLDER takes the name of a folder or a special use, as in "
			 "move:\\Trash");
}

/* What the section says of the envelope, beside what its destination needs of one. */
static void resolve_envelope(struct reading *reading, struct fetch_source *source)
{
	const struct envelope_rules *rules = &source->envelope;
	const struct delivery_config *delivery = &source->delivery;
	struct err err = ERR_INIT;

	if (envelope_rules_check(rules, &err) != OUTCOME_OK)
		complain(reading, source, "recipient", err.text);
	if (delivery->method == NULL)
		return;
	source->envelope.removes_return_path = delivery->method->adds_return_path;
	if (delivery_needs_recipient(delivery) && rules->recipients.count == 0 &&
	    rules->recipient_header == NULL)
		complain(reading, source, "deliver",
			 "deliver needs to know for whom messages are: say recipient = NAME, or "
			 "recipient_header = FIELD");
	if (delivery->mda_user != NULL && !delivery->method->spawned)
		complain(reading, source, "mda_user", "mda_user is for deliver = mda:/PATH only");
}

static void resolve_after(struct reading *reading, struct fetch_source *source)
{
	static const char move[] = "move:";
	const char *text = source->after_text != NULL ? source->after_text : "keep";

	if (strncmp(text, move, sizeof(move) - 1) == 0 && text[sizeof(move) - 1] != '\0') {
		source->after = FETCH_AFTER_MOVE;
		source->move_to = xstrdup(text + sizeof(move) - 1);
		check_target(reading, source);
		if (words_contain(&source->folders, source->move_to))
			complain(reading, source, "after",
				 "after moves messages to a folder that they are fetched from");
		return;
	}
	for (int after = FETCH_AFTER_KEEP; after < FETCH_AFTER_MOVE; after++) {
		if (strcmp(text, after_names[after]) == 0) {
			source->after = after;
			return;
		}
	}
	complain(reading, source, "after", "after must be keep, seen, delete or move:FOLDER");
}

/* What a section with user says is about a password, and never for a host that takes none. */
static void resolve_password(struct reading *reading, struct fetch_source *source)
{
	char *provider =
		source->host != NULL ? oauth_only_provider(reading->file, source->host) : NULL;
	struct err err;

	if ((source->password_file != NULL) == (source->password_command.count > 0))
		complain(reading, source, "user",
			 "user needs password_file or password_command, and not both");
	if (source->password_command.count > 0 && source->password_command.word[0][0] != '/')
		complain(reading, source, "password_command",
			 "password_command begins with the absolute path of a program; no shell "
			 "runs it");
	if (source->host == NULL)
		complain(reading, source, "user", "user needs host");
	if (source->mechanism == FETCH_MECHANISM_XOAUTH2 ||
	    source->mechanism == FETCH_MECHANISM_OAUTHBEARER)
		complain(reading, source, "mechanism", "mechanism is for an account, not for user");
	if (provider != NULL) {
		(void)err_set(&err, OUTCOME_CONFIG,
			      "%s takes no passwords: write an [account NAME] with provider = %s, "
			      "say account = NAME here, and run: mailoauth authorize NAME",
			      source->host, provider);
		complain(reading, source, "host", err.text);
	}
	free(provider);
	source->account = source->host != NULL ? xasprintf("%s@%s", source->user, source->host)
					       : xstrdup(source->user);
}

static void resolve_login(struct reading *reading, struct fetch_source *source)
{
	bool password = source->password_file != NULL || source->password_command.count > 0;

	if (source->account != NULL && (source->user != NULL || password))
		complain(reading, source, source->user != NULL ? "user" : "account",
			 "account logs in with a token, user with a password: say one of them");
	else if (source->user != NULL)
		resolve_password(reading, source);
	else if (source->account == NULL)
		complain(reading, source, "account",
			 "account is missing (or user, to log in with a password)");
	else if (source->mechanism > FETCH_MECHANISM_OAUTHBEARER)
		complain(reading, source, "mechanism", "mechanism is for user, not for account");
}

static void resolve_pins(struct reading *reading, struct fetch_source *source)
{
	struct tls_pins *pins = &source->pins;

	pins->only = source->pin_only;
	pins->pin = xcalloc(source->pin_words.count + 1, sizeof(*pins->pin));
	for (size_t i = 0; i < source->pin_words.count; i++) {
		if (tls_pin_parse(source->pin_words.word[i], &pins->pin[pins->count]))
			pins->count++;
		else
			complain(reading, source, "tls_pin",
				 "tls_pin must be sha256: and the 64 hexadecimal digits of a "
				 "server's key");
	}
	if (pins->only && source->pin_words.count == 0)
		complain(reading, source, "tls_pin_only", "tls_pin_only needs tls_pin");
	if (pins->only && source->ca_file != NULL)
		complain(reading, source, "tls_pin_only",
			 "with tls_pin_only no authority counts: delete ca_file");
}

struct complaint {
	struct reading *reading;
	const struct fetch_source *source;
};

static void on_complaint(void *context, const char *key, const char *text)
{
	const struct complaint *complaint = context;

	complain(complaint->reading, complaint->source, key, text);
}

static void resolve_selection(struct reading *reading, struct fetch_source *source)
{
	struct complaint complaint = {reading, source};
	const char *to;

	fetch_selection_resolve(&source->selection, on_complaint, &complaint);
	to = source->selection.refused_to;
	if (to != NULL && words_contain(&source->folders, to))
		complain(reading, source, "on_refused",
			 "on_refused moves messages to a folder that they are fetched from");
	if (source->selection.take == FETCH_TAKE_ALL && source->after != FETCH_AFTER_DELETE &&
	    source->after != FETCH_AFTER_MOVE)
		complain(reading, source, "take",
			 "take = all fetches everything again in each run: it needs after = delete "
			 "or move:FOLDER");
}

static void resolve(struct reading *reading, struct fetch_source *source)
{
	resolve_login(reading, source);
	resolve_pins(reading, source);
	if (source->port == 0)
		source->port = source->tls == FETCH_TLS_STARTTLS ? PORT_IMAP : PORT_IMAPS;
	resolve_folders(reading, source);
	resolve_deliver(reading, source);
	resolve_envelope(reading, source);
	resolve_after(reading, source);
	resolve_selection(reading, source);
}

struct fetch_config *fetch_config_load(const char *path, struct config_problems *problems)
{
	struct fetch_config *config = xcalloc(1, sizeof(*config));
	struct reading reading = {path, config, config_seen_new(), problems};

	config->confine = true;
	(void)config_read(path, kinds, &reading, reading.seen, problems);
	for (size_t i = 0; i < config->count; i++)
		resolve(&reading, config->sources[i]);
	if (config->count == 0 && problems->count == 0)
		config_problem(problems, path, 0,
			       "has no [fetch NAME] section, so there is nothing to fetch; to see "
			       "what one looks like, run: mailoauth guide fetch");
	config_seen_free(reading.seen);
	if (problems->count > 0) {
		fetch_config_free(config);
		return NULL;
	}
	return config;
}

void fetch_source_free(struct fetch_source *source)
{
	if (source == NULL)
		return;
	config_release(fetch_keys, source);
	free(source->name);
	free(source->pins.pin);
	words_release(&source->folders);
	delivery_config_release(&source->delivery);
	fetch_selection_release(&source->selection);
	free(source->move_to);
	free(source);
}

void fetch_config_free(struct fetch_config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->count; i++)
		fetch_source_free(config->sources[i]);
	free(config->sources);
	free(config);
}

struct fetch_source *fetch_config_take(struct fetch_config *config, size_t index)
{
	struct fetch_source *source = config->sources[index];

	config->count--;
	for (size_t i = index; i < config->count; i++)
		config->sources[i] = config->sources[i + 1];
	return source;
}

static bool is_named(const struct fetch_source *source, char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(source->name, names[i]) == 0)
			return true;
	}
	return false;
}

enum outcome fetch_config_keep(struct fetch_config *config, char *const *names, size_t count,
			       struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;

		while (at < config->count && strcmp(config->sources[at]->name, names[i]) != 0)
			at++;
		if (at == config->count)
			return err_set(err, OUTCOME_CONFIG, "there is no section [fetch %s]",
				       names[i]);
	}
	for (size_t i = config->count; count > 0 && i > 0; i--) {
		if (!is_named(config->sources[i - 1], names, count))
			fetch_source_free(fetch_config_take(config, i - 1));
	}
	return OUTCOME_OK;
}

bool fetch_source_same(const struct fetch_source *a, const struct fetch_source *b)
{
	return strcmp(a->name, b->name) == 0 && config_same(fetch_keys, a, b);
}

const char *fetch_after_name(int after)
{
	return after_names[after];
}
