/* SPDX-License-Identifier: MIT */
/* check-socket.c - does smtp(8) reach mailoauthd, and does it get what it asks for there? */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "common/daemon-command.h"
#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor.h"
#include "token-helper/doctor/postfix-socket.h"

#include "common/banned.h"

#define GROUPS_MAX 64
#define NAMESAKE   "mailoauth"
#define WHERE_MAX  4096

static void mend(struct doctor *doctor, const struct postfix_service *service)
{
	struct buffer command = BUFFER_INIT(FINDING_TEXT_MAX);
	struct buffer advice = BUFFER_INIT(FINDING_TEXT_MAX);

	postfix_socket_remedy(doctor->postfix, service, &doctor->config->sockets,
			      doctor->cli->config, &command, &advice);
	if (command.len > 0)
		doctor_mend(doctor, "%s", buffer_cstr(&command));
	else
		doctor_why(doctor, "%s", buffer_cstr(&advice));
	buffer_release(&command);
	buffer_release(&advice);
}

static void try_service(struct doctor *doctor, const struct postfix_service *service)
{
	char *user = doctor_value(doctor, NULL, "mail_owner");
	struct err err = ERR_INIT;
	char where[WHERE_MAX];

	(void)postfix_socket_where(doctor->postfix, service, where, sizeof(where));
	if (postfix_socket_try(doctor->postfix, service, &err) == OUTCOME_OK) {
		doctor_say(doctor, SEVERITY_OK, "%s: mailoauthd answers user %s%s", service->name,
			   user, where);
	} else {
		doctor_say(doctor, SEVERITY_ERROR, "%s: as user %s%s: %s", service->name, user,
			   where, err.text);
		doctor_why(doctor, "Every login fails, and mail stays in the queue.");
		mend(doctor, service);
	}
	free(user);
}

/* Postfix makes private/NAME for each of its services. */
static void look_for_namesake(struct doctor *doctor)
{
	struct buffer c = BUFFER_INIT(FINDING_TEXT_MAX);
	const char *dir;

	if (doctor->postfix == NULL ||
	    postfix_service_find(doctor->postfix, NAMESAKE, "unix") == NULL)
		return;
	dir = doctor_postfix_c(doctor, &c);
	doctor_say(doctor, SEVERITY_ERROR, "master.cf has a service called %s", NAMESAKE);
	doctor_why(doctor,
		   "Postfix makes private/%s for it, in the place of mailoauthd's socket. "
		   "Give the service another name, there and where it is used; then restart "
		   "mailoauthd.",
		   NAMESAKE);
	doctor_mend(doctor, "grep -n %s \"$(postconf%s -h config_directory)\"/*.cf", NAMESAKE, dir);
	buffer_release(&c);
}

void check_socket(struct doctor *doctor)
{
	const struct delivery *delivery;
	size_t at = 0;

	look_for_namesake(doctor);
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
			   "in [account %s] of %s, then: %s",
			   name, account->name, doctor->cli->config, daemon_command(DAEMON_RELOAD));
	}
	free(name);
}
