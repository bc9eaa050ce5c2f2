/* SPDX-License-Identifier: MIT */
/*
 * plugin.c - the one symbol that libsasl looks for, and the table of mechanisms behind it.
 *
 * Runs as root and outside the jail in Postfix, for every program on the host that uses Cyrus SASL,
 * whether or not it will ever authenticate this way: so it opens nothing, logs nothing, and fails
 * for lack of memory only.
 */
#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include <stdlib.h>
#include <string.h>

#include "common/helper-client.h"
#include "sasl-plugin/exchange.h"
#include "sasl-plugin/mechanism.h"

#include "common/banned.h"

#define SOCKET_VARIABLE "MAILOAUTH_SOCKET"

static const struct mechanism *const mechanisms[] = {
	&mechanism_xoauth2,
	&mechanism_oauthbearer,
};

#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

/* AUTHNAME alone: a program without a password callback can still select the account by its user
 * name. */
static const unsigned long required_prompts[] = {SASL_CB_AUTHNAME, SASL_CB_LIST_END};

/* What a mechanism's glob_context points to; exchange.c sees its first member. */
struct entry {
	struct exchange_kind kind;
	struct plugin *plugin;
};

/* One for each time that libsasl loads us; freed with the last of its mechanisms. */
struct plugin {
	sasl_client_plug_t plugs[MECHANISM_COUNT];
	struct entry entries[MECHANISM_COUNT];
	size_t in_use;
	char *socket; /* from the environment; NULL: the compiled-in places */
	const char *sockets[2];
	struct helper_client client;
};

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
			  sasl_client_plug_t **pluglist, int *plugcount);

static void plugin_free(struct plugin *plugin)
{
	free(plugin->socket);
	free(plugin);
}

/* libsasl calls it once for each mechanism. */
static void entry_free(void *glob_context, const sasl_utils_t *utils)
{
	struct entry *entry = glob_context;

	(void)utils;
	if (entry != NULL && --entry->plugin->in_use == 0)
		plugin_free(entry->plugin);
}

/* Read once, here: later the environment may be another program's idea, and we may be in a jail. */
static bool plugin_find_sockets(struct plugin *plugin)
{
	const char *path = secure_getenv(SOCKET_VARIABLE);

	plugin->client = helper_client_default;
	if (path == NULL || path[0] == '\0')
		return true;
	plugin->socket = strdup(path);
	if (plugin->socket == NULL)
		return false;
	plugin->sockets[0] = plugin->socket;
	plugin->client.sockets = plugin->sockets;
	return true;
}

/*
 * As PLAIN's, and no more: with SASL_SEC_NOPLAINTEXT Postfix would send tokens over connections
 * without TLS, and a max_ssf above 0 would satisfy programs that demand encryption.
 */
static void plugin_fill(struct plugin *plugin, size_t i)
{
	plugin->entries[i] = (struct entry){
		.kind = {.mechanism = mechanisms[i], .client = &plugin->client},
		.plugin = plugin,
	};
	plugin->plugs[i] = (sasl_client_plug_t){
		.mech_name = mechanisms[i]->name,
		.max_ssf = 0,
		.security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS,
		.features = SASL_FEAT_WANT_CLIENT_FIRST | SASL_FEAT_ALLOWS_PROXY,
		.required_prompts = required_prompts,
		.glob_context = &plugin->entries[i],
		.mech_new = exchange_new,
		.mech_step = exchange_step,
		.mech_dispose = exchange_dispose,
		.mech_free = entry_free,
	};
	plugin->in_use++;
}

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version,
			  sasl_client_plug_t **pluglist, int *plugcount)
{
	struct plugin *plugin;

	(void)utils;
	if (max_version < SASL_CLIENT_PLUG_VERSION)
		return SASL_BADVERS;
	plugin = calloc(1, sizeof(*plugin));
	if (plugin == NULL)
		return SASL_NOMEM;
	if (!plugin_find_sockets(plugin)) {
		plugin_free(plugin);
		return SASL_NOMEM;
	}
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		plugin_fill(plugin, i);
	*out_version = SASL_CLIENT_PLUG_VERSION;
	*pluglist = plugin->plugs;
	*plugcount = (int)MECHANISM_COUNT;
	return SASL_OK;
}
