/* SPDX-License-Identifier: MIT */
/* provider-list.c - see provider-list.h. */
#include "token-helper/accounts/provider-list.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/accounts/preset.h"

#include "common/banned.h"

#define LIST_VERSION 1
#define LIST_TEXT    256

struct listed {
	struct preset_section *preset;
	char *hidden; /* the installed file of that name, which counts no more; NULL: none */
};

/* The URLs and texts of a preset, as they are called in its file. */
static const struct shown {
	const char *key;
	size_t offset;
} shown[] = {
	{"issuer", offsetof(struct preset_section, settings.issuer)},
	{"authorize_url", offsetof(struct preset_section, settings.authorize_url)},
	{"token_url", offsetof(struct preset_section, settings.token_url)},
	{"device_url", offsetof(struct preset_section, settings.device_url)},
	{"revoke_url", offsetof(struct preset_section, settings.revoke_url)},
	{"revoke_hint", offsetof(struct preset_section, settings.revoke_hint)},
	{"userinfo_url", offsetof(struct preset_section, settings.userinfo_url)},
	{"authorize_extra", offsetof(struct preset_section, settings.authorize_extra)},
	{"tenant", offsetof(struct preset_section, settings.tenant)},
	{"scope", offsetof(struct preset_section, settings.scope)},
	{"smtp_scope", offsetof(struct preset_section, service_scope[SERVICE_SMTP])},
	{"imap_scope", offsetof(struct preset_section, service_scope[SERVICE_IMAP])},
	{"pop_scope", offsetof(struct preset_section, service_scope[SERVICE_POP])},
	{"identity_claims", offsetof(struct preset_section, settings.identity_claims)},
	{"device_note", offsetof(struct preset_section, device_note)},
	{"registration", offsetof(struct preset_section, registration)},
	{"unavailable", offsetof(struct preset_section, unavailable)},
};

#define SHOWN (sizeof(shown) / sizeof(shown[0]))

static const char *text_of(const struct preset_section *preset, const struct shown *one)
{
	return *(const char *const *)(const void *)((const char *)preset + one->offset);
}

/* For people ---------------------------------------------------------------------------------- */

static const char *join(const struct words *words, struct buffer *text)
{
	buffer_clear(text);
	for (size_t i = 0; i < words->count; i++)
		(void)buffer_printf(text, "%s%s", i > 0 ? " " : "", words->word[i]);
	return buffer_cstr(text);
}

/* custom and its like have no hosts of their own: the account names them. */
static const char *services_of(const struct preset_section *preset, struct buffer *text)
{
	buffer_clear(text);
	for (int i = 0; i < SERVICE_COUNT; i++) {
		if (preset->settings.hosts[i].count > 0)
			(void)buffer_printf(text, "%s%s", text->len > 0 ? " " : "",
					    service_names[i]);
	}
	return text->len > 0 ? buffer_cstr(text) : "as named";
}

static void print_row(FILE *out, const struct listed *one)
{
	const struct preset_section *preset = one->preset;
	const char *title = preset->title != NULL ? preset->title : "";
	const char *verified = preset->verified != NULL ? preset->verified : "-";
	struct buffer services = BUFFER_INIT(LIST_TEXT);
	struct buffer grants = BUFFER_INIT(LIST_TEXT);

	if (preset->unavailable != NULL)
		(void)fprintf(out, "%-19s %-34s no OAuth for mail; run: mailoauth providers %s\n",
			      preset->name, title, preset->name);
	else
		(void)fprintf(out, "%-19s %-34s %-13s %-8s %s\n", preset->name, title,
			      services_of(preset, &services), verified,
			      join(&preset->grants, &grants));
	(void)fprintf(out, "%-19s %s\n", "", preset->path);
	if (one->hidden != NULL)
		(void)fprintf(out, "%-19s in place of %s, as a whole\n", "", one->hidden);
	buffer_release(&grants);
	buffer_release(&services);
}

static void print_key(FILE *out, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		(void)fprintf(out, "  %-16s %s\n", key, value);
}

static void print_one(FILE *out, const struct listed *one)
{
	const struct preset_section *preset = one->preset;
	struct buffer text = BUFFER_INIT(1024);

	(void)fprintf(out, "[provider %s]  %s\n", preset->name,
		      preset->title != NULL ? preset->title : "");
	print_key(out, "file", preset->path);
	print_key(out, "in place of", one->hidden);
	print_key(out, "verified", preset->verified);
	print_key(out, "grants", join(&preset->grants, &text));
	print_key(out, "needs", join(&preset->needs, &text));
	for (int i = 0; i < SERVICE_COUNT; i++)
		print_key(out, service_names[i], join(&preset->settings.hosts[i], &text));
	print_key(out, "redirect", join(&preset->settings.redirects, &text));
	for (size_t i = 0; i < SHOWN; i++)
		print_key(out, shown[i].key, text_of(preset, &shown[i]));
	buffer_release(&text);
}

