/* SPDX-License-Identifier: MIT */
/* listener.c - see listener.h. */
#include "token-helper/server/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/banned.h"

#define LISTENER_BACKLOG 1024

static enum outcome fail(struct err *err, const char *path, const char *doing)
{
	return err_set(err, OUTCOME_CONFIG, "%s: %s: %s", path, doing, strerror(errno));
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Removes a socket that nobody listens on any more. */
static enum outcome remove_dead(const char *path, const struct sockaddr_un *addr, struct err *err)
{
	struct stat st;
	int probe;
	int error;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? OUTCOME_OK : fail(err, path, "lstat");
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, OUTCOME_CONFIG, "%s: is in the way and no socket", path);
	probe = new_socket();
	if (probe < 0)
		return fail(err, path, "socket");
	error = connect(probe, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ? 0 : errno;
	(void)close(probe);
	if (error == 0 || error == EAGAIN)
		return err_set(err, OUTCOME_CONFIG, "%s: another daemon listens there", path);
	if (error != ECONNREFUSED)
		return err_set(err, OUTCOME_CONFIG, "%s: is in the way: %s", path, strerror(error));
	if (unlink(path) != 0)
		return fail(err, path, "unlink");
	return OUTCOME_OK;
}

/* /run is empty after every boot: without systemd, who is to make /run/mailoauth? */
static void make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	if (slash == NULL || slash == path)
		return;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	if (mkdir(parent, 0755) == 0)
		(void)chmod(parent, 0755); /* the umask is ours, the directory everybody's */
}

enum outcome listener_open(const char *path, int *fd_out, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	enum outcome outcome;
	int fd;

	if (len >= sizeof(addr.sun_path))
		return err_set(err, OUTCOME_CONFIG, "%s: is longer than %zu bytes", path,
			       sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, len);
	make_parent(path);
	outcome = remove_dead(path, &addr, err);
	if (outcome != OUTCOME_OK)
		return outcome;
	fd = new_socket();
	if (fd < 0)
		return fail(err, path, "socket");
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		outcome = fail(err, path, "bind");
	else if (chmod(path, 0666) != 0)
		outcome = fail(err, path, "chmod");
	else if (listen(fd, LISTENER_BACKLOG) != 0)
		outcome = fail(err, path, "listen");
	if (outcome != OUTCOME_OK) {
		(void)close(fd);
		return outcome;
	}
	*fd_out = fd;
	return OUTCOME_OK;
}
