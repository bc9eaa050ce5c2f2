/* SPDX-License-Identifier: MIT */
/*
 * client-resolve.c - how an account's client proves who it is: from the keys of its section to a
 * struct client_auth. See account-resolve.h.
 *
 * What a file holds is read and checked here, so that `mailoauth config check` finds what the
 * daemon would stumble on. Assertions and the output of commands are not: they are made for the
 * hour.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/secret-file.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-resolve.h"

#include "common/banned.h"

#define PEM_MAX		    16384
#define CREDENTIAL_MARK	    "credential:"
#define CREDENTIALS_OF_OURS "/run/credentials/mailoauthd.service"
#define EXPIRES_SOON_S	    (30 * 86400)
#define CERTIFICATE_MARK    "-----BEGIN CERTIFICATE-----"

static const char *daemon_user(const struct resolving *at)
{
	return at->reading->daemon.user != NULL ? at->reading->daemon.user : SERVICE_USER;
}

/* The keys ------------------------------------------------------------------------------------ */

/* Where a credential may come from; the newer of two stands before the older. */
static const struct source {
	const char *key;
	enum client_material material;
	bool is_command;
	size_t at;		     /* of the value in struct account_section */
	const char *certificate_key; /* of a key: NULL else */
	size_t certificate_at;
} sources[] = {
	{"client_secret_file", MATERIAL_SECRET, false,
	 offsetof(struct account_section, client_secret_file), NULL, 0},
	{"client_secret_command", MATERIAL_SECRET, true,
	 offsetof(struct account_section, client_secret_command), NULL, 0},
	{"client_secret_file_old", MATERIAL_SECRET, false,
	 offsetof(struct account_section, client_secret_file_old), NULL, 0},
	{"client_key_file", MATERIAL_KEY, false, offsetof(struct account_section, client_key_file),
	 "client_certificate_file", offsetof(struct account_section, client_certificate_file)},
	{"client_key_file_old", MATERIAL_KEY, false,
	 offsetof(struct account_section, client_key_file_old), "client_certificate_file_old",
	 offsetof(struct account_section, client_certificate_file_old)},
	{"client_assertion_file", MATERIAL_ASSERTION, false,
	 offsetof(struct account_section, client_assertion_file), NULL, 0},
	{"client_assertion_command", MATERIAL_ASSERTION, true,
	 offsetof(struct account_section, client_assertion_command), NULL, 0},
};

static const char *text_at(const struct resolving *at, size_t offset)
{
	return *(char *const *)(const void *)((const char *)at->section + offset);
}

static const struct words *words_at(const struct resolving *at, size_t offset)
{
	return (const struct words *)(const void *)((const char *)at->section + offset);
}

static bool is_set(const struct resolving *at, const struct source *source)
{
	return source->is_command ? words_at(at, source->at)->count > 0
				  : text_at(at, source->at) != NULL;
}

/* Files --------------------------------------------------------------------------------------- */

/* Would the daemon's user read the file? Only root can ask this for another. */
static bool user_reads(const struct passwd *pw, const struct stat *st)
{
	gid_t groups[256];
	int count = sizeof(groups) / sizeof(groups[0]);

	if (pw->pw_uid == 0)
		return true;
	if (st->st_uid == pw->pw_uid)
		return (st->st_mode & S_IRUSR) != 0;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &count) < 0)
		return true; /* more groups than we look at: not for us to say */
	for (int i = 0; i < count; i++) {
		if (groups[i] == st->st_gid)
			return (st->st_mode & S_IRGRP) != 0;
	}
	return (st->st_mode & S_IROTH) != 0;
}

/* Root reads what the daemon will not: it is said before the first reload says it. */
static void check_daemon_reads(const struct resolving *at, const char *key, const char *path)
{
	const char *user = daemon_user(at);
	const struct passwd *pw = geteuid() == 0 ? getpwnam(user) : NULL;
	struct stat st;

	if (pw != NULL && stat(path, &st) == 0 && !user_reads(pw, &st))
		(void)buffer_printf(at->warnings,
				    "[account %s] %s: the user %s cannot read it: "
				    "chgrp %s %s && chmod 0640 %s\n",
				    at->section->name, key, user, user, path, path);
}

