/* SPDX-License-Identifier: MIT */
/* cli-browser.c - see cli-browser.h. */
#include "token-helper/cli-browser.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/banned.h"

extern char **environ;

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

bool browser_has_display(void)
{
	return environment("DISPLAY") != NULL || environment("WAYLAND_DISPLAY") != NULL;
}

bool browser_is_elsewhere(void)
{
	return environment("SSH_CONNECTION") != NULL || !browser_has_display();
}

/* xdg-open understands lists and %s in $BROWSER; we take the plain case only. */
static const char *browser_program(void)
{
	const char *named = environment("BROWSER");

	if (named != NULL && strpbrk(named, ": %") == NULL)
		return named;
	return geteuid() != 0 ? "xdg-open" : NULL;
}

static bool quiet_stdio(posix_spawn_file_actions_t *actions)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0) != 0)
			return false;
	}
	return true;
}

static bool own_session(posix_spawnattr_t *attr)
{
	sigset_t pipe;

	/* Our ignoring SIGPIPE must not become the browser's. */
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	return posix_spawnattr_setsigdefault(attr, &pipe) == 0 &&
	       posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF) == 0;
}

/* posix_spawn() and not fork(): it tells whether the program could be executed. */
bool browser_open(const char *url)
{
	const char *program = browser_program();
	char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)url, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	bool ok = false;
	pid_t pid;

	if (program == NULL || posix_spawn_file_actions_init(&actions) != 0)
		return false;
	if (posix_spawnattr_init(&attr) == 0) {
		ok = quiet_stdio(&actions) && own_session(&attr) &&
		     posix_spawnp(&pid, program, &actions, &attr, argv, environ) == 0;
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return ok;
}

/* Who logs in from elsewhere: under sudo(8) not root but who typed it. */
static const char *login_user(void)
{
	const char *sudo = environment("SUDO_USER");
	const struct passwd *pw = sudo != NULL ? getpwnam(sudo) : getpwuid(getuid());

	return pw != NULL ? pw->pw_name : "USER";
}

/* SSH_CONNECTION is "client port server port"; false, and nothing set, when it is not. */
static bool ssh_server(char host[64], char port[8])
{
	const char *text = environment("SSH_CONNECTION");
	static const char address[] = "0123456789abcdefABCDEF.:";

	return text != NULL && sscanf(text, "%*63s %*7s %63s %7s", host, port) == 2 &&
	       host[strspn(host, address)] == '\0' && port[strspn(port, "0123456789")] == '\0';
}

void browser_append_tunnel(struct buffer *out, uint16_t port)
{
	char host[65] = "";
	char ssh_port[8] = "22";

	if (!ssh_server(host, ssh_port)) {
		(void)snprintf(ssh_port, sizeof(ssh_port), "22");
		if (gethostname(host, sizeof(host) - 1) != 0)
			(void)snprintf(host, sizeof(host), "HOST");
	}
	(void)buffer_printf(out, "ssh -L %u:127.0.0.1:%u ", (unsigned)port, (unsigned)port);
	if (strcmp(ssh_port, "22") != 0)
		(void)buffer_printf(out, "-p %s ", ssh_port);
	(void)buffer_printf(out, "%s@%s", login_user(), host);
}
