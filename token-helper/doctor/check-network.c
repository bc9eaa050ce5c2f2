/* SPDX-License-Identifier: MIT */
/*
 * check-network.c - can the accounts' servers be found and reached?
 *
 * A process of its own for each: looking a name up may take longer than anybody waits.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "token-helper/doctor/deliveries.h"
#include "token-helper/doctor/doctor.h"

#include "common/banned.h"

#define TRY_S	  8
#define ADDRESS_S 3
#define HOSTS_MAX 64

enum reached { REACHED, NO_NAME, NO_CONNECTION, TIMED_OUT };

static int try_connect(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list, *at;

	if (getaddrinfo(host, port, &hints, &list) != 0)
		return NO_NAME;
	for (at = list; at != NULL; at = at->ai_next) {
		/* connect() too keeps to it (socket(7)): a silent address leaves time for the next.
		 */
		const struct timeval patience = {.tv_sec = ADDRESS_S};
		int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			return REACHED;
		if (fd >= 0)
			(void)close(fd);
	}
	return NO_CONNECTION;
}

static enum reached reach(const char *host, const char *port)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)alarm(TRY_S);
		_exit(try_connect(host, port));
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pid < 0 || WIFSIGNALED(status))
		return TIMED_OUT;
	return (enum reached)WEXITSTATUS(status);
}

static void look_at(struct doctor *doctor, const struct delivery *delivery)
{
	static const char *const words[] = {
		[NO_NAME] = "its name is not known to the DNS that this machine asks",
		[NO_CONNECTION] = "it takes no connection",
		[TIMED_OUT] = "no answer",
	};
	const struct nexthop *nexthop = &delivery->route.nexthop;
	const char *port = nexthop->port[0] != '\0' ? nexthop->port : "25";
	enum reached reached = reach(nexthop->host, port);

	if (reached == REACHED) {
		doctor_say(doctor, SEVERITY_OK, "%s port %s takes connections", nexthop->host,
			   port);
		return;
	}
	doctor_say(doctor, SEVERITY_ERROR, "%s port %s: %s", nexthop->host, port, words[reached]);
	if (reached == NO_NAME)
		doctor_mend(doctor, "getent ahosts %s", nexthop->host);
	else
		doctor_mend(doctor, "mailoauth test %s smtp --host %s:%s", delivery->account->name,
			    nexthop->host, port);
	doctor_why(doctor, reached == NO_NAME ? "Look at /etc/resolv.conf and the spelling."
					      : "A firewall here or on the way is likely: many "
						"networks let no mail out but by port 587.");
}

static bool was_seen(const struct doctor *doctor, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		const struct nexthop *a = &doctor->deliveries[i].route.nexthop;
		const struct nexthop *b = &doctor->deliveries[j].route.nexthop;

		if (doctor->deliveries[j].account != NULL && strcmp(a->host, b->host) == 0 &&
		    strcmp(a->port, b->port) == 0)
			return true;
	}
	return false;
}

void check_network(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->delivery_count && i < HOSTS_MAX; i++) {
		if (doctor->deliveries[i].account == NULL || was_seen(doctor, i))
			continue;
		if (deadline_passed(doctor->deadline)) {
			doctor_say(doctor, SEVERITY_NOTE,
				   "the other servers were not tried: it "
				   "took too long already");
			return;
		}
		look_at(doctor, &doctor->deliveries[i]);
	}
}