/* "credential:NAME" is a file that systemd passes to the service. Gives; NULL: reported. */
static char *credential_path(const struct resolving *at, const char *key, const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (dir == NULL)
		dir = CREDENTIALS_OF_OURS;
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
		resolve_problem(at, key, "%s = " CREDENTIAL_MARK "%s: is no credential's name", key,
				name);
		return NULL;
	}
	if (access(dir, F_OK) != 0) {
		resolve_problem(
			at, key,
			"%s = " CREDENTIAL_MARK "%s: systemd passed no credentials: add "
			"LoadCredential=%s:/PATH to mailoauthd.service and start it (%s: %s)",
			key, name, name, dir, strerror(errno));
		return NULL;
	}
	return xasprintf("%s/%s", dir, name);
}

/* The path that a value means. Gives; NULL: reported. */
static char *secret_path(const struct resolving *at, const char *key, const char *value)
{
	size_t mark = strlen(CREDENTIAL_MARK);

	if (strncmp(value, CREDENTIAL_MARK, mark) == 0)
		return credential_path(at, key, value + mark);
	if (value[0] == '/')
		return xstrdup(value);
	resolve_problem(at, key, "%s = %s: is neither an absolute path nor " CREDENTIAL_MARK "NAME",
			key, value);
	return NULL;
}

static bool read_secret(const struct resolving *at, const char *key, const char *value,
			struct buffer *secret)
{
	char *path = secret_path(at, key, value);
	bool is_file = value[0] == '/';
	enum outcome outcome;
	struct err err;

	if (path == NULL)
		return false;
	resolve_reads(at->reading, path);
	outcome = secret_file_read(path, secret, &err);
	if (outcome == OUTCOME_OK && is_file)
		check_daemon_reads(at, key, path);
	else if (outcome != OUTCOME_OK)
		resolve_problem(at, key,
				"%s: %s; put the secret there with: install -m 0640 -o root "
				"-g %s /dev/stdin %s",
				key, err.text, daemon_user(at), path);
	free(path);
	return outcome == OUTCOME_OK;
}

/* A certificate is no secret: anybody may read its file. */
static bool read_public(const struct resolving *at, const char *key, const char *path,
			struct buffer *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char chunk[1024];
	ssize_t n = -1;

	resolve_reads(at->reading, path);
	if (fd >= 0) {
		while ((n = read(fd, chunk, sizeof(chunk))) > 0 &&
		       buffer_append(text, chunk, (size_t)n))
			;
	}
	if (n < 0)
		resolve_problem(at, key, "%s: %s: %s", key, path, strerror(errno));
	else if (!buffer_ok(text))
		resolve_problem(at, key, "%s: %s: is too large for a certificate", key, path);
	if (fd >= 0)
		(void)close(fd);
	return n == 0 && buffer_ok(text);
}

/* Keys ---------------------------------------------------------------------------------------- */

static void check_expiry(const struct resolving *at, const char *key, int64_t expires_s)
{
	char until[CLOCK_TEXT_MAX];

	if (expires_s == 0 || expires_s - clock_now_s() > EXPIRES_SOON_S)
		return;
	(void)clock_text(expires_s, until, sizeof(until));
	(void)buffer_printf(at->warnings,
			    "[account %s] %s: its certificate %s %s: make a new one, keep this one "
			    "as client_key_file_old until the new one works\n",
			    at->section->name, key,
			    expires_s <= clock_now_s() ? "has ended on" : "ends on", until);
}

static void take_key(const struct resolving *at, const struct source *source, struct span pem,
		     struct span certificate, struct client_credential *credential)
{
	struct err err;

	/* Both may stand in one file. */
	if (certificate.len == 0 &&
	    memmem(pem.ptr, pem.len, CERTIFICATE_MARK, strlen(CERTIFICATE_MARK)) != NULL)
		certificate = pem;
	if (signing_key_new(pem, certificate, &credential->key, &err) == OUTCOME_OK)
		check_expiry(at, source->key, signing_key_expires_s(credential->key));
	else
		resolve_problem(at, source->key, "%s = %s: %s", source->key,
				text_at(at, source->at), err.text);
}