static void print_text(FILE *out, const struct listed *list, size_t count, bool one)
{
	if (one) {
		print_one(out, &list[0]);
		return;
	}
	(void)fprintf(out, "%-19s %-34s %-13s %-8s %s\n", "PROVIDER", "", "FOR", "VERIFIED",
		      "GRANTS");
	for (size_t i = 0; i < count; i++)
		print_row(out, &list[i]);
	(void)fputs("\nAll about one: mailoauth providers NAME. Write provider = NAME into an "
		    "[account] of mailoauth.conf.\n",
		    out);
}

/* For programs -------------------------------------------------------------------------------- */

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value != NULL ? json_object_new_string(value) : NULL);
}

static void add_words(struct json_object *object, const char *key, const struct words *words)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < words->count; i++)
		json_object_array_add(list, json_object_new_string(words->word[i]));
	json_object_object_add(object, key, list);
}

static struct json_object *provider_json(const struct listed *one)
{
	const struct preset_section *preset = one->preset;
	const struct words *redirects = &preset->settings.redirects;
	struct json_object *object = json_object_new_object();
	struct json_object *hosts = json_object_new_object();

	add_string(object, "provider", preset->name);
	add_string(object, "title", preset->title);
	add_string(object, "file", preset->path);
	add_string(object, "in_place_of", one->hidden);
	add_string(object, "verified", preset->verified);
	add_words(object, "grants", &preset->grants);
	add_words(object, "needs", &preset->needs);
	for (int i = 0; i < SERVICE_COUNT; i++)
		add_words(hosts, service_names[i], &preset->settings.hosts[i]);
	json_object_object_add(object, "hosts", hosts);
	add_string(object, "redirect", redirects->count > 0 ? redirects->word[0] : NULL);
	add_words(object, "redirects", redirects);
	for (size_t i = 0; i < SHOWN; i++)
		add_string(object, shown[i].key, text_of(preset, &shown[i]));
	return object;
}

static void print_json(FILE *out, const struct listed *list, size_t count)
{
	struct json_object *root = json_object_new_object();
	struct json_object *providers = json_object_new_array();

	json_object_object_add(root, "version", json_object_new_int(LIST_VERSION));
	json_object_object_add(root, "providers", providers);
	for (size_t i = 0; i < count; i++)
		json_object_array_add(providers, provider_json(&list[i]));
	(void)fprintf(out, "%s\n",
		      json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
}

/* Both ---------------------------------------------------------------------------------------- */

static enum outcome list_names(const struct words *dirs, const char *config_path, const char *name,
			       struct words *names, struct err *err)
{
	char *path;

	preset_list(dirs, names);
	if (name == NULL && names->count == 0)
		return err_set(err, OUTCOME_CONFIG,
			       "there are no presets in %s and %s: install mailoauth's again",
			       dirs->word[0], dirs->word[dirs->count - 1]);
	if (name == NULL)
		return OUTCOME_OK;
	path = preset_find(dirs, name);
	words_release(names);
	if (path == NULL)
		return err_set(err, OUTCOME_CONFIG,
			       "there is no provider %s beside %s or in %s; run: mailoauth "
			       "providers",
			       name, config_path, dirs->word[dirs->count - 1]);
	free(path);
	words_split(name, names);
	return OUTCOME_OK;
}

static void listed_release(struct listed *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		preset_section_free(list[i].preset);
		free(list[i].hidden);
	}
	free(list);
}

static enum outcome print_all(const struct words *dirs, const struct words *names, bool one,
			      bool json, FILE *out, struct err *err)
{
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct listed *list = xcalloc(names->count, sizeof(*list));
	enum outcome outcome = OUTCOME_OK;

	for (size_t i = 0; i < names->count; i++) {
		char *path = preset_find(dirs, names->word[i]);

		list[i].preset = preset_read(names->word[i], path, &problems);
		list[i].hidden = preset_find_hidden(dirs, names->word[i]);
		free(path);
	}
	if (json)
		print_json(out, list, names->count);
	else
		print_text(out, list, names->count, one);
	if (problems.count > 0)
		outcome = err_set(err, OUTCOME_CONFIG, "%.*s",
				  (int)strcspn(buffer_cstr(&problems.text), "\n"),
				  buffer_cstr(&problems.text));
	listed_release(list, names->count);
	config_problems_release(&problems);
	return outcome;
}

enum outcome provider_list(const char *config_path, const char *name, bool json, FILE *out,
			   struct err *err)
{
	struct words dirs = {0}, names = {0};
	enum outcome outcome;

	preset_dirs(config_path, NULL, &dirs);
	outcome = list_names(&dirs, config_path, name, &names, err);
	if (outcome == OUTCOME_OK)
		outcome = print_all(&dirs, &names, name != NULL, json, out, err);
	words_release(&names);
	words_release(&dirs);
	return outcome;
}
