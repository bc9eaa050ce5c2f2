/* SPDX-License-Identifier: MIT */
/*
 * test-presets.c - every file in token-helper/providers/, found by walking the directory: it is
 * whole, it resolves, and the account says why when it cannot be had.
 */
#include "token-helper/accounts/preset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/url.h"
#include "common/xalloc.h"
#include "tests/common/scratch.h"
#include "token-helper/accounts/provider-list.h"

#include "common/banned.h"

#define PRESETS_MIN 23 /* that a directory which cannot be read is noticed */

static const char *const installed[] = {TEST_PROVIDERS, NULL};
static char dir[64];
static char *conf;

static const struct need {
	const char *key;
	const char *value;
} needs[] = {
	{"tenant", "contoso.example"},
	{"auth_host", "login.example:8443"},
	{"realm", "mail"},
	{"resource", "urn:mail.example"},
	{"redirect", "http://localhost:8400/back"},
	{"client_secret_file", "secret"}, /* these two are files in dir */
	{"key_file", "service.json"},
};

static void write_text(const char *name, const char *text)
{
	assert_true(scratch_write(dir, name, span_from_str(text), 0600));
}

/* The corpus has one that is whole. */
static void copy_service_account(void)
{
	FILE *file = fopen(TEST_PROVIDERS "/../../tests/fuzz/corpus/service-account/good", "re");
	char text[8192];
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[n] = '\0';
	write_text("service.json", text);
}

static int make_dir(void **state)
{
	char *providers;

	(void)state;
	if (!scratch_make(dir, sizeof(dir), "presets"))
		return -1;
	conf = xasprintf("%s/mailoauth.conf", dir);
	providers = xasprintf("%s/providers", dir);
	if (mkdir(providers, 0700) != 0)
		return -1;
	free(providers);
	write_text("secret", "s3cret\n");
	copy_service_account();
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	free(conf);
	return scratch_remove(dir) ? 0 : -1;
}

/* Every preset that is shipped. */
typedef void preset_test_fn(const struct preset_section *preset);

static void with_each(preset_test_fn *test)
{
	struct words dirs = {0}, names = {0};

	preset_dirs(conf, installed, &dirs);
	preset_list(&dirs, &names);
	assert_true(names.count >= PRESETS_MIN);
	for (size_t i = 0; i < names.count; i++) {
		struct config_problems problems = CONFIG_PROBLEMS_INIT;
		char *path = preset_find(&dirs, names.word[i]);
		struct preset_section *preset = preset_read(names.word[i], path, &problems);

		if (problems.count > 0)
			fail_msg("%s", buffer_cstr(&problems.text));
		test(preset);
		preset_section_free(preset);
		config_problems_release(&problems);
		free(path);
	}
	words_release(&names);
	words_release(&dirs);
}

/* Whole --------------------------------------------------------------------------------------- */

static bool is_month(const char *text)
{
	int year = 0, month = 0, len = 0;

	return text != NULL && sscanf(text, "%4d-%2d%n", &year, &month, &len) == 2 && len == 7 &&
	       text[7] == '\0' && year >= 2026 && month >= 1 && month <= 12;
}

static void check_https(const char *name, const char *url)
{
	if (url != NULL && (strncmp(url, "https://", 8) != 0 || !url_is_safe(url)))
		fail_msg("%s: %s", name, url);
}

static bool is_grant(const char *word)
{
	static const char *const known[] = {"authorization_code", "device_code",
					    "client_credentials", "jwt_bearer"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(word, known[i]) == 0)
			return true;
	}
	return false;
}

static void is_whole(const struct preset_section *preset)
{
	const struct provider_settings *settings = &preset->settings;

	if (preset->title == NULL || !is_month(preset->verified))
		fail_msg("%s: title or verified", preset->name);
	if (preset->unavailable != NULL)
		return;
	if (preset->grants.count == 0)
		fail_msg("%s: grants", preset->name);
	for (size_t i = 0; i < preset->grants.count; i++) {
		if (!is_grant(preset->grants.word[i]))
			fail_msg("%s: grants: %s", preset->name, preset->grants.word[i]);
	}
	check_https(preset->name, settings->issuer);
	check_https(preset->name, settings->authorize_url);
	check_https(preset->name, settings->token_url);
	check_https(preset->name, settings->device_url);
	check_https(preset->name, settings->revoke_url);
	check_https(preset->name, settings->userinfo_url);
	if (settings->device_url != NULL && !preset_has_grant(preset, "device_code"))
		fail_msg("%s: device_url without device_code", preset->name);
	if (settings->authorize_url != NULL && !preset_has_grant(preset, "authorization_code"))
		fail_msg("%s: authorize_url without authorization_code", preset->name);
	if (strcmp(preset->name, "custom") != 0 && preset->registration == NULL)
		fail_msg("%s: registration", preset->name);
}