static void read_key(const struct resolving *at, const struct source *source,
		     struct client_credential *credential)
{
	const char *certificate_path = text_at(at, source->certificate_at);
	struct buffer certificate = BUFFER_INIT(PEM_MAX);
	struct buffer pem = BUFFER_INIT_SECRET(PEM_MAX);

	if (read_secret(at, source->key, text_at(at, source->at), &pem) &&
	    (certificate_path == NULL ||
	     read_public(at, source->certificate_key, certificate_path, &certificate)))
		take_key(at, source, buffer_span(&pem), buffer_span(&certificate), credential);
	buffer_release(&pem);
	buffer_release(&certificate);
}

static void take_secret(const struct resolving *at, const struct source *source,
			struct client_credential *credential)
{
	if (read_secret(at, source->key, text_at(at, source->at), &credential->secret))
		config_rules_secret(at, source->key, buffer_span(&credential->secret));
}

/* Credentials --------------------------------------------------------------------------------- */

static void take_command(const struct resolving *at, const char *key, const struct words *argv,
			 struct client_credential *credential)
{
	words_copy(&credential->command, argv);
	if (argv->word[0][0] != '/')
		resolve_problem(at, key, "%s = %s: is not an absolute path (there is no shell)",
				key, argv->word[0]);
	else if (access(argv->word[0], X_OK) != 0)
		resolve_problem(at, key, "%s = %s: %s", key, argv->word[0], strerror(errno));
}

static void add_credential(const struct resolving *at, const struct source *source,
			   struct client_auth *auth)
{
	struct client_credential *credential = client_auth_add(auth, source->key);
	struct buffer read_now = BUFFER_INIT_SECRET(CLIENT_ASSERTION_MAX);

	if (source->is_command)
		take_command(at, source->key, words_at(at, source->at), credential);
	else if (source->material == MATERIAL_KEY)
		read_key(at, source, credential);
	else if (source->material == MATERIAL_SECRET)
		take_secret(at, source, credential);
	else if (read_secret(at, source->key, text_at(at, source->at), &read_now))
		credential->file = secret_path(at, source->key, text_at(at, source->at));
	buffer_release(&read_now);
}

/* What the account gives; MATERIAL_NONE: nothing, or (reported) more than one kind. */
static enum client_material given_material(const struct resolving *at)
{
	const struct source *first = NULL;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (!is_set(at, &sources[i]))
			continue;
		if (first == NULL) {
			first = &sources[i];
		} else if (first->material != sources[i].material) {
			resolve_problem(at, sources[i].key, "%s and %s exclude each other",
					sources[i].key, first->key);
			return MATERIAL_NONE;
		}
	}
	return first != NULL ? first->material : MATERIAL_NONE;
}

static const char *wanted_keys(enum client_material material)
{
	switch (material) {
	case MATERIAL_SECRET:
		return "client_secret_file";
	case MATERIAL_KEY:
		return "client_key_file";
	case MATERIAL_ASSERTION:
		return "client_assertion_file or client_assertion_command";
	case MATERIAL_NONE:
		break;
	}
	return "none of them";
}

/* What goes with the material when client_auth is not said, or is the preset's for another. */
static enum client_auth_method usual_method(enum client_material material, int preset)
{
	if (preset > 0 && client_auth_material((enum client_auth_method)(preset - 1)) == material)
		return (enum client_auth_method)(preset - 1);
	switch (material) {
	case MATERIAL_SECRET:
		return CLIENT_AUTH_POST;
	case MATERIAL_KEY:
		return CLIENT_AUTH_PRIVATE_KEY_JWT;
	case MATERIAL_ASSERTION:
		return CLIENT_AUTH_ASSERTION;
	case MATERIAL_NONE:
		break;
	}
	return CLIENT_AUTH_NONE;
}

static enum client_auth_method choose_method(const struct resolving *at,
					     enum client_material material)
{
	int mine = at->section->settings.client_auth;
	enum client_auth_method method;

