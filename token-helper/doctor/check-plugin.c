/* SPDX-License-Identifier: MIT */
/* check-plugin.c - does Cyrus SASL, as smtp(8) has it, load our plugin, and would it take another?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "token-helper/doctor/doctor.h"
#include "token-helper/doctor/sasl-plugins.h"

#include "common/banned.h"

#define OURS "mailoauth"

static const char *const mechanisms[] = {"XOAUTH2", "OAUTHBEARER"};
static const size_t mechanism_count = sizeof(mechanisms) / sizeof(mechanisms[0]);

static void mend_rival(struct doctor *doctor, const struct sasl_plugin *rival)
{
	struct buffer file = BUFFER_INIT(FINDING_TEXT_MAX);
	struct buffer c = BUFFER_INIT(FINDING_TEXT_MAX);

	doctor_append_quoted(&file, rival->file);
	if (rival->file[0] != '\0')
		doctor_mend(doctor, "mv %s %s.disabled && postfix%s reload", buffer_cstr(&file),
			    buffer_cstr(&file), doctor_postfix_c(doctor, &c));
	buffer_release(&file);
	buffer_release(&c);
}

static bool is_of_ours(const struct sasl_plugin *plugin)
{
	for (size_t i = 0; i < mechanism_count; i++) {
		if (strcmp(plugin->mechanism, mechanisms[i]) == 0)
			return true;
	}
	return false;
}

/* Where in the list, from `from` on, the file `name` claims one of our mechanisms; count: nowhere.
 */
static size_t find_claim(const struct sasl_plugins *plugins, size_t from, const char *name,
			 const char *mechanism)
{
	size_t i = from;

	while (i < plugins->count &&
	       (strcmp(plugins->list[i].name, name) != 0 || !is_of_ours(&plugins->list[i]) ||
		(mechanism != NULL && strcmp(plugins->list[i].mechanism, mechanism) != 0)))
		i++;
	return i;
}

/* Another file that claims a mechanism of ours, each once. True: it is taken instead. */
static bool say_rival(struct doctor *doctor, const struct sasl_plugins *plugins, size_t i)
{
	const struct sasl_plugin *rival = &plugins->list[i];
	bool is_taken = find_claim(plugins, 0, OURS, rival->mechanism) > i;

	if (!is_of_ours(rival) || strcmp(rival->name, OURS) == 0 ||
	    find_claim(plugins, 0, rival->name, NULL) < i)
		return false;
	doctor_say(doctor, is_taken ? SEVERITY_ERROR : SEVERITY_WARNING,
		   "lib%s.so offers %s too, and %s", rival->name, rival->mechanism,
		   is_taken ? "is taken" : "comes after ours");
	doctor_why(doctor,
		   "It takes what stands in the password field for something else (a token, or "
		   "the path of one). Which one wins may change with the order of files in a "
		   "directory. If a package brought %s, remove that.",
		   rival->file[0] != '\0' ? rival->file : "it");
	mend_rival(doctor, rival);
	return is_taken;
}

static void judge(struct doctor *doctor, const struct sasl_plugins *plugins)
{
	const char *file;
	bool behind = false;
	size_t ours;

	for (size_t i = 0; i < plugins->count; i++)
		behind = say_rival(doctor, plugins, i) || behind;
	ours = find_claim(plugins, 0, OURS, mechanisms[0]);
	if (ours < plugins->count) {
		file = plugins->list[ours].file;
		if (!behind)
			doctor_say(doctor, SEVERITY_OK, "%s offers XOAUTH2 and OAUTHBEARER",
				   file[0] != '\0' ? file : "libmailoauth.so");
		return;
	}
	doctor_say(doctor, SEVERITY_ERROR, "Cyrus SASL finds no libmailoauth.so in %s",
		   plugins->path);
	doctor_why(doctor, "It was built for another directory, or cannot be read there: every "
			   "login ends with \"No worthy mechs found\".");
	if (strcmp(plugins->path, SASL_PLUGIN_DIR) != 0 &&
	    access(SASL_PLUGIN_DIR "/libmailoauth.so", F_OK) == 0)
		doctor_mend(doctor, "ln -s '%s/libmailoauth.so' '%.*s/libmailoauth.so'",
			    SASL_PLUGIN_DIR, (int)strcspn(plugins->path, ":"), plugins->path);
}

void check_plugin(struct doctor *doctor)
{
	struct sasl_plugins *plugins = calloc(1, sizeof(*plugins));
	struct buffer path = BUFFER_INIT(4096);
	struct err err = ERR_INIT;
	/* What import_environment sets reaches smtp(8); this shell's SASL_PATH does not. */
	bool is_set =
		doctor->postfix != NULL && postfix_environment(doctor->postfix, "SASL_PATH", &path);

	if (plugins == NULL)
		return;
	if (sasl_plugins_read(is_set ? buffer_cstr(&path) : NULL, plugins, &err) == OUTCOME_OK) {
		judge(doctor, plugins);
	} else {
		doctor_say(doctor, SEVERITY_ERROR, "%s", err.text);
		doctor_why(doctor, "The same happens in smtp(8). Look at what is in %s.",
			   plugins->path);
		doctor_mend(doctor, "saslpluginviewer -c || pluginviewer -c");
	}
	buffer_release(&path);
	free(plugins);
}
