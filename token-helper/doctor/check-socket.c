/* SPDX-License-Identifier: MIT */
/* check-socket.c - does smtp(8) reach mailoauthd, and does it get what it asks for there? */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/helper-client.h"
#include "common/xalloc.h"
#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor.h"
#include "token-helper/doctor/jail.h"

#include "common/banned.h"

#define TRY_TIMEOUT_MS 5000
#define GROUPS_MAX     64

/* The socket inside the jail, as it is called outside. The caller frees. */
static char *outside_path(const char *queue)
{
	return xasprintf("%s%s", queue, HELPER_SOCKET_IN_JAIL);
}

static bool is_listened_on(const struct doctor *doctor, const char *path)
{
	return words_contain(&doctor->config->sockets, path);
}

/* Who makes the socket depends on who listens: a socket unit, or the daemon itself. */
static void mend_socket(struct doctor *doctor, const char *queue)
{
	char *path = outside_path(queue);
	struct stat st;

	if (is_listened_on(doctor, path)) {
		doctor_mend(doctor, "systemctl restart mailoauthd");
	} else if (strcmp(queue, "/var/spool/postfix") == 0 &&
		   (stat("/usr/lib/systemd/system/mailoauthd-postfix.socket", &st) == 0 ||
		    stat("/lib/systemd/system/mailoauthd-postfix.socket", &st) == 0)) {
		doctor_mend(doctor, "systemctl enable mailoauthd-postfix.socket && systemctl stop "
				    "mailoauthd && systemctl start mailoauthd-postfix.socket "
				    "mailoauthd");
	} else {
		doctor_why(doctor,
			   "smtp(8) runs in the chroot %s and sees nothing outside it. Add %s to "
			   "socket under [daemon] in %s and restart mailoauthd; or take smtp(8) "
			   "out of the chroot.",
			   queue, path, doctor->cli->config);
	}
	free(path);
}

/* Where the plugin looks, see token-source.c: what import_environment hands on goes first. */
struct sockets {
	struct buffer named;
	const char *paths[3];
};

static void sockets_of(const struct doctor *doctor, struct sockets *sockets)
{
	*sockets = (struct sockets){.named = BUFFER_INIT(4096)};
	if (postfix_environment(doctor->postfix, "MAILOAUTH_SOCKET", &sockets->named)) {
		sockets->paths[0] = buffer_cstr(&sockets->named);
		return;
	}
	sockets->paths[0] = HELPER_SOCKET_IN_JAIL;
	sockets->paths[1] = HELPER_SOCKET_SYSTEM;
}

static void say_unreachable(struct doctor *doctor, const struct postfix_service *service,
			    bool is_jailed, const char *queue, const char *user, const char *why)
{
	doctor_say(doctor, SEVERITY_ERROR, "%s: as user %s%s%s: %s", service->name, user,
		   is_jailed ? " in the chroot " : "", is_jailed ? queue : "", why);
	doctor_why(doctor, "Every login fails, and mail stays in the queue.");
	if (is_jailed)
		mend_socket(doctor, queue);
	else
		doctor_mend(doctor, "systemctl restart mailoauthd");
}

static void try_service(struct doctor *doctor, const struct postfix_service *service)
{
	bool is_jailed = postfix_service_is_chrooted(doctor->postfix, service);
	char *queue = doctor_value(doctor, NULL, "queue_directory");
	char *user = doctor_value(doctor, NULL, "mail_owner");
	struct sockets sockets;
	struct jail jail;
	struct err err = ERR_INIT;

	sockets_of(doctor, &sockets);
	jail = (struct jail){is_jailed ? queue : NULL, user, sockets.paths};
	if (jail_try(&jail, deadline_in_ms(TRY_TIMEOUT_MS), &err) == OUTCOME_OK)
		doctor_say(doctor, SEVERITY_OK, "%s: mailoauthd answers user %s%s%s", service->name,
			   user, is_jailed ? " in the chroot " : "", is_jailed ? queue : "");
	else
		say_unreachable(doctor, service, is_jailed, queue, user, err.text);
	buffer_release(&sockets.named);
	free(queue);
	free(user);
}

void check_socket(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	while ((delivery = deliveries_next_service(doctor, &at)) != NULL) {
		if (doctor->is_root) {
			try_service(doctor, delivery->route.service);
			continue;
		}
		doctor_say(doctor, SEVERITY_NOTE,
			   "%s: only root can try to reach mailoauthd as Postfix does",
			   delivery->route.service->name);
		doctor_mend(doctor, "sudo mailoauth doctor");
	}
}

/* What the kernel would say of smtp(8). */
static bool is_allowed(const struct account_config *account, const struct passwd *user)
{
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	struct peer peer = {.uid = user->pw_uid, .gids = groups};

	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		count = GROUPS_MAX;
	peer.gid_count = (size_t)count;
	return user->pw_uid == 0 || peer_list_has(&account->allow, &peer);
}

void check_allow(struct doctor *doctor)
{
	char *name;
	const struct passwd *user;

	if (doctor->postfix == NULL || doctor->delivery_count == 0)
		return;
	name = doctor_value(doctor, NULL, "mail_owner");
	user = getpwnam(name);
	for (size_t i = 0; user != NULL && i < doctor->delivery_count; i++) {
		const struct account_config *account = doctor->deliveries[i].used;

		if (account == NULL || !doctor_wants(doctor, account->name))
			continue;
		if (is_allowed(account, user)) {
			doctor_say(doctor, SEVERITY_OK, "account %s allows %s", account->name,
				   name);
			continue;
		}
		doctor_say(doctor, SEVERITY_ERROR, "allow of account %s does not name %s",
			   account->name, name);
		doctor_why(doctor,
			   "mailoauthd knows who asks and gives Postfix no token. Add %s to allow "
			   "in [account %s] of %s, then: systemctl reload mailoauthd",
			   name, account->name, doctor->cli->config);
	}
	free(name);
}