	if (mine == 0)
		return usual_method(material, at->preset->settings.client_auth);
	method = (enum client_auth_method)(mine - 1);
	if (method == CLIENT_AUTH_NONE && material != MATERIAL_NONE)
		resolve_problem(at, "client_auth", "client_auth = none and %s exclude each other",
				wanted_keys(material));
	else if (client_auth_material(method) != material)
		resolve_problem(at, "client_auth", "client_auth = %s needs %s",
				client_auth_name(method),
				wanted_keys(client_auth_material(method)));
	return method;
}

static void check_certificates(const struct resolving *at)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (sources[i].certificate_key != NULL && !is_set(at, &sources[i]) &&
		    text_at(at, sources[i].certificate_at) != NULL)
			resolve_problem(at, sources[i].certificate_key, "%s needs %s",
					sources[i].certificate_key, sources[i].key);
	}
}

/* 0: not said, then 1 + enum jwt_algorithm. */
static enum jwt_algorithm choose_algorithm(const struct resolving *at)
{
	int mine = at->section->settings.assertion_algorithm;
	int theirs = at->preset->settings.assertion_algorithm;
	int said = mine != 0 ? mine : theirs;

	return said != 0 ? (enum jwt_algorithm)(said - 1) : JWT_PS256;
}

/* The key file of jwt_bearer, as Google issues it. */
void resolve_service_account(const struct resolving *at)
{
	struct oauth_client *client = &at->config->client;
	const char *value = at->section->key_file;
	struct buffer text = BUFFER_INIT_SECRET(SERVICE_ACCOUNT_MAX);
	struct err err;

	if (client->grant != GRANT_JWT_BEARER) {
		if (value != NULL)
			resolve_problem(at, "key_file", "key_file is for grant = jwt_bearer");
		return;
	}
	client->subject = xstrdup(at->section->user);
	if (value == NULL && !words_contain(&at->preset->needs, "key_file"))
		resolve_problem(
			at, "key_file",
			"lacks key_file: the JSON key of the service account, as Google issues it");
	if (value != NULL && client->token_url != NULL &&
	    read_secret(at, "key_file", value, &text) &&
	    service_account_read(buffer_span(&text), client->token_url, &client->service_account,
				 &err) != OUTCOME_OK)
		resolve_problem(at, "key_file", "key_file = %s: %s", value, err.text);
	buffer_release(&text);
}

/* Azure's metadata service knows the machine: whatever else is given would never be sent. */
static void check_machine(const struct resolving *at, const struct client_auth *auth)
{
	bool is_machine = at->config->client.grant == GRANT_MANAGED_IDENTITY;

	if (is_machine && auth->method != CLIENT_AUTH_NONE)
		resolve_problem(
			at, "grant",
			"grant = managed_identity and %s exclude each other: the machine itself "
			"is the proof",
			wanted_keys(client_auth_material(auth->method)));
	if (!is_machine && at->section->settings.metadata_url != NULL)
		resolve_problem(at, "metadata_url", "metadata_url is for grant = managed_identity");
}

void resolve_client_auth(const struct resolving *at)
{
	enum client_material material = given_material(at);
	struct client_auth *auth = client_auth_new(choose_method(at, material));

	at->config->client.auth = auth;
	if (auth->method == CLIENT_AUTH_NONE &&
	    at->config->client.grant == GRANT_CLIENT_CREDENTIALS)
		resolve_problem(
			at, "grant",
			"lacks client_key_file or client_secret_file: with client_credentials the "
			"client itself must prove who it is");
	auth->algorithm = choose_algorithm(at);
	auth->audience = xstrdup(at->section->settings.assertion_audience != NULL
					 ? at->section->settings.assertion_audience
					 : at->preset->settings.assertion_audience);
	check_certificates(at);
	check_machine(at, auth);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (material == MATERIAL_NONE || sources[i].material != material ||
		    !is_set(at, &sources[i]))
			continue;
		if (auth->count == CLIENT_CREDENTIALS_MAX) {
			resolve_problem(at, sources[i].key,
					"%s is one too many: there are two at once",
					sources[i].key);
			return;
		}
		add_credential(at, &sources[i], auth);
	}
}