static void every_file_is_whole(void **state)
{
	(void)state;
	with_each(is_whole);
}

/* Resolved ------------------------------------------------------------------------------------ */

static void write_account(const struct preset_section *preset)
{
	struct buffer text = BUFFER_INIT(65536);

	(void)buffer_printf(&text,
			    "[account a]\nprovider = %s\nclient_id = c\nuser = u@example.test\n"
			    "use = %s smtp\nallow = root\n",
			    preset->name,
			    preset->settings.hosts[SERVICE_IMAP].count > 0 ? "imap" : "");
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!words_contain(&preset->needs, needs[i].key))
			continue;
		if (strstr(needs[i].key, "_file") == NULL)
			(void)buffer_printf(&text, "%s = %s\n", needs[i].key, needs[i].value);
		else
			(void)buffer_printf(&text, "%s = %s/%s\n", needs[i].key, dir,
					    needs[i].value);
	}
	if (preset->grants.count > 0 && strcmp(preset->grants.word[0], "client_credentials") == 0)
		(void)buffer_printf(&text, "client_secret_file = %s/secret\n", dir);
	if (preset->settings.hosts[SERVICE_SMTP].count == 0)
		(void)buffer_append_str(&text, "smtp_host = mx.example.test\n");
	if (strcmp(preset->name, "custom") == 0)
		(void)buffer_append_str(&text, "issuer = https://as.example\n"
					       "authorize_url = https://as.example/a\n"
					       "token_url = https://as.example/t\n"
					       "scope = openid\n");
	write_text("mailoauth.conf", buffer_cstr(&text));
	buffer_release(&text);
}

static void check_filled(const char *name, const char *url)
{
	const char *mark = url != NULL ? strchr(url, '{') : NULL;

	if (mark != NULL && strncmp(mark, "{tenantid}", 10) != 0)
		fail_msg("%s: %s", name, url);
}

static void check_resolved(const struct preset_section *preset, const struct account_config *config)
{
	const struct oauth_client *client = &config->client;

	check_filled(preset->name, client->issuer);
	check_filled(preset->name, client->authorize_url);
	check_filled(preset->name, client->token_url);
	check_filled(preset->name, client->device_url);
	check_filled(preset->name, client->revoke_url);
	for (size_t i = 0; i < config->hosts[SERVICE_SMTP].count; i++) {
		const char *host = config->hosts[SERVICE_SMTP].word[i];

		check_filled(preset->name, host);
		if (strchr(host, ':') != NULL)
			fail_msg("%s: smtp_host with the port of auth_host: %s", preset->name,
				 host);
	}
	assert_string_equal(config->title, preset->title);
	assert_true(client->scope[0] != '\0');
}

static void resolves(const struct preset_section *preset)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct helper_config *config;

	write_account(preset);
	config = helper_config_load(conf, installed, &problems);
	if (preset->unavailable != NULL) {
		assert_null(config);
		assert_int_equal(problems.count, 1);
		assert_non_null(strstr(buffer_cstr(&problems.text), preset->unavailable));
	} else if (config == NULL) {
		fail_msg("%s", buffer_cstr(&problems.text));
	} else {
		check_resolved(preset, config->accounts[0]);
	}
	helper_config_free(config);
	config_problems_release(&problems);
}

static void every_file_resolves(void **state)
{
	(void)state;
	with_each(resolves);
}

