/* SPDX-License-Identifier: MIT */
/* helper-socket.c - see helper-socket.h. */
#include "common/helper-socket.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/config.h"
#include "common/xalloc.h"

#include "common/banned.h"

static const struct config_key daemon_keys[] = {
	{.name = "socket", .type = CONFIG_WORDS, .offset = 0},
	{0},
};

static void *open_daemon(void *sockets, const char *name, int line)
{
	(void)name;
	(void)line;
	return sockets;
}

static char *configured(const char *config)
{
	static const struct config_kind kinds[] = {
		{.kind = "daemon", .keys = daemon_keys, .partial = true, .open = open_daemon},
		{.kind = "account", .named = true},
		{.kind = "fetch", .named = true},
		{.kind = NULL},
	};
	struct config_problems problems = CONFIG_PROBLEMS_INIT;
	struct words sockets = {0};
	char *found = NULL;

	(void)config_read(config, kinds, &sockets, NULL, &problems);
	config_problems_release(&problems);
	if (sockets.count > 0 && access(sockets.word[0], F_OK) == 0)
		found = xstrdup(sockets.word[0]);
	words_release(&sockets);
	return found;
}

char *helper_socket_find(const char *config)
{
	const char *named = getenv("MAILOAUTH_SOCKET");
	char *found;

	if (named != NULL && named[0] != '\0')
		return xstrdup(named);
	found = configured(config);
	return found != NULL ? found : xstrdup(HELPER_SOCKET_SYSTEM);
}
