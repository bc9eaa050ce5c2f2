/* SPDX-License-Identifier: MIT */
/* postfix-socket.c - see postfix-socket.h. */
#include "token-helper/doctor/postfix-socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon-command.h"
#include "common/helper-client.h"
#include "common/xalloc.h"
#include "token-helper/doctor/jail.h"

#include "common/banned.h"

#define TRY_TIMEOUT_MS 5000
#define UNIT	       "mailoauthd-postfix.socket"
#define UNIT_QUEUE     "/var/spool/postfix" /* the unit's only one */

enum outcome postfix_socket_try(const struct postfix *postfix,
				const struct postfix_service *service, struct err *err)
{
	char *queue = postfix_text(postfix, NULL, "queue_directory");
	char *user = postfix_text(postfix, NULL, "mail_owner");
	struct buffer named = BUFFER_INIT(4096);
	/* Where the plugin looks, see token-source.c: what import_environment sets goes first. */
	const char *sockets[] = {HELPER_SOCKET_IN_JAIL, HELPER_SOCKET_SYSTEM, NULL};
	struct jail jail = {postfix_service_is_chrooted(postfix, service) ? queue : NULL, user,
			    sockets};
	enum outcome outcome;

	if (postfix_environment(postfix, "MAILOAUTH_SOCKET", &named)) {
		sockets[0] = buffer_cstr(&named);
		sockets[1] = NULL;
	}
	outcome = jail_try(&jail, deadline_in_ms(TRY_TIMEOUT_MS), err);
	buffer_release(&named);
	free(queue);
	free(user);
	return outcome;
}

/* With systemd the socket units say where mailoauthd listens, and its configuration does not. */
static bool has_unit(void)
{
	return machine_has_systemd() && (access("/usr/lib/systemd/system/" UNIT, F_OK) == 0 ||
					 access("/lib/systemd/system/" UNIT, F_OK) == 0 ||
					 access("/etc/systemd/system/" UNIT, F_OK) == 0);
}

/* A socket unit does not start while its service runs. */
static void remedy_by_unit(const char *queue, const char *path, struct buffer *command,
			   struct buffer *advice)
{
	if (strcmp(queue, UNIT_QUEUE) == 0)
		(void)buffer_append_str(command, POSTFIX_SOCKET_START);
	else
		(void)buffer_printf(advice,
				    "smtp(8) runs in the chroot %s and sees nothing outside it. "
				    "Run: systemctl edit " UNIT ", write [Socket], ListenStream= "
				    "and ListenStream=%s on a line each, and then: %s",
				    queue, path, POSTFIX_SOCKET_START);
}

void postfix_socket_remedy(const struct postfix *postfix, const struct postfix_service *service,
			   const struct words *listens, const char *conf, struct buffer *command,
			   struct buffer *advice)
{
	char *queue = postfix_text(postfix, NULL, "queue_directory");
	char *path = xasprintf("%s%s", queue, HELPER_SOCKET_IN_JAIL);
	bool is_jailed = postfix_service_is_chrooted(postfix, service);

	/* Who makes the socket depends on who listens: a socket unit, or the daemon itself. */
	if (is_jailed && has_unit())
		remedy_by_unit(queue, path, command, advice);
	else if (!is_jailed || words_contain(listens, path))
		(void)buffer_append_str(command, daemon_command(DAEMON_RESTART));
	else
		(void)buffer_printf(advice,
				    "smtp(8) runs in the chroot %s and sees nothing outside it. "
				    "Add %s to socket under [daemon] in %s and restart mailoauthd; "
				    "or take smtp(8) out of the chroot.",
				    queue, path, conf);
	free(path);
	free(queue);
}

const char *postfix_socket_where(const struct postfix *postfix,
				 const struct postfix_service *service, char *text, size_t size)
{
	char *queue = postfix_text(postfix, NULL, "queue_directory");

	text[0] = '\0';
	if (postfix_service_is_chrooted(postfix, service))
		(void)snprintf(text, size, " in the chroot %s", queue);
	free(queue);
	return text;
}