/* A file that make install does not know is not there for anybody else. */
static void is_installed(const struct preset_section *preset)
{
	char *line = xasprintf("token-helper/providers/%s.conf", preset->name);
	struct buffer list = BUFFER_INIT(1 << 20);
	FILE *file = fopen(TEST_PROVIDERS "/../accounts/local.am", "re");
	char chunk[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		(void)buffer_append(&list, chunk, n);
	(void)fclose(file);
	if (strstr(buffer_cstr(&list), line) == NULL)
		fail_msg("%s is not in local.am", line);
	buffer_release(&list);
	free(line);
}

static void every_file_is_installed(void **state)
{
	(void)state;
	with_each(is_installed);
}

/* Finding ------------------------------------------------------------------------------------- */

static void the_file_beside_counts_as_a_whole(void **state)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct words dirs = {0}, names = {0};
	struct preset_section *preset;
	char *path;

	(void)state;
	write_text("providers/google.conf", "[provider google]\ntitle = Ours\n");
	write_text("providers/mine.conf", "[provider mine]\ntitle = Mine\n");
	write_text("providers/no name.conf", "");
	write_text("providers/.conf", "");
	preset_dirs(conf, installed, &dirs);
	preset_list(&dirs, &names);
	assert_true(words_contain(&names, "mine"));
	assert_true(words_contain(&names, "microsoft"));
	assert_false(words_contain(&names, "no name"));
	for (size_t i = 1; i < names.count; i++)
		assert_true(strcmp(names.word[i - 1], names.word[i]) < 0);
	path = preset_find(&dirs, "google");
	assert_non_null(strstr(path, dir));
	free(path);
	path = preset_find_hidden(&dirs, "google");
	assert_string_equal(path, TEST_PROVIDERS "/google.conf");
	free(path);
	assert_null(preset_find_hidden(&dirs, "mine"));
	assert_null(preset_find_hidden(&dirs, "microsoft"));
	path = preset_find(&dirs, "google");
	preset = preset_read("google", path, &problems);
	assert_string_equal(preset->title, "Ours");
	assert_null(preset->settings.token_url);
	assert_null(preset_find(&dirs, "../secret"));
	assert_null(preset_find(&dirs, ""));
	preset_section_free(preset);
	config_problems_release(&problems);
	words_release(&names);
	words_release(&dirs);
	free(path);
}

/* Listing ------------------------------------------------------------------------------------- */

static enum outcome list(const char *name, bool json, char **text_out, struct err *err)
{
	size_t size;
	FILE *out = open_memstream(text_out, &size);
	enum outcome outcome;

	assert_non_null(out);
	outcome = provider_list(conf, name, json, out, err);
	assert_int_equal(fclose(out), 0);
	return outcome;
}

static void they_are_listed_with_their_files(void **state)
{
	char *text;
	struct err err = ERR_INIT;

	(void)state;
	write_text("providers/mine.conf", "[provider mine]\ntitle = Mine\nverified = 2026-11\n"
					  "grants = device_code\nsmtp_host = mx.example\n");
	assert_int_equal(list(NULL, false, &text, &err), OUTCOME_OK);
	assert_non_null(strstr(text, "Mine"));
	assert_non_null(strstr(text, "/providers/mine.conf"));
	free(text);
	assert_int_equal(list("mine", false, &text, &err), OUTCOME_OK);
	assert_non_null(strstr(text, "2026-11"));
	assert_non_null(strstr(text, "mx.example"));
	free(text);
	assert_int_equal(list("mine", true, &text, &err), OUTCOME_OK);
	assert_non_null(strstr(text, "\"hosts\":{\"smtp\":[\"mx.example\"]"));
	free(text);
	assert_int_equal(list("nobody", false, &text, &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, "there is no provider nobody"));
	free(text);
	write_text("providers/bad.conf", "[provider bad]\ntoken_url = ftp://x\n");
	assert_int_equal(list(NULL, false, &text, &err), OUTCOME_CONFIG);
	assert_non_null(strstr(err.text, "bad.conf:2: "));
	assert_non_null(strstr(text, "Mine"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_is_whole),
		cmocka_unit_test(every_file_resolves),
		cmocka_unit_test(every_file_is_installed),
		cmocka_unit_test(the_file_beside_counts_as_a_whole),
		cmocka_unit_test(they_are_listed_with_their_files),
	};

	return cmocka_run_group_tests_name("presets", tests, make_dir, remove_dir);
}
